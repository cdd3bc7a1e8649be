//! Terminal output as plain text: colours and cursor movements removed, erased characters erased.

/// Turns a stream of terminal output into plain text, piece by piece.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    state: State,
    /// Bytes of a UTF-8 character that has not arrived completely.
    partial: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Text,
    Escape,
    Sequence,
    Title,
}

impl Filter {
    /// Appends the text in `bytes` to `text`.
    pub fn feed(&mut self, bytes: &[u8], text: &mut String) {
        for &byte in bytes {
            match (self.state, byte) {
                (State::Text, 0x1b) => self.state = State::Escape,
                (State::Text, _) => self.text_byte(byte, text),
                (State::Escape, b'[') => self.state = State::Sequence,
                (State::Escape, b']') => self.state = State::Title,
                (State::Escape, _) => self.state = State::Text,
                (State::Sequence, 0x40..=0x7e) | (State::Title, 0x07) => self.state = State::Text,
                (State::Sequence | State::Title, 0x1b) => self.state = State::Escape,
                (State::Sequence | State::Title, _) => {}
            }
        }
    }

    fn text_byte(&mut self, byte: u8, text: &mut String) {
        match byte {
            b'\n' | b'\t' | b' '..=b'~' => {
                self.give_up_partial(text);
                text.push(char::from(byte));
            }
            // Backspace: a line editor erases; the start of a line stays.
            0x08 if !text.ends_with('\n') => {
                text.pop();
            }
            0x80.. => {
                self.partial.push(byte);
                match std::str::from_utf8(&self.partial) {
                    Ok(character) => {
                        text.push_str(character);
                        self.partial.clear();
                    }
                    Err(error) if error.error_len().is_some() => self.give_up_partial(text),
                    Err(_) => {}
                }
            }
            _ => {}
        }
    }

    fn give_up_partial(&mut self, text: &mut String) {
        if !self.partial.is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
            self.partial.clear();
        }
    }
}

/// Terminal output as plain text.
#[must_use]
pub fn plain_text(bytes: &[u8]) -> String {
    let mut text = String::new();
    Filter::default().feed(bytes, &mut text);
    text
}

/// The last `count` lines.
pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let skipped = lines.len().saturating_sub(count);
    lines[skipped..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_and_titles_go() {
        assert_eq!(plain_text(b"\x1b[1;32mairox> \x1b[0mps\r\n\x1b]0;title\x07x"), "airox> ps\nx");
    }

    #[test]
    fn backspace_erases_but_not_over_the_line() {
        assert_eq!(plain_text(b"ab\x08c\n\x08d"), "ac\nd");
    }

    #[test]
    fn characters_survive_being_split_and_garbage_is_replaced() {
        let mut filter = Filter::default();
        let mut text = String::new();
        let bytes = "ä→".as_bytes();
        for byte in bytes {
            filter.feed(&[*byte], &mut text);
        }
        assert_eq!(text, "ä→");
        assert_eq!(plain_text(b"\xff\xc3x"), "\u{fffd}\u{fffd}x");
    }

    #[test]
    fn last_lines_are_the_last() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc");
        assert_eq!(last_lines("a", 5), "a");
    }
}
