//! The rows of the table, their goals, and what other kernels need for the same, measured on the same machine.

use super::measure::Measured;

/// Which number of a measurement a row's goal is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    Median,
    Max,
}

/// One row.
pub struct Row {
    /// Its name, as in the JSON file.
    pub name: &'static str,
    /// Whether the JSON file has it; else it is a part of another row, shown to explain that one.
    pub in_json: bool,
    /// The benchmark program's line it comes from.
    pub measurement: &'static str,
    /// Which of the line's numbers.
    pub statistic: Statistic,
    /// What is measured, for people.
    pub text: &'static str,
    /// The most instructions it should take.
    pub goal: f64,
    /// Whether the check fails by more than the goal.
    pub is_bound: bool,
    /// Rise over the baseline that the check lets pass, as a fraction.
    pub tolerance: f64,
    /// The same on the peers, in the order of [`PEERS`].
    peers: [Option<f64>; 5],
}

/// Rise over the baseline that is let pass, as a fraction.
pub const TOLERANCE: f64 = 0.02;
/// The same where a number is the worst of what wake-ups happened to meet: another length of anything before shifts them all.
const TOLERANCE_OF_WORST: f64 = 0.25;

/// The peers' names.
const PEERS: [&str; 5] = ["seL4", "seL4 MCS", "seL4 slow", "Linux", "Linux RT"];

/// Marks a row that misses its goal.
const MISSED: &str = " !";

const fn row(
    name: &'static str,
    measurement: &'static str,
    statistic: Statistic,
    text: &'static str,
    goal: f64,
    peers: [Option<f64>; 5],
) -> Row {
    Row { name, in_json: true, measurement, statistic, text, goal, is_bound: false, tolerance: TOLERANCE, peers }
}

/// The most instructions a wake-up may take while the kernel does what is long: the bound that `ARCHITECTURE.md` states.
const BOUND: f64 = 3_000.0;

/// The latest wake-up while something long goes on.
const fn wake_beside(name: &'static str, measurement: &'static str, text: &'static str) -> Row {
    let row = row(name, measurement, Max, text, BOUND, [None; 5]);
    Row { in_json: false, is_bound: true, tolerance: TOLERANCE_OF_WORST, ..row }
}

use Statistic::{Max, Median};

/// Every row. Peers: seL4 16-dev (fast path), seL4 MCS, seL4 without its fast path, Linux 6.1 and Linux 6.1
/// `PREEMPT_RT`, all under QEMU 7.2 with the instruction clock; Linux pinned, `SCHED_FIFO` 80, `mitigations=off`.
pub const ROWS: &[Row] = &[
    row(
        "null_call",
        "null_call",
        Median,
        "null system call",
        50.0,
        [Some(89.0), Some(89.0), Some(75.0), Some(341.0), Some(341.0)],
    ),
    row(
        "port_round_trip",
        "port_round_trip",
        Median,
        "call + reply, message in registers",
        300.0,
        [Some(406.0), Some(500.0), Some(1_397.0), Some(11_574.0), Some(12_558.0)],
    ),
    row(
        "port_round_trip_64b",
        "port_round_trip_64b",
        Median,
        "call + reply, longer message",
        450.0,
        [Some(1_572.0), Some(2_158.0), Some(1_532.0), Some(17_724.0), Some(20_340.0)],
    ),
    Row {
        in_json: false,
        ..row(
            "port_round_trip_lent",
            "port_round_trip_lent",
            Median,
            "the same, on a budget lent to the server",
            300.0,
            [None, Some(500.0), None, None, None],
        )
    },
    row(
        "signal_wake",
        "signal_wake",
        Median,
        "signal until the waiter runs",
        300.0,
        [Some(509.0), Some(688.0), Some(494.0), Some(11_237.0), Some(11_531.0)],
    ),
    Row { in_json: false, ..row("trace_event", "trace_event", Median, "recording a trace event", 20.0, [None; 5]) },
    row(
        "fault_round_trip",
        "fault_round_trip",
        Median,
        "fault, handler, faulter resumes",
        700.0,
        [Some(1_303.0), Some(1_932.0), Some(1_208.0), None, None],
    ),
    row(
        "timer_wake_idle_median",
        "timer_wake_idle",
        Median,
        "timer until the thread runs, idle: median",
        350.0,
        [Some(355.0), None, None, Some(3_520.0), Some(3_567.0)],
    ),
    row(
        "timer_wake_idle_max",
        "timer_wake_idle",
        Max,
        "timer until the thread runs, idle: max",
        600.0,
        [Some(363.0), None, None, Some(9_371.0), Some(4_760.0)],
    ),
    row(
        "timer_wake_loaded_max",
        "timer_wake_loaded",
        Max,
        "timer until the thread runs, loaded: max",
        1_200.0,
        [None, None, None, Some(220_753.0), Some(5_944.0)],
    ),
    wake_beside("timer_wake_destroy_max", "timer_wake_destroy", "while a process of 1 GiB is destroyed: max"),
    wake_beside("timer_wake_processes_max", "timer_wake_processes", "while processes are made and ended: max"),
    wake_beside("timer_wake_revoke_max", "timer_wake_revoke", "while 10,000 handles are revoked: max"),
    wake_beside("timer_wake_populate_max", "timer_wake_populate", "while 32 MiB are mapped and backed: max"),
    wake_beside("timer_wake_unmap_max", "timer_wake_unmap", "while 256 MiB are unmapped: max"),
    wake_beside("timer_wake_lease_copy_max", "timer_wake_lease_copy", "while 16 MiB are copied by lease: max"),
    wake_beside("timer_wake_contiguous_max", "timer_wake_contiguous", "while 32 contiguous MiB are made: max"),
    row(
        "map_touch_unmap",
        "map_touch_unmap",
        Median,
        "map, touch, unmap one page",
        2_500.0,
        [None, None, None, Some(22_543.0), Some(27_444.0)],
    ),
    Row {
        in_json: false,
        ..row(
            "first_touch",
            "first_touch",
            Median,
            "first touch of a lazily backed page",
            2_000.0,
            [None, None, None, Some(6_364.0), Some(6_515.0)],
        )
    },
    row(
        "spawn_exit_reap",
        "spawn_exit_reap",
        Median,
        "spawn a process, run to exit, reap",
        60_000.0,
        [None, None, None, Some(591_715.0), Some(659_967.0)],
    ),
    row(
        "boot_to_first_program",
        "boot_to_first_program",
        Median,
        "kernel entry to first program",
        30_000_000.0,
        [None, None, None, Some(1_578_000_000.0), Some(6_118_000_000.0)],
    ),
];

/// What the numbers are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Comparable: beside goals and peers.
    Instructions,
    /// Not comparable with anything but themselves.
    Nanoseconds,
}

impl Row {
    /// The number the goal is about.
    pub fn figure(&self, line: &Measured) -> f64 {
        match self.statistic {
            Median => line.median,
            Max => line.max,
        }
    }
}

/// The rows as a table; a row that misses its goal is marked, and the mark explained.
pub fn table(rows: &[(&Row, Option<Measured>)], unit: Unit) -> String {
    let compared = unit == Unit::Instructions;
    let name = if compared { "instructions" } else { "nanoseconds, plain emulation" };
    let mut lines = vec![line(name, ["min", "median", "max"].map(str::to_owned))];
    if compared {
        lines[0] += &others("goal", PEERS.map(str::to_owned));
    }
    lines.push("-".repeat(lines[0].len()));
    for (row, measured) in rows {
        let numbers = match measured {
            None => ["", "missing", ""].map(str::to_owned),
            Some(measured) => {
                let [min, median, max] = [measured.min, measured.median, measured.max].map(with_commas);
                let missed = compared && row.figure(measured) > row.goal;
                let mark = if missed { MISSED } else { "" };
                match row.statistic {
                    Median => [min, median + mark, max],
                    Max => [min, median, max + mark],
                }
            }
        };
        let mut text = line(row.text, numbers);
        if compared {
            let peer = |peer: Option<f64>| peer.map_or_else(|| "-".into(), with_commas);
            text += &others(&with_commas(row.goal), row.peers.map(peer));
        }
        lines.push(text);
    }
    if lines.iter().any(|line| line.contains(MISSED)) {
        lines.push(format!("{MISSED} more than the goal"));
    }
    lines.join("\n")
}

fn line(text: &str, [min, median, max]: [String; 3]) -> String {
    format!("{text:<42} {min:>11} {median:>11} {max:>11}")
}

fn others(goal: &str, peers: [String; 5]) -> String {
    let peers: Vec<String> = peers.iter().map(|peer| format!("{peer:>13}")).collect();
    format!(" {goal:>11} {}", peers.join(" "))
}

/// `1234567.0` as `1,234,567`; fractions are kept to one digit below 1,000.
pub fn with_commas(number: f64) -> String {
    if number < 1_000.0 && number.fract() != 0.0 {
        return format!("{number:.1}");
    }
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(with_commas(89.0), "89");
        assert_eq!(with_commas(406.5), "406.5");
        assert_eq!(with_commas(1_397.0), "1,397");
        assert_eq!(with_commas(1_578_000_000.0), "1,578,000,000");
    }

    fn measured(median: f64) -> Option<Measured> {
        Some(Measured { min: 30.0, median, max: 999.0 })
    }

    #[test]
    fn a_missed_goal_is_marked() {
        let rows = [(&ROWS[0], measured(51.0)), (&ROWS[1], measured(299.0)), (&ROWS[2], None)];
        let text = table(&rows, Unit::Instructions);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].contains("median"), "{text}");
        assert!(lines[2].contains("51 !"), "{text}");
        assert!(lines[2].contains("999 "), "{text}");
        assert!(!lines[3].contains('!'), "{text}");
        assert!(lines[4].contains("missing"), "{text}");
        assert!(lines[5].contains("more than the goal"), "{text}");
        assert!(!table(&rows[1..2], Unit::Instructions).contains('!'));
    }

    #[test]
    fn times_have_no_goal() {
        let text = table(&[(&ROWS[0], measured(51.0))], Unit::Nanoseconds);
        assert!(!text.contains('!') && !text.contains("seL4"), "{text}");
    }

    #[test]
    fn a_largest_value_has_its_own_bar() {
        let row = ROWS.iter().find(|row| row.statistic == Max).unwrap();
        let text = table(&[(row, measured(1.0))], Unit::Instructions);
        assert!(text.contains("999 !"), "{text}");
    }
}
