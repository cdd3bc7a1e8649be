//! Where QEMU and the UEFI firmware are on this computer.

use std::path::{Path, PathBuf};

/// The two halves of the UEFI firmware.
#[derive(Clone, Debug)]
pub struct FirmwareFiles {
    /// The code, mapped read-only.
    pub code: PathBuf,
    /// A template for the variables; every machine gets a copy.
    pub variables: PathBuf,
}

/// Finds OVMF where Debian, Fedora, Arch and openSUSE put it.
#[must_use]
pub fn find_firmware() -> Option<FirmwareFiles> {
    const PAIRS: [(&str, &str); 5] = [
        ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
        ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
        ("/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
        ("/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"),
        ("/usr/share/qemu/ovmf-x86_64-code.bin", "/usr/share/qemu/ovmf-x86_64-vars.bin"),
    ];
    PAIRS
        .iter()
        .map(|(code, variables)| FirmwareFiles { code: code.into(), variables: variables.into() })
        .find(|files| files.code.is_file() && files.variables.is_file())
}

/// Finds a program on the search path.
#[must_use]
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder: PathBuf| folder.join(name)).find(|file: &PathBuf| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}
