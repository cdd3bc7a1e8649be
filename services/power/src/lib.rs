//! Power-off and reset of a PC by ACPI's fixed hardware; and what else init reads in ACPI tables: where PCI configuration space
//! and the DMA remapping unit are.
//!
//! # Principles
//! - [`find_power_registers`] only reads firmware tables and decides which few ports matter; the root task calls it, mints
//!   authority over exactly those ports and hands them, with the values as an argument, to the power server.
//! - Firmware tables are a claim: every length, checksum and value is checked, and each way to be wrong has a typed error.
//!   (The `acpi` crate overlays structs on the tables and trusts their lengths; reading bytes through [`PhysicalRead`] needs no
//!   unsafe code and cannot leave a table.)
//! - AML is not interpreted. `\_S5`, the only object needed, is a constant package on every PC; it is found by its bytes
//!   and refused if it is anything else.
#![no_std]
#![forbid(unsafe_code)]

mod configuration_space;
mod control;
mod registers;
mod remapping;
mod sleep_state;
mod tables;

pub use configuration_space::{ConfigurationSpace, find_configuration_space};
pub use control::{PowerControl, ResetStep};
pub use registers::{ArgumentError, PortRange, PowerRegisters, ResetRegister, SmiCommand};
pub use remapping::find_remapping_unit;
pub use tables::{PhysicalRead, PowerError, Signature, Unreadable, find_power_registers};
