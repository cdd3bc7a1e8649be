//! Numbers with units, short enough for tables.

use alloc::format;
use alloc::string::String;

const SECOND: u64 = 1_000_000_000;

/// Bytes with a binary unit and at most one decimal: `512 B`, `4 KiB`, `1.5 MiB`.
#[must_use]
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut unit = 0;
    let mut tenths = u128::from(count) * 10 / 1024;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    match tenths % 10 {
        0 => format!("{} {}", tenths / 10, UNITS[unit]),
        rest => format!("{}.{rest} {}", tenths / 10, UNITS[unit]),
    }
}

/// A time span, three digits or so: `850 ns`, `12.3 ms`, `4.56 s`, `3 m 12 s`, `2 h 05 m`, `3 d 04 h`.
#[must_use]
pub fn span(ns: u64) -> String {
    let seconds = ns / SECOND;
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => format!("{}.{} us", ns / 1_000, ns / 100 % 10),
        1_000_000..SECOND => format!("{}.{} ms", ns / 1_000_000, ns / 100_000 % 10),
        _ => match seconds {
            0..60 => format!("{seconds}.{:02} s", ns / 10_000_000 % 100),
            60..3_600 => format!("{} m {:02} s", seconds / 60, seconds % 60),
            3_600..86_400 => format!("{} h {:02} m", seconds / 3_600, seconds / 60 % 60),
            _ => format!("{} d {:02} h", seconds / 86_400, seconds / 3_600 % 24),
        },
    }
}

/// Seconds with three decimals, for columns: `12.345`.
#[must_use]
pub fn seconds(ns: u64) -> String {
    format!("{}.{:03}", ns / SECOND, ns / 1_000_000 % 1_000)
}

/// A number with its noun: `1 process`, `2 processes`.
#[must_use]
pub fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// A time span as a person types it: `5`, `1.5`, `250ms`, `10us`, `2s`, `3m`, `1h`. Without a unit: seconds.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn parse_span(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is not a time: write for example 5, 1.5, 250ms, 2s, 3m or 1h");
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit: u64 = match unit {
        "us" => 1_000,
        "ms" => 1_000_000,
        "" | "s" => SECOND,
        "m" => 60 * SECOND,
        "h" => 3_600 * SECOND,
        _ => return Err(wrong()),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.len() > 9 || fraction.contains('.') {
        return Err(wrong());
    }
    let digits = |digits: &str| match digits {
        "" => Ok(0),
        _ => digits.parse::<u64>().map_err(|_| wrong()),
    };
    let part = u128::from(digits(fraction)?) * u128::from(unit) / 10_u128.pow(fraction.len() as u32);
    let total = u128::from(digits(whole)?) * u128::from(unit) + part;
    u64::try_from(total).map_err(|_| format!("`{text}` is too long a time"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(4096), "4 KiB");
        assert_eq!(bytes(1_572_864), "1.5 MiB");
        assert_eq!(bytes(1 << 40), "1 TiB");
        assert_eq!(bytes(u64::MAX), "15.9 EiB");
    }

    #[test]
    fn spans() {
        assert_eq!(span(0), "0 ns");
        assert_eq!(span(1_234), "1.2 us");
        assert_eq!(span(12_345_678), "12.3 ms");
        assert_eq!(span(4_567_000_000), "4.56 s");
        assert_eq!(span(192 * SECOND), "3 m 12 s");
        assert_eq!(span(7_500 * SECOND), "2 h 05 m");
        assert_eq!(span(273_600 * SECOND), "3 d 04 h");
        assert_eq!(seconds(12_345_999_999), "12.345");
    }

    #[test]
    fn typed_spans() {
        assert_eq!(parse_span("5"), Ok(5 * SECOND));
        assert_eq!(parse_span("1.5"), Ok(SECOND * 3 / 2));
        assert_eq!(parse_span("250ms"), Ok(250_000_000));
        assert_eq!(parse_span(".5s"), Ok(SECOND / 2));
        assert_eq!(parse_span("1h"), Ok(3_600 * SECOND));
        for wrong in ["", "s", ".", "1.2.3", "5 s", "-1", "1d", "99999999999999999999", "999999999999h", "0.0000000001"]
        {
            assert!(parse_span(wrong).is_err(), "{wrong}");
        }
    }
}
