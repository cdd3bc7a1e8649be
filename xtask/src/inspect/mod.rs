//! `cargo xtask inspect`: looks into a running machine from outside, without its help.
//!
//! A non-maskable interrupt asks the kernel for a picture of its objects; QEMU's `memsave` reads it. The kernel says
//! where it is in the static `AIROX_SNAPSHOT`, which is found by its name in the kernel's ELF file.

mod chrome;
mod snapshot;
mod view;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use airox_machine::{INSPECT_SOCKET, Qmp};
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use serde_json::json;

use crate::elf;
use crate::workspace::Workspace;
use snapshot::Snapshot;
use view::View;

const SYMBOL: &str = "AIROX_SNAPSHOT";
/// Bytes of the symbol: address and length.
const SYMBOL_LENGTH: u64 = 16;
const LIMIT: Duration = Duration::from_secs(10);

/// Arguments of `inspect`.
#[derive(clap::Args)]
pub struct InspectArguments {
    /// What to show; everything if nothing is named
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// Events of the trace to show
    #[arg(long, default_value_t = 40)]
    events: usize,
    /// Write the trace as a file for Perfetto (ui.perfetto.dev) or chrome://tracing
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// The machine's folder in target/run; the newest if none is named
    #[arg(long, value_name = "FOLDER")]
    run: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Processes and threads
    Tasks,
    /// Ports and who waits there
    Ports,
    /// Memory and kernel objects
    Memory,
    /// The last events, messages decoded
    Trace,
}

/// Takes a snapshot of the running machine and shows it.
pub fn inspect(workspace: &Workspace, arguments: &InspectArguments) -> Result<()> {
    let folder = match &arguments.run {
        Some(folder) => folder.clone(),
        None => newest_machine(&workspace.target.join("run"))?,
    };
    let kernel = crate::build::kernel_file(workspace);
    let bytes = fs::read(&kernel).with_context(|| format!("cannot read {}", kernel.display()))?;
    let symbol =
        elf::symbol_address(&bytes, SYMBOL)?.with_context(|| format!("{} has no symbol {SYMBOL}", kernel.display()))?;
    let mut memory = Memory {
        qmp: Qmp::connect(&folder.join(INSPECT_SOCKET)).context("another program may be inspecting the machine")?,
        file: folder.join("memory"),
    };
    let snapshot = take(&mut memory, symbol)?;
    let view = View::new(&snapshot);
    if let Some(file) = &arguments.trace {
        return write_trace(&view, file);
    }
    let wanted = |part| arguments.parts.is_empty() || arguments.parts.contains(&part);
    if wanted(Part::Memory) {
        println!("{}\n", view.machine());
    }
    if wanted(Part::Tasks) {
        println!("{}\n\n{}\n", view.processes(), view.threads());
    }
    if wanted(Part::Ports) {
        println!("{}\n", view.ports());
    }
    if wanted(Part::Trace) {
        println!("{}", view.trace(arguments.events));
    }
    Ok(())
}

fn write_trace(view: &View<'_>, file: &Path) -> Result<()> {
    let (recorded, held) = view.recorded();
    if recorded == 0 {
        bail!("nothing has been recorded; the machine's system file must say: trace = true");
    }
    let text = chrome::trace(view).to_string();
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
    println!(
        "{}: the last {held} of {recorded} events; open it at https://ui.perfetto.dev or in chrome://tracing",
        file.display()
    );
    Ok(())
}

/// The folder of the machine that was started last and still runs.
fn newest_machine(root: &Path) -> Result<PathBuf> {
    let mut folders: Vec<_> = fs::read_dir(root)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join(INSPECT_SOCKET).exists())
        .filter_map(|path| Some((fs::metadata(&path).ok()?.modified().ok()?, path)))
        .collect();
    folders.sort();
    match folders.pop() {
        Some((_, folder)) => Ok(folder),
        None => bail!("no machine is running; start one with: cargo xtask run"),
    }
}

/// The guest's memory, by the kernel's addresses.
struct Memory {
    qmp: Qmp,
    file: PathBuf,
}

impl Memory {
    fn read(&mut self, address: u64, length: u64) -> Result<Vec<u8>> {
        // QMP's integers are signed, and the kernel lives in the upper half.
        let arguments = json!({ "val": address.cast_signed(), "size": length, "filename": self.file });
        self.qmp.execute("memsave", arguments)?;
        let bytes = fs::read(&self.file)?;
        fs::remove_file(&self.file)?;
        Ok(bytes)
    }

    /// Where the last snapshot is, if there is one.
    fn buffer(&mut self, symbol: u64) -> Result<Option<(u64, u64)>> {
        let bytes = self.read(symbol, SYMBOL_LENGTH)?;
        let (words, _) = bytes.as_chunks::<8>();
        let [address, length] = words else {
            bail!("QEMU read {} bytes instead of {SYMBOL_LENGTH}", bytes.len());
        };
        let (address, length) = (u64::from_le_bytes(*address), u64::from_le_bytes(*length));
        Ok((address != 0).then_some((address, length)))
    }
}

fn take(memory: &mut Memory, symbol: u64) -> Result<Snapshot> {
    let before = match memory.buffer(symbol)? {
        Some((address, length)) => Snapshot::sequence(&memory.read(address, length)?),
        None => None,
    };
    memory.qmp.inject_nmi()?;
    let started = Instant::now();
    while started.elapsed() < LIMIT {
        if let Some((address, length)) = memory.buffer(symbol)? {
            let bytes = memory.read(address, length)?;
            if let Some(sequence) = Snapshot::sequence(&bytes)
                && before.is_none_or(|before| sequence > before)
            {
                return Snapshot::parse(&bytes);
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    bail!("the kernel did not answer; has it started, and is it the one in target/guest?")
}
