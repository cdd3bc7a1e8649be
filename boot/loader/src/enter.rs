//! The jump into the kernel.

use core::arch::global_asm;

use x86_64::registers::control::{Cr0, Cr0Flags, Efer, EferFlags};

/// The kernel's first descriptor table: null, 64-bit code (selector 8), data (selector 16).
pub const DESCRIPTORS: [u64; 3] = [0, 0x00af_9a00_0000_ffff, 0x00cf_9200_0000_ffff];

// The routine switches address spaces under its own feet, so it is the one piece of code that must
// lie at the same address in both. It is shorter than its alignment: one page always holds it.
// The kernel's entry is a function of the System V ABI: it expects a return address on a stack that was
// 16-byte aligned before; it never returns, so the address is 0.
global_asm!(
    ".pushsection .text.airox_loader_jump, \"ax\", @progbits",
    ".p2align 6",
    ".global airox_loader_jump",
    ".hidden airox_loader_jump",
    "airox_loader_jump:",
    "mov cr3, rdi",
    "mov rsp, rsi",
    "lgdt [r8]",
    "mov eax, 16",
    "mov ds, eax",
    "mov es, eax",
    "mov ss, eax",
    "xor eax, eax",
    "mov fs, eax",
    "mov gs, eax",
    "mov rdi, rcx",
    "xor ebp, ebp",
    "push 0",
    "push 8",
    "push rdx",
    "retfq",
    ".popsection",
);

unsafe extern "sysv64" {
    fn airox_loader_jump(root: u64, stack: u64, entry: u64, boot_info: u64, descriptors: u64) -> !;
}

/// Address of the routine that must be mapped executable, at its own address, in the kernel's
/// address space; it lies in one page.
pub fn jump_address() -> u64 {
    airox_loader_jump as *const () as u64
}

/// Everything the jump needs, as the kernel's address space sees it.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Physical address of the top-level page table.
    pub root: u64,
    /// First address above the stack, 16-byte aligned.
    pub stack_top: u64,
    /// The kernel's first instruction.
    pub entry: u64,
    /// Its argument.
    pub boot_info: u64,
    /// Where the operand of `lgdt` lies.
    pub descriptors: u64,
}

/// Leaves the loader for good.
///
/// # Safety
/// 1. `entry.root` maps the page of [`jump_address`] executable at its own address, and all other
///    addresses in `entry` as `bootloader_api` promises.
/// 2. Nobody relies on the current address space any more.
pub unsafe fn enter(entry: Entry) -> ! {
    x86_64::instructions::interrupts::disable();
    // SAFETY: the loader runs in ring 0; NX and WP only take rights away, and the loader's own pages
    // do not depend on either being off.
    unsafe {
        Efer::update(|flags| flags.insert(EferFlags::NO_EXECUTE_ENABLE));
        Cr0::update(|flags| flags.insert(Cr0Flags::WRITE_PROTECT));
    }
    // SAFETY: this function's own contract.
    unsafe { airox_loader_jump(entry.root, entry.stack_top, entry.entry, entry.boot_info, entry.descriptors) }
}
