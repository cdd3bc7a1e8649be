//! The core's logic against the model.

use crate::model::Model;
use crate::registers::{BIT_TIMING, COMMAND, ERROR_COUNTERS, MODE, command, fault, mode, status};
use crate::{BadRate, CtuCan};
use airox_driver_traits::can::can_nb::Can;
use airox_driver_traits::can::{CanController, CanFault, CanFrame, CanState, ExtendedId, Frame, StandardId, nb};
use airox_driver_traits::registers::Bytes;

fn started() -> (Model, CtuCan<Model>) {
    let model = Model::default();
    let core = CtuCan::start(model.clone(), 500_000).expect("a rate").expect("a core");
    (model, core)
}

fn frame() -> CanFrame {
    CanFrame::with(0x123, false, &[1, 2, 3, 4, 5]).unwrap()
}

/// The words of that frame: five words behind the first.
const WORDS: [u32; 6] = [5 << 11 | 5, 0x123 << 18, 0, 0, 0x0403_0201, 0x05];

#[test]
fn a_core_is_set_up() {
    let (model, mut core) = started();
    // 100 MHz: 8 quanta of 25 clocks, 3 + 3 + 1 and the first.
    assert_eq!(model.0.borrow().words[&BIT_TIMING], 1 << 27 | 25 << 19 | 1 << 13 | 3 << 7 | 3);
    // The classic format only; other bits stay as the reset left them.
    assert_eq!(model.0.borrow().words[&MODE], mode::ENABLED | 1 << 9);
    assert_eq!((core.state(), core.service()), (CanState::Active, None));
    assert_eq!(core.receive(), Err(nb::Error::WouldBlock));
}

#[test]
fn what_is_no_core_is_told() {
    let other = Model::default();
    other.0.borrow_mut().other = true;
    assert!(CtuCan::start(other, 500_000).unwrap().is_none());
    assert!(CtuCan::start(Bytes::default(), 500_000).unwrap().is_none());
    assert_eq!(CtuCan::start(Model::default(), 0).unwrap_err(), BadRate(0));
}

#[test]
fn frames_leave_and_come() {
    let (model, mut core) = started();
    assert_eq!(core.transmit(&frame()), Ok(None));
    assert_eq!((core.service(), core.service()), (Some(Ok(())), None));
    let remote = CanFrame::new_remote(ExtendedId::new(0x1234_5678).unwrap(), 8).unwrap();
    assert_eq!(core.transmit(&remote), Ok(None));
    assert_eq!(core.service(), Some(Ok(())));
    let mut sent = model.0.borrow().sent.clone();
    sent[0][0] |= 5 << 11;
    assert_eq!(sent[0], WORDS);
    assert_eq!(sent[1], [0x68, 0x1234_5678, 0, 0, 0, 0]);

    model.0.borrow_mut().arrive(&WORDS);
    // A remote frame brings no data along.
    model.0.borrow_mut().arrive(&[3 << 11 | 0x68, 0x1234_5678, 7, 7]);
    assert!(model.0.borrow().interrupts());
    assert_eq!(core.service(), None);
    assert!(model.0.borrow().interrupts(), "until they are read");
    assert_eq!((core.receive(), core.receive()), (Ok(frame()), Ok(remote)));
    assert_eq!(core.receive(), Err(nb::Error::WouldBlock));
    assert!(!model.0.borrow().interrupts());
}

#[test]
fn frames_that_cannot_be_do_not_hide_those_after_them() {
    let (model, mut core) = started();
    let other_format = [[19 << 11 | 0x8f, 1, 0, 0].as_slice(), &[0; 16]].concat();
    model.0.borrow_mut().arrive(&other_format);
    // Eight bytes in one word of data.
    model.0.borrow_mut().arrive(&[4 << 11 | 8, 0, 0, 0, 1]);
    model.0.borrow_mut().arrive(&WORDS);
    let impossible = Err(nb::Error::Other(CanFault::Impossible));
    assert_eq!((core.receive(), core.receive(), core.receive()), (impossible, impossible, Ok(frame())));
    for length in [0, 2, 20, 31] {
        model.0.borrow_mut().arrive(&[length << 11, 1, 2]);
        model.0.borrow_mut().arrive(&WORDS);
        assert_eq!((core.receive(), core.receive()), (impossible, Err(nb::Error::WouldBlock)), "{length}");
    }
}

#[test]
fn a_second_frame_waits_and_a_lonely_one_is_given_up() {
    let (model, mut core) = started();
    model.0.borrow_mut().alone = true;
    assert_eq!(core.transmit(&frame()), Ok(None));
    assert_eq!((core.transmit(&frame()), core.service()), (Err(nb::Error::WouldBlock), None));
    core.give_up();
    assert_eq!(core.service(), Some(Err(CanFault::GivenUp)));
    model.0.borrow_mut().buffer = 5;
    assert_eq!(core.transmit(&frame()), Err(nb::Error::Other(CanFault::Impossible)));
}

#[test]
fn lost_frames_are_told_once() {
    let (model, mut core) = started();
    model.0.borrow_mut().arrive(&WORDS);
    model.0.borrow_mut().overrun();
    assert_eq!(core.service(), None);
    assert_eq!(core.receive(), Err(nb::Error::Other(CanFault::Overrun)));
    assert_eq!((core.receive(), core.receive()), (Ok(frame()), Err(nb::Error::WouldBlock)));
    assert!(!model.0.borrow().interrupts());
}

#[test]
fn bus_off_ends_what_is_sent_until_recovery() {
    let (model, mut core) = started();
    model.0.borrow_mut().alone = true;
    assert_eq!(core.transmit(&frame()), Ok(None));
    model.0.borrow_mut().bus_off();
    assert_eq!(core.service(), Some(Err(CanFault::BusOff)));
    assert_eq!(core.transmit(&frame()), Err(nb::Error::Other(CanFault::BusOff)));
    core.recover();
    assert_eq!(model.0.borrow().words[&COMMAND], command::RESET_ERRORS);
    model.0.borrow_mut().faults = 0;
    model.0.borrow_mut().alone = false;
    assert_eq!(core.transmit(&frame()), Ok(None));
    assert_eq!(core.service(), Some(Ok(())));
}

#[test]
fn errors_show_in_the_state() {
    let (model, mut core) = started();
    model.0.borrow_mut().status |= status::WARNING;
    model.0.borrow_mut().words.insert(ERROR_COUNTERS, 0x0103_0060);
    assert_eq!((core.state(), core.counters().transmit, core.counters().receive), (CanState::Warning, 0x103, 0x60));
    model.0.borrow_mut().faults = fault::PASSIVE;
    assert_eq!(core.state(), CanState::Passive);
    // What cannot be is taken for the worst.
    model.0.borrow_mut().faults = fault::PASSIVE | fault::BUS_OFF;
    assert_eq!(core.state(), CanState::BusOff);
}

#[test]
fn a_core_that_is_pulled_out_is_told() {
    let (model, mut core) = started();
    model.0.borrow_mut().alone = true;
    assert_eq!(core.transmit(&CanFrame::new_remote(StandardId::ZERO, 0).unwrap()), Ok(None));
    model.0.borrow_mut().gone = true;
    assert_eq!(core.service(), Some(Err(CanFault::Impossible)));
    assert_eq!((core.receive(), core.state()), (Err(nb::Error::WouldBlock), CanState::BusOff));
}
