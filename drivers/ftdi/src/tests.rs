//! The line against a model of the part.

use crate::{Ftdi, FtdiError, MEMORY};
use airox_driver_traits::dma::{DmaMemory, ModelMemory};
use airox_driver_traits::pci::BusAddress;
use airox_driver_traits::serial::{LineErrors, SerialLine};
use airox_driver_traits::usb::{
    Description, Done, Endpoint, EndpointKind, Setup, TransferError, UsbAddress, UsbError, UsbFunction,
};
use embedded_io::ErrorKind;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

const IN: u8 = 0x81;
const OUT: u8 = 2;

#[derive(Default)]
struct World {
    over: VecDeque<Done>,
    requests: Vec<(u8, u16, u16)>,
    /// Transfers that wait, by their endpoint.
    waiting: Vec<(u32, u8, u32)>,
    recovered: u32,
    gone: bool,
}

#[derive(Clone, Default)]
struct Model(Rc<RefCell<World>>);

impl UsbFunction for Model {
    fn transfer(&mut self, id: u32, endpoint: u8, _address: u64, length: u32) -> Result<(), UsbError> {
        self.0.borrow_mut().waiting.push((id, endpoint, length));
        Ok(())
    }

    fn request(&mut self, id: u32, setup: Setup, _address: u64) -> Result<(), UsbError> {
        assert_eq!((setup.kind, setup.length), (0x40, 0));
        let mut world = self.0.borrow_mut();
        world.requests.push((setup.request, setup.value, setup.index));
        world.over.push_back(Done { id, result: Ok(0) });
        Ok(())
    }

    fn recover(&mut self, id: u32, _endpoint: u8) -> Result<(), UsbError> {
        let mut world = self.0.borrow_mut();
        world.recovered += 1;
        world.over.push_back(Done { id, result: Ok(0) });
        Ok(())
    }

    fn next_done(&mut self) -> Result<Option<Done>, UsbError> {
        let mut world = self.0.borrow_mut();
        if world.gone { Err(UsbError::Gone) } else { Ok(world.over.pop_front()) }
    }
}

impl Model {
    /// The transfer that waits at an endpoint is over.
    fn end(&self, endpoint: u8, result: Result<u32, TransferError>) {
        let mut world = self.0.borrow_mut();
        let place = world.waiting.iter().position(|waiting| waiting.1 == endpoint).expect("one waits");
        let (id, _, _) = world.waiting.remove(place);
        world.over.push_back(Done { id, result });
    }

    fn waits(&self, endpoint: u8) -> Option<u32> {
        self.0.borrow().waiting.iter().find(|waiting| waiting.1 == endpoint).map(|waiting| waiting.2)
    }
}

fn description() -> Description {
    let controller = BusAddress { bus: 0, device: 3, function: 0 };
    let bulk = |address| Endpoint { address, kind: EndpointKind::Bulk, packet: 64, interval: 0, burst: 0 };
    Description {
        address: UsbAddress { controller, ports: [1, 0, 0, 0, 0, 0], interface: 0 },
        device: (0x403, 0x6001, 0x400),
        class: 0xff_ffff,
        endpoints: vec![bulk(IN), bulk(OUT)],
        name: "adapter".into(),
    }
}

fn line() -> (Model, ModelMemory, Ftdi<Model, ModelMemory>) {
    let (model, memory) = (Model::default(), ModelMemory::new(1 << 32, MEMORY));
    let mut line = Ftdi::start(model.clone(), &description(), memory.clone(), 9600).unwrap();
    assert_eq!(line.transmit(b"early").unwrap(), 0);
    assert!(line.is_interrupting().unwrap());
    assert!(!line.is_interrupting().unwrap());
    (model, memory, line)
}

#[test]
fn it_is_set_up_and_asked() {
    let (model, memory, _line) = line();
    let requests = model.0.borrow().requests.clone();
    assert_eq!(requests, [(0, 0, 0), (9, 4, 0), (3, 0x4138, 0), (4, 8, 0), (2, 0, 0), (1, 0x303, 0)]);
    assert_eq!((model.waits(IN), memory.device_address()), (Some(512), 1 << 32));
    let bad = Ftdi::start(Model::default(), &description(), memory.clone(), 1).err();
    assert_eq!(bad, Some(FtdiError::BadSpeed(1)));
    let mut without = description();
    without.endpoints.truncate(1);
    assert_eq!(Ftdi::start(Model::default(), &without, memory, 9600).err(), Some(FtdiError::NoEndpoint));
}

#[test]
fn bytes_come_without_their_status() {
    let (model, memory, mut line) = line();
    // A whole packet and a part of one; the second tells of two errors.
    memory.bytes()[2..64].fill(b'a');
    memory.bytes()[64..69].copy_from_slice(&[1, 0b1010, b'x', b'y', b'z']);
    model.end(IN, Ok(69));
    assert!(line.is_interrupting().unwrap());
    let mut buffer = [0; 100];
    assert_eq!(line.receive(&mut buffer[..60]).unwrap(), 60);
    assert_eq!(line.receive(&mut buffer).unwrap(), 5);
    assert_eq!(&buffer[..5], b"aaxyz");
    assert_eq!(line.errors(), LineErrors { overrun: 1, framing: 1, ..LineErrors::default() });
    // Status alone, half of one, and more than was asked for.
    for length in [2, 1, 0, 66, 65, 100_000] {
        model.end(IN, Ok(length));
        line.is_interrupting().unwrap();
        while line.receive(&mut buffer).unwrap() > 0 {}
    }
    assert!(!line.is_interrupting().unwrap());
}

#[test]
fn nobody_who_does_not_listen_is_flooded() {
    let (model, _memory, mut line) = line();
    let mut rounds = 0;
    while model.waits(IN).is_some() {
        model.end(IN, Ok(512));
        line.is_interrupting().unwrap();
        rounds += 1;
        assert!(rounds < 100);
    }
    let mut buffer = [0; 512];
    while line.receive(&mut buffer).unwrap() > 0 {}
    assert!(model.waits(IN).is_some());
}

#[test]
fn bytes_go_one_transfer_at_a_time() {
    let (model, memory, mut line) = line();
    assert_eq!(line.transmit(&[7; 1000]).unwrap(), 512);
    assert_eq!(memory.bytes()[512..], [7; 512]);
    assert_eq!((line.transmit(b"more").unwrap(), model.waits(OUT)), (0, Some(512)));
    assert!(!line.is_interrupting().unwrap());
    model.end(OUT, Ok(512));
    assert!(line.is_interrupting().unwrap());
    assert_eq!(line.transmit(b"more").unwrap(), 4);
    assert_eq!(line.transmit(b"").unwrap(), 0);
}

#[test]
fn failures_are_recovered_from_but_not_for_ever() {
    let (model, _memory, mut line) = line();
    model.end(IN, Err(TransferError::Stalled));
    assert!(line.is_interrupting().is_ok() && model.waits(IN).is_some());
    let failed = (0..100).find(|_| {
        model.end(IN, Err(TransferError::Failed));
        line.is_interrupting().is_err()
    });
    assert_eq!((failed, model.0.borrow().recovered), (Some(7), 8));
}

#[test]
fn an_adapter_that_is_pulled_out_says_so() {
    let (model, _memory, mut line) = line();
    model.end(IN, Err(TransferError::Gone));
    assert_eq!(line.is_interrupting(), Err(ErrorKind::ConnectionAborted));
    model.0.borrow_mut().gone = true;
    assert_eq!(line.is_interrupting(), Err(ErrorKind::ConnectionAborted));
}
