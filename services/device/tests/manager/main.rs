//! The device manager against a model machine.

mod buses;
mod confinement;
mod devices;
mod drivers;
mod hotplug;
mod lines;
mod model;
