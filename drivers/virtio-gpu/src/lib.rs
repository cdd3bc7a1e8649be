//! Virtio graphics (VIRTIO 1.2, section 5.7), two-dimensional: its first display as a [`Display`].
//!
//! The device keeps pictures of its own, which are filled from memory that it was given, and shows one of them. Here each picture that is shown gets one, by
//! turns with two numbers, so the one before stays until its successor is there. One command is under way at a time.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod command;

use airox_driver_traits::display::{Area, Display, DisplayError, MAX_SIDE, PIXEL, Size};
use airox_driver_traits::dma::DmaMemory;
use airox_driver_traits::patience::Patience;
use airox_driver_traits::registers::Registers;
use airox_virtio::{Buffer, Queue, SetupError, Transport};
use alloc::vec::Vec;
use core::fmt;

use command::{Command, LONGEST_ANSWER};

/// The queue of commands; there is another for the pointer.
const COMMANDS: u16 = 0;
const SLOTS: u16 = 4;
/// Bytes of the memory for a command and its answer, and where the answer is.
const MEMORY: usize = 1024;
const ANSWER: usize = 512;

/// Why there is no display.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GpuError {
    /// The device cannot be driven.
    Setup(SetupError),
    /// None is switched on, or its size makes no sense.
    NoDisplay,
    /// The device refuses, or does not answer in time.
    Device,
}

impl fmt::Display for GpuError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GpuError::Setup(error) => error.fmt(formatter),
            GpuError::NoDisplay => formatter.write_str("no display is switched on"),
            GpuError::Device => DisplayError::Device.fmt(formatter),
        }
    }
}

impl core::error::Error for GpuError {}

impl From<SetupError> for GpuError {
    fn from(error: SetupError) -> GpuError {
        GpuError::Setup(error)
    }
}

impl From<DisplayError> for GpuError {
    fn from(_: DisplayError) -> GpuError {
        GpuError::Device
    }
}

/// A display.
#[derive(Debug)]
pub struct VirtioGpu<R, D, P> {
    transport: Transport<R>,
    queue: Queue<D>,
    memory: D,
    patience: P,
    display: u32,
    size: Size,
    /// The number of the picture that is shown; 0 is none.
    picture: u32,
    broken: bool,
}

impl<R: Registers, D: DmaMemory, P: Patience> VirtioGpu<R, D, P> {
    /// Sets the device up. `memory` is asked for memory of so many bytes, after the device has been reset. The device interrupts by its first interrupt, which
    /// `patience` waits for.
    ///
    /// # Errors
    /// [`GpuError`], or why there is no memory.
    pub fn new<E: From<SetupError> + From<GpuError>>(
        mut transport: Transport<R>,
        patience: P,
        mut memory: impl FnMut(usize) -> Result<D, E>,
    ) -> Result<VirtioGpu<R, D, P>, E> {
        transport.begin(0, 0)?;
        let queue = transport.queue(COMMANDS, SLOTS, 0, memory(Queue::<D>::bytes(SLOTS))?)?;
        let memory = memory(MEMORY)?;
        transport.go();
        let size = Size { width: 0, height: 0 };
        let mut gpu = VirtioGpu { transport, queue, memory, patience, display: 0, size, picture: 0, broken: false };
        let displays = gpu.command(Command::Displays).map_err(GpuError::from)?;
        let fits = |size: Size| (1..=MAX_SIDE).contains(&size.width) && (1..=MAX_SIDE).contains(&size.height);
        let found = command::first_display(&displays).filter(|(_, size)| fits(*size)).ok_or(GpuError::NoDisplay)?;
        (gpu.display, gpu.size) = found;
        Ok(gpu)
    }

    /// Has a command done. A device that has failed is not asked again: it may still be about to write to the memory of the answer.
    fn command(&mut self, command: Command) -> Result<Vec<u8>, DisplayError> {
        if self.broken {
            return Err(DisplayError::Device);
        }
        let answered = self.ask(command);
        self.broken = answered.is_none();
        answered.ok_or(DisplayError::Device)
    }

    fn ask(&mut self, command: Command) -> Option<Vec<u8>> {
        let (bytes, (length, kind)) = (command.bytes(), command.answer());
        self.memory.copy_in(0, &bytes);
        self.memory.copy_in(ANSWER, &[0; LONGEST_ANSWER]);
        let address = self.memory.device_address();
        let buffers = [
            Buffer { address, length: bytes.len() as u32, device_writes: false },
            Buffer { address: address + ANSWER as u64, length: length as u32, device_writes: true },
        ];
        self.queue.add(0, &buffers).ok()?;
        self.patience.begin();
        self.transport.notify(&self.queue);
        let written = loop {
            match self.queue.take().ok()? {
                Some((_, written)) => break written as usize,
                None if self.transport.needs_reset() || !self.patience.wait() => return None,
                None => {}
            }
        };
        let mut answer = alloc::vec![0; Some(written).filter(|written| *written <= length)?];
        self.memory.copy_out(ANSWER, &mut answer);
        (command::kind(&answer) == Some(kind)).then_some(answer)
    }
}

impl<R: Registers, D: DmaMemory, P: Patience> Display for VirtioGpu<R, D, P> {
    fn size(&self) -> Size {
        self.size
    }

    fn show(&mut self, address: u64) -> Result<(), DisplayError> {
        let (before, size, display) = (self.picture, self.size, self.display);
        let picture = if before == 1 { 2 } else { 1 };
        self.command(Command::Create { picture, size })?;
        self.command(Command::Attach { picture, address, bytes: size.bytes() as u32 })?;
        self.command(Command::Show { display, picture, size })?;
        self.picture = picture;
        if before != 0 {
            self.command(Command::Forget { picture: before })?;
        }
        Ok(())
    }

    fn update(&mut self, area: Area) -> Result<(), DisplayError> {
        let picture = self.picture;
        if picture == 0 {
            return Err(DisplayError::NotShown);
        }
        let first = u64::from(area.y) * u64::from(self.size.width) + u64::from(area.x);
        self.command(Command::Transfer { picture, area, offset: first * PIXEL })?;
        self.command(Command::Flush { picture, area }).map(drop)
    }
}
