//! The binary module `tracewarp._core`: numpy views in, core out. Every entry checks by argument name, leaves the
//! interpreter, calls the core, and wraps the result. Nothing here computes.
#![forbid(unsafe_code)]

mod arrays;
mod cluster;
mod cosine;
mod diversity;
mod door;
mod dtw;
mod machine;
mod ngrams;
mod options;
mod vertex;

use half::f16;
use numpy::{IntoPyArray, PyArrayMethods};
use pyo3::prelude::*;

/// The compiled core of tracewarp; use `tracewarp.metrics` instead.
#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    prepare(module.py())?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    dtw::register(module)?;
    vertex::register(module)?;
    machine::register(module)?;
    ngrams::register(module)?;
    cosine::register(module)?;
    cluster::register(module)?;
    diversity::register(module)?;
    Ok(())
}

/// Makes the first arrays, so that no later call has to find numpy's functions: a Ctrl-C that comes while that runs
/// Python code would be a panic.
fn prepare(py: Python<'_>) -> PyResult<()> {
    // Here an interruption is an exception like any other.
    py.import("numpy.lib")?;
    let first = || {
        Python::attach(|py| {
            vec![f16::ZERO].into_pyarray(py).try_readonly()?;
            vec![0.0f32].into_pyarray(py).try_readonly()?;
            vec![0.0f64].into_pyarray(py).try_readonly()?;
            vec![0i32].into_pyarray(py).try_readonly()?;
            vec![0i64].into_pyarray(py).try_readonly()?;
            vec![false].into_pyarray(py).try_readonly()?;
            Ok(())
        })
    };
    // Python handles signals in the main thread alone, so that none is handled in this one.
    py.detach(|| std::thread::scope(|scope| scope.spawn(first).join()))
        .unwrap_or_else(|_| Err(pyo3::exceptions::PyImportError::new_err("numpy's functions could not be found")))
}
