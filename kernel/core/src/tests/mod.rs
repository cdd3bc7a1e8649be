//! The kernel's logic against a model machine. The same behaviour is tried again on the real machine by `tests/kernel-suite`.

mod budgets;
mod capabilities;
mod ends;
mod faults;
mod lending;
mod memory;
mod messages;
mod model;
mod processors;
mod scheduling;
mod storm;
mod trace;
