//! The chip's logic against the model.

use crate::board::{self, ChipRegisters};
use crate::model::{Image, Model};
use crate::registers::{
    BUS_TIMING_0, BUS_TIMING_1, CHIP_BYTES, INTERRUPT_ENABLE, RECEIVE_ERRORS, TRANSMIT_ERRORS, interrupt, status,
};
use crate::{Sja1000, StartError};
use airox_driver_traits::can::can_nb::Can;
use airox_driver_traits::can::{
    CanController, CanFault, CanFrame, CanState, ErrorCounters, ExtendedId, Frame, StandardId, nb,
};
use airox_driver_traits::registers::{Bytes, Registers};
use alloc::rc::Rc;
use core::cell::RefCell;

fn started() -> (Model, Sja1000<Model>) {
    let model = Model::default();
    let chip = Sja1000::start(model.clone(), 500_000).expect("a chip");
    (model, chip)
}

fn frame() -> CanFrame {
    CanFrame::with(0x123, false, &[1, 2, 3]).unwrap()
}

/// The image of a frame that is not longer than the chip's.
fn image(bytes: &[u8]) -> Image {
    let mut image = [0; 13];
    image[..bytes.len()].copy_from_slice(bytes);
    image
}

#[test]
fn a_chip_is_set_up() {
    let (model, mut chip) = started();
    let state = model.0.borrow();
    // 8 MHz: 16 quanta a bit, 13 + 2 and the first; jumps of 2.
    assert_eq!((state.registers[BUS_TIMING_0], state.registers[BUS_TIMING_1]), (0x40, 0x1c));
    assert_eq!(state.registers[INTERRUPT_ENABLE], interrupt::WANTED);
    drop(state);
    assert_eq!(chip.state(), CanState::Active);
    assert_eq!(chip.receive(), Err(nb::Error::WouldBlock));
    assert_eq!(chip.service(), None, "nothing was sent");
}

#[test]
fn what_is_no_chip_is_told() {
    let gone = Model::default();
    gone.0.borrow_mut().gone = true;
    assert_eq!(Sja1000::start(gone, 500_000).unwrap_err(), StartError::NotPresent);
    let stuck = Model::default();
    stuck.0.borrow_mut().stuck = true;
    assert_eq!(Sja1000::start(stuck, 500_000).unwrap_err(), StartError::Stuck);
    assert_eq!(Sja1000::start(Model::default(), 333).unwrap_err(), StartError::Rate(333));
    assert_eq!(Sja1000::start(Bytes::default(), 500_000).unwrap_err(), StartError::NotPresent);
}

#[test]
fn frames_leave_as_the_data_sheet_shows_them() {
    let (model, mut chip) = started();
    assert_eq!(chip.transmit(&frame()), Ok(None));
    assert_eq!(chip.service(), Some(Ok(())));
    assert_eq!(chip.service(), None, "once");
    let extended = CanFrame::with(0x1234_5678, true, &[9; 8]).unwrap();
    assert_eq!(chip.transmit(&extended), Ok(None));
    assert_eq!(chip.service(), Some(Ok(())));
    let remote = CanFrame::new_remote(StandardId::MAX, 4).unwrap();
    assert_eq!(chip.transmit(&remote), Ok(None));
    let sent = &model.0.borrow().sent;
    assert_eq!(sent[0][..6], [0x03, 0x24, 0x60, 1, 2, 3]);
    assert_eq!(sent[1], [0x88, 0x91, 0xa2, 0xb3, 0xc0, 9, 9, 9, 9, 9, 9, 9, 9]);
    assert_eq!(sent[2][..3], [0x44, 0xff, 0xe0]);
}

#[test]
fn frames_come_as_they_were_sent() {
    let (model, mut chip) = started();
    model.0.borrow_mut().arrive(image(&[0x03, 0x24, 0x60, 1, 2, 3]));
    model.0.borrow_mut().arrive(image(&[0xc2, 0x91, 0xa2, 0xb3, 0xc7, 5, 5]));
    // 15 bytes are 8.
    model.0.borrow_mut().arrive([0x8f, 0, 0, 0, 0x08, 7, 7, 7, 7, 7, 7, 7, 7]);
    assert!(model.0.borrow().interrupts());
    assert_eq!(chip.receive(), Ok(frame()));
    let remote = CanFrame::new_remote(ExtendedId::new(0x1234_5678).unwrap(), 2).unwrap();
    assert_eq!(chip.receive(), Ok(remote));
    assert_eq!(chip.receive(), Ok(CanFrame::with(1, true, &[7; 8]).unwrap()));
    assert_eq!(chip.receive(), Err(nb::Error::WouldBlock));
    assert!(!model.0.borrow().interrupts());
}

#[test]
fn a_second_frame_waits_and_a_lonely_one_is_given_up() {
    let (model, mut chip) = started();
    model.0.borrow_mut().alone = true;
    assert_eq!(chip.transmit(&frame()), Ok(None));
    assert_eq!(chip.transmit(&frame()), Err(nb::Error::WouldBlock));
    assert_eq!(chip.service(), None);
    chip.give_up();
    assert_eq!(chip.service(), Some(Err(CanFault::GivenUp)));
    model.0.borrow_mut().alone = false;
    assert_eq!(chip.transmit(&frame()), Ok(None));
    assert_eq!(chip.service(), Some(Ok(())));
}

#[test]
fn lost_frames_are_told_where_they_are_missing() {
    let (model, mut chip) = started();
    for _ in 0..7 {
        model.0.borrow_mut().arrive(image(&[0x01, 0x24, 0x60, 1]));
    }
    assert_eq!(chip.service(), None);
    assert_eq!(chip.receive(), Err(nb::Error::Other(CanFault::Overrun)));
    for _ in 0..5 {
        assert!(chip.receive().is_ok());
    }
    assert_eq!((chip.receive(), chip.service()), (Err(nb::Error::WouldBlock), None));
    assert!(!model.0.borrow().interrupts());
}

#[test]
fn bus_off_ends_what_is_sent_until_recovery() {
    let (model, mut chip) = started();
    model.0.borrow_mut().alone = true;
    assert_eq!(chip.transmit(&frame()), Ok(None));
    model.0.borrow_mut().bus_off();
    assert_eq!(chip.service(), Some(Err(CanFault::BusOff)));
    assert_eq!((chip.state(), chip.counters().transmit), (CanState::BusOff, 127));
    assert_eq!(chip.transmit(&frame()), Err(nb::Error::Other(CanFault::BusOff)));
    // Without recovery a quiet bus changes nothing.
    model.0.borrow_mut().quiet();
    assert_eq!(chip.state(), CanState::BusOff);
    chip.recover();
    assert_eq!(chip.state(), CanState::BusOff, "the bus has to be quiet for a while");
    model.0.borrow_mut().quiet();
    model.0.borrow_mut().alone = false;
    assert_eq!(chip.state(), CanState::Active);
    assert_eq!(chip.transmit(&frame()), Ok(None));
    assert_eq!(chip.service(), Some(Ok(())));
}

#[test]
fn errors_show_in_the_state() {
    let (model, mut chip) = started();
    model.0.borrow_mut().status |= status::ERRORS;
    model.0.borrow_mut().registers[RECEIVE_ERRORS] = 100;
    assert_eq!((chip.state(), chip.counters()), (CanState::Warning, ErrorCounters { transmit: 0, receive: 100 }));
    model.0.borrow_mut().registers[TRANSMIT_ERRORS] = 128;
    assert_eq!(chip.state(), CanState::Passive);
}

#[test]
fn a_chip_that_is_pulled_out_is_told() {
    let (model, mut chip) = started();
    model.0.borrow_mut().alone = true;
    assert_eq!(chip.transmit(&frame()), Ok(None));
    model.0.borrow_mut().gone = true;
    assert_eq!(chip.service(), Some(Err(CanFault::Impossible)));
    assert_eq!(chip.receive(), Err(nb::Error::WouldBlock));
    assert_eq!(chip.transmit(&frame()), Err(nb::Error::Other(CanFault::Impossible)));
    assert_eq!(chip.state(), CanState::BusOff);
}

#[test]
fn any_bytes_are_a_frame() {
    let (model, mut chip) = started();
    model.0.borrow_mut().flood = true;
    for byte in 0..=u8::MAX {
        model.0.borrow_mut().received.push_back([byte; 13]);
        let frame = chip.receive().expect("a frame");
        assert!(frame.dlc() <= 8 && frame.is_extended() == (byte & 0x80 != 0));
    }
}

#[test]
fn a_board_has_the_chips_that_answer() {
    let mut registers = Bytes(alloc::vec![0; 2 * CHIP_BYTES + 1]);
    // Two whole places, and the first byte of the third.
    assert_eq!(board::chips(&mut registers), [0, 1, 2]);
    let all = Rc::new(RefCell::new(registers));
    let mut second = ChipRegisters::new(&all, 1);
    second.write_u8(5, 7);
    second.write_u8(CHIP_BYTES, 9);
    assert_eq!((second.read_u8(5), second.read_u8(CHIP_BYTES), second.length()), (7, 0xff, CHIP_BYTES));
    assert_eq!((all.borrow().0[CHIP_BYTES + 5], all.borrow().0[2 * CHIP_BYTES]), (7, 1));
    let mut bridge = Bytes(alloc::vec![0; 0x80]);
    board::enable(&mut bridge);
    assert_eq!(bridge.read_u32(0x38), 1 << 13);
}
