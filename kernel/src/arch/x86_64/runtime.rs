//! What compiled Rust expects of a C library on this target, as far as this kernel's code does: the linker tells what is missing.
//!
//! The string instructions keep these short, and copy whole pages at memory speed on every CPU of the last decade. They use
//! no vector registers.

use core::arch::naked_asm;

/// `memcpy`: copies `rdx` bytes from `rsi` to `rdi`, forward, eight at a time.
#[unsafe(no_mangle)]
#[unsafe(naked)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
    naked_asm!(
        "mov rax, rdi",
        "mov rcx, rdx",
        "shr rcx, 3",
        "rep movsq",
        "mov ecx, edx",
        "and ecx, 7",
        "rep movsb",
        "ret",
    )
}

/// `memmove`: like `memcpy`, but backward when the destination begins inside the source.
#[unsafe(no_mangle)]
#[unsafe(naked)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
    naked_asm!(
        "mov rax, rdi",
        "sub rax, rsi",
        "cmp rax, rdx",
        "jae {memcpy}",
        "mov rax, rdi",
        "lea rdi, [rdi + rdx - 1]",
        "lea rsi, [rsi + rdx - 1]",
        "mov rcx, rdx",
        "std",
        "rep movsb",
        "cld",
        "ret",
        memcpy = sym memcpy,
    )
}

/// `memset`: fills `rdx` bytes at `rdi` with the low byte of `esi`.
#[unsafe(no_mangle)]
#[unsafe(naked)]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, length: usize) -> *mut u8 {
    naked_asm!(
        "mov r8, rdi",
        "movzx eax, sil",
        "movabs rcx, 0x0101010101010101",
        "imul rax, rcx",
        "mov rcx, rdx",
        "shr rcx, 3",
        "rep stosq",
        "mov ecx, edx",
        "and ecx, 7",
        "rep stosb",
        "mov rax, r8",
        "ret",
    )
}

/// `bcmp`: 0 if `rdx` bytes at `rdi` and `rsi` are equal, else 1. (Nothing in the kernel asks for the order that `memcmp` tells.)
#[unsafe(no_mangle)]
#[unsafe(naked)]
unsafe extern "C" fn bcmp(left: *const u8, right: *const u8, length: usize) -> i32 {
    naked_asm!(
        "mov rcx, rdx",
        // Sets ZF, so that a length of 0 compares equal.
        "xor eax, eax",
        "repe cmpsb",
        "setne al",
        "ret",
    )
}
