//! The start of all CPUs but the first (Intel SDM vol. 3, 9.4.4; "INIT-SIPI-SIPI").
//!
//! A CPU that is told to start begins in real mode, at a page below 1 MiB. A copy of [`trampoline`] is there, and behind it page tables that map this
//! page where it is and the kernel where it belongs. It switches on paging and long mode at once, goes to [`paging::switch`] in the
//! kernel, and from there to Rust with a stack of its own. CPUs start one after the other, so that one copy serves all.

use super::cpu::Cpu;
use super::entry;
use super::features::Features;
use super::firmware::Firmware;
use super::local_apic::{LocalApic, REGISTERS};
use super::machine::Other;
use super::paging::{self, Tables};
use super::start::new_cpu;
use super::{clock, descriptors, dispatch, lock, physical};
use airox_abi::time::MAX_PROCESSORS;
use airox_kernel::memory::Range;
use alloc::vec::Vec;
use core::arch::global_asm;
use core::hint::spin_loop;
use core::mem::offset_of;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicU32, Ordering};
use x86_64::VirtAddr;
use x86_64::structures::DescriptorTablePointer;

/// The trampoline, and three page tables.
const LOW_PAGES: u64 = 4;
/// Where legacy firmware has its own data, and where video memory begins.
const LOW_LIMITS: Range = Range { start: 0x1000, end: 0xa_0000 };
/// Physical memory that the trampoline's tables map where it is: one large page.
const IDENTITY: u64 = 0b1000_0011;
/// Present, writable: an entry for a table.
const TABLE: u64 = 0b11;
/// Words of a page table; the upper half is the kernel's.
const WORDS: usize = 512;

/// From INIT to the start-up interrupt, and how long a CPU may take from there to Rust, in fractions of a second.
const AFTER_INIT: u64 = 100;
const PATIENCE: u64 = 10;
/// A CPU that has not reacted so long after the first start-up interrupt gets a second one: 1 ms.
const SECOND_TRY: u64 = 1000;

/// How many CPUs have come to Rust.
static STARTED: AtomicU32 = AtomicU32::new(1);
/// Instead of that: whoever comes now is not wanted any more.
const GIVEN_UP: u32 = u32::MAX;

/// What the trampoline finds in its page, [`PARAMETERS`] bytes from the start.
#[repr(C)]
struct Parameters {
    /// Where its 64-bit part is, and the selector of that code's segment.
    long_mode: u32,
    code: u16,
    /// The segment table's descriptor, as `lgdt` takes it, and the table.
    table: DescriptorTablePointer,
    segments: [u64; 2],
    /// Its own top-level page table.
    root: u64,
    /// Arguments for [`paging::switch`], and its address: the kernel's top-level table; a stack, where to go on, the structure of the CPU that starts.
    kernel_root: u64,
    stack: u64,
    started: extern "C" fn(*mut u8) -> !,
    cpu: *mut Cpu,
    switch: usize,
}

/// A segment of 64-bit code, present.
const CODE_SEGMENT: u64 = 0x0020_9a00_0000_0000;

/// Room for the trampoline in a usable range of memory.
pub fn low_range(usable: Range) -> Option<Range> {
    let start = usable.start.max(LOW_LIMITS.start).next_multiple_of(physical::PAGE as u64);
    let range = Range { start, end: start + LOW_PAGES * physical::PAGE as u64 };
    (range.end <= usable.end.min(LOW_LIMITS.end)).then_some(range)
}

/// Starts all other CPUs and adds those that have come up to `cpus`. They wait at the kernel's door. `low` is for the trampoline.
pub fn start(
    low: Option<Range>,
    ticks_per_second: u64,
    firmware: &Firmware,
    apic: &mut LocalApic,
    tables: &mut Tables,
    cpus: &mut Vec<Other>,
) {
    let Some(low) = low else {
        log::warn!("no memory below 1 MiB: one processor is used");
        return;
    };
    let parameters = prepare(low.start, tables.root);
    let own = apic.id();
    let reachable = |&id: &u32| id != own && (Features::get().x2apic || id < 0xff);
    let ids = firmware.processors.iter().copied().filter(reachable).take(MAX_PROCESSORS as usize - 1);
    for id in ids.clone() {
        apic.send_init(id);
    }
    pause(ticks_per_second / AFTER_INIT, || false);
    for id in ids {
        let number = cpus.len() as u32;
        let cpu = new_cpu(number, tables);
        // SAFETY: 1. The structure is in RAM that only this module uses. 2. No CPU runs the trampoline now. 3. `cpu` is nobody else's yet.
        unsafe { ((*parameters).stack, (*parameters).cpu) = ((*cpu).stack, cpu) };
        let started = || STARTED.load(Ordering::Acquire) > number;
        let page = (low.start >> 12) as u8;
        apic.send_start_up(id, page);
        if !pause(ticks_per_second / SECOND_TRY, started) {
            apic.send_start_up(id, page);
        }
        if !pause(ticks_per_second / PATIENCE, started)
            && STARTED.compare_exchange(number, GIVEN_UP, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        {
            log::warn!("the processor with APIC id {id} does not start; those behind it are left alone");
            return;
        }
        cpus.push(Other { cpu, apic_id: id });
    }
}

/// Waits so many ticks, or until something has happened; returns whether it has.
fn pause(ticks: u64, happened: impl Fn() -> bool) -> bool {
    let start = clock::now();
    while !happened() && clock::now() - start < ticks {
        spin_loop();
    }
    happened()
}

/// Puts the trampoline and its page tables into place, in the pages from `low` on; returns its parameters.
fn prepare(low: u64, kernel_root: u64) -> *mut Parameters {
    let page = |index: u64| low + index * physical::PAGE as u64;
    let table = |index: u64| physical::pointer(page(index)).cast::<u64>();
    let parameters = physical::pointer(low + PARAMETERS as u64).cast::<Parameters>();
    let long_mode = (&raw const trampoline_long).addr() - (&raw const trampoline).addr();
    let segments = VirtAddr::new(low + (PARAMETERS + offset_of!(Parameters, segments)) as u64);
    // SAFETY: 1. The four pages are RAM in the map that only this module uses. 2. The kernel's table is in the map and nobody writes to it.
    unsafe {
        core::ptr::write_bytes(physical::pointer(low), 0, physical::PAGE * LOW_PAGES as usize);
        core::ptr::copy_nonoverlapping((&raw const trampoline).cast(), physical::pointer(low), PARAMETERS);
        let kernel = physical::pointer(kernel_root).cast::<u64>();
        core::ptr::copy_nonoverlapping(kernel.add(WORDS / 2), table(1).add(WORDS / 2), WORDS / 2);
        table(1).write(page(2) | TABLE);
        table(2).write(page(3) | TABLE);
        table(3).write(IDENTITY);
        parameters.write(Parameters {
            long_mode: low as u32 + long_mode as u32,
            code: 8,
            table: DescriptorTablePointer { limit: 15, base: segments },
            segments: [0, CODE_SEGMENT],
            root: page(1),
            kernel_root,
            stack: 0,
            started,
            cpu: null_mut(),
            switch: paging::switch as *const () as usize,
        });
    }
    parameters
}

/// Where the trampoline's parameters begin, in bytes from its start.
const PARAMETERS: usize = 256;

unsafe extern "C" {
    static trampoline: [u8; PARAMETERS];
    static trampoline_long: u8;
}

// In real mode, CS is the page's number << 8 and IP 0. All addresses are relative to the page's start. (In AT&T syntax, because the assembler takes
// no difference of symbols for an address in the other one.)
global_asm!(
    ".section .rodata.trampoline, \"a\"",
    ".balign 16",
    "trampoline:",
    ".code16",
    "cli",
    "cld",
    "movw %cs, %ax",
    "movw %ax, %ds",
    "lgdtl {at} + {table}",
    "movl {at} + {root}, %eax",
    "movl %eax, %cr3",
    // PAE (5), OSFXSR (9), OSXMMEXCPT (10).
    "movl $0x620, %eax",
    "movl %eax, %cr4",
    // EFER: SYSCALL (0), long mode (8), NX (11).
    "movl $0xc0000080, %ecx",
    "rdmsr",
    "orl $0x901, %eax",
    "wrmsr",
    // Protection (0), MP (1), ET (4), NE (5), write protection (16), paging (31); not CD and NW, which INIT has left set.
    "movl $0x80010033, %eax",
    "movl %eax, %cr0",
    "ljmpl *({at} + {long_mode})",
    ".code64",
    "trampoline_long:",
    "leaq trampoline + {at} + {arguments}(%rip), %rsp",
    "popq %rdi",
    "popq %rsi",
    "popq %rdx",
    "popq %rcx",
    "retq",
    ".org trampoline + {at}",
    ".section .text",
    at = const PARAMETERS,
    table = const offset_of!(Parameters, table),
    root = const offset_of!(Parameters, root),
    long_mode = const offset_of!(Parameters, long_mode),
    arguments = const offset_of!(Parameters, kernel_root),
    options(att_syntax),
);

/// A further CPU in Rust: sets itself up, waits for the kernel, and idles.
extern "C" fn started(cpu: *mut u8) -> ! {
    let cpu = cpu.cast::<Cpu>();
    // SAFETY: 1. Interrupts are off. 2. The structure is this CPU's, and no reference to it is alive. 3. Its stacks are mapped.
    unsafe { descriptors::load(cpu) };
    Features::get().enable();
    // SAFETY: as above.
    let number = unsafe {
        (*cpu).local_apic = Some(LocalApic::new(REGISTERS.load(Ordering::Relaxed)));
        (*cpu).number
    };
    if STARTED.compare_exchange(number, number + 1, Ordering::AcqRel, Ordering::Relaxed).is_err() {
        // Nobody waits for it any more.
        loop {
            x86_64::instructions::hlt();
        }
    }
    // SAFETY: 1. The structure is this CPU's. 2. No thread has run here, so none is to be saved. 3. The first CPU lets nobody in before the kernel is
    // there. 4. This stack's contents are not used again, nor are references to the kernel, before the ticket is served on.
    unsafe {
        let (kernel, _) = dispatch::enter(cpu, lock::take_ticket(), 0);
        kernel.kicked();
        entry::leave(kernel.current())
    }
}
