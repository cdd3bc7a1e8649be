//! The kernel binary's host-testable helpers.
#![no_std]
