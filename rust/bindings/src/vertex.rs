//! VERTEX_DTW, and the kernels behind it.

use numpy::{IntoPyArray, PyArray1, PyArray2, PyReadonlyArray2};
use pyo3::prelude::*;
use tracewarp_core::kernel::{self, Combine, Estimator};
use tracewarp_core::rows::Ragged;
use tracewarp_core::vertex::{self, Baseline, Decay, Mode, Options};

use crate::arrays::{AnyRows, mixed, numbers, ragged, rows, view};
use crate::door::enter;
use crate::dtw::{PySet, pair_list, paths_out};
use crate::options::{choose, ties};

/// (mode, gamma, decay, strength, z, min_headroom, ties).
type VertexOptions<'a> = (&'a str, f64, &'a str, f64, &'a str, f64, &'a str);
type Flat<'py> = Bound<'py, PyArray1<f64>>;
type PyScores<'py> = (
    Flat<'py>,
    Bound<'py, PyArray1<i64>>,
    Bound<'py, PyArray2<i32>>,
    Bound<'py, PyArray1<i64>>,
    Option<(Flat<'py>, Flat<'py>, Flat<'py>)>,
);

fn options(py: Python<'_>, options: VertexOptions<'_>) -> PyResult<Options> {
    let (mode, gamma, decay, strength, z, min_headroom, ties_name) = options;
    let modes = [("normalized", Mode::Normalized), ("eq1", Mode::Eq1), ("released", Mode::Released)];
    let relative = Decay::Relative { strength };
    let decays = [("hyperbolic", Decay::Hyperbolic), ("relative", relative), ("none", Decay::None)];
    let baselines = [
        ("zero_pad", Baseline::ZeroPad),
        ("hold_last", Baseline::HoldLast),
        ("scalar_mean", Baseline::ScalarMean),
        ("none", Baseline::None),
    ];
    Ok(Options {
        mode: choose(py, "mode", mode, &modes)?,
        gamma,
        decay: choose(py, "decay", decay, &decays)?,
        z: choose(py, "z", z, &baselines)?,
        min_headroom,
        ties: ties(py, ties_name)?,
    })
}

#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "the binary's contract is flat; Python groups it")]
fn vertex_pairs<'py>(
    py: Python<'py>,
    references: PySet<'py>,
    tests: PySet<'py>,
    pairs: PyReadonlyArray2<'py, i64>,
    trivials: Option<PySet<'py>>,
    single: bool,
    options: VertexOptions<'_>,
    threads: usize,
) -> PyResult<PyScores<'py>> {
    let options = self::options(py, options)?;
    // A single pair comes with its parts, and under the names that its own arguments have.
    let names = if single { ["reference", "test", "trivial"] } else { ["references", "tests", "trivials"] };
    let [reference_name, test_name, trivial_name] = names;
    let pairs = numbers(py, &pairs)?;
    let pairs = pair_list(&pairs);
    let (reference_offsets, test_offsets) = (numbers(py, &references.1)?, numbers(py, &tests.1)?);
    let trivial_offsets = trivials.as_ref().map(|set| numbers(py, &set.1)).transpose()?;
    let trivial_rows = trivials.as_ref().map(|set| rows(trivial_name, &set.0, 2)).transpose()?;
    macro_rules! call {
        ($kind:path, $references:ident, $tests:ident) => {{
            let references = ragged(py, reference_name, $references, &reference_offsets)?;
            let tests = ragged(py, test_name, $tests, &test_offsets)?;
            let trivials: Option<Ragged<'_, _>> = match (&trivial_rows, &trivial_offsets) {
                (Some($kind(rows)), Some(offsets)) => Some(ragged(py, trivial_name, rows, offsets)?),
                (None, _) => None,
                _ => return Err(mixed(py, reference_name, trivial_name)),
            };
            enter(py, threads, |run| vertex::vertex_pairs(references, tests, pairs, trivials, single, &options, run))?
        }};
    }
    let found = match (&rows(reference_name, &references.0, 2)?, &rows(test_name, &tests.0, 2)?) {
        (AnyRows::F16(x), AnyRows::F16(y)) => call!(AnyRows::F16, x, y),
        (AnyRows::F32(x), AnyRows::F32(y)) => call!(AnyRows::F32, x, y),
        (AnyRows::F64(x), AnyRows::F64(y)) => call!(AnyRows::F64, x, y),
        _ => return Err(mixed(py, reference_name, test_name)),
    };
    let (cells, offsets) = paths_out(py, found.paths)?;
    let parts = found
        .parts
        .map(|parts| (parts.similarity.into_pyarray(py), parts.decay.into_pyarray(py), parts.z.into_pyarray(py)));
    Ok((found.scores.into_pyarray(py), found.counted.into_pyarray(py), cells, offsets, parts))
}

#[pyfunction]
fn gaussian_similarity<'py>(
    py: Python<'py>,
    u: Bound<'py, PyAny>,
    v: Bound<'py, PyAny>,
    gamma: f64,
) -> PyResult<Flat<'py>> {
    macro_rules! call {
        ($u:ident, $v:ident) => {{
            let (u, v) = (view(py, "u", $u)?, view(py, "v", $v)?);
            enter(py, 1, |run| kernel::gaussian_similarity(u, v, gamma, run))?
        }};
    }
    let found = match (&rows("u", &u, 2)?, &rows("v", &v, 2)?) {
        (AnyRows::F16(u), AnyRows::F16(v)) => call!(u, v),
        (AnyRows::F32(u), AnyRows::F32(v)) => call!(u, v),
        (AnyRows::F64(u), AnyRows::F64(v)) => call!(u, v),
        _ => return Err(mixed(py, "u", "v")),
    };
    Ok(found.into_pyarray(py))
}

#[pyfunction]
fn mmd2(
    py: Python<'_>,
    x: Bound<'_, PyAny>,
    y: Bound<'_, PyAny>,
    gammas: Vec<f64>,
    unbiased: bool,
    combine: &str,
) -> PyResult<f64> {
    let estimator = if unbiased { Estimator::Unbiased } else { Estimator::Biased };
    let combine = choose(py, "combine", combine, &[("mean", Combine::Mean), ("sum", Combine::Sum)])?;
    macro_rules! call {
        ($x:ident, $y:ident) => {{
            let (x, y) = (view(py, "x", $x)?, view(py, "y", $y)?);
            enter(py, 1, |run| kernel::mmd2(x, y, &gammas, estimator, combine, run))
        }};
    }
    match (&rows("x", &x, 2)?, &rows("y", &y, 2)?) {
        (AnyRows::F16(x), AnyRows::F16(y)) => call!(x, y),
        (AnyRows::F32(x), AnyRows::F32(y)) => call!(x, y),
        (AnyRows::F64(x), AnyRows::F64(y)) => call!(x, y),
        _ => Err(mixed(py, "x", "y")),
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(vertex_pairs, module)?)?;
    module.add_function(wrap_pyfunction!(gaussian_similarity, module)?)?;
    module.add_function(wrap_pyfunction!(mmd2, module)?)
}
