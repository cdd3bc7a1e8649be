//! Reading a bundle in place: no copy, no allocation.

use crate::format::{
    HEADER_LENGTH, KIND_FILE, KIND_PROGRAM, MAGIC, PAGE_SIZE, RECORD_LENGTH, SEGMENT_LENGTH, VERSION, checksum,
    checksum_with_hole, header, read_name, read_u32, read_u64, read_usize, record, segment,
};
use crate::{BundleError, EntryName, Symbols};

/// A bundle whose directory has been checked.
#[derive(Clone, Copy, Debug)]
pub struct Bundle<'a> {
    bytes: &'a [u8],
    root: &'a str,
    entries: usize,
}

/// One program of a bundle.
#[derive(Clone, Copy, Debug)]
pub struct Program<'a> {
    name: &'a str,
    entry: u64,
    segments: &'a [u8],
    symbols: &'a [u8],
}

/// A range of a program's address space, and the bytes it starts out with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// First address, page-aligned.
    pub address: u64,
    /// Length in memory, in bytes; what exceeds `file_size` is zero.
    pub memory_size: u64,
    /// Offset of the segment's bytes in the bundle, page-aligned.
    pub offset: u64,
    /// Bytes in the bundle, followed there by zeros up to a whole page.
    pub file_size: u64,
    /// Whether the program may write to it.
    pub writable: bool,
    /// Whether the program may execute it. Never together with `writable`.
    pub executable: bool,
}

/// One entry of a bundle as plain bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content<'a> {
    /// Its name.
    pub name: &'a str,
    /// Whether it is a program: then its bytes are its segments and its symbols.
    pub is_program: bool,
    /// Where its bytes begin in the bundle.
    pub offset: usize,
    /// How many there are.
    pub length: usize,
}

/// What a directory record says, with its offsets checked against the file.
struct Record<'a> {
    name: &'a str,
    kind: u32,
    checksum: u32,
    payload: &'a [u8],
    /// Where the payload begins.
    offset: usize,
    entry_point: u64,
    segments: &'a [u8],
    symbols: &'a [u8],
}

impl<'a> Bundle<'a> {
    /// Checks magic, version, the directory's checksum and every offset. It does not read the payloads, so it is cheap.
    ///
    /// # Errors
    /// Says what is wrong; see [`BundleError`].
    pub fn parse(bytes: &'a [u8]) -> Result<Bundle<'a>, BundleError> {
        let start = bytes.get(..HEADER_LENGTH).ok_or(BundleError::Truncated)?;
        if start.get(header::MAGIC..header::MAGIC + MAGIC.len()) != Some(&MAGIC[..]) {
            return Err(BundleError::NotABundle);
        }
        let version = read_u32(start, header::VERSION).ok_or(BundleError::Truncated)?;
        if version != VERSION {
            return Err(BundleError::UnsupportedVersion(version));
        }
        let length = read_usize(start, header::LENGTH).ok_or(BundleError::Truncated)?;
        let bytes = bytes.get(..length).ok_or(BundleError::Truncated)?;
        let count = |offset| read_u32(start, offset).map(|count| count as usize);
        let entries = count(header::ENTRIES).ok_or(BundleError::Truncated)?;
        let segments = count(header::SEGMENTS).ok_or(BundleError::Truncated)?;
        let directory = directory_length(entries, segments)
            .and_then(|length| bytes.get(..length))
            .ok_or(BundleError::DirectoryDamaged)?;
        if checksum_with_hole(directory, header::CHECKSUM) != read_u32(start, header::CHECKSUM) {
            return Err(BundleError::DirectoryDamaged);
        }
        let root = read_name(start, header::ROOT_NAME).ok_or(BundleError::DirectoryDamaged)?;
        let bundle = Bundle { bytes, root, entries };
        for index in 0..entries {
            let invalid = BundleError::InvalidRecord(index as u32);
            let record = bundle.record(index).ok_or(invalid)?;
            if !bundle.is_valid(&record) {
                return Err(invalid);
            }
        }
        if bundle.program(root).is_none() {
            return Err(BundleError::NoSuchEntry(EntryName::new(root)));
        }
        Ok(bundle)
    }

    /// Checks every entry's bytes against its checksum.
    ///
    /// # Errors
    /// [`BundleError::EntryDamaged`] names the first damaged entry.
    pub fn verify(&self) -> Result<(), BundleError> {
        for record in self.records() {
            if checksum(record.payload) != record.checksum {
                return Err(BundleError::EntryDamaged(EntryName::new(record.name)));
            }
        }
        Ok(())
    }

    /// Length of the bundle in bytes.
    #[must_use]
    pub fn length(&self) -> usize {
        self.bytes.len()
    }

    /// Name of the program the kernel starts.
    #[must_use]
    pub fn root_program(&self) -> &'a str {
        self.root
    }

    /// The program of this name.
    #[must_use]
    pub fn program(&self, name: &str) -> Option<Program<'a>> {
        self.programs().find(|program| program.name == name)
    }

    /// Every program, in the order of the directory.
    pub fn programs(&self) -> impl Iterator<Item = Program<'a>> {
        self.records().filter(|record| record.kind == KIND_PROGRAM).map(|record| Program {
            name: record.name,
            entry: record.entry_point,
            segments: record.segments,
            symbols: record.symbols,
        })
    }

    /// The bytes of the file of this name.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&'a [u8]> {
        self.records().find(|record| record.kind == KIND_FILE && record.name == name).map(|record| record.payload)
    }

    /// Name and bytes of every file.
    pub fn files(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        self.records().filter(|record| record.kind == KIND_FILE).map(|record| (record.name, record.payload))
    }

    /// Every entry, in the order of the directory.
    pub fn contents(&self) -> impl Iterator<Item = Content<'a>> {
        self.records().map(|record| Content {
            name: record.name,
            is_program: record.kind == KIND_PROGRAM,
            offset: record.offset,
            length: record.payload.len(),
        })
    }

    /// The compiled system record.
    ///
    /// # Errors
    /// [`BundleError::NoSuchEntry`] if the bundle has none, [`BundleError::InvalidSystem`] if it cannot be decoded.
    #[cfg(feature = "system")]
    pub fn system(&self) -> Result<crate::system::System, BundleError> {
        let bytes =
            self.file(crate::SYSTEM_FILE).ok_or(BundleError::NoSuchEntry(EntryName::new(crate::SYSTEM_FILE)))?;
        crate::system::System::from_bytes(bytes)
    }

    fn records(&self) -> impl Iterator<Item = Record<'a>> {
        let bundle = *self;
        (0..bundle.entries).filter_map(move |index| bundle.record(index))
    }

    fn record(&self, index: usize) -> Option<Record<'a>> {
        let start = HEADER_LENGTH + index * RECORD_LENGTH;
        let bytes = self.bytes.get(start..start + RECORD_LENGTH)?;
        let range = |offset: usize, length: usize| -> Option<&'a [u8]> {
            let start = read_usize(bytes, offset)?;
            self.bytes.get(start..start.checked_add(read_usize(bytes, length)?)?)
        };
        let first_segment = read_u32(bytes, record::FIRST_SEGMENT)? as usize;
        let segment_count = read_u32(bytes, record::SEGMENT_COUNT)? as usize;
        let table = HEADER_LENGTH + self.entries * RECORD_LENGTH;
        let segments = table.checked_add(first_segment.checked_mul(SEGMENT_LENGTH)?)?;
        let segments_end = segments.checked_add(segment_count.checked_mul(SEGMENT_LENGTH)?)?;
        Some(Record {
            name: read_name(bytes, record::NAME)?,
            kind: read_u32(bytes, record::KIND)?,
            checksum: read_u32(bytes, record::CHECKSUM)?,
            payload: range(record::OFFSET, record::LENGTH)?,
            offset: read_usize(bytes, record::OFFSET)?,
            entry_point: read_u64(bytes, record::ENTRY_POINT)?,
            segments: self.bytes.get(segments..segments_end)?,
            symbols: range(record::SYMBOLS_OFFSET, record::SYMBOLS_LENGTH)?,
        })
    }

    /// What [`Bundle::record`] cannot see: segments aligned, in order, apart, inside the file, never writable and executable.
    fn is_valid(&self, record: &Record<'a>) -> bool {
        let mut free_from = 0;
        match record.kind {
            KIND_FILE => record.segments.is_empty(),
            KIND_PROGRAM => segments(record.segments).all(|segment| {
                let page_aligned = segment.address % PAGE_SIZE == 0 && segment.offset % PAGE_SIZE == 0;
                let in_file = segment
                    .file_size
                    .checked_next_multiple_of(PAGE_SIZE)
                    .and_then(|size| segment.offset.checked_add(size))
                    .is_some_and(|end| end <= self.bytes.len() as u64);
                let end = segment
                    .memory_size
                    .checked_next_multiple_of(PAGE_SIZE)
                    .and_then(|size| segment.address.checked_add(size));
                let apart = segment.address >= free_from;
                free_from = end.unwrap_or(u64::MAX);
                page_aligned
                    && in_file
                    && apart
                    && end.is_some()
                    && segment.memory_size >= segment.file_size
                    && !(segment.writable && segment.executable)
            }),
            _ => false,
        }
    }
}

impl<'a> Program<'a> {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// Address of its first instruction.
    #[must_use]
    pub fn entry(&self) -> u64 {
        self.entry
    }

    /// Its segments, by rising address.
    pub fn segments(&self) -> impl Iterator<Item = Segment> + 'a {
        segments(self.segments)
    }

    /// Its functions' names; empty if they are missing or damaged, since only backtraces need them.
    #[must_use]
    pub fn symbols(&self) -> Symbols<'a> {
        Symbols::parse(self.symbols).unwrap_or(Symbols::EMPTY)
    }
}

fn segments(table: &[u8]) -> impl Iterator<Item = Segment> {
    table.chunks_exact(SEGMENT_LENGTH).filter_map(|bytes| {
        let flags = read_u32(bytes, segment::FLAGS)?;
        Some(Segment {
            address: read_u64(bytes, segment::ADDRESS)?,
            memory_size: read_u64(bytes, segment::MEMORY_SIZE)?,
            offset: read_u64(bytes, segment::OFFSET)?,
            file_size: read_u64(bytes, segment::FILE_SIZE)?,
            writable: flags & segment::WRITABLE != 0,
            executable: flags & segment::EXECUTABLE != 0,
        })
    })
}

/// Bytes before the payloads.
pub(crate) fn directory_length(entries: usize, segments: usize) -> Option<usize> {
    HEADER_LENGTH.checked_add(entries.checked_mul(RECORD_LENGTH)?)?.checked_add(segments.checked_mul(SEGMENT_LENGTH)?)
}
