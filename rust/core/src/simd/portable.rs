//! Plain arrays behind the interface of registers.

use super::{Lanes, Vector};
use crate::rows::Float;

/// Eight numbers.
#[derive(Clone, Copy)]
pub(crate) struct Lanes8<E>([E; 8]);

impl<E: Float> Vector for Lanes8<E> {
    type Elem = E;
    const LANES: usize = 8;
    const TILE_ROWS: usize = 2;
    const TILE_COLUMNS: usize = 4;
    const OVERLAPS: bool = false;
    const ALIGNS: bool = false;
    const SQUARE: usize = 0;
    const PANEL_COLUMNS: usize = 2;

    #[inline(always)]
    fn zero() -> Self {
        Self([E::default(); 8])
    }

    #[inline(always)]
    unsafe fn load(from: *const E) -> Self {
        // SAFETY: the caller vouches for eight values.
        Self(unsafe { from.cast::<[E; 8]>().read_unaligned() })
    }

    #[inline(always)]
    fn splat(value: E) -> Self {
        Self([value; 8])
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut E) {
        // SAFETY: the caller vouches for eight places.
        unsafe { to.cast::<[E; 8]>().write_unaligned(self.0) }
    }

    #[inline(always)]
    fn least(self, other: Self) -> Self {
        Self(std::array::from_fn(|l| if other.0[l] < self.0[l] { other.0[l] } else { self.0[l] }))
    }

    #[inline(always)]
    fn most_or_nan(self, number: Self) -> Self {
        Self(std::array::from_fn(|l| if self.0[l] < number.0[l] { number.0[l] } else { self.0[l] }))
    }

    #[inline(always)]
    fn least_or_nan(self, number: Self) -> Self {
        Self(std::array::from_fn(|l| if self.0[l] > number.0[l] { number.0[l] } else { self.0[l] }))
    }

    #[inline(always)]
    fn all_at_least(self, number: Self) -> bool {
        (0..8).all(|l| self.0[l] >= number.0[l])
    }

    #[inline(always)]
    fn times(self, other: Self) -> Self {
        Self(std::array::from_fn(|l| self.0[l] * other.0[l]))
    }

    #[inline(always)]
    fn multiply_add(self, a: Self, b: Self) -> Self {
        Self(std::array::from_fn(|l| self.0[l] + a.0[l] * b.0[l]))
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        Self(std::array::from_fn(|l| self.0[l] - other.0[l]))
    }

    #[inline(always)]
    fn sum(self) -> E {
        let v = self.0;
        ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]))
    }

    #[inline(always)]
    fn sum4(of: [Self; 4]) -> [E; 4] {
        of.map(Self::sum)
    }
}

/// Four f64.
#[derive(Clone, Copy)]
pub(crate) struct Lanes4([f64; 4]);

impl Lanes for Lanes4 {
    const LANES: usize = 4;

    #[inline(always)]
    fn splat(value: f64) -> Self {
        Self([value; 4])
    }

    #[inline(always)]
    unsafe fn load_f32(from: *const f32) -> Self {
        // SAFETY: the caller vouches for four values.
        Self(unsafe { from.cast::<[f32; 4]>().read_unaligned() }.map(f64::from))
    }

    #[inline(always)]
    unsafe fn load_f64(from: *const f64) -> Self {
        // SAFETY: the caller vouches for four values.
        Self(unsafe { from.cast::<[f64; 4]>().read_unaligned() })
    }

    #[inline(always)]
    fn multiply_add(self, a: Self, b: Self) -> Self {
        Self(std::array::from_fn(|l| self.0[l] + a.0[l] * b.0[l]))
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        Self(std::array::from_fn(|l| self.0[l] + other.0[l]))
    }

    #[inline(always)]
    fn least(self, other: Self) -> Self {
        Self(std::array::from_fn(|l| if other.0[l] < self.0[l] { other.0[l] } else { self.0[l] }))
    }

    #[inline(always)]
    fn below(self, other: Self) -> u8 {
        (0..4).fold(0, |bits, l| bits | u8::from(self.0[l] < other.0[l]) << l)
    }

    #[inline(always)]
    fn shift_in(self, carry: Self) -> Self {
        Self([carry.0[3], self.0[0], self.0[1], self.0[2]])
    }

    #[inline(always)]
    fn lane(self, l: usize) -> f64 {
        self.0[l]
    }
}
