//! The bench's root program. What it measures is told in the library's documentation.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

mod house;
mod long_rows;
#[allow(unsafe_code)]
mod page;
mod rows;
mod screen;
mod timer_rows;

use airox_bench::report::{heading, row};
use airox_bench::samples::Samples;
use airox_rt::RootBlock;
use airox_rt::sys::clock;
use alloc::format;

use house::{Failure, House};
use screen::Display;

/// The row that is measured when the bench starts.
const BOOT: &str = "boot_to_first_program";

airox_rt::root_entry!(main);

fn main(root: &'static RootBlock) -> ! {
    let boot_ns = clock::nanoseconds();
    let mut house = match House::new(root) {
        Ok(house) => house,
        Err(failure) => panic!("the bench cannot start: {failure}"),
    };
    let mut out = match Out::new(&house) {
        Ok(out) => out,
        Err(failure) => panic!("the screen cannot be used: {failure}"),
    };
    let boot = u128::from(boot_ns) * u128::from(clock::ticks_per_second()) / 1_000_000_000;
    if house.options.wants(BOOT) {
        let mut samples = Samples::new(1, 0);
        samples.add(0, boot as u64);
        out.row(&house, BOOT, Ok(samples));
    }
    for (name, measure) in rows::ROWS.iter().chain(timer_rows::ROWS).chain(long_rows::ROWS) {
        if house.options.wants(name) {
            let samples = measure(&mut house);
            out.row(&house, name, samples);
        }
    }
    if house.options.screen {
        out.end(&house);
    }
    house.exit(out.good)
}

/// Where the rows go.
struct Out {
    display: Option<Display>,
    good: bool,
}

impl Out {
    fn new(house: &House) -> Result<Out, Failure> {
        let rate = clock::ticks_per_second();
        house.print(format_args!("BENCH-CLOCK {rate}"));
        let display = if house.options.screen { house.display()? } else { None };
        let mut out = Out { display, good: true };
        out.tell(house, &heading(rate));
        Ok(out)
    }

    /// A line for a person, if one watches.
    fn tell(&mut self, house: &House, text: &str) {
        if house.options.screen {
            house.print(format_args!("{text}"));
        }
        if let Some(display) = &mut self.display {
            display.write(text);
        }
    }

    fn row(&mut self, house: &House, name: &str, samples: Result<Samples, Failure>) {
        let wrong = match samples.map(Samples::summary) {
            Ok(Some(summary)) => {
                if house.options.screen {
                    let line = row(name, &summary, clock::ticks_per_second());
                    self.tell(house, &line);
                } else {
                    house.print(format_args!("BENCH {name} {} {} {}", summary.min, summary.median, summary.max));
                }
                return;
            }
            Ok(None) => Failure::Disturbed("no samples"),
            Err(failure) => failure,
        };
        self.good = false;
        house.print(format_args!("BENCH-FAILED {name}: {wrong}"));
        if let Some(display) = &mut self.display {
            display.write(&format!("{name}: {wrong}"));
        }
    }

    fn end(mut self, house: &House) -> ! {
        self.tell(house, "\nThat is all. Switch the machine off whenever you like.");
        house.rest()
    }
}
