//! Vector, x87 and control registers: never lost when a thread is preempted, never seen by another process.

mod registers;

use core::arch::{asm, naked_asm};

use airox_abi::layout::START_BLOCK;
use airox_abi::{Handle, Rights};

use crate::actors::PORT;
use crate::block::{Block, ChildFunction};
use crate::child::{Child, stack_pointer};
use crate::failure::{Failure, Outcome, check, check_equal};
use crate::kernel::{self, EntryRegisters};
use crate::registry::Test;
use crate::suite::Suite;
use registers::{Vectors, call_between, hold, hold_control, pattern};

/// The tests.
pub const TESTS: &[Test] = &[
    Test::new("vector", "kept_across_preemption", kept_across_preemption),
    Test::new("vector", "control_words_kept_across_preemption", control_words_kept_across_preemption),
    Test::new("vector", "nothing_leaks_when_processes_alternate", nothing_leaks_when_processes_alternate),
    Test::new("vector", "nothing_leaks_through_a_call", nothing_leaks_through_a_call),
    Test::new("vector", "a_thread_starts_clean", a_thread_starts_clean),
    Test::new("vector", "control_words_do_not_leak", control_words_do_not_leak),
    Test::new("vector", "results_hold_no_kernel_address", results_hold_no_kernel_address),
    Test::new("vector", "segment_bases_do_not_leak", segment_bases_do_not_leak),
];

/// Each child has made at least one round and found nothing wrong.
fn all_went_on(children: &[Child]) -> Outcome {
    for child in children {
        let info = kernel::process_info(child.process.get())?;
        check!(info.exit_code == 0 && child.block().result(0) > 0, "{}", child.block().text());
    }
    Ok(())
}

/// Three children below the suite's priority that run `function`, with 1, 2, 3 as argument 0.
fn three_children(suite: &Suite, function: ChildFunction) -> Result<[Child; 3], Failure> {
    let children = [Child::new(suite)?, Child::new(suite)?, Child::new(suite)?];
    for (index, child) in children.iter().enumerate() {
        kernel::thread_priority(child.thread.get(), 50)?;
        child.block().set_argument(0, index as u64 + 1);
        child.start(function)?;
    }
    Ok(children)
}

/// Keeps pattern `argument 0` in its registers, result 0 counts the rounds.
fn keeps_pattern(block: &Block) -> Outcome {
    let mine = pattern(block.argument(0));
    loop {
        let found = hold(&mine, 20_000);
        check!(found == mine, "a vector register changed in round {}", block.result(0));
        block.set_result(0, block.result(0) + 1);
    }
}

fn kept_across_preemption(suite: &Suite) -> Outcome {
    let children = three_children(suite, keeps_pattern)?;
    for delay in 0..200 {
        // Preempts whoever runs, somewhere else each time, and fills the suite's own registers.
        suite.sleep(300_000 + delay * 1_013)?;
        let own = pattern(9);
        check!(hold(&own, 100) == own, "the suite's own registers changed");
    }
    all_went_on(&children)
}

/// Rounding modes: argument 0 picks one.
fn keeps_control_words(block: &Block) -> Outcome {
    let mode = block.argument(0);
    let (mxcsr, control) = (0x1f80 | (mode as u32) << 13, 0x037f | (mode as u16) << 10);
    loop {
        let found = hold_control(mxcsr, control, 1000 + mode, 20_000);
        check_equal!(found, (mxcsr, control, 1000 + mode));
        block.set_result(0, block.result(0) + 1);
    }
}

fn control_words_kept_across_preemption(suite: &Suite) -> Outcome {
    let children = three_children(suite, keeps_control_words)?;
    for delay in 0..100 {
        suite.sleep(300_000 + delay * 1_013)?;
    }
    all_went_on(&children)
}

/// Fails if any register holds what another process keeps there.
fn check_clean(found: &Vectors, mine: &Vectors) -> Outcome {
    for (register, (found, mine)) in found.0.iter().zip(&mine.0).enumerate() {
        for (found, mine) in found.iter().zip(mine) {
            check!(*found == 0 || found == mine, "register {register} holds {found:#x}");
        }
    }
    Ok(())
}

/// Gives way as often as argument 1 says with its own pattern (argument 0) in the registers; nothing else may come back.
fn alternates(block: &Block) -> Outcome {
    let mine = pattern(block.argument(0));
    for _ in 0..block.argument(1) {
        let (error, found) = call_between(&mine, airox_abi::SystemCall::ThreadYield, 0);
        check_equal!(error, 0);
        check_clean(&found, &mine)?;
        block.set_result(0, block.result(0) + 1);
    }
    Ok(())
}

fn nothing_leaks_when_processes_alternate(suite: &Suite) -> Outcome {
    let children = [Child::new(suite)?, Child::new(suite)?];
    for (index, child) in children.iter().enumerate() {
        child.block().set_argument(0, index as u64 + 1);
        child.block().set_argument(1, 500);
        child.start(alternates)?;
    }
    for child in children {
        child.finish()?;
    }
    // Beside one that is preempted and never enters the kernel by itself.
    let keeper = Child::new(suite)?;
    keeper.block().set_argument(0, 3);
    keeper.start(keeps_pattern)?;
    let other = Child::new(suite)?;
    // Each time it gives way, the keeper has a whole turn.
    other.block().set_argument(0, 4);
    other.block().set_argument(1, 20);
    other.start(alternates)?;
    other.finish()?;
    check!(keeper.block().result(0) > 0, "{}", keeper.block().text());
    Ok(())
}

/// Calls with its pattern in the registers; the server must not see it, nor the client the server's.
fn calls_with_pattern(block: &Block) -> Outcome {
    let mine = pattern(1);
    for _ in 0..200 {
        let (error, found) = call_between(&mine, airox_abi::SystemCall::Call, block.argument(PORT));
        check_equal!(error, 0);
        check_clean(&found, &mine)?;
    }
    Ok(())
}

/// Serves with its own pattern in the registers.
fn serves_with_pattern(block: &Block) -> Outcome {
    let mine = pattern(2);
    loop {
        let (error, found) = call_between(&mine, airox_abi::SystemCall::ReplyReceive, block.argument(PORT));
        check_equal!(error, 0);
        check_clean(&found, &mine)?;
        block.set_result(0, block.result(0) + 1);
    }
}

fn nothing_leaks_through_a_call(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let (server, client) = (Child::new(suite)?, Child::new(suite)?);
    server.grant(PORT, port.get(), Rights::RECEIVE)?;
    client.grant(PORT, port.get(), Rights::SEND)?;
    server.start(serves_with_pattern)?;
    client.start(calls_with_pattern)?;
    client.finish()?;
    check_equal!(server.block().result(0), 200);
    Ok(())
}

/// Where the registers a new thread starts with are put: behind the block's own words, in the same page.
const START_STATE: u64 = START_BLOCK + 2048;

/// A thread's first instructions: stores all it was given and ends the process.
#[unsafe(naked)]
unsafe extern "C" fn dumps_registers() {
    naked_asm!(
        "mov [rdi], rax", "mov [rdi + 8], rbx", "mov [rdi + 16], rcx", "mov [rdi + 24], rdx", "mov [rdi + 32], rsi",
        "mov [rdi + 40], rbp", "mov [rdi + 48], r8", "mov [rdi + 56], r9", "mov [rdi + 64], r10", "mov [rdi + 72], r11",
        "mov [rdi + 80], r12", "mov [rdi + 88], r13", "mov [rdi + 96], r14", "mov [rdi + 104], r15",
        "fxsave64 [rdi + 512]",
        "mov eax, {exit}",
        "xor edi, edi",
        "syscall",
        "ud2",
        exit = const airox_abi::SystemCall::ProcessExit as u32,
    )
}

fn a_thread_starts_clean(suite: &Suite) -> Outcome {
    let dirty = Child::new(suite)?;
    dirty.block().set_argument(0, 7);
    dirty.start(keeps_pattern)?;
    for _ in 0..5 {
        let own = pattern(8);
        check!(hold(&own, 10) == own, "the suite's own registers changed");
        suite.sleep(1_000_000)?;
        let child = Child::new(suite)?;
        kernel::thread_start(child.thread.get(), dumps_registers as *const () as u64, stack_pointer(0), START_STATE)?;
        child.wait()?;
        let mut state = [0; 1024];
        let offset = (START_STATE - START_BLOCK) as usize;
        child.copy_page(offset, &mut state);
        check!(state[..112].iter().all(|byte| *byte == 0), "a general register is not 0");
        // FXSAVE has the vector registers from 160 to 416.
        let image = &state[512..];
        check_reset(image)?;
        check!(image[160..416].iter().all(|byte| *byte == 0), "a vector register is not 0");
    }
    Ok(())
}

/// Gives way again and again with strange control words and a full x87 stack.
fn spoils_control_words(_: &Block) -> Outcome {
    for _ in 0..200 {
        // SAFETY: 1. the operands are live; 2. whatever the words are after the call, they are put back right below.
        unsafe {
            asm!(
                "ldmxcsr [{}]", "fninit", "fldpi", "fldpi", "fldl2e", "fldcw [{}]",
                in(reg) &0x7f80u32, in(reg) &0x0f7fu16,
                out("st(0)") _, out("st(1)") _, out("st(2)") _, out("st(3)") _,
                out("st(4)") _, out("st(5)") _, out("st(6)") _, out("st(7)") _,
            );
        }
        let yielded = kernel::thread_yield();
        // SAFETY: what Rust expects.
        unsafe { asm!("fninit", "ldmxcsr [{}]", in(reg) &0x1f80u32) };
        yielded?;
    }
    Ok(())
}

/// Gives way again and again; finds neither control words nor x87 registers of another process.
fn finds_reset_control_words(_: &Block) -> Outcome {
    for _ in 0..200 {
        kernel::thread_yield()?;
        let mut image = FloatingPointImage([0; 512]);
        // SAFETY: the destination is live, 512 bytes long and aligned to 16.
        unsafe { asm!("fxsave64 [{}]", in(reg) &mut image) };
        check_reset(&image.0)?;
    }
    Ok(())
}

#[repr(C, align(16))]
struct FloatingPointImage([u8; 512]);

/// FXSAVE: control word at 0, MXCSR at 24, x87 registers from 32 to 160.
fn check_reset(image: &[u8]) -> Outcome {
    check_equal!((image[0], image[1], image[24], image[25]), (0x7f, 0x03, 0x80, 0x1f));
    check!(image[32..160].iter().all(|byte| *byte == 0), "an x87 register is not 0");
    Ok(())
}

fn control_words_do_not_leak(suite: &Suite) -> Outcome {
    let children = [Child::run(suite, spoils_control_words)?, Child::run(suite, finds_reset_control_words)?];
    for child in children {
        child.finish()?;
    }
    Ok(())
}

/// No register may tell where the kernel lies or what it last worked with.
fn results_hold_no_kernel_address(_: &Suite) -> Outcome {
    for call in airox_abi::SystemCall::ALL {
        use airox_abi::SystemCall as Call;
        if matches!(call, Call::ProcessExit | Call::ThreadExit) {
            continue;
        }
        let signal = kernel::signal_create(Handle::NONE)?;
        // With a signal's handle as the only argument most calls fail, and none blocks or harms.
        let mut registers = EntryRegisters::call(*call, &[signal.get().0.into()]);
        // SAFETY: all addresses are null, which is never mapped.
        let _ = unsafe { kernel::invoke(&mut registers) };
        if *call == Call::HandleCopy {
            kernel::handle_close(Handle(registers.rdi as u32))?;
        }
        let values = [registers.rax, registers.rdi, registers.tag, registers.extension];
        for value in values.into_iter().chain(registers.words) {
            check!(value >> 47 == 0, "{} leaves {value:#x}", call.text());
        }
    }
    Ok(())
}

/// Sets the bases of FS and GS if the kernel lets programs do so; result 0 tells.
fn sets_bases(block: &Block) -> Outcome {
    // SAFETY: nothing in this program is addressed through FS or GS. Where the instruction is off, the process ends.
    unsafe { asm!("wrfsbase {0}", "wrgsbase {0}", in(reg) 0x5ec2_e700u64) };
    block.set_result(0, 1);
    for _ in 0..100 {
        kernel::thread_yield()?;
    }
    Ok(())
}

/// Reads them; result 0 and 1.
fn reads_bases(block: &Block) -> Outcome {
    for _ in 0..50 {
        let (fs, gs): (u64, u64);
        // SAFETY: reading the bases has no effect. Where the instruction is off, the process ends.
        unsafe { asm!("rdfsbase {}", "rdgsbase {}", out(reg) fs, out(reg) gs) };
        check!(fs != 0x5ec2_e700 && gs != 0x5ec2_e700, "another process's segment base");
        check!(fs >> 47 == 0 && gs >> 47 == 0, "a kernel address in a segment base");
        kernel::thread_yield()?;
    }
    block.set_result(0, 1);
    Ok(())
}

fn segment_bases_do_not_leak(suite: &Suite) -> Outcome {
    let (writer, reader) = (Child::run(suite, sets_bases)?, Child::run(suite, reads_bases)?);
    for child in [writer, reader] {
        let info = child.wait()?;
        // Off is as good: then neither can be done, and it is the same for all.
        check!(info.faulted == 1 || info.exit_code == 0, "{}", child.block().text());
    }
    Ok(())
}
