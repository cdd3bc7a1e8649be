//! Clients' leases as ends of a transfer.

use airox_api::{ReadLease, WriteLease};
use airox_file_system::{FileError, Sink, Source};

/// Bytes go to the client.
pub struct ToClient<'a> {
    lease: WriteLease<'a>,
    done: usize,
}

impl<'a> ToClient<'a> {
    /// Fills the lease from its beginning.
    pub fn new(lease: WriteLease<'a>) -> ToClient<'a> {
        ToClient { lease, done: 0 }
    }
}

impl Sink for ToClient<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.lease.write(self.done, bytes).map_err(|_| FileError::BadBuffer)?;
        self.done += bytes.len();
        Ok(())
    }
}

/// Bytes come from the client.
pub struct FromClient<'a> {
    lease: ReadLease<'a>,
    done: usize,
}

impl<'a> FromClient<'a> {
    /// Takes the lease's bytes from its beginning.
    pub fn new(lease: ReadLease<'a>) -> FromClient<'a> {
        FromClient { lease, done: 0 }
    }
}

impl Source for FromClient<'_> {
    fn take(&mut self, buffer: &mut [u8]) -> Result<(), FileError> {
        self.lease.read(self.done, buffer).map_err(|_| FileError::BadBuffer)?;
        self.done += buffer.len();
        Ok(())
    }
}
