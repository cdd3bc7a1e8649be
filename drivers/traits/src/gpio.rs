//! Single lines, in and out: the traits are those of `embedded-hal`, so drivers of chips written for it work on any lines here.
//!
//! Lines that there are: those for modem control of each serial port (`airox_uart16550::Lines`).

pub use embedded_hal::digital::{Error, ErrorKind, ErrorType, InputPin, OutputPin, PinState, StatefulOutputPin};
