//! DTW, VERTEX_DTW and MMD against textbook code that shares nothing with them, and by the relations they must obey.

mod errors;
mod exhaustive;
mod extremes;
mod golden;
mod isas;
mod kernels;
mod oracle;
mod properties;
mod running;
mod sets;
mod sizes;
mod vertex;
