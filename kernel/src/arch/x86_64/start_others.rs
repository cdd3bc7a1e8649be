//! The start of all CPUs but the first (Intel SDM vol. 3, 9.4.4; "INIT-SIPI-SIPI").
//!
//! A CPU that is told to start begins in real mode, at a page below 1 MiB. A copy of [`trampoline`] is there, and behind it page tables that map this
//! page where it is and the kernel where it belongs. It switches on paging and long mode at once, goes to [`enter`] in the kernel, and
//! from there to Rust with a stack of its own. CPUs start one after the other, so that one copy serves all.

use super::cpu::Cpu;
use super::entry;
use super::features::Features;
use super::firmware::Firmware;
use super::local_apic::LocalApic;
use super::lock::{self, Entry};
use super::machine::{Other, Pc};
use super::paging::Tables;
use super::start::new_cpu;
use super::{clock, descriptors, dispatch, physical};
use airox_abi::time::MAX_PROCESSORS;
use airox_kernel::memory::Range;
use airox_kernel::ticks::Rate;
use airox_kernel_core::Kernel;
use airox_kernel_core::context::Context;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::arch::{global_asm, naked_asm};
use core::hint::spin_loop;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

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

/// What the start of CPUs needs to know.
pub struct Start {
    /// A range below 1 MiB that nobody uses.
    pub low: Option<Range>,
    /// TSC frequency.
    pub ticks_per_second: u64,
    /// Where local APICs' registers are mapped.
    pub registers: u64,
    /// What the CPUs can do, all alike.
    pub features: &'static Features,
}

/// What one CPU gets from the first.
struct Handoff {
    cpu: *mut Cpu,
    features: &'static Features,
    registers: u64,
    rate: Option<Rate>,
}

/// Room for the trampoline in a usable range of memory.
pub fn low_range(usable: Range) -> Option<Range> {
    let start = usable.start.max(LOW_LIMITS.start).next_multiple_of(physical::PAGE as u64);
    let range = Range { start, end: start + LOW_PAGES * physical::PAGE as u64 };
    (range.end <= usable.end.min(LOW_LIMITS.end)).then_some(range)
}

/// Starts all other CPUs and adds those that have come up to `cpus`. They wait until [`let_go`].
pub fn start(start: Start, firmware: &Firmware, apic: &mut LocalApic, tables: &mut Tables, cpus: &mut Vec<Other>) {
    let Some(low) = start.low else {
        log::warn!("no memory below 1 MiB: one processor is used");
        return;
    };
    let features = start.features;
    prepare(low, tables);
    let own = apic.id();
    let reachable = |&id: &u32| id != own && (features.x2apic || id < 0xff);
    let ids: Vec<u32> = firmware.processors.iter().copied().filter(reachable).collect();
    let room = MAX_PROCESSORS as usize - 1;
    for &id in ids.iter().take(room) {
        apic.send_init(id);
    }
    pause(start.ticks_per_second / AFTER_INIT, || false);
    for &id in ids.iter().take(room) {
        let number = cpus.len() as u32;
        let stack = tables.stack();
        let cpu = new_cpu(number, stack, tables, features);
        let handoff = Handoff { cpu, features, registers: start.registers, rate: apic.rate() };
        // SAFETY: 1. The range is RAM in the map that only this module uses. 2. No CPU runs the trampoline now.
        unsafe {
            field(low, addr(&raw const trampoline_stack)).write(stack);
            field(low, addr(&raw const trampoline_argument)).write(Box::into_raw(Box::new(handoff)).addr() as u64);
        }
        let started = || STARTED.load(Ordering::Acquire) > number;
        let page = (low.start >> 12) as u8;
        apic.send_start_up(id, page);
        if !pause(start.ticks_per_second / SECOND_TRY, started) {
            apic.send_start_up(id, page);
        }
        if !pause(start.ticks_per_second / PATIENCE, started) {
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

/// Puts the trampoline and its page tables into place.
fn prepare(low: Range, tables: &Tables) {
    let page = |index: u64| physical::pointer(low.start + index * physical::PAGE as u64);
    let table = |index: u64| page(index).cast::<u64>();
    let address = |index: u64| low.start + index * physical::PAGE as u64;
    let root = tables.root().start_address().as_u64();
    let (start, end) = (addr(&raw const trampoline_start), addr(&raw const trampoline_end));
    // SAFETY: 1. The four pages are RAM in the map that only this module uses. 2. The kernel's table is in the map and nobody writes to it. 3. The
    // trampoline is part of the image, and shorter than a page.
    unsafe {
        core::ptr::write_bytes(page(0), 0, physical::PAGE * LOW_PAGES as usize);
        let code = core::ptr::with_exposed_provenance::<u8>(start);
        core::ptr::copy_nonoverlapping(code, page(0), end - start);
        let kernel = physical::pointer(root).cast::<u64>();
        core::ptr::copy_nonoverlapping(kernel.add(WORDS / 2), table(1).add(WORDS / 2), WORDS / 2);
        table(1).write(address(2) | TABLE);
        table(2).write(address(3) | TABLE);
        table(3).write(IDENTITY);
        field(low, addr(&raw const trampoline_root)).write(address(1));
        field(low, addr(&raw const trampoline_kernel_root)).write(root);
        field(low, addr(&raw const trampoline_entry)).write(enter as *const () as u64);
    }
}

fn addr(symbol: *const u8) -> usize {
    symbol.expose_provenance()
}

/// The copy of one of the trampoline's fields.
fn field(low: Range, symbol: usize) -> *mut u64 {
    physical::pointer(low.start + (symbol - addr(&raw const trampoline_start)) as u64).cast()
}

unsafe extern "C" {
    static trampoline_start: u8;
    static trampoline_end: u8;
    static trampoline_root: u8;
    static trampoline_kernel_root: u8;
    static trampoline_entry: u8;
    static trampoline_stack: u8;
    static trampoline_argument: u8;
}

// In real mode, CS is the page's number << 8 and IP 0. All addresses are relative to the page's start. (In AT&T syntax, because the assembler takes
// no difference of symbols for an address in the other one.)
global_asm!(
    ".section .rodata.trampoline, \"a\"",
    ".balign 16",
    "trampoline_start:",
    ".code16",
    "cli",
    "cld",
    "movw %cs, %ax",
    "movw %ax, %ds",
    // The page's physical address.
    "movzwl %ax, %ebx",
    "shll $4, %ebx",
    // Where the segment table is, and where to jump.
    "leal trampoline_segments - trampoline_start(%ebx), %eax",
    "movl %eax, trampoline_segments_at - trampoline_start",
    "leal trampoline_long - trampoline_start(%ebx), %eax",
    "movl %eax, trampoline_target - trampoline_start",
    "lgdtl trampoline_segments_limit - trampoline_start",
    "movl trampoline_root - trampoline_start, %eax",
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
    // The segment of 64-bit code.
    "ljmpl *(trampoline_target - trampoline_start)",
    ".code64",
    "trampoline_long:",
    "movq trampoline_stack(%rip), %rsp",
    "movq trampoline_argument(%rip), %rdi",
    "movq trampoline_kernel_root(%rip), %rsi",
    "jmpq *trampoline_entry(%rip)",
    ".balign 8",
    "trampoline_segments: .quad 0, 0x00209a0000000000",
    "trampoline_segments_limit: .word 15",
    "trampoline_segments_at: .long 0",
    ".balign 8",
    "trampoline_target: .long 0",
    ".word 8",
    ".balign 8",
    "trampoline_root: .quad 0",
    "trampoline_kernel_root: .quad 0",
    "trampoline_entry: .quad 0",
    "trampoline_stack: .quad 0",
    "trampoline_argument: .quad 0",
    "trampoline_end:",
    ".section .text",
    options(att_syntax),
);

/// Continues in the kernel: on its page tables, from here on.
///
/// # Safety
/// For the trampoline only: `rsp` is the top of a stack of this CPU, `rdi` a [`Handoff`], `rsi` the kernel's top-level table.
#[unsafe(naked)]
unsafe extern "C" fn enter() -> ! {
    naked_asm!("mov cr3, rsi", "xor ebp, ebp", "call {started}", "ud2", started = sym started)
}

/// A further CPU in Rust: sets itself up, waits for the kernel, and idles.
extern "C" fn started(handoff: *mut Handoff) -> ! {
    // SAFETY: the first CPU has made the pointer from a box, for this CPU.
    let Handoff { cpu, features, registers, rate } = *unsafe { Box::from_raw(handoff) };
    features.protect();
    // SAFETY: 1. Interrupts are off. 2. The structure is this CPU's, and no reference to it is alive. 3. Its stacks are mapped.
    unsafe { descriptors::load(cpu) };
    features.enable();
    let mut apic = LocalApic::new(registers, features);
    if let Some(rate) = rate {
        apic.set_rate(rate);
    }
    // SAFETY: as above.
    unsafe { (*cpu).local_apic = Some(apic) };
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
