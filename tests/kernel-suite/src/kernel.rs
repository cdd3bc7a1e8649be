//! The system calls, exactly as `airox_abi` describes them, with every register under the test's control.
//!
//! The suite has its own entry stub rather than the runtime's, so that a mistake in one of them cannot hide
//! the same mistake in the other.

use core::arch::naked_asm;

use airox_abi::info::{ClockPage, KernelInfo, ProcessInfo, Registers, ThreadInfo};
use airox_abi::layout::CLOCK_PAGE;
use airox_abi::message::{Extension, Tag, WORDS};
use airox_abi::{Error, Handle, MapFlags, ObjectKind, QuotaLimits, RegionKind, Rights, SystemCall};
pub use airox_kernel_suite::registers::EntryRegisters;

/// Enters the kernel with these registers and stores what comes back.
///
/// # Safety
/// The kernel writes where the arguments point; that must not be memory that Rust uses otherwise.
#[unsafe(naked)]
unsafe extern "sysv64" fn enter(registers: *mut EntryRegisters) {
    naked_asm!(
        "push rbx",
        "push rbp",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "push rdi",
        "mov rax, [rdi]",
        "mov rsi, [rdi + 16]",
        "mov rdx, [rdi + 24]",
        "mov r8, [rdi + 32]",
        "mov r9, [rdi + 40]",
        "mov r10, [rdi + 48]",
        "mov r12, [rdi + 56]",
        "mov r13, [rdi + 64]",
        "mov r14, [rdi + 72]",
        "mov r15, [rdi + 80]",
        "mov rbx, [rdi + 88]",
        "mov rdi, [rdi + 8]",
        "syscall",
        "xchg rdi, [rsp]",
        "mov [rdi], rax",
        "mov [rdi + 16], rsi",
        "mov [rdi + 24], rdx",
        "mov [rdi + 32], r8",
        "mov [rdi + 40], r9",
        "mov [rdi + 48], r10",
        "mov [rdi + 56], r12",
        "mov [rdi + 64], r13",
        "mov [rdi + 72], r14",
        "mov [rdi + 80], r15",
        "mov [rdi + 88], rbx",
        "pop rax",
        "mov [rdi + 8], rax",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbp",
        "pop rbx",
        "ret",
    )
}

/// Makes the system call in `registers`, whatever it is.
///
/// # Errors
/// The kernel's. A code that is no error at all breaks the contract and panics.
///
/// # Safety
/// The kernel writes where the arguments point, and unmaps what they name; that must not be memory that
/// Rust uses otherwise.
pub unsafe fn invoke(registers: &mut EntryRegisters) -> Result<(), Error> {
    // SAFETY: 1. the pointer is to a live, exclusive structure; 2. the rest is the caller's promise.
    unsafe { enter(registers) };
    match registers.rax {
        0 => Ok(()),
        code => Err(Error::from_code(code).unwrap_or_else(|| panic!("{code:#x} is no error code"))),
    }
}

/// A call whose arguments are numbers and handles, so that the kernel writes to no memory of the caller.
fn plain(call: SystemCall, arguments: &[u64]) -> Result<EntryRegisters, Error> {
    let mut registers = EntryRegisters::call(call, arguments);
    // SAFETY: 1. the calls made through this function get no address to write to; 2. mappings are removed
    // only through `region_unmap`, whose callers own them.
    unsafe { invoke(&mut registers) }?;
    Ok(registers)
}

/// A call that writes a `T` to the address in argument `position`.
fn query<T: Default>(call: SystemCall, arguments: &[u64], position: usize) -> Result<T, Error> {
    let mut value = T::default();
    let mut registers = EntryRegisters::call(call, arguments);
    registers.set_argument(position, &raw mut value as u64);
    // SAFETY: the kernel writes a `T`, a `repr(C)` structure of integers, to a live one.
    unsafe { invoke(&mut registers) }?;
    Ok(value)
}

const fn raw(handle: Handle) -> u64 {
    handle.0 as u64
}

/// A handle that is closed when it goes out of scope.
#[derive(Debug)]
pub struct Owned(Handle);

impl Owned {
    /// Takes over a handle.
    pub const fn new(handle: Handle) -> Owned {
        Owned(handle)
    }

    /// The handle, still owned.
    pub const fn get(&self) -> Handle {
        self.0
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // It may be gone already: revocation is one of the things tested.
        let _ = handle_close(self.0);
    }
}

/// A message that was received, or is to be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Badge of the handle it was sent through; not used when sending.
    pub badge: u64,
    /// Tag.
    pub tag: Tag,
    /// Words.
    pub words: [u64; WORDS],
}

impl Message {
    /// A message with a label and no words.
    pub const fn new(label: u16) -> Message {
        Message {
            badge: 0,
            tag: Tag::new(label),
            words: [0; WORDS],
        }
    }

    /// A message with a label and its first word.
    pub const fn word(label: u16, word: u64) -> Message {
        let mut message = Message::new(label);
        message.words[0] = word;
        message
    }
}

/// Any of the four message calls.
pub fn exchange(
    call: SystemCall,
    handle: Handle,
    message: &Message,
    extension: Option<&mut Extension>,
) -> Result<Message, Error> {
    let mut registers = EntryRegisters {
        rax: call as u64,
        rdi: raw(handle),
        words: message.words,
        tag: message.tag.0,
        extension: extension.map_or(0, |extension| &raw mut *extension as u64),
    };
    // SAFETY: 1. the kernel writes only `received` of the extension, which is borrowed exclusively; 2. leases
    // of a call are of memory that the caller lends on purpose.
    unsafe { invoke(&mut registers) }?;
    Ok(Message {
        badge: registers.rdi,
        tag: Tag(registers.tag),
        words: registers.words,
    })
}

/// `call` without handles or leases.
pub fn send(port: Handle, message: &Message) -> Result<Message, Error> {
    exchange(SystemCall::Call, port, message, None)
}

/// `receive` that takes no handles.
pub fn receive(port: Handle) -> Result<Message, Error> {
    exchange(SystemCall::Receive, port, &Message::new(0), None)
}

/// `reply_receive` without handles.
pub fn reply_receive(port: Handle, message: &Message) -> Result<Message, Error> {
    exchange(SystemCall::ReplyReceive, port, message, None)
}

/// `reply` without handles, to the current caller (`Handle::NONE`) or a saved one.
pub fn reply(handle: Handle, message: &Message) -> Result<(), Error> {
    exchange(SystemCall::Reply, handle, message, None).map(drop)
}

pub fn reply_save() -> Result<Owned, Error> {
    plain(SystemCall::ReplySave, &[]).map(owned)
}

/// Copies from a lease into `buffer`; returns how much.
pub fn lease_read(reply: Handle, index: u64, offset: u64, buffer: &mut [u8]) -> Result<u64, Error> {
    lease(
        SystemCall::LeaseRead,
        [
            raw(reply),
            index,
            offset,
            buffer.as_mut_ptr() as u64,
            buffer.len() as u64,
        ],
    )
}

/// Copies `buffer` to a lease; returns how much.
pub fn lease_write(reply: Handle, index: u64, offset: u64, buffer: &[u8]) -> Result<u64, Error> {
    lease(
        SystemCall::LeaseWrite,
        [
            raw(reply),
            index,
            offset,
            buffer.as_ptr() as u64,
            buffer.len() as u64,
        ],
    )
}

fn lease(call: SystemCall, arguments: [u64; 5]) -> Result<u64, Error> {
    let mut registers = EntryRegisters::call(call, &arguments);
    // SAFETY: the kernel writes only to the buffer, which is borrowed exclusively for `lease_read`.
    unsafe { invoke(&mut registers) }?;
    Ok(registers.rdi)
}

/// Length and access of a lease.
pub fn lease_info(reply: Handle, index: u64) -> Result<(u64, u64), Error> {
    let registers = plain(SystemCall::LeaseInfo, &[raw(reply), index])?;
    Ok((registers.rdi, registers.words[0]))
}

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
    plain(
        SystemCall::HandleCopy,
        &[raw(handle), u64::from(rights.bits()), badge],
    )
    .map(owned)
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
    Ok((
        ObjectKind::from_code(registers.rdi),
        rights,
        registers.words[1],
    ))
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
    let arguments = [
        raw(region),
        raw(process),
        address,
        offset,
        pages,
        u64::from(flags.bits()),
    ];
    plain(SystemCall::RegionMap, &arguments).map(drop)
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
    Ok((
        registers.rdi,
        RegionKind::from_code(registers.words[0]),
        registers.words[1],
    ))
}

pub fn quota_create(quota: Handle, limits: &QuotaLimits) -> Result<Owned, Error> {
    plain(
        SystemCall::QuotaCreate,
        &[raw(quota), limits as *const _ as u64],
    )
    .map(owned)
}

/// Limits and use.
pub fn quota_info(quota: Handle) -> Result<[QuotaLimits; 2], Error> {
    query(SystemCall::QuotaInfo, &[raw(quota)], 1)
}

pub fn process_create(quota: Handle, name: &[u8; 16]) -> Result<Owned, Error> {
    plain(
        SystemCall::ProcessCreate,
        &[raw(quota), name.as_ptr() as u64],
    )
    .map(owned)
}

/// The copy's value in the other process.
pub fn process_grant(
    process: Handle,
    handle: Handle,
    rights: Rights,
    badge: u64,
) -> Result<Handle, Error> {
    let arguments = [raw(process), raw(handle), u64::from(rights.bits()), badge];
    Ok(Handle(
        plain(SystemCall::ProcessGrant, &arguments)?.rdi as u32,
    ))
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
    let arguments = [
        raw(process),
        address,
        buffer.as_mut_ptr() as u64,
        buffer.len() as u64,
    ];
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
pub fn process_handles(process: Handle, index: u64) -> Result<(Handle, u64, u64, u64), Error> {
    let registers = plain(SystemCall::ProcessHandles, &[raw(process), index])?;
    let [described, badge, number, ..] = registers.words;
    Ok((Handle(registers.rdi as u32), described, badge, number))
}

pub fn thread_create(process: Handle, priority: u64, fault_port: Handle) -> Result<Owned, Error> {
    plain(
        SystemCall::ThreadCreate,
        &[raw(process), priority, raw(fault_port)],
    )
    .map(owned)
}

pub fn thread_start(thread: Handle, entry: u64, stack: u64, argument: u64) -> Result<(), Error> {
    plain(
        SystemCall::ThreadStart,
        &[raw(thread), entry, stack, argument],
    )
    .map(drop)
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
    plain(
        SystemCall::ThreadWriteRegisters,
        &[raw(thread), registers as *const _ as u64],
    )
    .map(drop)
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

pub fn region_device(machine: Handle, address: u64, pages: u64) -> Result<Owned, Error> {
    plain(SystemCall::RegionDevice, &[raw(machine), address, pages]).map(owned)
}

pub fn debug_write(machine: Handle, text: &[u8]) -> Result<(), Error> {
    plain(
        SystemCall::DebugWrite,
        &[raw(machine), text.as_ptr() as u64, text.len() as u64],
    )
    .map(drop)
}

pub fn kernel_info(machine: Handle) -> Result<KernelInfo, Error> {
    query(SystemCall::KernelInfo, &[raw(machine)], 1)
}

fn owned(registers: EntryRegisters) -> Owned {
    Owned(Handle(registers.rdi as u32))
}

/// Ticks of the time-stamp counter.
pub fn ticks() -> u64 {
    // SAFETY: reading the counter has no side effect, and the kernel lets ring 3 do it.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// Nanoseconds since boot, from the clock page.
pub fn now() -> u64 {
    // SAFETY: the kernel maps a `ClockPage` there in every process, and never changes it.
    let clock = unsafe { (CLOCK_PAGE as *const ClockPage).read_volatile() };
    clock.nanoseconds(ticks())
}
