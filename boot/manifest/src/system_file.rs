//! System files: who runs, with which priority, memory and authority, on which machine.
//!
//! ```toml
//! [system]
//! name = "qemu"
//! memory = "128M"                # RAM the machine has at least
//! root = "init"                  # the program the kernel starts; default init
//! programs = ["cat", "top"]      # further programs in the bundle
//! trace = true                   # record kernel events for `xtask inspect`; default false
//! processors = 2                 # processors the machine has at least, numbered from 0; default 1
//!
//! [machine.uart0]                # what the machine has
//! ports = [0x3f8, 8]
//! irq = 4
//!
//! [[component]]
//! name = "serial-console"        # unique in the system
//! component = "serial-console"   # whose component.toml; default: the name
//! priority = 180                 # 0 batch, 1 to 159 normal, 160 to 254 real time
//! budget = { time-us = 2000, period-us = 10000, on-overrun = "wait" }  # processor time; or "fault"
//! processors = [1]               # those its threads may run on; it begins, and has its budget, on the lowest. Default: those of the system
//!                                # file; "all": whatever the machine has
//! deadline-us = 10000            # its jobs end so long after each period's begin; at most the period
//! calls-per-job = 4              # a job calls no more often, its servers' calls for it included; needed where calls wait for other processors
//! longest-call-us = 500          # it serves no call longer than this
//! passive = false                # true: no budget; it runs on its callers'
//! weight = 100                   # its turns among equals, in hundredths of the usual length
//! programs-percent = 20          # time of each of its processors that it may give to programs
//! memory = "1M"                  # default: stack + heap + 512K
//! arguments = []
//! resources = { uart = "uart0" } # the component's name = the machine's name
//! uses = { clock = "rtc" }       # only where several components provide an interface
//!                                # and `"sensor:gps0" = "gps"` for what the component uses by name
//! files = ["/boot", "/tmp:rw"]   # what a component that uses the interface `files` may read (`:r`, or nothing), and change (`:rw`)
//! mounts = { "/tmp" = "tmp" }    # for the component that provides `files`: where which file system is; for a file system: the one it keeps its content in
//! restart = { policy = "always", max-restarts = 10, window-ms = 60000, backoff-ms = 10, backoff-max-ms = 1000 }
//! devices = ["/dev/block/disk0"] # what it may open at the device manager, parts included
//!
//! [[driver]]                     # started by the device manager for each device that its component.toml matches
//! name = "virtio-block"          # whose component.toml
//! priority = 153                 # of the normal band
//! memory = "2M"                  # of each process; default: stack + heap + 512K
//! trust = "dma"                  # its devices may read and write all memory; needed without an IOMMU
//! restart = { max-restarts = 100 }
//! ```

use airox_bundle::system::{Restart, RestartPolicy};

use crate::component::{COMPONENT_NAME_LENGTH, NAME_LENGTH};
use crate::devices::Device;
use crate::drivers::{self, DriverEntry};
use crate::problem::{Kind, Problems};
use crate::processors::{self, Wanted};
use crate::reader::{At, Reader, parse};
use crate::source::{Source, Span};
use crate::timing::Timing;

/// A parsed system file, before its names are looked up.
#[derive(Debug)]
pub(crate) struct SystemFile {
    pub name: String,
    pub memory: At<u64>,
    pub root: At<String>,
    pub trace: bool,
    pub processors: u32,
    pub programs: Vec<At<String>>,
    pub devices: Vec<Device>,
    pub entries: Vec<Entry>,
    pub drivers: Vec<DriverEntry>,
}

/// One `[[component]]`.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Where it begins.
    pub span: Span,
    pub name: At<String>,
    pub component: At<String>,
    pub priority: At<u8>,
    pub max_priority: Option<At<u8>>,
    pub memory: Option<At<u64>>,
    pub arguments: Vec<String>,
    pub resources: Vec<(At<String>, At<String>)>,
    pub uses: Vec<(At<String>, At<String>)>,
    pub mounts: Vec<(At<String>, At<String>)>,
    pub files: Vec<At<String>>,
    pub restart: Restart,
    pub time: Timing,
    pub processors: Option<Wanted>,
    pub devices: Vec<At<String>>,
}

pub(crate) const DEFAULT_RESTART: Restart = Restart {
    policy: RestartPolicy::Always,
    max_restarts: 10,
    window_ms: 60_000,
    backoff_ms: 10,
    backoff_max_ms: 1_000,
};
const DAY_MS: u64 = 24 * 3600 * 1000;

pub(crate) fn read(source: &Source, problems: &mut Problems) -> Option<SystemFile> {
    let mut file = Reader::new(source, 0..0, parse(source, problems)?);
    let system = file.table("system", problems);
    let machine = file.table("machine", problems);
    let components = file.tables("component", problems);
    let drivers = file.tables("driver", problems);
    if system.is_none() {
        file.missing("system", problems);
    }
    file.finish(problems);

    let devices = machine.map_or_else(Vec::new, |table| {
        table
            .into_tables(problems)
            .into_iter()
            .map(|(name, table)| Device::read(name, table, source, problems))
            .collect()
    });
    let entries = components.into_iter().filter_map(|table| Entry::read(table, source, problems)).collect();

    let drivers = drivers.into_iter().filter_map(|table| DriverEntry::read(table, source, problems)).collect();

    let mut table = system?;
    let name = table.required("name", problems, |table, key, problems| table.name(key, NAME_LENGTH, problems));
    let memory = table.required("memory", problems, Reader::size);
    let root = table.name("root", NAME_LENGTH, problems);
    let root = root.unwrap_or_else(|| At::new("init".into(), table.span.clone()));
    let programs = table.names("programs", NAME_LENGTH, problems);
    let trace = table.boolean("trace", problems).is_some_and(|trace| trace.value);
    let processors = processors::count(&mut table, problems);
    table.finish(problems);
    Some(SystemFile {
        name: name?.value,
        memory: memory?,
        root,
        trace,
        processors,
        programs,
        devices,
        entries,
        drivers,
    })
}

impl Entry {
    fn read(mut table: Reader<'_>, source: &Source, problems: &mut Problems) -> Option<Entry> {
        let span = table.span.clone();
        let name =
            table.required("name", problems, |table, key, problems| table.name(key, COMPONENT_NAME_LENGTH, problems));
        let component = table.name("component", COMPONENT_NAME_LENGTH, problems);
        let priority = table.required("priority", problems, priority);
        let max_priority = priority_limit(&mut table, priority.as_ref(), source, problems);
        let memory = table.size("memory", problems);
        let arguments = table.strings("arguments", problems);
        let resources = table.table("resources", problems);
        let resources = resources.map_or_else(Vec::new, |table| table.into_strings(problems));
        let uses = table.table("uses", problems);
        let uses = uses.map_or_else(Vec::new, |table| table.into_strings(problems));
        let mounts = table.table("mounts", problems);
        let mounts = mounts.map_or_else(Vec::new, |table| table.into_strings(problems));
        let files = table.strings("files", problems);
        let restart = table.table("restart", problems);
        let restart = restart.map_or(DEFAULT_RESTART, |table| read_restart(table, source, problems));
        let time = Timing::read(&mut table, source, problems);
        let processors = processors::wanted(&mut table, problems);
        let devices = drivers::device_paths(&mut table, source, problems);
        table.finish(problems);
        let name = name?;
        Some(Entry {
            span,
            component: component.unwrap_or_else(|| name.clone()),
            name,
            priority: priority?,
            max_priority,
            memory,
            arguments: arguments.into_iter().map(|argument| argument.value).collect(),
            resources,
            uses,
            mounts,
            files,
            restart,
            time,
            processors,
            devices,
        })
    }
}

pub(crate) fn priority(table: &mut Reader<'_>, key: &'static str, problems: &mut Problems) -> Option<At<u8>> {
    // 255 is init's own.
    let number = table.number(key, 0, 254, problems)?;
    Some(At::new(number.value as u8, number.span))
}

fn priority_limit(
    table: &mut Reader<'_>,
    own: Option<&At<u8>>,
    source: &Source,
    problems: &mut Problems,
) -> Option<At<u8>> {
    let limit = priority(table, "max-priority", problems)?;
    if let Some(own) = own
        && limit.value < own.value
    {
        let reason = format!("`max-priority` {} is below the component's own priority {}", limit.value, own.value);
        problems.add(Kind::OutOfRange, source, &limit.span, reason);
    }
    Some(limit)
}

pub(crate) fn read_restart(mut table: Reader<'_>, source: &Source, problems: &mut Problems) -> Restart {
    let span = table.span.clone();
    let mut restart = DEFAULT_RESTART;
    if let Some(word) = table.string("policy", problems) {
        restart.policy = match word.value.as_str() {
            "always" => RestartPolicy::Always,
            "on-failure" => RestartPolicy::OnFailure,
            "never" => RestartPolicy::Never,
            other => {
                let reason = format!("`{other}` is no restart policy; policies: always, on-failure, never");
                problems.add(Kind::BadRestart, source, &word.span, reason);
                restart.policy
            }
        };
    }
    let mut numbers = 0;
    let mut number = |key: &'static str, high: u64, value: &mut u32| {
        if let Some(number) = table.number(key, 0, high, problems) {
            *value = number.value as u32;
            numbers += 1;
        }
    };
    number("max-restarts", 1_000_000, &mut restart.max_restarts);
    number("window-ms", DAY_MS, &mut restart.window_ms);
    number("backoff-ms", DAY_MS, &mut restart.backoff_ms);
    number("backoff-max-ms", DAY_MS, &mut restart.backoff_max_ms);
    table.finish(problems);
    let reason = if restart.policy == RestartPolicy::Never && numbers > 0 {
        "a component that is never restarted has no limits or back-off"
    } else if restart.policy != RestartPolicy::Never && restart.max_restarts == 0 {
        "`max-restarts` is 0; write policy = \"never\""
    } else if restart.window_ms == 0 {
        "`window-ms` is 0, so the restarts would not be limited"
    } else if restart.backoff_ms > restart.backoff_max_ms {
        "`backoff-ms` is longer than `backoff-max-ms`"
    } else {
        return restart;
    };
    problems.add(Kind::BadRestart, source, &span, reason);
    restart
}
