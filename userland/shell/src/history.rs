//! The lines typed before.

use alloc::collections::VecDeque;
use alloc::string::String;

/// Lines kept.
pub const MAX_LINES: usize = 200;

/// Lines from oldest to newest, bounded; neither empty lines nor a repetition of the newest are kept.
#[derive(Default)]
pub struct History {
    lines: VecDeque<String>,
    forgotten: usize,
}

impl History {
    /// Adds a line that was entered.
    pub fn push(&mut self, line: &str) {
        if line.trim().is_empty() || self.lines.back().is_some_and(|last| last == line) {
            return;
        }
        if self.lines.len() == MAX_LINES {
            self.lines.pop_front();
            self.forgotten += 1;
        }
        self.lines.push_back(line.into());
    }

    /// How many lines are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether none is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The line `back` steps ago: 0 is the newest.
    #[must_use]
    pub fn back(&self, back: usize) -> Option<&str> {
        let index = self.lines.len().checked_sub(back + 1)?;
        self.lines.get(index).map(String::as_str)
    }

    /// The nearest line at least `from` steps back that contains `text`, as steps back.
    #[must_use]
    pub fn search(&self, text: &str, from: usize) -> Option<usize> {
        (from..self.lines.len()).find(|back| self.back(*back).is_some_and(|line| line.contains(text)))
    }

    /// Every line with its number since the start, oldest first.
    pub fn numbered(&self) -> impl Iterator<Item = (usize, &str)> {
        let first = self.forgotten + 1;
        self.lines.iter().enumerate().map(move |(n, line)| (first + n, line.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn lines_come_back_newest_first() {
        let mut history = History::default();
        for line in ["ps", "mem", "mem", " ", "log"] {
            history.push(line);
        }
        assert_eq!(history.len(), 3);
        assert_eq!(history.back(0), Some("log"));
        assert_eq!(history.back(2), Some("ps"));
        assert_eq!(history.back(3), None);
        assert_eq!(history.search("m", 0), Some(1));
        assert_eq!(history.search("m", 2), None);
    }

    #[test]
    fn history_is_bounded_and_numbers_go_on() {
        let mut history = History::default();
        for n in 1..=MAX_LINES + 5 {
            history.push(&format!("echo {n}"));
        }
        assert_eq!(history.len(), MAX_LINES);
        assert_eq!(history.numbered().next(), Some((6, "echo 6")));
    }
}
