//! The workspace: its folders, packages, ring-3 programs and manifests, as cargo tells them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use airox_manifest::{Catalog, Source};
use anyhow::{Context, Result, bail};
use serde_json::Value;

/// Packages whose guest binaries are no ring-3 programs.
pub const KERNEL_PACKAGE: &str = "airox-kernel";
/// See [`KERNEL_PACKAGE`].
pub const LOADER_PACKAGE: &str = "airox-loader";
/// The package of the kernel that checks the boot contract; it takes the kernel's place in an image of its own.
pub const CONTRACT_KERNEL_PACKAGE: &str = "airox-contract-kernel";

/// What cargo knows about the workspace.
pub struct Workspace {
    /// The repository.
    pub root: PathBuf,
    /// Where everything built goes.
    pub target: PathBuf,
    /// Every package.
    pub packages: Vec<Package>,
}

/// One package.
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Binaries that need the `guest` feature.
    pub guest_binaries: Vec<String>,
}

impl Workspace {
    /// Asks cargo.
    pub fn load() -> Result<Workspace> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("the xtask package has no parent folder")?
            .to_owned();
        let output = Command::new(cargo())
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .current_dir(&root)
            .output()
            .context("cannot run cargo metadata")?;
        if !output.status.success() {
            bail!("cargo metadata failed:\n{}", String::from_utf8_lossy(&output.stderr));
        }
        let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata is no JSON")?;
        let target = text(&metadata["target_directory"]).context("no target directory")?;
        let packages = metadata["packages"].as_array().context("no packages")?;
        Ok(Workspace { root, target: target.into(), packages: packages.iter().filter_map(package).collect() })
    }

    /// Packages with ring-3 programs.
    pub fn program_packages(&self) -> impl Iterator<Item = &Package> {
        const OTHERS: [&str; 3] = [KERNEL_PACKAGE, LOADER_PACKAGE, CONTRACT_KERNEL_PACKAGE];
        self.packages
            .iter()
            .filter(|package| !package.guest_binaries.is_empty() && !OTHERS.contains(&package.name.as_str()))
    }

    /// Every ring-3 program and its package.
    pub fn programs(&self) -> BTreeMap<&str, &Package> {
        self.program_packages()
            .flat_map(|package| {
                let names = package.guest_binaries.iter();
                names.map(move |name| (name.as_str(), package))
            })
            .collect()
    }

    /// What system files draw on.
    pub fn catalog(&self) -> Result<Catalog> {
        let mut catalog = Catalog {
            components: Vec::new(),
            programs: self.programs().keys().map(|name| (*name).to_owned()).collect(),
        };
        for package in &self.packages {
            let file = package.folder.join("component.toml");
            if file.is_file() {
                catalog.components.push(self.source(&file)?);
            }
        }
        Ok(catalog)
    }

    /// Reads a manifest; problems will name it relative to the repository.
    pub fn source(&self, file: &Path) -> Result<Source> {
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        Ok(Source::new(file.strip_prefix(&self.root).unwrap_or(file), text))
    }

    /// The folder of the system files.
    pub fn systems(&self) -> PathBuf {
        self.root.join("boot/systems")
    }

    /// A system file by path or, without `.toml`, by its name in `boot/systems`.
    pub fn system_file(&self, name: &str) -> Result<PathBuf> {
        let path = if name.ends_with(".toml") {
            PathBuf::from(name)
        } else {
            self.systems().join(name).with_extension("toml")
        };
        if !path.is_file() {
            bail!("there is no system file {}", path.display());
        }
        Ok(std::path::absolute(path)?)
    }

    /// Every file of `boot/systems`, sorted.
    pub fn system_files(&self) -> Result<Vec<PathBuf>> {
        let folder = self.systems();
        let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
            .with_context(|| format!("cannot list {}", folder.display()))?
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
            .collect();
        files.sort();
        Ok(files)
    }
}

/// The cargo that runs this program.
pub fn cargo() -> PathBuf {
    std::env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from)
}

fn package(value: &Value) -> Option<Package> {
    let manifest = PathBuf::from(text(&value["manifest_path"])?);
    let is_guest = |target: &&Value| {
        let features = target["required-features"].as_array();
        let kinds = target["kind"].as_array();
        features.is_some_and(|list| list.iter().any(|feature| feature == "guest"))
            && kinds.is_some_and(|list| list.iter().any(|kind| kind == "bin"))
    };
    let targets = value["targets"].as_array()?;
    Some(Package {
        name: text(&value["name"])?.to_owned(),
        folder: manifest.parent()?.to_owned(),
        guest_binaries: targets
            .iter()
            .filter(is_guest)
            .filter_map(|target| text(&target["name"]).map(str::to_owned))
            .collect(),
    })
}

fn text(value: &Value) -> Option<&str> {
    value.as_str()
}
