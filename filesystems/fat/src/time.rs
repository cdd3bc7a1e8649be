//! Dates and times of FAT: a date counts years from 1980 to 2107, a time counts steps of two seconds.

const SECOND: u64 = 1_000_000_000;
const DAY: u64 = 86_400;
/// From 1970 to 1980, in days.
const DAYS_1980: u64 = 3_652;
/// Years that have a number.
const YEARS: u16 = 128;

fn is_leap(year: u16) -> bool {
    // 2100 is the only year of the range that a rule of four has wrong.
    year.is_multiple_of(4) && year != 120
}

fn days_of(year: u16) -> u64 {
    365 + u64::from(is_leap(year))
}

fn days_of_month(year: u16, month: u16) -> u64 {
    match month {
        2 => 28 + u64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The date and time of a moment in nanoseconds since 1970; the nearest that there is.
pub fn stamp(unix_ns: u64) -> (u16, u16) {
    let seconds = unix_ns / SECOND;
    let Some(mut day) = (seconds / DAY).checked_sub(DAYS_1980) else {
        return (1 << 5 | 1, 0);
    };
    let mut year = 0;
    while year < YEARS && day >= days_of(year) {
        day -= days_of(year);
        year += 1;
    }
    if year == YEARS {
        return ((YEARS - 1) << 9 | 12 << 5 | 31, 23 << 11 | 59 << 5 | 29);
    }
    let mut month = 1;
    while day >= days_of_month(year, month) {
        day -= days_of_month(year, month);
        month += 1;
    }
    let second = seconds % DAY;
    let time = (second / 3_600) << 11 | (second / 60 % 60) << 5 | (second % 60 / 2);
    (year << 9 | month << 5 | (day as u16 + 1), time as u16)
}

/// The moment of a date and time, in nanoseconds since 1970; 0 for what is no date.
pub fn moment(date: u16, time: u16) -> u64 {
    let (year, month, day) = (date >> 9, date >> 5 & 15, u64::from(date & 31));
    if !(1..=12).contains(&month) || day == 0 || day > days_of_month(year, month) {
        return 0;
    }
    let years: u64 = (0..year).map(days_of).sum();
    let months: u64 = (1..month).map(|month| days_of_month(year, month)).sum();
    let (hour, minute, second) = (u64::from(time >> 11), u64::from(time >> 5 & 63), u64::from(time & 31) * 2);
    ((DAYS_1980 + years + months + day - 1) * DAY + hour * 3_600 + minute * 60 + second) * SECOND
}
