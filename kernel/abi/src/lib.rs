//! The contract between the AIROX kernel and ring-3 programs, and nothing else: system-call
//! numbers, rights, errors, message layout, and the few fixed addresses both sides must agree on.
//!
//! # Principles
//! - A **handle** is the only way to name anything. No system call takes a name or a global id.
//! - Every number in this crate is defined here once; kernel, runtime and host tools all use it.
//! - Everything a program passes is a *claim* until the kernel has validated it.
//!
//! # Register convention (x86_64 `syscall`)
//! | register | in | out |
//! |---|---|---|
//! | `rax` | [`SystemCall`] number | 0, or an [`Error`] code |
//! | `rdi` | first argument, usually a handle | first result, or the badge of a received message |
//! | `rsi rdx r8 r9 r10 r12 r13 r14` | arguments 2 to 9, or message words 0 to 7 | results 2 to 9, or message words 0 to 7 |
//! | `r15` | message tag ([`message::Tag`]) | tag of the received message |
//! | `rbx` | address of a [`message::Extension`], read only when the tag says so; 0 if none | unchanged |
//! | `rcx r11` | - | clobbered by the CPU |
//!
//! A system call is a function call to its caller: the vector registers, `MXCSR` and the x87 control
//! word are lost across it (they come back cleared, or with their reset values).
#![no_std]
#![forbid(unsafe_code)]

#[macro_use]
mod codes;
mod error;
pub mod fault;
pub mod info;
pub mod layout;
pub mod message;
mod object;
mod rights;
pub mod root;
pub mod snapshot;
mod system_call;
pub mod time;
pub mod trace;

// All structs go from one program's memory to another's as they are.
const _: () = assert!(cfg!(target_endian = "little"));

pub use error::Error;
pub use object::{Handle, ObjectKind, QuotaKind, QuotaLimits};
pub use rights::{DELEGATED, Rights};
pub use system_call::{BudgetFlags, MapFlags, RegionKind, SystemCall};
