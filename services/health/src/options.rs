//! The program's arguments.

use core::fmt;
use core::time::Duration;

/// How often all are asked within a timeout.
const ROUNDS: u32 = 4;

/// Which watchdog, and how patient it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options<'a> {
    /// The path of its device.
    pub watchdog: &'a str,
    /// Milliseconds without food until it resets the machine.
    pub timeout_ms: u32,
}

/// An argument is missing, or has another form than `watchdog=/dev/watchdog/watchdog0` or `timeout-ms=30000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadOption;

impl fmt::Display for BadOption {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .write_str("arguments are watchdog=/dev/watchdog/watchdog0 timeout-ms=30000, and one is missing or damaged")
    }
}

impl core::error::Error for BadOption {}

impl<'a> Options<'a> {
    /// Reads the program's arguments.
    ///
    /// # Errors
    /// [`BadOption`] for any that is not known, and for one that is missing.
    pub fn from_arguments(arguments: impl IntoIterator<Item = &'a str>) -> Result<Options<'a>, BadOption> {
        let (mut watchdog, mut timeout_ms) = (None, None);
        for argument in arguments {
            match argument.split_once('=') {
                Some(("watchdog", path)) => watchdog = Some(path),
                Some(("timeout-ms", text)) => {
                    timeout_ms = Some(text.parse().ok().filter(|timeout| *timeout >= ROUNDS).ok_or(BadOption)?);
                }
                _ => return Err(BadOption),
            }
        }
        Ok(Options { watchdog: watchdog.ok_or(BadOption)?, timeout_ms: timeout_ms.ok_or(BadOption)? })
    }

    /// The time between two rounds.
    #[must_use]
    pub fn period(&self) -> Duration {
        Duration::from_millis((self.timeout_ms / ROUNDS).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_arguments_are_needed_and_checked() {
        let options = Options::from_arguments(["timeout-ms=2000", "watchdog=/dev/watchdog/watchdog0"]).unwrap();
        assert_eq!((options.watchdog, options.timeout_ms), ("/dev/watchdog/watchdog0", 2000));
        assert_eq!(options.period(), Duration::from_millis(500));
        for bad in [
            &["watchdog=/dev/x"][..],
            &["timeout-ms=2000"],
            &["watchdog=/dev/x", "timeout-ms=3"],
            &["watchdog=/dev/x", "timeout-ms=-1"],
            &["watchdog=/dev/x", "timeout-ms=4294967296"],
            &["watchdog=/dev/x", "timeout-ms=2000", "else=1"],
            &["x"],
        ] {
            assert_eq!(Options::from_arguments(bad.iter().copied()), Err(BadOption), "{bad:?}");
        }
    }
}
