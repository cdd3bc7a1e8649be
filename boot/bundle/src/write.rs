//! Making a bundle. Host side: `xtask` converts ELF files and hands over plain segments.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::format::{
    HEADER_LENGTH, KIND_FILE, KIND_PROGRAM, MAGIC, NAME_CAPACITY, PAGE_SIZE, RECORD_LENGTH, SEGMENT_LENGTH, VERSION,
    checksum, header, record, segment,
};
use crate::reader::directory_length;
use crate::symbols::{FUNCTION_LENGTH, TABLE_START};

/// One segment to write.
#[derive(Clone, Debug)]
pub struct SegmentImage {
    /// First address, page-aligned.
    pub address: u64,
    /// Length in memory, in bytes.
    pub memory_size: u64,
    /// The bytes it starts out with, at most `memory_size`.
    pub bytes: Vec<u8>,
    /// Whether it may be written.
    pub writable: bool,
    /// Whether it may be executed.
    pub executable: bool,
}

/// One program to write.
#[derive(Clone, Debug)]
pub struct ProgramImage {
    /// Its name.
    pub name: String,
    /// Address of its first instruction.
    pub entry: u64,
    /// Its segments, in any order.
    pub segments: Vec<SegmentImage>,
    /// Its functions.
    pub symbols: Vec<Function>,
}

/// A function for a symbol table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Address of its first instruction.
    pub address: u64,
    /// Length in bytes.
    pub size: u32,
    /// Its demangled name.
    pub name: String,
}

/// Why a bundle cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// A name is empty or longer than [`NAME_CAPACITY`] bytes.
    BadName(String),
    /// Two entries of a kind have this name.
    DuplicateName(String),
    /// No program has the root program's name.
    NoRoot(String),
    /// A segment of this program is unaligned, overlaps another, is shorter than its bytes, wraps around the
    /// address space, or is both writable and executable.
    BadSegment {
        /// The program.
        program: String,
        /// Address of the segment.
        address: u64,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// More entries, segments or functions than the format can count.
    TooLarge,
}

impl fmt::Display for WriteError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WriteError::BadName(name) => write!(formatter, "`{name}` is not a valid name (1 to {NAME_CAPACITY} bytes)"),
            WriteError::DuplicateName(name) => write!(formatter, "two entries are named `{name}`"),
            WriteError::NoRoot(name) => write!(formatter, "the root program `{name}` is missing"),
            WriteError::BadSegment { program, address, reason } => {
                write!(formatter, "segment {address:#x} of `{program}` {reason}")
            }
            WriteError::TooLarge => formatter.write_str("the bundle is too large"),
        }
    }
}

impl core::error::Error for WriteError {}

/// Collects programs and files, then writes them.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    programs: Vec<ProgramImage>,
    files: Vec<(String, Vec<u8>)>,
}

impl Builder {
    /// An empty bundle.
    #[must_use]
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Adds a program.
    ///
    /// # Errors
    /// If its name is bad or taken, or a segment breaks the rules.
    pub fn program(&mut self, mut program: ProgramImage) -> Result<&mut Builder, WriteError> {
        check_name(&program.name)?;
        if self.programs.iter().any(|other| other.name == program.name) {
            return Err(WriteError::DuplicateName(program.name));
        }
        program.segments.sort_by_key(|segment| segment.address);
        check_segments(&program)?;
        self.programs.push(program);
        Ok(self)
    }

    /// Adds a file.
    ///
    /// # Errors
    /// If its name is bad or taken.
    pub fn file(&mut self, name: &str, bytes: Vec<u8>) -> Result<&mut Builder, WriteError> {
        check_name(name)?;
        if self.files.iter().any(|(other, _)| other == name) {
            return Err(WriteError::DuplicateName(name.into()));
        }
        self.files.push((name.into(), bytes));
        Ok(self)
    }

    /// Writes the bundle, with `root` as the program the kernel starts.
    ///
    /// # Errors
    /// If there is no such program or the bundle is too large for the format.
    pub fn build(&self, root: &str) -> Result<Vec<u8>, WriteError> {
        if !self.programs.iter().any(|program| program.name == root) {
            return Err(WriteError::NoRoot(root.into()));
        }
        let entries = self.programs.len() + self.files.len();
        let segment_count: usize = self.programs.iter().map(|each| each.segments.len()).sum();
        let directory = directory_length(entries, segment_count).ok_or(WriteError::TooLarge)?;

        let mut output = Output {
            bytes: alloc::vec![0; directory],
            records: 0,
            segments: 0,
            segment_table: HEADER_LENGTH + entries * RECORD_LENGTH,
        };
        for program in &self.programs {
            output.program(program)?;
        }
        for (name, bytes) in &self.files {
            output.file(name, bytes)?;
        }
        output.pad_to_page();

        let length = output.bytes.len() as u64;
        let bytes = &mut output.bytes;
        put(bytes, header::MAGIC, &MAGIC);
        put(bytes, header::VERSION, &VERSION.to_le_bytes());
        put(bytes, header::LENGTH, &length.to_le_bytes());
        put(bytes, header::ENTRIES, &count(entries)?.to_le_bytes());
        put(bytes, header::SEGMENTS, &count(segment_count)?.to_le_bytes());
        put(bytes, header::ROOT_NAME, root.as_bytes());
        let sum = checksum(&bytes[..directory]);
        put(bytes, header::CHECKSUM, &sum.to_le_bytes());
        Ok(output.bytes)
    }
}

struct Output {
    bytes: Vec<u8>,
    records: usize,
    segments: usize,
    segment_table: usize,
}

impl Output {
    fn program(&mut self, program: &ProgramImage) -> Result<(), WriteError> {
        self.pad_to_page();
        let start = self.bytes.len();
        let first_segment = self.segments;
        for image in &program.segments {
            self.pad_to_page();
            let offset = self.bytes.len() as u64;
            self.bytes.extend_from_slice(&image.bytes);
            let at = self.segment_table + self.segments * SEGMENT_LENGTH;
            let flags = if image.writable { segment::WRITABLE } else { 0 }
                | if image.executable { segment::EXECUTABLE } else { 0 };
            let file_size = image.bytes.len() as u64;
            let bytes = &mut self.bytes;
            put(bytes, at + segment::ADDRESS, &image.address.to_le_bytes());
            put(bytes, at + segment::MEMORY_SIZE, &image.memory_size.to_le_bytes());
            put(bytes, at + segment::OFFSET, &offset.to_le_bytes());
            put(bytes, at + segment::FILE_SIZE, &file_size.to_le_bytes());
            put(bytes, at + segment::FLAGS, &flags.to_le_bytes());
            self.segments += 1;
        }
        self.pad_to_page();
        let symbols_offset = self.bytes.len() as u64;
        let symbols = symbol_table(&program.symbols)?;
        self.bytes.extend_from_slice(&symbols);

        let at = self.record(&program.name, KIND_PROGRAM, start);
        let segments = count(program.segments.len())?;
        let symbols_length = symbols.len() as u64;
        let bytes = &mut self.bytes;
        put(bytes, at + record::ENTRY_POINT, &program.entry.to_le_bytes());
        put(bytes, at + record::FIRST_SEGMENT, &count(first_segment)?.to_le_bytes());
        put(bytes, at + record::SEGMENT_COUNT, &segments.to_le_bytes());
        put(bytes, at + record::SYMBOLS_OFFSET, &symbols_offset.to_le_bytes());
        put(bytes, at + record::SYMBOLS_LENGTH, &symbols_length.to_le_bytes());
        Ok(())
    }

    fn file(&mut self, name: &str, content: &[u8]) -> Result<(), WriteError> {
        self.pad_to_page();
        let start = self.bytes.len();
        self.bytes.extend_from_slice(content);
        self.record(name, KIND_FILE, start);
        Ok(())
    }

    /// Writes the record of the payload from `start` to the end; returns where the record is.
    fn record(&mut self, name: &str, kind: u32, start: usize) -> usize {
        let at = HEADER_LENGTH + self.records * RECORD_LENGTH;
        self.records += 1;
        let payload = &self.bytes[start..];
        let (length, sum) = (payload.len() as u64, checksum(payload));
        let bytes = &mut self.bytes;
        put(bytes, at + record::NAME, name.as_bytes());
        put(bytes, at + record::KIND, &kind.to_le_bytes());
        put(bytes, at + record::CHECKSUM, &sum.to_le_bytes());
        put(bytes, at + record::OFFSET, &(start as u64).to_le_bytes());
        put(bytes, at + record::LENGTH, &length.to_le_bytes());
        at
    }

    fn pad_to_page(&mut self) {
        let length = self.bytes.len().next_multiple_of(PAGE_SIZE as usize);
        self.bytes.resize(length, 0);
    }
}

/// Encodes a symbol table in the form [`crate::Symbols::parse`] reads.
///
/// # Errors
/// [`WriteError::TooLarge`] if there are more than `u32::MAX` bytes of it.
pub fn symbol_table(functions: &[Function]) -> Result<Vec<u8>, WriteError> {
    let mut sorted: Vec<&Function> = functions.iter().collect();
    sorted.sort_by_key(|function| function.address);
    sorted.dedup_by_key(|function| function.address);
    let mut bytes = alloc::vec![0; TABLE_START + sorted.len() * FUNCTION_LENGTH];
    put(&mut bytes, 0, &count(sorted.len())?.to_le_bytes());
    for (index, function) in sorted.iter().enumerate() {
        let at = TABLE_START + index * FUNCTION_LENGTH;
        let name_offset = count(bytes.len())?;
        put(&mut bytes, at, &function.address.to_le_bytes());
        put(&mut bytes, at + 8, &function.size.to_le_bytes());
        put(&mut bytes, at + 12, &name_offset.to_le_bytes());
        let name = function.name.as_str();
        let cut = name.floor_char_boundary(usize::from(u16::MAX));
        let name = &name.as_bytes()[..cut];
        bytes.extend_from_slice(&(name.len() as u16).to_le_bytes());
        bytes.extend_from_slice(name);
    }
    Ok(bytes)
}

fn check_name(name: &str) -> Result<(), WriteError> {
    if name.is_empty() || name.len() > NAME_CAPACITY || name.contains('\0') {
        return Err(WriteError::BadName(name.into()));
    }
    Ok(())
}

fn check_segments(program: &ProgramImage) -> Result<(), WriteError> {
    let mut free_from = 0;
    for segment in &program.segments {
        let end =
            segment.memory_size.checked_next_multiple_of(PAGE_SIZE).and_then(|size| segment.address.checked_add(size));
        let reason = if segment.address % PAGE_SIZE != 0 {
            "is not page-aligned"
        } else if segment.address < free_from {
            "shares a page with the segment before it"
        } else if segment.bytes.len() as u64 > segment.memory_size {
            "has more bytes than memory"
        } else if end.is_none() {
            "wraps around the address space"
        } else if segment.writable && segment.executable {
            "is both writable and executable"
        } else {
            free_from = end.unwrap_or(u64::MAX);
            continue;
        };
        return Err(WriteError::BadSegment { program: program.name.clone(), address: segment.address, reason });
    }
    Ok(())
}

fn count(number: usize) -> Result<u32, WriteError> {
    u32::try_from(number).map_err(|_| WriteError::TooLarge)
}

fn put(bytes: &mut [u8], offset: usize, value: &[u8]) {
    bytes[offset..offset + value.len()].copy_from_slice(value);
}
