//! The UEFI entry: `\EFI\BOOT\BOOTX64.EFI`.
//!
//! Linked as a position-independent ELF file; `xtask` turns it into the PE file firmware wants.
#![no_std]
#![no_main]

mod firmware;
mod graphics;
#[path = "../runtime.rs"]
mod runtime;

use airox_loader::{boot, console, progress};
use uefi::Status;

use firmware::UefiFirmware;

#[uefi::entry]
fn main() -> Status {
    x86_64::instructions::interrupts::disable();
    // SAFETY: every CPU that runs this has a time-stamp counter, and reading it has no side effect.
    let entry_ticks = unsafe { core::arch::x86_64::_rdtsc() };
    // SAFETY: firmware may write to COM1 too, but only inside its own calls, never at the same time.
    unsafe { console::start_serial() };
    let framebuffer = graphics::set_up();
    if let Some(framebuffer) = framebuffer {
        // SAFETY: firmware reported this frame buffer and identity-maps it; its own console was disconnected
        // from it by opening it exclusively.
        unsafe { console::show_on(framebuffer) };
    }
    progress!("UEFI");
    let error = match UefiFirmware::new(framebuffer) {
        Ok(firmware) => boot::boot(firmware, entry_ticks),
        Err(status) => console::fail(format_args!("cannot open the boot volume: {status}")),
    };
    console::fail(format_args!("{error}"))
}
