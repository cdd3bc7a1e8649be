//! From scan codes, and from usages of USB's tables, to the bytes a terminal sends.

use core::fmt;
use pc_keyboard::layouts::{
    AnyLayout, Azerty, Colemak, De105Key, Dvorak104Key, FiSe105Key, Jis109Key, No105Key, Uk105Key, Us104Key,
};
use pc_keyboard::{DecodedKey, HandleControl, KeyCode, KeyEvent, KeyState, PS2Keyboard, ScancodeSet1};

use crate::usage::key_code;

/// Most bytes one key gives.
const KEY_BYTES: usize = 8;

/// The `layout=` argument names no known layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownLayout;

impl fmt::Display for UnknownLayout {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(
            "unknown keyboard layout; layouts: us104, uk105, de105, azerty, fise105, no105, jis109, dvorak104, colemak",
        )
    }
}

impl core::error::Error for UnknownLayout {}

/// A keyboard that sends scan code set 1, as PS/2 controllers translate it, and others beside it; modifiers count whichever they are on.
pub struct Keyboard {
    decoder: PS2Keyboard<AnyLayout, ScancodeSet1>,
}

impl Keyboard {
    /// The keyboard with the layout a `layout=` argument names, or us104.
    ///
    /// # Errors
    /// [`UnknownLayout`]
    pub fn from_arguments<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Result<Keyboard, UnknownLayout> {
        let name = arguments.into_iter().find_map(|argument| argument.strip_prefix("layout="));
        let layout = match name.unwrap_or("us104") {
            "us104" => AnyLayout::Us104Key(Us104Key),
            "uk105" => AnyLayout::Uk105Key(Uk105Key),
            "de105" => AnyLayout::De105Key(De105Key),
            "azerty" => AnyLayout::Azerty(Azerty),
            "fise105" => AnyLayout::FiSe105Key(FiSe105Key),
            "no105" => AnyLayout::No105Key(No105Key),
            "jis109" => AnyLayout::Jis109Key(Jis109Key),
            "dvorak104" => AnyLayout::Dvorak104Key(Dvorak104Key),
            "colemak" => AnyLayout::Colemak(Colemak),
            _ => return Err(UnknownLayout),
        };
        Ok(Keyboard { decoder: PS2Keyboard::new(ScancodeSet1::new(), layout, HandleControl::MapLettersToUnicode) })
    }

    /// Takes a scan code byte; `send` gets the bytes of a key, if one was pressed.
    pub fn scan_code(&mut self, code: u8, send: impl FnOnce(&[u8])) {
        // Unknown codes are keys without a meaning here.
        if let Ok(Some(event)) = self.decoder.add_byte(code) {
            self.event(event, send);
        }
    }

    /// Takes a key of another keyboard, by its usage (HID Usage Tables 1.12, page 7); `send` gets its bytes, if it was pressed.
    pub fn usage(&mut self, usage: u8, pressed: bool, send: impl FnOnce(&[u8])) {
        let state = if pressed { KeyState::Down } else { KeyState::Up };
        if let Some(code) = key_code(usage) {
            self.event(KeyEvent { code, state }, send);
        }
    }

    fn event(&mut self, event: KeyEvent, send: impl FnOnce(&[u8])) {
        let Some(key) = self.decoder.process_keyevent(event) else {
            return;
        };
        let modifiers = self.decoder.get_modifiers();
        let mut bytes = KeyBytes::default();
        match key {
            DecodedKey::Unicode(character) => {
                if modifiers.lalt {
                    bytes.push(b"\x1b");
                }
                match character {
                    '\n' => bytes.push(b"\r"),
                    '\t' if modifiers.is_shifted() => bytes.push(b"\x1b[Z"),
                    '\u{8}' => bytes.push(b"\x7f"),
                    '\u{7f}' => bytes.push(b"\x1b[3~"),
                    character => bytes.push(character.encode_utf8(&mut [0; 4]).as_bytes()),
                }
            }
            DecodedKey::RawKey(code) => {
                bytes.push(sequence(code, modifiers.is_ctrl()));
            }
        }
        if bytes.length > 0 {
            send(&bytes.bytes[..bytes.length]);
        }
    }
}

#[derive(Default)]
struct KeyBytes {
    bytes: [u8; KEY_BYTES],
    length: usize,
}

impl KeyBytes {
    fn push(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        if let Some(target) = self.bytes.get_mut(self.length..end) {
            target.copy_from_slice(bytes);
            self.length = end;
        }
    }
}

/// What xterm sends for a key without a character.
fn sequence(code: KeyCode, control: bool) -> &'static [u8] {
    match code {
        KeyCode::ArrowUp if control => b"\x1b[1;5A",
        KeyCode::ArrowDown if control => b"\x1b[1;5B",
        KeyCode::ArrowRight if control => b"\x1b[1;5C",
        KeyCode::ArrowLeft if control => b"\x1b[1;5D",
        KeyCode::ArrowUp => b"\x1b[A",
        KeyCode::ArrowDown => b"\x1b[B",
        KeyCode::ArrowRight => b"\x1b[C",
        KeyCode::ArrowLeft => b"\x1b[D",
        KeyCode::Home => b"\x1b[H",
        KeyCode::End => b"\x1b[F",
        KeyCode::Insert => b"\x1b[2~",
        KeyCode::Delete => b"\x1b[3~",
        KeyCode::PageUp => b"\x1b[5~",
        KeyCode::PageDown => b"\x1b[6~",
        KeyCode::F1 => b"\x1bOP",
        KeyCode::F2 => b"\x1bOQ",
        KeyCode::F3 => b"\x1bOR",
        KeyCode::F4 => b"\x1bOS",
        KeyCode::F5 => b"\x1b[15~",
        KeyCode::F6 => b"\x1b[17~",
        KeyCode::F7 => b"\x1b[18~",
        KeyCode::F8 => b"\x1b[19~",
        KeyCode::F9 => b"\x1b[20~",
        KeyCode::F10 => b"\x1b[21~",
        KeyCode::F11 => b"\x1b[23~",
        KeyCode::F12 => b"\x1b[24~",
        _ => b"",
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    fn keys(layout: &str, codes: &[u8]) -> Vec<u8> {
        let mut keyboard = Keyboard::from_arguments([layout]).expect("the layout is known");
        let mut sent = Vec::new();
        for &code in codes {
            keyboard.scan_code(code, |bytes| sent.extend_from_slice(bytes));
        }
        sent
    }

    #[test]
    fn letters_shift_caps_and_control() {
        // a, Shift-a, Caps, a, Caps, Ctrl-c, Enter
        let codes = [
            0x1e, 0x9e, 0x2a, 0x1e, 0x9e, 0xaa, 0x3a, 0xba, 0x1e, 0x9e, 0x3a, 0xba, 0x1d, 0x2e, 0xae, 0x9d, 0x1c, 0x9c,
        ];
        assert_eq!(keys("", &codes), b"aAA\x03\r");
    }

    #[test]
    fn editing_keys() {
        let codes =
            [0xe0, 0x48, 0xe0, 0xc8, 0xe0, 0x4b, 0xe0, 0xcb, 0xe0, 0x47, 0xe0, 0x4f, 0xe0, 0x53, 0x0e, 0x0f, 0x01];
        assert_eq!(keys("", &codes), b"\x1b[A\x1b[D\x1b[H\x1b[F\x1b[3~\x7f\t\x1b");
        // Ctrl-Right, Alt-b, Shift-Tab, F5
        let codes = [0x1d, 0xe0, 0x4d, 0xe0, 0xcd, 0x9d, 0x38, 0x30, 0xb0, 0xb8, 0x2a, 0x0f, 0x8f, 0xaa, 0x3f];
        assert_eq!(keys("", &codes), b"\x1b[1;5C\x1bb\x1b[Z\x1b[15~");
    }

    #[test]
    fn usages_give_the_same_as_scan_codes() {
        let mut keyboard = Keyboard::from_arguments([]).expect("the layout is known");
        let mut sent = Vec::new();
        let mut press = |usage, pressed| keyboard.usage(usage, pressed, |bytes| sent.extend_from_slice(bytes));
        // h, Shift-1, Ctrl-C, Up, Enter, and one that nobody knows.
        for (usage, pressed) in [
            (11, true),
            (0xe1, true),
            (30, true),
            (0xe1, false),
            (0xe0, true),
            (6, true),
            (0xe0, false),
            (82, true),
            (40, true),
            (200, true),
        ] {
            press(usage, pressed);
        }
        assert_eq!(sent, b"h!\x03\x1b[A\r");
        let known = (0..=255).filter(|usage| key_code(*usage).is_some());
        assert_eq!(known.count(), 98 + 8);
    }

    #[test]
    fn layouts() {
        // The key right of P: [ in the US, ue in Germany.
        assert_eq!(keys("layout=us104", &[0x1a]), b"[");
        assert_eq!(keys("layout=de105", &[0x1a]), "ü".as_bytes());
        assert_eq!(Keyboard::from_arguments(["layout=klingon"]).err(), Some(UnknownLayout));
    }

    #[test]
    fn every_pair_of_codes_is_survived() {
        for first in 0..=255 {
            for second in 0..=255 {
                let sent = keys("", &[first, second, 0x1e]);
                assert!(sent.len() <= 3 * KEY_BYTES);
            }
        }
    }
}
