//! Byte sequences in, screens out: the editor against a terminal model.

use super::*;
use crate::complete::{matching, split};
use alloc::string::ToString;
use alloc::vec::Vec;
use proptest::prelude::*;

struct Names;

impl Completer for Names {
    fn complete(&mut self, before: &str) -> (usize, Vec<String>) {
        let (words, start) = split(before);
        let names: &[&str] = match words.first() {
            None => &["ps", "programs", "poweroff", "mem"],
            Some(_) => &["two words"],
        };
        (start, matching(&before[start..], names.iter().map(|name| name.to_string())))
    }
}

/// A terminal with an editor that has just shown its prompt.
struct Session {
    editor: Editor,
    terminal: vt100::Parser,
    columns: usize,
    sent: usize,
}

impl Session {
    fn new(columns: usize) -> Session {
        let mut session = Session {
            editor: Editor::default(),
            terminal: vt100::Parser::new(12, columns as u16, 0),
            columns,
            sent: 0,
        };
        session.begin();
        session
    }

    fn begin(&mut self) {
        self.editor.begin("> ", self.columns);
        self.show();
    }

    fn show(&mut self) {
        let output = self.editor.take_output();
        self.sent = output.len();
        self.terminal.process(output.as_bytes());
    }

    /// Types; a finished line is followed by the next prompt.
    fn feed(&mut self, bytes: &[u8]) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for byte in bytes {
            let outcome = self.editor.feed(*byte, &mut Names);
            self.show();
            if outcome != Outcome::Editing {
                outcomes.push(outcome);
                self.begin();
            }
        }
        outcomes
    }

    /// The screen without blanks at its end, and the cursor's (row, column).
    fn screen(&self) -> (String, (u16, u16)) {
        let screen = self.terminal.screen();
        (screen.contents().trim_end().into(), screen.cursor_position())
    }

    #[track_caller]
    fn expect(&self, contents: &str, cursor: (u16, u16)) {
        assert_eq!(self.screen(), (contents.trim_end().into(), cursor));
    }
}

fn line(text: &str) -> Outcome {
    Outcome::Line(text.into())
}

#[test]
fn typing_and_enter() {
    let mut session = Session::new(20);
    session.feed(b"ps");
    session.expect("> ps", (0, 4));
    assert_eq!(session.feed(b"\r"), [line("ps")]);
    session.expect("> ps\n> ", (1, 2));
}

#[test]
fn a_character_at_the_end_costs_one_byte() {
    let mut session = Session::new(20);
    session.feed(b"e");
    assert_eq!(session.sent, 1);
}

#[test]
fn moving_and_editing_in_the_middle() {
    let mut session = Session::new(20);
    session.feed(b"acd\x1b[D\x1b[Db");
    session.expect("> abcd", (0, 4));
    session.feed(b"\x01X\x05Y\x7f\x1b[H\x1b[3~");
    session.expect("> abcd", (0, 2));
    assert_eq!(session.feed(b"\x14\r"), [line("abcd")]);
    assert_eq!(session.feed(b"abcd\x14\r"), [line("abdc")]);
}

#[test]
fn cutting_and_putting_back() {
    let mut session = Session::new(40);
    session.feed(b"run primes 5\x17\x17");
    session.expect("> run ", (0, 6));
    session.feed(b"\x19");
    session.expect("> run primes ", (0, 13));
    session.feed(b"\x01\x0b\x19\x15");
    session.expect("> ", (0, 2));
    session.feed(b"\x19\x1bb\x1bb\x1bd");
    session.expect(">  primes ", (0, 2));
}

#[test]
fn long_lines_wrap_and_are_edited_across_rows() {
    let mut session = Session::new(10);
    session.feed(b"abcdefgh");
    // Exactly full: the cursor stands at the start of the next row.
    session.expect("> abcdefgh", (1, 0));
    session.feed(b"ijklmnopqrstu");
    session.expect("> abcdefghijklmnopqrstu", (2, 3));
    session.feed(b"\x01");
    session.expect("> abcdefghijklmnopqrstu", (0, 2));
    session.feed(b"XX");
    session.expect("> XXabcdefghijklmnopqrstu", (0, 4));
    session.feed(b"\x05\x7f\x7f\x7f\x7f\x7f\x7f");
    session.expect("> XXabcdefghijklmno", (1, 9));
    session.feed(b"\x15");
    session.expect("> ", (0, 2));
}

#[test]
fn wide_characters_wrap_whole() {
    let mut session = Session::new(7);
    session.feed("漢字漢".as_bytes());
    // The third one does not fit in the last column, which stays empty.
    session.expect("> 漢字\n漢", (1, 2));
    session.feed(b"\x1b[D");
    assert_eq!(session.screen().1, (1, 0));
    session.feed(b"\x1b[D\x7f");
    session.expect("> 字漢", (0, 2));
}

#[test]
fn earlier_lines() {
    let mut session = Session::new(20);
    session.feed(b"one\rtwo\rthree\r");
    session.feed(b"dra\x1b[A");
    session.expect("> one\n> two\n> three\n> three", (3, 7));
    session.feed(b"\x1b[A\x1b[A\x1b[A");
    session.expect("> one\n> two\n> three\n> one", (3, 5));
    session.feed(b"\x1b[B\x1b[B\x1b[B\x1b[B");
    session.expect("> one\n> two\n> three\n> dra", (3, 5));
    assert_eq!(session.feed(b"\x10\r"), [line("three")]);
}

#[test]
fn searching_earlier_lines() {
    let mut session = Session::new(40);
    session.feed(b"log rtc\rlog init\rps\r");
    session.feed(b"\x12lo");
    session.expect("> log rtc\n> log init\n> ps\n(search `lo`): log init", (3, 23));
    session.feed(b"\x12");
    session.expect("> log rtc\n> log init\n> ps\n(search `lo`): log rtc", (3, 22));
    session.feed(b"x");
    assert!(session.screen().0.contains("(nothing found for `lox`)"));
    session.feed(b"\x7f");
    session.feed(b"\x05");
    session.expect("> log rtc\n> log init\n> ps\n> log init", (3, 10));
    session.feed(b"\x12rtc\x07");
    session.expect("> log rtc\n> log init\n> ps\n> ", (3, 2));
    assert_eq!(session.feed(b"\x12rt\r"), [line("log rtc")]);
}

#[test]
fn completion() {
    let mut session = Session::new(30);
    session.feed(b"me\t");
    session.expect("> mem ", (0, 6));
    session.feed(b"\x15pr\t");
    session.expect("> programs ", (0, 11));
    session.feed(b"\x15p\t");
    session.expect("> p", (0, 3));
    session.feed(b"\t");
    session.expect("> p\npoweroff  programs  ps\n> p", (2, 3));
    session.feed(b"x\t\t");
    session.expect("> p\npoweroff  programs  ps\n> px", (2, 4));
    session.feed(b"\x15run tw\t");
    assert!(session.screen().0.ends_with("> run \"two words\""));
}

#[test]
fn leaving() {
    let mut session = Session::new(20);
    assert_eq!(session.feed(b"abc\x03"), [Outcome::Cancelled]);
    session.expect("> abc^C\n> ", (1, 2));
    assert_eq!(session.feed(b"ab\x01\x04\x04\x04"), [Outcome::EndOfInput]);
}

#[test]
fn clearing_keeps_the_line() {
    let mut session = Session::new(20);
    session.feed(b"one\rtwo\x1b[D\x0c");
    session.expect("> two", (0, 4));
}

#[test]
fn a_line_is_shown_again_after_other_output() {
    let mut session = Session::new(20);
    session.feed(b"abc\x1b[D");
    session.terminal.process(b"\r\nnews\r\n");
    session.editor.show_again();
    session.show();
    session.expect("> abc\nnews\n> abc", (2, 4));
}

/// Keys a person or a hostile pipe may send, except those that end the line or list candidates.
fn input() -> impl Strategy<Value = Vec<u8>> {
    let key = prop_oneof![
        6 => "[a-z ]".prop_map(String::into_bytes),
        1 => Just("漢".as_bytes().to_vec()),
        1 => Just("é".as_bytes().to_vec()),
        6 => prop::sample::select(vec![
            b"\x1b[D".to_vec(), b"\x1b[C".to_vec(), b"\x1b[A".to_vec(), b"\x1b[B".to_vec(), b"\x1b[3~".to_vec(),
            b"\x01".to_vec(), b"\x05".to_vec(), b"\x7f".to_vec(), b"\x17".to_vec(), b"\x19".to_vec(), b"\x14".to_vec(),
            b"\x1bb".to_vec(), b"\x1bf".to_vec(), b"\x0b".to_vec(), b"\x12".to_vec(), b"\x07".to_vec(),
        ]),
    ];
    prop::collection::vec(key, 0..60).prop_map(|keys| keys.concat())
}

proptest! {
    #[test]
    fn the_screen_always_shows_prompt_and_line(input in input(), columns in 5usize..30) {
        let mut session = Session::new(columns);
        session.feed(&input);
        session.feed(b"\x07");
        let shown: String = session.screen().0.split('\n').collect();
        let expected = format!("> {}", session.editor.line.text());
        // Rows past the model's height scroll away; compare what still fits.
        if text_width(&expected) + columns < 12 * columns {
            prop_assert_eq!(shown.trim_end(), expected.trim_end());
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        Session::new(20).feed(&bytes);
    }
}
