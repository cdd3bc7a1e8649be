//! `latency`: how late this program goes on when its timer is due, period after period.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

use airox_apps::latency::{Plan, parse, report};
use airox_apps::program::{Failure, run};
use airox_rt::time::{Duration, Instant, Timer};
use airox_rt::{Handle, Start, sys};
use alloc::vec;

airox_rt::entry!(main);

const USAGE: &str = "usage: latency [-n COUNT] [-i TIME]\n\
    Waits for COUNT periods of TIME (default 1000 of 1ms; as 200us, 5ms, 1s) and tells how late each wake-up is.\n";

fn main(start: &'static Start) -> Result<(), Failure> {
    run(start, USAGE, parse, |console, plan| {
        let priority = sys::thread_info(Handle::NONE)?.priority;
        console.print(format_args!(
            "latency: {} periods of {} us at priority {priority}\n",
            plan.count,
            plan.period_ns / 1_000
        ))?;
        let mut series = vec![0; plan.count];
        measure(plan, &mut series)?;
        if let Some(text) = report(&mut series) {
            console.print(format_args!("{text}"))?;
        }
        Ok(())
    })
}

/// Measures into memory that has been touched. A period that was missed altogether is late by all of its length, and the next one counts from then.
fn measure(plan: Plan, series: &mut [u64]) -> Result<(), airox_rt::Error> {
    let timer = Timer::new()?;
    let period = Duration::from_nanos(plan.period_ns);
    let mut due = Instant::now() + period;
    for late in series {
        timer.sleep_until(due)?;
        let now = Instant::now();
        *late = u64::try_from((now - due).as_nanos()).unwrap_or(u64::MAX);
        due = due + period;
        if due <= now {
            due = now + period;
        }
    }
    Ok(())
}
