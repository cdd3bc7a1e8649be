//! QEMU's educational device (`-device edu`, docs/specs/edu in QEMU's sources), as far as it moves memory: between a buffer of its own and any
//! address it is told.
#![no_std]
#![forbid(unsafe_code)]

use airox_driver_traits::registers::Registers;

/// Bytes of the device's registers and buffer.
pub const BYTES: u64 = 0x4_1000;
/// Its buffer, by the address that its engine knows.
const BUFFER: u64 = 0x4_0000;

const SOURCE: usize = 0x80;
const TARGET: usize = 0x88;
const COUNT: usize = 0x90;
const COMMAND: usize = 0x98;
const START: u32 = 1;
const OUT_OF_BUFFER: u32 = 2;

/// The device's engine.
#[derive(Debug)]
pub struct Engine<R>(pub R);

impl<R: Registers> Engine<R> {
    /// Copies memory into the buffer.
    pub fn load(&mut self, address: u64, count: u64, wait: impl FnMut()) {
        self.copy(address, BUFFER, count, START, wait);
    }

    /// Copies the buffer to memory.
    pub fn store(&mut self, address: u64, count: u64, wait: impl FnMut()) {
        self.copy(BUFFER, address, count, START | OUT_OF_BUFFER, wait);
    }

    fn copy(&mut self, source: u64, target: u64, count: u64, command: u32, mut wait: impl FnMut()) {
        self.0.write_u64(SOURCE, source);
        self.0.write_u64(TARGET, target);
        self.0.write_u64(COUNT, count);
        self.0.write_u32(COMMAND, command);
        while self.0.read_u32(COMMAND) & START != 0 {
            wait();
        }
    }
}
