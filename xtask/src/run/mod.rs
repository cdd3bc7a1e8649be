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
    #[arg(long, default_value = "512M")]
    mem: String,
    /// Processors
    #[arg(long, default_value_t = 1)]
    smp: u32,
    /// What kind of disk the image is
    #[arg(long, value_enum, default_value_t = DiskArgument::Ahci)]
    disk: DiskArgument,
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
    let mut options = options(arguments, &built);
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

fn options(arguments: &RunArguments, built: &system::BuiltSystem) -> Options {
    Options {
        firmware: if arguments.uefi {
            Firmware::Uefi
        } else {
            Firmware::Bios
        },
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
        memory: arguments.mem.clone(),
        processors: arguments.smp,
        instruction_clock: arguments.icount,
        display: arguments.display.clone(),
        debugger: arguments.gdb,
        extra: arguments.qemu.clone(),
        ..Options::new(&built.image)
    }
}

/// Whether the end was a good one.
fn judge(exit: &Exit) -> Result<()> {
    match exit.ending {
        Ending::PowerOff | Ending::DebugExit(0) | Ending::Quit => Ok(()),
        ending => bail!("{ending} {}", exit.messages),
    }
}
