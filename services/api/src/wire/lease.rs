//! Byte ranges a client lends: the server's side.

use airox_abi::Error;
use alloc::vec::Vec;

/// How the leases of one call are reached. The kernel checks every access again.
pub trait LeaseAccess {
    /// Length in bytes and access ([`airox_abi::message::Lease`]) of a lease.
    fn lease_info(&self, index: usize) -> Result<(u64, u64), Error>;
    /// Copies from a lease; all or nothing.
    fn lease_read(&self, index: usize, offset: u64, buffer: &mut [u8]) -> Result<(), Error>;
    /// Copies to a lease; all or nothing.
    fn lease_write(&self, index: usize, offset: u64, bytes: &[u8]) -> Result<(), Error>;
}

/// Why a lease could not be accessed.
pub type LeaseError = Error;

/// A range the client lets the server read.
#[derive(Clone, Copy)]
pub struct ReadLease<'a> {
    access: &'a dyn LeaseAccess,
    index: usize,
    length: usize,
}

impl<'a> ReadLease<'a> {
    pub(super) fn new(access: &'a dyn LeaseAccess, index: usize, length: usize) -> ReadLease<'a> {
        ReadLease { access, index, length }
    }

    /// Length in bytes, as the client claims it: it can be anything.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether the length is 0.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Fills `buffer` from `offset` on. [`Error::LeaseDenied`] if that leaves the lease, or the client's memory is gone.
    pub fn read(&self, offset: usize, buffer: &mut [u8]) -> Result<(), LeaseError> {
        self.access.lease_read(self.index, offset as u64, buffer)
    }

    /// All of it, if it is at most `limit` bytes, else [`Error::InvalidArgument`].
    pub fn read_all(&self, limit: usize) -> Result<Vec<u8>, LeaseError> {
        if self.length > limit {
            return Err(Error::InvalidArgument);
        }
        let mut bytes = alloc::vec![0; self.length];
        self.read(0, &mut bytes)?;
        Ok(bytes)
    }
}

/// A range the client lets the server write.
#[derive(Clone, Copy)]
pub struct WriteLease<'a> {
    access: &'a dyn LeaseAccess,
    index: usize,
    length: usize,
}

impl<'a> WriteLease<'a> {
    pub(super) fn new(access: &'a dyn LeaseAccess, index: usize, length: usize) -> WriteLease<'a> {
        WriteLease { access, index, length }
    }

    /// Length in bytes, as the client claims it: it can be anything.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether the length is 0.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Writes `bytes` from `offset` on. [`Error::LeaseDenied`] if that leaves the lease, or the client's memory is gone.
    pub fn write(&self, offset: usize, bytes: &[u8]) -> Result<(), LeaseError> {
        self.access.lease_write(self.index, offset as u64, bytes)
    }
}

/// A lease of a call that will be answered later; accessed through its [`super::Deferred`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavedLease {
    pub(super) index: usize,
    pub(super) length: usize,
}

impl SavedLease {
    /// Length in bytes, as the client claims it: it can be anything.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether the length is 0.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }
}
