//! What `ps` and `mem` say, as numbers.

use std::collections::BTreeMap;

use crate::play::{Player, check};

/// A row of `ps`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// What it does.
    pub state: String,
    /// Bytes that it maps, to a tenth of the unit in which they are shown.
    pub memory: u64,
    /// Handles it holds.
    pub handles: u32,
    /// How often it was started again.
    pub restarts: u32,
}

/// Reads the table of `ps`.
pub fn parse_processes(output: &str) -> Result<Vec<Process>, String> {
    let mut lines = output.lines().skip_while(|line| !line.trim_start().starts_with("ID"));
    check(lines.next().is_some(), || format!("`ps` prints no table but:\n{output}"))?;
    lines.filter(|line| !line.trim().is_empty()).map(process).collect()
}

fn process(line: &str) -> Result<Process, String> {
    let wrong = || format!("not a row of `ps`: {line:?}");
    // Columns are two blanks apart; a state may have one blank in it.
    let cells: Vec<&str> = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
    let [id, name, state, _priority, _cpu, memory, handles, restarts, ..] = cells[..] else {
        return Err(wrong());
    };
    Ok(Process {
        id: id.parse().map_err(|_| wrong())?,
        name: name.into(),
        state: state.into(),
        memory: bytes(memory).ok_or_else(wrong)?,
        handles: handles.parse().map_err(|_| wrong())?,
        restarts: restarts.parse().map_err(|_| wrong())?,
    })
}

/// Bytes with a unit.
fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = text.split_once(' ')?;
    let shift = ["B", "KiB", "MiB", "GiB"].iter().position(|known| *known == unit)? as i32;
    Some((number.parse::<f64>().ok()? * 1024_f64.powi(shift)) as u64)
}

/// Reads how many of each kernel object `mem` counts.
pub fn parse_objects(output: &str) -> Result<BTreeMap<String, u64>, String> {
    let mut lines = output.lines().skip_while(|line| !line.starts_with("KERNEL OBJECTS"));
    check(lines.next().is_some(), || format!("`mem` prints no table of objects but:\n{output}"))?;
    lines
        .filter(|line| !line.trim().is_empty())
        .map(|line| {
            let mut words = line.split_whitespace();
            let name = words.next().unwrap_or_default().to_owned();
            let used = words.next().and_then(|used| used.parse().ok());
            Ok((name, used.ok_or_else(|| format!("not a row of `mem`: {line:?}"))?))
        })
        .collect()
}

impl Player<'_> {
    /// What `ps` lists.
    pub fn processes(&mut self) -> Result<Vec<Process>, String> {
        parse_processes(&self.enter("ps")?)
    }

    /// The process of this name.
    pub fn process(&mut self, name: &str) -> Result<Process, String> {
        let list = self.processes()?;
        let found = list.into_iter().find(|process| process.name == name);
        found.ok_or_else(|| format!("`ps` does not list {name}"))
    }

    /// What `mem` counts.
    pub fn objects(&mut self) -> Result<BTreeMap<String, u64>, String> {
        parse_objects(&self.enter("mem")?)
    }

    /// Asks `ps` until it says what is wanted of one process.
    pub fn until(&mut self, name: &str, wanted: impl Fn(&Process) -> bool) -> Result<Process, String> {
        /// Each attempt is a command, so this is a matter of seconds.
        const ATTEMPTS: usize = 200;
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let process = self.process(name)?;
            if wanted(&process) {
                return Ok(process);
            }
            last = Some(process);
        }
        Err(format!("{name} stays as it is: {last:?}"))
    }
}

/// How often something was counted, out of a table of two columns.
pub fn times(table: &str, what: &str) -> Result<u64, String> {
    let line = table.lines().find_map(|line| line.strip_prefix(what));
    let number = line.and_then(|rest| rest.trim().parse().ok());
    number.ok_or_else(|| format!("no {what:?} in:\n{table}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_ps_are_read() {
        let output = "ID  NAME            STATE           PRIO    CPU   MEMORY  HANDLES  RESTARTS\n\
                       0  init            running          255  0.040  2.3 MiB       70         0\n\
                       7  shell           awaiting reply   100  0.020  340 KiB       16         3\n";
        let processes = parse_processes(output).unwrap();
        assert_eq!(processes[0].name, "init");
        let shell = Process {
            id: 7,
            name: "shell".into(),
            state: "awaiting reply".into(),
            memory: 348_160,
            handles: 16,
            restarts: 3,
        };
        assert_eq!(processes[1], shell);
        assert!(parse_processes("nothing").is_err());
        assert!(parse_processes("ID\n1 2\n").is_err());
    }

    #[test]
    fn rows_of_mem_are_read() {
        let output =
            "MEMORY\ntotal  484.5 MiB\n\nKERNEL OBJECTS  USED  CAPACITY  USE\nframes           166    124055  0 %\n";
        assert_eq!(parse_objects(output).unwrap()["frames"], 166);
        assert!(parse_objects("MEMORY\n").is_err());
    }
}
