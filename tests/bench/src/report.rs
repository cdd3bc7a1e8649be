//! The rows as a table for a person who watches the machine itself.

use alloc::format;
use alloc::string::String;

use crate::samples::Summary;

/// What stands above the rows.
#[must_use]
pub fn heading(ticks_per_second: u64) -> String {
    format!(
        "AIROX bench: cycles of the time-stamp counter ({} MHz)\n\n{}",
        ticks_per_second / 1_000_000,
        line("row", ["least", "median", "most", "median in us"])
    )
}

/// One row.
#[must_use]
pub fn row(name: &str, row: &Summary, ticks_per_second: u64) -> String {
    let nanoseconds = u128::from(row.median) * 1_000_000_000 / u128::from(ticks_per_second.max(1));
    let microseconds = format!("{}.{:03}", nanoseconds / 1_000, nanoseconds % 1_000);
    let [min, median, max] = [row.min, row.median, row.max].map(|number| format!("{number}"));
    line(name, [&min, &median, &max, &microseconds])
}

fn line(name: &str, [min, median, max, microseconds]: [&str; 4]) -> String {
    format!("{name:<24} {min:>12} {median:>12} {max:>12} {microseconds:>14}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_times_converted() {
        let summary = Summary { min: 100, median: 4_500, max: 123_456_789 };
        let text = row("null_call", &summary, 3_000_000_000);
        assert_eq!(
            text.split_whitespace().collect::<alloc::vec::Vec<_>>(),
            ["null_call", "100", "4500", "123456789", "1.500"]
        );
        let heading = heading(3_000_000_000);
        assert!(heading.contains("3000 MHz"));
        assert_eq!(heading.lines().last().map(str::len), Some(text.len()));
    }
}
