//! Fixed-capacity storage for one kind of kernel object.
//!
//! Memory is reserved at boot and objects never move, so the address of a thread's context stays valid as
//! long as the thread does. An [`Id`] is trusted (the kernel made it); a [`Weak`] notices that its object has gone.

use crate::quota::Quota;
use alloc::vec::Vec;
use core::marker::PhantomData;
use core::ops::{Index, IndexMut};
use derive_where::derive_where;

/// "No index" in the intrusive lists.
pub(crate) const NONE: u32 = u32::MAX;

/// Names a live object of the kernel.
#[derive_where(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Id<T> {
    index: u32,
    marker: PhantomData<fn() -> T>,
}

impl<T> Id<T> {
    pub(crate) const fn new(index: u32) -> Id<T> {
        Id { index, marker: PhantomData }
    }

    /// Its number: what people see in `ps` and traces.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.index
    }

    /// From a list link: `None` at the list's end.
    pub(crate) const fn from_link(link: u32) -> Option<Id<T>> {
        if link == NONE { None } else { Some(Id::new(link)) }
    }

    /// A reference that notices when the object has gone; `generation` is the object's.
    #[inline]
    pub(crate) const fn weak(self, generation: u32) -> Weak<T> {
        Weak { id: self, generation }
    }
}

/// Names an object that may have gone. The entry stubs compare and copy it as one 64-bit word.
#[derive_where(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub(crate) struct Weak<T> {
    id: Id<T>,
    generation: u32,
}

impl<T> Default for Id<T> {
    fn default() -> Id<T> {
        Id::new(NONE)
    }
}

impl<T> Default for Weak<T> {
    fn default() -> Weak<T> {
        Weak::NONE
    }
}

impl<T> Weak<T> {
    /// Names nothing: all bits are ones.
    pub(crate) const NONE: Weak<T> = Id::new(NONE).weak(u32::MAX);

    /// The object it names, if that still lives.
    #[inline]
    pub(crate) const fn id(self) -> Id<T> {
        self.id
    }
}

#[repr(C)]
struct Entry<T> {
    /// Stays, unused, after the object has gone: an index of a live object costs no second look.
    value: T,
    generation: u32,
    next_free: u32,
    live: bool,
    /// Handles that name it, and whatever else keeps it.
    references: u32,
    /// What it is charged to.
    quota: Id<Quota>,
}

/// Objects of one kind.
pub(crate) struct Slab<T> {
    entries: Vec<Entry<T>>,
    /// Address of the first entry; entries never move. For the entry stubs.
    pub(crate) base: u64,
    first_free: u32,
    live: u32,
}

impl<T> Slab<T> {
    pub(crate) fn with_capacity(capacity: u32) -> Slab<T> {
        let entries: Vec<Entry<T>> = Vec::with_capacity(capacity as usize);
        Slab { base: entries.as_ptr().expose_provenance() as u64, entries, first_free: NONE, live: 0 }
    }

    /// Adds an object that is charged to a quota; `None` when the slab is full.
    pub(crate) fn insert(&mut self, value: T, quota: Id<Quota>) -> Option<Id<T>> {
        // Straight into its place: a process is more than a kilobyte.
        let index = if let Some(Id { index, .. }) = Id::<T>::from_link(self.first_free) {
            let entry = &mut self.entries[index as usize];
            self.first_free = entry.next_free;
            entry.value = value;
            (entry.next_free, entry.live, entry.references, entry.quota) = (NONE, true, 0, quota);
            index
        } else if self.entries.len() < self.entries.capacity() {
            self.entries.push(Entry { value, generation: 0, next_free: NONE, live: true, references: 0, quota });
            self.entries.len() as u32 - 1
        } else {
            return None;
        };
        self.live += 1;
        Some(Id::new(index))
    }

    /// One reference more.
    pub(crate) fn retain(&mut self, id: Id<T>) {
        self.entries[id.index as usize].references += 1;
    }

    /// One reference less. Returns how many are left.
    pub(crate) fn release(&mut self, id: Id<T>) -> u32 {
        let references = &mut self.entries[id.index as usize].references;
        *references -= 1;
        *references
    }

    pub(crate) fn references(&self, id: Id<T>) -> u32 {
        self.entries[id.index as usize].references
    }

    /// The quota an object is charged to.
    pub(crate) fn quota(&self, id: Id<T>) -> Id<Quota> {
        self.entries[id.index as usize].quota
    }

    /// Removes an object; weak references to it die.
    pub(crate) fn remove(&mut self, id: Id<T>) {
        let entry = &mut self.entries[id.index as usize];
        assert!(entry.live, "removed twice: {id:?}");
        entry.live = false;
        entry.generation = entry.generation.wrapping_add(1);
        entry.next_free = self.first_free;
        self.first_free = id.index;
        self.live -= 1;
    }

    #[inline]
    pub(crate) fn weak(&self, id: Id<T>) -> Weak<T> {
        Weak { id, generation: self.entries[id.index as usize].generation }
    }

    #[inline]
    pub(crate) fn upgrade(&self, weak: Weak<T>) -> Option<Id<T>> {
        let entry = self.entries.get(weak.id.index as usize)?;
        (entry.generation == weak.generation && entry.live).then_some(weak.id)
    }

    /// Two different objects at once; `None` if they are the same.
    #[inline(always)]
    pub(crate) fn pair(&mut self, first: Id<T>, second: Id<T>) -> Option<(&mut T, &mut T)> {
        let indices = [first.index as usize, second.index as usize];
        let [first, second] = self.entries.get_disjoint_mut(indices).ok()?;
        Some((&mut first.value, &mut second.value))
    }

    /// Bytes from one entry to the next; the object is at an entry's start.
    pub(crate) const STRIDE: usize = size_of::<Entry<T>>();
    /// Where an entry keeps its object's generation.
    pub(crate) const GENERATION: usize = core::mem::offset_of!(Entry<T>, generation);

    /// Slots used so far; each holds an object or is free.
    pub(crate) fn slots(&self) -> u32 {
        self.entries.len() as u32
    }

    /// The object in a slot, if there is one.
    pub(crate) fn at(&self, slot: u32) -> Option<Id<T>> {
        self.entries.get(slot as usize)?.live.then_some(Id::new(slot))
    }

    /// Live objects, in slot order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Id<T>, &T)> {
        self.entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| entry.live)
            .map(|(index, entry)| (Id::new(index as u32), &entry.value))
    }

    pub(crate) fn live(&self) -> u32 {
        self.live
    }
}

impl<T> Index<Id<T>> for Slab<T> {
    type Output = T;
    #[inline]
    fn index(&self, id: Id<T>) -> &T {
        let entry = &self.entries[id.index as usize];
        debug_assert!(entry.live, "{id:?} used after it was freed");
        &entry.value
    }
}

impl<T> IndexMut<Id<T>> for Slab<T> {
    #[inline]
    fn index_mut(&mut self, id: Id<T>) -> &mut T {
        let entry = &mut self.entries[id.index as usize];
        debug_assert!(entry.live, "{id:?} used after it was freed");
        &mut entry.value
    }
}

#[cfg(test)]
#[path = "tests/slab.rs"]
mod tests;
