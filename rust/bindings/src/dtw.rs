//! Dynamic time warping.

use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use tracewarp_core::dtw::{self, Batch, Paths};

use crate::arrays::{AnyRows, mixed, numbers, ragged, rows, view};
use crate::door::enter;
use crate::options::{self, DtwOptions};

type PyBatch<'py> = (Bound<'py, PyArray1<f64>>, Option<PyPaths<'py>>);
type PyNeighbours<'py> = (Bound<'py, PyArray2<i64>>, Bound<'py, PyArray2<f64>>);
type PyPaths<'py> = (Bound<'py, PyArray2<i32>>, Bound<'py, PyArray1<i64>>);

/// A set of sequences: `(rows, offsets)`.
pub(crate) type PySet<'py> = (Bound<'py, PyAny>, PyReadonlyArray1<'py, i64>);

/// Calls `$body` with `$x` and `$y`, rows and offsets, as sets of one dtype.
macro_rules! with_sets {
    ($py:expr, $x_name:expr, $x:ident, $y_name:expr, $y:ident, $body:expr) => {
        with_sets!(@ $py, $x_name, $x, $y_name, $y, $body, F16 F32 F64)
    };
    (@ $py:expr, $x_name:expr, $x:ident, $y_name:expr, $y:ident, $body:expr, $($kind:ident)*) => {
        match (&$x.0, &$y.0) {
            $((AnyRows::$kind(x), AnyRows::$kind(y)) => {
                let ($x, $y) = (ragged($py, $x_name, x, &$x.1)?, ragged($py, $y_name, y, &$y.1)?);
                $body
            })*
            _ => return Err(mixed($py, $x_name, $y_name)),
        }
    };
}

/// Rows and offsets of a set.
fn opened<'py>(py: Python<'py>, argument: &'static str, set: &PySet<'py>) -> PyResult<(AnyRows<'py>, Vec<i64>)> {
    Ok((rows(argument, &set.0, 2)?, numbers(py, &set.1)?))
}

/// The indices of a batch.
pub(crate) fn pair_list(flat: &[i64]) -> &[[i64; 2]] {
    flat.as_chunks::<2>().0
}

/// Paths as numpy arrays: `(k, 2)` cells and offsets, without a copy.
pub(crate) fn paths_out(py: Python<'_>, paths: Paths) -> PyResult<PyPaths<'_>> {
    let cells = paths.cells.len();
    let flat: Vec<i32> = paths.cells.into_flattened();
    Ok((flat.into_pyarray(py).reshape([cells, 2])?, paths.offsets.into_pyarray(py)))
}

fn batch_out(py: Python<'_>, batch: Batch) -> PyResult<PyBatch<'_>> {
    let paths = batch.paths.map(|paths| paths_out(py, paths)).transpose()?;
    Ok((batch.distances.into_pyarray(py), paths))
}

/// A batch of one, which needs neither offsets nor a list of pairs.
#[pyfunction]
fn dtw_pair<'py>(
    py: Python<'py>,
    x: Bound<'py, PyAny>,
    y: Bound<'py, PyAny>,
    paths: bool,
    options: DtwOptions<'_>,
    threads: usize,
) -> PyResult<(f64, Option<Bound<'py, PyArray2<i32>>>)> {
    let options = options::dtw(py, options)?;
    let (x, y) = (rows("x", &x, 2)?, rows("y", &y, 2)?);
    let offsets = [[0, x.steps()], [0, y.steps()]];
    let (x, y) = ((x, offsets[0]), (y, offsets[1]));
    let batch = with_sets!(py, "x", x, "y", y, {
        enter(py, threads, |run| dtw::dtw_pairs(x, y, &[[0, 0]], paths, &options, run))?
    });
    let path = batch.paths.map(|paths| paths_out(py, paths)).transpose()?;
    Ok((batch.distances[0], path.map(|(cells, _)| cells)))
}

#[pyfunction]
fn dtw_pairs<'py>(
    py: Python<'py>,
    xs: PySet<'py>,
    ys: PySet<'py>,
    pairs: PyReadonlyArray2<'py, i64>,
    paths: bool,
    options: DtwOptions<'_>,
    threads: usize,
) -> PyResult<PyBatch<'py>> {
    let options = options::dtw(py, options)?;
    let pairs = numbers(py, &pairs)?;
    let pairs = pair_list(&pairs);
    let (xs, ys) = (opened(py, "xs", &xs)?, opened(py, "ys", &ys)?);
    let batch = with_sets!(py, "xs", xs, "ys", ys, {
        enter(py, threads, |run| dtw::dtw_pairs(xs, ys, pairs, paths, &options, run))?
    });
    batch_out(py, batch)
}

#[pyfunction]
fn dtw_from_costs<'py>(py: Python<'py>, costs: Bound<'py, PyAny>, options: DtwOptions<'_>) -> PyResult<PyBatch<'py>> {
    let options = options::dtw(py, options)?;
    let batch = match rows("costs", &costs, 2)? {
        AnyRows::F16(costs) => {
            let costs = view(py, "costs", &costs)?;
            enter(py, 1, |run| dtw::dtw_from_costs(costs, &options, run))?
        }
        AnyRows::F32(costs) => {
            let costs = view(py, "costs", &costs)?;
            enter(py, 1, |run| dtw::dtw_from_costs(costs, &options, run))?
        }
        AnyRows::F64(costs) => {
            let costs = view(py, "costs", &costs)?;
            enter(py, 1, |run| dtw::dtw_from_costs(costs, &options, run))?
        }
    };
    batch_out(py, batch)
}

#[pyfunction]
fn dtw_matrix<'py>(
    py: Python<'py>,
    xs: PySet<'py>,
    ys: Option<PySet<'py>>,
    options: DtwOptions<'_>,
    threads: usize,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let options = options::dtw(py, options)?;
    let own = ys.is_none();
    let ys = ys.unwrap_or_else(|| (xs.0.clone(), xs.1.clone()));
    let (xs, ys) = (opened(py, "xs", &xs)?, opened(py, "ys", &ys)?);
    let (values, shape) = with_sets!(py, "xs", xs, "ys", ys, {
        let columns = if own { None } else { Some(ys) };
        (enter(py, threads, |run| dtw::dtw_matrix(xs, columns, &options, run))?, [xs.len(), ys.len()])
    });
    values.into_pyarray(py).reshape(shape)
}

#[pyfunction]
fn dtw_nearest<'py>(
    py: Python<'py>,
    xs: PySet<'py>,
    ys: PySet<'py>,
    k: usize,
    options: DtwOptions<'_>,
    threads: usize,
) -> PyResult<PyNeighbours<'py>> {
    let options = options::dtw(py, options)?;
    let (xs, ys) = (opened(py, "xs", &xs)?, opened(py, "ys", &ys)?);
    let (found, n) = with_sets!(py, "xs", xs, "ys", ys, {
        (enter(py, threads, |run| dtw::dtw_nearest(xs, ys, k, &options, run))?, xs.len())
    });
    let indices = found.indices.into_pyarray(py).reshape([n, k])?;
    Ok((indices, found.distances.into_pyarray(py).reshape([n, k])?))
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(dtw_pair, module)?)?;
    module.add_function(wrap_pyfunction!(dtw_pairs, module)?)?;
    module.add_function(wrap_pyfunction!(dtw_from_costs, module)?)?;
    module.add_function(wrap_pyfunction!(dtw_matrix, module)?)?;
    module.add_function(wrap_pyfunction!(dtw_nearest, module)?)
}
