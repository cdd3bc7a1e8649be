//! The page a process made by the suite shares with it: what to run, with which arguments, and what came out.

use core::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use airox_abi::Handle;

use crate::failure::{Failure, Outcome};

/// Threads a child may have.
pub const THREADS: usize = 4;
/// Numbers it may be given, and may give back.
pub const NUMBERS: usize = 32;
/// Bytes of failure text.
const TEXT: usize = 224;

/// What a thread of a child process runs.
pub type ChildFunction = fn(&Block) -> Outcome;

/// The first half of the shared page; the other half is free for a test's own use. All of it is atomic, as both processes use it at once.
#[repr(C)]
pub struct Block {
    functions: [AtomicU64; THREADS],
    arguments: [AtomicU64; NUMBERS],
    results: [AtomicU64; NUMBERS],
    text: [AtomicU8; TEXT],
}

impl Block {
    /// What thread `index` is to run. Programs are linked at a fixed address and child processes map the
    /// suite's own text, so a function's address means the same in all of them.
    pub fn set_function(&self, index: usize, function: ChildFunction) {
        self.functions[index].store(function as usize as u64, Ordering::Release);
    }

    /// What thread `index` runs.
    pub fn function(&self, index: usize) -> ChildFunction {
        let address = self.functions[index].load(Ordering::Acquire) as usize;
        // SAFETY: 1. only `set_function` writes here, before the thread is started; 2. the child maps the
        // same text at the same address.
        unsafe { core::mem::transmute::<usize, ChildFunction>(address) }
    }

    pub fn argument(&self, index: usize) -> u64 {
        self.arguments[index].load(Ordering::Acquire)
    }

    /// An argument that is a handle of the child.
    pub fn handle(&self, index: usize) -> Handle {
        Handle(self.argument(index) as u32)
    }

    pub fn set_argument(&self, index: usize, value: u64) {
        self.arguments[index].store(value, Ordering::Release);
    }

    pub fn result(&self, index: usize) -> u64 {
        self.results[index].load(Ordering::Acquire)
    }

    pub fn set_result(&self, index: usize, value: u64) {
        self.results[index].store(value, Ordering::Release);
    }

    /// Leaves the reason of a failure for the suite.
    pub fn report(&self, failure: &Failure) {
        let text = airox_kernel_suite::text::Text::<TEXT>::format(format_args!("{failure}"));
        for (place, byte) in self.text.iter().zip(text.as_str().bytes().chain(core::iter::repeat(0))) {
            place.store(byte, Ordering::Release);
        }
    }

    /// The reason a child left.
    pub fn text(&self) -> airox_kernel_suite::text::Text<TEXT> {
        let mut text = airox_kernel_suite::text::Text::new();
        for byte in self.text.iter().map(|byte| byte.load(Ordering::Acquire)).take_while(|byte| *byte != 0) {
            let _ = core::fmt::Write::write_char(&mut text, char::from(byte));
        }
        text
    }
}

const _: () = assert!(size_of::<Block>() <= 2048);
