//! The `boot` suite: the same image by BIOS and UEFI from every kind of disk up to the shell's prompt and off again; and
//! damaged volumes, which must be named and not hang silently.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use airox_machine::{Disk, Ending, Firmware, Machine, MachineError, Options, Screenshot};
use xtask::image;

use super::Rig;
use super::loader_screen;
use super::reporter::{Outcome, Reporter};

const SYSTEM: &str = "qemu";
/// UEFI firmware alone takes many seconds under TCG.
const BOOT_LIMIT: Duration = Duration::from_secs(90);
const END_LIMIT: Duration = Duration::from_secs(30);

/// The loader's first words.
const LOADER_GREETING: &str = "AIROX loader:";
/// Its last words when it has no kernel to start.
const LOADER_LAST_WORDS: &str = "stopped; the machine can be switched off or reset";
const QUICK_LIMIT: Duration = Duration::from_secs(3);
const QUICK_TRIES: u32 = 3;

const FIRMWARES: [(Firmware, &str); 2] = [(Firmware::Bios, "bios"), (Firmware::Uefi, "uefi")];
const KERNEL: &str = "/airox/kernel.elf";
const BUNDLE: &str = "/airox/system.bundle";
const CHECKSUMS: &str = "/airox/checksums";

/// What is done to a volume before it must be refused.
#[derive(Clone, Copy)]
enum Harm {
    /// One byte in the middle of the file changes.
    Damage(&'static str),
    /// The file is removed.
    Remove(&'static str),
}

const HARMS: [(&str, Harm); 6] = [
    ("damaged-kernel", Harm::Damage(KERNEL)),
    ("damaged-bundle", Harm::Damage(BUNDLE)),
    ("damaged-checksums", Harm::Damage(CHECKSUMS)),
    ("missing-kernel", Harm::Remove(KERNEL)),
    ("missing-bundle", Harm::Remove(BUNDLE)),
    ("missing-checksums", Harm::Remove(CHECKSUMS)),
];

/// Runs the suite.
pub fn run(rig: &Rig<'_>, reporter: &mut Reporter) {
    let mut tests: Vec<(String, Test)> = Vec::new();
    for (firmware, firmware_name) in FIRMWARES {
        for disk in Disk::ALL {
            let name = format!("boot/{firmware_name}-{}", disk.name());
            tests.push((name, Test::Boot(firmware, disk)));
        }
    }
    tests.push(("boot/prompt-within-3-s".into(), Test::Quick));
    for (firmware, firmware_name) in FIRMWARES {
        for (harm_name, harm) in HARMS {
            tests.push((format!("boot/{firmware_name}-{harm_name}"), Test::Harm(firmware, harm)));
        }
    }
    if !reporter.wants_any(tests.iter().map(|(name, _)| name.as_str())) {
        return;
    }
    let image = match rig.image(SYSTEM, &[]) {
        Ok(built) => built.image,
        Err(error) => {
            reporter.report("boot/image", None, Err(format!("{error:#}")));
            return;
        }
    };
    for (name, test) in tests {
        reporter.run(&name, || match test {
            Test::Quick => quick(&image),
            Test::Boot(firmware, disk) => boot(&image, firmware, disk),
            Test::Harm(firmware, harm) => refuse(&image, firmware, harm),
        });
    }
}

enum Test {
    Quick,
    Boot(Firmware, Disk),
    Harm(Firmware, Harm),
}

fn options(image: &Path, firmware: Firmware, disk: Disk) -> Options {
    Options { firmware, disk, allow_reset: false, ..Options::new(image) }
}

fn text(error: MachineError) -> String {
    error.to_string()
}

/// Boots to the prompt and switches off.
fn boot(image: &Path, firmware: Firmware, disk: Disk) -> Outcome {
    let mut machine = Machine::start(&options(image, firmware, disk)).map_err(text)?;
    machine.wait_for_prompt(BOOT_LIMIT).map_err(text)?;
    machine.type_text("poweroff\n").map_err(text)?;
    let exit = machine.wait_for_exit(END_LIMIT).map_err(text)?;
    match exit.ending {
        Ending::PowerOff => Ok(()),
        ending => Err(format!("{ending} instead of switching off\n{}", machine.last_lines())),
    }
}

/// From the loader's first words to the prompt by BIOS under TCG; the best of a few tries, since this computer may be busy.
fn quick(image: &Path) -> Outcome {
    let mut best = Duration::MAX;
    for _ in 0..QUICK_TRIES {
        let options = options(image, Firmware::Bios, Disk::Ahci);
        let mut machine = Machine::start(&options).map_err(text)?;
        machine.wait_for(LOADER_GREETING, BOOT_LIMIT).map_err(text)?;
        let started = Instant::now();
        machine.wait_for_prompt(BOOT_LIMIT).map_err(text)?;
        best = best.min(started.elapsed());
        if best <= QUICK_LIMIT {
            return Ok(());
        }
    }
    Err(format!("the best of {QUICK_TRIES} starts took {:.1} s", best.as_secs_f32()))
}

/// Harms a copy of the image; the loader must name the file on the serial line and on the screen.
fn refuse(image: &Path, firmware: Firmware, harm: Harm) -> Outcome {
    let copy = Copy::of(image)?;
    let words = |error: anyhow::Error| format!("{error:#}");
    let file = match harm {
        Harm::Damage(file) => {
            let length = image::read_file(&copy.0, file).map_err(words)?.len() as u64;
            image::corrupt(&copy.0, file, length / 2).map_err(words)?;
            file
        }
        Harm::Remove(file) => {
            image::remove(&copy.0, file).map_err(words)?;
            file
        }
    };
    let mut machine = Machine::start(&options(&copy.0, firmware, Disk::Ahci)).map_err(text)?;
    let reason = match harm {
        Harm::Damage(_) => "damaged",
        Harm::Remove(_) => "missing",
    };
    // The loader also names a file while it reads it.
    loop {
        let line = machine.wait_for("\n", BOOT_LIMIT).map_err(text)?;
        if line.contains(file) && line.contains(reason) {
            break;
        }
        if line.contains("kernel:") {
            return Err(format!("the kernel was started\n{}", machine.last_lines()));
        }
    }
    machine.wait_for(LOADER_LAST_WORDS, END_LIMIT).map_err(text)?;
    // The serial line gets each piece of text before the screen does, so the screen may lag by a moment.
    let deadline = Instant::now() + END_LIMIT;
    loop {
        let screen = Screenshot::take(&mut machine).map_err(text)?;
        let serial = machine.text();
        let lines: Vec<&str> = serial.lines().skip_while(|line| !line.starts_with(LOADER_GREETING)).collect();
        match loader_screen::shows(&screen, &lines) {
            Err(_) if Instant::now() < deadline => {}
            outcome => return outcome,
        }
    }
}

/// A copy of an image, removed when dropped.
struct Copy(PathBuf);

impl Copy {
    fn of(image: &Path) -> Result<Copy, String> {
        let copy = image.with_extension("harmed.img");
        std::fs::copy(image, &copy).map_err(|error| format!("{}: {error}", copy.display()))?;
        Ok(Copy(copy))
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // A copy that stays behind is overwritten by the next one.
        let _ = std::fs::remove_file(&self.0);
    }
}
