//! Faults as messages.
//!
//! A thread that faults stops and, as if it had made a call, sends a message to its fault port:
//! kind [`crate::message::MessageKind::Fault`], the badge of the fault handle, label = the
//! [`FaultKind`], and the words below. The handler's reply label is a [`FaultAction`]. A thread
//! without a fault port, or whose fault port is closed, takes its process down with it.

/// Word of a fault message that holds the instruction's address.
pub const WORD_INSTRUCTION: usize = 0;
/// Word that holds the address accessed (page faults), else 0.
pub const WORD_ADDRESS: usize = 1;
/// Word that holds the stack pointer.
pub const WORD_STACK: usize = 2;
/// Word that holds the frame pointer (`rbp`), where a backtrace starts.
pub const WORD_FRAME: usize = 3;
/// Word that holds the CPU's error code, 0 where there is none.
pub const WORD_CODE: usize = 4;
/// Word that holds the faulting thread's number, as `thread_info` tells it.
pub const WORD_THREAD: usize = 5;

codes! {
    /// What a thread did.
    FaultKind:
    /// Read from memory it may not read.
    Read = 1, "read of inaccessible memory";
    /// Wrote to memory it may not write.
    Write = 2, "write to inaccessible memory";
    /// Executed memory it may not execute.
    Execute = 3, "execution of non-executable memory";
    /// Divided by zero, or the quotient did not fit.
    Divide = 4, "divide error";
    /// Executed an undefined instruction.
    InvalidInstruction = 5, "invalid instruction";
    /// Privileged instruction, I/O port without authority, non-canonical address, misaligned SSE...
    Protection = 6, "general protection";
    /// Stack-segment fault: a non-canonical address through `rsp` or `rbp`.
    Stack = 7, "stack fault";
    /// Unaligned access while alignment checks are on.
    Alignment = 8, "alignment check";
    /// `int3`.
    Breakpoint = 9, "breakpoint";
    /// Single step or hardware breakpoint.
    Debug = 10, "debug trap";
    /// x87 or SIMD floating-point exception that the program unmasked.
    FloatingPoint = 11, "floating-point exception";
    /// Any other CPU exception.
    Other = 12, "CPU exception";
    /// Its budget ran out, and the budget says that this is a fault.
    OutOfTime = 13, "out of time";
}

/// What the handler's reply (its label) asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum FaultAction {
    /// Run on, with the registers as they are (perhaps changed by `thread_write_registers`).
    Resume = 0,
    /// Kill the thread's process.
    Kill = 1,
    /// Leave the thread suspended; it can be read, changed and resumed later.
    Suspend = 2,
}
