//! Buses of the I2C family.

use crate::opened::Opened;
use crate::small::failure;
use airox_api::i2c::I2cClient;
use airox_shell::services::{Answer, I2cBuses};
use alloc::vec::Vec;

const NAME: &str = "i2c";

pub struct I2cService(pub Opened<I2cClient>);

impl I2cBuses for I2cService {
    fn probe(&mut self, path: &str, address: u8) -> Answer<bool> {
        self.0.get(path)?.probe(address).map_err(|error| failure(NAME, error))
    }

    fn transfer(&mut self, path: &str, address: u8, write: &[u8], count: u32) -> Answer<Vec<u8>> {
        self.0.get(path)?.transfer(address, write, count).map_err(|error| failure(NAME, error))
    }
}
