//! The bytes of one file.

use airox_file_system::{FileError, Sink, Source};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Bytes of a piece.
pub const PIECE: usize = 64 << 10;
/// No file is longer: all its pieces can be counted.
pub const MAX_LENGTH: u64 = (u32::MAX as u64) * PIECE as u64;
/// What a piece takes besides its bytes.
const PIECE_COST: u64 = 64;

static ZEROS: [u8; 4096] = [0; 4096];

/// How much room there is, and how much of it is used, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    pub limit: u64,
    pub used: u64,
}

impl Room {
    /// Takes so many bytes.
    pub fn take(&mut self, bytes: u64) -> Result<(), FileError> {
        let used = self.used.saturating_add(bytes);
        if used > self.limit {
            return Err(FileError::NoSpace);
        }
        self.used = used;
        Ok(())
    }

    /// Gives so many back.
    pub fn give(&mut self, bytes: u64) {
        self.used -= bytes;
    }
}

/// A file's bytes: pieces by number. A piece may be shorter than [`PIECE`], or missing: what is not there is zero.
#[derive(Debug, Default)]
pub struct Content {
    length: u64,
    pieces: BTreeMap<u32, Vec<u8>>,
}

/// Where in which piece a byte is.
fn place(offset: u64) -> (u32, usize) {
    ((offset / PIECE as u64) as u32, (offset % PIECE as u64) as usize)
}

fn cost(piece: &Vec<u8>) -> u64 {
    piece.capacity() as u64 + PIECE_COST
}

impl Content {
    /// In bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// What all pieces take.
    pub fn cost(&self) -> u64 {
        self.pieces.values().map(cost).sum()
    }

    /// Hands bytes on, as many as there are.
    pub fn read(&self, offset: u64, length: u64, sink: &mut dyn Sink) -> Result<u64, FileError> {
        let end = offset.saturating_add(length).min(self.length);
        let mut at = offset.min(end);
        let begin = at;
        while at < end {
            let (number, within) = place(at);
            let part = ((end - at) as usize).min(PIECE - within);
            let bytes = self.pieces.get(&number).and_then(|piece| piece.get(within..)).unwrap_or(&[]);
            let there = bytes.len().min(part);
            sink.put(&bytes[..there])?;
            let mut missing = part - there;
            while missing > 0 {
                let zeros = missing.min(ZEROS.len());
                sink.put(&ZEROS[..zeros])?;
                missing -= zeros;
            }
            at += part as u64;
        }
        Ok(end - begin)
    }

    /// Takes bytes, as many as there is room for.
    pub fn write(
        &mut self,
        offset: u64,
        length: u64,
        source: &mut dyn Source,
        room: &mut Room,
    ) -> Result<u64, FileError> {
        let end = offset.checked_add(length).filter(|end| *end <= MAX_LENGTH).ok_or(FileError::TooLong)?;
        let mut at = offset;
        while at < end {
            let (number, within) = place(at);
            let part = ((end - at) as usize).min(PIECE - within);
            match self.piece(number, within + part, room) {
                Ok(piece) => source.take(&mut piece[within..within + part])?,
                Err(FileError::NoSpace) if at > offset => break,
                Err(error) => return Err(error),
            }
            at += part as u64;
            self.length = self.length.max(at);
        }
        Ok(at - offset)
    }

    /// The piece of this number, at least so long.
    fn piece(&mut self, number: u32, length: usize, room: &mut Room) -> Result<&mut Vec<u8>, FileError> {
        let fresh = !self.pieces.contains_key(&number);
        if fresh {
            room.take(PIECE_COST)?;
        }
        let piece = self.pieces.entry(number).or_default();
        let grown = grow(piece, length, room);
        if grown.is_err() && fresh {
            self.pieces.remove(&number);
            room.give(PIECE_COST);
        }
        grown?;
        self.pieces.get_mut(&number).ok_or(FileError::NoSpace)
    }

    /// Changes the length.
    pub fn truncate(&mut self, length: u64, room: &mut Room) -> Result<(), FileError> {
        if length > MAX_LENGTH {
            return Err(FileError::TooLong);
        }
        if length < self.length {
            let before = self.cost();
            let (number, within) = place(length);
            let mut cut = self.pieces.split_off(&number);
            if let Some(mut piece) = cut.remove(&number).filter(|_| within > 0) {
                piece.truncate(within);
                piece.shrink_to_fit();
                self.pieces.insert(number, piece);
            }
            room.give(before - self.cost());
        }
        self.length = length;
        Ok(())
    }
}

/// Makes a piece at least so long. It grows to twice its size at least, so that a file written in small parts is not moved each time.
fn grow(piece: &mut Vec<u8>, length: usize, room: &mut Room) -> Result<(), FileError> {
    let before = piece.capacity();
    if length > before {
        let wanted = length.max(before * 2).min(PIECE);
        // As much as is wanted, or else as little as is needed.
        let reserved = [wanted, length].into_iter().any(|wanted| {
            let fits = room.used.saturating_add((wanted - before) as u64) <= room.limit;
            fits && piece.try_reserve_exact(wanted - piece.len()).is_ok()
        });
        if !reserved {
            return Err(FileError::NoSpace);
        }
        // The allocator may give more than was asked for; it is there to be used, and counts.
        room.used += (piece.capacity() - before) as u64;
    }
    if length > piece.len() {
        piece.resize(length, 0);
    }
    Ok(())
}
