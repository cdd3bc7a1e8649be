//! What a fault handler tells people: what happened, where, and how the program got there.
//!
//! The backtrace follows frame pointers (`rbp`), which every program is compiled with, through the
//! dead program's memory. That memory is hostile: the walk is bounded, must rise, and ends at
//! the first address that cannot be read.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};

use airox_abi::Handle;
use airox_abi::fault::{FaultKind, WORD_ADDRESS, WORD_CODE, WORD_FRAME, WORD_INSTRUCTION, WORD_STACK, WORD_THREAD};
use airox_abi::info::Registers;
use airox_abi::layout::PAGE_SIZE;
use airox_abi::message::WORDS;
use airox_bundle::Symbols;

use crate::Kernel;

/// Most frames a backtrace shows.
const MAX_FRAMES: usize = 24;

/// A fault message, decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What the thread did; `None` is a kind this program does not know.
    pub kind: Option<FaultKind>,
    /// Address of the instruction.
    pub instruction: u64,
    /// The address accessed, else 0.
    pub address: u64,
    /// Stack pointer.
    pub stack: u64,
    /// Frame pointer.
    pub frame: u64,
    /// The CPU's error code.
    pub code: u64,
    /// Number of the thread.
    pub thread: u32,
}

impl Fault {
    /// Reads a fault message's label and words.
    #[must_use]
    pub fn from_message(label: u16, words: &[u64; WORDS]) -> Fault {
        Fault {
            kind: FaultKind::from_code(u64::from(label)),
            instruction: words[WORD_INSTRUCTION],
            address: words[WORD_ADDRESS],
            stack: words[WORD_STACK],
            frame: words[WORD_FRAME],
            code: words[WORD_CODE],
            thread: words[WORD_THREAD] as u32,
        }
    }

    /// Whether the thread ran into the guard page below a stack that starts at `stack_base`.
    #[must_use]
    pub fn is_stack_overflow(&self, stack_base: u64) -> bool {
        matches!(self.kind, Some(FaultKind::Read | FaultKind::Write))
            && (stack_base.saturating_sub(PAGE_SIZE)..stack_base).contains(&self.address)
    }

    /// The kind in a few words.
    #[must_use]
    pub fn text(&self, stack_base: u64) -> &'static str {
        if self.is_stack_overflow(stack_base) {
            return "stack overflow";
        }
        self.kind.map_or("unknown fault", FaultKind::text)
    }

    /// Whether the fault is about an address accessed.
    fn has_address(&self) -> bool {
        matches!(self.kind, Some(FaultKind::Read | FaultKind::Write | FaultKind::Execute))
    }
}

/// The process a fault happened in, as far as a report needs it.
#[derive(Clone, Copy, Debug)]
pub struct Victim<'a> {
    /// Its name.
    pub name: &'a str,
    /// The process: `DEBUG`.
    pub process: Handle,
    /// Its first thread: `READ`, `DEBUG`.
    pub thread: Handle,
    /// First address of its first thread's stack.
    pub stack_base: u64,
    /// Its functions' names.
    pub symbols: Symbols<'a>,
}

/// Writes the whole report: lines of text, each but the first indented.
#[must_use]
pub fn report<K: Kernel>(kernel: &mut K, victim: &Victim<'_>, fault: &Fault) -> String {
    // Registers are known only for the first thread, whose handle we have.
    let is_first = kernel.thread_info(victim.thread).is_ok_and(|info| info.number == fault.thread);
    let registers = if is_first { kernel.thread_read_registers(victim.thread).ok() } else { None };
    let frames = backtrace(kernel, victim.process, fault);
    let mut text = String::new();
    // Writing to a `String` cannot fail.
    let _ = write_report(&mut text, victim, fault, registers.as_ref(), &frames);
    text
}

/// A report in parts of whole lines, each at most `limit` bytes long unless a line alone is longer.
pub fn parts(report: &str, limit: usize) -> impl Iterator<Item = &str> {
    let mut rest = report;
    core::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut end = 0;
        for line in rest.split_inclusive('\n') {
            if end != 0 && end + line.len() > limit {
                break;
            }
            end += line.len();
        }
        let (part, after) = rest.split_at(end);
        rest = after;
        Some(part.trim_end_matches('\n'))
    })
}

fn write_report(
    out: &mut String,
    victim: &Victim<'_>,
    fault: &Fault,
    registers: Option<&Registers>,
    frames: &[u64],
) -> fmt::Result {
    write!(out, "`{}` faulted: {}", victim.name, fault.text(victim.stack_base))?;
    if fault.has_address() {
        write!(out, " at address {:#x}", fault.address)?;
    }
    write!(out, ", instruction {:#x}, thread {}, code {:#x}", fault.instruction, fault.thread, fault.code)?;
    match registers {
        Some(registers) => write_registers(out, registers)?,
        None => write!(out, "\n  rsp {:#x} rbp {:#x}", fault.stack, fault.frame)?,
    }
    out.push_str("\n  backtrace:");
    for (depth, address) in frames.iter().enumerate() {
        write!(out, "\n    {depth:2} {address:#x}")?;
        // A return address may be the first byte of the next function: look up the call before it.
        let lookup = address.saturating_sub(u64::from(depth != 0));
        if let Some((name, offset)) = victim.symbols.lookup(lookup) {
            write!(out, " {name}+{:#x}", offset + (address - lookup))?;
        }
    }
    if frames.len() == MAX_FRAMES {
        out.push_str("\n    ...");
    }
    Ok(())
}

fn write_registers(out: &mut String, registers: &Registers) -> fmt::Result {
    let named = [
        ("rax", registers.rax),
        ("rbx", registers.rbx),
        ("rcx", registers.rcx),
        ("rdx", registers.rdx),
        ("rsi", registers.rsi),
        ("rdi", registers.rdi),
        ("rbp", registers.rbp),
        ("rsp", registers.rsp),
        ("r8 ", registers.r8),
        ("r9 ", registers.r9),
        ("r10", registers.r10),
        ("r11", registers.r11),
        ("r12", registers.r12),
        ("r13", registers.r13),
        ("r14", registers.r14),
        ("r15", registers.r15),
        ("rip", registers.rip),
        ("rfl", registers.rflags),
    ];
    for (index, (name, value)) in named.iter().enumerate() {
        out.push_str(if index % 4 == 0 { "\n  " } else { " " });
        write!(out, "{name} {value:016x}")?;
    }
    Ok(())
}

/// The instruction that faulted, then the return addresses of its callers.
fn backtrace<K: Kernel>(kernel: &mut K, process: Handle, fault: &Fault) -> Vec<u64> {
    let mut frames = Vec::with_capacity(MAX_FRAMES);
    frames.push(fault.instruction);
    if fault.kind == Some(FaultKind::Execute) {
        // A call of a bad address: no frame yet, but the return address is on top of the stack.
        let mut bytes = [0; 8];
        if kernel.process_read(process, fault.stack, &mut bytes).is_ok() {
            frames.push(u64::from_le_bytes(bytes));
        }
    }
    let mut frame = fault.frame;
    while frames.len() < MAX_FRAMES && frame != 0 && frame.is_multiple_of(8) {
        // A frame is the caller's frame pointer and, above it, the return address.
        let mut bytes = [0; 16];
        if kernel.process_read(process, frame, &mut bytes).is_err() {
            break;
        }
        let value = u128::from_le_bytes(bytes);
        let (next, address) = (value as u64, (value >> 64) as u64);
        if address == 0 {
            break;
        }
        frames.push(address);
        // Stacks grow down, so callers' frames lie above: anything else is garbage or a loop.
        if next <= frame {
            break;
        }
        frame = next;
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mock::MockKernel;
    use airox_abi::layout::STACK_TOP;
    use airox_bundle::write::{Function, symbol_table};
    use std::vec;

    const STACK_BASE: u64 = STACK_TOP - 0x4000;

    fn fault(kind: FaultKind, address: u64, frame: u64) -> Fault {
        let words = [0x41_0010, address, STACK_TOP - 64, frame, 6, 7, 0, 0];
        Fault::from_message(kind as u16, &words)
    }

    fn report_of(kernel: &mut MockKernel, fault: &Fault) -> String {
        let names = symbol_table(&[
            Function { address: 0x41_0000, size: 0x20, name: "victim::main".into() },
            Function { address: 0x41_0020, size: 0x20, name: "airox_rt::start".into() },
        ])
        .unwrap();
        let (process, thread) = kernel.running_process("victim", 7);
        let victim = Victim {
            name: "victim",
            process,
            thread,
            stack_base: STACK_BASE,
            symbols: Symbols::parse(&names).unwrap(),
        };
        report(kernel, &victim, fault)
    }

    #[test]
    fn kind_address_and_symbols_are_told() {
        let mut kernel = MockKernel::new();
        // One caller: its frame pointer is 0, so the walk ends there.
        kernel.memory.insert(STACK_TOP - 32, 0);
        kernel.memory.insert(STACK_TOP - 24, 0x41_0020);
        let text = report_of(&mut kernel, &fault(FaultKind::Write, 0x10, STACK_TOP - 32));
        assert!(text.starts_with(
            "`victim` faulted: write to inaccessible memory at address 0x10, instruction 0x410010, thread 7, code 0x6"
        ), "{text}");
        assert!(text.contains("rax 0000000000000000"), "{text}");
        assert!(text.contains(" 0 0x410010 victim::main+0x10"), "{text}");
        // The return address is one past `main`'s end: the call belongs to `main`.
        assert!(text.contains(" 1 0x410020 victim::main+0x20"), "{text}");
    }

    #[test]
    fn registers_of_another_thread_are_not_shown_as_the_first_ones() {
        let mut kernel = MockKernel::new();
        let mut other = fault(FaultKind::Divide, 0, 0);
        other.thread = 8;
        let text = report_of(&mut kernel, &other);
        assert!(text.contains("divide error, instruction"), "{text}");
        assert!(!text.contains("rax"), "{text}");
    }

    #[test]
    fn the_guard_page_means_stack_overflow() {
        for (address, expected) in [
            (STACK_BASE - 1, "stack overflow"),
            (STACK_BASE - PAGE_SIZE, "stack overflow"),
            (STACK_BASE - PAGE_SIZE - 1, FaultKind::Write.text()),
            (STACK_BASE, FaultKind::Write.text()),
        ] {
            let fault = fault(FaultKind::Write, address, 0);
            assert_eq!(fault.text(STACK_BASE), expected, "{address:#x}");
        }
        let divide = fault(FaultKind::Divide, STACK_BASE - 1, 0);
        assert!(!divide.is_stack_overflow(STACK_BASE));
    }

    #[test]
    fn a_call_of_a_bad_address_shows_its_caller() {
        let mut kernel = MockKernel::new();
        kernel.memory.insert(STACK_TOP - 64, 0x41_0018);
        let mut jump = fault(FaultKind::Execute, 0, 0);
        jump.instruction = 0;
        let text = report_of(&mut kernel, &jump);
        assert!(text.contains("\n     0 0x0\n     1 0x410018 victim::main+0x18"), "{text}");
    }

    #[test]
    fn parts_are_whole_lines() {
        let text = "one\ntwo\nthree is long\nfour";
        let split: Vec<&str> = parts(text, 8).collect();
        assert_eq!(split, ["one\ntwo", "three is long", "four"]);
        assert_eq!(parts("", 8).count(), 0);
        assert_eq!(parts(text, 1000).collect::<Vec<_>>(), [text]);
    }

    #[test]
    fn an_unknown_kind_is_not_fatal() {
        let unknown = Fault::from_message(0xffff, &[0; WORDS]);
        assert_eq!(unknown.text(STACK_BASE), "unknown fault");
    }

    #[test]
    fn hostile_frames_end_the_walk() {
        let mut kernel = MockKernel::new();
        let (process, _) = kernel.running_process("victim", 7);
        // A frame that points to itself.
        kernel.memory.insert(STACK_TOP - 32, STACK_TOP - 32);
        kernel.memory.insert(STACK_TOP - 24, 0x41_0020);
        let looping = fault(FaultKind::Read, 0, STACK_TOP - 32);
        assert_eq!(backtrace(&mut kernel, process, &looping), vec![0x41_0010, 0x41_0020]);
        // Unmapped, unaligned, and null frame pointers.
        for frame in [0x1000, STACK_TOP - 31, 0, u64::MAX] {
            let broken = fault(FaultKind::Read, 0, frame);
            assert_eq!(backtrace(&mut kernel, process, &broken), vec![0x41_0010]);
        }
        // An endless but rising chain is cut.
        for step in 0..100 {
            let at = 0x100_0000 + step * 16;
            kernel.memory.insert(at, at + 16);
            kernel.memory.insert(at + 8, 0x41_0020);
        }
        let endless = fault(FaultKind::Read, 0, 0x100_0000);
        assert_eq!(backtrace(&mut kernel, process, &endless).len(), MAX_FRAMES);
    }
}
