//! What a supervisor tells about the processes it holds: the same for init's components and the process server's programs.

use alloc::string::String;
use alloc::vec::Vec;

use airox_abi::info::{ProcessInfo, ThreadState};
use airox_abi::layout::PAGE_SIZE;
use airox_abi::{Error, Handle, QuotaKind};
use airox_api::process::{BudgetUse, HandleEntry, Kind, Memory, ObjectCount, ProcessEntry, State};
use airox_api::start::StartHandle;

use crate::Kernel;

/// Most processes one answer tells about; they fit in a page.
pub const MAX_ENTRIES: usize = 32;
/// Most handles one answer tells about; they fit in a page.
pub const MAX_HANDLES: usize = 48;

/// Who a process is, apart from what the kernel knows.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// Its number.
    pub id: u32,
    /// Its name.
    pub name: &'a str,
    /// Whose it is.
    pub kind: Kind,
    /// How often it was restarted.
    pub restarts: u32,
}

impl Identity<'_> {
    /// The entry of a process with this kernel information, this first thread and, if it has one of its own, this budget.
    pub fn entry<K: Kernel>(
        &self,
        kernel: &mut K,
        info: &ProcessInfo,
        thread: Option<Handle>,
        budget: Option<Handle>,
    ) -> ProcessEntry {
        let thread = thread.and_then(|thread| kernel.thread_info(thread).ok());
        let budget = budget.and_then(|budget| kernel.budget_info(budget).ok());
        ProcessEntry {
            id: self.id,
            name: self.name.into(),
            state: ThreadState::from_code(info.state.into()).map_or(State::Suspended, State::from),
            priority: info.priority,
            cpu_ns: kernel.nanoseconds(info.cpu_ticks),
            memory_bytes: u64::from(info.resident_pages) * PAGE_SIZE,
            handles: info.handles,
            threads: info.threads,
            restarts: self.restarts,
            kind: self.kind,
            processor: thread.map(|thread| thread.processor.into()),
            budget: budget.map(|budget| BudgetUse {
                time_ns: budget.budget_ns,
                period_ns: budget.period_ns,
                overruns: budget.overruns,
            }),
            number: (info.state != ThreadState::Dead as u8).then_some(info.number),
        }
    }
}

/// The handles of a process from place `cursor` on, at most [`MAX_HANDLES`] of them.
///
/// # Errors
/// The process is dead.
pub fn handles<K: Kernel>(
    kernel: &mut K,
    process: Handle,
    granted: &[StartHandle],
    cursor: u32,
) -> Result<Vec<HandleEntry>, Error> {
    let mut entries = Vec::new();
    let (mut skipped, mut after) = (0, Handle::NONE);
    while entries.len() < MAX_HANDLES {
        let held = match kernel.process_handle(process, after) {
            Ok(held) => held,
            // The end; or the process has just closed the last one told, and what is known has to do.
            Err(Error::NotMapped | Error::InvalidHandle) => break,
            Err(error) => return Err(error),
        };
        after = held.handle;
        if skipped < cursor {
            skipped += 1;
            continue;
        }
        let name = granted
            .iter()
            .find(|start| start.handle() == held.handle)
            .map_or_else(String::new, |start| start.name.clone());
        entries.push(HandleEntry {
            handle: held.handle.0,
            kind: held.kind as u8,
            rights: held.rights.bits(),
            badge: held.badge,
            object: held.object,
            name,
        });
    }
    Ok(entries)
}

/// Memory, objects and processors of the whole machine. `machine` needs `READ`.
///
/// # Errors
/// The handle does not allow it.
pub fn memory<K: Kernel>(kernel: &mut K, machine: Handle) -> Result<Memory, Error> {
    let info = kernel.kernel_info(machine)?;
    let objects = QuotaKind::ALL.iter().map(|kind| ObjectCount {
        kind: *kind as u8,
        used: info.objects.get(*kind),
        capacity: info.capacity.get(*kind),
    });
    Ok(Memory {
        total_bytes: u64::from(info.capacity.get(QuotaKind::Frames)) * PAGE_SIZE,
        used_bytes: u64::from(info.objects.get(QuotaKind::Frames)) * PAGE_SIZE,
        objects: objects.collect(),
        processors: info.processors as u32,
        idle_ns: kernel.nanoseconds(info.idle_ticks),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mock::MockKernel;
    use airox_abi::{ObjectKind, Rights};

    #[test]
    fn handles_are_told_with_the_names_they_were_granted_under() {
        let mut kernel = MockKernel::new();
        let (process, _) = kernel.running_process("victim", 1);
        let port = kernel.object(ObjectKind::Port);
        let first = kernel.process_grant(process, port, Rights::SEND, 5).unwrap();
        kernel.process_grant(process, port, Rights::all(), 0).unwrap();
        let granted = [StartHandle::new("log", first, ObjectKind::Port)];
        let told = handles(&mut kernel, process, &granted, 0).unwrap();
        assert_eq!(told.len(), 2);
        assert_eq!((told[0].name.as_str(), told[0].badge), ("log", 5));
        assert_eq!(told[0].rights, Rights::SEND.bits());
        assert_eq!(told[1].name, "");
        assert_eq!(handles(&mut kernel, process, &granted, 1).unwrap().len(), 1);
        assert!(handles(&mut kernel, process, &granted, u32::MAX).unwrap().is_empty());
        kernel.exit("victim", 0);
        assert_eq!(handles(&mut kernel, process, &[], 0), Err(Error::Dead));
    }

    #[test]
    fn long_tables_come_in_parts() {
        let mut kernel = MockKernel::new();
        let (process, _) = kernel.running_process("victim", 1);
        let port = kernel.object(ObjectKind::Port);
        for _ in 0..100 {
            kernel.process_grant(process, port, Rights::SEND, 0).unwrap();
        }
        let mut cursor = 0;
        loop {
            let part = handles(&mut kernel, process, &[], cursor).unwrap();
            if part.is_empty() {
                break;
            }
            cursor += part.len() as u32;
        }
        assert_eq!(cursor, 100);
    }

    #[test]
    fn every_kind_of_object_is_counted() {
        let mut kernel = MockKernel::new();
        let machine = kernel.object(ObjectKind::Machine);
        assert_eq!(memory(&mut kernel, machine).unwrap().objects.len(), QuotaKind::COUNT);
        assert_eq!(memory(&mut kernel, Handle::NONE), Err(Error::InvalidHandle));
    }
}
