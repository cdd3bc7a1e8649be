//! The two rings and their buffers (sections 3.2.3 and 3.3.3: legacy descriptors).

use airox_driver_traits::dma::DmaMemory;
use airox_driver_traits::network::Received;
use airox_driver_traits::queue::{Broken, Full};
use airox_driver_traits::registers::Registers;
use core::sync::atomic::{Ordering, fence};

/// Bytes of a descriptor, and how many each ring has: a multiple of 8.
const DESCRIPTOR: usize = 16;
const ENTRIES: u32 = 64;
const RING: usize = DESCRIPTOR * ENTRIES as usize;
/// Bytes of a buffer.
const BUFFER: usize = 2048;
const BUFFERS: usize = BUFFER * ENTRIES as usize;
/// Where in the driver's memory the rings and their buffers are, and bytes of it all.
const RECEIVED: usize = 0;
const SENT: usize = RING;
const RECEIVE_BUFFERS: usize = 2 * RING;
const SEND_BUFFERS: usize = RECEIVE_BUFFERS + BUFFERS;
/// Bytes of memory that the rings and their buffers take.
pub const MEMORY: usize = SEND_BUFFERS + BUFFERS;

/// Registers of a ring, from its first: address, bytes, head, tail.
const ADDRESS: usize = 0x00;
const LENGTH: usize = 0x08;
const HEAD: usize = 0x10;
const TAIL: usize = 0x18;

/// In a descriptor: length; commands; status; errors.
const SIZE: usize = 8;
const COMMANDS: usize = 11;
const STATUS: usize = 12;
const ERRORS: usize = 13;
const DONE: u8 = 1 << 0;
/// Of a received frame: its last part. Errors: of the wire's symbols and check sequence, and sequences (section 3.2.3.2).
const LAST: u8 = 1 << 1;
const BAD: u8 = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 7;
/// Of a frame to send: its last part, with a check sequence, to be reported.
const SEND: u8 = 1 << 0 | 1 << 1 | 1 << 3;

fn start(registers: &mut impl Registers, memory: &impl DmaMemory, base: usize, ring: usize, tail: u32) {
    let address = memory.device_address() + ring as u64;
    registers.write_u32(base + ADDRESS, address as u32);
    registers.write_u32(base + ADDRESS + 4, (address >> 32) as u32);
    registers.write_u32(base + LENGTH, RING as u32);
    registers.write_u32(base + HEAD, 0);
    // Descriptors are there before the device may look at them.
    fence(Ordering::SeqCst);
    registers.write_u32(base + TAIL, tail);
}

const fn following(place: u32) -> u32 {
    (place + 1) % ENTRIES
}

const fn descriptor(ring: usize, place: u32) -> usize {
    ring + DESCRIPTOR * place as usize
}

const fn buffer(buffers: usize, place: u32) -> usize {
    buffers + BUFFER * place as usize
}

/// Frames that come.
#[derive(Debug)]
pub struct ReceiveRing {
    base: usize,
    next: u32,
}

impl ReceiveRing {
    /// Gives the device all buffers but one, so that its head and tail never meet when it has some.
    pub fn start(registers: &mut impl Registers, memory: &mut impl DmaMemory, base: usize) -> ReceiveRing {
        for place in 0..ENTRIES {
            let address = memory.device_address() + buffer(RECEIVE_BUFFERS, place) as u64;
            memory.write_u64(descriptor(RECEIVED, place), address);
            memory.write_u64(descriptor(RECEIVED, place) + 8, 0);
        }
        start(registers, memory, base, RECEIVED, ENTRIES - 1);
        ReceiveRing { base, next: 0 }
    }

    /// The next frame; its buffer is the device's again.
    pub fn take(
        &mut self,
        registers: &mut impl Registers,
        memory: &mut impl DmaMemory,
    ) -> Result<Option<Received>, Broken> {
        let at = descriptor(RECEIVED, self.next);
        let status = memory.read_u8(at + STATUS);
        if status & DONE == 0 {
            return Ok(None);
        }
        // The frame was written before this was.
        fence(Ordering::Acquire);
        let length = usize::from(memory.read_u16(at + SIZE));
        if length > BUFFER {
            return Err(Broken);
        }
        let whole = status & LAST != 0 && memory.read_u8(at + ERRORS) & BAD == 0;
        let received = if whole {
            let mut frame = alloc::vec![0; length];
            memory.copy_out(buffer(RECEIVE_BUFFERS, self.next), &mut frame);
            Received::from_bytes(frame)
        } else {
            Received::Damaged
        };
        memory.write_u64(at, memory.device_address() + buffer(RECEIVE_BUFFERS, self.next) as u64);
        memory.write_u64(at + 8, 0);
        fence(Ordering::SeqCst);
        registers.write_u32(self.base + TAIL, self.next);
        self.next = following(self.next);
        Ok(Some(received))
    }
}

/// Frames to send.
#[derive(Debug)]
pub struct SendRing {
    base: usize,
    next: u32,
    /// The oldest that the device has not said to be done with.
    oldest: u32,
}

impl SendRing {
    pub fn start(registers: &mut impl Registers, memory: &impl DmaMemory, base: usize) -> SendRing {
        start(registers, memory, base, SENT, 0);
        SendRing { base, next: 0, oldest: 0 }
    }

    /// Gives the device a frame. A full ring would look like an empty one, so one descriptor is never used.
    pub fn send(
        &mut self,
        registers: &mut impl Registers,
        memory: &mut impl DmaMemory,
        frame: &[u8],
    ) -> Result<(), Full> {
        while self.oldest != self.next && memory.read_u8(descriptor(SENT, self.oldest) + STATUS) & DONE != 0 {
            self.oldest = following(self.oldest);
        }
        if following(self.next) == self.oldest || frame.len() > BUFFER {
            return Err(Full);
        }
        let (at, place) = (descriptor(SENT, self.next), buffer(SEND_BUFFERS, self.next));
        memory.copy_in(place, frame);
        memory.write_u64(at, memory.device_address() + place as u64);
        memory.write_u64(at + 8, 0);
        memory.write_u16(at + SIZE, frame.len() as u16);
        memory.write_u8(at + COMMANDS, SEND);
        self.next = following(self.next);
        fence(Ordering::SeqCst);
        registers.write_u32(self.base + TAIL, self.next);
        Ok(())
    }
}
