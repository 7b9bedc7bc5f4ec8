//! Groups of rows by cosine.

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use tracewarp_core::cluster::{first_come, single_link};
use tracewarp_core::cosine::Threshold;

use crate::arrays::{AnyRows, numbers, view};
use crate::door::{enter, raise};
use crate::options::{PyEffort, choose, effort, zero};

#[derive(Clone, Copy)]
enum Method {
    SingleLink,
    FirstCome,
}

/// One label a row, the number of groups, and what it took.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "the binary's contract is flat; Python groups it")]
fn cluster<'py>(
    py: Python<'py>,
    rows: &Bound<'py, PyAny>,
    threshold: f64,
    method: &str,
    strict: bool,
    scope: Option<PyReadonlyArray1<'py, i64>>,
    zero: &str,
    threads: usize,
) -> PyResult<(Bound<'py, PyArray1<i64>>, usize, PyEffort)> {
    let zero = self::zero(py, zero)?;
    let threshold = Threshold::new(threshold, strict).map_err(|error| raise(py, &error))?;
    let methods = [("single_link", Method::SingleLink), ("first_come", Method::FirstCome)];
    let method = choose(py, "method", method, &methods)?;
    let scope = scope.as_ref().map(|scope| numbers(py, scope)).transpose()?;
    let scope = scope.as_deref();
    macro_rules! call {
        ($array:expr) => {{
            let rows = view(py, "rows", $array)?;
            enter(py, threads, |run| match method {
                Method::SingleLink => single_link(rows, threshold, scope, zero, run),
                Method::FirstCome => first_come(rows, threshold, scope, zero, run),
            })?
        }};
    }
    let found = match &crate::arrays::rows("rows", rows, 2)? {
        AnyRows::F16(array) => call!(array),
        AnyRows::F32(array) => call!(array),
        AnyRows::F64(array) => call!(array),
    };
    Ok((found.labels.into_pyarray(py), found.n_clusters, effort(found.effort)))
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(cluster, module)?)
}
