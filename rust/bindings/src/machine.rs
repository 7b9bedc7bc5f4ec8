//! What the binary knows of the machine it runs on.

use pyo3::prelude::*;

/// Name of the instruction set that the kernels use on this machine.
#[pyfunction]
fn instruction_set() -> &'static str {
    "portable"
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(instruction_set, module)?)
}
