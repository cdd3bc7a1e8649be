//! Tab completion: which words can stand at the cursor.

use crate::parse::quote;
use alloc::string::String;
use alloc::vec::Vec;

/// Knows what can stand at the cursor.
pub trait Completer {
    /// For the text before the cursor: where the word at the cursor starts (in bytes), and every word that could
    /// replace it, sorted.
    fn complete(&mut self, before: &str) -> (usize, Vec<String>);
}

/// What an argument of a command can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// Anything: nothing to propose.
    Free,
    /// A name of a command of the shell.
    Command,
    /// A command with its own arguments.
    Line,
    /// A program in the bundle.
    Program,
    /// A running process or server, by name.
    Process,
    /// A source of log records.
    Source,
    /// A log level.
    Level,
    /// A path of a file or directory.
    Path,
    /// A script of the bundle, or a path.
    Script,
    /// A sensor.
    Sensor,
    /// One of these words.
    Words(&'static [&'static str]),
}

/// The words of the command at the cursor: those complete before the cursor, and where the last, unfinished one starts.
#[must_use]
pub fn split(before: &str) -> (Vec<&str>, usize) {
    // Completion only looks at plain words; inside quotes nothing is proposed that would fit anyway.
    let command = before.rfind([';', '&']).map_or(0, |at| at + 1);
    let start = before
        .rfind(|c: char| c.is_whitespace() || c == ';' || c == '&')
        .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
    (before[command..start].split_whitespace().collect(), start)
}

/// The candidates that begin with `word`, quoted where needed, sorted and each only once.
#[must_use]
pub fn matching(word: &str, candidates: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut list: Vec<String> = candidates
        .into_iter()
        .filter(|candidate| candidate.starts_with(word))
        .map(|candidate| quote(&candidate))
        .collect();
    list.sort();
    list.dedup();
    list
}

/// What all candidates begin with; `None` if there is no candidate.
#[must_use]
pub fn common_prefix(candidates: &[String]) -> Option<String> {
    let (first, rest) = candidates.split_first()?;
    let mut prefix = first.as_str();
    for candidate in rest {
        let same = prefix
            .char_indices()
            .zip(candidate.chars())
            .find(|((_, a), b)| a != b)
            .map_or(prefix.len().min(candidate.len()), |((at, _), _)| at);
        prefix = &prefix[..same];
    }
    Some(prefix.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec;

    #[test]
    fn the_word_at_the_cursor() {
        assert_eq!(split(""), (vec![], 0));
        assert_eq!(split("ru"), (vec![], 0));
        assert_eq!(split("run "), (vec!["run"], 4));
        assert_eq!(split("log -f rt"), (vec!["log", "-f"], 7));
        assert_eq!(split("ps; kill 4 && lo"), (vec![], 14));
        assert_eq!(split("ps;ki"), (vec![], 3));
        assert_eq!(split("run\u{3000}x"), (vec!["run"], 6));
    }

    #[test]
    fn prefixes() {
        let list = |names: &[&str]| names.iter().map(|n| n.to_string()).collect::<Vec<_>>();
        assert_eq!(common_prefix(&list(&["poweroff", "power"])), Some("power".into()));
        assert_eq!(common_prefix(&list(&["é1", "é2"])), Some("é".into()));
        assert_eq!(common_prefix(&list(&["a", "b"])), Some("".into()));
        assert_eq!(common_prefix(&[]), None);
        assert_eq!(matching("p", list(&["ps", "mem", "p s", "ps"])), list(&["\"p s\"", "ps"]));
        assert_eq!(matching("", list(&["b", "a"])), list(&["a", "b"]));
    }
}
