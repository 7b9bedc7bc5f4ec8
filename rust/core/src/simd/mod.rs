//! Vectors of the machine under one small interface, and the instruction sets that have them.
//!
//! The kernels are written once over `Vector` and compiled once an instruction set: the outermost function of each
//! carries the `target_feature`, everything below it is inlined into it. This module and the kernels are the only places
//! with `unsafe`.

#![expect(clippy::needless_range_loop, reason = "registers are walked by number: iterators of them do not inline")]

mod dispatch;
pub(crate) mod int8;
mod norms;
mod panel;
mod portable;
mod sweep;
mod tile;
#[cfg(target_arch = "x86_64")]
mod x86;
#[cfg(target_arch = "x86_64")]
mod x86_bytes;

pub(crate) use dispatch::{Columns, Kernels, Places};
pub(crate) use norms::AHEAD;
pub(crate) use norms::{Pass, Soon};
pub(crate) use panel::Panel;
pub(crate) use sweep::{direction_bytes, trace};
pub(crate) use tile::{Layout, Sides};

use crate::rows::Float;

/// An instruction set of this processor that the kernels know.
///
/// There is one only where the processor was asked and has it, which is what lets the kernels run:
///
/// ```
/// use tracewarp_core::Isa;
/// assert!(Isa::available().contains(&Isa::best()));
/// assert_eq!(Isa::available()[0].name(), "portable");
/// ```
///
/// ```compile_fail
/// let isa = tracewarp_core::Isa::Avx512;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Isa(Level);

/// What an [`Isa`] stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Level {
    /// Plain arrays, which the compiler turns into whatever the target has (SSE2 on x86-64, NEON on 64-bit Arm).
    Portable,
    /// AVX2 with fused multiply-add.
    Avx2,
    /// AVX-512 F, BW, VL and DQ.
    Avx512,
}

impl Isa {
    /// The best one that this processor has.
    #[must_use]
    pub fn best() -> Self {
        *Self::available().last().unwrap_or(&Self(Level::Portable))
    }

    /// All that this processor has, best last.
    #[must_use]
    pub fn available() -> &'static [Self] {
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma");
            let avx512 = avx2
                && std::is_x86_feature_detected!("avx512f")
                && std::is_x86_feature_detected!("avx512bw")
                && std::is_x86_feature_detected!("avx512vl")
                && std::is_x86_feature_detected!("avx512dq");
            if avx512 {
                return &[Self(Level::Portable), Self(Level::Avx2), Self(Level::Avx512)];
            }
            if avx2 {
                return &[Self(Level::Portable), Self(Level::Avx2)];
            }
        }
        &[Self(Level::Portable)]
    }

    /// Its name, as `tracewarp doctor` prints it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            Level::Portable => "portable",
            Level::Avx2 => "avx2",
            Level::Avx512 => "avx512",
        }
    }
}

/// A register of numbers. All functions are meant to be inlined into one that has the instruction set.
pub(crate) trait Vector: Copy {
    /// What it holds.
    type Elem: Float;
    /// How many.
    const LANES: usize;
    /// Rows of a tile of products: up to 4, or up to 6.
    const TILE_ROWS: usize;
    /// Columns of a tile, up to 4: as many as leave every sum in a register, beside those of the shorter side and one.
    const TILE_COLUMNS: usize;
    /// Whether the next pair is asked for while this one is multiplied: AVX-512 multiplies so fast that the second
    /// cache is busy already.
    const OVERLAPS: bool;
    /// Whether rows are best read from one multiple of the register's size to the next.
    const ALIGNS: bool;
    /// Columns of a panel product: as many as leave every accumulator in a register beside two of rows.
    const PANEL_COLUMNS: usize;
    /// All zero.
    fn zero() -> Self;
    /// The values at `from`.
    ///
    /// # Safety
    /// `from..from + LANES` must be readable.
    unsafe fn load(from: *const Self::Elem) -> Self;
    /// The `len < LANES` values at `from`, then zeros.
    ///
    /// # Safety
    /// `from..from + len` must be readable.
    #[inline(always)]
    unsafe fn load_tail(from: *const Self::Elem, len: usize) -> Self {
        let mut buffer = [Self::Elem::default(); 16];
        // SAFETY: the caller vouches for `len` values, and len < LANES <= 16; the load reads LANES of the buffer.
        unsafe {
            std::ptr::copy_nonoverlapping(from, buffer.as_mut_ptr(), len);
            Self::load(buffer.as_ptr())
        }
    }
    /// Zeros, then the `len < LANES` values at `from`.
    ///
    /// # Safety
    /// `from..from + len` must be readable.
    #[inline(always)]
    unsafe fn load_head(from: *const Self::Elem, len: usize) -> Self {
        let mut buffer = [Self::Elem::default(); 16];
        // SAFETY: the caller vouches for `len` values, and len < LANES <= 16; the load reads LANES of the buffer.
        unsafe {
            std::ptr::copy_nonoverlapping(from, buffer.as_mut_ptr().add(Self::LANES - len), len);
            Self::load(buffer.as_ptr())
        }
    }
    /// Rows and columns of a square of values that [`Vector::transpose`] turns; 0 where there is no such.
    const SQUARE: usize;
    /// Value j of run i of `from` becomes value i of run j of `to`; runs begin every `rows` and every `columns` values.
    ///
    /// # Safety
    /// `SQUARE` runs of `SQUARE` values must be readable at `from` and writable at `to`.
    #[inline(always)]
    unsafe fn transpose(from: *const Self::Elem, rows: usize, to: *mut Self::Elem, columns: usize) {
        let _ = (from, rows, to, columns);
    }
    /// All equal to `value`.
    fn splat(value: Self::Elem) -> Self;
    /// Writes all values to `to`.
    ///
    /// # Safety
    /// `to..to + LANES` must be writable.
    unsafe fn store(self, to: *mut Self::Elem);
    /// Lane by lane minimum.
    fn least(self, other: Self) -> Self;
    /// Lane by lane maximum of a value, NaN if it is NaN, and a number.
    fn most_or_nan(self, number: Self) -> Self;
    /// Lane by lane minimum of a value, NaN if it is NaN, and a number.
    fn least_or_nan(self, number: Self) -> Self;
    /// True where every lane is a number of at least `number`.
    fn all_at_least(self, number: Self) -> bool;
    /// a b.
    fn times(self, other: Self) -> Self;
    /// self + a b.
    fn multiply_add(self, a: Self, b: Self) -> Self;
    /// self - other.
    fn minus(self, other: Self) -> Self;
    /// The sum of all lanes, folded half by half.
    fn sum(self) -> Self::Elem;
    /// The sums of four registers, each folded as by [`Vector::sum`].
    fn sum4(of: [Self; 4]) -> [Self::Elem; 4];
}

/// A register of f64 for the dynamic programme: one lane a row of the alignment.
pub trait Lanes: Copy {
    /// How many.
    const LANES: usize;
    /// All equal to `value`.
    fn splat(value: f64) -> Self;
    /// Costs as f64.
    ///
    /// # Safety
    /// `from..from + LANES` must be readable.
    unsafe fn load_f32(from: *const f32) -> Self;
    /// Costs as f64.
    ///
    /// # Safety
    /// `from..from + LANES` must be readable.
    unsafe fn load_f64(from: *const f64) -> Self;
    /// self + a b.
    fn multiply_add(self, a: Self, b: Self) -> Self;
    /// Lane by lane sum.
    fn plus(self, other: Self) -> Self;
    /// Lane by lane minimum.
    fn least(self, other: Self) -> Self;
    /// Bit l: self < other in lane l.
    fn below(self, other: Self) -> u8;
    /// The last lane of `carry`, then all lanes but the last, each one place on.
    fn shift_in(self, carry: Self) -> Self;
    /// Lane `l`.
    fn lane(self, l: usize) -> f64;
}

/// Arguments that fit nothing, on every instruction set: a panic, and no read or write outside a slice.
#[cfg(test)]
mod attacks {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::cost::Metric;
    use crate::pulse::Pulse;

    fn panics(body: impl FnOnce()) {
        assert!(catch_unwind(AssertUnwindSafe(body)).is_err());
    }

    fn kernels_refuse<E: Kernels>(isa: Isa) {
        let mut ask = || Ok(());
        let mut pulse = Pulse::new(&mut ask);
        let values = vec![E::from_double(0.5); 64];
        let sides = |dim: usize, m: usize, n: usize| Sides {
            x: &values[..(dim * m).min(64)],
            y: &values[..(dim * n).min(64)],
            dim,
            x_inverse: &values[..m],
            y_inverse: &values[..n],
            metric: Metric::Cosine,
            next: [Soon::default(); 2],
        };
        let mut out = vec![E::default(); 64];
        // A strip of fewer lanes than rows, of half a register, and of more than there is room for.
        for height in [0, 1, 3, 12, 40, usize::MAX] {
            let layout = Layout::Strip { height, reversed: &values };
            panics(|| drop(E::costs(isa, &sides(2, 16, 2), 0..16, 0..2, &mut out, layout, &mut pulse)));
        }
        for (rows, columns) in [(0..3, 0..2), (0..2, 0..9), (5..7, 0..2), (0..0, 0..2), (0..2, 1..1)] {
            panics(|| drop(E::costs(isa, &sides(8, 2, 2), rows, columns, &mut out, Layout::Flat, &mut pulse)));
        }
        panics(|| drop(E::costs(isa, &sides(0, 2, 2), 0..2, 0..2, &mut out, Layout::Flat, &mut pulse)));
        panics(|| drop(E::costs(isa, &sides(2, 4, 4), 0..4, 0..4, &mut out[..15], Layout::Flat, &mut pulse)));
        let mut panel = Panel::default();
        panics(|| drop(E::pack(isa, &values, 0, &mut panel, &mut pulse)));
        panics(|| drop(E::pack(isa, &values, 1, &mut panel, &mut pulse)));
        assert!(E::pack(isa, &values, usize::MAX, &mut panel, &mut pulse).is_err());
        E::pack(isa, &values[..8], 4, &mut panel, &mut pulse).expect("two rows");
        for (columns, place) in [(usize::MAX, 0), (0, 64), (60, 5), (usize::MAX, 64)] {
            let (columns, places) = ([columns, 0], [Places::at(place)]);
            let targets = Columns { columns: &columns, of: &[0, 0], places: &places };
            panics(|| drop(E::panel_costs(isa, &sides(4, 2, 2), 0, panel.values(), &targets, &mut out, &mut pulse)));
        }
        let (columns, places) = ([0, 0], [Places::at(0)]);
        for (of, columns) in [(&[0, 1][..], &columns[..]), (&[0], &columns), (&[0, 0], &columns[..1])] {
            let targets = Columns { columns, of, places: &places };
            panics(|| drop(E::panel_costs(isa, &sides(4, 2, 2), 0, panel.values(), &targets, &mut out, &mut pulse)));
        }
        let targets = Columns { columns: &columns, of: &[0, 0], places: &places };
        panics(|| drop(E::panel_costs(isa, &sides(4, 2, 2), 2, panel.values(), &targets, &mut out, &mut pulse)));
        let (above, mut below, mut directions) = ([0.0; 4], [0.0; 4], [0; 8]);
        for (rows, n) in [(0, 3), (33, 3), (usize::MAX, 3), (2, 4), (2, 60)] {
            panics(|| drop(E::strip(isa, rows, n, &out, &above, &mut below, &mut [], &mut pulse)));
        }
        let costs = vec![E::default(); 320];
        panics(|| drop(E::strip(isa, 2, 3, &costs, &above, &mut below, &mut directions[..1], &mut pulse)));
        panics(|| drop(E::strip(isa, 2, 3, &costs, &[], &mut below, &mut [], &mut pulse)));
    }

    #[test]
    fn kernels_refuse_what_does_not_fit() {
        for isa in Isa::available() {
            kernels_refuse::<f32>(*isa);
            kernels_refuse::<f64>(*isa);
        }
    }
}
