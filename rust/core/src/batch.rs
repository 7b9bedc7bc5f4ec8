//! What every batch of pairs shares: sets with their norms, checked pairs, blocks of work, and where results go.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::memory::{collected, push, reserve, zeroed};
use crate::pair::{self, Found, PANEL_ROWS, Rules, Side, Want, inverse_norms};
use crate::pulse::Pulse;
use crate::rows::{Ragged, Scalar, widened};
use crate::simd::{Pass, Soon};
use crate::work::Run;

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
        // As many rows as are widened at a time: few where they are long.
        let rows = set.rows();
        let together = (TOGETHER / rows.dim()).clamp(1, 256);
        let mut inverse = zeroed(rows.len() as u128, "the norms of the rows")?;
        run.each_asking(inverse.chunks_mut(together).enumerate(), Vec::new, |buffer, (block, out), ask| {
            let (first, mut pulse) = (block * together, Pulse::new(ask));
            let then = Soon::of(rows.slice(first + out.len(), rows.len()).data());
            let rows = rows.slice(first, first + out.len());
            let wide = widened(rows, buffer, &mut pulse)?;
            let (argument, dim, zero) = (set.argument(), rows.dim(), rules.zero);
            inverse_norms(rules, &Pass { argument, first, rows: wide, dim, zero, then }, out, &mut pulse)
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

    /// True where a row may be zero, whose inverse norm is kept as 0.
    pub(crate) fn zero(&self) -> bool {
        self.inverse.as_ref().is_none_or(|inverse| inverse.contains(&T::Wide::default()))
    }

    /// Inverse norms of the rows of consecutive sequences, where they were computed ahead.
    pub(crate) fn inverse(&self, sequences: &Range<usize>) -> &[T::Wide] {
        let rows = self.set.range(sequences.start).start..self.set.range(sequences.end - 1).end;
        self.inverse.as_ref().map_or(&[], |inverse| &inverse[rows])
    }

    /// Sequence `s`, ready for [`pair::align_pair`].
    pub(crate) fn side(&self, s: usize) -> Side<'_, T> {
        let range = self.set.range(s);
        let inverse = self.inverse.as_ref().map(|inverse| &inverse[range.clone()]);
        Side { argument: self.set.argument(), first: range.start, rows: self.set.get(s), inverse }
    }
}

/// Numbers that the norm pass takes at a time.
const TOGETHER: usize = 1 << 20;

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
pub(crate) fn numbered(len: usize) -> Result<()> {
    if i32::try_from(len).is_ok() {
        return Ok(());
    }
    Err(Error::TooLarge { what: "a warping path of more than 2^31 rows", bytes: len as u128 * 8 })
}

/// Cells times numbers a row from which a pair is worth several threads: a millisecond.
const LONG: u128 = 1 << 27;

/// Which pairs of a batch are so large that threads share each of them, instead of sharing the pairs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Long {
    /// Cells from which a pair is one of them.
    cells: u128,
}

impl Long {
    /// Those beside which some threads would run out of other pairs.
    pub(crate) fn of<T: Scalar>(
        pairs: &[(usize, usize)],
        x: &Ragged<'_, T>,
        y: &Ragged<'_, T>,
        rules: &Rules,
        run: &Run<'_>,
    ) -> Self {
        if run.threads() == 1 || !rules.plain() {
            return Self { cells: u128::MAX };
        }
        let all: u128 = pairs.iter().map(|&pair| cells(pair, x, y)).sum();
        Self { cells: (all / (4 * run.threads() as u128)).max(LONG / x.dim() as u128) }
    }

    /// True where threads share `pair`.
    pub(crate) fn has<T: Scalar>(self, pair: (usize, usize), x: &Ragged<'_, T>, y: &Ragged<'_, T>) -> bool {
        x.range(pair.0).len() >= PANEL_ROWS && cells(pair, x, y) >= self.cells
    }
}

fn cells<T: Scalar>((r, s): (usize, usize), x: &Ragged<'_, T>, y: &Ragged<'_, T>) -> u128 {
    x.range(r).len() as u128 * y.range(s).len() as u128
}

/// Both sets of a batch, with norms ahead of the pairs unless every sequence is used exactly once, by one thread.
pub(crate) fn prepare<'a, T: Scalar>(
    xs: Ragged<'a, T>,
    ys: Ragged<'a, T>,
    pairs: &[(usize, usize)],
    rules: &Rules,
    long: Long,
    run: &mut Run<'_>,
) -> Result<(Prepared<'a, T>, Prepared<'a, T>)> {
    let shared = pairs.iter().any(|&pair| long.has(pair, &xs, &ys));
    let mut once = (zeroed(xs.len() as u128, PAIRS)?, zeroed(ys.len() as u128, PAIRS)?);
    let again = pairs
        .iter()
        .any(|&(r, s)| (std::mem::replace(&mut once.0[r], 1u8) | std::mem::replace(&mut once.1[s], 1u8)) > 0);
    if shared || again || pairs.len() != xs.len() || pairs.len() != ys.len() {
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

/// Refuses two sets of different dimension.
pub(crate) fn same_dim<T: Scalar>(x: &Ragged<'_, T>, y: &Ragged<'_, T>) -> Result<()> {
    if x.dim() == y.dim() {
        return Ok(());
    }
    let expected = format!("rows of {} numbers", x.dim());
    Err(Error::Shape { argument: y.argument(), expected, got: format!("rows of {}", y.dim()) })
}

/// What messages call the list of pairs, and what goes with it.
const PAIRS: &str = "the list of pairs";

/// Pairs as indices, checked against both sets; no sequence among them is empty.
pub(crate) fn resolve<T: Scalar>(
    pairs: &[[i64; 2]],
    x: &Ragged<'_, T>,
    y: &Ragged<'_, T>,
) -> Result<Vec<(usize, usize)>> {
    let index = |position: usize, index: i64, len: usize| {
        usize::try_from(index).ok().filter(|i| *i < len).ok_or(Error::Index { argument: "pairs", position, index, len })
    };
    let mut resolved = Vec::new();
    reserve(&mut resolved, pairs.len(), PAIRS)?;
    for (p, &[r, s]) in pairs.iter().enumerate() {
        resolved.push((index(p, r, x.len())?, index(p, s, y.len())?));
    }
    for &(r, s) in &resolved {
        check(x, r)?;
        check(y, s)?;
    }
    Ok(resolved)
}

/// Cells times numbers a row that one block of work holds at least: tens of microseconds, so that handing it out
/// costs nothing and no thread waits long for the last.
const BLOCK: u128 = 1 << 20;

/// Splits pairs into consecutive blocks of about equal work; a long pair has one to itself.
fn split<T: Scalar>(
    pairs: &[(usize, usize)],
    x: &Ragged<'_, T>,
    y: &Ragged<'_, T>,
    long: Long,
) -> Result<Vec<Range<usize>>> {
    let mut blocks = Vec::new();
    let (mut start, mut work) = (0, 0);
    for (p, &pair) in pairs.iter().enumerate() {
        if p > start && long.has(pair, x, y) {
            push(&mut blocks, start..p, PAIRS)?;
            (start, work) = (p, 0);
        }
        work += cells(pair, x, y) * x.dim() as u128;
        if work >= BLOCK || p + 1 == pairs.len() {
            push(&mut blocks, start..p + 1, PAIRS)?;
            (start, work) = (p + 1, 0);
        }
    }
    Ok(blocks)
}

/// Aligns one pair, by one thread or by all.
pub(crate) type Align<'a, T> = dyn FnMut([&Side<'_, T>; 2], [Soon; 2], Want<'_>) -> Result<Found> + 'a;

/// Where a batch writes to: room for the longest possible path a pair, closed up at the end.
pub(crate) struct Outputs {
    distances: Vec<f64>,
    cells: Vec<[i32; 2]>,
    lengths: Vec<usize>,
    starts: Vec<usize>,
    /// Room for the offsets of the paths.
    offsets: Vec<i64>,
}

/// One block's part of the outputs.
pub(crate) struct Block<'a> {
    pub(crate) pairs: &'a [(usize, usize)],
    /// The pairs that the same thread is known to take: those of the block, or of the rest of the batch.
    coming: &'a [(usize, usize)],
    pub(crate) distances: &'a mut [f64],
    pub(crate) paths: &'a mut [[i32; 2]],
    pub(crate) lengths: &'a mut [usize],
    /// Where each pair's path starts among all; empty where no paths are traced.
    starts: &'a [usize],
}

impl Block<'_> {
    /// Rows of the pair after the k-th.
    pub(crate) fn next<T: Scalar>(&self, k: usize, x: &Prepared<'_, T>, y: &Prepared<'_, T>) -> [Soon; 2] {
        self.coming
            .get(k + 1)
            .map_or_else(Default::default, |&(r, s)| [Soon::of(x.set.get(r).data()), Soon::of(y.set.get(s).data())])
    }

    /// Where the path of the k-th pair starts in `paths`, where paths are traced.
    pub(crate) fn start(&self, k: usize) -> Option<usize> {
        self.starts.get(k).map(|start| start - self.starts[0])
    }
}

impl Outputs {
    pub(crate) fn new<T: Scalar>(
        pairs: &[(usize, usize)],
        x: &Ragged<'_, T>,
        y: &Ragged<'_, T>,
        paths: bool,
    ) -> Result<Self> {
        const PATHS: &str = "the paths";
        let (count, mut total) = (pairs.len() as u128, 0u128);
        let (mut starts, mut offsets) = (Vec::new(), Vec::new());
        if paths {
            starts = zeroed(count + 1, PATHS)?;
            for (p, &(r, s)) in pairs.iter().enumerate() {
                total += (x.range(r).len() + y.range(s).len() - 1) as u128;
                starts[p + 1] = usize::try_from(total).unwrap_or(usize::MAX);
            }
            reserve(&mut offsets, pairs.len() + 1, PATHS)?;
        }
        let lengths = zeroed(if paths { count } else { 0 }, PATHS)?;
        Ok(Self { distances: zeroed(count, "the distances")?, cells: zeroed(total, PATHS)?, lengths, starts, offsets })
    }

    /// The blocks of work, in order.
    pub(crate) fn blocks<'a, T: Scalar>(
        &'a mut self,
        pairs: &'a [(usize, usize)],
        x: &Ragged<'_, T>,
        y: &Ragged<'_, T>,
        long: Long,
        alone: bool,
    ) -> Result<Vec<Block<'a>>> {
        let Self { distances, cells, lengths, starts, .. } = self;
        let (mut distances, mut cells, mut lengths) = (&mut distances[..], &mut cells[..], &mut lengths[..]);
        let starts = &starts[..];
        let blocks = split(pairs, x, y, long)?.into_iter().map(|range| {
            let mut block = Block {
                pairs: &pairs[range.clone()],
                coming: &pairs[range.start..if alone { pairs.len() } else { range.end }],
                distances: distances.split_off_mut(..range.len()).unwrap_or_default(),
                paths: &mut [],
                lengths: &mut [],
                starts: &[],
            };
            if !starts.is_empty() {
                block.paths = cells.split_off_mut(..starts[range.end] - starts[range.start]).unwrap_or_default();
                block.lengths = lengths.split_off_mut(..range.len()).unwrap_or_default();
                block.starts = &starts[range];
            }
            block
        });
        collected(blocks, PAIRS)
    }

    /// Closes the gaps between the paths.
    pub(crate) fn finish(self, run: &mut Run<'_>) -> Result<(Vec<f64>, Option<Paths>)> {
        let Self { distances, mut cells, lengths, starts, mut offsets } = self;
        if starts.is_empty() {
            return Ok((distances, None));
        }
        offsets.push(0);
        let mut end = 0;
        let mut ask = || run.check();
        let mut pulse = Pulse::new(&mut ask);
        for (start, length) in starts.iter().zip(&lengths) {
            cells.copy_within(*start..start + length, end);
            end += length;
            offsets.push(i64::try_from(end).unwrap_or(i64::MAX));
            pulse.spend(*length)?;
        }
        cells.truncate(end);
        Ok((distances, Some(Paths { cells, offsets })))
    }
}
