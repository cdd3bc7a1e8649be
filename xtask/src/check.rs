//! `cargo xtask check`: are the system files right?

use std::path::PathBuf;
use std::process::ExitCode;

use airox_manifest::{Compiled, compile, report};
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
    Ok(if wrong == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn list(compiled: &Compiled) {
    for component in &compiled.system.components {
        let uses: Vec<String> = component
            .uses
            .iter()
            .map(|each| format!("{} of {}", each.interface, each.provider))
            .collect();
        println!(
            "  {:16} priority {:3}, {:6} KiB; uses {}",
            component.name,
            component.priority,
            component.limits[0] * 4,
            if uses.is_empty() {
                "nothing".to_owned()
            } else {
                uses.join(", ")
            }
        );
    }
}
