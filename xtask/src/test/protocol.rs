//! What a test program in the guest prints: `TEST <name> ... ok`, `TEST <name> ... FAILED: <why>`, `ABSENT <which tests, and why>` for those that
//! this machine has no use for, and at the end `SUITE <n> passed, <m> failed`.

use super::reporter::Outcome;

/// One line of the protocol.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// A test's result.
    Test(String, Outcome),
    /// What is not tested on this machine.
    Absent(String),
    /// The end: passed and failed.
    Suite(usize, usize),
}

/// Reads a line; anything else is `None`.
pub fn parse(line: &str) -> Option<Line> {
    if let Some(rest) = line.strip_prefix("SUITE ") {
        let (passed, rest) = rest.split_once(" passed, ")?;
        let failed = rest.trim_end().strip_suffix(" failed")?;
        return Some(Line::Suite(passed.parse().ok()?, failed.parse().ok()?));
    }
    if let Some(text) = line.strip_prefix("ABSENT ") {
        return Some(Line::Absent(text.trim_end().to_owned()));
    }
    let (name, result) = line.strip_prefix("TEST ")?.split_once(" ... ")?;
    let outcome = match result.trim_end() {
        "ok" => Ok(()),
        other => Err(other.strip_prefix("FAILED")?.trim_start_matches([':', ' ']).to_owned()),
    };
    Some(Line::Test(name.to_owned(), outcome))
}

/// The test that had begun and not ended when the text stopped.
pub fn running(text: &str) -> Option<&str> {
    let at = text.rfind("TEST ")?;
    let (name, result) = text[at + 5..].split_once(" ...")?;
    let is_open = !result.trim_start().starts_with("ok") && !result.trim_start().starts_with("FAILED");
    is_open.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        assert_eq!(parse("TEST a.b ... ok"), Some(Line::Test("a.b".into(), Ok(()))));
        assert_eq!(parse("TEST a.b ... FAILED: was 3"), Some(Line::Test("a.b".into(), Err("was 3".into()))));
        assert_eq!(parse("SUITE 3 passed, 1 failed"), Some(Line::Suite(3, 1)));
        assert_eq!(parse("ABSENT 2 tests: why"), Some(Line::Absent("2 tests: why".into())));
        for other in ["", "TEST a", "TEST a ... perhaps", "SUITE x passed, 1 failed", "hello"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }

    #[test]
    fn the_running_test_is_found() {
        assert_eq!(running("TEST a ... ok\nTEST b ... \nKERNEL PANIC"), Some("b"));
        assert_eq!(running("TEST a ... ok\nnoise"), None);
        assert_eq!(running("nothing"), None);
    }
}
