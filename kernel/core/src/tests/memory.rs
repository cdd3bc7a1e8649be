//! Regions and mappings.

use super::model::{SCRATCH, System};
use airox_abi::fault::FaultKind;
use airox_abi::layout::{CLOCK_PAGE, PAGE_SIZE, PROGRAM_BASE, USER_END, USER_START};
use airox_abi::{Error, MapFlags, Rights, SystemCall as Call};

const WRITE: u64 = MapFlags::WRITE.bits() as u64;
const EXECUTE: u64 = MapFlags::EXECUTE.bits() as u64;
const POPULATE: u64 = MapFlags::POPULATE.bits() as u64;

#[test]
fn the_root_image_is_mapped_as_its_segments_say() {
    let mut system = System::boot();
    let root = system.root_process;
    assert_eq!(system.read(root, PROGRAM_BASE, 1), [2]);
    assert_eq!(system.read(root, PROGRAM_BASE + 4096, 1), [3]);
    assert_eq!(system.kernel.write_user((root, PROGRAM_BASE), &[0]), Err(Error::InvalidAddress));
    let data = system.read(root, PROGRAM_BASE + 8192, 3 * 4096);
    assert!(data[..4096].iter().all(|&byte| byte == 4));
    assert!(data[4096..5000].iter().all(|&byte| byte == 5));
    assert!(data[5000..].iter().all(|&byte| byte == 0), "the rest is zero");
    system.write(root, PROGRAM_BASE + 8192, &[9]);
}

#[test]
fn pages_are_backed_with_zeros_at_first_touch() {
    let mut system = System::boot();
    let root = system.root_process;
    let region = system.ok(Call::RegionCreate, &[0, 600, 0]);
    system.ok(Call::RegionMap, &[region, 0, 0x3000_0000, 0, 600, WRITE]);
    let used = system.counts();
    assert!(system.kernel.back_page(root, 0x3000_0000 + 599 * PAGE_SIZE, FaultKind::Write).is_some());
    // The page and the lower of two levels of index.
    assert_eq!(system.counts().0[0], used.0[0] + 2);
    assert_eq!(system.read(root, 0x3000_0000 + 599 * PAGE_SIZE, 4096), [0; 4096]);
    assert!(system.kernel.back_page(root, 0x3000_0000 + 600 * PAGE_SIZE, FaultKind::Read).is_none());
    assert!(system.kernel.back_page(root, 0x3000_0000, FaultKind::Execute).is_none());
}

#[test]
fn a_mapping_of_a_part_shows_that_part() {
    let mut system = System::boot();
    let root = system.root_process;
    let region = system.ok(Call::RegionCreate, &[0, 4, 0]);
    system.ok(Call::RegionMap, &[region, 0, 0x3000_0000, 0, 4, WRITE | POPULATE]);
    system.ok(Call::RegionMap, &[region, 0, 0x4000_0000, 2, 2, 0]);
    system.write(root, 0x3000_0000 + 2 * PAGE_SIZE, b"third page");
    assert_eq!(system.read(root, 0x4000_0000, 10), b"third page");
    assert_eq!(system.kernel.write_user((root, 0x4000_0000), b"x"), Err(Error::InvalidAddress));
    system.ok(Call::RegionUnmap, &[0, 0x3000_0000]);
    assert_eq!(system.err(Call::RegionUnmap, &[0, 0x3000_0000]), Error::NotMapped);
    assert_eq!(system.err(Call::RegionUnmap, &[0, 0x4000_1000]), Error::NotMapped);
    assert_eq!(system.read(root, 0x4000_0000, 10), b"third page");
}

#[test]
fn wrong_mappings_are_refused() {
    let mut system = System::boot();
    let region = system.ok(Call::RegionCreate, &[0, 4, 0]);
    let mut refused = |address: u64, offset: u64, pages: u64, flags: u64| {
        system.err(Call::RegionMap, &[region, 0, address, offset, pages, flags])
    };
    assert_eq!(refused(0x3000_0000, 0, 4, WRITE | EXECUTE), Error::InvalidArgument);
    assert_eq!(refused(0x3000_0000, 0, 4, 1 << 30), Error::InvalidArgument);
    assert_eq!(refused(0x3000_0000, 0, 4, 1 << 40), Error::InvalidArgument);
    assert_eq!(refused(0x3000_0000, 0, 4, 8), Error::InvalidArgument, "write-combining RAM");
    assert_eq!(refused(0x3000_0001, 0, 4, 0), Error::InvalidArgument);
    assert_eq!(refused(0x3000_0000, 0, 0, 0), Error::InvalidArgument);
    assert_eq!(refused(0x3000_0000, 1, 4, 0), Error::InvalidArgument);
    assert_eq!(refused(0x3000_0000, u64::MAX, 2, 0), Error::InvalidArgument);
    assert_eq!(refused(0, 0, 1, 0), Error::InvalidAddress);
    assert_eq!(refused(USER_START - PAGE_SIZE, 0, 2, 0), Error::InvalidAddress);
    assert_eq!(refused(USER_END - PAGE_SIZE, 0, 2, 0), Error::InvalidAddress);
    assert_eq!(refused(0xffff_8000_0000_0000, 0, 1, 0), Error::InvalidAddress);
    assert_eq!(refused(CLOCK_PAGE, 0, 1, 0), Error::AlreadyMapped);
    assert_eq!(refused(PROGRAM_BASE, 0, 1, 0), Error::AlreadyMapped);
    assert_eq!(refused(SCRATCH - 3 * PAGE_SIZE, 0, 4, 0), Error::AlreadyMapped);
    let readable = system.ok(Call::HandleCopy, &[region, Rights::READ.bits().into(), 0]);
    let error = system.err(Call::RegionMap, &[readable, 0, 0x3000_0000, 0, 1, WRITE]);
    assert_eq!(error, Error::MissingRight);
    let error = system.err(Call::RegionMap, &[readable, 0, 0x3000_0000, 0, 1, EXECUTE]);
    assert_eq!(error, Error::MissingRight);
    let error = system.err(Call::RegionMap, &[system.machine, 0, 0x3000_0000, 0, 1, 0]);
    assert_eq!(error, Error::WrongType);
}

#[test]
fn only_memory_that_is_not_ram_becomes_a_device_region() {
    let mut system = System::boot();
    let machine = system.machine;
    let device = system.ok(Call::RegionDevice, &[machine, 0xfee0_0000, 2]);
    system.ok(Call::RegionMap, &[device, 0, 0x3000_0000, 0, 2, WRITE | 8]);
    for (address, pages, error) in [
        (0x10_0000, 1, Error::NoSuchResource),
        (0xfee0_0001, 1, Error::InvalidArgument),
        (0xfee0_0000, 0, Error::InvalidArgument),
        (0xfee0_0000, 1 << 30, Error::InvalidArgument),
        (1 << 60, 1, Error::NoSuchResource),
    ] {
        assert_eq!(system.err(Call::RegionDevice, &[machine, address, pages]), error);
    }
    assert_eq!(system.err(Call::RegionDevice, &[system.quota, 0xfee0_0000, 1]), Error::WrongType);
}

#[test]
fn a_device_region_has_parts() {
    let mut system = System::boot();
    let window = system.ok(Call::RegionDevice, &[system.machine, 0xfee0_0000, 16]);
    let part = system.ok(Call::RegionDevice, &[window, 0xfee0_4000, 4]);
    system.ok(Call::RegionDevice, &[part, 0xfee0_7000, 1]);
    system.ok(Call::RegionMap, &[part, 0, 0x3000_0000, 0, 4, WRITE]);
    for (source, address, pages) in [
        (part, 0xfee0_3000, 1),
        (part, 0xfee0_8000, 1),
        (part, 0xfee0_4000, 5),
        (window, 0xfee0_f000, 2),
        (window, 0, 1),
    ] {
        assert_eq!(system.err(Call::RegionDevice, &[source, address, pages]), Error::NoSuchResource);
    }
    let memory = system.ok(Call::RegionCreate, &[0, 1, 1]);
    assert_eq!(system.err(Call::RegionDevice, &[memory, 0xfee0_0000, 1]), Error::NoSuchResource);
    // A part stays when what it was minted from is gone.
    system.ok(Call::HandleClose, &[window]);
    system.ok(Call::RegionMap, &[part, 0, 0x3100_0000, 0, 4, WRITE]);
}

#[test]
fn the_kernel_reads_and_writes_only_what_the_program_may() {
    let mut system = System::boot();
    let root = system.root_process;
    let end = SCRATCH + 4 * PAGE_SIZE;
    for address in [
        0,
        1,
        0xfff,
        System::UNMAPPED,
        end,
        end - 4,
        USER_END - 1,
        USER_END,
        1 << 47,
        0xffff_8000_0000_0000,
        u64::MAX - 3,
        u64::MAX,
    ] {
        assert_eq!(system.err(Call::QuotaCreate, &[system.quota, address]), Error::InvalidAddress, "{address:#x}");
        assert_eq!(system.err(Call::QuotaInfo, &[0, address]), Error::InvalidAddress, "{address:#x}");
        assert_eq!(system.err(Call::DebugWrite, &[system.machine, address, 8]), Error::InvalidAddress, "{address:#x}");
    }
    for read_only in [PROGRAM_BASE, CLOCK_PAGE] {
        assert_eq!(system.err(Call::QuotaInfo, &[0, read_only]), Error::InvalidAddress);
    }
    // Straddling two pages that are both there is fine.
    system.write(root, SCRATCH + PAGE_SIZE - 3, b"hello");
    system.ok(Call::DebugWrite, &[system.machine, SCRATCH + PAGE_SIZE - 3, 5]);
    assert_eq!(system.kernel.machine().debug, b"hello");
    assert_eq!(system.err(Call::DebugWrite, &[system.machine, SCRATCH, 1 << 40]), Error::InvalidArgument);
}

#[test]
fn mappings_are_found_wherever_they_are_and_bounded_in_number() {
    let mut system = System::boot();
    let region = system.ok(Call::RegionCreate, &[0, 4, 0]);
    let held = system.kernel.processes[system.root_process].mappings.len();
    let free = airox_abi::layout::MAX_MAPPINGS - held;
    // Every other page, from the outside in.
    let address = |index: usize| 0x5000_0000 + index as u64 * 2 * PAGE_SIZE;
    let order = (0..free).map(|index| if index % 2 == 0 { index / 2 } else { free - 1 - index / 2 });
    for index in order {
        system.ok(Call::RegionMap, &[region, 0, address(index), (index % 3) as u64, 1, 1]);
    }
    assert_eq!(system.err(Call::RegionMap, &[region, 0, address(free), 0, 1, 1]), Error::QuotaExceeded);
    for index in 0..free {
        system.write(system.root_process, address(index), &[index as u8 % 3]);
        assert!(system.kernel.write_user((system.root_process, address(index) + PAGE_SIZE), b"x").is_err());
    }
    for index in (0..free).rev() {
        assert_eq!(system.read(system.root_process, address(index), 1), [index as u8 % 3]);
    }
    system.ok(Call::RegionUnmap, &[0, address(7)]);
    assert_eq!(system.err(Call::RegionUnmap, &[0, address(7)]), Error::NotMapped);
    for (start, pages) in [(address(6), 1), (address(6), 3), (address(7), 3), (address(6) + PAGE_SIZE, 4)] {
        assert_eq!(system.err(Call::RegionMap, &[region, 0, start, 0, pages, 1]), Error::AlreadyMapped);
    }
    system.ok(Call::RegionMap, &[region, 0, address(6) + PAGE_SIZE, 0, 3, 1]);
    for index in (0..free).filter(|&index| index != 7) {
        system.ok(Call::RegionUnmap, &[0, address(index)]);
    }
}

#[test]
fn contiguous_memory_holds_zeros_before_anybody_sees_it() {
    let mut system = System::boot();
    let pages = 40;
    let region = system.ok(Call::RegionCreate, &[0, pages, 1]);
    let context = system.kernel.current();
    (context.rax, context.rdi, context.ip) = (Call::RegionInfo as u64, region, 100);
    system.kernel.system_call();
    assert_eq!(system.kernel.current().ip, 98, "there is more to do");
    system.ok(Call::RegionInfo, &[region]);
    system.ok(Call::RegionMap, &[region, 0, 0x5000_0000, 0, pages, 1]);
    for page in 0..pages {
        assert_eq!(system.read(system.root_process, 0x5000_0000 + page * PAGE_SIZE, 4096), [0; 4096]);
    }
    let other = system.ok(Call::RegionCreate, &[0, pages, 1]);
    system.ok(Call::RegionMap, &[other, 0, 0x6000_0000, 0, pages, 1]);
    assert_eq!(system.read(system.root_process, 0x6000_0000 + (pages - 1) * PAGE_SIZE, 4096), [0; 4096]);
}
