//! What a fault handler can do, and what becomes of a thread whose handler goes.

use airox_abi::fault::{FaultAction, FaultKind, WORD_ADDRESS, WORD_THREAD};
use airox_abi::info::{Registers, ThreadState};
use airox_abi::{Error, Handle, MapFlags};

use crate::block::Block;
use crate::child::{Child, Options};
use crate::failure::{Outcome, check_equal, check_error};
use crate::faults::{RECOVERED, act, fault_port, repair, watched_child};
use crate::kernel::{self, Message};
use crate::memory::Mapped;
use crate::registry::Test;
use crate::suite::Suite;

/// The tests.
pub const TESTS: &[Test] = &[
    Test::new("fault_handling", "a_pager_backs_the_page", a_pager_backs_the_page),
    Test::new("fault_handling", "suspended_then_resumed", suspended_then_resumed),
    Test::new("fault_handling", "answered_later", answered_later),
    Test::new("fault_handling", "unknown_action_kills", unknown_action_kills),
    Test::new("fault_handling", "handler_gives_up", handler_gives_up),
    Test::new("fault_handling", "port_closes", port_closes),
    Test::new("fault_handling", "killed_while_faulted", killed_while_faulted),
    Test::new("fault_handling", "other_threads_run_on", other_threads_run_on),
    Test::new("fault_handling", "every_register_survives", every_register_survives),
];

/// An address at which a child has nothing.
const HOLE: u64 = 0x3000_0000;

/// Adds up two words at `HOLE`.
fn reads_hole(block: &Block) -> Outcome {
    // SAFETY: either the handler maps memory there, or the process ends.
    let sum = unsafe { (HOLE as *const u64).read_volatile() + ((HOLE + 8) as *const u64).read_volatile() };
    block.set_result(0, sum);
    Ok(())
}

fn a_pager_backs_the_page(suite: &Suite) -> Outcome {
    let (port, sender) = fault_port()?;
    let child = watched_child(suite, &sender, reads_hole)?;
    let message = child.expect_message(port.get())?;
    check_equal!(message.words[WORD_ADDRESS], HOLE);
    check_equal!(message.words[WORD_THREAD], u64::from(kernel::thread_info(child.thread.get())?.number));
    let memory = Mapped::new(1)?;
    memory.fill(0, &40u64.to_le_bytes());
    memory.fill(8, &2u64.to_le_bytes());
    kernel::region_map(memory.region(), child.process.get(), HOLE, 0, 1, MapFlags::empty())?;
    act(FaultAction::Resume)?;
    child.wait()?;
    check_equal!(child.block().result(0), 42);
    child.finish()
}

fn suspended_then_resumed(suite: &Suite) -> Outcome {
    let (port, sender) = fault_port()?;
    let child = watched_child(suite, &sender, reads_hole)?;
    child.expect_message(port.get())?;
    act(FaultAction::Suspend)?;
    let thread = child.thread.get();
    check_equal!(kernel::thread_info(thread)?.state, ThreadState::Suspended as u8);
    suite.sleep(1_000_000)?;
    check_equal!(kernel::thread_info(thread)?.state, ThreadState::Suspended as u8);
    // Resumed as it is, it faults again.
    kernel::thread_resume(thread)?;
    check_equal!(child.expect_message(port.get())?.words[WORD_ADDRESS], HOLE);
    act(FaultAction::Suspend)?;
    repair(thread)?;
    kernel::thread_resume(thread)?;
    check_equal!(child.wait()?.exit_code, RECOVERED);
    Ok(())
}

fn answered_later(suite: &Suite) -> Outcome {
    let (port, sender) = fault_port()?;
    let first = watched_child(suite, &sender, reads_hole)?;
    first.expect_message(port.get())?;
    let saved = kernel::reply_save()?;
    let second = watched_child(suite, &sender, reads_hole)?;
    second.expect_message(port.get())?;
    act(FaultAction::Kill)?;
    check_equal!(second.wait()?.faulted, 1);
    repair(first.thread.get())?;
    kernel::reply(saved.get(), &Message::new(FaultAction::Resume as u16))?;
    check_equal!(first.wait()?.exit_code, RECOVERED);
    Ok(())
}

fn unknown_action_kills(suite: &Suite) -> Outcome {
    for action in [3, 4, 0xffff] {
        let (port, sender) = fault_port()?;
        let child = watched_child(suite, &sender, reads_hole)?;
        child.expect_message(port.get())?;
        kernel::reply(Handle::NONE, &Message::new(action))?;
        check_equal!(child.wait()?.faulted, 1);
    }
    Ok(())
}

fn handler_gives_up(suite: &Suite) -> Outcome {
    let (port, sender) = fault_port()?;
    let child = watched_child(suite, &sender, reads_hole)?;
    child.expect_message(port.get())?;
    drop(kernel::reply_save()?);
    check_equal!(child.wait()?.faulted, 1);
    Ok(())
}

fn port_closes(suite: &Suite) -> Outcome {
    // While the fault waits in the port's queue.
    let (port, sender) = fault_port()?;
    let child = watched_child(suite, &sender, reads_hole)?;
    child.await_state(suite, ThreadState::Faulted)?;
    drop(port);
    check_equal!(child.wait()?.faulted, 1);
    // Before the fault.
    let late = watched_child(suite, &sender, reads_hole)?;
    check_equal!(late.wait()?.faulted, 1);
    Ok(())
}

fn killed_while_faulted(suite: &Suite) -> Outcome {
    let (port, sender) = fault_port()?;
    let queued = watched_child(suite, &sender, reads_hole)?;
    queued.await_state(suite, ThreadState::Faulted)?;
    let info = queued.kill()?;
    check_equal!((info.exit_code, info.faulted), (-9, 0));
    let received = watched_child(suite, &sender, reads_hole)?;
    received.expect_message(port.get())?;
    received.kill()?;
    check_error!(act(FaultAction::Resume), Error::NoCaller);
    Ok(())
}

fn other_threads_run_on(suite: &Suite) -> Outcome {
    let (port, sender) = fault_port()?;
    let options = Options { fault_port: sender.get(), ..Options::DEFAULT };
    let child = Child::with(suite, options)?;
    let other = child.start_thread(1, crate::child::NORMAL, crate::actors::sleeper)?;
    child.start(reads_hole)?;
    child.expect_message(port.get())?;
    suite.await_state(other.get(), ThreadState::Waiting)?;
    // The fault of one thread takes the whole process with it, if nobody repairs it.
    act(FaultAction::Kill)?;
    check_equal!(child.wait()?.faulted, 1);
    check_equal!(kernel::thread_info(other.get())?.state, ThreadState::Dead as u8);
    Ok(())
}

#[unsafe(naked)]
unsafe extern "C" fn fills_registers() {
    core::arch::naked_asm!(
        "mov rax, 0x1001", "mov rbx, 0x1002", "mov rcx, 0x1003", "mov rdx, 0x1004", "mov rsi, 0x1005",
        "mov rdi, 0x1006", "mov rbp, 0x1007", "mov r8, 0x1008", "mov r9, 0x1009", "mov r10, 0x100a",
        "mov r11, 0x100b", "mov r12, 0x100c", "mov r13, 0x100d", "mov r14, 0x100e", "mov r15, 0x100f",
        "int3",
        // The handler adds one to each; the sum then tells whether all of them arrived.
        "add rax, rbx", "add rax, rcx", "add rax, rdx", "add rax, rsi", "add rax, rdi", "add rax, rbp",
        "add rax, r8", "add rax, r9", "add rax, r10", "add rax, r11", "add rax, r12", "add rax, r13",
        "add rax, r14", "add rax, r15",
        "mov rdi, rax",
        "mov eax, {exit}",
        "syscall",
        "ud2",
        exit = const airox_abi::SystemCall::ProcessExit as u32,
    )
}

fn fills(_: &Block) -> Outcome {
    // SAFETY: the code ends the process.
    unsafe { fills_registers() };
    Ok(())
}

fn every_register_survives(suite: &Suite) -> Outcome {
    let (port, sender) = fault_port()?;
    let child = watched_child(suite, &sender, fills)?;
    let message = child.expect_message(port.get())?;
    check_equal!(FaultKind::from_code(message.tag.label().into()), Some(FaultKind::Breakpoint));
    let found = kernel::thread_read_registers(child.thread.get())?;
    let expected = Registers {
        rax: 0x1001,
        rbx: 0x1002,
        rcx: 0x1003,
        rdx: 0x1004,
        rsi: 0x1005,
        rdi: 0x1006,
        rbp: 0x1007,
        r8: 0x1008,
        r9: 0x1009,
        r10: 0x100a,
        r11: 0x100b,
        r12: 0x100c,
        r13: 0x100d,
        r14: 0x100e,
        r15: 0x100f,
        rsp: found.rsp,
        rip: found.rip,
        rflags: found.rflags,
    };
    check_equal!(found, expected);
    let changed = Registers {
        rax: 0x1002,
        rbx: 0x1003,
        rcx: 0x1004,
        rdx: 0x1005,
        rsi: 0x1006,
        rdi: 0x1007,
        rbp: 0x1008,
        r8: 0x1009,
        r9: 0x100a,
        r10: 0x100b,
        r11: 0x100c,
        r12: 0x100d,
        r13: 0x100e,
        r14: 0x100f,
        r15: 0x1010,
        ..found
    };
    kernel::thread_write_registers(child.thread.get(), &changed)?;
    act(FaultAction::Resume)?;
    check_equal!(child.wait()?.exit_code, (0x1002..=0x1010).sum::<i64>());
    Ok(())
}
