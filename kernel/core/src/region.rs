//! Regions: physical pages, and the mappings that show them in address spaces.
//!
//! RAM is backed at first touch. Its frames, and those of the index that finds them, are charged when the region is made, so
//! backing a page can't fail. The index is a radix tree of frames with 512 entries each; a region of one page is its own index.

use crate::Result;
use crate::address_space::PageFlags;
use crate::capability::Capability;
use crate::kernel::Kernel;
use crate::machine::{Frame, Machine};
use crate::object::Object;
use crate::process::Process;
use crate::quota::Quota;
use crate::slab::{Id, NONE};
use airox_abi::fault::FaultKind;
use airox_abi::layout::{CLOCK_PAGE, MAX_REGION_PAGES, PAGE_SIZE, USER_END, USER_START};
use airox_abi::{Error, MapFlags, QuotaKind, RegionKind, Rights};

/// Entries in an index frame.
const FANOUT: u64 = 1 << FANOUT_LOG2;
const FANOUT_LOG2: u32 = 9;

/// A region.
pub(crate) struct Region {
    pub(crate) kind: RegionKind,
    pub(crate) pages: u64,
    /// First frame of a contiguous or device region; root of a lazy one's index.
    pub(crate) base: Option<Frame>,
    /// Pages at the end of a lazy region whose frames have gone already, while it is being given up.
    freed: u64,
    /// Frames charged.
    charged: u32,
    /// Pages of a contiguous region that hold zeros already: nobody sees any of it before all do.
    zeroed: u64,
}

impl Region {
    /// A region over memory the allocator does not own, which costs nothing: device memory, firmware tables, the bundle.
    pub(crate) const fn foreign(first: Frame, pages: u64, kind: RegionKind) -> Region {
        Region { kind, pages, base: Some(first), freed: 0, zeroed: pages, charged: 0 }
    }

    /// Whether it is device memory that covers these pages.
    pub(crate) fn is_device_over(&self, first: Frame, pages: u64) -> bool {
        let start = |base: Frame| u64::from(first.0).checked_sub(base.0.into());
        let inside = |start: u64| start + pages <= self.pages;
        self.kind == RegionKind::Device && self.base.and_then(start).is_some_and(inside)
    }
}

/// What a mapping shows.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    /// The region that the capability with this index names.
    Capability(u32),
    /// A new region, charged to a quota, that lives as long as its mapping.
    Fresh(Id<Quota>),
}

/// What of a region is shown where, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) process: Id<Process>,
    pub(crate) address: u64,
    /// In pages of the region.
    pub(crate) offset: u64,
    pub(crate) pages: u64,
    pub(crate) flags: MapFlags,
}

/// A range of a region at an address of a process; a node in the capability tree.
pub(crate) struct Mapping {
    pub(crate) region: Id<Region>,
    place: Place,
    node: u32,
}

/// Page tables that are made, and pages that are entered into them, in one kernel entry.
const TABLES_AT_ONCE: u64 = 2;
const PAGES_ENTERED_AT_ONCE: u64 = 2;
/// Pages of contiguous memory that are zeroed in one kernel entry.
const PAGES_ZEROED_AT_ONCE: u64 = 4;
/// So few pages are unmapped in passing: the mapping can go in the same kernel entry.
const PAGES_IN_PASSING: u64 = 2;
/// Most frames that are freed in one kernel entry, and most entries of an index that are looked at for them.
const FRAMES_AT_ONCE: u64 = 1;
const INDEX_ENTRIES_AT_ONCE: u64 = 8;

/// Levels of index above the pages: 0 for one page.
const fn levels(pages: u64) -> u32 {
    if pages == 1 { 0 } else { (pages - 1).ilog2() / FANOUT_LOG2 + 1 }
}

/// Frames of a fully backed lazy region: its pages and its index.
fn lazy_frames(pages: u64) -> u64 {
    core::iter::successors(Some(pages), |&level| (level > 1).then(|| level.div_ceil(FANOUT))).sum()
}

impl<M: Machine> Kernel<M> {
    /// `region_create`: zeroed RAM.
    pub(crate) fn create_region(&mut self, quota: Id<Quota>, pages: u64, kind: RegionKind) -> Result<Id<Region>> {
        if pages == 0 || pages > MAX_REGION_PAGES || kind == RegionKind::Device {
            return Err(Error::InvalidArgument);
        }
        let charged = if kind == RegionKind::Lazy { lazy_frames(pages) as u32 } else { pages as u32 };
        self.charge(quota, QuotaKind::Frames, charged)?;
        let region = Region { kind, pages, base: None, freed: 0, zeroed: 0, charged };
        let id = self.add_object(quota, region).inspect_err(|_| self.uncharge(quota, QuotaKind::Frames, charged))?;
        if kind == RegionKind::Contiguous {
            let Some(first) = self.frames.allocate_contiguous(charged) else {
                self.free_region(id);
                return Err(Error::Fragmented);
            };
            self.regions[id].base = Some(first);
        } else if charged > 1 {
            // The root of its index, so that no first touch has to make it.
            self.regions[id].base = Some(self.back_frame());
        }
        Ok(id)
    }

    /// Zeroes some pages of a contiguous region. Returns whether all are.
    pub(crate) fn zero_some(&mut self, id: Id<Region>) -> bool {
        let Region { kind, pages, base: Some(base), zeroed, .. } = self.regions[id] else { return true };
        let end = if kind == RegionKind::Contiguous { pages.min(zeroed + PAGES_ZEROED_AT_ONCE) } else { zeroed };
        for page in zeroed..end {
            self.machine.zero_frame(Frame(base.0 + page as u32));
        }
        self.regions[id].zeroed = end;
        kind != RegionKind::Contiguous || end == pages
    }

    /// The frame behind a page of a region; a lazy page is backed with zeros if `back` says so.
    fn region_frame(&mut self, id: Id<Region>, page: u64, back: bool) -> Option<Frame> {
        let region = &self.regions[id];
        if region.kind != RegionKind::Lazy {
            return region.base.map(|base| Frame(base.0 + page as u32));
        }
        let levels = levels(region.pages);
        if back && region.freed > 0 {
            // Somebody uses it again while it is being given up.
            self.regions[id].freed = 0;
        }
        let mut frame = match self.regions[id].base {
            Some(frame) => frame,
            None if back => {
                let frame = self.back_frame();
                self.regions[id].base = Some(frame);
                frame
            }
            None => return None,
        };
        for level in (0..levels).rev() {
            let slot = (page / (1 << (level * FANOUT_LOG2)) % FANOUT) as usize;
            frame = match self.machine.read_word(frame, slot) {
                0 if back => {
                    let next = self.back_frame();
                    self.machine.write_word(frame, slot, u64::from(next.0));
                    next
                }
                0 => return None,
                next => Frame(next as u32),
            };
        }
        Some(frame)
    }

    /// A zeroed frame out of what has been charged already.
    pub(crate) fn back_frame(&mut self) -> Frame {
        self.prepare_frame();
        let Some(frame) = self.frames.blank.take() else { panic!("frames promised by quotas have run out") };
        frame
    }

    /// Does the larger part of what [`Self::back_frame`] takes.
    #[inline(always)]
    pub(crate) fn prepare_frame(&mut self) {
        if self.frames.blank.is_none()
            && let Some(frame) = self.frames.allocate()
        {
            self.machine.zero_frame(frame);
            self.frames.blank = Some(frame);
        }
    }

    pub(crate) fn free_region(&mut self, id: Id<Region>) {
        let Region { kind, base, charged, .. } = self.regions[id];
        match base {
            // The page of a region of one, else the root of an index that is empty by now.
            Some(base) if kind == RegionKind::Lazy => self.frames.release(base),
            Some(base) => self.frames.release_contiguous(base, charged),
            None => {}
        }
        self.uncharge(self.regions.quota(id), QuotaKind::Frames, charged);
        self.remove_object(id);
    }

    /// Unmaps some pages of a mapping, from its end. Returns whether none are left.
    pub(crate) fn shrink_mapping(&mut self, id: Id<Mapping>) -> bool {
        let Place { process, address, pages, .. } = self.mappings[id].place;
        let left = self.clear_pages(process, address, pages);
        self.mappings[id].place.pages = left;
        left == 0 && pages <= PAGES_IN_PASSING
    }

    /// Frees some frames of a region that one last reference holds, from its end. Returns whether the rest is quickly done.
    pub(crate) fn shrink_region(&mut self, id: Id<Region>) -> bool {
        let region = &self.regions[id];
        let (Some(base), RegionKind::Lazy, 2..) = (region.base, region.kind, region.pages) else { return true };
        if self.regions.references(id) != 1 {
            return true;
        }
        let (levels, mut end) = (levels(region.pages), region.pages - region.freed);
        let mut freed = 0;
        for _ in 0..INDEX_ENTRIES_AT_ONCE {
            if end == 0 || freed >= FRAMES_AT_ONCE {
                break;
            }
            end = self.free_last(base, levels, end, &mut freed);
        }
        let region = &mut self.regions[id];
        region.freed = region.pages - end;
        end == 0 && freed == 0
    }

    /// Frees the last of the first `end` pages below an index of `levels` levels, if it is backed, and indices that are empty with it. Returns what
    /// `end` is then. Recursion is as deep as the index: at most three.
    fn free_last(&mut self, index: Frame, levels: u32, end: u64, freed: &mut u64) -> u64 {
        let reach = FANOUT.pow(levels - 1);
        let slot = (end - 1) / reach;
        let start = slot * reach;
        let next = self.machine.read_word(index, slot as usize);
        if next == 0 {
            return start;
        }
        let mut left = start;
        if levels > 1 {
            left += self.free_last(Frame(next as u32), levels - 1, end - start, freed);
        }
        if left == start {
            self.machine.write_word(index, slot as usize, 0);
            self.frames.release(Frame(next as u32));
            *freed += 1;
        }
        left
    }

    /// `region_map`, a part of it: what a kernel entry may take. `done` counts the parts: first the page tables, then the mapping itself, then the
    /// pages it is to begin with. Returns `None` when all is done.
    pub(crate) fn map_step(&mut self, source: Source, place: Place, done: u64) -> Result<Option<u64>> {
        let region = self.check_mapping(source, place)?;
        if region.is_some_and(|region| !self.zero_some(region)) {
            return Ok(Some(done));
        }
        let Place { process, address, pages, flags, .. } = place;
        let reach = FANOUT * PAGE_SIZE;
        let tables = (address + pages * PAGE_SIZE - 1) / reach - address / reach + 1;
        if done <= tables {
            let after = (done + TABLES_AT_ONCE).min(tables);
            for table in done..after {
                self.ensure_table(process, (address / reach + table) * reach)?;
            }
            if after < tables || self.is_late() {
                return Ok(Some(after));
            }
            let kind = self.insert_mapping(source, region, place)?;
            let enter = kind != RegionKind::Lazy || flags.contains(MapFlags::POPULATE);
            return Ok(enter.then_some(tables + 1));
        }
        let first = done - tables - 1;
        if first >= pages {
            // Nobody but a program that wrote there itself.
            return Err(Error::InvalidArgument);
        }
        let last = (first + PAGES_ENTERED_AT_ONCE).min(pages);
        for page in first..last {
            self.back_page(process, address + page * PAGE_SIZE, FaultKind::Read).ok_or(Error::NotMapped)?;
        }
        Ok((last < pages).then_some(tables + 1 + last))
    }

    /// `region_map`, at once: for the root task's few pages.
    pub(crate) fn map_region(&mut self, source: Source, place: Place) -> Result<()> {
        let mut done = 0;
        while let Some(next) = self.map_step(source, place, done)? {
            done = next;
        }
        Ok(())
    }

    /// The region that is there already, if the source allows the mapping and the address space has such addresses.
    fn check_mapping(&self, source: Source, place: Place) -> Result<Option<Id<Region>>> {
        let Place { process, address, offset, pages, flags } = place;
        let (region, kind, limit) = match source {
            Source::Fresh(_) => (None, RegionKind::Lazy, MAX_REGION_PAGES),
            Source::Capability(index) => {
                let &Capability { object: Object::Region(id), rights, .. } = self.capabilities.get(index) else {
                    return Err(Error::WrongType);
                };
                let mut needed = Rights::READ;
                needed.set(Rights::WRITE, flags.contains(MapFlags::WRITE));
                needed.set(Rights::EXECUTE, flags.contains(MapFlags::EXECUTE));
                if !rights.contains(needed) {
                    return Err(Error::MissingRight);
                }
                (Some(id), self.regions[id].kind, self.regions[id].pages)
            }
        };
        let end = offset.checked_add(pages).ok_or(Error::InvalidArgument)?;
        if flags.contains(MapFlags::WRITE | MapFlags::EXECUTE)
            || flags.contains(MapFlags::WRITE_COMBINE) && kind != RegionKind::Device
            || !address.is_multiple_of(PAGE_SIZE)
            || pages == 0
            || end > limit
        {
            return Err(Error::InvalidArgument);
        }
        let length = pages * PAGE_SIZE;
        if !(USER_START..USER_END).contains(&address) || length > USER_END - address {
            return Err(Error::InvalidAddress);
        }
        if self.processes[process].alive { Ok(region) } else { Err(Error::Dead) }
    }

    /// Adds a mapping whose page tables exist; none of its pages is entered yet. Returns its region's kind.
    fn insert_mapping(&mut self, source: Source, region: Option<Id<Region>>, place: Place) -> Result<RegionKind> {
        let Place { process, address, pages, .. } = place;
        let end = address + pages * PAGE_SIZE;
        // The mappings don't overlap: the last that starts before this one's end is the only one that can be in its way.
        let at = self.mappings_before(process, end);
        let last = self.processes[process].mappings[..at].last().map(|&id| self.mappings[id].place);
        // One that is being removed still has its first page.
        if last.is_some_and(|last| last.address + last.pages.max(1) * PAGE_SIZE > address)
            || (address..end).contains(&CLOCK_PAGE)
        {
            return Err(Error::AlreadyMapped);
        }
        if self.processes[process].mappings.is_full() {
            return Err(Error::QuotaExceeded);
        }
        let region = match (region, source) {
            (None, Source::Fresh(quota)) => self.create_region(quota, pages, RegionKind::Lazy)?,
            (region, _) => region.ok_or(Error::WrongType)?,
        };
        self.regions.retain(region);
        let give_up = |kernel: &mut Self| kernel.release(Object::Region(region), Rights::empty(), true);
        let quota = self.processes[process].quota;
        let Some(id) = self.mappings.insert(Mapping { region, place, node: NONE }, quota) else {
            give_up(self);
            return Err(Error::QuotaExceeded);
        };
        let (node, _) = self.insert_capability(process, Object::Mapping(id), Rights::empty()).inspect_err(|_| {
            self.mappings.remove(id);
            give_up(self);
        })?;
        if let Source::Capability(parent) = source {
            self.capabilities.add_child(parent, node);
        }
        self.mappings[id].node = node;
        let process = &mut self.processes[process];
        process.mappings.insert(at, id);
        process.recent_mapping = at;
        Ok(self.regions[region].kind)
    }

    /// Flags of the page-table entries of a mapping.
    fn page_flags(&self, region: Id<Region>, flags: MapFlags) -> PageFlags {
        let device = self.regions[region].kind == RegionKind::Device;
        let mut page = PageFlags::PRESENT | PageFlags::USER;
        page.set(PageFlags::WRITABLE, flags.contains(MapFlags::WRITE));
        page.set(PageFlags::NO_EXECUTE, !flags.contains(MapFlags::EXECUTE));
        if flags.contains(MapFlags::WRITE_COMBINE) {
            page |= PageFlags::WRITE_COMBINE;
        } else if device {
            page |= PageFlags::UNCACHED;
        }
        page
    }

    /// How many of a process's mappings start before an address.
    fn mappings_before(&self, process: Id<Process>, address: u64) -> usize {
        let Process { mappings, recent_mapping: recent, .. } = &self.processes[process];
        let starts_before = |id: &Id<Mapping>| self.mappings[*id].place.address < address;
        // Most accesses are to the mapping of the last one.
        if mappings.get(*recent).is_some_and(starts_before) && !mappings.get(recent + 1).is_some_and(starts_before) {
            return recent + 1;
        }
        mappings.partition_point(starts_before)
    }

    /// The last of a process's mappings that start before an address.
    #[inline]
    fn mapping_before(&mut self, process: Id<Process>, address: u64) -> Option<&Mapping> {
        let last = self.mappings_before(process, address).checked_sub(1)?;
        self.processes[process].recent_mapping = last;
        Some(&self.mappings[self.processes[process].mappings[last]])
    }

    /// The node of the mapping that starts at an address.
    pub(crate) fn mapping_at(&mut self, process: Id<Process>, address: u64) -> Result<u32> {
        let mapping = self.mapping_before(process, address.wrapping_add(1)).ok_or(Error::NotMapped)?;
        if mapping.place.address == address { Ok(mapping.node) } else { Err(Error::NotMapped) }
    }

    /// The mapping's node has left the tree; it has no pages any more.
    pub(crate) fn remove_mapping(&mut self, id: Id<Mapping>) {
        let Mapping { place: Place { process, address, .. }, region, .. } = self.mappings[id];
        let at = self.mappings_before(process, address + 1) - 1;
        self.processes[process].mappings.remove(at);
        self.processes[process].recent_mapping = at.saturating_sub(1);
        self.mappings.remove(id);
        self.release(Object::Region(region), Rights::empty(), true);
    }

    /// Backs the page at an address, if a mapping there allows the access, named as it is when it faults, and is only not backed yet.
    pub(crate) fn back_page(&mut self, process: Id<Process>, address: u64, access: FaultKind) -> Option<Frame> {
        let page = address & !(PAGE_SIZE - 1);
        let &Mapping { region, place, .. } = self.mapping_before(process, page + 1)?;
        let needed = match access {
            FaultKind::Write => MapFlags::WRITE,
            FaultKind::Execute => MapFlags::EXECUTE,
            _ => MapFlags::empty(),
        };
        if page >= place.address + place.pages * PAGE_SIZE || !place.flags.contains(needed) {
            return None;
        }
        let index = place.offset + (page - place.address) / PAGE_SIZE;
        let frame = self.region_frame(region, index, true)?;
        self.set_page(process, page, frame.address() | self.page_flags(region, place.flags).bits())?;
        Some(frame)
    }
}

#[cfg(test)]
#[path = "tests/region.rs"]
mod tests;
