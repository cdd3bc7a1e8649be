//! A kernel that checks, one by one, what `bootloader_api` and the AIROX loader promise, and says so on COM1.
#![no_std]
#![no_main]

mod checks;
mod pages;
#[path = "../../loader/src/runtime.rs"]
mod runtime;

use airox_loader::console;
use bootloader_api::config::Mapping;
use bootloader_api::{BootInfo, BootloaderConfig, entry_point};

/// Where physical memory must be mapped.
pub const PHYSICAL_OFFSET: u64 = 0xffff_8000_0000_0000;
/// Length of the stack this kernel asks for.
pub const STACK_SIZE: u64 = 192 * 1024;

static CONFIG: BootloaderConfig = {
    let mut config = BootloaderConfig::new_default();
    config.kernel_stack_size = STACK_SIZE;
    config.mappings.physical_memory = Some(Mapping::FixedAddress(PHYSICAL_OFFSET));
    config
};

entry_point!(main, config = &CONFIG);

/// Counts the checks, and reports them on COM1.
#[derive(Default)]
pub struct Report {
    passed: u32,
    failed: u32,
}

impl Report {
    /// Notes the outcome of one check.
    pub fn check(&mut self, name: &str, outcome: Result<(), &'static str>) {
        match outcome {
            Ok(()) => {
                self.passed += 1;
                console::print(format_args!("TEST {name} ... ok\n"));
            }
            Err(reason) => {
                self.failed += 1;
                console::print(format_args!("TEST {name} ... FAILED: {reason}\n"));
            }
        }
    }
}

fn main(info: &'static mut BootInfo) -> ! {
    // SAFETY: nothing else uses COM1.
    unsafe { console::start_serial() };
    let mut report = Report::default();
    checks::run(info, &mut report);
    let Report { passed, failed } = report;
    console::print(format_args!("SUITE {passed} passed, {failed} failed\n"));
    console::drain();
    exit(failed.min(1))
}

/// Ends QEMU through its debug-exit device, or stops.
fn exit(status: u32) -> ! {
    // SAFETY: the port belongs to that device, or to none.
    unsafe { x86_64::instructions::port::Port::<u32>::new(0xf4).write(status) };
    loop {
        x86_64::instructions::interrupts::disable();
        x86_64::instructions::hlt();
    }
}
