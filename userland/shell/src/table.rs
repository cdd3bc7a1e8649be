//! Aligned output: tables with a header, and lists in columns.

use crate::editor::text_width;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// How a column is aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// For words.
    Left,
    /// For numbers.
    Right,
}

/// Rows under a header, two blanks between columns, no blanks at the ends of lines.
pub struct Table {
    align: Vec<Align>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns and no rows.
    #[must_use]
    pub fn new(columns: &[(&str, Align)]) -> Table {
        Table {
            align: columns.iter().map(|(_, align)| *align).collect(),
            rows: alloc::vec![columns.iter().map(|(name, _)| (*name).to_string()).collect()],
        }
    }

    /// Adds a row; missing cells are empty.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let mut row: Vec<String> = cells.into_iter().take(self.align.len()).collect();
        row.resize(self.align.len(), String::new());
        self.rows.push(row);
    }

    /// The text, each line with its end.
    #[must_use]
    pub fn render(&self) -> String {
        let widths: Vec<usize> = (0..self.align.len())
            .map(|column| self.rows.iter().map(|row| text_width(&row[column])).max().unwrap_or(0))
            .collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let blanks = widths[column] - text_width(cell);
                if column > 0 {
                    line.push_str("  ");
                }
                if self.align[column] == Align::Right {
                    line.extend(core::iter::repeat_n(' ', blanks));
                }
                line.push_str(cell);
                if self.align[column] == Align::Left {
                    line.extend(core::iter::repeat_n(' ', blanks));
                }
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// Names in as many columns as fit in `width`, sorted downwards.
#[must_use]
pub fn columns(names: &[String], width: usize) -> String {
    let widest = names.iter().map(|name| text_width(name)).max().unwrap_or(0) + 2;
    let count = (width / widest).clamp(1, names.len().max(1));
    let rows = names.len().div_ceil(count);
    let mut text = String::new();
    for row in 0..rows {
        let mut line = String::new();
        for name in names.iter().skip(row).step_by(rows.max(1)) {
            line.push_str(name);
            line.extend(core::iter::repeat_n(' ', widest - text_width(name)));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_string()).collect()
    }

    #[test]
    fn cells_are_aligned_by_what_is_seen() {
        let mut table = Table::new(&[("NAME", Align::Left), ("SIZE", Align::Right), ("", Align::Left)]);
        table.row(strings(&["漢字", "12"]));
        table.row(strings(&["longer", "1", "note"]));
        assert_eq!(table.render(), "NAME    SIZE\n漢字      12\nlonger     1  note\n");
    }

    #[test]
    fn lists_fill_the_width() {
        let names = strings(&["a", "bb", "cc", "d", "e"]);
        assert_eq!(columns(&names, 12), "a   cc  e\nbb  d\n");
        assert_eq!(columns(&names, 1), "a\nbb\ncc\nd\ne\n");
        assert_eq!(columns(&[], 80), "");
    }
}
