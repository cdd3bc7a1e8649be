//! `cargo xtask run`: the image in QEMU, its serial console on this terminal.

mod interactive;
mod script;

use std::io::IsTerminal;

use airox_machine::{Accelerator, Disk, Ending, Exit, Firmware, Options};
use anyhow::{Result, bail};
use clap::ValueEnum;

use crate::workspace::Workspace;
use crate::{system, tools};

/// Arguments of `run`.
#[derive(clap::Args)]
pub struct RunArguments {
    /// A system file, or the name of one in boot/systems
    #[arg(long, default_value = "qemu")]
    system: String,
    /// Boot by BIOS (the default)
    #[arg(long, conflicts_with = "uefi")]
    bios: bool,
    /// Boot by UEFI
    #[arg(long)]
    uefi: bool,
    /// Open a window with the screen; optionally a QEMU display such as gtk, sdl or vnc=:1
    #[arg(long, num_args = 0..=1, default_missing_value = "")]
    display: Option<String>,
    /// Memory, such as 512M or 2G
    #[arg(long, default_value = "512M", value_parser = memory)]
    mem: u64,
    /// Processors; the system file says how many it needs at least
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=255))]
    smp: u32,
    /// What kind of disk the image is
    #[arg(long, value_enum, default_value_t = DiskArgument::Ahci)]
    disk: DiskArgument,
    /// The file of the data disk, made if it is missing
    #[arg(long, default_value = "target/data.img")]
    data: std::path::PathBuf,
    /// Run without a data disk
    #[arg(long, conflicts_with = "data")]
    no_data: bool,
    /// How the guest is executed; auto takes KVM only where the CPU really offers it
    #[arg(long, value_enum, default_value_t = AcceleratorArgument::Auto)]
    accel: AcceleratorArgument,
    /// One instruction is one nanosecond, so that runs repeat exactly (slow; implies tcg)
    #[arg(long)]
    icount: bool,
    /// Wait for a debugger on port 1234
    #[arg(long)]
    gdb: bool,
    /// More arguments for QEMU, after `--`; relative paths in them begin in the run's own folder
    #[arg(last = true)]
    qemu: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum DiskArgument {
    Ide,
    Ahci,
    Virtio,
    Nvme,
    Usb,
}

#[derive(Clone, Copy, ValueEnum)]
enum AcceleratorArgument {
    Auto,
    Kvm,
    Tcg,
}

/// Builds the system and runs it until it ends.
pub fn run(workspace: &Workspace, arguments: &RunArguments) -> Result<()> {
    tools::ensure_qemu(arguments.uefi)?;
    let built = system::build(workspace, &arguments.system)?;
    if arguments.mem < built.compiled.memory {
        eprintln!(
            "warning: `{}` is made for machines with at least {} MiB; not all of it may start",
            built.compiled.system.name,
            built.compiled.memory >> 20
        );
    }
    let wanted = built.compiled.system.processors;
    if arguments.smp < wanted {
        eprintln!(
            "warning: `{}` is made for machines with at least {wanted} processors; what is to run on those missing will not start",
            built.compiled.system.name
        );
    }
    let mut options = options(workspace, arguments, &built);
    if arguments.gdb {
        let kernel = built.kernel.display();
        eprintln!("waiting for a debugger: gdb {kernel} -ex 'target remote :1234'");
    }
    if std::io::stdin().is_terminal() {
        interactive::run(&options)
    } else {
        // A script is a test: a reset nobody asked for must not start it over.
        options.allow_reset = false;
        script::run(&options)
    }
}

fn options(workspace: &Workspace, arguments: &RunArguments, built: &system::BuiltSystem) -> Options {
    Options {
        firmware: if arguments.uefi { Firmware::Uefi } else { Firmware::Bios },
        disk: match arguments.disk {
            DiskArgument::Ide => Disk::Ide,
            DiskArgument::Ahci => Disk::Ahci,
            DiskArgument::Virtio => Disk::Virtio,
            DiskArgument::Nvme => Disk::Nvme,
            DiskArgument::Usb => Disk::Usb,
        },
        accelerator: match arguments.accel {
            AcceleratorArgument::Auto => Accelerator::Auto,
            AcceleratorArgument::Kvm => Accelerator::Kvm,
            AcceleratorArgument::Tcg => Accelerator::Tcg,
        },
        data_disk: (!arguments.no_data).then(|| workspace.root.join(&arguments.data)),
        memory: format!("{}M", arguments.mem >> 20),
        processors: arguments.smp,
        instruction_clock: arguments.icount,
        display: arguments.display.clone(),
        debugger: arguments.gdb,
        extra: arguments.qemu.clone(),
        ..Options::new(&built.image)
    }
}

/// Reads `512M` or `2G` as bytes; a number alone counts mebibytes, as for QEMU.
fn memory(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.strip_suffix(['G', 'g']) {
        Some(digits) => (digits, 30),
        None => (text.strip_suffix(['M', 'm']).unwrap_or(text), 20),
    };
    let number = digits.parse::<u32>().ok().filter(|number| *number > 0);
    number.map(|number| u64::from(number) << shift).ok_or_else(|| "write it as 512M or 2G".to_owned())
}

/// Whether the end was a good one.
fn judge(exit: &Exit) -> Result<()> {
    match exit.ending {
        Ending::PowerOff | Ending::DebugExit(0) | Ending::Quit => Ok(()),
        ending => bail!("{ending} {}", exit.messages),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_the_usual_units() {
        assert_eq!(memory("512M"), Ok(512 << 20));
        assert_eq!(memory("2G"), Ok(2 << 30));
        assert_eq!(memory("192"), Ok(192 << 20));
        for wrong in ["", "0", "0G", "M", "-1M", "1T", "12 M", "1.5G", "much"] {
            assert!(memory(wrong).is_err(), "{wrong}");
        }
    }
}
