//! Speeds, ports that hold no UART, and the order of what arrives.

use crate::model::{BASE, LSR_OVERRUN, Model, Speed};
use crate::{FIFO, Uart, UartError, port_number};
use airox_driver_traits::serial::SerialLine;
use std::vec::Vec;

fn start(model: &Model, baud: u32) -> Result<Uart<Model>, UartError> {
    Uart::start(model.clone(), BASE, baud, &mut [0; FIFO]).map(|(uart, _)| uart)
}

#[test]
fn the_speed_is_set_or_refused() {
    for (baud, divisor) in [(115_200, 1), (9_600, 12), (4_800, 24), (50, 2_304)] {
        let model = Model::new(Speed::Instant);
        assert!(start(&model, baud).is_ok());
        assert_eq!(model.divisor(), divisor);
    }
    for baud in [0, 1, 7_000, 230_400, u32::MAX] {
        let model = Model::new(Speed::Instant);
        assert_eq!(start(&model, baud).err(), Some(UartError::BadSpeed(baud)));
    }
}

#[test]
fn a_missing_device_is_an_error() {
    assert_eq!(start(&Model::absent(), 9_600).err(), Some(UartError::NotPresent(BASE)));
    let nowhere = Uart::start(Model::absent(), 0xfffc, 9_600, &mut [0; FIFO]);
    assert_eq!(nowhere.err(), Some(UartError::BadPort(0xfffc)));
}

#[test]
fn bytes_keep_their_order_and_overruns_are_counted() {
    let model = Model::new(Speed::Instant);
    let mut uart = start(&model, 9_600).expect("the UART answers");
    let sent: Vec<u8> = (0..=u8::MAX).collect();
    let mut got = Vec::new();
    let mut buffer = [0; 5];
    for part in sent.chunks(11) {
        model.arrive(part);
        while uart.is_interrupting() {
            let count = SerialLine::receive(&mut uart, &mut buffer).unwrap();
            got.extend_from_slice(&buffer[..count]);
        }
    }
    assert_eq!(got, sent);
    assert_eq!(SerialLine::errors(&uart).total(), 0);
    model.arrive(&[0; FIFO + 1]);
    model.fail(LSR_OVERRUN);
    while uart.is_interrupting() {
        SerialLine::receive(&mut uart, &mut buffer).unwrap();
    }
    assert_eq!(SerialLine::errors(&uart).overrun, 1);
}

#[test]
fn ports_are_numbers_in_two_notations() {
    assert_eq!((port_number("0x2f8"), port_number("760")), (Some(0x2f8), Some(760)));
    for bad in ["", "0x", "0x10000", "65536", "-1", "COM1"] {
        assert_eq!(port_number(bad), None, "{bad}");
    }
}
