//! The table of all pairs, cut into tiles that threads take one by one.

use std::ops::{ControlFlow, Range};

use crate::error::Result;
use crate::memory::{push, reserve};
use crate::pulse::Pulse;
use crate::work::Run;

/// How the table is cut. Results do not depend on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut {
    /// Rows a tile.
    pub(crate) rows: usize,
    /// Columns a tile: few enough that their unit rows stay in the cache while the rows go by.
    pub(crate) columns: usize,
    /// Pairs that are looked at before results are collected, which bounds the memory for them.
    pub(crate) band: usize,
}

impl Default for Cut {
    fn default() -> Self {
        Self { rows: 256, columns: 256, band: 1 << 22 }
    }
}

/// Which pairs are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Every row with every column.
    Rectangle,
    /// Row i with the columns j > i.
    Triangle,
}

/// A rectangle of the table.
#[derive(Debug, Clone)]
pub(crate) struct Tile {
    pub(crate) rows: Range<usize>,
    columns: Range<usize>,
    shape: Shape,
}

impl Tile {
    /// The columns that row `i` is compared with.
    pub(crate) fn columns(&self, i: usize) -> Range<usize> {
        match self.shape {
            Shape::Rectangle => self.columns.clone(),
            Shape::Triangle => self.columns.start.max(i + 1)..self.columns.end,
        }
    }
}

/// Cuts `range` into pieces of `size`.
pub(crate) fn pieces(range: Range<usize>, size: usize) -> impl Iterator<Item = Range<usize>> {
    let end = range.end;
    range.step_by(size).map(move |start| start..end.min(start + size))
}

/// Looks at an `n x m` table, band of rows after band of rows. Threads fill one `R` a tile with `work`; `collect`
/// gets a band's tiles with their results in order (rows first, then columns) and may end the search.
pub(crate) fn for_each_band<R: Default + Send>(
    run: &mut Run<'_>,
    (n, m, shape): (usize, usize, Shape),
    cut: Cut,
    work: impl Fn(&Tile, &mut R, &mut Pulse<'_>) -> Result<()> + Sync,
    mut collect: impl FnMut(&mut Vec<(Tile, R)>, &mut Run<'_>) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let band_rows = (cut.band / m.max(1)).next_multiple_of(cut.rows).max(cut.rows);
    let mut tiles: Vec<(Tile, R)> = Vec::new();
    for band in pieces(0..n, band_rows) {
        tiles.clear();
        reserve(&mut tiles, band.len().div_ceil(cut.rows) * m.div_ceil(cut.columns), TILES)?;
        for rows in pieces(band, cut.rows) {
            let first = if shape == Shape::Triangle { rows.start } else { 0 };
            for columns in pieces(first..m, cut.columns) {
                push(&mut tiles, (Tile { rows: rows.clone(), columns, shape }, R::default()), TILES)?;
            }
        }
        run.each_asking(&mut tiles, || (), |(), (tile, result), ask| work(tile, result, &mut Pulse::new(ask)))?;
        if collect(&mut tiles, run)?.is_break() {
            break;
        }
    }
    Ok(())
}

/// What messages call the list of tiles.
const TILES: &str = "the tiles of the table";

#[cfg(test)]
mod tests {
    use super::*;

    fn visited(n: usize, m: usize, shape: Shape, cut: Cut) -> Vec<(usize, usize)> {
        let mut stop = || false;
        let mut run = Run::new(3, &mut stop).unwrap();
        let mut all = Vec::new();
        let work = |tile: &Tile, out: &mut Vec<(usize, usize)>, _: &mut Pulse<'_>| {
            for i in tile.rows.clone() {
                out.extend(tile.columns(i).map(|j| (i, j)));
            }
            Ok(())
        };
        let collect = |tiles: &mut Vec<(Tile, Vec<(usize, usize)>)>, _: &mut Run<'_>| {
            all.extend(tiles.drain(..).flat_map(|(_, found)| found));
            Ok(ControlFlow::Continue(()))
        };
        for_each_band(&mut run, (n, m, shape), cut, work, collect).unwrap();
        all.sort_unstable();
        all
    }

    #[test]
    fn every_pair_is_visited_once_whatever_the_cut() {
        for (rows, columns, band) in [(1, 1, 1), (2, 3, 7), (4, 2, 1000), (128, 256, 1 << 22)] {
            for n in [0, 1, 2, 3, 7, 8, 9, 31, 32, 33] {
                let cut = Cut { rows, columns, band };
                let full: Vec<_> = (0..n).flat_map(|i| (0..5).map(move |j| (i, j))).collect();
                assert_eq!(visited(n, 5, Shape::Rectangle, cut), full);
                let half: Vec<_> = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).collect();
                assert_eq!(visited(n, n, Shape::Triangle, cut), half);
            }
        }
    }
}
