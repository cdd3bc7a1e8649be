//! `cargo xtask check`: are the system files right?

use std::path::PathBuf;
use std::process::ExitCode;

use airox_manifest::{Compiled, Deadline, compile, report};
use anyhow::Result;

use crate::workspace::Workspace;

/// Arguments of `check`.
#[derive(clap::Args)]
pub struct CheckArguments {
    /// System files; all of boot/systems if none is named
    files: Vec<PathBuf>,
    /// Also list each system's components in start order
    #[arg(long, short)]
    verbose: bool,
}

/// Checks the files; fails if any has a problem.
pub fn check(workspace: &Workspace, arguments: &CheckArguments) -> Result<ExitCode> {
    let files = if arguments.files.is_empty() {
        workspace.system_files()?
    } else {
        let absolute = arguments.files.iter().map(std::path::absolute);
        absolute.collect::<Result<_, _>>()?
    };
    let catalog = workspace.catalog()?;
    let mut wrong = 0;
    for file in &files {
        let source = workspace.source(file)?;
        match compile(&source, &catalog) {
            Ok(compiled) => {
                println!("{}: good", source.file.display());
                print!("{}", deadlines(&compiled.deadlines));
                print!("{}", trusted(&compiled));
                if arguments.verbose {
                    list(&compiled);
                }
            }
            Err(problems) => {
                wrong += 1;
                eprintln!("{}\n", report(&problems));
                let (count, plural) = match problems.len() {
                    1 => (1, ""),
                    count => (count, "s"),
                };
                eprintln!("{}: {count} problem{plural}", source.file.display());
            }
        }
    }
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The table of deadlines: nothing for a system without any.
fn deadlines(deadlines: &[Deadline]) -> String {
    if deadlines.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "  {:16} {:>4} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}  blocked by\n",
        "times in us", "prio", "processor", "budget", "period", "blocking", "response", "deadline"
    );
    for row in deadlines {
        text += &format!(
            "  {:16} {:>4} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}  {}\n",
            row.component,
            row.priority,
            row.processor,
            row.time_us,
            row.period_us,
            row.blocking_us,
            row.response_us,
            row.deadline_us,
            row.blocked_by
        );
    }
    text
}

/// Who could read and write all memory through a device, unless an IOMMU is in between.
fn trusted(compiled: &Compiled) -> String {
    let drivers = compiled.system.drivers.iter().filter(|driver| driver.dma);
    let names: Vec<&str> = drivers.map(|driver| driver.component.name.as_str()).collect();
    if names.is_empty() { String::new() } else { format!("  trusted with DMA: {}\n", names.join(", ")) }
}

fn list(compiled: &Compiled) {
    for component in &compiled.system.components {
        let uses: Vec<String> =
            component.uses.iter().map(|each| format!("{} of {}", each.interface, each.provider)).collect();
        println!(
            "  {:16} priority {:3}, {:6} KiB; uses {}",
            component.name,
            component.priority,
            component.limits[0] * 4,
            if uses.is_empty() { "nothing".to_owned() } else { uses.join(", ") }
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_are_shown_beside_responses() {
        assert_eq!(deadlines(&[]), "");
        let text = deadlines(&[Deadline {
            component: "arm".into(),
            priority: 180,
            processor: 1,
            time_us: 2_000,
            period_us: 10_000,
            blocking_us: 500,
            blocked_by: "log for shell".into(),
            response_us: 3_500,
            deadline_us: 8_000,
        }]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[1].split_whitespace().collect::<Vec<_>>(),
            ["arm", "180", "1", "2000", "10000", "500", "3500", "8000", "log", "for", "shell"]
        );
        assert_eq!(lines[0].find("deadline"), lines[1].find("    8000"));
    }
}
