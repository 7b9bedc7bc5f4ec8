//! Rows of numbers as borrowed slices: one row a step or a text, ragged sets of rows by offsets.

use half::slice::HalfFloatSliceExt;

use crate::error::{Error, Result};
use crate::memory::{reserve, resized};
use crate::pulse::{Pulse, pieces};
use crate::simd::Kernels;

mod sealed {
    /// The kernels rely on what the three types of rows say about themselves.
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
    impl Sealed for half::f16 {}
}

/// A number that rows are made of. Arithmetic over the dimension happens in [`Scalar::Wide`]: f32 for f16 and f32
/// rows, f64 for f64 rows. Rows are made of f16, f32 or f64, and of nothing else.
pub trait Scalar: sealed::Sealed + Copy + PartialEq + Send + Sync + std::fmt::Debug + 'static {
    /// The type that products over the dimension are summed in.
    type Wide: Float + Kernels;
    /// The values as they are, where they are f32.
    fn as_single(_: &[Self]) -> Option<&[f32]> {
        None
    }
    /// The values in the type of the arithmetic: as they are, or converted into `buffer`.
    #[doc(hidden)]
    fn widen<'a>(
        values: &'a [Self],
        buffer: &'a mut Vec<Self::Wide>,
        pulse: &mut Pulse<'_>,
    ) -> Result<&'a [Self::Wide]>;
    /// The value in the type of the arithmetic.
    fn wide(self) -> Self::Wide;
    /// The value in f64, exactly.
    fn double(self) -> f64;
}

/// The two types that arithmetic is done in.
pub trait Float:
    Scalar<Wide = Self>
    + bytemuck::Zeroable
    + Default
    + PartialOrd
    + std::ops::Add<Output = Self>
    + std::ops::Sub<Output = Self>
    + std::ops::Mul<Output = Self>
    + std::ops::AddAssign
{
    /// Unit roundoff: the largest relative error of one rounded operation.
    const ROUNDOFF: f64;
    /// True for f64.
    const DOUBLE: bool;
    /// Nearest value of this type.
    fn from_double(value: f64) -> Self;
}

impl Scalar for f32 {
    type Wide = f32;
    #[inline(always)]
    fn widen<'a>(values: &'a [f32], _: &'a mut Vec<f32>, _: &mut Pulse<'_>) -> Result<&'a [f32]> {
        Ok(values)
    }
    fn as_single(values: &[f32]) -> Option<&[f32]> {
        Some(values)
    }
    #[inline(always)]
    fn wide(self) -> f32 {
        self
    }
    #[inline(always)]
    fn double(self) -> f64 {
        f64::from(self)
    }
}

impl Float for f32 {
    const ROUNDOFF: f64 = f32::EPSILON as f64 / 2.0;
    const DOUBLE: bool = false;
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "rounding to f32 is the purpose")]
    fn from_double(value: f64) -> f32 {
        value as f32
    }
}

impl Scalar for f64 {
    type Wide = f64;
    #[inline(always)]
    fn widen<'a>(values: &'a [f64], _: &'a mut Vec<f64>, _: &mut Pulse<'_>) -> Result<&'a [f64]> {
        Ok(values)
    }
    #[inline(always)]
    fn wide(self) -> f64 {
        self
    }
    #[inline(always)]
    fn double(self) -> f64 {
        self
    }
}

impl Float for f64 {
    const ROUNDOFF: f64 = f64::EPSILON / 2.0;
    const DOUBLE: bool = true;
    #[inline(always)]
    fn from_double(value: f64) -> f64 {
        value
    }
}

impl Scalar for half::f16 {
    type Wide = f32;
    #[inline(always)]
    fn widen<'a>(values: &'a [half::f16], buffer: &'a mut Vec<f32>, pulse: &mut Pulse<'_>) -> Result<&'a [f32]> {
        const WHAT: &str = "the rows in float32";
        // Old values stay where they fit: all are overwritten.
        buffer.truncate(values.len());
        reserve(buffer, values.len() - buffer.len(), WHAT)?;
        for piece in pieces(values.len()) {
            if buffer.len() < piece.end {
                resized(buffer, piece.end, 0.0, WHAT)?;
            }
            values[piece.clone()].convert_to_f32_slice(&mut buffer[piece.clone()]);
            pulse.spend(piece.len())?;
        }
        Ok(buffer)
    }
    #[inline(always)]
    fn wide(self) -> f32 {
        self.to_f32()
    }
    #[inline(always)]
    fn double(self) -> f64 {
        self.to_f64()
    }
}

/// A matrix of rows, C-contiguous and borrowed: `(len, dim)`.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a, T> {
    data: &'a [T],
    dim: usize,
    len: usize,
}

impl<'a, T: Scalar> Rows<'a, T> {
    /// Reads `data` as rows of `dim` numbers.
    ///
    /// # Errors
    /// [`Error::Shape`] where `dim` is 0 or does not divide the number of values.
    ///
    /// ```
    /// use tracewarp_core::rows::Rows;
    /// let rows = Rows::new("x", &[1.0f32, 0.0, 0.0, 1.0], 2)?;
    /// assert_eq!((rows.len(), rows.dim()), (2, 2));
    /// # Ok::<(), tracewarp_core::Error>(())
    /// ```
    pub fn new(argument: &'static str, data: &'a [T], dim: usize) -> Result<Self> {
        if dim == 0 || !data.len().is_multiple_of(dim) {
            return Err(Error::Shape {
                argument,
                expected: "rows of one and the same dimension, at least 1".to_owned(),
                got: format!("{} values in rows of {dim}", data.len()),
            });
        }
        Ok(Self { data, dim, len: data.len() / dim })
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// True without rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Numbers a row.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Row `i`.
    ///
    /// # Panics
    /// Unless `i` is below [`Rows::len`].
    #[must_use]
    #[inline(always)]
    pub fn row(&self, i: usize) -> &'a [T] {
        assert!(i < self.len, "row {i} of {}", self.len);
        &self.data[i * self.dim..(i + 1) * self.dim]
    }

    /// Rows `start..end` as a matrix of their own.
    ///
    /// # Panics
    /// Unless `start` <= `end` <= [`Rows::len`].
    #[must_use]
    pub fn slice(&self, start: usize, end: usize) -> Rows<'a, T> {
        assert!(start <= end && end <= self.len, "rows {start}..{end} of {}", self.len);
        Rows { data: &self.data[start * self.dim..end * self.dim], dim: self.dim, len: end - start }
    }

    /// All values, row after row.
    #[must_use]
    pub fn data(&self) -> &'a [T] {
        self.data
    }
}

/// A set of sequences of different lengths: sequence `s` is the rows `offsets[s]..offsets[s + 1]`.
#[derive(Debug, Clone, Copy)]
pub struct Ragged<'a, T> {
    argument: &'static str,
    rows: Rows<'a, T>,
    offsets: &'a [i64],
}

impl<'a, T: Scalar> Ragged<'a, T> {
    /// Reads `rows` as sequences.
    ///
    /// # Errors
    /// [`Error::Offsets`] unless the offsets start at 0, never descend, and end at the number of rows.
    pub fn new(argument: &'static str, rows: Rows<'a, T>, offsets: &'a [i64]) -> Result<Self> {
        let bad = |problem: String| Err(Error::Offsets { argument, problem });
        match offsets.first() {
            None => return bad("offsets need at least the one entry 0, got none".to_owned()),
            Some(0) => {}
            Some(first) => return bad(format!("offsets must start at 0, got {first}")),
        }
        if let Some(i) = offsets.windows(2).position(|pair| pair[1] < pair[0]) {
            return bad(format!(
                "offsets must ascend, got {} after {} at position {}",
                offsets[i + 1],
                offsets[i],
                i + 1
            ));
        }
        let end = offsets[offsets.len() - 1];
        if usize::try_from(end).ok() != Some(rows.len()) {
            return bad(format!("offsets must end at the number of rows, {}, got {end}", rows.len()));
        }
        Ok(Self { argument, rows, offsets })
    }

    /// Name of the argument that the set came as, for messages.
    #[must_use]
    pub fn argument(&self) -> &'static str {
        self.argument
    }

    /// Number of sequences.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// True without sequences.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Numbers a row.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.rows.dim()
    }

    /// All rows of all sequences.
    #[must_use]
    pub fn rows(&self) -> Rows<'a, T> {
        self.rows
    }

    /// Row numbers of sequence `s`.
    ///
    /// # Panics
    /// Unless `s` is below [`Ragged::len`].
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "offsets were checked against a usize")]
    pub fn range(&self, s: usize) -> std::ops::Range<usize> {
        self.offsets[s] as usize..self.offsets[s + 1] as usize
    }

    /// The sequence that holds row `row` of the set, and the row's number within it.
    ///
    /// # Panics
    /// Unless `row` is below the number of rows.
    #[must_use]
    pub fn locate(&self, row: usize) -> (usize, usize) {
        assert!(row < self.rows.len(), "row {row} of {}", self.rows.len());
        // The last offset that does not exceed the row: sequences without rows hold none.
        let s = self.offsets.partition_point(|&offset| i64::try_from(row).is_ok_and(|row| offset <= row)) - 1;
        (s, row - self.range(s).start)
    }

    /// The rows of consecutive sequences.
    pub(crate) fn span(&self, sequences: &std::ops::Range<usize>) -> Rows<'a, T> {
        self.rows.slice(self.range(sequences.start).start, self.range(sequences.end - 1).end)
    }

    /// Sequence `s`.
    ///
    /// # Panics
    /// Unless `s` is below [`Ragged::len`].
    #[must_use]
    pub fn get(&self, s: usize) -> Rows<'a, T> {
        let range = self.range(s);
        self.rows.slice(range.start, range.end)
    }
}

/// True where two rows hold the same numbers; a block at a time, which the compiler turns into vectors.
pub(crate) fn same<T: Scalar>(u: &[T], v: &[T]) -> bool {
    let differ = |u: &[T], v: &[T]| u.iter().zip(v).fold(false, |differ, (a, b)| differ | (a != b));
    u.len() == v.len() && !u.chunks(32).zip(v.chunks(32)).any(|(u, v)| differ(u, v))
}

/// Rows in the type of the arithmetic: as they are, or copied into `buffer` where they are float16.
pub(crate) fn widened<'a, T: Scalar>(
    rows: Rows<'a, T>,
    buffer: &'a mut Vec<T::Wide>,
    pulse: &mut Pulse<'_>,
) -> Result<&'a [T::Wide]> {
    T::widen(rows.data(), buffer, pulse)
}

/// What to do with a row of length zero where a cosine is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Zero {
    /// Refuse it, naming argument and row.
    #[default]
    Error,
    /// Its cosine with anything is 0.
    Orthogonal,
}

const LANES: usize = 16;

/// Dot product in the arithmetic of `T`: sixteen running sums, folded in one fixed order, so that a pair of rows
/// gives the same bits wherever it is computed.
#[must_use]
#[inline]
pub fn dot<T: Scalar>(u: &[T], v: &[T]) -> T::Wide {
    let mut sums = [T::Wide::default(); LANES];
    let (u_blocks, v_blocks) = (u.chunks_exact(LANES), v.chunks_exact(LANES));
    let (u_rest, v_rest) = (u_blocks.remainder(), v_blocks.remainder());
    for (a, b) in u_blocks.zip(v_blocks) {
        for lane in 0..LANES {
            sums[lane] += a[lane].wide() * b[lane].wide();
        }
    }
    for (lane, (a, b)) in u_rest.iter().zip(v_rest).enumerate() {
        sums[lane] += a.wide() * b.wide();
    }
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
        width /= 2;
    }
    sums[0]
}

/// Dot product in f64, in index order: the judge where a decision is close.
#[must_use]
pub fn dot_double<T: Scalar>(u: &[T], v: &[T]) -> f64 {
    u.iter().zip(v).map(|(a, b)| a.double() * b.double()).sum()
}

/// `1 / |row|`, or 0 for a zero row under [`Zero::Orthogonal`]; `index` is for the message.
///
/// The norm is summed in f64 so that rows of any finite magnitude have one: f32 rows near 1e30 or 1e-30 neither
/// overflow nor vanish.
///
/// # Errors
/// [`Error::NonFinite`] and [`Error::ZeroVector`].
pub fn inverse_norm<T: Scalar>(argument: &'static str, index: usize, row: &[T], zero: Zero) -> Result<f64> {
    careful_inverse_norm(argument, index, row, zero, &mut Pulse::new(&mut || Ok(())))
}

/// As [`inverse_norm`], listening meanwhile.
pub(crate) fn careful_inverse_norm<T: Scalar>(
    argument: &'static str,
    index: usize,
    row: &[T],
    zero: Zero,
    pulse: &mut Pulse<'_>,
) -> Result<f64> {
    let mut sums = [0.0f64; 8];
    for piece in pieces(row.len()) {
        // Pieces are whole blocks but for the last.
        let blocks = row[piece.clone()].chunks_exact(8);
        let rest = blocks.remainder();
        for block in blocks {
            for lane in 0..8 {
                let value = block[lane].double();
                sums[lane] += value * value;
            }
        }
        for (lane, value) in rest.iter().enumerate() {
            sums[lane] += value.double() * value.double();
        }
        pulse.spend(piece.len())?;
    }
    let square: f64 = sums.iter().sum();
    if square.is_finite() && square >= f64::MIN_POSITIVE {
        return Ok(1.0 / square.sqrt());
    }
    // Not finite, or squares that left the range of f64: decide from the values themselves, scaled.
    let mut largest = 0.0f64;
    for piece in pieces(row.len()) {
        for value in row[piece.clone()].iter().map(|v| v.double()) {
            if !value.is_finite() {
                return Err(Error::NonFinite { argument, row: index });
            }
            largest = largest.max(value.abs());
        }
        pulse.spend(piece.len())?;
    }
    if largest == 0.0 {
        return match zero {
            Zero::Error => Err(Error::ZeroVector { argument, row: index }),
            Zero::Orthogonal => Ok(0.0),
        };
    }
    let mut scaled = 0.0;
    for piece in pieces(row.len()) {
        scaled = row[piece.clone()].iter().fold(scaled, |sum, v| sum + (v.double() / largest).powi(2));
        pulse.spend(piece.len())?;
    }
    Ok(1.0 / largest / scaled.sqrt())
}
