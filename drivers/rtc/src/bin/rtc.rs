//! The clock's program: serves `clock` from the CMOS real-time clock.
//!
//! Resource `cmos`: ports 0x70 and 0x71.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

use airox_api::Caller;
use airox_api::clock::{Clock, ClockDispatcher, ClockError, ClockInterface};
use airox_driver_traits::BoundPorts;
use airox_rt::time::Instant;
use airox_rt::{IoPorts, PortRange, Start, exit_code, server};
use airox_rtc::{Cmos, RtcError, WallClock};
use alloc::boxed::Box;
use core::error::Error;

airox_rt::entry!(main);

const FIRST_PORT: u16 = 0x70;
const PORT_COUNT: u16 = 2;
const SECOND: u64 = 1_000_000_000;

struct ClockServer {
    chip: Cmos<BoundPorts>,
    /// `None` while the chip tells no time that exists, until the clock is set.
    wall: Option<WallClock>,
}

impl Clock for ClockServer {
    fn now(&mut self, _caller: Caller) -> Result<u64, ClockError> {
        let wall = self.wall.ok_or(ClockError::Device)?;
        Ok(wall.now(monotonic()))
    }

    fn set(&mut self, caller: Caller, unix_ns: u64) -> Result<(), ClockError> {
        if caller.is_delegate() {
            return Err(ClockError::NotAllowed);
        }
        self.chip.set(unix_ns / SECOND).map_err(|error| match error {
            RtcError::OutOfRange => ClockError::OutOfRange,
            _ => ClockError::Device,
        })?;
        self.wall = Some(WallClock::new(unix_ns, monotonic()));
        Ok(())
    }
}

/// Nanoseconds since boot.
fn monotonic() -> u64 {
    Instant::now().as_nanoseconds()
}

fn main(start: &'static Start) -> Result<(), Box<dyn Error>> {
    let port = start.served_port::<ClockInterface>()?;
    let authority: IoPorts = start.take("ports:cmos")?;
    let ports = BoundPorts::new([PortRange::bind(authority, FIRST_PORT, PORT_COUNT)?]);
    let mut chip = Cmos::new(ports);
    let wall = match chip.read() {
        Ok(seconds) => WallClock::from_seconds(seconds, monotonic()),
        // Without a chip nothing can be served. A chip that lost its battery can be set.
        Err(error @ RtcError::NeverReady) => {
            log::error!("{error}");
            airox_rt::sys::process_exit(exit_code::NO_DEVICE)
        }
        Err(error) => {
            log::warn!("{error}; the time is unknown until it is set");
            None
        }
    };
    if wall.is_some() {
        log::info!("time read from the real-time clock");
    }
    let server = ClockServer { chip, wall };
    Ok(server::serve(port, ClockDispatcher(server))?)
}
