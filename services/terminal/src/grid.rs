//! The rectangle of cells: cursor, margins, scrolling, erasing. Every operation keeps the cursor and the margins inside.

use crate::cell::Cell;
use alloc::vec;
use alloc::vec::Vec;

/// Columns between tab stops.
const TAB: usize = 8;

/// Where the cursor is. `column < columns` and `row < rows` always.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Cursor {
    pub column: usize,
    pub row: usize,
    /// The last column was written; the next character goes to the next row. As on a VT100, so that a full row needs no blank one.
    pub wraps: bool,
}

/// Which part of a row or of the screen an erase means, seen from the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    After,
    Before,
    All,
}

pub struct Grid {
    columns: usize,
    rows: usize,
    cells: Vec<Cell>,
    dirty: Vec<bool>,
    cursor: Cursor,
    /// First row that scrolls, and the last.
    top: usize,
    bottom: usize,
    pub autowrap: bool,
    /// What erased cells become.
    pub blank: Cell,
}

impl Grid {
    /// A blank grid; both sizes are at least 1.
    pub fn new(columns: usize, rows: usize) -> Grid {
        Grid {
            columns,
            rows,
            cells: vec![Cell::BLANK; columns * rows],
            dirty: vec![true; rows],
            cursor: Cursor::default(),
            top: 0,
            bottom: rows - 1,
            autowrap: true,
            blank: Cell::BLANK,
        }
    }

    /// Back to how it was made.
    pub fn reset(&mut self) {
        self.autowrap = true;
        self.blank = Cell::BLANK;
        self.set_margins(0, self.rows - 1);
        self.erase_screen(Part::All);
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    pub fn margins(&self) -> (usize, usize) {
        (self.top, self.bottom)
    }

    pub fn row(&self, row: usize) -> &[Cell] {
        &self.cells[row * self.columns..][..self.columns]
    }

    /// Whether the row may have changed since the last time this was asked.
    pub fn take_dirty(&mut self, row: usize) -> bool {
        core::mem::replace(&mut self.dirty[row], false)
    }

    pub fn mark_dirty(&mut self, row: usize) {
        self.dirty[row] = true;
    }

    /// Writes a character at the cursor and moves on.
    pub fn put(&mut self, cell: Cell) {
        if self.cursor.wraps {
            self.cursor.column = 0;
            self.line_feed();
        }
        let Cursor { column, row, .. } = self.cursor;
        self.cells[row * self.columns + column] = cell;
        self.dirty[row] = true;
        if column + 1 < self.columns {
            self.cursor.column += 1;
        } else {
            self.cursor.wraps = self.autowrap;
        }
    }

    /// Moves the cursor, as far as the screen reaches.
    pub fn move_to(&mut self, column: usize, row: usize) {
        self.cursor = Cursor { column: column.min(self.columns - 1), row: row.min(self.rows - 1), wraps: false };
    }

    /// Moves the cursor by a distance; up and down stop at the margins if they lie in between.
    pub fn move_by(&mut self, columns: isize, rows: isize) {
        let Cursor { column, row, .. } = self.cursor;
        let highest = if row >= self.top { self.top } else { 0 };
        let lowest = if row <= self.bottom { self.bottom } else { self.rows - 1 };
        let target = row.saturating_add_signed(rows).clamp(highest, lowest);
        self.move_to(column.saturating_add_signed(columns), target);
    }

    /// Puts back a cursor got from [`Self::cursor`].
    pub fn restore(&mut self, cursor: Cursor) {
        self.cursor = cursor;
    }

    /// One row down; at the bottom margin, the rows between the margins scroll up.
    pub fn line_feed(&mut self) {
        self.cursor.wraps = false;
        if self.cursor.row == self.bottom {
            self.scroll_up(self.top, 1);
        } else if self.cursor.row + 1 < self.rows {
            self.cursor.row += 1;
        }
    }

    /// One row up; at the top margin, the rows between the margins scroll down.
    pub fn reverse_line_feed(&mut self) {
        self.cursor.wraps = false;
        if self.cursor.row == self.top {
            self.scroll_down(self.top, 1);
        } else {
            self.cursor.row = self.cursor.row.saturating_sub(1);
        }
    }

    /// To the next tab stop, or the last column.
    pub fn tab(&mut self) {
        let next = (self.cursor.column / TAB + 1) * TAB;
        self.move_to(next, self.cursor.row);
    }

    /// Sets the rows that scroll, if they are a range on the screen, and goes to the top left.
    pub fn set_margins(&mut self, top: usize, bottom: usize) {
        let bottom = bottom.min(self.rows - 1);
        if top < bottom || self.rows == 1 {
            self.top = top.min(bottom);
            self.bottom = bottom;
            self.move_to(0, 0);
        }
    }

    /// Scrolls the rows from `top` to the bottom margin up.
    pub fn scroll_up(&mut self, top: usize, count: usize) {
        let end = self.bottom + 1;
        if top >= end {
            return;
        }
        let count = count.min(end - top);
        let columns = self.columns;
        self.cells.copy_within((top + count) * columns..end * columns, top * columns);
        self.fill_rows(end - count, end);
        self.dirty[top..end].fill(true);
    }

    /// Scrolls the rows from `top` to the bottom margin down.
    pub fn scroll_down(&mut self, top: usize, count: usize) {
        let end = self.bottom + 1;
        if top >= end {
            return;
        }
        let count = count.min(end - top);
        let columns = self.columns;
        self.cells.copy_within(top * columns..(end - count) * columns, (top + count) * columns);
        self.fill_rows(top, top + count);
        self.dirty[top..end].fill(true);
    }

    /// Inserts blank rows at the cursor, if it is between the margins.
    pub fn insert_lines(&mut self, count: usize) {
        if (self.top..=self.bottom).contains(&self.cursor.row) {
            self.scroll_down(self.cursor.row, count);
            self.move_to(0, self.cursor.row);
        }
    }

    /// Removes rows at the cursor, if it is between the margins.
    pub fn delete_lines(&mut self, count: usize) {
        if (self.top..=self.bottom).contains(&self.cursor.row) {
            self.scroll_up(self.cursor.row, count);
            self.move_to(0, self.cursor.row);
        }
    }

    /// Inserts blanks at the cursor; the rest of the row moves right.
    pub fn insert_characters(&mut self, count: usize) {
        let blank = self.blank;
        let rest = self.rest_of_row();
        let count = count.min(rest.len());
        rest.copy_within(..rest.len() - count, count);
        rest[..count].fill(blank);
    }

    /// Removes characters at the cursor; the rest of the row moves left.
    pub fn delete_characters(&mut self, count: usize) {
        let blank = self.blank;
        let rest = self.rest_of_row();
        let count = count.min(rest.len());
        rest.copy_within(count.., 0);
        let kept = rest.len() - count;
        rest[kept..].fill(blank);
    }

    /// Blanks characters from the cursor on.
    pub fn erase_characters(&mut self, count: usize) {
        let blank = self.blank;
        let rest = self.rest_of_row();
        let count = count.min(rest.len());
        rest[..count].fill(blank);
    }

    /// Blanks a part of the cursor's row.
    pub fn erase_row(&mut self, part: Part) {
        let Cursor { column, row, .. } = self.cursor;
        let range = match part {
            Part::After => column..self.columns,
            Part::Before => 0..column + 1,
            Part::All => 0..self.columns,
        };
        let start = row * self.columns;
        self.cells[start + range.start..start + range.end].fill(self.blank);
        self.dirty[row] = true;
        self.cursor.wraps = false;
    }

    /// Blanks a part of the screen.
    pub fn erase_screen(&mut self, part: Part) {
        let row = self.cursor.row;
        match part {
            Part::After => {
                self.erase_row(part);
                self.fill_rows(row + 1, self.rows);
            }
            Part::Before => {
                self.fill_rows(0, row);
                self.erase_row(part);
            }
            Part::All => self.fill_rows(0, self.rows),
        }
        self.cursor.wraps = false;
    }

    fn rest_of_row(&mut self) -> &mut [Cell] {
        let Cursor { column, row, .. } = self.cursor;
        self.cursor.wraps = false;
        self.dirty[row] = true;
        &mut self.cells[row * self.columns + column..(row + 1) * self.columns]
    }

    fn fill_rows(&mut self, from: usize, to: usize) {
        self.cells[from * self.columns..to * self.columns].fill(self.blank);
        self.dirty[from..to].fill(true);
    }
}
