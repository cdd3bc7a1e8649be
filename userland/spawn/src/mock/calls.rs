//! The model's system calls.

use std::collections::BTreeSet;
use std::string::ToString;
use std::vec::Vec;

use airox_abi::info::{BudgetInfo, KernelInfo, ProcessInfo, Registers, ThreadInfo, ThreadState};
use airox_abi::layout::{NAME_LENGTH, PAGE_SIZE};
use airox_abi::trace::TraceBuffer;
use airox_abi::{BudgetFlags, Error, Handle, MapFlags, ObjectKind, QuotaLimits, Rights};
use airox_rt::sys::HeldHandle;

use super::{MockKernel, MockProcess};
use crate::Kernel;

impl Kernel for MockKernel {
    fn quota_create(&mut self, parent: Handle, _limits: &QuotaLimits) -> Result<Handle, Error> {
        self.enter("quota_create")?;
        self.get(parent, ObjectKind::Quota, Rights::CONTROL)?;
        Ok(self.object(ObjectKind::Quota))
    }

    fn process_create(&mut self, quota: Handle, name: &str) -> Result<Handle, Error> {
        self.enter("process_create")?;
        let quota = self.get(quota, ObjectKind::Quota, Rights::CONTROL)?.object;
        let handle = self.object(ObjectKind::Process);
        let process = MockProcess { name: name.to_string(), alive: true, quota, ..MockProcess::default() };
        self.processes.insert(self.next_object, process);
        Ok(handle)
    }

    fn process_priority(&mut self, process: Handle, highest: u8) -> Result<(), Error> {
        self.enter("process_priority")?;
        self.living(process, Rights::CONTROL)?.max_priority = highest;
        Ok(())
    }

    fn process_grant(&mut self, process: Handle, handle: Handle, rights: Rights, badge: u64) -> Result<Handle, Error> {
        self.enter("process_grant")?;
        let copy = self.copy_of(handle, rights, badge)?;
        let process = self.living(process, Rights::CONTROL)?;
        process.table.push(copy);
        Ok(Handle::new(process.table.len() as u32, 1))
    }

    fn process_kill(&mut self, process: Handle, code: i64) -> Result<(), Error> {
        self.calls.push("process_kill");
        let object = self.get(process, ObjectKind::Process, Rights::CONTROL)?.object;
        if self.processes[&object].alive {
            self.end(object, code);
        }
        Ok(())
    }

    fn process_watch(&mut self, process: Handle, signal: Handle, bits: u64) -> Result<(), Error> {
        self.enter("process_watch")?;
        let signal = self.get(signal, ObjectKind::Signal, Rights::SEND)?.object;
        self.living(process, Rights::WATCH)?.watch = Some((signal, bits));
        Ok(())
    }

    fn process_info(&mut self, process: Handle) -> Result<ProcessInfo, Error> {
        let object = self.get(process, ObjectKind::Process, Rights::READ)?.object;
        let process = &self.processes[&object];
        let mut name = [0; NAME_LENGTH];
        for (to, from) in name.iter_mut().zip(process.name.bytes()) {
            *to = from;
        }
        let state = if process.alive { ThreadState::Receiving } else { ThreadState::Dead };
        Ok(ProcessInfo {
            name,
            number: object as u32,
            handles: process.table.len() as u32,
            state: state as u8,
            max_priority: process.max_priority,
            exit_code: process.exit_code,
            ..ProcessInfo::default()
        })
    }

    fn process_read(&mut self, process: Handle, address: u64, buffer: &mut [u8]) -> Result<(), Error> {
        self.get(process, ObjectKind::Process, Rights::DEBUG)?;
        for (index, chunk) in buffer.chunks_mut(8).enumerate() {
            let at = address.wrapping_add(index as u64 * 8);
            let word = self.memory.get(&at).ok_or(Error::InvalidAddress)?;
            chunk.copy_from_slice(&word.to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }

    fn process_handle(&mut self, process: Handle, after: Handle) -> Result<HeldHandle, Error> {
        let process = self.living(process, Rights::READ)?;
        // A handle's index is one more than its capability's place: that of the next place.
        let place = after.index();
        let capability = process.table.get(place as usize).ok_or(Error::NotMapped)?;
        Ok(HeldHandle {
            handle: Handle::new(place + 1, 1),
            kind: capability.kind,
            rights: capability.rights,
            badge: capability.badge,
            object: capability.object,
        })
    }

    fn region_create(
        &mut self,
        quota: Handle,
        pages: u64,
        filled: u64,
        fill: impl FnOnce(&mut [u8]),
    ) -> Result<Handle, Error> {
        self.enter("region_create")?;
        self.get(quota, ObjectKind::Quota, Rights::CONTROL)?;
        let mut bytes = std::vec![0; (pages * PAGE_SIZE) as usize];
        fill(bytes.get_mut(..(filled * PAGE_SIZE) as usize).ok_or(Error::InvalidArgument)?);
        let handle = self.object(ObjectKind::Region);
        self.regions.insert(self.next_object, bytes);
        Ok(handle)
    }

    fn region_contiguous(&mut self, quota: Handle, pages: u64) -> Result<Handle, Error> {
        self.enter("region_contiguous")?;
        if !quota.is_none() {
            self.get(quota, ObjectKind::Quota, Rights::CONTROL)?;
        }
        let handle = self.object(ObjectKind::Region);
        self.regions.insert(self.next_object, std::vec![0; (pages * PAGE_SIZE) as usize]);
        Ok(handle)
    }

    fn region_map(
        &mut self,
        region: Handle,
        process: Handle,
        address: u64,
        _offset_pages: u64,
        pages: u64,
        flags: MapFlags,
    ) -> Result<(), Error> {
        self.enter("region_map")?;
        let mut rights = Rights::READ;
        rights.set(Rights::WRITE, flags.contains(MapFlags::WRITE));
        rights.set(Rights::EXECUTE, flags.contains(MapFlags::EXECUTE));
        if rights.contains(Rights::WRITE | Rights::EXECUTE) {
            return Err(Error::InvalidArgument);
        }
        let object = self.get(region, ObjectKind::Region, rights)?.object;
        let process = self.living(process, Rights::CONTROL)?;
        let end = address + pages * PAGE_SIZE;
        let overlaps = |(start, count, _): &(u64, u64, MapFlags)| address < start + count * PAGE_SIZE && *start < end;
        if process.mappings.iter().any(overlaps) {
            return Err(Error::AlreadyMapped);
        }
        process.mappings.push((address, pages, flags));
        process.mapped.push(object);
        Ok(())
    }

    fn process_processors(&mut self, process: Handle, processors: u64) -> Result<(), Error> {
        self.enter("process_processors")?;
        if processors == 0 || processors >> self.processors != 0 {
            return Err(Error::NoSuchResource);
        }
        self.living(process, Rights::CONTROL)?.processors = Some(processors);
        Ok(())
    }

    fn budget_create(
        &mut self,
        quota: Handle,
        processor: u32,
        budget_ns: u64,
        period_ns: u64,
        _flags: BudgetFlags,
    ) -> Result<Handle, Error> {
        self.enter("budget_create")?;
        self.get(quota, ObjectKind::Quota, Rights::CONTROL)?;
        if processor >= self.processors {
            return Err(Error::NoSuchResource);
        }
        let handle = self.object(ObjectKind::Budget);
        self.budgets.insert(self.next_object, (processor, budget_ns, period_ns));
        Ok(handle)
    }

    fn process_budget(&mut self, process: Handle, budget: Handle) -> Result<(), Error> {
        self.enter("process_budget")?;
        let budget = self.get(budget, ObjectKind::Budget, Rights::SEND)?.object;
        let (processor, budget_ns, period_ns) = self.budgets[&budget];
        let process = self.living(process, Rights::CONTROL)?;
        (process.budget, process.budget_processor) = (Some((budget_ns, period_ns)), processor);
        Ok(())
    }

    fn budget_info(&mut self, budget: Handle) -> Result<BudgetInfo, Error> {
        let budget = self.get(budget, ObjectKind::Budget, Rights::READ)?.object;
        let (processor, budget_ns, period_ns) = self.budgets[&budget];
        Ok(BudgetInfo { processor, budget_ns, period_ns, ..BudgetInfo::default() })
    }

    fn thread_make_passive(&mut self, thread: Handle) -> Result<(), Error> {
        self.enter("thread_make_passive")?;
        self.thread_owner(thread)?.passive = true;
        Ok(())
    }

    fn thread_weight(&mut self, thread: Handle, weight: u16) -> Result<(), Error> {
        self.enter("thread_weight")?;
        self.thread_owner(thread)?.weight = weight;
        Ok(())
    }

    fn thread_create(&mut self, process: Handle, _priority: u8, fault_port: Handle) -> Result<Handle, Error> {
        self.enter("thread_create")?;
        if !fault_port.is_none() {
            self.get(fault_port, ObjectKind::Port, Rights::SEND | Rights::COPY)?;
        }
        let owner = self.get(process, ObjectKind::Process, Rights::CONTROL)?.object;
        let handle = self.object(ObjectKind::Thread);
        self.threads.insert(self.next_object, owner);
        Ok(handle)
    }

    fn thread_start(&mut self, thread: Handle, entry: u64, stack: u64, argument: u64) -> Result<(), Error> {
        self.enter("thread_start")?;
        let object = self.get(thread, ObjectKind::Thread, Rights::CONTROL)?.object;
        let process = self.threads[&object];
        self.processes.get_mut(&process).unwrap().started.push((entry, stack, argument));
        Ok(())
    }

    fn thread_info(&mut self, thread: Handle) -> Result<ThreadInfo, Error> {
        let object = self.get(thread, ObjectKind::Thread, Rights::READ)?.object;
        let process = &self.processes[&self.threads[&object]];
        let first = process.processors.map_or(0, u64::trailing_zeros);
        Ok(ThreadInfo { number: process.thread_number, processor: first as u8, ..ThreadInfo::default() })
    }

    fn thread_read_registers(&mut self, thread: Handle) -> Result<Registers, Error> {
        self.get(thread, ObjectKind::Thread, Rights::DEBUG)?;
        Ok(Registers::default())
    }

    fn handle_copy(&mut self, handle: Handle, rights: Rights, badge: u64) -> Result<Handle, Error> {
        self.enter("handle_copy")?;
        let copy = self.copy_of(handle, rights, badge)?;
        Ok(self.insert(copy))
    }

    fn handle_close(&mut self, handle: Handle) -> Result<(), Error> {
        self.calls.push("handle_close");
        let closed = self.handles.remove(&handle).ok_or(Error::InvalidHandle)?;
        let tables = self.processes.values_mut().flat_map(|each| &mut each.table);
        for child in self.handles.values_mut().chain(tables) {
            if child.parent == Some(handle) {
                child.parent = closed.parent;
            }
        }
        Ok(())
    }

    fn handle_revoke(&mut self, handle: Handle) -> Result<(), Error> {
        self.calls.push("handle_revoke");
        let mut doomed = BTreeSet::from([handle]);
        loop {
            let more: Vec<Handle> = self
                .handles
                .iter()
                .filter(|(own, each)| {
                    each.parent.is_some_and(|parent| doomed.contains(&parent)) && !doomed.contains(own)
                })
                .map(|(own, _)| *own)
                .collect();
            if more.is_empty() {
                break;
            }
            doomed.extend(more);
        }
        for process in self.processes.values_mut() {
            process.table.retain(|each| !each.parent.is_some_and(|parent| doomed.contains(&parent)));
        }
        doomed.remove(&handle);
        self.handles.retain(|own, _| !doomed.contains(own));
        Ok(())
    }

    fn port_create(&mut self, quota: Handle, _label: u64) -> Result<Handle, Error> {
        self.enter("port_create")?;
        if !quota.is_none() {
            self.get(quota, ObjectKind::Quota, Rights::CONTROL)?;
        }
        Ok(self.object(ObjectKind::Port))
    }

    fn timer_set(&mut self, signal: Handle, deadline: u64, bits: u64) -> Result<(), Error> {
        self.calls.push("timer_set");
        self.get(signal, ObjectKind::Signal, Rights::RECEIVE)?;
        self.timer = Some((signal, deadline, bits));
        Ok(())
    }

    fn irq_create(&mut self, machine: Handle, _line: u32) -> Result<Handle, Error> {
        self.enter("irq_create")?;
        self.mint(machine, ObjectKind::Irq)
    }

    fn io_ports_create(&mut self, source: Handle, first: u16, count: u16) -> Result<Handle, Error> {
        self.enter("io_ports_create")?;
        let last = count.checked_sub(1).and_then(|others| first.checked_add(others)).ok_or(Error::NoSuchResource)?;
        let free = match self.get(source, ObjectKind::IoPorts, Rights::CONTROL) {
            Ok(whole) => self.io_ports.get(&whole.object).is_some_and(|(low, high)| *low <= first && last <= *high),
            Err(_) => {
                self.get(source, ObjectKind::Machine, Rights::CONTROL)?;
                let mut held = self.handles.values().filter_map(|held| self.io_ports.get(&held.object));
                held.all(|(low, high)| last < *low || *high < first)
            }
        };
        if !free {
            return Err(Error::NoSuchResource);
        }
        let ports = self.object(ObjectKind::IoPorts);
        self.io_ports.insert(self.handles[&ports].object, (first, last));
        Ok(ports)
    }

    fn region_device(&mut self, source: Handle, address: u64, pages: u64) -> Result<Handle, Error> {
        self.enter("region_device")?;
        let range = (address, pages);
        let whole = match self.get(source, ObjectKind::Region, Rights::CONTROL) {
            Ok(parent) => *self.device_memory.get(&parent.object).ok_or(Error::NoSuchResource)?,
            Err(_) => {
                self.get(source, ObjectKind::Machine, Rights::CONTROL)?;
                (self.ram_end, (u64::MAX - self.ram_end) / PAGE_SIZE)
            }
        };
        let fits = address >= whole.0 && (address - whole.0) / PAGE_SIZE + pages <= whole.1;
        if !fits || pages == 0 {
            return Err(Error::NoSuchResource);
        }
        let region = self.object(ObjectKind::Region);
        self.device_memory.insert(self.handles[&region].object, range);
        Ok(region)
    }

    fn kernel_info(&mut self, machine: Handle) -> Result<KernelInfo, Error> {
        self.get(machine, ObjectKind::Machine, Rights::READ)?;
        Ok(KernelInfo {
            processors: u64::from(self.processors),
            idle_ticks: self.idle,
            message_address: 0xfee0_0000,
            ..KernelInfo::default()
        })
    }

    fn trace_read(
        &mut self,
        machine: Handle,
        processor: u32,
        sequence: u64,
        events: &mut TraceBuffer,
    ) -> Result<(u64, usize), Error> {
        self.get(machine, ObjectKind::Machine, Rights::READ)?;
        if processor >= self.processors {
            return Err(Error::NoSuchResource);
        }
        let mut held = self.trace.iter().skip_while(|(number, _)| *number < sequence).peekable();
        let first = held.peek().map_or(sequence, |(number, _)| *number);
        // As in a ring, no number is left out.
        let piece = held.zip(first..).take_while(|((number, _), next)| number == next);
        let count = events.iter_mut().zip(piece).map(|(event, ((_, recorded), _))| *event = *recorded).count();
        Ok((first, count))
    }

    fn now(&mut self) -> u64 {
        self.clock
    }

    fn nanoseconds(&mut self, ticks: u64) -> u64 {
        ticks
    }
}
