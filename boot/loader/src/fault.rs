//! The loader's own exceptions: they end with a reason on the screen instead of a reset.

use core::arch::global_asm;
use core::cell::UnsafeCell;

use x86_64::VirtAddr;
use x86_64::instructions::segmentation::{CS, Segment};
use x86_64::registers::control::Cr2;
use x86_64::structures::DescriptorTablePointer;

use crate::console;

/// Exceptions have vectors below this.
const EXCEPTIONS: usize = 32;
/// Bytes from one stub to the next.
const STUB_SIZE: u64 = 16;

// One stub a vector: it leaves the vector and an error code (0 where the CPU gives none) on the stack.
// Vectors 8, 10 to 14, 17, 21, 29 and 30 have an error code. Nothing ever returns.
global_asm!(
    ".pushsection .text.airox_loader_faults, \"ax\", @progbits",
    ".p2align 4",
    ".global airox_loader_faults",
    ".hidden airox_loader_faults",
    "airox_loader_faults:",
    ".set vector, 0",
    ".rept 32",
    ".p2align 4",
    ".if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30)",
    "push 0",
    ".endif",
    "push vector",
    "jmp 7f",
    ".set vector, vector + 1",
    ".endr",
    "7:",
    "pop rdi",
    "pop rsi",
    "pop rdx",
    "cld",
    "and rsp, -16",
    "call {fault}",
    "ud2",
    ".popsection",
    fault = sym fault,
);

unsafe extern "sysv64" {
    fn airox_loader_faults();
}

extern "sysv64" fn fault(vector: u64, code: u64, instruction: u64) -> ! {
    let address = Cr2::read_raw();
    console::fail(format_args!(
        "internal error: exception {vector} (code {code:#x}) at {instruction:#x}, address {address:#x}"
    ))
}

/// A gate of the interrupt descriptor table, as the CPU reads it.
#[derive(Clone, Copy)]
#[repr(C)]
struct Gate([u64; 2]);

struct Table(UnsafeCell<[Gate; EXCEPTIONS]>);

// SAFETY: the loader has one thread.
unsafe impl Sync for Table {}

static TABLE: Table = Table(UnsafeCell::new([Gate([0; 2]); EXCEPTIONS]));

/// Takes over the CPU's exceptions.
///
/// # Safety
/// No firmware relies on handlers of its own any more, or they are put back before it runs.
pub unsafe fn install() {
    let selector = u64::from(CS::get_reg().0);
    // SAFETY: one thread, and no other reference: only this function touches the table.
    let table = unsafe { &mut *TABLE.0.get() };
    let first = airox_loader_faults as *const () as u64;
    for (vector, gate) in table.iter_mut().enumerate() {
        let handler = first + vector as u64 * STUB_SIZE;
        // An interrupt gate: present, ring 0, no stack switch.
        gate.0 = [(handler & 0xffff) | selector << 16 | 0x8e00 << 32 | (handler >> 16 & 0xffff) << 48, handler >> 32];
    }
    let pointer = DescriptorTablePointer { limit: size_of_val(table) as u16 - 1, base: VirtAddr::from_ptr(table) };
    // SAFETY: (1) the table lives for ever and its gates lead to the stubs above; (2) by this function's
    // contract nobody needs the former handlers.
    unsafe { x86_64::instructions::tables::lidt(&pointer) };
}
