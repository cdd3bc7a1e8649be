//! Reading a program's arguments.

use alloc::format;
use alloc::string::String;

/// Whether the usage is asked for.
#[must_use]
pub fn wants_help(arguments: &[&str]) -> bool {
    arguments.iter().any(|argument| matches!(*argument, "--help" | "-h"))
}

/// The only argument as a number from `least` to `most`; `default` if there is none.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn number(arguments: &[&str], default: u64, least: u64, most: u64) -> Result<u64, String> {
    match arguments {
        [] => Ok(default),
        [one] => match one.parse() {
            Ok(number) if (least..=most).contains(&number) => Ok(number),
            _ => Err(format!("`{one}` is not a number from {least} to {most}")),
        },
        [_, second, ..] => Err(format!("`{second}` is one argument too many")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_a_range() {
        assert_eq!(number(&[], 7, 1, 9), Ok(7));
        assert_eq!(number(&["9"], 7, 1, 9), Ok(9));
        for wrong in [&["0"][..], &["10"], &["x"], &["-1"], &["1", "2"], &["99999999999999999999"]] {
            assert!(number(wrong, 7, 1, 9).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn help_is_asked_for_anywhere() {
        assert!(wants_help(&["5", "--help"]));
        assert!(!wants_help(&["help"]));
    }
}
