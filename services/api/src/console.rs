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
    /// Too many calls wait for this console already.
    Busy,
    /// The text is too long for one call.
    TooLong,
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
            ConsoleError::Busy => "too many calls wait for this console",
            ConsoleError::TooLong => "the text is too long for one call",
            ConsoleError::BadBuffer => "buffer not accessible",
            ConsoleError::Interrupted => "interrupted",
            ConsoleError::Device => "console device failed",
        })
    }
}

/// The console server.
///
/// Several programs may write: each write appears whole, in the order of the calls. Reads are answered in the order of the calls
/// too, so a shell does not read while its foreground program runs. Mode and Ctrl-C belong to the console, not to a client; a shell sets
/// them again when its program has ended.
#[interface(name = "console")]
pub trait Console {
    /// Writes bytes (UTF-8 text with ANSI sequences; a line feed starts a new line). Answers when the console has taken all of them,
    /// and returns how many that are.
    #[deferred]
    fn write(bytes: &[u8]) -> Result<u32, ConsoleError>;

    /// Reads at least one byte and at most the buffer; answers when there is input. Returns how many; 0 is the end of input (Ctrl-D
    /// in cooked mode).
    #[deferred]
    fn read(bytes: &mut [u8]) -> Result<u32, ConsoleError>;

    /// The size now.
    #[inline_reply]
    fn size() -> Result<Size, ConsoleError>;

    /// Chooses what is done with input from now on.
    fn set_mode(mode: Mode) -> Result<(), ConsoleError>;

    /// Has `bits` of `signal` notified at each Ctrl-C; replaces the signal this client (this badge) set before; a
    /// program with a delegated handle is another client than the shell that started it. Ctrl-C then discards
    /// what was typed ahead; in raw mode, the byte 3 goes only to a program that waits in `read` at that moment. `None` removes the
    /// signal; with none left, Ctrl-C is a byte like any other in raw mode.
    fn interrupt_signal(#[rights(SEND)] signal: Option<Signal>, bits: u64) -> Result<(), ConsoleError>;

    /// Answers when all that was written before is on the wire, or on the screen.
    #[deferred]
    fn flush() -> Result<(), ConsoleError>;
}
