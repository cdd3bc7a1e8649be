//! Queues of memory of the driver's own: what a device writes when it has something to say, and what the driver has it read.

use airox_driver_traits::dma::DmaMemory;
use airox_driver_traits::queue::{Broken, Full};
use airox_driver_traits::registers::Registers;
use alloc::vec::Vec;

use crate::queue::{Buffer, Queue};
use crate::transport::{SetupError, Transport};

/// How a queue of equal buffers is made.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// The queue's number.
    pub number: u16,
    /// How many buffers, a power of two; fewer if the device has fewer.
    pub count: u16,
    /// Bytes of each, a multiple of 8.
    pub length: u32,
}

impl Shape {
    fn open<R: Registers, D: DmaMemory, E: From<SetupError>>(
        self,
        transport: &mut Transport<R>,
        memory: &mut impl FnMut(usize) -> Result<D, E>,
    ) -> Result<(Queue<D>, D), E> {
        let queue = transport.queue(self.number, self.count, 0, memory(Queue::<D>::bytes(self.count))?)?;
        let buffers = memory(usize::from(self.count) * self.length as usize)?;
        Ok((queue, buffers))
    }

    fn offset(self, place: u32) -> usize {
        place as usize * self.length as usize
    }
}

/// Buffers that the device fills.
#[derive(Debug)]
pub struct Inbox<D> {
    queue: Queue<D>,
    buffers: D,
    shape: Shape,
    /// Whether the device has not been told yet of buffers that are free again.
    untold: bool,
}

impl<D: DmaMemory> Inbox<D> {
    /// Makes the queue, with all of its buffers given to the device; it may begin after [`Transport::go`]. Its first interrupt tells.
    ///
    /// # Errors
    /// What the device lacks.
    pub fn new<R: Registers, E: From<SetupError>>(
        transport: &mut Transport<R>,
        shape: Shape,
        memory: &mut impl FnMut(usize) -> Result<D, E>,
    ) -> Result<Inbox<D>, E> {
        let (queue, buffers) = shape.open(transport, memory)?;
        let mut inbox = Inbox { queue, buffers, shape, untold: true };
        for place in 0..u32::from(shape.count) {
            if inbox.give(place).is_err() {
                break;
            }
        }
        Ok(inbox)
    }

    fn give(&mut self, place: u32) -> Result<(), Full> {
        let address = self.buffers.device_address() + self.shape.offset(place) as u64;
        self.queue.add(place, &[Buffer { address, length: self.shape.length, device_writes: true }])?;
        self.untold = true;
        Ok(())
    }

    /// What the device has written next; its buffer is the device's again.
    ///
    /// # Errors
    /// [`Broken`].
    pub fn next<R: Registers>(&mut self, transport: &mut Transport<R>) -> Result<Option<Vec<u8>>, Broken> {
        let Some((place, written)) = self.queue.take()? else {
            // Once for all that was taken since.
            if core::mem::take(&mut self.untold) {
                transport.notify(&self.queue);
            }
            return if transport.needs_reset() { Err(Broken) } else { Ok(None) };
        };
        if written > self.shape.length {
            return Err(Broken);
        }
        let mut bytes = alloc::vec![0; written as usize];
        self.buffers.copy_out(self.shape.offset(place), &mut bytes);
        self.give(place).map_err(|Full| Broken)?;
        Ok(Some(bytes))
    }
}

/// Buffers that the device reads.
#[derive(Debug)]
pub struct Outbox<D> {
    queue: Queue<D>,
    buffers: D,
    shape: Shape,
    free: Vec<u32>,
}

impl<D: DmaMemory> Outbox<D> {
    /// Makes the queue. The device's first interrupt tells what it has read.
    ///
    /// # Errors
    /// What the device lacks.
    pub fn new<R: Registers, E: From<SetupError>>(
        transport: &mut Transport<R>,
        shape: Shape,
        memory: &mut impl FnMut(usize) -> Result<D, E>,
    ) -> Result<Outbox<D>, E> {
        let (queue, buffers) = shape.open(transport, memory)?;
        Ok(Outbox { queue, buffers, shape, free: (0..shape.count.into()).rev().collect() })
    }

    /// Has the device read these bytes.
    ///
    /// # Errors
    /// [`Full`]: the device must read others first, or there are too many bytes.
    pub fn send<R: Registers>(&mut self, transport: &mut Transport<R>, bytes: &[u8]) -> Result<(), Full> {
        let length = u32::try_from(bytes.len()).ok().filter(|length| *length <= self.shape.length).ok_or(Full)?;
        let place = self.free.pop().ok_or(Full)?;
        let offset = self.shape.offset(place);
        self.buffers.copy_in(offset, bytes);
        let address = self.buffers.device_address() + offset as u64;
        if self.queue.add(place, &[Buffer { address, length, device_writes: false }]).is_err() {
            self.free.push(place);
            return Err(Full);
        }
        transport.notify(&self.queue);
        Ok(())
    }

    /// Takes back the buffers that the device has read; returns how many.
    ///
    /// # Errors
    /// [`Broken`].
    pub fn reclaim(&mut self) -> Result<usize, Broken> {
        let before = self.free.len();
        while let Some((place, _)) = self.queue.take()? {
            self.free.push(place);
        }
        Ok(self.free.len() - before)
    }
}
