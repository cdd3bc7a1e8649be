//! The interface on a bus.

use airox_api::i2c::{ADDRESSES, I2c as Interface, I2cError, I2cFault, MAX_BYTES};
use airox_api::{Caller, ReadLease};
use airox_driver_traits::i2c::{I2c, Operation};
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

/// Where memory modules have their identification (JEDEC standard 21-C, annexes on serial presence detect): the upper four address bits are 1010.
const MODULES: RangeInclusive<u8> = 0x50..=0x57;
/// Where they are told to protect it, or which page of it is meant: 0110.
const MODULE_COMMANDS: RangeInclusive<u8> = 0x30..=0x37;

/// Serves a bus.
#[derive(Debug)]
pub struct I2cServer<B> {
    bus: B,
    model: &'static str,
}

impl<B: I2c<Error = I2cFault>> I2cServer<B> {
    /// Serves this one.
    pub const fn new(bus: B, model: &'static str) -> I2cServer<B> {
        I2cServer { bus, model }
    }
}

/// Refuses addresses that are no device's.
fn check(address: u8) -> Result<(), I2cError> {
    if ADDRESSES.contains(&address) { Ok(()) } else { Err(I2cFault::BadAddress.into()) }
}

impl<B: I2c<Error = I2cFault>> Interface for I2cServer<B> {
    fn model(&mut self, _caller: Caller) -> Result<String, I2cError> {
        Ok(self.model.into())
    }

    fn probe(&mut self, _caller: Caller, address: u8) -> Result<bool, I2cError> {
        check(address)?;
        // Being addressed for writing is a command to some devices, and being read from to others.
        let reads = MODULES.contains(&address) || MODULE_COMMANDS.contains(&address);
        let found = if reads { self.bus.read(address, &mut [0]) } else { self.bus.write(address, &[]) };
        match found {
            Ok(()) => Ok(true),
            Err(I2cFault::NotAcknowledged) => Ok(false),
            Err(fault) => Err(fault.into()),
        }
    }

    fn transfer(
        &mut self,
        _caller: Caller,
        address: u8,
        write: ReadLease<'_>,
        count: u32,
    ) -> Result<Vec<u8>, I2cError> {
        check(address)?;
        let count = usize::try_from(count).ok().filter(|count| *count <= MAX_BYTES).ok_or(I2cError::TooLong)?;
        if write.len() > MAX_BYTES {
            return Err(I2cError::TooLong);
        }
        // A client that takes its bytes back meanwhile does not hear the answer either.
        let write = write.read_all(MAX_BYTES).map_err(|_| I2cFault::Failed)?;
        // One byte says where reading begins, and changes nothing unless nothing is read.
        let harmless = write.len() <= 1 && count > 0;
        if MODULE_COMMANDS.contains(&address) || MODULES.contains(&address) && !harmless {
            return Err(I2cError::Protected);
        }
        let mut read = alloc::vec![0; count];
        let mut operations = [Operation::Write(&write), Operation::Read(&mut read)];
        let operations = match (write.is_empty(), count) {
            (true, 1..) => &mut operations[1..],
            (_, 0) => &mut operations[..1],
            _ => &mut operations[..],
        };
        self.bus.transaction(address, operations)?;
        Ok(read)
    }
}
