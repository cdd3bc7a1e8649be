//! Printing to the console a program was started on.

use airox_api::CallError;
use airox_api::console::{ConsoleClient, ConsoleError};
use alloc::format;
use core::fmt::Arguments;

/// The console.
#[derive(Debug)]
pub struct Output(pub ConsoleClient);

/// Why something could not be printed.
pub type PrintError = CallError<ConsoleError>;

impl Output {
    /// Prints. A console that dies during the call is tried once more: the call then waits for its next instance.
    ///
    /// # Errors
    /// The console refused, or died twice.
    pub fn print(&self, text: Arguments<'_>) -> Result<(), PrintError> {
        let text = format!("{text}");
        match self.0.write(text.as_bytes()) {
            Err(CallError::ServerDied) => self.0.write(text.as_bytes()).map(drop),
            other => other.map(drop),
        }
    }
}
