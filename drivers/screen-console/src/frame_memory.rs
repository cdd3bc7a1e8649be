//! Mapped frame buffer memory.
#![allow(unsafe_code)]

use crate::painter::Canvas;
use core::ptr::NonNull;

/// Frame buffer memory mapped into this process, for writing only.
pub struct FrameMemory {
    start: NonNull<u8>,
    length: usize,
}

impl FrameMemory {
    /// The memory of a mapping.
    ///
    /// # Safety
    /// `length` bytes from `start` on are mapped writable for as long as the result lives, are no part of Rust's memory (stack, heap,
    /// statics), and nothing else writes them.
    #[must_use]
    pub const unsafe fn new(start: NonNull<u8>, length: usize) -> FrameMemory {
        FrameMemory { start, length }
    }
}

impl Canvas for FrameMemory {
    fn write(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset.checked_add(bytes.len());
        if end.is_none_or(|end| end > self.length) {
            return;
        }
        // SAFETY: (1) the range was just checked to lie in the mapping; (2) the mapping is writable and ours alone, by the promise
        // given to `new`; (3) `bytes` is Rust's memory, which the mapping is no part of, so they do not overlap.
        unsafe {
            let target = self.start.as_ptr().add(offset);
            core::ptr::copy_nonoverlapping(bytes.as_ptr(), target, bytes.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_inside_and_nowhere_else() {
        let mut memory = [0u8; 8];
        let start = NonNull::from(&mut memory).cast();
        // SAFETY: (1) `start` has 4 writable bytes; (2) `memory` outlives the canvas and is read only after it is gone.
        let mut canvas = unsafe { FrameMemory::new(start, 4) };
        canvas.write(1, b"abc");
        canvas.write(2, b"xyz");
        canvas.write(usize::MAX, b"xyz");
        canvas.write(4, b"");
        assert_eq!(memory, *b"\0abc\0\0\0\0");
    }
}
