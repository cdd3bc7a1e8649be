//! The name a person probably meant.

use alloc::vec::Vec;

/// The candidate with the fewest edits (insert, delete, replace, swap of neighbours) from `word`, if it is near enough to be
/// meant: at most a third of the word's length, and at least one edit is always allowed.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(edits, _)| *edits <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Edits from one word to the other (optimal string alignment).
#[must_use]
pub fn distance(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.chars().collect();
    let to: Vec<char> = to.chars().collect();
    let width = to.len() + 1;
    // Three rows of the matrix: two before, one before, current.
    let mut before = alloc::vec![0; width];
    let mut last: Vec<usize> = (0..width).collect();
    for i in 1..=from.len() {
        let mut row = alloc::vec![i; width];
        for j in 1..width {
            let same = from[i - 1] == to[j - 1];
            let mut edits = (last[j - 1] + usize::from(!same)).min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                edits = edits.min(before[j - 2] + 1);
            }
            row[j] = edits;
        }
        before = core::mem::replace(&mut last, row);
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!(distance("", ""), 0);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("sp", "ps"), 1);
        assert_eq!(distance("hlep", "help"), 1);
        assert_eq!(distance("naïve", "naive"), 1);
    }

    #[test]
    fn suggestions_are_near_or_absent() {
        let names = ["ps", "mem", "programs", "poweroff", "reboot"];
        assert_eq!(nearest("sp", names), Some("ps"));
        assert_eq!(nearest("progams", names), Some("programs"));
        assert_eq!(nearest("powerof", names), Some("poweroff"));
        assert_eq!(nearest("xyzzy", names), None);
        assert_eq!(nearest("", names), None);
    }
}
