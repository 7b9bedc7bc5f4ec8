//! One cosine, two precisions: quick where the answer is clear, f64 in index order where it is close, so that no
//! decision depends on the order of summation (thread count, block size, instruction set).

use crate::error::{Error, Result};
use crate::rows::{Float, Rows, Scalar, Zero, dot, dot_double, inverse_norm};

/// What a cosine needs of each row besides the row: its unit row for the quick look, and its squared length, summed
/// in f64 in index order, for the judge.
#[derive(Debug, Clone)]
pub(crate) struct Norms<F> {
    dim: usize,
    unit: Vec<F>,
    square: Vec<f64>,
    /// A power of two that brings the row's squares into the range of f64; 1 for all but extreme f64 rows.
    scale: Vec<f64>,
}

impl<F: Float> Norms<F> {
    pub(crate) fn new(dim: usize) -> Self {
        Self { dim, unit: Vec::new(), square: Vec::new(), scale: Vec::new() }
    }

    /// The norms of all `rows`, checked: finite, and not zero unless `zero` says so.
    pub(crate) fn of<T: Scalar<Wide = F>>(argument: &'static str, rows: Rows<'_, T>, zero: Zero) -> Result<Self> {
        let mut norms = Self::new(rows.dim());
        let too_large =
            |_| Error::TooLarge { what: "the unit rows", bytes: rows.data().len() as u128 * size_of::<F>() as u128 };
        norms.unit.try_reserve_exact(rows.data().len()).map_err(too_large)?;
        for i in 0..rows.len() {
            norms.push(argument, i, rows.row(i), zero)?;
        }
        Ok(norms)
    }

    /// Appends the norm of one row; `index` is for the message.
    pub(crate) fn push<T: Scalar<Wide = F>>(
        &mut self,
        argument: &'static str,
        index: usize,
        row: &[T],
        zero: Zero,
    ) -> Result<()> {
        // Within these bounds neither a square, nor a product of two rows, nor of two squares leaves f64.
        let safe = 2f64.powi(-500)..2f64.powi(500);
        let mut scale = 1.0;
        let mut square = dot_double(row, row);
        if !safe.contains(&square) {
            // NaN and infinity end here, a zero row under `Zero::Error` too.
            if inverse_norm(argument, index, row, zero)? == 0.0 {
                square = 0.0;
            } else {
                scale = power_of_two_near_inverse(row);
                square = row.iter().map(|v| (v.double() * scale) * (v.double() * scale)).sum();
            }
        }
        let inverse = if square == 0.0 { 0.0 } else { 1.0 / square.sqrt() };
        self.unit.extend(row.iter().map(|v| F::from_double(v.double() * scale * inverse)));
        self.square.push(square);
        self.scale.push(scale);
        Ok(())
    }

    /// Appends a row of another set of norms.
    pub(crate) fn push_from(&mut self, other: &Self, i: usize) {
        self.unit.extend_from_slice(other.unit(i));
        self.square.push(other.square[i]);
        self.scale.push(other.scale[i]);
    }

    pub(crate) fn dim(&self) -> usize {
        self.dim
    }

    /// Keeps the first `len` rows.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.unit.truncate(len * self.dim);
        self.square.truncate(len);
        self.scale.truncate(len);
    }

    fn unit(&self, i: usize) -> &[F] {
        &self.unit[i * self.dim..(i + 1) * self.dim]
    }
}

/// About 1 / (largest magnitude of the row), as a power of two, so that scaling rounds nothing that matters.
fn power_of_two_near_inverse<T: Scalar>(row: &[T]) -> f64 {
    let largest = row.iter().fold(0.0f64, |m, v| m.max(v.double().abs()));
    // Beyond 1000 the power itself would leave f64; the scaled row then still has squares well inside.
    let exponent = largest.log2().floor().clamp(-1000.0, 1000.0);
    (-exponent).exp2()
}

/// Rows together with their norms.
#[derive(Debug)]
pub(crate) struct Side<'a, T: Scalar> {
    rows: Rows<'a, T>,
    norms: &'a Norms<T::Wide>,
}

// Derived, they would ask for `T::Wide: Copy` in the wrong place.
impl<T: Scalar> Clone for Side<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Scalar> Copy for Side<'_, T> {}

impl<'a, T: Scalar> Side<'a, T> {
    pub(crate) fn new(rows: Rows<'a, T>, norms: &'a Norms<T::Wide>) -> Self {
        Self { rows, norms }
    }

    pub(crate) fn len(self) -> usize {
        self.rows.len()
    }

    pub(crate) fn row(self, i: usize) -> &'a [T] {
        self.rows.row(i)
    }

    pub(crate) fn norms(self) -> &'a Norms<T::Wide> {
        self.norms
    }

    /// Cosine of row `i` and row `j` of `other` by their unit rows, within [`margin`] of [`Side::judge`].
    #[inline]
    pub(crate) fn screen(&self, i: usize, other: Self, j: usize) -> f64 {
        dot(self.norms.unit(i), other.norms.unit(j)).double()
    }

    /// Cosine of row `i` and row `j` of `other`, in f64, in index order, from the stored rows; in [-1, 1].
    ///
    /// The root of the product, not the product of roots: it is exact for equal rows (cosine 1) and wherever the
    /// product of the squared lengths is a square, e.g. 7 ones of 10 in common is 0.7 and not the number below it.
    pub(crate) fn judge(&self, i: usize, other: Self, j: usize) -> f64 {
        let squares = self.norms.square[i] * other.norms.square[j];
        if squares == 0.0 {
            return 0.0;
        }
        let (u, v) = (self.rows.row(i), other.rows.row(j));
        let (su, sv) = (self.norms.scale[i], other.norms.scale[j]);
        let product: f64 = if su == 1.0 && sv == 1.0 {
            dot_double(u, v)
        } else {
            u.iter().zip(v).map(|(a, b)| (a.double() * su) * (b.double() * sv)).sum()
        };
        // Adding 0 turns -0 into 0, so that orthogonal rows tie.
        (product / squares.sqrt()).clamp(-1.0, 1.0) + 0.0
    }
}

/// How far [`Side::screen`] can be from [`Side::judge`].
///
/// The quick look: rounding two unit rows and a sum of `dim` products in any order, at most (dim + 2) roundings of
/// the type it is done in, doubled to be safe. The judge and the lengths: the same in f64.
pub(crate) fn margin<F: Float>(dim: usize) -> f64 {
    let dim = dim as f64;
    2.0 * (dim + 2.0) * F::ROUNDOFF + 4.0 * (dim + 5.0) * f64::ROUNDOFF
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

    /// True where row `i` of `x` and row `j` of `y` pass; `margin` is [`margin`] of their dimension.
    #[inline]
    pub(crate) fn passes<T: Scalar>(&self, x: Side<'_, T>, i: usize, y: Side<'_, T>, j: usize, margin: f64) -> bool {
        let quick = x.screen(i, y, j);
        if (quick - self.value).abs() > margin { quick > self.value } else { self.holds(x.judge(i, y, j)) }
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
    use proptest::prelude::*;

    fn cosine(u: &[f64], v: &[f64]) -> f64 {
        let (u, v) = (Rows::new("u", u, u.len()).unwrap(), Rows::new("v", v, v.len()).unwrap());
        let (nu, nv) = (Norms::of("u", u, Zero::Error).unwrap(), Norms::of("v", v, Zero::Error).unwrap());
        Side::new(u, &nu).judge(0, Side::new(v, &nv), 0)
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

    proptest! {
        #[test]
        fn screen_stays_within_the_margin_of_the_judge(
            (dim, values) in (1usize..70).prop_flat_map(|d| (Just(d), prop::collection::vec(-1f32..1f32, 2 * d))),
            magnitude in -38i32..38,
        ) {
            let values: Vec<f32> = values.iter().map(|v| v * 10f32.powi(magnitude)).collect();
            let rows = Rows::new("rows", &values, dim).unwrap();
            let norms = Norms::of("rows", rows, Zero::Orthogonal);
            prop_assume!(norms.is_ok());
            let norms = norms.unwrap();
            let side = Side::new(rows, &norms);
            prop_assert!((side.screen(0, side, 1) - side.judge(0, side, 1)).abs() <= margin::<f32>(dim));
            prop_assert_eq!(side.judge(0, side, 1).to_bits(), side.judge(1, side, 0).to_bits());
        }
    }
}
