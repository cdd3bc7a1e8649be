//! A virtio device on PCI for host tests: its registers, and its side of the queues, as a device sees them. Tests make it lie.

use airox_driver_traits::dma::ModelMemory;
use airox_driver_traits::registers::{Bytes, Registers, Width};
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;

/// A buffer of a request, as the device reads it from the descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Where.
    pub address: u64,
    /// Bytes.
    pub length: u32,
    /// Whether the device may write.
    pub writable: bool,
}

/// What the model device keeps.
#[derive(Debug)]
pub struct State {
    /// Features it offers.
    pub features: u64,
    /// Whether it accepts what the driver chooses.
    pub accepts: bool,
    /// Whether a reset ends.
    pub resets: bool,
    /// Its status.
    pub status: u8,
    /// Descriptors that each queue may have.
    pub queue_size: u16,
    /// Whether it has interrupts.
    pub has_vectors: bool,
    /// Its own registers.
    pub device: Bytes,
    /// How often it was notified.
    pub notified: u32,
    /// What the driver chose.
    pub chosen: u64,
    feature_select: u32,
    selected: usize,
    queues: [ModelQueue; QUEUES],
    vector: u16,
    memories: Vec<ModelMemory>,
}

/// Queues it has.
const QUEUES: usize = 4;

/// Its side of a queue: how many descriptors the driver chose, where the three parts are, and how far it is.
#[derive(Clone, Copy, Debug, Default)]
struct ModelQueue {
    size: u16,
    addresses: [u64; 3],
    taken: u16,
    used: u16,
}

/// The device; clones are the same one.
#[derive(Clone, Debug)]
pub struct ModelDevice(Rc<RefCell<State>>);

/// One of its windows.
#[derive(Clone, Debug)]
pub enum ModelWindow {
    /// The common registers.
    Common(ModelDevice),
    /// Where it is notified.
    Notify(ModelDevice),
    /// Its own.
    Device(ModelDevice),
}

const MEMORY_BASE: u64 = 0x10_0000;
const MEMORY_STEP: u64 = 0x10_0000;
/// Offsets of its windows in its one base address register, number 4.
const OFFSETS: [u64; 3] = [0, 0x1000, 0x2000];

impl ModelDevice {
    /// A modern device with these features besides and these registers of its own.
    #[must_use]
    pub fn new(features: u64, device: Vec<u8>) -> ModelDevice {
        ModelDevice(Rc::new(RefCell::new(State {
            features: features | 1 << 32,
            accepts: true,
            resets: true,
            status: 0,
            queue_size: 64,
            has_vectors: true,
            device: Bytes(device),
            notified: 0,
            chosen: 0,
            feature_select: 0,
            selected: 0,
            queues: [ModelQueue::default(); QUEUES],
            vector: 0,
            memories: Vec::new(),
        })))
    }

    /// What it keeps.
    #[must_use]
    pub fn state(&self) -> core::cell::RefMut<'_, State> {
        self.0.borrow_mut()
    }

    /// Memory that driver and device share.
    #[must_use]
    pub fn memory(&self, bytes: usize) -> ModelMemory {
        let mut state = self.state();
        let memory = ModelMemory::new(MEMORY_BASE + MEMORY_STEP * state.memories.len() as u64, bytes);
        state.memories.push(memory.clone());
        memory
    }

    /// Its configuration space: a list of capabilities that tells where the windows are.
    #[must_use]
    pub fn configuration(&self) -> Bytes {
        let mut bytes = Bytes(alloc::vec![0; 256]);
        bytes.write_u16(6, 1 << 4);
        bytes.write_u8(0x34, 0x40);
        // Common, notification, device, and before them one in a register that the driver does not have.
        for (index, (kind, bar, offset)) in
            [(1, 0, 0), (1, 4, OFFSETS[0]), (2, 4, OFFSETS[1]), (4, 4, OFFSETS[2])].into_iter().enumerate()
        {
            let at = 0x40 + index * 0x18;
            let next = if index == 3 { 0 } else { at + 0x18 };
            bytes.write_u32(at, u32::from_le_bytes([9, next as u8, 0x14, kind]));
            bytes.write_u8(at + 4, bar);
            bytes.write_u32(at + 8, offset as u32);
            bytes.write_u32(at + 12, 0x1000);
            bytes.write_u32(at + 16, 4);
        }
        bytes
    }

    /// The window at an offset of its base address register.
    #[must_use]
    pub fn window(&self, bar: u8, offset: u64, _length: u64) -> Option<ModelWindow> {
        match OFFSETS.iter().position(|it| bar == 4 && *it == offset)? {
            0 => Some(ModelWindow::Common(self.clone())),
            1 => Some(ModelWindow::Notify(self.clone())),
            _ => Some(ModelWindow::Device(self.clone())),
        }
    }

    /// Reads memory as the device does; `None` where it has none.
    #[must_use]
    pub fn read(&self, address: u64, length: usize) -> Option<Vec<u8>> {
        let (memory, offset) = self.find(address)?;
        let bytes = memory.bytes();
        bytes.get(offset..offset.checked_add(length)?).map(<[u8]>::to_vec)
    }

    /// Writes memory as the device does, where it has some.
    pub fn write(&self, address: u64, data: &[u8]) {
        if let Some((memory, offset)) = self.find(address)
            && let Some(place) = memory.bytes().get_mut(offset..offset + data.len())
        {
            place.copy_from_slice(data);
        }
    }

    fn find(&self, address: u64) -> Option<(ModelMemory, usize)> {
        let index = (address.checked_sub(MEMORY_BASE)? / MEMORY_STEP) as usize;
        let memory = self.state().memories.get(index)?.clone();
        Some((memory, (address % MEMORY_STEP) as usize))
    }

    fn number<const N: usize>(&self, address: u64) -> u64 {
        let mut bytes = self.read(address, N).unwrap_or_default();
        bytes.resize(8, 0);
        let mut value = [0; 8];
        value.copy_from_slice(&bytes);
        u64::from_le_bytes(value)
    }

    /// The next request that the driver made available in the first queue: its first descriptor and its buffers.
    #[must_use]
    pub fn next(&self) -> Option<(u32, Vec<Segment>)> {
        self.next_of(0)
    }

    /// The next request in a queue.
    #[must_use]
    pub fn next_of(&self, queue: usize) -> Option<(u32, Vec<Segment>)> {
        let ModelQueue { size, addresses: [descriptors, driver, _], taken, .. } = self.state().queues[queue];
        if self.number::<2>(driver + 2) as u16 == taken {
            return None;
        }
        self.state().queues[queue].taken = taken.wrapping_add(1);
        let head = self.number::<2>(driver + 4 + 2 * u64::from(taken % size));
        let mut segments = Vec::new();
        let mut next = head;
        for _ in 0..size {
            let at = descriptors + 16 * next;
            let flags = self.number::<2>(at + 12);
            segments.push(Segment {
                address: self.number::<8>(at),
                length: self.number::<4>(at + 8) as u32,
                writable: flags & 2 != 0,
            });
            if flags & 1 == 0 {
                break;
            }
            next = self.number::<2>(at + 14);
        }
        Some((head as u32, segments))
    }

    /// Tells the driver that the request with this first descriptor in the first queue is done.
    pub fn done(&self, head: u32, written: u32) {
        self.done_of(0, head, written);
    }

    /// Tells it of one in any queue.
    pub fn done_of(&self, queue: usize, head: u32, written: u32) {
        let (device, size, used) = {
            let queue = &mut self.state().queues[queue];
            queue.used = queue.used.wrapping_add(1);
            (queue.addresses[2], queue.size, queue.used)
        };
        let at = device + 4 + 8 * u64::from(used.wrapping_sub(1) % size);
        self.write(at, &head.to_le_bytes());
        self.write(at + 4, &written.to_le_bytes());
        self.write(device + 2, &used.to_le_bytes());
    }

    /// Tells the driver that so many requests of the first queue have been done in all, modulo 2^16.
    pub fn claim(&self, used: u16) {
        let device = self.state().queues[0].addresses[2];
        self.write(device + 2, &used.to_le_bytes());
    }

    /// Writes these bytes to the next buffer of a queue that the driver gave for that, and says that it wrote `claimed` of them. Returns whether there
    /// was a buffer.
    pub fn fill(&self, queue: usize, bytes: &[u8], claimed: u32) -> bool {
        let Some((head, segments)) = self.next_of(queue) else { return false };
        assert!(segments.len() == 1 && segments[0].writable, "{segments:?}");
        self.write(segments[0].address, bytes);
        self.done_of(queue, head, claimed);
        true
    }

    /// Takes what the driver has it read next in a queue.
    #[must_use]
    pub fn drain(&self, queue: usize) -> Option<Vec<u8>> {
        let (head, segments) = self.next_of(queue)?;
        let read = segments.iter().filter(|segment| !segment.writable);
        let bytes = read.flat_map(|segment| self.read(segment.address, segment.length as usize).unwrap_or_default());
        let bytes = bytes.collect();
        self.done_of(queue, head, 0);
        Some(bytes)
    }
}

impl State {
    fn read_common(&self, offset: usize) -> u64 {
        match offset {
            0x04 => self.features >> (32 * self.feature_select) & 0xffff_ffff,
            0x14 => u64::from(self.status),
            0x18 => u64::from(self.queue_size),
            0x1a => u64::from(if self.has_vectors { self.vector } else { 0xffff }),
            0x1e => 1,
            _ => 0,
        }
    }

    fn write_common(&mut self, offset: usize, value: u64) {
        match offset {
            0x00 | 0x08 => self.feature_select = value as u32 & 1,
            0x0c => {
                let shift = 32 * self.feature_select;
                self.chosen = self.chosen & !(0xffff_ffff << shift) | value << shift;
            }
            0x14 if value == 0 && self.resets => {
                (self.status, self.queues) = (0, [ModelQueue::default(); QUEUES]);
            }
            0x14 if value == 0 => {}
            0x14 => self.status = value as u8 & if self.accepts { 0xff } else { !8 },
            0x16 => self.selected = value as usize % QUEUES,
            0x18 => self.queues[self.selected].size = value as u16,
            0x1a => self.vector = value as u16,
            0x20..0x38 => {
                let address = &mut self.queues[self.selected].addresses[(offset - 0x20) / 8];
                let shift = if offset.is_multiple_of(8) { 0 } else { 32 };
                *address = *address & !(0xffff_ffff << shift) | value << shift;
            }
            _ => {}
        }
    }
}

impl Registers for ModelWindow {
    fn length(&self) -> usize {
        0x1000
    }

    fn read(&mut self, offset: usize, width: Width) -> u64 {
        match self {
            ModelWindow::Common(device) => device.state().read_common(offset) & width.nothing(),
            ModelWindow::Notify(_) => width.nothing(),
            ModelWindow::Device(device) => device.state().device.read(offset, width),
        }
    }

    fn write(&mut self, offset: usize, width: Width, value: u64) {
        match self {
            ModelWindow::Common(device) => device.state().write_common(offset, value & width.nothing()),
            // Queue 0's offset is 1, times the multiplier of 4.
            ModelWindow::Notify(device) if offset == 4 => device.state().notified += 1,
            ModelWindow::Notify(_) => {}
            ModelWindow::Device(device) => device.state().device.write(offset, width, value),
        }
    }
}
