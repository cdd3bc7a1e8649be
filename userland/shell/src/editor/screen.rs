//! Shows a prompt and a line on a terminal that is `columns` wide, and keeps track of where the cursor is.
//!
//! Only the part that changed is written again, so typing at the end of a line costs one byte on the wire. Used of the
//! terminal: carriage return, line feed, and the sequences that move the cursor and erase to the end of the row or screen.
//!
//! **The last column.** Some terminals wrap at once when it is written, others when the next character comes.
//! After filling a row exactly, a blank and a carriage return bring either kind to the start of the next row.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use unicode_width::UnicodeWidthChar;

/// A place on the terminal, counted from where the prompt starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    row: usize,
    column: usize,
}

/// See the module documentation.
pub struct Screen {
    columns: usize,
    prompt: String,
    at: Place,
    output: String,
}

impl Screen {
    /// A screen of this width; nothing is shown yet.
    #[must_use]
    pub fn new(columns: usize) -> Screen {
        Screen { columns: columns.max(2), prompt: String::new(), at: Place::default(), output: String::new() }
    }

    /// What has to be written to the terminal since the last call.
    pub fn take_output(&mut self) -> String {
        core::mem::take(&mut self.output)
    }

    /// Shows prompt and line in an empty row, in whose first column the cursor is.
    pub fn begin(&mut self, columns: usize, prompt: &str, line: &[char], cursor: usize) {
        self.columns = columns.max(2);
        self.at = Place::default();
        self.show(prompt, line);
        self.go_to(line, cursor);
    }

    /// Replaces prompt and line where they stand.
    pub fn set_prompt(&mut self, prompt: &str, line: &[char], cursor: usize) {
        self.go(Place::default());
        self.show(prompt, line);
        self.output.push_str("\x1b[J");
        self.go_to(line, cursor);
    }

    fn show(&mut self, prompt: &str, line: &[char]) {
        self.prompt = prompt.into();
        let prompt: Vec<char> = prompt.chars().collect();
        self.put(&prompt);
        self.put(line);
    }

    /// The line changed from character `from` on.
    pub fn redraw(&mut self, line: &[char], from: usize, cursor: usize) {
        let place = self.place(&line[..from]);
        self.go(place);
        self.put(&line[from..]);
        self.output.push_str("\x1b[J");
        self.go_to(line, cursor);
    }

    /// Characters were added at the end of the line, from `from` on, and the cursor is behind them.
    pub fn append(&mut self, line: &[char], from: usize) {
        self.put(&line[from..]);
    }

    /// The cursor moved in an unchanged line.
    pub fn go_to(&mut self, line: &[char], cursor: usize) {
        let place = self.place(&line[..cursor]);
        // A character that does not fit in the rest of the row stands in the next one, and the cursor with it.
        let place = match line.get(cursor) {
            Some(next) if place.column + width(*next) > self.columns => Place { row: place.row + 1, column: 0 },
            _ => place,
        };
        self.go(place);
    }

    /// Leaves the line: the cursor goes to a new row below it.
    pub fn finish(&mut self, line: &[char], note: &str) {
        self.go_to(line, line.len());
        self.output.push_str(note);
        self.output.push_str("\r\n");
        self.at = Place::default();
    }

    /// Empties the terminal and shows prompt and line at its top.
    pub fn clear(&mut self, line: &[char], cursor: usize) {
        self.output.push_str("\x1b[H\x1b[2J");
        self.at = Place::default();
        let prompt = core::mem::take(&mut self.prompt);
        self.set_prompt(&prompt, line, cursor);
    }

    /// Prints other text, which must end in the first column of a row.
    pub fn print(&mut self, text: &str) {
        self.output.push_str(text);
    }

    /// Sounds the bell.
    pub fn bell(&mut self) {
        self.output.push('\x07');
    }

    fn put(&mut self, characters: &[char]) {
        for &character in characters {
            let before = self.at;
            if before.column + width(character) > self.columns {
                // It goes to the next row; the rest of this one may show something older.
                self.output.push_str("\x1b[K");
            }
            self.output.push(character);
            self.at = self.after(before, character);
            if self.at.column == 0 && self.at.row > before.row {
                self.output.push_str(" \r");
            }
        }
    }

    /// Where the cursor is after the prompt and the first characters of the line.
    fn place(&self, characters: &[char]) -> Place {
        let prompt = self.prompt.chars();
        let all = prompt.chain(characters.iter().copied());
        all.fold(Place::default(), |place, character| self.after(place, character))
    }

    /// Where the cursor is after a character at `place`.
    fn after(&self, place: Place, character: char) -> Place {
        let width = width(character);
        let start = if place.column + width > self.columns { Place { row: place.row + 1, column: 0 } } else { place };
        if start.column + width == self.columns {
            return Place { row: start.row + 1, column: 0 };
        }
        Place { row: start.row, column: start.column + width }
    }

    fn go(&mut self, to: Place) {
        let from = self.at;
        // Writing to a `String` cannot fail.
        if to.row < from.row {
            let _ = write!(self.output, "\x1b[{}A", from.row - to.row);
        }
        if to.row > from.row {
            let _ = write!(self.output, "\x1b[{}B", to.row - from.row);
        }
        if to.column == 0 && from.column != 0 {
            self.output.push('\r');
        } else if to.column > from.column {
            let _ = write!(self.output, "\x1b[{}C", to.column - from.column);
        } else if to.column < from.column {
            let _ = write!(self.output, "\x1b[{}D", from.column - to.column);
        }
        self.at = to;
    }
}

fn width(character: char) -> usize {
    character.width().unwrap_or(0)
}

/// Columns a text takes on a terminal.
#[must_use]
pub fn text_width(text: &str) -> usize {
    text.chars().map(width).sum()
}
