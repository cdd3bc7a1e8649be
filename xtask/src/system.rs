//! From a system file to a disk image: check, build, bundle, image.

use std::fs;
use std::path::{Path, PathBuf};

use airox_bundle::write::{Builder, symbol_table};
use airox_bundle::{KERNEL_SYMBOLS_FILE, SYSTEM_FILE};
use airox_manifest::{Compiled, compile, report};
use anyhow::{Context, Result, anyhow};
use xtask::image::{self, ImageInputs};

use crate::elf;
use crate::progress::Step;
use crate::workspace::Workspace;

/// A system that has been built, with its files.
pub struct BuiltSystem {
    /// What the system file compiled to.
    pub compiled: Compiled,
    /// The disk image.
    pub image: PathBuf,
    /// The kernel's ELF file, with symbols.
    pub kernel: PathBuf,
    /// The folder of the programs' ELF files.
    pub programs: PathBuf,
}

/// Everything that is built once for all systems.
pub struct Guest {
    /// The kernel's ELF file, with symbols.
    pub kernel: PathBuf,
    /// The loader's two forms.
    pub loader: crate::build::Loader,
    /// The folder of the programs' ELF files.
    pub programs: PathBuf,
}

impl Guest {
    /// Builds kernel, loader and programs.
    pub fn build(workspace: &Workspace) -> Result<Guest> {
        Ok(Guest {
            kernel: crate::build::kernel(workspace)?,
            loader: crate::build::loader(workspace)?,
            programs: crate::build::programs(workspace)?,
        })
    }

    /// Makes the disk image of one system. `files` go into its bundle as well.
    pub fn image(&self, workspace: &Workspace, compiled: Compiled, files: &[(&str, &str)]) -> Result<BuiltSystem> {
        let name = &compiled.system.name;
        let step = Step::start(format!("making the disk image of `{name}`"));
        let kernel = read(&self.kernel)?;
        let bundle = bundle(&compiled, &kernel, &self.programs, files)?;
        let image = self.image_of(workspace, name, &kernel, &bundle)?;
        step.done();
        Ok(BuiltSystem { compiled, image, kernel: self.kernel.clone(), programs: self.programs.clone() })
    }

    /// Makes the disk image `name` with any kernel and bundle; returns where it is.
    pub fn image_of(&self, workspace: &Workspace, name: &str, kernel: &[u8], bundle: &[u8]) -> Result<PathBuf> {
        let folder = workspace.target.join("images");
        fs::create_dir_all(&folder)?;
        let image = folder.join(format!("{name}.img"));
        let inputs = ImageInputs {
            uefi_loader_elf: &read(&self.loader.uefi)?,
            bios_loader_elf: &read(&self.loader.bios)?,
            kernel_elf: kernel,
            bundle,
        };
        image::build(&inputs, &image)?;
        Ok(image)
    }
}

/// Checks a system file.
pub fn check(workspace: &Workspace, file: &Path) -> Result<Compiled> {
    let source = workspace.source(file)?;
    compile(&source, &workspace.catalog()?).map_err(|problems| anyhow!("{}", report(&problems)))
}

/// Checks a system file, builds everything and makes its image.
pub fn build(workspace: &Workspace, name: &str) -> Result<BuiltSystem> {
    let compiled = check(workspace, &workspace.system_file(name)?)?;
    Guest::build(workspace)?.image(workspace, compiled, &[])
}

/// The system bundle: the programs the system names, its record, and the kernel's symbols.
fn bundle(compiled: &Compiled, kernel: &[u8], programs: &Path, files: &[(&str, &str)]) -> Result<Vec<u8>> {
    let mut builder = Builder::new();
    for name in &compiled.programs {
        let bytes = read(&programs.join(name))?;
        let program = elf::program(name, &bytes).with_context(|| format!("the program `{name}` cannot be used"))?;
        builder.program(program)?;
    }
    builder.file(SYSTEM_FILE, compiled.system.to_bytes()?)?;
    builder.file(KERNEL_SYMBOLS_FILE, symbol_table(&elf::symbols(kernel)?)?)?;
    for (name, text) in files {
        builder.file(name, text.as_bytes().to_vec())?;
    }
    let bytes = builder.build(&compiled.root)?;
    airox_bundle::Bundle::parse(&bytes)?.verify()?;
    Ok(bytes)
}

fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}
