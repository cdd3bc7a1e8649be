//! Blocks that were read and verified. Bounded; what was not used lately makes room (the clock algorithm).

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// As what a block was verified. The same bytes may be fine as data and no valid tree node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verified {
    /// A tree node with this checksum.
    Tree(u64),
    /// Data with this checksum.
    Data(u32),
}

struct Slot {
    block: u64,
    verified: Verified,
    used: bool,
    bytes: Box<[u8]>,
}

/// The cache.
pub struct Cache {
    slots: Vec<Slot>,
    places: BTreeMap<u64, usize>,
    limit: usize,
    hand: usize,
}

impl Cache {
    /// A cache of at most `limit` blocks, at least 16.
    pub fn new(limit: usize) -> Self {
        Self { slots: Vec::new(), places: BTreeMap::new(), limit: limit.max(16), hand: 0 }
    }

    /// Where a block is, if it is there and was verified as this.
    pub fn find(&mut self, block: u64, verified: Verified) -> Option<usize> {
        let place = *self.places.get(&block)?;
        let slot = self.slots.get_mut(place)?;
        slot.used = true;
        (slot.verified == verified).then_some(place)
    }

    /// The bytes at a place that `find` or `insert` said, as long as nothing else was inserted.
    pub fn bytes(&self, place: usize) -> &[u8] {
        self.slots.get(place).map_or(&[], |slot| &slot.bytes)
    }

    /// Takes a verified block in and says where it is.
    pub fn insert(&mut self, block: u64, verified: Verified, bytes: Box<[u8]>) -> usize {
        let slot = Slot { block, verified, used: true, bytes };
        let place = match self.places.get(&block) {
            Some(&place) => place,
            None if self.slots.len() < self.limit => self.slots.len(),
            None => self.make_room(),
        };
        match self.slots.get_mut(place) {
            Some(old) => {
                if old.block != block {
                    self.places.remove(&old.block);
                }
                *old = slot;
            }
            None => self.slots.push(slot),
        }
        self.places.insert(block, place);
        place
    }

    /// What the cache has of a block is out of date.
    pub fn forget(&mut self, block: u64) {
        if let Some(slot) = self.places.remove(&block).and_then(|place| self.slots.get_mut(place)) {
            slot.used = false;
            slot.block = u64::MAX;
        }
    }

    /// The next slot in turn that was not used since the last time around. Ends after two rounds at most.
    fn make_room(&mut self) -> usize {
        loop {
            self.hand = (self.hand + 1) % self.slots.len();
            let slot = &mut self.slots[self.hand];
            if !slot.used {
                return self.hand;
            }
            slot.used = false;
        }
    }
}
