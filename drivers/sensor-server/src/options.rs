//! The arguments that the programs of all sensors on serial lines have.

use airox_uart16550::port_number;
use core::fmt;

/// Longest silence that can be asked for: an hour.
const LONGEST_SILENCE_MS: u64 = 3_600_000;
/// Nanoseconds in a millisecond.
const MILLISECOND: u64 = 1_000_000;

/// Where the line is and how it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineOptions {
    /// The UART's first port.
    pub port: u16,
    /// Its speed.
    pub baud: u32,
    /// Nanoseconds of silence after which the device counts as unplugged.
    pub silence_ns: u64,
}

/// An argument that is unknown or damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadOption;

impl fmt::Display for BadOption {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("unknown or damaged argument; every serial sensor has port=0x2f8 baud=9600 silence-ms=3000")
    }
}

impl core::error::Error for BadOption {}

impl LineOptions {
    /// Reads the program's arguments; those that are not about the line go to `own`, which says whether it knows them.
    ///
    /// # Errors
    /// [`BadOption`] for any that is not known.
    pub fn from_arguments<'a>(
        mut self,
        arguments: impl IntoIterator<Item = &'a str>,
        mut own: impl FnMut(&str, &str) -> Option<()>,
    ) -> Result<LineOptions, BadOption> {
        for argument in arguments {
            let (key, value) = argument.split_once('=').ok_or(BadOption)?;
            match key {
                "port" => self.port = port_number(value).ok_or(BadOption)?,
                "baud" => self.baud = value.parse().map_err(|_| BadOption)?,
                "silence-ms" => self.silence_ns = silence(value).ok_or(BadOption)?,
                _ => own(key, value).ok_or(BadOption)?,
            }
        }
        Ok(self)
    }
}

fn silence(text: &str) -> Option<u64> {
    let milliseconds: u64 = text.parse().ok()?;
    (1..=LONGEST_SILENCE_MS).contains(&milliseconds).then_some(milliseconds * MILLISECOND)
}
