//! The cosine that decides: in f64, in index order, from the stored rows, so that no decision depends on the order of
//! summation (thread count, block size, instruction set).

use crate::error::{Error, Result};
use crate::memory::{push, zeroed};
use crate::pulse::{PIECE, Pulse, pieces};
use crate::rows::{Float, Rows, Scalar, Zero, careful_inverse_norm, dot};
use crate::work::Run;

/// What the judge needs of each row besides the row: its squared length, summed in f64 in index order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Norms {
    square: Vec<f64>,
    /// A power of two that brings the row's squares into the range of f64; 1 for all but extreme f64 rows.
    scale: Vec<f64>,
}

/// Rows that a thread takes at a time.
const BLOCK: usize = 256;

/// What messages call the norms.
const NORMS: &str = "the norms of the rows";

impl Norms {
    /// The norms of all `rows`, checked: finite, and not zero unless `zero` says so.
    pub(crate) fn of<T: Scalar>(
        argument: &'static str,
        rows: Rows<'_, T>,
        zero: Zero,
        run: &mut Run<'_>,
    ) -> Result<Self> {
        let count = rows.len() as u128;
        let mut all = Self { square: zeroed(count, NORMS)?, scale: zeroed(count, NORMS)? };
        let blocks = all.square.chunks_mut(BLOCK).zip(all.scale.chunks_mut(BLOCK)).enumerate();
        run.each_asking(
            blocks,
            || (),
            |(), (block, (squares, scales)), ask| {
                measure((argument, rows, zero), block * BLOCK, squares, scales, &mut Pulse::new(ask))
            },
        )?;
        Ok(all)
    }

    /// Appends a row of another set of norms.
    pub(crate) fn push_from(&mut self, other: &Self, i: usize) -> Result<()> {
        push(&mut self.square, other.square[i], NORMS)?;
        push(&mut self.scale, other.scale[i], NORMS)
    }

    /// Keeps the first `len` rows.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.square.truncate(len);
        self.scale.truncate(len);
    }

    /// 1 / |row| where the row is scaled first; 0 for a zero row.
    fn inverse(&self, i: usize) -> f64 {
        if self.square[i] == 0.0 { 0.0 } else { 1.0 / self.square[i].sqrt() }
    }

    /// Writes the unit row of row `i`.
    pub(crate) fn unit<T: Scalar, F: Float>(
        &self,
        i: usize,
        row: &[T],
        unit: &mut [F],
        pulse: &mut Pulse<'_>,
    ) -> Result<()> {
        let (scale, inverse) = (self.scale[i], self.inverse(i));
        for (unit, row) in unit.chunks_mut(PIECE).zip(row.chunks(PIECE)) {
            for (unit, value) in unit.iter_mut().zip(row) {
                *unit = F::from_double(value.double() * scale * inverse);
            }
            pulse.spend(row.len())?;
        }
        Ok(())
    }

    /// 1 / |row|, or 0 for a zero row, where squares of the row's numbers are well within f32.
    pub(crate) fn plain_inverse(&self, i: usize) -> Option<f64> {
        let safe = 2f64.powi(-80)..2f64.powi(80);
        (self.scale[i] == 1.0 && safe.contains(&self.square[i])).then(|| self.inverse(i))
    }

    /// True for a row of length 0.
    pub(crate) fn is_zero(&self, i: usize) -> bool {
        self.square[i] == 0.0
    }
}

/// Rows whose squares are summed side by side: a sum in index order waits for each addition.
const TOGETHER: usize = 4;

/// Squares and scales of the rows from `first` on.
fn measure<T: Scalar>(
    (argument, rows, zero): (&'static str, Rows<'_, T>, Zero),
    first: usize,
    squares: &mut [f64],
    scales: &mut [f64],
    pulse: &mut Pulse<'_>,
) -> Result<()> {
    for (group, (squares, scales)) in squares.chunks_mut(TOGETHER).zip(scales.chunks_mut(TOGETHER)).enumerate() {
        let start = first + group * TOGETHER;
        if squares.len() == TOGETHER {
            squares.copy_from_slice(&squares_together(rows, start, pulse)?);
        } else {
            for (i, square) in (start..).zip(&mut *squares) {
                *square = square_alone(rows.row(i), pulse)?;
            }
        }
        for (i, (square, scale)) in (start..).zip(squares.iter_mut().zip(scales)) {
            (*square, *scale) = ranged((argument, i, zero), rows.row(i), *square, pulse)?;
        }
    }
    Ok(())
}

/// Squared lengths of the rows from `start` on, each in index order.
fn squares_together<T: Scalar>(rows: Rows<'_, T>, start: usize, pulse: &mut Pulse<'_>) -> Result<[f64; TOGETHER]> {
    let mut sums = [0.0f64; TOGETHER];
    for piece in pieces(rows.dim()) {
        let [a, b, c, d] = std::array::from_fn(|r| &rows.row(start + r)[piece.clone()]);
        for (((a, b), c), d) in a.iter().zip(b).zip(c).zip(d) {
            let values = [a.double(), b.double(), c.double(), d.double()];
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += value * value;
            }
        }
        pulse.spend(TOGETHER * piece.len())?;
    }
    Ok(sums)
}

/// Squared length of one row, in index order.
fn square_alone<T: Scalar>(row: &[T], pulse: &mut Pulse<'_>) -> Result<f64> {
    let mut sum = 0.0;
    for piece in pieces(row.len()) {
        sum = row[piece.clone()].iter().fold(sum, |sum, v| sum + v.double() * v.double());
        pulse.spend(piece.len())?;
    }
    Ok(sum)
}

/// Square and scale of a row whose squares may have left the range of f64.
fn ranged<T: Scalar>(
    (argument, index, zero): (&'static str, usize, Zero),
    row: &[T],
    square: f64,
    pulse: &mut Pulse<'_>,
) -> Result<(f64, f64)> {
    // Within these bounds neither a square, nor a product of two rows, nor of two squares leaves f64.
    let safe = 2f64.powi(-500)..2f64.powi(500);
    if safe.contains(&square) {
        return Ok((square, 1.0));
    }
    // NaN and infinity end here, a zero row under `Zero::Error` too.
    if careful_inverse_norm(argument, index, row, zero, pulse)? == 0.0 {
        return Ok((0.0, 1.0));
    }
    let (scale, mut square) = (power_of_two_near_inverse(row, pulse)?, 0.0);
    for piece in pieces(row.len()) {
        square = row[piece.clone()].iter().fold(square, |sum, v| sum + (v.double() * scale) * (v.double() * scale));
        pulse.spend(piece.len())?;
    }
    Ok((square, scale))
}

/// About 1 / (largest magnitude of the row), as a power of two, so that scaling rounds nothing that matters.
fn power_of_two_near_inverse<T: Scalar>(row: &[T], pulse: &mut Pulse<'_>) -> Result<f64> {
    let mut largest = 0.0f64;
    for piece in pieces(row.len()) {
        largest = row[piece.clone()].iter().fold(largest, |m, v| m.max(v.double().abs()));
        pulse.spend(piece.len())?;
    }
    // Beyond 1000 the power itself would leave f64; the scaled row then still has squares well inside.
    let exponent = largest.log2().floor().clamp(-1000.0, 1000.0);
    Ok((-exponent).exp2())
}

/// Rows together with their norms.
#[derive(Debug)]
pub(crate) struct Side<'a, T: Scalar> {
    rows: Rows<'a, T>,
    norms: &'a Norms,
}

// Derived, they would ask for `T::Wide: Copy` in the wrong place.
impl<T: Scalar> Clone for Side<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Scalar> Copy for Side<'_, T> {}

impl<'a, T: Scalar> Side<'a, T> {
    pub(crate) fn new(rows: Rows<'a, T>, norms: &'a Norms) -> Self {
        Self { rows, norms }
    }

    pub(crate) fn len(self) -> usize {
        self.rows.len()
    }

    pub(crate) fn row(self, i: usize) -> &'a [T] {
        self.rows.row(i)
    }

    pub(crate) fn dim(self) -> usize {
        self.rows.dim()
    }

    pub(crate) fn norms(self) -> &'a Norms {
        self.norms
    }

    /// Cosine of row `i` and row `j` of `other`, in f64, in index order, from the stored rows; in [-1, 1].
    ///
    /// The root of the product, not the product of roots: it is exact for equal rows (cosine 1) and wherever the
    /// product of the squared lengths is a square, e.g. 7 ones of 10 in common is 0.7 and not the number below it.
    pub(crate) fn judge(&self, i: usize, other: Self, j: usize, pulse: &mut Pulse<'_>) -> Result<f64> {
        let squares = self.norms.square[i] * other.norms.square[j];
        if squares == 0.0 {
            return Ok(0.0);
        }
        let (u, v) = (self.rows.row(i), other.rows.row(j));
        let (su, sv) = (self.norms.scale[i], other.norms.scale[j]);
        let mut product = 0.0;
        for (u, v) in u.chunks(PIECE).zip(v.chunks(PIECE)) {
            // Summed in index order, so that pieces change nothing.
            product = if su == 1.0 && sv == 1.0 {
                u.iter().zip(v).fold(product, |sum, (a, b)| sum + a.double() * b.double())
            } else {
                u.iter().zip(v).fold(product, |sum, (a, b)| sum + (a.double() * su) * (b.double() * sv))
            };
            pulse.spend(u.len())?;
        }
        // Adding 0 turns -0 into 0, so that orthogonal rows tie.
        Ok((product / squares.sqrt()).clamp(-1.0, 1.0) + 0.0)
    }
}

/// How far the product of two unit rows, summed in the arithmetic of the rows, can be from [`Side::judge`].
///
/// The product: rounding two unit rows and a sum of `dim` products in any order, at most (dim + 2) roundings of the
/// type it is done in, doubled to be safe. The judge and the lengths: [`judge_error`].
pub(crate) fn margin<F: Float>(dim: usize) -> f64 {
    2.0 * (dim as f64 + 2.0) * F::ROUNDOFF + judge_error(dim)
}

/// How far [`Side::judge`] can be from the cosine.
pub(crate) fn judge_error(dim: usize) -> f64 {
    4.0 * (dim as f64 + 5.0) * f64::ROUNDOFF
}

/// Unit rows, for products that need no judge.
#[derive(Debug)]
pub(crate) struct Units<F> {
    dim: usize,
    values: Vec<F>,
}

impl<F: Float> Units<F> {
    pub(crate) fn of<T: Scalar>(side: Side<'_, T>, run: &mut Run<'_>) -> Result<Self> {
        let dim = side.rows.dim();
        let mut values = zeroed(side.rows.data().len() as u128, "the unit rows")?;
        run.each_asking(
            values.chunks_mut(dim * BLOCK).enumerate(),
            || (),
            |(), (block, units), ask| {
                let mut pulse = Pulse::new(ask);
                for (i, unit) in (block * BLOCK..).zip(units.chunks_exact_mut(dim)) {
                    side.norms.unit(i, side.row(i), unit, &mut pulse)?;
                }
                Ok(())
            },
        )?;
        Ok(Self { dim, values })
    }

    /// Cosine of row `i` and row `j` of `other`, within [`margin`] of [`Side::judge`].
    #[inline]
    pub(crate) fn product(&self, i: usize, other: &Self, j: usize) -> f64 {
        dot(self.row(i), other.row(j)).double()
    }

    fn row(&self, i: usize) -> &[F] {
        &self.values[i * self.dim..(i + 1) * self.dim]
    }
}

/// A similarity that pairs are held against.
///
/// ```
/// use tracewarp_core::cosine::Threshold;
/// assert!(!Threshold::above(0.60)?.holds(0.60));
/// assert!(Threshold::at_least(0.70)?.holds(0.70));
/// assert!(Threshold::above(1.5).is_err());
/// # Ok::<(), tracewarp_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    value: f64,
    strict: bool,
}

impl Threshold {
    /// Pairs pass with a similarity above `value`.
    ///
    /// # Errors
    /// [`Error::Option`] for NaN and for a value outside [-1, 1].
    pub fn above(value: f64) -> Result<Self> {
        Self::new(value, true)
    }

    /// Pairs pass with a similarity of at least `value`.
    ///
    /// # Errors
    /// [`Error::Option`] for NaN and for a value outside [-1, 1].
    pub fn at_least(value: f64) -> Result<Self> {
        Self::new(value, false)
    }

    /// [`Threshold::above`] where `strict`, else [`Threshold::at_least`].
    ///
    /// # Errors
    /// [`Error::Option`] for NaN and for a value outside [-1, 1].
    pub fn new(value: f64, strict: bool) -> Result<Self> {
        if !(-1.0..=1.0).contains(&value) {
            return Err(Error::Option { option: "threshold", expected: "a cosine in [-1, 1]", got: value.to_string() });
        }
        Ok(Self { value, strict })
    }

    /// The similarity itself.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.value
    }

    /// True where `similarity` passes.
    #[must_use]
    pub fn holds(&self, similarity: f64) -> bool {
        if self.strict { similarity > self.value } else { similarity >= self.value }
    }
}

/// Refuses a set without rows.
pub(crate) fn not_empty<T: Scalar>(argument: &'static str, rows: Rows<'_, T>) -> Result<()> {
    if rows.is_empty() { Err(Error::Empty { argument, place: String::new() }) } else { Ok(()) }
}

/// Refuses rows of another dimension than `dim`.
pub(crate) fn same_dim<T: Scalar>(argument: &'static str, rows: Rows<'_, T>, dim: usize) -> Result<()> {
    if rows.dim() == dim {
        return Ok(());
    }
    let (expected, got) = (format!("rows of {dim} numbers"), format!("rows of {}", rows.dim()));
    Err(Error::Shape { argument, expected, got })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::dot_double;
    use proptest::prelude::*;

    fn norms<T: Scalar>(rows: Rows<'_, T>, zero: Zero) -> Result<Norms> {
        Norms::of("rows", rows, zero, &mut Run::new(1, &mut || false)?)
    }

    fn cosine(u: &[f64], v: &[f64]) -> f64 {
        let (u, v) = (Rows::new("u", u, u.len()).unwrap(), Rows::new("v", v, v.len()).unwrap());
        let (nu, nv) = (norms(u, Zero::Error).unwrap(), norms(v, Zero::Error).unwrap());
        judged(Side::new(u, &nu), 0, Side::new(v, &nv), 0)
    }

    fn judged<T: Scalar>(side: Side<'_, T>, i: usize, other: Side<'_, T>, j: usize) -> f64 {
        side.judge(i, other, j, &mut Pulse::new(&mut || Ok(()))).unwrap()
    }

    #[test]
    fn equal_rows_have_cosine_one() {
        assert_eq!(cosine(&[1.0, 1.0, 1.0], &[1.0, 1.0, 1.0]), 1.0);
        assert_eq!(cosine(&[0.1, 0.2, 0.7], &[0.1, 0.2, 0.7]), 1.0);
    }

    #[test]
    fn seven_common_ones_of_ten_is_exactly_the_threshold() {
        let u: Vec<f64> = (0..13).map(|i| f64::from(u8::from(i < 10))).collect();
        let v: Vec<f64> = (0..13).map(|i| f64::from(u8::from(i >= 3))).collect();
        assert_eq!(cosine(&u, &v), 0.7);
    }

    #[test]
    fn rows_of_extreme_magnitude_keep_their_cosine() {
        for (a, b) in [(1e300, 1e300), (1e-300, 1e300), (1e-310, 1e-310), (1e-320, 1.0), (f64::MAX, f64::MAX)] {
            let expected = 0.6;
            let got = cosine(&[a, 0.0], &[b * 0.6, b * 0.8]);
            assert!((got - expected).abs() < 2e-3, "{a} {b}: {got}");
        }
        assert_eq!(cosine(&[5e-324, 0.0], &[5e-324, 0.0]), 1.0);
    }

    #[test]
    fn squares_are_summed_in_index_order_wherever_a_row_lies() {
        let data: Vec<f32> = (0..37 * 5).map(|k| (k as f32 * 0.7).sin() * 10f32.powi(k % 9)).collect();
        let rows = Rows::new("rows", &data, 5).unwrap();
        let norms = norms(rows, Zero::Error).unwrap();
        for i in 0..rows.len() {
            assert_eq!(norms.square[i].to_bits(), dot_double(rows.row(i), rows.row(i)).to_bits());
        }
    }

    proptest! {
        #[test]
        fn a_product_of_unit_rows_stays_within_the_margin_of_the_judge(
            (dim, values) in (1usize..70).prop_flat_map(|d| (Just(d), prop::collection::vec(-1f32..1f32, 2 * d))),
            magnitude in -38i32..38,
        ) {
            let values: Vec<f32> = values.iter().map(|v| v * 10f32.powi(magnitude)).collect();
            let rows = Rows::new("rows", &values, dim).unwrap();
            let norms = norms(rows, Zero::Orthogonal);
            prop_assume!(norms.is_ok());
            let norms = norms.unwrap();
            let side = Side::new(rows, &norms);
            let units = Units::<f32>::of(side, &mut Run::new(1, &mut || false).unwrap()).unwrap();
            prop_assert!((units.product(0, &units, 1) - judged(side, 0, side, 1)).abs() <= margin::<f32>(dim));
            prop_assert_eq!(judged(side, 0, side, 1).to_bits(), judged(side, 1, side, 0).to_bits());
        }
    }
}
