//! `processors`: a thread on each processor, all counting at the same time.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

use airox_apps::arguments::number;
use airox_apps::parallel::{Count, count_until, report};
use airox_apps::program::{Failure, run};
use airox_rt::time::{Duration, Instant};
use airox_rt::{Error, Start, thread};
use alloc::vec::Vec;

airox_rt::entry!(main);

const USAGE: &str = "usage: processors [MILLISECONDS]\nCounts on one processor, then on all of them at once, for so long each (default 500).\n";
const ON_A_BUDGET: &str = "this program runs on a budget, which is time of one processor: its threads stay there\n";
const DEFAULT_MS: u64 = 500;
const LONGEST_MS: u64 = 3_600_000;
const STACK: u64 = 16 << 10;

fn main(start: &'static Start) -> Result<(), Failure> {
    let parse = |arguments: &[&str]| number(arguments, DEFAULT_MS, 1, LONGEST_MS);
    run(start, USAGE, parse, |console, milliseconds| {
        let span = Duration::from_millis(milliseconds);
        let processors: Vec<u32> = thread::processors()?.collect();
        let alone = match count(&processors[..processors.len().min(1)], span) {
            Err(Error::MissingRight) => {
                return Ok(console.print(format_args!("{ON_A_BUDGET}"))?);
            }
            counted => counted?,
        };
        let together = count(&processors, span)?;
        if together.len() < processors.len() {
            console.print(format_args!("no more than {} threads can be made\n", together.len()))?;
        }
        Ok(console.print(format_args!("{}", report(&alone, &together)))?)
    })
}

/// Counts on these processors at once; on the first of them, if the quota has no room for more threads.
fn count(processors: &[u32], span: Duration) -> Result<Vec<Count>, Error> {
    let end = Instant::now() + span;
    let mut threads = Vec::new();
    for &processor in processors {
        let builder = thread::Builder::default().processor(processor).stack(STACK);
        let work = move || {
            let rounds = count_until(|| Instant::now() >= end);
            Ok(Count { processor: thread::processor()?, rounds })
        };
        match builder.spawn(work) {
            Ok(thread) => threads.push(thread),
            Err(Error::QuotaExceeded) if !threads.is_empty() => break,
            Err(error) => return Err(error),
        }
    }
    threads.into_iter().map(|thread| thread.join()?).collect()
}
