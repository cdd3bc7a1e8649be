//! The `boot` suite's first part: a kernel that does nothing but check what the loader promised, started by either
//! firmware on machines that differ in what matters to a loader.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use airox_contract_kernel::bundle_byte;
use airox_machine::{Disk, Firmware, Machine, Options};
use anyhow::Result;

use super::Rig;
use super::protocol::{self, Line};
use super::reporter::{Outcome, Reporter};
use crate::build;

/// Bytes of the bundle in the test image; not whole pages.
const BUNDLE_LENGTH: usize = 1_000_001;
/// UEFI firmware alone takes many seconds under TCG.
const LIMIT: Duration = Duration::from_secs(120);

/// A machine the contract is checked on.
struct Case {
    name: &'static str,
    firmware: Firmware,
    memory: &'static str,
    /// QEMU's CPU model: the plainest has no 1 GiB pages.
    processor: &'static str,
    extra: &'static [&'static str],
}

const CASES: [Case; 5] = [
    Case { name: "boot/contract-bios", firmware: Firmware::Bios, memory: "128M", processor: "qemu64", extra: &[] },
    Case { name: "boot/contract-bios-5g", firmware: Firmware::Bios, memory: "5G", processor: "max", extra: &[] },
    Case {
        name: "boot/contract-bios-no-screen",
        firmware: Firmware::Bios,
        memory: "128M",
        processor: "max",
        extra: &["-vga", "none"],
    },
    Case { name: "boot/contract-uefi", firmware: Firmware::Uefi, memory: "256M", processor: "qemu64", extra: &[] },
    Case {
        name: "boot/contract-uefi-5g-no-screen",
        firmware: Firmware::Uefi,
        memory: "5G",
        processor: "max",
        extra: &["-vga", "none"],
    },
];

/// Runs the checks.
pub fn run(rig: &Rig<'_>, reporter: &mut Reporter) {
    if !reporter.wants_any(CASES.map(|case| case.name)) {
        return;
    }
    let image = match make_image(rig) {
        Ok(image) => image,
        Err(error) => {
            reporter.report("boot/contract", None, Err(format!("{error:#}")));
            return;
        }
    };
    for case in CASES {
        reporter.run(case.name, || check(&image, &case));
    }
}

/// The usual image, but with the checking kernel and a bundle of known bytes.
fn make_image(rig: &Rig<'_>) -> Result<PathBuf> {
    let kernel = fs::read(build::contract_kernel(rig.workspace)?)?;
    let bundle: Vec<u8> = (0..BUNDLE_LENGTH).map(bundle_byte).collect();
    rig.guest()?.image_of(rig.workspace, "contract", &kernel, &bundle)
}

/// Boots; every check the kernel makes must hold.
fn check(image: &Path, case: &Case) -> Outcome {
    let options = Options {
        firmware: case.firmware,
        disk: Disk::Ahci,
        memory: case.memory.to_owned(),
        processor: Some(case.processor.to_owned()),
        extra: case.extra.iter().map(|word| (*word).to_owned()).collect(),
        allow_reset: false,
        ..Options::new(image)
    };
    let mut machine = Machine::start(&options).map_err(|error| error.to_string())?;
    let mut failures = Vec::new();
    loop {
        let line = machine.wait_for("\n", LIMIT).map_err(|error| format!("{error}\n{}", machine.last_lines()))?;
        match protocol::parse(&line) {
            Some(Line::Test(name, Err(reason))) => failures.push(format!("{name}: {reason}")),
            Some(Line::Suite(passed, _)) if failures.is_empty() && passed > 0 => return Ok(()),
            Some(Line::Suite(..)) => return Err(failures.join("; ")),
            Some(Line::Test(_, Ok(())) | Line::Absent(_)) | None => {}
        }
    }
}
