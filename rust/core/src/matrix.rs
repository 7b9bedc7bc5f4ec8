//! All pairs of two sets: panels cut across trajectories, so that every lane of a large product is used whatever the
//! lengths, and every packed row meets many columns.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use crate::batch::Prepared;
use crate::error::Result;
use crate::memory::{collected, push, reserve, resized, room};
use crate::pair::Rules;
use crate::pulse::Pulse;
use crate::rows::{Ragged, Scalar, widened};
use crate::simd::{Columns, Kernels, Panel, Places, Sides, Soon};
use crate::tiles::pieces;
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

/// Cells of the largest pair whose costs are all held at once.
const CELLS: usize = 1 << 24;

/// What messages call the costs of one block, and what goes with them.
const BLOCK: &str = "the costs of a block";
/// What messages call the list of blocks.
const BLOCKS: &str = "the blocks of the matrix";

/// A group of sequences of x, and consecutive chunks of sequences of y, by their numbers.
struct Item {
    group: usize,
    chunks: Range<usize>,
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
    distances: Vec<f64>,
}

/// True where the panels know the rules and the rows, and every pair is short enough.
pub(crate) fn applies<T: Scalar>(x: &Prepared<'_, T>, y: &Prepared<'_, T>, rules: &Rules) -> bool {
    rules.plain()
        && rules.metric == crate::cost::Metric::Cosine
        && T::Wide::panel_width(rules.isa) == T::Wide::strip_height(rules.isa)
        && longest(&x.set).saturating_mul(longest(&y.set)) <= CELLS
        && x.ordinary()
        && y.ordinary()
}

/// Rows of the longest sequence.
fn longest<T: Scalar>(set: &Ragged<'_, T>) -> usize {
    (0..set.len()).map(|s| set.range(s).len()).max().unwrap_or(0)
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
    let columns = y.set.len();
    let (mut groups, mut chunks) = (Vec::new(), Vec::new());
    cut(&x.set, queries.clone(), GROUP_ROWS, height, rows, &mut groups)?;
    // The chunks of every group, which groups that begin at the same column share.
    let mut spans: Vec<(usize, Range<usize>)> = Vec::new();
    let mut all = 0;
    for group in &groups {
        let first = part.first(group.start).min(columns);
        let span = match spans.last() {
            Some((same, span)) if *same == first => span.clone(),
            _ => {
                let start = chunks.len();
                cut(&y.set, first..columns, CHUNK_ROWS, width, diagonals, &mut chunks)?;
                start..chunks.len()
            }
        };
        all += span.len();
        push(&mut spans, (first, span), BLOCKS)?;
    }
    let at_once = (all / ITEMS / run.threads()).clamp(1, CHUNKS);
    let mut items = Vec::new();
    for (group, (_, span)) in spans.iter().enumerate() {
        for chunks in pieces(span.clone(), at_once) {
            push(&mut items, Item { group, chunks }, BLOCKS)?;
        }
    }
    // The rows of each group, for one thread at a time.
    let mut left = &mut out[..];
    let own = groups.iter().map(|group| Mutex::new(left.split_off_mut(..group.len() * columns).unwrap_or_default()));
    let own = collected(own, BLOCKS)?;
    let limit = rules.constraints.max_distance;
    run.each_asking(&items, Workspace::default, |space, item, ask| {
        let (group, mut pulse) = (&groups[item.group], Pulse::new(ask));
        space.pack_group(x, group, rules, &mut pulse)?;
        for chunk in &chunks[item.chunks.clone()] {
            pulse.now()?;
            space.block(x, y, group, chunk, part, rules, &mut pulse)?;
            let mut rows = own[item.group].lock().unwrap_or_else(PoisonError::into_inner);
            let found = space.distances.chunks_exact(chunk.len());
            for ((r, found), row) in group.clone().zip(found).zip(rows.chunks_exact_mut(columns)) {
                let first = part.first(r).clamp(chunk.start, chunk.end);
                for (value, found) in row[first..chunk.end].iter_mut().zip(&found[first - chunk.start..]) {
                    *value = if *found > limit { f64::INFINITY } else { *found };
                }
            }
        }
        Ok(())
    })
}

/// Consecutive sequences of at most `most` rows, and `PADDED` rows as `padded`, together, at least one each; of the larger
/// half of those, as many as leave the least of a multiple of `unit` rows unused.
fn cut<T: Scalar>(
    set: &Ragged<'_, T>,
    sequences: Range<usize>,
    most: usize,
    unit: usize,
    padded: impl Fn(usize) -> usize,
    groups: &mut Vec<Range<usize>>,
) -> Result<()> {
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
        push(groups, start..end, BLOCKS)?;
        start = end;
    }
    Ok(())
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
            distances: Vec::new(),
        }
    }
}

impl<E: Kernels> Workspace<E> {
    fn pack_group<T: Scalar<Wide = E>>(
        &mut self,
        x: &Prepared<'_, T>,
        group: &Range<usize>,
        rules: &Rules,
        pulse: &mut Pulse<'_>,
    ) -> Result<()> {
        if self.packed == Some(group.start) {
            return Ok(());
        }
        self.packed = None;
        let (height, dim) = (E::strip_height(rules.isa), x.set.dim());
        let rows = widened(x.set.span(group), &mut self.x, pulse)?;
        let count = rows.len().div_ceil(dim * height).max(self.panels.len());
        let more = count - self.panels.len();
        reserve(&mut self.panels, more, BLOCK)?;
        self.panels.resize_with(count, Panel::default);
        for (panel, rows) in self.panels.iter_mut().zip(rows.chunks(dim * height)) {
            E::pack(rules.isa, rows, dim, panel, pulse)?;
        }
        self.packed = Some(group.start);
        Ok(())
    }

    /// All distances of a group and a chunk, row after row, into `distances`.
    #[expect(clippy::too_many_arguments, reason = "both sides, both ranges, how and where to")]
    fn block<T: Scalar<Wide = E>>(
        &mut self,
        x: &Prepared<'_, T>,
        y: &Prepared<'_, T>,
        group: &Range<usize>,
        chunk: &Range<usize>,
        part: Part,
        rules: &Rules,
        pulse: &mut Pulse<'_>,
    ) -> Result<()> {
        let Self { panels, x: x_buffer, y: y_buffer, costs, above, below, columns, of, places, distances, .. } = self;
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
        room(costs, total, BLOCK)?;
        distances.clear();
        resized(distances, group.len() * chunk.len(), 0.0, BLOCK)?;
        columns.clear();
        of.clear();
        for (t, s) in chunk.clone().enumerate() {
            let len = y.set.range(s).len();
            reserve(columns, len, BLOCK)?;
            columns.extend((0..len).map(|j| j * height));
            resized(of, of.len() + len, t, BLOCK)?;
        }
        let x_rows = widened(x.set.span(group), x_buffer, pulse)?;
        let y_rows = widened(y.set.span(chunk), y_buffer, pulse)?;
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
                E::panel_costs(rules.isa, &sides, p * height, panel.values(), &targets, &mut costs[..total], pulse)?;
            }
        }
        for (k, r) in group.clone().enumerate() {
            let m = x.set.range(r).len();
            for (t, s) in chunk.clone().enumerate().filter(|(_, s)| wanted(r, *s)) {
                let n = y.set.range(s).len();
                room(above, n + 1, "a row of sums")?;
                room(below, n + 1, "a row of sums")?;
                above[..=n].fill(f64::INFINITY);
                above[0] = 0.0;
                for q in 0..strips(r) {
                    let start = starts[k * chunk.len() + t] + q * strip(s);
                    let rows = (m - q * height).min(height);
                    let costs = &costs[start..start + strip(s)];
                    E::strip(rules.isa, rows, n, costs, &above[..=n], &mut below[..=n], &mut [], pulse)?;
                    std::mem::swap(above, below);
                }
                distances[k * chunk.len() + t] = above[n];
            }
        }
        Ok(())
    }
}
