//! `primes`: a computation with progress, to be timed or interrupted.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use airox_apps::arguments::number;
use airox_apps::primes::{MAX_LIMIT, search};
use airox_apps::program::{Failure, run};
use airox_rt::Start;
use airox_rt::time::{Duration, Instant};

airox_rt::entry!(main);

const USAGE: &str =
    "usage: primes [LIMIT]\nCounts the primes up to LIMIT (default 1000000), and shows progress every half second.\n";
const DEFAULT_LIMIT: u64 = 1_000_000;
const INTERVAL: Duration = Duration::from_millis(500);

fn main(start: &'static Start) -> Result<(), Failure> {
    let parse = |arguments: &[&str]| number(arguments, DEFAULT_LIMIT, 0, MAX_LIMIT);
    run(start, USAGE, parse, |console, limit| {
        let begin = Instant::now();
        let mut next = begin + INTERVAL;
        let mut printed = Ok(());
        let found = search(limit, |place, found| {
            if printed.is_ok() && Instant::now() >= next && place < limit {
                next = Instant::now() + INTERVAL;
                let percent = place * 100 / limit;
                printed = console.print(format_args!("{percent:3} %  {} primes up to {place}\n", found.count));
            }
        });
        printed?;
        let taken = begin.elapsed();
        Ok(console.print(format_args!(
            "{} primes up to {limit}, the largest is {}; {taken:.3?}\n",
            found.count, found.largest
        ))?)
    })
}
