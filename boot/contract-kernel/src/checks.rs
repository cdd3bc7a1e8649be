//! The checks.

use airox_bundle::record::{self, LoaderRecord};
use airox_contract_kernel::bundle_byte;
use airox_loader::console;
use bootloader_api::BootInfo;
use bootloader_api::info::{MemoryRegion, MemoryRegionKind};
use x86_64::registers::control::{Cr0, Cr0Flags, Cr4, Cr4Flags, Efer, EferFlags};
use x86_64::registers::rflags::{self, RFlags};

use crate::pages::{Mapped, walk};
use crate::{PHYSICAL_OFFSET, Report, STACK_SIZE};

type Outcome = Result<(), &'static str>;

/// Initialised, zeroed and constant data, as the kernel file says.
static mut INITIALISED: [u64; 3] = [1, 2, 3];
static mut ZEROED: [u64; 1024] = [0; 1024];

/// Pages tried in each usable region.
const SAMPLES: u64 = 64;

/// Runs every check.
pub fn run(info: &mut BootInfo, report: &mut Report) {
    report.check("processor_state", processor_state());
    report.check("data_and_bss", data_and_bss());
    report.check("regions_are_sorted_and_disjoint", regions(info));
    report.check("usable_memory_can_be_used", usable_memory(info));
    report.check("physical_memory_is_mapped", physical_memory(info));
    report.check("nothing_is_writable_and_executable", rights());
    report.check("only_the_jump_is_in_the_lower_half", lower_half());
    report.check("no_frame_in_use_is_usable", frames_in_use(info));
    report.check("stack_and_its_guard_page", stack(info));
    report.check("kernel_file", kernel_file(info));
    report.check("ramdisk", ramdisk(info));
    report.check("loader_record", loader_record(info));
    report.check("acpi_root_pointer", root_pointer(info));
    framebuffer(info, report);
    let usable = info
        .memory_regions
        .iter()
        .filter(|region| region.kind == MemoryRegionKind::Usable)
        .map(|region| region.end - region.start)
        .sum::<u64>();
    console::print(format_args!("usable memory: {} KiB\n", usable / 1024));
}

fn expect(holds: bool, reason: &'static str) -> Outcome {
    if holds { Ok(()) } else { Err(reason) }
}

fn processor_state() -> Outcome {
    expect(!rflags::read().contains(RFlags::INTERRUPT_FLAG), "interrupts are on")?;
    expect(Efer::read().contains(EferFlags::NO_EXECUTE_ENABLE), "NX is off")?;
    expect(Cr0::read().contains(Cr0Flags::WRITE_PROTECT), "ring 0 may write to read-only pages")?;
    expect(Cr4::read().contains(Cr4Flags::OSFXSR), "SSE is off")?;
    expect(!Cr0::read().intersects(Cr0Flags::EMULATE_COPROCESSOR | Cr0Flags::TASK_SWITCHED), "the FPU is off")?;
    use x86_64::instructions::segmentation::{CS, SS, Segment};
    expect(CS::get_reg().0 == 8 && SS::get_reg().0 == 16, "segments are not from the loader's own table")
}

fn data_and_bss() -> Outcome {
    // SAFETY: one thread, and nobody writes to them.
    let (initialised, zeroed) =
        unsafe { ((&raw const INITIALISED).read_volatile(), (&raw const ZEROED).read_volatile()) };
    expect(initialised == [1, 2, 3], "initialised data is wrong")?;
    expect(zeroed.iter().all(|&word| word == 0), "bss is not zero")
}

fn regions(info: &BootInfo) -> Outcome {
    let mut end = 0;
    for region in info.memory_regions.iter() {
        expect(region.start >= end, "not sorted, or overlapping")?;
        expect(region.start < region.end, "an empty region")?;
        expect(region.start.is_multiple_of(4096) && region.end.is_multiple_of(4096), "not page-aligned")?;
        end = region.end;
    }
    Ok(())
}

fn usable(info: &BootInfo) -> impl Iterator<Item = &MemoryRegion> {
    info.memory_regions.iter().filter(|region| region.kind == MemoryRegionKind::Usable)
}

fn usable_memory(info: &BootInfo) -> Outcome {
    let largest = usable(info).map(|region| region.end - region.start).max();
    expect(largest >= Some(32 << 20), "no usable region of 32 MiB")?;
    expect(usable(info).all(|region| region.start != 0), "page 0 is usable")?;
    for region in usable(info) {
        // Samples, the first and the last page among them: touching all would only slow emulators down.
        let pages = (region.end - region.start) / 4096;
        for sample in 0..SAMPLES {
            let frame = region.start + (pages - 1) * sample / (SAMPLES - 1) * 4096;
            let word = (PHYSICAL_OFFSET + frame) as *mut u64;
            // SAFETY: usable memory is mapped there, and nobody uses it.
            let same = unsafe {
                word.write_volatile(!frame);
                word.read_volatile() == !frame
            };
            expect(same, "usable memory does not keep what is written")?;
        }
    }
    Ok(())
}

fn physical_memory(info: &BootInfo) -> Outcome {
    let offset = info.physical_memory_offset.into_option();
    expect(offset == Some(PHYSICAL_OFFSET), "not where it was asked for")?;
    let end = usable(info).map(|region| region.end).max().unwrap_or(0);
    let base = PHYSICAL_OFFSET & 0xffff_ffff_ffff;
    let (mut mapped, mut identical) = (0, true);
    walk(
        &mut |page| {
            if (base..base + (1 << 39)).contains(&page.address) {
                identical &= page.address - base == page.frame && page.writable;
                mapped += page.size;
            }
        },
        &mut |_| {},
    );
    expect(identical, "a page leads to another address, or is read-only")?;
    expect(mapped >= end.max(4 << 30), "not all of memory is mapped")
}

fn rights() -> Outcome {
    let mut both = false;
    walk(&mut |page| both |= page.writable && page.executable, &mut |_| {});
    expect(!both, "a page is")
}

fn lower_half() -> Outcome {
    let mut outcome = Ok(());
    let mut pages = 0;
    walk(
        &mut |page| {
            if page.address < 1 << 47 {
                pages += 1;
                outcome =
                    expect(page.size == 4096 && !page.writable && page.address == page.frame, "a page of another kind");
            }
        },
        &mut |_| {},
    );
    outcome?;
    expect(pages == 1, "not exactly one page")
}

fn frames_in_use(info: &BootInfo) -> Outcome {
    let base = PHYSICAL_OFFSET & 0xffff_ffff_ffff;
    let is_usable =
        |start: u64, size: u64| usable(info).any(|region| region.start < start + size && start < region.end);
    let mut page_is_usable = false;
    let mut table_is_usable = false;
    let outside_the_physical_map =
        |page: &Mapped| page.address >= 1 << 47 && !(base..base + (1 << 39)).contains(&page.address);
    walk(
        &mut |page| {
            if outside_the_physical_map(&page) {
                page_is_usable |= is_usable(page.frame, page.size);
            }
        },
        &mut |frame| table_is_usable |= is_usable(frame, 4096),
    );
    expect(!page_is_usable, "a mapped page's frame is usable")?;
    expect(!table_is_usable, "a page table's frame is usable")?;
    let ramdisk = info.ramdisk_addr.into_option().unwrap_or(PHYSICAL_OFFSET);
    expect(!is_usable(ramdisk - PHYSICAL_OFFSET, info.ramdisk_len), "the ramdisk is usable")?;
    expect(!is_usable(info.kernel_addr, info.kernel_len), "the kernel file is usable")
}

fn is_mapped(address: u64) -> bool {
    let address = address & 0xffff_ffff_ffff;
    let mut mapped = false;
    walk(&mut |page| mapped |= (page.address..page.address + page.size).contains(&address), &mut |_| {});
    mapped
}

fn stack(info: &BootInfo) -> Outcome {
    let local = 0_u8;
    let bottom = info.kernel_stack_bottom;
    expect(info.kernel_stack_len >= STACK_SIZE, "too short")?;
    let here = &raw const local as u64;
    expect((bottom..bottom + info.kernel_stack_len).contains(&here), "this is not it")?;
    expect(is_mapped(bottom) && is_mapped(bottom + info.kernel_stack_len - 1), "not all of it is mapped")?;
    expect(!is_mapped(bottom - 1), "no guard page")
}

fn kernel_file(info: &BootInfo) -> Outcome {
    // SAFETY: the file lies in memory that is the kernel's alone.
    let magic = unsafe { *((PHYSICAL_OFFSET + info.kernel_addr) as *const [u8; 4]) };
    expect(magic == *b"\x7fELF", "no ELF file at kernel_addr")
}

fn ramdisk(info: &BootInfo) -> Outcome {
    let address = info.ramdisk_addr.into_option().ok_or("no ramdisk")?;
    expect(address.is_multiple_of(4096), "not page-aligned")?;
    expect(
        (PHYSICAL_OFFSET..PHYSICAL_OFFSET + (1 << 39)).contains(&address),
        "not inside the physical-memory mapping",
    )?;
    // SAFETY: the loader mapped it for us.
    let bytes = unsafe { core::slice::from_raw_parts(address as *const u8, info.ramdisk_len as usize) };
    expect(!bytes.is_empty(), "empty")?;
    expect(bytes.iter().enumerate().all(|(index, &byte)| byte == bundle_byte(index)), "its bytes are not the file's")
}

fn loader_record(info: &BootInfo) -> Outcome {
    let address = info.ramdisk_addr.into_option().ok_or("no ramdisk")?;
    let start = address - record::LENGTH as u64;
    // SAFETY: the record lies in front of the ramdisk, in kept memory.
    let bytes = unsafe { *(start as *const [u8; record::LENGTH]) };
    let record = LoaderRecord::from_bytes(bytes).ok_or("no record")?;
    // SAFETY: reading the counter has no side effect.
    let now = unsafe { core::arch::x86_64::_rdtsc() };
    expect(record.entry_ticks != 0 && record.entry_ticks < now, "the loader started after the kernel")
}

fn root_pointer(info: &BootInfo) -> Outcome {
    let address = info.rsdp_addr.into_option().ok_or("none")?;
    // SAFETY: physical memory is mapped, and firmware keeps its tables.
    let signature = unsafe { *((PHYSICAL_OFFSET + address) as *const [u8; 8]) };
    expect(signature == *b"RSD PTR ", "wrong signature")
}

fn framebuffer(info: &mut BootInfo, report: &mut Report) {
    let Some(framebuffer) = info.framebuffer.as_mut() else {
        console::print(format_args!("frame buffer: none\n"));
        return;
    };
    let layout = framebuffer.info();
    console::print(format_args!("frame buffer: {layout:?}\n"));
    let fits = layout.stride >= layout.width
        && layout.stride * layout.height * layout.bytes_per_pixel <= layout.byte_len
        && layout.width >= 640
        && layout.height >= 400;
    report.check("framebuffer_layout", expect(fits, "its numbers contradict each other"));
    let bytes = framebuffer.buffer_mut();
    let last = layout.stride * (layout.height - 1) * layout.bytes_per_pixel;
    let mut same = true;
    for offset in [0, last] {
        let byte = &raw mut bytes[offset];
        // SAFETY: a byte of the frame buffer, which is ours.
        same &= unsafe {
            byte.write_volatile(0x5a);
            byte.read_volatile() == 0x5a
        };
    }
    report.check("framebuffer_memory", expect(same, "it does not keep what is written"));
}
