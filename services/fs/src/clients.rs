//! Who is who, and what each has under way.

use airox_api::files::{FileError, FileGrant, MAX_GRANTS};
use airox_sys::Signal;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Most calls of one client that wait.
pub const MAX_WAITING_EACH: usize = 8;
/// Most watches of one client.
pub const MAX_WATCHES_EACH: usize = 8;
/// Most clients.
pub const MAX_CLIENTS: usize = 2048;

/// A watch, kept to be set again when its file system is.
#[derive(Clone, Debug)]
pub struct Watch {
    /// Which file system.
    pub mount: usize,
    /// Where there.
    pub path: String,
    /// Whom to tell.
    pub signal: Arc<Signal>,
    /// With these bits.
    pub bits: u64,
}

/// One client.
#[derive(Debug, Default)]
pub struct Client {
    /// What it may use.
    pub grants: Vec<FileGrant>,
    /// Its watches by number.
    pub watches: BTreeMap<u64, Watch>,
    /// File systems that may have files open for it: bit n for number n.
    pub used: u32,
    /// Its calls that wait for an answer.
    pub waiting: usize,
}

/// All of them by badge.
#[derive(Debug, Default)]
pub struct Clients(BTreeMap<u64, Client>);

impl Clients {
    /// A client begins, or begins anew.
    ///
    /// # Errors
    /// [`FileError::TooLong`]: too many grants, or clients; a path that is none.
    pub fn admit(&mut self, badge: u64, grants: Vec<FileGrant>) -> Result<(), FileError> {
        if grants.len() > MAX_GRANTS || (self.0.len() >= MAX_CLIENTS && !self.0.contains_key(&badge)) {
            return Err(FileError::TooLong);
        }
        for grant in &grants {
            airox_file_system::path::check(&grant.path)?;
        }
        self.0.insert(badge, Client { grants, ..Client::default() });
        Ok(())
    }

    /// A client ends.
    pub fn remove(&mut self, badge: u64) -> Option<Client> {
        self.0.remove(&badge)
    }

    /// The client with this badge.
    pub fn get(&mut self, badge: u64) -> Option<&mut Client> {
        self.0.get_mut(&badge)
    }

    /// All watches of a file system.
    pub fn watches(&self, mount: usize) -> impl Iterator<Item = (u64, &Watch)> {
        let all = self.0.values().flat_map(|client| &client.watches);
        all.filter(move |(_, watch)| watch.mount == mount).map(|(number, watch)| (*number, watch))
    }
}
