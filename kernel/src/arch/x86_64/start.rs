//! From the loader's hand-over to the first thread.
//!
//! 1. [`main`], on the loader's stack and page tables: takes memory for itself, copies what the loader tells, builds its own
//!    tables.
//! 2. [`running`], on its own stack and tables: sets the CPU and the machine up, starts the kernel's logic, and leaves to ring 3.

use super::cpu::Cpu;
use super::descriptors::{self, KERNEL_CODE, KERNEL_DATA, TaskState};
use super::features::Features;
use super::firmware::Firmware;
use super::io_apic::InterruptLines;
use super::local_apic::LocalApic;
use super::machine::Pc;
use super::paging::{self, Frames, Tables};
use super::{clock, entry, panic, physical, uart};
use crate::handoff::{Handoff, bundle_root};
use airox_bundle::{Bundle, Symbols};
use airox_kernel::memory::{Range, remainder, reserve};
use airox_kernel_core::machine::Frame;
use airox_kernel_core::{Boot, Capacity, Kernel, RootImage};
use alloc::boxed::Box;
use alloc::vec::Vec;
use bootloader_api::config::Mapping;
use bootloader_api::info::{MemoryRegionKind, Optional};
use bootloader_api::{BootInfo, BootloaderConfig};
use core::ptr::NonNull;
use linked_list_allocator::LockedHeap;
use pic8259::ChainedPics;

/// The kernel's tables are allocated here at start; nothing is allocated after.
#[global_allocator]
static HEAP: LockedHeap = LockedHeap::empty();

/// What the kernel asks the loader for: all physical memory mapped at [`physical::MAP`].
static CONFIG: BootloaderConfig = {
    let mut config = BootloaderConfig::new_default();
    config.mappings.physical_memory = Some(Mapping::FixedAddress(physical::MAP));
    config.mappings.dynamic_range_start = Some(0xffff_e000_0000_0000);
    config.kernel_stack_size = 128 << 10;
    config
};

bootloader_api::entry_point!(main, config = &CONFIG);
