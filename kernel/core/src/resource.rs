//! Authority over the machine: interrupt lines and I/O port ranges.

use crate::Result;
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::process::Process;
use crate::quota::Quota;
use crate::signal::Signal;
use crate::slab::{Id, Weak};
use airox_abi::Error;
use airox_abi::trace::EventKind;

/// The legacy interrupt controllers. The kernel has masked them for good; who could unmask them could raise vectors that mean
/// something else.
const KERNEL_PORTS: [(u16, u16); 2] = [(0x20, 0x21), (0xa0, 0xa1)];

/// One global interrupt line.
pub(crate) struct Irq {
    line: u32,
    level_triggered: bool,
    signal: Option<(Weak<Signal>, u64)>,
}

/// A range of x86 I/O ports.
pub(crate) struct IoPorts {
    /// The first, and the last.
    range: (u16, u16),
    /// Who may use them from ring 3.
    process: Option<Weak<Process>>,
}

impl<M: Machine> Kernel<M> {
    /// `irq_create`: one owner a line.
    pub(crate) fn create_irq(&mut self, quota: Id<Quota>, line: u64) -> Result<Id<Irq>> {
        let line = u32::try_from(line).map_err(|_| Error::NoSuchResource)?;
        if !self.machine.irq_exists(line) || self.irqs.iter().any(|(_, irq)| irq.line == line) {
            return Err(Error::NoSuchResource);
        }
        let irq = Irq { line, level_triggered: false, signal: None };
        self.add_object(quota, irq)
    }

    /// `irq_bind`.
    pub(crate) fn bind_irq(&mut self, id: Id<Irq>, signal: Id<Signal>, bits: u64) {
        self.irqs[id].signal = Some((self.signals.weak(signal), bits));
        let line = self.irqs[id].line;
        self.irqs[id].level_triggered = self.machine.irq_enable(line);
    }

    /// `irq_acknowledge`.
    pub(crate) fn acknowledge_irq(&mut self, id: Id<Irq>) -> Result<()> {
        let irq = &self.irqs[id];
        if irq.signal.is_none() {
            return Err(Error::WrongState);
        }
        self.machine.irq_set_masked(irq.line, false);
        Ok(())
    }

    pub(crate) fn free_irq(&mut self, id: Id<Irq>) {
        self.machine.irq_set_masked(self.irqs[id].line, true);
        self.remove_object(id);
    }

    /// A device interrupted. A level-triggered line stays masked until its driver acknowledges; so does one nobody listens to.
    pub fn interrupt(&mut self, line: u32) {
        self.interrupts += 1;
        self.trace(EventKind::Irq, line, 0, 0, 0);
        let irq = self.irqs.iter().map(|(_, irq)| irq).find(|irq| irq.line == line);
        let target = irq.and_then(|irq| {
            let (signal, bits) = irq.signal?;
            Some((self.signals.upgrade(signal)?, bits))
        });
        if target.is_none() || irq.is_some_and(|irq| irq.level_triggered) {
            self.machine.irq_set_masked(line, true);
        }
        if let Some((signal, bits)) = target {
            self.notify_and_switch(signal, bits);
        }
        self.finish_entry();
    }

    /// `io_ports_create`: ranges don't overlap, but for one that is part of its source.
    pub(crate) fn create_io_ports(
        &mut self,
        quota: Id<Quota>,
        source: Option<Id<IoPorts>>,
        first: u64,
        count: u64,
    ) -> Result<Id<IoPorts>> {
        let last = count.checked_sub(1).and_then(|others| first.checked_add(others)).ok_or(Error::NoSuchResource)?;
        let (Ok(first), Ok(last)) = (u16::try_from(first), u16::try_from(last)) else {
            return Err(Error::NoSuchResource);
        };
        let overlaps = |range: &(u16, u16)| first <= range.1 && range.0 <= last;
        let taken = match source.map(|source| self.io_ports[source].range) {
            Some(range) => first < range.0 || range.1 < last,
            None => self.io_ports.iter().any(|(_, ports)| overlaps(&ports.range)),
        };
        if taken || KERNEL_PORTS.iter().any(overlaps) {
            return Err(Error::NoSuchResource);
        }
        self.add_object(quota, IoPorts { range: (first, last), process: None })
    }

    /// `io_ports_bind`, to a live process: one process at a time uses a range.
    pub(crate) fn bind_io_ports(&mut self, id: Id<IoPorts>, process: Id<Process>) -> Result<()> {
        let weak = self.processes.weak(process);
        let user = self.io_ports[id].process.and_then(|user| self.processes.upgrade(user));
        match user {
            Some(user) if user == process => return Ok(()),
            Some(user) if self.processes[user].alive => return Err(Error::Busy),
            _ => {}
        }
        let target = &mut self.processes[process];
        target.io_ports.try_push(self.io_ports[id].range).map_err(|_| Error::QuotaExceeded)?;
        let mut link = target.first_thread;
        while let Some(thread) = Id::from_link(link) {
            self.threads[thread].has_io_ports = true;
            link = self.threads[thread].next_in_process;
        }
        self.io_ports[id].process = Some(weak);
        self.io_ports_changed(process);
        Ok(())
    }

    pub(crate) fn free_io_ports(&mut self, id: Id<IoPorts>) {
        let IoPorts { range, process, .. } = self.io_ports[id];
        let user = process.and_then(|user| self.processes.upgrade(user));
        self.remove_object(id);
        if let Some(user) = user {
            let ranges = &mut self.processes[user].io_ports;
            if let Some(index) = ranges.iter().position(|used| *used == range) {
                ranges.swap_remove(index);
                self.io_ports_changed(user);
            }
        }
    }

    fn io_ports_changed(&mut self, process: Id<Process>) {
        for number in 0..self.processors {
            if self.processor(number).current_process == process {
                self.visit(number, |kernel| kernel.load_io_ports(process));
            }
        }
    }

    /// At a switch to another process, if it or the last one has ports.
    #[cold]
    #[inline(never)]
    pub(crate) fn load_io_ports(&mut self, process: Id<Process>) {
        let ranges = &self.processes[process].io_ports;
        self.cpu.io_ports_loaded = !ranges.is_empty();
        self.machine.set_io_ports(self.cpu.number, ranges);
    }
}
