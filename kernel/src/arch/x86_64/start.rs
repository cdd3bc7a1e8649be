//! From the loader's hand-over to the first thread.
//!
//! 1. [`main`], on the loader's stack and page tables: takes memory for itself, copies what the loader tells, builds its own
//!    tables.
//! 2. [`running`], on its own stack and tables: sets the CPU, the machine and all other CPUs up, starts the kernel's logic, and leaves to ring 3.

use super::cpu::Cpu;
use super::descriptors::{self, KERNEL_CODE, KERNEL_DATA, TaskState};
use super::features::{self, Features};
use super::firmware::Firmware;
use super::io_apic::InterruptLines;
use super::local_apic::LocalApic;
use super::machine::{Other, Pc};
use super::paging::{self, Frames, Tables};
use super::{clock, entry, failure_tests, lock, panic, physical, start_others, uart};
use airox_abi::root::Framebuffer;
use airox_bundle::{Bundle, KERNEL_SYMBOLS_FILE, Symbols};
use airox_kernel::memory::{Range, remainder, reserve};
use airox_kernel_core::machine::Frame;
use airox_kernel_core::{Boot, Capacity, Kernel, RootImage};
use alloc::boxed::Box;
use alloc::vec::Vec;
use bootloader_api::config::Mapping;
use bootloader_api::info::{MemoryRegion, MemoryRegionKind, PixelFormat};
use bootloader_api::{BootInfo, BootloaderConfig};
use core::ptr::null_mut;
use linked_list_allocator::LockedHeap;
use pic8259::ChainedPics;

/// The kernel's tables are allocated here at start; nothing is allocated after.
#[global_allocator]
static HEAP: LockedHeap = LockedHeap::empty();

/// Where the vectors of the legacy interrupt controllers would be. They are masked, and no CPU listens to them any more, so they raise none.
const LEGACY: u8 = 0x20;
/// Flags of the idle loop, which turns interrupts on itself: only the bit that is always 1.
const IDLE_FLAGS: u64 = 1 << 1;

/// What the kernel asks the loader for: all physical memory mapped at [`physical::MAP`].
static CONFIG: BootloaderConfig = {
    let mut config = BootloaderConfig::new_default();
    config.mappings.physical_memory = Some(Mapping::FixedAddress(physical::MAP));
    config.mappings.dynamic_range_start = Some(0xffff_e000_0000_0000);
    config.kernel_stack_size = 128 << 10;
    config
};

bootloader_api::entry_point!(main, config = &CONFIG);

/// What [`main`] passes to [`running`].
struct Handoff {
    cpu: *mut Cpu,
    tables: Tables,
    firmware: Firmware,
    /// RAM, in use or not.
    ram: Vec<Range>,
    /// A range below 1 MiB for the start of other CPUs, if there is one.
    low: Option<Range>,
    bundle: Bundle<'static>,
    /// What the kernel's logic wants to know; only the frequency and how many processors start is still to be found out.
    boot: Boot<'static>,
}

/// The kernel's entry.
fn main(boot: &'static mut BootInfo) -> ! {
    let entry_ticks = clock::now();
    // The first ticket: all other CPUs wait until this one leaves for ring 3.
    lock::take_ticket();
    uart::init();
    features::protect();
    let map = boot.physical_memory_offset.into_option();
    assert_eq!(map, Some(physical::MAP), "the loader has not mapped physical memory where it should");
    let is_ram = |kind| matches!(kind, MemoryRegionKind::Usable | MemoryRegionKind::Bootloader);
    let range = |region: &MemoryRegion| Range { start: region.start, end: region.end };
    let ram = boot.memory_regions.iter().filter(|region| is_ram(region.kind));
    let ram_end = ram.clone().map(|region| region.end).max().unwrap_or(0);
    let usable = boot.memory_regions.iter().filter(|region| region.kind == MemoryRegionKind::Usable).map(range);

    // At least the first 4 GiB, so that firmware tables are within reach, and whole 2 MiB pages.
    let limit = ram_end.max(1 << 32).next_multiple_of(2 << 20);
    physical::set_limit(limit);
    let frames = usable.clone().map(|range| range.usable().length() >> 12).sum::<u64>();
    let capacity = Capacity::for_frames(u32::try_from(frames).unwrap_or(u32::MAX));
    let rsdp = boot.rsdp_addr.into_option().unwrap_or(0);
    let firmware = Firmware::read(rsdp);
    let processors = firmware.processors.len().max(1) as u32;
    let heap = (capacity.heap_bytes(Frame::containing(ram_end).0, processors) as u64).next_multiple_of(4096);
    let tables = Frames::needed(limit, u64::from(processors) * STACKS_EACH) << 12;
    let reserved = reserve(usable.clone(), heap + tables).expect("too little memory");
    let tables = Range { start: reserved.end - tables, end: reserved.end };
    // SAFETY: 1. The range is RAM that the loader says is free, mapped at this address in its tables and in the kernel's. 2. Nothing has
    // been allocated yet.
    unsafe { HEAP.lock().init(physical::pointer(reserved.start), heap as usize) };

    let (bundle_range, bundle) = system_bundle(boot);
    let program = bundle.program(bundle.root_program()).expect("the bundle lacks its root program");
    let mut tables = Tables::build(Frames(tables), limit);
    let (cpu, root) = (new_cpu(0, &mut tables), tables.root);
    let segments = program.segments().collect::<Vec<_>>().leak();
    let boot = Boot {
        memory: usable.clone().filter_map(|range| remainder(range, reserved)).collect::<Vec<_>>().leak(),
        processors,
        ticks_per_second: 0,
        boot_ticks: entry_ticks,
        bundle: bundle_range,
        rsdp,
        framebuffer: framebuffer(boot).unwrap_or_default(),
        root: RootImage { name: program.name(), entry: program.entry(), segments },
        kernel_address_space: Frame::containing(root),
    };
    let (ram, low) = (ram.map(range).collect(), usable.clone().find_map(start_others::low_range));
    let handoff = Box::new(Handoff { cpu, tables, firmware, ram, low, bundle, boot });
    // SAFETY: 1. `Tables::build` has mapped the image as it is mapped now. 2. The stack is new. 3. The argument is on the heap, and this
    // function does not return. 4. The CPU's structure is nobody else's.
    unsafe { paging::switch(root, (*cpu).stack, running, Box::into_raw(handoff).cast()) }
}

/// Where the system bundle is, physically, and what is in it. The names in it serve backtraces from here on.
fn system_bundle(boot: &BootInfo) -> ((u64, u64), Bundle<'static>) {
    let address = boot.ramdisk_addr.into_option().expect("the loader brought no system bundle");
    let start = paging::translate(address).expect("the system bundle is not mapped");
    assert!(start.is_multiple_of(4096), "the system bundle is not page-aligned");
    // SAFETY: the loader has put the bundle there; nobody writes to it: its frames are not handed out, and programs map it read-only.
    let bytes = unsafe { physical::slice(start, boot.ramdisk_len) };
    let bundle = Bundle::parse(bytes.expect("the system bundle is outside physical memory"));
    let bundle = bundle.unwrap_or_else(|error| panic!("system bundle: {error}"));
    if let Some(symbols) = bundle.file(KERNEL_SYMBOLS_FILE).and_then(|file| Symbols::parse(file).ok()) {
        panic::SYMBOLS.call_once(|| symbols);
    }
    ((start, boot.ramdisk_len), bundle)
}

/// The frame buffer as firmware set it up; none if its pixel format has no name.
fn framebuffer(boot: &BootInfo) -> Option<Framebuffer> {
    let buffer = boot.framebuffer.as_ref()?;
    let info = buffer.info();
    let format = match info.pixel_format {
        PixelFormat::Rgb => 0,
        PixelFormat::Bgr => 1,
        PixelFormat::U8 => 2,
        _ => return None,
    };
    Some(Framebuffer {
        address: paging::translate(buffer.buffer().as_ptr() as u64)?,
        length: info.byte_len as u64,
        width: info.width as u32,
        height: info.height as u32,
        stride: info.stride as u32,
        bytes_per_pixel: info.bytes_per_pixel as u32,
        format,
        reserved: 0,
    })
}

/// Continues on the kernel's own stack and page tables.
extern "C" fn running(handoff: *mut u8) -> ! {
    // SAFETY: `main` has made this pointer from the box.
    let handoff = *unsafe { Box::from_raw(handoff.cast::<Handoff>()) };
    let Handoff { cpu, mut tables, firmware, mut ram, low, bundle, mut boot } = handoff;
    // SAFETY: 1. Interrupts are off. 2. The structure is leaked, and only this pointer to it is left. 3. Its stacks have just been mapped.
    unsafe { descriptors::load(cpu) };
    Features::get().enable();

    // Before the local APIC stops listening to them: an interrupt they have already announced is withdrawn only while it does.
    // SAFETY: the kernel alone uses the legacy interrupt controllers; from here on they are masked.
    unsafe { ChainedPics::new_contiguous(LEGACY).disable() };
    let mut local_apic = LocalApic::new(tables.device(firmware.local_apic));
    let ticks_per_second = clock::calibrate(&firmware, &mut local_apic);
    let lines = InterruptLines::new(&firmware, &mut tables, local_apic.id() as u8);
    // Messages that interrupt a CPU go to this range; no driver may write there.
    ram.push(Range { start: 0xfee0_0000, end: 0xfef0_0000 });
    ram.extend(firmware.io_apics.iter().map(|&(start, _)| Range { start, end: start + 4096 }));
    let mut cpus = Vec::from([Other { cpu, apic_id: local_apic.id() }]);
    if firmware.processors.len() > 1 {
        start_others::start(low, ticks_per_second, &firmware, &mut local_apic, &mut tables, &mut cpus);
    }
    (boot.ticks_per_second, boot.processors) = (ticks_per_second, cpus.len() as u32);
    let structures: Vec<_> = cpus.iter().map(|other| other.cpu).collect();
    let machine = Pc { lines, occupied: ram, cpus };
    // SAFETY: no reference to the structure is alive; interrupts are off.
    unsafe { (*cpu).local_apic = Some(local_apic) };

    if let Some(how) = bundle.file(failure_tests::FILE_FOR_TESTS) {
        failure_tests::fail_on_purpose(how);
    }
    let kernel = Kernel::new(machine, &boot).unwrap_or_else(|error| panic!("{}: {}", error.0, error.1));
    let kernel = Box::leak(Box::new(kernel));
    kernel.set_idle_context(entry::idle as *const () as u64, KERNEL_CODE, KERNEL_DATA, IDLE_FLAGS);
    log::info!(
        "{} processor{}, {} MiB of memory, TSC {} kHz, {} us since entry",
        boot.processors,
        if boot.processors == 1 { "" } else { "s" },
        boot.memory.iter().map(|&(_, frames)| u64::from(frames)).sum::<u64>() >> 8,
        ticks_per_second / 1000,
        (clock::now() - boot.boot_ticks) * 1000 / (ticks_per_second / 1000).max(1),
    );
    // SAFETY: 1. This CPU is set up, interrupts are off. 2. All others wait at the kernel's door. 3. This stack's contents are not used again: what
    // must last is on the heap. No reference to a CPU's structure or the kernel is used again, before the ticket that this CPU has held since the
    // start is served on.
    unsafe {
        for (number, cpu) in structures.into_iter().enumerate() {
            (*cpu).processor = kernel.processor_address(number as u32);
            (*cpu).kernel = kernel;
        }
        entry::leave(kernel.current())
    }
}

/// Stacks of one CPU: its own, and those of [`TaskState::new`].
const STACKS_EACH: u64 = 4;

/// A CPU's structure, which lives for ever, with stacks of its own.
pub fn new_cpu(number: u32, tables: &mut Tables) -> *mut Cpu {
    let root = tables.root;
    Box::leak(Box::new(Cpu {
        this: null_mut(),
        current: null_mut(),
        scratch: 0,
        stack: tables.stack(),
        loaded: root,
        processor: 0,
        number,
        ticket: 0,
        vector_components: Features::get().vector_components.bits() as u32,
        task_state: TaskState::new(core::array::from_fn(|_| tables.stack())),
        kernel_root: root,
        local_apic: None,
        kernel: null_mut(),
    }))
}
