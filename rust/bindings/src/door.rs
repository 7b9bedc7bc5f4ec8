//! The one door between Python and the core: leaves the interpreter, listens for Ctrl-C, maps errors.

use pyo3::prelude::*;
use pyo3::types::PyType;
use tracewarp_core::Error;
use tracewarp_core::work::Run;

/// Runs `call` detached from the interpreter on `threads` threads; Ctrl-C ends it with `KeyboardInterrupt`.
pub(crate) fn enter<R: Send>(
    py: Python<'_>,
    threads: usize,
    call: impl FnOnce(&mut Run<'_>) -> tracewarp_core::Result<R> + Send,
) -> PyResult<R> {
    let mut signal: Option<PyErr> = None;
    let result = py.detach(|| {
        let mut last = std::time::Instant::now();
        let mut stop = || {
            // Asking takes the interpreter's lock, which another thread may hold: not more often than this.
            if last.elapsed() < std::time::Duration::from_millis(20) {
                return signal.is_some();
            }
            last = std::time::Instant::now();
            if let Err(error) = Python::attach(|py| py.check_signals()) {
                signal = Some(error);
            }
            signal.is_some()
        };
        call(&mut Run::new(threads, &mut stop)?.within(crate::machine::available))
    });
    match (signal, result) {
        (Some(signal), _) => Err(signal),
        (None, Ok(value)) => Ok(value),
        (None, Err(error)) => Err(raise(py, &error)),
    }
}

/// The Python exception of a core error: a class of `tracewarp.errors` with the core's sentence.
pub(crate) fn raise(py: Python<'_>, error: &Error) -> PyErr {
    exception(py, class(error), error.to_string())
}

fn class(error: &Error) -> &'static str {
    match error {
        Error::InSequence { error, .. } => class(error),
        Error::Empty { .. } => "EmptyInputError",
        Error::Shape { .. } => "ShapeError",
        Error::NonFinite { .. } | Error::Magnitude { .. } => "NonFiniteError",
        Error::ZeroVector { .. } => "ZeroVectorError",
        Error::Offsets { .. } => "OffsetsError",
        Error::Option { .. } => "OptionError",
        Error::Index { .. } => "RowIndexError",
        Error::TooLarge { .. } => "TooLargeError",
        _ => "TracewarpError",
    }
}

/// An exception of `tracewarp.errors` by name.
pub(crate) fn exception(py: Python<'_>, name: &str, message: String) -> PyErr {
    let class = py
        .import("tracewarp.errors")
        .and_then(|errors| errors.getattr(name)?.cast_into::<PyType>().map_err(Into::into));
    match class {
        Ok(class) => PyErr::from_type(class, (message,)),
        Err(error) => error,
    }
}
