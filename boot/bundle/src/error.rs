//! Why a bundle cannot be used, with the name of the entry to blame where there is one.

use core::fmt;

use crate::format::NAME_CAPACITY;

/// The name of an entry, kept by value so that an error outlives the bytes it came from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EntryName([u8; NAME_CAPACITY]);

impl EntryName {
    pub(crate) fn new(name: &str) -> EntryName {
        let mut bytes = [0; NAME_CAPACITY];
        for (to, from) in bytes.iter_mut().zip(name.bytes()) {
            *to = from;
        }
        EntryName(bytes)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let length = self.0.iter().position(|byte| *byte == 0).unwrap_or(NAME_CAPACITY);
        self.0.get(..length).and_then(|bytes| core::str::from_utf8(bytes).ok()).unwrap_or("?")
    }
}

impl fmt::Debug for EntryName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), formatter)
    }
}

impl fmt::Display for EntryName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Why a bundle, or a part of it, cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BundleError {
    /// The file is shorter than a header, or than its header says.
    Truncated,
    /// It does not start with the magic number.
    NotABundle,
    /// Another version of the format.
    UnsupportedVersion(u32),
    /// The directory's checksum does not match.
    DirectoryDamaged,
    /// A record of the directory contradicts itself or points outside the file. The number is the record's index.
    InvalidRecord(u32),
    /// The bytes of this entry do not match their checksum.
    EntryDamaged(EntryName),
    /// The bundle holds no such program or file.
    NoSuchEntry(EntryName),
    /// The symbol table is not in the expected form.
    InvalidSymbols,
    /// The system record cannot be decoded.
    InvalidSystem,
}

impl fmt::Display for BundleError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BundleError::Truncated => formatter.write_str("the bundle is truncated"),
            BundleError::NotABundle => formatter.write_str("this is not a system bundle"),
            BundleError::UnsupportedVersion(version) => {
                write!(formatter, "bundle format {version} is not supported")
            }
            BundleError::DirectoryDamaged => {
                formatter.write_str("the bundle's directory is damaged (checksum mismatch)")
            }
            BundleError::InvalidRecord(index) => {
                write!(formatter, "record {index} of the bundle's directory is invalid")
            }
            BundleError::EntryDamaged(name) => {
                write!(formatter, "`{name}` in the bundle is damaged (checksum mismatch)")
            }
            BundleError::NoSuchEntry(name) => write!(formatter, "the bundle holds no `{name}`"),
            BundleError::InvalidSymbols => formatter.write_str("the symbol table is invalid"),
            BundleError::InvalidSystem => formatter.write_str("the system record is invalid"),
        }
    }
}

impl core::error::Error for BundleError {}
