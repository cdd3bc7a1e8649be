//! What `xtask test scenarios` runs: named functions that boot the image and use it.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

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
pub struct Context {
    /// The disk image of the system under test.
    pub image: PathBuf,
    /// How QEMU executes the guest.
    pub accelerator: Accelerator,
    shared: Mutex<Option<Machine>>,
}

impl Context {
    /// A context for these; no machine is shared yet.
    #[must_use]
    pub fn new(image: PathBuf, accelerator: Accelerator) -> Context {
        Context { image, accelerator, shared: Mutex::new(None) }
    }

    /// The place of a machine that scenarios hand on to each other; it ends with the context.
    pub fn shared(&self) -> MutexGuard<'_, Option<Machine>> {
        // A scenario that panicked has taken the machine out of its place.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Options for a machine that boots the image by BIOS and has a new data disk; change them as the scenario needs.
    #[must_use]
    pub fn options(&self) -> Options {
        let data_disk = Some("data.img".into());
        Options { accelerator: self.accelerator, data_disk, ..Options::new(&self.image) }
    }

    /// Boots the image.
    ///
    /// # Errors
    /// If QEMU does not start.
    pub fn start(&self) -> Result<Machine, MachineError> {
        Machine::start(&self.options())
    }
}
