//! What drivers of interfaces may do, and what comes back.

use airox_api::usb::{Done, MAX_ATTACHMENTS, MAX_TRANSFERS, Setup, TransferError, UsbError};
use airox_driver_traits::dma::{DmaMemory, ModelMemory};
use airox_driver_traits::registers::Registers;
use airox_usb::class::MASS_STORAGE;

use crate::devices::Device;
use crate::host::{Play, World};

/// A stick that a driver has opened, and memory that it lent.
fn with_stick() -> (Play, u32, ModelMemory, u64) {
    let world = World::default();
    world.model.plug(1, Some(Device::storage()));
    let mut play = Play::new(world);
    play.pass(5_000);
    let key = play.key(MASS_STORAGE);
    let description = play.open(key).unwrap();
    assert_eq!((description.class, description.endpoints.len()), (MASS_STORAGE, 2));
    let memory = play.world.model.allocate(1 << 18).unwrap();
    let address = play.bus.attach(key, (memory.device_address(), 1 << 18)).unwrap();
    (play, key, memory, address)
}

fn done(play: &Play, key: u32) -> Vec<(u32, Result<u32, TransferError>)> {
    play.bus.done(key).unwrap().into_iter().map(|Done { id, result }| (id, result)).collect()
}

#[test]
fn data_goes_out_and_comes_in() {
    let (mut play, key, mut memory, address) = with_stick();
    for at in 0..200_000 {
        memory.write_u8(at, at as u8);
    }
    // Over several boundaries of blocks.
    play.bus.submit(key, 7, 2, (address + 100, 150_000), None).unwrap();
    play.pass(1);
    assert_eq!(done(&play, key), [(7, Ok(150_000))]);
    assert_eq!(play.world.told.get(), 1);
    let output = play.world.model.inner().device(&[1]).unwrap().output.clone();
    assert_eq!(output.len(), 150_000);
    assert!(output.iter().enumerate().all(|(at, byte)| *byte == (at + 100) as u8));
    // It has less than is wanted: in the first block, and in a later one.
    for (count, bytes) in [(13, 512), (70_000, 150_000), (512, 512), (0, 512)] {
        play.bus.submit(key, count, 0x81, (address, bytes), None).unwrap();
        play.pass(1);
        assert_eq!(done(&play, key), []);
        let data: Vec<u8> = (0..count).map(|at| (at * 3) as u8).collect();
        play.world.model.with_device(&[1], |stick| stick.input.push_back(data.clone()));
        play.pass(1);
        assert_eq!(done(&play, key), [(count, Ok(count))]);
        assert_eq!(memory.bytes()[..count as usize], data);
    }
}

#[test]
fn rings_turn() {
    let (play, key, _memory, address) = with_stick();
    for round in 0..1_000 {
        for id in 0..3 {
            play.bus.submit(key, id, 2, (address, 512 * (id + 1)), None).unwrap();
        }
        play.bus.interrupt().unwrap();
        assert_eq!(done(&play, key), [(0, Ok(512)), (1, Ok(1024)), (2, Ok(1536))], "{round}");
    }
}

#[test]
fn a_refused_transfer_halts_until_it_is_recovered() {
    let (mut play, key, _memory, address) = with_stick();
    play.world.model.with_device(&[1], |stick| stick.halted = true);
    play.bus.submit(key, 1, 0x81, (address, 512), None).unwrap();
    play.pass(1);
    assert_eq!(done(&play, key), [(1, Err(TransferError::Stalled))]);
    assert_eq!(play.bus.submit(key, 2, 0x81, (address, 512), None), Err(UsbError::Halted));
    play.bus.recover(key, 3, 0x81).unwrap();
    play.pass(10);
    assert_eq!(done(&play, key), [(3, Ok(0))]);
    // The device was told, too.
    assert!(!play.world.model.inner().device(&[1]).unwrap().halted);
    play.world.model.with_device(&[1], |stick| stick.input.push_back(vec![1, 2, 3]));
    play.bus.submit(key, 4, 0x81, (address, 512), None).unwrap();
    play.pass(1);
    assert_eq!(done(&play, key), [(4, Ok(3))]);
    // What waits is given up by a recovery.
    play.bus.submit(key, 5, 0x81, (address, 512), None).unwrap();
    play.pass(1);
    play.bus.recover(key, 6, 0x81).unwrap();
    play.pass(10);
    assert_eq!(done(&play, key), [(5, Err(TransferError::Cancelled)), (6, Ok(0))]);
}

#[test]
fn refused_requests_do_not_block_the_next() {
    let (mut play, key, mut memory, address) = with_stick();
    let lun = Setup { kind: 0xa1, request: 0xfe, value: 0, index: 0, length: 1 };
    let text = Setup { kind: 0x80, request: 6, value: 0x0301, index: 0x409, length: 255 };
    for round in 0..20 {
        play.bus.submit(key, 1, 0, (address, 1), Some(lun)).unwrap();
        play.pass(10);
        play.bus.submit(key, 2, 0, (address + 64, 255), Some(text)).unwrap();
        play.pass(10);
        assert_eq!(done(&play, key), [(1, Err(TransferError::Stalled)), (2, Ok(8))], "{round}");
        assert_eq!(memory.read_u32(64), 0x0061_0308);
    }
    // What is not for drivers.
    let address_of = Setup { kind: 0, request: 5, value: 9, index: 0, length: 0 };
    assert_eq!(play.bus.submit(key, 3, 0, (0, 0), Some(address_of)), Err(UsbError::NotAllowed));
}

#[test]
fn claims_about_memory_and_endpoints_are_checked() {
    let (mut play, key, _memory, address) = with_stick();
    let submit = |play: &Play, endpoint, at, length| play.bus.submit(key, 1, endpoint, (at, length), None);
    let size = 1 << 18;
    for (at, length) in [
        (address + size, 1),
        (address + size - 1, 2),
        (address - 1, 1),
        (0, 1),
        (2 * address, 1),
        (u64::MAX, 1),
        (address, u32::MAX),
        (address, (1 << 18) + 1),
    ] {
        assert_eq!(submit(&play, 2, at, length), Err(UsbError::BadMemory), "{at:#x} {length}");
    }
    for endpoint in [0, 1, 0x82, 3, 0x80, 0xff] {
        assert_eq!(submit(&play, endpoint, address, 1), Err(UsbError::NoSuchEndpoint), "{endpoint:#x}");
    }
    for other in [0, key + 1, u32::MAX] {
        assert_eq!(play.bus.submit(other, 1, 2, (address, 1), None), Err(UsbError::Gone));
        assert_eq!(play.bus.attach(other, (0x1000, 0x1000)), Err(UsbError::Gone));
        assert_eq!(play.bus.done(other), Err(UsbError::Gone));
        assert_eq!(play.open(other).err(), Some(UsbError::Gone));
    }
    // Memory in use stays; then it goes, and is nobody's.
    submit(&play, 0x81, address, 512).unwrap();
    assert_eq!(play.bus.detach(key, address), Err(UsbError::BadMemory));
    play.world.model.with_device(&[1], |stick| stick.input.push_back(vec![0; 5]));
    play.pass(1);
    assert_eq!(play.bus.detach(key, address + 1), Err(UsbError::BadMemory));
    assert_eq!(play.bus.detach(key, address), Ok(()));
    assert_eq!(submit(&play, 2, address, 1), Err(UsbError::BadMemory));
    // Too much of anything.
    let lent = (0..).find(|index| play.bus.attach(key, (0x10_0000 * (index + 1), 0x1000)).is_err());
    assert_eq!(lent, Some(MAX_ATTACHMENTS as u64));
    let under_way = (0..).find(|_| submit(&play, 0x81, address, 16) == Err(UsbError::Full));
    assert_eq!(under_way, Some(MAX_TRANSFERS - 1));
    assert_eq!(play.bus.attach(key, (0x1000, 1 << 33)), Err(UsbError::Full));
}

#[test]
fn a_new_process_finds_nothing_of_the_old_one() {
    let (mut play, key, _memory, address) = with_stick();
    for id in 0..5 {
        play.bus.submit(key, id, 0x81, (address, 512), None).unwrap();
    }
    play.pass(1);
    assert_eq!(play.world.lent.borrow().len(), 1);
    play.open(key).unwrap();
    assert_eq!(play.world.lent.borrow().len(), 0);
    assert_eq!(done(&play, key), []);
    // The controller does not look at the old memory any more.
    play.world.model.with_device(&[1], |stick| stick.input.push_back(vec![9; 9]));
    let memory = play.world.model.allocate(4096).unwrap();
    let address = play.bus.attach(key, (memory.device_address(), 4096)).unwrap();
    play.bus.submit(key, 1, 0x81, (address, 512), None).unwrap();
    play.pass(1);
    assert_eq!(done(&play, key), [(1, Ok(9))]);
    assert_eq!(memory.bytes()[..10], [9, 9, 9, 9, 9, 9, 9, 9, 9, 0]);
}

#[test]
fn unplugging_ends_what_is_under_way() {
    let (mut play, key, memory, address) = with_stick();
    play.bus.submit(key, 1, 0x81, (address, 512), None).unwrap();
    play.bus.recover(key, 2, 2).unwrap();
    play.world.told.set(0);
    play.world.model.plug(1, None);
    play.pass(10_000);
    assert_eq!(play.world.told.get(), 1);
    assert_eq!(play.bus.done(key), Err(UsbError::Gone));
    assert_eq!(play.bus.submit(key, 1, 0x81, (address, 512), None), Err(UsbError::Gone));
    assert_eq!(play.found(), []);
    assert_eq!(play.world.lent.borrow().len(), 0);
    play.world.model.free(&memory);
    assert_eq!(play.world.model.pieces(), 1);
}
