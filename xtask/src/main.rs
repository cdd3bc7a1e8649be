//! AIROX's build tool: `cargo xtask <command>`. One module for each command; the rest is shared by several.
#![forbid(unsafe_code)]

mod bench;
mod build;
mod check;
mod elf;
mod inspect;
mod progress;
mod run;
mod size;
mod system;
mod test;
mod tools;
mod volume;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::flash::{self, FlashOptions};

use crate::workspace::Workspace;

/// Builds, runs, tests and measures AIROX
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build kernel, loader and all programs
    Build(BuildArguments),
    /// Build everything and make the disk image of a system
    Image(ImageArguments),
    /// Build everything and write the disk image to a stick, with verification
    Flash(FlashArguments),
    /// Build everything and run it in QEMU, with its serial console on this terminal
    Run(run::RunArguments),
    /// Run the tests; the last line is `N passed, N failed`
    Test(test::TestArguments),
    /// Check system files and components; every problem is named with file, line and reason
    Check(check::CheckArguments),
    /// Measure the kernel's paths in instructions and show them beside other kernels
    Bench(bench::BenchArguments),
    /// Look into a running machine: processes, ports, memory, decoded messages
    Inspect(inspect::InspectArguments),
    /// Make a volume of files on a disk image, copy files into it and out of it, check it
    Fs(volume::VolumeArguments),
    /// Count the kernel's lines of code and the bytes of every program
    Size,
}

#[derive(clap::Args)]
struct ImageArguments {
    /// A system file, or the name of one in boot/systems
    #[arg(long, default_value = "qemu")]
    system: String,
}

#[derive(clap::Args)]
struct FlashArguments {
    /// The disk, such as /dev/sdb. A mounted or non-removable one is only written after its name was typed
    device: PathBuf,
    /// A system file, or the name of one in boot/systems
    #[arg(long, default_value = "qemu")]
    system: String,
    /// Write this image instead of building one
    #[arg(long, conflicts_with = "system")]
    image: Option<PathBuf>,
    /// DEVICE is a plain file, created if there is none
    #[arg(long)]
    file: bool,
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
    // Not loaded before it is needed: a ready image can be flashed as root, whose search path often lacks cargo.
    let load = Workspace::load;
    match command {
        Command::Build(arguments) => build(&load()?, &arguments.parts)?,
        Command::Image(arguments) => {
            let built = system::build(&load()?, &arguments.system)?;
            println!("{}", built.image.display());
        }
        Command::Flash(arguments) => flash(&arguments)?,
        Command::Run(arguments) => run::run(&load()?, &arguments)?,
        Command::Test(arguments) => return test::test(&load()?, &arguments),
        Command::Check(arguments) => return check::check(&load()?, &arguments),
        Command::Bench(arguments) => return bench::bench(&load()?, &arguments),
        Command::Inspect(arguments) => inspect::inspect(&load()?, &arguments)?,
        Command::Fs(arguments) => return volume::volume(&arguments),
        Command::Size => size::size(&load()?)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn flash(arguments: &FlashArguments) -> anyhow::Result<()> {
    let options = FlashOptions { file: arguments.file };
    flash::precheck(&arguments.device, options)?;
    let image = match &arguments.image {
        Some(image) => image.clone(),
        None => system::build(&Workspace::load()?, &arguments.system)?.image,
    };
    let mut answers = std::io::stdin().lock();
    flash::flash(&image, &arguments.device, options, &mut answers)
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
