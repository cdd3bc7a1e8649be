//! The start of all CPUs but the first (Intel SDM vol. 3, 9.4.4; "INIT-SIPI-SIPI").
//!
//! A CPU that is told to start begins in real mode, at a page below 1 MiB. A copy of [`trampoline`] is there, and behind it page tables that map this
//! page where it is and the kernel where it belongs. It switches on paging and long mode at once, goes to [`enter`] in the kernel, and
//! from there to Rust with a stack of its own. CPUs start one after the other, so that one copy serves all.

use super::cpu::Cpu;
use super::entry;
use super::features::Features;
use super::firmware::Firmware;
use super::local_apic::{LocalApic, REGISTERS};
use super::lock::{self, Entry};
use super::machine::{Other, Pc};
use super::paging::Tables;
use super::start::new_cpu;
use super::{clock, descriptors, dispatch, physical};
use airox_abi::time::MAX_PROCESSORS;
use airox_kernel::memory::Range;
use airox_kernel_core::Kernel;
use airox_kernel_core::context::Context;
use alloc::vec::Vec;
use core::arch::{global_asm, naked_asm};
use core::hint::spin_loop;
use core::mem::offset_of;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
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
/// The kernel, once it is there to be entered.
static KERNEL: AtomicPtr<Kernel<Pc>> = AtomicPtr::new(null_mut());

/// What the trampoline finds in its page, [`PARAMETERS`] bytes from the start.
#[repr(C)]
struct Parameters {
    /// Where its 64-bit part is, and the selector of that code's segment.
    long_mode: u32,
    code: u16,
    /// The segment table's descriptor, as `lgdt` takes it, and the table.
    table: DescriptorTablePointer,
    segments: [u64; 2],
    /// Its own top-level page table; the kernel's; where to go on there, with which stack.
    root: u64,
    kernel_root: u64,
    entry: u64,
    stack: u64,
    /// The structure of the CPU that starts.
    cpu: *mut Cpu,
}

/// A segment of 64-bit code, present.
const CODE_SEGMENT: u64 = 0x0020_9a00_0000_0000;

/// Room for the trampoline in a usable range of memory.
pub fn low_range(usable: Range) -> Option<Range> {
    let start = usable.start.max(LOW_LIMITS.start).next_multiple_of(physical::PAGE as u64);
    let range = Range { start, end: start + LOW_PAGES * physical::PAGE as u64 };
    (range.end <= usable.end.min(LOW_LIMITS.end)).then_some(range)
}

/// Starts all other CPUs and adds those that have come up to `cpus`. They wait until [`let_go`]. `low` is for the trampoline.
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
    let parameters = prepare(low.start, tables.root());
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
        if !pause(ticks_per_second / PATIENCE, started) {
            // Should it come later after all, it finds the number of one that did not.
            log::warn!("the processor with APIC id {id} does not start; those behind it are left alone");
            return;
        }
        cpus.push(Other { cpu, apic_id: id });
    }
}

/// The kernel may be entered now.
pub fn let_go(kernel: *mut Kernel<Pc>) {
    KERNEL.store(kernel, Ordering::Release);
}

/// Waits so many ticks, or until something has happened; returns whether it has.
fn pause(ticks: u64, happened: impl Fn() -> bool) -> bool {
    let start = clock::now();
    while clock::now() - start < ticks {
        if happened() {
            return true;
        }
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
            entry: enter as *const () as u64,
            stack: 0,
            cpu: null_mut(),
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
    "movq trampoline + {at} + {stack}(%rip), %rsp",
    "movq trampoline + {at} + {cpu}(%rip), %rdi",
    "movq trampoline + {at} + {kernel_root}(%rip), %rsi",
    "jmpq *trampoline + {at} + {entry}(%rip)",
    ".org trampoline + {at}",
    ".section .text",
    at = const PARAMETERS,
    table = const offset_of!(Parameters, table),
    root = const offset_of!(Parameters, root),
    long_mode = const offset_of!(Parameters, long_mode),
    stack = const offset_of!(Parameters, stack),
    cpu = const offset_of!(Parameters, cpu),
    kernel_root = const offset_of!(Parameters, kernel_root),
    entry = const offset_of!(Parameters, entry),
    options(att_syntax),
);

/// Continues in the kernel: on its page tables, from here on.
///
/// # Safety
/// For the trampoline only: `rsp` is the top of a stack of this CPU, `rdi` its structure, `rsi` the kernel's top-level table.
#[unsafe(naked)]
unsafe extern "C" fn enter() -> ! {
    naked_asm!("mov cr3, rsi", "xor ebp, ebp", "call {started}", "ud2", started = sym started)
}

/// A further CPU in Rust: sets itself up, waits for the kernel, and idles.
extern "C" fn started(cpu: *mut Cpu) -> ! {
    Features::get().protect();
    // SAFETY: 1. Interrupts are off. 2. The structure is this CPU's, and no reference to it is alive. 3. Its stacks are mapped.
    unsafe { descriptors::load(cpu) };
    Features::get().enable();
    // SAFETY: as above.
    unsafe { (*cpu).local_apic = Some(LocalApic::new(REGISTERS.load(Ordering::Relaxed))) };
    STARTED.fetch_add(1, Ordering::Release);
    let kernel = loop {
        let kernel = KERNEL.load(Ordering::Acquire);
        if !kernel.is_null() {
            break kernel;
        }
        spin_loop();
    };
    // SAFETY: 1. The structure is this CPU's. 2. No thread has run here, so none is to be saved. 3. This stack's contents are not used again, nor are
    // references to the kernel, before the ticket is served on.
    unsafe {
        (*cpu).kernel = kernel;
        let (kernel, _) = dispatch::enter(cpu, lock::take_ticket(), Entry::Other);
        (*cpu).processor = kernel.processor_address((*cpu).number);
        kernel.kicked();
        let current: *mut Context = kernel.current();
        entry::leave(current)
    }
}
