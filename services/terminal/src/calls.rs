//! A client's call that the server answers later, as the console sees it.

use core::fmt;

/// The client died, or took back what it lent; its call is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

/// Why a call was answered without being served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallRefused {
    /// Too many calls of this kind already wait.
    Busy,
    /// The write is longer than one call may be ([`crate::MAX_WRITE_LENGTH`]).
    TooLong,
    /// The client's memory could not be read.
    Unreadable,
}

impl fmt::Display for CallRefused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            CallRefused::Busy => "too many calls wait for this console",
            CallRefused::TooLong => "the text is too long for one call",
            CallRefused::Unreadable => "the text's memory is not readable",
        })
    }
}

/// A write: text in the client's memory, copied when there is room for it.
pub trait WriteCall {
    /// Bytes of text.
    fn length(&self) -> usize;

    /// Copies text from `offset` on; `buffer` never reaches past the end.
    ///
    /// # Errors
    /// [`Gone`]; the call is then dropped.
    fn fetch(&mut self, offset: usize, buffer: &mut [u8]) -> Result<(), Gone>;

    /// Ends the call: everything was taken, or nothing will be.
    fn answer(self, result: Result<(), CallRefused>);
}

/// A read: room in the client's memory, filled when there is input.
pub trait ReadCall {
    /// Bytes of room.
    fn length(&self) -> usize;

    /// Whether the client still waits.
    fn is_alive(&self) -> bool;

    /// Ends the call with input, at most [`Self::length`] bytes; none means end of input.
    ///
    /// # Errors
    /// [`Gone`]; the input then goes to the next reader.
    fn deliver(self, bytes: &[u8]) -> Result<(), Gone>;

    /// Ends the call without input.
    fn refuse(self, why: CallRefused);
}

/// A flush: answered when all output before it has left the machine.
pub trait FlushCall {
    /// Ends the call.
    fn answer(self, result: Result<(), CallRefused>);
}

/// Whether a call of a driver did all there was to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "unfinished work gets no new interrupt"]
pub enum Progress {
    /// The next interrupt or client brings more.
    Done,
    /// Serve the clients that wait, then let the driver go on.
    More,
}
