//! The arithmetic of tracewarp on borrowed slices: DTW alignment, decayed kernel scores, cosine clustering and
//! diversity filtering of embedded trajectories. No Python, no files, no clocks, no global state.
#![forbid(unsafe_code)]

pub mod align;
pub mod cost;
pub mod dtw;
pub mod kernel;
mod error;
pub mod ngrams;
pub mod rows;
pub mod vertex;
pub mod work;

pub use error::{Error, Result};
