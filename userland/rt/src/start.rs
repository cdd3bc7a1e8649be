//! What the program was given at its start. Each handle is handed out once.

use crate::periodic::Timing;
use airox_api::start::{SERVE_PREFIX, StartBlock, StartHandle};
use airox_api::{Client, Interface};
use airox_sys::{Handle, ObjectKind, Port, TypedHandle};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// The program's name, arguments and handles.
#[derive(Debug)]
pub struct Start {
    block: StartBlock,
    /// For each handle of the block, whether it was handed out.
    taken: Vec<AtomicBool>,
}

/// A handle the program needs and does not get. Returned from `main` it becomes the line in the log that says what the
/// system file lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartError {
    /// The creator granted no handle of this name.
    Missing(String),
    /// The handle of this name names an object of another kind.
    WrongKind(String, ObjectKind),
    /// The program took this handle before.
    Taken(String),
    /// A system call failed while the program set itself up.
    Kernel(airox_sys::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Missing(name) => write!(formatter, "no handle was granted for \"{name}\""),
            StartError::WrongKind(name, wanted) => {
                write!(formatter, "the handle \"{name}\" is not a {}", wanted.text())
            }
            StartError::Taken(name) => write!(formatter, "the handle \"{name}\" is in use already"),
            StartError::Kernel(error) => error.fmt(formatter),
        }
    }
}

impl core::error::Error for StartError {}

impl From<airox_sys::Error> for StartError {
    fn from(error: airox_sys::Error) -> StartError {
        StartError::Kernel(error)
    }
}

impl Start {
    /// From a start block as it was read.
    #[must_use]
    pub fn new(block: StartBlock) -> Start {
        let taken = block.handles.iter().map(|_| AtomicBool::new(false)).collect();
        Start { block, taken }
    }

    /// The program's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.block.name
    }

    /// Its arguments, without its name.
    #[must_use]
    pub fn arguments(&self) -> &[String] {
        &self.block.arguments
    }

    /// Period and deadline of its jobs, as its system file or whoever ran it says: what [`crate::periodic::Periodic::new`] takes.
    #[must_use]
    pub fn timing(&self) -> Option<Timing> {
        let timing = self.block.timing?;
        let duration = crate::time::Duration::from_nanos;
        Timing::new(duration(timing.period_ns), duration(timing.deadline_ns))
    }

    /// The whole block.
    #[must_use]
    pub fn block(&self) -> &StartBlock {
        &self.block
    }

    /// The names and kinds of all handles granted.
    #[must_use]
    pub fn handles(&self) -> &[StartHandle] {
        &self.block.handles
    }

    /// Whether a handle of this name was granted.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.block.handle(name).is_some()
    }

    /// Takes the handle of this name, once.
    pub fn take<H: TypedHandle>(&self, name: &str) -> Result<H, StartError> {
        let mut entries = self.block.handles.iter().zip(&self.taken);
        let (entry, taken) =
            entries.find(|(entry, _)| entry.name == name).ok_or_else(|| StartError::Missing(name.into()))?;
        if entry.kind() != Some(H::KIND) {
            return Err(StartError::WrongKind(name.into(), H::KIND));
        }
        if taken.swap(true, Ordering::AcqRel) {
            return Err(StartError::Taken(name.into()));
        }
        Ok(H::from_raw(entry.handle()))
    }

    /// A client of a used interface, once: `start.connect::<ConsoleClient>()?`.
    pub fn connect<C: Client>(&self) -> Result<C, StartError> {
        self.take(C::Interface::NAME).map(C::from_port)
    }

    /// The port of a provided interface, once: `start.served_port::<LogInterface>()?`.
    pub fn served_port<I: Interface>(&self) -> Result<Port, StartError> {
        self.take(&format!("{SERVE_PREFIX}{}", I::NAME))
    }
}

/// Raw handle of the supervisor port, 0 if there is none.
static SUPERVISOR: AtomicU32 = AtomicU32::new(0);
/// Raw handle of the port that faults of further threads go to, 0 if there is none.
static FAULT_PORT: AtomicU32 = AtomicU32::new(0);

pub(crate) fn set(start: &'static Start) {
    let port = |name| match start.block.handle(name) {
        Some(entry) if entry.kind() == Some(ObjectKind::Port) => entry.handle,
        _ => 0,
    };
    SUPERVISOR.store(port("supervisor"), Ordering::Release);
    FAULT_PORT.store(port("fault"), Ordering::Release);
}

pub(crate) fn supervisor() -> Option<Handle> {
    Some(Handle(SUPERVISOR.load(Ordering::Acquire))).filter(|handle| !handle.is_none())
}

pub(crate) fn fault_port() -> Handle {
    Handle(FAULT_PORT.load(Ordering::Acquire))
}

#[cfg(test)]
mod tests {
    use super::*;
    use airox_api::console::ConsoleClient;
    use airox_api::log::LogInterface;
    use airox_sys::Signal;

    fn start() -> Start {
        let handle = |name, value| StartHandle::new(name, Handle(value), ObjectKind::Port);
        Start::new(StartBlock {
            name: "test".into(),
            handles: alloc::vec![handle("console", 0x10_0001), handle("serve:log", 0x10_0002)],
            ..StartBlock::default()
        })
    }

    #[test]
    fn handles_are_found_by_interface() {
        let start = start();
        assert!(start.connect::<ConsoleClient>().is_ok());
        let port = start.served_port::<LogInterface>().unwrap();
        assert_eq!(port.raw(), Handle(0x10_0002));
    }

    #[test]
    fn timing_is_checked() {
        let with = |period_ns, deadline_ns| {
            let timing = Some(airox_api::start::StartTiming { period_ns, deadline_ns });
            Start::new(StartBlock { timing, ..StartBlock::default() }).timing()
        };
        let period = with(2_000, 1_000).map(Timing::period);
        assert_eq!(period, Some(crate::time::Duration::from_nanos(2_000)));
        assert_eq!(with(2_000, 3_000), None);
        assert_eq!(start().timing(), None);
    }

    #[test]
    fn missing_wrong_and_taken_handles_are_errors() {
        let start = start();
        assert_eq!(start.take::<Port>("log").unwrap_err(), StartError::Missing("log".into()));
        assert_eq!(
            start.take::<Signal>("console").unwrap_err(),
            StartError::WrongKind("console".into(), ObjectKind::Signal)
        );
        assert!(start.take::<Port>("console").is_ok());
        assert_eq!(start.take::<Port>("console").unwrap_err(), StartError::Taken("console".into()));
    }
}
