//! Building everything that runs on the bare machine: kernel, loader, and all ring-3 programs.
//!
//! Host and guest share one target triple, so the guest's compiler flags are passed here, for these builds alone, with a
//! target folder of their own; plain `cargo build` never sees them. The linker goes through `-Clinker`: with `--target`,
//! these flags do not reach build scripts and procedural macros, which run on the host.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::progress::Step;
use crate::workspace::{CONTRACT_KERNEL_PACKAGE, KERNEL_PACKAGE, LOADER_PACKAGE, Workspace, cargo};

const TARGET: &str = "x86_64-unknown-linux-gnu";
const PROFILE: &str = "guest";
const COMMON_FLAGS: [&str; 5] = [
    "-Clinker=rust-lld",
    "-Clinker-flavor=ld.lld",
    "-Clink-self-contained=no",
    "-Cno-redzone=yes",
    "-Cforce-frame-pointers=yes",
];
const KERNEL_FLAGS: [&str; 2] = ["-Crelocation-model=static", "-Ccode-model=kernel"];
const PROGRAM_FLAGS: [&str; 1] = ["-Crelocation-model=static"];
/// The UEFI loader is a position-independent ELF whose load segments become PE sections.
const UEFI_FLAGS: [&str; 5] = [
    "-Crelocation-model=pie",
    "-Clink-arg=-pie",
    "-Clink-arg=--no-dynamic-linker",
    "-Clink-arg=-znorelro",
    "-Clink-arg=-zmax-page-size=4096",
];
const BIOS_FLAGS: [&str; 1] = ["-Crelocation-model=static"];

/// One form of the loader.
struct LoaderForm {
    what: &'static str,
    binary: &'static str,
    script: &'static str,
    flags: &'static [&'static str],
}

static UEFI: LoaderForm =
    LoaderForm { what: "the UEFI loader", binary: "airox-loader-uefi", script: "uefi.ld", flags: &UEFI_FLAGS };
static BIOS: LoaderForm =
    LoaderForm { what: "the BIOS loader", binary: "airox-loader-bios", script: "bios.ld", flags: &BIOS_FLAGS };

/// The loader's two forms, as ELF files.
pub struct Loader {
    /// For UEFI.
    pub uefi: PathBuf,
    /// For BIOS.
    pub bios: PathBuf,
}

/// One cargo call for the guest.
struct GuestBuild<'a> {
    what: &'a str,
    /// Its folder below `target/guest`.
    folder: &'a str,
    packages: Vec<&'a str>,
    /// Builds only this binary.
    binary: Option<&'a str>,
    flags: Vec<String>,
}

impl GuestBuild<'_> {
    /// Builds; returns the folder with the binaries.
    fn run(&self, workspace: &Workspace) -> Result<PathBuf> {
        // Without a package named, cargo would build the host's.
        if self.packages.is_empty() {
            bail!("the workspace has nothing to build for {}", self.what);
        }
        let step = Step::start(format!("building {}", self.what));
        let status = self.command(workspace, "build").status().context("cannot run cargo")?;
        if !status.success() {
            bail!("building {} failed", self.what);
        }
        step.done();
        Ok(self.output(workspace))
    }

    /// Runs clippy on the same code with the same flags; returns what it says if that is anything.
    fn lint(&self, workspace: &Workspace) -> Result<()> {
        let step = Step::start(format!("looking through {} with clippy", self.what));
        let output = self
            .command(workspace, "clippy")
            .args(["--", "-D", "warnings"])
            .output()
            .context("cannot run cargo clippy")?;
        if !output.status.success() {
            bail!("{}:\n{}", self.what, String::from_utf8_lossy(&output.stderr));
        }
        step.done();
        Ok(())
    }

    fn target(&self, workspace: &Workspace) -> PathBuf {
        workspace.target.join("guest").join(self.folder)
    }

    fn output(&self, workspace: &Workspace) -> PathBuf {
        self.target(workspace).join(TARGET).join(PROFILE)
    }

    fn command(&self, workspace: &Workspace, verb: &str) -> Command {
        let flags: Vec<String> = COMMON_FLAGS
            .iter()
            .map(|flag| (*flag).to_owned())
            .chain(self.flags.iter().cloned())
            .map(|flag| format!("{flag:?}"))
            .collect();
        let mut command = Command::new(cargo());
        command
            .arg(verb)
            .args(["--quiet", "--profile", PROFILE, "--target", TARGET])
            .arg("--target-dir")
            .arg(self.target(workspace))
            .arg("--config")
            .arg(format!("target.{TARGET}.rustflags=[{}]", flags.join(",")))
            .current_dir(&workspace.root)
            // Either would replace the flags above.
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS");
        match self.binary {
            Some(binary) => command.args(["--bin", binary]),
            None => command.arg("--bins"),
        };
        for package in &self.packages {
            command.args(["--package", package, "--features"]);
            command.arg(format!("{package}/guest"));
        }
        command
    }
}

fn kernel_build(workspace: &Workspace) -> GuestBuild<'static> {
    GuestBuild {
        what: "the kernel",
        folder: "kernel",
        packages: vec![KERNEL_PACKAGE],
        binary: None,
        flags: with_script(&KERNEL_FLAGS, &workspace.root.join("kernel/kernel.ld")),
    }
}

fn contract_kernel_build(workspace: &Workspace) -> GuestBuild<'static> {
    let script = workspace.root.join("boot/contract-kernel/kernel.ld");
    GuestBuild {
        what: "the kernel that checks the boot contract",
        folder: CONTRACT_KERNEL_PACKAGE,
        packages: vec![CONTRACT_KERNEL_PACKAGE],
        binary: None,
        flags: with_script(&KERNEL_FLAGS, &script),
    }
}

fn loader_build(workspace: &Workspace, form: &'static LoaderForm) -> GuestBuild<'static> {
    let script = workspace.root.join("boot/loader").join(form.script);
    GuestBuild {
        what: form.what,
        folder: form.binary,
        packages: vec![LOADER_PACKAGE],
        binary: Some(form.binary),
        flags: with_script(form.flags, &script),
    }
}

fn program_build(workspace: &Workspace) -> GuestBuild<'_> {
    let packages = workspace.program_packages().map(|package| package.name.as_str());
    GuestBuild {
        what: "the programs",
        folder: "programs",
        packages: packages.collect(),
        binary: None,
        flags: with_script(&PROGRAM_FLAGS, &workspace.root.join("userland/rt/program.ld")),
    }
}

/// Builds the kernel; returns its ELF file.
pub fn kernel(workspace: &Workspace) -> Result<PathBuf> {
    Ok(kernel_build(workspace).run(workspace)?.join(KERNEL_PACKAGE))
}

/// Where the kernel's ELF file is once it is built.
pub fn kernel_file(workspace: &Workspace) -> PathBuf {
    kernel_build(workspace).output(workspace).join(KERNEL_PACKAGE)
}

/// Builds the kernel that checks the boot contract; returns its ELF file.
pub fn contract_kernel(workspace: &Workspace) -> Result<PathBuf> {
    Ok(contract_kernel_build(workspace).run(workspace)?.join(CONTRACT_KERNEL_PACKAGE))
}

/// Builds the loader.
pub fn loader(workspace: &Workspace) -> Result<Loader> {
    let build = |form: &'static LoaderForm| -> Result<PathBuf> {
        Ok(loader_build(workspace, form).run(workspace)?.join(form.binary))
    };
    Ok(Loader { uefi: build(&UEFI)?, bios: build(&BIOS)? })
}

/// Builds every ring-3 program; returns the folder with their ELF files.
pub fn programs(workspace: &Workspace) -> Result<PathBuf> {
    program_build(workspace).run(workspace)
}

/// Runs clippy over everything that runs on the bare machine; warnings are errors.
pub fn lint(workspace: &Workspace) -> Result<()> {
    kernel_build(workspace).lint(workspace)?;
    contract_kernel_build(workspace).lint(workspace)?;
    loader_build(workspace, &UEFI).lint(workspace)?;
    loader_build(workspace, &BIOS).lint(workspace)?;
    program_build(workspace).lint(workspace)
}

fn with_script(flags: &[&str], script: &Path) -> Vec<String> {
    let script = format!("-Clink-arg=-T{}", script.display());
    flags.iter().map(|flag| (*flag).to_owned()).chain([script]).collect()
}
