//! `metronome`: a periodic job, and how punctual it was. With `run --budget 2ms/20ms --priority 165 metronome` it beats in real time.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use airox_apps::arguments::number;
use airox_apps::program::{Failure, run};
use airox_rt::periodic::{Periodic, Timing};
use airox_rt::time::Duration;
use airox_rt::{Error, Start};

airox_rt::entry!(main);

const USAGE: &str = "usage: metronome [BEATS]\nBeats in the period of its budget, or every 10 ms without one, 100 times or as often as told, and says how punctual it was.\n";
const MOST: u64 = 1_000_000;
const PERIOD: Duration = Duration::from_millis(10);

fn main(start: &'static Start) -> Result<(), Failure> {
    let parse = |arguments: &[&str]| number(arguments, 100, 1, MOST);
    run(start, USAGE, parse, |console, beats| {
        let timing = start.timing().or_else(|| Timing::new(PERIOD, PERIOD));
        let timing = timing.ok_or(Error::InvalidArgument)?;
        let mut periodic = Periodic::new(timing)?;
        for _ in 0..beats {
            periodic.wait()?;
        }
        periodic.complete()?;
        let statistics = periodic.statistics();
        console.print(format_args!(
            "metronome: {} beats every {:?}, {} missed, {} skipped\n",
            statistics.jobs,
            timing.period(),
            statistics.misses,
            statistics.skipped
        ))?;
        for (name, histogram) in [("late", &statistics.lateness), ("done after", &statistics.response)] {
            console.print(format_args!(
                "{name}: {:?} to {:?}, median {:?}, 99 % within {:?}\n",
                histogram.least(),
                histogram.most(),
                histogram.percentile(500),
                histogram.percentile(990)
            ))?;
        }
        Ok(())
    })
}
