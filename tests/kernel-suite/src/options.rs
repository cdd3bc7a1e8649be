//! What a run is asked to do: the text of the bundle file `test.arguments`.

/// How to run the suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options<'a> {
    /// Only tests whose name contains this.
    pub filter: &'a str,
    /// Random system calls of each storm.
    pub calls: u64,
    /// Run the storm with this seed only.
    pub seed: Option<u64>,
    /// Print the names instead of running.
    pub list: bool,
}

impl Options<'static> {
    /// Everything, as in continuous integration.
    pub const DEFAULT: Options<'static> = Options { filter: "", calls: 100_000, seed: None, list: false };
}

/// Why the text is not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionError<'a> {
    /// No such option.
    Unknown(&'a str),
    /// The option needs a value.
    MissingValue(&'a str),
    /// The value is not a number (decimal, or hexadecimal after `0x`).
    NotANumber(&'a str),
}

impl core::fmt::Display for OptionError<'_> {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            OptionError::Unknown(text) => write!(formatter, "unknown option {text}"),
            OptionError::MissingValue(text) => write!(formatter, "{text} needs a value"),
            OptionError::NotANumber(text) => write!(formatter, "{text} is not a number"),
        }
    }
}

impl<'a> Options<'a> {
    /// Reads `[--filter NAME] [--calls N] [--seed N] [--list]`, separated by white space.
    ///
    /// # Errors
    /// An option nobody knows, a missing value, or a value that is no number.
    pub fn parse(text: &'a str) -> Result<Options<'a>, OptionError<'a>> {
        let mut options: Options<'a> = Options::DEFAULT;
        let mut words = text.split_whitespace();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(OptionError::MissingValue(word));
            match word {
                "--filter" => options.filter = value()?,
                "--calls" => options.calls = number(value()?)?,
                "--seed" => options.seed = Some(number(value()?)?),
                "--list" => options.list = true,
                _ => return Err(OptionError::Unknown(word)),
            }
        }
        Ok(options)
    }
}

fn number(text: &str) -> Result<u64, OptionError<'_>> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    }
    .map_err(|_| OptionError::NotANumber(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        assert_eq!(Options::parse(""), Ok(Options::DEFAULT));
        let options = Options::parse("--filter call.notify\n --calls 5 --seed 0xff --list");
        assert_eq!(options, Ok(Options { filter: "call.notify", calls: 5, seed: Some(255), list: true }));
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(Options::parse("--flter x"), Err(OptionError::Unknown("--flter")));
        assert_eq!(Options::parse("--calls"), Err(OptionError::MissingValue("--calls")));
        assert_eq!(Options::parse("--seed 0xzz"), Err(OptionError::NotANumber("0xzz")));
    }
}
