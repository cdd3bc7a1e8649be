//! The program: asks the supervisor, the device manager, the log and the process server, and feeds the watchdog.
//!
//! Arguments: `watchdog=/dev/watchdog/watchdog0` and `timeout-ms=30000`. Without such a watchdog it waits for one.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

use airox_api::CallError;
use airox_api::device::DeviceClient;
use airox_api::log::LogClient;
use airox_api::process::ProcessClient;
use airox_api::supervisor::SupervisorClient;
use airox_api::watchdog::WatchdogClient;
use airox_health::{News, Options, Question, Rounds};
use airox_rt::Start;
use airox_rt::time::{Duration, Timer};
use alloc::boxed::Box;
use core::error::Error;

airox_rt::entry!(main);

/// How long to wait for a watchdog whose driver was given up.
const LATER: Duration = Duration::from_secs(5);
/// Behind the end of every list: an answer that costs little.
const END: u32 = u32::MAX;

/// A refusal is an answer, too.
fn answers<T, E>(answer: Result<T, CallError<E>>) -> bool {
    matches!(answer, Ok(_) | Err(CallError::Service(_)))
}

fn main(start: &'static Start) -> Result<(), Box<dyn Error>> {
    let options = Options::from_arguments(start.arguments().iter().map(|text| text.as_str()))?;
    let (supervisor, devices) = (start.connect::<SupervisorClient>()?, start.connect::<DeviceClient>()?);
    let (log, process) = (start.connect::<LogClient>()?, start.connect::<ProcessClient>()?);
    let timer = Timer::new()?;
    let mut rounds = Rounds::default();
    // Whether it has been told already that feeding fails.
    let mut told = false;
    loop {
        let Ok(port) = devices.open(options.watchdog, true) else {
            timer.sleep(LATER)?;
            continue;
        };
        let watchdog = WatchdogClient::new(port);
        loop {
            let mut questions = [
                Question { name: "supervisor", ask: &mut || answers(supervisor.answer()) },
                Question { name: "device", ask: &mut || answers(devices.list(END)) },
                Question { name: "log", ask: &mut || answers(log.levels(END)) },
                Question { name: "process", ask: &mut || answers(process.programs(END)) },
            ];
            match rounds.next(&mut questions, || watchdog.feed(options.timeout_ms)) {
                Ok(None) => told = false,
                Ok(Some(News::AllAnswer)) => log::info!("all answer; {} is fed", options.watchdog),
                Ok(Some(News::Silent(name))) => log::error!("{name} does not answer; the watchdog is not fed"),
                Err(error) => {
                    if !core::mem::replace(&mut told, true) {
                        log::error!("the watchdog cannot be fed: {error}");
                    }
                    break;
                }
            }
            timer.sleep(options.period())?;
        }
        // It is opened again: its driver may have been started anew, or another device may be there.
        timer.sleep(options.period())?;
    }
}
