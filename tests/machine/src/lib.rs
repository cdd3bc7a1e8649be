//! Drives AIROX in QEMU: starts an image with the options given, talks to its serial line, presses keys,
//! takes screenshots, and says how the machine ended. Used by `xtask` and by the scenarios.
//!
//! # Principles
//! - **Every wait has an end.** Each method that waits takes a time limit, and its error shows the last serial lines.
//! - **The image is never changed.** QEMU runs on a snapshot, so runs do not influence each other.
//! - **No byte is lost.** Text is typed in small pieces, each after the echo of the one before.
//! - **A machine is owned.** Dropping it ends QEMU.
//!
//! ```no_run
//! use airox_machine::{Machine, Options};
//! use std::time::Duration;
//!
//! let mut machine = Machine::start(&Options::new("target/images/qemu.img"))?;
//! machine.wait_for_prompt(Duration::from_secs(60))?;
//! let processes = machine.command("ps", Duration::from_secs(10))?;
//! assert!(processes.contains("shell"));
//! # Ok::<(), airox_machine::MachineError>(())
//! ```
#![forbid(unsafe_code)]

mod data_disk;
mod error;
mod exit;
mod firmware;
mod folder;
mod keys;
mod machine;
mod options;
mod peer;
mod qmp;
mod scenario;
mod screenshot;
mod serial;
mod text;

pub use data_disk::make_data_disk;
pub use error::MachineError;
pub use exit::{Ending, Exit};
pub use firmware::{FirmwareFiles, find_firmware, find_program};
pub use machine::Machine;
pub use options::{Accelerator, Disk, Firmware, Options, QEMU};
pub use peer::Peer;
pub use qmp::{Event, Qmp};
pub use scenario::{Context, Scenario};
pub use screenshot::{Picture, Screenshot};
pub use text::plain_text;

/// What the shell prints when it waits for a command (colour codes may surround it).
pub const PROMPT: &str = "airox> ";
/// What the kernel prints first when it panics. Programs may print it too: how the machine ended tells what happened.
pub const PANIC: &str = "KERNEL PANIC";
/// The QMP socket, in the run directory, that is free for another program such as `xtask inspect`.
pub const INSPECT_SOCKET: &str = "inspect.sock";
