//! The PC as the kernel's logic sees it.

use super::clock;
use super::cpu::Cpu;
use super::io_apic::InterruptLines;
use super::local_apic::WAKE;
use super::lock;
use super::physical::{PAGE, in_frame};
use super::uart;
use airox_kernel::memory::Range;
use airox_kernel_core::machine::{Frame, Machine};
use alloc::vec::Vec;
use core::arch::asm;
use core::arch::x86_64::{__m256i, _mm256_setzero_si256};
use x86_64::instructions::tlb;
use x86_64::{PhysAddr, VirtAddr};

/// A PC: what all its CPUs share. What belongs to one is found through [`Cpu::current`].
pub struct Pc {
    /// Interrupt lines.
    pub lines: InterruptLines,
    /// Physical ranges no driver may have: RAM in use, interrupt controllers.
    pub occupied: Vec<Range>,
    /// All CPUs, by number.
    pub cpus: Vec<Other>,
}

/// A CPU as others see it.
pub struct Other {
    /// Its structure.
    pub cpu: *mut Cpu,
    /// The id of its local APIC.
    pub apic_id: u32,
}

/// Loads an address space on this CPU.
pub fn load(cpu: &mut Cpu, root: u64) {
    cpu.loaded = root;
    // SAFETY: `root` is a top-level table whose upper half is the kernel's.
    unsafe { asm!("mov cr3, {}", in(reg) root, options(nostack, preserves_flags)) };
}

/// Bit of XCR0: AVX state.
const AVX: u32 = 1 << 2;

/// Fills a page with zeros, 32 bytes at a time.
///
/// # Safety
/// The page is mapped, aligned and nobody else's.
#[target_feature(enable = "avx")]
unsafe fn zero_page(page: *mut u8) {
    for vector in 0..PAGE / size_of::<__m256i>() {
        // SAFETY: by the contract. (Volatile, so that it does not become a call of `memset`.)
        unsafe { page.cast::<__m256i>().add(vector).write_volatile(_mm256_setzero_si256()) };
    }
}

impl Pc {
    /// This CPU.
    fn cpu(&mut self) -> &mut Cpu {
        // SAFETY: 1. The GS base is set before the kernel's logic starts. 2. The reference borrows the machine exclusively, and
        // the kernel holds no other: the entry stubs' Rust side keeps only a pointer.
        unsafe { Cpu::current() }
    }
}

impl Machine for Pc {
    #[inline]
    fn read_word(&self, frame: Frame, word: usize) -> u64 {
        let pointer = in_frame(frame, word * 8, 8).cast::<u64>();
        // SAFETY: 1. The word is mapped and aligned, by `in_frame`. 2. Frames are no Rust object's memory.
        unsafe { pointer.read_volatile() }
    }

    #[inline]
    fn write_word(&mut self, frame: Frame, word: usize, value: u64) {
        let pointer = in_frame(frame, word * 8, 8).cast::<u64>();
        // SAFETY: as in `read_word`; core decides what may be written to a frame.
        unsafe { pointer.write_volatile(value) };
    }

    fn zero_frame(&mut self, frame: Frame) {
        let pointer = in_frame(frame, 0, PAGE);
        let has_avx = self.cpu().vector_components & AVX != 0;
        // SAFETY: 1. The whole frame is mapped, by `in_frame`, and no Rust object's memory. 2. The CPU has AVX where it is used. 3. Programs' vector
        // registers are saved or dead while the kernel runs, and reset before a program runs.
        unsafe {
            if has_avx {
                zero_page(pointer);
            } else {
                core::ptr::write_bytes(pointer, 0, PAGE);
            }
        }
    }

    fn copy_frame(&mut self, from: (Frame, usize), to: (Frame, usize), length: usize) {
        let source = in_frame(from.0, from.1, length);
        let target = in_frame(to.0, to.1, length);
        // SAFETY: both ranges are mapped, by `in_frame`; they may overlap.
        unsafe { core::ptr::copy(source, target, length) };
    }

    fn read_frame(&self, frame: Frame, offset: usize, into: &mut [u8]) {
        let source = in_frame(frame, offset, into.len());
        // SAFETY: 1. The source is mapped, by `in_frame`. 2. `into` is the kernel's own memory, which no frame passed here is.
        unsafe { core::ptr::copy_nonoverlapping(source, into.as_mut_ptr(), into.len()) };
    }

    fn write_frame(&mut self, frame: Frame, offset: usize, from: &[u8]) {
        let target = in_frame(frame, offset, from.len());
        // SAFETY: as in `read_frame`.
        unsafe { core::ptr::copy_nonoverlapping(from.as_ptr(), target, from.len()) };
    }

    fn init_address_space(&mut self, root: Frame) {
        let kernel = Frame::containing(self.cpu().kernel_root);
        // The upper half of the top-level table: 256 entries.
        self.copy_frame((kernel, PAGE / 2), (root, PAGE / 2), PAGE / 2);
    }

    fn leave_address_space(&mut self, root: Frame) {
        let cpu = self.cpu();
        if cpu.loaded == root.address() {
            let kernel = cpu.kernel_root;
            load(cpu, kernel);
        }
        self.flush_elsewhere(root);
    }

    fn flush_page(&mut self, root: Frame, address: u64) {
        if self.cpu().loaded == root.address() {
            tlb::flush(VirtAddr::new_truncate(address));
        }
    }

    /// All others let go of the address space, if they have it.
    fn flush_elsewhere(&mut self, root: Frame) {
        let own = self.cpu().number as usize;
        for number in (0..self.cpus.len()).filter(|&number| number != own) {
            let Other { cpu, apic_id } = self.cpus[number];
            // SAFETY: 1. The structure is never freed. 2. Its owner writes the field only while it is inside the kernel, and now this CPU is.
            let loaded = unsafe { core::ptr::addr_of!((*cpu).loaded).read_volatile() };
            if loaded == root.address() {
                lock::ask(self.cpu(), number as u32, apic_id, lock::LEAVE_SPACE);
            }
        }
    }

    fn interrupt_processor(&mut self, number: u32) {
        let id = self.cpus[number as usize].apic_id;
        self.cpu().local_apic().send(id, WAKE);
    }

    fn stop_processor(&mut self, number: u32) {
        let id = self.cpus[number as usize].apic_id;
        lock::ask(self.cpu(), number, id, lock::STOP);
    }

    #[inline]
    fn now(&self) -> u64 {
        clock::now()
    }

    fn arm_timer(&mut self, ticks: u64) {
        self.cpu().local_apic().arm(ticks, clock::now());
    }

    fn irq_exists(&self, line: u32) -> bool {
        self.lines.exists(line)
    }

    fn message_address(&self) -> u64 {
        self.lines.message_address()
    }

    fn irq_enable(&mut self, line: u32) -> bool {
        self.lines.enable(line)
    }

    fn irq_set_masked(&mut self, line: u32, masked: bool) {
        self.lines.set_masked(line, masked);
    }

    fn set_io_ports(&mut self, processor: u32, ranges: &[(u16, u16)]) {
        let cpu = self.cpus[processor as usize].cpu;
        // SAFETY: 1. The structure is never freed. 2. It is this CPU's own, or that of one which stands still; the reference ends with the statement.
        unsafe { (*cpu).task_state.set_ports(ranges) };
    }

    fn load_io_ports(&mut self, processor: u32, ranges: &[(u16, u16)]) -> bool {
        let (first, last) = uart::PORTS;
        if ranges.iter().any(|range| range.0 <= last && first <= range.1) {
            uart::give_away();
        }
        let cpu = self.cpus[processor as usize].cpu;
        // SAFETY: 1. The structure is never freed. 2. It is this CPU's own; the reference ends with the statement.
        unsafe { (*cpu).task_state.load_ports(ranges) }
    }

    fn device_range_allowed(&self, first: Frame, count: u32) -> bool {
        let start = first.address();
        let Some(end) = first.0.checked_add(count) else {
            return false;
        };
        let range = Range { start, end: Frame(end).address() };
        PhysAddr::try_new(range.end).is_ok() && !self.occupied.iter().any(|taken| taken.overlaps(range))
    }

    fn debug_write(&mut self, text: &[u8]) {
        uart::write(text);
    }
}
