//! The machine: interrupts, I/O ports, device memory, statistics.

use super::{address, address_mut, arg, handle};
use crate::stub::simple;
use airox_abi::info::KernelInfo;
use airox_abi::trace::TraceBuffer;
use airox_abi::{Error, Handle, ObjectKind, Rights, SystemCall};

/// Mints authority over one interrupt line.
pub fn irq_create(machine: Handle, line: u64) -> Result<Handle, Error> {
    simple(SystemCall::IrqCreate, [arg(machine), line, 0, 0, 0, 0]).map(|values| handle(values[0]))
}

/// Has interrupts of the line notify a signal.
pub fn irq_bind(irq: Handle, signal: Handle, bits: u64) -> Result<(), Error> {
    simple(SystemCall::IrqBind, [arg(irq), arg(signal), bits, 0, 0, 0]).map(drop)
}

/// Unmasks an interrupt line.
pub fn irq_acknowledge(irq: Handle) -> Result<(), Error> {
    simple(SystemCall::IrqAcknowledge, [arg(irq), 0, 0, 0, 0, 0]).map(drop)
}

/// Mints authority over a range of I/O ports.
pub fn io_ports_create(machine: Handle, first: u64, count: u64) -> Result<Handle, Error> {
    let arguments = [arg(machine), first, count, 0, 0, 0];
    simple(SystemCall::IoPortsCreate, arguments).map(|values| handle(values[0]))
}

/// Lets the threads of a process (`NONE`: this one) use the ports.
pub fn io_ports_bind(ports: Handle, process: Handle) -> Result<(), Error> {
    simple(SystemCall::IoPortsBind, [arg(ports), arg(process), 0, 0, 0, 0]).map(drop)
}

/// Mints a region over device memory or firmware tables.
pub fn region_device(machine: Handle, physical: u64, pages: u64) -> Result<Handle, Error> {
    let arguments = [arg(machine), physical, pages, 0, 0, 0];
    simple(SystemCall::RegionDevice, arguments).map(|values| handle(values[0]))
}

/// Writes text to the kernel's debug UART.
pub fn debug_write(machine: Handle, text: &[u8]) -> Result<(), Error> {
    let arguments = [arg(machine), address(text), text.len() as u64, 0, 0, 0];
    simple(SystemCall::DebugWrite, arguments).map(drop)
}

/// Statistics of the whole machine.
pub fn kernel_info(machine: Handle) -> Result<KernelInfo, Error> {
    let mut info = KernelInfo::default();
    let arguments = [arg(machine), address_mut(&mut info), 0, 0, 0, 0];
    simple(SystemCall::KernelInfo, arguments).map(|_| info)
}

/// Turns the kernel's trace ring off or on.
pub fn trace_set(machine: Handle, on: bool) -> Result<(), Error> {
    let arguments = [arg(machine), u64::from(on), 0, 0, 0, 0];
    simple(SystemCall::TraceSet, arguments).map(drop)
}

/// Reads events of a processor's trace ring into the buffer, oldest first: those recorded after the first `sequence` ones, as far as they are
/// still there. Tells the number of the first, and how many they are.
pub fn trace_read(
    machine: Handle,
    processor: u32,
    sequence: u64,
    events: &mut TraceBuffer,
) -> Result<(u64, usize), Error> {
    let arguments = [arg(machine), u64::from(processor), sequence, address_mut(events), 0, 0];
    simple(SystemCall::TraceRead, arguments).map(|values| (values[0], values[1] as usize))
}

/// Sets the highest priority the threads of a process may be given.
pub fn process_priority(process: Handle, priority: u8) -> Result<(), Error> {
    let arguments = [arg(process), u64::from(priority), 0, 0, 0, 0];
    simple(SystemCall::ProcessPriority, arguments).map(drop)
}

/// One handle of another process, as [`process_handles`] tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldHandle {
    /// Its value in that process.
    pub handle: Handle,
    /// What it names.
    pub kind: ObjectKind,
    /// Its rights.
    pub rights: Rights,
    /// Its badge.
    pub badge: u64,
    /// The object's number, for people.
    pub object: u64,
}

/// The process's handle after the one with the value `after` there, or its first after `NONE`. `NotMapped` past the end; `InvalidHandle` if
/// there is none with that value any more.
pub fn process_handles(process: Handle, after: Handle) -> Result<HeldHandle, Error> {
    let arguments = [arg(process), arg(after), 0, 0, 0, 0];
    let [value, kind_rights, badge, object] = simple(SystemCall::ProcessHandles, arguments)?;
    Ok(HeldHandle {
        handle: handle(value),
        kind: ObjectKind::from_code(kind_rights >> 16).ok_or(Error::WrongType)?,
        rights: Rights::from_bits_truncate(kind_rights as u16),
        badge,
        object,
    })
}
