//! How a machine ended.

use std::fmt;

/// How a machine ended, read from QEMU's status, its QMP events and the serial text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The guest switched the machine off (ACPI).
    PowerOff,
    /// A program ended QEMU through the debug-exit device with this value: 0 is good.
    DebugExit(u32),
    /// The kernel panicked.
    Panic,
    /// A CPU triple-faulted.
    TripleFault,
    /// The guest asked for a reset, and the options forbid one.
    Reset,
    /// Somebody asked QEMU to quit.
    Quit,
    /// QEMU failed or was killed.
    Qemu,
}

impl fmt::Display for Ending {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::PowerOff => formatter.write_str("the machine was switched off"),
            Ending::DebugExit(value) => {
                write!(formatter, "a program ended the machine with value {value}")
            }
            Ending::Panic => formatter.write_str("the kernel panicked"),
            Ending::TripleFault => formatter.write_str("the machine triple-faulted"),
            Ending::Reset => formatter.write_str("the machine reset itself"),
            Ending::Quit => formatter.write_str("the machine was told to quit"),
            Ending::Qemu => formatter.write_str("QEMU failed"),
        }
    }
}

/// The value the kernel's panic handler writes to the debug-exit device.
const PANIC_VALUE: u32 = 16;

/// How a machine ended, and QEMU's own words if it failed.
#[derive(Clone, Debug)]
pub struct Exit {
    /// How it ended.
    pub ending: Ending,
    /// QEMU's exit status, if it was not killed by a signal.
    pub status: Option<i32>,
    /// What QEMU wrote to its standard error.
    pub messages: String,
}

/// What is known when QEMU has ended.
pub(crate) struct Evidence {
    pub status: Option<i32>,
    pub shutdown_reason: Option<String>,
    pub triple_fault: bool,
    pub panic_text: bool,
}

impl Evidence {
    pub fn ending(&self) -> Ending {
        if self.panic_text {
            return Ending::Panic;
        }
        if self.triple_fault {
            return Ending::TripleFault;
        }
        match (self.status, self.shutdown_reason.as_deref()) {
            // isa-debug-exit ends QEMU with (value << 1) | 1 and without a shutdown event. A failed start also
            // has status 1 but is noticed earlier, when QMP does not answer.
            (Some(status), None) if status > 0 && status % 2 == 1 => {
                match (status >> 1).cast_unsigned() {
                    PANIC_VALUE => Ending::Panic,
                    value => Ending::DebugExit(value),
                }
            }
            (Some(0), Some("guest-shutdown")) => Ending::PowerOff,
            (Some(0), Some("guest-reset")) => Ending::Reset,
            (Some(0), _) => Ending::Quit,
            _ => Ending::Qemu,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ending(status: i32, reason: Option<&str>) -> Ending {
        Evidence {
            status: Some(status),
            shutdown_reason: reason.map(str::to_owned),
            triple_fault: false,
            panic_text: false,
        }
        .ending()
    }

    #[test]
    fn endings_are_told_apart() {
        assert_eq!(ending(0, Some("guest-shutdown")), Ending::PowerOff);
        assert_eq!(ending(0, Some("guest-reset")), Ending::Reset);
        assert_eq!(ending(0, Some("host-qmp-quit")), Ending::Quit);
        assert_eq!(ending(1, None), Ending::DebugExit(0));
        assert_eq!(ending(3, None), Ending::DebugExit(1));
        assert_eq!(ending(33, None), Ending::Panic);
        assert_eq!(ending(2, None), Ending::Qemu);
    }

    #[test]
    fn a_panic_counts_whatever_the_status_is() {
        let evidence = Evidence {
            status: Some(0),
            shutdown_reason: Some("guest-shutdown".into()),
            triple_fault: false,
            panic_text: true,
        };
        assert_eq!(evidence.ending(), Ending::Panic);
    }
}
