//! When a component that ended is started again: pure arithmetic on its policy and its past.

use alloc::collections::VecDeque;

use airox_api::start::EXIT_NO_DEVICE;
use airox_bundle::system::{Restart, RestartPolicy};

const NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000;
/// An instance that runs for so many times its predecessor's wait was worth the wait.
const WORTH_IT: u64 = 10;

/// How a component ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It exited with this code.
    Exited(i64),
    /// It panicked, said so, and exited.
    Panicked,
    /// A thread of it faulted.
    Faulted,
    /// Somebody killed it.
    Killed,
    /// It could not be started at all.
    NotStarted,
}

/// What becomes of a component that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Start it again at this time, in nanoseconds since boot.
    RestartAt(u64),
    /// Its policy does not ask for another instance.
    Stop,
    /// It was restarted too often.
    GiveUp,
}

/// The restarts of one component that still count.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// When it ended, oldest first; no more than its policy's `max_restarts`.
    ends: VecDeque<u64>,
    /// The last wait in milliseconds.
    backoff_ms: u32,
}

impl History {
    /// Decides about a component that ended at `now` (nanoseconds since boot).
    ///
    /// The first restart in a window waits `backoff_ms`, and so does that of an instance that had run for ten times as long as it had been waited for: it was no
    /// failure to start. Each other one waits twice as long as the one before, up to `backoff_max_ms`. An end older than the window is forgiven.
    pub fn ended(&mut self, policy: &Restart, end: End, now: u64) -> Decision {
        let wanted = match policy.policy {
            // Another instance would not find the device either.
            _ if end == End::Exited(EXIT_NO_DEVICE) => false,
            RestartPolicy::Always => true,
            RestartPolicy::OnFailure => end != End::Exited(0),
            RestartPolicy::Never => false,
        };
        if !wanted {
            return Decision::Stop;
        }
        let window = u64::from(policy.window_ms) * NANOSECONDS_PER_MILLISECOND;
        while self.ends.front().is_some_and(|end| now.saturating_sub(*end) > window) {
            self.ends.pop_front();
        }
        if self.ends.len() >= policy.max_restarts as usize {
            return Decision::GiveUp;
        }
        let worked = self.ends.back().is_none_or(|end| {
            let ran = now.saturating_sub(end.saturating_add(self.wait()));
            ran > self.wait().saturating_mul(WORTH_IT)
        });
        self.backoff_ms =
            if worked { policy.backoff_ms } else { self.backoff_ms.saturating_mul(2) }.min(policy.backoff_max_ms);
        self.ends.push_back(now);
        Decision::RestartAt(now.saturating_add(self.wait()))
    }

    /// The last wait in nanoseconds.
    fn wait(&self) -> u64 {
        u64::from(self.backoff_ms) * NANOSECONDS_PER_MILLISECOND
    }

    /// Forgives everything: somebody asked for a restart by hand.
    pub fn forgive(&mut self) {
        *self = History::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = NANOSECONDS_PER_MILLISECOND;

    fn policy(policy: RestartPolicy) -> Restart {
        Restart { policy, max_restarts: 4, window_ms: 1000, backoff_ms: 10, backoff_max_ms: 35 }
    }

    #[test]
    fn waits_double_up_to_the_maximum_and_then_it_gives_up() {
        let policy = policy(RestartPolicy::Always);
        let mut history = History::default();
        let mut now = 0;
        for wait in [10, 20, 35, 35] {
            let decision = history.ended(&policy, End::Faulted, now);
            assert_eq!(decision, Decision::RestartAt(now + wait * MS));
            now += (wait + 35) * MS;
        }
        assert_eq!(history.ended(&policy, End::Faulted, now), Decision::GiveUp);
    }

    #[test]
    fn who_worked_is_started_again_at_once() {
        let policy = policy(RestartPolicy::Always);
        let mut history = History::default();
        let mut now = 0;
        // It runs for ten times its wait, then for longer; then it does not get so far.
        for (wait, runs) in [(10, 100), (20, 201), (10, 101), (10, 1)] {
            assert_eq!(history.ended(&policy, End::Killed, now), Decision::RestartAt(now + wait * MS));
            now += (wait + runs) * MS;
        }
        assert_eq!(history.ended(&policy, End::Killed, now), Decision::GiveUp, "too often all the same");
        now += 1000 * MS;
        assert_eq!(history.ended(&policy, End::Killed, now), Decision::RestartAt(now + 10 * MS));
    }

    #[test]
    fn a_driver_without_its_device_is_not_started_again() {
        for kind in [RestartPolicy::Always, RestartPolicy::OnFailure] {
            let mut history = History::default();
            let end = End::Exited(EXIT_NO_DEVICE);
            assert_eq!(history.ended(&policy(kind), end, 0), Decision::Stop);
        }
    }

    #[test]
    fn ends_older_than_the_window_are_forgiven() {
        let policy = policy(RestartPolicy::Always);
        let mut history = History::default();
        for round in 0..100 {
            // 300 ms apart: at most four ends in any window of 1000 ms.
            let now = round * 300 * MS;
            let decision = history.ended(&policy, End::Killed, now);
            assert!(matches!(decision, Decision::RestartAt(_)), "{round}");
        }
        let later = 1_000_000 * MS;
        assert_eq!(history.ended(&policy, End::Killed, later), Decision::RestartAt(later + 10 * MS));
    }

    #[test]
    fn a_restart_by_hand_forgives() {
        let policy = policy(RestartPolicy::Always);
        let mut history = History::default();
        for _ in 0..4 {
            history.ended(&policy, End::Faulted, 0);
        }
        history.forgive();
        assert_eq!(history.ended(&policy, End::Faulted, 0), Decision::RestartAt(10 * MS));
    }

    #[test]
    fn the_policy_decides_which_ends_count() {
        let cases = [
            (RestartPolicy::Always, End::Exited(0), true),
            (RestartPolicy::OnFailure, End::Exited(0), false),
            (RestartPolicy::OnFailure, End::Exited(1), true),
            (RestartPolicy::OnFailure, End::Panicked, true),
            (RestartPolicy::OnFailure, End::Killed, true),
            (RestartPolicy::OnFailure, End::NotStarted, true),
            (RestartPolicy::Never, End::Faulted, false),
        ];
        for (kind, end, restarted) in cases {
            let decision = History::default().ended(&policy(kind), end, 0);
            assert_eq!(matches!(decision, Decision::RestartAt(_)), restarted, "{kind:?} {end:?}");
        }
    }

    #[test]
    fn extreme_numbers_do_not_overflow() {
        let policy = Restart {
            policy: RestartPolicy::Always,
            max_restarts: u32::MAX,
            window_ms: u32::MAX,
            backoff_ms: u32::MAX,
            backoff_max_ms: u32::MAX,
        };
        let mut history = History::default();
        for _ in 0..3 {
            assert_eq!(history.ended(&policy, End::Faulted, u64::MAX), Decision::RestartAt(u64::MAX));
        }
    }
}
