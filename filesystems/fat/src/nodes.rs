//! Which node is in which slot of a directory.
//!
//! FAT files have no number; an entry's slot (its place on the volume, in steps of 32 bytes) is the only one there is. It serves as the node of
//! whatever was there when the volume was mounted. Who moves takes its node along, and who comes to a slot that had another gets a new
//! one, so that a node is never used for two files. What is kept grows with the slots that changed hands.

use alloc::collections::BTreeMap;

/// Where nodes begin that are no slots: no volume of 2^32 sectors has so many.
const NOT_SLOTS: u64 = 1 << 40;

/// The nodes that are not their slot's number.
#[derive(Debug)]
pub struct Nodes {
    /// Who is in a slot, or will be the next there, where it is not the slot's number.
    in_slot: BTreeMap<u64, u64>,
    /// The slots of those.
    slot_of: BTreeMap<u64, u64>,
    next: u64,
}

impl Default for Nodes {
    fn default() -> Nodes {
        Nodes { in_slot: BTreeMap::new(), slot_of: BTreeMap::new(), next: NOT_SLOTS }
    }
}

impl Nodes {
    /// The node in a slot.
    #[must_use]
    pub fn node(&self, slot: u64) -> u64 {
        self.in_slot.get(&slot).copied().unwrap_or(slot)
    }

    /// The slot that a node is in, unless it is gone.
    #[must_use]
    pub fn slot(&self, node: u64) -> Option<u64> {
        match self.slot_of.get(&node) {
            None if node < NOT_SLOTS && !self.in_slot.contains_key(&node) => Some(node),
            found => found.copied(),
        }
    }

    /// What was in a slot is no more.
    pub fn removed(&mut self, slot: u64) {
        self.slot_of.remove(&self.node(slot));
        self.in_slot.insert(slot, self.next);
        self.slot_of.insert(self.next, slot);
        self.next += 1;
    }

    /// What was in one slot is in another now, where nothing was.
    pub fn moved(&mut self, from: u64, to: u64) {
        let node = self.node(from);
        self.slot_of.remove(&self.node(to));
        self.removed(from);
        self.in_slot.insert(to, node);
        self.slot_of.insert(node, to);
    }
}
