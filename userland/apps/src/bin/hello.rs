//! `hello`: arguments and the clock.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use airox_apps::program::{Failure, run};
use airox_rt::Start;
use airox_rt::time::Instant;
use core::time::Duration;

airox_rt::entry!(main);

const USAGE: &str =
    "usage: hello [WORD...]\nGreets, and tells its arguments and how long the machine has been running.\n";

fn main(start: &'static Start) -> Result<(), Failure> {
    run(
        start,
        USAGE,
        |_| Ok(()),
        |console, ()| {
            console.print(format_args!("Hello from the program {}.\n", start.name()))?;
            for (index, argument) in start.arguments().iter().enumerate() {
                console.print(format_args!("  argument {}: {argument:?}\n", index + 1))?;
            }
            let up = Duration::from_nanos(Instant::now().as_nanoseconds());
            Ok(console.print(format_args!("The machine has been running for {up:.3?}.\n"))?)
        },
    )
}
