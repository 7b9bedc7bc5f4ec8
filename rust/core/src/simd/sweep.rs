//! The dynamic programme along anti-diagonals: a strip of rows in the lanes of four registers.
//!
//! Lane l holds row `first + l` of the alignment; at diagonal k it is at column k - l. A row's left neighbour is what its
//! own lane held one diagonal before, its upper neighbour what the lane before it held then, and its diagonal
//! neighbour the upper one of the diagonal before: one lane shift a register and step. Lanes left of column 0 hold
//! infinity by themselves, since all that they read is infinity; lanes right of the last column hold numbers that
//! nothing reads.

use super::Lanes;
use crate::error::Result;
use crate::pulse::Pulse;
use crate::rows::Float;

/// Registers a strip.
const REGISTERS: usize = 4;

/// Diagonals between two beats.
const PART: usize = 1 << 16;

/// Costs as the dynamic programme reads them.
pub trait Cost: Float {
    /// The costs at `from` as f64.
    ///
    /// # Safety
    /// `from..from + L::LANES` must be readable.
    unsafe fn lanes<L: Lanes>(from: *const Self) -> L;
}

impl Cost for f32 {
    #[inline(always)]
    unsafe fn lanes<L: Lanes>(from: *const f32) -> L {
        // SAFETY: passed on.
        unsafe { L::load_f32(from) }
    }
}

impl Cost for f64 {
    #[inline(always)]
    unsafe fn lanes<L: Lanes>(from: *const f64) -> L {
        // SAFETY: passed on.
        unsafe { L::load_f64(from) }
    }
}

/// Rows of a strip.
pub(crate) const fn height(lanes: usize) -> usize {
    REGISTERS * lanes
}

/// Bytes of directions that one diagonal of a strip takes: two bits a lane.
pub(crate) const fn direction_bytes(lanes: usize) -> usize {
    height(lanes) / 4
}

/// Runs one strip.
///
/// * `costs`: cell (l, j) at `[(l + j) * height + l]`, every value finite, for `n + rows - 1` diagonals;
/// * `above`: D of the row above the strip, `[j + 1]`, `[0]` being the corner left of it;
/// * `below`: receives D of the strip's last row likewise (all of it if it is full, else only the last cell);
/// * `directions`: `direction_bytes` a diagonal where paths are wanted, else empty.
#[inline(always)]
pub(crate) fn strip<L: Lanes, E: Cost>(
    rows: usize,
    n: usize,
    costs: &[E],
    above: &[f64],
    below: &mut [f64],
    directions: &mut [u8],
    pulse: &mut Pulse<'_>,
) -> Result<()> {
    // As many registers as the rows need: 8 rows of f64 fill one of AVX-512.
    match (rows.div_ceil(L::LANES), directions.is_empty()) {
        (1, true) => run::<L, E, false, 1>(rows, n, costs, above, below, directions, pulse),
        (2, true) => run::<L, E, false, 2>(rows, n, costs, above, below, directions, pulse),
        (3, true) => run::<L, E, false, 3>(rows, n, costs, above, below, directions, pulse),
        (_, true) => run::<L, E, false, REGISTERS>(rows, n, costs, above, below, directions, pulse),
        (1, false) => run::<L, E, true, 1>(rows, n, costs, above, below, directions, pulse),
        (2, false) => run::<L, E, true, 2>(rows, n, costs, above, below, directions, pulse),
        (3, false) => run::<L, E, true, 3>(rows, n, costs, above, below, directions, pulse),
        (_, false) => run::<L, E, true, REGISTERS>(rows, n, costs, above, below, directions, pulse),
    }
}

#[inline(always)]
fn run<L: Lanes, E: Cost, const PATHS: bool, const USED: usize>(
    rows: usize,
    n: usize,
    costs: &[E],
    above: &[f64],
    below: &mut [f64],
    directions: &mut [u8],
    pulse: &mut Pulse<'_>,
) -> Result<()> {
    assert!(0 < rows && rows <= height(L::LANES), "a strip has rows");
    let height = height(L::LANES);
    let bytes = direction_bytes(L::LANES);
    let diagonals = n + rows - 1;
    let infinity = L::splat(f64::INFINITY);
    let mut left = [infinity; USED];
    let mut diagonal = [infinity; USED];
    diagonal[0] = infinity.shift_in(L::splat(above[0]));
    let full = rows == height;
    below[0] = f64::INFINITY;
    for (part, costs) in costs.chunks(PART * height).enumerate() {
        for (k, costs) in (part * PART..diagonals).zip(costs.chunks_exact(height)) {
            let mut carry = L::splat(if k < n { above[k + 1] } else { f64::INFINITY });
            let words = if PATHS { &mut directions[k * bytes..(k + 1) * bytes] } else { &mut [][..] };
            for v in 0..USED {
                let up = left[v].shift_in(carry);
                carry = left[v];
                // Diagonal first, then up, then left: only a strictly better one replaces. Without a path the order is free,
                // and the one that waits for the lane before comes last.
                let (first, from_up) = (diagonal[v].least(up), if PATHS { up.below(diagonal[v]) } else { 0 });
                let from_left = if PATHS { left[v].below(first) } else { 0 };
                let least = if PATHS { first.least(left[v]) } else { diagonal[v].least(left[v]).least(up) };
                // SAFETY: `costs` holds REGISTERS * LANES values.
                let cost: L = unsafe { E::lanes(costs.as_ptr().add(v * L::LANES)) };
                diagonal[v] = up;
                left[v] = cost.plus(least);
                if PATHS {
                    if L::LANES == 8 {
                        words[2 * v] = from_up;
                        words[2 * v + 1] = from_left;
                    } else {
                        words[v] = from_up | from_left << 4;
                    }
                }
            }
            if full && k + 1 >= height {
                below[k + 2 - height] = left[USED - 1].lane(L::LANES - 1);
            }
        }
        pulse.spend(costs.len())?;
    }
    let last = rows - 1;
    below[n] = left[USED - 1].lane(last % L::LANES);
    Ok(())
}

/// Reads the path back; `directions` holds all strips, one after the other, each `n + rows - 1` diagonals long.
pub(crate) fn trace(lanes: usize, m: usize, n: usize, directions: &[u8], path: &mut [[i32; 2]]) -> usize {
    let (height, bytes) = (height(lanes), direction_bytes(lanes));
    let strip_bytes = (n + height - 1) * bytes;
    let (mut i, mut j, mut length) = (m - 1, n - 1, 0);
    loop {
        path[length] = [index(i), index(j)];
        length += 1;
        if i == 0 && j == 0 {
            break;
        }
        let (strip, l) = (i / height, i % height);
        let word = strip * strip_bytes + (l + j) * bytes;
        let (v, bit) = (l / lanes, l % lanes);
        let (up, left) = if lanes == 8 {
            (directions[word + 2 * v] >> bit & 1, directions[word + 2 * v + 1] >> bit & 1)
        } else {
            (directions[word + v] >> bit & 1, directions[word + v] >> (4 + bit) & 1)
        };
        // At the border there is one way only, also where rows that changed during the call left directions without sense.
        match (left, up) {
            _ if i == 0 => j -= 1,
            _ if j == 0 => i -= 1,
            (1, _) => j -= 1,
            (_, 1) => i -= 1,
            _ => (i, j) = (i - 1, j - 1),
        }
    }
    path[..length].reverse();
    length
}

#[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "sizes were checked to fit i32")]
fn index(i: usize) -> i32 {
    i as i32
}
