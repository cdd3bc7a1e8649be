//! `/airox/checksums`: which files the loader may trust, by length and CRC-32.
//!
//! One line a file, `<crc32, 8 hex digits> <length, decimal> <path>`, and a last line
//! `<crc32, 8 hex digits> end` over every byte before it, so that damage to this file is told from
//! damage to a file it lists. It guards against bad media and interrupted writes, not against a person.

use core::fmt;

use crc::{CRC_32_ISO_HDLC, Crc, Table};

/// Where the list lies on the boot volume.
pub const CHECKSUMS_PATH: &str = "/airox/checksums";
/// Where the kernel lies on the boot volume.
pub const KERNEL_PATH: &str = "/airox/kernel.elf";
/// Where the system bundle lies on the boot volume.
pub const BUNDLE_PATH: &str = "/airox/system.bundle";

/// Slicing by 16 bytes: the bundle is megabytes long and checked on every boot.
static CRC: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC);

/// CRC-32 (ISO HDLC, as in zip and GPT) of `bytes`.
pub fn crc32(bytes: &[u8]) -> u32 {
    CRC.checksum(bytes)
}

/// CRC-32 of bytes that come piece by piece.
pub fn digest() -> crc::Digest<'static, u32, Table<16>> {
    CRC.digest()
}

/// What is known of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checksum {
    /// CRC-32 of all its bytes.
    pub crc: u32,
    /// Its length in bytes.
    pub length: u64,
}

impl Checksum {
    /// The checksum of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self { crc: crc32(bytes), length: bytes.len() as u64 }
    }
}

/// Why the list cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChecksumsError {
    /// Its own checksum does not match, or its last line is missing.
    Damaged,
    /// A line that is not `crc length path`, counted from 1.
    Malformed {
        /// The line, counted from 1.
        line: usize,
    },
}

impl fmt::Display for ChecksumsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged => write!(f, "the list of checksums is damaged"),
            Self::Malformed { line } => write!(f, "line {line} is not `crc length path`"),
        }
    }
}

/// A list whose own checksum was right.
#[derive(Clone, Copy, Debug)]
pub struct Checksums<'a> {
    lines: &'a str,
}

impl<'a> Checksums<'a> {
    /// Checks the list's own checksum and the form of every line.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ChecksumsError> {
        let text = core::str::from_utf8(bytes).map_err(|_| ChecksumsError::Damaged)?;
        let last = text
            .strip_suffix('\n')
            .and_then(|text| text.rfind('\n'))
            .map(|newline| newline + 1)
            .ok_or(ChecksumsError::Damaged)?;
        let (lines, trailer) = text.split_at(last);
        let crc = trailer.trim_end().strip_suffix(" end").and_then(parse_crc).ok_or(ChecksumsError::Damaged)?;
        if crc != crc32(lines.as_bytes()) {
            return Err(ChecksumsError::Damaged);
        }
        for (index, line) in lines.lines().enumerate() {
            parse_line(line).ok_or(ChecksumsError::Malformed { line: index + 1 })?;
        }
        Ok(Self { lines })
    }

    /// What the list says of `path`.
    pub fn find(&self, path: &str) -> Option<Checksum> {
        self.lines.lines().filter_map(parse_line).find_map(|(listed, checksum)| (listed == path).then_some(checksum))
    }
}

fn parse_crc(digits: &str) -> Option<u32> {
    (digits.len() == 8).then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

fn parse_line(line: &str) -> Option<(&str, Checksum)> {
    let mut fields = line.splitn(3, ' ');
    let crc = parse_crc(fields.next()?)?;
    let length = fields.next()?.parse().ok()?;
    let path = fields.next().filter(|path| path.starts_with('/'))?;
    Some((path, Checksum { crc, length }))
}

/// Writes the list of `files` (path, bytes) in the given order.
pub fn write<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>, out: &mut impl fmt::Write) -> fmt::Result {
    let mut digest = digest();
    for (path, bytes) in files {
        let Checksum { crc, length } = Checksum::of(bytes);
        let mut line = heapless::String::<256>::new();
        fmt::Write::write_fmt(&mut line, format_args!("{crc:08x} {length} {path}\n"))?;
        digest.update(line.as_bytes());
        out.write_str(&line)?;
    }
    writeln!(out, "{:08x} end", digest.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> std::string::String {
        let mut text = std::string::String::new();
        write([(KERNEL_PATH, b"kernel".as_slice()), (BUNDLE_PATH, b"bundle bytes")], &mut text).unwrap();
        text
    }

    #[test]
    fn a_written_list_is_read_back() {
        let text = list();
        let checksums = Checksums::parse(text.as_bytes()).unwrap();
        assert_eq!(checksums.find(KERNEL_PATH), Some(Checksum::of(b"kernel")));
        assert_eq!(checksums.find(BUNDLE_PATH).unwrap().length, 12);
        assert_eq!(checksums.find("/airox/other"), None);
    }

    #[test]
    fn any_changed_byte_is_found() {
        let text = list();
        for index in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[index] ^= 1;
            let found = Checksums::parse(&bytes).is_err();
            // Only the case of a hex digit in the trailer may differ without harm.
            assert!(found, "byte {index}");
        }
    }

    #[test]
    fn a_cut_list_is_damaged() {
        let text = list();
        for length in 0..text.len() {
            let error = Checksums::parse(&text.as_bytes()[..length]).err();
            assert_eq!(error, Some(ChecksumsError::Damaged), "length {length}");
        }
    }

    #[test]
    fn a_malformed_line_is_named() {
        let lines = "00000000 12 /a\nnonsense\n";
        let text = std::format!("{lines}{:08x} end\n", crc32(lines.as_bytes()));
        assert_eq!(Checksums::parse(text.as_bytes()).err(), Some(ChecksumsError::Malformed { line: 2 }));
    }
}
