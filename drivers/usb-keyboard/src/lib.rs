//! A USB keyboard, by the boot protocol, and the interface `input` around it.
//!
//! Section numbers are those of the Device Class Definition for Human Interface Devices 1.11. A boot keyboard reports eight bytes whenever something
//! changes: a bit for each modifier, and up to six keys that are down (appendix B.1). It does not repeat keys; this driver does.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod events;
mod keyboard;
mod report;

pub use events::{Events, KEPT, MAX_WAITING};
pub use keyboard::{Broken, Keyboard, MEMORY};
pub use report::{DELAY_NS, Keys, PERIOD_NS, REPORT};
