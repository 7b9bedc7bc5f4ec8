//! AVX2 and AVX-512 registers.
//!
//! Every intrinsic below is called inside a function that is inlined into one with the matching `target_feature`, which
//! [`super::Isa`] lets run only where the processor has it: that is the bound of every `unsafe` here. Loads state theirs.
#![expect(clippy::undocumented_unsafe_blocks, reason = "one bound for all of them, stated above")]

use std::arch::x86_64::*;

use super::{Lanes, Vector};

/// Sixteen f32 (AVX-512).
#[derive(Clone, Copy)]
pub(crate) struct F32x16(__m512);
/// Eight f32 (AVX2).
#[derive(Clone, Copy)]
pub(crate) struct F32x8(__m256);
/// Eight f64 (AVX-512).
#[derive(Clone, Copy)]
pub(crate) struct F64x8(__m512d);
/// Four f64 (AVX2).
#[derive(Clone, Copy)]
pub(crate) struct F64x4(__m256d);

/// From the n-th on: a mask of the first 8 - n halves of f64, or of the last n - 8.
static MASK: [i32; 24] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0, -1, -1, -1, -1, -1, -1, -1, -1];

/// The mask at `from`, where 8 values must be readable.
#[inline(always)]
unsafe fn mask(from: *const i32) -> __m256i {
    unsafe { _mm256_loadu_si256(from.cast()) }
}

#[inline(always)]
fn sum4_ps(of: [__m128; 4]) -> [f32; 4] {
    unsafe {
        // A transposition with additions: lane l of the result is ((0 + 2) + (1 + 3)) of register l.
        let (a, b) = (_mm_unpacklo_ps(of[0], of[1]), _mm_unpackhi_ps(of[0], of[1]));
        let (c, d) = (_mm_unpacklo_ps(of[2], of[3]), _mm_unpackhi_ps(of[2], of[3]));
        let (low, high) = (_mm_add_ps(a, b), _mm_add_ps(c, d));
        let sum = _mm_add_ps(_mm_movelh_ps(low, high), _mm_movehl_ps(high, low));
        std::mem::transmute::<__m128, [f32; 4]>(sum)
    }
}

#[inline(always)]
fn half_ps(v: __m256) -> __m128 {
    unsafe { _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v)) }
}

#[inline(always)]
fn half_pd(v: __m256d) -> __m128d {
    unsafe { _mm_add_pd(_mm256_castpd256_pd128(v), _mm256_extractf128_pd::<1>(v)) }
}

#[inline(always)]
fn fold_ps(v: __m512) -> __m256 {
    unsafe { _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps::<1>(v)) }
}

#[inline(always)]
fn fold_pd(v: __m512d) -> __m256d {
    unsafe { _mm256_add_pd(_mm512_castpd512_pd256(v), _mm512_extractf64x4_pd::<1>(v)) }
}

#[inline(always)]
fn sum_pd(v: __m128d) -> f64 {
    unsafe { _mm_cvtsd_f64(_mm_add_sd(v, _mm_unpackhi_pd(v, v))) }
}

/// Eight runs of eight: pairs, then fours, then halves change places.
///
/// # Safety
/// As [`Vector::transpose`].
#[inline(always)]
unsafe fn transpose_ps(from: *const f32, rows: usize, to: *mut f32, columns: usize) {
    unsafe {
        let mut four = [_mm256_setzero_ps(); 8];
        for half in 0..2 {
            let from = from.add(4 * half * rows);
            let (a, b) = (_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(rows)));
            let (c, d) = (_mm256_loadu_ps(from.add(2 * rows)), _mm256_loadu_ps(from.add(3 * rows)));
            let (ab, cd) = (_mm256_unpacklo_ps(a, b), _mm256_unpacklo_ps(c, d));
            four[4 * half] = _mm256_shuffle_ps::<0b01_00_01_00>(ab, cd);
            four[4 * half + 1] = _mm256_shuffle_ps::<0b11_10_11_10>(ab, cd);
            let (ab, cd) = (_mm256_unpackhi_ps(a, b), _mm256_unpackhi_ps(c, d));
            four[4 * half + 2] = _mm256_shuffle_ps::<0b01_00_01_00>(ab, cd);
            four[4 * half + 3] = _mm256_shuffle_ps::<0b11_10_11_10>(ab, cd);
        }
        for k in 0..4 {
            let (first, last) = (four[k], four[4 + k]);
            _mm256_storeu_ps(to.add(k * columns), _mm256_permute2f128_ps::<0x20>(first, last));
            _mm256_storeu_ps(to.add((4 + k) * columns), _mm256_permute2f128_ps::<0x31>(first, last));
        }
    }
}

impl Vector for F32x16 {
    type Elem = f32;
    const LANES: usize = 16;
    const TILE_ROWS: usize = 6;
    const TILE_COLUMNS: usize = 4;
    const OVERLAPS: bool = false;
    const ALIGNS: bool = true;
    const SQUARE: usize = 8;
    const PANEL_COLUMNS: usize = 14;

    #[inline(always)]
    fn zero() -> Self {
        Self(unsafe { _mm512_setzero_ps() })
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Self(unsafe { _mm512_loadu_ps(from) })
    }

    #[inline(always)]
    unsafe fn load_tail(from: *const f32, len: usize) -> Self {
        // Masked lanes are not read.
        Self(unsafe { _mm512_maskz_loadu_ps((1u16 << len) - 1, from) })
    }

    #[inline(always)]
    unsafe fn load_head(from: *const f32, len: usize) -> Self {
        // Masked lanes are not read.
        Self(unsafe { _mm512_maskz_loadu_ps(u16::MAX << (16 - len), from.wrapping_sub(16 - len)) })
    }

    #[inline(always)]
    unsafe fn transpose(from: *const f32, rows: usize, to: *mut f32, columns: usize) {
        unsafe { transpose_ps(from, rows, to, columns) }
    }

    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self(unsafe { _mm512_set1_ps(value) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm512_storeu_ps(to, self.0) }
    }

    #[inline(always)]
    fn least(self, other: Self) -> Self {
        Self(unsafe { _mm512_min_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn most_or_nan(self, number: Self) -> Self {
        // The second operand comes through where either is NaN.
        Self(unsafe { _mm512_max_ps(number.0, self.0) })
    }

    #[inline(always)]
    fn least_or_nan(self, number: Self) -> Self {
        Self(unsafe { _mm512_min_ps(number.0, self.0) })
    }

    #[inline(always)]
    fn all_at_least(self, number: Self) -> bool {
        unsafe { _mm512_cmp_ps_mask::<_CMP_GE_OQ>(self.0, number.0) == u16::MAX }
    }

    #[inline(always)]
    fn times(self, other: Self) -> Self {
        Self(unsafe { _mm512_mul_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn multiply_add(self, a: Self, b: Self) -> Self {
        Self(unsafe { _mm512_fmadd_ps(a.0, b.0, self.0) })
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        Self(unsafe { _mm512_sub_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn sum(self) -> f32 {
        Self::sum4([self; 4])[0]
    }

    #[inline(always)]
    fn sum4(of: [Self; 4]) -> [f32; 4] {
        sum4_ps([
            half_ps(fold_ps(of[0].0)),
            half_ps(fold_ps(of[1].0)),
            half_ps(fold_ps(of[2].0)),
            half_ps(fold_ps(of[3].0)),
        ])
    }
}

impl Vector for F32x8 {
    type Elem = f32;
    const LANES: usize = 8;
    const TILE_ROWS: usize = 4;
    const TILE_COLUMNS: usize = 3;
    const OVERLAPS: bool = true;
    const ALIGNS: bool = true;
    const SQUARE: usize = 8;
    const PANEL_COLUMNS: usize = 6;

    #[inline(always)]
    fn zero() -> Self {
        Self(unsafe { _mm256_setzero_ps() })
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Self(unsafe { _mm256_loadu_ps(from) })
    }

    #[inline(always)]
    unsafe fn load_tail(from: *const f32, len: usize) -> Self {
        // Masked lanes are not read.
        Self(unsafe { _mm256_maskload_ps(from, mask(MASK.as_ptr().add(8 - len))) })
    }

    #[inline(always)]
    unsafe fn load_head(from: *const f32, len: usize) -> Self {
        // Masked lanes are not read.
        Self(unsafe { _mm256_maskload_ps(from.wrapping_sub(8 - len), mask(MASK.as_ptr().add(8 + len))) })
    }

    #[inline(always)]
    unsafe fn transpose(from: *const f32, rows: usize, to: *mut f32, columns: usize) {
        unsafe { transpose_ps(from, rows, to, columns) }
    }

    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self(unsafe { _mm256_set1_ps(value) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm256_storeu_ps(to, self.0) }
    }

    #[inline(always)]
    fn least(self, other: Self) -> Self {
        Self(unsafe { _mm256_min_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn most_or_nan(self, number: Self) -> Self {
        // The second operand comes through where either is NaN.
        Self(unsafe { _mm256_max_ps(number.0, self.0) })
    }

    #[inline(always)]
    fn least_or_nan(self, number: Self) -> Self {
        Self(unsafe { _mm256_min_ps(number.0, self.0) })
    }

    #[inline(always)]
    fn all_at_least(self, number: Self) -> bool {
        unsafe { _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_GE_OQ>(self.0, number.0)) == 0xff }
    }

    #[inline(always)]
    fn times(self, other: Self) -> Self {
        Self(unsafe { _mm256_mul_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn multiply_add(self, a: Self, b: Self) -> Self {
        Self(unsafe { _mm256_fmadd_ps(a.0, b.0, self.0) })
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        Self(unsafe { _mm256_sub_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn sum(self) -> f32 {
        Self::sum4([self; 4])[0]
    }

    #[inline(always)]
    fn sum4(of: [Self; 4]) -> [f32; 4] {
        sum4_ps([half_ps(of[0].0), half_ps(of[1].0), half_ps(of[2].0), half_ps(of[3].0)])
    }
}

impl Vector for F64x8 {
    type Elem = f64;
    const LANES: usize = 8;
    const TILE_ROWS: usize = 6;
    const TILE_COLUMNS: usize = 4;
    const OVERLAPS: bool = false;
    const ALIGNS: bool = true;
    const SQUARE: usize = 0;
    const PANEL_COLUMNS: usize = 14;

    #[inline(always)]
    fn zero() -> Self {
        Self(unsafe { _mm512_setzero_pd() })
    }

    #[inline(always)]
    unsafe fn load(from: *const f64) -> Self {
        Self(unsafe { _mm512_loadu_pd(from) })
    }

    #[inline(always)]
    unsafe fn load_tail(from: *const f64, len: usize) -> Self {
        // Masked lanes are not read.
        Self(unsafe { _mm512_maskz_loadu_pd((1u8 << len) - 1, from) })
    }

    #[inline(always)]
    unsafe fn load_head(from: *const f64, len: usize) -> Self {
        // Masked lanes are not read.
        Self(unsafe { _mm512_maskz_loadu_pd(u8::MAX << (8 - len), from.wrapping_sub(8 - len)) })
    }

    #[inline(always)]
    fn splat(value: f64) -> Self {
        Self(unsafe { _mm512_set1_pd(value) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f64) {
        unsafe { _mm512_storeu_pd(to, self.0) }
    }

    #[inline(always)]
    fn least(self, other: Self) -> Self {
        Self(unsafe { _mm512_min_pd(self.0, other.0) })
    }

    #[inline(always)]
    fn most_or_nan(self, number: Self) -> Self {
        // The second operand comes through where either is NaN.
        Self(unsafe { _mm512_max_pd(number.0, self.0) })
    }

    #[inline(always)]
    fn least_or_nan(self, number: Self) -> Self {
        Self(unsafe { _mm512_min_pd(number.0, self.0) })
    }

    #[inline(always)]
    fn all_at_least(self, number: Self) -> bool {
        unsafe { _mm512_cmp_pd_mask::<_CMP_GE_OQ>(self.0, number.0) == u8::MAX }
    }

    #[inline(always)]
    fn times(self, other: Self) -> Self {
        Self(unsafe { _mm512_mul_pd(self.0, other.0) })
    }

    #[inline(always)]
    fn multiply_add(self, a: Self, b: Self) -> Self {
        Self(unsafe { _mm512_fmadd_pd(a.0, b.0, self.0) })
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        Self(unsafe { _mm512_sub_pd(self.0, other.0) })
    }

    #[inline(always)]
    fn sum(self) -> f64 {
        sum_pd(half_pd(fold_pd(self.0)))
    }

    #[inline(always)]
    fn sum4(of: [Self; 4]) -> [f64; 4] {
        [of[0].sum(), of[1].sum(), of[2].sum(), of[3].sum()]
    }
}

impl Vector for F64x4 {
    type Elem = f64;
    const LANES: usize = 4;
    const TILE_ROWS: usize = 4;
    const TILE_COLUMNS: usize = 3;
    const OVERLAPS: bool = true;
    const ALIGNS: bool = true;
    const SQUARE: usize = 0;
    const PANEL_COLUMNS: usize = 6;

    #[inline(always)]
    fn zero() -> Self {
        Self(unsafe { _mm256_setzero_pd() })
    }

    #[inline(always)]
    unsafe fn load(from: *const f64) -> Self {
        Self(unsafe { _mm256_loadu_pd(from) })
    }

    #[inline(always)]
    unsafe fn load_tail(from: *const f64, len: usize) -> Self {
        // Masked lanes are not read.
        Self(unsafe { _mm256_maskload_pd(from, mask(MASK.as_ptr().add(8 - len * 2))) })
    }

    #[inline(always)]
    unsafe fn load_head(from: *const f64, len: usize) -> Self {
        // Masked lanes are not read.
        Self(unsafe { _mm256_maskload_pd(from.wrapping_sub(4 - len), mask(MASK.as_ptr().add(8 + len * 2))) })
    }

    #[inline(always)]
    fn splat(value: f64) -> Self {
        Self(unsafe { _mm256_set1_pd(value) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f64) {
        unsafe { _mm256_storeu_pd(to, self.0) }
    }

    #[inline(always)]
    fn least(self, other: Self) -> Self {
        Self(unsafe { _mm256_min_pd(self.0, other.0) })
    }

    #[inline(always)]
    fn most_or_nan(self, number: Self) -> Self {
        // The second operand comes through where either is NaN.
        Self(unsafe { _mm256_max_pd(number.0, self.0) })
    }

    #[inline(always)]
    fn least_or_nan(self, number: Self) -> Self {
        Self(unsafe { _mm256_min_pd(number.0, self.0) })
    }

    #[inline(always)]
    fn all_at_least(self, number: Self) -> bool {
        unsafe { _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_GE_OQ>(self.0, number.0)) == 0xf }
    }

    #[inline(always)]
    fn times(self, other: Self) -> Self {
        Self(unsafe { _mm256_mul_pd(self.0, other.0) })
    }

    #[inline(always)]
    fn multiply_add(self, a: Self, b: Self) -> Self {
        Self(unsafe { _mm256_fmadd_pd(a.0, b.0, self.0) })
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        Self(unsafe { _mm256_sub_pd(self.0, other.0) })
    }

    #[inline(always)]
    fn sum(self) -> f64 {
        sum_pd(half_pd(self.0))
    }

    #[inline(always)]
    fn sum4(of: [Self; 4]) -> [f64; 4] {
        [of[0].sum(), of[1].sum(), of[2].sum(), of[3].sum()]
    }
}

impl Lanes for F64x8 {
    const LANES: usize = 8;

    #[inline(always)]
    fn splat(value: f64) -> Self {
        Self(unsafe { _mm512_set1_pd(value) })
    }

    #[inline(always)]
    unsafe fn load_f32(from: *const f32) -> Self {
        Self(unsafe { _mm512_cvtps_pd(_mm256_loadu_ps(from)) })
    }

    #[inline(always)]
    unsafe fn load_f64(from: *const f64) -> Self {
        Self(unsafe { _mm512_loadu_pd(from) })
    }

    #[inline(always)]
    fn multiply_add(self, a: Self, b: Self) -> Self {
        Self(unsafe { _mm512_fmadd_pd(a.0, b.0, self.0) })
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        Self(unsafe { _mm512_add_pd(self.0, other.0) })
    }

    #[inline(always)]
    fn least(self, other: Self) -> Self {
        Self(unsafe { _mm512_min_pd(self.0, other.0) })
    }

    #[inline(always)]
    fn below(self, other: Self) -> u8 {
        unsafe { _mm512_cmp_pd_mask::<_CMP_LT_OQ>(self.0, other.0) }
    }

    #[inline(always)]
    fn shift_in(self, carry: Self) -> Self {
        unsafe {
            let shifted = _mm512_alignr_epi64::<7>(_mm512_castpd_si512(self.0), _mm512_castpd_si512(carry.0));
            Self(_mm512_castsi512_pd(shifted))
        }
    }

    #[inline(always)]
    fn lane(self, l: usize) -> f64 {
        let lanes: [f64; 8] = unsafe { std::mem::transmute(self.0) };
        lanes[l]
    }
}

impl Lanes for F64x4 {
    const LANES: usize = 4;

    #[inline(always)]
    fn splat(value: f64) -> Self {
        Self(unsafe { _mm256_set1_pd(value) })
    }

    #[inline(always)]
    unsafe fn load_f32(from: *const f32) -> Self {
        Self(unsafe { _mm256_cvtps_pd(_mm_loadu_ps(from)) })
    }

    #[inline(always)]
    unsafe fn load_f64(from: *const f64) -> Self {
        Self(unsafe { _mm256_loadu_pd(from) })
    }

    #[inline(always)]
    fn multiply_add(self, a: Self, b: Self) -> Self {
        Self(unsafe { _mm256_fmadd_pd(a.0, b.0, self.0) })
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        Self(unsafe { _mm256_add_pd(self.0, other.0) })
    }

    #[inline(always)]
    fn least(self, other: Self) -> Self {
        Self(unsafe { _mm256_min_pd(self.0, other.0) })
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "four bits")]
    fn below(self, other: Self) -> u8 {
        unsafe { _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_LT_OQ>(self.0, other.0)) as u8 }
    }

    #[inline(always)]
    fn shift_in(self, carry: Self) -> Self {
        unsafe {
            let rotated = _mm256_permute4x64_pd::<0b10_01_00_11>(self.0);
            let last = _mm256_permute4x64_pd::<0b10_01_00_11>(carry.0);
            Self(_mm256_blend_pd::<0b0001>(rotated, last))
        }
    }

    #[inline(always)]
    fn lane(self, l: usize) -> f64 {
        let lanes: [f64; 4] = unsafe { std::mem::transmute(self.0) };
        lanes[l]
    }
}
