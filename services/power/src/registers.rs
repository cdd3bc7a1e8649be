//! The ports and values that turn this machine off, and their form as a program argument.

use core::fmt;

/// What it takes to turn this machine off or restart it.
///
/// As text, one argument each: `pm1a=0x604`, `pm1b=0x...`, `sleep=5:5` (types for PM1a and PM1b), `smi=0xb2:0xf1`
/// (command port and the value that enables ACPI mode), `reset=0xcf9:0x6`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PowerRegisters {
    /// Port of the PM1a control register, two bytes wide.
    pub pm1a_control: u16,
    /// Port of the PM1b control register, where the chipset splits PM1 in two.
    pub pm1b_control: Option<u16>,
    /// `SLP_TYPa` and `SLP_TYPb` of `\_S5`, 0 to 7.
    pub sleep_type: (u8, u8),
    /// How to leave legacy mode, if firmware can be in it.
    pub smi: Option<SmiCommand>,
    /// The reset register, if it is an I/O port.
    pub reset: Option<ResetRegister>,
}

/// Where and what to write to make firmware hand the power hardware over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SmiCommand {
    /// SMI command port, one byte wide.
    pub port: u16,
    /// `ACPI_ENABLE`.
    pub enable: u8,
}

/// The FADT's reset register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResetRegister {
    /// Its port, one byte wide.
    pub port: u16,
    /// What to write.
    pub value: u8,
}

/// Ports the power server needs authority over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// Resource name; the handle is called `ports:<name>`.
    pub name: &'static str,
    /// First port.
    pub first: u16,
    /// Number of ports.
    pub count: u16,
}

/// The chipset's reset control register, present on every PC since PIIX3.
pub const CHIPSET_RESET_PORT: u16 = 0xcf9;

impl PowerRegisters {
    /// The port ranges to mint and hand to the power server. None overlaps another.
    pub fn ports(&self) -> impl Iterator<Item = PortRange> {
        let range = |name, first, count| PortRange { name, first, count };
        let chipset = range("chipset-reset", CHIPSET_RESET_PORT, 1);
        let reset = self.reset.map(|reset| range("acpi-reset", reset.port, 1));
        let candidates = [
            Some(range("acpi-pm1a", self.pm1a_control, 2)),
            self.pm1b_control.map(|port| range("acpi-pm1b", port, 2)),
            self.smi.map(|smi| range("acpi-smi", smi.port, 1)),
            reset,
            Some(chipset),
        ];
        (0..candidates.len()).filter_map(move |index| {
            let range = candidates[index]?;
            let overlaps = candidates[..index].iter().flatten().any(|earlier| earlier.overlaps(range));
            (!overlaps).then_some(range)
        })
    }

    /// Reads the arguments this type's `Display` writes, ignoring others.
    ///
    /// # Errors
    /// The first argument that is damaged, or the missing one.
    pub fn from_arguments<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Result<PowerRegisters, ArgumentError> {
        let mut pm1a = None;
        let mut pm1b = None;
        let mut sleep = None;
        let mut smi = None;
        let mut reset = None;
        for argument in arguments {
            let Some((key, value)) = argument.split_once('=') else {
                continue;
            };
            match key {
                "pm1a" => pm1a = Some(port(value).ok_or(ArgumentError::Damaged("pm1a"))?),
                "pm1b" => pm1b = Some(port(value).ok_or(ArgumentError::Damaged("pm1b"))?),
                "sleep" => sleep = Some(sleep_type(value).ok_or(ArgumentError::Damaged("sleep"))?),
                "smi" => {
                    let (port, enable) = pair(value).ok_or(ArgumentError::Damaged("smi"))?;
                    smi = Some(SmiCommand { port, enable });
                }
                "reset" => {
                    let (port, value) = pair(value).ok_or(ArgumentError::Damaged("reset"))?;
                    reset = Some(ResetRegister { port, value });
                }
                _ => {}
            }
        }
        Ok(PowerRegisters {
            pm1a_control: pm1a.ok_or(ArgumentError::Missing("pm1a"))?,
            pm1b_control: pm1b,
            sleep_type: sleep.ok_or(ArgumentError::Missing("sleep"))?,
            smi,
            reset,
        })
    }
}

impl PortRange {
    fn overlaps(self, other: PortRange) -> bool {
        let end = |range: PortRange| u32::from(range.first) + u32::from(range.count);
        u32::from(self.first) < end(other) && u32::from(other.first) < end(self)
    }
}

impl fmt::Display for PowerRegisters {
    /// The arguments, separated by single spaces.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "pm1a={:#x}", self.pm1a_control)?;
        if let Some(port) = self.pm1b_control {
            write!(formatter, " pm1b={port:#x}")?;
        }
        write!(formatter, " sleep={}:{}", self.sleep_type.0, self.sleep_type.1)?;
        if let Some(smi) = self.smi {
            write!(formatter, " smi={:#x}:{:#x}", smi.port, smi.enable)?;
        }
        if let Some(reset) = self.reset {
            write!(formatter, " reset={:#x}:{:#x}", reset.port, reset.value)?;
        }
        Ok(())
    }
}

/// Why the power server's arguments cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgumentError {
    /// This argument is not there: the machine has no usable ACPI tables.
    Missing(&'static str),
    /// This argument has another form than expected.
    Damaged(&'static str),
}

impl fmt::Display for ArgumentError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ArgumentError::Missing(key) => write!(formatter, "argument {key}= is missing"),
            ArgumentError::Damaged(key) => write!(formatter, "argument {key}= is damaged"),
        }
    }
}

impl core::error::Error for ArgumentError {}

fn number(text: &str) -> Option<u16> {
    match text.strip_prefix("0x") {
        Some(digits) => u16::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// A port with room for a two-byte register.
fn port(text: &str) -> Option<u16> {
    number(text).filter(|&port| port != 0 && port != u16::MAX)
}

fn pair(text: &str) -> Option<(u16, u8)> {
    let (first, second) = text.split_once(':')?;
    let value = u8::try_from(number(second)?).ok()?;
    Some((number(first).filter(|&port| port != 0)?, value))
}

fn sleep_type(text: &str) -> Option<(u8, u8)> {
    let (first, second) = text.split_once(':')?;
    let value = |text| number(text).and_then(|value| u8::try_from(value).ok()).filter(|&value| value < 8);
    Some((value(first)?, value(second)?))
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;
    use std::vec::Vec;

    const FULL: PowerRegisters = PowerRegisters {
        pm1a_control: 0x604,
        pm1b_control: Some(0x704),
        sleep_type: (5, 7),
        smi: Some(SmiCommand { port: 0xb2, enable: 0xf1 }),
        reset: Some(ResetRegister { port: 0xcf9, value: 6 }),
    };

    #[test]
    fn arguments_round_trip() {
        let bare = PowerRegisters { pm1b_control: None, smi: None, reset: None, ..FULL };
        for registers in [FULL, bare] {
            let text = registers.to_string();
            assert_eq!(PowerRegisters::from_arguments(text.split(' ')), Ok(registers));
        }
        assert_eq!(FULL.to_string(), "pm1a=0x604 pm1b=0x704 sleep=5:7 smi=0xb2:0xf1 reset=0xcf9:0x6");
    }

    #[test]
    fn damaged_arguments_are_named() {
        let parse = |text: &str| PowerRegisters::from_arguments(text.split(' '));
        assert_eq!(parse("sleep=5:5"), Err(ArgumentError::Missing("pm1a")));
        assert_eq!(parse("pm1a=0x604"), Err(ArgumentError::Missing("sleep")));
        for (text, key) in [
            ("pm1a=0x10000", "pm1a"),
            ("pm1a=0", "pm1a"),
            ("pm1a=0xffff", "pm1a"),
            ("pm1b=-1", "pm1b"),
            ("sleep=8:0", "sleep"),
            ("sleep=5", "sleep"),
            ("smi=0xb2:0x100", "smi"),
            ("reset=cf9:6", "reset"),
        ] {
            assert_eq!(parse(text), Err(ArgumentError::Damaged(key)), "{text}");
        }
    }

    #[test]
    fn ports_never_overlap() {
        let names: Vec<_> = FULL.ports().map(|range| range.name).collect();
        assert_eq!(names, ["acpi-pm1a", "acpi-pm1b", "acpi-smi", "acpi-reset"]);
        let elsewhere = PowerRegisters { reset: None, pm1b_control: Some(0x605), ..FULL };
        let names: Vec<_> = elsewhere.ports().map(|range| range.name).collect();
        assert_eq!(names, ["acpi-pm1a", "acpi-smi", "chipset-reset"]);
    }
}
