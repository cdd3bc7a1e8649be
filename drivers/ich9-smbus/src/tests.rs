//! The host's logic against the model.

use crate::Host;
use crate::model::{EEPROM, Fault, Model};
use airox_driver_traits::i2c::{I2c, I2cFault, Operation};
use airox_driver_traits::registers::Registers;
use alloc::vec;

fn host() -> (Model, Host<Model, Model>) {
    let model = Model::new();
    (model.clone(), Host::new(model.clone(), model))
}

#[test]
fn an_eeprom_is_written_and_read_back() {
    let (model, mut host) = host();
    assert_eq!(host.write(EEPROM, &[0x20, 0xaa]), Ok(()));
    assert_eq!(host.write(EEPROM, &[0x30, 0xbb, 0xcc]), Ok(()));
    assert_eq!((model.0.borrow().memory[0x20], &model.0.borrow().memory[0x30..0x32]), (0xaa, &[0xbb, 0xcc][..]));
    for count in [1, 2] {
        let mut read = vec![0; count];
        assert_eq!(host.write_read(EEPROM, &[0x20], &mut read), Ok(()));
        let memory = model.0.borrow().memory;
        let wanted = memory.iter().cycle().skip(0x20).take(count);
        assert!(read.iter().eq(wanted), "{count}");
    }
    // A byte without a command goes on from there.
    let mut byte = [0];
    assert_eq!(host.write(EEPROM, &[0x30]), Ok(()));
    assert_eq!((host.read(EEPROM, &mut byte), byte), (Ok(()), [0xbb]));
    assert_eq!(host.write(EEPROM, &[]), Ok(()));
}

#[test]
fn nobody_there_is_told() {
    let (_, mut host) = host();
    assert_eq!(host.write(0x51, &[]), Err(I2cFault::NotAcknowledged));
    assert_eq!(host.write_read(0x51, &[0], &mut [0; 2]), Err(I2cFault::NotAcknowledged));
    assert_eq!(host.read(0x80, &mut [0]), Err(I2cFault::BadAddress));
    assert_eq!(host.write(EEPROM, &[]), Ok(()), "and forgotten");
}

#[test]
fn what_no_smbus_host_can_do_is_refused() {
    let (_, mut host) = host();
    let unsupported = Err(I2cFault::Unsupported);
    assert_eq!(host.write(EEPROM, &[1, 2, 3, 4]), unsupported);
    assert_eq!(host.read(EEPROM, &mut [0; 2]), unsupported);
    assert_eq!(host.write_read(EEPROM, &[], &mut [0]), unsupported);
    assert_eq!(host.write_read(EEPROM, &[1, 2], &mut [0]), unsupported);
    assert_eq!(host.write_read(EEPROM, &[1], &mut []), unsupported);
    assert_eq!(host.write_read(EEPROM, &[1], &mut [0; 3]), unsupported);
    assert_eq!(host.transaction(EEPROM, &mut []), unsupported);
    assert_eq!(host.transaction(EEPROM, &mut [Operation::Read(&mut [0]), Operation::Write(&[])]), unsupported);
}

#[test]
fn a_bus_that_hangs_is_freed() {
    let (model, mut host) = host();
    model.0.borrow_mut().fault = Fault::Hangs;
    model.0.borrow_mut().patience = 3;
    assert_eq!(host.write(EEPROM, &[]), Err(I2cFault::Timeout));
    model.0.borrow_mut().fault = Fault::None;
    assert_eq!(host.write(EEPROM, &[]), Ok(()));
    model.0.borrow_mut().fault = Fault::Collides;
    assert_eq!(host.write(EEPROM, &[]), Err(I2cFault::ArbitrationLost));
    model.0.borrow_mut().fault = Fault::None;
    assert_eq!(host.write_read(EEPROM, &[0], &mut [0; 2]), Ok(()));
}

#[test]
fn what_a_predecessor_left_is_ended() {
    let (model, mut host) = host();
    model.0.borrow_mut().fault = Fault::Hangs;
    model.0.borrow_mut().patience = 1;
    // The driver dies in the middle.
    let _ = host.write(EEPROM, &[]);
    model.clone().write_u8(crate::registers::CONTROL, crate::registers::control::START);
    model.0.borrow_mut().fault = Fault::None;
    let mut next = Host::new(model.clone(), model);
    assert_eq!(next.write(EEPROM, &[]), Ok(()));
}

#[test]
fn a_host_that_is_stuck_or_gone_costs_a_bounded_time() {
    let (model, mut host) = host();
    model.0.borrow_mut().fault = Fault::Stuck;
    model.0.borrow_mut().patience = 3;
    assert_eq!(host.write(EEPROM, &[]), Err(I2cFault::Failed));
    assert_eq!(host.write(EEPROM, &[]), Err(I2cFault::Failed));
    model.0.borrow_mut().fault = Fault::Gone;
    assert_eq!(host.write_read(EEPROM, &[0], &mut [0]), Err(I2cFault::Failed));
}
