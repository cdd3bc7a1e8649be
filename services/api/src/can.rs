//! A CAN bus, through one controller: frames out, frames and what befalls the node in.
//!
//! What comes in is numbered, for all clients alike: a client that asks for what comes after the number it knows misses nothing, unless it is so late that
//! the driver has forgotten it, which the numbers show. Numbers begin anew when a driver is restarted.

use airox_api_macros::interface;
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

pub use airox_driver_traits::can::{CanFault, CanFrame, CanState, ErrorCounters, Frame, StandardId};

/// Most events in one answer.
pub const MAX_EVENTS: usize = 64;

/// What came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A frame of another node.
    Frame(CanFrame),
    /// The node's state changed.
    State(CanState),
    /// Something is missing here, or made no sense.
    Fault(CanFault),
}

/// Events in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// Number of the first event; that of the next to come if there is none. Greater than asked for if some are forgotten.
    pub first: u64,
    /// When each was noticed, in nanoseconds since boot, and what it is.
    pub events: Vec<(u64, Event)>,
}

/// A controller, and what was counted since its driver started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The chip.
    pub model: String,
    /// Bits a second.
    pub bit_rate: u32,
    /// How the node is at its bus.
    pub state: CanState,
    /// Its error counters.
    pub counters: ErrorCounters,
    /// Frames that other nodes acknowledged.
    pub sent: u64,
    /// Frames that could not be sent.
    pub failed: u64,
    /// Frames that came.
    pub received: u64,
    /// Times that frames were lost because they came faster than they were taken.
    pub overruns: u64,
    /// Frames that made no sense.
    pub malformed: u64,
}

/// What is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CanError {
    /// The frame was not sent.
    Failed(CanFault),
    /// Too many calls wait.
    Busy,
    /// The handle names no controller of the board.
    NoSuchController,
}

impl core::fmt::Display for CanError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            CanError::Failed(fault) => fault.fmt(formatter),
            CanError::Busy => formatter.write_str("too many calls wait for this controller"),
            CanError::NoSuchController => formatter.write_str("the board has no such controller"),
        }
    }
}

impl core::error::Error for CanError {}

/// A CAN controller; which of a board's, the handle's badge says.
#[interface(name = "can")]
pub trait Can {
    /// The controller, and what was counted.
    fn status() -> Result<Status, CanError>;

    /// Sends a frame; answered when another node has acknowledged it, or none did in a second.
    #[deferred]
    fn send(frame: CanFrame) -> Result<(), CanError>;

    /// What came after the event of this number, up to [`MAX_EVENTS`], as soon as there is any; `u64::MAX` is answered at once with none, and with
    /// the number of the next. A client's second call ends its first with `Busy`.
    #[deferred]
    fn next(after: u64) -> Result<News, CanError>;

    /// Begins the way back from bus-off; whether it succeeded is told as an event.
    fn recover() -> Result<(), CanError>;
}
