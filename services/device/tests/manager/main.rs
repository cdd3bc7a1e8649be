//! The device manager against a model machine.

mod buses;
mod devices;
mod drivers;
mod lines;
mod model;
