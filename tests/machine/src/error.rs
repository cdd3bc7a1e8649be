//! What can go wrong with a machine.

use std::fmt;
use std::time::Duration;

/// What went wrong with a machine, with the last serial lines where they help.
#[derive(Debug)]
pub enum MachineError {
    /// QEMU, firmware or a file could not be used.
    Start(String),
    /// The text did not come in time.
    Timeout {
        /// What was waited for.
        wanted: String,
        /// How long.
        limit: Duration,
        /// The last serial lines.
        tail: String,
    },
    /// The machine ended while something was waited for.
    Ended {
        /// What was waited for.
        wanted: String,
        /// How the machine ended.
        ending: String,
        /// The last serial lines.
        tail: String,
    },
    /// The kernel panicked.
    Panic {
        /// The last serial lines, with the panic's message and backtrace.
        tail: String,
    },
    /// QMP refused a command, or its connection broke.
    Qmp(String),
    /// Reading or writing the serial line failed.
    Serial(String),
}

impl fmt::Display for MachineError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MachineError::Start(reason) => write!(formatter, "cannot start the machine: {reason}"),
            MachineError::Timeout { wanted, limit, tail } => {
                write!(formatter, "{wanted} did not come within {} s; last serial lines:\n{tail}", limit.as_secs_f32())
            }
            MachineError::Ended { wanted, ending, tail } => {
                write!(formatter, "waited for {wanted}, but {ending}; last serial lines:\n{tail}")
            }
            MachineError::Panic { tail } => {
                write!(formatter, "the kernel panicked; last serial lines:\n{tail}")
            }
            MachineError::Qmp(reason) => write!(formatter, "QMP: {reason}"),
            MachineError::Serial(reason) => write!(formatter, "serial line: {reason}"),
        }
    }
}

impl std::error::Error for MachineError {}
