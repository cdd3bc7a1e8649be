//! The bench's root program. What it measures is told in the library's documentation.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

mod house;
#[allow(unsafe_code)]
mod page;
mod rows;
mod timer_rows;

use airox_rt::RootBlock;
use airox_rt::sys::clock;

use house::House;

airox_rt::root_entry!(main);

fn main(root: &'static RootBlock) -> ! {
    let boot_ns = clock::nanoseconds();
    let mut house = match House::new(root) {
        Ok(house) => house,
        Err(failure) => panic!("the bench cannot start: {failure}"),
    };
    let boot = u128::from(boot_ns) * u128::from(clock::ticks_per_second()) / 1_000_000_000;
    house.print(format_args!(
        "BENCH boot_to_first_program {boot} {boot} {boot}"
    ));
    let mut good = true;
    let all = rows::ROWS.iter().chain(timer_rows::ROWS);
    for (name, measure) in all {
        match measure(&mut house).map(airox_bench::samples::Samples::summary) {
            Ok(Some(row)) => {
                house.print(format_args!(
                    "BENCH {name} {} {} {}",
                    row.min, row.median, row.max
                ));
            }
            Ok(None) => {
                good = false;
                house.print(format_args!("BENCH-FAILED {name}: no samples"));
            }
            Err(failure) => {
                good = false;
                house.print(format_args!("BENCH-FAILED {name}: {failure}"));
            }
        }
    }
    house.exit(good)
}
