//! Open files, by number.

use airox_api::files::Access;
use airox_file_system::path::below;
use airox_file_system::{FileError, Node};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

/// Most open files in all.
pub const MAX_OPEN: usize = 1024;
/// Most open files of one badge.
pub const MAX_OPEN_EACH: usize = 64;

/// An open file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenFile {
    /// For whom.
    pub badge: u64,
    /// Which.
    pub node: Node,
    /// What for.
    pub access: Access,
    /// Where it is now, for watches.
    pub path: String,
}

/// The table.
///
/// Numbers count from the time at which this instance was started, in nanoseconds since boot. As opening a file takes longer than one of those, the next
/// instance begins above all numbers of this one: an old number is known to be old.
pub struct Table {
    files: BTreeMap<u64, OpenFile>,
    next: u64,
}

impl Table {
    /// Without files, of an instance that was started at this time.
    pub fn new(started_ns: u64) -> Table {
        Table { files: BTreeMap::new(), next: started_ns.max(1) }
    }

    /// Whether this badge can have another file.
    ///
    /// # Errors
    /// [`FileError::TooManyOpenFiles`].
    pub fn check_room(&self, badge: u64) -> Result<(), FileError> {
        let own = self.files.values().filter(|file| file.badge == badge).count();
        if own >= MAX_OPEN_EACH || self.files.len() >= MAX_OPEN { Err(FileError::TooManyOpenFiles) } else { Ok(()) }
    }

    /// Adds a file and returns its number.
    pub fn insert(&mut self, file: OpenFile) -> u64 {
        let number = self.next;
        self.next += 1;
        self.files.insert(number, file);
        number
    }

    /// The file that this badge knows by this number.
    ///
    /// # Errors
    /// [`FileError::StaleFile`]: there is none, or it is another's.
    pub fn get(&self, badge: u64, number: u64) -> Result<&OpenFile, FileError> {
        self.files.get(&number).filter(|file| file.badge == badge).ok_or(FileError::StaleFile)
    }

    /// Forgets a file.
    ///
    /// # Errors
    /// As [`Table::get`].
    pub fn close(&mut self, badge: u64, number: u64) -> Result<(), FileError> {
        self.get(badge, number)?;
        self.files.remove(&number);
        Ok(())
    }

    /// Forgets all files of a badge.
    pub fn release(&mut self, badge: u64) {
        self.files.retain(|_, file| file.badge != badge);
    }

    /// Something was moved: open files go with it.
    pub fn renamed(&mut self, from: &str, to: &str) {
        for file in self.files.values_mut() {
            if let Some(rest) = below(&file.path, from) {
                file.path = format!("{to}{}", if rest == "/" { "" } else { rest });
            }
        }
    }
}
