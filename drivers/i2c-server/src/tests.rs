//! What reaches the bus, and what does not.

use crate::I2cServer;
use airox_api::CallError;
use airox_api::i2c::{I2cClient, I2cDispatcher, I2cError, I2cFault, MAX_BYTES};
use airox_api::testing::Loopback;
use airox_driver_traits::i2c::{ErrorType, I2c, Operation};
use alloc::format;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;

/// A bus that notes what is done; nobody is at odd addresses, and 0x44 hangs.
#[derive(Clone, Default)]
struct Made(Rc<RefCell<Vec<String>>>);

impl ErrorType for Made {
    type Error = I2cFault;
}

impl I2c for Made {
    fn transaction(&mut self, address: u8, operations: &mut [Operation<'_>]) -> Result<(), I2cFault> {
        let mut text = format!("{address:x}");
        for operation in operations {
            match operation {
                Operation::Write(bytes) => text += &format!(" w{bytes:?}"),
                Operation::Read(bytes) => {
                    text += &format!(" r{}", bytes.len());
                    bytes.fill(7);
                }
            }
        }
        self.0.borrow_mut().push(text);
        match address {
            0x44 => Err(I2cFault::Timeout),
            odd if odd % 2 == 1 => Err(I2cFault::NotAcknowledged),
            _ => Ok(()),
        }
    }
}

fn bus() -> (Made, I2cClient<impl airox_api::Transport>) {
    let made = Made::default();
    let client = I2cClient::new(Loopback::new(I2cDispatcher(I2cServer::new(made.clone(), "made")), 1));
    (made, client)
}

fn refused<T>(error: impl Into<I2cError>) -> Result<T, CallError<I2cError>> {
    Err(CallError::Service(error.into()))
}

#[test]
fn devices_are_found_without_harm() {
    let (made, client) = bus();
    assert_eq!((client.probe(0x48), client.probe(0x49)), (Ok(true), Ok(false)));
    assert_eq!((client.probe(0x50), client.probe(0x31)), (Ok(true), Ok(false)));
    assert_eq!(*made.0.borrow(), ["48 w[]", "49 w[]", "50 r1", "31 r1"]);
    assert_eq!(client.probe(0x44), refused(I2cFault::Timeout));
    for reserved in [0, 7, 0x78, 0x80, 0xff] {
        assert_eq!(client.probe(reserved), refused(I2cFault::BadAddress));
    }
    assert_eq!((client.model(), made.0.borrow().len()), (Ok("made".into()), 5));
}

#[test]
fn transactions_are_what_was_asked() {
    let (made, client) = bus();
    assert_eq!(client.transfer(0x48, &[1], 2), Ok([7, 7].into()));
    assert_eq!(client.transfer(0x48, &[], 1), Ok([7].into()));
    assert_eq!(client.transfer(0x48, &[1, 2], 0), Ok([].into()));
    assert_eq!(client.transfer(0x48, &[], 0), Ok([].into()));
    assert_eq!(client.transfer(0x49, &[], 0), refused(I2cFault::NotAcknowledged));
    assert_eq!(*made.0.borrow(), ["48 w[1] r2", "48 r1", "48 w[1, 2]", "48 w[]", "49 w[]"]);
}

#[test]
fn what_is_too_long_or_dangerous_never_reaches_the_bus() {
    let (made, client) = bus();
    assert_eq!(client.transfer(0x48, &[0; MAX_BYTES + 1], 0), refused(I2cError::TooLong));
    assert_eq!(client.transfer(0x48, &[], MAX_BYTES as u32 + 1), refused(I2cError::TooLong));
    assert_eq!(client.transfer(0x48, &[], u32::MAX), refused(I2cError::TooLong));
    assert_eq!(client.transfer(0x80, &[], 1), refused(I2cFault::BadAddress));
    for address in [0x30, 0x37, 0x50, 0x57] {
        for write in [&[][..], &[1], &[1, 2]] {
            assert_eq!(client.transfer(address, write, 0), refused(I2cError::Protected));
        }
    }
    assert_eq!(client.transfer(0x36, &[], 1), refused(I2cError::Protected));
    assert_eq!(client.transfer(0x50, &[1, 2], 1), refused(I2cError::Protected));
    assert!(made.0.borrow().is_empty());
    assert_eq!(client.transfer(0x50, &[1], 1), Ok([7].into()));
}
