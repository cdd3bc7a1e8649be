//! The meaning of control characters and escape sequences.
//!
//! Understood: BS, HT, LF, VT, FF, CR; ESC 7, 8, D, E, M, c; CSI A-H, J-M, P, S, T, X, `@`, `` ` ``, a, d, e, f, m, n, r, s,
//! u, and `?7` and `?25` of h and l. Everything else is parsed and ignored.

use crate::cell::{Attributes, Cell, DEFAULT_BACKGROUND, DEFAULT_FOREGROUND};
use crate::colour::nearest;
use crate::grid::{Cursor, Grid, Part};
use alloc::format;
use alloc::vec::Vec;
use vte::{Params, ParamsIter, Perform};

/// Longest row of unread reports; a program that asks and never reads gets no more.
const MAX_REPORT: usize = 256;

pub struct Emulator {
    pub grid: Grid,
    pub cursor_visible: bool,
    /// Answers to be read as input.
    pub report: Vec<u8>,
    /// How the next character looks; its character is a space.
    pen: Cell,
    saved: (Cursor, Cell),
}

impl Emulator {
    pub fn new(grid: Grid) -> Emulator {
        Emulator {
            grid,
            cursor_visible: true,
            report: Vec::new(),
            pen: Cell::BLANK,
            saved: (Cursor::default(), Cell::BLANK),
        }
    }

    fn reset(&mut self) {
        self.grid.reset();
        self.cursor_visible = true;
        self.pen = Cell::BLANK;
        self.saved = (Cursor::default(), Cell::BLANK);
    }

    fn set_pen(&mut self, pen: Cell) {
        self.pen = pen;
        // Erasing paints with the current background, as xterm does.
        self.grid.blank = Cell { background: pen.background, ..Cell::BLANK };
    }

    fn save(&mut self) {
        self.saved = (self.grid.cursor(), self.pen);
    }

    fn restore(&mut self) {
        let (cursor, pen) = self.saved;
        self.grid.restore(cursor);
        self.set_pen(pen);
    }

    fn report(&mut self, text: &str) {
        if self.report.len() + text.len() <= MAX_REPORT {
            self.report.extend_from_slice(text.as_bytes());
        }
    }

    fn set_private_mode(&mut self, mode: u16, on: bool) {
        match mode {
            7 => self.grid.autowrap = on,
            25 => self.cursor_visible = on,
            _ => {}
        }
    }

    fn select_graphics(&mut self, params: &Params) {
        let mut pen = self.pen;
        let mut iter = params.iter();
        while let Some(param) = iter.next() {
            let code = param.first().copied().unwrap_or(0);
            match code {
                0 => pen = Cell::BLANK,
                1 => pen.attributes |= Attributes::BOLD,
                4 => pen.attributes.set(Attributes::UNDERLINE, param.get(1) != Some(&0)),
                7 => pen.attributes |= Attributes::REVERSE,
                8 => pen.attributes |= Attributes::HIDDEN,
                21 | 22 => pen.attributes -= Attributes::BOLD,
                24 => pen.attributes -= Attributes::UNDERLINE,
                27 => pen.attributes -= Attributes::REVERSE,
                28 => pen.attributes -= Attributes::HIDDEN,
                30..=37 => pen.foreground = (code - 30) as u8,
                38 => pen.foreground = extended(param, &mut iter).unwrap_or(pen.foreground),
                39 => pen.foreground = DEFAULT_FOREGROUND,
                40..=47 => pen.background = (code - 40) as u8,
                48 => pen.background = extended(param, &mut iter).unwrap_or(pen.background),
                49 => pen.background = DEFAULT_BACKGROUND,
                90..=97 => pen.foreground = (code - 90 + 8) as u8,
                100..=107 => pen.background = (code - 100 + 8) as u8,
                _ => {}
            }
        }
        self.set_pen(pen);
    }
}

/// The colour after 38 or 48: `5;n` or `2;r;g;b`, with semicolons or (`38:5:n`, `38:2::r:g:b`) colons.
fn extended(param: &[u16], iter: &mut ParamsIter<'_>) -> Option<u8> {
    let byte = |value: u16| u8::try_from(value).ok();
    if let [_, kind, rest @ ..] = param {
        return match (kind, rest) {
            (5, [index, ..]) => byte(*index),
            (2, [red, green, blue] | [_, red, green, blue, ..]) => {
                Some(nearest([byte(*red)?, byte(*green)?, byte(*blue)?]))
            }
            _ => None,
        };
    }
    let mut next = || iter.next().and_then(|param| param.first().copied());
    match next()? {
        5 => byte(next()?),
        2 => {
            let (red, green, blue) = (next()?, next()?, next()?);
            Some(nearest([byte(red)?, byte(green)?, byte(blue)?]))
        }
        _ => None,
    }
}

/// The parameter at `index`; missing and 0 mean `default`.
fn parameter(params: &Params, index: usize, default: usize) -> usize {
    match params.iter().nth(index).and_then(|param| param.first()) {
        None | Some(0) => default,
        Some(&value) => usize::from(value),
    }
}

/// Marks that add to the character before them; without glyphs for that, they are left out.
fn is_zero_width(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

impl Perform for Emulator {
    fn print(&mut self, character: char) {
        if !is_zero_width(character) && !character.is_control() {
            self.grid.put(Cell { character, ..self.pen });
        }
    }

    fn execute(&mut self, byte: u8) {
        let Cursor { column, row, .. } = self.grid.cursor();
        match byte {
            0x08 => self.grid.move_to(column.saturating_sub(1), row),
            b'\t' => self.grid.tab(),
            b'\n' | 0x0b | 0x0c => self.grid.line_feed(),
            b'\r' => self.grid.move_to(0, row),
            _ => {}
        }
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], _ignore: bool, byte: u8) {
        if !intermediates.is_empty() {
            return;
        }
        match byte {
            b'7' => self.save(),
            b'8' => self.restore(),
            b'D' => self.grid.line_feed(),
            b'E' => {
                self.execute(b'\r');
                self.grid.line_feed();
            }
            b'M' => self.grid.reverse_line_feed(),
            b'c' => self.reset(),
            _ => {}
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, action: char) {
        if ignore {
            return;
        }
        match intermediates {
            [] => {}
            b"?" if matches!(action, 'h' | 'l') => {
                for mode in params.iter().flatten() {
                    self.set_private_mode(*mode, action == 'h');
                }
                return;
            }
            _ => return,
        }
        let Cursor { column, row, .. } = self.grid.cursor();
        let count = parameter(params, 0, 1);
        let distance = count as isize;
        let part = match parameter(params, 0, 0) {
            0 => Some(Part::After),
            1 => Some(Part::Before),
            2 | 3 => Some(Part::All),
            _ => None,
        };
        match action {
            'A' => self.grid.move_by(0, -distance),
            'B' | 'e' => self.grid.move_by(0, distance),
            'C' | 'a' => self.grid.move_by(distance, 0),
            'D' => self.grid.move_by(-distance, 0),
            'E' => {
                self.grid.move_by(0, distance);
                self.execute(b'\r');
            }
            'F' => {
                self.grid.move_by(0, -distance);
                self.execute(b'\r');
            }
            'G' | '`' => self.grid.move_to(count - 1, row),
            'd' => self.grid.move_to(column, count - 1),
            'H' | 'f' => self.grid.move_to(parameter(params, 1, 1) - 1, count - 1),
            'J' => part.map_or((), |part| self.grid.erase_screen(part)),
            'K' => part.map_or((), |part| self.grid.erase_row(part)),
            'L' => self.grid.insert_lines(count),
            'M' => self.grid.delete_lines(count),
            '@' => self.grid.insert_characters(count),
            'P' => self.grid.delete_characters(count),
            'X' => self.grid.erase_characters(count),
            'S' => self.grid.scroll_up(self.grid.margins().0, count),
            'T' => self.grid.scroll_down(self.grid.margins().0, count),
            'm' => self.select_graphics(params),
            'r' => {
                let rows = self.grid.rows();
                self.grid.set_margins(count - 1, parameter(params, 1, rows) - 1);
            }
            's' => self.save(),
            'u' => self.restore(),
            'n' => match parameter(params, 0, 0) {
                5 => self.report("\x1b[0n"),
                6 => self.report(&format!("\x1b[{};{}R", row + 1, column + 1)),
                _ => {}
            },
            _ => {}
        }
    }
}
