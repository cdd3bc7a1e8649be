//! A CAN controller: frames of CAN 2.0 (ISO 11898-1, classic format), and how a node is at its bus.
//!
//! # Principles
//! - Frames and the non-blocking calls are those of `embedded-can`; what it leaves open is in [`CanController`]: interrupts, the state of fault
//!   confinement, and the way back from bus-off.
//! - A controller repeats a frame by itself until another node acknowledges it; how long that may take is decided by whoever waits.
//! - A node that has gone off the bus stays off until somebody asks it back: it was disturbing others.

mod frame;
mod timing;

use core::fmt;
use serde::{Deserialize, Serialize};

pub use embedded_can::{ExtendedId, Frame, Id, StandardId, nb as can_nb};
pub use frame::{CanFrame, MAX_DATA};
pub use nb;
pub use timing::{BitTiming, TimingLimits};

/// The state of fault confinement (ISO 11898-1, section 10.11), and the warning before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CanState {
    /// Error active: few errors or none.
    Active,
    /// Still error active, but one of the error counters is at least the warning limit, 96.
    Warning,
    /// Error passive: one of the counters is at least 128; the node disturbs nobody's frames any more.
    Passive,
    /// The transmit error counter was more than 255; the node takes no part in the bus.
    BusOff,
}

impl CanState {
    /// For people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            CanState::Active => "active",
            CanState::Warning => "warning",
            CanState::Passive => "passive",
            CanState::BusOff => "bus-off",
        }
    }
}

/// The error counters of fault confinement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ErrorCounters {
    /// Of transmission.
    pub transmit: u16,
    /// Of reception.
    pub receive: u16,
}

/// What a controller cannot do, or lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CanFault {
    /// The node is off the bus.
    BusOff,
    /// A frame was given up before any other node acknowledged it.
    GivenUp,
    /// Frames came faster than they were taken; some are lost.
    Overrun,
    /// The device says something that no such device says.
    Impossible,
}

impl fmt::Display for CanFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            CanFault::BusOff => "the node is off the bus",
            CanFault::GivenUp => "the frame was given up before a node acknowledged it",
            CanFault::Overrun => "frames were lost",
            CanFault::Impossible => "the controller makes no sense",
        })
    }
}

impl core::error::Error for CanFault {}

impl embedded_can::Error for CanFault {
    fn kind(&self) -> embedded_can::ErrorKind {
        match self {
            CanFault::Overrun => embedded_can::ErrorKind::Overrun,
            CanFault::GivenUp => embedded_can::ErrorKind::Acknowledge,
            CanFault::BusOff | CanFault::Impossible => embedded_can::ErrorKind::Other,
        }
    }
}

/// A controller, one frame at a time.
///
/// `transmit` takes a frame if none is on its way, and never gives one back; `receive` gives the oldest frame, and [`CanFault::Overrun`] once where frames
/// are missing.
pub trait CanController: can_nb::Can<Frame = CanFrame, Error = CanFault> {
    /// What it is, in a few words.
    fn model(&self) -> &'static str;

    /// Takes note of what the device reports, which ends its interrupt but for frames to be received. Returns what became of the frame that was
    /// on its way, once.
    fn service(&mut self) -> Option<Result<(), CanFault>>;

    /// Gives up the frame that is on its way; what became of it [`CanController::service`] tells.
    fn give_up(&mut self);

    /// How the node is at its bus.
    fn state(&mut self) -> CanState;

    /// Its error counters.
    fn counters(&mut self) -> ErrorCounters;

    /// Begins the way back from bus-off: 128 times 11 recessive bits later the node is active again.
    fn recover(&mut self);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_have_their_kinds() {
        use embedded_can::{Error, ErrorKind};
        assert_eq!(CanFault::Overrun.kind(), ErrorKind::Overrun);
        assert_eq!(CanFault::GivenUp.kind(), ErrorKind::Acknowledge);
        assert_eq!(CanFault::BusOff.kind(), ErrorKind::Other);
    }
}
