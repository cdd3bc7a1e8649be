//! What init tells and does about the components of the system file.
//!
//! Every component holds a handle to this interface, badged with its number; that badge allows `report_panic` only.
//! The process server's handle allows the rest.

use airox_api_macros::interface;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

pub use crate::process::{HandleEntry, Memory, ProcessEntry};

/// What the supervisor refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SupervisorError {
    /// The system has no such component.
    UnknownComponent,
    /// The handle may not do this.
    NotAllowed,
    /// The component does not run now.
    NotRunning,
    /// A kernel call failed: an [`airox_abi::Error`] code.
    Kernel(u32),
}

impl core::fmt::Display for SupervisorError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let text = match self {
            SupervisorError::UnknownComponent => "no such component",
            SupervisorError::NotAllowed => "not allowed",
            SupervisorError::NotRunning => "the component does not run",
            SupervisorError::Kernel(code) => match airox_abi::Error::from_code(u64::from(*code)) {
                Some(error) => error.text(),
                None => "unknown kernel error",
            },
        };
        formatter.write_str(text)
    }
}

impl From<airox_abi::Error> for SupervisorError {
    fn from(error: airox_abi::Error) -> SupervisorError {
        SupervisorError::Kernel(error as u32)
    }
}

/// The supervisor.
#[interface(name = "supervisor")]
pub trait Supervisor {
    /// The components, from place `cursor` on, as many as fit in one answer; none past the end.
    fn list(cursor: u32) -> Result<Vec<ProcessEntry>, SupervisorError>;

    /// The handles of a component, from place `cursor` on, as many as fit; none past the end.
    fn handles(name: &str, cursor: u32) -> Result<Vec<HandleEntry>, SupervisorError>;

    /// Ends a component; its policy says whether it is restarted.
    fn kill(name: &str) -> Result<(), SupervisorError>;

    /// Ends a component, if it runs, and starts it anew, whatever its policy says.
    fn restart(name: &str) -> Result<(), SupervisorError>;

    /// Memory and objects of the whole machine.
    fn memory() -> Result<Memory, SupervisorError>;

    /// Reports that the calling component (by its badge) panics and is about to exit.
    fn report_panic(message: &str, file: &str, line: u32) -> Result<(), SupervisorError>;
}
