//! The program's arguments.

use airox_uart16550::port_number;
use core::fmt;

/// COM1's first port.
const COM1: u16 = 0x3f8;
/// What a terminal is taken for when nothing is known about it.
const TERMINAL: (usize, usize) = (80, 24);

/// What the serial console is told at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The UART's first port.
    pub port: u16,
    /// Columns and rows of the terminal at the other end.
    pub size: (usize, usize),
}

/// An argument has another form than `port=0x3f8` or `size=80x24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadOption;

impl fmt::Display for BadOption {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("unknown or damaged argument; arguments: port=0x3f8 size=80x24")
    }
}

impl core::error::Error for BadOption {}

impl Options {
    /// Reads the program's arguments.
    ///
    /// # Errors
    /// [`BadOption`] for any that is not known.
    pub fn from_arguments<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Result<Options, BadOption> {
        let mut options = Options { port: COM1, size: TERMINAL };
        for argument in arguments {
            match argument.split_once('=') {
                Some(("port", value)) => options.port = port_number(value).ok_or(BadOption)?,
                Some(("size", value)) => options.size = size(value).ok_or(BadOption)?,
                _ => return Err(BadOption),
            }
        }
        Ok(options)
    }
}

fn size(text: &str) -> Option<(usize, usize)> {
    let (columns, rows) = text.split_once('x')?;
    let side = |text: &str| text.parse().ok().filter(|side| (1..=9999).contains(side));
    Some((side(columns)?, side(rows)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_optional_and_checked() {
        let parse = |arguments: &[&'static str]| Options::from_arguments(arguments.iter().copied());
        let default = Options { port: 0x3f8, size: (80, 24) };
        assert_eq!(parse(&[]), Ok(default));
        let com2 = Options { port: 0x2f8, size: (132, 50) };
        assert_eq!(parse(&["port=0x2f8", "size=132x50"]), Ok(com2));
        assert_eq!(parse(&["port=760"]).map(|options| options.port), Ok(760));
        for bad in ["port=", "port=0x10000", "size=80", "size=0x24", "size=80x-1", "speed=9600", "x"] {
            assert_eq!(parse(&[bad]), Err(BadOption), "{bad}");
        }
    }
}
