//! A text screen: what a stream of text and escape sequences makes visible.

use crate::cell::{Attributes, Cell};
use crate::grid::{Cursor, Grid};
use crate::vt100::Emulator;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

/// Most columns a screen may have.
pub const MAX_COLUMNS: usize = 512;
/// Most rows a screen may have.
pub const MAX_ROWS: usize = 256;

/// The wanted size is not between 1 and the largest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScreenTooLarge {
    /// Columns wanted.
    pub columns: usize,
    /// Rows wanted.
    pub rows: usize,
}

impl fmt::Display for ScreenTooLarge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a text screen of {} columns and {} rows is not possible", self.columns, self.rows)
    }
}

impl core::error::Error for ScreenTooLarge {}

/// A grid of cells driven by the VT100/xterm sequences that line editors and coloured output use.
///
/// The screen knows which cells were painted last, so that [`Self::repaint`] tells only those that look different now: the
/// pixels are written and never read, and scrolling costs only what really changed.
pub struct Screen {
    parser: vte::Parser<0>,
    emulator: Emulator,
    painted: Vec<Cell>,
    painted_cursor: Option<Cursor>,
}

impl Screen {
    /// A blank screen. What it is painted on shows [`Cell::BLANK`] everywhere: black.
    ///
    /// # Errors
    /// [`ScreenTooLarge`] for a size outside 1 to [`MAX_COLUMNS`], [`MAX_ROWS`].
    pub fn new(columns: usize, rows: usize) -> Result<Screen, ScreenTooLarge> {
        if !(1..=MAX_COLUMNS).contains(&columns) || !(1..=MAX_ROWS).contains(&rows) {
            return Err(ScreenTooLarge { columns, rows });
        }
        Ok(Screen {
            parser: vte::Parser::default(),
            emulator: Emulator::new(Grid::new(columns, rows)),
            painted: vec![Cell::BLANK; columns * rows],
            painted_cursor: None,
        })
    }

    /// Columns and rows.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        let grid = &self.emulator.grid;
        (grid.columns(), grid.rows())
    }

    /// The cursor's column and row, from 0; always on the screen.
    #[must_use]
    pub fn cursor(&self) -> (usize, usize) {
        let cursor = self.emulator.grid.cursor();
        (cursor.column, cursor.row)
    }

    /// The cells of a row, or nothing past the last row.
    #[must_use]
    pub fn row(&self, row: usize) -> &[Cell] {
        if row < self.emulator.grid.rows() { self.emulator.grid.row(row) } else { &[] }
    }

    /// Takes output: text and escape sequences in UTF-8, cut anywhere. Damaged UTF-8 becomes U+FFFD.
    pub fn write(&mut self, bytes: &[u8]) {
        self.parser.advance(&mut self.emulator, bytes);
    }

    /// Takes what the terminal answers to questions in its output (device status, cursor position), to be read as input.
    pub fn take_report(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.emulator.report)
    }

    /// Calls `paint(column, row, cell)` for each cell that looks different from when it was painted last. The cursor shows as a
    /// reversed cell.
    pub fn repaint(&mut self, mut paint: impl FnMut(usize, usize, Cell)) {
        let grid = &mut self.emulator.grid;
        let cursor = self.emulator.cursor_visible.then(|| grid.cursor());
        if cursor != self.painted_cursor {
            for shown in [cursor, self.painted_cursor].into_iter().flatten() {
                grid.mark_dirty(shown.row);
            }
            self.painted_cursor = cursor;
        }
        for row in 0..grid.rows() {
            if !grid.take_dirty(row) {
                continue;
            }
            let columns = grid.columns();
            let painted = &mut self.painted[row * columns..][..columns];
            for (column, (old, &now)) in painted.iter_mut().zip(grid.row(row)).enumerate() {
                let mut now = now;
                if cursor.is_some_and(|at| at.column == column && at.row == row) {
                    now.attributes.toggle(Attributes::REVERSE);
                }
                if *old != now {
                    *old = now;
                    paint(column, row, now);
                }
            }
        }
    }
}
