//! What `xtask test scenarios` runs: named functions that boot the image and use it.

use std::path::PathBuf;

use crate::{Accelerator, Machine, MachineError, Options};

/// One scenario.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// Its name, for `--filter` and the report.
    pub name: &'static str,
    /// Plays it. The error says in words what was wrong.
    pub run: fn(&Context) -> Result<(), String>,
}

/// What a scenario is given.
#[derive(Clone, Debug)]
pub struct Context {
    /// The disk image of the system under test.
    pub image: PathBuf,
    /// How QEMU executes the guest.
    pub accelerator: Accelerator,
}

impl Context {
    /// Options for a machine that boots the image by BIOS; change them as the scenario needs.
    #[must_use]
    pub fn options(&self) -> Options {
        Options {
            accelerator: self.accelerator,
            ..Options::new(&self.image)
        }
    }

    /// Boots the image.
    ///
    /// # Errors
    /// If QEMU does not start.
    pub fn start(&self) -> Result<Machine, MachineError> {
        Machine::start(&self.options())
    }
}
