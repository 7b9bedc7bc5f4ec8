//! Rows rounded to one byte a number: how they are rounded, and which pairs of them may reach a threshold.
//!
//! A row is code * step + a residual that is measured, so that a product of codes bounds the product of the rows.
//! Rows are compared one against a panel of [`WIDTH`]: in a panel, four consecutive codes of lane 0 lie beside four of
//! lane 1, and so on, each with a bias that makes it unsigned, as the byte products of x86 want it.

use super::{Isa, Level};

/// Rows of a panel: one bit each in a mask.
pub(crate) const WIDTH: usize = 32;
/// Codes that lie together in a panel.
const GROUP: usize = 4;
/// Bytes that all lanes take for one group.
const GROUP_BYTES: usize = WIDTH * GROUP;
/// Groups that a kernel takes at once at most; panels and rows are padded to a multiple.
const GROUPS: usize = 2;

/// A cache line of codes.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Line(pub(crate) [u8; 64]);

// SAFETY: 64 bytes without padding, and zero is a value of each.
unsafe impl bytemuck::Zeroable for Line {}

/// Which byte products the processor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bytes {
    /// Plain loops.
    Portable,
    /// Pairs of products added in 16 bits (AVX2).
    Avx2,
    /// The same in registers of 64 bytes (AVX-512 BW).
    Avx512,
    /// Four products added in 32 bits (AVX-512 VNNI).
    Vnni,
}

impl Bytes {
    /// The best ones beside `isa`.
    pub(crate) fn of(isa: Isa) -> Self {
        match isa.0 {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 if std::is_x86_feature_detected!("avx512vnni") => Self::Vnni,
            Level::Avx512 => Self::Avx512,
            Level::Avx2 => Self::Avx2,
            Level::Portable => Self::Portable,
        }
    }

    /// All that this processor has.
    #[cfg(test)]
    pub(crate) fn available() -> Vec<Self> {
        let mut all: Vec<Self> = Isa::available().iter().map(|isa| Self::of(*isa)).collect();
        if all.contains(&Self::Vnni) {
            all.push(Self::Avx512);
        }
        all
    }

    /// What is added to a code in a panel; four products in 16 bits leave room for seven bits only.
    pub(crate) fn bias(self) -> i32 {
        if self.is_narrow() { 64 } else { 128 }
    }

    /// The largest code of rows of `dim` numbers: so small that a product of codes fits into 32 bits.
    #[expect(clippy::cast_possible_truncation, reason = "a root of less than 2^31")]
    pub(crate) fn largest(self, dim: usize) -> i32 {
        let room = (f64::from(i32::MAX) / dim as f64).sqrt() as i32;
        room.clamp(1, if self.is_narrow() { 63 } else { 127 })
    }

    fn is_narrow(self) -> bool {
        matches!(self, Self::Avx2 | Self::Avx512)
    }
}

/// Cache lines of a panel of rows of `dim` numbers.
pub(crate) fn panel_lines(dim: usize) -> usize {
    dim.div_ceil(GROUP * GROUPS) * GROUPS * GROUP_BYTES / 64
}

/// Bytes from one row to the next outside panels: an odd number of cache lines, so that rows spread over the cache.
pub(crate) fn stride(dim: usize) -> usize {
    (dim.div_ceil(64) | 1) * 64
}

/// Writes the codes of a row into a lane of its panel.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "code + bias is in 0..256")]
pub(crate) fn pack(codes: &[i8], bias: i32, lane: usize, panel: &mut [Line]) {
    for (group, codes) in codes.chunks(GROUP).enumerate() {
        let at = group * GROUP_BYTES + lane * GROUP;
        let bytes = &mut panel[at / 64].0[at % 64..][..GROUP];
        for (byte, code) in bytes.iter_mut().zip(codes) {
            *byte = (i32::from(*code) + bias) as u8;
        }
    }
}

/// A rounded row: the row is about `step` * codes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rounded {
    /// The unit of the codes.
    pub(crate) step: f32,
    /// Sum of the squared residuals, in f32.
    pub(crate) residual: f32,
    /// Sum of the codes.
    pub(crate) sum: i32,
}

/// What a query is held against in a panel, see [`passing`].
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Terms {
    /// What the bias of a panel adds to each product of codes.
    pub(crate) offset: i32,
    /// Factor of the lanes' first terms.
    pub(crate) fixed: f32,
    /// Factor of the lanes' second terms.
    pub(crate) slope: f32,
}

/// Rows that are compared with panels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Queries<'a> {
    /// Codes, one row every `stride` bytes.
    pub(crate) codes: &'a [i8],
    /// See [`stride`].
    pub(crate) stride: usize,
    /// One a row.
    pub(crate) terms: &'a [Terms],
}

/// Rows side by side, with two terms a lane.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Panel<'a> {
    pub(crate) lines: &'a [Line],
    pub(crate) first: &'a [f32; WIDTH],
    pub(crate) second: &'a [f32; WIDTH],
}

/// Registers of byte products. All functions are meant to be inlined into one that has the instruction set.
pub(crate) trait Products: Copy {
    /// Codes of one group for as many lanes as there are sums; of a query: the same four for each.
    type Codes: Copy;
    /// Sums in a register.
    const LANES: usize;
    /// Groups taken at once, 1 or 2.
    const GROUPS: usize;
    /// Registers of a panel taken at once.
    const REGISTERS: usize;
    /// Queries taken at once.
    const QUERIES: usize;
    fn zero() -> Self;
    /// # Safety
    /// `GROUP * LANES` bytes from `from` must be readable.
    unsafe fn panel(from: *const u8) -> Self::Codes;
    /// # Safety
    /// `GROUP` bytes from `from` must be readable.
    unsafe fn query(from: *const i8) -> Self::Codes;
    /// Adds the products of `GROUPS` groups.
    fn accumulate(self, panel: [Self::Codes; 2], query: [Self::Codes; 2]) -> Self;
    /// Bit l: (sum - offset) + fixed * first[l] + slope * second[l] >= 0.
    ///
    /// # Safety
    /// `LANES` values from `first` and from `second` must be readable.
    unsafe fn passing(self, terms: Terms, first: *const f32, second: *const f32) -> u32;
}

/// Writes for each of the queries `which` a mask: bit l is set where lane l of the panel passes, that is where
/// codes.codes + fixed * first[l] + slope * second[l] >= 0.
#[inline(always)]
fn each_tile<P: Products>(queries: &Queries<'_>, which: &[u32], panel: &Panel<'_>, masks: &mut [u32]) {
    let mut at = 0;
    while at < which.len() {
        let (rest, out) = (&which[at..], &mut masks[at..]);
        // The last two tiles share what is left, so that neither is small.
        let left = rest.len();
        let size = if left <= P::QUERIES { left } else { P::QUERIES.min(left.div_ceil(2)) };
        at += match size {
            1 => tile::<P, 1>(queries, rest, panel, out),
            2 => tile::<P, 2>(queries, rest, panel, out),
            3 | 4 => tile::<P, 4>(queries, rest, panel, out),
            5 | 6 if P::QUERIES > 4 => tile::<P, 6>(queries, rest, panel, out),
            7 | 8 if P::QUERIES > 4 => tile::<P, 8>(queries, rest, panel, out),
            9 | 10 if P::QUERIES > 4 => tile::<P, 10>(queries, rest, panel, out),
            11 | 12 if P::QUERIES > 10 => tile::<P, 12>(queries, rest, panel, out),
            _ => tile::<P, 14>(queries, rest, panel, out),
        };
    }
}

/// The first C of `which`, or as many as there are, the last one repeated; returns how many.
#[inline(always)]
#[expect(clippy::needless_range_loop, reason = "closures, and so iterators, would leave the instruction set")]
fn tile<P: Products, const C: usize>(
    queries: &Queries<'_>,
    which: &[u32],
    panel: &Panel<'_>,
    masks: &mut [u32],
) -> usize {
    let groups = panel.lines.len() * 64 / GROUP_BYTES;
    assert!(groups.is_multiple_of(P::GROUPS), "a panel is whole steps of the kernel");
    let mut rows = [queries.codes.as_ptr(); C];
    let mut terms = [Terms::default(); C];
    for c in 0..C {
        let row = which[c.min(which.len() - 1)] as usize;
        // The row is there in full: this is the bound of the loads below.
        rows[c] = queries.codes[row * queries.stride..][..groups * GROUP].as_ptr();
        terms[c] = queries.terms[row];
    }
    let mut found = [0; C];
    let mut lane = 0;
    while lane < WIDTH {
        // At most four registers of a panel.
        let mut sums = [[P::zero(); 4]; C];
        let mut group = 0;
        // SAFETY: a panel holds `groups` groups of WIDTH lanes, an even number of groups, and lane + REGISTERS * LANES
        // <= WIDTH; rows as above.
        unsafe {
            let base = panel.lines.as_ptr().cast::<u8>().add(lane * GROUP);
            while group < groups {
                let mut codes = [[P::panel(base); 2]; 4];
                for r in 0..P::REGISTERS {
                    for g in 0..P::GROUPS {
                        codes[r][g] = P::panel(base.add((group + g) * GROUP_BYTES + r * P::LANES * GROUP));
                    }
                }
                for c in 0..C {
                    let mut query = [P::query(rows[c].add(group * GROUP)); 2];
                    if P::GROUPS == 2 {
                        query[1] = P::query(rows[c].add((group + 1) * GROUP));
                    }
                    for r in 0..P::REGISTERS {
                        sums[c][r] = sums[c][r].accumulate(codes[r], query);
                    }
                }
                group += P::GROUPS;
            }
            for c in 0..C {
                for r in 0..P::REGISTERS {
                    let at = lane + r * P::LANES;
                    let (first, second) = (panel.first.as_ptr().add(at), panel.second.as_ptr().add(at));
                    found[c] |= sums[c][r].passing(terms[c], first, second) << at;
                }
            }
        }
        lane += P::REGISTERS * P::LANES;
    }
    let count = C.min(which.len());
    masks[..count].copy_from_slice(&found[..count]);
    count
}

/// Rounds `values` to codes of at most `largest`, of either sign; the rest of `codes` becomes 0. Squares of the values
/// must be within f32.
#[inline(always)]
fn round_row(values: &[f32], largest: f32, codes: &mut [i8]) -> Rounded {
    const LANES: usize = 16;
    /// Added to a small number, it leaves the nearest whole number in the low bits.
    const MAGIC: f32 = 12_582_912.0;
    let (blocks, rest) = values.as_chunks::<LANES>();
    let mut last = [0.0f32; LANES];
    last[..rest.len()].copy_from_slice(rest);
    let mut most = [0.0f32; LANES];
    for block in blocks {
        larger(&mut most, block);
    }
    larger(&mut most, &last);
    let mut reach = 0.0f32;
    for most in most {
        reach = reach.max(most);
    }
    codes[blocks.len() * LANES..].fill(0);
    if reach == 0.0 {
        codes.fill(0);
        return Rounded { step: 1.0, residual: 0.0, sum: 0 };
    }
    let (step, inverse) = (reach / largest, largest / reach);
    let (mut squares, mut sums) = ([0.0f32; LANES], [0i32; LANES]);
    for b in 0..=blocks.len() {
        let block = if b < blocks.len() { &blocks[b] } else { &last };
        let mut whole = [0i8; LANES];
        for l in 0..LANES {
            let shifted = block[l] * inverse + MAGIC;
            let residual = block[l] - step * (shifted - MAGIC);
            squares[l] += residual * residual;
            let code = shifted.to_bits().wrapping_sub(MAGIC.to_bits()).cast_signed();
            sums[l] = sums[l].wrapping_add(code);
            whole[l] = narrow(code);
        }
        let count = if b < blocks.len() { LANES } else { rest.len() };
        codes[b * LANES..][..count].copy_from_slice(&whole[..count]);
    }
    let (mut residual, mut sum) = (0.0, 0i32);
    for l in 0..LANES {
        residual += squares[l];
        sum = sum.wrapping_add(sums[l]);
    }
    Rounded { step, residual, sum }
}

#[inline(always)]
fn larger(most: &mut [f32; 16], values: &[f32; 16]) {
    for l in 0..16 {
        let value = values[l].abs();
        most[l] = if value > most[l] { value } else { most[l] };
    }
}

#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "a code is within -127..=127")]
fn narrow(whole: i32) -> i8 {
    whole as i8
}

/// The two kernels for one kind of byte products.
macro_rules! compile {
    ($module:ident, $products:ty $(, $feature:literal)?) => {
        mod $module {
            use super::*;

            $(#[target_feature(enable = $feature)])?
            pub(super) fn passing(queries: &Queries<'_>, which: &[u32], panel: &Panel<'_>, masks: &mut [u32]) {
                each_tile::<$products>(queries, which, panel, masks);
            }

            $(#[target_feature(enable = $feature)])?
            pub(super) fn round(values: &[f32], largest: f32, codes: &mut [i8]) -> Rounded {
                round_row(values, largest, codes)
            }
        }
    };
}

/// The same in plain loops: a panel is laid out as rows of 16 bits, of which compilers make good products everywhere.
mod portable {
    use super::*;

    pub(super) fn passing(queries: &Queries<'_>, which: &[u32], panel: &Panel<'_>, masks: &mut [u32]) {
        let dim = panel.lines.len() * 64 / WIDTH;
        let mut rows = vec![0i16; dim * WIDTH];
        for (l, line) in panel.lines.iter().enumerate() {
            for (at, group) in line.0.chunks_exact(GROUP).enumerate() {
                let (group_number, lane) = (l * 64 / GROUP_BYTES, (l * 64 % GROUP_BYTES) / GROUP + at);
                for (to, byte) in rows[lane * dim + group_number * GROUP..][..GROUP].iter_mut().zip(group) {
                    *to = i16::from(*byte);
                }
            }
        }
        let mut query = vec![0i16; dim];
        for (row, mask) in which.iter().zip(masks) {
            let (row, terms) = (*row as usize, queries.terms[*row as usize]);
            for (to, code) in query.iter_mut().zip(&queries.codes[row * queries.stride..]) {
                *to = i16::from(*code);
            }
            *mask = 0;
            for (lane, row) in rows.chunks_exact(dim).enumerate() {
                let product = product(&query, row).wrapping_sub(terms.offset);
                #[expect(clippy::cast_precision_loss, reason = "the rounding is inside the slack of the bound")]
                let value = product as f32 + terms.fixed * panel.first[lane] + terms.slope * panel.second[lane];
                *mask |= u32::from(value >= 0.0) << lane;
            }
        }
    }

    fn product(u: &[i16], v: &[i16]) -> i32 {
        u.iter().zip(v).fold(0, |sum: i32, (u, v)| sum.wrapping_add(i32::from(*u) * i32::from(*v)))
    }

    pub(super) fn round(values: &[f32], largest: f32, codes: &mut [i8]) -> Rounded {
        round_row(values, largest, codes)
    }
}

#[cfg(target_arch = "x86_64")]
compile!(avx2, super::super::x86_bytes::Pairs8, "avx2,fma");
#[cfg(target_arch = "x86_64")]
compile!(avx512, super::super::x86_bytes::Pairs16, "avx512f,avx512bw,avx512vl,avx512dq,fma");
#[cfg(target_arch = "x86_64")]
compile!(vnni, super::super::x86_bytes::Fours16, "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma");

macro_rules! on {
    ($bytes:expr, $call:ident ( $($argument:expr),* )) => {
        match $bytes {
            // SAFETY: `Bytes` beyond Portable come from an `Isa` that the processor has, and from asking it.
            #[cfg(target_arch = "x86_64")]
            Bytes::Avx2 => unsafe { avx2::$call($($argument),*) },
            // SAFETY: the same.
            #[cfg(target_arch = "x86_64")]
            Bytes::Avx512 => unsafe { avx512::$call($($argument),*) },
            // SAFETY: the same.
            #[cfg(target_arch = "x86_64")]
            Bytes::Vnni => unsafe { vnni::$call($($argument),*) },
            _ => portable::$call($($argument),*),
        }
    };
}

/// See [`each_tile`].
pub(crate) fn passing(bytes: Bytes, queries: &Queries<'_>, which: &[u32], panel: &Panel<'_>, masks: &mut [u32]) {
    on!(bytes, passing(queries, which, panel, masks));
}

/// See [`round_row`].
pub(crate) fn round(bytes: Bytes, values: &[f32], largest: f32, codes: &mut [i8]) -> Rounded {
    on!(bytes, round(values, largest, codes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes of every size, the extremes often among them.
    fn codes(count: usize, largest: i32, seed: u32) -> Vec<i8> {
        let mut state = seed | 1;
        let draw = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let extreme = if state >> 8 & 1 == 0 { largest } else { -largest };
            let any = (state >> 10).cast_signed() % (2 * largest + 1) - largest;
            narrow(if state >> 30 == 0 { any } else { extreme })
        };
        (0..count).map(draw).collect()
    }

    #[test]
    fn masks_are_those_of_whole_numbers_for_every_shape_and_instruction_set() {
        for bytes in Bytes::available() {
            for dim in [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 129, 255, 768, 1025] {
                for (rows, lanes) in [(1, 1), (2, 32), (3, 31), (5, 32), (9, 7), (13, 32), (31, 32), (45, 32)] {
                    check(bytes, dim, rows, lanes);
                }
            }
        }
    }

    fn check(bytes: Bytes, dim: usize, rows: usize, lanes: usize) {
        let (largest, stride) = (bytes.largest(dim), stride(dim));
        let mut queries = vec![0i8; rows * stride];
        for (i, row) in queries.chunks_exact_mut(stride).enumerate() {
            // Lanes hold the row of the same number, or its opposite: the sums reach their extremes.
            row[..dim].copy_from_slice(&codes(dim, largest, 7 * (i as u32 % 4)));
        }
        let mut panel = vec![Line([0; 64]); panel_lines(dim)];
        let members: Vec<Vec<i8>> = (0..lanes)
            .map(|l| {
                codes(dim, largest, 7 * (l as u32 % 4)).into_iter().map(|c| if l % 3 == 0 { -c } else { c }).collect()
            })
            .collect();
        for (lane, codes) in members.iter().enumerate() {
            pack(codes, bytes.bias(), lane, &mut panel);
        }
        let product = |i: usize, l: usize| -> i32 {
            members[l].iter().zip(&queries[i * stride..]).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()
        };
        let (mut first, second) = ([f32::NAN; WIDTH], [0.0; WIDTH]);
        first[..lanes].fill(1.0);
        // Each row is held against its own product with lane 0: at it, one above, or one below.
        let bar = |i: usize| product(i, 0) + i.cast_signed() as i32 % 3 - 1;
        let terms: Vec<Terms> = (0..rows)
            .map(|i| {
                let sum: i32 = queries[i * stride..][..dim].iter().map(|c| i32::from(*c)).sum();
                Terms { offset: sum * bytes.bias(), fixed: -(bar(i) as f32), slope: 0.0 }
            })
            .collect();
        let which: Vec<u32> = (0..rows as u32).rev().collect();
        let mut masks = vec![u32::MAX; rows];
        let queries_view = Queries { codes: &queries, stride, terms: &terms };
        passing(bytes, &queries_view, &which, &Panel { lines: &panel, first: &first, second: &second }, &mut masks);
        for (i, mask) in which.iter().map(|i| *i as usize).zip(masks) {
            let expected = (0..lanes).fold(0u32, |mask, l| mask | u32::from(product(i, l) >= bar(i)) << l);
            assert_eq!(mask, expected, "{bytes:?} dim {dim} row {i} of {rows}, {lanes} lanes");
        }
    }

    #[test]
    fn products_of_very_long_rows_fit_into_32_bits() {
        for dim in [1usize, 768, 133_000, 134_000, 1 << 20, 1 << 31] {
            for bytes in Bytes::available() {
                let largest = i128::from(bytes.largest(dim));
                assert!(largest >= 1 && largest * largest * dim as i128 <= 1 << 31, "{bytes:?} {dim}");
            }
        }
    }
}
