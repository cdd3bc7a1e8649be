//! What the server works with and within: its handles, its system, init, and what each program gets.

use alloc::string::String;
use alloc::vec::Vec;

use airox_abi::{Handle, QuotaKind, QuotaLimits};
use airox_admission::Task;
use airox_api::files::FileGrant;
use airox_api::process::{HandleEntry, Memory, ProcessEntry, ProcessError};
use airox_bundle::Bundle;
use airox_bundle::system::{Component, System};

/// Priority of a program, below every component a person waits for.
pub const PRIORITY: u8 = 40;
/// Bytes of a program's stack.
pub const STACK: u32 = 64 << 10;
/// Bytes of a program's heap.
pub const HEAP: u32 = 1280 << 10;
/// Bytes of memory of all kinds that a program can use: stack, heap, data, page tables and what it maps.
pub const MEMORY: u32 = 2 << 20;

/// What a program can use, with so many millionths of the processor as its budget.
#[must_use]
pub fn program_limits(time: u32) -> QuotaLimits {
    QuotaLimits::default()
        .with(QuotaKind::Time, time)
        .with(QuotaKind::Resources, u32::from(time > 0))
        .with(QuotaKind::Frames, MEMORY / 4096)
        .with(QuotaKind::Handles, 64)
        .with(QuotaKind::Processes, 1)
        .with(QuotaKind::Threads, 9)
        .with(QuotaKind::Ports, 4)
        .with(QuotaKind::Signals, 14)
        .with(QuotaKind::Regions, 16)
}

/// Who keeps a process that is no program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// Init: a component.
    Init,
    /// The device manager: a driver.
    Devices,
}

/// What the server asks of init and of the device manager.
pub trait Init {
    /// Has the log told a program's name.
    ///
    /// # Errors
    /// Init refuses, or does not answer.
    fn introduce(&mut self, id: u32, name: &str) -> Result<(), ProcessError>;

    /// The program may use these files: its handle to the file service, if the system has one.
    ///
    /// # Errors
    /// Init refuses, or does not answer.
    fn admit(&mut self, id: u32, files: &[FileGrant]) -> Result<Option<Handle>, ProcessError>;

    /// The program has ended.
    fn release(&mut self, id: u32);

    /// The components from place `cursor` on.
    ///
    /// # Errors
    /// Init does not answer.
    fn list(&mut self, cursor: u32) -> Result<Vec<ProcessEntry>, ProcessError>;

    /// All drivers; none if the device manager does not answer, so that the rest can be seen.
    fn drivers(&mut self) -> Vec<ProcessEntry>;

    /// The handles of a component or driver.
    ///
    /// # Errors
    /// There is no such one, or it does not run.
    fn handles(&mut self, of: Keeper, name: &str, cursor: u32) -> Result<Vec<HandleEntry>, ProcessError>;

    /// Kills a component or driver.
    ///
    /// # Errors
    /// There is no such one, or it does not run.
    fn kill(&mut self, of: Keeper, name: &str) -> Result<(), ProcessError>;

    /// Restarts a component or driver.
    ///
    /// # Errors
    /// There is no such one, or it can't be restarted.
    fn restart(&mut self, of: Keeper, name: &str) -> Result<(), ProcessError>;

    /// Memory of the machine.
    ///
    /// # Errors
    /// Init does not answer.
    fn memory(&mut self) -> Result<Memory, ProcessError>;
}

/// The server's own handles.
#[derive(Clone, Copy, Debug)]
pub struct Authority {
    /// The bundle: `READ`, `EXECUTE`.
    pub bundle: Handle,
    /// Its own quota: `CONTROL`.
    pub quota: Handle,
    /// The port it serves: with `SEND`, `COPY`, `BADGE`.
    pub port: Handle,
    /// The signal bound to that port: `SEND`.
    pub signal: Handle,
    /// The log, unbadged: `SEND`, `COPY`, `BADGE`.
    pub log: Handle,
    /// The clock: `SEND`, `COPY`.
    pub clock: Handle,
    /// The machine: `READ`.
    pub machine: Handle,
}

/// What the server knows of the system it is part of.
#[derive(Clone, Debug)]
pub struct Site<'a> {
    /// The bundle.
    pub bundle: Bundle<'a>,
    /// Its bytes.
    pub bundle_bytes: &'a [u8],
    /// Names of the components, in the order of their numbers.
    pub components: Vec<String>,
    /// What each component may use of files.
    pub files: Vec<Vec<FileGrant>>,
    /// Programs that components run: they need more than a program gets, so nobody can run them.
    pub reserved: Vec<String>,
    /// The components as the admission test sees them, in the order of their numbers.
    pub tasks: Vec<Task>,
    /// Those of them that a program calls: providers of its log, its clock, its files and, as any may be its own, of every console.
    pub servers: Vec<usize>,
    /// The highest priority that a program can get.
    pub highest: u8,
    /// Processor time of all programs' budgets, in millionths of each processor.
    pub time: u32,
    /// The processors that programs may use, one bit each.
    pub processors: u64,
    /// Those of the machine, as far as the server knows of them.
    pub existing: u64,
}

impl<'a> Site<'a> {
    /// From the system record and the processors that the server may use. What the server itself may do is said of the component that provides its interface.
    #[must_use]
    pub fn new(bundle: Bundle<'a>, bundle_bytes: &'a [u8], system: System, processors: u64) -> Site<'a> {
        let made_for = u64::MAX.checked_shr(u64::BITS.saturating_sub(system.processors)).unwrap_or(0);
        let existing = processors | made_for;
        let tasks = airox_admission::tasks(&system, existing);
        let provides = |component: &Component, wanted: &[&str]| {
            let mut provided = component.provides.iter();
            provided.any(|interface| wanted.contains(&interface.as_str()))
        };
        let components = system.components.iter();
        let own = components.clone().find(|component| provides(component, &["process"]));
        let servers: Vec<usize> = components
            .enumerate()
            .filter(|(_, component)| provides(component, &["log", "clock", "console", "files", "file-system"]))
            .map(|(index, _)| index)
            .collect();
        // Who is called is at least as urgent as who calls.
        let lowest = servers.iter().map(|server| tasks[*server].priority).min();
        let allowed = own.map_or(PRIORITY, |own| own.max_priority);
        let time = own.map_or(0, |own| own.time.for_programs);
        let files = system.components.iter().map(|component| component.files.clone()).collect();
        let names = system.components.into_iter();
        let (components, reserved) = names.map(|component| (component.name, component.program)).unzip();
        Site {
            bundle,
            bundle_bytes,
            components,
            files,
            reserved,
            tasks,
            servers,
            highest: lowest.map_or(allowed, |lowest| lowest.min(allowed)),
            time,
            processors,
            existing,
        }
    }
}
