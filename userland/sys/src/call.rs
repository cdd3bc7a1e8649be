//! One function for each system call, by its name, over raw handles. What each does, which rights it
//! needs and in which order its numbers come is said once, at [`SystemCall`].
//!
//! `Handle::NONE` stands where the kernel takes "none" or "mine".

use crate::stub::{self, Received, simple};
use airox_abi::info::{KernelInfo, ProcessInfo, Registers, ThreadInfo};
use airox_abi::layout::NAME_LENGTH;
use airox_abi::message::{Extension, HandleTransfer, Lease, MAX_HANDLES, MAX_LEASES, Tag, WORDS};
use airox_abi::{Error, Handle, MapFlags, ObjectKind, QuotaLimits, RegionKind, Rights, SystemCall};

#[inline(always)]
const fn arg(handle: Handle) -> u64 {
    handle.0 as u64
}

#[inline(always)]
const fn handle(value: u64) -> Handle {
    Handle(value as u32)
}

#[inline(always)]
fn address<T: ?Sized>(value: &T) -> u64 {
    core::ptr::from_ref(value).cast::<u8>() as u64
}

#[inline(always)]
fn address_mut<T: ?Sized>(value: &mut T) -> u64 {
    core::ptr::from_mut(value).cast::<u8>() as u64
}

/// A name as the kernel takes it: cut to [`NAME_LENGTH`] bytes, padded with zeros.
#[must_use]
pub fn padded_name(name: &str) -> [u8; NAME_LENGTH] {
    let mut padded = [0; NAME_LENGTH];
    let length = name.len().min(NAME_LENGTH);
    padded[..length].copy_from_slice(&name.as_bytes()[..length]);
    padded
}

// Messages.

/// A call in registers only. The reply can bring no handles.
#[inline(always)]
pub fn call(port: Handle, tag: Tag, words: [u64; WORDS]) -> Result<Received, Error> {
    stub::message(SystemCall::Call, arg(port), tag, words)
}

/// A byte range lent to a server until it replies.
#[derive(Debug)]
pub enum Lend<'a> {
    /// The server may read it.
    Read(&'a [u8]),
    /// The server may write it.
    Write(&'a mut [u8]),
}

impl Lend<'_> {
    fn lease(&mut self) -> Lease {
        match self {
            Lend::Read(bytes) => Lease {
                address: address(*bytes),
                length: bytes.len() as u64,
                access: Lease::READ,
            },
            Lend::Write(bytes) => Lease {
                address: address_mut(*bytes),
                length: bytes.len() as u64,
                access: Lease::WRITE,
            },
        }
    }
}

/// A call with handles and leases; `tag` is given their counts. The reply's handles are the second
/// part of the result, as many as its tag says.
///
/// More than [`MAX_HANDLES`] handles or [`MAX_LEASES`] leases are an [`Error::InvalidArgument`].
pub fn call_lend(
    port: Handle,
    tag: Tag,
    words: [u64; WORDS],
    handles: &[HandleTransfer],
    lends: &mut [Lend<'_>],
) -> Result<(Received, [Handle; MAX_HANDLES]), Error> {
    if handles.len() > MAX_HANDLES || lends.len() > MAX_LEASES {
        return Err(Error::InvalidArgument);
    }
    let mut extension = Extension::EMPTY;
    extension.handles[..handles.len()].copy_from_slice(handles);
    for (slot, lend) in extension.leases.iter_mut().zip(lends.iter_mut()) {
        *slot = lend.lease();
    }
    let tag = tag.with_handles(handles.len()).with_leases(lends.len());
    let received = stub::message_extended(SystemCall::Call, arg(port), tag, words, &mut extension)?;
    Ok((received, extension.received))
}

/// A call with an extension as it is, for tests of the kernel.
///
/// # Safety
/// The server may write to the leases in `extension`: they must cover memory that is valid for that.
pub unsafe fn call_extended(
    port: Handle,
    tag: Tag,
    words: [u64; WORDS],
    extension: &mut Extension,
) -> Result<Received, Error> {
    stub::message_extended(SystemCall::Call, arg(port), tag, words, extension)
}

/// Replies in registers only, then receives; messages with handles are refused by the kernel.
#[inline(always)]
pub fn reply_receive(port: Handle, tag: Tag, words: [u64; WORDS]) -> Result<Received, Error> {
    stub::message(SystemCall::ReplyReceive, arg(port), tag, words)
}

/// Replies, with handles if the tag says so, then receives; handles arrive in `extension.received`.
#[inline(always)]
pub fn reply_receive_extended(
    port: Handle,
    tag: Tag,
    words: [u64; WORDS],
    extension: &mut Extension,
) -> Result<Received, Error> {
    stub::message_extended(SystemCall::ReplyReceive, arg(port), tag, words, extension)
}

/// Receives; messages with handles are refused by the kernel.
#[inline(always)]
pub fn receive(port: Handle) -> Result<Received, Error> {
    stub::message(SystemCall::Receive, arg(port), Tag(0), [0; WORDS])
}

/// Receives; handles arrive in `extension.received`.
#[inline(always)]
pub fn receive_extended(port: Handle, extension: &mut Extension) -> Result<Received, Error> {
    stub::message_extended(
        SystemCall::Receive,
        arg(port),
        Tag(0),
        [0; WORDS],
        extension,
    )
}

/// Answers the current caller (`Handle::NONE`) or the one a reply handle names.
#[inline(always)]
pub fn reply(reply: Handle, tag: Tag, words: [u64; WORDS]) -> Result<(), Error> {
    stub::message(SystemCall::Reply, arg(reply), tag, words).map(drop)
}

/// The same with handles; `tag` is given their count.
pub fn reply_with(
    reply: Handle,
    tag: Tag,
    words: [u64; WORDS],
    handles: &[HandleTransfer],
) -> Result<(), Error> {
    if handles.len() > MAX_HANDLES {
        return Err(Error::InvalidArgument);
    }
    let mut extension = Extension::EMPTY;
    extension.handles[..handles.len()].copy_from_slice(handles);
    let tag = tag.with_handles(handles.len());
    stub::message_extended(SystemCall::Reply, arg(reply), tag, words, &mut extension).map(drop)
}

/// Keeps the right to answer the current caller as a reply handle.
pub fn reply_save() -> Result<Handle, Error> {
    simple(SystemCall::ReplySave, [0; 6]).map(|values| handle(values[0]))
}

/// Copies from a caller's lease; all of `buffer` or nothing. Returns the bytes copied.
pub fn lease_read(
    reply: Handle,
    lease: usize,
    offset: u64,
    buffer: &mut [u8],
) -> Result<usize, Error> {
    let length = buffer.len() as u64;
    let arguments = [
        arg(reply),
        lease as u64,
        offset,
        address_mut(buffer),
        length,
        0,
    ];
    simple(SystemCall::LeaseRead, arguments).map(|values| values[0] as usize)
}

/// Copies to a caller's lease; all of `bytes` or nothing. Returns the bytes copied.
pub fn lease_write(reply: Handle, lease: usize, offset: u64, bytes: &[u8]) -> Result<usize, Error> {
    let length = bytes.len() as u64;
    let arguments = [arg(reply), lease as u64, offset, address(bytes), length, 0];
    simple(SystemCall::LeaseWrite, arguments).map(|values| values[0] as usize)
}

/// A caller's lease: its length in bytes and its access ([`Lease::READ`], [`Lease::WRITE`]).
pub fn lease_info(reply: Handle, lease: usize) -> Result<(u64, u64), Error> {
    let arguments = [arg(reply), lease as u64, 0, 0, 0, 0];
    simple(SystemCall::LeaseInfo, arguments).map(|values| (values[0], values[1]))
}

// Signals and time.

/// ORs bits into a signal.
#[inline(always)]
pub fn notify(signal: Handle, bits: u64) -> Result<(), Error> {
    simple(SystemCall::Notify, [arg(signal), bits, 0, 0, 0, 0]).map(drop)
}

/// Waits until a bit of `mask` is set; takes and returns those.
#[inline(always)]
pub fn wait(signal: Handle, mask: u64) -> Result<u64, Error> {
    simple(SystemCall::Wait, [arg(signal), mask, 0, 0, 0, 0]).map(|values| values[0])
}

/// Takes and returns the bits of `mask` that are set, without waiting.
pub fn poll(signal: Handle, mask: u64) -> Result<u64, Error> {
    simple(SystemCall::Poll, [arg(signal), mask, 0, 0, 0, 0]).map(|values| values[0])
}

/// Sets the signal's one-shot timer: `deadline` in nanoseconds since boot, `u64::MAX` stops it.
pub fn timer_set(signal: Handle, deadline: u64, bits: u64) -> Result<(), Error> {
    simple(SystemCall::TimerSet, [arg(signal), deadline, bits, 0, 0, 0]).map(drop)
}

// Handles.

/// Derives a copy with at most `rights`; `badge` 0 keeps the source's.
pub fn handle_copy(source: Handle, rights: Rights, badge: u64) -> Result<Handle, Error> {
    let arguments = [arg(source), u64::from(rights.bits()), badge, 0, 0, 0];
    simple(SystemCall::HandleCopy, arguments).map(|values| handle(values[0]))
}

/// Gives a handle up.
pub fn handle_close(closed: Handle) -> Result<(), Error> {
    simple(SystemCall::HandleClose, [arg(closed), 0, 0, 0, 0, 0]).map(drop)
}

/// Takes back everything derived from the handle.
pub fn handle_revoke(revoked: Handle) -> Result<(), Error> {
    simple(SystemCall::HandleRevoke, [arg(revoked), 0, 0, 0, 0, 0]).map(drop)
}

/// Kind, rights and badge of a handle.
pub fn handle_info(asked: Handle) -> Result<(ObjectKind, Rights, u64), Error> {
    let [kind, rights, badge, _] = simple(SystemCall::HandleInfo, [arg(asked), 0, 0, 0, 0, 0])?;
    let kind = ObjectKind::from_code(kind).ok_or(Error::WrongType)?;
    Ok((kind, Rights::from_bits_truncate(rights as u16), badge))
}

// Objects.

/// Makes a port; `label` is its interface's id, for debuggers.
pub fn port_create(quota: Handle, label: u64) -> Result<Handle, Error> {
    simple(SystemCall::PortCreate, [arg(quota), label, 0, 0, 0, 0]).map(|values| handle(values[0]))
}

/// Binds a signal to a port, so that receivers also get its bits; `Handle::NONE` unbinds.
pub fn port_bind(port: Handle, signal: Handle) -> Result<(), Error> {
    simple(SystemCall::PortBind, [arg(port), arg(signal), 0, 0, 0, 0]).map(drop)
}

/// Makes a signal.
pub fn signal_create(quota: Handle) -> Result<Handle, Error> {
    simple(SystemCall::SignalCreate, [arg(quota), 0, 0, 0, 0, 0]).map(|values| handle(values[0]))
}

/// Makes a region of zeroed RAM of so many pages.
pub fn region_create(quota: Handle, pages: u64, kind: RegionKind) -> Result<Handle, Error> {
    let arguments = [arg(quota), pages, kind as u64, 0, 0, 0];
    simple(SystemCall::RegionCreate, arguments).map(|values| handle(values[0]))
}

/// Maps `pages` of a region, from page `offset` on, at `address` of a process (`NONE`: this one). An
/// address in use is refused, so this never replaces memory in use.
pub fn region_map(
    region: Handle,
    process: Handle,
    address: u64,
    offset: u64,
    pages: u64,
    flags: MapFlags,
) -> Result<(), Error> {
    let flags = u64::from(flags.bits());
    let arguments = [arg(region), arg(process), address, offset, pages, flags];
    simple(SystemCall::RegionMap, arguments).map(drop)
}

/// Removes the whole mapping that starts at `address` of a process (`NONE`: this one).
///
/// # Safety
/// If the process is this one, no reference into the mapping may be alive.
pub unsafe fn region_unmap(process: Handle, address: u64) -> Result<(), Error> {
    simple(SystemCall::RegionUnmap, [arg(process), address, 0, 0, 0, 0]).map(drop)
}

/// Pages, kind and (with [`Rights::DMA`], else 0) physical address of a region.
pub fn region_info(region: Handle) -> Result<(u64, RegionKind, u64), Error> {
    let [pages, kind, physical, _] = simple(SystemCall::RegionInfo, [arg(region), 0, 0, 0, 0, 0])?;
    let kind = RegionKind::from_code(kind).ok_or(Error::WrongType)?;
    Ok((pages, kind, physical))
}

/// Carves a child out of a quota.
pub fn quota_create(parent: Handle, limits: &QuotaLimits) -> Result<Handle, Error> {
    let arguments = [arg(parent), address(limits), 0, 0, 0, 0];
    simple(SystemCall::QuotaCreate, arguments).map(|values| handle(values[0]))
}

/// Limits and use of a quota (`NONE`: this process's).
pub fn quota_info(quota: Handle) -> Result<(QuotaLimits, QuotaLimits), Error> {
    let mut both = [QuotaLimits::default(); 2];
    simple(
        SystemCall::QuotaInfo,
        [arg(quota), address_mut(&mut both), 0, 0, 0, 0],
    )?;
    Ok((both[0], both[1]))
}

// Processes and threads.

/// Makes an empty process on a quota; the name is cut to [`NAME_LENGTH`] bytes.
pub fn process_create(quota: Handle, name: &str) -> Result<Handle, Error> {
    let name = padded_name(name);
    let arguments = [arg(quota), address(&name), 0, 0, 0, 0];
    simple(SystemCall::ProcessCreate, arguments).map(|values| handle(values[0]))
}

/// Gives a process a copy of a handle; returns the copy's value in that process.
pub fn process_grant(
    process: Handle,
    granted: Handle,
    rights: Rights,
    badge: u64,
) -> Result<Handle, Error> {
    let arguments = [
        arg(process),
        arg(granted),
        u64::from(rights.bits()),
        badge,
        0,
        0,
    ];
    simple(SystemCall::ProcessGrant, arguments).map(|values| handle(values[0]))
}

/// Ends a process.
pub fn process_kill(process: Handle, code: i64) -> Result<(), Error> {
    simple(
        SystemCall::ProcessKill,
        [arg(process), code as u64, 0, 0, 0, 0],
    )
    .map(drop)
}

/// Has a signal notified when the process ends.
pub fn process_watch(process: Handle, signal: Handle, bits: u64) -> Result<(), Error> {
    let arguments = [arg(process), arg(signal), bits, 0, 0, 0];
    simple(SystemCall::ProcessWatch, arguments).map(drop)
}

/// State and statistics of a process (`NONE`: this one).
pub fn process_info(process: Handle) -> Result<ProcessInfo, Error> {
    let mut info = ProcessInfo::default();
    let arguments = [arg(process), address_mut(&mut info), 0, 0, 0, 0];
    simple(SystemCall::ProcessInfo, arguments).map(|_| info)
}

/// Copies from a process's memory; all of `buffer` or nothing.
pub fn process_read(process: Handle, from: u64, buffer: &mut [u8]) -> Result<(), Error> {
    let length = buffer.len() as u64;
    let arguments = [arg(process), from, address_mut(buffer), length, 0, 0];
    simple(SystemCall::ProcessRead, arguments).map(drop)
}

/// Ends this process.
pub fn process_exit(code: i64) -> ! {
    loop {
        let _never_returns = simple(SystemCall::ProcessExit, [code as u64, 0, 0, 0, 0, 0]);
        core::hint::spin_loop();
    }
}

/// Makes a suspended thread in a process (`NONE`: this one). `fault_port` may be `NONE`.
pub fn thread_create(process: Handle, priority: u8, fault_port: Handle) -> Result<Handle, Error> {
    let arguments = [arg(process), u64::from(priority), arg(fault_port), 0, 0, 0];
    simple(SystemCall::ThreadCreate, arguments).map(|values| handle(values[0]))
}

/// Starts a thread.
///
/// # Safety
/// If the thread is one of this process: `entry` must be a function that takes one argument and never
/// returns, and `stack` the top of memory that nothing else uses, aligned to 16 less 8 as after a
/// `call`.
pub unsafe fn thread_start(
    thread: Handle,
    entry: u64,
    stack: u64,
    argument: u64,
) -> Result<(), Error> {
    simple(
        SystemCall::ThreadStart,
        [arg(thread), entry, stack, argument, 0, 0],
    )
    .map(drop)
}

/// Stops a thread as soon as it runs in ring 3 or waits.
pub fn thread_suspend(thread: Handle) -> Result<(), Error> {
    simple(SystemCall::ThreadSuspend, [arg(thread), 0, 0, 0, 0, 0]).map(drop)
}

/// Undoes [`thread_suspend`].
pub fn thread_resume(thread: Handle) -> Result<(), Error> {
    simple(SystemCall::ThreadResume, [arg(thread), 0, 0, 0, 0, 0]).map(drop)
}

/// Changes a thread's priority.
pub fn thread_priority(thread: Handle, priority: u8) -> Result<(), Error> {
    let arguments = [arg(thread), u64::from(priority), 0, 0, 0, 0];
    simple(SystemCall::ThreadPriority, arguments).map(drop)
}

/// State and statistics of a thread (`NONE`: this one).
pub fn thread_info(thread: Handle) -> Result<ThreadInfo, Error> {
    let mut info = ThreadInfo::default();
    let arguments = [arg(thread), address_mut(&mut info), 0, 0, 0, 0];
    simple(SystemCall::ThreadInfo, arguments).map(|_| info)
}

/// Registers of a suspended or faulted thread.
pub fn thread_read_registers(thread: Handle) -> Result<Registers, Error> {
    let mut registers = Registers::default();
    let arguments = [arg(thread), address_mut(&mut registers), 0, 0, 0, 0];
    simple(SystemCall::ThreadReadRegisters, arguments).map(|_| registers)
}

/// Replaces the registers of a suspended or faulted thread.
///
/// # Safety
/// If the thread is one of this process, it must be able to go on with those registers without
/// breaking Rust's rules.
pub unsafe fn thread_write_registers(thread: Handle, registers: &Registers) -> Result<(), Error> {
    let arguments = [arg(thread), address(registers), 0, 0, 0, 0];
    simple(SystemCall::ThreadWriteRegisters, arguments).map(drop)
}

/// Ends this thread.
pub fn thread_exit() -> ! {
    loop {
        let _never_returns = simple(SystemCall::ThreadExit, [0; 6]);
        core::hint::spin_loop();
    }
}

/// Lets another thread of the same priority run.
pub fn thread_yield() -> Result<(), Error> {
    simple(SystemCall::ThreadYield, [0; 6]).map(drop)
}

/// Enters and leaves the kernel.
#[inline(always)]
pub fn null() -> Result<(), Error> {
    simple(SystemCall::Null, [0; 6]).map(drop)
}

// The machine.

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
    simple(
        SystemCall::IoPortsBind,
        [arg(ports), arg(process), 0, 0, 0, 0],
    )
    .map(drop)
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

/// The process's handle at place `index` (from 0); `NotMapped` past the end.
pub fn process_handles(process: Handle, index: u64) -> Result<HeldHandle, Error> {
    let arguments = [arg(process), index, 0, 0, 0, 0];
    let [value, kind_rights, badge, object] = simple(SystemCall::ProcessHandles, arguments)?;
    Ok(HeldHandle {
        handle: handle(value),
        kind: ObjectKind::from_code(kind_rights >> 16).ok_or(Error::WrongType)?,
        rights: Rights::from_bits_truncate(kind_rights as u16),
        badge,
        object,
    })
}
