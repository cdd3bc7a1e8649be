//! `hog`: a program that never waits. At the lowest priority it takes only what is left.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use airox_apps::arguments::number;
use airox_apps::program::{Failure, run};
use airox_rt::time::{Duration, Instant};
use airox_rt::{Start, thread};

airox_rt::entry!(main);

const USAGE: &str =
    "usage: hog [SECONDS]\nKeeps the CPU busy at the lowest priority, until it is ended or for so many seconds.\n";
const LOWEST_PRIORITY: u8 = 0;
const YEAR: u64 = 365 * 24 * 3600;

fn main(start: &'static Start) -> Result<(), Failure> {
    let parse = |arguments: &[&str]| number(arguments, YEAR, 1, YEAR);
    run(start, USAGE, parse, |console, seconds| {
        console.print(format_args!("hog: busy at priority {LOWEST_PRIORITY}\n"))?;
        let worker = thread::Builder::default().priority(LOWEST_PRIORITY).spawn(move || {
            let end = Instant::now() + Duration::from_secs(seconds);
            while Instant::now() < end {
                core::hint::spin_loop();
            }
        })?;
        Ok(worker.join()?)
    })
}
