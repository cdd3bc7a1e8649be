//! A console: a person's keyboard and screen, wherever those are.

use airox_api_macros::interface;
use airox_sys::Signal;
use serde::{Deserialize, Serialize};

/// What a console does with input before a program reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// Bytes as they come, no echo.
    Raw,
    /// Whole lines, with echo and simple editing.
    Cooked,
}

/// Size of a console.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Characters in a row.
    pub columns: u16,
    /// Rows.
    pub rows: u16,
}

/// What a console refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConsoleError {
    /// The handle may not do this.
    NotAllowed,
    /// Somebody else reads already.
    Busy,
    /// The lease could not be accessed.
    BadBuffer,
    /// The wait for input was ended by an interrupt (Ctrl-C).
    Interrupted,
    /// The device failed or is gone.
    Device,
}

impl core::fmt::Display for ConsoleError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str(match self {
            ConsoleError::NotAllowed => "not allowed",
            ConsoleError::Busy => "another program reads this console",
            ConsoleError::BadBuffer => "buffer not accessible",
            ConsoleError::Interrupted => "interrupted",
            ConsoleError::Device => "console device failed",
        })
    }
}

/// The console server.
#[interface(name = "console")]
pub trait Console {
    /// Writes bytes (UTF-8 text with ANSI sequences). Returns how many were taken: all, unless the device failed.
    fn write(bytes: &[u8]) -> Result<u32, ConsoleError>;

    /// Reads at least one byte and at most the buffer; answers when there is input. Returns how many.
    #[deferred]
    fn read(bytes: &mut [u8]) -> Result<u32, ConsoleError>;

    /// The size now.
    #[inline_reply]
    fn size() -> Result<Size, ConsoleError>;

    /// Chooses what is done with input from now on.
    fn set_mode(mode: Mode) -> Result<(), ConsoleError>;

    /// Has `bits` of `signal` notified at each Ctrl-C instead of passing the byte on; replaces the signal set before. `None`
    /// passes Ctrl-C on as a byte again.
    fn interrupt_signal(
        #[rights(SEND)] signal: Option<Signal>,
        bits: u64,
    ) -> Result<(), ConsoleError>;
}
