//! `fault`: each way a program can go wrong, and what the system makes of it.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

#[allow(unsafe_code)]
mod unsafe_demonstrations;

use airox_api::clock::ClockClient;
use airox_apps::console::Output;
use airox_apps::fault::{Demonstration, parse, usage};
use airox_apps::program::{Failure, run};
use airox_rt::{Signal, Start, exit_code, sys};

airox_rt::entry!(main);

fn main(start: &'static Start) -> Result<(), Failure> {
    run(start, &usage(), parse, |console, demonstration| {
        match demonstration {
            Demonstration::Panic => panic!("this panic was asked for"),
            Demonstration::Exit(code) => sys::process_exit(code),
            Demonstration::Deaf => deaf(console)?,
            Demonstration::SetClock => set_clock(start, console)?,
            _ => unsafe_demonstrations::show(demonstration),
        }
        // Only a demonstration that succeeded comes here.
        console.print(format_args!("fault: it was done as if nothing were wrong\n"))?;
        sys::process_exit(2)
    })
}

/// Has the console forget its client's signal, sets another in its place, and waits for a bit that nobody notifies.
fn deaf(console: &Output) -> Result<(), Failure> {
    const CONTROL_C: u64 = 1 << 0;
    const NEVER: u64 = 1 << 1;
    let signal = Signal::create()?;
    console.0.interrupt_signal(None, 0)?;
    console.0.interrupt_signal(Some(&signal), CONTROL_C)?;
    console.print(format_args!("fault: deaf from now on\n"))?;
    signal.wait(NEVER)?;
    Ok(())
}

fn set_clock(start: &'static Start, console: &Output) -> Result<(), Failure> {
    let clock: ClockClient = start.connect()?;
    if let Err(error) = clock.set(0) {
        console.print(format_args!("fault: the clock says: {error}\n"))?;
        sys::process_exit(exit_code::FAILURE)
    }
    Ok(())
}
