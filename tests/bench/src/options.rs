//! What the bench is asked to do: lines of the bundle file [`FILE`].

use alloc::string::String;

use crate::protocol::ROUNDS;

/// Name of the bundle file. Without it every row is measured, with its own number of rounds.
pub const FILE: &str = "bench.options";

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `screen`: a person watches. The table is shown on the screen as well, and the machine goes on at the end.
    pub screen: bool,
    /// `row NAME`: only this row.
    pub row: Option<String>,
    /// `rounds N`: so many rounds of each row, and as many to warm up.
    pub rounds: Option<usize>,
}

impl Options {
    /// Reads the file.
    ///
    /// # Errors
    /// The line that is wrong.
    pub fn parse(text: &str) -> Result<Options, &str> {
        let mut options = Options::default();
        for line in text.lines().filter(|line| !line.is_empty()) {
            match line.split_once(' ') {
                None if line == "screen" => options.screen = true,
                Some(("row", name)) => options.row = Some(name.into()),
                Some(("rounds", number)) => {
                    let rounds = number.parse().ok();
                    let possible = rounds.filter(|rounds| (1..=ROUNDS).contains(rounds));
                    options.rounds = Some(possible.ok_or(line)?);
                }
                _ => return Err(line),
            }
        }
        Ok(options)
    }

    /// Whether a row is wanted.
    #[must_use]
    pub fn wants(&self, row: &str) -> bool {
        self.row.as_deref().is_none_or(|wanted| wanted == row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        let options = Options::parse("screen\nrow null_call\nrounds 100\n").unwrap();
        assert!(options.screen);
        assert_eq!(options.rounds, Some(100));
        assert!(options.wants("null_call"));
        assert!(!options.wants("signal_wake"));
        assert_eq!(Options::parse(""), Ok(Options::default()));
        assert!(Options::default().wants("signal_wake"));
    }

    #[test]
    fn wrong_lines_are_named() {
        for wrong in ["rounds 0", "rounds x", "rounds 10001", "rounds", "row", "faster"] {
            let text = ["screen", wrong].join("\n");
            assert_eq!(Options::parse(&text), Err(wrong));
        }
    }
}
