//! Set-up and queue against a model device, honest and hostile.

use crate::model::{ModelDevice, ModelWindow, Segment};
use crate::{Buffer, Queue, SetupError, Transport, feature};
use airox_driver_traits::dma::ModelMemory;
use airox_driver_traits::queue::{Broken, Full};
use airox_driver_traits::registers::{Bytes, Registers};
use alloc::vec::Vec;

fn transport(device: &ModelDevice) -> Transport<ModelWindow> {
    Transport::find(&mut device.configuration(), |bar, offset, length| device.window(bar, offset, length)).unwrap()
}

fn queue(device: &ModelDevice, size: u16) -> (Transport<ModelWindow>, Queue<ModelMemory>) {
    let mut transport = transport(device);
    transport.begin(0, 0).unwrap();
    let memory = device.memory(Queue::<ModelMemory>::bytes(size));
    let queue = transport.queue(0, size, 0, memory).unwrap();
    transport.go();
    (transport, queue)
}

fn buffer(address: u64, device_writes: bool) -> Buffer {
    Buffer { address, length: 512, device_writes }
}

#[test]
fn a_device_is_set_up_with_what_both_know() {
    let device = ModelDevice::new(1 << 5 | 1 << 9 | 1 << 28, Vec::new());
    let mut transport = transport(&device);
    assert_eq!(transport.begin(1 << 9, 1 << 5 | 1 << 6), Ok(feature::VERSION_1 | 1 << 9 | 1 << 5));
    assert_eq!(device.state().chosen, feature::VERSION_1 | 1 << 9 | 1 << 5);
    transport.go();
    assert_eq!(device.state().status, 15);
    assert!(!transport.needs_reset());
    device.state().status |= 64;
    assert!(transport.needs_reset());
}

#[test]
fn devices_that_cannot_be_driven_are_refused() {
    let device = || ModelDevice::new(0, Vec::new());
    assert_eq!(transport(&device()).begin(1 << 9, 0), Err(SetupError::NoFeature));
    let old = device();
    old.state().features = 0;
    assert_eq!(transport(&old).begin(0, 0), Err(SetupError::NoFeature));
    let stuck = device();
    (stuck.state().status, stuck.state().resets) = (4, false);
    stuck.state().status = 4;
    assert_eq!(transport(&stuck).begin(0, 0), Err(SetupError::NoReset));
    let stubborn = device();
    stubborn.state().accepts = false;
    assert_eq!(transport(&stubborn).begin(0, 0), Err(SetupError::FeaturesRefused));
    for size in [0, 1] {
        let small = device();
        small.state().queue_size = size;
        let memory = small.memory(4096);
        assert_eq!(transport(&small).queue(0, 64, 0, memory).unwrap_err(), SetupError::NoQueue(0));
    }
    let deaf = device();
    deaf.state().has_vectors = false;
    let memory = deaf.memory(4096);
    assert_eq!(transport(&deaf).queue(0, 64, 0, memory).unwrap_err(), SetupError::NoInterrupt);
    let memory = device().memory(100);
    assert_eq!(transport(&device()).queue(0, 64, 0, memory).unwrap_err(), SetupError::NoMemory);
}

#[test]
fn capabilities_that_lead_nowhere_are_refused() {
    let find = |mut configuration: Bytes, device: &ModelDevice| {
        Transport::find(&mut configuration, |bar, offset, length| device.window(bar, offset, length)).map(drop)
    };
    let device = ModelDevice::new(0, Vec::new());
    assert_eq!(find(Bytes(alloc::vec![0xff; 256]), &device), Err(SetupError::NoRegisters));
    assert_eq!(find(Bytes(Vec::new()), &device), Err(SetupError::NoRegisters));
    let mut short = device.configuration();
    short.write_u32(0x40 + 0x18 + 12, 0x37);
    assert_eq!(find(short, &device), Err(SetupError::NoRegisters));
}

#[test]
fn requests_go_and_come_back_in_any_order() {
    let device = ModelDevice::new(0, Vec::new());
    let (mut transport, mut queue) = queue(&device, 8);
    for round in 0..1000_u32 {
        for token in 0..2 {
            let address = u64::from(round * 2 + token) << 12;
            let buffers = [buffer(address, false), buffer(address + 1, true), buffer(address + 2, true)];
            assert_eq!(queue.add(token, &buffers), Ok(()));
            transport.notify(&queue);
        }
        let (first, segments) = device.next().unwrap();
        let (second, _) = device.next().unwrap();
        let address = u64::from(round * 2) << 12;
        let expected = [(0, false), (1, true), (2, true)];
        let expected = expected.map(|(add, writable)| Segment { address: address + add, length: 512, writable });
        assert_eq!(segments, expected);
        assert_eq!(queue.take(), Ok(None));
        device.done(second, 7);
        device.done(first, 9);
        assert_eq!(queue.take(), Ok(Some((1, 7))));
        assert_eq!(queue.take(), Ok(Some((0, 9))));
        assert_eq!(queue.take(), Ok(None));
    }
    assert_eq!(device.state().notified, 2000);
}

#[test]
fn a_full_queue_takes_nothing_and_loses_nothing() {
    let device = ModelDevice::new(0, Vec::new());
    let (_, mut queue) = queue(&device, 8);
    assert_eq!(queue.add(0, &[]), Err(Full));
    for token in 0..2 {
        assert_eq!(queue.add(token, &[buffer(0, false); 3]), Ok(()));
    }
    assert_eq!(queue.add(2, &[buffer(0, false); 3]), Err(Full));
    assert_eq!(queue.add(2, &[buffer(0, false); 2]), Ok(()));
    assert_eq!(queue.under_way(), 3);
    for token in 0..3 {
        let (head, _) = device.next().unwrap();
        device.done(head, 0);
        assert_eq!(queue.take(), Ok(Some((token, 0))));
    }
    assert_eq!(queue.add(3, &[buffer(0, false); 8]), Ok(()));
}

#[test]
fn answers_to_what_was_not_asked_break_the_device() {
    // A descriptor that begins no request, one beyond the table, one answered before.
    for wrong in [1, 8, u32::MAX] {
        let device = ModelDevice::new(0, Vec::new());
        let (_, mut queue) = queue(&device, 8);
        queue.add(0, &[buffer(0, false); 3]).unwrap();
        assert_eq!(device.next().unwrap().0, 0);
        device.done(wrong, 0);
        assert_eq!(queue.take(), Err(Broken), "{wrong}");
    }
    let device = ModelDevice::new(0, Vec::new());
    let (_, mut queue) = queue(&device, 8);
    queue.add(0, &[buffer(0, false)]).unwrap();
    queue.add(1, &[buffer(0, false)]).unwrap();
    device.done(0, 0);
    device.done(0, 0);
    assert_eq!(queue.take(), Ok(Some((0, 0))));
    assert_eq!(queue.take(), Err(Broken));
    // More answers than questions.
    for claimed in [2, 9, 0xffff] {
        let device = ModelDevice::new(0, Vec::new());
        let (_, mut queue) = self::queue(&device, 8);
        queue.add(0, &[buffer(0, false)]).unwrap();
        device.claim(claimed);
        assert_eq!(queue.take(), Err(Broken), "{claimed}");
    }
}
