//! The root task: the one program the kernel itself starts.

use crate::capability::Object;
use crate::kernel::{Boot, BootError, Kernel};
use crate::machine::{Frame, Machine};
use crate::process::Process;
use crate::quota::Quota;
use crate::region::Place;
use crate::slab::Id;
use airox_abi::layout::{NAME_LENGTH, PAGE_SIZE, STACK_TOP, START_BLOCK};
use airox_abi::root::{ROOT_MAGIC, RootBlock};
use airox_abi::{Error, Handle, MapFlags, RegionKind, Rights};
use zerocopy::IntoBytes;

/// Stack of the root task's first thread.
const STACK_PAGES: u64 = 64;
/// Its priority, and the highest it may give.
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
        let process = self.create_process(quota, name, PRIORITY, None).map_err(step("root process"))?;
        let bundle = self.map_root_image(boot, quota, process).map_err(step("root program"))?;
        let stack = self.map_fresh(quota, process, STACK_TOP - STACK_PAGES * PAGE_SIZE, STACK_PAGES, MapFlags::WRITE);
        stack.map_err(step("root stack"))?;
        let thread = self.create_thread(process, PRIORITY, None).map_err(step("root thread"))?;
        let mut give = |object, rights| -> Result<Handle, Error> {
            let index = self.insert_capability(process, object, rights, 0, None)?;
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
        let region = self.create_foreign_region(quota, first, pages, RegionKind::Contiguous)?;
        let rights = Rights::READ | Rights::EXECUTE | Rights::COPY;
        let bundle = self.insert_capability(process, Object::Region(region), rights, 0, None)?;
        for segment in boot.root.segments {
            let pages = segment.memory_size.div_ceil(PAGE_SIZE);
            if !segment.writable {
                let mut flags = MapFlags::empty();
                flags.set(MapFlags::EXECUTE, segment.executable);
                self.map_region(
                    bundle,
                    process,
                    Place { address: segment.address, offset: segment.bundle_page, pages },
                    flags,
                )?;
                continue;
            }
            self.map_fresh(quota, process, segment.address, pages, MapFlags::WRITE)?;
            let mut done = 0;
            while done < segment.file_size {
                let run = (segment.file_size - done).min(PAGE_SIZE) as usize;
                let mut page = [0; PAGE_SIZE as usize];
                let from = Frame(first.0 + (segment.bundle_page + done / PAGE_SIZE) as u32);
                self.machine.read_frame(from, 0, &mut page[..run]);
                self.write_user(process, segment.address + done, &page[..run])?;
                done += run as u64;
            }
        }
        Ok(self.capabilities.handle(bundle))
    }

    /// Maps a fresh region and keeps only the mapping; returns nothing to close.
    fn map_fresh(
        &mut self,
        quota: Id<Quota>,
        process: Id<Process>,
        address: u64,
        pages: u64,
        flags: MapFlags,
    ) -> Result<Id<crate::region::Region>, Error> {
        let region = self.create_region(quota, pages, RegionKind::Lazy)?;
        let index = self.insert_capability(process, Object::Region(region), Rights::all(), 0, None)?;
        let place = Place { address, offset: 0, pages };
        self.map_region(index, process, place, flags)?;
        self.delete_capability(index, crate::capability::Cause::Closed);
        Ok(region)
    }

    fn fill_root_block(&mut self, quota: Id<Quota>, process: Id<Process>, block: &RootBlock) -> Result<(), Error> {
        let region = self.map_fresh(quota, process, START_BLOCK, 1, MapFlags::empty())?;
        // The mapping is read-only: the block is written through the frame behind it.
        self.check_user(process, START_BLOCK, PAGE_SIZE, false)?;
        if let Some(frame) = self.regions[region].base {
            self.machine.write_frame(frame, 0, block.as_bytes());
        }
        Ok(())
    }
}
