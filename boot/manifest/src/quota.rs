//! From what a component says it makes to the kernel's quota for it.
//!
//! A component counts what it makes for itself. Starting a process takes objects too (its address space, first thread,
//! stack, heap and start block, and a handle for everything it is given), and those are added here, so that no
//! component's file depends on how a process is started.

use airox_abi::{QuotaKind, QuotaLimits};

use crate::problem::Problems;
use crate::reader::Reader;

const PAGE: u64 = airox_abi::layout::PAGE_SIZE;
/// Memory beyond stack and heap when the system file names no amount: page tables, start block, writable data.
pub(crate) const DEFAULT_MARGIN: u64 = 512 << 10;

/// Regions and mappings that starting a process makes: stack, heap, start block, and each segment of the program.
const START_REGIONS: u32 = 8;
/// Handles that starting a process takes: those regions' mappings, its process, thread, ports and grants.
const START_HANDLES: u32 = 48;
/// Signals the runtime makes: one for the executor, one for timers, one for each of a few waiters.
const START_SIGNALS: u32 = 4;

/// Kernel objects a component makes for itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Objects {
    threads: u32,
    handles: u32,
    processes: u32,
    ports: u32,
    signals: u32,
    regions: u32,
    quotas: u32,
    budgets: u32,
}

impl Objects {
    pub fn read(table: &mut Reader<'_>, problems: &mut Problems) -> Objects {
        let mut count = |key: &'static str, default: u32, low: u64, high: u64| {
            let number = table.number(key, low, high, problems);
            number.map_or(default, |number| number.value as u32)
        };
        Objects {
            threads: count("threads", 1, 1, 256),
            handles: count("handles", 64, 1, 4096),
            processes: count("processes", 0, 0, 256),
            ports: count("ports", 0, 0, 256),
            signals: count("signals", 8, 0, 256),
            regions: count("regions", 8, 0, 1024),
            quotas: count("quotas", 0, 0, 256),
            budgets: count("budgets", 0, 0, 256),
        }
    }

    /// The quota: these objects, what starting takes, `memory` bytes, and processor time: millionths, and the budgets made of it at the start.
    pub fn limits(&self, memory: u64, provided: usize, (time, budgets): (u32, u32)) -> [u32; QuotaKind::COUNT] {
        let frames = u32::try_from(memory / PAGE).unwrap_or(u32::MAX);
        QuotaLimits::default()
            .with(QuotaKind::Frames, frames)
            .with(QuotaKind::Handles, self.handles + START_HANDLES)
            .with(QuotaKind::Processes, self.processes + 1)
            .with(QuotaKind::Threads, self.threads)
            .with(QuotaKind::Ports, self.ports + provided as u32)
            .with(QuotaKind::Signals, self.signals + START_SIGNALS)
            .with(QuotaKind::Regions, self.regions + START_REGIONS)
            .with(QuotaKind::Quotas, self.quotas)
            .with(QuotaKind::Resources, self.budgets + budgets)
            .with(QuotaKind::Time, time)
            .0
    }
}
