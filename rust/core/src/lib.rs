//! The arithmetic of tracewarp on borrowed slices: DTW alignment, decayed kernel scores, cosine clustering and
//! diversity filtering of embedded trajectories. No Python, no files, no clocks, no global state.
#![deny(unsafe_code)]

pub mod align;
mod batch;
pub mod cluster;
pub mod cosine;
pub mod cost;
pub mod diversity;
pub mod dtw;
mod error;
mod judge;
pub mod kernel;
mod matrix;
mod memory;
pub mod ngrams;
mod pair;
mod pulse;
pub mod rows;
mod screen;
#[expect(unsafe_code, reason = "kernels: registers are loaded by address")]
mod simd;
mod tiles;
pub mod vertex;
pub mod work;

pub use error::{Error, Result};
pub use screen::Effort;
pub use simd::Isa;
