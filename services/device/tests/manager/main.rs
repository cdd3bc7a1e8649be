//! The device manager against a model machine.

mod devices;
mod drivers;
mod model;
