//! Postcard in words, or beside them.

use super::{IN_LEASE, INLINE_BYTES};
use airox_abi::message::WORDS;
use alloc::vec::Vec;
use postcard::ser_flavors::Flavor;
use serde::{Deserialize, Serialize};

/// Collects bytes in the words of a message, and on the heap once they are more.
struct WordsOrHeap {
    inline: [u8; INLINE_BYTES],
    length: usize,
    heap: Vec<u8>,
}

impl Flavor for WordsOrHeap {
    type Output = Encoded;

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.try_extend(&[byte])
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        if self.heap.is_empty() {
            if let Some(place) = self.inline.get_mut(self.length..self.length + bytes.len()) {
                place.copy_from_slice(bytes);
                self.length += bytes.len();
                return Ok(());
            }
            self.heap.extend_from_slice(&self.inline[..self.length]);
        }
        self.heap.extend_from_slice(bytes);
        Ok(())
    }

    #[inline]
    fn finalize(self) -> postcard::Result<Encoded> {
        Ok(if self.heap.is_empty() {
            Encoded::Inline(words_of(&self.inline), self.length)
        } else {
            Encoded::Heap(self.heap)
        })
    }
}

/// An encoded value.
pub enum Encoded {
    /// It fits in the words of a message: those, and how many of their bytes it is.
    Inline([u64; WORDS], usize),
    /// It does not.
    Heap(Vec<u8>),
}

impl Encoded {
    /// The low user byte of the tag.
    #[must_use]
    pub fn length_code(&self) -> u32 {
        match self {
            Encoded::Inline(_, length) => *length as u32,
            Encoded::Heap(_) => IN_LEASE,
        }
    }
}

/// Encodes a value; `None` if it has no postcard form (a map of unknown length).
#[inline]
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Option<Encoded> {
    let flavor = WordsOrHeap { inline: [0; INLINE_BYTES], length: 0, heap: Vec::new() };
    postcard::serialize_with_flavor(value, flavor).ok()
}

/// Decodes a value that takes up all of `bytes`.
#[inline]
pub fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Some(value),
        _ => None,
    }
}

/// The bytes that words carry.
#[inline]
#[must_use]
pub fn bytes_of(words: &[u64; WORDS]) -> [u8; INLINE_BYTES] {
    let mut bytes = [0; INLINE_BYTES];
    for (place, word) in bytes.chunks_exact_mut(8).zip(words) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

#[inline]
fn words_of(bytes: &[u8; INLINE_BYTES]) -> [u64; WORDS] {
    let mut words = [0; WORDS];
    for (word, place) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        let mut eight = [0; 8];
        eight.copy_from_slice(place);
        *word = u64::from_le_bytes(eight);
    }
    words
}

/// Bytes as they arrived.
pub enum Payload {
    /// In the words.
    Inline([u8; INLINE_BYTES], usize),
    /// In a lease.
    Heap(Vec<u8>),
}

impl Payload {
    /// The bytes.
    #[inline]
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Payload::Inline(bytes, length) => &bytes[..*length],
            Payload::Heap(bytes) => bytes,
        }
    }
}
