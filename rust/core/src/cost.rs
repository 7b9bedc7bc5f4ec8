//! Local costs between rows: what a dynamic programme adds up.

use crate::error::Result;
use crate::rows::{Rows, Scalar};

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
    /// Writes c(i, first + k) into `out[k]`; `i` ascends from call to call. `ask` is put now and then, and ends the work
    /// with an error.
    ///
    /// # Errors
    /// [`crate::Error::TooLarge`] where a workspace does not fit, or what `ask` returns.
    fn fill(&mut self, i: usize, first: usize, out: &mut [f64], ask: &mut dyn FnMut() -> Result<()>) -> Result<()>;
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

    fn fill(&mut self, i: usize, first: usize, out: &mut [f64], _: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        for (cell, cost) in out.iter_mut().zip(&self.0.row(i)[first..]) {
            *cell = cost.double();
        }
        Ok(())
    }
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

/// |u - v|, also where its square is too small for f64.
#[must_use]
pub fn distance<T: Scalar>(u: &[T], v: &[T]) -> f64 {
    let square = square_distance_double(u, v);
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
