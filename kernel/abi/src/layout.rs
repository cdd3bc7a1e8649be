//! The addresses and sizes kernel and programs must agree on.

/// Bytes in a page, and in a frame.
pub const PAGE_SIZE: u64 = 4096;
/// Nothing below this address can be mapped: null and near-null pointers always fault.
pub const USER_START: u64 = 0x1_0000;
/// First address past what a program can map. One page short of the canonical half, so that the
/// instruction after a `syscall` always has a canonical address (SYSRET with a non-canonical `rcx`
/// faults in ring 0 on Intel CPUs).
pub const USER_END: u64 = 0x7fff_ffff_f000;
/// Every process sees the clock page ([`crate::info::ClockPage`]) here, read-only.
pub const CLOCK_PAGE: u64 = 0x40_0000;
/// Where the creator of a process maps its start block, by convention; the kernel does so for the
/// root task ([`crate::root::RootBlock`]).
pub const START_BLOCK: u64 = 0x40_1000;
/// Programs are linked to start here.
pub const PROGRAM_BASE: u64 = 0x41_0000;
/// Top of the first thread's stack, by convention: the stack grows down from here with an unmapped guard page
/// below it. In the same 1 GiB as the program, so both share page directories.
pub const STACK_TOP: u64 = 0x1000_0000;
/// Where the runtime maps its heap and further regions, upward.
pub const DYNAMIC_START: u64 = 0x1000_0000;

/// The priority range: 0 is the lowest, 255 the highest.
pub const PRIORITIES: usize = 256;
/// Largest number of pages in one region (16 GiB).
pub const MAX_REGION_PAGES: u64 = 1 << 22;
/// Most mappings of one process.
pub const MAX_MAPPINGS: usize = 256;
/// The interrupt lines that are message-signalled: no pin, but a device's write of [`LINE_VECTOR`] + line to
/// [`message_address`](crate::info::KernelInfo::message_address). They are edge-triggered.
pub const MESSAGE_LINES: core::ops::Range<u32> = 128..192;
/// The vector of interrupt line 0; the others' follow.
pub const LINE_VECTOR: u8 = 0x30;
/// Bytes in a process's or thread's name; shorter names are padded with zeros.
pub const NAME_LENGTH: usize = 16;
