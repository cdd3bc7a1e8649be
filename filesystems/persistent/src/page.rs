//! A node of the metadata tree: a block with items in order of their keys.
//!
//! ```text
//! 0   magic, 4 bytes        16  for each item: key (16 bytes), offset of its value (2), length (2)
//! 4   level, 1 byte         then the values
//! 6   number of items, 2
//! 8   generation that wrote it, 8
//! ```
//!
//! A node is written once and never changed, so there is no free space in the middle to care for. In an inner node the values
//! are pointers, and each key is exactly the first key of the node its value points to.

use alloc::boxed::Box;
use alloc::vec;

use crate::bytes::{get_u16, get_u32, get_u64, get_u128, put_u16, put_u32, put_u64, put_u128};
use crate::key::Key;
use crate::layout::{BLOCK_SIZE, Pointer};
use crate::records::LONGEST_VALUE;

const MAGIC: u32 = u32::from_le_bytes(*b"NODE");
const HEADER: usize = 16;
const SLOT: usize = 20;

/// Bytes of a node that items can use.
pub const CAPACITY: usize = BLOCK_SIZE - HEADER;
/// Highest level of a node. Even with least filled nodes, a tree of this height is larger than any volume.
pub const HIGHEST_LEVEL: u8 = 12;

/// Bytes that an item takes.
pub const fn footprint(value: &[u8]) -> usize {
    SLOT + value.len()
}

/// The bytes of a pointer, as a value.
pub fn encode_pointer(pointer: Pointer) -> [u8; 16] {
    (u128::from(pointer.block) | u128::from(pointer.sum) << 64).to_le_bytes()
}

/// The pointer of these bytes.
pub fn decode_pointer(value: &[u8]) -> Pointer {
    Pointer { block: get_u64(value, 0), sum: get_u64(value, 8) }
}

/// A node's bytes, seen as items. Only of bytes that [`Page::is_valid`] are the answers meaningful; of others they are harmless.
#[derive(Clone, Copy)]
pub struct Page<'a>(pub &'a [u8]);

impl<'a> Page<'a> {
    /// Its level.
    pub fn level(self) -> u8 {
        self.0.get(4).copied().unwrap_or(0)
    }

    /// Number of items.
    pub fn count(self) -> usize {
        usize::from(get_u16(self.0, 6))
    }

    /// The key of an item.
    pub fn key(self, index: usize) -> Key {
        Key(get_u128(self.0, HEADER + SLOT * index))
    }

    /// The value of an item.
    pub fn value(self, index: usize) -> &'a [u8] {
        let slot = HEADER + SLOT * index;
        let (offset, length) = (usize::from(get_u16(self.0, slot + 16)), usize::from(get_u16(self.0, slot + 18)));
        self.0.get(offset..offset + length).unwrap_or(&[])
    }

    /// All items.
    pub fn items(self) -> impl Iterator<Item = (Key, &'a [u8])> {
        (0..self.count()).map(move |index| (self.key(index), self.value(index)))
    }

    /// How many items have keys below `key`.
    pub fn below(self, key: Key) -> usize {
        let (mut low, mut high) = (0, self.count());
        while low < high {
            let middle = low.midpoint(high);
            if self.key(middle) < key {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// The value of the item with this key.
    pub fn find(self, key: Key) -> Option<&'a [u8]> {
        let index = self.below(key);
        (index < self.count() && self.key(index) == key).then(|| self.value(index))
    }

    /// Which child of an inner node a key belongs to.
    pub fn child(self, key: Key) -> usize {
        self.below(key.next()).saturating_sub(1)
    }

    /// Whether these are the bytes of a node: at least one item, keys in order, values within.
    pub fn is_valid(self) -> bool {
        let count = self.count();
        if self.0.len() != BLOCK_SIZE || get_u32(self.0, 0) != MAGIC || self.level() > HIGHEST_LEVEL {
            return false;
        }
        if count == 0 || count * SLOT > CAPACITY {
            return false;
        }
        let values = HEADER + SLOT * count;
        (0..count).all(|index| {
            let slot = HEADER + SLOT * index;
            let (offset, length) = (usize::from(get_u16(self.0, slot + 16)), usize::from(get_u16(self.0, slot + 18)));
            let fits = offset >= values && offset + length <= BLOCK_SIZE;
            let length_is_right = if self.level() == 0 { length <= LONGEST_VALUE } else { length == 16 };
            fits && length_is_right && (index == 0 || self.key(index - 1) < self.key(index))
        })
    }
}

/// Makes a node of items, which are in order and together no larger than [`CAPACITY`].
pub fn build(level: u8, generation: u64, items: &[(Key, &[u8])]) -> Box<[u8]> {
    let mut page = vec![0; BLOCK_SIZE].into_boxed_slice();
    put_u32(&mut page, 0, MAGIC);
    page[4] = level;
    put_u16(&mut page, 6, items.len() as u16);
    put_u64(&mut page, 8, generation);
    let mut offset = HEADER + SLOT * items.len();
    for (index, (key, value)) in items.iter().enumerate() {
        let slot = HEADER + SLOT * index;
        put_u128(&mut page, slot, key.0);
        put_u16(&mut page, slot + 16, offset as u16);
        put_u16(&mut page, slot + 18, value.len() as u16);
        if let Some(place) = page.get_mut(offset..offset + value.len()) {
            place.copy_from_slice(value);
        }
        offset += value.len();
    }
    page
}
