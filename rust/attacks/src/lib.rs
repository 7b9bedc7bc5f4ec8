//! Nothing: the attacks are tests, see `tests/`.
#![forbid(unsafe_code)]
