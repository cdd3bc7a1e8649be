//! A keyboard from its reports to who waits for keys, and keyboards that fail.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use airox_api::input::KeyEvent;
use airox_driver_traits::dma::ModelMemory;
use airox_driver_traits::pci::BusAddress;
use airox_driver_traits::usb::{
    Description, Done, Endpoint, EndpointKind, Setup, TransferError, UsbAddress, UsbError, UsbFunction,
};
use airox_input_server::{DELAY_NS, PERIOD_NS};
use airox_usb_keyboard::{Broken, Keyboard, Keys, REPORT};

const ADDRESS: u64 = 1 << 32;

fn down(usage: u8) -> KeyEvent {
    KeyEvent { usage, pressed: true }
}

fn up(usage: u8) -> KeyEvent {
    KeyEvent { usage, pressed: false }
}

#[test]
fn reports_become_keys() {
    let mut keys = Keys::default();
    assert_eq!(keys.report(&[0, 0, 4, 0, 0, 0, 0, 0], 0), [down(4)]);
    assert_eq!(keys.report(&[0, 0, 4, 5, 0, 0, 0, 0], 0), [down(5)]);
    assert_eq!(keys.report(&[2, 0, 5, 6, 0, 0, 0, 0], 0), [up(4), down(0xe1), down(6)]);
    assert_eq!(keys.report(&[2, 0, 6, 5, 0, 0, 0, 0], 0), []);
    // Too many: nobody knows which.
    assert_eq!(keys.report(&[1, 0, 1, 1, 1, 1, 1, 1], 0), [up(0xe1), down(0xe0)]);
    assert_eq!(keys.report(&[0; REPORT], 0), [up(6), up(5), up(0xe0)]);
    assert_eq!(keys.report(&[0xff; REPORT], 0).len(), 8 + 6);
}

#[test]
fn a_key_that_is_held_repeats() {
    let mut keys = Keys::default();
    keys.report(&[0, 0, 4, 0, 0, 0, 0, 0], 100);
    assert_eq!(keys.deadline(), Some(100 + DELAY_NS));
    assert_eq!(keys.passed(99 + DELAY_NS), None);
    assert_eq!(keys.passed(100 + DELAY_NS), Some(down(4)));
    assert_eq!(keys.passed(100 + DELAY_NS), None);
    assert_eq!(keys.deadline(), Some(100 + DELAY_NS + PERIOD_NS));
    // Late: once, not as often as was missed.
    assert_eq!(keys.passed(100 + 2 * DELAY_NS), Some(down(4)));
    // Another one is held now; then that is released.
    keys.report(&[0, 0, 4, 9, 0, 0, 0, 0], 0);
    assert_eq!(keys.passed(DELAY_NS), Some(down(9)));
    keys.report(&[0, 0, 4, 0, 0, 0, 0, 0], 0);
    assert_eq!((keys.deadline(), keys.passed(u64::MAX)), (None, None));
}

/// An interface that does what a test says.
#[derive(Clone, Default)]
struct Fake(Rc<RefCell<World>>);

#[derive(Default)]
struct World {
    asked: Vec<(u32, u8)>,
    done: VecDeque<Done>,
    gone: bool,
}

impl Fake {
    fn answer(&self, id: u32, result: Result<u32, TransferError>) {
        self.0.borrow_mut().done.push_back(Done { id, result });
    }

    fn asked(&self) -> Vec<(u32, u8)> {
        std::mem::take(&mut self.0.borrow_mut().asked)
    }
}

impl UsbFunction for Fake {
    fn transfer(&mut self, id: u32, endpoint: u8, address: u64, length: u32) -> Result<(), UsbError> {
        assert_eq!((address, length), (ADDRESS, REPORT as u32));
        self.0.borrow_mut().asked.push((id, endpoint));
        Ok(())
    }

    fn request(&mut self, id: u32, setup: Setup, _address: u64) -> Result<(), UsbError> {
        assert_eq!((setup.kind, setup.value, setup.index, setup.length), (0x21, 0, 3, 0));
        self.0.borrow_mut().asked.push((id, setup.request));
        Ok(())
    }

    fn recover(&mut self, id: u32, endpoint: u8) -> Result<(), UsbError> {
        self.0.borrow_mut().asked.push((id, endpoint));
        Ok(())
    }

    fn next_done(&mut self) -> Result<Option<Done>, UsbError> {
        let mut world = self.0.borrow_mut();
        if world.gone { Err(UsbError::Gone) } else { Ok(world.done.pop_front()) }
    }
}

fn description(kind: EndpointKind) -> Description {
    let controller = BusAddress { bus: 0, device: 3, function: 0 };
    Description {
        address: UsbAddress { controller, ports: [1, 0, 0, 0, 0, 0], interface: 3 },
        device: (1, 2, 3),
        class: 0x03_0101,
        endpoints: vec![Endpoint { address: 0x81, kind, packet: 8, interval: 7, burst: 0 }],
        name: "keys".into(),
    }
}

fn keyboard() -> (Fake, ModelMemory, Keyboard<Fake, ModelMemory>) {
    let (fake, memory) = (Fake::default(), ModelMemory::new(ADDRESS, 64));
    let mut keyboard = Keyboard::start(fake.clone(), &description(EndpointKind::Interrupt), memory.clone()).unwrap();
    assert_eq!(fake.asked(), [(1, 0x0b), (2, 0x0a)]);
    // Some have no other protocol and refuse to be told.
    fake.answer(1, Err(TransferError::Stalled));
    fake.answer(2, Ok(0));
    assert_eq!(keyboard.advance(0), Ok(vec![]));
    assert_eq!(fake.asked(), [(3, 0x81)]);
    (fake, memory, keyboard)
}

#[test]
fn a_keyboard_is_set_up_and_asked() {
    let (fake, memory, mut keyboard) = keyboard();
    memory.bytes()[2] = 4;
    fake.answer(3, Ok(8));
    assert_eq!(keyboard.advance(0), Ok(vec![down(4)]));
    assert_eq!(fake.asked(), [(3, 0x81)]);
    // A report of another length says nothing.
    memory.bytes()[2] = 5;
    fake.answer(3, Ok(7));
    assert_eq!(keyboard.advance(0), Ok(vec![]));
    assert_eq!(keyboard.advance(DELAY_NS), Ok(vec![down(4)]));
}

#[test]
fn one_that_fails_is_recovered_and_one_that_only_fails_is_given_up() {
    let (fake, memory, mut keyboard) = keyboard();
    let mut failures = 0;
    loop {
        fake.answer(3, Err(TransferError::Failed));
        match keyboard.advance(0) {
            Ok(_) => assert_eq!(fake.asked().last(), Some(&(4, 0x81))),
            Err(Broken) => break,
        }
        fake.answer(4, Ok(0));
        failures += 1;
        if failures == 5 {
            // It works in between.
            memory.bytes()[2] = 4;
            fake.answer(3, Ok(8));
        }
        keyboard.advance(0).unwrap();
        assert!(failures < 100);
    }
    assert_eq!(failures, 13);
    let (fake, _, mut gone) = self::keyboard();
    fake.0.borrow_mut().gone = true;
    assert_eq!(gone.advance(0), Err(Broken));
    let (fake, _, mut odd) = self::keyboard();
    fake.answer(99, Ok(8));
    assert_eq!(odd.advance(0), Err(Broken));
    let none = Keyboard::start(Fake::default(), &description(EndpointKind::Bulk), ModelMemory::new(ADDRESS, 64));
    assert!(none.is_err());
}
