//! A virtio disk (VIRTIO 1.2, section 5.2): requests of 16 bytes of header, the blocks, and a byte of status.
//!
//! Header and status lie in the driver's own memory, the blocks wherever the client's memory is; the device gathers them by three
//! descriptors.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

use airox_driver_traits::block::{BlockError, Geometry, SECTOR};
use airox_driver_traits::dma::DmaMemory;
use airox_driver_traits::queue::{BlockQueue, Broken, Done, Full, Kind, Request};
use airox_driver_traits::registers::Registers;
use airox_virtio::{Buffer, Queue, SetupError, Transport};
use alloc::vec::Vec;

/// Feature bits (section 5.2.3).
mod feature {
    pub const READ_ONLY: u64 = 1 << 5;
    pub const BLOCK_SIZE: u64 = 1 << 6;
    pub const FLUSH: u64 = 1 << 9;
}

/// Device registers (section 5.2.4).
const CAPACITY: usize = 0;
const BLOCK_SIZE: usize = 20;
const LARGEST_BLOCK: u32 = 1 << 16;

/// Types of requests, and what became of one (section 5.2.6).
const READ: u32 = 0;
const WRITE: u32 = 1;
const FLUSH: u32 = 4;
const DONE: u8 = 0;
const UNSUPPORTED: u8 = 2;

/// Most descriptors: a request takes three.
const DESCRIPTORS: u16 = 128;
/// Requests at a time.
const REQUESTS: usize = DESCRIPTORS as usize / 3;
/// Of each request, in the memory for headers: where its status is, and how far to the next one.
const STATUS: usize = 16;
const HEADER: u32 = 16;
const STRIDE: usize = 32;

/// A virtio disk.
#[derive(Debug)]
pub struct VirtioBlock<R, D> {
    transport: Transport<R>,
    queue: Queue<D>,
    headers: D,
    geometry: Geometry,
    has_cache: bool,
    /// Who asked, and for the blocks from where, by the place of the request's header.
    requests: Vec<Option<(u32, u64)>>,
    free: Vec<u32>,
}

impl<R: Registers, D: DmaMemory> VirtioBlock<R, D> {
    /// Sets the device up. `memory` is asked for memory of so many bytes, after the device has been reset. The device interrupts by its first interrupt.
    ///
    /// # Errors
    /// Why the device cannot be driven.
    pub fn new<E: From<SetupError>>(
        mut transport: Transport<R>,
        mut memory: impl FnMut(usize) -> Result<D, E>,
    ) -> Result<VirtioBlock<R, D>, E> {
        let features = transport.begin(0, feature::READ_ONLY | feature::BLOCK_SIZE | feature::FLUSH)?;
        let read = |device: &mut R| {
            let capacity = u64::from(device.read_u32(CAPACITY)) | u64::from(device.read_u32(CAPACITY + 4)) << 32;
            (capacity, device.read_u32(BLOCK_SIZE))
        };
        let (sectors, block_size) = transport.configuration(read).ok_or(SetupError::NoRegisters)?;
        let usable = block_size.is_power_of_two() && (SECTOR..=LARGEST_BLOCK).contains(&block_size);
        let block_size = if features & feature::BLOCK_SIZE != 0 && usable { block_size } else { SECTOR };
        let geometry = Geometry {
            block_size,
            blocks: sectors / u64::from(block_size / SECTOR),
            read_only: features & feature::READ_ONLY != 0,
        };
        let queue = transport.queue(0, DESCRIPTORS, 0, memory(Queue::<D>::bytes(DESCRIPTORS))?)?;
        let headers = memory(REQUESTS * STRIDE)?;
        transport.go();
        Ok(VirtioBlock {
            transport,
            queue,
            headers,
            geometry,
            has_cache: features & feature::FLUSH != 0,
            requests: (0..REQUESTS).map(|_| None).collect(),
            free: (0..REQUESTS as u32).rev().collect(),
        })
    }

    fn sector(&self, block: u64) -> u64 {
        block * u64::from(self.geometry.block_size / SECTOR)
    }
}

impl<R: Registers, D: DmaMemory> BlockQueue for VirtioBlock<R, D> {
    fn geometry(&self) -> Geometry {
        self.geometry
    }

    fn has_cache(&self) -> bool {
        self.has_cache
    }

    fn most_blocks(&self) -> u32 {
        u32::MAX / self.geometry.block_size
    }

    fn submit(&mut self, id: u32, request: &Request) -> Result<(), Full> {
        let kind = match request.kind {
            Kind::Read => READ,
            Kind::Write => WRITE,
            Kind::Flush => FLUSH,
        };
        let place = self.free.pop().ok_or(Full)?;
        let at = place as usize * STRIDE;
        self.headers.write_u32(at, kind);
        self.headers.write_u32(at + 4, 0);
        self.headers.write_u64(at + 8, self.sector(request.first));
        self.headers.write_u8(at + STATUS, u8::MAX);
        let base = self.headers.device_address() + at as u64;
        let header = Buffer { address: base, length: HEADER, device_writes: false };
        let status = Buffer { address: base + STATUS as u64, length: 1, device_writes: true };
        let length = request.count.saturating_mul(self.geometry.block_size);
        let data = Buffer { address: request.address, length, device_writes: request.kind == Kind::Read };
        let added = match request.kind {
            Kind::Flush => self.queue.add(place, &[header, status]),
            Kind::Read | Kind::Write => self.queue.add(place, &[header, data, status]),
        };
        if added.is_err() {
            self.free.push(place);
            return Err(Full);
        }
        self.requests[place as usize] = Some((id, request.first));
        self.transport.notify(&self.queue);
        Ok(())
    }

    fn next_done(&mut self) -> Result<Option<Done>, Broken> {
        let Some((place, _)) = self.queue.take()? else {
            return if self.transport_failed() { Err(Broken) } else { Ok(None) };
        };
        let (id, first) = self.requests.get_mut(place as usize).and_then(Option::take).ok_or(Broken)?;
        self.free.push(place);
        let result = match self.headers.read_u8(place as usize * STRIDE + STATUS) {
            DONE => Ok(()),
            UNSUPPORTED => Err(BlockError::ReadOnly),
            _ => Err(BlockError::Medium { block: first }),
        };
        Ok(Some(Done { id, result }))
    }
}

impl<R: Registers, D: DmaMemory> VirtioBlock<R, D> {
    /// Whether the device gave up with requests under way.
    fn transport_failed(&mut self) -> bool {
        self.queue.under_way() > 0 && self.transport.needs_reset()
    }
}
