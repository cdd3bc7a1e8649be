//! The forbidden instructions themselves.
//!
//! Each is one piece of assembly, so that the compiler can assume nothing about it and removes nothing. All are meant to fault; the
//! kernel then ends this program, and no Rust code sees what they did. Should one not fault, each leaves registers and
//! memory as it promises, and `show` returns. None is inlined, so that the report names it.

use airox_apps::fault::Demonstration;
use core::arch::asm;

/// A function in data: `ret`. Data is never executable.
static FUNCTION_IN_DATA: [u8; 16] = [0xc3; 16];

/// Executes the instruction.
#[inline(never)]
pub fn show(demonstration: Demonstration) {
    match demonstration {
        Demonstration::NullRead => null_read(),
        Demonstration::NullWrite => null_write(),
        Demonstration::ExecuteData => execute_data(),
        Demonstration::WriteCode => write_code(),
        Demonstration::StackOverflow => stack_overflow(),
        Demonstration::Divide => divide(),
        Demonstration::InvalidInstruction => invalid_instruction(),
        Demonstration::Privileged => privileged(),
        Demonstration::IoPort => io_port(),
        Demonstration::UnalignedVector => unaligned_vector(),
        Demonstration::Deaf | Demonstration::SetClock | Demonstration::Panic | Demonstration::Exit(_) => {}
    }
}

#[inline(never)]
fn null_read() {
    // SAFETY: 1. reads into a register declared as clobbered; writes nothing.
    unsafe {
        asm!("mov {value:r}, qword ptr [{address}]", address = in(reg) 0_u64, value = out(reg) _, options(nostack))
    }
}

#[inline(never)]
fn null_write() {
    // SAFETY: 1. no Rust object lies in the first page, which is never mapped.
    unsafe { asm!("mov qword ptr [{address}], {address}", address = in(reg) 0_u64, options(nostack)) }
}

#[inline(never)]
fn execute_data() {
    let function = FUNCTION_IN_DATA.as_ptr();
    // SAFETY:
    // 1. The bytes called are `ret`: if they were executable, the call would come back at once.
    // 2. Everything a function may change is declared as clobbered, and the stack may be used.
    unsafe { asm!("call {function}", function = in(reg) function, clobber_abi("sysv64")) }
}

#[inline(never)]
fn write_code() {
    let code = show as fn(Demonstration) as *const u8;
    // SAFETY: 1. should the page be writable, the byte that is written is the one that was there.
    unsafe {
        asm!(
            "mov {byte}, byte ptr [{code}]",
            "mov byte ptr [{code}], {byte}",
            code = in(reg) code,
            byte = out(reg_byte) _,
            options(nostack),
        );
    }
}

#[inline(never)]
fn stack_overflow() {
    // SAFETY: 1. never comes back, and writes only below the stack pointer, down to the guard page.
    unsafe { asm!("2:", "call 2b", options(noreturn)) }
}

#[inline(never)]
fn divide() {
    // SAFETY: 1. changes only registers declared as clobbered.
    unsafe {
        asm!("div {zero:e}", zero = in(reg) 0_u32, inout("eax") 1 => _, inout("edx") 0 => _, options(nomem, nostack))
    }
}

#[inline(never)]
fn invalid_instruction() {
    // SAFETY: 1. `ud2` does nothing but fault.
    unsafe { asm!("ud2", options(nomem, nostack)) }
}

#[inline(never)]
fn privileged() {
    // SAFETY: 1. `hlt` changes no registers or memory.
    unsafe { asm!("hlt", options(nomem, nostack)) }
}

#[inline(never)]
fn io_port() {
    const RTC_INDEX: u16 = 0x70;
    // SAFETY: 1. reading this port changes no memory, and only the register declared as clobbered.
    unsafe { asm!("in al, dx", in("dx") RTC_INDEX, out("al") _, options(nomem, nostack)) }
}

#[inline(never)]
fn unaligned_vector() {
    let bytes = [0_u128; 3];
    let odd = bytes.as_ptr().cast::<u8>().wrapping_add(1);
    // SAFETY: 1. reads 16 of the 48 bytes into a register declared as clobbered.
    unsafe {
        asm!("movaps {value}, xmmword ptr [{odd}]", odd = in(reg) odd, value = out(xmm_reg) _, options(nostack, readonly))
    }
}
