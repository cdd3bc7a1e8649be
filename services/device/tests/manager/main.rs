//! The device manager against a model machine.

mod buses;
mod devices;
mod drivers;
mod hotplug;
mod lines;
mod model;
