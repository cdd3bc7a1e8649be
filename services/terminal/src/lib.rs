//! Terminal logic shared by the console drivers. It does no I/O; the drivers around it only wire.
//!
//! # Principles
//! - [`Console`] is what every console does: line discipline, queues, deferred calls, Ctrl-C. A driver feeds it input bytes and
//!   takes output bytes away; a serial driver sends them, a screen driver gives them to a [`Screen`].
//! - Output is never lost and the server never blocks: what does not fit stays in its caller's memory, and the call stays
//!   open, until there is room. Echo is the exception, as nobody waits for it: it has a reserve of its own and is dropped past it.
//! - [`ConsoleServer`] serves the `console` interface for any [`ConsoleDevice`].
//! - Bytes from clients and from the line are hostile: any sequence leaves every invariant intact (see the property tests).
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod calls;
mod cell;
mod colour;
mod console;
mod discipline;
mod grid;
mod output;
mod screen;
mod server;
mod vt100;

pub use calls::{CallRefused, FlushCall, Gone, Progress, ReadCall, WriteCall};
pub use cell::{Attributes, Cell};
pub use colour::rgb;
pub use console::{Console, Interrupt, MAX_INTERRUPTS, MAX_READS, MAX_WRITE_LENGTH, MAX_WRITES};
pub use discipline::{Mode, READY_CAPACITY};
pub use screen::{MAX_COLUMNS, MAX_ROWS, Screen, ScreenTooLarge};
pub use server::{
    AGAIN, ClientInterrupt, ConsoleDevice, ConsoleServer, SavedFlush, SavedRead, SavedWrite, ServedConsole,
};
