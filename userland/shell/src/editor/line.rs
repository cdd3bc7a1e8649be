//! The line being edited: characters and a cursor, nothing about screens.

use alloc::string::String;
use alloc::vec::Vec;

/// Most characters of a line.
pub const MAX_CHARACTERS: usize = 4096;

/// A line and a cursor in it. Positions count characters.
#[derive(Default)]
pub struct Line {
    characters: Vec<char>,
    cursor: usize,
}

impl Line {
    /// The characters.
    #[must_use]
    pub fn characters(&self) -> &[char] {
        &self.characters
    }

    /// Where the next character goes.
    #[must_use]
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// The whole line.
    #[must_use]
    pub fn text(&self) -> String {
        self.characters.iter().collect()
    }

    /// The part before the cursor.
    #[must_use]
    pub fn before_cursor(&self) -> String {
        self.characters[..self.cursor].iter().collect()
    }

    /// Whether it has no characters.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.characters.is_empty()
    }

    /// Replaces the line and puts the cursor at its end; what does not fit is left out.
    pub fn set(&mut self, text: &str) {
        self.characters.clear();
        self.characters.extend(text.chars().filter(|c| !c.is_control()).take(MAX_CHARACTERS));
        self.cursor = self.characters.len();
    }

    /// Inserts at the cursor. Control characters and what does not fit are left out; tells whether all was inserted.
    pub fn insert(&mut self, text: &str) -> bool {
        for character in text.chars() {
            if character.is_control() || self.characters.len() >= MAX_CHARACTERS {
                return false;
            }
            self.characters.insert(self.cursor, character);
            self.cursor += 1;
        }
        true
    }

    /// Moves the cursor, at most to the end.
    pub fn move_to(&mut self, position: usize) {
        self.cursor = position.min(self.characters.len());
    }

    /// Removes the characters between the cursor and `position` and returns them; the cursor ends where they were.
    pub fn remove_to(&mut self, position: usize) -> String {
        let position = position.min(self.characters.len());
        let (start, end) = (self.cursor.min(position), self.cursor.max(position));
        self.cursor = start;
        self.characters.drain(start..end).collect()
    }

    /// Swaps the two characters before the cursor, or around it when it is not at the end.
    pub fn swap(&mut self) {
        let length = self.characters.len();
        if length < 2 || self.cursor == 0 {
            return;
        }
        let second = self.cursor.min(length - 1);
        self.characters.swap(second - 1, second);
        self.cursor = second + 1;
    }

    /// Where the word before the cursor starts.
    #[must_use]
    pub fn word_left(&self) -> usize {
        let before = &self.characters[..self.cursor];
        let end = before.iter().rposition(|c| c.is_alphanumeric()).map_or(0, |at| at + 1);
        before[..end].iter().rposition(|c| !c.is_alphanumeric()).map_or(0, |at| at + 1)
    }

    /// Where the word after the cursor ends.
    #[must_use]
    pub fn word_right(&self) -> usize {
        let length = self.characters.len();
        let find = |from: usize, alphanumeric: bool| {
            (from..length).find(|at| self.characters[*at].is_alphanumeric() == alphanumeric).unwrap_or(length)
        };
        find(find(self.cursor, true), false)
    }

    /// Where the blank-separated word before the cursor starts.
    #[must_use]
    pub fn blank_left(&self) -> usize {
        let before = &self.characters[..self.cursor];
        let end = before.iter().rposition(|c| !c.is_whitespace()).map_or(0, |at| at + 1);
        before[..end].iter().rposition(|c| c.is_whitespace()).map_or(0, |at| at + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str, cursor: usize) -> Line {
        let mut line = Line::default();
        line.set(text);
        line.move_to(cursor);
        line
    }

    #[test]
    fn words() {
        let at = line("log -f  rtc", 11);
        assert_eq!(at.word_left(), 8);
        assert_eq!(line("log -f  rtc", 8).word_left(), 5);
        assert_eq!(line("log -f  rtc", 0).word_left(), 0);
        assert_eq!(line("log -f  rtc", 3).word_right(), 6);
        assert_eq!(line("log -f  rtc", 11).word_right(), 11);
        assert_eq!(line("log -f  ", 8).blank_left(), 4);
    }

    #[test]
    fn edits() {
        let mut at = line("abcd", 2);
        assert!(at.insert("xy"));
        assert_eq!(at.text(), "abxycd");
        assert_eq!(at.remove_to(0), "abxy");
        assert_eq!((at.text().as_str(), at.cursor()), ("cd", 0));
        assert_eq!(at.remove_to(99), "cd");
        let mut at = line("ab", 2);
        at.swap();
        assert_eq!(at.text(), "ba");
        let mut at = line("abc", 1);
        at.swap();
        assert_eq!((at.text().as_str(), at.cursor()), ("bac", 2));
        line("a", 1).swap();
        line("", 0).swap();
    }

    #[test]
    fn a_line_is_bounded_and_has_no_controls() {
        let mut at = line(&"x".repeat(MAX_CHARACTERS + 9), 0);
        assert_eq!(at.characters().len(), MAX_CHARACTERS);
        assert!(!at.insert("y"));
        assert!(!line("", 0).insert("\x1b"));
    }
}
