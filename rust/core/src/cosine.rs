//! Cosine similarity of rows: all of it, the nearest few, or the pairs above a threshold.
//!
//! cos(u, v) = u.v / (|u| |v|), in [-1, 1]; more is more alike. Decisions (who is nearer, who passes a threshold) are
//! those of f64 arithmetic in index order, for every number of threads.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::error::{Error, Result};
use crate::judge::{Norms, Side, Units, margin, not_empty, same_dim};
use crate::memory::{append, collected, push, reserve, too_large, zeroed};
use crate::pulse::{BEAT, Pulse};
use crate::rows::{Rows, Scalar, Zero};
use crate::screen::{Codes, Effort, Panels, Search, Tally, lanes};
use crate::simd::int8::{Bytes, WIDTH};
use crate::tiles::{Cut, Shape, for_each_band, pieces};
use crate::work::Run;

pub use crate::judge::Threshold;

/// Cosine of every row of `x` with every row of `y` (with `x` itself where `y` is `None`), row after row:
/// `x.len() * y.len()` values in [-1, 1].
///
/// Summed in the arithmetic of the rows (f32 for f16 and f32 rows); what comes near 1 or -1 is recomputed in f64, so
/// equal rows have exactly 1. With `y` absent each pair is computed once.
///
/// # Errors
/// [`Error::Empty`], [`Error::Shape`], [`Error::NonFinite`], [`Error::ZeroVector`], [`Error::TooLarge`],
/// [`Error::Interrupted`].
///
/// ```
/// use tracewarp_core::{cosine::cosine_similarity, rows::{Rows, Zero}, work::Run};
/// let x = Rows::new("x", &[3.0f64, 4.0, 1.0, 0.0], 2)?;
/// let table = cosine_similarity(x, None, Zero::Error, &mut Run::new(1, &mut || false)?)?;
/// assert_eq!((table[0], table[3]), (1.0, 1.0));
/// assert!((table[1] - 0.6).abs() < 1e-15 && table[1] == table[2]);
/// # Ok::<(), tracewarp_core::Error>(())
/// ```
pub fn cosine_similarity<T: Scalar>(
    x: Rows<'_, T>,
    y: Option<Rows<'_, T>>,
    zero: Zero,
    run: &mut Run<'_>,
) -> Result<Vec<f64>> {
    let table = Sides::new(x, y, zero, run)?;
    let (x, y, shape) = table.sides();
    let (n, m) = (x.len(), y.len());
    let near_one = 1.0 - margin::<T::Wide>(table.x.dim());
    let x_units = Units::<T::Wide>::of(x, run)?;
    let other_units = if shape == Shape::Triangle { None } else { Some(Units::of(y, run)?) };
    let y_units = other_units.as_ref().unwrap_or(&x_units);
    let mut out = zeroed(n as u128 * m as u128, "the table of cosines")?;
    let (cut, dim) = (Cut::default(), table.x.dim());
    // Whole rows a piece, about a quarter of a million pairs, so that an interrupt is heard soon.
    let piece_rows = ((1 << 18) / m).clamp(1, cut.rows);
    // Columns between two beats.
    let wide = (BEAT / dim).clamp(1, cut.columns);
    run.each_asking(
        out.chunks_mut(piece_rows * m).enumerate(),
        || (),
        |(), (piece, out), ask| {
            let (start, mut pulse) = (piece * piece_rows, Pulse::new(ask));
            for columns in pieces(if shape == Shape::Triangle { start } else { 0 }..m, wide) {
                for (k, row) in out.chunks_mut(m).enumerate() {
                    let i = start + k;
                    let first = if shape == Shape::Triangle { columns.start.max(i) } else { columns.start };
                    let first = first.min(columns.end);
                    for (j, value) in (first..columns.end).zip(&mut row[first..columns.end]) {
                        let quick = x_units.product(i, y_units, j);
                        *value = if quick.abs() > near_one { x.judge(i, y, j, &mut pulse)? } else { quick };
                    }
                    pulse.spend(dim * columns.len())?;
                }
            }
            Ok(())
        },
    )?;
    if shape == Shape::Triangle {
        for i in 1..n {
            run.check()?;
            for j in 0..i {
                out[i * n + j] = out[j * n + i];
            }
        }
    }
    Ok(out)
}

/// The nearest rows of each query: `k` a query, row after row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopK {
    /// Row numbers, nearest first.
    pub indices: Vec<i64>,
    /// Their cosines, in f64, in [-1, 1].
    pub similarities: Vec<f64>,
    /// What it took.
    pub effort: Effort,
}

/// The `k` rows with the largest cosine to each query, by f64 value, then by lower row number.
///
/// Rounded to eight bits, most rows are seen to be below the k-th so far; the others are ranked in f64.
///
/// # Errors
/// [`Error::Option`] unless 1 <= k <= `rows.len()`; [`Error::Empty`], [`Error::Shape`], [`Error::NonFinite`],
/// [`Error::ZeroVector`], [`Error::TooLarge`], [`Error::Interrupted`].
///
/// ```
/// use tracewarp_core::{cosine::top_k, rows::{Rows, Zero}, work::Run};
/// let rows = Rows::new("rows", &[0.0f32, 1.0, 1.0, 0.0, 2.0, 0.0], 2)?;
/// let queries = Rows::new("queries", &[5.0f32, 0.0], 2)?;
/// let nearest = top_k(queries, rows, 2, Zero::Error, &mut Run::new(1, &mut || false)?)?;
/// assert_eq!(nearest.indices, [1, 2]);
/// assert_eq!(nearest.similarities, [1.0, 1.0]);
/// # Ok::<(), tracewarp_core::Error>(())
/// ```
pub fn top_k<T: Scalar>(
    queries: Rows<'_, T>,
    rows: Rows<'_, T>,
    k: usize,
    zero: Zero,
    run: &mut Run<'_>,
) -> Result<TopK> {
    not_empty("queries", queries)?;
    not_empty("rows", rows)?;
    same_dim("rows", rows, queries.dim())?;
    if k == 0 || k > rows.len() {
        let got = format!("{k} for {} rows", rows.len());
        return Err(Error::Option { option: "k", expected: "at least 1 and at most the number of rows", got });
    }
    let bytes = Bytes::of(run.isa());
    top_k_by(queries, rows, k, zero, bytes, run)
}

fn top_k_by<T: Scalar>(
    queries: Rows<'_, T>,
    rows: Rows<'_, T>,
    k: usize,
    zero: Zero,
    bytes: Bytes,
    run: &mut Run<'_>,
) -> Result<TopK> {
    let query_norms = Norms::of("queries", queries, zero, run)?;
    let row_norms = Norms::of("rows", rows, zero, run)?;
    let (queries, rows) = (Side::new(queries, &query_norms), Side::new(rows, &row_norms));
    let (mut codes, mut row_codes) = (Codes::new(bytes, queries.dim()), Codes::new(bytes, queries.dim()));
    codes.fill(queries, 0..queries.len(), run)?;
    row_codes.fill(rows, 0..rows.len(), run)?;
    let panels = Panels::of(&row_codes, run)?;
    drop(row_codes);
    let tally = Tally::default();
    // Below every cosine: until there are k rows, all pass.
    let mut terms = Vec::new();
    codes.all_terms(-2.0, &mut terms)?;
    let cells = queries.len() as u128 * k as u128;
    let (mut similarities, mut indices) = (zeroed(cells, NEAREST)?, zeroed(cells, NEAREST)?);
    let group = 64usize; // queries that go by while a panel stays in the cache
    run.each_asking(
        indices.chunks_mut(group.saturating_mul(k)).zip(similarities.chunks_mut(group.saturating_mul(k))).enumerate(),
        || (Vec::new(), [0u32; 64], vec![Nearest::new(k); group]),
        |(own, masks, nearest), (g, (indices, similarities)), ask| {
            let which: Vec<u32> = (0..).skip(g * group).take(indices.len() / k).collect();
            if own.is_empty() {
                append(own, &terms, NEAREST)?;
            }
            let (terms, mut pulse) = (own, Pulse::new(ask));
            nearest.iter_mut().for_each(Nearest::clear);
            for panel in 0..panels.count() {
                pulse.now()?;
                let search = Search { codes: &codes, terms, panels: &panels, tally: &tally };
                search.candidates(panel, &which, masks, &mut pulse)?;
                for ((nearest, q), mask) in nearest.iter_mut().zip(&which).zip(masks.iter()) {
                    let q = *q as usize;
                    for j in lanes(*mask).map(|lane| panel * WIDTH + lane) {
                        tally.judge();
                        nearest.offer(queries.judge(q, rows, j, &mut pulse)?, j)?;
                    }
                    if *mask != 0
                        && let Some(least) = nearest.bar()
                    {
                        terms[q] = codes.terms(q, least);
                    }
                }
            }
            for ((nearest, indices), similarities) in
                nearest.iter().zip(indices.chunks_mut(k)).zip(similarities.chunks_mut(k))
            {
                for ((index, similarity), (value, j)) in indices.iter_mut().zip(similarities).zip(&nearest.found) {
                    (*index, *similarity) = (signed(*j), *value);
                }
            }
            Ok(())
        },
    )?;
    Ok(TopK { indices, similarities, effort: tally.effort() })
}

/// What messages call the nearest rows.
const NEAREST: &str = "the nearest rows";

/// The k rows of largest cosine so far, nearest first; of equal ones the first that came.
#[derive(Debug, Clone)]
struct Nearest {
    k: usize,
    found: Vec<(f64, usize)>,
}

impl Nearest {
    fn new(k: usize) -> Self {
        Self { k, found: Vec::new() }
    }

    fn clear(&mut self) {
        self.found.clear();
    }

    /// What a further row has to exceed, once there are k.
    fn bar(&self) -> Option<f64> {
        if self.found.len() < self.k { None } else { self.found.last().map(|(value, _)| *value) }
    }

    fn offer(&mut self, value: f64, j: usize) -> Result<()> {
        if self.bar().is_some_and(|bar| value <= bar) {
            return Ok(());
        }
        self.found.truncate(self.k - 1);
        let at = self.found.partition_point(|(other, _)| *other >= value);
        reserve(&mut self.found, 1, NEAREST)?;
        self.found.insert(at, (value, j));
        Ok(())
    }
}

/// Pairs of rows that pass a threshold, in ascending order of (i, j).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SimilarPairs {
    /// Row numbers in `x`.
    pub i: Vec<i64>,
    /// Row numbers in `y`, or in `x` and then above `i`.
    pub j: Vec<i64>,
    /// Cosines in f64, in [-1, 1].
    pub similarity: Vec<f64>,
    /// True where there were more pairs than asked for; the first ones are kept.
    pub truncated: bool,
    /// What it took.
    pub effort: Effort,
}

/// The pairs of a row of `x` and a row of `y` (two rows of `x`, i < j, where `y` is `None`) that pass `threshold`; the
/// first `max_pairs` of them where that is given.
///
/// # Errors
/// [`Error::Empty`], [`Error::Shape`], [`Error::NonFinite`], [`Error::ZeroVector`], [`Error::TooLarge`],
/// [`Error::Interrupted`].
///
/// ```
/// use tracewarp_core::{cosine::{Threshold, pairs}, rows::{Rows, Zero}, work::Run};
/// let x = Rows::new("x", &[3.0f64, 4.0, 1.0, 0.0, 6.0, 8.0], 2)?;
/// let found = pairs(x, None, Threshold::above(0.6)?, None, Zero::Error, &mut Run::new(1, &mut || false)?)?;
/// assert_eq!((found.i, found.j, found.similarity), (vec![0], vec![2], vec![1.0]));
/// # Ok::<(), tracewarp_core::Error>(())
/// ```
pub fn pairs<T: Scalar>(
    x: Rows<'_, T>,
    y: Option<Rows<'_, T>>,
    threshold: Threshold,
    max_pairs: Option<usize>,
    zero: Zero,
    run: &mut Run<'_>,
) -> Result<SimilarPairs> {
    let bytes = Bytes::of(run.isa());
    pairs_by((x, y), threshold, (max_pairs, zero), Cut::default(), bytes, run)
}

fn pairs_by<T: Scalar>(
    (x, y): (Rows<'_, T>, Option<Rows<'_, T>>),
    threshold: Threshold,
    (max_pairs, zero): (Option<usize>, Zero),
    cut: Cut,
    bytes: Bytes,
    run: &mut Run<'_>,
) -> Result<SimilarPairs> {
    let table = Sides::new(x, y, zero, run)?;
    let (x, y, shape) = table.sides();
    let (tally, mut codes, mut terms) = (Tally::default(), Codes::new(bytes, table.x.dim()), Vec::new());
    codes.fill(x, 0..x.len(), run)?;
    codes.all_terms(threshold.value(), &mut terms)?;
    let panels = if shape == Shape::Triangle {
        Panels::of(&codes, run)?
    } else {
        let mut codes = Codes::new(bytes, table.x.dim());
        codes.fill(y, 0..y.len(), run)?;
        Panels::of(&codes, run)?
    };
    let search = Search { codes: &codes, terms: &terms, panels: &panels, tally: &tally };
    let limit = max_pairs.unwrap_or(usize::MAX);
    let mut found = SimilarPairs::default();
    // Pairs of the band so far, and how many it may hold before memory is asked for again.
    let (pending, room) = (AtomicU64::new(0), AtomicU64::new(UNASKED));
    let (held, available) = (AtomicU64::new(0), run.available());
    for_each_band(
        run,
        (x.len(), y.len(), shape),
        cut,
        |tile, out: &mut Vec<(usize, usize, f64)>, pulse| {
            // One more than asked for is enough to know that there are more.
            let masks = search.tile(tile, |_, _| true, pulse)?;
            for i in tile.rows.clone() {
                let before = out.len();
                for j in masks.candidates(tile, i) {
                    tally.judge();
                    let similarity = x.judge(i, y, j, pulse)?;
                    if threshold.holds(similarity) {
                        push(out, (i, j, similarity), PAIRS).map_err(|_| {
                            let here = (out.len() - before) as u64;
                            too_many(held.load(Relaxed) + pending.load(Relaxed) + here)
                        })?;
                    }
                }
                let more = (out.len() - before) as u64;
                let pending = pending.fetch_add(more, Relaxed) + more;
                if pending > room.load(Relaxed) {
                    // The band is copied once it is done.
                    let fit = available() / PAIR;
                    if fit < pending {
                        return Err(too_many(held.load(Relaxed) + pending));
                    }
                    room.store(pending + (fit - pending) / 2, Relaxed);
                }
                if out.len() > limit {
                    break;
                }
            }
            Ok(())
        },
        |tiles, run| {
            let kept = found.i.len();
            let more: usize = tiles.iter().map(|(_, pairs)| pairs.len()).sum();
            found.truncated = more > limit - kept;
            let more = more.min(limit - kept);
            let beyond = |_| too_many((kept + more) as u64);
            reserve(&mut found.i, more, PAIRS).map_err(beyond)?;
            reserve(&mut found.j, more, PAIRS).map_err(beyond)?;
            reserve(&mut found.similarity, more, PAIRS).map_err(beyond)?;
            // Tiles side by side share their rows: row by row, each tile's pairs of it in turn.
            let mut taken = 0;
            for across in tiles.chunk_by(|(a, _), (b, _)| a.rows == b.rows) {
                let mut ahead = collected(across.iter().map(|(_, pairs)| pairs.iter().peekable()), PAIRS)?;
                for i in across[0].0.rows.clone() {
                    run.check()?;
                    for pairs in &mut ahead {
                        while let Some((_, j, similarity)) = pairs.next_if(|pair| pair.0 == i && taken < more) {
                            found.i.push(signed(i));
                            found.j.push(signed(*j));
                            found.similarity.push(*similarity);
                            taken += 1;
                        }
                    }
                }
            }
            tiles.clear();
            held.store(found.i.len() as u64, Relaxed);
            pending.store(0, Relaxed);
            room.store(UNASKED, Relaxed);
            Ok(if found.truncated { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        },
    )?;
    found.effort = tally.effort();
    Ok(found)
}

/// What messages call the pairs.
const PAIRS: &str = "the similar pairs";
/// Bytes of a pair.
const PAIR: u64 = 24;

/// All pairs found so far, whichever buffer had no room for the next one.
fn too_many(pairs: u64) -> Error {
    too_large::<[u64; 3]>(PAIRS, u128::from(pairs) + 1)
}

/// Pairs of one band that are held without a question whether they fit: asking would take longer than a small call.
const UNASKED: u64 = 1 << 20;

/// One or two sets of rows with their norms.
struct Sides<'a, T: Scalar> {
    x: Rows<'a, T>,
    x_norms: Norms,
    y: Option<(Rows<'a, T>, Norms)>,
}

impl<'a, T: Scalar> Sides<'a, T> {
    fn new(x: Rows<'a, T>, y: Option<Rows<'a, T>>, zero: Zero, run: &mut Run<'_>) -> Result<Self> {
        not_empty("x", x)?;
        let x_norms = Norms::of("x", x, zero, run)?;
        let y = match y {
            None => None,
            Some(y) => {
                not_empty("y", y)?;
                same_dim("y", y, x.dim())?;
                Some((y, Norms::of("y", y, zero, run)?))
            }
        };
        Ok(Self { x, x_norms, y })
    }

    fn sides(&self) -> (Side<'_, T>, Side<'_, T>, Shape) {
        let x = Side::new(self.x, &self.x_norms);
        match &self.y {
            None => (x, x, Shape::Triangle),
            Some((y, norms)) => (x, Side::new(*y, norms), Shape::Rectangle),
        }
    }
}

#[expect(clippy::cast_possible_wrap, reason = "a number of rows in memory is below 2^63")]
pub(crate) fn signed(index: usize) -> i64 {
    index as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screen::hard;
    use proptest::prelude::*;

    fn with_run<R>(threads: usize, call: impl FnOnce(&mut Run<'_>) -> Result<R>) -> Result<R> {
        call(&mut Run::new(threads, &mut || false)?)
    }

    /// The textbook: one f64 loop over the rows.
    fn plain(u: &[f32], v: &[f32]) -> f64 {
        let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        product(u, v) / product(u, u).sqrt() / product(v, v).sqrt()
    }

    #[test]
    fn sizes_and_dims_are_checked() {
        let x = Rows::new("x", &[1.0f32, 0.0], 2).unwrap();
        let none = Rows::new("y", &[] as &[f32], 2).unwrap();
        let other = Rows::new("y", &[1.0f32, 0.0, 0.0], 3).unwrap();
        let call = |y| with_run(1, |run| cosine_similarity(x, Some(y), Zero::Error, run));
        assert!(matches!(call(none), Err(Error::Empty { argument: "y", .. })));
        assert!(matches!(call(other), Err(Error::Shape { argument: "y", .. })));
        for k in [0, 2] {
            let call = with_run(1, |run| top_k(x, x, k, Zero::Error, run));
            assert!(matches!(call, Err(Error::Option { option: "k", .. })));
        }
    }

    #[test]
    fn zero_rows_are_refused_or_orthogonal() {
        let x = Rows::new("x", &[1.0f32, 0.0, 0.0, 0.0], 2).unwrap();
        let refused = with_run(1, |run| cosine_similarity(x, None, Zero::Error, run));
        assert_eq!(refused, Err(Error::ZeroVector { argument: "x", row: 1 }));
        let table = with_run(1, |run| cosine_similarity(x, None, Zero::Orthogonal, run)).unwrap();
        assert_eq!(table, [1.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn non_finite_rows_are_refused_by_number() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let data = [1.0f32, 0.0, bad, 0.0];
            let x = Rows::new("x", &data, 2).unwrap();
            let refused = with_run(1, |run| cosine_similarity(x, None, Zero::Orthogonal, run));
            assert_eq!(refused, Err(Error::NonFinite { argument: "x", row: 1 }));
        }
    }

    #[test]
    fn a_question_answered_yes_interrupts() {
        let x = Rows::new("x", &[1.0f32, 0.0], 2).unwrap();
        let call = cosine_similarity(x, None, Zero::Error, &mut Run::new(1, &mut || true).unwrap());
        assert_eq!(call, Err(Error::Interrupted));
    }

    #[test]
    fn orthogonal_rows_tie_whatever_the_sign_of_their_zero() {
        let rows = Rows::new("rows", &[0.0f32, -1.0, -1.0, 0.0, 0.0, 1.0], 2).unwrap();
        let query = Rows::new("queries", &[0.0f32, -1.0], 2).unwrap();
        let query_two = Rows::new("queries", &[-1.0f32, 0.0], 2).unwrap();
        for (query, order) in [(query, [0, 1, 2]), (query_two, [1, 0, 2])] {
            let nearest = with_run(1, |run| top_k(query, rows, 3, Zero::Error, run)).unwrap();
            assert_eq!(nearest.indices, order);
        }
    }

    #[test]
    fn truncation_keeps_the_first_pairs_and_says_so() {
        let data = vec![1.0f32; 12];
        let x = Rows::new("x", &data, 1).unwrap();
        let call = |max| with_run(2, |run| pairs(x, None, Threshold::at_least(1.0)?, max, Zero::Error, run)).unwrap();
        let all = call(None);
        assert_eq!((all.i.len(), all.truncated), (66, false));
        assert!(!call(Some(66)).truncated);
        for max in [0, 1, 13, 65] {
            let some = call(Some(max));
            assert!(some.truncated);
            assert_eq!((&some.i[..], &some.j[..]), (&all.i[..max], &all.j[..max]));
        }
    }

    fn small_rows() -> impl Strategy<Value = (usize, Vec<f32>)> {
        // Small integers make ties and exact thresholds common.
        (1usize..5, 1usize..34).prop_flat_map(|(dim, n)| {
            let row = prop::collection::vec(-2i8..=2, dim).prop_filter("zero row", |r| r.iter().any(|v| *v != 0));
            (
                Just(dim),
                prop::collection::vec(row, n).prop_map(|rows| rows.concat().into_iter().map(f32::from).collect()),
            )
        })
    }

    #[test]
    fn every_instruction_set_finds_the_pairs_and_neighbours_of_the_f64_loop_among_hard_rows() {
        for (n, dim) in hard::SHAPES {
            for (name, data) in hard::sets(n, dim, 0.6) {
                let rows = Rows::new("rows", &data, dim).unwrap();
                let threshold = Threshold::above(0.6).unwrap();
                let norms = with_run(1, |run| Norms::of("rows", rows, Zero::Error, run)).unwrap();
                let side = Side::new(rows, &norms);
                let n = rows.len();
                let judged: Vec<Vec<f64>> = (0..n)
                    .map(|i| (0..n).map(|j| side.judge(i, side, j, &mut Pulse::new(&mut || Ok(()))).unwrap()).collect())
                    .collect();
                let all = || (0..n).flat_map(|i| (0..n).map(move |j| (i, j))).filter(|(i, j)| judged[*i][*j] > 0.6);
                let signed_pairs = |pairs: Vec<(usize, usize)>| -> (Vec<i64>, Vec<i64>) {
                    pairs.into_iter().map(|(i, j)| (signed(i), signed(j))).unzip()
                };
                let (both, upper) =
                    (signed_pairs(all().collect()), signed_pairs(all().filter(|(i, j)| i < j).collect()));
                let k = n.min(5);
                for bytes in Bytes::available() {
                    let cut = Cut { rows: 7, columns: 40, band: 1 };
                    for (y, expected) in [(None, &upper), (Some(rows), &both)] {
                        let options = (None, Zero::Error);
                        let found =
                            with_run(2, |run| pairs_by((rows, y), threshold, options, cut, bytes, run)).unwrap();
                        assert_eq!((&found.i, &found.j), (&expected.0, &expected.1), "{name} {n} x {dim} {bytes:?}");
                    }
                    let found = with_run(2, |run| top_k_by(rows, rows, k, Zero::Error, bytes, run)).unwrap();
                    for (q, judged) in judged.iter().enumerate() {
                        let mut order: Vec<usize> = (0..n).collect();
                        order.sort_by(|a, b| judged[*b].total_cmp(&judged[*a]).then(a.cmp(b)));
                        let expected: Vec<i64> = order[..k].iter().map(|j| signed(*j)).collect();
                        assert_eq!(found.indices[q * k..][..k], expected, "{name} {n} x {dim} {bytes:?}");
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn table_agrees_with_the_textbook((dim, data) in small_rows(), threads in 1usize..4) {
            let x = Rows::new("x", &data, dim).unwrap();
            let table = with_run(threads, |run| cosine_similarity(x, None, Zero::Error, run)).unwrap();
            let both = with_run(threads, |run| cosine_similarity(x, Some(x), Zero::Error, run)).unwrap();
            prop_assert_eq!(&table, &both);
            for i in 0..x.len() {
                for j in 0..x.len() {
                    let got = table[i * x.len() + j];
                    prop_assert!((got - plain(x.row(i), x.row(j))).abs() < 1e-6);
                    prop_assert!((-1.0..=1.0).contains(&got));
                }
            }
        }

        #[test]
        fn pairs_do_not_depend_on_threads_or_cut(
            (dim, data) in small_rows(),
            threshold in prop::sample::select(vec![-1.0, -0.5, 0.0, 0.5, 0.6, 0.7, 1.0]),
            strict: bool,
            (rows, columns, band) in (1usize..9, 1usize..9, 1usize..200),
        ) {
            let x = Rows::new("x", &data, dim).unwrap();
            let threshold = Threshold::new(threshold, strict).unwrap();
            let bytes = Bytes::of(crate::Isa::best());
            let call = |threads, cut| {
                with_run(threads, |run| pairs_by((x, None), threshold, (None, Zero::Error), cut, bytes, run)).unwrap()
            };
            let usual = call(1, Cut::default());
            let other = call(3, Cut { rows, columns, band });
            prop_assert_eq!((&usual.i, &usual.j, &usual.similarity), (&other.i, &other.j, &other.similarity));
            let near = |v: f64| (v - threshold.value()).abs() < 1e-12;
            for i in 0..x.len() {
                for j in i + 1..x.len() {
                    let value = plain(x.row(i), x.row(j));
                    let found = usual.i.iter().zip(&usual.j).any(|(a, b)| (*a, *b) == (signed(i), signed(j)));
                    prop_assert!(near(value) || found == threshold.holds(value));
                }
            }
        }

        #[test]
        fn top_k_is_the_head_of_the_sorted_row((dim, data) in small_rows(), threads in 1usize..4) {
            let x = Rows::new("x", &data, dim).unwrap();
            let n = x.len();
            let all = with_run(threads, |run| top_k(x, x, n, Zero::Error, run)).unwrap();
            for q in 0..n {
                let (indices, values) = (&all.indices[q * n..][..n], &all.similarities[q * n..][..n]);
                for i in 1..n {
                    let ordered = values[i - 1] > values[i] || values[i - 1] == values[i] && indices[i - 1] < indices[i];
                    prop_assert!(ordered);
                }
            }
            for k in 1..=n {
                let some = with_run(1, |run| top_k(x, x, k, Zero::Error, run)).unwrap();
                for q in 0..n {
                    prop_assert_eq!(&some.indices[q * k..][..k], &all.indices[q * n..][..k]);
                }
            }
        }
    }
}
