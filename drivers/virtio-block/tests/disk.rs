//! The disk's logic against a model device that keeps its blocks in a vector, and lies.

use airox_driver_traits::block::{BlockError, Geometry};
use airox_driver_traits::dma::{DmaMemory, ModelMemory};
use airox_driver_traits::queue::{BlockQueue, Broken, Done, Full, Kind, Request};
use airox_virtio::model::{ModelDevice, ModelWindow};
use airox_virtio::{SetupError, Transport};
use airox_virtio_block::VirtioBlock;

const READ_ONLY: u64 = 1 << 5;
const BLOCK_SIZE: u64 = 1 << 6;
const FLUSH: u64 = 1 << 9;
const SECTORS: u64 = 128;

type Disk = VirtioBlock<ModelWindow, ModelMemory>;

/// A device with so many sectors, and what is on them.
struct Model {
    device: ModelDevice,
    sectors: Vec<u8>,
    requests: Vec<(u32, u64)>,
}

impl Model {
    fn new(features: u64, block_size: u32) -> Model {
        let mut registers = SECTORS.to_le_bytes().to_vec();
        registers.resize(20, 0);
        registers.extend(block_size.to_le_bytes());
        let device = ModelDevice::new(features, registers);
        device.state().queue_size = 128;
        Model { device, sectors: vec![0; SECTORS as usize * 512], requests: Vec::new() }
    }

    fn disk(&self) -> Result<Disk, SetupError> {
        let window = |bar, offset, length| self.device.window(bar, offset, length);
        let transport = Transport::find(&mut self.device.configuration(), window)?;
        VirtioBlock::new(transport, |bytes| Ok(self.device.memory(bytes)))
    }

    /// Does the next request, as the specification says, with this status.
    fn work(&mut self, status: u8) -> Option<u32> {
        let (head, segments) = self.device.next()?;
        let header = self.device.read(segments[0].address, 16).unwrap();
        let kind = u32::from_le_bytes(header[..4].try_into().unwrap());
        let sector = u64::from_le_bytes(header[8..].try_into().unwrap());
        self.requests.push((kind, sector));
        let mut at = sector as usize * 512;
        for segment in &segments[1..segments.len() - 1] {
            let length = segment.length as usize;
            assert_eq!(segment.writable, kind == 0);
            if status == 0 {
                match kind {
                    0 => self.device.write(segment.address, &self.sectors[at..at + length]),
                    _ => self.sectors[at..at + length]
                        .copy_from_slice(&self.device.read(segment.address, length).unwrap()),
                }
            }
            at += length;
        }
        let last = segments.last().unwrap();
        assert_eq!((last.length, last.writable), (1, true));
        self.device.write(last.address, &[status]);
        Some(head)
    }

    fn finish(&mut self) {
        while let Some(head) = self.work(0) {
            self.device.done(head, 1);
        }
    }
}

fn request(kind: Kind, first: u64, count: u32, memory: &ModelMemory) -> Request {
    Request { kind, first, count, address: memory.device_address() }
}

#[test]
fn its_geometry_is_what_its_registers_say() {
    let geometry = |features, block_size| Model::new(features, block_size).disk().unwrap().geometry();
    let plain = Geometry { block_size: 512, blocks: 128, read_only: false };
    assert_eq!(geometry(0, 4096), plain);
    assert_eq!(geometry(BLOCK_SIZE | FLUSH, 4096), Geometry { block_size: 4096, blocks: 16, ..plain });
    assert_eq!(geometry(READ_ONLY, 0), Geometry { read_only: true, ..plain });
    // Sizes that are none.
    for nonsense in [0, 1, 513, 1 << 17, u32::MAX] {
        assert_eq!(geometry(BLOCK_SIZE, nonsense), plain, "{nonsense}");
    }
    assert!(Model::new(FLUSH, 512).disk().unwrap().has_cache());
    assert!(!Model::new(0, 512).disk().unwrap().has_cache());
}

#[test]
fn blocks_are_written_flushed_and_read_back() {
    let mut model = Model::new(BLOCK_SIZE | FLUSH, 1024);
    let mut disk = model.disk().unwrap();
    let memory = model.device.memory(4096);
    memory.bytes().fill(0x5a);
    disk.submit(1, &request(Kind::Write, 3, 2, &memory)).unwrap();
    disk.submit(2, &request(Kind::Flush, 0, 0, &memory)).unwrap();
    assert_eq!(disk.next_done(), Ok(None));
    model.finish();
    assert_eq!(disk.next_done(), Ok(Some(Done { id: 1, result: Ok(()) })));
    assert_eq!(disk.next_done(), Ok(Some(Done { id: 2, result: Ok(()) })));
    memory.bytes().fill(0);
    disk.submit(3, &request(Kind::Read, 4, 1, &memory)).unwrap();
    model.finish();
    assert_eq!(disk.next_done(), Ok(Some(Done { id: 3, result: Ok(()) })));
    assert!(memory.bytes()[..1024].iter().all(|byte| *byte == 0x5a));
    assert!(memory.bytes()[1024..].iter().all(|byte| *byte == 0));
    assert_eq!(model.requests, [(1, 6), (4, 0), (0, 8)]);
}

#[test]
fn as_many_as_fit_are_under_way_and_come_back_in_any_order() {
    let mut model = Model::new(0, 512);
    let mut disk = model.disk().unwrap();
    let memory = model.device.memory(512);
    for round in 0..10 {
        let mut count = 0;
        while disk.submit(count, &request(Kind::Write, u64::from(count), 1, &memory)).is_ok() {
            count += 1;
        }
        assert_eq!(count, 42, "{round}");
        let mut heads: Vec<u32> = std::iter::from_fn(|| model.work(0)).collect();
        heads.reverse();
        heads.into_iter().for_each(|head| model.device.done(head, 1));
        for expected in (0..count).rev() {
            assert_eq!(disk.next_done(), Ok(Some(Done { id: expected, result: Ok(()) })));
        }
        assert_eq!(disk.next_done(), Ok(None));
    }
}

#[test]
fn failures_of_the_device_are_told() {
    let mut model = Model::new(0, 512);
    let mut disk = model.disk().unwrap();
    let memory = model.device.memory(512);
    let cases =
        [(1, BlockError::Medium { block: 9 }), (2, BlockError::ReadOnly), (0xff, BlockError::Medium { block: 9 })];
    for (status, error) in cases {
        disk.submit(7, &request(Kind::Write, 9, 1, &memory)).unwrap();
        let head = model.work(status).unwrap();
        model.device.done(head, 1);
        assert_eq!(disk.next_done(), Ok(Some(Done { id: 7, result: Err(error) })));
    }
}

#[test]
fn a_device_that_lies_or_gives_up_is_broken() {
    let mut model = Model::new(0, 512);
    let mut disk = model.disk().unwrap();
    let memory = model.device.memory(512);
    disk.submit(1, &request(Kind::Read, 0, 1, &memory)).unwrap();
    let head = model.work(0).unwrap();
    model.device.done(head + 1, 1);
    assert_eq!(disk.next_done(), Err(Broken));

    let other = Model::new(0, 512);
    let mut disk = other.disk().unwrap();
    disk.submit(1, &request(Kind::Read, 0, 1, &memory)).unwrap();
    other.device.state().status |= 64;
    assert_eq!(disk.next_done(), Err(Broken));
}

#[test]
fn the_device_sees_a_size_it_cannot_have_as_no_room() {
    let model = Model::new(0, 512);
    model.device.state().queue_size = 2;
    let mut disk = model.disk().unwrap();
    let memory = model.device.memory(512);
    assert_eq!(disk.submit(1, &request(Kind::Read, 0, 1, &memory)), Err(Full));
    assert_eq!(model.device.next(), None);
}
