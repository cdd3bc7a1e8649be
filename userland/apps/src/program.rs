//! What the programs of this package have in common.

use crate::arguments::wants_help;
use crate::console::{Output, PrintError};
use airox_files::FileError;
use airox_rt::{Start, StartError, exit_code, sys};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Why a program ends with failure.
#[derive(Debug)]
pub enum Failure {
    /// It was not given what it needs.
    Start(StartError),
    /// The console does not print.
    Print(PrintError),
    /// A system call failed.
    Kernel(airox_rt::Error),
    /// Files failed.
    Files(FileError),
    /// What it found is not what must be.
    Wrong(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Start(error) => error.fmt(formatter),
            Failure::Print(error) => write!(formatter, "cannot print: {error}"),
            Failure::Kernel(error) => error.fmt(formatter),
            Failure::Files(error) => error.fmt(formatter),
            Failure::Wrong(what) => write!(formatter, "wrong: {what}"),
        }
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Failure {
        Failure::Start(error)
    }
}

impl From<PrintError> for Failure {
    fn from(error: PrintError) -> Failure {
        Failure::Print(error)
    }
}

impl From<airox_rt::Error> for Failure {
    fn from(error: airox_rt::Error) -> Failure {
        Failure::Kernel(error)
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Failure {
        Failure::Files(error)
    }
}

/// Runs `body` with the console and the arguments, which `parse` has understood; prints the usage if asked for, or what is wrong.
///
/// # Errors
/// What kept the program from its work.
pub fn run<A>(
    start: &'static Start,
    usage: &str,
    parse: impl FnOnce(&[&str]) -> Result<A, String>,
    body: impl FnOnce(&Output, A) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let console = Output(start.connect()?);
    let arguments: Vec<&str> = start.arguments().iter().map(String::as_str).collect();
    if wants_help(&arguments) {
        return Ok(console.print(format_args!("{usage}"))?);
    }
    match parse(&arguments) {
        Ok(arguments) => body(&console, arguments),
        Err(why) => {
            console.print(format_args!("{}: {why}\n", start.name()))?;
            // Returned as an error it would be in the log as well.
            sys::process_exit(exit_code::FAILURE)
        }
    }
}
