//! Loader messages on a VGA text screen, for machines without a linear frame buffer.

use core::fmt;

const MEMORY: *mut u16 = 0xb8000 as *mut u16;
const COLUMNS: usize = 80;
const ROWS: usize = 25;
/// Light grey on black.
const ATTRIBUTE: u16 = 0x0700;

/// White on black; after the last row comes the first.
pub struct VgaText {
    column: usize,
    row: usize,
}

impl VgaText {
    /// Clears the screen.
    ///
    /// # Safety
    /// The screen is in 80x25 text mode, and its memory at 0xb8000 is mapped.
    pub unsafe fn new() -> Self {
        let mut screen = Self { column: 0, row: 0 };
        screen.clear();
        screen
    }

    fn clear(&mut self) {
        (self.column, self.row) = (0, 0);
        for cell in 0..COLUMNS * ROWS {
            Self::set(cell, b' ');
        }
    }

    fn set(cell: usize, character: u8) {
        // SAFETY: (1) callers keep `cell` below COLUMNS * ROWS; (2) by the contract of `new` that
        // memory is mapped and is the screen.
        unsafe {
            MEMORY.add(cell).write_volatile(ATTRIBUTE | u16::from(character));
        }
    }

    fn line_break(&mut self) {
        self.column = 0;
        self.row += 1;
        if self.row == ROWS {
            self.clear();
        }
    }
}

impl fmt::Write for VgaText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if byte == b'\n' || self.column == COLUMNS {
                self.line_break();
            }
            if byte != b'\n' {
                Self::set(self.row * COLUMNS + self.column, byte);
                self.column += 1;
            }
        }
        Ok(())
    }
}
