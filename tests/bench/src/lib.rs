//! The benchmark program behind `cargo xtask bench`: the kernel's paths as a ring-3 program sees them.
//!
//! # How it measures
//! - Time is the time-stamp counter. The bench runs QEMU with an instruction clock, so a tick is one instruction and runs
//!   repeat exactly; on hardware they are cycles.
//! - **Nothing is subtracted but the cost of reading the counter**: the smallest difference of two adjacent readings. The
//!   program's own instructions around a system call count: loading the registers is part of a call.
//! - Each row warms up first, with as many rounds as its own table says, and the samples are kept in memory that was touched before.
//! - Rows are printed as `BENCH <row> <min> <median> <max>`, in ticks, after `BENCH-CLOCK <ticks a second>`.
//!
//! # The rows
//! | row | from | to |
//! |---|---|---|
//! | `null_call` | before a system call that does nothing | after it |
//! | `port_round_trip` | before `call` | after it: a server of equal priority in another address space has answered; one word used |
//! | `port_round_trip_64b` | the same, but both sides take 64 bytes out of memory and put 64 bytes there | |
//! | `port_round_trip_lent` | as `port_round_trip`, but the caller has a budget and the server none: it runs on the caller's | |
//! | `signal_wake` | before `notify` | the first instruction of the more urgent thread that waited |
//! | `trace_event` | suspending a thread and letting it go on with the trace on, less the same with it off: one event is recorded | |
//! | `fault_round_trip` | before an instruction that faults | after it: a handler in another address space has let the thread go on |
//! | `timer_wake_idle` | the moment a timer was set to | the first instruction of the thread that waited, with nothing else to run |
//! | `timer_wake_loaded` | the same, while less urgent processes call each other, map, touch and unmap memory, and drivers serve the interrupts of a serial port and of a disk | |
//! | `timer_wake_destroy` | the same, while a less urgent process kills one that has 1 GiB mapped and touched | |
//! | `timer_wake_processes` | the same, while one makes small processes and kills them | |
//! | `timer_wake_revoke` | the same, while one revokes 10,000 handles | |
//! | `timer_wake_populate` | the same, while one maps 32 MiB of new memory with all pages | |
//! | `timer_wake_unmap` | the same, while one unmaps 256 MiB whose pages are all there | |
//! | `timer_wake_lease_copy` | the same, while one copies 16 MiB from its caller's lease, and to it | |
//! | `timer_wake_contiguous` | the same, while one makes a contiguous region of 32 MiB and maps it | |
//! | `map_touch_unmap` | before making a one-page region, mapping it and writing to it | after unmapping and closing it |
//! | `first_touch` | before the first write to a page of a lazily backed region | after it |
//! | `spawn_exit_reap` | before making a process of a program in the bundle | after its end was told and its handles were closed |
//! | `boot_to_first_program` | the kernel's entry | the first line of this program's `main` |
//!
//! In the rows `timer_wake_destroy` to `timer_wake_contiguous` only those wake-ups count that were due, and happened, while the long operation went on (a period is 8 to 24 us,
//! so that each operation meets many); a row without several in each operation, or whose operation did not do all it should, has no numbers and fails the bench.
//!
//! This library has the numbers and what both programs agree on; it is tested on the host.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod options;
pub mod overlap;
pub mod protocol;
pub mod report;
pub mod samples;
