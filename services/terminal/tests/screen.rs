//! The screen as a program sees it.

use airox_terminal::{Attributes, Cell, MAX_COLUMNS, MAX_ROWS, Screen, ScreenTooLarge};
use proptest::prelude::*;

fn screen(columns: usize, rows: usize) -> Screen {
    Screen::new(columns, rows).expect("the size is possible")
}

fn lines(screen: &Screen) -> Vec<String> {
    (0..screen.size().1)
        .map(|row| {
            let text: String = screen.row(row).iter().map(|cell| cell.character).collect();
            text.trim_end().to_owned()
        })
        .collect()
}

fn written(columns: usize, rows: usize, text: &str) -> Screen {
    let mut screen = screen(columns, rows);
    screen.write(text.as_bytes());
    screen
}

#[test]
fn impossible_sizes_are_refused() {
    for (columns, rows) in [(0, 5), (5, 0), (MAX_COLUMNS + 1, 5), (5, MAX_ROWS + 1)] {
        let error = Screen::new(columns, rows).err();
        assert_eq!(error, Some(ScreenTooLarge { columns, rows }));
    }
}

#[test]
fn text_wraps_only_when_more_follows_and_scrolls() {
    let screen = written(5, 3, "hello");
    assert_eq!(screen.cursor(), (4, 0));
    let screen = written(5, 3, "hello\r\nworld!");
    assert_eq!(lines(&screen), ["hello", "world", "!"]);
    let screen = written(5, 3, "1\r\n2\r\n3\r\n4");
    assert_eq!(lines(&screen), ["2", "3", "4"]);
    let screen = written(5, 3, "\x1b[?7lhello world");
    assert_eq!(lines(&screen), ["helld", "", ""]);
}

#[test]
fn line_editor_sequences() {
    // Insert in the middle: redraw the rest, step back.
    assert_eq!(lines(&written(20, 2, "> ac\x1b[Dbc\x1b[D"))[0], "> abc");
    assert_eq!(lines(&written(20, 2, "> old line\r\x1b[K> new"))[0], "> new");
    assert_eq!(lines(&written(20, 2, "abcdef\x1b[3G\x1b[2P"))[0], "abef");
    assert_eq!(lines(&written(20, 2, "abef\x1b[3G\x1b[2@cd"))[0], "abcdef");
    assert_eq!(lines(&written(20, 2, "abcdef\x1b[3G\x1b[2X"))[0], "ab  ef");
    assert_eq!(lines(&written(20, 2, "abcdef\x1b[3G\x1b[1K"))[0], "   def");
    let screen = written(20, 3, "a\r\nb\r\nc\x1b[2J\x1b[Hx");
    assert_eq!(lines(&screen), ["x", "", ""]);
    assert_eq!(lines(&written(20, 2, "x\ty"))[0], "x       y");
    assert_eq!(lines(&written(20, 2, "ab\x08c"))[0], "ac");
}

#[test]
fn save_restore_and_margins() {
    let screen = written(9, 3, "a\x1b7bc\r\n\x1b8X");
    assert_eq!(lines(&screen), ["aXc", "", ""]);
    let screen = written(9, 3, "a\x1b[sbc\r\n\x1b[uX");
    assert_eq!(lines(&screen), ["aXc", "", ""]);
    let screen = written(9, 4, "top\r\n1\r\n2\r\nend\x1b[2;3r\x1b[3;1H\n3");
    assert_eq!(lines(&screen), ["top", "2", "3", "end"]);
    let screen = written(9, 3, "1\r\n2\r\n3\x1b[2;1H\x1b[Lx");
    assert_eq!(lines(&screen), ["1", "x", "2"]);
    let screen = written(9, 3, "1\r\n2\r\n3\x1b[1;1H\x1b[M");
    assert_eq!(lines(&screen), ["2", "3", ""]);
    let screen = written(9, 3, "1\r\n2\r\n3\x1b[1;1H\x1bM0");
    assert_eq!(lines(&screen), ["0", "1", "2"]);
    let screen = written(9, 3, "1\r\n2\x1bcx");
    assert_eq!(lines(&screen), ["x", "", ""]);
}

#[test]
fn graphics() {
    let screen = written(
        20,
        1,
        "\x1b[1;31ma\x1b[0mb\x1b[38;5;208;44mc\x1b[38;2;255;0;0md\x1b[38:5:9me\x1b[38:2::0:0:255mf\x1b[97;39;49;4;7mg",
    );
    let row = screen.row(0);
    let colours: Vec<_> = row[..7].iter().map(|cell| (cell.foreground, cell.background)).collect();
    assert_eq!(colours, [(1, 0), (7, 0), (208, 4), (196, 4), (9, 4), (21, 4), (7, 0)]);
    assert_eq!(row[0].attributes, Attributes::BOLD);
    assert_eq!(row[1], Cell { character: 'b', ..Cell::BLANK });
    assert_eq!(row[6].attributes, Attributes::UNDERLINE | Attributes::REVERSE);
    assert_eq!(row[6].colours(), (0, 7));
}

#[test]
fn utf8_whole_cut_and_damaged() {
    let mut screen = screen(20, 1);
    for byte in "grün ├ \u{301}".as_bytes() {
        screen.write(&[*byte]);
    }
    screen.write(b"\xffx\xc3(");
    assert_eq!(lines(&screen)[0], "grün ├ \u{fffd}x\u{fffd}(");
}

#[test]
fn questions_are_answered_within_bounds() {
    let mut screen = written(80, 24, "\x1b[3;7H\x1b[6n\x1b[5n");
    assert_eq!(screen.take_report(), b"\x1b[3;7R\x1b[0n");
    for _ in 0..10_000 {
        screen.write(b"\x1b[999;999H\x1b[6n");
    }
    let report = screen.take_report();
    assert!(report.starts_with(b"\x1b[24;80R") && report.len() <= 256);
}

/// What a display that only follows `repaint` shows.
struct Display(Vec<Vec<Cell>>);

impl Display {
    fn new(screen: &Screen) -> Display {
        let (columns, rows) = screen.size();
        Display(vec![vec![Cell::BLANK; columns]; rows])
    }

    fn follow(&mut self, screen: &mut Screen) -> usize {
        let mut painted = 0;
        screen.repaint(|column, row, cell| {
            self.0[row][column] = cell;
            painted += 1;
        });
        painted
    }
}

#[test]
fn repaint_tells_only_what_changed() {
    let mut screen = screen(10, 4);
    let mut display = Display::new(&screen);
    // A blank screen shows only the cursor.
    assert_eq!(display.follow(&mut screen), 1);
    assert_eq!(display.follow(&mut screen), 0);
    assert_eq!(display.0[0][0].attributes, Attributes::REVERSE);
    screen.write(b"ab");
    // Two characters and the cursor's new place; its old one is the `a`.
    assert_eq!(display.follow(&mut screen), 3);
    screen.write(b"\r\n\r\n\r\n");
    assert_eq!(display.follow(&mut screen), 2);
    screen.write(b"\n");
    // The only text scrolled away.
    assert_eq!(display.follow(&mut screen), 2);
    screen.write(b"\x1b[?25l");
    assert_eq!(display.follow(&mut screen), 1);
}

fn hostile_output() -> impl Strategy<Value = Vec<u8>> {
    let sequence = (
        prop::sample::select(&b"ABCDEFGHJKLMPSTXmnrsu@`adefhlq"[..]),
        prop::collection::vec(any::<u16>(), 0..5),
        any::<bool>(),
    )
        .prop_map(|(action, numbers, private)| {
            let numbers: Vec<_> = numbers.iter().map(u16::to_string).collect();
            let private = if private { "?" } else { "" };
            format!("\x1b[{private}{}{}", numbers.join(";"), action as char).into_bytes()
        });
    let small = (prop::sample::select(&b"ABCDEFGHJKLMPSTXr@"[..]), 0..12u8, 0..12u8)
        .prop_map(|(action, a, b)| format!("\x1b[{a};{b}{}", action as char).into_bytes());
    let short = prop::sample::select(vec![
        "\x1b7",
        "\x1b8",
        "\x1bM",
        "\x1bD",
        "\x1bE",
        "\x1bc",
        "\x1b]0;x\x07",
        "\x1bP1q\x1b\\",
    ])
    .prop_map(|text| text.as_bytes().to_vec());
    let text = "[ -~\r\n\t]{0,12}".prop_map(String::into_bytes);
    let noise = prop::collection::vec(any::<u8>(), 0..12);
    let piece = prop_oneof![sequence, small, short, text, noise];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_output_keeps_the_cursor_inside_and_displays_right(
        columns in 1..20usize,
        rows in 1..10usize,
        output in prop::collection::vec(hostile_output(), 1..4),
    ) {
        let mut screen = screen(columns, rows);
        let mut display = Display::new(&screen);
        for bytes in &output {
            screen.write(bytes);
            let (column, row) = screen.cursor();
            prop_assert!(column < columns && row < rows);
            display.follow(&mut screen);
            for (number, shown) in display.0.iter().enumerate() {
                for (at, (shown, cell)) in shown.iter().zip(screen.row(number)).enumerate() {
                    let mut plain = *shown;
                    if (at, number) == (column, row) {
                        plain.attributes = cell.attributes;
                    }
                    prop_assert_eq!(plain, *cell);
                }
            }
        }
        prop_assert!(screen.take_report().len() <= 256);
    }

    #[test]
    fn how_output_is_cut_does_not_matter(output in hostile_output(), cut in any::<prop::sample::Index>()) {
        let mut whole = screen(12, 5);
        whole.write(&output);
        let mut pieces = screen(12, 5);
        let (first, second) = output.split_at(cut.index(output.len() + 1));
        pieces.write(first);
        pieces.write(second);
        prop_assert_eq!(lines(&whole), lines(&pieces));
        prop_assert_eq!(whole.cursor(), pieces.cursor());
    }
}
