//! Small pairs: products along d in registers, nothing packed.
//!
//! A tile of R x C cells keeps one accumulator a cell while it walks along d; every accumulator sees the same order of
//! operations whatever the tile, so a cell has the same bits in any tile.

use std::ops::Range;

use super::Vector;
use super::norms::{LINE, Soon, prefetch};
use crate::cost::Metric;
use crate::error::Result;
use crate::pulse::Pulse;
use crate::rows::{Float, same};

/// Two sequences of rows, ready to be compared.
#[derive(Debug, Clone, Copy)]
pub struct Sides<'a, E> {
    /// Rows of x, one after the other.
    pub x: &'a [E],
    /// Rows of y.
    pub y: &'a [E],
    /// Numbers a row.
    pub dim: usize,
    /// 1 / |row| of x: 0 for a zero row, NaN for one whose products could leave the range (see `norms`).
    pub x_inverse: &'a [E],
    /// The same of y.
    pub y_inverse: &'a [E],
    /// What the costs are.
    pub metric: Metric,
    /// What is read after this pair: tiles ask for it while they multiply.
    pub next: [Soon; 2],
}

impl<'a, E: Float> Sides<'a, E> {
    pub(crate) fn x_row(&self, i: usize) -> &'a [E] {
        &self.x[i * self.dim..(i + 1) * self.dim]
    }

    pub(crate) fn y_row(&self, j: usize) -> &'a [E] {
        &self.y[j * self.dim..(j + 1) * self.dim]
    }
}

/// Where the cells of a block of costs go.
#[derive(Debug, Clone, Copy)]
pub enum Layout<'a, E> {
    /// Row after row.
    Flat,
    /// Along anti-diagonals, as the dynamic programme reads them: row `l` and column `j` of the strip at
    /// `[(l + j) * height + l]`. All columns of y; `reversed` is `y_inverse` backwards between two times `height` zeros.
    Strip {
        /// Lanes of a diagonal.
        height: usize,
        /// See above.
        reversed: &'a [E],
    },
}

/// Writes the costs of `rows` x `columns` into `out`.
#[inline(always)]
pub(crate) fn costs<V: Vector>(
    sides: &Sides<'_, V::Elem>,
    rows: Range<usize>,
    columns: Range<usize>,
    out: &mut [V::Elem],
    layout: Layout<'_, V::Elem>,
    pulse: &mut Pulse<'_>,
) -> Result<()> {
    assert!(sides.dim > 0 && !rows.is_empty() && !columns.is_empty(), "rows of numbers");
    let steps = match layout {
        Layout::Flat => (columns.len(), 1),
        Layout::Strip { height, .. } => {
            // What `finish_strip` loads: whole registers of a diagonal.
            assert!(rows.len() <= height && height <= HIGHEST && height.is_multiple_of(V::LANES), "a strip of lanes");
            (height + 1, height)
        }
    };
    let block = (rows, columns);
    if sides.metric != Metric::Cosine {
        sums::<V, false>(sides, &block, out, steps, pulse)?;
        for i in block.0.clone() {
            for j in block.1.clone() {
                let cell = &mut out[(i - block.0.start) * steps.0 + (j - block.1.start) * steps.1];
                let (distance, careful) = finish_distance(sides, i, j, *cell);
                *cell = distance;
                if careful {
                    pulse.spend(4 * sides.dim)?;
                }
            }
        }
        return Ok(());
    }
    sums::<V, true>(sides, &block, out, steps, pulse)?;
    match layout {
        Layout::Flat => finish_flat::<V>(sides, &block, out, pulse),
        Layout::Strip { height, reversed } => finish_strip::<V>(sides, &block, height, reversed, out, pulse),
    }
}

/// Rows of the highest strip.
const HIGHEST: usize = 32;

type Block = (Range<usize>, Range<usize>);

/// Bytes of rows that tiles come back to: what the first-level cache holds, less room for what passes by.
const RESIDENT: usize = 40 << 10;

/// Sums over d of a block, tile by tile.
#[inline(always)]
fn sums<V: Vector, const DOT: bool>(
    sides: &Sides<'_, V::Elem>,
    (rows, columns): &Block,
    out: &mut [V::Elem],
    steps: (usize, usize),
    pulse: &mut Pulse<'_>,
) -> Result<()> {
    // Tiles of nearly equal size: 30 rows are 5 x 6, 8 are 2 x 4. As many of them as stay in the cache meet all
    // columns before the next ones do.
    let (high, wide) = (rows.len().div_ceil(V::TILE_ROWS), columns.len().div_ceil(V::TILE_COLUMNS));
    let fitting = (RESIDENT / (sides.dim * size_of::<V::Elem>())).saturating_sub(V::TILE_COLUMNS) / V::TILE_ROWS;
    let (mut tile, mut first) = (0, rows.start);
    let mut ahead = Ahead::new::<V>(sides, rows, high * wide);
    while tile < high {
        let last = high.min(tile + fitting.max(1));
        let (mut j, mut i) = (columns.start, first);
        for c in 0..wide {
            let width = (columns.end - j).div_ceil(wide - c);
            i = first;
            for t in tile..last {
                let height = (rows.end - i).div_ceil(high - t);
                let out = &mut out[(i - rows.start) * steps.0 + (j - columns.start) * steps.1..];
                match width {
                    1 => tall::<V, DOT, 1>(sides, (i, j), height, out, steps, &ahead),
                    2 => tall::<V, DOT, 2>(sides, (i, j), height, out, steps, &ahead),
                    3 => tall::<V, DOT, 3>(sides, (i, j), height, out, steps, &ahead),
                    _ => tall::<V, DOT, 4>(sides, (i, j), height, out, steps, &ahead),
                }
                if V::OVERLAPS {
                    ahead.advance();
                }
                i += height;
            }
            pulse.spend((last - tile) * V::TILE_ROWS * width * sides.dim)?;
            j += width;
        }
        (tile, first) = (last, i);
    }
    Ok(())
}

/// Bytes of a row between two requests for memory: about 50 cycles of a whole tile.
const CHUNK: usize = 256;
/// Lines asked for at once at most: memory gives one every 6 to 7 cycles.
const LINES: usize = 8;

/// What of the next pair is asked for during a tile, spread evenly over all tiles.
struct Ahead {
    next: [Soon; 2],
    chunks: usize,
    /// Lines a chunk.
    lines: usize,
}

impl Ahead {
    /// For the `tiles` of some rows of x, which ask for their share.
    #[inline(always)]
    fn new<V: Vector>(sides: &Sides<'_, V::Elem>, rows: &Range<usize>, tiles: usize) -> Self {
        let [x, y] = sides.next;
        let total = x.bytes() + y.bytes();
        if !V::OVERLAPS || total == 0 {
            return Self { next: sides.next, chunks: 0, lines: 0 };
        }
        let chunks = (sides.dim * size_of::<V::Elem>()).div_ceil(CHUNK);
        let row = total / sides.x_inverse.len();
        let lines = (row * rows.len()).div_ceil(LINE * tiles.max(1) * chunks).min(LINES);
        let done = row * rows.start;
        Self { next: [x.skip(done), y.skip(done.saturating_sub(x.bytes()))], chunks, lines }
    }

    /// To the next tile.
    #[inline(always)]
    fn advance(&mut self) {
        let side = usize::from(self.next[0].bytes() == 0);
        self.next[side] = self.next[side].skip(self.lines * self.chunks * LINE);
        if self.next[0].bytes() + self.next[1].bytes() == 0 {
            self.lines = 0;
        }
    }

    /// Where the tile starts to ask.
    #[inline(always)]
    fn start(&self) -> *const u8 {
        self.next[usize::from(self.next[0].bytes() == 0)].start()
    }
}

/// From the height of a tile, which is counted, to one that is compiled.
#[inline(always)]
fn tall<V: Vector, const DOT: bool, const C: usize>(
    sides: &Sides<'_, V::Elem>,
    at: (usize, usize),
    height: usize,
    out: &mut [V::Elem],
    steps: (usize, usize),
    ahead: &Ahead,
) {
    match height {
        1 => fold::<V, DOT, 1, C>(sides, at, out, steps, ahead),
        2 => fold::<V, DOT, 2, C>(sides, at, out, steps, ahead),
        3 => fold::<V, DOT, 3, C>(sides, at, out, steps, ahead),
        4 => fold::<V, DOT, 4, C>(sides, at, out, steps, ahead),
        5 if V::TILE_ROWS > 4 => fold::<V, DOT, 5, C>(sides, at, out, steps, ahead),
        _ if V::TILE_ROWS > 4 => fold::<V, DOT, 6, C>(sides, at, out, steps, ahead),
        _ => {}
    }
}

/// The sums of a tile, four registers folded at once.
#[inline(always)]
fn fold<V: Vector, const DOT: bool, const R: usize, const C: usize>(
    sides: &Sides<'_, V::Elem>,
    at: (usize, usize),
    out: &mut [V::Elem],
    steps: (usize, usize),
    ahead: &Ahead,
) {
    let sums = tile::<V, DOT, R, C>(sides, at, ahead);
    // One check for the whole tile.
    let out = &mut out[..(R - 1) * steps.0 + (C - 1) * steps.1 + 1];
    for r in 0..R {
        let mut four = [V::zero(); 4];
        four[..C].copy_from_slice(&sums[r]);
        let folded = V::sum4(four);
        for c in 0..C {
            out[r * steps.0 + c * steps.1] = folded[c];
        }
    }
}

/// 1 - sum (1/|u|) (1/|v|), clamped: the two factors are multiplied first, so that the result is the same with u and v
/// exchanged.
#[inline(always)]
fn distance<V: Vector>(sums: V, u_inverse: V, v_inverse: V) -> V {
    let (one, two) = (V::splat(V::Elem::from_double(1.0)), V::splat(V::Elem::from_double(2.0)));
    one.minus(sums.times(u_inverse.times(v_inverse))).most_or_nan(V::zero()).least_or_nan(two)
}

/// Sums into cosine distances, along the diagonals of a strip.
#[inline(always)]
fn finish_strip<V: Vector>(
    sides: &Sides<'_, V::Elem>,
    (rows, columns): &Block,
    height: usize,
    reversed: &[V::Elem],
    out: &mut [V::Elem],
    pulse: &mut Pulse<'_>,
) -> Result<()> {
    let near = V::splat(V::Elem::from_double(crate::cost::near(sides.dim)));
    let mut inverse = [V::Elem::default(); HIGHEST];
    inverse[..rows.len()].copy_from_slice(&sides.x_inverse[rows.clone()]);
    let (n, zero) = (columns.len(), V::Elem::default());
    for (k, diagonal) in out.chunks_exact_mut(height).enumerate().take(n + rows.len() - 1) {
        // Lane l is at column k - l, whose inverse stands at `height + n - 1 - k + l`; lanes outside meet a zero there,
        // or above.
        let others = &reversed[height + n - 1 - k..][..height];
        let mut plain = true;
        for v in 0..rows.len().div_ceil(V::LANES) {
            // SAFETY: `diagonal` and `others` hold `height` values, `inverse` HIGHEST >= height, and `costs` has checked
            // that `height` is whole registers and holds all rows.
            unsafe {
                let sums = V::load(diagonal.as_ptr().add(v * V::LANES));
                let cells = distance::<V>(
                    sums,
                    V::load(inverse.as_ptr().add(v * V::LANES)),
                    V::load(others.as_ptr().add(v * V::LANES)),
                );
                plain &= cells.all_at_least(near);
                cells.store(diagonal.as_mut_ptr().add(v * V::LANES));
            }
        }
        if !plain {
            let inside = (k + 1).saturating_sub(n)..rows.len().min(k + 1);
            for l in 0..height {
                // What nobody reads must still be a number: the dynamic programme adds it up.
                let inside = inside.contains(&l);
                let cell = if inside { careful_cosine(sides, rows.start + l, k - l, diagonal[l]) } else { zero };
                diagonal[l] = cell;
            }
            pulse.spend(rows.len() * sides.dim)?;
        }
    }
    Ok(())
}

/// Sums into cosine distances, row after row.
#[inline(always)]
fn finish_flat<V: Vector>(
    sides: &Sides<'_, V::Elem>,
    (rows, columns): &Block,
    out: &mut [V::Elem],
    pulse: &mut Pulse<'_>,
) -> Result<()> {
    let near = V::splat(V::Elem::from_double(crate::cost::near(sides.dim)));
    let others = &sides.y_inverse[columns.clone()];
    for (i, row) in rows.clone().zip(out.chunks_exact_mut(columns.len())) {
        let inverse = V::splat(sides.x_inverse[i]);
        let mut j = 0;
        while j < row.len() {
            let len = (row.len() - j).min(V::LANES);
            let mut cells = [V::Elem::default(); 16];
            // SAFETY: `len` values are left in the row and beside it, and `cells` holds 16 >= LANES.
            let plain = unsafe {
                let (sums, v_inverse) = if len == V::LANES {
                    (V::load(row.as_ptr().add(j)), V::load(others.as_ptr().add(j)))
                } else {
                    (V::load_tail(row.as_ptr().add(j), len), V::load_tail(others.as_ptr().add(j), len))
                };
                let distances = distance::<V>(sums, inverse, v_inverse);
                distances.store(cells.as_mut_ptr());
                distances.all_at_least(near)
            };
            row[j..j + len].copy_from_slice(&cells[..len]);
            if !plain {
                for k in j..j + len {
                    row[k] = careful_cosine(sides, i, columns.start + k, row[k]);
                }
                pulse.spend(len * sides.dim)?;
            }
            j += len;
        }
    }
    Ok(())
}

/// A cosine distance that may be rounding, or whose rows need care (NaN): equal rows cost exactly 0; rows of extreme
/// length are compared in f64, scaled.
#[cold]
#[inline(never)]
fn careful_cosine<E: Float>(sides: &Sides<'_, E>, i: usize, j: usize, cost: E) -> E {
    if cost >= E::from_double(crate::cost::near(sides.dim)) {
        return cost;
    }
    let (u, v) = (sides.x_row(i), sides.y_row(j));
    if cost.double().is_nan() {
        if sides.x_inverse[i] == E::default() || sides.y_inverse[j] == E::default() {
            return E::from_double(1.0);
        }
        if !same(u, v) {
            return E::from_double((1.0 - crate::cost::cosine_scaled(u, v)).clamp(0.0, 2.0));
        }
    }
    if same(u, v) { E::default() } else { cost }
}

/// The distance, and whether it took the rows once more.
fn finish_distance<E: Float>(sides: &Sides<'_, E>, i: usize, j: usize, square: E) -> (E, bool) {
    let (u, v) = (sides.x_row(i), sides.y_row(j));
    let square = square.double();
    let ranged = square.is_finite() && square > 1e-28;
    let distance = match sides.metric {
        Metric::SqEuclidean if ranged => square,
        Metric::SqEuclidean => crate::cost::square_distance_double(u, v),
        _ if ranged => square.sqrt(),
        _ => crate::cost::distance(u, v),
    };
    (E::from_double(distance), !ranged)
}

/// Sums over d of products (`DOT`) or of squared differences, a register of partial sums a cell.
#[inline(always)]
fn tile<V: Vector, const DOT: bool, const R: usize, const C: usize>(
    sides: &Sides<'_, V::Elem>,
    (i, j): (usize, usize),
    ahead: &Ahead,
) -> [[V; C]; R] {
    let d = sides.dim;
    // Plain loops: a closure would be compiled without the instruction set.
    let mut x = [sides.x.as_ptr(); R];
    let mut y = [sides.y.as_ptr(); C];
    for r in 0..R {
        x[r] = sides.x_row(i + r).as_ptr();
    }
    for c in 0..C {
        y[c] = sides.y_row(j + c).as_ptr();
    }
    let mut sums = [[V::zero(); C]; R];
    let (mut u, mut v) = ([V::zero(); R], [V::zero(); C]);
    let head = head::<V>(sides);
    let whole = d - (d - head) % V::LANES;
    let (mut k, mut request) = (head, ahead.start());
    if head > 0 {
        // SAFETY: head < LANES <= d values are at the start of every row.
        unsafe {
            for c in 0..C {
                v[c] = V::load_head(y[c], head);
            }
            for r in 0..R {
                u[r] = V::load_head(x[r], head);
                for c in 0..C {
                    sums[r][c] = step::<V, DOT>(sums[r][c], u[r], v[c]);
                }
            }
        }
    }
    while k < whole {
        let end = whole.min(k + CHUNK / size_of::<V::Elem>());
        while k < end {
            // SAFETY: every pointer is the start of a row of d values, and k + LANES <= whole <= d.
            unsafe {
                // The shorter side is held, the other comes one row at a time: 12 sums, 3 rows and 1 are all the
                // registers that AVX2 has.
                if C < R {
                    for c in 0..C {
                        v[c] = V::load(y[c].add(k));
                    }
                    for r in 0..R {
                        u[r] = V::load(x[r].add(k));
                        for c in 0..C {
                            sums[r][c] = step::<V, DOT>(sums[r][c], u[r], v[c]);
                        }
                    }
                } else {
                    for r in 0..R {
                        u[r] = V::load(x[r].add(k));
                    }
                    for c in 0..C {
                        v[c] = V::load(y[c].add(k));
                        for r in 0..R {
                            sums[r][c] = step::<V, DOT>(sums[r][c], u[r], v[c]);
                        }
                    }
                }
            }
            k += V::LANES;
        }
        if V::OVERLAPS {
            for _ in 0..ahead.lines {
                prefetch::<false>(request);
                request = request.wrapping_add(LINE);
            }
        }
    }
    if whole < d {
        // SAFETY: d - whole values are left from `whole` on in every row.
        unsafe {
            for c in 0..C {
                v[c] = V::load_tail(y[c].add(whole), d - whole);
            }
            for r in 0..R {
                u[r] = V::load_tail(x[r].add(whole), d - whole);
                for c in 0..C {
                    sums[r][c] = step::<V, DOT>(sums[r][c], u[r], v[c]);
                }
            }
        }
    }
    sums
}

/// Values of a row before the first multiple of a register's size in memory, where all rows have as many.
///
/// A load that crosses a line of the cache takes as long as two. Read like this the lanes of a register are rotated by
/// a multiple of 16 bytes; each still sums the same values in the same order, and the halves that [`Vector::sum4`] adds
/// are exchanged at most: the same bits.
#[inline(always)]
fn head<V: Vector>(sides: &Sides<'_, V::Elem>) -> usize {
    let register = V::LANES * size_of::<V::Elem>();
    let (at, other) = (sides.x.as_ptr().addr() % register, sides.y.as_ptr().addr() % register);
    if V::ALIGNS && at == other && at > 0 && at.is_multiple_of(16) && sides.dim.is_multiple_of(V::LANES) {
        (register - at) / size_of::<V::Elem>()
    } else {
        0
    }
}

#[inline(always)]
fn step<V: Vector, const DOT: bool>(sum: V, u: V, v: V) -> V {
    if DOT {
        sum.multiply_add(u, v)
    } else {
        let difference = u.minus(v);
        sum.multiply_add(difference, difference)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{Isa, Kernels};

    fn same_bits_wherever_rows_lie<E: Kernels>() {
        for (dim, metric) in
            [768, 48, 16, 20, 7].into_iter().flat_map(|d| [(d, Metric::Cosine), (d, Metric::Euclidean)])
        {
            let (m, n) = (5, 7);
            let value = |k: usize| E::from_double((k as f64 * 0.7).sin() + 0.1);
            let rows = |count: usize, seed: usize, offset: usize| {
                let mut all = vec![E::from_double(f64::NAN); offset];
                all.extend((0..count * dim).map(|k| value(k + seed)));
                all
            };
            let x_inverse: Vec<E> = (0..m).map(|i| E::from_double(0.01 + i as f64 / 64.0)).collect();
            let y_inverse: Vec<E> = (0..n).map(|j| E::from_double(0.01 + j as f64 / 64.0)).collect();
            for &isa in Isa::available() {
                let costs = |x_offset: usize, y_offset: usize| {
                    let (x, y) = (rows(m, 3, x_offset), rows(n, 77, y_offset));
                    let (x, y, next) = (&x[x_offset..], &y[y_offset..], [Soon::default(); 2]);
                    let sides = Sides { x, y, dim, x_inverse: &x_inverse, y_inverse: &y_inverse, metric, next };
                    let mut out = vec![E::default(); m * n];
                    E::costs(isa, &sides, 0..m, 0..n, &mut out, Layout::Flat, &mut Pulse::new(&mut || Ok(()))).unwrap();
                    out.iter().map(|cost| cost.double().to_bits()).collect::<Vec<_>>()
                };
                let first = costs(0, 0);
                for offset in 0..16 {
                    assert_eq!(costs(offset, offset), first, "{isa:?} {dim} {offset}");
                    assert_eq!(costs(offset, 0), first, "{isa:?} {dim} {offset}");
                }
            }
        }
    }

    #[test]
    fn costs_have_the_same_bits_wherever_rows_lie() {
        same_bits_wherever_rows_lie::<f32>();
        same_bits_wherever_rows_lie::<f64>();
    }
}
