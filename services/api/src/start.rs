//! The start block: what a creator tells a new process. It is mapped read-only at
//! [`airox_abi::layout::START_BLOCK`]: the length of the postcard bytes as a little-endian `u32`, then those bytes.
//!
//! # Names of handles
//! - a used interface: its name ("log", "console"); "supervisor" is always there;
//! - a provided interface: "serve:" and its name, a port with [`airox_abi::Rights::RECEIVE`];
//! - a resource: its kind and name ("ports:uart", "irq:uart", "mmio:hpet", "framebuffer:screen");
//! - "budget": the budget its threads run on, to look at, if it has one of its own;
//! - "fault": the port that faults of further threads go to, if the creator wants them.

use crate::log::Level;
use airox_abi::layout::{PROGRAM_BASE, START_BLOCK};
use airox_abi::{Handle, ObjectKind};
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Longest start block, its length prefix included: it ends where the program begins.
pub const MAX_START_BLOCK: usize = (PROGRAM_BASE - START_BLOCK) as usize;

/// Prefix of the names of served ports.
pub const SERVE_PREFIX: &str = "serve:";

/// Exit code of a driver whose device this machine does not have: starting it again would not help, so its supervisor does not.
pub const EXIT_NO_DEVICE: i64 = 103;

/// What a process is told at its start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartBlock {
    /// Size of the heap in bytes. First, as it is read before there is a heap: see [`heap_bytes`].
    pub heap_bytes: u64,
    /// Its name.
    pub name: String,
    /// Its arguments, without its name.
    pub arguments: Vec<String>,
    /// Its handles.
    pub handles: Vec<StartHandle>,
    /// First address of the first thread's stack mapping.
    pub stack_base: u64,
    /// Length of the stack in bytes.
    pub stack_length: u64,
    /// Records less important than this are not even sent to the log.
    pub log_level: Level,
    /// Period and deadline of its jobs, if its creator says so.
    pub timing: Option<StartTiming>,
}

/// How often the program has a job to do, and how long after each release it must be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartTiming {
    /// In nanoseconds.
    pub period_ns: u64,
    /// In nanoseconds, at most the period.
    pub deadline_ns: u64,
}

impl Default for Level {
    /// What a component logs unless told otherwise.
    fn default() -> Level {
        Level::Info
    }
}

/// A handle given at the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartHandle {
    /// What it is for.
    pub name: String,
    /// The raw handle in the new process.
    pub handle: u32,
    /// The [`ObjectKind`] code.
    pub kind: u8,
}

impl StartHandle {
    /// An entry for a handle.
    #[must_use]
    pub fn new(name: &str, handle: Handle, kind: ObjectKind) -> StartHandle {
        StartHandle { name: name.into(), handle: handle.0, kind: kind as u8 }
    }

    /// The raw handle.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle(self.handle)
    }

    /// The kind of object, if the code is valid.
    #[must_use]
    pub fn kind(&self) -> Option<ObjectKind> {
        ObjectKind::from_code(u64::from(self.kind))
    }
}

/// What is wrong with a start block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartBlockError {
    /// It does not fit in [`MAX_START_BLOCK`] bytes, or claims to be longer than it can be.
    TooLong,
    /// It is not what the format says.
    Malformed,
}

impl core::fmt::Display for StartBlockError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str(match self {
            StartBlockError::TooLong => "start block too long",
            StartBlockError::Malformed => "start block malformed",
        })
    }
}

impl core::error::Error for StartBlockError {}

impl StartBlock {
    /// The bytes to put at [`START_BLOCK`], length prefix included.
    pub fn to_bytes(&self) -> Result<Vec<u8>, StartBlockError> {
        let body = postcard::to_allocvec(self).map_err(|_| StartBlockError::Malformed)?;
        if body.len() + 4 > MAX_START_BLOCK {
            return Err(StartBlockError::TooLong);
        }
        let mut bytes = Vec::with_capacity(body.len() + 4);
        bytes.extend_from_slice(&(body.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&body);
        Ok(bytes)
    }

    /// Reads what [`StartBlock::to_bytes`] made; `bytes` may go on behind it.
    pub fn parse(bytes: &[u8]) -> Result<StartBlock, StartBlockError> {
        match postcard::take_from_bytes(body(bytes)?) {
            Ok((block, [])) => Ok(block),
            _ => Err(StartBlockError::Malformed),
        }
    }

    /// The handle with this name.
    #[must_use]
    pub fn handle(&self, name: &str) -> Option<&StartHandle> {
        self.handles.iter().find(|entry| entry.name == name)
    }
}

/// The heap size a start block asks for, read without a heap.
pub fn heap_bytes(bytes: &[u8]) -> Result<u64, StartBlockError> {
    match postcard::take_from_bytes(body(bytes)?) {
        Ok((heap_bytes, _)) => Ok(heap_bytes),
        Err(_) => Err(StartBlockError::Malformed),
    }
}

/// The postcard bytes behind the length prefix.
fn body(bytes: &[u8]) -> Result<&[u8], StartBlockError> {
    let (prefix, rest) = bytes.split_first_chunk::<4>().ok_or(StartBlockError::Malformed)?;
    let length = u32::from_le_bytes(*prefix) as usize;
    rest.get(..length).ok_or(StartBlockError::TooLong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block() -> StartBlock {
        StartBlock {
            name: "echo".into(),
            arguments: alloc::vec!["a".into(), "b c".into()],
            handles: alloc::vec![StartHandle::new("log", Handle(0x10_0001), ObjectKind::Port)],
            stack_base: 0xff_0000,
            stack_length: 0x1_0000,
            heap_bytes: 1 << 20,
            log_level: Level::Debug,
            timing: Some(StartTiming { period_ns: 10_000_000, deadline_ns: 2_000_000 }),
        }
    }

    #[test]
    fn round_trip() {
        let mut bytes = block().to_bytes().unwrap();
        bytes.extend_from_slice(&[0xff; 7]);
        let read = StartBlock::parse(&bytes).unwrap();
        assert_eq!(read, block());
        assert_eq!(read.handle("log").unwrap().kind(), Some(ObjectKind::Port));
        assert!(read.handle("console").is_none());
        assert_eq!(heap_bytes(&bytes), Ok(1 << 20));
    }

    #[test]
    fn hostile_blocks_are_refused() {
        assert_eq!(StartBlock::parse(&[]), Err(StartBlockError::Malformed));
        assert_eq!(StartBlock::parse(&[0xff; 4]), Err(StartBlockError::TooLong));
        let bytes = block().to_bytes().unwrap();
        for length in 0..bytes.len() {
            assert!(StartBlock::parse(&bytes[..length]).is_err());
        }
        let mut longer = bytes.clone();
        longer[0] += 1;
        longer.push(0);
        assert_eq!(StartBlock::parse(&longer), Err(StartBlockError::Malformed));
    }

    #[test]
    fn a_block_that_does_not_fit_is_refused() {
        let mut large = block();
        large.arguments = alloc::vec!["x".repeat(MAX_START_BLOCK)];
        assert_eq!(large.to_bytes(), Err(StartBlockError::TooLong));
    }
}
