//! Reads what `cargo test` prints: one result for each test, with the output of those that failed.

use std::collections::BTreeMap;

use super::reporter::Outcome;

/// Follows the output line by line.
#[derive(Default)]
pub struct Parser {
    /// The crate whose tests run now.
    unit: String,
    /// Failed tests of this unit, whose output is told at its end.
    failed: Vec<String>,
    output: BTreeMap<String, String>,
    /// The test whose output is being told.
    telling: Option<String>,
}

impl Parser {
    /// Takes one line; returns the results that are complete now.
    pub fn line(&mut self, line: &str) -> Vec<(String, Outcome)> {
        let trimmed = line.trim_start();
        if let Some(unit) = unit_name(trimmed) {
            let results = self.flush();
            self.unit = unit;
            return results;
        }
        if let Some((name, result)) = test_line(line) {
            let name = format!("{}/{name}", self.unit);
            return match result {
                "ok" => vec![(name, Ok(()))],
                "FAILED" => {
                    self.failed.push(name);
                    Vec::new()
                }
                _ => Vec::new(),
            };
        }
        if let Some(name) = line.strip_prefix("---- ").and_then(|rest| rest.strip_suffix(" stdout ----")) {
            self.telling = Some(format!("{}/{name}", self.unit));
        } else if line == "failures:" {
            self.telling = None;
        } else if line.starts_with("test result:") {
            return self.flush();
        } else if let Some(name) = &self.telling {
            let text = self.output.entry(name.clone()).or_default();
            text.push_str(line);
            text.push('\n');
        }
        Vec::new()
    }

    /// Failed tests not reported yet.
    pub fn flush(&mut self) -> Vec<(String, Outcome)> {
        self.telling = None;
        let failed = std::mem::take(&mut self.failed);
        failed
            .into_iter()
            .map(|name| {
                let output = self.output.remove(&name).unwrap_or_default();
                (name, Err(output.trim().to_owned()))
            })
            .collect()
    }
}

/// The name in `Running unittests src/lib.rs (target/debug/deps/airox_abi-0123)` or `Doc-tests airox_abi`.
fn unit_name(line: &str) -> Option<String> {
    if let Some(name) = line.strip_prefix("Doc-tests ") {
        return Some(format!("{name}/doc"));
    }
    let path = line.strip_prefix("Running ")?.rsplit_once('(')?.1.strip_suffix(')')?;
    let file = path.rsplit('/').next()?;
    Some(file.rsplit_once('-')?.0.to_owned())
}

/// Name and result in `test name ... ok`.
fn test_line(line: &str) -> Option<(&str, &str)> {
    let (name, result) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    let result = result.split([',', ' ']).next()?;
    Some((name.strip_suffix(" - should panic").unwrap_or(name), result))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
   Compiling airox-abi v0.1.0
     Running unittests src/lib.rs (target/debug/deps/airox_abi-0a1b2c3d)

running 3 tests
test message::tests::good ... ok
test message::tests::bad ... FAILED
test message::tests::later ... ignored, slow

failures:

---- message::tests::bad stdout ----
thread panicked at lib.rs:1:
left != right

failures:
    message::tests::bad

test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s

   Doc-tests airox_abi
test src/lib.rs - (line 10) - compile ... ok
";

    #[test]
    fn results_carry_crate_and_reason() {
        let mut parser = Parser::default();
        let results: Vec<_> = OUTPUT.lines().flat_map(|line| parser.line(line)).collect();
        assert_eq!(results.len(), 3);
        assert_eq!(results[0], ("airox_abi/message::tests::good".into(), Ok(())));
        assert_eq!(
            results[1],
            ("airox_abi/message::tests::bad".into(), Err("thread panicked at lib.rs:1:\nleft != right".into()))
        );
        assert_eq!(results[2], ("airox_abi/doc/src/lib.rs - (line 10) - compile".into(), Ok(())));
    }

    #[test]
    fn a_crash_still_reports_what_failed() {
        let mut parser = Parser::default();
        let lines = ["     Running tests/x.rs (target/debug/deps/x-1)", "test a ... FAILED"];
        assert!(lines.iter().all(|line| parser.line(line).is_empty()));
        assert_eq!(parser.flush(), [("x/a".to_owned(), Err(String::new()))]);
    }
}
