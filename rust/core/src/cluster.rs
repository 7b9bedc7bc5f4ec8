//! Groups of rows by cosine: the closure of "similar enough", or first come first served.

use std::ops::ControlFlow;

use crate::cosine::{Threshold, signed};
use crate::error::{Error, Result};
use crate::judge::{Norms, Side, margin, not_empty};
use crate::rows::{Rows, Scalar, Zero};
use crate::tiles::{Cut, Shape, Tile, for_each_band, pieces};
use crate::work::Run;

/// Which group each row is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clusters {
    /// One label a row, numbered from 0 in order of first appearance.
    pub labels: Vec<i64>,
    /// Number of groups.
    pub n_clusters: usize,
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
    single_link_by(rows, threshold, scope, zero, Cut::default(), run)
}

fn single_link_by<T: Scalar>(
    rows: Rows<'_, T>,
    threshold: Threshold,
    scope: Option<&[i64]>,
    zero: Zero,
    cut: Cut,
    run: &mut Run<'_>,
) -> Result<Clusters> {
    let (norms, margin) = prepare(rows, scope, zero)?;
    let side = Side::new(rows, &norms);
    let n = rows.len();
    let mut forest = Forest::new(n);
    for_each_band(
        run,
        (n, n, Shape::Triangle),
        cut,
        |tile, links: &mut Vec<(usize, usize)>| {
            let joins = |i, j| same_scope(scope, i, j) && threshold.passes(side, i, side, j, margin);
            spanning_links(tile, joins, links);
        },
        |tiles| {
            for (i, j) in tiles.into_iter().flatten() {
                forest.join(i, j);
            }
            ControlFlow::Continue(())
        },
    )?;
    Ok(forest.clusters())
}

/// Links enough of a tile's joining pairs to connect all of them: fewer than rows plus columns, whatever joins.
fn spanning_links(tile: &Tile, joins: impl Fn(usize, usize) -> bool, links: &mut Vec<(usize, usize)>) {
    let first_column = tile.columns(0).start;
    let height = tile.rows.len();
    // Rows then columns; a row that is also a column stands for itself twice, which only costs a spare link.
    let mut local = Forest::new(height + tile.columns(0).len());
    for i in tile.rows.clone() {
        for j in tile.columns(i) {
            let (a, b) = (i - tile.rows.start, height + j - first_column);
            if local.find(a) != local.find(b) && joins(i, j) {
                local.join(a, b);
                links.push((i, j));
            }
        }
    }
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
    first_come_by(rows, threshold, scope, zero, 256, run)
}

/// What is known of a row of the current block: the smallest group among rows before the block, and the rows of the
/// block that it is similar to.
#[derive(Debug, Clone, Default)]
struct Arrival {
    row: usize,
    group: Option<i64>,
    near: Vec<usize>,
}

fn first_come_by<T: Scalar>(
    rows: Rows<'_, T>,
    threshold: Threshold,
    scope: Option<&[i64]>,
    zero: Zero,
    block: usize,
    run: &mut Run<'_>,
) -> Result<Clusters> {
    let (norms, margin) = prepare(rows, scope, zero)?;
    let side = Side::new(rows, &norms);
    let joins = |i, j| same_scope(scope, i, j) && threshold.passes(side, i, side, j, margin);
    let mut labels: Vec<i64> = Vec::with_capacity(rows.len());
    let mut n_clusters = 0;
    let mut arrivals = vec![Arrival::default(); block.min(rows.len())];
    for block in pieces(0..rows.len(), block) {
        let arrivals = &mut arrivals[..block.len()];
        for (arrival, row) in arrivals.iter_mut().zip(block.clone()) {
            arrival.row = row;
            arrival.group = None;
            arrival.near.clear();
        }
        let before = &labels;
        run.each(
            arrivals.chunks_mut(8).collect(),
            || (),
            |(), arrivals| {
                for earlier in pieces(0..block.start, Cut::default().columns) {
                    for arrival in arrivals.iter_mut() {
                        for j in earlier.clone() {
                            // A larger group could not win, so its cosine is not needed.
                            if arrival.group.is_none_or(|group| before[j] < group) && joins(arrival.row, j) {
                                arrival.group = Some(before[j]);
                            }
                        }
                    }
                }
                for arrival in arrivals {
                    let row = arrival.row;
                    arrival.near.extend((block.start..row).filter(|&j| joins(row, j)));
                }
                Ok(())
            },
        )?;
        for arrival in arrivals.iter() {
            let in_block = arrival.near.iter().map(|&j| labels[j]).min();
            let group = [arrival.group, in_block].into_iter().flatten().min();
            labels.push(group.unwrap_or(n_clusters));
            n_clusters += i64::from(group.is_none());
        }
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts rows in memory")]
    Ok(Clusters { labels, n_clusters: n_clusters as usize })
}

fn prepare<T: Scalar>(rows: Rows<'_, T>, scope: Option<&[i64]>, zero: Zero) -> Result<(Norms<T::Wide>, f64)> {
    not_empty("rows", rows)?;
    if let Some(scope) = scope
        && scope.len() != rows.len()
    {
        let (expected, got) = (format!("one label for each of the {} rows", rows.len()), scope.len().to_string());
        return Err(Error::Shape { argument: "scope", expected, got });
    }
    Ok((Norms::of("rows", rows, zero)?, margin::<T::Wide>(rows.dim())))
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
    fn new(len: usize) -> Self {
        Self { parent: (0..len).collect() }
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
    fn clusters(mut self) -> Clusters {
        let mut labels = vec![0i64; self.parent.len()];
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
        Clusters { labels, n_clusters }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        let norms = Norms::of("rows", rows, Zero::Error).unwrap();
        let side = Side::new(rows, &norms);
        let n = rows.len();
        (0..n)
            .map(|i| (0..n).map(|j| scope[i] == scope[j] && threshold.holds(side.judge(i, side, j))).collect())
            .collect()
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
            let linked =
                with_run(threads, |run| single_link_by(rows, threshold, Some(&scope), Zero::Error, cut, run)).unwrap();
            prop_assert_eq!(&linked.labels, &closure(&near));
            let served =
                with_run(threads, |run| first_come_by(rows, threshold, Some(&scope), Zero::Error, columns, run)).unwrap();
            prop_assert_eq!(&served.labels, &first_served(&near));
            prop_assert_eq!(served.n_clusters as i64, served.labels.iter().max().map_or(0, |m| m + 1));
            let usual = with_run(1, |run| single_link(rows, threshold, Some(&scope), Zero::Error, run)).unwrap();
            prop_assert_eq!(linked, usual);
        }
    }
}
