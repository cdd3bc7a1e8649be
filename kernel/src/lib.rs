//! The kernel binary's decisions that need no hardware, tested on the host: which memory the kernel keeps for
//! itself, how interrupt lines are routed, how ticks become timer counts.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

pub mod lines;
pub mod memory;
pub mod ticks;
