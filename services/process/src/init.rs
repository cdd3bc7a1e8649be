//! Init and the device manager, asked over their ports.

use alloc::vec::Vec;

use airox_api::CallError;
use airox_api::files::FileGrant;
use airox_api::process::{HandleEntry, Memory, ProcessEntry, ProcessError};
use airox_api::supervisor::{SupervisorClient, SupervisorError};
use airox_process::site::{Init, Keeper};
use airox_rt::{Handle, TypedHandle};

/// A client of both.
pub struct InitClient {
    /// Init.
    pub init: SupervisorClient,
    /// The device manager: the same interface, about drivers.
    pub devices: SupervisorClient,
}

impl InitClient {
    fn keeper(&self, of: Keeper) -> &SupervisorClient {
        match of {
            Keeper::Init => &self.init,
            Keeper::Devices => &self.devices,
        }
    }
}

/// Init's refusal in the words of this server's interface.
fn refusal(error: CallError<SupervisorError>) -> ProcessError {
    match error {
        CallError::Service(SupervisorError::UnknownComponent) => ProcessError::UnknownProcess,
        CallError::Service(SupervisorError::NotRunning) => ProcessError::NotRunning,
        CallError::Service(SupervisorError::NotAllowed) => ProcessError::NotAllowed,
        CallError::Service(SupervisorError::NotRestartable) => ProcessError::NotRestartable,
        CallError::Service(SupervisorError::Full | SupervisorError::BadNumber | SupervisorError::NoFiles) => {
            ProcessError::OutOfQuota
        }
        CallError::Service(SupervisorError::Kernel(code)) => ProcessError::Kernel(code),
        CallError::Kernel(error) => error.into(),
        _ => ProcessError::SupervisorDied,
    }
}

impl Init for InitClient {
    fn introduce(&mut self, id: u32, name: &str) -> Result<(), ProcessError> {
        self.init.introduce(id, name).map_err(refusal)
    }

    fn admit(&mut self, id: u32, files: &[FileGrant]) -> Result<Option<Handle>, ProcessError> {
        match self.init.admit(id, files) {
            Ok(port) => Ok(Some(port.into_raw())),
            Err(CallError::Service(SupervisorError::NoFiles)) => Ok(None),
            Err(error) => Err(refusal(error)),
        }
    }

    fn release(&mut self, id: u32) {
        // A program that was never introduced is unknown there, which is as good.
        let _ = self.init.release(id);
    }

    fn list(&mut self, cursor: u32) -> Result<Vec<ProcessEntry>, ProcessError> {
        self.init.list(cursor).map_err(refusal)
    }

    fn drivers(&mut self) -> Vec<ProcessEntry> {
        let mut all = Vec::new();
        while let Ok(next) = self.devices.list(all.len() as u32) {
            if next.is_empty() {
                break;
            }
            all.extend(next);
        }
        all
    }

    fn handles(&mut self, of: Keeper, name: &str, cursor: u32) -> Result<Vec<HandleEntry>, ProcessError> {
        self.keeper(of).handles(name, cursor).map_err(refusal)
    }

    fn kill(&mut self, of: Keeper, name: &str) -> Result<(), ProcessError> {
        self.keeper(of).kill(name).map_err(refusal)
    }

    fn restart(&mut self, of: Keeper, name: &str) -> Result<(), ProcessError> {
        self.keeper(of).restart(name).map_err(refusal)
    }

    fn memory(&mut self) -> Result<Memory, ProcessError> {
        self.init.memory().map_err(refusal)
    }
}
