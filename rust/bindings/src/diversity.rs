//! The incremental diversity filter as an object that holds its rows.

use half::f16;
use numpy::{IntoPyArray, PyArray1, PyArrayMethods, PyReadonlyArray1};
use pyo3::prelude::*;
use tracewarp_core::diversity::DiversityFilter as Filter;
use tracewarp_core::rows::Zero;

use crate::arrays::{AnyRows, numbers, rows, view, with_room};
use crate::door::{enter, raise};
use crate::options::{PyEffort, effort, zero};

type PyAccepted<'py> = (Bound<'py, PyArray1<bool>>, Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<f64>>, PyEffort);

/// The filter in the dtype of the widest rows that it has seen.
enum AnyFilter {
    F16(Filter<f16>),
    F32(Filter<f32>),
    F64(Filter<f64>),
}

/// Runs `$call` on the filter, whatever its dtype.
macro_rules! with_filter {
    ($filter:expr, |$inner:ident| $call:expr) => {
        match $filter {
            AnyFilter::F16($inner) => $call,
            AnyFilter::F32($inner) => $call,
            AnyFilter::F64($inner) => $call,
        }
    };
}

/// Keeps the rows that differ enough from every row kept before.
#[pyclass(module = "tracewarp._core")]
struct DiversityFilter {
    inner: AnyFilter,
}

#[pymethods]
impl DiversityFilter {
    #[new]
    fn new(py: Python<'_>, dim: usize, threshold: f64, zero: &str) -> PyResult<Self> {
        let filter = Filter::<f16>::new(dim, threshold, self::zero(py, zero)?).map_err(|error| raise(py, &error))?;
        Ok(Self { inner: AnyFilter::F16(filter) })
    }

    /// The filter that had accepted `rows` with arrival numbers `indices` after it had seen `seen` rows.
    #[staticmethod]
    fn restore(
        py: Python<'_>,
        threshold: f64,
        zero: &str,
        rows: &Bound<'_, PyAny>,
        indices: PyReadonlyArray1<'_, i64>,
        seen: usize,
    ) -> PyResult<Self> {
        let zero: Zero = self::zero(py, zero)?;
        let indices = numbers(py, &indices)?;
        macro_rules! restored {
            ($kind:path, $array:expr) => {{
                let rows = view(py, "rows", $array)?;
                $kind(enter(py, 1, |run| Filter::restore(threshold, zero, rows, &indices, seen, run))?)
            }};
        }
        let inner = match &crate::arrays::rows("rows", rows, 2)? {
            AnyRows::F16(array) => restored!(AnyFilter::F16, array),
            AnyRows::F32(array) => restored!(AnyFilter::F32, array),
            AnyRows::F64(array) => restored!(AnyFilter::F64, array),
        };
        Ok(Self { inner })
    }

    /// Judges rows of the filter's dtype, in order: accepted or not, witness, similarity, and what it took.
    fn add<'py>(&mut self, py: Python<'py>, rows: &Bound<'py, PyAny>, threads: usize) -> PyResult<PyAccepted<'py>> {
        let found = match (&mut self.inner, &self::rows("rows", rows, 2)?) {
            (AnyFilter::F16(filter), AnyRows::F16(array)) => {
                let rows = view(py, "rows", array)?;
                enter(py, threads, |run| filter.add(rows, run))?
            }
            (AnyFilter::F32(filter), AnyRows::F32(array)) => {
                let rows = view(py, "rows", array)?;
                enter(py, threads, |run| filter.add(rows, run))?
            }
            (AnyFilter::F64(filter), AnyRows::F64(array)) => {
                let rows = view(py, "rows", array)?;
                enter(py, threads, |run| filter.add(rows, run))?
            }
            _ => return Err(crate::arrays::mixed(py, "rows", "the filter (widen it first)")),
        };
        let (witness, similarity) = (found.witness.into_pyarray(py), found.similarity.into_pyarray(py));
        Ok((found.accepted.into_pyarray(py), witness, similarity, effort(found.effort)))
    }

    /// Holds its rows in a wider dtype from now on: "float32" or "float64".
    fn widen(&mut self, py: Python<'_>, dtype: &str) -> PyResult<()> {
        self.inner = match (&self.inner, dtype) {
            (AnyFilter::F16(filter), "float32") => AnyFilter::F32(enter(py, 1, |run| filter.widen(run))?),
            (AnyFilter::F16(filter), "float64") => AnyFilter::F64(enter(py, 1, |run| filter.widen(run))?),
            (AnyFilter::F32(filter), "float64") => AnyFilter::F64(enter(py, 1, |run| filter.widen(run))?),
            _ => return Ok(()),
        };
        Ok(())
    }

    /// Name of the dtype that the rows are held in.
    #[getter]
    fn dtype(&self) -> &'static str {
        match self.inner {
            AnyFilter::F16(_) => "float16",
            AnyFilter::F32(_) => "float32",
            AnyFilter::F64(_) => "float64",
        }
    }

    /// A copy of the accepted rows, `(len, dim)`.
    fn rows<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        with_filter!(&self.inner, |filter| {
            let rows = filter.rows();
            let array = copied(py, rows.data())?.into_pyarray(py).reshape([rows.len(), rows.dim()])?;
            Ok(array.into_any())
        })
    }

    /// Arrival numbers of the accepted rows, ascending.
    #[getter]
    fn indices<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<i64>>> {
        let indices = with_filter!(&self.inner, |filter| copied(py, filter.indices()))?;
        Ok(indices.into_pyarray(py))
    }

    /// Number of rows judged so far.
    #[getter]
    fn seen(&self) -> usize {
        with_filter!(&self.inner, |filter| filter.seen())
    }

    fn __len__(&self) -> usize {
        with_filter!(&self.inner, |filter| filter.len())
    }
}

/// A copy of what the filter holds.
fn copied<V: Copy + Send + Sync>(py: Python<'_>, values: &[V]) -> PyResult<Vec<V>> {
    let mut out = with_room(py, values.len(), "a copy of the accepted rows")?;
    enter(py, 1, |run| {
        for values in values.chunks(1 << 18) {
            run.check()?;
            out.extend_from_slice(values);
        }
        Ok(out)
    })
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<DiversityFilter>()
}
