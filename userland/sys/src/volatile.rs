//! Memory that others change: device registers, frame buffers, rings shared between processes.
//!
//! Such memory is never seen as a Rust reference; every access is one volatile load or store of a plain
//! number, checked against the window's length.

use core::marker::PhantomData;

mod sealed {
    pub trait Plain: Copy {}
    impl Plain for u8 {}
    impl Plain for u16 {}
    impl Plain for u32 {}
    impl Plain for u64 {}
}

/// A bounds-checked window on such memory. The window borrows the mapping it was made from.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a> {
    base: *mut u8,
    length: usize,
    writable: bool,
    mapping: PhantomData<&'a ()>,
}

// SAFETY:
// 1. A window holds an address and a length; all accesses are volatile, so threads that race through two
//    windows see mixed values of single numbers, as with any device memory, and nothing else.
unsafe impl Send for Window<'_> {}
// SAFETY: as for `Send`.
unsafe impl Sync for Window<'_> {}

impl<'a> Window<'a> {
    /// A window on `length` bytes at `base`.
    ///
    /// # Safety
    /// 1. The range is mapped readable (and writable if `writable`) for `'a`, at least to a multiple of 8 bytes.
    /// 2. No Rust reference to any of it exists in `'a`.
    #[must_use]
    pub const unsafe fn new(base: *mut u8, length: usize, writable: bool) -> Window<'a> {
        Window { base, length, writable, mapping: PhantomData }
    }

    /// Length in bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Whether the window is empty.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Reads a `u8`, `u16`, `u32` or `u64`; `None` if out of range or misaligned.
    #[inline]
    #[must_use]
    pub fn read<T: sealed::Plain>(&self, offset: usize) -> Option<T> {
        let pointer = self.place::<T>(offset)?;
        // SAFETY:
        // 1. `place` checked range and alignment; the range is mapped (`new`).
        // 2. `T` is a plain number: every bit pattern is a value.
        Some(unsafe { pointer.read_volatile() })
    }

    /// Writes one; `None` if out of range, misaligned or read-only.
    #[inline]
    pub fn write<T: sealed::Plain>(&self, offset: usize, value: T) -> Option<()> {
        if !self.writable {
            return None;
        }
        let pointer = self.place::<T>(offset)?;
        // SAFETY:
        // 1. `place` checked range and alignment; the range is mapped writable (`new`).
        // 2. No Rust reference sees the memory (`new`).
        unsafe { pointer.write_volatile(value) };
        Some(())
    }

    /// Writes the cache line with this byte back to memory, before anything that follows; `None` if the byte is out of range. For devices that look
    /// past the processor's caches.
    #[inline]
    pub fn write_back(&self, offset: usize) -> Option<()> {
        let pointer = self.place::<u8>(offset)?;
        // SAFETY:
        // 1. `place` checked the range, which is mapped (`new`); the instructions change no value in memory.
        // 2. Every x86_64 processor has them (SSE2).
        unsafe {
            core::arch::x86_64::_mm_clflush(pointer);
            core::arch::x86_64::_mm_mfence();
        }
        Some(())
    }

    /// Copies out of the window; `None` if the range leaves it.
    pub fn copy_to(&self, offset: usize, bytes: &mut [u8]) -> Option<()> {
        self.range(offset, bytes.len())?;
        let source = self.base.wrapping_add(offset);
        let mut done = 0;
        if (source as usize).is_multiple_of(8) {
            while bytes.len() - done >= 8 {
                // SAFETY: 1. in range and aligned, as just checked; 2. see `read`.
                let value = unsafe { source.add(done).cast::<u64>().read_volatile() };
                bytes[done..done + 8].copy_from_slice(&value.to_ne_bytes());
                done += 8;
            }
        }
        for (index, byte) in bytes.iter_mut().enumerate().skip(done) {
            // SAFETY: 1. in range, as just checked; 2. see `read`.
            *byte = unsafe { source.add(index).read_volatile() };
        }
        Some(())
    }

    /// Copies into the window; `None` if the range leaves it or it is read-only.
    pub fn copy_from(&self, offset: usize, bytes: &[u8]) -> Option<()> {
        if !self.writable {
            return None;
        }
        self.range(offset, bytes.len())?;
        let target = self.base.wrapping_add(offset);
        let mut done = 0;
        if (target as usize).is_multiple_of(8) {
            for chunk in bytes.chunks_exact(8) {
                let mut value = [0; 8];
                value.copy_from_slice(chunk);
                // SAFETY: 1. in range and aligned, as just checked; 2. see `write`.
                unsafe {
                    let place = target.add(done).cast::<u64>();
                    place.write_volatile(u64::from_ne_bytes(value));
                }
                done += 8;
            }
        }
        for (index, byte) in bytes.iter().enumerate().skip(done) {
            // SAFETY: 1. in range, as just checked; 2. see `write`.
            unsafe { target.add(index).write_volatile(*byte) };
        }
        Some(())
    }

    /// A window on a part of this one; `None` if it leaves it.
    #[must_use]
    pub fn part(&self, offset: usize, length: usize) -> Option<Window<'a>> {
        self.range(offset, length)?;
        Some(Window { base: self.base.wrapping_add(offset), length, ..*self })
    }

    fn range(&self, offset: usize, length: usize) -> Option<()> {
        (offset.checked_add(length)? <= self.length).then_some(())
    }

    fn place<T>(&self, offset: usize) -> Option<*mut T> {
        self.range(offset, size_of::<T>())?;
        let pointer = self.base.wrapping_add(offset).cast::<T>();
        pointer.is_aligned().then_some(pointer)
    }
}

#[cfg(test)]
mod tests {
    use super::Window;

    fn with_window(length: usize, writable: bool, test: impl FnOnce(Window<'_>)) {
        let mut memory = [0_u64; 8];
        // SAFETY: 1. 64 bytes, aligned to 8; 2. `memory` is not used while the window lives.
        let window = unsafe { Window::new(memory.as_mut_ptr().cast(), length, writable) };
        test(window);
    }

    #[test]
    fn numbers_and_bytes_round_trip() {
        with_window(64, true, |window| {
            assert_eq!(window.write(8, 0x1122_3344_5566_7788_u64), Some(()));
            assert_eq!(window.read::<u8>(8), Some(0x88));
            assert_eq!(window.read::<u32>(12), Some(0x1122_3344));
            let text = *b"nineteen bytes long";
            assert_eq!(window.copy_from(16, &text), Some(()));
            let mut back = [0; 19];
            assert_eq!(window.copy_to(16, &mut back), Some(()));
            assert_eq!(back, text);
            assert_eq!(window.part(17, 3).and_then(|part| part.read::<u8>(0)), Some(b'i'));
        });
    }

    #[test]
    fn out_of_range_misaligned_and_read_only_are_refused() {
        with_window(60, false, |window| {
            assert_eq!(window.read::<u64>(56), None);
            assert_eq!(window.read::<u32>(2), None);
            assert_eq!(window.read::<u8>(usize::MAX), None);
            assert_eq!(window.write(0, 1_u8), None);
            assert_eq!(window.copy_from(0, &[1]), None);
            assert_eq!(window.copy_to(59, &mut [0; 2]), None);
            assert!(window.part(1, 60).is_none());
        });
    }
}
