//! Typing at the line discipline.

use super::*;
use alloc::string::String;

fn type_text(discipline: &mut Discipline, text: &[u8]) -> String {
    let mut echo = Vec::new();
    for &byte in text {
        discipline.typed(byte, &mut |bytes| echo.extend_from_slice(bytes));
    }
    String::from_utf8_lossy(&echo).into_owned()
}

fn set(discipline: &mut Discipline, mode: Mode) -> String {
    let mut echo = Vec::new();
    discipline.set_mode(mode, &mut |bytes| echo.extend_from_slice(bytes));
    String::from_utf8_lossy(&echo).into_owned()
}

fn read(discipline: &mut Discipline, room: usize) -> Option<Vec<u8>> {
    if !discipline.has_input() {
        return None;
    }
    let mut buffer = alloc::vec![0; room];
    let (length, taken) = discipline.peek(&mut buffer);
    discipline.take(taken);
    buffer.truncate(length);
    Some(buffer)
}

fn line(discipline: &mut Discipline) -> Option<Vec<u8>> {
    read(discipline, 4096)
}

#[test]
fn cooked_gives_edited_lines_one_at_a_time() {
    let mut discipline = Discipline::new();
    let echo = type_text(&mut discipline, b"helo\x7flo\rps\r\n");
    assert_eq!(echo, "helo\u{8} \u{8}lo\nps\n");
    assert_eq!(line(&mut discipline).as_deref(), Some(&b"hello\n"[..]));
    assert_eq!(line(&mut discipline).as_deref(), Some(&b"ps\n"[..]));
    assert_eq!(line(&mut discipline), None);
}

#[test]
fn short_reads_get_the_line_in_pieces() {
    let mut discipline = Discipline::new();
    type_text(&mut discipline, b"abc\r");
    assert_eq!(read(&mut discipline, 2).as_deref(), Some(&b"ab"[..]));
    assert_eq!(read(&mut discipline, 2).as_deref(), Some(&b"c\n"[..]));
}

#[test]
fn kill_and_erase_word_and_whole_characters() {
    let mut discipline = Discipline::new();
    type_text(&mut discipline, b"one two  \x17x\r");
    assert_eq!(line(&mut discipline).as_deref(), Some(&b"one x\n"[..]));
    type_text(&mut discipline, b"gone\x15kept\r");
    assert_eq!(line(&mut discipline).as_deref(), Some(&b"kept\n"[..]));
    let echo = type_text(&mut discipline, "aé\u{7f}\r".as_bytes());
    assert_eq!(echo, "aé\u{8} \u{8}\n");
    assert_eq!(line(&mut discipline).as_deref(), Some(&b"a\n"[..]));
    let echo = type_text(&mut discipline, b"\x7f\x7f\x15\x17");
    assert_eq!(echo, "");
}

#[test]
fn end_of_input() {
    let mut discipline = Discipline::new();
    type_text(&mut discipline, b"\x04");
    assert_eq!(line(&mut discipline).as_deref(), Some(&b""[..]));
    assert_eq!(line(&mut discipline), None);
    type_text(&mut discipline, b"part\x04rest\r");
    assert_eq!(line(&mut discipline).as_deref(), Some(&b"part"[..]));
    assert_eq!(line(&mut discipline).as_deref(), Some(&b"rest\n"[..]));
}

#[test]
fn cooked_skips_escape_sequences_and_control_bytes() {
    let mut discipline = Discipline::new();
    let echo = type_text(&mut discipline, b"a\x1b[A\x1bOH\x1b[1;5Cb\x01\x00\x1bxc\r");
    assert_eq!(echo, "abc\n");
    assert_eq!(line(&mut discipline).as_deref(), Some(&b"abc\n"[..]));
}

#[test]
fn raw_passes_bytes_and_keeps_type_ahead() {
    let mut discipline = Discipline::new();
    type_text(&mut discipline, b"be");
    assert!(!discipline.has_input());
    set(&mut discipline, Mode::Raw);
    assert_eq!(type_text(&mut discipline, b"g\x1b[A\x7f"), "");
    assert_eq!(line(&mut discipline).as_deref(), Some(&b"beg\x1b[A\x7f"[..]));
    set(&mut discipline, Mode::Cooked);
    type_text(&mut discipline, b"\x04");
    set(&mut discipline, Mode::Raw);
    assert!(!discipline.has_input());
}

#[test]
fn raw_input_typed_ahead_is_edited_by_cooked_mode() {
    let mut discipline = Discipline::new();
    set(&mut discipline, Mode::Raw);
    type_text(&mut discipline, b"helo\x7flo\rwor");
    assert_eq!(set(&mut discipline, Mode::Cooked), "helo\u{8} \u{8}lo\nwor");
    assert_eq!(line(&mut discipline).as_deref(), Some(&b"hello\n"[..]));
    assert_eq!(line(&mut discipline), None);
    assert_eq!(type_text(&mut discipline, b"ld\r"), "ld\n");
    assert_eq!(line(&mut discipline).as_deref(), Some(&b"world\n"[..]));
}

#[test]
fn too_much_input_is_counted_not_kept() {
    let mut discipline = Discipline::new();
    set(&mut discipline, Mode::Raw);
    for _ in 0..READY_CAPACITY + 5 {
        discipline.push_byte(b'x');
    }
    assert_eq!(discipline.lost(), 5);
    let mut discipline = Discipline::new();
    for _ in 0..READY_CAPACITY / 2 {
        type_text(&mut discipline, b"x\r");
    }
    assert_eq!(type_text(&mut discipline, b"y\r"), "y\u{7}\n");
    assert_eq!(discipline.lost(), 2);
    let long = [b'z'; LINE_CAPACITY + 2];
    let echo = type_text(&mut discipline, &long);
    assert!(echo.ends_with("z\u{7}\u{7}"));
}

#[test]
fn interrupt_is_told_in_both_modes() {
    for mode in [Mode::Raw, Mode::Cooked] {
        let mut discipline = Discipline::new();
        set(&mut discipline, mode);
        assert_eq!(discipline.typed(3, &mut |_| {}), Typed::Interrupt);
        assert!(!discipline.has_input());
    }
}
