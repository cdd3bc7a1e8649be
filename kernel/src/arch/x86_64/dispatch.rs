//! What the entry stubs call: Rust with interrupts off, on the CPU's kernel stack. Each returns the context to resume.

use super::cpu::Cpu;
use super::local_apic::{ERROR, FIRST_LINE, INSPECT, SPURIOUS, TIMER};
use super::machine::Pc;
use super::{clock, paging};
use airox_kernel_core::context::Context;
use airox_kernel_core::{Exception, Kernel};
use core::sync::atomic::{AtomicU64, Ordering};
use x86_64::registers::control::Cr2;

/// Where the last snapshot of the kernel's state is: address and length in bytes, both 0 before the first. A debugger outside
/// the machine finds this by its name, asks for a snapshot by a non-maskable interrupt and reads it from memory.
#[unsafe(no_mangle)]
static AIROX_SNAPSHOT: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];

const PAGE_FAULT: u8 = 14;
/// The first vector that is not an exception.
const FIRST_INTERRUPT: u8 = 32;

/// A system call that neither blocks nor looks at any object: it gets its number, answers by its error code, and its caller's
/// registers have not been saved. There is one.
pub extern "C" fn light_call(_number: u64) -> u64 {
    0
}

/// The running thread executed `syscall`.
pub extern "C" fn system_call(cpu: *mut Cpu) -> *mut Context {
    // SAFETY: 1. `cpu` is this CPU's structure, whose kernel is set and never freed. 2. Interrupts are off from entry to exit and
    // only one CPU runs, so this is the only reference to the kernel.
    let kernel = unsafe { &mut *(*cpu).kernel };
    kernel.system_call()
}

/// An interrupt, or an exception of ring 3.
pub extern "C" fn interrupt(cpu: *mut Cpu, vector: u32) -> *mut Context {
    // SAFETY: as in `system_call`.
    let kernel = unsafe { &mut *(*cpu).kernel };
    let vector = vector as u8;
    match vector {
        TIMER => {
            end_of_interrupt();
            // SAFETY: 1. The GS base is set. 2. The reference ends with this statement.
            if unsafe { Cpu::current() }.local_apic().expired(clock::now()) {
                kernel.timer();
            }
        }
        0..FIRST_INTERRUPT => exception(kernel, vector),
        FIRST_LINE..TIMER => {
            kernel.interrupt(u32::from(vector - FIRST_LINE));
            // After the kernel had its chance to mask the line: a level-triggered one would interrupt again at once.
            end_of_interrupt();
        }
        _ => rare_interrupt(kernel, vector),
    }
    kernel.current()
}

#[inline(never)]
fn exception(kernel: &mut Kernel<Pc>, vector: u8) {
    let address = if vector == PAGE_FAULT { Cr2::read_raw() } else { 0 };
    let code = kernel.current().code;
    kernel.exception(Exception { vector, code, address });
}

#[cold]
#[inline(never)]
fn rare_interrupt(kernel: &mut Kernel<Pc>, vector: u8) {
    match vector {
        INSPECT => {
            end_of_interrupt();
            kernel.take_snapshot();
            let buffer = kernel.snapshot_buffer();
            AIROX_SNAPSHOT[1].store(buffer.len() as u64, Ordering::Relaxed);
            AIROX_SNAPSHOT[0].store(buffer.as_ptr() as u64, Ordering::Release);
        }
        // Nothing is in service.
        SPURIOUS => {}
        ERROR => {
            end_of_interrupt();
            log::warn!("local APIC error");
        }
        _ => log::warn!("interrupt with unused vector {vector}"),
    }
}

fn end_of_interrupt() {
    // SAFETY: 1. The GS base is set. 2. The reference ends with this statement.
    unsafe { Cpu::current() }.local_apic().end_of_interrupt();
}

/// What the stubs have pushed when an exception cannot be survived: the end of a [`Context`], without vector registers.
#[repr(C)]
pub struct Pushed {
    resume: u64,
    words: [u64; 8],
    tag: u64,
    rdi: u64,
    rbx: u64,
    rbp: u64,
    r11: u64,
    rcx: u64,
    rax: u64,
    code: u64,
    ip: u64,
    cs: u64,
    flags: u64,
    sp: u64,
    ss: u64,
}

/// An exception in ring 0, a double fault or a machine check.
///
/// # Panics
/// Always.
pub extern "C" fn fatal(at: *const Pushed, vector: u32) -> ! {
    // SAFETY: the stubs pass the address of what they have pushed.
    let at = unsafe { &*at };
    let address = Cr2::read_raw();
    let what = match vector {
        2 => "non-maskable interrupt",
        6 => "invalid instruction",
        8 if paging::is_guard(address) => "kernel stack overflow",
        8 => "double fault",
        13 => "general protection",
        14 if paging::is_guard(address) => "kernel stack overflow",
        14 => "page fault",
        18 => "machine check",
        _ => "exception",
    };
    super::panic::stop(
        format_args!(
            "{what} (vector {vector}, code {:#x}) at {:#x}, address {address:#x}, rsp {:#x}, rax {:#x}, rdi {:#x}, rsi {:#x}, rdx {:#x}",
            at.code, at.ip, at.sp, at.rax, at.rdi, at.words[0], at.words[1],
        ),
        Some((at.ip, at.rbp)),
    )
}
