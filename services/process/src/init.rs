//! Init, asked over its port.

use alloc::vec::Vec;

use airox_api::CallError;
use airox_api::files::FileGrant;
use airox_api::process::{HandleEntry, Memory, ProcessEntry, ProcessError};
use airox_api::supervisor::{SupervisorClient, SupervisorError};
use airox_process::site::Init;
use airox_rt::{Handle, TypedHandle};

/// A client of init.
pub struct InitClient(pub SupervisorClient);

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
        self.0.introduce(id, name).map_err(refusal)
    }

    fn admit(&mut self, id: u32, files: &[FileGrant]) -> Result<Option<Handle>, ProcessError> {
        match self.0.admit(id, files) {
            Ok(port) => Ok(Some(port.into_raw())),
            Err(CallError::Service(SupervisorError::NoFiles)) => Ok(None),
            Err(error) => Err(refusal(error)),
        }
    }

    fn release(&mut self, id: u32) {
        // A program that was never introduced is unknown there, which is as good.
        let _ = self.0.release(id);
    }

    fn list(&mut self, cursor: u32) -> Result<Vec<ProcessEntry>, ProcessError> {
        self.0.list(cursor).map_err(refusal)
    }

    fn handles(&mut self, name: &str, cursor: u32) -> Result<Vec<HandleEntry>, ProcessError> {
        self.0.handles(name, cursor).map_err(refusal)
    }

    fn kill(&mut self, name: &str) -> Result<(), ProcessError> {
        self.0.kill(name).map_err(refusal)
    }

    fn restart(&mut self, name: &str) -> Result<(), ProcessError> {
        self.0.restart(name).map_err(refusal)
    }

    fn memory(&mut self) -> Result<Memory, ProcessError> {
        self.0.memory().map_err(refusal)
    }
}
