//! The sequence of steps that makes a process.

use alloc::vec::Vec;

use airox_abi::layout::{PAGE_SIZE, STACK_TOP, START_BLOCK};
use airox_abi::{Error, Handle, MapFlags, ObjectKind, QuotaLimits, Rights};
use airox_api::log::Level;
use airox_api::start::{StartBlock, StartHandle};
use airox_bundle::Program;

use crate::Kernel;
use crate::image::{self, ImageError, Layout, pages};

/// Text of at most so many pages is mapped with every page present: filling a page-table entry costs less than
/// the fault that would fill it later. Longer text is mapped on demand.
const EAGER_PAGES: u64 = 64;

/// What a process is made from. Handles are borrowed: they stay the creator's.
#[derive(Clone, Copy, Debug)]
pub struct SpawnRequest<'a> {
    /// The region that holds the bundle from its first byte on: `READ`, `EXECUTE`.
    pub bundle: Handle,
    /// The same bundle's bytes, as the creator has them mapped.
    pub bundle_bytes: &'a [u8],
    /// The program, of that bundle.
    pub program: &'a Program<'a>,
    /// The process's name.
    pub name: &'a str,
    /// What it finds as its arguments.
    pub arguments: &'a [&'a str],
    /// What it is charged to.
    pub quota: QuotaSource,
    /// The handles it gets.
    pub grants: &'a [Grant<'a>],
    /// Priority of its first thread.
    pub priority: u8,
    /// Highest priority it may give to its threads.
    pub max_priority: u8,
    /// Bytes of its stack, rounded up to whole pages.
    pub stack_bytes: u32,
    /// Bytes its runtime reserves for the heap, from its own quota.
    pub heap_bytes: u32,
    /// Where faults of its first thread go: a badged port handle with `SEND` and `COPY`, or
    /// [`Handle::NONE`], and a fault ends the process.
    pub fault_port: Handle,
    /// Records less important than this are not even sent to the log.
    pub log_level: Level,
}

/// Which quota the process gets.
#[derive(Clone, Copy, Debug)]
pub enum QuotaSource {
    /// This one, shared with whatever else is charged to it.
    Given(Handle),
    /// A child of its own.
    Carved {
        /// Carved out of this quota: `CONTROL`.
        parent: Handle,
        /// The child's limits.
        limits: QuotaLimits,
    },
}

/// One handle that the process gets.
#[derive(Clone, Copy, Debug)]
pub struct Grant<'a> {
    /// The name under which the process finds it.
    pub name: &'a str,
    /// The creator's handle: `COPY`.
    pub handle: Handle,
    /// What it names.
    pub kind: ObjectKind,
    /// At most these rights.
    pub rights: Rights,
    /// Badge of the copy; 0 keeps the creator's.
    pub badge: u64,
}

/// A running process. The handles are the creator's, with all rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spawned {
    /// The process.
    pub process: Handle,
    /// Its first thread.
    pub thread: Handle,
    /// Its quota, if one was carved.
    pub quota: Option<Handle>,
    /// First address of its stack; the page below is the guard.
    pub stack_base: u64,
    /// The handles it got, as it knows them.
    pub granted: Vec<StartHandle>,
}

/// A step of making a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Carving its quota.
    Quota,
    /// Making the process.
    Process,
    /// Setting its highest priority.
    Priority,
    /// Granting a handle.
    Grant,
    /// Making and writing the region for start block, data and stack.
    Memory,
    /// Mapping a part of it, or of the bundle.
    Map,
    /// Making the first thread.
    Thread,
    /// Starting it.
    Start,
}

impl Step {
    const fn text(self) -> &'static str {
        match self {
            Step::Quota => "carve its quota",
            Step::Process => "create the process",
            Step::Priority => "set its highest priority",
            Step::Grant => "grant a handle",
            Step::Memory => "reserve memory",
            Step::Map => "map its memory",
            Step::Thread => "create its thread",
            Step::Start => "start its thread",
        }
    }
}

/// Why no process was made. Nothing is left over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpawnError {
    /// The program does not fit a process.
    Image(ImageError),
    /// Name, arguments and handle names do not fit the start block.
    StartBlockTooLarge,
    /// The kernel refused a step.
    Kernel(Step, Error),
}

impl core::fmt::Display for SpawnError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            SpawnError::Image(error) => write!(formatter, "bad program image: {error}"),
            SpawnError::StartBlockTooLarge => {
                formatter.write_str("name, arguments and handle names exceed the start block")
            }
            SpawnError::Kernel(step, error) => {
                write!(formatter, "cannot {}: {error}", step.text())
            }
        }
    }
}

impl core::error::Error for SpawnError {}

/// Says which step a kernel error belongs to.
trait At<T> {
    fn at(self, step: Step) -> Result<T, SpawnError>;
}

impl<T> At<T> for Result<T, Error> {
    fn at(self, step: Step) -> Result<T, SpawnError> {
        self.map_err(|error| SpawnError::Kernel(step, error))
    }
}

/// Makes a process and starts it.
///
/// # Errors
/// [`SpawnError`] names the step that failed; everything made before it is undone.
pub fn spawn<K: Kernel>(kernel: &mut K, request: &SpawnRequest<'_>) -> Result<Spawned, SpawnError> {
    let program = request.program;
    let layout = image::plan(program.segments(), program.entry(), request.stack_bytes)
        .map_err(SpawnError::Image)?;

    let (quota, carved) = match request.quota {
        QuotaSource::Given(quota) => (quota, None),
        QuotaSource::Carved { parent, limits } => {
            let quota = kernel.quota_create(parent, &limits).at(Step::Quota)?;
            (quota, Some(quota))
        }
    };
    match in_quota(kernel, request, &layout, quota) {
        Ok((process, thread, granted)) => Ok(Spawned {
            process,
            thread,
            quota: carved,
            stack_base: layout.stack_base(),
            granted,
        }),
        Err(error) => {
            if let Some(quota) = carved {
                give_up(kernel, quota);
            }
            Err(error)
        }
    }
}

/// Makes the process, and kills it if it cannot be started.
fn in_quota<K: Kernel>(
    kernel: &mut K,
    request: &SpawnRequest<'_>,
    layout: &Layout,
    quota: Handle,
) -> Result<(Handle, Handle, Vec<StartHandle>), SpawnError> {
    let process = kernel
        .process_create(quota, request.name)
        .at(Step::Process)?;
    let result = populate(kernel, request, layout, quota, process).and_then(|granted| {
        let thread = start_thread(kernel, request, process)?;
        Ok((process, thread, granted))
    });
    if result.is_err() {
        // It has no running thread, so nothing else would ever end it.
        let killed = kernel.process_kill(process, 0);
        debug_assert_eq!(killed, Ok(()), "the creator's handle has all rights");
        give_up(kernel, process);
    }
    result
}

/// Gives the process its handles and its memory.
fn populate<K: Kernel>(
    kernel: &mut K,
    request: &SpawnRequest<'_>,
    layout: &Layout,
    quota: Handle,
    process: Handle,
) -> Result<Vec<StartHandle>, SpawnError> {
    kernel
        .process_priority(process, request.max_priority)
        .at(Step::Priority)?;
    let mut handles = Vec::with_capacity(request.grants.len());
    for grant in request.grants {
        let handle = kernel
            .process_grant(process, grant.handle, grant.rights, grant.badge)
            .at(Step::Grant)?;
        handles.push(StartHandle::new(grant.name, handle, grant.kind));
    }
    let block = StartBlock {
        name: request.name.into(),
        arguments: request.arguments.iter().map(|&each| each.into()).collect(),
        handles,
        stack_base: layout.stack_base(),
        stack_length: layout.stack_pages * PAGE_SIZE,
        heap_bytes: u64::from(request.heap_bytes),
        log_level: request.log_level,
    };
    let bytes = block
        .to_bytes()
        .map_err(|_| SpawnError::StartBlockTooLarge)?;
    let block_pages = pages(bytes.len() as u64);

    let region = kernel
        .region_create(
            quota,
            block_pages + layout.writable_pages + layout.stack_pages,
            block_pages + layout.data_pages,
            |memory| {
                let (start, data) = memory.split_at_mut((block_pages * PAGE_SIZE) as usize);
                start[..bytes.len()].copy_from_slice(&bytes);
                copy_data(request, data);
            },
        )
        .at(Step::Memory)?;
    let result = map(kernel, request, layout, region, block_pages, process);
    // The mappings keep the region alive, and nobody shall have another way to it.
    give_up(kernel, region);
    result.map(|()| block.handles)
}

/// Copies the bytes of every writable segment to its place.
fn copy_data(request: &SpawnRequest<'_>, mut rest: &mut [u8]) {
    for segment in request.program.segments().filter(|each| each.writable) {
        let start = segment.offset as usize;
        let length = segment.file_size as usize;
        // Both ranges exist: the bundle was parsed, and the layout was made for these segments.
        if let (Some(bytes), Some(target)) = (
            request.bundle_bytes.get(start..start + length),
            rest.get_mut(..length),
        ) {
            target.copy_from_slice(bytes);
        }
        let memory = (pages(segment.memory_size) * PAGE_SIZE) as usize;
        rest = rest.get_mut(memory..).unwrap_or_default();
    }
}

/// Maps everything into the process.
fn map<K: Kernel>(
    kernel: &mut K,
    request: &SpawnRequest<'_>,
    layout: &Layout,
    region: Handle,
    block_pages: u64,
    process: Handle,
) -> Result<(), SpawnError> {
    let mut map = |region, address, offset, pages, flags| {
        kernel
            .region_map(region, process, address, offset, pages, flags)
            .at(Step::Map)
    };
    map(region, START_BLOCK, 0, block_pages, MapFlags::POPULATE)?;
    let mut offset = block_pages;
    for segment in request.program.segments() {
        let count = pages(segment.memory_size);
        if count == 0 {
            continue;
        }
        if segment.writable {
            map(region, segment.address, offset, count, MapFlags::WRITE)?;
            offset += count;
            continue;
        }
        let mut flags = MapFlags::empty();
        flags.set(MapFlags::EXECUTE, segment.executable);
        flags.set(MapFlags::POPULATE, count <= EAGER_PAGES);
        map(
            request.bundle,
            segment.address,
            segment.offset / PAGE_SIZE,
            count,
            flags,
        )?;
    }
    map(
        region,
        layout.stack_base(),
        offset,
        layout.stack_pages,
        MapFlags::WRITE,
    )
}

/// Makes the first thread and lets it run.
fn start_thread<K: Kernel>(
    kernel: &mut K,
    request: &SpawnRequest<'_>,
    process: Handle,
) -> Result<Handle, SpawnError> {
    let thread = kernel
        .thread_create(process, request.priority, request.fault_port)
        .at(Step::Thread)?;
    let started = kernel
        .thread_start(thread, request.program.entry(), STACK_TOP, START_BLOCK)
        .at(Step::Start);
    match started {
        Ok(()) => Ok(thread),
        Err(error) => {
            give_up(kernel, thread);
            Err(error)
        }
    }
}

/// Closes a handle of our own.
fn give_up<K: Kernel>(kernel: &mut K, handle: Handle) {
    let closed = kernel.handle_close(handle);
    debug_assert_eq!(closed, Ok(()), "the handle was just made");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mock::{Counts, MockKernel};
    use airox_abi::layout::PROGRAM_BASE;
    use airox_bundle::Bundle;
    use airox_bundle::write::{Builder, ProgramImage, SegmentImage};
    use std::vec;

    const DATA: u64 = PROGRAM_BASE + 0x2000;

    fn bundle() -> Vec<u8> {
        let mut builder = Builder::new();
        builder
            .program(ProgramImage {
                name: "victim".into(),
                entry: PROGRAM_BASE + 8,
                segments: vec![
                    SegmentImage {
                        address: PROGRAM_BASE,
                        memory_size: 0x1800,
                        bytes: vec![0x90; 0x1800],
                        writable: false,
                        executable: true,
                    },
                    SegmentImage {
                        address: DATA,
                        memory_size: 0x2800,
                        bytes: vec![0xda; 0x10],
                        writable: true,
                        executable: false,
                    },
                ],
                symbols: vec![],
            })
            .unwrap();
        builder.build("victim").unwrap()
    }

    /// What a test spawns with.
    struct House {
        kernel: MockKernel,
        bytes: Vec<u8>,
        bundle: Handle,
        quota: Handle,
        port: Handle,
    }

    impl House {
        fn new() -> House {
            let mut kernel = MockKernel::new();
            House {
                bytes: bundle(),
                bundle: kernel.object(ObjectKind::Region),
                quota: kernel.object(ObjectKind::Quota),
                port: kernel.object(ObjectKind::Port),
                kernel,
            }
        }

        fn spawn(&mut self, arguments: &[&str]) -> Result<Spawned, SpawnError> {
            let parsed = Bundle::parse(&self.bytes).unwrap();
            let grants = [Grant {
                name: "log",
                handle: self.port,
                kind: ObjectKind::Port,
                rights: Rights::SEND,
                badge: 7,
            }];
            spawn(
                &mut self.kernel,
                &SpawnRequest {
                    bundle: self.bundle,
                    bundle_bytes: &self.bytes,
                    program: &parsed.program("victim").unwrap(),
                    name: "victim",
                    arguments,
                    quota: QuotaSource::Carved {
                        parent: self.quota,
                        limits: QuotaLimits::default(),
                    },
                    grants: &grants,
                    priority: 10,
                    max_priority: 11,
                    stack_bytes: 0x4000,
                    heap_bytes: 0x1_0000,
                    fault_port: self.port,
                    log_level: Level::Info,
                },
            )
        }
    }

    #[test]
    fn a_process_gets_exactly_what_was_asked_for() {
        let mut house = House::new();
        let spawned = house.spawn(&["-f", "all"]).unwrap();
        assert_eq!(spawned.stack_base, STACK_TOP - 0x4000);
        let process = house.kernel.process("victim").unwrap();
        assert_eq!(process.max_priority, 11);
        assert_eq!(
            process.started,
            vec![(PROGRAM_BASE + 8, STACK_TOP, START_BLOCK)]
        );
        let populated = MapFlags::POPULATE;
        assert_eq!(
            process.mappings,
            vec![
                (START_BLOCK, 1, populated),
                (PROGRAM_BASE, 2, populated | MapFlags::EXECUTE),
                (DATA, 3, MapFlags::WRITE),
                (STACK_TOP - 0x4000, 4, MapFlags::WRITE),
            ]
        );
        assert_eq!(
            house.kernel.granted("victim"),
            vec![(ObjectKind::Port, Rights::SEND, 7)]
        );
    }

    #[test]
    fn start_block_and_data_are_written() {
        let mut house = House::new();
        let spawned = house.spawn(&["-f", "all"]).unwrap();
        let memory = house.kernel.regions.values().next().unwrap();
        assert_eq!(memory.len() as u64, (1 + 3 + 4) * PAGE_SIZE);
        let block = StartBlock::parse(memory).unwrap();
        assert_eq!(block.name, "victim");
        assert_eq!(block.arguments, ["-f", "all"]);
        assert_eq!(block.handles, spawned.granted);
        assert_eq!((block.stack_length, block.heap_bytes), (0x4000, 0x1_0000));
        let data = &memory[PAGE_SIZE as usize..];
        assert!(data[..0x10].iter().all(|byte| *byte == 0xda));
        assert!(data[0x10..].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn whatever_fails_nothing_is_left() {
        let mut house = House::new();
        let before = house.kernel.counts();
        let mut steps = Vec::new();
        for failing_after in 0.. {
            house.kernel.failing_after = Some(failing_after);
            match house.spawn(&[]) {
                Ok(_) => break,
                Err(SpawnError::Kernel(step, Error::QuotaExceeded)) => steps.push(step),
                Err(other) => panic!("{other}"),
            }
            assert_eq!(house.kernel.counts(), before, "after {failing_after} calls");
        }
        steps.dedup();
        assert_eq!(
            steps,
            [
                Step::Quota,
                Step::Process,
                Step::Priority,
                Step::Grant,
                Step::Memory,
                Step::Map,
                Step::Thread,
                Step::Start
            ]
        );
        let after = house.kernel.counts();
        assert_eq!(
            (after.handles, after.processes),
            (before.handles + 3, before.processes + 1)
        );
    }

    #[test]
    fn killing_and_closing_returns_everything() {
        let mut house = House::new();
        let before: Counts = house.kernel.counts();
        for _ in 0..100 {
            let spawned = house.spawn(&[]).unwrap();
            house.kernel.process_kill(spawned.process, 0).unwrap();
            give_up(&mut house.kernel, spawned.process);
            give_up(&mut house.kernel, spawned.thread);
            give_up(&mut house.kernel, spawned.quota.unwrap());
        }
        assert_eq!(house.kernel.counts(), before);
    }

    #[test]
    fn arguments_that_do_not_fit_are_refused() {
        let mut house = House::new();
        let before = house.kernel.counts();
        let long = "x".repeat(100_000);
        assert_eq!(house.spawn(&[&long]), Err(SpawnError::StartBlockTooLarge));
        assert_eq!(house.kernel.counts(), before);
    }

    #[test]
    fn a_long_start_block_takes_more_pages() {
        let mut house = House::new();
        let long = "x".repeat(5000);
        house.spawn(&[&long]).unwrap();
        let process = house.kernel.process("victim").unwrap();
        assert_eq!(process.mappings[0], (START_BLOCK, 2, MapFlags::POPULATE));
        let memory = house.kernel.regions.values().next().unwrap();
        assert_eq!(StartBlock::parse(memory).unwrap().arguments, [long]);
        assert_eq!(memory[2 * PAGE_SIZE as usize], 0xda);
    }

    #[test]
    fn a_bad_image_costs_no_system_call() {
        let mut house = House::new();
        let parsed = Bundle::parse(&house.bytes).unwrap();
        let request = SpawnRequest {
            bundle: house.bundle,
            bundle_bytes: &house.bytes,
            program: &parsed.program("victim").unwrap(),
            name: "victim",
            arguments: &[],
            quota: QuotaSource::Given(house.quota),
            grants: &[],
            priority: 1,
            max_priority: 1,
            stack_bytes: 0,
            heap_bytes: 0,
            fault_port: Handle::NONE,
            log_level: Level::Info,
        };
        assert_eq!(
            spawn(&mut house.kernel, &request),
            Err(SpawnError::Image(ImageError::BadStackSize))
        );
        assert!(house.kernel.calls.is_empty());
    }
}
