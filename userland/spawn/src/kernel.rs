//! The system calls that making and supervising processes needs, as a trait.

use airox_abi::info::{BudgetInfo, KernelInfo, ProcessInfo, Registers, ThreadInfo};
use airox_abi::trace::TraceBuffer;
use airox_abi::{BudgetFlags, Error, Handle, MapFlags, QuotaLimits, Rights};
use airox_rt::sys::HeldHandle;

/// The kernel, as init, the process server and their tests see it.
///
/// Every method is the system call of its name: arguments, rights and errors are those of
/// [`airox_abi::SystemCall`]. Handles are plain values here, because most live in tables and are closed by
/// the owner of the table.
pub trait Kernel {
    /// Carves a child out of `parent`.
    fn quota_create(&mut self, parent: Handle, limits: &QuotaLimits) -> Result<Handle, Error>;
    /// Makes an empty process; its name is cut to what the kernel keeps.
    fn process_create(&mut self, quota: Handle, name: &str) -> Result<Handle, Error>;
    /// Sets the highest priority its threads may be given.
    fn process_priority(&mut self, process: Handle, highest: u8) -> Result<(), Error>;
    /// Gives the process a copy of a handle; returns the copy's value there.
    fn process_grant(&mut self, process: Handle, handle: Handle, rights: Rights, badge: u64) -> Result<Handle, Error>;
    /// Ends the process.
    fn process_kill(&mut self, process: Handle, code: i64) -> Result<(), Error>;
    /// Asks for `bits` on `signal` when the process ends.
    fn process_watch(&mut self, process: Handle, signal: Handle, bits: u64) -> Result<(), Error>;
    /// What the process uses and does.
    fn process_info(&mut self, process: Handle) -> Result<ProcessInfo, Error>;
    /// Copies from the process's memory, all or nothing.
    fn process_read(&mut self, process: Handle, address: u64, buffer: &mut [u8]) -> Result<(), Error>;
    /// The process's handle after the one with this value there, the first after `NONE`; `NotMapped` past the end.
    fn process_handle(&mut self, process: Handle, after: Handle) -> Result<HeldHandle, Error>;
    /// Makes zeroed RAM and has `fill` write its first `filled` pages before anyone else can see them.
    fn region_create(
        &mut self,
        quota: Handle,
        pages: u64,
        filled: u64,
        fill: impl FnOnce(&mut [u8]),
    ) -> Result<Handle, Error>;
    /// Makes a region of zeroed RAM in a row, which devices can use.
    fn region_contiguous(&mut self, quota: Handle, pages: u64) -> Result<Handle, Error>;
    /// Maps part of a region into a process.
    fn region_map(
        &mut self,
        region: Handle,
        process: Handle,
        address: u64,
        offset_pages: u64,
        pages: u64,
        flags: MapFlags,
    ) -> Result<(), Error>;
    /// Sets the processors that its threads may be moved to; those made from now on start on the lowest.
    fn process_processors(&mut self, process: Handle, processors: u64) -> Result<(), Error>;
    /// Makes a budget of a processor's time.
    fn budget_create(
        &mut self,
        quota: Handle,
        processor: u32,
        budget_ns: u64,
        period_ns: u64,
        flags: BudgetFlags,
    ) -> Result<Handle, Error>;
    /// Has threads made in the process from now on run on a budget.
    fn process_budget(&mut self, process: Handle, budget: Handle) -> Result<(), Error>;
    /// What a budget has given.
    fn budget_info(&mut self, budget: Handle) -> Result<BudgetInfo, Error>;
    /// Has a thread run on what its callers lend, from its first `receive` on.
    fn thread_make_passive(&mut self, thread: Handle) -> Result<(), Error>;
    /// Sets the length of a thread's turns.
    fn thread_weight(&mut self, thread: Handle, weight: u16) -> Result<(), Error>;
    /// Makes a suspended thread.
    fn thread_create(&mut self, process: Handle, priority: u8, fault_port: Handle) -> Result<Handle, Error>;
    /// Starts a thread.
    fn thread_start(&mut self, thread: Handle, entry: u64, stack: u64, argument: u64) -> Result<(), Error>;
    /// What the thread does.
    fn thread_info(&mut self, thread: Handle) -> Result<ThreadInfo, Error>;
    /// Registers of a stopped thread.
    fn thread_read_registers(&mut self, thread: Handle) -> Result<Registers, Error>;
    /// Derives a handle.
    fn handle_copy(&mut self, handle: Handle, rights: Rights, badge: u64) -> Result<Handle, Error>;
    /// Gives a handle up.
    fn handle_close(&mut self, handle: Handle) -> Result<(), Error>;
    /// Takes back all that was derived from a handle.
    fn handle_revoke(&mut self, handle: Handle) -> Result<(), Error>;
    /// Makes a port.
    fn port_create(&mut self, quota: Handle, label: u64) -> Result<Handle, Error>;
    /// Sets a signal's one-shot timer, in nanoseconds since boot; `u64::MAX` stops it.
    fn timer_set(&mut self, signal: Handle, deadline: u64, bits: u64) -> Result<(), Error>;
    /// Mints authority over an interrupt line.
    fn irq_create(&mut self, machine: Handle, line: u32) -> Result<Handle, Error>;
    /// Mints authority over a range of I/O ports.
    fn io_ports_create(&mut self, machine: Handle, first: u16, count: u16) -> Result<Handle, Error>;
    /// Mints a region over device memory or firmware tables.
    fn region_device(&mut self, machine: Handle, address: u64, pages: u64) -> Result<Handle, Error>;
    /// Counts of the whole machine.
    fn kernel_info(&mut self, machine: Handle) -> Result<KernelInfo, Error>;
    /// Reads events of a processor's trace ring; the number of the first, and how many.
    fn trace_read(
        &mut self,
        machine: Handle,
        processor: u32,
        sequence: u64,
        events: &mut TraceBuffer,
    ) -> Result<(u64, usize), Error>;
    /// Nanoseconds since boot.
    fn now(&mut self) -> u64;
    /// So many TSC ticks, in nanoseconds.
    fn nanoseconds(&mut self, ticks: u64) -> u64;
}
