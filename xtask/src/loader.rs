//! How the two loader binaries are built: with the flags all guest programs share, and these.

use std::path::Path;

/// One of the two loader binaries of package `airox-loader`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoaderBuild {
    /// Name of the binary (`--bin`), and of the file.
    pub binary: &'static str,
    /// Feature of the package it needs (`--features`).
    pub feature: &'static str,
    /// Its rustflags, besides the shared ones.
    pub flags: Vec<String>,
}

/// The UEFI loader: a static position-independent ELF file, which [`crate::pe`] converts.
pub fn uefi(repository: &Path) -> LoaderBuild {
    let flags = [
        "-Crelocation-model=pie",
        "-Clink-arg=-pie",
        "-Clink-arg=--no-dynamic-linker",
        "-Clink-arg=-znorelro",
        "-Clink-arg=-zmax-page-size=4096",
    ];
    build(
        "airox-loader-uefi",
        "airox-loader/uefi",
        &flags,
        &repository.join("boot/loader/uefi.ld"),
    )
}

/// The BIOS loader: linked to the low memory it runs in; [`crate::bios_loader`] cuts its stages from it.
pub fn bios(repository: &Path) -> LoaderBuild {
    build(
        "airox-loader-bios",
        "airox-loader/bios",
        &["-Crelocation-model=static"],
        &repository.join("boot/loader/bios.ld"),
    )
}

fn build(
    binary: &'static str,
    feature: &'static str,
    flags: &[&str],
    linker_script: &Path,
) -> LoaderBuild {
    let script = format!("-Clink-arg=-T{}", linker_script.display());
    let flags = flags.iter().map(|flag| (*flag).to_owned());
    LoaderBuild {
        binary,
        feature,
        flags: flags.chain([script]).collect(),
    }
}
