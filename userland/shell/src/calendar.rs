//! Dates of the Gregorian calendar in UTC, from and to nanoseconds since 1970.
//!
//! Days are counted from 1 March, so a leap day is the last day of a year and months follow one formula.

use alloc::format;
use alloc::string::String;

const SECOND: u64 = 1_000_000_000;
const DAYS_1970: i64 = 719_468; // from 0000-03-01 to 1970-01-01
const DAYS_400_YEARS: i64 = 146_097;

/// Year, month and day of a day counted from 1970-01-01.
#[must_use]
pub fn date_of(day: i64) -> (i64, u32, u32) {
    let day = day + DAYS_1970;
    let era = day.div_euclid(DAYS_400_YEARS);
    let day = day.rem_euclid(DAYS_400_YEARS);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + i64::from(month <= 2);
    (year, month as u32, day_of_month as u32)
}

/// The day of a date, counted from 1970-01-01.
#[must_use]
pub fn day_of(year: i64, month: u32, day: u32) -> i64 {
    let year = year - i64::from(month <= 2);
    let month = i64::from(if month > 2 { month - 3 } else { month + 9 });
    let era = year.div_euclid(400);
    let year = year.rem_euclid(400);
    let day_of_year = (153 * month + 2) / 5 + i64::from(day) - 1;
    era * DAYS_400_YEARS + year * 365 + year / 4 - year / 100 + day_of_year - DAYS_1970
}

/// `2026-11-22 21:51:07 UTC, Sunday`.
#[must_use]
pub fn format_utc(unix_ns: u64) -> String {
    const NAMES: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
    let seconds = unix_ns / SECOND;
    let days = seconds / 86_400;
    let (year, month, day) = date_of(days as i64);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02} UTC, {}",
        seconds / 3_600 % 24,
        seconds / 60 % 60,
        seconds % 60,
        NAMES[(days % 7) as usize]
    )
}

/// Nanoseconds since 1970 of a date `YYYY-MM-DD` and a time `HH:MM` or `HH:MM:SS`, in UTC.
///
/// # Errors
/// A sentence that says which part is wrong.
pub fn parse_utc(date: &str, time: &str) -> Result<u64, String> {
    let wrong_date = || format!("`{date}` is not a date from 1970 to 2553, written YYYY-MM-DD");
    let wrong_time = || format!("`{time}` is not a time, written HH:MM or HH:MM:SS");
    let [year, month, day] = numbers(date, '-').ok_or_else(wrong_date)?;
    // The last year whose end still fits in 64 bits of nanoseconds.
    if !(1970..=2553).contains(&year) || !(1..=12).contains(&month) || day == 0 {
        return Err(wrong_date());
    }
    let days = day_of(i64::from(year), month, day);
    if date_of(days) != (i64::from(year), month, day) {
        return Err(format!("{year:04}-{month:02} has no day {day}"));
    }
    let [hour, minute, second] = numbers(time, ':')
        .or_else(|| numbers(time, ':').map(|[hour, minute]| [hour, minute, 0]))
        .ok_or_else(wrong_time)?;
    if hour > 23 || minute > 59 || second > 59 {
        return Err(wrong_time());
    }
    let seconds = days as u64 * 86_400 + u64::from(hour * 3_600 + minute * 60 + second);
    Ok(seconds * SECOND)
}

/// Exactly `N` decimal numbers between separators.
fn numbers<const N: usize>(text: &str, separator: char) -> Option<[u32; N]> {
    let mut numbers = [0; N];
    let mut parts = text.split(separator);
    for number in &mut numbers {
        let part = parts.next()?;
        if part.is_empty() || part.len() > 4 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_dates() {
        assert_eq!(format_utc(0), "1970-01-01 00:00:00 UTC, Thursday");
        assert_eq!(format_utc(951_827_696 * SECOND), "2000-02-29 12:34:56 UTC, Tuesday");
        assert_eq!(parse_utc("2026-11-22", "21:51"), Ok(1_795_384_260 * SECOND));
        assert_eq!(format_utc(1_795_384_260 * SECOND), "2026-11-22 21:51:00 UTC, Sunday");
        assert!(parse_utc("2553-12-31", "23:59:59").is_ok());
    }

    #[test]
    fn wrong_dates_are_refused() {
        for (date, time) in [
            ("2025-02-29", "12:00"),
            ("1969-12-31", "12:00"),
            ("2554-01-01", "12:00"),
            ("2025-13-01", "12:00"),
            ("2025-00-01", "12:00"),
            ("2025-01-00", "12:00"),
            ("2025-01", "12:00"),
            ("2025-01-01", "24:00"),
            ("2025-01-01", "12"),
            ("2025-01-01", "12:00:00:00"),
            ("2025-01-01", "1a:00"),
            ("+025-01-01", "12:00"),
        ] {
            assert!(parse_utc(date, time).is_err(), "{date} {time}");
        }
    }

    proptest! {
        #[test]
        fn days_come_back(day in -1_000_000i64..1_000_000) {
            let (year, month, of_month) = date_of(day);
            prop_assert_eq!(day_of(year, month, of_month), day);
        }
    }
}
