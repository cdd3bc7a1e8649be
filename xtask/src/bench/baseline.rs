//! The committed figures, and what has become slower.
//!
//! With an instruction clock a row is the same on every computer, so any rise is this repository's own doing. A rise of more than 2 % fails, or of what the
//! row says; so does more than a bound, whatever the baseline. Who means a rise saves a new baseline, and the commit shows both numbers.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::peers::{Row, with_commas};
use crate::workspace::Workspace;

/// How a new baseline is made.
pub const SAVE: &str = "cargo xtask bench --save-baseline";

/// Figures by the rows' names, in instructions: the statistic that the row's bar is about.
pub type Figures = BTreeMap<String, f64>;

/// How a row compares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// Within the tolerance.
    Same,
    /// Faster by more than the tolerance: worth a new baseline.
    Faster,
    /// Slower by more than the tolerance.
    Slower,
    /// More than the bound it is held to.
    OverBound,
    /// The baseline does not have it.
    New,
    /// It was not measured.
    Missing,
}

impl Verdict {
    /// Whether the check fails by it.
    pub fn is_bad(self) -> bool {
        !matches!(self, Verdict::Same | Verdict::Faster)
    }

    fn text(self) -> &'static str {
        match self {
            Verdict::Same => "",
            Verdict::Faster => "faster",
            Verdict::Slower => "SLOWER",
            Verdict::OverBound => "OVER ITS BOUND",
            Verdict::New => "NOT IN THE BASELINE",
            Verdict::Missing => "NOT MEASURED",
        }
    }
}

/// A row beside its baseline.
#[derive(Clone, Debug)]
pub struct Comparison {
    pub name: &'static str,
    /// The row's goal, to which it may be held.
    bound: f64,
    pub before: Option<f64>,
    pub now: Option<f64>,
    pub verdict: Verdict,
}

impl Comparison {
    /// Compares one row.
    pub fn new(row: &Row, before: Option<f64>, now: Option<f64>) -> Comparison {
        let verdict = match (before, now) {
            (_, None) => Verdict::Missing,
            (_, Some(now)) if row.is_bound && now > row.goal => Verdict::OverBound,
            (None, Some(_)) => Verdict::New,
            (Some(before), Some(now)) if now > before * (1.0 + row.tolerance) => Verdict::Slower,
            (Some(before), Some(now)) if now < before * (1.0 - row.tolerance) => Verdict::Faster,
            _ => Verdict::Same,
        };
        Comparison { name: row.name, bound: row.goal, before, now, verdict }
    }

    fn change(&self) -> Option<f64> {
        let (before, now) = self.before.zip(self.now)?;
        (before > 0.0).then(|| (now / before - 1.0) * 100.0)
    }

    /// What is wrong, as a sentence.
    pub fn problem(&self) -> Option<String> {
        let advice = format!("if that is meant: {SAVE}");
        match (self.verdict, self.before, self.now) {
            (Verdict::Slower, Some(before), Some(now)) => Some(format!(
                "{} instructions instead of {}: {:+.1} %; {advice}",
                with_commas(now),
                with_commas(before),
                self.change().unwrap_or_default(),
            )),
            (Verdict::OverBound, _, Some(now)) => {
                let (now, bound) = (with_commas(now), with_commas(self.bound));
                Some(format!("{now} instructions; it must never take more than {bound}"))
            }
            (Verdict::New, ..) => Some(format!("the baseline does not have this row; {advice}")),
            (Verdict::Missing, ..) => Some("the row was not measured".into()),
            _ => None,
        }
    }
}

/// Compares each row.
pub fn compare(rows: &[&Row], before: &Figures, now: &Figures) -> Vec<Comparison> {
    let find = |figures: &Figures, row: &Row| figures.get(row.name).copied();
    let compare = |row: &&Row| Comparison::new(row, find(before, row), find(now, row));
    rows.iter().map(compare).collect()
}

/// Joins another run's figures to these.
pub fn merge(figures: &mut Figures, other: &Figures, pick: fn(f64, f64) -> f64) {
    for (name, figure) in figures {
        if let Some(other) = other.get(name) {
            *figure = pick(*figure, *other);
        }
    }
}

/// The table of `bench --check`.
pub fn table(rows: &[Comparison]) -> String {
    let mut lines = vec![format!("{:<26} {:>13} {:>13} {:>9}", "instructions", "baseline", "now", "change")];
    lines.push("-".repeat(lines[0].len()));
    for row in rows {
        let number = |number: Option<f64>| number.map_or_else(|| "-".into(), with_commas);
        let change = row
            .change()
            .map_or_else(String::new, |change| format!("{:+.1} %", if change == 0.0 { 0.0 } else { change }));
        let line = format!(
            "{:<26} {:>13} {:>13} {change:>9}  {}",
            row.name,
            number(row.before),
            number(row.now),
            row.verdict.text()
        );
        lines.push(line.trim_end().to_owned());
    }
    lines.join("\n")
}

/// Where the baseline is.
pub fn file(workspace: &Workspace) -> PathBuf {
    workspace.root.join("tests/bench/baseline.json")
}

/// Reads the baseline.
pub fn load(workspace: &Workspace) -> Result<Figures> {
    let file = file(workspace);
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is damaged", file.display()))
}

/// Writes the baseline.
pub fn save(workspace: &Workspace, figures: &Figures) -> Result<PathBuf> {
    let file = file(workspace);
    let text = serde_json::to_string_pretty(figures)? + "\n";
    std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::super::peers::ROWS;
    use super::*;

    fn verdict(before: Option<f64>, now: Option<f64>) -> Verdict {
        Comparison::new(&ROWS[0], before, now).verdict
    }

    #[test]
    fn two_percent_are_let_pass() {
        assert_eq!(verdict(Some(100.0), Some(102.0)), Verdict::Same);
        assert_eq!(verdict(Some(100.0), Some(98.0)), Verdict::Same);
        assert_eq!(verdict(Some(100.0), Some(103.0)), Verdict::Slower);
        assert_eq!(verdict(Some(38.0), Some(39.0)), Verdict::Slower);
        assert_eq!(verdict(Some(100.0), Some(97.0)), Verdict::Faster);
        assert_eq!(verdict(None, Some(97.0)), Verdict::New);
        assert_eq!(verdict(Some(97.0), None), Verdict::Missing);
    }

    #[test]
    fn a_bound_holds_whatever_the_baseline() {
        let row = ROWS.iter().find(|row| row.is_bound).unwrap();
        let compare = |before: f64, now: f64| Comparison::new(row, Some(before), Some(now));
        assert_eq!(compare(row.goal, row.goal).verdict, Verdict::Same);
        let over = compare(row.goal * 2.0, row.goal + 1.0);
        assert_eq!(over.verdict, Verdict::OverBound);
        assert!(over.verdict.is_bad());
        assert_eq!(over.problem().as_deref(), Some("3,001 instructions; it must never take more than 3,000"));
        assert_eq!(compare(1_000.0, 1_249.0).verdict, Verdict::Same);
        assert_eq!(compare(1_000.0, 1_251.0).verdict, Verdict::Slower);
    }

    #[test]
    fn runs_are_joined() {
        let figures = |number: f64| Figures::from([("null_call".to_owned(), number)]);
        let mut joined = figures(30.0);
        merge(&mut joined, &figures(20.0), f64::min);
        assert_eq!(joined, figures(20.0));
        merge(&mut joined, &figures(25.0), f64::max);
        merge(&mut joined, &Figures::new(), f64::max);
        assert_eq!(joined, figures(25.0));
    }

    #[test]
    fn the_table_says_what_is_wrong() {
        let rows = [
            Comparison::new(&ROWS[0], Some(100.0), Some(100.0)),
            Comparison::new(&ROWS[1], Some(100.0), Some(110.0)),
            Comparison::new(&ROWS[2], None, Some(1_000.0)),
        ];
        let table = table(&rows);
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[2].ends_with("+0.0 %"), "{table}");
        assert!(lines[3].ends_with("+10.0 %  SLOWER"), "{table}");
        assert!(lines[4].ends_with("NOT IN THE BASELINE"), "{table}");
        let bad: Vec<bool> = rows.iter().map(|row| row.verdict.is_bad()).collect();
        assert_eq!(bad, [false, true, true]);
        assert!(rows[0].problem().is_none());
        let problem = rows[1].problem().unwrap();
        assert!(problem.starts_with("110 instructions instead of 100: +10.0 %"), "{problem}");
    }
}
