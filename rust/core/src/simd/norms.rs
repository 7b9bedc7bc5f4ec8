//! The norm pass: checks every row, and brings it into the cache on the way.

use super::Lanes;
use super::sweep::Cost;
use crate::error::Result;
use crate::rows::{Float, Zero, inverse_norm};

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

#[inline(always)]
fn square<L: Lanes, E: Cost>(row: &[E]) -> f64 {
    const SUMS: usize = 4;
    let mut sums = [L::splat(0.0); SUMS];
    let blocks = row.chunks_exact(SUMS * L::LANES);
    let rest = blocks.remainder();
    for block in blocks {
        for (v, sum) in sums.iter_mut().enumerate() {
            // SAFETY: a block holds SUMS * LANES values.
            *sum = sum.square_add(unsafe { E::lanes(block.as_ptr().add(v * L::LANES)) });
        }
    }
    let sum = sums[0].plus(sums[1]).plus(sums[2].plus(sums[3]));
    let mut total = 0.0;
    for l in 0..L::LANES {
        total += sum.lane(l);
    }
    rest.iter().fold(total, |total, value| total + value.double() * value.double())
}
