//! How the `uart_16550` crate reaches the registers.
#![allow(unsafe_code)]

use airox_driver_traits::PortIo;
use uart_16550::Uart16550;
use uart_16550::backend::Backend;
use uart_16550::spec::NUM_REGISTERS;

/// A UART's registers at consecutive I/O ports.
pub struct PortBackend<P> {
    ports: P,
    base: u16,
}

impl<P: PortIo> Backend for PortBackend<P> {
    // SAFETY: (1) `read_u8` is safe for any port, so nothing depends on the caller's promise.
    unsafe fn read(&mut self, register_offset: u8) -> u8 {
        self.ports.read_u8(self.base.wrapping_add(register_offset.into()))
    }

    // SAFETY: as for `read`.
    unsafe fn write(&mut self, register_offset: u8, value: u8) {
        self.ports.write_u8(self.base.wrapping_add(register_offset.into()), value);
    }
}

/// The device at `base`, or `None` if its registers would not fit below the last port.
pub fn device<P: PortIo>(ports: P, base: u16) -> Option<Uart16550<PortBackend<P>>> {
    base.checked_add(NUM_REGISTERS as u16 - 1)?;
    // SAFETY: (1) all registers have port numbers, just checked; (2) `PortIo` makes every access safe; (3) the backend is
    // owned by the device for as long as it lives.
    Some(unsafe { Uart16550::new_with_backend(PortBackend { ports, base }) })
}
