//! QEMU and the UEFI firmware: found, installed, or asked for.

use std::path::Path;
use std::process::Command;

use airox_machine::{QEMU, find_firmware, find_program};
use anyhow::{Context, Result, bail};

/// Makes sure that QEMU and, for UEFI, its firmware are there: installs them as root on a Debian or Ubuntu system, else
/// names the command that does.
pub fn ensure_qemu(with_uefi: bool) -> Result<()> {
    let mut packages = Vec::new();
    if find_program(QEMU).is_none() {
        packages.push("qemu-system-x86");
    }
    if with_uefi && find_firmware().is_none() {
        packages.push("ovmf");
    }
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    let install = format!("apt-get update && apt-get install -y --no-install-recommends {list}");
    if !Path::new("/etc/debian_version").exists() {
        bail!("QEMU or its UEFI firmware is missing; install the equivalent of Debian's: {list}");
    }
    if !rustix::process::geteuid().is_root() {
        bail!("missing: {list}; install with: sudo sh -c '{install}'");
    }
    eprintln!("missing: {list}; running: {install}");
    let status = Command::new("sh")
        .args(["-c", &install])
        .env("DEBIAN_FRONTEND", "noninteractive")
        .status()
        .context("cannot run apt-get")?;
    if !status.success() || find_program(QEMU).is_none() {
        bail!("installing failed; run by hand: {install}");
    }
    Ok(())
}
