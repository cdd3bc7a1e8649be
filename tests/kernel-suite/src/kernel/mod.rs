//! The system calls, exactly as `airox_abi` describes them, with every register under the test's control.
//!
//! The suite has its own entry stub rather than the runtime's, so that a mistake in one of them cannot hide
//! the same mistake in the other.

mod calls;

use core::arch::naked_asm;

use airox_abi::info::ClockPage;
use airox_abi::layout::CLOCK_PAGE;
use airox_abi::message::{Extension, Tag, WORDS};
use airox_abi::{Error, Handle, SystemCall};
pub use airox_kernel_suite::registers::EntryRegisters;
pub use calls::*;

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

/// A handle as an argument of a system call.
pub const fn raw(handle: Handle) -> u64 {
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
        Message { badge: 0, tag: Tag::new(label), words: [0; WORDS] }
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
    Ok(Message { badge: registers.rdi, tag: Tag(registers.tag), words: registers.words })
}

/// `call` without handles or leases.
pub fn send(port: Handle, message: &Message) -> Result<Message, Error> {
    exchange(SystemCall::Call, port, message, None)
}

/// `call` with as many of the extension's handles and leases as `tag` says.
pub fn send_with(port: Handle, tag: Tag, extension: &mut Extension) -> Result<Message, Error> {
    let message = Message { tag, ..Message::new(0) };
    exchange(SystemCall::Call, port, &message, Some(extension))
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
    lease(SystemCall::LeaseRead, [raw(reply), index, offset, buffer.as_mut_ptr() as u64, buffer.len() as u64])
}

/// Copies `buffer` to a lease; returns how much.
pub fn lease_write(reply: Handle, index: u64, offset: u64, buffer: &[u8]) -> Result<u64, Error> {
    lease(SystemCall::LeaseWrite, [raw(reply), index, offset, buffer.as_ptr() as u64, buffer.len() as u64])
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

fn owned(registers: EntryRegisters) -> Owned {
    Owned(Handle(registers.rdi as u32))
}

/// Ticks of the time-stamp counter.
pub fn ticks() -> u64 {
    // SAFETY: reading the counter has no side effect, and the kernel lets ring 3 do it.
    unsafe { core::arch::x86_64::_rdtsc() }
}

fn clock() -> ClockPage {
    // SAFETY: the kernel maps a `ClockPage` there in every process, and never changes it.
    unsafe { (CLOCK_PAGE as *const ClockPage).read_volatile() }
}

/// Nanoseconds since boot, from the clock page.
pub fn now() -> u64 {
    clock().nanoseconds(ticks())
}

/// Nanoseconds in a number of ticks.
pub fn nanoseconds(ticks: u64) -> u64 {
    let clock = clock();
    clock.nanoseconds(clock.base_ticks.wrapping_add(ticks))
}
