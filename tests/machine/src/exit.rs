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
}

impl Evidence {
    pub fn ending(&self) -> Ending {
        let was_reset = self.shutdown_reason.as_deref() == Some("guest-reset");
        if self.triple_fault && was_reset {
            return Ending::TripleFault;
        }
        match (self.status, self.shutdown_reason.as_deref()) {
            // isa-debug-exit ends QEMU with (value << 1) | 1 and without a shutdown event. A failed start also
            // has status 1 but is noticed earlier, when QMP does not answer.
            (Some(status), None) if status > 0 && status % 2 == 1 => match (status >> 1).cast_unsigned() {
                PANIC_VALUE => Ending::Panic,
                value => Ending::DebugExit(value),
            },
            (Some(0), Some("guest-shutdown")) => Ending::PowerOff,
            (Some(0), Some("guest-reset")) => Ending::Reset,
            (Some(0), _) => Ending::Quit,
            _ => Ending::Qemu,
        }
    }
}

/// Whether QEMU's log of CPU resets, from after power-on, holds a triple fault of the guest's software.
///
/// `SeaBIOS` answers a reset that software asked for with a second one, by a triple fault of its own; that one
/// follows another reset directly and does not count.
pub(crate) fn has_triple_fault(log: &str) -> bool {
    let mut asked_for = false;
    let mut faulted = false;
    for line in log.lines() {
        if line.starts_with("Triple fault") {
            if !asked_for {
                return true;
            }
            faulted = true;
        } else if line.starts_with("CPU Reset") {
            asked_for = !std::mem::take(&mut faulted);
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ending(status: i32, reason: Option<&str>) -> Ending {
        Evidence { status: Some(status), shutdown_reason: reason.map(str::to_owned), triple_fault: false }.ending()
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
    fn a_reset_that_was_asked_for_is_no_triple_fault() {
        let reset = "CPU Reset (CPU 0)\nRIP=0\n";
        let fault = "Triple fault\nCPU Reset (CPU 0)\nRIP=0\n";
        let log = |parts: &[&str]| has_triple_fault(&parts.concat());
        assert!(!log(&[]));
        assert!(!log(&[reset]), "UEFI");
        assert!(!log(&[reset, fault]), "SeaBIOS");
        assert!(!log(&[reset, fault, reset, fault]));
        assert!(log(&[fault]));
        assert!(log(&[fault, fault]));
        assert!(log(&[reset, fault, fault]));
    }
}
