//! The driver against a register model of the chip, which does as it should, or whatever a test tells it to.

mod dialogue;
mod model;
mod samples;
