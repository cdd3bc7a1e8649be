//! The root task: starts the system and supervises it.
#![no_std]
#![forbid(unsafe_code)]
