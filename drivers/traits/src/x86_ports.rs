//! The `in` and `out` instructions, from ring 3.
#![allow(unsafe_code)]

use crate::PortIo;
use core::arch::asm;

/// Access to the ports that were bound to this process (`io_ports_bind`).
///
/// It carries no authority: the CPU checks each access against what the kernel bound, and an access to any other port faults
/// the process (`FaultKind::Protection`), which a driver takes as the end it deserves.
#[derive(Debug, Default)]
pub struct HardwarePorts(());

impl HardwarePorts {
    /// The process's ports, whichever they are.
    #[must_use]
    pub const fn new() -> HardwarePorts {
        HardwarePorts(())
    }
}

impl PortIo for HardwarePorts {
    fn read_u8(&mut self, port: u16) -> u8 {
        let value: u8;
        // SAFETY: (1) `in` writes only `al`; (2) without authority over the port it faults the process and touches
        // nothing; (3) the ports handed to drivers belong to devices that do not write memory on a port access.
        unsafe {
            asm!("in al, dx", in("dx") port, out("al") value, options(nostack, preserves_flags));
        }
        value
    }

    fn write_u8(&mut self, port: u16, value: u8) {
        // SAFETY: as in `read_u8`; `out` changes no register.
        unsafe {
            asm!("out dx, al", in("dx") port, in("al") value, options(nostack, preserves_flags));
        }
    }

    fn read_u16(&mut self, port: u16) -> u16 {
        let value: u16;
        // SAFETY: as in `read_u8`, with `ax`.
        unsafe {
            asm!("in ax, dx", in("dx") port, out("ax") value, options(nostack, preserves_flags));
        }
        value
    }

    fn write_u16(&mut self, port: u16, value: u16) {
        // SAFETY: as in `write_u8`.
        unsafe {
            asm!("out dx, ax", in("dx") port, in("ax") value, options(nostack, preserves_flags));
        }
    }
}
