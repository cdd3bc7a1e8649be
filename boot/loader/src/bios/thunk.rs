//! Calls of BIOS services.

use core::arch::global_asm;

global_asm!(include_str!("mbr.s"));
global_asm!(include_str!("stage2.s"));

/// Registers of a BIOS call, in and out. The layout is known to `stage2.s`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Registers {
    pub eax: u32,
    pub ebx: u32,
    pub ecx: u32,
    pub edx: u32,
    pub esi: u32,
    pub edi: u32,
    pub es: u16,
    pub ds: u16,
    pub flags: u16,
}

impl Registers {
    /// Whether the service reported an error through the carry flag.
    pub fn carry(&self) -> bool {
        self.flags & 1 != 0
    }

    /// Register `ah`: the status of most services.
    pub fn ah(&self) -> u8 {
        (self.eax >> 8) as u8
    }
}

unsafe extern "sysv64" {
    fn bios_thunk(vector: u8);
    static mut thunk_registers: Registers;
}

/// Calls the service behind interrupt `vector`.
///
/// # Safety
/// The service writes only to memory that `registers` points it to, and that memory is not used
/// otherwise during the call.
pub unsafe fn call(vector: u8, registers: &mut Registers) {
    // SAFETY: (1) the loader has one thread, and interrupts are off, so nothing else uses the thunk's
    // registers; (2) the thunk keeps every register the ABI preserves; (3) the service's own writes are the
    // caller's contract.
    unsafe {
        (&raw mut thunk_registers).write(*registers);
        bios_thunk(vector);
        *registers = (&raw const thunk_registers).read();
    }
}

/// The real-mode address of memory below 1 MiB: segment and offset.
pub fn segment_and_offset(address: usize) -> Option<(u16, u16)> {
    let segment = u16::try_from(address / 16).ok()?;
    Some((segment, (address % 16) as u16))
}

/// The memory a real-mode far pointer leads to.
pub fn flat(pointer: u32) -> usize {
    (pointer >> 16) as usize * 16 + (pointer & 0xffff) as usize
}
