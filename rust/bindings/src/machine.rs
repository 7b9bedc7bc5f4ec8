//! What the binary knows of the machine it runs on.

use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use tracewarp_core::Isa;

/// Name of the instruction set that the kernels use on this machine.
#[pyfunction]
fn instruction_set() -> &'static str {
    Isa::best().name()
}

/// How many threads this process may use: its CPUs by affinity and cgroup quota, at least 1.
#[pyfunction]
fn available_threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Bytes of memory that this process may still take, as `tracewarp.metrics.machine` finds them; None where nobody knows.
/// Asked seldom, by any thread of a call that has left the interpreter.
pub(crate) fn available() -> Option<u64> {
    Python::attach(|py| {
        let found = py.import("tracewarp.metrics.machine").and_then(|machine| machine.call_method0("available_memory"));
        match found {
            Ok(bytes) => bytes.extract().ok()?,
            Err(error) => {
                // A Ctrl-C that came meanwhile is kept for the next question whether to stop.
                if error.is_instance_of::<PyKeyboardInterrupt>(py) {
                    py.import("_thread").and_then(|thread| thread.call_method0("interrupt_main")).ok()?;
                }
                None
            }
        }
    })
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(instruction_set, module)?)?;
    module.add_function(wrap_pyfunction!(available_threads, module)?)
}
