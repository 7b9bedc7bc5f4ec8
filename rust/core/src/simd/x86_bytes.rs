//! Byte products of AVX2, AVX-512 BW and AVX-512 VNNI; every `unsafe` is bounded as in `x86.rs`.
#![expect(clippy::undocumented_unsafe_blocks, reason = "one bound for all of them, stated in x86.rs")]

use std::arch::x86_64::*;

use super::int8::{Products, Terms};

/// Eight sums; products are added in 16 bits, two and two, before they are widened (AVX2).
#[derive(Clone, Copy)]
pub(crate) struct Pairs8(__m256i);
/// Sixteen sums of the same kind (AVX-512 BW).
#[derive(Clone, Copy)]
pub(crate) struct Pairs16(__m512i);
/// Sixteen sums (AVX-512 VNNI).
#[derive(Clone, Copy)]
pub(crate) struct Fours16(__m512i);

impl Products for Pairs8 {
    type Codes = __m256i;
    const LANES: usize = 8;
    const GROUPS: usize = 2;
    const REGISTERS: usize = 2;
    const QUERIES: usize = 4;

    #[inline(always)]
    fn zero() -> Self {
        Self(unsafe { _mm256_setzero_si256() })
    }

    #[inline(always)]
    unsafe fn panel(from: *const u8) -> __m256i {
        unsafe { _mm256_loadu_si256(from.cast()) }
    }

    #[inline(always)]
    unsafe fn query(from: *const i8) -> __m256i {
        unsafe { _mm256_set1_epi32(from.cast::<i32>().read_unaligned()) }
    }

    #[inline(always)]
    fn accumulate(self, panel: [__m256i; 2], query: [__m256i; 2]) -> Self {
        unsafe {
            // Within 4 * 127 * 63 = 32004 of zero: nothing saturates.
            let (a, b) = (_mm256_maddubs_epi16(panel[0], query[0]), _mm256_maddubs_epi16(panel[1], query[1]));
            let four = _mm256_madd_epi16(_mm256_add_epi16(a, b), _mm256_set1_epi16(1));
            Self(_mm256_add_epi32(self.0, four))
        }
    }

    #[inline(always)]
    unsafe fn passing(self, terms: Terms, first: *const f32, second: *const f32) -> u32 {
        unsafe {
            let product = _mm256_cvtepi32_ps(_mm256_sub_epi32(self.0, _mm256_set1_epi32(terms.offset)));
            let value = _mm256_fmadd_ps(_mm256_set1_ps(terms.fixed), _mm256_loadu_ps(first), product);
            let value = _mm256_fmadd_ps(_mm256_set1_ps(terms.slope), _mm256_loadu_ps(second), value);
            let at_least = _mm256_cmp_ps::<_CMP_GE_OQ>(value, _mm256_setzero_ps());
            _mm256_movemask_ps(at_least).cast_unsigned()
        }
    }
}

/// Shared by both kinds of AVX-512.
#[inline(always)]
unsafe fn passing(sum: __m512i, terms: Terms, first: *const f32, second: *const f32) -> u32 {
    unsafe {
        let product = _mm512_cvtepi32_ps(_mm512_sub_epi32(sum, _mm512_set1_epi32(terms.offset)));
        let value = _mm512_fmadd_ps(_mm512_set1_ps(terms.fixed), _mm512_loadu_ps(first), product);
        let value = _mm512_fmadd_ps(_mm512_set1_ps(terms.slope), _mm512_loadu_ps(second), value);
        u32::from(_mm512_cmp_ps_mask::<_CMP_GE_OQ>(value, _mm512_setzero_ps()))
    }
}

impl Products for Pairs16 {
    type Codes = __m512i;
    const LANES: usize = 16;
    const GROUPS: usize = 2;
    const REGISTERS: usize = 2;
    const QUERIES: usize = 10;

    #[inline(always)]
    fn zero() -> Self {
        Self(unsafe { _mm512_setzero_si512() })
    }

    #[inline(always)]
    unsafe fn panel(from: *const u8) -> __m512i {
        unsafe { _mm512_loadu_si512(from.cast()) }
    }

    #[inline(always)]
    unsafe fn query(from: *const i8) -> __m512i {
        unsafe { _mm512_set1_epi32(from.cast::<i32>().read_unaligned()) }
    }

    #[inline(always)]
    fn accumulate(self, panel: [__m512i; 2], query: [__m512i; 2]) -> Self {
        unsafe {
            // Within 4 * 127 * 63 = 32004 of zero: nothing saturates.
            let (a, b) = (_mm512_maddubs_epi16(panel[0], query[0]), _mm512_maddubs_epi16(panel[1], query[1]));
            let four = _mm512_madd_epi16(_mm512_add_epi16(a, b), _mm512_set1_epi16(1));
            Self(_mm512_add_epi32(self.0, four))
        }
    }

    #[inline(always)]
    unsafe fn passing(self, terms: Terms, first: *const f32, second: *const f32) -> u32 {
        unsafe { passing(self.0, terms, first, second) }
    }
}

impl Products for Fours16 {
    type Codes = __m512i;
    const LANES: usize = 16;
    const GROUPS: usize = 1;
    const REGISTERS: usize = 2;
    const QUERIES: usize = 14;

    #[inline(always)]
    fn zero() -> Self {
        Self(unsafe { _mm512_setzero_si512() })
    }

    #[inline(always)]
    unsafe fn panel(from: *const u8) -> __m512i {
        unsafe { _mm512_loadu_si512(from.cast()) }
    }

    #[inline(always)]
    unsafe fn query(from: *const i8) -> __m512i {
        unsafe { _mm512_set1_epi32(from.cast::<i32>().read_unaligned()) }
    }

    #[inline(always)]
    fn accumulate(self, panel: [__m512i; 2], query: [__m512i; 2]) -> Self {
        Self(unsafe { _mm512_dpbusd_epi32(self.0, panel[0], query[0]) })
    }

    #[inline(always)]
    unsafe fn passing(self, terms: Terms, first: *const f32, second: *const f32) -> u32 {
        unsafe { passing(self.0, terms, first, second) }
    }
}
