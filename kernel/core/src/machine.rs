//! What the kernel's logic needs from the hardware, and nothing more.
//!
//! Everything here works on *physical* memory: the kernel never dereferences a user address, it
//! walks the page tables and copies between frames.

/// A 4 KiB frame of physical memory, by number (physical address / 4096).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Frame(pub u32);

impl Frame {
    /// Physical address of its first byte.
    #[must_use]
    pub const fn address(self) -> u64 {
        (self.0 as u64) << 12
    }

    /// The frame that holds this physical address (below 16 TiB).
    #[must_use]
    pub const fn containing(address: u64) -> Frame {
        Frame((address >> 12) as u32)
    }
}

/// Most I/O port ranges one process can use.
pub const PORT_RANGES: usize = 16;

/// The hardware under the kernel's logic.
///
/// # Contract
/// Frames passed in are either frames that [`crate`]'s allocator owns or frames a device region names;
/// `offset + length` never passes a frame's end (implementations check it all the same).
pub trait Machine {
    /// Reads the 8-byte word with index `word` (0..512) of a frame.
    fn read_word(&self, frame: Frame, word: usize) -> u64;
    /// Writes the 8-byte word with index `word` (0..512) of a frame.
    fn write_word(&mut self, frame: Frame, word: usize, value: u64);
    /// Fills a frame with zeros.
    fn zero_frame(&mut self, frame: Frame);
    /// Copies bytes between two frames (which may be the same).
    fn copy_frame(&mut self, from: (Frame, usize), to: (Frame, usize), length: usize);
    /// Copies bytes out of a frame.
    fn read_frame(&self, frame: Frame, offset: usize, into: &mut [u8]);
    /// Copies bytes into a frame.
    fn write_frame(&mut self, frame: Frame, offset: usize, from: &[u8]);

    /// Makes a zeroed frame a top-level page table: fills in the kernel's half.
    fn init_address_space(&mut self, root: Frame);
    /// This address space is about to go: no processor may keep it loaded.
    fn leave_address_space(&mut self, root: Frame);
    /// Drops this processor's cached translation of one page of an address space.
    fn flush_page(&mut self, root: Frame, address: u64);
    /// Drops all other processors' cached translations of an address space's pages; when it returns, none is in use any more.
    fn flush_elsewhere(&mut self, root: Frame);

    /// Interrupts another processor: it calls [`Kernel::kicked`](crate::Kernel::kicked) as soon as it can.
    fn interrupt_processor(&mut self, number: u32);
    /// Returns once another processor stands in front of the kernel, with the registers of its thread saved. It calls
    /// [`Kernel::kicked`](crate::Kernel::kicked) when it goes on, and its thread repeats the system call that it was about to make.
    fn stop_processor(&mut self, number: u32);

    /// The TSC.
    fn now(&self) -> u64;
    /// Asks for a timer interrupt of this processor once the TSC reaches `ticks` (soon, if it is past); `u64::MAX` for none.
    fn arm_timer(&mut self, ticks: u64);

    /// Whether the machine has this global interrupt line, free for a driver.
    fn irq_exists(&self, line: u32) -> bool;
    /// Where message-signalled interrupts are written to.
    fn message_address(&self) -> u64;
    /// Lets a line interrupt. Returns whether it is level-triggered (then the kernel masks it at each interrupt).
    fn irq_enable(&mut self, line: u32) -> bool;
    /// Masks a line, or unmasks it.
    fn irq_set_masked(&mut self, line: u32, masked: bool);

    /// Lets ring 3 on one processor (this one, or one that was stopped) use exactly these I/O port ranges (first, last) from now on, until the next
    /// call, or none, until [`Self::load_io_ports`]. Called at a switch to a process with ports and at the switch away from it, never otherwise.
    fn set_io_ports(&mut self, processor: u32, ranges: &[(u16, u16)]);
    /// Lets ring 3 on this processor use exactly these. Returns whether it could not before.
    fn load_io_ports(&mut self, processor: u32, ranges: &[(u16, u16)]) -> bool;

    /// Whether a range of physical addresses may be handed to a driver as device memory: not RAM in use, not an interrupt controller.
    fn device_range_allowed(&self, first: Frame, count: u32) -> bool;

    /// Writes text to the debug UART.
    fn debug_write(&mut self, text: &[u8]);
}
