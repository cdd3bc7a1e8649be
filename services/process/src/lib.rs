//! The process server: spawns programs from the bundle with chosen grants.
#![no_std]
#![forbid(unsafe_code)]
