//! The root task: the one program the kernel itself starts.

use crate::kernel::{Boot, BootError, Kernel};
use crate::machine::{Frame, Machine};
use crate::object::Object;
use crate::process::Process;
use crate::quota::Quota;
use crate::region::{Place, Region};
use crate::slab::Id;
use airox_abi::layout::{NAME_LENGTH, PAGE_SIZE, STACK_TOP, START_BLOCK};
use airox_abi::root::{ROOT_MAGIC, RootBlock};
use airox_abi::{Error, Handle, MapFlags, RegionKind, Rights};
use zerocopy::IntoBytes;

/// Stack of the root task's first thread.
const STACK_PAGES: u64 = 64;
/// Its priority.
const PRIORITY: u8 = 255;

/// The root program's image, as it lies in memory.
pub struct RootImage<'a> {
    /// The program's name.
    pub name: &'a str,
    /// Address of its first instruction.
    pub entry: u64,
    /// What to map.
    pub segments: &'a [RootSegment],
}

/// One segment of the root program.
#[derive(Clone, Copy, Debug)]
pub struct RootSegment {
    /// Page-aligned address.
    pub address: u64,
    /// Bytes in memory.
    pub memory_size: u64,
    /// Page of the bundle where its bytes start.
    pub bundle_page: u64,
    /// Bytes in the bundle; the rest of the last page there is zero.
    pub file_size: u64,
    /// Mapped writable.
    pub writable: bool,
    /// Mapped executable.
    pub executable: bool,
}

impl<M: Machine> Kernel<M> {
    pub(crate) fn start_root(&mut self, boot: &Boot<'_>, quota: Id<Quota>) -> Result<(), BootError> {
        let step = |what| move |error| BootError(what, error);
        // The root quota must outlive every handle to it.
        self.use_quota(quota);
        let mut name = [0; NAME_LENGTH];
        for (to, from) in name.iter_mut().zip(boot.root.name.bytes()) {
            *to = from;
        }
        let process = self.create_process(quota, name, None).map_err(step("root process"))?;
        let bundle = self.map_root_image(boot, quota, process).map_err(step("root program"))?;
        let (address, pages, flags) = (STACK_TOP - STACK_PAGES * PAGE_SIZE, STACK_PAGES, MapFlags::WRITE);
        let stack = self.map_fresh(quota, Place { process, address, offset: 0, pages, flags });
        stack.map_err(step("root stack"))?;
        let thread = self.create_thread(process, PRIORITY).map_err(step("root thread"))?;
        let mut give = |object, rights| -> Result<Handle, Error> {
            let index = self.insert_capability(process, object, rights)?;
            Ok(self.capabilities.handle(index))
        };
        let all = Rights::all();
        let handles = (|| {
            Ok((
                give(Object::Process(process), all)?,
                give(Object::Thread(thread), all)?,
                give(Object::Quota(quota), all)?,
                give(Object::Machine, all)?,
            ))
        })();
        let (process_handle, thread_handle, quota_handle, machine) = handles.map_err(step("root handles"))?;
        let block = RootBlock {
            magic: ROOT_MAGIC,
            process: process_handle,
            thread: thread_handle,
            quota: quota_handle,
            machine,
            bundle,
            reserved: 0,
            bundle_length: boot.bundle.1,
            bundle_offset: 0,
            rsdp: boot.rsdp,
            framebuffer: boot.framebuffer,
            stack_base: STACK_TOP - STACK_PAGES * PAGE_SIZE,
            stack_length: STACK_PAGES * PAGE_SIZE,
            loader_ticks: boot.loader_ticks,
        };
        self.fill_root_block(quota, process, &block).map_err(step("root block"))?;
        self.start_thread(thread, boot.root.entry, STACK_TOP, START_BLOCK).map_err(step("root entry"))
    }

    /// Maps the image: read-only segments straight from the bundle, writable ones as copies. Returns the bundle's handle.
    fn map_root_image(&mut self, boot: &Boot<'_>, quota: Id<Quota>, process: Id<Process>) -> Result<Handle, Error> {
        let (address, length) = boot.bundle;
        let pages = length.div_ceil(PAGE_SIZE);
        let first = Frame::containing(address);
        let region = self.foreign_region(quota, first, pages, RegionKind::Contiguous)?;
        let rights = Rights::READ | Rights::EXECUTE | Rights::COPY;
        let bundle = self.insert_capability(process, Object::Region(region), rights)?;
        for segment in boot.root.segments {
            let (address, pages) = (segment.address, segment.memory_size.div_ceil(PAGE_SIZE));
            if !segment.writable {
                let flags = if segment.executable { MapFlags::EXECUTE } else { MapFlags::empty() };
                self.map_region(bundle, Place { process, address, offset: segment.bundle_page, pages, flags })?;
                continue;
            }
            self.map_fresh(quota, Place { process, address, offset: 0, pages, flags: MapFlags::WRITE })?;
            let mut done = 0;
            while done < segment.file_size {
                let run = (segment.file_size - done).min(PAGE_SIZE) as usize;
                let mut page = [0; PAGE_SIZE as usize];
                let from = Frame(first.0 + (segment.bundle_page + done / PAGE_SIZE) as u32);
                self.machine.read_frame(from, 0, &mut page[..run]);
                self.write_user((process, address + done), &page[..run])?;
                done += run as u64;
            }
        }
        Ok(self.capabilities.handle(bundle))
    }

    /// Maps a fresh region and keeps only the mapping; returns nothing to close.
    fn map_fresh(&mut self, quota: Id<Quota>, place: Place) -> Result<Id<Region>, Error> {
        let region = self.create_region(quota, place.pages, RegionKind::Lazy)?;
        let index = self.insert_capability(place.process, Object::Region(region), Rights::all())?;
        self.map_region(index, place)?;
        self.delete_capability(index);
        Ok(region)
    }

    fn fill_root_block(&mut self, quota: Id<Quota>, process: Id<Process>, block: &RootBlock) -> Result<(), Error> {
        let place = Place { process, address: START_BLOCK, offset: 0, pages: 1, flags: MapFlags::empty() };
        let region = self.map_fresh(quota, place)?;
        // The mapping is read-only: the block is written through the frame behind it.
        self.check_user((process, START_BLOCK), PAGE_SIZE, false)?;
        if let Some(frame) = self.regions[region].base {
            self.machine.write_frame(frame, 0, block.as_bytes());
        }
        Ok(())
    }
}
