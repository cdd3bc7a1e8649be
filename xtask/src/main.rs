//! AIROX's build tool: `cargo xtask <command>`. One module for each command; the rest is shared by several.
#![forbid(unsafe_code)]

mod build;
mod check;
mod progress;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// Builds, runs, tests and measures AIROX
#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    version,
    propagate_version = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build kernel, loader and all programs
    Build(BuildArguments),
    /// Check system files and components; every problem is named with file, line and reason
    Check(check::CheckArguments),
}

#[derive(clap::Args)]
struct BuildArguments {
    /// What to build; everything if nothing is named
    #[arg(value_enum)]
    parts: Vec<Part>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    Kernel,
    Loader,
    Programs,
}

fn main() -> ExitCode {
    match dispatch(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: Command) -> anyhow::Result<ExitCode> {
    let workspace = Workspace::load()?;
    match command {
        Command::Build(arguments) => build(&workspace, &arguments.parts)?,
        Command::Check(arguments) => return check::check(&workspace, &arguments),
    }
    Ok(ExitCode::SUCCESS)
}

fn build(workspace: &Workspace, parts: &[Part]) -> anyhow::Result<()> {
    let wanted = |part| parts.is_empty() || parts.contains(&part);
    if wanted(Part::Kernel) {
        build::kernel(workspace)?;
    }
    if wanted(Part::Loader) {
        build::loader(workspace)?;
    }
    if wanted(Part::Programs) {
        build::programs(workspace)?;
    }
    Ok(())
}
