//! From typed bytes to what a reader gets.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// What happens to typed bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Mode {
    /// Readers get whole lines, edited and echoed here: erase (backspace), erase word (Ctrl-W), kill line (Ctrl-U), end of
    /// input (Ctrl-D).
    #[default]
    Cooked,
    /// Readers get each byte as it comes; nothing is echoed.
    Raw,
}

/// Longest line that can be typed in cooked mode, without its end.
pub const LINE_CAPACITY: usize = 1024;
/// Input that waits for a reader, in bytes; more is dropped and counted.
pub const READY_CAPACITY: usize = 4096;

/// Marks end of input between bytes.
const END_OF_INPUT: u16 = 0x100;

const BELL: u8 = 0x07;
const INTERRUPT: u8 = 0x03;
const END: u8 = 0x04;
const BACKSPACE: u8 = 0x08;
const ERASE_WORD: u8 = 0x17;
const KILL_LINE: u8 = 0x15;
const ESCAPE: u8 = 0x1b;
const DELETE: u8 = 0x7f;

/// What the console must do about a typed byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typed {
    /// Nothing more.
    Taken,
    /// Ctrl-C was typed; the byte was not kept.
    Interrupt,
}

/// Skips escape sequences (arrow keys and the like) in cooked mode.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sequence {
    None,
    Escape,
    Control,
}

/// The line discipline.
pub struct Discipline {
    mode: Mode,
    line: Vec<u8>,
    ready: VecDeque<u16>,
    sequence: Sequence,
    after_return: bool,
    lost: u64,
}

impl Discipline {
    pub fn new() -> Discipline {
        Discipline {
            mode: Mode::Cooked,
            line: Vec::with_capacity(LINE_CAPACITY),
            ready: VecDeque::with_capacity(READY_CAPACITY),
            sequence: Sequence::None,
            after_return: false,
            lost: 0,
        }
    }

    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Changes the mode. Nothing typed ahead is lost: a line begun in cooked mode becomes raw input, and raw input that nobody
    /// read is typed again, with its echo.
    pub fn set_mode(&mut self, mode: Mode, echo: &mut dyn FnMut(&[u8])) {
        if mode == self.mode {
            return;
        }
        self.mode = mode;
        self.sequence = Sequence::None;
        match mode {
            Mode::Raw => {
                let line = core::mem::take(&mut self.line);
                for &byte in &line {
                    self.push_ready(byte.into());
                }
                self.line = line;
                self.line.clear();
            }
            Mode::Cooked => {
                for _ in 0..self.ready.len() {
                    match self.ready.pop_front() {
                        Some(END_OF_INPUT) => self.push_ready(END_OF_INPUT),
                        Some(entry) => self.typed_cooked(entry as u8, echo),
                        None => {}
                    }
                }
            }
        }
    }

    /// Bytes dropped because nobody read them in time.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Takes a typed byte; `echo` gets what the person should see.
    pub fn typed(&mut self, byte: u8, echo: &mut dyn FnMut(&[u8])) -> Typed {
        if byte == INTERRUPT {
            self.sequence = Sequence::None;
            return Typed::Interrupt;
        }
        match self.mode {
            Mode::Raw => self.push_ready(byte.into()),
            Mode::Cooked => self.typed_cooked(byte, echo),
        }
        Typed::Taken
    }

    /// Forgets everything typed and not yet read.
    pub fn discard(&mut self) {
        self.line.clear();
        self.ready.clear();
    }

    /// Keeps a byte as it is, whatever the mode.
    pub fn push_byte(&mut self, byte: u8) {
        self.push_ready(byte.into());
    }

    /// Whether a read would be answered now.
    pub fn has_input(&self) -> bool {
        match self.mode {
            Mode::Cooked => !self.ready.is_empty(),
            Mode::Raw => self.ready.iter().any(|&entry| entry != END_OF_INPUT),
        }
    }

    /// Copies what the next read gets to `buffer`, without taking it: in cooked mode at most one line. Returns the bytes
    /// copied and the token that takes them.
    pub fn peek(&self, buffer: &mut [u8]) -> (usize, Taken) {
        let mut length = 0;
        let mut entries = 0;
        for &entry in &self.ready {
            if entry == END_OF_INPUT {
                match self.mode {
                    Mode::Cooked => {
                        entries += 1;
                        break;
                    }
                    Mode::Raw => {
                        entries += 1;
                        continue;
                    }
                }
            }
            let Some(slot) = buffer.get_mut(length) else {
                break;
            };
            *slot = entry as u8;
            length += 1;
            entries += 1;
            if self.mode == Mode::Cooked && entry == u16::from(b'\n') {
                break;
            }
        }
        (length, Taken(entries))
    }

    /// Takes what [`Self::peek`] showed.
    pub fn take(&mut self, taken: Taken) {
        self.ready.drain(..taken.0.min(self.ready.len()));
    }

    fn push_ready(&mut self, entry: u16) {
        if self.ready.len() < READY_CAPACITY {
            self.ready.push_back(entry);
        } else {
            self.lost += 1;
        }
    }

    fn typed_cooked(&mut self, byte: u8, echo: &mut dyn FnMut(&[u8])) {
        let after_return = core::mem::replace(&mut self.after_return, byte == b'\r');
        match self.sequence {
            Sequence::Escape => {
                self.sequence = match byte {
                    b'[' | b'O' => Sequence::Control,
                    _ => Sequence::None,
                };
                return;
            }
            Sequence::Control => {
                if (0x40..=0x7e).contains(&byte) {
                    self.sequence = Sequence::None;
                    return;
                }
                if (0x20..0x40).contains(&byte) {
                    return;
                }
                // No sequence goes on like this: take the byte for itself.
                self.sequence = Sequence::None;
            }
            Sequence::None => {}
        }
        match byte {
            // A line that ends in CR LF ends once.
            b'\n' if after_return => {}
            b'\r' | b'\n' => {
                self.end_line(Some(b'\n'), echo);
            }
            END if self.line.is_empty() => self.push_ready(END_OF_INPUT),
            END => self.end_line(None, echo),
            BACKSPACE | DELETE => {
                self.erase_character(echo);
            }
            KILL_LINE => while self.erase_character(echo) {},
            ERASE_WORD => {
                while self.line.last() == Some(&b' ') && self.erase_character(echo) {}
                while self.line.last().is_some_and(|&last| last != b' ') {
                    self.erase_character(echo);
                }
            }
            ESCAPE => self.sequence = Sequence::Escape,
            b'\t' | 0x20..=0x7e | 0x80.. => {
                if self.line.len() < LINE_CAPACITY {
                    let byte = if byte == b'\t' { b' ' } else { byte };
                    self.line.push(byte);
                    echo(&[byte]);
                } else {
                    echo(&[BELL]);
                }
            }
            _ => {}
        }
    }

    /// Hands the line to readers, if it fits whole: with a line end, or with the mark that it ends here.
    fn end_line(&mut self, end: Option<u8>, echo: &mut dyn FnMut(&[u8])) {
        let needed = self.line.len() + 1;
        if self.ready.len() + needed > READY_CAPACITY {
            self.lost += needed as u64;
            echo(&[BELL]);
        } else {
            self.ready.extend(self.line.iter().map(|&byte| u16::from(byte)));
            self.ready.push_back(end.map_or(END_OF_INPUT, u16::from));
        }
        if end.is_some() {
            echo(b"\n");
        }
        self.line.clear();
    }

    /// Takes the last character, all of its UTF-8 bytes, off the line. False if there is none.
    fn erase_character(&mut self, echo: &mut dyn FnMut(&[u8])) -> bool {
        let Some(last) = self.line.pop() else {
            return false;
        };
        let mut byte = last;
        while byte & 0xc0 == 0x80 {
            match self.line.pop() {
                Some(before) => byte = before,
                None => break,
            }
        }
        echo(b"\x08 \x08");
        true
    }
}

/// What a read takes off the queue.
#[derive(Clone, Copy, Debug)]
#[must_use = "input that is not taken is read again"]
pub struct Taken(usize);

#[cfg(test)]
mod tests;
