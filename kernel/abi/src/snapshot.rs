//! What a debugger outside the machine reads (`cargo xtask inspect`): a picture of the kernel's objects and the trace rings, written into a
//! fixed buffer when the host asks for it by a non-maskable interrupt.
//!
//! The buffer starts with a [`SnapshotHeader`]; the arrays it counts follow at once, in the order of the counts, each entry as its `repr(C)` struct in little-endian bytes:
//! [`crate::info::ProcessInfo`], [`ThreadEntry`], [`PortEntry`], then for each processor a [`RingEntry`] with its [`crate::trace::Event`]s
//! (oldest first) behind it.

use crate::info::{KernelInfo, ThreadInfo};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// [`SnapshotHeader::magic`].
pub const SNAPSHOT_MAGIC: u64 = u64::from_le_bytes(*b"AIROXsn3");

/// Describes the snapshot that follows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes)]
#[repr(C)]
pub struct SnapshotHeader {
    /// [`SNAPSHOT_MAGIC`] once a snapshot is complete; 0 while none is or one is being written.
    pub magic: u64,
    /// Counts the snapshots taken.
    pub sequence: u64,
    /// TSC ticks when it was taken.
    pub ticks: u64,
    /// TSC ticks at boot and a second.
    pub base_ticks: u64,
    /// See `base_ticks`.
    pub ticks_per_second: u64,
    /// Entries of each array.
    pub processes: u32,
    /// See `processes`.
    pub threads: u32,
    /// See `processes`.
    pub ports: u32,
    /// Trace rings: one for each processor.
    pub rings: u32,
    /// Objects left out because the buffer was full.
    pub omitted: u64,
    /// Machine-wide numbers.
    pub kernel: KernelInfo,
}

/// A thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes)]
#[repr(C)]
pub struct ThreadEntry {
    /// As `thread_info` tells it.
    pub info: ThreadInfo,
    /// Number of the port or signal it waits at, by its state; `u32::MAX` if none.
    pub waits_at: u32,
    /// Number of the thread it owes an answer; `u32::MAX` if none.
    pub owes: u32,
    /// Instruction pointer when it last entered the kernel.
    pub instruction: u64,
}

/// A port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes)]
#[repr(C)]
pub struct PortEntry {
    /// Its label, as given at creation.
    pub label: u64,
    /// Its number.
    pub number: u32,
    /// Handles to it.
    pub handles: u32,
    /// Threads waiting to receive.
    pub receiving: u32,
    /// Threads waiting to be received.
    pub sending: u32,
}

/// A processor's trace ring; its events follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes)]
#[repr(C)]
pub struct RingEntry {
    /// The processor's number.
    pub processor: u32,
    /// Events that follow.
    pub events: u32,
    /// Events recorded since boot; those missing have been overwritten.
    pub recorded: u64,
}
