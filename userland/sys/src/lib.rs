//! The floor under every ring-3 program: system calls, typed handles, I/O ports, volatile memory.
//!
//! # Principles
//! - This crate and `airox-rt` are the only homes of unsafe code in programs; servers, drivers and
//!   applications forbid it.
//! - [`call`] has one function for each system call and takes raw handles: it mirrors
//!   [`airox_abi::SystemCall`], nothing more. [`handle`] has the types people use.
//! - A function is `unsafe` exactly when wrong arguments could change the memory of the calling
//!   program behind the compiler's back. Everything else a wrong argument can do is an [`Error`].
//! - Without the feature `guest` no `syscall` instruction is ever executed: every call answers
//!   [`Error::InvalidSystemCall`], so code that links this crate can be tested on the host.
#![no_std]
#![warn(missing_docs)]

pub mod call;
pub mod clock;
pub mod handle;
pub mod io;
mod stub;
pub mod volatile;

pub use airox_abi::message::{Extension, HandleTransfer, Lease, MessageKind, Tag, WORDS};
pub use airox_abi::{
    BudgetFlags, Error, Handle, MapFlags, ObjectKind, QuotaKind, QuotaLimits, RegionKind, Rights, SystemCall,
};
pub use handle::{
    AnyHandle, Budget, HandleInfo, IoPorts, Irq, Machine, Port, Process, Quota, Region, Reply, Signal, Thread,
    TypedHandle,
};
pub use stub::{Raw, Received, raw};
