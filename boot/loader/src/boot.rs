//! The one boot both firmwares take: check the files, build the kernel's address space, leave the
//! firmware, enter the kernel.
//!
//! All memory is taken and all tables are built *before* firmware is left, since only then can a failure be
//! reported comfortably; afterwards the memory map is written into its place and nothing else happens.

use core::mem::offset_of;
use core::ops::Range;

use bootloader_api::BootInfo;
use bootloader_api::config::Mapping;
use bootloader_api::info::{FrameBuffer, MemoryRegion, MemoryRegionKind, MemoryRegions, Optional};
use x86_64::structures::DescriptorTablePointer;

use crate::address_space::{Access, AddressSpace};
use crate::enter::{self, DESCRIPTORS, Entry};
use crate::error::LoadError;
use crate::files::{self, pages};
use crate::firmware::{Firmware, PAGE_SIZE};
use crate::framebuffer::Framebuffer;
use crate::frames::{Frames, Kept};
use crate::kernel_image::KernelImage;
use crate::memory_map::{MAXIMUM_REGIONS, MemoryMap};
use crate::progress;

/// Physical memory is mapped at least this far: devices lie below 4 GiB on every PC.
const MINIMUM_PHYSICAL_MAP: u64 = 4 << 30;
/// Granule of the physical-memory mapping.
const LARGE_PAGE: u64 = 2 << 20;

/// What the CPU can do that changes how the kernel is mapped.
#[derive(Clone, Copy, Debug, Default)]
pub struct Processor {
    /// Pages of 1 GiB.
    pub gigabyte_pages: bool,
}

impl Processor {
    /// The CPU this runs on; an error if firmware set it up in a way the loader does not know.
    pub fn detect() -> Result<Self, LoadError> {
        use x86_64::registers::control::{Cr4, Cr4Flags};
        if Cr4::read().contains(Cr4Flags::L5_PAGING) {
            return Err(LoadError::FiveLevelPaging);
        }
        let extended = core::arch::x86_64::__cpuid(0x8000_0000).eax;
        let gigabyte_pages = extended >= 0x8000_0001 && core::arch::x86_64::__cpuid(0x8000_0001).edx & (1 << 26) != 0;
        Ok(Self { gigabyte_pages })
    }
}

/// Boots. Returns only if that failed.
pub fn boot<F: Firmware>(mut firmware: F, entry_ticks: u64) -> LoadError {
    let mut start = || {
        let processor = Processor::detect()?;
        prepare(&mut firmware, processor, entry_ticks)
    };
    let prepared = match start() {
        Ok(prepared) => prepared,
        Err(error) => return error,
    };
    progress!("starting the kernel");
    let mut map = MemoryMap::default();
    if firmware.leave(&mut map).is_err() {
        return LoadError::MemoryMapTooLong;
    }
    match prepared.finish(&mut map) {
        // SAFETY: (1) `prepare` mapped all that `Entry` names and the jump itself; (2) firmware is left and the
        // loader has nothing more to do.
        Ok(entry) => unsafe { enter::enter(entry) },
        Err(error) => error,
    }
}

/// What the loader leaves in the kernel's address space besides its stack.
#[repr(C)]
struct Handover {
    boot_info: BootInfo,
    regions: [MemoryRegion; MAXIMUM_REGIONS],
    descriptors: [u64; 3],
    descriptor_pointer: DescriptorTablePointer,
}

/// A kernel ready to be entered, but for the memory map.
struct Prepared {
    handover: *mut Handover,
    kept: Kept,
    entry: Entry,
}

impl Prepared {
    /// Puts the memory map in its place.
    fn finish(self, map: &mut MemoryMap) -> Result<Entry, LoadError> {
        self.kept.mark(map)?;
        // The first page holds the BIOS's interrupt table, and no pointer to it is good.
        map.add(0, PAGE_SIZE, MemoryRegionKind::Bootloader)?;
        // SAFETY: (1) `prepare` made `handover` point to zeroed pages of ours that hold a whole
        // `Handover`, and initialised its `boot_info`; (2) zeroes are a valid `MemoryRegion`, so the array
        // is initialised too; (3) no other reference to it exists.
        let handover = unsafe { &mut *self.handover };
        let count = map.resolve(&mut handover.regions)?;
        let address = self.entry.boot_info + offset_of!(Handover, regions) as u64;
        handover.boot_info.memory_regions = kernel_regions(address, count);
        Ok(self.entry)
    }
}

/// The memory regions at `address` in the kernel's address space. They are not mapped there in ours, so
/// there can be no reference to make them from.
fn kernel_regions(address: u64, length: usize) -> MemoryRegions {
    #[repr(C)]
    struct Raw {
        pointer: *mut MemoryRegion,
        length: usize,
    }
    let raw = Raw { pointer: address as *mut MemoryRegion, length };
    // SAFETY: `MemoryRegions` is `repr(C)` with exactly these two fields in this order, as the
    // `bootloader_api` contract fixes; the size is checked by `transmute`.
    unsafe { core::mem::transmute::<Raw, MemoryRegions>(raw) }
}

fn prepare<F: Firmware>(firmware: &mut F, processor: Processor, entry_ticks: u64) -> Result<Prepared, LoadError> {
    let mut frames = Frames::new(firmware);
    let files = files::load(&mut frames, entry_ticks)?;
    let kernel = KernelImage::parse(files.kernel)?;
    let mappings = &kernel.config.mappings;
    let mut space = AddressSpace::new(&mut frames, mappings)?;

    // Fixed addresses first, so that dynamic ones keep clear of them.
    for segment in &kernel.segments {
        let pages = segment.pages();
        space.reserve(pages.start, pages.end - pages.start);
    }
    let framebuffer = frames.firmware().framebuffer();
    let physical =
        map_physical_memory(&mut frames, &mut space, mappings.physical_memory, framebuffer.as_ref(), processor)?;
    let fixed = [
        (mappings.kernel_stack, kernel.config.kernel_stack_size + PAGE_SIZE),
        (mappings.boot_info, size_of::<Handover>() as u64),
        (mappings.ramdisk_memory, files.bundle.len() as u64),
        (mappings.framebuffer, framebuffer.map_or(0, |framebuffer| framebuffer.info.byte_len as u64)),
    ];
    for (mapping, length) in fixed {
        if let Mapping::FixedAddress(address) = mapping {
            space.reserve(address, length);
        }
    }

    map_kernel(&mut frames, &mut space, &kernel)?;
    let stack = map_stack(&mut frames, &mut space, &kernel)?;
    let jump = crate::memory_map::round_down(enter::jump_address());
    let jump_page = jump..jump + PAGE_SIZE;
    space.map(&mut frames, jump, jump_page, Access::Execute, "the jump")?;

    let bundle = range_of(files.bundle);
    let ramdisk = map_data(&mut frames, &mut space, physical, mappings.ramdisk_memory, bundle, "the system bundle")?;
    let framebuffer = match framebuffer {
        Some(framebuffer) => {
            Some(map_framebuffer(&mut frames, &mut space, physical, mappings.framebuffer, framebuffer)?)
        }
        None => None,
    };

    let length = pages(size_of::<Handover>() as u64);
    let memory = frames.keep(length, "boot information")?;
    let address = space.place(mappings.boot_info, length * PAGE_SIZE, "boot information")?;
    let range = range_of(memory);
    space.map(&mut frames, address, range, Access::Write, "boot information")?;
    let mut boot_info = BootInfo::new(kernel_regions(address, 0));
    boot_info.framebuffer = framebuffer.into();
    boot_info.physical_memory_offset = physical.map(|physical| physical.offset).into();
    boot_info.rsdp_addr = frames.firmware().rsdp().into();
    boot_info.tls_template = kernel.tls.into();
    boot_info.ramdisk_addr = Optional::Some(ramdisk);
    boot_info.ramdisk_len = files.bundle.len() as u64;
    boot_info.kernel_addr = files.kernel.as_ptr() as u64;
    boot_info.kernel_len = files.kernel.len() as u64;
    boot_info.kernel_stack_bottom = stack.start;
    boot_info.kernel_stack_len = stack.end - stack.start;

    let handover = memory.as_mut_ptr().cast::<Handover>();
    let descriptors = address + offset_of!(Handover, descriptors) as u64;
    // SAFETY: (1) the memory is ours, page-aligned, zeroed, and large enough for a `Handover`; (2) no
    // reference to it exists besides `memory`, which is not used any more.
    unsafe {
        (&raw mut (*handover).boot_info).write(boot_info);
        (&raw mut (*handover).descriptors).write(DESCRIPTORS);
        (&raw mut (*handover).descriptor_pointer).write(DescriptorTablePointer {
            limit: size_of_val(&DESCRIPTORS) as u16 - 1,
            base: x86_64::VirtAddr::new_truncate(descriptors),
        });
    }
    Ok(Prepared {
        handover,
        kept: frames.into_kept(),
        entry: Entry {
            root: space.root().start_address().as_u64(),
            stack_top: stack.end,
            entry: kernel.entry,
            boot_info: address,
            descriptors: address + offset_of!(Handover, descriptor_pointer) as u64,
        },
    })
}

/// The physical-memory mapping, if the kernel asked for one.
#[derive(Clone, Copy)]
struct PhysicalMap {
    offset: u64,
    end: u64,
}

fn map_physical_memory<F: Firmware>(
    frames: &mut Frames<'_, F>,
    space: &mut AddressSpace,
    mapping: Option<Mapping>,
    framebuffer: Option<&Framebuffer>,
    processor: Processor,
) -> Result<Option<PhysicalMap>, LoadError> {
    let Some(mapping) = mapping else {
        return Ok(None);
    };
    let end = frames.firmware().memory_end().max(MINIMUM_PHYSICAL_MAP);
    let end = end.next_multiple_of(LARGE_PAGE);
    let framebuffer = framebuffer.map(|framebuffer| {
        let start = framebuffer.address / LARGE_PAGE * LARGE_PAGE;
        let end = framebuffer.address + framebuffer.info.byte_len as u64;
        start..end.next_multiple_of(LARGE_PAGE)
    });
    let reach = framebuffer.as_ref().map_or(end, |range| range.end.max(end));
    let offset = space.place(mapping, reach, "physical memory")?;
    space.map_physical(frames, offset, 0..end, processor.gigabyte_pages)?;
    // Some firmware puts the frame buffer far above all memory.
    if let Some(range) = framebuffer.filter(|range| range.end > end) {
        let range = range.start.max(end)..range.end;
        space.map_physical(frames, offset, range, false)?;
    }
    Ok(Some(PhysicalMap { offset, end: reach }))
}

fn map_kernel<F: Firmware>(
    frames: &mut Frames<'_, F>,
    space: &mut AddressSpace,
    kernel: &KernelImage<'_>,
) -> Result<(), LoadError> {
    for segment in &kernel.segments {
        let addresses = segment.pages();
        let memory = frames.keep(pages(addresses.end - addresses.start), "the kernel's segments")?;
        let start = (segment.addresses.start - addresses.start) as usize;
        memory[start..start + segment.bytes.len()].copy_from_slice(segment.bytes);
        let access = match (segment.writable, segment.executable) {
            (true, _) => Access::Write,
            (false, true) => Access::Execute,
            (false, false) => Access::Read,
        };
        let range = range_of(memory);
        space.map(frames, addresses.start, range, access, "a kernel segment")?;
    }
    Ok(())
}

/// Maps the kernel's stack above a page that stays unmapped; returns the stack's addresses.
fn map_stack<F: Firmware>(
    frames: &mut Frames<'_, F>,
    space: &mut AddressSpace,
    kernel: &KernelImage<'_>,
) -> Result<Range<u64>, LoadError> {
    let what = "the kernel's stack";
    let length = pages(kernel.config.kernel_stack_size) * PAGE_SIZE;
    let mapping = kernel.config.mappings.kernel_stack;
    let guard = space.place(mapping, length + PAGE_SIZE, what)?;
    let memory = range_of(frames.keep(pages(length), what)?);
    let start = guard + PAGE_SIZE;
    space.map(frames, start, memory, Access::Write, what)?;
    Ok(start..start + length)
}

/// Where the kernel finds `memory`: at a fixed address if it asked for one, else inside the
/// physical-memory mapping, else in a place of its own.
fn map_data<F: Firmware>(
    frames: &mut Frames<'_, F>,
    space: &mut AddressSpace,
    physical: Option<PhysicalMap>,
    mapping: Mapping,
    memory: Range<u64>,
    what: &'static str,
) -> Result<u64, LoadError> {
    if let (Mapping::Dynamic, Some(physical)) = (mapping, physical)
        && memory.end <= physical.end
    {
        return Ok(physical.offset + memory.start);
    }
    let first = crate::memory_map::round_down(memory.start);
    let whole = first..crate::memory_map::round_up(memory.end);
    let address = space.place(mapping, whole.end - whole.start, what)?;
    space.map(frames, address, whole, Access::Write, what)?;
    Ok(address + (memory.start - first))
}

fn map_framebuffer<F: Firmware>(
    frames: &mut Frames<'_, F>,
    space: &mut AddressSpace,
    physical: Option<PhysicalMap>,
    mapping: Mapping,
    framebuffer: Framebuffer,
) -> Result<FrameBuffer, LoadError> {
    let end = framebuffer.address + framebuffer.info.byte_len as u64;
    let memory = framebuffer.address..end;
    let address = map_data(frames, space, physical, mapping, memory, "the frame buffer")?;
    // SAFETY: firmware reported this frame buffer, and the loader maps it for the kernel alone, which
    // starts after the loader's last access.
    Ok(unsafe { FrameBuffer::new(address, framebuffer.info) })
}

fn range_of(memory: &[u8]) -> Range<u64> {
    let start = memory.as_ptr() as u64;
    start..start + memory.len() as u64
}

#[cfg(test)]
mod tests;
