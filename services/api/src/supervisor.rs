//! What init tells and does about the components of the system file.
//!
//! Every component holds a handle to this interface, badged with its number; that badge allows `report_panic` only,
//! unless the system file grants the component `supervisor`.

use airox_api_macros::interface;
use airox_sys::Port;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

pub use crate::files::FileGrant;
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
    /// The component is never to run again: its policy is so, and what it owned is gone; or its processor is not there.
    NotRestartable,
    /// The number belongs to a component, or to another program.
    BadNumber,
    /// No more programs can be introduced.
    Full,
    /// The system has no file service.
    NoFiles,
    /// A kernel call failed: an [`airox_abi::Error`] code.
    Kernel(u32),
}

impl core::fmt::Display for SupervisorError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let text = match self {
            SupervisorError::UnknownComponent => "no such component",
            SupervisorError::NotAllowed => "not allowed",
            SupervisorError::NotRunning => "the component does not run",
            SupervisorError::NotRestartable => "the component cannot be restarted",
            SupervisorError::BadNumber => "the program's number cannot be used",
            SupervisorError::Full => "too many programs",
            SupervisorError::NoFiles => "the system has no files",
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

    /// Memory, objects and processors of the whole machine.
    fn memory() -> Result<Memory, SupervisorError>;

    /// Reports that the calling component (by its badge) panics and is about to exit.
    fn report_panic(message: &str, file: &str, line: u32) -> Result<(), SupervisorError>;

    /// The calling component runs a program whose records at the log have the badge `id`, from 1001 on. Init tells the log, and
    /// tells it again after the log's restart, until `release` or the caller's end.
    fn introduce(id: u32, name: &str) -> Result<(), SupervisorError>;

    /// The program with this number has ended.
    fn release(id: u32) -> Result<(), SupervisorError>;

    /// The program that was introduced with this number may use these files. Answers with its handle to the file service, to be passed on to
    /// it. Init tells the file service, and tells it again after its restart, until `release` or the caller's end.
    fn admit(id: u32, files: &[FileGrant]) -> Result<Port, SupervisorError>;

    /// Answers, which says that the supervisor gets round to it. Everybody may ask.
    fn answer() -> Result<(), SupervisorError>;
}
