//! From a console's bytes to keys: UTF-8, control characters and the escape sequences of common terminals.
//!
//! Nothing a terminal or a pipe sends can do harm: unknown sequences are swallowed whole, broken
//! UTF-8 becomes U+FFFD, and a sequence never grows beyond [`MAX_SEQUENCE`] bytes.

/// Longest escape sequence that is followed; a longer one is dropped.
const MAX_SEQUENCE: usize = 16;

/// What a person pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A printable character.
    Character(char),
    /// Control with this lower-case letter, where no other name fits.
    Control(char),
    /// Alt (or Escape, then) with this character.
    Alt(char),
    Enter,
    Tab,
    Backspace,
    Delete,
    Left,
    Right,
    Up,
    Down,
    Home,
    End,
    WordLeft,
    WordRight,
    /// Alt or Control with Backspace.
    WordBackspace,
}

enum State {
    Ground,
    /// After a carriage return: a line feed now belongs to it.
    AfterReturn,
    Escape,
    /// `ESC [`: parameter bytes so far.
    Sequence([u8; MAX_SEQUENCE], usize),
    /// `ESC O`.
    Single,
    /// A multi-byte character: bytes so far, and how many it has in all.
    Multibyte([u8; 4], usize, usize),
}

/// Turns bytes into keys, one byte at a time.
pub struct Decoder(State);

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder(State::Ground)
    }
}

impl Decoder {
    /// Takes one byte. Most bytes make at most one key; one that breaks a multi-byte character makes two.
    pub fn feed(&mut self, byte: u8) -> [Option<Key>; 2] {
        let state = core::mem::replace(&mut self.0, State::Ground);
        match state {
            State::Ground => [self.ground(byte), None],
            State::AfterReturn if byte == b'\n' => [None, None],
            State::AfterReturn => [self.ground(byte), None],
            State::Escape => [self.escape(byte), None],
            State::Single => [final_key(byte, 1), None],
            State::Sequence(bytes, length) => [self.sequence(bytes, length, byte), None],
            State::Multibyte(bytes, length, total) => self.multibyte(bytes, length, total, byte),
        }
    }

    fn ground(&mut self, byte: u8) -> Option<Key> {
        match byte {
            b'\r' => {
                self.0 = State::AfterReturn;
                Some(Key::Enter)
            }
            b'\n' => Some(Key::Enter),
            b'\t' => Some(Key::Tab),
            0x08 | 0x7f => Some(Key::Backspace),
            0x1b => {
                self.0 = State::Escape;
                None
            }
            0x01..=0x1a => Some(Key::Control((b'a' + byte - 1) as char)),
            0x00..=0x1f => None,
            0x20..=0x7e => Some(Key::Character(byte as char)),
            0xc2..=0xdf => self.begin(byte, 2),
            0xe0..=0xef => self.begin(byte, 3),
            0xf0..=0xf4 => self.begin(byte, 4),
            _ => Some(Key::Character(char::REPLACEMENT_CHARACTER)),
        }
    }

    fn begin(&mut self, byte: u8, total: usize) -> Option<Key> {
        self.0 = State::Multibyte([byte, 0, 0, 0], 1, total);
        None
    }

    fn multibyte(&mut self, mut bytes: [u8; 4], length: usize, total: usize, byte: u8) -> [Option<Key>; 2] {
        let broken = Some(Key::Character(char::REPLACEMENT_CHARACTER));
        if byte & 0xc0 != 0x80 {
            return [broken, self.ground(byte)];
        }
        bytes[length] = byte;
        if length + 1 < total {
            self.0 = State::Multibyte(bytes, length + 1, total);
            return [None, None];
        }
        let character = core::str::from_utf8(&bytes[..total]).ok().and_then(|text| text.chars().next());
        match character {
            // C1 controls are not printable.
            Some(character) if character.is_control() => [None, None],
            Some(character) => [Some(Key::Character(character)), None],
            None => [broken, None],
        }
    }

    fn escape(&mut self, byte: u8) -> Option<Key> {
        match byte {
            b'[' => self.0 = State::Sequence([0; MAX_SEQUENCE], 0),
            b'O' => self.0 = State::Single,
            0x1b => self.0 = State::Escape,
            0x08 | 0x7f => return Some(Key::WordBackspace),
            b'b' => return Some(Key::WordLeft),
            b'f' => return Some(Key::WordRight),
            0x20..=0x7e => return Some(Key::Alt(byte as char)),
            // Escape, then a control character: the escape meant nothing.
            _ => return self.ground(byte),
        }
        None
    }

    fn sequence(&mut self, mut bytes: [u8; MAX_SEQUENCE], length: usize, byte: u8) -> Option<Key> {
        match byte {
            0x40..=0x7e => sequence_key(&bytes[..length], byte),
            0x20..=0x3f => {
                if length < MAX_SEQUENCE {
                    bytes[length] = byte;
                }
                self.0 = State::Sequence(bytes, (length + 1).min(MAX_SEQUENCE));
                None
            }
            // Not part of any sequence: it was cut off, and this byte stands for itself.
            _ => self.ground(byte),
        }
    }
}

/// The key of `ESC [ parameters final`.
fn sequence_key(parameters: &[u8], last: u8) -> Option<Key> {
    let mut numbers = parameters.split(|byte| *byte == b';').map(|digits| {
        digits.iter().fold(0_u32, |number, digit| match digit {
            b'0'..=b'9' => number.saturating_mul(10).saturating_add(u32::from(digit - b'0')),
            _ => u32::MAX,
        })
    });
    let first = numbers.next().unwrap_or(0);
    let modifier = numbers.next().unwrap_or(1);
    match (last, first) {
        (b'~', 1 | 7) => Some(Key::Home),
        (b'~', 4 | 8) => Some(Key::End),
        (b'~', 3) => Some(Key::Delete),
        (b'~', _) => None,
        _ => final_key(last, modifier),
    }
}

/// The key of a final byte. Modifiers: 1 none, 3 Alt, 5 Control.
fn final_key(last: u8, modifier: u32) -> Option<Key> {
    let word = matches!(modifier, 3 | 5);
    match last {
        b'A' => Some(Key::Up),
        b'B' => Some(Key::Down),
        b'C' if word => Some(Key::WordRight),
        b'D' if word => Some(Key::WordLeft),
        b'C' => Some(Key::Right),
        b'D' => Some(Key::Left),
        b'H' => Some(Key::Home),
        b'F' => Some(Key::End),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut decoder = Decoder::default();
        bytes.iter().flat_map(|byte| decoder.feed(*byte)).flatten().collect()
    }

    #[test]
    fn text_and_line_ends() {
        assert_eq!(keys(b"a\r\nb\n"), [Key::Character('a'), Key::Enter, Key::Character('b'), Key::Enter]);
        assert_eq!(keys(b"\r\r"), [Key::Enter, Key::Enter]);
        assert_eq!(keys("é漢🦀".as_bytes()), [Key::Character('é'), Key::Character('漢'), Key::Character('🦀')]);
    }

    #[test]
    fn escape_sequences() {
        assert_eq!(
            keys(b"\x1b[A\x1b[B\x1b[C\x1b[D\x1bOA\x1bOH\x1b[F"),
            [Key::Up, Key::Down, Key::Right, Key::Left, Key::Up, Key::Home, Key::End]
        );
        assert_eq!(keys(b"\x1b[3~\x1b[1~\x1b[8~"), [Key::Delete, Key::Home, Key::End]);
        assert_eq!(keys(b"\x1b[1;5C\x1b[1;3D\x1bb"), [Key::WordRight, Key::WordLeft, Key::WordLeft]);
        assert_eq!(keys(b"\x1bd\x1b\x7f"), [Key::Alt('d'), Key::WordBackspace]);
    }

    #[test]
    fn unknown_and_broken_input_is_swallowed() {
        assert_eq!(keys(b"\x1b[12;34;56;78;90;12;34Zx"), [Key::Character('x')]);
        assert_eq!(keys(b"\x1b[99999999999999~x"), [Key::Character('x')]);
        assert_eq!(keys(b"\x1b[200\rx"), [Key::Enter, Key::Character('x')]);
        let bad = Key::Character(char::REPLACEMENT_CHARACTER);
        assert_eq!(keys(b"\xc3x"), [bad, Key::Character('x')]);
        assert_eq!(keys(b"\xff\xed\xa0\x80"), [bad, bad]);
        assert_eq!(keys(b"\0\x1c"), []);
        assert_eq!(keys("\u{9b}A".as_bytes()), [Key::Character('A')]);
    }

    proptest! {
        #[test]
        fn characters_are_always_printable(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for key in keys(&bytes) {
                if let Key::Character(character) = key {
                    prop_assert!(!character.is_control());
                }
            }
        }
    }
}
