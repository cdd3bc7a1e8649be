//! The root task: the one program the kernel itself starts.

use crate::Result;
use crate::kernel::{Boot, BootError, Kernel};
use crate::machine::{Frame, Machine};
use crate::object::Object;
use crate::process::Process;
use crate::quota::Quota;
use crate::region::{Place, Region, Source};
use crate::slab::Id;
use airox_abi::fault::FaultKind;
use airox_abi::layout::{NAME_LENGTH, PAGE_SIZE, STACK_TOP, START_BLOCK};
use airox_abi::root::{ROOT_MAGIC, RootBlock};
use airox_abi::{Error, Handle, MapFlags, RegionKind, Rights};
use airox_bundle::Segment;
use zerocopy::IntoBytes;

/// Stack of the root task's first thread.
const STACK_PAGES: u64 = 64;
const STACK: u64 = STACK_TOP - STACK_PAGES * PAGE_SIZE;
/// Its priority.
const PRIORITY: u8 = 255;

/// The root program's image, as it lies in memory.
pub struct RootImage<'a> {
    /// The program's name.
    pub name: &'a str,
    /// Address of its first instruction.
    pub entry: u64,
    /// What to map.
    pub segments: &'a [Segment],
}

impl<M: Machine> Kernel<M> {
    pub(crate) fn start_root(&mut self, boot: &Boot<'_>, quota: Id<Quota>) -> core::result::Result<(), BootError> {
        let step = |what| move |error| BootError(what, error);
        // The root quota must outlive every handle to it.
        self.use_quota(quota);
        let mut name = [0; NAME_LENGTH];
        for (to, from) in name.iter_mut().zip(boot.root.name.bytes()) {
            *to = from;
        }
        let process = self.create_process(quota, name, self.cpu.current_process).map_err(step("root process"))?;
        let bundle = self.map_root_image(boot, quota, process).map_err(step("root program"))?;
        let stack = Place { process, address: STACK, offset: 0, pages: STACK_PAGES, flags: MapFlags::WRITE };
        self.map_region(Source::Fresh(quota), stack).map_err(step("root stack"))?;
        let thread = self.create_thread(process, PRIORITY).map_err(step("root thread"))?;
        let mut give =
            |object| Ok(self.insert_capability(process, object, Rights::all()).map_err(step("root handles"))?.1);
        let block = RootBlock {
            magic: ROOT_MAGIC,
            process: give(Object::Process(process))?,
            thread: give(Object::Thread(thread))?,
            quota: give(Object::Quota(quota))?,
            machine: give(Object::Machine)?,
            bundle,
            reserved: 0,
            bundle_length: boot.bundle.1,
            rsdp: boot.rsdp,
            framebuffer: boot.framebuffer,
            stack_base: STACK,
            stack_length: STACK_PAGES * PAGE_SIZE,
        };
        self.fill_root_block(quota, process, &block).map_err(step("root block"))?;
        self.start_thread(thread, boot.root.entry, STACK_TOP, START_BLOCK).map_err(step("root entry"))
    }

    /// Maps the image: read-only segments straight from the bundle, writable ones as copies. Returns the bundle's handle.
    fn map_root_image(&mut self, boot: &Boot<'_>, quota: Id<Quota>, process: Id<Process>) -> Result<Handle> {
        let (address, length) = boot.bundle;
        let first = Frame::containing(address);
        let region =
            self.add_object(quota, Region::foreign(first, length.div_ceil(PAGE_SIZE), RegionKind::Contiguous))?;
        let rights = Rights::READ | Rights::EXECUTE | Rights::COPY;
        let (bundle, handle) = self.insert_capability(process, Object::Region(region), rights)?;
        for &Segment { address, memory_size, offset, file_size, writable, executable } in boot.root.segments {
            let (pages, offset) = (memory_size.div_ceil(PAGE_SIZE), offset / PAGE_SIZE);
            if !writable {
                let flags = if executable { MapFlags::EXECUTE } else { MapFlags::empty() };
                self.map_region(Source::Capability(bundle), Place { process, address, offset, pages, flags })?;
                continue;
            }
            self.map_region(
                Source::Fresh(quota),
                Place { process, address, offset: 0, pages, flags: MapFlags::WRITE },
            )?;
            // The bundle fills a segment's last page with zeros.
            for page in 0..file_size.div_ceil(PAGE_SIZE) {
                let mut bytes = [0; PAGE_SIZE as usize];
                self.machine.read_frame(Frame(first.0 + (offset + page) as u32), 0, &mut bytes);
                self.write_user((process, address + page * PAGE_SIZE), &bytes)?;
            }
        }
        Ok(handle)
    }

    fn fill_root_block(&mut self, quota: Id<Quota>, process: Id<Process>, block: &RootBlock) -> Result<()> {
        let place = Place { process, address: START_BLOCK, offset: 0, pages: 1, flags: MapFlags::empty() };
        self.map_region(Source::Fresh(quota), place)?;
        // The mapping is read-only: the block is written through the frame behind it.
        let frame = self.back_page(process, START_BLOCK, FaultKind::Read).ok_or(Error::NotMapped)?;
        self.machine.write_frame(frame, 0, block.as_bytes());
        Ok(())
    }
}
