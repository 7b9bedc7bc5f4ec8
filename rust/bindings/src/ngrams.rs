//! Texts of Python, read in place, into rows.

use numpy::{PyArray1, PyArray2, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

use crate::arrays::with_room;
use crate::door::{enter, exception};

/// Embeds texts by their hashed n-grams: `(len(texts), dim)` float32, rows of length 1.
#[pyfunction]
fn hash_ngrams<'py>(
    py: Python<'py>,
    texts: &Bound<'py, PyList>,
    dim: usize,
    threads: usize,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let mut strings = with_room(py, texts.len(), "the list of texts")?;
    for (index, text) in texts.iter().enumerate() {
        let Ok(string) = text.cast_into::<PyString>() else {
            return Err(exception(
                py,
                "InputError",
                format!("texts: expected strings, got something else at index {index}"),
            ));
        };
        strings.push(string);
    }
    let mut borrowed = with_room(py, strings.len(), "the list of texts")?;
    for (index, string) in strings.iter().enumerate() {
        let Ok(text) = string.to_str() else {
            let message =
                format!("texts: the text at index {index} holds a lone surrogate, which no encoding can write");
            return Err(exception(py, "InputError", message));
        };
        borrowed.push(text);
    }
    let rows = enter(py, threads, |run| tracewarp_core::ngrams::hash_ngrams(&borrowed, dim, run))?;
    PyArray1::from_vec(py, rows).reshape([borrowed.len(), dim])
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(hash_ngrams, module)?)
}
