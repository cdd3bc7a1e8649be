//! Turning the machine off and on again.

use airox_api_macros::interface;
use serde::{Deserialize, Serialize};

/// What the power server refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PowerError {
    /// The handle may not do this.
    NotAllowed,
    /// The machine describes no way to do this.
    Unsupported,
    /// The machine was told, and did not obey.
    Failed,
}

impl core::fmt::Display for PowerError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str(match self {
            PowerError::NotAllowed => "not allowed",
            PowerError::Unsupported => "this machine cannot do that",
            PowerError::Failed => "the machine did not obey",
        })
    }
}

/// The power server. An answer means failure: success is not seen any more.
#[interface(name = "power")]
pub trait Power {
    /// Turns the machine off.
    fn off() -> Result<(), PowerError>;

    /// Starts the machine again.
    fn reboot() -> Result<(), PowerError>;
}
