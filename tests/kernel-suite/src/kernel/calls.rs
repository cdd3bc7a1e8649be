//! The calls that carry no message.

use super::{EntryRegisters, Owned, invoke, owned, plain, query, raw};
use airox_abi::info::{BudgetInfo, KernelInfo, ProcessInfo, Registers, ThreadInfo};
use airox_abi::trace::{Event, TRACE_READ};
use airox_abi::{BudgetFlags, Error, Handle, MapFlags, ObjectKind, QuotaLimits, RegionKind, Rights, SystemCall};

pub fn notify(signal: Handle, bits: u64) -> Result<(), Error> {
    plain(SystemCall::Notify, &[raw(signal), bits]).map(drop)
}

pub fn wait(signal: Handle, mask: u64) -> Result<u64, Error> {
    Ok(plain(SystemCall::Wait, &[raw(signal), mask])?.rdi)
}

pub fn poll(signal: Handle, mask: u64) -> Result<u64, Error> {
    Ok(plain(SystemCall::Poll, &[raw(signal), mask])?.rdi)
}

pub fn timer_set(signal: Handle, deadline: u64, bits: u64) -> Result<(), Error> {
    plain(SystemCall::TimerSet, &[raw(signal), deadline, bits]).map(drop)
}

pub fn handle_copy(handle: Handle, rights: Rights, badge: u64) -> Result<Owned, Error> {
    plain(SystemCall::HandleCopy, &[raw(handle), u64::from(rights.bits()), badge]).map(owned)
}

pub fn handle_close(handle: Handle) -> Result<(), Error> {
    plain(SystemCall::HandleClose, &[raw(handle)]).map(drop)
}

pub fn handle_revoke(handle: Handle) -> Result<(), Error> {
    plain(SystemCall::HandleRevoke, &[raw(handle)]).map(drop)
}

/// Kind, rights and badge.
pub fn handle_info(handle: Handle) -> Result<(Option<ObjectKind>, Rights, u64), Error> {
    let registers = plain(SystemCall::HandleInfo, &[raw(handle)])?;
    let rights = Rights::from_bits_retain(registers.words[0] as u16);
    Ok((ObjectKind::from_code(registers.rdi), rights, registers.words[1]))
}

pub fn port_create(quota: Handle) -> Result<Owned, Error> {
    plain(SystemCall::PortCreate, &[raw(quota), 0x5017e]).map(owned)
}

pub fn port_bind(port: Handle, signal: Handle) -> Result<(), Error> {
    plain(SystemCall::PortBind, &[raw(port), raw(signal)]).map(drop)
}

pub fn signal_create(quota: Handle) -> Result<Owned, Error> {
    plain(SystemCall::SignalCreate, &[raw(quota)]).map(owned)
}

pub fn region_create(quota: Handle, pages: u64, kind: RegionKind) -> Result<Owned, Error> {
    plain(SystemCall::RegionCreate, &[raw(quota), pages, kind as u64]).map(owned)
}

pub fn region_map(
    region: Handle,
    process: Handle,
    address: u64,
    offset: u64,
    pages: u64,
    flags: MapFlags,
) -> Result<(), Error> {
    let arguments = [raw(region), raw(process), address, offset, pages, u64::from(flags.bits())];
    plain(SystemCall::RegionMap, &arguments).map(drop)
}

/// `region_map` as the kernel has it executed again when so many parts are done.
pub fn region_map_from(region: Handle, address: u64, pages: u64, flags: MapFlags, parts: u64) -> Result<(), Error> {
    let flags = parts << 32 | u64::from(flags.bits());
    plain(SystemCall::RegionMap, &[raw(region), 0, address, 0, pages, flags]).map(drop)
}

/// Maps zeroed memory that nobody has a handle to.
pub fn memory_map(quota: Handle, process: Handle, address: u64, pages: u64, flags: MapFlags) -> Result<(), Error> {
    memory_map_from(quota, process, address, pages, flags, 0)
}

/// `memory_map` as the kernel has it executed again when so many parts are done.
pub fn memory_map_from(
    quota: Handle,
    process: Handle,
    address: u64,
    pages: u64,
    flags: MapFlags,
    parts: u64,
) -> Result<(), Error> {
    let flags = parts << 32 | u64::from(flags.bits());
    plain(SystemCall::MemoryMap, &[raw(quota), raw(process), address, pages, flags]).map(drop)
}

/// Removes a mapping.
///
/// # Safety
/// Nothing may use the memory afterwards, if it is the caller's own.
pub unsafe fn region_unmap(process: Handle, address: u64) -> Result<(), Error> {
    plain(SystemCall::RegionUnmap, &[raw(process), address]).map(drop)
}

/// Pages, kind and physical address.
pub fn region_info(region: Handle) -> Result<(u64, Option<RegionKind>, u64), Error> {
    let registers = plain(SystemCall::RegionInfo, &[raw(region)])?;
    Ok((registers.rdi, RegionKind::from_code(registers.words[0]), registers.words[1]))
}

pub fn quota_create(quota: Handle, limits: &QuotaLimits) -> Result<Owned, Error> {
    plain(SystemCall::QuotaCreate, &[raw(quota), limits as *const _ as u64]).map(owned)
}

/// Limits and use.
pub fn quota_info(quota: Handle) -> Result<[QuotaLimits; 2], Error> {
    query(SystemCall::QuotaInfo, &[raw(quota)], 1)
}

pub fn process_create(quota: Handle, name: &[u8; 16]) -> Result<Owned, Error> {
    plain(SystemCall::ProcessCreate, &[raw(quota), name.as_ptr() as u64]).map(owned)
}

/// The copy's value in the other process.
pub fn process_grant(process: Handle, handle: Handle, rights: Rights, badge: u64) -> Result<Handle, Error> {
    let arguments = [raw(process), raw(handle), u64::from(rights.bits()), badge];
    Ok(Handle(plain(SystemCall::ProcessGrant, &arguments)?.rdi as u32))
}

pub fn process_kill(process: Handle, code: i64) -> Result<(), Error> {
    plain(SystemCall::ProcessKill, &[raw(process), code as u64]).map(drop)
}

pub fn process_watch(process: Handle, signal: Handle, bits: u64) -> Result<(), Error> {
    plain(SystemCall::ProcessWatch, &[raw(process), raw(signal), bits]).map(drop)
}

pub fn process_info(process: Handle) -> Result<ProcessInfo, Error> {
    query(SystemCall::ProcessInfo, &[raw(process)], 1)
}

/// Copies from another process's memory.
pub fn process_read(process: Handle, address: u64, buffer: &mut [u8]) -> Result<(), Error> {
    let arguments = [raw(process), address, buffer.as_mut_ptr() as u64, buffer.len() as u64];
    let mut registers = EntryRegisters::call(SystemCall::ProcessRead, &arguments);
    // SAFETY: the kernel writes only to the buffer, which is borrowed exclusively.
    unsafe { invoke(&mut registers) }
}

pub fn process_exit(code: i64) -> ! {
    let result = plain(SystemCall::ProcessExit, &[code as u64]);
    panic!("process_exit returned {:?}", result.err())
}

pub fn process_priority(process: Handle, priority: u64) -> Result<(), Error> {
    plain(SystemCall::ProcessPriority, &[raw(process), priority]).map(drop)
}

/// Handle value, kind and rights as one word, badge, object number.
pub fn process_handles(process: Handle, after: u64) -> Result<(Handle, u64, u64, u64), Error> {
    let registers = plain(SystemCall::ProcessHandles, &[raw(process), after])?;
    let [described, badge, number, ..] = registers.words;
    Ok((Handle(registers.rdi as u32), described, badge, number))
}

pub fn thread_create(process: Handle, priority: u64, fault_port: Handle) -> Result<Owned, Error> {
    plain(SystemCall::ThreadCreate, &[raw(process), priority, raw(fault_port)]).map(owned)
}

pub fn thread_start(thread: Handle, entry: u64, stack: u64, argument: u64) -> Result<(), Error> {
    plain(SystemCall::ThreadStart, &[raw(thread), entry, stack, argument]).map(drop)
}

pub fn thread_suspend(thread: Handle) -> Result<(), Error> {
    plain(SystemCall::ThreadSuspend, &[raw(thread)]).map(drop)
}

pub fn thread_resume(thread: Handle) -> Result<(), Error> {
    plain(SystemCall::ThreadResume, &[raw(thread)]).map(drop)
}

pub fn thread_priority(thread: Handle, priority: u64) -> Result<(), Error> {
    plain(SystemCall::ThreadPriority, &[raw(thread), priority]).map(drop)
}

pub fn thread_info(thread: Handle) -> Result<ThreadInfo, Error> {
    query(SystemCall::ThreadInfo, &[raw(thread)], 1)
}

pub fn thread_read_registers(thread: Handle) -> Result<Registers, Error> {
    query(SystemCall::ThreadReadRegisters, &[raw(thread)], 1)
}

pub fn thread_write_registers(thread: Handle, registers: &Registers) -> Result<(), Error> {
    plain(SystemCall::ThreadWriteRegisters, &[raw(thread), registers as *const _ as u64]).map(drop)
}

pub fn thread_exit() -> ! {
    let result = plain(SystemCall::ThreadExit, &[]);
    panic!("thread_exit returned {:?}", result.err())
}

pub fn thread_yield() -> Result<(), Error> {
    plain(SystemCall::ThreadYield, &[]).map(drop)
}

pub fn irq_create(machine: Handle, line: u64) -> Result<Owned, Error> {
    plain(SystemCall::IrqCreate, &[raw(machine), line]).map(owned)
}

pub fn irq_bind(irq: Handle, signal: Handle, bits: u64) -> Result<(), Error> {
    plain(SystemCall::IrqBind, &[raw(irq), raw(signal), bits]).map(drop)
}

pub fn irq_acknowledge(irq: Handle) -> Result<(), Error> {
    plain(SystemCall::IrqAcknowledge, &[raw(irq)]).map(drop)
}

pub fn io_ports_create(machine: Handle, first: u64, count: u64) -> Result<Owned, Error> {
    plain(SystemCall::IoPortsCreate, &[raw(machine), first, count]).map(owned)
}

pub fn io_ports_bind(ports: Handle, process: Handle) -> Result<(), Error> {
    plain(SystemCall::IoPortsBind, &[raw(ports), raw(process)]).map(drop)
}

pub fn budget_create(
    quota: Handle,
    processor: u64,
    budget_ns: u64,
    period_ns: u64,
    flags: BudgetFlags,
) -> Result<Owned, Error> {
    let arguments = [raw(quota), processor, budget_ns, period_ns, u64::from(flags.bits())];
    plain(SystemCall::BudgetCreate, &arguments).map(owned)
}

pub fn budget_set(budget: Handle, budget_ns: u64, period_ns: u64) -> Result<(), Error> {
    plain(SystemCall::BudgetSet, &[raw(budget), budget_ns, period_ns]).map(drop)
}

/// Binds a thread to a budget, or to its process's for no handle.
pub fn budget_bind(thread: Handle, budget: Handle) -> Result<(), Error> {
    plain(SystemCall::BudgetBind, &[raw(thread), raw(budget), 0]).map(drop)
}

/// The thread has no budget of its own any more.
pub fn make_passive(thread: Handle) -> Result<(), Error> {
    plain(SystemCall::BudgetBind, &[raw(thread), 0, 1]).map(drop)
}

pub fn budget_info(budget: Handle) -> Result<BudgetInfo, Error> {
    query(SystemCall::BudgetInfo, &[raw(budget)], 1)
}

pub fn budget_watch(budget: Handle, signal: Handle, bits: u64) -> Result<(), Error> {
    plain(SystemCall::BudgetWatch, &[raw(budget), raw(signal), bits]).map(drop)
}

pub fn process_budget(process: Handle, budget: Handle) -> Result<(), Error> {
    plain(SystemCall::ProcessBudget, &[raw(process), raw(budget)]).map(drop)
}

pub fn thread_weight(thread: Handle, weight: u64) -> Result<(), Error> {
    plain(SystemCall::ThreadWeight, &[raw(thread), weight]).map(drop)
}

pub fn thread_processor(thread: Handle, processor: u64) -> Result<(), Error> {
    plain(SystemCall::ThreadProcessor, &[raw(thread), processor]).map(drop)
}

/// Bit n of the mask is for processor n.
pub fn process_processors(process: Handle, processors: u64) -> Result<(), Error> {
    plain(SystemCall::ProcessProcessors, &[raw(process), processors]).map(drop)
}

pub fn region_device(machine: Handle, address: u64, pages: u64) -> Result<Owned, Error> {
    plain(SystemCall::RegionDevice, &[raw(machine), address, pages]).map(owned)
}

pub fn trace_set(machine: Handle, on: bool) -> Result<(), Error> {
    plain(SystemCall::TraceSet, &[raw(machine), on.into()]).map(drop)
}

/// The number of the first event, and how many there are.
pub fn trace_read(
    machine: Handle,
    processor: u64,
    sequence: u64,
    events: &mut [Event; TRACE_READ],
) -> Result<(u64, usize), Error> {
    let arguments = [raw(machine), processor, sequence, events.as_mut_ptr() as u64];
    let mut registers = EntryRegisters::call(SystemCall::TraceRead, &arguments);
    // SAFETY: the kernel writes only to the buffer, which is borrowed exclusively.
    unsafe { invoke(&mut registers) }?;
    Ok((registers.rdi, registers.words[0] as usize))
}

/// As [`trace_read`], to a buffer that is none.
pub fn trace_read_nowhere(machine: Handle, processor: u64, sequence: u64, buffer: u64) -> Result<(), Error> {
    plain(SystemCall::TraceRead, &[raw(machine), processor, sequence, buffer]).map(drop)
}

pub fn debug_write(machine: Handle, text: &[u8]) -> Result<(), Error> {
    plain(SystemCall::DebugWrite, &[raw(machine), text.as_ptr() as u64, text.len() as u64]).map(drop)
}

pub fn kernel_info(machine: Handle) -> Result<KernelInfo, Error> {
    query(SystemCall::KernelInfo, &[raw(machine)], 1)
}
