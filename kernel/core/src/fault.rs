//! CPU exceptions of ring-3 threads: a page to back, or a message to the fault port.

use crate::context::Context;
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::slab::Id;
use crate::thread::Thread;
use airox_abi::fault::{self, FaultKind};
use airox_abi::message::WORDS;
use airox_abi::trace::EventKind;

/// An exception as the CPU reports it.
#[derive(Clone, Copy, Debug)]
pub struct Exception {
    /// Vector, 0 to 31.
    pub vector: u8,
    /// Error code, 0 where the vector has none.
    pub code: u64,
    /// CR2; meaningful for page faults.
    pub address: u64,
}

/// A fault.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub(crate) kind: FaultKind,
    address: u64,
    code: u64,
}

impl Fault {
    /// The words of the fault message.
    pub(crate) fn words(&self, context: &Context, thread: Id<Thread>) -> [u64; WORDS] {
        let mut words = [0; WORDS];
        words[fault::WORD_INSTRUCTION] = context.ip;
        words[fault::WORD_ADDRESS] = self.address;
        words[fault::WORD_STACK] = context.sp;
        words[fault::WORD_FRAME] = context.rbp;
        words[fault::WORD_CODE] = self.code;
        words[fault::WORD_THREAD] = u64::from(thread.number());
        words
    }
}

const GENERAL_PROTECTION: u8 = 13;
const PAGE_FAULT: u8 = 14;
/// Bits of a page fault's error code (Intel SDM vol. 3, 4.7).
const CODE_PRESENT: u64 = 1 << 0;
const CODE_WRITE: u64 = 1 << 1;
const CODE_FETCH: u64 = 1 << 4;

#[inline]
const fn kind(exception: &Exception) -> FaultKind {
    match exception.vector {
        0 => FaultKind::Divide,
        1 => FaultKind::Debug,
        3 => FaultKind::Breakpoint,
        6 => FaultKind::InvalidInstruction,
        12 => FaultKind::Stack,
        GENERAL_PROTECTION => FaultKind::Protection,
        PAGE_FAULT if exception.code & CODE_FETCH != 0 => FaultKind::Execute,
        PAGE_FAULT if exception.code & CODE_WRITE != 0 => FaultKind::Write,
        PAGE_FAULT => FaultKind::Read,
        16 | 19 => FaultKind::FloatingPoint,
        17 => FaultKind::Alignment,
        _ => FaultKind::Other,
    }
}

impl<M: Machine> Kernel<M> {
    /// The running ring-3 thread raised an exception.
    pub fn exception(&mut self, exception: Exception) {
        let process = self.cpu.current_process;
        if exception.vector == PAGE_FAULT && exception.code & CODE_PRESENT == 0 {
            self.prepare_frame();
            // It comes again after the timer. The reaper's is none.
            let waits = self.is_late() && self.cpu.current != self.cpu.reaper;
            if waits || self.back_page(process, exception.address, kind(&exception)).is_some() {
                return;
            }
        }
        if self.cpu.current == self.cpu.reaper {
            self.reap();
            return self.finish_entry();
        }
        if exception.vector == GENERAL_PROTECTION
            && self.threads[self.cpu.current].has_io_ports
            && self.machine.load_io_ports(self.cpu.number, &self.processes[process].io_ports)
        {
            return;
        }
        let address = if exception.vector == PAGE_FAULT { exception.address } else { 0 };
        self.fault(kind(&exception), address, exception.code);
        self.finish_entry();
    }

    /// Tells the running thread's fault to its handler; without one its process ends.
    pub(crate) fn fault(&mut self, kind: FaultKind, address: u64, code: u64) {
        let thread = self.cpu.current;
        let ip = self.threads[thread].context.ip;
        self.trace(EventKind::Fault, thread.number(), kind as u32, ip, address);
        let entry = &mut self.threads[thread];
        entry.faulted = true;
        entry.last_fault = Some(Fault { kind, address, code });
        let port = self.threads[thread].fault_port.and_then(|(port, badge)| Some((self.ports.upgrade(port)?, badge)));
        let sent = port.is_some_and(|(port, badge)| self.send(port, badge).is_ok());
        if !sent {
            self.doom_process(self.cpu.current_process, -(kind as i64), true);
        }
    }
}
