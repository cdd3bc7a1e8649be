//! What reaches the device, and what does not.

use crate::WatchdogServer;
use airox_api::CallError;
use airox_api::device::PART_SHIFT;
use airox_api::testing::Loopback;
use airox_api::watchdog::{WatchdogClient, WatchdogDispatcher, WatchdogError};
use airox_driver_traits::watchdog::WatchdogTimer;
use core::ops::RangeInclusive;

/// A watchdog that reset the machine, counts its feedings, and refuses 13.
#[derive(Default)]
struct Made {
    timeout: Option<u32>,
    fed: u32,
    forgotten: bool,
}

impl WatchdogTimer for Made {
    fn timeouts(&self) -> RangeInclusive<u32> {
        10..=1000
    }

    fn is_running(&mut self) -> bool {
        self.timeout.is_some()
    }

    fn has_reset(&mut self) -> bool {
        !self.forgotten
    }

    fn forget_reset(&mut self) {
        self.forgotten = true;
    }

    fn run(&mut self, timeout_ms: u32) -> Result<(), WatchdogError> {
        if timeout_ms == 13 {
            return Err(WatchdogError::Device);
        }
        self.timeout = Some(timeout_ms);
        Ok(())
    }

    fn feed(&mut self) {
        self.fed += 1;
    }
}

fn dispatcher() -> WatchdogDispatcher<WatchdogServer<Made>> {
    WatchdogDispatcher(WatchdogServer::new(Made::default(), || 7))
}

#[test]
fn feeding_makes_it_run_and_is_counted() {
    let client = WatchdogClient::new(Loopback::new(dispatcher(), 3));
    let before = client.status().unwrap();
    assert_eq!((before.running, before.timeout_ms, before.fed, before.has_reset), (false, None, 0, true));
    for timeout in [500, 500, 1000] {
        client.feed(timeout).unwrap();
    }
    let after = client.status().unwrap();
    assert_eq!((after.running, after.timeout_ms, after.fed, after.fed_at_ns), (true, Some(1000), 3, 7));
    assert!(after.has_reset, "what happened is still told");
}

#[test]
fn what_the_device_cannot_do_is_refused() {
    let client = WatchdogClient::new(Loopback::new(dispatcher(), 3));
    for timeout in [0, 9, 1001, u32::MAX] {
        let refusal = WatchdogError::BadTimeout { least: 10, most: 1000 };
        assert_eq!(client.feed(timeout), Err(CallError::Service(refusal)));
    }
    assert_eq!(client.feed(13), Err(CallError::Service(WatchdogError::Device)));
    let status = client.status().unwrap();
    assert_eq!((status.running, status.fed), (false, 0));
}

#[test]
fn who_may_look_does_not_feed() {
    for badge in [1 << PART_SHIFT | 3, 9 << PART_SHIFT, 1 << 63 | 3] {
        let client = WatchdogClient::new(Loopback::new(dispatcher(), badge));
        assert_eq!(client.feed(500), Err(CallError::Service(WatchdogError::NotAllowed)));
        assert!(!client.status().unwrap().running);
    }
}
