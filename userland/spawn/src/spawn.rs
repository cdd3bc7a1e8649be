//! The sequence of steps that makes a process.

use alloc::vec::Vec;

use airox_abi::layout::{PAGE_SIZE, STACK_TOP, START_BLOCK};
use airox_abi::{Error, Handle, MapFlags, ObjectKind, Rights};
use airox_api::start::{StartBlock, StartHandle, StartTiming};

use crate::Kernel;
use crate::image::{self, Layout, pages};
use crate::request::{QuotaSource, SpawnError, SpawnRequest, Spawned, Step};

/// Text of at most so many pages is mapped with every page present: filling a page-table entry costs less than
/// the fault that would fill it later. Longer text is mapped on demand.
const EAGER_PAGES: u64 = 64;

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
    let layout = image::plan(program.segments(), program.entry(), request.stack_bytes).map_err(SpawnError::Image)?;

    let (quota, carved) = match request.quota {
        QuotaSource::Given(quota) => (quota, None),
        QuotaSource::Carved { parent, limits } => {
            let quota = kernel.quota_create(parent, &limits).at(Step::Quota)?;
            (quota, Some(quota))
        }
    };
    match in_quota(kernel, request, &layout, quota) {
        Ok(made) => Ok(Spawned { quota: carved, stack_base: layout.stack_base(), ..made }),
        Err(error) => {
            if let Some(quota) = carved {
                give_up(kernel, quota);
            }
            Err(error)
        }
    }
}

/// Makes the process, and kills it if it cannot be started. Quota and stack are the caller's to fill in.
fn in_quota<K: Kernel>(
    kernel: &mut K,
    request: &SpawnRequest<'_>,
    layout: &Layout,
    quota: Handle,
) -> Result<Spawned, SpawnError> {
    let process = kernel.process_create(quota, request.name).at(Step::Process)?;
    let budget = match give_budget(kernel, request, quota, process) {
        Ok(budget) => budget,
        Err(error) => {
            abandon(kernel, process);
            return Err(error);
        }
    };
    let result = populate(kernel, request, layout, quota, process, budget).and_then(|granted| {
        let thread = start_thread(kernel, request, process)?;
        Ok(Spawned { process, thread, quota: None, budget, stack_base: 0, granted })
    });
    if result.is_err() {
        abandon(kernel, process);
        if let Some(budget) = budget {
            give_up(kernel, budget);
        }
    }
    result
}

/// Ends a process without a running thread: nothing else would ever end it.
fn abandon<K: Kernel>(kernel: &mut K, process: Handle) {
    let killed = kernel.process_kill(process, 0);
    debug_assert_eq!(killed, Ok(()), "the creator's handle has all rights");
    give_up(kernel, process);
}

/// Says where the process runs and makes its budget there, before it has a thread that would run elsewhere or on another.
fn give_budget<K: Kernel>(
    kernel: &mut K,
    request: &SpawnRequest<'_>,
    quota: Handle,
    process: Handle,
) -> Result<Option<Handle>, SpawnError> {
    let mut first = 0;
    if let Some(processors) = request.time.processors {
        kernel.process_processors(process, processors).at(Step::Processors)?;
        first = processors.trailing_zeros();
    }
    let Some(wanted) = request.time.budget else {
        return Ok(None);
    };
    let budget = kernel.budget_create(quota, first, wanted.time_ns, wanted.period_ns, wanted.flags).at(Step::Budget)?;
    match kernel.process_budget(process, budget).at(Step::Budget) {
        Ok(()) => Ok(Some(budget)),
        Err(error) => {
            give_up(kernel, budget);
            Err(error)
        }
    }
}

/// Gives the process its handles and its memory.
fn populate<K: Kernel>(
    kernel: &mut K,
    request: &SpawnRequest<'_>,
    layout: &Layout,
    quota: Handle,
    process: Handle,
    budget: Option<Handle>,
) -> Result<Vec<StartHandle>, SpawnError> {
    kernel.process_priority(process, request.max_priority).at(Step::Priority)?;
    let mut handles = Vec::with_capacity(request.grants.len());
    for grant in request.grants {
        let handle = kernel.process_grant(process, grant.handle, grant.rights, grant.badge).at(Step::Grant)?;
        handles.push(StartHandle::new(grant.name, handle, grant.kind));
    }
    if let Some(budget) = budget {
        let handle = kernel.process_grant(process, budget, Rights::READ, 0).at(Step::Grant)?;
        handles.push(StartHandle::new("budget", handle, ObjectKind::Budget));
    }
    let timing = request.time.budget.map(|budget| StartTiming {
        period_ns: budget.period_ns,
        deadline_ns: request.time.deadline_ns.unwrap_or(budget.period_ns),
    });
    let block = StartBlock {
        name: request.name.into(),
        arguments: request.arguments.iter().map(|&each| each.into()).collect(),
        handles,
        stack_base: layout.stack_base(),
        stack_length: layout.stack_pages * PAGE_SIZE,
        heap_bytes: u64::from(request.heap_bytes),
        log_level: request.log_level,
        timing,
    };
    let bytes = block.to_bytes().map_err(|_| SpawnError::StartBlockTooLarge)?;
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
        if let (Some(bytes), Some(target)) = (request.bundle_bytes.get(start..start + length), rest.get_mut(..length)) {
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
        kernel.region_map(region, process, address, offset, pages, flags).at(Step::Map)
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
        map(request.bundle, segment.address, segment.offset / PAGE_SIZE, count, flags)?;
    }
    map(region, layout.stack_base(), offset, layout.stack_pages, MapFlags::WRITE)
}

/// Makes the first thread and lets it run.
fn start_thread<K: Kernel>(kernel: &mut K, request: &SpawnRequest<'_>, process: Handle) -> Result<Handle, SpawnError> {
    let thread = kernel.thread_create(process, request.priority, request.fault_port).at(Step::Thread)?;
    let started = bind_thread(kernel, request, thread)
        .and_then(|()| kernel.thread_start(thread, request.program.entry(), STACK_TOP, START_BLOCK).at(Step::Start));
    match started {
        Ok(()) => Ok(thread),
        Err(error) => {
            give_up(kernel, thread);
            Err(error)
        }
    }
}

/// Says how the first thread gets its time.
fn bind_thread<K: Kernel>(kernel: &mut K, request: &SpawnRequest<'_>, thread: Handle) -> Result<(), SpawnError> {
    if request.time.passive {
        kernel.thread_make_passive(thread).at(Step::Budget)?;
    }
    match request.time.weight {
        Some(weight) => kernel.thread_weight(thread, weight).at(Step::Budget),
        None => Ok(()),
    }
}

/// Closes a handle of our own.
fn give_up<K: Kernel>(kernel: &mut K, handle: Handle) {
    let closed = kernel.handle_close(handle);
    debug_assert_eq!(closed, Ok(()), "the handle was just made");
}

#[cfg(test)]
mod tests;
