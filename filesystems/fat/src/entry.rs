//! An entry of a directory, as it lies there: 32 bytes.

use airox_file_system::{Attributes, Kind, Node};

use crate::bytes::{get_u16, get_u32, put};
use crate::time;

/// Bytes of an entry.
pub const ENTRY: usize = 32;
/// The first byte of an entry that was removed.
pub const REMOVED: u8 = 0xe5;
/// The first byte of an entry that was never used: there is nothing behind it.
pub const LAST: u8 = 0;
/// The attributes of a part of a long name; of them all have to be set.
pub const LONG_NAME: u8 = 0x0f;
/// A volume's name.
const LABEL: u8 = 0x08;
/// A directory.
const DIRECTORY: u8 = 0x10;
/// It changed since a backup was made.
const ARCHIVE: u8 = 0x20;

/// An entry with a short name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Short(pub [u8; ENTRY]);

impl Short {
    /// A new entry; its name is filled in later.
    pub fn new(kind: Kind, first: u32, now_ns: u64) -> Short {
        let mut entry = Short([0; ENTRY]);
        entry.0[11] = if kind == Kind::Directory { DIRECTORY } else { ARCHIVE };
        let (date, time) = time::stamp(now_ns);
        put(&mut entry.0, 14, &time.to_le_bytes());
        put(&mut entry.0, 16, &date.to_le_bytes());
        entry.set_first(first);
        entry.touch(now_ns);
        entry
    }

    /// Its name, padded with spaces.
    pub fn name(&self) -> [u8; 11] {
        let mut name = [b' '; 11];
        name.copy_from_slice(&self.0[..11]);
        // The first letter of a name in some code pages is the mark of removal.
        if name[0] == 5 {
            name[0] = REMOVED;
        }
        name
    }

    /// Gives it a name.
    pub fn set_name(&mut self, name: [u8; 11]) {
        self.0[..11].copy_from_slice(&name);
        if name[0] == REMOVED {
            self.0[0] = 5;
        }
    }

    /// Whether it is a file's or directory's.
    pub fn is_used(&self) -> bool {
        !matches!(self.0[0], LAST | REMOVED) && self.0[11] & LABEL == 0
    }

    /// What it names.
    pub fn kind(&self) -> Kind {
        if self.0[11] & DIRECTORY == 0 { Kind::File } else { Kind::Directory }
    }

    /// Whether base and extension are meant in small letters.
    pub fn small(&self) -> (bool, bool) {
        (self.0[12] & 8 != 0, self.0[12] & 16 != 0)
    }

    /// The first cluster; 0: none.
    pub fn first(&self) -> u32 {
        u32::from(get_u16(&self.0, 20)) << 16 | u32::from(get_u16(&self.0, 26))
    }

    /// Changes the first cluster.
    pub fn set_first(&mut self, first: u32) {
        put(&mut self.0, 20, &((first >> 16) as u16).to_le_bytes());
        put(&mut self.0, 26, &(first as u16).to_le_bytes());
    }

    /// A file's length in bytes.
    pub fn size(&self) -> u64 {
        u64::from(get_u32(&self.0, 28))
    }

    /// Changes the length; one of those that FAT has.
    pub fn set_size(&mut self, size: u64) {
        put(&mut self.0, 28, &(size as u32).to_le_bytes());
    }

    /// Its content changed.
    pub fn touch(&mut self, now_ns: u64) {
        let (date, time) = time::stamp(now_ns);
        put(&mut self.0, 18, &date.to_le_bytes());
        put(&mut self.0, 22, &time.to_le_bytes());
        put(&mut self.0, 24, &date.to_le_bytes());
        if self.kind() == Kind::File {
            self.0[11] |= ARCHIVE;
        }
    }

    /// What is known of a file; of a directory all but its size.
    pub fn attributes(&self, node: Node) -> Attributes {
        let modified_ns = time::moment(get_u16(&self.0, 24), get_u16(&self.0, 22));
        let size = if self.kind() == Kind::File { self.size() } else { 0 };
        Attributes { node, kind: self.kind(), size, modified_ns }
    }
}
