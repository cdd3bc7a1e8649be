//! `thread_*`: making, starting, stopping and looking into threads; and calls that do not exist.

use airox_abi::info::{Registers, ThreadState};
use airox_abi::layout::USER_END;
use airox_abi::{Error, Handle, Rights, SystemCall};

use crate::actors;
use crate::block::Block;
use crate::child::{Child, NORMAL};
use crate::failure::{Outcome, check, check_equal, check_error};
use crate::kernel::{self, EntryRegisters, Message};
use crate::registry::Test;
use crate::suite::Suite;

/// The tests.
pub const TESTS: &[Test] = &[
    Test::new("thread", "states", states),
    Test::new("thread", "start_once", start_once),
    Test::new("thread", "bad_starts", bad_starts),
    Test::new("thread", "suspend_and_resume", suspend_and_resume),
    Test::new("thread", "suspended_while_waiting", suspended_while_waiting),
    Test::new("thread", "registers", registers),
    Test::new("thread", "dangerous_registers", dangerous_registers),
    Test::new("thread", "registers_need_a_stopped_thread", registers_need_a_stopped_thread),
    Test::new("thread", "priority_limits", priority_limits),
    Test::new("thread", "yield_lets_others_run", yield_lets_others_run),
    Test::new("thread", "calls_that_do_not_exist", calls_that_do_not_exist),
    Test::new("thread", "null_changes_nothing", null_changes_nothing),
];

fn states(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let child = Child::new(suite)?;
    let thread = child.thread.get();
    child.grant(actors::PORT, port.get(), Rights::SEND)?;
    let state = || kernel::thread_info(thread).map(|info| info.state);
    check_equal!(state()?, ThreadState::Suspended as u8);
    child.start(actors::client)?;
    check!([ThreadState::Ready as u8, ThreadState::Sending as u8].contains(&state()?), "just started");
    child.await_state(suite, ThreadState::Sending)?;
    kernel::receive(port.get())?;
    check_equal!(state()?, ThreadState::AwaitingReply as u8);
    kernel::reply(Handle::NONE, &Message::new(0))?;
    child.await_state(suite, ThreadState::Dead)?;
    check_equal!(kernel::thread_info(Handle::NONE)?.state, ThreadState::Running as u8);
    let server = Child::new(suite)?;
    server.grant(actors::PORT, port.get(), Rights::RECEIVE)?;
    server.start(actors::echo_server)?;
    server.await_state(suite, ThreadState::Receiving)?;
    let sleeper = Child::run(suite, actors::sleeper)?;
    sleeper.await_state(suite, ThreadState::Waiting)
}

fn start_once(suite: &Suite) -> Outcome {
    let child = Child::run(suite, actors::sleeper)?;
    child.await_state(suite, ThreadState::Waiting)?;
    check_error!(kernel::thread_start(child.thread.get(), 0x41_0000, 0x1000_0000, 0), Error::WrongState);
    let fresh = Child::new(suite)?;
    check_error!(kernel::thread_resume(fresh.thread.get()), Error::WrongState);
    Ok(())
}

/// Starting at an address where no program is either fails or faults the thread; the kernel survives both.
fn bad_starts(suite: &Suite) -> Outcome {
    for entry in
        [0, 8, 0x1234_5678, USER_END - 1, USER_END, 0x7fff_ffff_ffff, 0x8000_0000_0000, 0xffff_8000_0000_0000, u64::MAX]
    {
        let child = Child::new(suite)?;
        match kernel::thread_start(child.thread.get(), entry, 0, 0) {
            Err(Error::InvalidAddress | Error::InvalidArgument) => {}
            Err(error) => return Err(error.into()),
            Ok(()) => {
                let info = child.wait()?;
                check!(info.faulted == 1, "a thread that starts at {entry:#x} does not fault");
            }
        }
    }
    // A garbage stack is the thread's own problem.
    for stack in [0, 1, 0x8000_0000_0000, 0xffff_8000_0000_0000, u64::MAX] {
        let child = Child::new(suite)?;
        child.block().set_function(0, actors::sleeper);
        let entry = touches_stack as *const () as u64;
        if kernel::thread_start(child.thread.get(), entry, stack, 0).is_ok() {
            check!(child.wait()?.faulted == 1, "a push at {stack:#x} does not fault");
        }
    }
    Ok(())
}

#[unsafe(naked)]
extern "C" fn touches_stack() {
    core::arch::naked_asm!("push rax", "ud2")
}

fn suspend_and_resume(suite: &Suite) -> Outcome {
    let child = Child::run(suite, actors::hog)?;
    suite.until(|| Ok(child.block().result(0) > 0))?;
    kernel::thread_suspend(child.thread.get())?;
    kernel::thread_suspend(child.thread.get())?;
    let stopped = child.block().result(0);
    check_equal!(kernel::thread_info(child.thread.get())?.state, ThreadState::Suspended as u8);
    suite.sleep(30_000_000)?;
    check_equal!(child.block().result(0), stopped);
    kernel::thread_resume(child.thread.get())?;
    suite.until(|| Ok(child.block().result(0) > stopped))?;
    // Of a running thread: nothing to undo.
    kernel::thread_resume(child.thread.get())?;
    Ok(())
}

fn suspended_while_waiting(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let child = Child::new(suite)?;
    child.grant(actors::PORT, port.get(), Rights::SEND)?;
    child.start(actors::client)?;
    child.await_state(suite, ThreadState::Sending)?;
    kernel::thread_suspend(child.thread.get())?;
    // Its call can be received and answered, but it does not run.
    kernel::receive(port.get())?;
    kernel::reply(Handle::NONE, &Message::word(0, 5))?;
    suite.sleep(1_000_000)?;
    check_equal!(kernel::process_info(child.process.get())?.state, ThreadState::Suspended as u8);
    kernel::thread_resume(child.thread.get())?;
    child.wait()?;
    check_equal!(child.block().result(1), 5);
    child.finish()
}

/// Runs until result 0 is set by somebody else, with the address of its own code in result 1.
fn spins(block: &Block) -> Outcome {
    loop {
        block.set_result(0, block.result(0) + 1);
    }
}

fn leaves(_: &Block) -> Outcome {
    kernel::process_exit(44)
}

extern "C" fn leaves_entry() -> ! {
    kernel::process_exit(45)
}

fn registers(suite: &Suite) -> Outcome {
    let child = Child::run(suite, spins)?;
    suite.until(|| Ok(child.block().result(0) > 0))?;
    kernel::thread_suspend(child.thread.get())?;
    let mut found = kernel::thread_read_registers(child.thread.get())?;
    check!(found.rsp < airox_abi::layout::STACK_TOP && found.rsp > crate::child::stack_base(0), "rsp {:#x}", found.rsp);
    check!(found.rip >= airox_abi::layout::PROGRAM_BASE, "rip {:#x}", found.rip);
    check!(found.rflags & 0x200 != 0, "interrupts are off in ring 3");
    // Every register comes back as written.
    let written = Registers {
        rax: 1,
        rbx: 2,
        rcx: 3,
        rdx: 4,
        rsi: 5,
        rdi: 6,
        rbp: 7,
        rsp: found.rsp,
        r8: 8,
        r9: 9,
        r10: 10,
        r11: 11,
        r12: 12,
        r13: 13,
        r14: 14,
        r15: 15,
        rip: found.rip,
        rflags: found.rflags,
    };
    kernel::thread_write_registers(child.thread.get(), &written)?;
    check_equal!(kernel::thread_read_registers(child.thread.get())?, written);
    (found.rip, found.rsp) = (leaves_entry as *const () as u64, crate::child::stack_pointer(0));
    kernel::thread_write_registers(child.thread.get(), &found)?;
    kernel::thread_resume(child.thread.get())?;
    check_equal!(child.wait()?.exit_code, 45);
    Ok(())
}

/// Register values that would hurt the kernel when it returns to ring 3: it must refuse or defuse them.
fn dangerous_registers(suite: &Suite) -> Outcome {
    for rip in [USER_END, 0x7fff_ffff_ffff, 0x8000_0000_0000, 0xdead_beef_dead_beef, 0xffff_8000_0000_0000, u64::MAX] {
        let child = Child::run(suite, spins)?;
        suite.until(|| Ok(child.block().result(0) > 0))?;
        kernel::thread_suspend(child.thread.get())?;
        let registers = Registers { rip, ..kernel::thread_read_registers(child.thread.get())? };
        match kernel::thread_write_registers(child.thread.get(), &registers) {
            Err(Error::InvalidAddress | Error::InvalidArgument) => {}
            Err(error) => return Err(error.into()),
            Ok(()) => {
                kernel::thread_resume(child.thread.get())?;
                check!(child.wait()?.faulted == 1, "rip {rip:#x} does not fault");
            }
        }
    }
    // IOPL 3, interrupts off, NT, VM, RF, VIF, VIP: none of them may be had by asking.
    let child = Child::run(suite, spins)?;
    suite.until(|| Ok(child.block().result(0) > 0))?;
    kernel::thread_suspend(child.thread.get())?;
    let found = kernel::thread_read_registers(child.thread.get())?;
    let registers = Registers { rflags: 0x1f_7000 | found.rflags & !0x200, ..found };
    kernel::thread_write_registers(child.thread.get(), &registers)?;
    let sanitized = kernel::thread_read_registers(child.thread.get())?.rflags;
    check_equal!(sanitized & 0x1a_7000, 0);
    check_equal!(sanitized & 0x202, 0x202);
    let count = child.block().result(0);
    kernel::thread_resume(child.thread.get())?;
    suite.until(|| Ok(child.block().result(0) > count))?;
    Ok(())
}

fn registers_need_a_stopped_thread(suite: &Suite) -> Outcome {
    let child = Child::run(suite, actors::hog)?;
    suite.until(|| Ok(child.block().result(0) > 0))?;
    check_error!(kernel::thread_read_registers(child.thread.get()), Error::WrongState);
    check_error!(kernel::thread_write_registers(child.thread.get(), &Registers::default()), Error::WrongState);
    drop(child);
    // Of a thread that has not started they can be read and set.
    let fresh = Child::new(suite)?;
    let before = kernel::thread_read_registers(fresh.thread.get())?;
    check_equal!(before.rip, 0);
    kernel::thread_write_registers(fresh.thread.get(), &Registers { r15: 5, ..before })?;
    fresh.start(leaves)?;
    check_equal!(fresh.wait()?.exit_code, 44);
    check_error!(kernel::thread_read_registers(fresh.thread.get()), Error::Dead);
    Ok(())
}

fn priority_limits(suite: &Suite) -> Outcome {
    let child = Child::new(suite)?;
    for priority in [256, 1 << 32, u64::MAX] {
        check_error!(kernel::thread_priority(child.thread.get(), priority), Error::InvalidArgument);
        check_error!(kernel::thread_create(child.process.get(), priority, Handle::NONE), Error::InvalidArgument);
        check_error!(kernel::process_priority(child.process.get(), priority), Error::InvalidArgument);
    }
    kernel::thread_priority(child.thread.get(), 3)?;
    check_equal!(kernel::thread_info(child.thread.get())?.priority, 3);
    // The limit of the thread's own process holds, whoever asks.
    kernel::process_priority(child.process.get(), 50)?;
    check!(kernel::thread_priority(child.thread.get(), 51).is_err(), "above the limit of its process");
    check!(kernel::thread_create(child.process.get(), 51, Handle::NONE).is_err(), "above the limit of its process");
    kernel::thread_priority(child.thread.get(), 50)?;
    Ok(())
}

fn yields(block: &Block) -> Outcome {
    loop {
        block.set_result(0, block.result(0) + 1);
        kernel::thread_yield()?;
    }
}

fn yield_lets_others_run(suite: &Suite) -> Outcome {
    // A lower-priority pair, so that the suite watches without taking part.
    let options = crate::child::Options { priority: NORMAL - 1, ..crate::child::Options::DEFAULT };
    let pair = [Child::with(suite, options)?, Child::with(suite, options)?];
    for child in &pair {
        child.start(yields)?;
    }
    suite.until(|| Ok(pair[0].block().result(0) > 10))?;
    let counts = [pair[0].block().result(0), pair[1].block().result(0)];
    check!(counts[0].abs_diff(counts[1]) <= 1, "turns are {counts:?}");
    Ok(())
}

fn calls_that_do_not_exist(_: &Suite) -> Outcome {
    let first = SystemCall::ALL.len() as u64;
    for number in [first, first + 1, 255, 256, 1 << 8, 1 << 32, (1 << 32) | SystemCall::Null as u64, 1 << 63, u64::MAX]
    {
        let mut registers = EntryRegisters { rax: number, ..EntryRegisters::default() };
        // SAFETY: no such call exists, so the kernel touches nothing.
        let result = unsafe { kernel::invoke(&mut registers) };
        check!(result == Err(Error::InvalidSystemCall), "call {number:#x} gives {result:?}");
    }
    Ok(())
}

fn null_changes_nothing(_: &Suite) -> Outcome {
    let mut registers = EntryRegisters { rax: SystemCall::Null as u64, extension: 0x1234, ..EntryRegisters::default() };
    // SAFETY: the call does nothing.
    unsafe { kernel::invoke(&mut registers) }?;
    check_equal!(registers.extension, 0x1234);
    Ok(())
}
