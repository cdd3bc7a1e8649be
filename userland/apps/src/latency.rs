//! How late a thread goes on after its timer: arguments, and what a series of measurements looks like.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// What to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How many periods.
    pub count: usize,
    /// Their length in nanoseconds.
    pub period_ns: u64,
}

impl Plan {
    /// A second's worth.
    pub const USUAL: Plan = Plan { count: 1_000, period_ns: 1_000_000 };
    /// Most periods: what fits a program's heap.
    pub const MOST: usize = 10_000;
    /// Shortest and longest period in nanoseconds.
    pub const PERIODS: (u64, u64) = (50_000, 10_000_000_000);
}

/// Reads `[-n COUNT] [-i TIME]`.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn parse(arguments: &[&str]) -> Result<Plan, String> {
    let mut plan = Plan::USUAL;
    let mut words = arguments.iter();
    while let Some(option) = words.next() {
        let mut value = || {
            let value = words.next();
            value.ok_or_else(|| format!("the value after {option} is missing"))
        };
        match *option {
            "-n" => {
                let text = value()?;
                let count = text.parse().ok().filter(|n| (1..=Plan::MOST).contains(n));
                let most = Plan::MOST;
                plan.count = count.ok_or_else(|| format!("`{text}` is not a number from 1 to {most}"))?;
            }
            "-i" => {
                let text = value()?;
                let (least, most) = Plan::PERIODS;
                let period = time(text).filter(|period| (least..=most).contains(period));
                plan.period_ns = period.ok_or_else(|| format!("`{text}` is not a time from 50us to 10s"))?;
            }
            other => return Err(format!("`{other}` is not understood")),
        }
    }
    Ok(plan)
}

/// `200us`, `5ms` or `1s` in nanoseconds.
fn time(text: &str) -> Option<u64> {
    let units = [("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000)];
    let (number, unit) = units.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)))?;
    number.parse::<u64>().ok()?.checked_mul(unit)
}

/// A time for people.
fn span(ns: u64) -> String {
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => format!("{}.{} us", ns / 1_000, ns / 100 % 10),
        _ => format!("{}.{} ms", ns / 1_000_000, ns / 100_000 % 10),
    }
}

/// What is told of a series, in nanoseconds: the ends, the middle, and how the series is spread. `None` if it is empty.
#[must_use]
pub fn report(series: &mut [u64]) -> Option<String> {
    series.sort_unstable();
    let (least, most) = (*series.first()?, *series.last()?);
    let at = |hundredths: usize| series[(series.len() * hundredths).div_ceil(100) - 1];
    let mut text =
        format!("least {}, median {}, 99 % {}, most {}\n", span(least), span(at(50)), span(at(99)), span(most));
    let rows = histogram(series);
    let largest = rows.iter().map(|row| row.count).max().unwrap_or(0).max(1);
    for row in rows {
        // A bar of at least one mark: a single late period matters most.
        let marks = (row.count * BAR).div_ceil(largest);
        let (from, to) = (span(row.from), span(row.to));
        let line = format!("{from:>9} to {to:>9} {:>6}  {:#<marks$}", row.count, "");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    Some(text)
}

/// Marks of the longest bar.
const BAR: usize = 40;

/// How many values lie in a range; `to` is not in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    from: u64,
    to: u64,
    count: usize,
}

/// Ranges of doubling length from the least value's to the largest's.
fn histogram(sorted: &[u64]) -> Vec<Row> {
    let doubling = |value: u64| value.max(1).ilog2();
    let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else {
        return Vec::new();
    };
    (doubling(*first)..=doubling(*last))
        .map(|power| Row {
            from: 1 << power,
            to: 1u64.checked_shl(power + 1).unwrap_or(u64::MAX),
            count: sorted.iter().filter(|v| doubling(**v) == power).count(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read() {
        assert_eq!(parse(&[]), Ok(Plan::USUAL));
        let plan = Plan { count: 20, period_ns: 200_000 };
        assert_eq!(parse(&["-n", "20", "-i", "200us"]), Ok(plan));
        assert_eq!(time("1s"), Some(1_000_000_000));
    }

    #[test]
    fn wrong_arguments_are_explained() {
        for wrong in [
            &["-n"][..],
            &["-n", "0"],
            &["-n", "10001"],
            &["-n", "many"],
            &["-i", "49us"],
            &["-i", "11s"],
            &["-i", "5"],
            &["-i", "99999999999999999999s"],
            &["fast"],
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_series_is_summed_up() {
        assert_eq!(report(&mut []), None);
        let mut series: Vec<u64> = (0..98).map(|_| 1_500).collect();
        series.extend([3_000, 9_000]);
        let text = report(&mut series).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "least 1.5 us, median 1.5 us, 99 % 3.0 us, most 9.0 us");
        assert_eq!(lines.len(), 5, "{text}");
        assert!(lines[1].contains("    98  ####"), "{text}");
        assert!(lines[2].ends_with("     1  #"), "{text}");
        assert!(lines[3].ends_with("     0"), "{text}");
        assert!(lines[4].contains("8.1 us to   16.3 us      1  #"), "{text}");
    }

    #[test]
    fn any_value_has_a_range() {
        let mut all: Vec<u64> = alloc::vec![0, 1, u64::MAX];
        assert!(report(&mut all).is_some());
        let counted: usize = histogram(&all).iter().map(|row| row.count).sum();
        assert_eq!(counted, 3);
    }
}
