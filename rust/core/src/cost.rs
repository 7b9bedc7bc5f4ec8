//! Local costs between rows: what a dynamic programme adds up.

use crate::error::{Error, Result};
use crate::rows::{Rows, Scalar, Zero, dot, inverse_norms};

/// The local cost c(u, v) between two rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Metric {
    /// 1 - u.v / (|u| |v|), clamped to [0, 2].
    #[default]
    Cosine,
    /// |u - v|.
    Euclidean,
    /// |u - v|^2.
    SqEuclidean,
}

/// Where the costs of one alignment come from: a row of cells at a time, so that no m x n matrix is needed.
pub trait Costs {
    /// Rows of the alignment (m).
    fn rows(&self) -> usize;
    /// Columns of the alignment (n).
    fn columns(&self) -> usize;
    /// Writes c(i, first + k) into `out[k]`.
    fn fill(&self, i: usize, first: usize, out: &mut [f64]);
}

/// A precomputed cost matrix, row after row.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a, T>(pub Rows<'a, T>);

impl<T: Scalar> Costs for Matrix<'_, T> {
    fn rows(&self) -> usize {
        self.0.len()
    }

    fn columns(&self) -> usize {
        self.0.dim()
    }

    fn fill(&self, i: usize, first: usize, out: &mut [f64]) {
        for (cell, cost) in out.iter_mut().zip(&self.0.row(i)[first..]) {
            *cell = cost.double();
        }
    }
}

/// Two sequences of rows under a metric; for [`Metric::Cosine`] with the inverse norms of their rows.
#[derive(Debug, Clone, Copy)]
pub struct Sequences<'a, T> {
    /// The first sequence: the rows of the alignment.
    pub x: Rows<'a, T>,
    /// The second sequence: its columns.
    pub y: Rows<'a, T>,
    /// 1 / |row| of `x`, 0 for a zero row; unused (may be empty) for other metrics.
    pub x_inverse: &'a [f64],
    /// The same of `y`.
    pub y_inverse: &'a [f64],
    /// The metric.
    pub metric: Metric,
}

impl<T: Scalar> Sequences<'_, T> {
    /// c(i, j), the same bits wherever it is asked for.
    #[must_use]
    pub fn cell(&self, i: usize, j: usize) -> f64 {
        let (u, v) = (self.x.row(i), self.y.row(j));
        match self.metric {
            Metric::Cosine => cosine_distance(u, v, self.x_inverse[i], self.y_inverse[j]),
            Metric::Euclidean => distance(u, v),
            Metric::SqEuclidean => square_distance(u, v),
        }
    }
}

impl<T: Scalar> Costs for Sequences<'_, T> {
    fn rows(&self) -> usize {
        self.x.len()
    }

    fn columns(&self) -> usize {
        self.y.len()
    }

    fn fill(&self, i: usize, first: usize, out: &mut [f64]) {
        for (k, cell) in out.iter_mut().enumerate() {
            *cell = self.cell(i, first + k);
        }
    }
}

/// Inverse norms within these bounds keep every product and square of f32 in range: 2^-40 and 2^40.
const SAFE: std::ops::RangeInclusive<f64> = 9.094_947_017_729_282e-13..=1.099_511_627_776e12;

/// Cosine distance of two rows with known inverse norms (0: a zero row, orthogonal to everything).
///
/// Rows that are equal cost exactly 0, so that ties in an alignment do not depend on rounding.
#[must_use]
pub fn cosine_distance<T: Scalar>(u: &[T], v: &[T], u_inverse: f64, v_inverse: f64) -> f64 {
    if u_inverse == 0.0 || v_inverse == 0.0 {
        return 1.0;
    }
    let similarity = if SAFE.contains(&u_inverse) && SAFE.contains(&v_inverse) {
        // The two factors are multiplied first, so that the result is the same with u and v exchanged.
        dot(u, v).double() * (u_inverse * v_inverse)
    } else {
        cosine_scaled(u, v)
    };
    let distance = (1.0 - similarity).clamp(0.0, 2.0);
    if distance < near(u.len()) && u == v { 0.0 } else { distance }
}

/// Cosine distances below this may be rounding: 1e-5, or more where a longer sum rounds more.
#[expect(clippy::cast_precision_loss, reason = "a dimension is far below 2^52")]
pub(crate) fn near(dim: usize) -> f64 {
    (dim as f64 * f64::from(f32::EPSILON)).max(1e-5)
}

/// Cosine of rows whose squares would leave the range of the arithmetic: both scaled by their largest value.
#[must_use]
pub fn cosine_scaled<T: Scalar>(u: &[T], v: &[T]) -> f64 {
    let largest = |row: &[T]| row.iter().fold(0.0f64, |m, a| m.max(a.double().abs()));
    let (u_scale, v_scale) = (largest(u), largest(v));
    let (mut uv, mut uu, mut vv) = (0.0, 0.0, 0.0);
    for (a, b) in u.iter().zip(v) {
        let (a, b) = (a.double() / u_scale, b.double() / v_scale);
        uv += a * b;
        uu += a * a;
        vv += b * b;
    }
    uv / (uu.sqrt() * vv.sqrt())
}

/// |u - v|^2, recomputed in f64 where the narrower sum left its range.
#[must_use]
pub fn square_distance<T: Scalar>(u: &[T], v: &[T]) -> f64 {
    const LANES: usize = 16;
    let mut sums = [T::Wide::default(); LANES];
    let (u_blocks, v_blocks) = (u.chunks_exact(LANES), v.chunks_exact(LANES));
    let (u_rest, v_rest) = (u_blocks.remainder(), v_blocks.remainder());
    for (a, b) in u_blocks.zip(v_blocks) {
        for lane in 0..LANES {
            let difference = a[lane].wide() - b[lane].wide();
            sums[lane] += difference * difference;
        }
    }
    for (lane, (a, b)) in u_rest.iter().zip(v_rest).enumerate() {
        let difference = a.wide() - b.wide();
        sums[lane] += difference * difference;
    }
    let total: f64 = sums.iter().map(|sum| sum.double()).sum();
    if total.is_finite() && total > 1e-28 {
        return total;
    }
    square_distance_double(u, v)
}

/// |u - v|, also where its square is too small for f64.
#[must_use]
pub fn distance<T: Scalar>(u: &[T], v: &[T]) -> f64 {
    let square = square_distance(u, v);
    if square >= f64::MIN_POSITIVE {
        return square.sqrt();
    }
    let largest = u.iter().zip(v).fold(0.0f64, |m, (a, b)| m.max((a.double() - b.double()).abs()));
    if largest == 0.0 {
        return 0.0;
    }
    let scaled: f64 = u.iter().zip(v).map(|(a, b)| ((a.double() - b.double()) / largest).powi(2)).sum();
    largest * scaled.sqrt()
}

/// |u - v|^2 in f64, in index order.
#[must_use]
pub fn square_distance_double<T: Scalar>(u: &[T], v: &[T]) -> f64 {
    u.iter().zip(v).map(|(a, b)| (a.double() - b.double()).powi(2)).sum()
}

/// Checks every row and gives the inverse norms that `metric` needs: `1 / |row|` for the cosine (0 for a zero row
/// under [`Zero::Orthogonal`]); for the others, which need none, only the check.
///
/// # Errors
/// [`Error::NonFinite`]; for the cosine [`Error::ZeroVector`]; for the others [`Error::Magnitude`] where a sum of
/// squared differences could leave the range of f64.
pub fn prepare<T: Scalar>(argument: &'static str, rows: Rows<'_, T>, metric: Metric, zero: Zero) -> Result<Vec<f64>> {
    let zero = if metric == Metric::Cosine { zero } else { Zero::Orthogonal };
    let mut inverse = Vec::new();
    inverse_norms(argument, rows, zero, &mut inverse)?;
    if metric != Metric::Cosine
        // 2^32 squared differences of rows up to 1e149 sum to less than the largest f64.
        && let Some(row) = inverse.iter().position(|&norm| norm != 0.0 && norm < 1e-149)
    {
        return Err(Error::Magnitude { argument, row });
    }
    Ok(inverse)
}
