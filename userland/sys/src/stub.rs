//! The `syscall` instruction and the registers around it.
//!
//! Three shapes, each as few instructions as the convention allows:
//! - [`simple`]: up to six arguments and four results; everything that carries no message.
//! - [`message`]: a message in registers only, `rbx` zero, so that nobody can make the kernel write
//!   received handles to memory.
//! - [`message_extended`]: the same with an [`Extension`].
//!
//! `rbx` belongs to LLVM and can't be an operand, so it is saved on the stack around the
//! instruction (no red zone: programs are compiled without one, and an `asm!` block without
//! `nostack` is kept away from it). The extension's address travels in `rcx`, which `syscall`
//! overwrites anyway.
//!
//! None of the blocks says `nomem`: a system call that reads or writes the program's memory through
//! an address in a register is ordered with the program's own accesses.

use airox_abi::Error;
use airox_abi::message::{Extension, Tag, WORDS};

/// A message as it was received: the badge of the sender's handle, the tag and eight words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Badge of the handle the sender used; meaningless in a reply.
    pub badge: u64,
    /// The tag, with the kind the kernel wrote.
    pub tag: Tag,
    /// The words.
    pub words: [u64; WORDS],
}

/// Everything a system call left in registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raw {
    /// `rax`: 0 or an [`Error`] code.
    pub error: u64,
    /// `rdi, rsi, rdx, r8, r9, r10, r12, r13, r14`.
    pub values: [u64; 9],
    /// `r15`.
    pub tag: u64,
}

/// The error for a code that is not 0. A code this program does not know can only come from a
/// newer kernel; it is reported as an invalid call.
#[cold]
#[inline(never)]
fn error_from(code: u64) -> Error {
    Error::from_code(code).unwrap_or(Error::InvalidSystemCall)
}

/// Turns `rax` into a result.
#[inline(always)]
pub(crate) fn check(code: u64) -> Result<(), Error> {
    if code == 0 { Ok(()) } else { Err(error_from(code)) }
}

/// One system call with every register chosen by the caller, for tests of the kernel.
///
/// `arguments` go to `rdi, rsi, rdx, r8, r9, r10, r12, r13, r14`, `tag` to `r15`, `extension` to `rbx`.
///
/// # Safety
/// The kernel may write to any address given and may map or unmap memory of this program: the
/// caller makes sure that no Rust object lives in what such a call can reach.
#[must_use]
pub unsafe fn raw(number: u64, arguments: [u64; 9], tag: u64, extension: u64) -> Raw {
    registers(number, arguments, tag, extension)
}

#[cfg(feature = "guest")]
mod instruction {
    use super::Raw;

    #[inline(always)]
    pub(super) fn simple(number: u64, arguments: [u64; 6]) -> (u64, [u64; 4]) {
        let [a0, a1, a2, a3, a4, a5] = arguments;
        let (error, r0, r1, r2, r3);
        // SAFETY:
        // 1. `syscall` enters the kernel, which returns to the next instruction with `rsp`, `rbp` and `rbx` as
        //    they were; every other register is declared an output or clobbered.
        // 2. What the call may do to memory is the business of this module's callers: each public
        //    function is `unsafe` or passes only addresses of live Rust objects.
        unsafe {
            core::arch::asm!(
                "syscall",
                inlateout("rax") number => error,
                inlateout("rdi") a0 => r0,
                inlateout("rsi") a1 => r1,
                inlateout("rdx") a2 => r2,
                inlateout("r8") a3 => r3,
                inlateout("r9") a4 => _,
                inlateout("r10") a5 => _,
                lateout("rcx") _,
                lateout("r11") _,
                lateout("r12") _,
                lateout("r13") _,
                lateout("r14") _,
                lateout("r15") _,
                clobber_abi("sysv64"),
                options(nostack),
            );
        }
        (error, [r0, r1, r2, r3])
    }

    #[inline(always)]
    pub(super) fn without_extension(number: u64, arguments: [u64; 9], tag: u64) -> Raw {
        let [a0, a1, a2, a3, a4, a5, a6, a7, a8] = arguments;
        let (error, r0, r1, r2, r3, r4, r5, r6, r7, r8, tag_out);
        // SAFETY:
        // 1. as in `simple`; `rbx` is restored by the `pop`, and its `push` is below the program's live
        //    stack (no red zone).
        // 2. `rbx` is 0, so the kernel has no extension to read or write.
        unsafe {
            core::arch::asm!(
                "push rbx",
                "xor ebx, ebx",
                "syscall",
                "pop rbx",
                inlateout("rax") number => error,
                inlateout("rdi") a0 => r0,
                inlateout("rsi") a1 => r1,
                inlateout("rdx") a2 => r2,
                inlateout("r8") a3 => r3,
                inlateout("r9") a4 => r4,
                inlateout("r10") a5 => r5,
                inlateout("r12") a6 => r6,
                inlateout("r13") a7 => r7,
                inlateout("r14") a8 => r8,
                inlateout("r15") tag => tag_out,
                lateout("rcx") _,
                lateout("r11") _,
                clobber_abi("sysv64"),
            );
        }
        Raw { error, values: [r0, r1, r2, r3, r4, r5, r6, r7, r8], tag: tag_out }
    }

    #[inline(always)]
    pub(super) fn with_extension(number: u64, arguments: [u64; 9], tag: u64, extension: u64) -> Raw {
        let [a0, a1, a2, a3, a4, a5, a6, a7, a8] = arguments;
        let (error, r0, r1, r2, r3, r4, r5, r6, r7, r8, tag_out);
        // SAFETY:
        // 1. as in `without_extension`.
        // 2. `extension` is 0, the address of a live `Extension`, or an arbitrary value that the caller
        //    of the `unsafe` function `raw` answers for.
        unsafe {
            core::arch::asm!(
                "push rbx",
                "mov rbx, rcx",
                "syscall",
                "pop rbx",
                inlateout("rax") number => error,
                inlateout("rdi") a0 => r0,
                inlateout("rsi") a1 => r1,
                inlateout("rdx") a2 => r2,
                inlateout("r8") a3 => r3,
                inlateout("r9") a4 => r4,
                inlateout("r10") a5 => r5,
                inlateout("r12") a6 => r6,
                inlateout("r13") a7 => r7,
                inlateout("r14") a8 => r8,
                inlateout("r15") tag => tag_out,
                inlateout("rcx") extension => _,
                lateout("r11") _,
                clobber_abi("sysv64"),
            );
        }
        Raw { error, values: [r0, r1, r2, r3, r4, r5, r6, r7, r8], tag: tag_out }
    }
}

/// On the host there is no kernel to ask.
#[cfg(not(feature = "guest"))]
mod instruction {
    use super::Raw;
    use airox_abi::Error;

    const REFUSED: u64 = Error::InvalidSystemCall as u64;

    pub(super) fn simple(_number: u64, _arguments: [u64; 6]) -> (u64, [u64; 4]) {
        (REFUSED, [0; 4])
    }

    pub(super) fn without_extension(_number: u64, values: [u64; 9], tag: u64) -> Raw {
        let error = REFUSED;
        Raw { error, values, tag }
    }

    pub(super) fn with_extension(number: u64, values: [u64; 9], tag: u64, _extension: u64) -> Raw {
        without_extension(number, values, tag)
    }
}

/// A call without a message: up to six arguments, up to four results.
#[inline(always)]
pub(crate) fn simple(number: airox_abi::SystemCall, arguments: [u64; 6]) -> Result<[u64; 4], Error> {
    let (error, values) = instruction::simple(number as u64, arguments);
    check(error).map(|()| values)
}

/// A message in registers only.
#[inline(always)]
pub(crate) fn message(
    number: airox_abi::SystemCall,
    handle: u64,
    tag: Tag,
    words: [u64; WORDS],
) -> Result<Received, Error> {
    let raw = instruction::without_extension(number as u64, arguments(handle, words), tag.0);
    check(raw.error)?;
    Ok(received(&raw))
}

/// A message with handles or leases, or a reception that may bring handles.
#[inline(always)]
pub(crate) fn message_extended(
    number: airox_abi::SystemCall,
    handle: u64,
    tag: Tag,
    words: [u64; WORDS],
    extension: &mut Extension,
) -> Result<Received, Error> {
    let address = core::ptr::from_mut(extension) as u64;
    let raw = instruction::with_extension(number as u64, arguments(handle, words), tag.0, address);
    check(raw.error)?;
    Ok(received(&raw))
}

fn registers(number: u64, arguments: [u64; 9], tag: u64, extension: u64) -> Raw {
    instruction::with_extension(number, arguments, tag, extension)
}

#[inline(always)]
fn arguments(handle: u64, words: [u64; WORDS]) -> [u64; 9] {
    let [w0, w1, w2, w3, w4, w5, w6, w7] = words;
    [handle, w0, w1, w2, w3, w4, w5, w6, w7]
}

#[inline(always)]
fn received(raw: &Raw) -> Received {
    let [badge, words @ ..] = raw.values;
    Received { badge, tag: Tag(raw.tag), words }
}
