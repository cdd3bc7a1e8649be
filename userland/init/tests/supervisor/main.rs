//! Init's supervisor against a model of the kernel.

mod life;
mod plan;
mod requests;
mod resources;
mod support;
