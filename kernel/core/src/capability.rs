//! Capabilities: what a handle names, and the tree of who derived what from whom.
//!
//! All capabilities lie in one array; a handle is an index into it plus a generation, valid only for the process that owns the entry. Each entry is
//! also a node of the derivation tree: a copy is a child of its source. A mapping is a node too, so revoking a region's handle
//! takes its mappings with it.

use crate::Result;
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::object::{Kind, Object};
use crate::process::Process;
use crate::slab::{Id, NONE};
use airox_abi::{DELEGATED, Error, Handle, QuotaKind, Rights};
use alloc::vec::Vec;

/// One capability: a cache line.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(crate) struct Capability {
    pub(crate) object: Object,
    /// The owning process; `NONE` while the entry is free.
    pub(crate) owner: u32,
    /// 1 to 4095; changes at each use of the entry.
    pub(crate) generation: u64,
    pub(crate) rights: Rights,
    pub(crate) badge: u64,
    parent: u32,
    first_child: u32,
    next_sibling: u32,
    previous_sibling: u32,
    /// Next in the owner's list; in the free list while free.
    next_owned: u32,
    previous_owned: u32,
}

const _: () = assert!(size_of::<Capability>() == 64);

impl Capability {
    /// A free entry that was never used.
    const FREE: Capability = Capability {
        object: Object::Machine,
        owner: NONE,
        generation: 0,
        rights: Rights::empty(),
        badge: 0,
        parent: NONE,
        first_child: NONE,
        next_sibling: NONE,
        previous_sibling: NONE,
        next_owned: NONE,
        previous_owned: NONE,
    };
}

/// Most capabilities that get a new parent in one kernel entry.
const CHILDREN_AT_ONCE: usize = 16;
/// Most capabilities that are revoked in one kernel entry.
const REVOKED_AT_ONCE: usize = 4;

const GENERATIONS: u64 = 1 << (32 - Handle::INDEX_BITS);

/// The array of all capabilities.
pub(crate) struct Capabilities {
    entries: Vec<Capability>,
    /// Address of the first entry; entries never move. For the entry stubs.
    pub(crate) base: u64,
    /// Entries that have ever been used. For the entry stubs.
    pub(crate) used: u32,
    first_free: u32,
    live: u32,
}

impl Capabilities {
    pub(crate) fn with_capacity(capacity: u32) -> Capabilities {
        let entries: Vec<Capability> = Vec::with_capacity(capacity as usize);
        Capabilities { base: entries.as_ptr().expose_provenance() as u64, entries, used: 0, first_free: NONE, live: 0 }
    }

    pub(crate) fn live(&self) -> u32 {
        self.live
    }

    #[inline]
    pub(crate) fn get(&self, index: u32) -> &Capability {
        &self.entries[index as usize]
    }

    /// The entry a claimed handle of a process names.
    #[inline]
    pub(crate) fn find(&self, owner: Id<Process>, claim: u64) -> Result<(u32, &Capability)> {
        let index = claim as u32 & ((1 << Handle::INDEX_BITS) - 1);
        let generation = claim >> Handle::INDEX_BITS;
        let entry = self.entries.get(index as usize).ok_or(Error::InvalidHandle)?;
        if entry.owner != owner.number() || entry.generation != generation {
            return Err(Error::InvalidHandle);
        }
        Ok((index, entry))
    }

    pub(crate) fn handle(&self, index: u32) -> Handle {
        Handle::new(index, self.entries[index as usize].generation as u32)
    }

    fn insert(&mut self, owner: Id<Process>, object: Object, rights: Rights) -> Option<u32> {
        if self.first_free == NONE {
            if self.entries.len() == self.entries.capacity() {
                return None;
            }
            self.entries.push(Capability::FREE);
            self.first_free = self.used;
            self.used += 1;
        }
        let index = self.first_free;
        let entry = &mut self.entries[index as usize];
        self.first_free = entry.next_owned;
        let generation = if entry.generation == GENERATIONS - 1 { 1 } else { entry.generation + 1 };
        *entry = Capability { object, owner: owner.number(), generation, rights, ..Capability::FREE };
        self.live += 1;
        Some(index)
    }

    pub(crate) fn add_child(&mut self, parent: u32, child: u32) {
        let first = self.entries[parent as usize].first_child;
        let entry = &mut self.entries[child as usize];
        entry.parent = parent;
        entry.next_sibling = first;
        entry.previous_sibling = NONE;
        if first != NONE {
            self.entries[first as usize].previous_sibling = child;
        }
        self.entries[parent as usize].first_child = child;
    }

    /// Takes an entry without children out of the tree.
    fn unlink(&mut self, index: u32) {
        let Capability { parent, next_sibling, previous_sibling, .. } = self.entries[index as usize];
        if previous_sibling != NONE {
            self.entries[previous_sibling as usize].next_sibling = next_sibling;
        } else if parent != NONE {
            self.entries[parent as usize].first_child = next_sibling;
        }
        if next_sibling != NONE {
            self.entries[next_sibling as usize].previous_sibling = previous_sibling;
        }
    }

    fn free(&mut self, index: u32) {
        let entry = &mut self.entries[index as usize];
        entry.owner = NONE;
        entry.object = Object::Machine;
        entry.next_owned = self.first_free;
        self.first_free = index;
        self.live -= 1;
    }

    /// The first of what was derived from an entry.
    fn first_child(&self, index: u32) -> Option<u32> {
        let child = self.entries[index as usize].first_child;
        (child != NONE).then_some(child)
    }

    /// Makes up to `count` children of an entry its parent's (or nobody's). Returns whether it has none left.
    fn release_children(&mut self, index: u32, count: usize) -> bool {
        for _ in 0..count {
            let Some(child) = self.first_child(index) else {
                return true;
            };
            let parent = self.entries[index as usize].parent;
            let next = self.entries[child as usize].next_sibling;
            self.entries[index as usize].first_child = next;
            if next != NONE {
                self.entries[next as usize].previous_sibling = NONE;
            }
            if parent == NONE {
                let entry = &mut self.entries[child as usize];
                (entry.parent, entry.next_sibling) = (NONE, NONE);
            } else {
                self.add_child(parent, child);
            }
        }
        self.first_child(index).is_none()
    }
}

impl<M: Machine> Kernel<M> {
    /// The object of this kind that a claimed handle of the running process names.
    #[inline]
    pub(crate) fn find<T: Kind>(&self, claim: u64, needed: Rights) -> Result<Id<T>> {
        self.find_badged(claim, needed).map(|(id, _)| id)
    }

    /// As [`Self::find`], with the handle's badge.
    #[inline]
    pub(crate) fn find_badged<T: Kind>(&self, claim: u64, needed: Rights) -> Result<(Id<T>, u64)> {
        let (_, capability) = self.find_any(claim)?;
        let id = T::of(capability.object).ok_or(Error::WrongType)?;
        if capability.rights.contains(needed) { Ok((id, capability.badge)) } else { Err(Error::MissingRight) }
    }

    /// Any handle of the running process.
    #[inline]
    pub(crate) fn find_any(&self, claim: u64) -> Result<(u32, &Capability)> {
        let found = self.capabilities.find(self.cpu.current_process, claim)?;
        match found.1.object {
            Object::Mapping(_) => Err(Error::InvalidHandle),
            _ => Ok(found),
        }
    }

    /// Checks that the running process holds the machine authority.
    pub(crate) fn check_machine(&self, claim: u64, needed: Rights) -> Result<()> {
        let (_, capability) = self.find_any(claim)?;
        match capability.object {
            Object::Machine if capability.rights.contains(needed) => Ok(()),
            Object::Machine => Err(Error::MissingRight),
            _ => Err(Error::WrongType),
        }
    }

    /// What a claimed handle lets mint a resource out of: a larger one of its kind, or the whole machine.
    pub(crate) fn source<T: Kind>(&self, claim: u64) -> Result<Option<Id<T>>> {
        match self.find(claim, Rights::CONTROL) {
            Err(Error::WrongType) => self.check_machine(claim, Rights::CONTROL).map(|()| None),
            found => found.map(Some),
        }
    }

    /// Gives a process a new capability, charged to its quota. Returns its place in the tree, and its handle.
    pub(crate) fn insert_capability(
        &mut self,
        owner: Id<Process>,
        object: Object,
        rights: Rights,
    ) -> Result<(u32, Handle)> {
        let quota = self.processes[owner].quota;
        self.charge(quota, QuotaKind::Handles, 1)?;
        let Some(index) = self.capabilities.insert(owner, object, rights) else {
            self.uncharge(quota, QuotaKind::Handles, 1);
            return Err(Error::QuotaExceeded);
        };
        let process = &mut self.processes[owner];
        let head = process.first_capability;
        process.first_capability = index;
        // A mapping is a place in the tree, not a handle anyone can name.
        process.handle_count += u32::from(object.kind().is_some());
        self.capabilities.entries[index as usize].next_owned = head;
        if head != NONE {
            self.capabilities.entries[head as usize].previous_owned = index;
        }
        self.retain(object, rights);
        Ok((index, self.capabilities.handle(index)))
    }

    /// Gives a process a copy of a capability: a child in the derivation tree, with at most the source's rights.
    pub(crate) fn derive(&mut self, source: u32, owner: Id<Process>, rights: Rights, badge: u64) -> Result<Handle> {
        let capability = self.capabilities.get(source);
        if !capability.rights.contains(Rights::COPY) || matches!(capability.object, Object::Reply(_)) {
            return Err(Error::MissingRight);
        }
        let badge = if badge == 0 {
            capability.badge
        } else if badge == DELEGATED && matches!(capability.object, Object::Port(_)) {
            // It takes identity away and never adds any, so it needs no right.
            capability.badge | DELEGATED
        } else {
            if !matches!(capability.object, Object::Port(_) | Object::Signal(_)) {
                return Err(Error::InvalidArgument);
            }
            if !capability.rights.contains(Rights::BADGE) || capability.badge != 0 {
                return Err(Error::MissingRight);
            }
            badge
        };
        let (object, rights) = (capability.object, rights & capability.rights);
        let (index, handle) = self.insert_capability(owner, object, rights)?;
        self.capabilities.entries[index as usize].badge = badge;
        self.capabilities.add_child(source, index);
        Ok(handle)
    }

    /// Removes one capability; what was derived from it stays, derived from its parent. Takes as long as it takes: where that may be long,
    /// [`Self::prepare_delete`] comes first.
    pub(crate) fn delete_capability(&mut self, index: u32) {
        while !self.prepare_delete(index) {}
        self.delete_prepared(index);
    }

    /// As [`Self::delete_capability`], after [`Self::prepare_delete`] has returned true.
    pub(crate) fn delete_prepared(&mut self, index: u32) {
        self.capabilities.unlink(index);
        let Capability { object, rights, owner, next_owned, previous_owned, .. } = *self.capabilities.get(index);
        let owner = Id::<Process>::new(owner);
        if previous_owned == NONE {
            self.processes[owner].first_capability = next_owned;
        } else {
            self.capabilities.entries[previous_owned as usize].next_owned = next_owned;
        }
        if next_owned != NONE {
            self.capabilities.entries[next_owned as usize].previous_owned = previous_owned;
        }
        self.capabilities.free(index);
        self.processes[owner].handle_count -= u32::from(object.kind().is_some());
        let quota = self.processes[owner].quota;
        self.uncharge(quota, QuotaKind::Handles, 1);
        let alive = self.processes[owner].alive;
        self.release(object, rights, alive);
    }

    /// Does a part of what removing a capability takes. Returns whether the rest is quickly done: a kernel entry may not take long, so a
    /// system call that gets `false` ends, and begins anew.
    pub(crate) fn prepare_delete(&mut self, index: u32) -> bool {
        if !self.capabilities.release_children(index, CHILDREN_AT_ONCE) {
            return false;
        }
        match self.capabilities.get(index).object {
            Object::Mapping(id) => self.shrink_mapping(id) && self.shrink_region(self.mappings[id].region),
            Object::Region(id) => self.shrink_region(id),
            _ => true,
        }
    }

    /// Deletes some of what was derived from a capability. Returns whether that was all.
    pub(crate) fn revoke(&mut self, index: u32) -> bool {
        for _ in 0..REVOKED_AT_ONCE {
            let Some(child) = self.capabilities.first_child(index) else {
                return true;
            };
            if !self.prepare_delete(child) || self.is_late() {
                return false;
            }
            self.delete_prepared(child);
        }
        self.capabilities.first_child(index).is_none()
    }

    /// The handle of a process after one, or the first after 0; mappings are left out.
    pub(crate) fn next_capability(&self, process: Id<Process>, after: u64) -> Result<Option<u32>> {
        let mut index = match after {
            0 => self.processes[process].first_capability,
            after => self.capabilities.find(process, after)?.1.next_owned,
        };
        while index != NONE && self.capabilities.get(index).object.kind().is_none() {
            index = self.capabilities.get(index).next_owned;
        }
        Ok((index != NONE).then_some(index))
    }
}
