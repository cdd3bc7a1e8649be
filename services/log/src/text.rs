//! Makes a client's text safe to store and to print.
//!
//! A record is shown on terminals, so nothing a client writes may move a cursor, forge a second
//! line or hide what follows. What cannot be shown is made visible, never dropped in silence:
//!
//! - a byte that is not UTF-8, or a control character: `\xNN`, with the usual short forms `\n` `\t` `\r`;
//! - characters that reorder or break lines without being controls (bidirectional marks, line and
//!   paragraph separators, zero-width and byte-order marks): `\u{NNNN}`;
//! - text beyond [`MAX_TEXT`] bytes: cut at a character, and the mark `...[+N bytes]` tells how much of the
//!   client's text is missing.

use alloc::string::String;
use core::fmt::Write;

/// Most bytes of a stored text, the mark of a cut not counted.
pub use airox_api::log::MAX_TEXT;

/// Longest mark of a cut: the number is a `usize`.
pub const MAX_MARK: usize = "...[+ bytes]".len() + 20;

/// Most records one text becomes; the rest of a longer one stays on the last line.
pub const MAX_LINES: usize = 64;

/// The lines of a text, without empty ones at its end. An empty text is one empty line.
pub fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    trim_end(text).splitn(MAX_LINES, |byte| *byte == b'\n')
}

/// The text as it is stored: one line of printable characters.
#[must_use]
pub fn clean(bytes: &[u8]) -> String {
    let bytes = trim_end(bytes);
    let mut clean = String::with_capacity(bytes.len().min(MAX_TEXT));
    let mut used = 0;
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if !push(&mut clean, |out| write_character(out, character)) {
                return cut(clean, bytes.len() - used);
            }
            used += character.len_utf8();
        }
        for &byte in chunk.invalid() {
            if !push(&mut clean, |out| write_byte(out, byte)) {
                return cut(clean, bytes.len() - used);
            }
            used += 1;
        }
    }
    clean
}

fn trim_end(mut bytes: &[u8]) -> &[u8] {
    while let [rest @ .., b'\n' | b'\r'] = bytes {
        bytes = rest;
    }
    bytes
}

/// Appends one character's form if it fits as a whole.
fn push(clean: &mut String, write: impl FnOnce(&mut String)) -> bool {
    let before = clean.len();
    write(clean);
    if clean.len() > MAX_TEXT {
        clean.truncate(before);
        return false;
    }
    true
}

fn cut(mut clean: String, missing: usize) -> String {
    // Writing to a `String` cannot fail.
    let _ = write!(clean, "...[+{missing} bytes]");
    clean
}

fn write_byte(out: &mut String, byte: u8) {
    let _ = write!(out, "\\x{byte:02x}");
}

fn write_character(out: &mut String, character: char) {
    match character {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        _ if character.is_control() => write_byte(out, character as u32 as u8),
        _ if misleads(character) => {
            let _ = write!(out, "\\u{{{:04x}}}", character as u32);
        }
        _ => out.push(character),
    }
}

/// Characters without a glyph of their own that change how others are shown.
fn misleads(character: char) -> bool {
    matches!(
        character,
        '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_text_stays_as_it_is() {
        assert_eq!(clean("disk ready, 4 µs, 漢字".as_bytes()), "disk ready, 4 µs, 漢字");
        assert_eq!(clean(b"line\r\n"), "line");
        assert_eq!(clean(b""), "");
    }

    #[test]
    fn hostile_text_is_made_visible() {
        assert_eq!(clean(b"\x1b[2Jgone"), "\\x1b[2Jgone");
        assert_eq!(clean(b"one\ntwo\tthree"), "one\\ntwo\\tthree");
        assert_eq!(clean(b"bad \xff\xfe utf-8"), "bad \\xff\\xfe utf-8");
        assert_eq!(clean("C1 \u{9b}31m".as_bytes()), "C1 \\x9b31m");
        assert_eq!(clean("a\u{202e}b\u{2028}c".as_bytes()), "a\\u{202e}b\\u{2028}c");
        assert_eq!(clean(b"\0\x7f"), "\\x00\\x7f");
    }

    #[test]
    fn lines_are_bounded() {
        let list = |text| lines(text).collect::<alloc::vec::Vec<_>>();
        assert_eq!(list(b"a\nb\n\n"), [b"a", b"b"]);
        assert_eq!(list(b""), [b""]);
        let many = [b'\n'; 100];
        let mut text = alloc::vec![b'x'];
        text.extend(many);
        text.push(b'y');
        assert_eq!(list(&text).len(), MAX_LINES);
        assert!(clean(list(&text)[MAX_LINES - 1]).ends_with("\\ny"));
    }

    #[test]
    fn long_text_is_cut_with_a_mark() {
        let long = [b'x'; MAX_TEXT + 10];
        let stored = clean(&long);
        assert!(stored.starts_with(&"x".repeat(MAX_TEXT)));
        assert!(stored.ends_with("...[+10 bytes]"));
        // Never in the middle of a character or of an escape.
        let stored = clean("é".repeat(MAX_TEXT).as_bytes());
        assert!(stored.ends_with(&alloc::format!("é...[+{MAX_TEXT} bytes]")));
        let stored = clean(&[0xff; MAX_TEXT]);
        assert!(stored.ends_with(&alloc::format!("\\xff...[+{} bytes]", MAX_TEXT * 3 / 4)));
    }

    proptest! {
        #[test]
        fn any_bytes_become_one_printable_bounded_line(bytes in proptest::collection::vec(any::<u8>(), 0..3000)) {
            let stored = clean(&bytes);
            prop_assert!(stored.len() <= MAX_TEXT + MAX_MARK);
            prop_assert!(!stored.chars().any(|c| c.is_control() || misleads(c)));
        }

        #[test]
        fn printable_ascii_is_not_changed(text in "[ -~]{0,1000}") {
            prop_assert_eq!(clean(text.as_bytes()), text);
        }
    }
}
