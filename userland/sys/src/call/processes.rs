//! Processes and threads.

use super::{address, address_mut, arg, handle, padded_name};
use crate::stub::simple;
use airox_abi::info::{ProcessInfo, Registers, ThreadInfo};
use airox_abi::{Error, Handle, Rights, SystemCall};

/// Makes an empty process on a quota; the name is cut to [`airox_abi::layout::NAME_LENGTH`] bytes.
pub fn process_create(quota: Handle, name: &str) -> Result<Handle, Error> {
    let name = padded_name(name);
    let arguments = [arg(quota), address(&name), 0, 0, 0, 0];
    simple(SystemCall::ProcessCreate, arguments).map(|values| handle(values[0]))
}

/// Gives a process a copy of a handle; returns the copy's value in that process.
pub fn process_grant(process: Handle, granted: Handle, rights: Rights, badge: u64) -> Result<Handle, Error> {
    let arguments = [arg(process), arg(granted), u64::from(rights.bits()), badge, 0, 0];
    simple(SystemCall::ProcessGrant, arguments).map(|values| handle(values[0]))
}

/// Ends a process.
pub fn process_kill(process: Handle, code: i64) -> Result<(), Error> {
    simple(SystemCall::ProcessKill, [arg(process), code as u64, 0, 0, 0, 0]).map(drop)
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
pub unsafe fn thread_start(thread: Handle, entry: u64, stack: u64, argument: u64) -> Result<(), Error> {
    simple(SystemCall::ThreadStart, [arg(thread), entry, stack, argument, 0, 0]).map(drop)
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

/// Moves a thread to a processor, onto the processor's own, unlimited time.
pub fn thread_processor(thread: Handle, processor: u32) -> Result<(), Error> {
    let arguments = [arg(thread), u64::from(processor), 0, 0, 0, 0];
    simple(SystemCall::ThreadProcessor, arguments).map(drop)
}

/// Sets the processors that threads of a process may run on: bit n for processor n.
pub fn process_processors(process: Handle, processors: u64) -> Result<(), Error> {
    let arguments = [arg(process), processors, 0, 0, 0, 0];
    simple(SystemCall::ProcessProcessors, arguments).map(drop)
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
