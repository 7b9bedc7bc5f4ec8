//! The norm pass: checks every row, and brings it into the cache on the way.

use super::sweep::Cost;
use super::{Lanes, Vector};
use crate::error::Result;
use crate::pulse::Pulse;
use crate::rows::{Zero, careful_inverse_norm};

/// Squared norms within these bounds keep every product and sum of f32 in range: 2^-80 and 2^80.
const SAFE: std::ops::RangeInclusive<f64> = 8.271_806_125_530_277e-25..=1.208_925_819_614_629_2e24;

/// Rows to be checked, and what is known about them.
#[derive(Debug, Clone, Copy)]
pub struct Pass<'a, E> {
    /// Name of the rows, for messages.
    pub argument: &'static str,
    /// Number of the first row, for messages.
    pub first: usize,
    /// The rows.
    pub rows: &'a [E],
    /// Numbers a row.
    pub dim: usize,
    /// What a zero row is.
    pub zero: Zero,
    /// What is read after the rows.
    pub then: Soon,
}

impl<E> Pass<'_, E> {
    /// What is read [`AHEAD`] bytes after the start of row `i`.
    #[inline(always)]
    fn after(&self, i: usize) -> *const u8 {
        let (at, end) = (i * self.dim * size_of::<E>() + AHEAD, size_of_val(self.rows));
        let then = self.then.skip(at.saturating_sub(end));
        if at >= end && then.bytes() > 0 {
            then.start()
        } else {
            self.rows.as_ptr().cast::<u8>().wrapping_add(if at < end { at } else { 0 })
        }
    }
}

/// Memory that will be read soon: asked for ahead of time, never read here.
#[derive(Debug, Clone, Copy, Default)]
pub struct Soon {
    at: usize,
    bytes: usize,
}

impl Soon {
    /// The memory of `values`.
    pub fn of<T>(values: &[T]) -> Self {
        Self { at: values.as_ptr().addr(), bytes: size_of_val(values) }
    }

    /// All but the first `bytes`.
    #[must_use]
    pub fn skip(self, bytes: usize) -> Self {
        let skipped = bytes.min(self.bytes);
        Self { at: self.at + skipped, bytes: self.bytes - skipped }
    }

    /// How much it is.
    pub(crate) fn bytes(self) -> usize {
        self.bytes
    }

    /// Asks for all of it, into the second cache.
    pub(crate) fn ask(self) {
        for at in (0..self.bytes).step_by(LINE) {
            prefetch::<false>(self.start().wrapping_add(at));
        }
    }

    /// Its first byte.
    pub(crate) fn start(self) -> *const u8 {
        std::ptr::without_provenance(self.at)
    }
}

/// Writes 1 / |row| for every row: 0 for a zero row under [`Zero::Orthogonal`], NaN for a row so long or so short that
/// its products need care.
#[inline(always)]
pub(crate) fn inverse<V: Vector<Elem = E>, L: Lanes, E: Cost>(
    pass: &Pass<'_, E>,
    out: &mut [E],
    pulse: &mut Pulse<'_>,
) -> Result<()> {
    for (i, (row, inverse)) in pass.rows.chunks_exact(pass.dim).zip(out).enumerate() {
        let square = if V::OVERLAPS { square::<V, E>(row, pass.after(i)) } else { square_double::<L, E>(row) };
        *inverse = if SAFE.contains(&square) {
            E::from_double(1.0 / square.sqrt())
        } else if careful_inverse_norm(pass.argument, pass.first + i, row, pass.zero, pulse)? == 0.0 {
            E::default()
        } else {
            E::from_double(f64::NAN)
        };
        pulse.spend(row.len())?;
    }
    Ok(())
}

/// How far ahead of the norm pass memory is asked for, in bytes: the processor's own prefetching stops at the end of a
/// page, which for rows of 3 kB is after every one. Measured from 3 to 16 kB: more is better, the gain levels off.
pub(crate) const AHEAD: usize = 16384;

/// Bytes of a line of the cache.
pub(crate) const LINE: usize = 64;

/// Asks for the line of memory at `at`, into the first cache if it is `NEAR`, else into the second.
#[inline(always)]
pub(crate) fn prefetch<const NEAR: bool>(at: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing and faults nowhere; SSE is part of x86-64.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _MM_HINT_T1, _mm_prefetch};
        if NEAR { _mm_prefetch::<_MM_HINT_T0>(at.cast()) } else { _mm_prefetch::<_MM_HINT_T1>(at.cast()) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

/// The sum of squares of a row, in the precision of its products; asks for as much memory from `ahead` on.
#[inline(always)]
fn square<V: Vector<Elem = E>, E: Cost>(row: &[E], ahead: *const u8) -> f64 {
    const SUMS: usize = 4;
    let mut sums = [V::zero(); SUMS];
    let blocks = row.chunks_exact(SUMS * V::LANES);
    let rest = blocks.remainder();
    let mut ahead = ahead;
    for block in blocks {
        for _ in 0..SUMS * V::LANES * size_of::<E>() / LINE {
            prefetch::<true>(ahead);
            ahead = ahead.wrapping_add(LINE);
        }
        for v in 0..SUMS {
            // SAFETY: a block holds SUMS * LANES values.
            let values = unsafe { V::load(block.as_ptr().add(v * V::LANES)) };
            sums[v] = sums[v].multiply_add(values, values);
        }
    }
    let of = V::sum4(sums);
    let total = (of[0].double() + of[1].double()) + (of[2].double() + of[3].double());
    rest.iter().fold(total, |total, value| total + value.double() * value.double())
}

/// The same in f64, which takes no longer where registers are wide and nothing was asked for before.
#[inline(always)]
fn square_double<L: Lanes, E: Cost>(row: &[E]) -> f64 {
    const SUMS: usize = 4;
    let mut sums = [L::splat(0.0); SUMS];
    let blocks = row.chunks_exact(SUMS * L::LANES);
    let rest = blocks.remainder();
    for block in blocks {
        let ahead = block.as_ptr().cast::<u8>().wrapping_add(AHEAD);
        prefetch::<true>(ahead);
        prefetch::<true>(ahead.wrapping_add(size_of_val(block) / 2));
        for (v, sum) in sums.iter_mut().enumerate() {
            // SAFETY: a block holds SUMS * LANES values.
            let values: L = unsafe { E::lanes(block.as_ptr().add(v * L::LANES)) };
            *sum = sum.multiply_add(values, values);
        }
    }
    let sum = sums[0].plus(sums[1]).plus(sums[2].plus(sums[3]));
    let mut total = 0.0;
    for l in 0..L::LANES {
        total += sum.lane(l);
    }
    rest.iter().fold(total, |total, value| total + value.double() * value.double())
}

/// u.v, u.u and v.v in f64.
#[inline(always)]
pub(crate) fn products<L: Lanes, E: Cost>(u: &[E], v: &[E]) -> [f64; 3] {
    let mut sums = [L::splat(0.0); 3];
    let (u_blocks, v_blocks) = (u.chunks_exact(L::LANES), v.chunks_exact(L::LANES));
    let (u_rest, v_rest) = (u_blocks.remainder(), v_blocks.remainder());
    for (u, v) in u_blocks.zip(v_blocks) {
        // SAFETY: both blocks hold LANES values.
        let (u, v): (L, L) = unsafe { (E::lanes(u.as_ptr()), E::lanes(v.as_ptr())) };
        sums[0] = sums[0].multiply_add(u, v);
        sums[1] = sums[1].multiply_add(u, u);
        sums[2] = sums[2].multiply_add(v, v);
    }
    let mut totals = sums.map(|sum| (0..L::LANES).map(|l| sum.lane(l)).sum::<f64>());
    for (u, v) in u_rest.iter().zip(v_rest) {
        let (u, v) = (u.double(), v.double());
        totals[0] += u * v;
        totals[1] += u * u;
        totals[2] += v * v;
    }
    totals
}
