//! What machine to start, and the QEMU command line for it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::MachineError;
use crate::firmware::find_firmware;

/// The emulator.
pub const QEMU: &str = "qemu-system-x86_64";

/// Which firmware boots the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Firmware {
    /// `SeaBIOS`.
    Bios,
    /// OVMF.
    Uefi,
}

/// What kind of disk the image is attached as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disk {
    /// Parallel ATA on a PIIX controller.
    Ide,
    /// Serial ATA on an AHCI controller.
    Ahci,
    /// virtio-blk over PCI.
    Virtio,
    /// `NVMe`.
    Nvme,
    /// A USB stick on an xHCI controller.
    Usb,
}

impl Disk {
    /// Every kind.
    pub const ALL: [Disk; 5] = [Disk::Ide, Disk::Ahci, Disk::Virtio, Disk::Nvme, Disk::Usb];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Disk::Ide => "ide",
            Disk::Ahci => "ahci",
            Disk::Virtio => "virtio",
            Disk::Nvme => "nvme",
            Disk::Usb => "usb",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Disk> {
        Disk::ALL.into_iter().find(|disk| disk.name() == name)
    }
}

/// How QEMU executes the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accelerator {
    /// KVM where the computer really has it, else TCG.
    Auto,
    /// The CPU's virtualisation.
    Kvm,
    /// Translation in software: slower, works everywhere.
    Tcg,
}

/// What machine to start.
#[derive(Clone, Debug)]
pub struct Options {
    /// The disk image; QEMU runs on a snapshot of it.
    pub image: PathBuf,
    /// Where the machine's own folder is made.
    pub run_root: PathBuf,
    /// Which firmware.
    pub firmware: Firmware,
    /// Which disk.
    pub disk: Disk,
    /// A second disk, whose parts `data` and `scratch` keep what is written; made if the file is missing. A relative path
    /// is relative to the run folder.
    pub data_disk: Option<PathBuf>,
    /// What kind of disk that is: [`Disk::Virtio`], [`Disk::Nvme`], [`Disk::Usb`] or, if the image is attached as another kind, [`Disk::Ahci`].
    pub data_disk_kind: Disk,
    /// QEMU's machine type; `None` chooses `q35`, or `pc` for a parallel ATA disk.
    pub machine_type: Option<String>,
    /// How the guest is executed.
    pub accelerator: Accelerator,
    /// QEMU's CPU model; `None` chooses everything the accelerator can do.
    pub processor: Option<String>,
    /// Memory, in QEMU's words: `512M`, `2G`.
    pub memory: String,
    /// How many processors.
    pub processors: u32,
    /// One instruction is one nanosecond; runs repeat exactly. Needs TCG.
    pub instruction_clock: bool,
    /// With the instruction clock, time passes in an idle machine as it does outside. Otherwise it is the time of its next timer at once, whatever disks and
    /// cards have still to do.
    pub idles: bool,
    /// QEMU's display (`gtk`, `sdl`, `vnc=:1`); `None` for no window.
    pub display: Option<String>,
    /// Wait for a debugger on port 1234.
    pub debugger: bool,
    /// Whether a reset restarts the guest; else it ends the machine.
    pub allow_reset: bool,
    /// More arguments for QEMU.
    pub extra: Vec<String>,
}

impl Options {
    /// A PC with 512 MiB and one processor that boots `image` by BIOS from an AHCI disk. Its run folder is made in `run`
    /// beside the image's folder.
    #[must_use]
    pub fn new(image: impl AsRef<Path>) -> Options {
        let image = image.as_ref();
        let run_root =
            image.parent().and_then(Path::parent).map_or_else(std::env::temp_dir, |folder| folder.join("run"));
        Options {
            image: image.to_owned(),
            run_root,
            firmware: Firmware::Bios,
            disk: Disk::Ahci,
            data_disk: None,
            data_disk_kind: Disk::Virtio,
            machine_type: None,
            accelerator: Accelerator::Tcg,
            processor: None,
            memory: "512M".into(),
            processors: 1,
            instruction_clock: false,
            idles: false,
            display: None,
            debugger: false,
            allow_reset: true,
            extra: Vec::new(),
        }
    }

    /// QEMU's arguments. Relative paths are relative to the run folder.
    pub(crate) fn arguments(&self, run_folder: &Path) -> Result<Vec<OsString>, MachineError> {
        let mut list = Arguments::default();
        let default_machine = if self.disk == Disk::Ide { "pc" } else { "q35" };
        list.add("-machine", self.machine_type.as_deref().unwrap_or(default_machine));
        self.execution(&mut list);
        list.add("-m", &self.memory);
        list.add("-smp", &self.processors.to_string());
        list.add("-nodefaults", "");
        list.add("-vga", "std");
        match self.display.as_deref() {
            None => list.add("-display", "none"),
            Some("") => {}
            Some(display) => list.add("-display", display),
        }
        list.add("-chardev", "socket,id=serial,path=serial.sock,server=on,wait=on");
        list.add("-serial", "chardev:serial");
        list.add("-qmp", "unix:qmp.sock,server=on,wait=off");
        let inspect = format!("unix:{},server=on,wait=off", crate::INSPECT_SOCKET);
        list.add("-qmp", &inspect);
        list.add("-device", "isa-debug-exit,iobase=0xf4,iosize=4");
        list.add("-d", "cpu_reset");
        list.add("-D", "qemu.log");
        if !self.allow_reset {
            list.add("-no-reboot", "");
        }
        if self.debugger {
            list.add("-s", "");
            list.add("-S", "");
        }
        self.disk(&mut list)?;
        if let Some(path) = &self.data_disk {
            data_disk(&mut list, &run_folder.join(path), self.data_disk_kind)?;
        }
        if self.firmware == Firmware::Uefi {
            uefi(&mut list, run_folder)?;
        }
        list.0.extend(self.extra.iter().map(OsString::from));
        Ok(list.0)
    }

    fn execution(&self, list: &mut Arguments) {
        let kvm = match self.accelerator {
            Accelerator::Kvm => true,
            Accelerator::Tcg => false,
            Accelerator::Auto => has_kvm() && !self.instruction_clock,
        };
        // `-cpu host` fails on some computers over an unknown MSR (0x10a) unless this feature is left out.
        let (accelerator, processor) = match (kvm, self.instruction_clock) {
            (true, _) => ("kvm", "host,-arch-capabilities"),
            (false, true) => ("tcg,thread=single", "max"),
            (false, false) => ("tcg", "max"),
        };
        list.add("-accel", accelerator);
        list.add("-cpu", self.processor.as_deref().unwrap_or(processor));
        if self.instruction_clock {
            let sleep = if self.idles { "on" } else { "off" };
            list.add("-icount", &format!("shift=0,align=off,sleep={sleep}"));
        }
    }

    fn disk(&self, list: &mut Arguments) -> Result<(), MachineError> {
        let image = std::path::absolute(&self.image)
            .map_err(|error| MachineError::Start(format!("{}: {error}", self.image.display())))?;
        // QEMU reads a comma in a file name as the next option unless it is doubled.
        let image = image.display().to_string().replace(',', ",,");
        let drive = format!("if=none,id=disk,format=raw,snapshot=on,file={image}");
        list.add("-drive", &drive);
        match self.disk {
            Disk::Ide | Disk::Ahci => {
                list.add("-device", "ide-hd,bus=ide.0,drive=disk,bootindex=0");
            }
            Disk::Virtio => list.add("-device", "virtio-blk-pci,drive=disk,bootindex=0"),
            Disk::Nvme => list.add("-device", "nvme,serial=airox,drive=disk,bootindex=0"),
            Disk::Usb => {
                list.add("-device", "qemu-xhci,id=xhci");
                list.add("-device", "usb-storage,bus=xhci.0,drive=disk,bootindex=0");
            }
        }
        Ok(())
    }
}

fn data_disk(list: &mut Arguments, path: &Path, kind: Disk) -> Result<(), MachineError> {
    let device = match kind {
        Disk::Virtio => "virtio-blk-pci,id=data-disk,drive=data",
        Disk::Nvme => "nvme,id=data-disk,serial=data,drive=data",
        Disk::Usb => {
            list.add("-device", "qemu-xhci,id=data-xhci");
            "usb-storage,id=data-disk,bus=data-xhci.0,drive=data"
        }
        Disk::Ahci => "ide-hd,id=data-disk,bus=ide.0,drive=data",
        other => return Err(MachineError::Start(format!("no data disk can be of the kind {}", other.name()))),
    };
    crate::make_data_disk(path)?;
    let path = path.display().to_string().replace(',', ",,");
    list.add("-drive", &format!("if=none,id=data,format=raw,file={path}"));
    list.add("-device", device);
    Ok(())
}

fn uefi(list: &mut Arguments, run_folder: &Path) -> Result<(), MachineError> {
    let files =
        find_firmware().ok_or_else(|| MachineError::Start("the UEFI firmware (ovmf) is not installed".into()))?;
    let variables = run_folder.join("variables.fd");
    std::fs::copy(&files.variables, &variables)
        .map_err(|error| MachineError::Start(format!("{}: {error}", variables.display())))?;
    let code = format!("if=pflash,unit=0,format=raw,readonly=on,file={}", files.code.display());
    list.add("-drive", &code);
    list.add("-drive", "if=pflash,unit=1,format=raw,file=variables.fd");
    Ok(())
}

/// Whether KVM is backed by the CPU. A `/dev/kvm` without either module is a para-virtual one, on which real-mode
/// firmware is so slow that it seems to hang.
fn has_kvm() -> bool {
    let module = |name: &str| Path::new("/sys/module").join(name).exists();
    (module("kvm_intel") || module("kvm_amd")) && Path::new("/dev/kvm").exists()
}

#[derive(Default)]
struct Arguments(Vec<OsString>);

impl Arguments {
    /// Adds an option and, unless it is empty, its value.
    fn add(&mut self, option: &str, value: &str) {
        self.0.push(option.into());
        if !value.is_empty() {
            self.0.push(value.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(options: &Options) -> String {
        let arguments = options.arguments(Path::new("/nowhere")).unwrap();
        let words: Vec<_> = arguments.iter().map(|word| word.to_string_lossy()).collect();
        words.join(" ")
    }

    #[test]
    fn every_disk_kind_is_attached() {
        for disk in Disk::ALL {
            let options = Options { disk, ..Options::new("images/a,b.img") };
            let line = line(&options);
            assert!(line.contains("drive=disk"), "{line}");
            assert!(line.contains("images/a,,b.img"), "{line}");
            assert_eq!(line.contains("-machine pc"), disk == Disk::Ide, "{line}");
            assert_eq!(Disk::from_name(disk.name()), Some(disk));
        }
        assert_eq!(Disk::from_name("floppy"), None);
    }

    #[test]
    fn the_instruction_clock_needs_tcg() {
        let options = Options { instruction_clock: true, accelerator: Accelerator::Auto, ..Options::new("x/y.img") };
        assert!(line(&options).contains("-accel tcg,thread=single"));
        assert!(line(&options).contains("-icount shift=0"));
    }

    #[test]
    fn resets_end_the_machine_only_when_forbidden() {
        let mut options = Options::new("x/y.img");
        assert!(!line(&options).contains("-no-reboot"));
        options.allow_reset = false;
        assert!(line(&options).contains("-no-reboot"));
    }
}
