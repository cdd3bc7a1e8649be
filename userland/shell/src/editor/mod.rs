//! The line editor: bytes in, bytes out, no I/O of its own, so it is tested with byte sequences against a terminal model.
//!
//! Keys: arrows, Home and End, Control with A B C D E F H K L N P R T U W Y, Alt with B D F, Control or Alt with the left and right
//! arrows, Tab to complete, twice to see what is possible. [`KEYS`] is the list for people.

mod keys;
mod line;
mod screen;

use crate::complete::{Completer, common_prefix};
use crate::history::History;
use crate::table;
use alloc::format;
use alloc::string::String;
use keys::{Decoder, Key};
use line::Line;
use screen::Screen;
pub use screen::text_width;

/// The keys, for `help`.
pub const KEYS: &str = "\
Left Right        one character          Ctrl-A Home   start of the line
Alt-B Alt-F       one word               Ctrl-E End    end of the line
Up Down           earlier, later line    Ctrl-R        search in earlier lines
Tab               complete; twice: list  Ctrl-L        clear the screen
Backspace Delete  erase a character      Ctrl-W Alt-D  cut the word before, after
Ctrl-U Ctrl-K     cut to the start, end  Ctrl-Y        put back what was cut
Ctrl-T            swap two characters    Ctrl-C        drop the line, stop a command
Ctrl-D            erase the next one
";

/// What came of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The line goes on.
    Editing,
    /// Enter: the line, without its end.
    Line(String),
    /// Ctrl-C: the line was dropped.
    Cancelled,
    /// Ctrl-D on an empty line.
    EndOfInput,
}

struct Search {
    text: String,
    /// Steps back in the history of the line shown, if one was found.
    found: Option<usize>,
}

/// See the module documentation.
pub struct Editor {
    /// The lines entered so far.
    pub history: History,
    decoder: Decoder,
    line: Line,
    screen: Screen,
    prompt: String,
    columns: usize,
    cut: String,
    /// Steps back in the history, while browsing, and the line that was being typed.
    browsing: Option<(usize, String)>,
    search: Option<Search>,
    tab_before: bool,
}

impl Default for Editor {
    fn default() -> Editor {
        Editor {
            history: History::default(),
            decoder: Decoder::default(),
            line: Line::default(),
            screen: Screen::new(80),
            prompt: String::new(),
            columns: 80,
            cut: String::new(),
            browsing: None,
            search: None,
            tab_before: false,
        }
    }
}

impl Editor {
    /// Starts a new line behind `prompt` on a terminal `columns` wide; the cursor must be in its first column.
    pub fn begin(&mut self, prompt: &str, columns: usize) {
        self.prompt = prompt.into();
        self.columns = columns;
        self.line = Line::default();
        self.browsing = None;
        self.search = None;
        self.tab_before = false;
        self.screen.begin(columns, prompt, &[], 0);
    }

    /// Shows prompt and line again, in the first column of a fresh row; after something else was printed.
    pub fn show_again(&mut self) {
        let (prompt, columns) = (self.prompt.clone(), self.columns);
        self.search = None;
        self.screen.begin(columns, &prompt, self.line.characters(), self.line.cursor());
    }

    /// What has to be written to the terminal since the last call.
    pub fn take_output(&mut self) -> String {
        self.screen.take_output()
    }

    /// Takes one byte of input.
    pub fn feed(&mut self, byte: u8, completer: &mut dyn Completer) -> Outcome {
        let mut outcome = Outcome::Editing;
        for key in self.decoder.feed(byte).into_iter().flatten() {
            outcome = self.key(key, completer);
        }
        outcome
    }

    fn key(&mut self, key: Key, completer: &mut dyn Completer) -> Outcome {
        let tab_before = core::mem::take(&mut self.tab_before);
        if self.search.is_some() && self.search_key(key) {
            return Outcome::Editing;
        }
        match key {
            Key::Enter => return self.enter(),
            Key::Control('c') => {
                self.screen.finish(self.line.characters(), "^C");
                return Outcome::Cancelled;
            }
            Key::Control('d') if self.line.is_empty() => {
                self.screen.finish(&[], "");
                return Outcome::EndOfInput;
            }
            Key::Character(character) => self.insert(character.encode_utf8(&mut [0; 4])),
            Key::Tab => self.complete(completer, tab_before),
            Key::Up | Key::Control('p') => self.browse(true),
            Key::Down | Key::Control('n') => self.browse(false),
            Key::Control('r') => self.begin_search(),
            Key::Control('l') => self.screen.clear(self.line.characters(), self.line.cursor()),
            Key::Control('t') => {
                self.line.swap();
                self.redraw(self.line.cursor().saturating_sub(2));
            }
            Key::Control('y') => {
                let cut = self.cut.clone();
                self.insert(&cut);
            }
            _ => self.motion_or_removal(key),
        }
        Outcome::Editing
    }

    fn motion_or_removal(&mut self, key: Key) {
        let cursor = self.line.cursor();
        let end = self.line.characters().len();
        match key {
            Key::Left | Key::Control('b') => self.go(cursor.saturating_sub(1)),
            Key::Right | Key::Control('f') => self.go(cursor + 1),
            Key::Home | Key::Control('a') => self.go(0),
            Key::End | Key::Control('e') => self.go(end),
            Key::WordLeft => self.go(self.line.word_left()),
            Key::WordRight => self.go(self.line.word_right()),
            Key::Backspace if cursor == 0 => self.screen.bell(),
            Key::Backspace => {
                self.remove_to(cursor - 1);
            }
            Key::Delete | Key::Control('d') => {
                self.remove_to(cursor + 1);
            }
            Key::Control('w') => self.cut = self.remove_to(self.line.blank_left()),
            Key::WordBackspace => self.cut = self.remove_to(self.line.word_left()),
            Key::Alt('d') => self.cut = self.remove_to(self.line.word_right()),
            Key::Control('u') => self.cut = self.remove_to(0),
            Key::Control('k') => self.cut = self.remove_to(end),
            _ => self.screen.bell(),
        }
    }

    fn enter(&mut self) -> Outcome {
        self.screen.finish(self.line.characters(), "");
        let text = self.line.text();
        self.history.push(&text);
        Outcome::Line(text)
    }

    fn go(&mut self, cursor: usize) {
        self.line.move_to(cursor);
        self.screen.go_to(self.line.characters(), self.line.cursor());
    }

    fn redraw(&mut self, from: usize) {
        self.screen.redraw(self.line.characters(), from, self.line.cursor());
    }

    fn insert(&mut self, text: &str) {
        let from = self.line.cursor();
        let at_end = from == self.line.characters().len();
        if !self.line.insert(text) {
            self.screen.bell();
        }
        if at_end {
            self.screen.append(self.line.characters(), from);
        } else {
            self.redraw(from);
        }
    }

    fn remove_to(&mut self, position: usize) -> String {
        let removed = self.line.remove_to(position);
        self.redraw(self.line.cursor());
        removed
    }

    fn replace(&mut self, text: &str) {
        self.line.set(text);
        self.redraw(0);
    }

    fn browse(&mut self, earlier: bool) {
        let target = match (&self.browsing, earlier) {
            (None, true) => Some(0),
            (Some((back, _)), true) => Some(back + 1),
            (Some((back, _)), false) => back.checked_sub(1),
            (None, false) => return self.screen.bell(),
        };
        let Some(back) = target else {
            let (_, typed) = self.browsing.take().unwrap_or_default();
            return self.replace(&typed);
        };
        let Some(text) = self.history.back(back).map(String::from) else {
            return self.screen.bell();
        };
        let typed = match self.browsing.take() {
            Some((_, typed)) => typed,
            None => self.line.text(),
        };
        self.browsing = Some((back, typed));
        self.replace(&text);
    }

    fn begin_search(&mut self) {
        self.search = Some(Search { text: String::new(), found: None });
        self.show_search();
    }

    fn show_search(&mut self) {
        let Some(search) = &self.search else { return };
        let prompt = match (search.found, search.text.is_empty()) {
            (None, false) => format!("(nothing found for `{}`): ", search.text),
            _ => format!("(search `{}`): ", search.text),
        };
        if let Some(line) = search.found.and_then(|back| self.history.back(back)) {
            self.line.set(line);
        }
        self.screen.set_prompt(&prompt, self.line.characters(), self.line.cursor());
    }

    /// A key during a search; `false` if it ends the search and is still to be obeyed.
    fn search_key(&mut self, key: Key) -> bool {
        let Some(search) = &mut self.search else {
            return false;
        };
        match key {
            Key::Character(character) => {
                search.text.push(character);
                search.found = self.history.search(&search.text, search.found.unwrap_or(0));
            }
            Key::Backspace => {
                search.text.pop();
                search.found = self.history.search(&search.text, 0);
            }
            Key::Control('r') => {
                let from = search.found.map_or(0, |back| back + 1);
                match self.history.search(&search.text, from) {
                    Some(back) => search.found = Some(back),
                    None => self.screen.bell(),
                }
            }
            Key::Control('g' | 'c') => {
                self.line.set("");
                self.end_search();
                return true;
            }
            _ => {
                self.end_search();
                return false;
            }
        }
        self.show_search();
        true
    }

    fn end_search(&mut self) {
        self.search = None;
        let prompt = self.prompt.clone();
        self.screen.set_prompt(&prompt, self.line.characters(), self.line.cursor());
    }

    fn complete(&mut self, completer: &mut dyn Completer, list: bool) {
        let before = self.line.before_cursor();
        let (start, candidates) = completer.complete(&before);
        let word = &before[start..];
        let Some(prefix) = common_prefix(&candidates) else {
            return self.screen.bell();
        };
        if let [candidate] = candidates.as_slice() {
            return match candidate.strip_prefix(word) {
                // A directory is not the whole of a path.
                Some(rest) if rest.ends_with('/') => self.insert(rest),
                Some(rest) => self.insert(&format!("{rest} ")),
                None => {
                    // It needs quotes, so the word at the cursor is replaced.
                    let start = self.line.cursor() - word.chars().count();
                    self.remove_to(start);
                    self.insert(&format!("{candidate} "));
                }
            };
        }
        if let Some(rest) = prefix.strip_prefix(word)
            && !rest.is_empty()
        {
            self.insert(rest);
        } else if list {
            let cursor = self.line.cursor();
            self.screen.finish(self.line.characters(), "");
            let names = table::columns(&candidates, self.columns);
            self.screen.print(&names.replace('\n', "\r\n"));
            self.show_again();
            self.go(cursor);
        } else {
            self.screen.bell();
        }
        self.tab_before = true;
    }
}

#[cfg(test)]
mod tests;
