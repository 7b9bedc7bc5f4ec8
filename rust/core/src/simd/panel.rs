//! Large products: rows of x packed along d in a panel of two registers, rows of y broadcast in place.

use super::Vector;
use super::norms::{LINE, prefetch};
use super::tile::Sides;
use crate::error::Result;
use crate::memory::{cleared, too_large};
use crate::pulse::Pulse;
use crate::rows::{Float, same};

/// How far ahead of the products a panel is asked for, in bytes: it is as large as the first cache, and the processor's
/// own prefetching stops at the end of every page.
const PANEL_AHEAD: usize = 1024;

/// Rows of a panel.
pub(crate) const fn width(lanes: usize) -> usize {
    2 * lanes
}

/// Rows of the widest panel.
pub(crate) const WIDEST: usize = 32;

/// Rows packed along d, from the start of a line of the cache on.
#[derive(Debug, Default)]
pub struct Panel<E> {
    buffer: Vec<E>,
    start: usize,
}

impl<E: Float> Panel<E> {
    /// `[k * width + lane]`.
    pub(crate) fn values(&self) -> &[E] {
        &self.buffer[self.start..]
    }

    /// Zeros for `len` values.
    fn clear(&mut self, len: usize) -> Result<&mut [E]> {
        let most = LINE / size_of::<E>();
        cleared(&mut self.buffer, most.saturating_add(len), PANEL)?;
        self.start = self.buffer.as_ptr().align_offset(LINE).min(most);
        self.buffer.truncate(self.start + len);
        Ok(&mut self.buffer[self.start..])
    }
}

/// What messages call a panel.
const PANEL: &str = "a panel of rows";

/// Numbers of every row that are packed before the next ones: a multiple of every [`Vector::SQUARE`].
const BLOCK: usize = 16;

/// Packs up to `width` rows, along d: `[k * width + lane]`; missing lanes become zeros.
#[inline(always)]
pub(crate) fn pack<V: Vector>(
    rows: &[V::Elem],
    dim: usize,
    panel: &mut Panel<V::Elem>,
    pulse: &mut Pulse<'_>,
) -> Result<()> {
    let width = width(V::LANES);
    assert!(dim > 0 && rows.len() / dim <= width, "rows of a panel");
    let size = dim.checked_mul(width).ok_or_else(|| too_large::<V::Elem>(PANEL, dim as u128 * width as u128))?;
    let panel = panel.clear(size)?;
    let (side, count) = (V::SQUARE.max(1), rows.len() / dim);
    // Blocks of d keep the lines that are written in the cache while the rows go by.
    for block in (0..dim).step_by(BLOCK) {
        let depth = BLOCK.min(dim - block);
        for lane in (0..count).step_by(side) {
            let high = side.min(count - lane);
            if V::SQUARE > 0 && high == side && depth == BLOCK {
                for k in (block..block + BLOCK).step_by(side) {
                    let from = &rows[lane * dim + k..][..(side - 1) * dim + side];
                    let to = &mut panel[k * width + lane..][..(side - 1) * width + side];
                    // SAFETY: both hold `side` runs of `side` values, `dim` and `width` from one to the next.
                    unsafe { V::transpose(from.as_ptr(), dim, to.as_mut_ptr(), width) };
                }
                continue;
            }
            for lane in lane..lane + high {
                for k in block..block + depth {
                    panel[k * width + lane] = rows[lane * dim + k];
                }
            }
        }
        pulse.spend(count * depth)?;
    }
    Ok(())
}

/// Cosine costs of a packed panel with the rows of y: lane `l` with column `j` goes to `out[places[of[j]].lanes[l] + columns[j]]`.
///
/// `first` is the row of `sides.x` in lane 0. No inverse norm may be NaN.
#[inline(always)]
pub(crate) fn costs<V: Vector>(
    sides: &Sides<'_, V::Elem>,
    first: usize,
    panel: &[V::Elem],
    targets: &super::Columns<'_>,
    out: &mut [V::Elem],
    pulse: &mut Pulse<'_>,
) -> Result<()> {
    match V::PANEL_COLUMNS {
        14 => blocks::<V, 14>(sides, first, panel, targets, out, pulse),
        6 => blocks::<V, 6>(sides, first, panel, targets, out, pulse),
        _ => blocks::<V, 2>(sides, first, panel, targets, out, pulse),
    }
}

#[inline(always)]
fn blocks<V: Vector, const C: usize>(
    sides: &Sides<'_, V::Elem>,
    first: usize,
    panel: &[V::Elem],
    targets: &super::Columns<'_>,
    out: &mut [V::Elem],
    pulse: &mut Pulse<'_>,
) -> Result<()> {
    let width = width(V::LANES);
    let n = sides.y_inverse.len();
    assert!(first < sides.x_inverse.len(), "a panel has rows");
    let rows = (sides.x_inverse.len() - first).min(width);
    let near = V::Elem::from_double(crate::cost::near(sides.dim));
    let mut inverse = [V::Elem::default(); WIDEST];
    inverse[..rows].copy_from_slice(&sides.x_inverse[first..first + rows]);
    // SAFETY: `inverse` holds WIDEST >= 2 * LANES values.
    let inverses = unsafe { [V::load(inverse.as_ptr()), V::load(inverse.as_ptr().add(V::LANES))] };
    let mut block = [[V::Elem::default(); WIDEST]; C];
    let mut j = 0;
    while j < n {
        // The last block goes back as far as it must to be full: its cells come out the same again.
        let start = if j + C <= n { j } else { n.saturating_sub(C) };
        let sums = product::<V, C>(sides, panel, start);
        let mut least = V::splat(V::Elem::from_double(4.0));
        for c in 0..C {
            let scale = V::splat(sides.y_inverse[(start + c).min(n - 1)]);
            for half in 0..2 {
                let similarity = sums[c][half].times(inverses[half].times(scale));
                let cost = V::splat(V::Elem::from_double(1.0)).minus(similarity);
                let cost = cost.most_or_nan(V::zero()).least_or_nan(V::splat(V::Elem::from_double(2.0)));
                least = least.least(cost);
                // SAFETY: a row of `block` holds WIDEST >= 2 * LANES values.
                unsafe { cost.store(block[c].as_mut_ptr().add(half * V::LANES)) };
            }
        }
        let mut lanes = [V::Elem::default(); 16];
        // SAFETY: `lanes` holds 16 >= LANES values.
        unsafe { least.store(lanes.as_mut_ptr()) };
        if lanes[..V::LANES].iter().any(|cost| *cost < near) {
            zero_equal_rows(sides, first, rows, start, near, &mut block[..C.min(n - start)]);
            pulse.spend(rows * sides.dim)?;
        }
        for (c, costs) in block.iter().enumerate().take(n - start) {
            let column = targets.columns[start + c];
            let places = &targets.places[targets.of[start + c]];
            let last = places.last().checked_add(column);
            assert!(last.is_some_and(|last| last < out.len()), "a panel's cells lie inside its costs");
            for lane in 0..width {
                // SAFETY: no place is after the last one, which was just checked to be inside.
                unsafe { *out.get_unchecked_mut(places.lanes()[lane] + column) = costs[lane] };
            }
        }
        pulse.spend(width * C * sides.dim)?;
        j += C;
    }
    Ok(())
}

#[cold]
#[inline(never)]
fn zero_equal_rows<E: Float>(
    sides: &Sides<'_, E>,
    first: usize,
    rows: usize,
    start: usize,
    near: E,
    block: &mut [[E; WIDEST]],
) {
    for (c, costs) in block.iter_mut().enumerate() {
        for (lane, cost) in costs.iter_mut().enumerate().take(rows) {
            if *cost < near && same(sides.x_row(first + lane), sides.y_row(start + c)) {
                *cost = E::default();
            }
        }
    }
}

/// Products of the panel with C rows of y, all of d in registers.
#[inline(always)]
fn product<V: Vector, const C: usize>(sides: &Sides<'_, V::Elem>, panel: &[V::Elem], start: usize) -> [[V; 2]; C] {
    let n = sides.y_inverse.len();
    let mut y = [sides.y.as_ptr(); C];
    for c in 0..C {
        y[c] = sides.y_row((start + c).min(n - 1)).as_ptr();
    }
    let mut sums = [[V::zero(); 2]; C];
    for (k, lanes) in panel.chunks_exact(2 * V::LANES).enumerate().take(sides.dim) {
        if V::OVERLAPS {
            for line in 0..size_of_val(lanes) / LINE {
                prefetch::<true>(lanes.as_ptr().cast::<u8>().wrapping_add(PANEL_AHEAD + line * LINE));
            }
        }
        // SAFETY: the chunk holds two registers, and k < dim is inside every row of y.
        unsafe {
            let x = [V::load(lanes.as_ptr()), V::load(lanes.as_ptr().add(V::LANES))];
            for c in 0..C {
                let value = V::splat(*y[c].add(k));
                sums[c][0] = sums[c][0].multiply_add(x[0], value);
                sums[c][1] = sums[c][1].multiply_add(x[1], value);
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{Isa, Kernels};

    fn every_value_has_its_place<E: Kernels>() {
        for (isa, dim) in Isa::available().iter().flat_map(|&isa| [1, 7, 8, 9, 15, 16, 17, 33].map(|d| (isa, d))) {
            let width = E::panel_width(isa);
            for count in 1..=width {
                let rows: Vec<E> = (0..count * dim).map(|k| E::from_double(1.0 + k as f64)).collect();
                let mut panel = Panel::default();
                // What an earlier, fuller panel leaves behind must go.
                let (mut never, full) = (|| Ok(()), vec![E::from_double(-1.0); width * dim]);
                let mut pulse = Pulse::new(&mut never);
                E::pack(isa, &full, dim, &mut panel, &mut pulse).unwrap();
                E::pack(isa, &rows, dim, &mut panel, &mut pulse).unwrap();
                for (place, value) in panel.values().iter().enumerate() {
                    let (k, lane) = (place / width, place % width);
                    let expected = if lane < count { rows[lane * dim + k] } else { E::default() };
                    assert_eq!(value.double(), expected.double(), "{isa:?} {count} x {dim}, {k} of row {lane}");
                }
                assert_eq!(panel.values().len(), width * dim);
            }
        }
    }

    #[test]
    fn packed_values_have_their_places() {
        every_value_has_its_place::<f32>();
        every_value_has_its_place::<f64>();
    }
}
