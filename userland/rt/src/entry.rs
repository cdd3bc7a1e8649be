//! From the first instruction to `main`.
//!
//! `_start` gives the thread an aligned stack and a frame pointer of zero, where backtraces end, and calls the symbol that
//! [`crate::entry!`] or [`crate::root_entry!`] made, which names `main` and comes back here.

use crate::start::{self, Start};
use crate::{exit_code, heap, logging, memory};
use airox_abi::layout::START_BLOCK;
use airox_abi::root::{ROOT_MAGIC, RootBlock};
use airox_api::start::{MAX_START_BLOCK, StartBlock, StartBlockError};
use airox_sys::call;
use alloc::boxed::Box;
use core::fmt::Display;

#[cfg(feature = "guest")]
core::arch::global_asm!(
    ".section .text._start, \"ax\", @progbits",
    ".global _start",
    ".type _start, @function",
    "_start:",
    "xor ebp, ebp",
    "and rsp, -16",
    "call airox_program",
    "ud2",
    ".size _start, . - _start",
    ".text",
);

/// Exists only for the compiled `core`, which names them; programs abort on panic, so nothing ever unwinds.
#[cfg(feature = "guest")]
mod unwinding {
    // SAFETY: 1. nothing else in a program defines this symbol.
    #[unsafe(no_mangle)]
    extern "C" fn rust_eh_personality() -> ! {
        airox_sys::call::process_exit(crate::exit_code::PANIC)
    }

    // SAFETY: 1. nothing else in a program defines this symbol.
    #[unsafe(no_mangle)]
    extern "C" fn _Unwind_Resume() -> ! {
        airox_sys::call::process_exit(crate::exit_code::PANIC)
    }
}

/// Prepares a program and runs its `main`. Called once, by [`crate::entry!`].
#[doc(hidden)]
pub fn enter_program<E: Display>(main: fn(&'static Start) -> Result<(), E>) -> ! {
    // The block is read twice: before there is a heap only for the heap's size, then whole.
    let Some((bytes, heap_bytes)) = start_block() else { call::process_exit(exit_code::BAD_START_BLOCK) };
    prepare_heap(heap_bytes);
    let Ok(block) = StartBlock::parse(bytes) else { call::process_exit(exit_code::BAD_START_BLOCK) };
    let start: &'static Start = Box::leak(Box::new(Start::new(block)));
    start::set(start);
    logging::start(start);
    // Not inlined, so that a backtrace names the program's own `main`.
    let code = match core::hint::black_box(main)(start) {
        Ok(()) => exit_code::SUCCESS,
        Err(error) => {
            log::error!("{error}");
            exit_code::FAILURE
        }
    };
    call::process_exit(code)
}

/// Prepares a root program and runs its `main`. Called once, by [`crate::root_entry!`].
#[doc(hidden)]
pub fn enter_root(main: fn(&'static RootBlock) -> !, heap_bytes: u64) -> ! {
    // SAFETY:
    // 1. The kernel maps the root block read-only here for the root task's whole life.
    // 2. Any bit pattern is a `RootBlock`.
    let root: &'static RootBlock = unsafe { &*(START_BLOCK as *const RootBlock) };
    if root.magic != ROOT_MAGIC {
        call::process_exit(exit_code::BAD_START_BLOCK)
    }
    prepare_heap(heap_bytes);
    logging::start_root(root.machine);
    core::hint::black_box(main)(root)
}

fn prepare_heap(bytes: u64) {
    // SAFETY: 1. called once, from the entry functions, which run once, before anything allocates; 2. there is one thread.
    match unsafe { heap::start(bytes) } {
        Ok(end) => memory::start(end),
        Err(_) => call::process_exit(exit_code::NO_HEAP),
    }
}

/// The start block's bytes and the heap size it asks for.
fn start_block() -> Option<(&'static [u8], u64)> {
    // SAFETY:
    // 1. The creator maps the start block read-only at this address for the program's whole life.
    // 2. Its first four bytes are in its first page.
    let prefix = unsafe { core::slice::from_raw_parts(START_BLOCK as *const u8, 4) };
    let length = u32::from_le_bytes(*prefix.first_chunk()?) as usize + prefix.len();
    if length > MAX_START_BLOCK {
        return None;
    }
    // SAFETY:
    // 1. as above; a creator that states more than it mapped makes the program fault, which harms nobody else.
    let bytes = unsafe { core::slice::from_raw_parts(START_BLOCK as *const u8, length) };
    match airox_api::start::heap_bytes(bytes) {
        Ok(heap_bytes) => Some((bytes, heap_bytes)),
        Err(StartBlockError::Malformed | StartBlockError::TooLong) => None,
    }
}
