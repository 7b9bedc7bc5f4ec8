//! Dynamic time warping of one pair, of many, of all pairs, and of the nearest.

use std::ops::Range;

use crate::align::{self, Constraints};
use crate::cost::{Costs, Matrix, Metric};
use crate::error::{Error, Result};
use crate::matrix;
use crate::pair::{self, Found, Rules, Side, Want, Workspace, align_pair, inverse_norms};
use crate::rows::{Ragged, Rows, Scalar, Zero, widened};
use crate::work::Run;

/// How a distance is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Normalize {
    /// The plain sum of costs along the path.
    #[default]
    None,
    /// The sum divided by the number of cells of the path.
    Path,
}

/// Everything that a DTW distance depends on beside its two sequences.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Options {
    /// Local cost.
    pub metric: Metric,
    /// Band, open ends, limit and ties.
    pub constraints: Constraints,
    /// How the distance is reported; `max_distance` always speaks of the plain sum.
    pub normalize: Normalize,
    /// Zero vectors under the cosine.
    pub zero: Zero,
}

/// Distances of a batch, with paths where they were asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// One a pair.
    pub distances: Vec<f64>,
    /// The paths, flat and in order.
    pub paths: Option<Paths>,
}

/// Warping paths of a batch: path `p` is `cells[offsets[p]..offsets[p + 1]]`, first cell first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// (row, column) of every cell.
    pub cells: Vec<[i32; 2]>,
    /// One more than pairs.
    pub offsets: Vec<i64>,
}

/// A set of sequences, with the inverse norms of its rows where they are needed more than once.
#[derive(Debug)]
pub(crate) struct Prepared<'a, T: Scalar> {
    pub(crate) set: Ragged<'a, T>,
    inverse: Option<Vec<T::Wide>>,
}

impl<'a, T: Scalar> Prepared<'a, T> {
    /// Checks every row and keeps its inverse norm.
    pub(crate) fn ahead(set: Ragged<'a, T>, rules: &Rules, run: &mut Run<'_>) -> Result<Self> {
        const ROWS: usize = 256;
        let rows = set.rows();
        let mut inverse = filled(rows.len() as u128, T::Wide::default(), "the norms of the rows")?;
        let items: Vec<_> = inverse.chunks_mut(ROWS).enumerate().collect();
        run.each(items, Vec::new, |buffer, (block, out)| {
            let first = block * ROWS;
            let rows = rows.slice(first, first + out.len());
            let wide = widened(rows, buffer);
            inverse_norms(rules, set.argument(), first, wide, rows.dim(), out)
        })
        .map_err(|error| located(&set, error))?;
        Ok(Self { set, inverse: Some(inverse) })
    }

    /// Leaves the norm pass to the pairs: it then brings a pair's rows into the cache just before they are multiplied.
    fn later(set: Ragged<'a, T>) -> Self {
        Self { set, inverse: None }
    }

    /// True where every norm is known and no row needs care.
    pub(crate) fn ordinary(&self) -> bool {
        self.inverse.as_deref().is_some_and(pair::ordinary)
    }

    /// Inverse norms of the rows of consecutive sequences, where they were computed ahead.
    pub(crate) fn inverse(&self, sequences: &Range<usize>) -> &[T::Wide] {
        let rows = self.set.range(sequences.start).start..self.set.range(sequences.end - 1).end;
        self.inverse.as_ref().map_or(&[], |inverse| &inverse[rows])
    }

    /// Sequence `s`, ready for [`align_pair`].
    pub(crate) fn side(&self, s: usize) -> Side<'_, T> {
        let range = self.set.range(s);
        let inverse = self.inverse.as_ref().map(|inverse| &inverse[range.clone()]);
        Side { argument: self.set.argument(), first: range.start, rows: self.set.get(s), inverse }
    }
}

/// Refuses a sequence without rows, or with more than a path can number.
pub(crate) fn check<T: Scalar>(set: &Ragged<'_, T>, s: usize) -> Result<()> {
    let len = set.range(s).len();
    if len == 0 {
        return Err(Error::Empty { argument: set.argument(), place: format!(" in sequence {s}") });
    }
    numbered(len)
}

/// Adds to an error about a row in which of several sequences it is.
fn located<T: Scalar>(set: &Ragged<'_, T>, error: Error) -> Error {
    match error {
        Error::NonFinite { row, .. } | Error::ZeroVector { row, .. } | Error::Magnitude { row, .. }
            if set.len() > 1 =>
        {
            let (sequence, row) = set.locate(row);
            Error::InSequence { error: Box::new(error), sequence, row }
        }
        error => error,
    }
}

/// Refuses more steps than a path, whose cells are i32, can number.
fn numbered(len: usize) -> Result<()> {
    if i32::try_from(len).is_ok() {
        return Ok(());
    }
    Err(Error::TooLarge { what: "a warping path of more than 2^31 rows", bytes: len as u128 * 8 })
}

/// Both sets of a batch, with norms ahead of the pairs unless every sequence is used exactly once.
pub(crate) fn prepare<'a, T: Scalar>(
    xs: Ragged<'a, T>,
    ys: Ragged<'a, T>,
    pairs: &[(usize, usize)],
    rules: &Rules,
    run: &mut Run<'_>,
) -> Result<(Prepared<'a, T>, Prepared<'a, T>)> {
    let mut once = (vec![false; xs.len()], vec![false; ys.len()]);
    let again =
        pairs.iter().any(|&(r, s)| std::mem::replace(&mut once.0[r], true) | std::mem::replace(&mut once.1[s], true));
    if again || pairs.len() != xs.len() || pairs.len() != ys.len() {
        Ok((Prepared::ahead(xs, rules, run)?, Prepared::ahead(ys, rules, run)?))
    } else {
        Ok((Prepared::later(xs), Prepared::later(ys)))
    }
}

/// The error about a row that the check of whole sets would give, whichever pair met it first.
pub(crate) fn canonical<T: Scalar>(
    error: Error,
    xs: Ragged<'_, T>,
    ys: Ragged<'_, T>,
    rules: &Rules,
    run: &mut Run<'_>,
) -> Error {
    if !matches!(error, Error::NonFinite { .. } | Error::ZeroVector { .. } | Error::Magnitude { .. }) {
        return error;
    }
    let check = Prepared::ahead(xs, rules, run).and_then(|_| Prepared::ahead(ys, rules, run));
    check.err().unwrap_or(error)
}

impl Options {
    pub(crate) fn rules(&self, run: &Run<'_>) -> Rules {
        Rules { isa: run.isa(), metric: self.metric, zero: self.zero, constraints: self.constraints }
    }
}

/// Refuses two sets of different dimension.
pub(crate) fn same_dim<T: Scalar>(x: &Ragged<'_, T>, y: &Ragged<'_, T>) -> Result<()> {
    if x.dim() == y.dim() {
        return Ok(());
    }
    let expected = format!("rows of {} numbers", x.dim());
    Err(Error::Shape { argument: y.argument(), expected, got: format!("rows of {}", y.dim()) })
}

/// Distances (and paths) of the pairs `(index into xs, index into ys)`.
///
/// Every pair gives the same bits alone, in any batch, and for any number of threads.
///
/// # Errors
/// Empty, non-finite or zero rows by argument, indices outside the sets, options outside their range, interruption.
///
/// ```
/// use tracewarp_core::dtw::{Options, dtw_pairs};
/// use tracewarp_core::rows::{Ragged, Rows};
/// use tracewarp_core::work::Run;
/// let rows = Rows::new("xs", &[1.0f64, 0.0, 0.0, 1.0], 2)?;
/// let set = Ragged::new("xs", rows, &[0, 2])?;
/// let mut never = || false;
/// let batch = dtw_pairs(set, set, &[[0, 0]], true, &Options::default(), &mut Run::new(1, &mut never)?)?;
/// assert_eq!(batch.distances, [0.0]);
/// assert_eq!(batch.paths.map(|p| p.cells), Some(vec![[0, 0], [1, 1]]));
/// # Ok::<(), tracewarp_core::Error>(())
/// ```
pub fn dtw_pairs<T: Scalar>(
    xs: Ragged<'_, T>,
    ys: Ragged<'_, T>,
    pairs: &[[i64; 2]],
    paths: bool,
    options: &Options,
    run: &mut Run<'_>,
) -> Result<Batch> {
    options.constraints.check()?;
    same_dim(&xs, &ys)?;
    let pairs = resolve(pairs, &xs, &ys)?;
    let rules = options.rules(run);
    let (x, y) = prepare(xs, ys, &pairs, &rules, run)?;
    let trace_paths = paths || options.normalize == Normalize::Path;
    let mut out = Outputs::new(&pairs, &xs, &ys, trace_paths)?;
    let blocks = out.blocks(&pairs, &xs, &ys);
    run.each_asking(blocks, Workspace::default, |space, block, ask| {
        for (k, &(r, s)) in block.pairs.iter().enumerate() {
            let want = match block.starts.get(k) {
                Some(start) => Want::Path(&mut block.paths[*start..]),
                None => Want::Distance,
            };
            let found = align_pair(&x.side(r), &y.side(s), &rules, want, space, ask)?;
            block.distances[k] = normalized(found, options.normalize);
            if let Some(length) = block.lengths.get_mut(k) {
                *length = found.length;
            }
        }
        Ok(())
    })
    .map_err(|error| canonical(error, xs, ys, &rules, run))?;
    let (distances, found) = out.finish();
    Ok(Batch { distances, paths: if paths { found } else { None } })
}

#[expect(clippy::cast_precision_loss, reason = "a path is far shorter than 2^52")]
fn normalized(found: Found, normalize: Normalize) -> f64 {
    match normalize {
        Normalize::None => found.distance,
        // No path: the distance is infinite.
        Normalize::Path => found.distance / found.length.max(1) as f64,
    }
}

/// Distance and path over a precomputed matrix of costs, `(m, n)`.
///
/// # Errors
/// [`Error::Empty`], [`Error::NonFinite`], [`Error::Option`] for a cost below 0 or above 1e298
/// (so that no sum leaves the range of f64), [`Error::TooLarge`].
pub fn dtw_from_costs<T: Scalar>(costs: Rows<'_, T>, options: &Options, run: &mut Run<'_>) -> Result<Batch> {
    options.constraints.check()?;
    if costs.is_empty() {
        return Err(Error::Empty { argument: "costs", place: String::new() });
    }
    numbered(costs.len())?;
    numbered(costs.dim())?;
    for i in 0..costs.len() {
        for cost in costs.row(i).iter().map(|cost| cost.double()) {
            if !cost.is_finite() {
                return Err(Error::NonFinite { argument: "costs", row: i });
            }
            if !(0.0..=1e298).contains(&cost) {
                let expected = "values of 0 to 1e298";
                return Err(Error::Option { option: "costs", expected, got: format!("{cost} in row {i}") });
            }
        }
    }
    let mut path = vec![[0; 2]; costs.len() + costs.dim() - 1];
    let mut ask = || run.check();
    let mut space = align::Workspace::default();
    let mut costs = Matrix(costs);
    let end = align::align(&mut costs, &options.constraints, true, &mut space, &mut ask)?;
    let (m, n) = (costs.rows(), costs.columns());
    let length = match end.column {
        Some(column) => align::trace(m, n, column, &options.constraints, &space, &mut path),
        None => 0,
    };
    let distance = normalized(Found { distance: end.distance, length }, options.normalize);
    path.truncate(length);
    let offsets = vec![0, i64::try_from(length).unwrap_or(i64::MAX)];
    Ok(Batch { distances: vec![distance], paths: Some(Paths { cells: path, offsets }) })
}

/// Distances of every sequence of `xs` (rows) to every sequence of `ys` (columns), row after row; without `ys`, of
/// `xs` to itself.
///
/// # Errors
/// As [`dtw_pairs`], and [`Error::TooLarge`] where the matrix would not fit.
pub fn dtw_matrix<T: Scalar>(
    xs: Ragged<'_, T>,
    ys: Option<Ragged<'_, T>>,
    options: &Options,
    run: &mut Run<'_>,
) -> Result<Vec<f64>> {
    options.constraints.check()?;
    let own = ys.is_none();
    let ys = ys.unwrap_or(xs);
    same_dim(&xs, &ys)?;
    (0..xs.len()).try_for_each(|r| check(&xs, r))?;
    (0..ys.len()).try_for_each(|s| check(&ys, s))?;
    let rules = options.rules(run);
    let (x, y) = (Prepared::ahead(xs, &rules, run)?, Prepared::ahead(ys, &rules, run)?);
    let (n, m) = (xs.len(), ys.len());
    let mut out = filled(n as u128 * m as u128, 0.0f64, "the matrix of distances")?;
    // Open ends free the second sequence only, and two optimal paths may differ in length: then (r, s) and (s, r)
    // are two questions.
    let open = options.constraints.open_begin || options.constraints.open_end;
    let symmetric = own && !open && options.normalize == Normalize::None;
    if options.normalize == Normalize::None && matrix::applies(&x, &y, &rules) {
        matrix::distances(&x, &y, symmetric, &rules, &mut out, run)?;
        if symmetric {
            mirror(&mut out, n);
        }
        return Ok(out);
    }
    let rows: Vec<(usize, &mut [f64])> = out.chunks_mut(m.max(1)).enumerate().collect();
    run.each_asking(
        rows,
        || (Workspace::default(), Vec::new()),
        |(space, path), (r, row), ask| {
            for (s, cell) in row.iter_mut().enumerate().skip(if symmetric { r } else { 0 }) {
                *cell = distance_only(&x.side(r), &y.side(s), &rules, options.normalize, space, path, ask)?;
            }
            Ok(())
        },
    )?;
    if symmetric {
        mirror(&mut out, n);
    }
    Ok(out)
}

/// Copies the upper half of an n x n matrix to the lower.
fn mirror(out: &mut [f64], n: usize) {
    for r in 0..n {
        for s in 0..r {
            out[r * n + s] = out[s * n + r];
        }
    }
}

fn distance_only<T: Scalar>(
    x: &Side<'_, T>,
    y: &Side<'_, T>,
    rules: &Rules,
    normalize: Normalize,
    space: &mut Workspace<T::Wide>,
    path: &mut Vec<[i32; 2]>,
    ask: &mut dyn FnMut() -> Result<()>,
) -> Result<f64> {
    let want = if normalize == Normalize::Path {
        path.resize(x.rows.len() + y.rows.len() - 1, [0; 2]);
        Want::Path(path)
    } else {
        Want::Distance
    };
    Ok(normalized(align_pair(x, y, rules, want, space, ask)?, normalize))
}

/// Neighbours of each sequence: `k` columns, nearest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbours {
    /// Indices into `ys`; -1 where `max_distance` left fewer than `k`.
    pub indices: Vec<i64>,
    /// Their distances; infinity beside -1.
    pub distances: Vec<f64>,
}

/// The `k` sequences of `ys` nearest to each of `xs`, by distance, then by lower index. Exact: a candidate is given
/// up only once its sum exceeds the k-th best.
///
/// # Errors
/// As [`dtw_pairs`], and [`Error::Option`] for `k` outside 1..=ys.len().
pub fn dtw_nearest<T: Scalar>(
    xs: Ragged<'_, T>,
    ys: Ragged<'_, T>,
    k: usize,
    options: &Options,
    run: &mut Run<'_>,
) -> Result<Neighbours> {
    options.constraints.check()?;
    same_dim(&xs, &ys)?;
    if k == 0 || k > ys.len() {
        let expected = "a number from 1 to the number of sequences in ys";
        return Err(Error::Option { option: "k", expected, got: format!("{k} for {} sequences", ys.len()) });
    }
    (0..xs.len()).try_for_each(|r| check(&xs, r))?;
    (0..ys.len()).try_for_each(|s| check(&ys, s))?;
    let rules = options.rules(run);
    let (x, y) = (Prepared::ahead(xs, &rules, run)?, Prepared::ahead(ys, &rules, run)?);
    let cells = xs.len() as u128 * k as u128;
    let mut indices = filled(cells, -1i64, "the neighbours")?;
    let mut distances = filled(cells, f64::INFINITY, "the neighbours")?;
    let items: Vec<_> = indices.chunks_mut(k).zip(distances.chunks_mut(k)).enumerate().collect();
    run.each_asking(
        items,
        || (Workspace::default(), Vec::new()),
        |(space, path), (r, (index, best)), ask| {
            let mut rules = rules;
            let limit = options.constraints.max_distance;
            for s in 0..ys.len() {
                // A path-normalised distance bounds no plain sum, so only plain ones are cut short.
                if options.normalize == Normalize::None {
                    rules.constraints.max_distance = limit.min(best[k - 1]);
                }
                let (x, y) = (x.side(r), y.side(s));
                let distance = distance_only(&x, &y, &rules, options.normalize, space, path, ask)?;
                insert(index, best, i64::try_from(s).unwrap_or(i64::MAX), distance);
            }
            Ok(())
        },
    )?;
    Ok(Neighbours { indices, distances })
}

/// Puts a candidate into the ascending list; an equal distance stays behind the earlier index.
fn insert(indices: &mut [i64], distances: &mut [f64], index: i64, distance: f64) {
    let place = distances.partition_point(|&d| d <= distance);
    if place < distances.len() {
        distances[place..].rotate_right(1);
        indices[place..].rotate_right(1);
        distances[place] = distance;
        indices[place] = index;
    }
}

/// A vector of `count` values, or an error with the number of bytes.
pub(crate) fn filled<V: Clone>(count: u128, value: V, what: &'static str) -> Result<Vec<V>> {
    let bytes = count * std::mem::size_of::<V>() as u128;
    let too_large = Error::TooLarge { what, bytes };
    let count = usize::try_from(count).map_err(|_| too_large.clone())?;
    let mut out = Vec::new();
    out.try_reserve_exact(count).map_err(|_| too_large)?;
    out.resize(count, value);
    Ok(out)
}

/// Pairs as indices, checked against both sets; no sequence among them is empty.
pub(crate) fn resolve<T: Scalar>(
    pairs: &[[i64; 2]],
    x: &Ragged<'_, T>,
    y: &Ragged<'_, T>,
) -> Result<Vec<(usize, usize)>> {
    let index = |position: usize, index: i64, len: usize| {
        usize::try_from(index).ok().filter(|i| *i < len).ok_or(Error::Index { argument: "pairs", position, index, len })
    };
    let resolved: Result<Vec<_>> =
        pairs.iter().enumerate().map(|(p, &[r, s])| Ok((index(p, r, x.len())?, index(p, s, y.len())?))).collect();
    let resolved = resolved?;
    for &(r, s) in &resolved {
        check(x, r)?;
        check(y, s)?;
    }
    Ok(resolved)
}

/// Cells times numbers a row that one block of work holds at least: tens of microseconds, so that handing it out
/// costs nothing and no thread waits long for the last.
const BLOCK: u128 = 1 << 20;

/// Splits pairs into consecutive blocks of about equal work.
pub(crate) fn split<T: Scalar>(pairs: &[(usize, usize)], x: &Ragged<'_, T>, y: &Ragged<'_, T>) -> Vec<Range<usize>> {
    let mut blocks = Vec::new();
    let (mut start, mut work) = (0, 0);
    for (p, &(r, s)) in pairs.iter().enumerate() {
        work += x.range(r).len() as u128 * y.range(s).len() as u128 * x.dim() as u128;
        if work >= BLOCK || p + 1 == pairs.len() {
            blocks.push(start..p + 1);
            (start, work) = (p + 1, 0);
        }
    }
    blocks
}

/// Where a batch writes to: room for the longest possible path a pair, closed up at the end.
pub(crate) struct Outputs {
    distances: Vec<f64>,
    cells: Vec<[i32; 2]>,
    lengths: Vec<usize>,
    starts: Vec<usize>,
}

/// One block's part of the outputs.
pub(crate) struct Block<'a> {
    pub(crate) pairs: &'a [(usize, usize)],
    pub(crate) distances: &'a mut [f64],
    pub(crate) paths: &'a mut [[i32; 2]],
    pub(crate) lengths: &'a mut [usize],
    /// Where each pair's path starts in `paths`; empty where no paths are traced.
    pub(crate) starts: Vec<usize>,
}

impl Outputs {
    pub(crate) fn new<T: Scalar>(
        pairs: &[(usize, usize)],
        x: &Ragged<'_, T>,
        y: &Ragged<'_, T>,
        paths: bool,
    ) -> Result<Self> {
        let mut starts = Vec::new();
        let mut total = 0u128;
        if paths {
            starts = filled(pairs.len() as u128 + 1, 0usize, "the offsets of the paths")?;
            for (p, &(r, s)) in pairs.iter().enumerate() {
                total += (x.range(r).len() + y.range(s).len() - 1) as u128;
                starts[p + 1] = usize::try_from(total).unwrap_or(usize::MAX);
            }
        }
        Ok(Self {
            distances: filled(pairs.len() as u128, 0.0, "the distances")?,
            cells: filled(total, [0; 2], "the paths")?,
            lengths: filled(if paths { pairs.len() as u128 } else { 0 }, 0, "the lengths of the paths")?,
            starts,
        })
    }

    pub(crate) fn blocks<'a, T: Scalar>(
        &'a mut self,
        pairs: &'a [(usize, usize)],
        x: &Ragged<'_, T>,
        y: &Ragged<'_, T>,
    ) -> Vec<Block<'a>> {
        let Self { distances, cells, lengths, starts } = self;
        let (mut distances, mut cells, mut lengths) = (&mut distances[..], &mut cells[..], &mut lengths[..]);
        let mut blocks = Vec::new();
        for range in split(pairs, x, y) {
            let (mine, rest) = distances.split_at_mut(range.len());
            distances = rest;
            let mut block = Block {
                pairs: &pairs[range.clone()],
                distances: mine,
                paths: &mut [],
                lengths: &mut [],
                starts: vec![],
            };
            if !starts.is_empty() {
                let first = starts[range.start];
                let (mine, rest) = cells.split_at_mut(starts[range.end] - first);
                (block.paths, cells) = (mine, rest);
                let (mine, rest) = lengths.split_at_mut(range.len());
                (block.lengths, lengths) = (mine, rest);
                block.starts = starts[range].iter().map(|start| start - first).collect();
            }
            blocks.push(block);
        }
        blocks
    }

    /// Closes the gaps between the paths.
    pub(crate) fn finish(self) -> (Vec<f64>, Option<Paths>) {
        let Self { distances, mut cells, lengths, starts } = self;
        if starts.is_empty() {
            return (distances, None);
        }
        let mut offsets = Vec::with_capacity(starts.len());
        offsets.push(0);
        let mut end = 0;
        for (start, length) in starts.iter().zip(&lengths) {
            cells.copy_within(*start..start + length, end);
            end += length;
            offsets.push(i64::try_from(end).unwrap_or(i64::MAX));
        }
        cells.truncate(end);
        (distances, Some(Paths { cells, offsets }))
    }
}
