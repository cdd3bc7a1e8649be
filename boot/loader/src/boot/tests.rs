//! The whole boot but for the jump, on the host: memory is identity-mapped there as well.

use std::vec::Vec;

use bootloader_api::BootloaderConfig;
use bootloader_api::config::Mappings;
use bootloader_api::info::{FrameBufferInfo, PixelFormat};
use x86_64::VirtAddr;
use x86_64::structures::paging::mapper::{MappedFrame, TranslateResult};
use x86_64::structures::paging::{OffsetPageTable, PageTable, PageTableFlags, Translate};

use super::*;
use crate::checksums::{BUNDLE_PATH, CHECKSUMS_PATH, ChecksumsError, KERNEL_PATH};
use crate::firmware::FileError;
use crate::kernel_image::KernelError;
use crate::testing::{KERNEL_BASE, KernelFile, MemoryFirmware};

const OFFSET: u64 = 0xffff_8000_0000_0000;

fn config() -> BootloaderConfig {
    let mut config = BootloaderConfig::new_default();
    config.kernel_stack_size = 0x4100;
    config.mappings.physical_memory = Some(Mapping::FixedAddress(OFFSET));
    config
}

fn bundle() -> Vec<u8> {
    (0..10_000_u32).map(|index| (index % 251) as u8).collect()
}

fn firmware(config: &BootloaderConfig) -> MemoryFirmware {
    MemoryFirmware::new(&KernelFile::new(config).bytes(), &bundle())
}

fn try_prepare(firmware: &mut MemoryFirmware) -> Result<Prepared, LoadError> {
    prepare(firmware, Processor::default(), 42)
}

fn error(firmware: &mut MemoryFirmware) -> LoadError {
    try_prepare(firmware).err().expect("an error")
}

/// The prepared address space.
struct Space(OffsetPageTable<'static>);

impl Space {
    fn of(prepared: &Prepared) -> Self {
        // SAFETY: (1) the root is a page table in this process's memory, which is its own identity map;
        // (2) it is never freed, and nothing changes it.
        Self(unsafe { OffsetPageTable::new(&mut *(prepared.entry.root as *mut PageTable), VirtAddr::zero()) })
    }

    fn flags(&self, address: u64) -> Option<PageTableFlags> {
        match self.0.translate(VirtAddr::new(address)) {
            TranslateResult::Mapped { flags, .. } => Some(flags),
            _ => None,
        }
    }

    fn bytes(&self, address: u64, length: usize) -> Vec<u8> {
        let byte = |index| {
            let place = self.0.translate_addr(VirtAddr::new(address + index));
            // SAFETY: it is mapped to this process's memory.
            unsafe { *(place.unwrap().as_u64() as *const u8) }
        };
        (0..length as u64).map(byte).collect()
    }
}

#[test]
fn the_kernel_finds_what_it_was_promised() {
    let mut firmware = firmware(&config());
    let prepared = try_prepare(&mut firmware).unwrap();
    let space = Space::of(&prepared);
    let rights = |address| {
        let flags = space.flags(address).unwrap();
        (flags.contains(PageTableFlags::WRITABLE), !flags.contains(PageTableFlags::NO_EXECUTE))
    };
    assert_eq!(rights(KERNEL_BASE), (false, true));
    assert_eq!(rights(KERNEL_BASE + 0x2000), (false, false));
    assert_eq!(rights(KERNEL_BASE + 0x5000), (true, false));
    assert_eq!(space.flags(KERNEL_BASE + 0x6000), None);
    assert_eq!(space.bytes(KERNEL_BASE + 0x17ff, 2), [0xc3, 0]);
    assert_eq!(space.bytes(KERNEL_BASE + 0x300f, 2), [0, 0x77]);
    assert_eq!(space.bytes(KERNEL_BASE + 0x310f, 2), [0x77, 0]);

    // SAFETY: `prepare` initialised it.
    let info = unsafe { &(*prepared.handover).boot_info };
    assert_eq!(info.physical_memory_offset, Optional::Some(OFFSET));
    assert_eq!(info.rsdp_addr, Optional::Some(0xe_0010));
    assert_eq!(info.ramdisk_len, 10_000);
    let ramdisk = info.ramdisk_addr.into_option().unwrap();
    assert!(ramdisk.is_multiple_of(PAGE_SIZE));
    assert_eq!(space.bytes(ramdisk, 10_000), bundle());
    assert_eq!(info.kernel_stack_len, 0x5000);
    assert_eq!(prepared.entry.stack_top, info.kernel_stack_bottom + 0x5000);
    assert_eq!(rights(info.kernel_stack_bottom), (true, false));
    assert_eq!(space.flags(info.kernel_stack_bottom - 1), None);
    assert_eq!(space.flags(prepared.entry.stack_top), None);
    assert_eq!(rights(enter::jump_address()), (false, true));
    for physical in [0, 0x1234_5678, (5 << 30) - 1] {
        let mapped = space.0.translate_addr(VirtAddr::new(OFFSET + physical));
        assert_eq!(mapped.map(|address| address.as_u64()), Some(physical));
    }
    assert_eq!(space.flags(OFFSET + (5 << 30)), None);
}

#[test]
fn the_memory_map_keeps_what_the_kernel_was_given() {
    let mut firmware = firmware(&config());
    let prepared = try_prepare(&mut firmware).unwrap();
    let mut map = MemoryMap::default();
    firmware.leave(&mut map).unwrap();
    let (handover, entry) = (prepared.handover, prepared.entry);
    let root = entry.root;
    assert_eq!(prepared.finish(&mut map).unwrap().root, root);
    // SAFETY: `finish` wrote it.
    let handover = unsafe { &*handover };
    let kind = |address: u64| {
        let found = handover.regions.iter().find(|region| (region.start..region.end).contains(&address));
        found.map(|region| region.kind)
    };
    let info = &handover.boot_info;
    for address in [0, root, info.kernel_addr, info as *const BootInfo as u64] {
        assert_eq!(kind(address), Some(MemoryRegionKind::Bootloader));
    }
    // The list of checksums is not needed any more.
    assert!(handover.regions.iter().any(|region| region.kind == MemoryRegionKind::Usable && region.end > region.start));
}

#[test]
fn gigabyte_pages_and_small_ones_map_the_same() {
    for gigabyte_pages in [false, true] {
        let mut firmware = firmware(&config());
        let processor = Processor { gigabyte_pages };
        let prepared = prepare(&mut firmware, processor, 0).unwrap();
        let space = Space::of(&prepared);
        match space.0.translate(VirtAddr::new(OFFSET + (3 << 30) + 5)) {
            TranslateResult::Mapped { frame, offset, .. } => {
                assert_eq!(matches!(frame, MappedFrame::Size1GiB(_)), gigabyte_pages);
                assert_eq!(frame.start_address().as_u64() + offset, (3 << 30) + 5);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_frame_buffer_is_mapped_wherever_it_lies() {
    for address in [0xfd00_0000_u64, 0x80_0000_0000] {
        let mut firmware = firmware(&config());
        firmware.framebuffer = Some(Framebuffer {
            address,
            info: FrameBufferInfo {
                byte_len: 4_096_000,
                width: 1280,
                height: 800,
                pixel_format: PixelFormat::Bgr,
                bytes_per_pixel: 4,
                stride: 1280,
            },
        });
        let prepared = try_prepare(&mut firmware).unwrap();
        let space = Space::of(&prepared);
        for byte in [0, 4_095_999] {
            let mapped = space.0.translate_addr(VirtAddr::new(OFFSET + address + byte));
            assert_eq!(mapped.map(|place| place.as_u64()), Some(address + byte));
        }
        // SAFETY: `prepare` initialised it.
        let info = unsafe { &(*prepared.handover).boot_info };
        let framebuffer = info.framebuffer.as_ref().unwrap();
        assert_eq!(framebuffer.buffer().as_ptr() as u64, OFFSET + address);
    }
}

#[test]
fn a_kernel_without_a_physical_map_gets_its_data_elsewhere() {
    let mut config = config();
    config.mappings.physical_memory = None;
    config.mappings.kernel_stack = Mapping::FixedAddress(0xffff_9000_0000_0000);
    let mut firmware = firmware(&config);
    let prepared = try_prepare(&mut firmware).unwrap();
    let space = Space::of(&prepared);
    // SAFETY: `prepare` initialised it.
    let info = unsafe { &(*prepared.handover).boot_info };
    assert_eq!(info.physical_memory_offset, Optional::None);
    assert_eq!(info.kernel_stack_bottom, 0xffff_9000_0000_1000);
    let ramdisk = info.ramdisk_addr.into_option().unwrap();
    assert_eq!(space.bytes(ramdisk, 10_000), bundle());
}

#[test]
fn missing_files_are_named() {
    for path in [CHECKSUMS_PATH, KERNEL_PATH, BUNDLE_PATH] {
        let mut firmware = firmware(&config());
        firmware.files.remove(path);
        let missing = FileError::Missing;
        assert_eq!(error(&mut firmware), LoadError::File { path, error: missing });
    }
}

#[test]
fn damaged_files_are_named() {
    for path in [KERNEL_PATH, BUNDLE_PATH] {
        let mut firmware = firmware(&config());
        firmware.files.get_mut(path).unwrap()[100] ^= 1;
        let found = error(&mut firmware);
        assert!(matches!(found, LoadError::Damaged { path: named, .. } if named == path), "{found}");
        firmware.files.get_mut(path).unwrap().pop();
        let found = std::format!("{}", error(&mut firmware));
        assert!(found.contains(path) && found.contains("bytes long"), "{found}");
    }
    let mut firmware = firmware(&config());
    firmware.files.get_mut(CHECKSUMS_PATH).unwrap()[3] ^= 1;
    assert_eq!(error(&mut firmware), LoadError::Checksums(ChecksumsError::Damaged));
}

#[test]
fn an_unlisted_file_is_not_trusted() {
    let mut firmware = firmware(&config());
    let mut list = std::string::String::new();
    let kernel = firmware.files[KERNEL_PATH].clone();
    crate::checksums::write([(KERNEL_PATH, kernel.as_slice())], &mut list).unwrap();
    firmware.files.insert(CHECKSUMS_PATH, list.into_bytes());
    let path = BUNDLE_PATH;
    assert_eq!(error(&mut firmware), LoadError::NotListed { path });
}

#[test]
fn running_out_of_memory_is_reported_wherever_it_happens() {
    let mut firmware = firmware(&config());
    assert!(try_prepare(&mut firmware).is_ok());
    let needed = firmware.given.iter().map(|(_, length)| length / PAGE_SIZE).sum();
    for pages in 0..needed {
        let mut firmware = self::firmware(&config());
        firmware.pages = pages;
        let found = error(&mut firmware);
        assert!(matches!(found, LoadError::OutOfMemory { .. }), "{found}");
    }
}

#[test]
fn mappings_that_collide_are_refused() {
    type Change = fn(&mut Mappings);
    let changes: [Change; 5] = [
        |mappings| mappings.kernel_stack = Mapping::FixedAddress(KERNEL_BASE - PAGE_SIZE),
        |mappings| mappings.boot_info = Mapping::FixedAddress(KERNEL_BASE),
        |mappings| mappings.boot_info = Mapping::FixedAddress(0x1000),
        |mappings| mappings.ramdisk_memory = Mapping::FixedAddress(OFFSET + 8),
        |mappings| mappings.physical_memory = Some(Mapping::FixedAddress(OFFSET + PAGE_SIZE)),
    ];
    for change in changes {
        let mut config = config();
        change(&mut config.mappings);
        let found = error(&mut firmware(&config));
        assert!(matches!(found, LoadError::Mapping { .. }), "{found}");
    }
}

#[test]
fn a_dynamic_range_without_room_is_refused() {
    let mut config = config();
    config.mappings.dynamic_range_start = Some(0xffff_9000_0000_0000);
    config.mappings.dynamic_range_end = Some(0xffff_9000_0000_1000);
    let found = error(&mut firmware(&config));
    assert!(matches!(found, LoadError::Mapping { .. }), "{found}");
}

#[test]
fn an_unsuitable_kernel_is_named() {
    let mut config = config();
    config.mappings.aslr = true;
    let found = error(&mut firmware(&config));
    assert!(matches!(found, LoadError::Kernel(KernelError::Unsupported(_))));
    assert!(std::format!("{found}").contains(KERNEL_PATH));
}
