//! The power server: ACPI power-off and reset.
#![no_std]
#![forbid(unsafe_code)]
