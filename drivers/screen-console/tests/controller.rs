//! The PS/2 controller on a register model.

use airox_driver_traits::PortIo;
use airox_screen_console::{Controller, ControllerError, KeyboardFound};
use proptest::prelude::*;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

/// An 8042 with a keyboard.
struct Model {
    present: bool,
    /// How many status reads a byte takes to be handled; `u32::MAX` never.
    delay: u32,
    busy: u32,
    self_test: u8,
    port_test: u8,
    has_keyboard: bool,
    resends: u32,
    forgets: bool,
    configuration: u8,
    awaits: Option<u8>,
    /// Bytes to be read; true: the mouse's.
    output: VecDeque<(u8, bool)>,
    scanning: bool,
    keyboard_on: bool,
    mouse_on: bool,
}

impl Model {
    fn new() -> Model {
        Model {
            present: true,
            delay: 3,
            busy: 0,
            self_test: 0x55,
            port_test: 0x00,
            has_keyboard: true,
            resends: 0,
            forgets: false,
            // As firmware leaves it: both interrupts, translation.
            configuration: 0x43,
            awaits: None,
            output: VecDeque::from([(0x1c, false), (0x08, true)]),
            scanning: true,
            keyboard_on: true,
            mouse_on: true,
        }
    }

    fn answer(&mut self, byte: u8) {
        self.output.push_back((byte, false));
    }

    fn command(&mut self, command: u8) {
        match command {
            0x20 => self.answer(self.configuration),
            0x60 => self.awaits = Some(0x60),
            0xa7 => self.mouse_on = false,
            0xaa => {
                self.answer(self.self_test);
                if self.forgets {
                    self.configuration = 0x30;
                }
            }
            0xab => self.answer(self.port_test),
            0xad => self.keyboard_on = false,
            0xae => self.keyboard_on = true,
            _ => panic!("the driver sent command {command:#x}"),
        }
    }

    fn data(&mut self, byte: u8) {
        if self.awaits.take().is_some() {
            self.configuration = byte;
        } else if self.has_keyboard {
            if self.resends > 0 {
                self.resends -= 1;
                return self.answer(0xfe);
            }
            match byte {
                0xf6 => self.scanning = false,
                0xf4 => self.scanning = true,
                _ => panic!("the driver sent {byte:#x} to the keyboard"),
            }
            self.answer(0xfa);
        }
    }
}

impl PortIo for Model {
    fn read_u8(&mut self, port: u16) -> u8 {
        if !self.present {
            return 0xff;
        }
        match port {
            0x60 => self.output.pop_front().map_or(0, |(byte, _)| byte),
            0x64 => {
                let mut status = 0x14;
                if self.busy > 0 {
                    if self.delay != u32::MAX {
                        self.busy -= 1;
                    }
                    status |= 0x02;
                }
                if let Some((_, mouse)) = self.output.front() {
                    status |= if *mouse { 0x21 } else { 0x01 };
                }
                status
            }
            _ => panic!("the driver touched port {port:#x}"),
        }
    }

    fn write_u8(&mut self, port: u16, value: u8) {
        assert_eq!(self.busy, 0, "the driver did not wait");
        self.busy = self.delay;
        match port {
            0x60 => self.data(value),
            0x64 => self.command(value),
            _ => panic!("the driver touched port {port:#x}"),
        }
    }

    fn read_u16(&mut self, _port: u16) -> u16 {
        panic!("the controller has no 16-bit registers")
    }

    fn write_u16(&mut self, _port: u16, _value: u16) {
        panic!("the controller has no 16-bit registers")
    }
}

fn start(model: &mut Model) -> Result<KeyboardFound, ControllerError> {
    Controller::start(model).map(|(_, found)| found)
}

#[test]
fn starts_with_keyboard_on_and_mouse_off() {
    for forgets in [false, true] {
        let mut model = Model::new();
        model.forgets = forgets;
        model.configuration = 0x33;
        assert_eq!(start(&mut model), Ok(KeyboardFound::Yes));
        assert!(model.keyboard_on && model.scanning && !model.mouse_on);
        // Keyboard interrupt and translation on, mouse interrupt off, keyboard clock on.
        assert_eq!(model.configuration & 0x53, 0x41);
        assert!(model.output.is_empty());
    }
}

#[test]
fn a_keyboard_may_be_missing_or_hard_of_hearing() {
    let mut model = Model::new();
    model.has_keyboard = false;
    assert_eq!(start(&mut model), Ok(KeyboardFound::No));
    assert_eq!(model.configuration & 0x01, 0x01);
    let mut model = Model::new();
    model.resends = 2;
    assert_eq!(start(&mut model), Ok(KeyboardFound::Yes));
    let mut model = Model::new();
    model.resends = u32::MAX;
    assert_eq!(start(&mut model), Ok(KeyboardFound::No));
}

#[test]
fn broken_controllers_are_errors() {
    let mut model = Model::new();
    model.present = false;
    assert_eq!(start(&mut model), Err(ControllerError::NotPresent));
    let mut model = Model::new();
    model.delay = u32::MAX;
    assert_eq!(start(&mut model), Err(ControllerError::NoAnswer));
    let mut model = Model::new();
    model.self_test = 0xfc;
    assert_eq!(start(&mut model), Err(ControllerError::SelfTest(0xfc)));
    let mut model = Model::new();
    model.port_test = 0x02;
    assert_eq!(start(&mut model), Err(ControllerError::SelfTest(0x02)));
}

#[test]
fn takes_the_keyboards_bytes_and_not_the_mouses() {
    let model = Rc::new(RefCell::new(Model::new()));
    let (mut controller, _) = Controller::start(Shared(model.clone())).expect("it works");
    let mut codes = Vec::new();
    controller.take(|code| codes.push(code));
    assert_eq!(codes, []);
    let typed = [(0x1e, false), (0x08, true), (0x9e, false)];
    model.borrow_mut().output.extend(typed);
    controller.take(|code| codes.push(code));
    assert_eq!(codes, [0x1e, 0x9e]);
    // A controller that never empties is left alone after a while.
    model.borrow_mut().output.extend([(0x1e, false); 1000]);
    let mut count = 0;
    controller.take(|_| count += 1);
    assert!(count < 100);
}

/// A model that the test keeps a hold of.
struct Shared(Rc<RefCell<Model>>);

impl PortIo for Shared {
    fn read_u8(&mut self, port: u16) -> u8 {
        self.0.borrow_mut().read_u8(port)
    }

    fn write_u8(&mut self, port: u16, value: u8) {
        self.0.borrow_mut().write_u8(port, value);
    }

    fn read_u16(&mut self, port: u16) -> u16 {
        self.0.borrow_mut().read_u16(port)
    }

    fn write_u16(&mut self, port: u16, value: u16) {
        self.0.borrow_mut().write_u16(port, value);
    }
}

/// Any bytes at all.
struct Noise(VecDeque<u8>);

impl PortIo for Noise {
    fn read_u8(&mut self, _port: u16) -> u8 {
        let byte = self.0.pop_front().unwrap_or(0);
        self.0.push_back(byte);
        byte
    }

    fn write_u8(&mut self, _port: u16, _value: u8) {}

    fn read_u16(&mut self, _port: u16) -> u16 {
        0
    }

    fn write_u16(&mut self, _port: u16, _value: u16) {}
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_hardware_is_left_in_the_end(bytes in prop::collection::vec(any::<u8>(), 1..64)) {
        if let Ok((mut controller, _)) = Controller::start(Noise(bytes.into())) {
            controller.take(|_| {});
        }
    }
}
