//! Counts tests and prints a line for each.

use std::process::ExitCode;
use std::time::{Duration, Instant};

/// What became of one test.
pub type Outcome = Result<(), String>;

/// Prints results as they come, and the failures again at the end.
pub struct Reporter {
    filter: Option<String>,
    list: bool,
    passed: usize,
    failures: Vec<(String, String)>,
    started: Instant,
}

impl Reporter {
    /// A reporter that knows only tests whose name contains `filter`; with `list`, it prints names alone.
    pub fn new(filter: Option<String>, list: bool) -> Reporter {
        Reporter { filter, list, passed: 0, failures: Vec::new(), started: Instant::now() }
    }

    /// Whether names are listed and nothing is run.
    pub fn is_listing(&self) -> bool {
        self.list
    }

    /// The text that names must contain, if any.
    pub fn filter(&self) -> Option<&str> {
        self.filter.as_deref()
    }

    /// Whether the filter lets this test through.
    pub fn wants(&self, name: &str) -> bool {
        self.filter.as_deref().is_none_or(|filter| name.contains(filter))
    }

    /// Whether any of these tests is to be run; if they are only listed, lists them.
    pub fn wants_any<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> bool {
        let wanted: Vec<&str> = names.into_iter().filter(|name| self.wants(name)).collect();
        if self.list {
            for name in &wanted {
                println!("{name}");
            }
        }
        !self.list && !wanted.is_empty()
    }

    /// Runs a test, if it is wanted, and reports it.
    pub fn run(&mut self, name: &str, test: impl FnOnce() -> Outcome) {
        if self.wants_any([name]) {
            let started = Instant::now();
            let outcome = test();
            self.report(name, Some(started.elapsed()), outcome);
        }
    }

    /// Reports one test.
    pub fn report(&mut self, name: &str, time: Option<Duration>, outcome: Outcome) {
        let time = time.map_or_else(String::new, |time| format!(" ({:.1} s)", time.as_secs_f32()));
        match outcome {
            Ok(()) => {
                self.passed += 1;
                println!("test {name} ... ok{time}");
            }
            Err(reason) => {
                println!("test {name} ... FAILED{time}: {}", indent(&reason));
                self.failures.push((name.to_owned(), reason));
            }
        }
    }

    /// Prints the failures again, then the count as the last line.
    pub fn finish(self) -> ExitCode {
        if self.list {
            return ExitCode::SUCCESS;
        }
        if !self.failures.is_empty() {
            println!("\nfailures:");
            for (name, reason) in &self.failures {
                println!("  {name}: {}", indent(reason));
            }
        }
        println!("\ntested for {:.0} s", self.started.elapsed().as_secs_f32());
        let is_empty = self.passed == 0 && self.failures.is_empty();
        if is_empty {
            // Else a mistyped filter would look like a success.
            let filter = self.filter.unwrap_or_default();
            eprintln!("error: no test's name contains `{filter}`; --list shows all");
        }
        println!("{} passed, {} failed", self.passed, self.failures.len());
        if self.failures.is_empty() && !is_empty { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// Further lines of a reason, moved to the right.
fn indent(text: &str) -> String {
    text.trim_end().replace('\n', "\n      ")
}
