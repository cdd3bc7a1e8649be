//! A USB keyboard, by the boot protocol.
//!
//! Section numbers are those of the Device Class Definition for Human Interface Devices 1.11. A boot keyboard reports eight bytes whenever something
//! changes: a bit for each modifier, and up to six keys that are down (appendix B.1). It does not repeat keys; this driver does.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod keyboard;
mod report;

pub use keyboard::{Broken, Keyboard, MEMORY};
pub use report::{Keys, REPORT};
