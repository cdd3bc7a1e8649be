//! Keys of the metadata tree.
//!
//! A key is 128 bits: node, kind, and a 60-bit offset whose meaning is the kind's. So all that belongs to a directory lies together,
//! ordered, and a file's map is ordered by offset.

/// What an item is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Node 0 only: blocks of the node `offset` are still to be released.
    Trim = 1,
    /// The description of a file or directory.
    Node = 2,
    /// The account of a quota, at its root.
    Quota = 3,
    /// An entry of a directory; the offset is made of the name's hash.
    Entry = 4,
    /// Where a part of a file is; the offset counts chunks.
    Chunk = 5,
}

/// A key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(pub u128);

/// Offsets are below this.
pub const OFFSET_END: u64 = 1 << 60;

impl Key {
    /// The largest key.
    pub const MAX: Key = Key(u128::MAX);

    /// The key of an item. Offsets use 60 bits; nodes' numbers do, too, since they are offsets of [`Kind::Trim`].
    pub const fn new(node: u64, kind: Kind, offset: u64) -> Self {
        Self((node as u128) << 64 | (kind as u128) << 60 | (offset & (OFFSET_END - 1)) as u128)
    }

    /// Whose it is.
    pub const fn node(self) -> u64 {
        (self.0 >> 64) as u64
    }

    /// Its kind, if it is a known one.
    pub const fn kind(self) -> Option<Kind> {
        match (self.0 >> 60) as u8 & 15 {
            1 => Some(Kind::Trim),
            2 => Some(Kind::Node),
            3 => Some(Kind::Quota),
            4 => Some(Kind::Entry),
            5 => Some(Kind::Chunk),
            _ => None,
        }
    }

    /// Its offset.
    pub const fn offset(self) -> u64 {
        self.0 as u64 & (OFFSET_END - 1)
    }

    /// The key after this one.
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}
