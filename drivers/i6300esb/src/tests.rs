//! The watchdog against its model.

use crate::I6300esb;
use crate::model::{Model, ModelConfiguration};
use crate::registers::{LOCK, configuration};
use airox_driver_traits::registers::Registers;
use airox_driver_traits::watchdog::{WatchdogError, WatchdogTimer};

fn watchdog() -> (Model, I6300esb<Model, ModelConfiguration>) {
    let model = Model::default();
    (model.clone(), I6300esb::new(model.clone(), ModelConfiguration(model)))
}

/// Steps in this many milliseconds.
fn steps(milliseconds: u64) -> u32 {
    (milliseconds * 1_000_000).div_ceil(30 << 15) as u32
}

#[test]
fn it_resets_the_machine_when_it_is_not_fed() {
    let (model, mut watchdog) = watchdog();
    model.0.borrow_mut().configuration = 0x8000 | configuration::FAST | configuration::NO_RESET;
    model.0.borrow_mut().pass(1_000_000);
    assert!(!watchdog.is_running() && !watchdog.has_reset());
    watchdog.run(1001).unwrap();
    assert!(watchdog.is_running());
    assert_eq!(model.0.borrow().configuration, 0x8003, "what is not known stays");
    for _ in 0..10 {
        model.0.borrow_mut().pass(steps(1000));
        assert_eq!(model.0.borrow().resets, 0);
        watchdog.feed();
    }
    model.0.borrow_mut().pass(steps(1001));
    assert_eq!(model.0.borrow().resets, 1);
    assert!(!watchdog.is_running() && watchdog.has_reset());
    watchdog.forget_reset();
    assert!(!watchdog.has_reset());
}

#[test]
fn nobody_stops_it_and_the_next_driver_goes_on() {
    let (model, mut watchdog) = watchdog();
    watchdog.run(500).unwrap();
    ModelConfiguration(model.clone()).write_u8(LOCK, 0);
    assert!(watchdog.is_running());
    let mut next = I6300esb::new(model.clone(), ModelConfiguration(model.clone()));
    assert!(next.is_running());
    next.run(2000).unwrap();
    model.0.borrow_mut().pass(steps(1990));
    assert_eq!(model.0.borrow().resets, 0, "it has another timeout");
    model.0.borrow_mut().pass(steps(10));
    assert_eq!(model.0.borrow().resets, 1);
}

#[test]
fn every_timeout_fits() {
    let (model, mut watchdog) = watchdog();
    let timeouts = watchdog.timeouts();
    assert_eq!((*timeouts.start(), *timeouts.end()), (2, 2_061_582));
    for timeout in [2, 3, 17, 2_061_582] {
        watchdog.run(timeout).unwrap();
        let preloads = model.0.borrow().preloads;
        let given = u64::from(preloads[0] + preloads[1]) * (30 << 15);
        assert!(preloads[0] > 0 && preloads[1] > 0);
        assert!((0..30 << 15).contains(&(given - u64::from(timeout) * 1_000_000)), "{timeout}: {given}");
    }
}

#[test]
fn one_that_does_not_run_or_is_gone_is_told() {
    let (model, mut watchdog) = watchdog();
    model.0.borrow_mut().deaf = true;
    assert_eq!(watchdog.run(500), Err(WatchdogError::Device));
    model.0.borrow_mut().gone = true;
    assert_eq!(watchdog.run(500), Err(WatchdogError::Device));
    assert!(!watchdog.is_running() && !watchdog.has_reset());
    watchdog.feed();
}
