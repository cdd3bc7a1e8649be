//! Whether the system is alive: the watchdog is fed after everybody on whom everything rests has answered.
//!
//! # Principles
//! - **A feeding says that all have answered since the last one.** Who hangs keeps this program's call, which then feeds nobody: no judgement is needed for
//!   that, and none that could be wrong.
//! - **A server that died is asked again** in the next round, when it has been started anew. The watchdog's timeout is the patience with those who do not come
//!   back.
//! - **It is not urgent**: whoever keeps the processor from programs for longer than the timeout keeps this one from feeding.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate alloc;

mod options;
mod round;

pub use options::{BadOption, Options};
pub use round::{News, Question, Rounds};
