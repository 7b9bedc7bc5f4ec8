//! Arrays at the border: which dtype, how many axes, contiguous or not; by argument name.

use half::f16;
use numpy::{Element, PyArrayDyn, PyArrayMethods, PyReadonlyArray, PyReadonlyArrayDyn, PyUntypedArray};
use numpy::{PyUntypedArrayMethods, ndarray::Dimension};
use pyo3::prelude::*;
use tracewarp_core::Error;
use tracewarp_core::rows::{Ragged, Rows, Scalar};

use crate::door::{exception, raise};

/// A matrix of rows as it lies in numpy's memory.
pub(crate) enum AnyRows<'py> {
    F16(PyReadonlyArrayDyn<'py, f16>),
    F32(PyReadonlyArrayDyn<'py, f32>),
    F64(PyReadonlyArrayDyn<'py, f64>),
}

impl AnyRows<'_> {
    /// Rows of the matrix, as the end of a sequence.
    pub(crate) fn steps(&self) -> i64 {
        let shape = match self {
            Self::F16(array) => array.shape(),
            Self::F32(array) => array.shape(),
            Self::F64(array) => array.shape(),
        };
        shape.first().map_or(0, |&rows| rows.cast_signed() as i64)
    }
}

/// Reads `value` as a C-contiguous array of floats with `axes` axes.
pub(crate) fn rows<'py>(argument: &'static str, value: &Bound<'py, PyAny>, axes: usize) -> PyResult<AnyRows<'py>> {
    let py = value.py();
    let Ok(array) = value.cast::<PyUntypedArray>() else {
        let got = value.get_type().name()?;
        let message = format!("{argument}: expected a numpy array of float16, float32 or float64, got {got}");
        return Err(exception(py, "DtypeError", message));
    };
    if array.ndim() != axes {
        let message = format!("{argument}: expected {axes} axes, got shape {:?}", array.shape());
        return Err(exception(py, "ShapeError", message));
    }
    if !array.is_c_contiguous() {
        let message = format!("{argument}: expected C-contiguous rows (numpy.ascontiguousarray makes them)");
        return Err(exception(py, "LayoutError", message));
    }
    if !array.is_aligned() {
        let message = format!("{argument}: expected aligned numbers (a copy of the array is aligned)");
        return Err(exception(py, "LayoutError", message));
    }
    if let Ok(array) = value.cast::<PyArrayDyn<f32>>() {
        return Ok(AnyRows::F32(array.try_readonly()?));
    }
    if let Ok(array) = value.cast::<PyArrayDyn<f64>>() {
        return Ok(AnyRows::F64(array.try_readonly()?));
    }
    if let Ok(array) = value.cast::<PyArrayDyn<f16>>() {
        return Ok(AnyRows::F16(array.try_readonly()?));
    }
    let message = format!("{argument}: expected float16, float32 or float64, got {}", array.dtype());
    Err(exception(py, "DtypeError", message))
}

/// The core's view of a checked matrix.
pub(crate) fn view<'a, T: Element + Scalar>(
    py: Python<'_>,
    argument: &'static str,
    array: &'a PyReadonlyArrayDyn<'_, T>,
) -> PyResult<Rows<'a, T>> {
    let dim = array.shape().last().copied().unwrap_or(0);
    Rows::new(argument, array.as_slice()?, dim).map_err(|error| raise(py, &error))
}

/// The core's view of a ragged set.
pub(crate) fn ragged<'a, T: Element + Scalar>(
    py: Python<'_>,
    argument: &'static str,
    array: &'a PyReadonlyArrayDyn<'_, T>,
    offsets: &'a [i64],
) -> PyResult<Ragged<'a, T>> {
    Ragged::new(argument, view(py, argument, array)?, offsets).map_err(|error| raise(py, &error))
}

/// A copy of whole numbers that decide where the core reads. They are read once, before the interpreter is left: another
/// thread may write to the array meanwhile, and what was checked must be what is used.
pub(crate) fn numbers<D: Dimension>(py: Python<'_>, array: &PyReadonlyArray<'_, i64, D>) -> PyResult<Vec<i64>> {
    let values = array.as_slice()?;
    let mut out = with_room(py, values.len(), "the whole numbers of an array")?;
    out.extend_from_slice(values);
    Ok(out)
}

/// An empty vector with room for `len` values.
pub(crate) fn with_room<V>(py: Python<'_>, len: usize, what: &'static str) -> PyResult<Vec<V>> {
    let mut out = Vec::new();
    let bytes = len as u128 * size_of::<V>() as u128;
    out.try_reserve_exact(len).map_err(|_| raise(py, &Error::TooLarge { what, bytes }))?;
    Ok(out)
}

/// The message where two arrays that belong together have different dtypes (Python promotes before it calls).
pub(crate) fn mixed(py: Python<'_>, first: &str, second: &str) -> PyErr {
    exception(py, "DtypeError", format!("{first} and {second}: expected one dtype for both"))
}
