//! The driver's program: has the device write to memory that it was given, and to memory that it was not; says what came of it.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

use airox_driver_kit::Device;
use airox_driver_traits::dma::DmaMemory;
use airox_driver_traits::registers::Registers;
use airox_rogue_driver::{BYTES, Engine};
use airox_rt::sys::clock;
use airox_rt::{MapFlags, Mapping, Region, RegionKind, Signal, Start, exit_code};
use alloc::boxed::Box;
use core::error::Error;

airox_rt::entry!(main);

const PATTERN: u64 = 0x0123_4567_89ab_cdef;
const SECRET: u64 = 0x5ec2_e75e_c2e7_5ec2;
/// The engine moves what it was told after 100 ms.
const PAUSE_NS: u64 = 10_000_000;
const TIMER: u64 = 1;

fn main(start: &'static Start) -> Result<(), Box<dyn Error>> {
    let device = Device::take(start)?;
    let Some(registers) = device.registers(0, 0, BYTES) else { airox_rt::sys::process_exit(exit_code::NO_DEVICE) };
    let mut engine = Engine(registers);
    let signal = Signal::create()?;
    let pause = || {
        // Its own signal; if it cannot sleep it looks again at once.
        let _ = signal.set_timer(clock::nanoseconds() + PAUSE_NS, TIMER).and_then(|()| signal.wait(TIMER));
    };
    device.announce("a device that does as it likes", &[])?;

    let mut own = device.memory(4096)?;
    own.write_u64(0, PATTERN);
    let address = own.device_address();
    engine.load(address, 8, pause);
    engine.store(address + 2048, 8, pause);
    let reached = own.read_u64(2048) == PATTERN;
    log::info!("memory of its own: {}", if reached { "reached" } else { "not reached" });

    // Memory in a row that the device manager was never asked for.
    let region = Region::create_on(None, 1, RegionKind::Contiguous)?;
    let (_, _, physical) = region.region_info()?;
    let victim = Mapping::new(&region, MapFlags::WRITE)?;
    Registers::write_u64(&mut victim.window(), 0, SECRET);
    engine.store(physical, 8, pause);
    let found = Registers::read_u64(&mut victim.window(), 0);
    log::info!("other memory: {}", if found == SECRET { "untouched" } else { "overwritten" });

    // On and on, until somebody ends it.
    loop {
        engine.store(physical, 8, pause);
    }
}
