//! The kernel's lock: one processor at a time is in the kernel.
//!
//! A ticket lock (Mellor-Crummey and Scott, "Algorithms for scalable synchronization on shared-memory multiprocessors", 1991): first come, first
//! served, so a processor waits for at most one kernel entry of each other one, whatever those do. The entry stubs take tickets before
//! they look at anything shared, and serve the next one when nothing shared is needed any more.
//!
//! A processor that waits obeys requests of the one inside. All it holds of a program then are registers, saved; so it can let go of the
//! program's address space (of which page tables have changed) or be told that its thread will not go on here.

use super::cpu::Cpu;
use super::local_apic::WAKE;
use super::machine::load;
use airox_abi::time::MAX_PROCESSORS;
use core::hint::spin_loop;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// The lock. The entry stubs know its layout.
#[repr(C, align(64))]
pub struct Tickets {
    /// The next ticket to be taken.
    pub next: AtomicU32,
    /// The ticket whose holder is in the kernel.
    pub serving: AtomicU32,
}

/// The one lock.
pub static TICKETS: Tickets = Tickets { next: AtomicU32::new(0), serving: AtomicU32::new(0) };

const NOTHING: u32 = 0;
/// Request: let go of the address space.
pub const LEAVE_SPACE: u32 = 1;
/// Request: that, and the thread is going to do again what brought it here, if it runs again at all.
pub const STOP: u32 = 2;

/// What is asked of a processor that waits.
struct Request {
    asked: AtomicU32,
    waits: AtomicBool,
}

static REQUESTS: [Request; MAX_PROCESSORS as usize] =
    [const { Request { asked: AtomicU32::new(NOTHING), waits: AtomicBool::new(false) } }; MAX_PROCESSORS as usize];

/// Takes a ticket.
#[inline(always)]
pub fn take_ticket() -> u32 {
    TICKETS.next.fetch_add(1, Ordering::Relaxed)
}

/// Waits until a ticket is served. Returns whether the processor was stopped meanwhile; then its thread has gone back so many bytes: the `length`
/// of the instruction that brought it here, if it has to be executed again.
///
/// # Safety
/// 1. `cpu` is this CPU's structure. 2. The registers of the thread that ran are saved.
#[inline(always)]
pub unsafe fn await_turn(cpu: *mut Cpu, ticket: u32, length: u64) -> bool {
    if TICKETS.serving.load(Ordering::Acquire) == ticket {
        return false;
    }
    // SAFETY: passed on.
    unsafe { wait(cpu, ticket, length) }
}

#[cold]
#[inline(never)]
unsafe fn wait(cpu: *mut Cpu, ticket: u32, length: u64) -> bool {
    // SAFETY: by the contract, and nobody else uses this CPU's structure.
    let (number, context, kernel_root) = unsafe { ((*cpu).number, (*cpu).current, (*cpu).kernel_root) };
    let request = &REQUESTS[number as usize];
    let mut stopped = false;
    request.waits.store(true, Ordering::SeqCst);
    while TICKETS.serving.load(Ordering::Acquire) != ticket {
        let asked = request.asked.load(Ordering::Acquire);
        if asked == NOTHING {
            spin_loop();
            continue;
        }
        // SAFETY: 1. Until it is told that its request is carried out, the processor inside leaves this context alone. 2. The kernel's own
        // address space maps all that the kernel uses. 3. Without a current context, the stubs leave by the way that loads an address space.
        unsafe {
            if asked == STOP && !core::mem::replace(&mut stopped, true) && length != 0 {
                (*context).ip -= length;
            }
            load(&mut *cpu, kernel_root);
            (*cpu).current = core::ptr::null_mut();
        }
        request.asked.store(NOTHING, Ordering::Release);
    }
    request.waits.store(false, Ordering::Relaxed);
    stopped
}

/// Asks another processor to come to the kernel's door and do something there; returns when it has. This processor is inside.
pub fn ask(cpu: &mut Cpu, number: u32, apic_id: u32, what: u32) {
    let request = &REQUESTS[number as usize];
    request.asked.store(what, Ordering::SeqCst);
    if !request.waits.load(Ordering::SeqCst) {
        cpu.local_apic().send(apic_id, WAKE);
    }
    while request.asked.load(Ordering::Acquire) != NOTHING {
        spin_loop();
    }
}
