//! What a fault handler can do, what becomes of a thread whose handler goes, and hostile registers at a system call.

use airox_abi::fault::{FaultAction, FaultKind, WORD_ADDRESS, WORD_THREAD};
use airox_abi::info::{Registers, ThreadState};
use airox_abi::layout::{PAGE_SIZE, USER_END};
use airox_abi::{Error, Handle, MapFlags, RegionKind};

use crate::block::Block;
use crate::child::{Child, Options, stack_pointer};
use crate::failure::{Outcome, check, check_equal, check_error};
use crate::faults::{RECOVERED, act, fault_port, recovered, repair, watched_child};
use crate::kernel::{self, Message};
use crate::memory::Mapped;
use crate::registry::Test;
use crate::suite::Suite;

/// The tests.
pub const TESTS: &[Test] = &[
    Test::new(
        "fault_handling",
        "a_pager_backs_the_page",
        a_pager_backs_the_page,
    ),
    Test::new(
        "fault_handling",
        "suspended_then_resumed",
        suspended_then_resumed,
    ),
    Test::new("fault_handling", "answered_later", answered_later),
    Test::new(
        "fault_handling",
        "unknown_action_kills",
        unknown_action_kills,
    ),
    Test::new("fault_handling", "handler_gives_up", handler_gives_up),
    Test::new("fault_handling", "port_closes", port_closes),
    Test::new(
        "fault_handling",
        "killed_while_faulted",
        killed_while_faulted,
    ),
    Test::new(
        "fault_handling",
        "other_threads_run_on",
        other_threads_run_on,
    ),
    Test::new(
        "fault_handling",
        "every_register_survives",
        every_register_survives,
    ),
    Test::new("hostile_entry", "flags", hostile_flags),
    Test::new("hostile_entry", "stack_pointer", hostile_stack_pointer),
    Test::new("hostile_entry", "segments", hostile_segments),
    Test::new(
        "hostile_entry",
        "last_address",
        system_call_at_the_last_address,
    ),
];

/// An address at which a child has nothing.
const HOLE: u64 = 0x3000_0000;

/// Adds up two words at `HOLE`.
fn reads_hole(block: &Block) -> Outcome {
    // SAFETY: either the handler maps memory there, or the process ends.
    let sum = unsafe {
        (HOLE as *const u64).read_volatile() + ((HOLE + 8) as *const u64).read_volatile()
    };
    block.set_result(0, sum);
    Ok(())
}

fn a_pager_backs_the_page(suite: &Suite) -> Outcome {
    let (port, sender) = fault_port()?;
    let child = watched_child(suite, &sender, reads_hole)?;
    let message = child.expect_message(port.get())?;
    check_equal!(message.words[WORD_ADDRESS], HOLE);
    check_equal!(
        message.words[WORD_THREAD],
        u64::from(kernel::thread_info(child.thread.get())?.number)
    );
    let memory = Mapped::new(1)?;
    memory.fill(0, &40u64.to_le_bytes());
    memory.fill(8, &2u64.to_le_bytes());
    kernel::region_map(
        memory.region(),
        child.process.get(),
        HOLE,
        0,
        1,
        MapFlags::empty(),
    )?;
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
    check_equal!(
        kernel::thread_info(thread)?.state,
        ThreadState::Suspended as u8
    );
    suite.sleep(1_000_000)?;
    check_equal!(
        kernel::thread_info(thread)?.state,
        ThreadState::Suspended as u8
    );
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
    let options = Options {
        fault_port: sender.get(),
        ..Options::DEFAULT
    };
    let child = Child::with(suite, options)?;
    let other = child.start_thread(1, crate::child::NORMAL, crate::actors::sleeper)?;
    child.start(reads_hole)?;
    child.expect_message(port.get())?;
    suite.await_state(other.get(), ThreadState::Waiting)?;
    // The fault of one thread takes the whole process with it, if nobody repairs it.
    act(FaultAction::Kill)?;
    check_equal!(child.wait()?.faulted, 1);
    check_equal!(
        kernel::thread_info(other.get())?.state,
        ThreadState::Dead as u8
    );
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
    check_equal!(
        FaultKind::from_code(message.tag.label().into()),
        Some(FaultKind::Breakpoint)
    );
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

/// A null system call with the direction, nested-task, alignment-check and identification flags set; returns
/// the flags afterwards.
#[unsafe(naked)]
unsafe extern "C" fn call_with_flags() -> u64 {
    core::arch::naked_asm!(
        "push rbx", "push r12", "push r13", "push r14", "push r15",
        "mov eax, {info}", "xor edi, edi", "sub rsp, 512", "mov rsi, rsp",
        "pushfq", "or qword ptr [rsp], 0x244400", "popfq",
        "syscall",
        "pushfq", "pop rdx",
        "push 0x202", "popfq",
        "add rsp, 512",
        "pop r15", "pop r14", "pop r13", "pop r12", "pop rbx",
        "shl rax, 32", "or rax, rdx",
        "ret",
        info = const airox_abi::SystemCall::ProcessInfo as u32,
    )
}

fn makes_calls_with_flags(block: &Block) -> Outcome {
    for _ in 0..100 {
        // SAFETY: the code saves what it changes; the kernel writes to its own 512 bytes of stack.
        let result = unsafe { call_with_flags() };
        block.set_result(0, result);
        check_equal!(result >> 32, 0);
    }
    Ok(())
}

fn hostile_flags(suite: &Suite) -> Outcome {
    let child = Child::run(suite, makes_calls_with_flags)?;
    child.finish()
}

/// A null system call, then an exit with code `rdi`, all with this stack pointer.
#[unsafe(naked)]
unsafe extern "C" fn call_with_stack(stack: u64, code: u64) {
    core::arch::naked_asm!(
        "mov rsp, rdi",
        "mov r9, rsi",
        "mov eax, {null}",
        "syscall",
        "mov eax, {yields}",
        "syscall",
        "mov rdi, 46",
        "mov eax, {exit}",
        "syscall",
        "ud2",
        null = const airox_abi::SystemCall::Null as u32,
        yields = const airox_abi::SystemCall::ThreadYield as u32,
        exit = const airox_abi::SystemCall::ProcessExit as u32,
    )
}

fn calls_with_stack(block: &Block) -> Outcome {
    // SAFETY: the code ends the process and never uses its stack.
    unsafe { call_with_stack(block.argument(0), 0) };
    Ok(())
}

fn hostile_stack_pointer(suite: &Suite) -> Outcome {
    for stack in [
        0,
        1,
        0x1234_5677,
        USER_END,
        0x8000_0000_0000,
        0xdead_beef_dead_beef,
        0xffff_8000_0000_1000,
        0xffff_ffff_8000_1000,
        u64::MAX,
    ] {
        let child = Child::new(suite)?;
        child.block().set_argument(0, stack);
        child.start(calls_with_stack)?;
        let info = child.wait()?;
        check!(
            info.exit_code == RECOVERED,
            "with stack pointer {stack:#x} it ends with {}",
            info.exit_code
        );
    }
    Ok(())
}

/// Loads data segments a program may load, and keeps entering the kernel by calls, faults and interrupts.
fn loads_segments(block: &Block) -> Outcome {
    for selector in [0u16, 3, 0x1b] {
        for _ in 0..20 {
            // SAFETY: in 64-bit mode the bases of these segments matter to nothing this program does.
            unsafe {
                core::arch::asm!("mov ds, {0:x}", "mov es, {0:x}", "mov fs, {0:x}", "mov gs, {0:x}", in(reg) selector);
            }
            kernel::thread_yield()?;
            check_error!(kernel::handle_info(Handle(77)), Error::InvalidHandle);
        }
    }
    block.set_result(0, 1);
    Ok(())
}

fn hostile_segments(suite: &Suite) -> Outcome {
    let children = [
        Child::run(suite, loads_segments)?,
        Child::run(suite, loads_segments)?,
    ];
    for child in children {
        child.finish()?;
    }
    Ok(())
}

/// A `syscall` as the last two bytes of the user half: the instruction after it lies at `USER_END`.
fn system_call_at_the_last_address(suite: &Suite) -> Outcome {
    let (port, sender) = fault_port()?;
    let child = Child::with(
        suite,
        Options {
            fault_port: sender.get(),
            ..Options::DEFAULT
        },
    )?;
    let code = Mapped::of(kernel::region_create(Handle::NONE, 1, RegionKind::Lazy)?, 1)?;
    code.fill(PAGE_SIZE - 2, &[0x0f, 0x05]);
    kernel::region_map(
        code.region(),
        child.process.get(),
        USER_END - PAGE_SIZE,
        0,
        1,
        MapFlags::EXECUTE,
    )?;
    let registers = Registers {
        rax: airox_abi::SystemCall::Null as u64,
        rip: USER_END - 2,
        rsp: stack_pointer(0),
        ..kernel::thread_read_registers(child.thread.get())?
    };
    // Started where it may be started, then stopped and moved.
    kernel::thread_suspend(child.thread.get())?;
    kernel::thread_start(
        child.thread.get(),
        recovered as *const () as u64,
        stack_pointer(0),
        0,
    )?;
    kernel::thread_write_registers(child.thread.get(), &registers)?;
    kernel::thread_resume(child.thread.get())?;
    let message = child.expect_message(port.get())?;
    check_equal!(
        FaultKind::from_code(message.tag.label().into()),
        Some(FaultKind::Execute)
    );
    check_equal!(message.words[WORD_ADDRESS], USER_END);
    repair(child.thread.get())?;
    act(FaultAction::Resume)?;
    check_equal!(child.wait()?.exit_code, RECOVERED);
    check!(code.byte(PAGE_SIZE - 1) == 5, "the code changed");
    Ok(())
}
