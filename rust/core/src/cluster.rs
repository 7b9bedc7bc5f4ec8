//! Groups of rows by cosine: the closure of "similar enough", or first come first served.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::cosine::{Threshold, signed};
use crate::error::{Error, Result};
use crate::judge::{Norms, Side, not_empty};
use crate::memory::{collected, push, reserve, resized, zeroed};
use crate::pulse::Pulse;
use crate::rows::{Rows, Scalar, Zero};
use crate::screen::{Codes, Effort, Masks, Panels, Search, Tally, Within};
use crate::simd::int8::{Bytes, WIDTH};
use crate::tiles::{Cut, Shape, Tile, for_each_band, pieces};
use crate::work::Run;

/// Rows that are taken together: few enough that their codes stay in the cache.
const BLOCK: usize = 512;

/// Which group each row is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clusters {
    /// One label a row, numbered from 0 in order of first appearance.
    pub labels: Vec<i64>,
    /// Number of groups.
    pub n_clusters: usize,
    /// What it took.
    pub effort: Effort,
}

/// Connected components of "the cosine passes `threshold`" (single linkage): the order of the rows does not matter.
///
/// With `scope`, one label a row, only rows of equal label join.
///
/// # Errors
/// [`Error::Empty`], [`Error::Shape`], [`Error::NonFinite`], [`Error::ZeroVector`], [`Error::TooLarge`],
/// [`Error::Interrupted`].
///
/// ```
/// use tracewarp_core::{cluster::single_link, cosine::Threshold, rows::{Rows, Zero}, work::Run};
/// // 0, 50 and 100 degrees: the ends are linked through the middle (cos 50 = 0.64).
/// let rows = Rows::new("rows", &[1.0f64, 0.0, 0.6428, 0.7660, -0.1736, 0.9848], 2)?;
/// let groups = single_link(rows, Threshold::above(0.6)?, None, Zero::Error, &mut Run::new(1, &mut || false)?)?;
/// assert_eq!(groups.labels, [0, 0, 0]);
/// # Ok::<(), tracewarp_core::Error>(())
/// ```
pub fn single_link<T: Scalar>(
    rows: Rows<'_, T>,
    threshold: Threshold,
    scope: Option<&[i64]>,
    zero: Zero,
    run: &mut Run<'_>,
) -> Result<Clusters> {
    let bytes = Bytes::of(run.isa());
    single_link_by(rows, threshold, (scope, zero), Cut::default(), bytes, run)
}

fn single_link_by<T: Scalar>(
    rows: Rows<'_, T>,
    threshold: Threshold,
    (scope, zero): (Option<&[i64]>, Zero),
    cut: Cut,
    bytes: Bytes,
    run: &mut Run<'_>,
) -> Result<Clusters> {
    let norms = prepare(rows, scope, zero, run)?;
    let side = Side::new(rows, &norms);
    let n = rows.len();
    let (tally, mut codes, mut terms) = (Tally::default(), Codes::new(bytes, rows.dim()), Vec::new());
    codes.fill(side, 0..n, run)?;
    codes.all_terms(threshold.value(), &mut terms)?;
    let panels = Panels::of(&codes, run)?;
    let search = Search { codes: &codes, terms: &terms, panels: &panels, tally: &tally };
    let mut forest = Forest::new(n)?;
    // The root of each row after the bands before: rows of one root need not be compared.
    let roots = collected((0..n).map(AtomicUsize::new), GROUPS)?;
    for_each_band(
        run,
        (n, n, Shape::Triangle),
        cut,
        |tile, links: &mut Vec<(usize, usize)>, pulse| {
            let wanted = |i: usize, members: std::ops::Range<usize>| {
                let root = roots[i].load(Relaxed);
                members.into_iter().any(|j| roots[j].load(Relaxed) != root)
            };
            let masks = search.tile(tile, wanted, pulse)?;
            let joins = |i: usize, j: usize| {
                let apart = roots[i].load(Relaxed) != roots[j].load(Relaxed);
                if !apart || !same_scope(scope, i, j) {
                    return Ok(false);
                }
                tally.judge();
                Ok(threshold.holds(side.judge(i, side, j, pulse)?))
            };
            spanning_links(tile, &masks, joins, links)
        },
        |tiles, run| {
            for (i, j) in tiles.drain(..).flat_map(|(_, links)| links) {
                forest.join(i, j);
            }
            let mut ask = || run.check();
            let mut pulse = Pulse::new(&mut ask);
            for (i, root) in roots.iter().enumerate() {
                root.store(forest.find(i), Relaxed);
                pulse.spend(4)?;
            }
            Ok(ControlFlow::Continue(()))
        },
    )?;
    forest.clusters(tally.effort())
}

/// What messages call the groups.
const GROUPS: &str = "the groups of the rows";

/// Links enough of a tile's joining pairs to connect all of them: fewer than rows plus columns, whatever joins.
fn spanning_links(
    tile: &Tile,
    masks: &Masks,
    mut joins: impl FnMut(usize, usize) -> Result<bool>,
    links: &mut Vec<(usize, usize)>,
) -> Result<()> {
    let first_column = tile.columns(0).start;
    let height = tile.rows.len();
    // Rows then columns; a row that is also a column stands for itself twice, which only costs a spare link.
    let mut local = Forest::new(height + tile.columns(0).len())?;
    for i in tile.rows.clone() {
        for j in masks.candidates(tile, i) {
            let (a, b) = (i - tile.rows.start, height + j - first_column);
            if local.find(a) != local.find(b) && joins(i, j)? {
                local.join(a, b);
                push(links, (i, j), GROUPS)?;
            }
        }
    }
    Ok(())
}

/// The paper's rule: a row joins the smallest group among *all* earlier rows that pass `threshold`, else it opens a
/// new one. Depends on the order of the rows, and groups that a later row would connect stay apart.
///
/// With `scope`, one label a row, only rows of equal label join.
///
/// # Errors
/// [`Error::Empty`], [`Error::Shape`], [`Error::NonFinite`], [`Error::ZeroVector`], [`Error::TooLarge`],
/// [`Error::Interrupted`].
///
/// ```
/// use tracewarp_core::{cluster::first_come, cosine::Threshold, rows::{Rows, Zero}, work::Run};
/// // 0, 100 and 50 degrees: the third is near both, and joins the first group only.
/// let rows = Rows::new("rows", &[1.0f64, 0.0, -0.1736, 0.9848, 0.6428, 0.7660], 2)?;
/// let groups = first_come(rows, Threshold::above(0.6)?, None, Zero::Error, &mut Run::new(1, &mut || false)?)?;
/// assert_eq!(groups.labels, [0, 1, 0]);
/// # Ok::<(), tracewarp_core::Error>(())
/// ```
pub fn first_come<T: Scalar>(
    rows: Rows<'_, T>,
    threshold: Threshold,
    scope: Option<&[i64]>,
    zero: Zero,
    run: &mut Run<'_>,
) -> Result<Clusters> {
    let bytes = Bytes::of(run.isa());
    first_come_by(rows, threshold, (scope, zero), BLOCK, bytes, run)
}

fn first_come_by<T: Scalar>(
    rows: Rows<'_, T>,
    threshold: Threshold,
    (scope, zero): (Option<&[i64]>, Zero),
    block: usize,
    bytes: Bytes,
    run: &mut Run<'_>,
) -> Result<Clusters> {
    let norms = prepare(rows, scope, zero, run)?;
    let side = Side::new(rows, &norms);
    let tally = Tally::default();
    let joins = |i, j, pulse: &mut Pulse<'_>| {
        if !same_scope(scope, i, j) {
            return Ok(false);
        }
        tally.judge();
        Ok(threshold.holds(side.judge(i, side, j, pulse)?))
    };
    let (mut codes, mut terms) = (Codes::new(bytes, rows.dim()), Vec::new());
    let mut within = Within::new(bytes, rows.dim());
    let mut earlier = Earlier::new(bytes, rows.dim());
    let mut labels: Vec<usize> = Vec::new();
    reserve(&mut labels, rows.len(), GROUPS)?;
    let mut n_clusters = 0;
    for block in pieces(0..rows.len(), block) {
        codes.fill(side, block.clone(), run)?;
        codes.all_terms(threshold.value(), &mut terms)?;
        let best: Vec<AtomicUsize> = block.clone().map(|_| AtomicUsize::new(usize::MAX)).collect();
        let search = Search { codes: &codes, terms: &terms, panels: &earlier.panels, tally: &tally };
        let holds = |row, slot, pulse: &mut Pulse<'_>| joins(block.start + row, earlier.rows[slot], pulse);
        search.least(run, &earlier.order, |slot| labels[earlier.rows[slot]], holds, &best)?;
        let all: Vec<u32> = (0..).take(block.len()).collect();
        within.fill(run, (&codes, &terms), &all, &tally)?;
        let mut ask = || run.check();
        let mut pulse = Pulse::new(&mut ask);
        for (k, best) in best.into_iter().enumerate() {
            let mut group = best.into_inner();
            for j in within.before(k).map(|earlier| block.start + earlier) {
                // A larger group could not win, so its cosine is not needed.
                if labels[j] < group && joins(block.start + k, j, &mut pulse)? {
                    group = labels[j];
                }
            }
            if group == usize::MAX {
                group = n_clusters;
                n_clusters += 1;
            }
            labels.push(group);
        }
        earlier.push(&codes, block, &labels, &mut pulse)?;
    }
    let labels = labels.into_iter().map(signed).collect();
    Ok(Clusters { labels, n_clusters, effort: tally.effort() })
}

/// The rows before a block, each earlier block sorted by label, and its panels in ascending order of first label.
#[derive(Debug)]
struct Earlier {
    panels: Panels,
    order: Vec<usize>,
    /// The row in each slot; where there is none, that of the slot before.
    rows: Vec<usize>,
}

impl Earlier {
    fn new(bytes: Bytes, dim: usize) -> Self {
        Self { panels: Panels::new(bytes, dim), order: Vec::new(), rows: Vec::new() }
    }

    fn push(
        &mut self,
        codes: &Codes,
        block: std::ops::Range<usize>,
        labels: &[usize],
        pulse: &mut Pulse<'_>,
    ) -> Result<()> {
        let mut sorted: Vec<usize> = block.clone().collect();
        sorted.sort_by_key(|row| labels[*row]);
        for row in sorted {
            self.panels.push(codes, row - block.start, pulse)?;
            push(&mut self.rows, row, GROUPS)?;
        }
        self.panels.close();
        if let Some(last) = self.rows.last().copied() {
            resized(&mut self.rows, self.panels.len(), last, GROUPS)?;
        }
        for panel in self.order.len()..self.panels.count() {
            push(&mut self.order, panel, GROUPS)?;
        }
        // In place: a sort that keeps the order of equals would take memory.
        self.order.sort_unstable_by_key(|panel| (labels[self.rows[panel * WIDTH]], *panel));
        Ok(())
    }
}

fn prepare<T: Scalar>(rows: Rows<'_, T>, scope: Option<&[i64]>, zero: Zero, run: &mut Run<'_>) -> Result<Norms> {
    not_empty("rows", rows)?;
    if let Some(scope) = scope
        && scope.len() != rows.len()
    {
        let (expected, got) = (format!("one label for each of the {} rows", rows.len()), scope.len().to_string());
        return Err(Error::Shape { argument: "scope", expected, got });
    }
    Norms::of("rows", rows, zero, run)
}

fn same_scope(scope: Option<&[i64]>, i: usize, j: usize) -> bool {
    scope.is_none_or(|scope| scope[i] == scope[j])
}

/// Union-find; the root of a tree is its lowest member, so that the outcome does not depend on the order of joins.
#[derive(Debug)]
struct Forest {
    parent: Vec<usize>,
}

impl Forest {
    fn new(len: usize) -> Result<Self> {
        Ok(Self { parent: collected(0..len, GROUPS)? })
    }

    fn find(&mut self, mut node: usize) -> usize {
        while self.parent[node] != node {
            self.parent[node] = self.parent[self.parent[node]];
            node = self.parent[node];
        }
        node
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.find(a), self.find(b));
        self.parent[a.max(b)] = a.min(b);
    }

    /// Trees numbered by their lowest member.
    fn clusters(mut self, effort: Effort) -> Result<Clusters> {
        let mut labels = zeroed(self.parent.len() as u128, GROUPS)?;
        let mut n_clusters = 0;
        for node in 0..labels.len() {
            let root = self.find(node);
            if root == node {
                labels[node] = signed(n_clusters);
                n_clusters += 1;
            } else {
                labels[node] = labels[root];
            }
        }
        Ok(Clusters { labels, n_clusters, effort })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screen::hard;
    use proptest::prelude::*;

    fn with_run<R>(threads: usize, call: impl FnOnce(&mut Run<'_>) -> Result<R>) -> Result<R> {
        call(&mut Run::new(threads, &mut || false)?)
    }

    fn small_rows() -> impl Strategy<Value = (usize, Vec<f32>, Vec<i64>)> {
        (1usize..4, 1usize..40).prop_flat_map(|(dim, n)| {
            let row = prop::collection::vec(-2i8..=2, dim).prop_filter("zero row", |r| r.iter().any(|v| *v != 0));
            let data =
                prop::collection::vec(row, n).prop_map(|rows| rows.concat().into_iter().map(f32::from).collect());
            (Just(dim), data, prop::collection::vec(0i64..2, n))
        })
    }

    /// Who is similar to whom, from a table of judged cosines.
    fn adjacency(rows: Rows<'_, f32>, threshold: Threshold, scope: &[i64]) -> Vec<Vec<bool>> {
        let norms = with_run(1, |run| Norms::of("rows", rows, Zero::Error, run)).unwrap();
        let side = Side::new(rows, &norms);
        let n = rows.len();
        (0..n).map(|i| (0..n).map(|j| scope[i] == scope[j] && threshold.holds(judged(side, i, j))).collect()).collect()
    }

    fn judged(side: Side<'_, f32>, i: usize, j: usize) -> f64 {
        side.judge(i, side, j, &mut Pulse::new(&mut || Ok(()))).unwrap()
    }

    /// Spreads the lowest label until nothing moves.
    fn closure(near: &[Vec<bool>]) -> Vec<i64> {
        let n = near.len();
        let mut lowest: Vec<usize> = (0..n).collect();
        let mut moved = true;
        while moved {
            moved = false;
            for i in 0..n {
                for j in 0..n {
                    if near[i][j] && lowest[j] < lowest[i] {
                        lowest[i] = lowest[j];
                        moved = true;
                    }
                }
            }
        }
        let mut seen: Vec<usize> = Vec::new();
        lowest
            .iter()
            .map(|low| match seen.iter().position(|s| s == low) {
                Some(at) => signed(at),
                None => {
                    seen.push(*low);
                    signed(seen.len() - 1)
                }
            })
            .collect()
    }

    fn first_served(near: &[Vec<bool>]) -> Vec<i64> {
        let mut labels: Vec<i64> = Vec::new();
        for near in near {
            let group = labels.iter().zip(near).filter(|(_, near)| **near).map(|(label, _)| *label).min();
            labels.push(group.unwrap_or_else(|| labels.iter().max().map_or(0, |m| m + 1)));
        }
        labels
    }

    #[test]
    fn exactly_at_the_threshold_does_not_join() {
        let rows = Rows::new("rows", &[1.0f32, 0.0, 3.0, 4.0], 2).unwrap();
        for (threshold, groups) in [(Threshold::above(0.6), 2), (Threshold::at_least(0.6), 1)] {
            let threshold = threshold.unwrap();
            let one = with_run(1, |run| single_link(rows, threshold, None, Zero::Error, run)).unwrap();
            let other = with_run(1, |run| first_come(rows, threshold, None, Zero::Error, run)).unwrap();
            assert_eq!((one.n_clusters, other.n_clusters), (groups, groups));
        }
    }

    #[test]
    fn a_scope_of_another_length_is_refused() {
        let rows = Rows::new("rows", &[1.0f32, 0.0], 2).unwrap();
        let threshold = Threshold::above(0.6).unwrap();
        let call = with_run(1, |run| single_link(rows, threshold, Some(&[1, 2]), Zero::Error, run));
        assert!(matches!(call, Err(Error::Shape { argument: "scope", .. })));
    }

    #[test]
    fn zero_rows_stand_alone_where_they_are_allowed() {
        let rows = Rows::new("rows", &[0.0f32, 0.0, 1.0, 0.0, 0.0, 0.0], 2).unwrap();
        let threshold = Threshold::above(0.6).unwrap();
        let call = with_run(1, |run| single_link(rows, threshold, None, Zero::Orthogonal, run)).unwrap();
        assert_eq!(call.labels, [0, 1, 2]);
    }

    #[test]
    fn every_instruction_set_and_thread_count_groups_hard_rows_as_the_f64_loop_does() {
        for (n, dim) in hard::SHAPES {
            for (name, data) in hard::sets(n, dim, 0.6) {
                let rows = Rows::new("rows", &data, dim).unwrap();
                let threshold = Threshold::above(0.6).unwrap();
                let near = adjacency(rows, threshold, &vec![0; rows.len()]);
                let (closed, served) = (closure(&near), first_served(&near));
                for bytes in Bytes::available() {
                    for (threads, block) in [(1, 512), (3, 32), (2, 5)] {
                        let cut = Cut { rows: block, columns: block, band: 1 };
                        let (none, zero) = (None, Zero::Error);
                        let one =
                            with_run(threads, |run| single_link_by(rows, threshold, (none, zero), cut, bytes, run));
                        assert_eq!(one.unwrap().labels, closed, "{name} {n} x {dim} {bytes:?} {threads} {block}");
                        let one =
                            with_run(threads, |run| first_come_by(rows, threshold, (none, zero), block, bytes, run));
                        assert_eq!(one.unwrap().labels, served, "{name} {n} x {dim} {bytes:?} {threads} {block}");
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn both_methods_agree_with_the_textbook_for_every_cut(
            (dim, data, scope) in small_rows(),
            threshold in prop::sample::select(vec![-1.0, 0.0, 0.5, 0.6, 0.7, 1.0]),
            strict: bool,
            threads in 1usize..4,
            (tile_rows, columns, band) in (1usize..9, 1usize..9, 1usize..200),
        ) {
            let rows = Rows::new("rows", &data, dim).unwrap();
            let threshold = Threshold::new(threshold, strict).unwrap();
            let near = adjacency(rows, threshold, &scope);
            let cut = Cut { rows: tile_rows, columns, band };
            let bytes = Bytes::of(crate::Isa::best());
            let linked =
                with_run(threads, |run| single_link_by(rows, threshold, (Some(&scope), Zero::Error), cut, bytes, run)).unwrap();
            prop_assert_eq!(&linked.labels, &closure(&near));
            let served =
                with_run(threads, |run| first_come_by(rows, threshold, (Some(&scope), Zero::Error), columns, bytes, run)).unwrap();
            prop_assert_eq!(&served.labels, &first_served(&near));
            prop_assert_eq!(served.n_clusters as i64, served.labels.iter().max().map_or(0, |m| m + 1));
            let usual = with_run(1, |run| single_link(rows, threshold, Some(&scope), Zero::Error, run)).unwrap();
            prop_assert_eq!(linked.labels, usual.labels);
        }
    }
}
