//! Faults as messages.

use super::model::{SCRATCH, System};
use crate::fault::Exception;
use airox_abi::fault::{FaultAction, FaultKind, WORD_ADDRESS, WORD_INSTRUCTION};
use airox_abi::info::ThreadState;
use airox_abi::message::{MessageKind, Tag};
use airox_abi::{Error, Rights, SystemCall as Call};

const PAGE_FAULT_WRITE: Exception = Exception { vector: 14, code: 0b110, address: 0x1234 };

/// A child faults; the root handles it.
fn faulted() -> (System, super::model::Child, u64) {
    let mut system = System::boot();
    let port = system.ok(Call::PortCreate, &[0, 0]);
    let badged = system.ok(Call::HandleCopy, &[port, u64::from(Rights::all().bits()), 55]);
    let child = system.spawn(10, badged);
    system.message(Call::Receive, port, Tag(0), &[]);
    system.running(child.thread);
    system.kernel.current().ip = 0x41_0123;
    system.kernel.exception(PAGE_FAULT_WRITE);
    system.running(system.root);
    (system, child, port)
}

#[test]
fn a_fault_tells_what_and_where() {
    let (system, _, _) = faulted();
    let context = system.context(system.root);
    assert_eq!(context.tag.kind(), MessageKind::Fault);
    assert_eq!(context.tag.label(), FaultKind::Write as u16);
    assert_eq!(context.rdi, 55);
    assert_eq!(context.words[WORD_ADDRESS], 0x1234);
    assert_eq!(context.words[WORD_INSTRUCTION], 0x41_0123);
}

#[test]
fn the_handler_may_change_registers_and_resume() {
    let (mut system, child, port) = faulted();
    system.ok(Call::ThreadReadRegisters, &[child.thread_handle, SCRATCH]);
    let mut bytes = system.read(system.root_process, SCRATCH, 144);
    bytes[128..136].copy_from_slice(&0x41_0200_u64.to_le_bytes());
    // Flags that no program may set stay off: IOPL and the like.
    bytes[136..144].copy_from_slice(&0x3_3002_u64.to_le_bytes());
    system.write(system.root_process, SCRATCH, &bytes);
    system.ok(Call::ThreadWriteRegisters, &[child.thread_handle, SCRATCH]);
    system.message(Call::ReplyReceive, port, Tag::new(FaultAction::Resume as u16), &[]);
    system.running(child.thread);
    assert_eq!(system.kernel.current().ip, 0x41_0200);
    assert_eq!(system.kernel.current().flags & 0x2_3200, 0x200);
    // Not stopped any more.
    system.kernel.exception(PAGE_FAULT_WRITE);
    system.running(system.root);
}

#[test]
fn the_handler_may_kill_or_suspend() {
    let (mut system, child, _) = faulted();
    system.message(Call::Reply, 0, Tag::new(FaultAction::Suspend as u16), &[]);
    assert_eq!(system.kernel.thread_info(child.thread).state, ThreadState::Suspended as u8);
    system.ok(Call::ThreadResume, &[child.thread_handle]);
    assert_eq!(system.kernel.thread_info(child.thread).state, ThreadState::Ready as u8);
    let (mut system, child, _) = faulted();
    system.message(Call::Reply, 0, Tag::new(FaultAction::Kill as u16), &[]);
    let info = system.kernel.process_info(child.process);
    assert_eq!((info.state, info.faulted), (ThreadState::Dead as u8, 1));
    assert_eq!(info.exit_code, -(FaultKind::Write as i64));
}

#[test]
fn without_a_handler_the_process_dies() {
    let mut system = System::boot();
    let signal = system.ok(Call::SignalCreate, &[0]);
    let child = system.spawn(10, 0);
    system.ok(Call::ProcessWatch, &[child.process_handle, signal, 4]);
    system.raw(Call::Wait as u64, &[signal, 4], Tag(0), 0);
    system.running(child.thread);
    system.kernel.exception(Exception { vector: 6, code: 0, address: 0 });
    system.end_processes();
    system.running(system.root);
    assert_eq!(system.result(system.root), Ok(4));
    assert_eq!(system.kernel.process_info(child.process).exit_code, -(FaultKind::InvalidInstruction as i64));
}

#[test]
fn a_handler_that_dies_takes_the_faulted_process_with_it() {
    let mut system = System::boot();
    let port = system.ok(Call::PortCreate, &[0, 0]);
    let handler = system.spawn(20, 0);
    let child = system.spawn(10, port);
    let receive = system.grant(&handler, port, Rights::RECEIVE, 0);
    system.root_in_background();
    system.kernel.cpu.reschedule = true;
    system.kernel.finish_entry();
    system.message(Call::Receive, receive, Tag(0), &[]);
    system.running(child.thread);
    system.kernel.exception(PAGE_FAULT_WRITE);
    system.running(handler.thread);
    system.raw(Call::ProcessExit as u64, &[0], Tag(0), 0);
    system.running(system.root);
    assert_eq!(system.kernel.process_info(child.process).state, ThreadState::Dead as u8);
    assert_eq!(system.err(Call::ThreadSuspend, &[child.thread_handle]), Error::Dead);
}

#[test]
fn each_vector_has_its_kind() {
    for (vector, code, kind) in [
        (0, 0, FaultKind::Divide),
        (1, 0, FaultKind::Debug),
        (3, 0, FaultKind::Breakpoint),
        (4, 0, FaultKind::Other),
        (6, 0, FaultKind::InvalidInstruction),
        (12, 0, FaultKind::Stack),
        (13, 0, FaultKind::Protection),
        (14, 0b100, FaultKind::Read),
        (14, 0b1_0101, FaultKind::Execute),
        (17, 0, FaultKind::Alignment),
        (19, 0, FaultKind::FloatingPoint),
    ] {
        let mut system = System::boot();
        let port = system.ok(Call::PortCreate, &[0, 0]);
        let child = system.spawn(10, port);
        system.message(Call::Receive, port, Tag(0), &[]);
        system.running(child.thread);
        system.kernel.exception(Exception { vector, code, address: 0 });
        assert_eq!(system.context(system.root).tag.label(), kind as u16);
    }
}
