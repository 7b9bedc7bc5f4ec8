//! Names of options into the core's types. Python checks the names first, so an unknown one is a plain error here.

use pyo3::prelude::*;
use tracewarp_core::align::{Constraints, Ties};
use tracewarp_core::cost::Metric;
use tracewarp_core::dtw::{Normalize, Options};
use tracewarp_core::rows::Zero;

use crate::door::exception;

/// Looks `name` up among the names of an option.
pub(crate) fn choose<V: Copy>(py: Python<'_>, option: &str, name: &str, table: &[(&str, V)]) -> PyResult<V> {
    table.iter().find(|(known, _)| *known == name).map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = table.iter().map(|(known, _)| *known).collect();
        exception(py, "OptionError", format!("{option}: expected one of {}, got {name:?}", names.join(", ")))
    })
}

/// The rule for ties by name.
pub(crate) fn ties(py: Python<'_>, name: &str) -> PyResult<Ties> {
    let table = [("diagonal", Ties::Diagonal), ("fastdtw-py", Ties::FastdtwPy), ("fastdtw-cy", Ties::FastdtwCy)];
    choose(py, "ties", name, &table)
}

/// The treatment of zero vectors by name.
pub(crate) fn zero(py: Python<'_>, name: &str) -> PyResult<Zero> {
    choose(py, "zero", name, &[("error", Zero::Error), ("orthogonal", Zero::Orthogonal)])
}

/// The options of a DTW as Python passes them: (metric, window_steps, open_begin, open_end, normalize, max_distance,
/// ties, zero).
pub(crate) type DtwOptions<'a> = (&'a str, Option<usize>, bool, bool, &'a str, f64, &'a str, &'a str);

/// The options of a DTW in the core's types.
pub(crate) fn dtw(py: Python<'_>, options: DtwOptions<'_>) -> PyResult<Options> {
    let (metric, window_steps, open_begin, open_end, normalize, max_distance, ties_name, zero_name) = options;
    let metrics = [("cosine", Metric::Cosine), ("euclidean", Metric::Euclidean), ("sqeuclidean", Metric::SqEuclidean)];
    let normalizations = [("none", Normalize::None), ("path", Normalize::Path)];
    Ok(Options {
        metric: choose(py, "metric", metric, &metrics)?,
        constraints: Constraints { window_steps, open_begin, open_end, max_distance, ties: ties(py, ties_name)? },
        normalize: choose(py, "normalize", normalize, &normalizations)?,
        zero: zero(py, zero_name)?,
    })
}

/// Pairs compared in eight bits, and pairs among them decided in f64.
pub(crate) type PyEffort = (usize, usize);

pub(crate) fn effort(effort: tracewarp_core::Effort) -> PyEffort {
    (effort.compared, effort.judged)
}
