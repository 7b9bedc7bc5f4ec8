//! The norm pass: checks every row, and brings it into the cache on the way.

use super::Lanes;
use super::sweep::Cost;
use crate::error::Result;
use crate::rows::{Zero, inverse_norm};

/// Squared norms within these bounds keep every product and sum of f32 in range: 2^-80 and 2^80.
const SAFE: std::ops::RangeInclusive<f64> = 8.271_806_125_530_277e-25..=1.208_925_819_614_629_2e24;

/// Writes 1 / |row| for every row: 0 for a zero row under [`Zero::Orthogonal`], NaN for a row so long or so short that
/// its products need care. Norms are summed in f64. `first` is the number of the first row, for the message.
#[inline(always)]
pub(crate) fn inverse<L: Lanes, E: Cost>(
    argument: &'static str,
    first: usize,
    rows: &[E],
    dim: usize,
    zero: Zero,
    out: &mut [E],
) -> Result<()> {
    for (i, (row, inverse)) in rows.chunks_exact(dim).zip(out).enumerate() {
        let square = square::<L, E>(row);
        *inverse = if SAFE.contains(&square) {
            E::from_double(1.0 / square.sqrt())
        } else if inverse_norm(argument, first + i, row, zero)? == 0.0 {
            E::default()
        } else {
            E::from_double(f64::NAN)
        };
    }
    Ok(())
}

/// How far ahead of the norm pass memory is asked for, in bytes: the processor's own prefetching stops at the end of a
/// page, which for rows of 3 kB is after every one. Measured from 3 to 16 kB: more is better, the gain levels off.
const AHEAD: usize = 16384;

/// Asks for the line of memory at `at`.
#[inline(always)]
fn prefetch(at: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing and faults nowhere; SSE is part of x86-64.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

#[inline(always)]
fn square<L: Lanes, E: Cost>(row: &[E]) -> f64 {
    const SUMS: usize = 4;
    let mut sums = [L::splat(0.0); SUMS];
    let blocks = row.chunks_exact(SUMS * L::LANES);
    let rest = blocks.remainder();
    for block in blocks {
        let ahead = block.as_ptr().wrapping_byte_add(AHEAD);
        prefetch(ahead.cast());
        prefetch(ahead.wrapping_byte_add(std::mem::size_of_val(block) / 2).cast());
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
