//! `cargo xtask test`: every suite, one line for each test, and the count as the last line of all.

mod bench;
mod boot;
mod contract;
mod failure;
mod host;
mod kernel;
mod libtest;
mod loader_screen;
mod protocol;
mod reporter;
mod scenarios;
mod tooling;

use std::cell::OnceCell;
use std::process::ExitCode;

use anyhow::Result;
use clap::ValueEnum;

use crate::system::{self, BuiltSystem, Guest};
use crate::tools;
use crate::workspace::Workspace;
use reporter::Reporter;

/// Arguments of `test`.
#[derive(clap::Args)]
pub struct TestArguments {
    /// Suites to run; all if none is named
    #[arg(value_enum)]
    suites: Vec<Suite>,
    /// Only tests whose name (`suite/test`) contains this
    #[arg(long, value_name = "NAME")]
    filter: Option<String>,
    /// Print the tests' names instead of running them
    #[arg(long)]
    list: bool,
    /// Random system calls of each storm in the kernel suite
    #[arg(long, value_name = "N")]
    calls: Option<u64>,
    /// Processors of the kernel suite's machine, instead of one and then four
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    smp: Option<u32>,
    /// Run the kernel suite on this computer's clock: processors work at the same time, for races; tests of timing may fail
    #[arg(long)]
    parallel: bool,
    /// Run the kernel suite's storms with this seed only
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Suite {
    /// Libraries and tools on this computer: cargo test, fmt, clippy, system files
    Host,
    /// Every system call, right and fault on the real kernel, with one processor and with four
    Kernel,
    /// The kernel's paths in instructions, against the committed baseline
    Bench,
    /// Every firmware with every kind of disk; damaged volumes
    Boot,
    /// The image used as a person would
    Scenarios,
}

/// What the suites share: the workspace, and the guest, which is built when the first suite needs it.
struct Rig<'a> {
    workspace: &'a Workspace,
    guest: OnceCell<Guest>,
}

impl Rig<'_> {
    fn guest(&self) -> Result<&Guest> {
        if self.guest.get().is_none() {
            tools::ensure_qemu(true)?;
            // Only this function fills the cell, and it is empty.
            let _ = self.guest.set(Guest::build(self.workspace)?);
        }
        self.guest.get().ok_or_else(|| anyhow::anyhow!("the guest is not built"))
    }

    /// Builds a system's image, with more files in its bundle.
    fn image(&self, name: &str, files: &[(&str, &str)]) -> Result<BuiltSystem> {
        let compiled = system::check(self.workspace, &self.workspace.system_file(name)?)?;
        self.guest()?.image(self.workspace, compiled, files)
    }
}

/// Runs the suites; fails if a test failed.
pub fn test(workspace: &Workspace, arguments: &TestArguments) -> Result<ExitCode> {
    let mut reporter = Reporter::new(arguments.filter.clone(), arguments.list);
    let rig = Rig { workspace, guest: OnceCell::new() };
    let wanted = |suite| arguments.suites.is_empty() || arguments.suites.contains(&suite);
    if wanted(Suite::Host) {
        host::run(&rig, &mut reporter);
    }
    if wanted(Suite::Kernel) {
        kernel::run(&rig, arguments, &mut reporter);
    }
    if wanted(Suite::Bench) {
        bench::run(&rig, &mut reporter);
    }
    if wanted(Suite::Boot) {
        contract::run(&rig, &mut reporter);
        boot::run(&rig, &mut reporter);
    }
    if wanted(Suite::Scenarios) {
        scenarios::run(&rig, &mut reporter);
        tooling::run(&rig, &mut reporter);
    }
    Ok(reporter.finish())
}
