//! Gaussian kernels between rows, and the maximum mean discrepancy between sets of rows. Rows are taken as they are.

use crate::error::{Error, Result};
use crate::memory::reserve;
use crate::pulse::{PIECE, Pulse};
use crate::rows::{Rows, Scalar};
use crate::work::Run;

/// Refuses a bandwidth that is not a positive number.
///
/// # Errors
/// [`Error::Option`].
pub fn check_gamma(gamma: f64) -> Result<()> {
    if gamma > 0.0 && gamma.is_finite() {
        return Ok(());
    }
    Err(Error::Option { option: "gamma", expected: "a finite number above 0", got: gamma.to_string() })
}

/// k(u_i, v_i) = exp(-gamma |u_i - v_i|^2) for each i.
///
/// # Errors
/// [`Error::Empty`], [`Error::Shape`] where the sets differ in size, [`Error::NonFinite`], [`Error::Option`],
/// [`Error::TooLarge`], [`Error::Interrupted`].
///
/// ```
/// use tracewarp_core::{kernel::gaussian_similarity, rows::Rows, work::Run};
/// let (u, v) = (Rows::new("u", &[1.0f64, 0.0], 2)?, Rows::new("v", &[0.0f64, 1.0], 2)?);
/// let similarity = gaussian_similarity(u, v, 1.0, &mut Run::new(1, &mut || false)?)?;
/// assert!((similarity[0] - 0.135335).abs() < 1e-6);
/// # Ok::<(), tracewarp_core::Error>(())
/// ```
pub fn gaussian_similarity<T: Scalar>(
    u: Rows<'_, T>,
    v: Rows<'_, T>,
    gamma: f64,
    run: &mut Run<'_>,
) -> Result<Vec<f64>> {
    check_gamma(gamma)?;
    for (argument, rows) in [("u", u), ("v", v)] {
        if rows.is_empty() {
            return Err(Error::Empty { argument, place: String::new() });
        }
    }
    if (u.len(), u.dim()) != (v.len(), v.dim()) {
        let (expected, got) = (format!("shape ({}, {}) as u", u.len(), u.dim()), format!("({}, {})", v.len(), v.dim()));
        return Err(Error::Shape { argument: "v", expected, got });
    }
    let mut ask = || run.check();
    let mut pulse = Pulse::new(&mut ask);
    finite("u", u, &mut pulse)?;
    finite("v", v, &mut pulse)?;
    let mut out = Vec::new();
    reserve(&mut out, u.len(), "the similarities")?;
    for i in 0..u.len() {
        out.push((-gamma * square_distance(u.row(i), v.row(i), &mut pulse)?).exp());
    }
    Ok(out)
}

fn finite<T: Scalar>(argument: &'static str, rows: Rows<'_, T>, pulse: &mut Pulse<'_>) -> Result<()> {
    for i in 0..rows.len() {
        for values in rows.row(i).chunks(PIECE) {
            if !values.iter().fold(true, |finite, value| finite & value.double().is_finite()) {
                return Err(Error::NonFinite { argument, row: i });
            }
            pulse.spend(values.len())?;
        }
    }
    Ok(())
}

/// |u - v|^2 in f64, in index order.
fn square_distance<T: Scalar>(u: &[T], v: &[T], pulse: &mut Pulse<'_>) -> Result<f64> {
    let mut sum = 0.0;
    for (u, v) in u.chunks(PIECE).zip(v.chunks(PIECE)) {
        sum = u.iter().zip(v).fold(sum, |sum, (a, b)| sum + (a.double() - b.double()).powi(2));
        pulse.spend(u.len())?;
    }
    Ok(sum)
}

/// Which estimate of the squared discrepancy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Estimator {
    /// The V-statistic: pairs of a row with itself count; at least 0.
    #[default]
    Biased,
    /// The U-statistic: they do not; may be negative, and needs two rows a set.
    Unbiased,
}

/// What becomes of the values of several bandwidths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Combine {
    /// Their mean.
    #[default]
    Mean,
    /// Their sum.
    Sum,
}

/// MMD^2 between two sets of rows under Gaussian kernels (Gretton et al. 2012, equations 3 and 5).
///
/// # Errors
/// [`Error::Empty`], [`Error::Shape`] (other dimension; one row where the estimator needs two), [`Error::NonFinite`],
/// [`Error::Option`], [`Error::Interrupted`].
#[expect(clippy::cast_precision_loss, reason = "set sizes are far below 2^52")]
pub fn mmd2<T: Scalar>(
    x: Rows<'_, T>,
    y: Rows<'_, T>,
    gammas: &[f64],
    estimator: Estimator,
    combine: Combine,
    run: &mut Run<'_>,
) -> Result<f64> {
    if gammas.is_empty() {
        return Err(Error::Option { option: "gamma", expected: "at least one number", got: "none".to_owned() });
    }
    gammas.iter().try_for_each(|&gamma| check_gamma(gamma))?;
    for (argument, rows) in [("x", x), ("y", y)] {
        if rows.is_empty() {
            return Err(Error::Empty { argument, place: String::new() });
        }
        if estimator == Estimator::Unbiased && rows.len() < 2 {
            let expected = "at least 2 rows for the unbiased estimator".to_owned();
            return Err(Error::Shape { argument, expected, got: "1".to_owned() });
        }
    }
    if x.dim() != y.dim() {
        let (expected, got) = (format!("rows of {} numbers as in x", x.dim()), format!("rows of {}", y.dim()));
        return Err(Error::Shape { argument: "y", expected, got });
    }
    let mut ask = || run.check();
    let mut pulse = Pulse::new(&mut ask);
    finite("x", x, &mut pulse)?;
    finite("y", y, &mut pulse)?;
    let mut within = |rows: Rows<'_, T>| -> Result<f64> {
        let n = rows.len() as f64;
        let mut off_diagonal = 0.0;
        for i in 0..rows.len() {
            pulse.now()?;
            for j in 0..i {
                off_diagonal += 2.0 * kernels(rows.row(i), rows.row(j), gammas, &mut pulse)?;
            }
        }
        Ok(match estimator {
            Estimator::Biased => (off_diagonal + n * gammas.len() as f64) / (n * n),
            Estimator::Unbiased => off_diagonal / (n * (n - 1.0)),
        })
    };
    let (xx, yy) = (within(x)?, within(y)?);
    let mut between = 0.0;
    for i in 0..x.len() {
        pulse.now()?;
        for j in 0..y.len() {
            between += kernels(x.row(i), y.row(j), gammas, &mut pulse)?;
        }
    }
    let total = xx + yy - 2.0 * between / (x.len() as f64 * y.len() as f64);
    // The V-statistic is a squared norm: below 0 it is rounding.
    let total = if estimator == Estimator::Biased { total.max(0.0) } else { total };
    Ok(match combine {
        Combine::Sum => total,
        Combine::Mean => total / gammas.len() as f64,
    })
}

/// Sum over the bandwidths of exp(-gamma |u - v|^2).
fn kernels<T: Scalar>(u: &[T], v: &[T], gammas: &[f64], pulse: &mut Pulse<'_>) -> Result<f64> {
    let square = square_distance(u, v, pulse)?;
    pulse.spend(8 * gammas.len())?;
    Ok(gammas.iter().map(|gamma| (-gamma * square).exp()).sum())
}
