//! All pairs of two sets: panels cut across trajectories, so that every lane of a large product is used whatever the
//! lengths, and every packed row meets many columns.

use std::ops::Range;

use crate::batch::{Prepared, filled};
use crate::error::Result;
use crate::pair::{Rules, resize};
use crate::rows::{Ragged, Scalar, widened};
use crate::simd::{Columns, Kernels, Panel, Places, Sides, Soon};
use crate::work::Run;

/// Rows of x that are packed together.
const GROUP_ROWS: usize = 512;
/// Rows of y that meet them at once: they and a panel stay in the second cache.
const CHUNK_ROWS: usize = 224;
/// Rows of strips, and diagonals of strips, that one block takes: short sequences are mostly padding.
const PADDED: usize = 1024;
/// Chunks that one item of work goes through, at most, before its panels are packed again.
const CHUNKS: usize = 16;
/// Items for each thread, at least, where there are so many chunks: so the last ones wait for little.
const ITEMS: usize = 4;

/// Sequences of x in one group, and of y in consecutive chunks.
struct Item {
    group: Range<usize>,
    chunks: Vec<Range<usize>>,
    distances: Vec<f64>,
}

/// Buffers of one thread.
struct Workspace<E> {
    /// First sequence of the packed group, and how many panels it has.
    packed: Option<usize>,
    panels: Vec<Panel<E>>,
    x: Vec<E>,
    y: Vec<E>,
    costs: Vec<E>,
    above: Vec<f64>,
    below: Vec<f64>,
    columns: Vec<usize>,
    of: Vec<usize>,
    places: Vec<Places>,
}

/// True where the panels know the rules and the rows.
pub(crate) fn applies<T: Scalar>(x: &Prepared<'_, T>, y: &Prepared<'_, T>, rules: &Rules) -> bool {
    rules.plain()
        && rules.metric == crate::cost::Metric::Cosine
        && T::Wide::panel_width(rules.isa) == T::Wide::strip_height(rules.isa)
        && x.ordinary()
        && y.ordinary()
}

/// Which distances of a matrix are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// All.
    All,
    /// Row r from column r on.
    Upper,
    /// Row r from column r + 1 on.
    Above,
}

impl Part {
    /// The first column of row `r`.
    fn first(self, r: usize) -> usize {
        match self {
            Self::All => 0,
            Self::Upper => r,
            Self::Above => r + 1,
        }
    }
}

/// The distances of the sequences `queries` of `x` to every one of `y`, row after row; those outside `part` stay as they
/// are.
pub(crate) fn distances<T: Scalar>(
    x: &Prepared<'_, T>,
    queries: &Range<usize>,
    y: &Prepared<'_, T>,
    part: Part,
    rules: &Rules,
    out: &mut [f64],
    run: &mut Run<'_>,
) -> Result<()> {
    let (height, width) = (T::Wide::strip_height(rules.isa), T::Wide::panel_columns(rules.isa));
    let rows = |len: usize| len.next_multiple_of(height);
    let diagonals = |len: usize| len + height - 1;
    let blocks = groups(&x.set, queries.clone(), GROUP_ROWS, height, rows).into_iter().map(|group| {
        let first = part.first(group.start).min(y.set.len());
        (group, groups(&y.set, first..y.set.len(), CHUNK_ROWS, width, diagonals))
    });
    let blocks: Vec<_> = blocks.collect();
    let all: usize = blocks.iter().map(|(_, chunks)| chunks.len()).sum();
    let at_once = (all / ITEMS / run.threads()).clamp(1, CHUNKS);
    let mut items = Vec::new();
    for (group, chunks) in blocks {
        for chunks in chunks.chunks(at_once) {
            let sequences: usize = chunks.iter().map(Range::len).sum();
            let size = group.len() as u128 * sequences as u128;
            let distances = filled(size, f64::INFINITY, "the distances of a block")?;
            items.push(Item { group: group.clone(), chunks: chunks.to_vec(), distances });
        }
    }
    run.each_asking(items.iter_mut().collect(), Workspace::default, |space, item: &mut Item, ask| {
        let mut first = 0;
        space.pack_group(x, &item.group, rules);
        for chunk in &item.chunks {
            ask()?;
            let out = &mut item.distances[first..first + item.group.len() * chunk.len()];
            space.block(x, y, &item.group, chunk, part, rules, out)?;
            first += item.group.len() * chunk.len();
        }
        Ok(())
    })?;
    let columns = y.set.len();
    for item in items {
        let mut values = item.distances.iter();
        for chunk in &item.chunks {
            for r in item.group.clone() {
                for s in chunk.clone() {
                    if let (Some(value), true) = (values.next(), s >= part.first(r)) {
                        let limit = rules.constraints.max_distance;
                        out[(r - queries.start) * columns + s] = if *value > limit { f64::INFINITY } else { *value };
                    }
                }
            }
        }
    }
    Ok(())
}

/// Consecutive sequences of at most `most` rows, and `PADDED` rows as `padded`, together, at least one each; of the larger
/// half of those, as many as leave the least of a multiple of `unit` rows unused.
fn groups<T: Scalar>(
    set: &Ragged<'_, T>,
    sequences: Range<usize>,
    most: usize,
    unit: usize,
    padded: impl Fn(usize) -> usize,
) -> Vec<Range<usize>> {
    let mut groups = Vec::new();
    let mut start = sequences.start;
    while start < sequences.end {
        let (mut end, mut total, mut size) = (start, 0, 0);
        // The best end so far, with how many rows it would leave unused of how many.
        let mut best: Option<(usize, usize, usize)> = None;
        while end < sequences.end {
            let len = set.range(end).len();
            if end > start && (total + len > most || size + padded(len) > PADDED) {
                break;
            }
            (end, total, size) = (end + 1, total + len, size + padded(len));
            let unused = total.next_multiple_of(unit) - total;
            let large = 2 * total >= most || 2 * size >= PADDED || end == sequences.end;
            if large && best.is_none_or(|(_, least, of)| unused * of <= least * total) {
                best = Some((end, unused, total));
            }
        }
        end = best.map_or(end, |(end, ..)| end);
        groups.push(start..end);
        start = end;
    }
    groups
}

impl<E> Default for Workspace<E> {
    fn default() -> Self {
        Self {
            packed: None,
            panels: Vec::new(),
            x: Vec::new(),
            y: Vec::new(),
            costs: Vec::new(),
            above: Vec::new(),
            below: Vec::new(),
            columns: Vec::new(),
            of: Vec::new(),
            places: Vec::new(),
        }
    }
}

impl<E: Kernels> Workspace<E> {
    fn pack_group<T: Scalar<Wide = E>>(&mut self, x: &Prepared<'_, T>, group: &Range<usize>, rules: &Rules) {
        if self.packed == Some(group.start) {
            return;
        }
        let (height, dim) = (E::strip_height(rules.isa), x.set.dim());
        let rows = widened(x.set.span(group), &mut self.x);
        let count = rows.len().div_ceil(dim * height);
        self.panels.resize_with(count.max(self.panels.len()), Panel::default);
        for (panel, rows) in self.panels.iter_mut().zip(rows.chunks(dim * height)) {
            E::pack(rules.isa, rows, dim, panel);
        }
        self.packed = Some(group.start);
    }

    /// All distances of a group and a chunk, row after row.
    #[expect(clippy::too_many_arguments, reason = "both sides, both ranges, how and where to")]
    fn block<T: Scalar<Wide = E>>(
        &mut self,
        x: &Prepared<'_, T>,
        y: &Prepared<'_, T>,
        group: &Range<usize>,
        chunk: &Range<usize>,
        part: Part,
        rules: &Rules,
        out: &mut [f64],
    ) -> Result<()> {
        let Self { panels, x: x_buffer, y: y_buffer, costs, above, below, columns, of, places, .. } = self;
        let (height, dim) = (E::strip_height(rules.isa), x.set.dim());
        let wanted = |r: usize, s: usize| s >= part.first(r);
        let strip = |s: usize| (y.set.range(s).len() + height - 1) * height;
        let strips = |r: usize| x.set.range(r).len().div_ceil(height);
        // Where each pair's strips start.
        let mut starts = Vec::with_capacity(group.len() * chunk.len());
        let mut size = 0;
        for r in group.clone() {
            for s in chunk.clone() {
                starts.push(size);
                size += if wanted(r, s) { strips(r) * strip(s) } else { 0 };
            }
        }
        // Behind them all, room for the cells of a column that nobody wants.
        let longest = chunk.clone().map(|s| y.set.range(s).len()).max().unwrap_or(0);
        let total = size + longest * height;
        resize(costs, total, E::default(), "the costs of a block")?;
        columns.clear();
        of.clear();
        for (t, s) in chunk.clone().enumerate() {
            let len = y.set.range(s).len();
            columns.extend((0..len).map(|j| j * height));
            of.resize(of.len() + len, t);
        }
        let x_rows = widened(x.set.span(group), x_buffer);
        let y_rows = widened(y.set.span(chunk), y_buffer);
        let sides = Sides {
            next: [Soon::default(); 2],
            x: x_rows,
            y: y_rows,
            dim,
            x_inverse: x.inverse(group),
            y_inverse: y.inverse(chunk),
            metric: rules.metric,
        };
        places.resize(chunk.len(), Places::at(size));
        let (mut r, mut row) = (group.start, 0); // the sequence of a panel's first row, and where it begins
        for (p, panel) in panels.iter().enumerate().take(sides.x_inverse.len().div_ceil(height)) {
            while row + x.set.range(r).len() <= p * height {
                row += x.set.range(r).len();
                r += 1;
            }
            // Nobody wants the columns before the panel's first sequence.
            let first = part.first(r).clamp(chunk.start, chunk.end);
            let before = (chunk.start..first).map(|s| y.set.range(s).len()).sum::<usize>();
            for (t, s) in chunk.clone().enumerate().skip(first - chunk.start) {
                places[t] = Places::at(size);
                let (mut r, mut row) = (r, row);
                while r < group.end && row < (p + 1) * height {
                    let m = x.set.range(r).len();
                    // A sequence's part in the panel, strip by strip of the sequence.
                    let (mut from, to) = (row.max(p * height), (row + m).min((p + 1) * height));
                    while wanted(r, s) && from < to {
                        let i = from - row;
                        let len = (height - i % height).min(to - from);
                        let start = starts[(r - group.start) * chunk.len() + t] + i / height * strip(s);
                        let start = start + i % height * (height + 1);
                        let lane = from - p * height;
                        places[t].send(lane..lane + len, start, height + 1);
                        from += len;
                    }
                    row += m;
                    r += 1;
                }
            }
            let sides = Sides { y: &sides.y[before * dim..], y_inverse: &sides.y_inverse[before..], ..sides };
            if !sides.y_inverse.is_empty() {
                let (columns, of) = (&columns[before..], &of[before..]);
                let targets = Columns { columns, of, places };
                E::panel_costs(rules.isa, &sides, p * height, panel.values(), &targets, &mut costs[..total]);
            }
        }
        for (k, r) in group.clone().enumerate() {
            let m = x.set.range(r).len();
            for (t, s) in chunk.clone().enumerate().filter(|(_, s)| wanted(r, *s)) {
                let n = y.set.range(s).len();
                resize(above, n + 1, f64::INFINITY, "a row of sums")?;
                resize(below, n + 1, f64::INFINITY, "a row of sums")?;
                above[..=n].fill(f64::INFINITY);
                above[0] = 0.0;
                for q in 0..strips(r) {
                    let start = starts[k * chunk.len() + t] + q * strip(s);
                    let rows = (m - q * height).min(height);
                    let costs = &costs[start..start + strip(s)];
                    E::strip(rules.isa, rows, n, costs, &above[..=n], &mut below[..=n], &mut []);
                    std::mem::swap(above, below);
                }
                out[k * chunk.len() + t] = above[n];
            }
        }
        Ok(())
    }
}
