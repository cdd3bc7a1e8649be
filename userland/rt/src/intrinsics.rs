//! The C memory functions that compiled Rust calls, tuned for ring 3: SSE2 for all lengths. From 32 KiB on the string instructions are no
//! faster on CPUs that have fast ones, and an emulated processor carries them out byte by byte.
//!
//! They are assembly because a loop in Rust that copies memory may itself be compiled to a call of `memcpy`.
//! On the host they have mangled names and are only tested.

use core::arch::naked_asm;

/// Copies `length` bytes. The ranges may overlap if `target` is below `source`.
///
/// # Safety
/// C's contract: both ranges valid; no overlap with `target` above `source`.
#[cfg_attr(feature = "guest", unsafe(no_mangle))]
#[unsafe(naked)]
pub unsafe extern "C" fn memcpy(target: *mut u8, source: *const u8, length: usize) -> *mut u8 {
    // Every path up to 32 bytes, and each round of the loop, loads all it needs before it stores. The last 32
    // bytes are loaded before the loop, which may overwrite them when the ranges overlap.
    naked_asm!(
        "mov rax, rdi",
        "cmp rdx, 16",
        "jb 2f",
        "cmp rdx, 32",
        "ja 3f",
        "movups xmm0, [rsi]",
        "movups xmm1, [rsi + rdx - 16]",
        "movups [rdi], xmm0",
        "movups [rdi + rdx - 16], xmm1",
        "ret",
        // 33 bytes or more.
        "3:",
        "movups xmm4, [rsi + rdx - 32]",
        "movups xmm5, [rsi + rdx - 16]",
        "lea r8, [rdi + rdx]",
        "cmp rdx, 64",
        "jbe 5f",
        "4:",
        "movups xmm0, [rsi]",
        "movups xmm1, [rsi + 16]",
        "movups xmm2, [rsi + 32]",
        "movups xmm3, [rsi + 48]",
        "movups [rdi], xmm0",
        "movups [rdi + 16], xmm1",
        "movups [rdi + 32], xmm2",
        "movups [rdi + 48], xmm3",
        "add rsi, 64",
        "add rdi, 64",
        "sub rdx, 64",
        "cmp rdx, 64",
        "ja 4b",
        "5:",
        "cmp rdx, 32",
        "jbe 9f",
        "movups xmm0, [rsi]",
        "movups xmm1, [rsi + 16]",
        "movups [rdi], xmm0",
        "movups [rdi + 16], xmm1",
        "9:",
        "movups [r8 - 32], xmm4",
        "movups [r8 - 16], xmm5",
        "ret",
        // Below 16 bytes: first and last part overlap; 1 to 3 bytes are first, middle and last.
        "2:",
        "cmp edx, 8",
        "jb 6f",
        "mov rcx, [rsi]",
        "mov r8, [rsi + rdx - 8]",
        "mov [rdi], rcx",
        "mov [rdi + rdx - 8], r8",
        "ret",
        "6:",
        "cmp edx, 4",
        "jb 7f",
        "mov ecx, [rsi]",
        "mov r8d, [rsi + rdx - 4]",
        "mov [rdi], ecx",
        "mov [rdi + rdx - 4], r8d",
        "ret",
        "7:",
        "test edx, edx",
        "jz 8f",
        "movzx ecx, byte ptr [rsi]",
        "movzx r8d, byte ptr [rsi + rdx - 1]",
        "mov r9, rdx",
        "shr r9, 1",
        "movzx r10d, byte ptr [rsi + r9]",
        "mov [rdi + r9], r10b",
        "mov [rdi + rdx - 1], r8b",
        "mov [rdi], cl",
        "ret",
        "8:",
        "ret",
    )
}

/// Copies `length` bytes; the ranges may overlap in any way.
///
/// # Safety
/// C's contract: both ranges valid.
#[cfg_attr(feature = "guest", unsafe(no_mangle))]
#[unsafe(naked)]
pub unsafe extern "C" fn memmove(target: *mut u8, source: *const u8, length: usize) -> *mut u8 {
    // Forward is right unless the target starts inside the source. Up to 32 bytes `memcpy` loads everything
    // first, so only longer overlapping copies go backward; their first 32 bytes are loaded before the loop.
    naked_asm!(
        "mov rax, rdi",
        "sub rax, rsi",
        "cmp rax, rdx",
        "jae {memcpy}",
        "cmp rdx, 32",
        "jbe {memcpy}",
        "movups xmm2, [rsi]",
        "movups xmm3, [rsi + 16]",
        "2:",
        "movups xmm0, [rsi + rdx - 16]",
        "movups xmm1, [rsi + rdx - 32]",
        "movups [rdi + rdx - 16], xmm0",
        "movups [rdi + rdx - 32], xmm1",
        "sub rdx, 32",
        "cmp rdx, 32",
        "ja 2b",
        "movups [rdi], xmm2",
        "movups [rdi + 16], xmm3",
        "mov rax, rdi",
        "ret",
        memcpy = sym memcpy,
    )
}

/// Fills `length` bytes with the low byte of `value`.
///
/// # Safety
/// C's contract: the range is valid.
#[cfg_attr(feature = "guest", unsafe(no_mangle))]
#[unsafe(naked)]
pub unsafe extern "C" fn memset(target: *mut u8, value: i32, length: usize) -> *mut u8 {
    naked_asm!(
        "mov r8, rdi",
        "movzx eax, sil",
        "movabs rcx, 0x0101010101010101",
        "imul rax, rcx",
        "cmp rdx, 16",
        "jb 2f",
        "movq xmm0, rax",
        "punpcklqdq xmm0, xmm0",
        "lea rcx, [rdi + rdx - 16]",
        // Whole 16-byte steps up to the last 16 bytes, which are stored apart and may overlap.
        "3:",
        "movups [rdi], xmm0",
        "add rdi, 16",
        "cmp rdi, rcx",
        "jb 3b",
        "movups [rcx], xmm0",
        "mov rax, r8",
        "ret",
        "2:",
        "cmp edx, 8",
        "jb 6f",
        "mov [rdi], rax",
        "mov [rdi + rdx - 8], rax",
        "mov rax, r8",
        "ret",
        "6:",
        "cmp edx, 4",
        "jb 7f",
        "mov [rdi], eax",
        "mov [rdi + rdx - 4], eax",
        "mov rax, r8",
        "ret",
        "7:",
        "test edx, edx",
        "jz 8f",
        "mov [rdi], al",
        "mov [rdi + rdx - 1], al",
        "shr edx, 1",
        "mov [rdi + rdx], al",
        "8:",
        "mov rax, r8",
        "ret",
    )
}

/// Compares `length` bytes: the difference of the first bytes that differ, else 0.
///
/// # Safety
/// C's contract: both ranges valid.
#[cfg_attr(feature = "guest", unsafe(no_mangle))]
#[unsafe(naked)]
pub unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, length: usize) -> i32 {
    naked_asm!(
        "xor ecx, ecx",
        "sub rdx, 16",
        "jb 3f",
        // 16 bytes at a time while 16 are left; `rdx` is the last such offset.
        "2:",
        "movdqu xmm0, [rdi + rcx]",
        "movdqu xmm1, [rsi + rcx]",
        "pcmpeqb xmm0, xmm1",
        "pmovmskb eax, xmm0",
        "xor eax, 0xffff",
        "jnz 5f",
        "add rcx, 16",
        "cmp rcx, rdx",
        "jbe 2b",
        "3:",
        "add rdx, 16",
        "4:",
        "cmp rcx, rdx",
        "je 6f",
        "movzx eax, byte ptr [rdi + rcx]",
        "movzx r8d, byte ptr [rsi + rcx]",
        "inc rcx",
        "sub eax, r8d",
        "jz 4b",
        "ret",
        "5:",
        "bsf eax, eax",
        "add rcx, rax",
        "movzx eax, byte ptr [rdi + rcx]",
        "movzx r8d, byte ptr [rsi + rcx]",
        "sub eax, r8d",
        "ret",
        "6:",
        "xor eax, eax",
        "ret",
    )
}

/// As [`memcmp`]; only "equal" and "not equal" count.
///
/// # Safety
/// C's contract: both ranges valid.
#[cfg_attr(feature = "guest", unsafe(no_mangle))]
#[unsafe(naked)]
pub unsafe extern "C" fn bcmp(left: *const u8, right: *const u8, length: usize) -> i32 {
    naked_asm!("jmp {memcmp}", memcmp = sym memcmp)
}

/// Bytes before the first zero byte.
///
/// # Safety
/// C's contract: a valid string that ends with a zero byte.
#[cfg_attr(feature = "guest", unsafe(no_mangle))]
#[unsafe(naked)]
pub unsafe extern "C" fn strlen(text: *const u8) -> usize {
    naked_asm!("mov rax, rdi", "2:", "cmp byte ptr [rax], 0", "je 3f", "inc rax", "jmp 2b", "3:", "sub rax, rdi", "ret",)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    const LENGTHS: [usize; 30] = [
        0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 63, 64, 65, 95, 96, 97, 100, 127, 128, 129, 4095, 4096,
        4097, 9000,
    ];

    fn pattern(length: usize) -> Vec<u8> {
        (0..length).map(|index| (index * 7 + index / 251) as u8).collect()
    }

    #[test]
    fn copies_are_exact_and_touch_nothing_else() {
        for length in LENGTHS {
            let source = pattern(length + 2);
            let mut target = alloc::vec![0xee_u8; length + 2];
            let place = target[1..].as_mut_ptr();
            // SAFETY: 1. both ranges hold `length` bytes; 2. they are different vectors.
            let returned = unsafe { super::memcpy(place, source[1..].as_ptr(), length) };
            assert_eq!(returned, place);
            assert_eq!(target[1..=length], source[1..=length], "length {length}");
            assert_eq!((target[0], target[length + 1]), (0xee, 0xee), "length {length}");
        }
    }

    #[test]
    fn moves_survive_every_overlap() {
        for length in LENGTHS {
            for distance in [0, 1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 200] {
                let original = pattern(length + distance);
                let mut up = original.clone();
                let base = up.as_mut_ptr();
                // SAFETY: 1. both ranges lie in `up`.
                unsafe { super::memmove(base.add(distance), base, length) };
                assert_eq!(up[distance..], original[..length], "up {length} by {distance}");
                let mut down = original.clone();
                let base = down.as_mut_ptr();
                // SAFETY: 1. both ranges lie in `down`.
                unsafe { super::memmove(base, base.add(distance), length) };
                assert_eq!(down[..length], original[distance..], "down {length} by {distance}");
            }
        }
    }

    #[test]
    fn fills_are_exact() {
        for length in LENGTHS {
            let mut target = alloc::vec![0xee_u8; length + 2];
            // SAFETY: 1. the range lies in `target`.
            unsafe { super::memset(target.as_mut_ptr().add(1), 0x1_5a, length) };
            assert!(target[1..=length].iter().all(|byte| *byte == 0x5a), "length {length}");
            assert_eq!((target[0], target[length + 1]), (0xee, 0xee), "length {length}");
        }
    }

    fn compare(left: &[u8], right: &[u8]) -> i32 {
        assert_eq!(left.len(), right.len());
        // SAFETY: 1. both ranges hold that many bytes.
        let order = unsafe { super::memcmp(left.as_ptr(), right.as_ptr(), left.len()) };
        // SAFETY: as above.
        let equal = unsafe { super::bcmp(left.as_ptr(), right.as_ptr(), left.len()) };
        assert_eq!(order == 0, equal == 0);
        order
    }

    #[test]
    fn comparisons_find_the_first_difference() {
        for length in LENGTHS {
            let left = pattern(length);
            assert_eq!(compare(&left, &left), 0);
            for place in [0, length / 2, length.saturating_sub(1)] {
                if place < length && left[place] < 255 {
                    let mut right = left.clone();
                    right[place] = 255;
                    // A later difference the other way round must not count.
                    if place + 1 < length {
                        right[length - 1] = 0;
                    }
                    assert!(compare(&left, &right) < 0, "length {length}, place {place}");
                    assert!(compare(&right, &left) > 0, "length {length}, place {place}");
                }
            }
        }
    }

    #[test]
    fn string_length() {
        // SAFETY: 1. both end with a zero byte.
        let lengths = unsafe { [super::strlen(c"".as_ptr().cast()), super::strlen(c"seven b".as_ptr().cast())] };
        assert_eq!(lengths, [0, 7]);
    }
}
