//! `region_create`, `region_map`, `region_unmap`, `region_info` and `region_device`.

use airox_abi::layout::{CLOCK_PAGE, MAX_MAPPINGS, MAX_REGION_PAGES, PAGE_SIZE, USER_END, USER_START};
use airox_abi::{Error, Handle, MapFlags, QuotaKind, QuotaLimits, RegionKind, Rights};

use crate::child::free_address;
use crate::failure::{Outcome, check, check_equal, check_error};
use crate::kernel;
use crate::memory::Mapped;
use crate::registry::Test;
use crate::suite::Suite;

/// The tests.
pub const TESTS: &[Test] = &[
    Test::new("region", "fresh_memory_is_zero_and_keeps_what_is_written", fresh_memory),
    Test::new("region", "recycled_memory_is_zero", recycled_memory_is_zero),
    Test::new("region", "contiguous", contiguous),
    Test::new("region", "shared_between_two_mappings", shared_between_two_mappings),
    Test::new("region", "rights_limit_mappings", rights_limit_mappings),
    Test::new("region", "never_writable_and_executable", never_writable_and_executable),
    Test::new("region", "bad_sizes", bad_sizes),
    Test::new("region", "bad_places", bad_places),
    Test::new("region", "overlaps", overlaps),
    Test::new("region", "unmap_needs_the_start", unmap_needs_the_start),
    Test::new("region", "physical_address_needs_dma", physical_address_needs_dma),
    Test::new("region", "device_memory_is_never_ram", device_memory_is_never_ram),
    Test::new("region", "parts_of_device_memory", parts_of_device_memory),
    Test::new("region", "mapping_outlives_its_handle", mapping_outlives_its_handle),
    Test::new("memory_map", "is_zero_and_given_back_with_the_mapping", memory_map),
    Test::new("memory_map", "bad_arguments", memory_map_bad_arguments),
    Test::new("memory_map", "charges_the_quota_named", memory_map_charges),
    Test::new("memory_map", "of_another_process", memory_map_elsewhere),
    Test::new("memory_map", "forged_progress", memory_map_forged_progress),
    Test::new("memory_map", "too_many_mappings", too_many_mappings),
];

fn fresh_memory(_: &Suite) -> Outcome {
    let memory = Mapped::new(4)?;
    for page in 0..4 {
        check_equal!(memory.word(page * PAGE_SIZE + 8).load(core::sync::atomic::Ordering::Relaxed), 0);
        memory.fill(page * PAGE_SIZE, &[page as u8 + 1; 8]);
    }
    for page in 0..4 {
        check_equal!(memory.byte(page * PAGE_SIZE + 7), page as u8 + 1);
    }
    check_equal!(kernel::region_info(memory.region())?, (4, Some(RegionKind::Lazy), 0));
    Ok(())
}

fn recycled_memory_is_zero(_: &Suite) -> Outcome {
    for _ in 0..3 {
        let memory = Mapped::new(64)?;
        for offset in (0..memory.length()).step_by(512) {
            check_equal!(memory.byte(offset), 0);
            memory.fill(offset, b"secret");
        }
    }
    Ok(())
}

fn contiguous(_: &Suite) -> Outcome {
    let region = kernel::region_create(Handle::NONE, 16, RegionKind::Contiguous)?;
    let (pages, kind, address) = kernel::region_info(region.get())?;
    check_equal!((pages, kind), (16, Some(RegionKind::Contiguous)));
    check!(address != 0 && address.is_multiple_of(PAGE_SIZE), "physical address {address:#x}");
    let memory = Mapped::of(region, 16)?;
    check!((0..memory.length()).step_by(64).all(|offset| memory.byte(offset) == 0), "not zeroed");
    memory.fill(0, b"x");
    Ok(())
}

fn shared_between_two_mappings(_: &Suite) -> Outcome {
    let memory = Mapped::new(2)?;
    let again = Mapped::of(kernel::handle_copy(memory.region(), Rights::all(), 0)?, 2)?;
    memory.fill(PAGE_SIZE, b"here");
    check_equal!(again.byte(PAGE_SIZE + 3), b'e');
    // A part of a region, from an offset.
    let address = free_address(1);
    kernel::region_map(memory.region(), Handle::NONE, address, 1, 1, MapFlags::empty())?;
    // SAFETY: 1. the page was just mapped readable; 2. volatile, as another mapping writes it.
    let byte = unsafe { (address as *const u8).read_volatile() };
    check_equal!(byte, b'h');
    // SAFETY: nothing refers to this mapping any more.
    unsafe { kernel::region_unmap(Handle::NONE, address) }?;
    Ok(())
}

fn rights_limit_mappings(_: &Suite) -> Outcome {
    let region = kernel::region_create(Handle::NONE, 1, RegionKind::Lazy)?;
    let address = free_address(1);
    let cases = [
        (Rights::READ, MapFlags::WRITE),
        (Rights::READ, MapFlags::EXECUTE),
        (Rights::READ | Rights::WRITE, MapFlags::EXECUTE),
        (Rights::READ | Rights::EXECUTE, MapFlags::WRITE),
        (Rights::WRITE, MapFlags::empty()),
        (Rights::COPY, MapFlags::empty()),
    ];
    for (rights, flags) in cases {
        let weak = kernel::handle_copy(region.get(), rights, 0)?;
        let mapped = kernel::region_map(weak.get(), Handle::NONE, address, 0, 1, flags);
        check!(mapped == Err(Error::MissingRight), "{flags:?} with {rights:?} gives {mapped:?}");
    }
    Ok(())
}

fn never_writable_and_executable(_: &Suite) -> Outcome {
    let region = kernel::region_create(Handle::NONE, 1, RegionKind::Lazy)?;
    let both = MapFlags::WRITE | MapFlags::EXECUTE;
    check_error!(kernel::region_map(region.get(), Handle::NONE, free_address(1), 0, 1, both), Error::InvalidArgument);
    let undefined = MapFlags::from_bits_retain(1 << 30);
    check_error!(
        kernel::region_map(region.get(), Handle::NONE, free_address(1), 0, 1, undefined),
        Error::InvalidArgument
    );
    let combine = MapFlags::WRITE | MapFlags::WRITE_COMBINE;
    check_error!(
        kernel::region_map(region.get(), Handle::NONE, free_address(1), 0, 1, combine),
        Error::InvalidArgument
    );
    Ok(())
}

fn bad_sizes(_: &Suite) -> Outcome {
    for pages in [0, MAX_REGION_PAGES + 1, 1 << 40, 1 << 52, u64::MAX] {
        let created = kernel::region_create(Handle::NONE, pages, RegionKind::Lazy);
        check!(
            matches!(created, Err(Error::InvalidArgument | Error::QuotaExceeded)),
            "a region of {pages} pages: {created:?}"
        );
    }
    let mut registers = kernel::EntryRegisters::call(airox_abi::SystemCall::RegionCreate, &[0, 1, 2]);
    for kind in [2, 3, 255, 256, u64::MAX] {
        registers.rax = airox_abi::SystemCall::RegionCreate as u64;
        (registers.rdi, registers.words[0], registers.words[1]) = (0, 1, kind);
        // SAFETY: the call has no address.
        let result = unsafe { kernel::invoke(&mut registers) };
        check_error!(result, Error::InvalidArgument);
    }
    let region = kernel::region_create(Handle::NONE, 4, RegionKind::Lazy)?;
    for (offset, pages) in
        [(0, 0), (0, 5), (4, 1), (3, 2), (u64::MAX, 1), (1, u64::MAX), (u64::MAX, u64::MAX), (1 << 52, 1), (0, 1 << 52)]
    {
        let mapped = kernel::region_map(region.get(), Handle::NONE, free_address(4), offset, pages, MapFlags::empty());
        check!(mapped == Err(Error::InvalidArgument), "offset {offset:#x}, {pages:#x} pages: {mapped:?}");
    }
    Ok(())
}

fn bad_places(_: &Suite) -> Outcome {
    let region = kernel::region_create(Handle::NONE, 2, RegionKind::Lazy)?;
    let places = [
        0,
        PAGE_SIZE,
        USER_START - PAGE_SIZE,
        free_address(3) + 8,
        free_address(3) + 1,
        USER_END - PAGE_SIZE,
        USER_END,
        0x7fff_ffff_f000,
        0x8000_0000_0000,
        0xffff_7fff_ffff_f000,
        0xffff_8000_0000_0000,
        0xffff_ffff_8000_0000,
        u64::MAX - PAGE_SIZE + 1,
        u64::MAX,
    ];
    for address in places {
        let mapped = kernel::region_map(region.get(), Handle::NONE, address, 0, 2, MapFlags::WRITE);
        check!(
            matches!(mapped, Err(Error::InvalidArgument | Error::InvalidAddress)),
            "mapped at {address:#x}: {mapped:?}"
        );
        // SAFETY: nothing can be mapped at such an address.
        let unmapped = unsafe { kernel::region_unmap(Handle::NONE, address) };
        check!(unmapped.is_err(), "unmapped {address:#x}");
    }
    check_error!(
        kernel::region_map(region.get(), Handle::NONE, CLOCK_PAGE, 0, 1, MapFlags::WRITE),
        Error::AlreadyMapped
    );
    Ok(())
}

fn overlaps(_: &Suite) -> Outcome {
    let memory = Mapped::new(4)?;
    let other = kernel::region_create(Handle::NONE, 6, RegionKind::Lazy)?;
    let (start, end) = (memory.address(), memory.address() + memory.length());
    for (address, pages) in
        [(start, 1), (start + PAGE_SIZE, 2), (start - PAGE_SIZE, 2), (end - PAGE_SIZE, 2), (start - PAGE_SIZE, 6)]
    {
        let mapped = kernel::region_map(other.get(), Handle::NONE, address, 0, pages, MapFlags::WRITE);
        check!(mapped == Err(Error::AlreadyMapped), "{pages} pages at {address:#x}: {mapped:?}");
    }
    // Side by side is no overlap.
    kernel::region_map(other.get(), Handle::NONE, end, 0, 1, MapFlags::WRITE)?;
    // SAFETY: nothing refers to this mapping.
    unsafe { kernel::region_unmap(Handle::NONE, end) }?;
    Ok(())
}

fn memory_map(_: &Suite) -> Outcome {
    let address = free_address(400);
    for pages in [1, 2, 400] {
        let before = used(Handle::NONE)?;
        kernel::memory_map(Handle::NONE, Handle::NONE, address, pages, MapFlags::WRITE)?;
        check!(used(Handle::NONE)? >= before + pages as u32, "{pages} pages cost nothing");
        for page in 0..pages {
            let word = (address + page * PAGE_SIZE) as *mut u64;
            // SAFETY: 1. the page was just mapped writable; 2. nothing else refers to it.
            let first = unsafe { word.read_volatile() };
            check_equal!(first, 0);
            // SAFETY: as above.
            unsafe { word.write_volatile(page + 1) };
        }
        // SAFETY: nothing refers to this mapping any more.
        unsafe { kernel::region_unmap(Handle::NONE, address) }?;
        // Page tables stay with the process.
        check!(used(Handle::NONE)? <= before + 4, "{pages} pages were not given back");
    }
    Ok(())
}

/// Frames in use of a quota.
fn used(quota: Handle) -> Result<u32, Error> {
    Ok(kernel::quota_info(quota)?[1].get(QuotaKind::Frames))
}

fn memory_map_bad_arguments(_: &Suite) -> Outcome {
    let address = free_address(4);
    let map = |address, pages, flags| kernel::memory_map(Handle::NONE, Handle::NONE, address, pages, flags);
    let write = MapFlags::WRITE;
    for pages in [0, MAX_REGION_PAGES + 1, 1 << 52, u64::MAX] {
        check_error!(map(address, pages, write), Error::InvalidArgument);
    }
    for flags in [write | MapFlags::EXECUTE, write | MapFlags::WRITE_COMBINE, MapFlags::from_bits_retain(1 << 30)] {
        check_error!(map(address, 1, flags), Error::InvalidArgument);
    }
    check_error!(map(address + 8, 1, write), Error::InvalidArgument);
    for place in [0, USER_START - PAGE_SIZE, USER_END, 0xffff_8000_0000_0000, u64::MAX - PAGE_SIZE + 1] {
        check_error!(map(place, 1, write), Error::InvalidAddress);
    }
    check_error!(map(USER_END - PAGE_SIZE, 2, write), Error::InvalidAddress);
    check_error!(map(CLOCK_PAGE, 1, write), Error::AlreadyMapped);
    let taken = Mapped::new(1)?;
    let before = kernel::quota_info(Handle::NONE)?[1];
    check_error!(map(taken.address(), 1, write), Error::AlreadyMapped);
    check_equal!(kernel::quota_info(Handle::NONE)?[1], before);
    Ok(())
}

fn memory_map_charges(suite: &Suite) -> Outcome {
    let limits = QuotaLimits([0; QuotaKind::COUNT]).with(QuotaKind::Frames, 8).with(QuotaKind::Regions, 1);
    let quota = kernel::quota_create(suite.root.quota, &limits)?;
    let address = free_address(32);
    let map = |at: u64, pages| kernel::memory_map(quota.get(), Handle::NONE, address + at, pages, MapFlags::WRITE);
    check_error!(map(0, 9), Error::QuotaExceeded);
    check_equal!(used(quota.get())?, 0);
    map(0, 4)?;
    check!(used(quota.get())? >= 4, "nothing charged");
    // A second region.
    check_error!(map(8 * PAGE_SIZE, 1), Error::QuotaExceeded);
    // SAFETY: nothing refers to this mapping.
    unsafe { kernel::region_unmap(Handle::NONE, address) }?;
    check_equal!(used(quota.get())?, 0);
    map(8 * PAGE_SIZE, 1)?;
    // SAFETY: nothing refers to this mapping.
    unsafe { kernel::region_unmap(Handle::NONE, address + 8 * PAGE_SIZE) }?;
    Ok(())
}

fn memory_map_elsewhere(_: &Suite) -> Outcome {
    let process = kernel::process_create(Handle::NONE, b"mapped-into\0\0\0\0\0")?;
    let address = free_address(2);
    kernel::memory_map(Handle::NONE, process.get(), address, 2, MapFlags::WRITE | MapFlags::POPULATE)?;
    // It is not the caller's.
    check_error!(kernel::memory_map(Handle::NONE, process.get(), address, 1, MapFlags::WRITE), Error::AlreadyMapped);
    kernel::memory_map(Handle::NONE, Handle::NONE, address, 1, MapFlags::WRITE)?;
    // SAFETY: 1. nothing refers to either mapping; 2. the other process has no thread.
    unsafe {
        kernel::region_unmap(Handle::NONE, address)?;
        kernel::region_unmap(process.get(), address)?;
    }
    kernel::process_kill(process.get(), 0)?;
    check_error!(kernel::memory_map(Handle::NONE, process.get(), address, 1, MapFlags::WRITE), Error::Dead);
    Ok(())
}

fn memory_map_forged_progress(_: &Suite) -> Outcome {
    let address = free_address(4);
    for parts in [2, 3, 5, 6, 100, u64::from(u32::MAX)] {
        let result = kernel::memory_map_from(Handle::NONE, Handle::NONE, address, 4, MapFlags::POPULATE, parts);
        check!(result.is_err(), "part {parts} of a mapping nobody began");
    }
    Ok(())
}

fn too_many_mappings(_: &Suite) -> Outcome {
    let process = kernel::process_create(Handle::NONE, b"many-mappings\0\0\0")?;
    let map = |index: usize| {
        let address = USER_START + index as u64 * 2 * PAGE_SIZE;
        kernel::memory_map(Handle::NONE, process.get(), address, 1, MapFlags::WRITE)
    };
    for index in 0..MAX_MAPPINGS {
        // The other way round, from the highest address to the lowest.
        map(MAX_MAPPINGS - 1 - index)?;
    }
    check_error!(map(MAX_MAPPINGS), Error::QuotaExceeded);
    // SAFETY: the process has no thread.
    unsafe { kernel::region_unmap(process.get(), USER_START + 2 * PAGE_SIZE * 7) }?;
    map(MAX_MAPPINGS)?;
    kernel::process_kill(process.get(), 0)?;
    Ok(())
}

fn unmap_needs_the_start(_: &Suite) -> Outcome {
    let memory = Mapped::new(4)?;
    for address in [memory.address() + PAGE_SIZE, memory.address() - PAGE_SIZE, memory.address() + 8, free_address(1)] {
        // SAFETY: no mapping starts at any of these addresses.
        let unmapped = unsafe { kernel::region_unmap(Handle::NONE, address) };
        check!(
            matches!(unmapped, Err(Error::NotMapped | Error::InvalidArgument | Error::InvalidAddress)),
            "{address:#x}: {unmapped:?}"
        );
    }
    memory.fill(0, b"still here");
    Ok(())
}

fn physical_address_needs_dma(_: &Suite) -> Outcome {
    let region = kernel::region_create(Handle::NONE, 1, RegionKind::Contiguous)?;
    check!(kernel::region_info(region.get())?.2 != 0, "no physical address");
    let weak = kernel::handle_copy(region.get(), Rights::all() - Rights::DMA, 0)?;
    check_equal!(kernel::region_info(weak.get())?.2, 0);
    Ok(())
}

fn device_memory_is_never_ram(suite: &Suite) -> Outcome {
    let contiguous = kernel::region_create(Handle::NONE, 1, RegionKind::Contiguous)?;
    let ram = kernel::region_info(contiguous.get())?.2;
    for (address, pages) in [
        (ram, 1),
        (ram - PAGE_SIZE, 3),
        (0x10_0000, 1),
        // The local APIC and the I/O APIC are the kernel's.
        (0xfee0_0000, 1),
        (0xfec0_0000, 1),
        (0xfebf_f000, 2),
    ] {
        let minted = kernel::region_device(suite.root.machine, address, pages);
        check!(minted.is_err(), "{pages} pages at {address:#x} were minted");
    }
    for (address, pages) in [
        (1, 1),
        (0xfed0_0008, 1),
        (0xfed0_0000, 0),
        (u64::MAX - 4095, 1),
        (1 << 52, 1),
        (0xfed0_0000, 1 << 52),
        (0xfed0_0000, u64::MAX),
    ] {
        let minted = kernel::region_device(suite.root.machine, address, pages);
        check!(minted.is_err(), "{pages:#x} pages at {address:#x} were minted");
    }
    Ok(())
}

/// The HPET's page and some behind it, which are no RAM.
const DEVICE_WINDOW: u64 = 0xfed0_0000;

fn parts_of_device_memory(suite: &Suite) -> Outcome {
    let window = kernel::region_device(suite.root.machine, DEVICE_WINDOW, 4)?;
    for (page, pages) in [(0, 4), (1, 2), (3, 1)] {
        let address = DEVICE_WINDOW + page * PAGE_SIZE;
        let part = kernel::region_device(window.get(), address, pages)?;
        let (length, kind, start) = kernel::region_info(part.get())?;
        check_equal!((length, kind, start), (pages, Some(RegionKind::Device), address));
        check_error!(kernel::region_device(part.get(), address - PAGE_SIZE, 1), Error::NoSuchResource);
    }
    for (address, pages) in [(DEVICE_WINDOW - PAGE_SIZE, 2), (DEVICE_WINDOW, 5), (DEVICE_WINDOW + 4 * PAGE_SIZE, 1)] {
        check_error!(kernel::region_device(window.get(), address, pages), Error::NoSuchResource);
    }
    // RAM cannot be named this way, whoever holds it.
    let ram = kernel::region_create(Handle::NONE, 1, RegionKind::Contiguous)?;
    let address = kernel::region_info(ram.get())?.2;
    check_error!(kernel::region_device(ram.get(), address, 1), Error::NoSuchResource);
    let weak = kernel::handle_copy(window.get(), Rights::all() - Rights::CONTROL, 0)?;
    check_error!(kernel::region_device(weak.get(), DEVICE_WINDOW, 1), Error::MissingRight);
    Ok(())
}

fn mapping_outlives_its_handle(_: &Suite) -> Outcome {
    let region = kernel::region_create(Handle::NONE, 1, RegionKind::Lazy)?;
    let address = free_address(1);
    kernel::region_map(region.get(), Handle::NONE, address, 0, 1, MapFlags::WRITE | MapFlags::POPULATE)?;
    drop(region);
    // SAFETY: the page is mapped writable, and only this function knows it.
    unsafe { (address as *mut u64).write_volatile(5) };
    // SAFETY: nothing refers to this mapping any more.
    unsafe { kernel::region_unmap(Handle::NONE, address) }?;
    Ok(())
}
