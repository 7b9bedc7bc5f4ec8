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

use pyo3::prelude::*;

/// The compiled core of tracewarp; use `tracewarp.metrics` instead.
#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
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
