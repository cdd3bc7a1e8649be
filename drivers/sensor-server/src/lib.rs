//! Sensors and actuators on serial lines, and the servers of the interfaces `sensor` and `actuator`.
//!
//! # Principles
//! - **A device's protocol knows neither the line nor the clients.** It gets bytes and the time, and gives bytes, readings and the time
//!   when it wants to be called again ([`Protocol`]); so it is tested on the host, byte by byte and nanosecond by nanosecond.
//! - **Whether there is a reading is decided in one place** ([`Condition`]), by time: a sensor that falls silent is told by a timer, and
//!   nobody polls.
//! - **The line is hostile**: one call does a bounded amount of work whatever arrives, so clients are served during a flood.
//! - **A client that dies or floods costs the others nothing**: each may have a few calls waiting, and no more.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(any(test, feature = "testing"))]
extern crate std;

mod actuator_server;
#[cfg(test)]
mod actuator_tests;
mod condition;
mod line;
mod options;
#[cfg(feature = "guest")]
pub mod program;
mod server;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;

pub use actuator_server::{ActuatorServer, MAX_COMMANDS, MAX_COMMANDS_OF_ONE};
pub use condition::{Condition, Fault};
pub use line::{Exchange, Protocol, SerialSensor};
pub use options::{BadOption, LineOptions};
pub use server::{MAX_WAITING, MAX_WAITING_OF_ONE, SensorServer};
