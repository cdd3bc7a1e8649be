//! What a freestanding program owes the compiler: the memory functions, the panic handler, and the
//! symbols `core` refers to although nothing unwinds.

use core::alloc::{GlobalAlloc, Layout};
use core::arch::asm;
use core::panic::PanicInfo;

use airox_loader::console;

/// The loader has no heap. Two crates it uses link `alloc`, but what is called of them allocates nothing.
struct NoHeap;

// SAFETY: it never returns memory.
unsafe impl GlobalAlloc for NoHeap {
    unsafe fn alloc(&self, _layout: Layout) -> *mut u8 {
        core::ptr::null_mut()
    }

    unsafe fn dealloc(&self, _memory: *mut u8, _layout: Layout) {}
}

#[global_allocator]
static HEAP: NoHeap = NoHeap;

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    match info.location() {
        Some(place) => {
            console::fail(format_args!("internal error: {} ({}:{})", info.message(), place.file(), place.line()))
        }
        None => console::fail(format_args!("internal error: {}", info.message())),
    }
}

/// Named by `core`; nothing unwinds, so nothing calls it.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// Named by `core`; nothing unwinds, so nothing calls it.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    console::fail(format_args!("internal error: unwinding"))
}

// The string instructions are the smallest form, and fast on every 64-bit CPU. They must not be written
// in Rust: the compiler would turn the loops back into calls of these very functions.

/// C's `memcpy`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(target: *mut u8, source: *const u8, length: usize) -> *mut u8 {
    // SAFETY: the caller promises `length` bytes readable and writable, without overlap; the
    // direction flag is clear, by the ABI.
    unsafe {
        asm!(
            "rep movsb",
            inout("rcx") length => _,
            inout("rdi") target => _,
            inout("rsi") source => _,
            options(nostack, preserves_flags)
        );
    }
    target
}

/// C's `memmove`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(target: *mut u8, source: *const u8, length: usize) -> *mut u8 {
    if (target as usize).wrapping_sub(source as usize) >= length {
        // SAFETY: the target does not start inside the source, so copying upwards is right.
        return unsafe { memcpy(target, source, length) };
    }
    // SAFETY: (1) the caller promises `length` bytes readable and writable; (2) the target starts inside the
    // source, so copying downwards reads each byte before it is overwritten, and `length` is not 0;
    // (3) the direction flag is cleared again.
    unsafe {
        asm!(
            "std",
            "rep movsb",
            "cld",
            inout("rcx") length => _,
            inout("rdi") target.add(length - 1) => _,
            inout("rsi") source.add(length - 1) => _,
            options(nostack)
        );
    }
    target
}

/// C's `memset`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(target: *mut u8, byte: i32, length: usize) -> *mut u8 {
    // SAFETY: the caller promises `length` writable bytes; the direction flag is clear, by the ABI.
    unsafe {
        asm!(
            "rep stosb",
            inout("rcx") length => _,
            inout("rdi") target => _,
            in("al") byte as u8,
            options(nostack, preserves_flags)
        );
    }
    target
}

/// C's `memcmp`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, length: usize) -> i32 {
    for index in 0..length {
        // SAFETY: the caller promises `length` readable bytes behind both pointers.
        let (left, right) = unsafe { (left.add(index).read(), right.add(index).read()) };
        if left != right {
            return i32::from(left) - i32::from(right);
        }
    }
    0
}

/// C's `bcmp`.
#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(left: *const u8, right: *const u8, length: usize) -> i32 {
    // SAFETY: the same contract.
    unsafe { memcmp(left, right, length) }
}

/// C's `strlen`.
#[unsafe(no_mangle)]
unsafe extern "C" fn strlen(text: *const u8) -> usize {
    let mut length = 0;
    // SAFETY: the caller promises a byte 0 at the end, and readable bytes up to it.
    while unsafe { text.add(length).read_volatile() } != 0 {
        length += 1;
    }
    length
}
