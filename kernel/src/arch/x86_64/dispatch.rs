//! What the entry stubs call: Rust with interrupts off, on the CPU's kernel stack. Each returns the context to resume.

use super::cpu::Cpu;
use super::local_apic::{ERROR, INSPECT, SPURIOUS, TIMER, WAKE};
use super::lock;
use super::machine::Pc;
use super::{clock, paging};
use airox_abi::layout::LINE_VECTOR;
use airox_kernel_core::context::Context;
use airox_kernel_core::{Exception, Kernel};
use core::mem::offset_of;
use core::sync::atomic::{AtomicU64, Ordering};
use x86_64::registers::control::Cr2;

/// Where the last snapshot of the kernel's state is: address and length in bytes, both 0 before the first. A debugger outside
/// the machine finds this by its name, asks for a snapshot by a non-maskable interrupt and reads it from memory.
#[unsafe(no_mangle)]
static AIROX_SNAPSHOT: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];

const BREAKPOINT: u8 = 3;
const PAGE_FAULT: u8 = 14;
/// Bytes of `syscall`. Those of `int3` are 1.
const SYSTEM_CALL_LENGTH: u64 = 2;
/// The first vector that is not an exception.
const FIRST_INTERRUPT: u8 = 32;

/// The system call that neither blocks nor looks at any object: it answers by its error code, and its caller's registers have not been saved.
pub extern "C" fn light_call() -> u64 {
    0
}

/// Enters the kernel's logic when the ticket is served. Returns also whether the processor was stopped while it waited.
///
/// # Safety
/// 1. `cpu` is this CPU's structure, whose kernel is set. 2. The registers of the thread that ran are saved. 3. The ticket is served on when the
///    kernel is left, and no reference to the kernel is used after that.
#[inline(always)]
pub unsafe fn enter<'a>(cpu: *mut Cpu, ticket: u32, length: u64) -> (&'a mut Kernel<Pc>, bool) {
    // SAFETY: 1. By the contract. 2. The kernel is never freed. 3. Interrupts are off from entry to exit and one CPU at a time has its
    // ticket served, so this is the only reference to the kernel.
    unsafe {
        let stopped = lock::await_turn(cpu, ticket, length);
        let kernel = &mut *(*cpu).kernel;
        kernel.enter((*cpu).number);
        (kernel, stopped)
    }
}

/// The running thread executed `syscall`.
pub extern "C" fn system_call(cpu: *mut Cpu) -> *mut Context {
    system_call_with(cpu, lock::take_ticket())
}

/// The running thread executed `syscall` for a message, and the short path has taken a ticket.
pub extern "C" fn message_call(cpu: *mut Cpu) -> *mut Context {
    // SAFETY: `cpu` is this CPU's structure.
    system_call_with(cpu, unsafe { (*cpu).ticket })
}

#[inline(always)]
fn system_call_with(cpu: *mut Cpu, ticket: u32) -> *mut Context {
    // SAFETY: the stubs save the registers, and serve the next ticket when they leave.
    let (kernel, stopped) = unsafe { enter(cpu, ticket, SYSTEM_CALL_LENGTH) };
    // If it was stopped, its thread calls again, if it still runs here.
    if stopped { stopped_entry(kernel, None) } else { kernel.system_call() }
}

/// An interrupt, or an exception of ring 3.
pub extern "C" fn interrupt(cpu: *mut Cpu, vector: u32) -> *mut Context {
    let vector = vector as u8;
    // Other exceptions come again by themselves; interrupts have nothing to do with the thread.
    let length = u64::from(vector == BREAKPOINT);
    // SAFETY: as in `system_call_with`.
    let (kernel, stopped) = unsafe { enter(cpu, lock::take_ticket(), length) };
    if stopped {
        return stopped_entry(kernel, Some(vector).filter(|&vector| vector >= FIRST_INTERRUPT));
    }
    handle(kernel, vector);
    kernel.current()
}

/// The processor was stopped before it could come in: its thread may be another one now. What the thread wanted comes again if the thread runs
/// again; an interrupt is nobody's but the processor's.
#[cold]
#[inline(never)]
fn stopped_entry(kernel: &mut Kernel<Pc>, interrupt: Option<u8>) -> *mut Context {
    if let Some(vector) = interrupt {
        handle(kernel, vector);
    }
    kernel.kicked();
    kernel.current()
}

#[inline(always)]
fn handle(kernel: &mut Kernel<Pc>, vector: u8) {
    if vector < FIRST_INTERRUPT {
        return exception(kernel, vector);
    }
    // SAFETY: 1. The GS base is set. 2. The kernel's logic, which uses the structure too, runs only when the reference has been used last.
    let local_apic = || unsafe { Cpu::current() }.local_apic();
    match vector {
        TIMER => {
            if local_apic().expired(clock::now()) {
                kernel.timer();
            }
        }
        LINE_VECTOR..TIMER => kernel.interrupt(u32::from(vector - LINE_VECTOR)),
        _ => rare_interrupt(kernel, vector),
    }
    // After the kernel had its chance to mask the line: a level-triggered one would interrupt again at once. A spurious one is not in service.
    if vector != SPURIOUS {
        local_apic().end_of_interrupt();
    }
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
        WAKE => kernel.kicked(),
        // All processors are asked; one answers.
        // SAFETY: 1. The GS base is set. 2. The reference ends with this expression.
        INSPECT if unsafe { Cpu::current() }.number == 0 => {
            kernel.take_snapshot();
            let buffer = kernel.snapshot_buffer();
            AIROX_SNAPSHOT[1].store(buffer.len() as u64, Ordering::Relaxed);
            AIROX_SNAPSHOT[0].store(buffer.as_ptr() as u64, Ordering::Release);
        }
        INSPECT | SPURIOUS => {}
        ERROR => log::warn!("local APIC error"),
        _ => log::warn!("interrupt with unused vector {vector}"),
    }
}

/// Words that the stubs push: the end of a `Context`, from `resume` on.
const PUSHED: usize = (size_of::<Context>() - offset_of!(Context, resume)) / 8;

/// An exception in ring 0, a double fault or a machine check.
///
/// # Panics
/// Always.
pub extern "C" fn fatal(pushed: &[u64; PUSHED], vector: u32) -> ! {
    let &[_, rsi, rdx, _, _, _, _, _, _, _, rdi, _, rbp, _, _, rax, code, ip, _, _, sp, _] = pushed;
    let address = Cr2::read_raw();
    let what = match vector {
        8 | 14 if paging::is_guard(address) => "kernel stack overflow",
        6 => "invalid instruction",
        8 => "double fault",
        13 => "general protection",
        14 => "page fault",
        18 => "machine check",
        _ => "exception",
    };
    super::panic::stop(
        format_args!(
            "{what} (vector {vector}, code {code:#x}) at {ip:#x}, address {address:#x}, rsp {sp:#x}, rax {rax:#x}, rdi {rdi:#x}, rsi {rsi:#x}, rdx {rdx:#x}",
        ),
        Some((ip, rbp)),
    )
}
