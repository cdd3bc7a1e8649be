//! The driver's program: the first display of a virtio graphics device behind the interface `display`.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

use airox_driver_kit::{Device, InterruptPatience, KitError};
use airox_rt::{Start, exit_code};
use airox_virtio::{SetupError, Transport};
use airox_virtio_gpu::{GpuError, VirtioGpu};
use alloc::boxed::Box;
use core::error::Error;
use core::fmt;

airox_rt::entry!(main);

/// Nanoseconds that a command may take: the device copies a picture.
const LONGEST: u64 = 1_000_000_000;

/// Why there is no display.
#[derive(Debug)]
enum Failure {
    Kit(KitError),
    Gpu(GpuError),
}

impl From<SetupError> for Failure {
    fn from(error: SetupError) -> Failure {
        Failure::Gpu(GpuError::Setup(error))
    }
}

impl From<GpuError> for Failure {
    fn from(error: GpuError) -> Failure {
        Failure::Gpu(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Kit(error) => error.fmt(formatter),
            Failure::Gpu(error) => error.fmt(formatter),
        }
    }
}

impl Error for Failure {}

fn main(start: &'static Start) -> Result<(), Box<dyn Error>> {
    let device = Device::take(start)?;
    let window = |bar, offset, length| device.registers(bar, offset, length);
    let transport = Transport::find(&mut device.configuration(), window)?;
    let patience = InterruptPatience::new(&device, LONGEST)?;
    let display = match VirtioGpu::new(transport, patience, |bytes| device.memory(bytes).map_err(Failure::Kit)) {
        Err(Failure::Gpu(GpuError::NoDisplay)) => airox_rt::sys::process_exit(exit_code::NO_DEVICE),
        other => other?,
    };
    airox_display_server::serve(start, device, display)
}
