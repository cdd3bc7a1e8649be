//! A virtio source of randomness (VIRTIO 1.2, section 5.4): the device fills buffers with random bytes.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod server;
#[cfg(test)]
mod tests;

pub use server::{EntropyServer, MAX_WAITING};

use airox_driver_traits::dma::DmaMemory;
use airox_driver_traits::entropy::{EntropySource, MAX_BYTES};
use airox_driver_traits::queue::{Broken, Full};
use airox_driver_traits::registers::Registers;
use airox_virtio::{Buffer, Queue, SetupError, Transport};
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// Requests at a time.
const REQUESTS: u16 = 8;

/// A virtio source of randomness.
#[derive(Debug)]
pub struct VirtioRandom<R, D> {
    transport: Transport<R>,
    queue: Queue<D>,
    buffers: D,
    /// Bytes asked for, by the place of the buffer.
    asked: [u32; REQUESTS as usize],
    free: VecDeque<u32>,
}

impl<R: Registers, D: DmaMemory> VirtioRandom<R, D> {
    /// Sets the device up. `memory` is asked for memory of so many bytes, after the device has been reset. The device interrupts by its first interrupt.
    ///
    /// # Errors
    /// Why the device cannot be driven.
    pub fn new<E: From<SetupError>>(
        mut transport: Transport<R>,
        mut memory: impl FnMut(usize) -> Result<D, E>,
    ) -> Result<VirtioRandom<R, D>, E> {
        transport.begin(0, 0)?;
        let queue = transport.queue(0, REQUESTS, 0, memory(Queue::<D>::bytes(REQUESTS))?)?;
        let buffers = memory(usize::from(REQUESTS) * MAX_BYTES as usize)?;
        transport.go();
        let free = (0..REQUESTS.into()).collect();
        Ok(VirtioRandom { transport, queue, buffers, asked: [0; REQUESTS as usize], free })
    }
}

impl<R: Registers, D: DmaMemory> EntropySource for VirtioRandom<R, D> {
    fn ask(&mut self, count: u32) -> Result<(), Full> {
        let count = count.clamp(1, MAX_BYTES);
        let place = self.free.pop_front().ok_or(Full)?;
        let address = self.buffers.device_address() + u64::from(place * MAX_BYTES);
        if self.queue.add(place, &[Buffer { address, length: count, device_writes: true }]).is_err() {
            self.free.push_front(place);
            return Err(Full);
        }
        self.asked[place as usize] = count;
        self.transport.notify(&self.queue);
        Ok(())
    }

    fn next(&mut self) -> Result<Option<Vec<u8>>, Broken> {
        let Some((place, written)) = self.queue.take()? else {
            return if self.transport.needs_reset() { Err(Broken) } else { Ok(None) };
        };
        // The device writes one byte at least (section 5.4.6.1).
        if written == 0 || written > self.asked[place as usize] {
            return Err(Broken);
        }
        let mut bytes = alloc::vec![0; written as usize];
        let offset = (place * MAX_BYTES) as usize;
        self.buffers.copy_out(offset, &mut bytes);
        // Nobody is to find them here.
        self.buffers.copy_in(offset, &[0; MAX_BYTES as usize]);
        self.free.push_back(place);
        Ok(Some(bytes))
    }
}
