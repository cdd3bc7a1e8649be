//! The BIOS entry: the boot sector's code, stage 2, and the calls of the BIOS.
//!
//! Stage 2 runs in long mode on an identity map of the first 4 GiB, with interrupts off. A BIOS service is
//! called through a thunk that goes back to real mode for it.
#![no_std]
#![no_main]

mod acpi;
mod disk;
mod firmware;
mod memory;
#[path = "../runtime.rs"]
mod runtime;
mod thunk;
mod video;

use airox_loader::volume::BootVolume;
use airox_loader::{boot, console, fault, progress};

use firmware::BiosFirmware;

/// Stage 2's Rust entry, called from `stage2.s`.
#[unsafe(no_mangle)]
extern "sysv64" fn bios_main(boot_disk: u8, entry_ticks: u64) -> ! {
    // SAFETY: a BIOS does not touch COM1 on its own.
    unsafe { console::start_serial() };
    // SAFETY: the thunk loads real mode's handlers for the BIOS, and puts these back.
    unsafe { fault::install() };
    let framebuffer = video::set_up();
    match framebuffer {
        // SAFETY: the BIOS reported this frame buffer; it lies in the identity-mapped 4 GiB.
        Some(framebuffer) => unsafe { console::show_on(framebuffer) },
        // SAFETY: without a graphics mode the screen is in the text mode BIOSes boot with.
        None => unsafe { console::show_on_vga_text() },
    }
    progress!("BIOS");
    let memory = memory::Memory::detect();
    if !memory.enable_a20() {
        console::fail(format_args!("cannot enable the A20 address line"));
    }
    let volume = disk::open(boot_disk).map(BootVolume::open);
    let error = match volume {
        Ok(Ok(volume)) => boot::boot(BiosFirmware::new(volume, memory, framebuffer), entry_ticks),
        Ok(Err(error)) => console::fail(format_args!("cannot open the boot volume: {error}")),
        Err(error) => console::fail(format_args!("cannot read the boot disk: {error}")),
    };
    console::fail(format_args!("{error}"))
}
