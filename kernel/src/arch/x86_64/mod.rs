//! The kernel on x86_64.
//!
//! # Principles
//! - One CPU at a time is in the kernel ([`lock`]).
//! - The kernel is event based: one stack a CPU, interrupts off from entry to exit. Nothing of a thread lives on a
//!   kernel stack; an entry stub saves its registers straight into its [`airox_kernel_core::context::Context`].
//! - No user address is ever dereferenced: [`machine`] copies between physical frames through the physical map.
//! - The kernel's half of every address space is built once, at start ([`paging`]), and never changes.
//! - What belongs to one CPU lies in its [`cpu::Cpu`], found through the GS base.
//!
//! | module | subject |
//! |---|---|
//! | [`start`], [`start_others`] | from the loader's hand-over to the first thread; all other CPUs |
//! | [`paging`], [`physical`] | kernel mappings, physical memory, kernel stacks |
//! | [`features`] | control registers and MSRs |
//! | [`cpu`], [`descriptors`] | per-CPU data, GDT, TSS, IDT |
//! | [`entry`], [`dispatch`] | entry and exit stubs, and what they call |
//! | [`lock`] | who may be in the kernel |
//! | [`message_path`] | the short path of `call` and `reply_receive` |
//! | [`firmware`] | ACPI tables |
//! | [`local_apic`], [`io_apic`], [`clock`] | interrupts, timer, TSC |
//! | [`machine`] | [`airox_kernel_core::machine::Machine`] |
//! | [`uart`], [`panic`] | text for people |
//! | [`failure_tests`] | a kernel that fails, for tests |
//! | [`runtime`] | what the compiler expects of a C library |

pub mod clock;
pub mod cpu;
pub mod descriptors;
pub mod dispatch;
pub mod entry;
pub mod failure_tests;
pub mod features;
pub mod firmware;
pub mod io_apic;
pub mod local_apic;
pub mod lock;
pub mod machine;
pub mod message_path;
pub mod paging;
pub mod panic;
pub mod physical;
pub mod runtime;
pub mod start;
pub mod start_others;
pub mod uart;
