//! Hostile registers at a system call: flags, stack pointer, segments, and the last address there is.

use airox_abi::fault::{FaultAction, FaultKind, WORD_ADDRESS};
use airox_abi::info::Registers;
use airox_abi::layout::{PAGE_SIZE, USER_END};
use airox_abi::{Error, Handle, MapFlags, RegionKind};

use crate::block::Block;
use crate::child::{Child, Options, stack_pointer};
use crate::failure::{Outcome, check, check_equal, check_error};
use crate::faults::{RECOVERED, act, fault_port, recovered, repair};
use crate::kernel;
use crate::memory::Mapped;
use crate::registry::Test;
use crate::suite::Suite;

/// The tests.
pub const TESTS: &[Test] = &[
    Test::new("hostile_entry", "flags", hostile_flags),
    Test::new("hostile_entry", "stack_pointer", hostile_stack_pointer),
    Test::new("hostile_entry", "segments", hostile_segments),
    Test::new("hostile_entry", "last_address", system_call_at_the_last_address),
];

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
        check!(info.exit_code == RECOVERED, "with stack pointer {stack:#x} it ends with {}", info.exit_code);
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
    let children = [Child::run(suite, loads_segments)?, Child::run(suite, loads_segments)?];
    for child in children {
        child.finish()?;
    }
    Ok(())
}

/// A `syscall` as the last two bytes of the user half: the instruction after it lies at `USER_END`.
fn system_call_at_the_last_address(suite: &Suite) -> Outcome {
    let (port, sender) = fault_port()?;
    let child = Child::with(suite, Options { fault_port: sender.get(), ..Options::DEFAULT })?;
    let code = Mapped::of(kernel::region_create(Handle::NONE, 1, RegionKind::Lazy)?, 1)?;
    code.fill(PAGE_SIZE - 2, &[0x0f, 0x05]);
    kernel::region_map(code.region(), child.process.get(), USER_END - PAGE_SIZE, 0, 1, MapFlags::EXECUTE)?;
    let registers = Registers {
        rax: airox_abi::SystemCall::Null as u64,
        rip: USER_END - 2,
        rsp: stack_pointer(0),
        ..kernel::thread_read_registers(child.thread.get())?
    };
    // Started where it may be started, then stopped and moved.
    kernel::thread_suspend(child.thread.get())?;
    kernel::thread_start(child.thread.get(), recovered as *const () as u64, stack_pointer(0), 0)?;
    kernel::thread_write_registers(child.thread.get(), &registers)?;
    kernel::thread_resume(child.thread.get())?;
    let message = child.expect_message(port.get())?;
    check_equal!(FaultKind::from_code(message.tag.label().into()), Some(FaultKind::Execute));
    check_equal!(message.words[WORD_ADDRESS], USER_END);
    repair(child.thread.get())?;
    act(FaultAction::Resume)?;
    check_equal!(child.wait()?.exit_code, RECOVERED);
    check!(code.byte(PAGE_SIZE - 1) == 5, "the code changed");
    Ok(())
}
