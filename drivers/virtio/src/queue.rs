//! The split queue (section 2.7): a table of descriptors, a ring of what the driver made available, a ring of what the device used.

use airox_driver_traits::dma::DmaMemory;
use airox_driver_traits::queue::{Broken, Full};
use alloc::vec::Vec;
use core::sync::atomic::{Ordering, fence};

/// Bytes of a descriptor: address, length, flags, next.
const DESCRIPTOR: usize = 16;
const NEXT: u16 = 1;
const DEVICE_WRITES: u16 = 2;
/// In a ring: flags, index, then its elements.
const RING_INDEX: usize = 2;
const RING_ELEMENTS: usize = 4;
/// Bytes of an element that the device used: identifier and length.
const USED_ELEMENT: usize = 8;

/// Memory of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// The address by which the device names it.
    pub address: u64,
    /// Bytes.
    pub length: u32,
    /// Whether the device writes it; else it reads it. Those it reads come first.
    pub device_writes: bool,
}

/// A request under way.
#[derive(Clone, Debug)]
struct Chain {
    token: u32,
    descriptors: Vec<u16>,
}

/// A queue.
#[derive(Debug)]
pub struct Queue<D> {
    memory: D,
    size: u16,
    /// Descriptors that no request uses.
    free: Vec<u16>,
    /// Requests under way, by their first descriptor.
    chains: Vec<Option<Chain>>,
    under_way: u16,
    /// How many requests were made available so far, and how many used ones were taken, modulo 2^16.
    available: u16,
    taken: u16,
    number: u16,
    notify_offset: usize,
}

impl<D: DmaMemory> Queue<D> {
    /// Bytes of memory for `size` descriptors.
    #[must_use]
    pub const fn bytes(size: u16) -> usize {
        Self::used_ring(size) + RING_ELEMENTS + USED_ELEMENT * size as usize + 2
    }

    const fn available_ring(size: u16) -> usize {
        DESCRIPTOR * size as usize
    }

    const fn used_ring(size: u16) -> usize {
        (Self::available_ring(size) + RING_ELEMENTS + 2 * size as usize + 2).next_multiple_of(4)
    }

    /// An empty queue in zeroed memory; `None` if it does not fit. `size` is a power of two.
    pub(crate) fn new(size: u16, memory: D) -> Option<Queue<D>> {
        (memory.length() >= Self::bytes(size)).then(|| Queue {
            memory,
            size,
            free: (0..size).rev().collect(),
            chains: (0..size).map(|_| None).collect(),
            under_way: 0,
            available: 0,
            taken: 0,
            number: 0,
            notify_offset: 0,
        })
    }

    /// The same, with its number and where in the notification registers the device is told.
    pub(crate) fn notified_at(self, number: u16, notify_offset: usize) -> Queue<D> {
        Queue { number, notify_offset, ..self }
    }

    /// Where the driver's and the device's ring begin.
    pub(crate) const fn rings(&self) -> (usize, usize) {
        (Self::available_ring(self.size), Self::used_ring(self.size))
    }

    /// What to write, and where.
    pub(crate) const fn notification(&self) -> (u16, usize) {
        (self.number, self.notify_offset)
    }

    /// How many requests are under way.
    #[must_use]
    pub const fn under_way(&self) -> u16 {
        self.under_way
    }

    /// Makes a request available to the device; it comes back from [`Queue::take`] under this token.
    ///
    /// # Errors
    /// [`Full`]: there are fewer free descriptors than buffers.
    pub fn add(&mut self, token: u32, buffers: &[Buffer]) -> Result<(), Full> {
        let rest = self.free.len().checked_sub(buffers.len()).ok_or(Full)?;
        let mut descriptors = self.free.split_off(rest);
        descriptors.reverse();
        let Some(&head) = descriptors.first() else { return Err(Full) };
        for (index, (buffer, descriptor)) in buffers.iter().zip(&descriptors).enumerate() {
            let at = usize::from(*descriptor) * DESCRIPTOR;
            let next = descriptors.get(index + 1);
            let mut flags = 0;
            flags |= if next.is_some() { NEXT } else { 0 };
            flags |= if buffer.device_writes { DEVICE_WRITES } else { 0 };
            self.memory.write_u64(at, buffer.address);
            self.memory.write_u32(at + 8, buffer.length);
            self.memory.write_u16(at + 12, flags);
            self.memory.write_u16(at + 14, next.copied().unwrap_or(0));
        }
        let ring = Self::available_ring(self.size);
        let place = usize::from(self.available % self.size);
        self.memory.write_u16(ring + RING_ELEMENTS + 2 * place, head);
        self.chains[usize::from(head)] = Some(Chain { token, descriptors });
        self.under_way += 1;
        self.available = self.available.wrapping_add(1);
        // The device may look at any time, and must not see the index before what it is about (section 2.7.13.2).
        fence(Ordering::Release);
        self.memory.write_u16(ring + RING_INDEX, self.available);
        // What was written is visible before the device is told to look.
        fence(Ordering::SeqCst);
        Ok(())
    }

    /// Takes a request that the device is done with: its token, and how many bytes the device says it wrote.
    ///
    /// # Errors
    /// [`Broken`].
    pub fn take(&mut self) -> Result<Option<(u32, u32)>, Broken> {
        let ring = Self::used_ring(self.size);
        let waiting = self.memory.read_u16(ring + RING_INDEX).wrapping_sub(self.taken);
        if waiting == 0 {
            return Ok(None);
        }
        if waiting > self.under_way {
            return Err(Broken);
        }
        // The element was written before the index that includes it (section 2.7.14), and is read after it.
        fence(Ordering::Acquire);
        let at = ring + RING_ELEMENTS + USED_ELEMENT * usize::from(self.taken % self.size);
        let (head, written) = (self.memory.read_u32(at), self.memory.read_u32(at + 4));
        let chain = self.chains.get_mut(head as usize).and_then(Option::take).ok_or(Broken)?;
        self.free.extend(chain.descriptors.into_iter().rev());
        self.under_way -= 1;
        self.taken = self.taken.wrapping_add(1);
        Ok(Some((chain.token, written)))
    }
}
