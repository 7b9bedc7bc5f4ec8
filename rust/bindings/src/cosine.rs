//! Cosine similarity: the table, the nearest rows, the pairs above a threshold.

use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods};
use pyo3::prelude::*;
use tracewarp_core::cosine::{self, Threshold};

use crate::arrays::{AnyRows, mixed, rows, view};
use crate::door::{enter, raise};
use crate::options::{PyEffort, effort, zero};

type PyTopK<'py> = (Bound<'py, PyArray2<i64>>, Bound<'py, PyArray2<f64>>, PyEffort);
type PyPairs<'py> = (Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<f64>>, bool, PyEffort);

/// Runs `$call` with `$x` and `$y` (an optional second set) as views of one dtype.
macro_rules! with_one_or_two {
    ($py:expr, ($x_name:literal, $x:expr), ($y_name:literal, $y:expr), |$rows:ident, $others:ident| $call:expr) => {{
        let first = rows($x_name, $x, 2)?;
        let second = $y.as_ref().map(|y| rows($y_name, y, 2)).transpose()?;
        macro_rules! arm {
            ($a:expr, $b:expr) => {{
                let $rows = view($py, $x_name, $a)?;
                let $others = $b.map(|b| view($py, $y_name, b)).transpose()?;
                $call
            }};
        }
        match (&first, &second) {
            (AnyRows::F16(a), None) => arm!(a, None),
            (AnyRows::F32(a), None) => arm!(a, None),
            (AnyRows::F64(a), None) => arm!(a, None),
            (AnyRows::F16(a), Some(AnyRows::F16(b))) => arm!(a, Some(b)),
            (AnyRows::F32(a), Some(AnyRows::F32(b))) => arm!(a, Some(b)),
            (AnyRows::F64(a), Some(AnyRows::F64(b))) => arm!(a, Some(b)),
            _ => return Err(mixed($py, $x_name, $y_name)),
        }
    }};
}

/// `(n, m)` cosines.
#[pyfunction]
fn cosine_similarity<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    y: Option<Bound<'py, PyAny>>,
    zero: &str,
    threads: usize,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let zero = self::zero(py, zero)?;
    let (table, n) = with_one_or_two!(py, ("x", x), ("y", y), |x, y| {
        (enter(py, threads, |run| cosine::cosine_similarity(x, y, zero, run))?, x.len())
    });
    let m = table.len() / n;
    table.into_pyarray(py).reshape([n, m])
}

/// `(n, k)` row numbers and cosines of the nearest rows, and what it took.
#[pyfunction]
fn cosine_top_k<'py>(
    py: Python<'py>,
    queries: &Bound<'py, PyAny>,
    rows: &Bound<'py, PyAny>,
    k: usize,
    zero: &str,
    threads: usize,
) -> PyResult<PyTopK<'py>> {
    let zero = self::zero(py, zero)?;
    let (queries, others) = (self::rows("queries", queries, 2)?, self::rows("rows", rows, 2)?);
    macro_rules! call {
        ($a:expr, $b:expr) => {{
            let (queries, rows) = (view(py, "queries", $a)?, view(py, "rows", $b)?);
            (enter(py, threads, |run| cosine::top_k(queries, rows, k, zero, run))?, queries.len())
        }};
    }
    let (found, n) = match (&queries, &others) {
        (AnyRows::F16(a), AnyRows::F16(b)) => call!(a, b),
        (AnyRows::F32(a), AnyRows::F32(b)) => call!(a, b),
        (AnyRows::F64(a), AnyRows::F64(b)) => call!(a, b),
        _ => return Err(mixed(py, "queries", "rows")),
    };
    let indices = found.indices.into_pyarray(py).reshape([n, k])?;
    Ok((indices, found.similarities.into_pyarray(py).reshape([n, k])?, effort(found.effort)))
}

/// Row numbers i and j and cosines of the pairs that pass, whether there were more, and what it took.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "the binary's contract is flat; Python groups it")]
fn cosine_pairs<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    y: Option<Bound<'py, PyAny>>,
    threshold: f64,
    strict: bool,
    max_pairs: Option<usize>,
    zero: &str,
    threads: usize,
) -> PyResult<PyPairs<'py>> {
    let zero = self::zero(py, zero)?;
    let threshold = Threshold::new(threshold, strict).map_err(|error| raise(py, &error))?;
    let found = with_one_or_two!(py, ("x", x), ("y", y), |x, y| {
        enter(py, threads, |run| cosine::pairs(x, y, threshold, max_pairs, zero, run))?
    });
    let (i, j) = (found.i.into_pyarray(py), found.j.into_pyarray(py));
    Ok((i, j, found.similarity.into_pyarray(py), found.truncated, effort(found.effort)))
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(cosine_similarity, module)?)?;
    module.add_function(wrap_pyfunction!(cosine_top_k, module)?)?;
    module.add_function(wrap_pyfunction!(cosine_pairs, module)?)
}
