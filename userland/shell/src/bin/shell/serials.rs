//! Serial lines.

use crate::opened::Opened;
use crate::small::failure;
use airox_api::CallError;
use airox_api::serial::{SerialClient, SerialError};
use airox_shell::services::{Answer, Serials};
use alloc::vec::Vec;

const NAME: &str = "serial";

pub struct SerialService(pub Opened<SerialClient>);

impl Serials for SerialService {
    fn send(&mut self, path: &str, bytes: &[u8]) -> Answer<()> {
        self.0.get(path)?.write(bytes).map(drop).map_err(|error| failure(NAME, error))
    }

    fn receive(&mut self, path: &str, most: usize, patience_ns: u64) -> Answer<Vec<u8>> {
        let mut bytes = alloc::vec![0; most];
        match self.0.get(path)?.read(&mut bytes, patience_ns) {
            Ok(count) => bytes.truncate(count as usize),
            Err(CallError::Service(SerialError::TimedOut)) => bytes.clear(),
            Err(error) => return Err(failure(NAME, error)),
        }
        Ok(bytes)
    }
}
