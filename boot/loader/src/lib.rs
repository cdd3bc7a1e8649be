//! The AIROX loader: a UEFI entry and a BIOS entry around one core that meets the `bootloader_api` 0.11
//! contract.
//!
//! # How a machine gets here
//! - **UEFI**: firmware loads `\EFI\BOOT\BOOTX64.EFI` (`src/uefi`, linked as a position-independent ELF file and
//!   made a PE file by `xtask`). Files come from the volume it was loaded from.
//! - **BIOS**: the boot sector's code (`src/bios/mbr.s`) loads stage 2 from the BIOS boot partition and checks
//!   it; stage 2 (`src/bios/stage2.s`) enters long mode and Rust. BIOS services are called through a thunk
//!   back to real mode; the boot volume is read sector by sector ([`disk`], [`volume`]).
//!
//! Both then give a [`firmware::Firmware`] to [`boot::boot`], which does everything else.
//!
//! # What the kernel finds
//! - Interrupts off; NX, write protection and SSE on; a stack with an unmapped page below it; segments from
//!   the loader's own table (code 8, data 16).
//! - Its segments mapped with exactly their rights, and never writable and executable.
//! - Physical memory, at least 4 GiB of it, mapped where it asked, writable, in 2 MiB and 1 GiB pages.
//! - The ramdisk (the system bundle) starts a page. `BootInfo::ramdisk_addr` is a *virtual* address, as
//!   `bootloader_api` has it; unless the kernel fixes another place it is inside the physical-memory
//!   mapping, so `ramdisk_addr - physical_memory_offset` is its physical address. The same
//!   holds for the frame buffer. In front of it lies the [`airox_bundle::record::LoaderRecord`].
//! - `rsdp_addr` is a physical address.
//! - One executable page of the lower half: the jump. Nothing else; the kernel may drop it at once.
//! - In the memory map, whatever the loader made for the kernel (page tables, segments, stack, boot information,
//!   bundle, the kernel's file) is `Bootloader`; the rest of the loader's and of boot services' memory is usable.
//!
//! # When it cannot
//! Every file is checked against `/airox/checksums`; a missing or damaged one is named. Every way to fail ends in
//! [`console::fail`], on the screen and on COM1.
#![no_std]

#[cfg(test)]
extern crate std;

pub mod address_space;
pub mod boot;
pub mod checksums;
pub mod console;
#[cfg(any(test, feature = "guest"))]
pub mod disk;
pub mod enter;
pub mod error;
pub mod fault;
mod files;
pub mod firmware;
pub mod framebuffer;
pub mod frames;
pub mod kernel_image;
pub mod memory_map;
#[cfg(test)]
mod testing;
pub mod vga_text;
#[cfg(any(test, feature = "guest"))]
pub mod volume;
