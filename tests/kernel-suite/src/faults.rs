//! Every way a ring-3 program can do what the CPU forbids, each a test on the real CPU.
//!
//! Each case runs three times in a process of its own: once with a handler that repairs the registers and resumes the thread,
//! once with a handler that kills it, once without a handler.

use airox_abi::fault::{FaultAction, FaultKind, WORD_ADDRESS, WORD_INSTRUCTION, WORD_STACK};
use airox_abi::info::ThreadState;
use airox_abi::layout::{CLOCK_PAGE, STACK_TOP, START_BLOCK, USER_END};
use airox_abi::message::MessageKind;
use airox_abi::{Handle, Rights};

use crate::block::{Block, ChildFunction};
use crate::child::{Child, Options, stack_base, stack_pointer};
use crate::failure::{Failure, Outcome, check, check_equal};
use crate::kernel::{self, Message, Owned};
use crate::registry::{Run, Test};
use crate::suite::Suite;

/// Where the accessed address of a fault message must lie.
#[derive(Clone, Copy)]
pub enum Address {
    /// No address is told.
    None,
    /// Exactly here.
    At(u64),
    /// In the code of the case.
    InCode,
    /// On the thread's stack.
    InStack,
    /// Anywhere, or not told.
    Any,
}

/// When a case can be tried.
#[derive(Clone, Copy)]
pub enum When {
    /// On every CPU.
    Always,
    /// If the CPU hides its tables from ring 3.
    Umip,
    /// On a CPU that is not QEMU's interpreter, which never raises this exception.
    NotInterpreted,
}

/// One forbidden act.
pub struct FaultCase {
    /// Code that commits it, up to 64 bytes.
    pub code: unsafe extern "C" fn(),
    /// What the child runs: that code.
    pub function: ChildFunction,
    /// What it must be reported as: one of these, where emulators and processors differ.
    pub kinds: &'static [FaultKind],
    /// Address reported.
    pub address: Address,
    /// When it can be tried.
    pub when: When,
}

/// Where the cases jump to that no address can be.
const NON_CANONICAL: [u64; 2] = [0x8000_0000_0000, 0xdead_beef_dead_beef];

/// Badge of the fault port's handle.
const BADGE: u64 = 0xfa017;
/// Exit code of a child that was resumed at [`recovered`].
pub const RECOVERED: i64 = 46;

/// Where a handler sends a thread it repairs.
pub extern "C" fn recovered() -> ! {
    kernel::process_exit(RECOVERED)
}

/// A port, and a badged handle to it for faults.
pub fn fault_port() -> Result<(Owned, Owned), Failure> {
    let port = kernel::port_create(Handle::NONE)?;
    let sender = kernel::handle_copy(port.get(), Rights::SEND | Rights::COPY, BADGE)?;
    Ok((port, sender))
}

/// A child whose faults arrive at the port.
pub fn watched_child(suite: &Suite, sender: &Owned, function: ChildFunction) -> Result<Child, Failure> {
    let child = Child::with(suite, Options { fault_port: sender.get(), ..Options::DEFAULT })?;
    child.start(function)?;
    Ok(child)
}

/// Answers a fault.
pub fn act(action: FaultAction) -> Result<(), airox_abi::Error> {
    kernel::reply(Handle::NONE, &Message::new(action as u16))
}

/// Points a stopped thread at [`recovered`], on a fresh stack.
pub fn repair(thread: Handle) -> Result<(), airox_abi::Error> {
    let mut registers = kernel::thread_read_registers(thread)?;
    registers.rip = recovered as *const () as u64;
    registers.rsp = stack_pointer(0);
    // The trap and alignment flags would only fault again.
    registers.rflags &= !0x4_0100;
    kernel::thread_write_registers(thread, &registers)
}

impl FaultCase {
    /// Runs the case.
    pub fn run(&self, suite: &Suite) -> Outcome {
        if !self.when.holds() {
            return Ok(());
        }
        self.repaired(suite)?;
        self.killed(suite)?;
        let alone = Child::run(suite, self.function)?;
        let info = alone.wait()?;
        check!(info.faulted == 1, "without a handler it lives on: {}", alone.block().text());
        Ok(())
    }

    fn repaired(&self, suite: &Suite) -> Outcome {
        let (port, sender) = fault_port()?;
        let child = watched_child(suite, &sender, self.function)?;
        let message = child.expect_message(port.get())?;
        self.check_message(&message)?;
        check_equal!(kernel::thread_info(child.thread.get())?.state, ThreadState::Faulted as u8);
        repair(child.thread.get())?;
        act(FaultAction::Resume)?;
        let info = child.wait()?;
        check_equal!((info.exit_code, info.faulted), (RECOVERED, 0));
        Ok(())
    }

    fn killed(&self, suite: &Suite) -> Outcome {
        let (port, sender) = fault_port()?;
        let child = watched_child(suite, &sender, self.function)?;
        child.expect_message(port.get())?;
        act(FaultAction::Kill)?;
        check_equal!(child.wait()?.faulted, 1);
        Ok(())
    }

    fn check_message(&self, message: &Message) -> Outcome {
        check_equal!(message.tag.kind(), MessageKind::Fault);
        check_equal!(message.badge, BADGE);
        let kind = FaultKind::from_code(message.tag.label().into());
        check!(kind.is_some_and(|kind| self.kinds.contains(&kind)), "kind is {kind:?}, not {:?}", self.kinds);
        let code = self.code as *const () as u64;
        let code = code..=code + 64;
        let (instruction, address) = (message.words[WORD_INSTRUCTION], message.words[WORD_ADDRESS]);
        let place = match self.address {
            Address::None => address == 0,
            Address::At(expected) => address == expected,
            Address::InCode => code.contains(&address),
            Address::Any => true,
            Address::InStack => (stack_base(0) - 64..STACK_TOP).contains(&address),
        };
        check!(place, "address {address:#x}");
        // A jump is reported where it is or where it leads: for page faults, and by emulators for non-canonical addresses.
        let there = code.contains(&instruction)
            || kind == Some(FaultKind::Execute) && instruction == address
            || NON_CANONICAL.contains(&instruction);
        check!(there, "instruction {instruction:#x}, code {code:#x?}");
        check!(message.words[WORD_STACK] != 0, "no stack pointer");
        Ok(())
    }
}

impl When {
    fn holds(self) -> bool {
        /// Bit of CPUID leaf 7, `ecx`: user-mode instruction prevention.
        const UMIP: u32 = 1 << 2;
        match self {
            When::Always => true,
            When::Umip => core::arch::x86_64::__cpuid_count(7, 0).ecx & UMIP != 0,
            // "TCGT", of the hypervisor signature "TCGTCGTCGTCG".
            When::NotInterpreted => core::arch::x86_64::__cpuid(0x4000_0000).ebx != u32::from_le_bytes(*b"TCGT"),
        }
    }
}

macro_rules! faults {
    ($($name:ident: $($kind:ident)|+, $address:expr, $when:ident, [$($line:literal),+];)*) => {
        mod code {
            $(
                #[unsafe(naked)]
                pub unsafe extern "C" fn $name() {
                    core::arch::naked_asm!($($line,)+ "ret")
                }
            )*
        }

        mod run {
            use super::*;
            $(
                pub fn $name(_: &Block) -> Outcome {
                    // SAFETY: the code faults; where it does not, it returns with the stack as it was or the test fails.
                    unsafe { code::$name() };
                    Err(Failure::new(format_args!("no fault")))
                }
            )*
        }

        /// The tests.
        pub const TESTS: &[Test] = &[$(
            Test::of("fault", stringify!($name), Run::Fault(&FaultCase {
                code: code::$name,
                function: run::$name,
                kinds: &[$(FaultKind::$kind),+],
                address: $address,
                when: When::$when,
            })),
        )*];
    };
}

use Address::{At, InCode, InStack};

// QEMU's interpreter takes non-canonical stack addresses for general protection, knows no `int1`, and reads the frame of a far
// return with the kernel's access rights, which SMAP then forbids. Processors do as the first kind of a case says.
faults! {
    null_read: Read, At(0), Always, ["xor eax, eax", "mov rax, [rax]"];
    null_write: Write, At(0), Always, ["xor eax, eax", "mov [rax], rax"];
    null_call: Execute, At(0), Always, ["xor eax, eax", "call rax"];
    near_null_read: Read, At(0xfff0), Always, ["mov eax, 0xfff0", "mov rax, [rax]"];
    unmapped_read: Read, At(0x3000_0000), Always, ["mov eax, 0x30000000", "mov rax, [rax]"];
    unmapped_write: Write, At(0x3000_0000), Always, ["mov eax, 0x30000000", "mov [rax], al"];
    read_past_the_user_half: Read, At(USER_END), Always, ["mov rax, 0x7ffffffff000", "mov rax, [rax]"];
    kernel_text_read: Read, At(0xffff_ffff_8000_0000), Always, ["mov rax, 0xffffffff80000000", "mov rax, [rax]"];
    kernel_text_write: Write, At(0xffff_ffff_8000_0000), Always, ["mov rax, 0xffffffff80000000", "mov [rax], rax"];
    kernel_text_execute: Execute, At(0xffff_ffff_8000_0000), Always, ["mov rax, 0xffffffff80000000", "jmp rax"];
    physical_memory_read: Read, At(0xffff_8000_0000_0000), Always, ["mov rax, 0xffff800000000000", "mov rax, [rax]"];
    physical_memory_write: Write, At(0xffff_8000_0010_0000), Always, ["mov rax, 0xffff800000100000", "mov [rax], rax"];
    kernel_hole_read: Read, At(0xffff_c000_0000_0000), Always, ["mov rax, 0xffffc00000000000", "mov rax, [rax]"];
    clock_page_write: Write, At(CLOCK_PAGE), Always, ["mov eax, 0x400000", "mov [rax], rax"];
    code_write: Write, InCode, Always, ["lea rax, [rip]", "mov byte ptr [rax], 0x90"];
    clock_page_execute: Execute, At(CLOCK_PAGE), Always, ["mov eax, 0x400000", "jmp rax"];
    data_execute: Execute, At(START_BLOCK), Always, ["mov eax, 0x401000", "jmp rax"];
    stack_execute: Execute, InStack, Always, ["push 0x90", "jmp rsp"];
    stack_overflow: Write, At(stack_base(0) - 8), Always, ["2: push rax", "jmp 2b"];
    stack_underflow: Read, At(STACK_TOP), Always, ["mov eax, 0x10000000", "mov rax, [rax]"];
    non_canonical_read: Protection, Address::None, Always, ["mov rax, 0x800000000000", "mov rax, [rax]"];
    non_canonical_write: Protection, Address::None, Always, ["mov rax, 0xdeadbeefdeadbeef", "mov [rax], rax"];
    non_canonical_jump: Protection, Address::None, Always, ["mov rax, 0xdeadbeefdeadbeef", "jmp rax"];
    non_canonical_return: Protection, Address::None, Always, ["mov rax, 0x800000000000", "push rax", "ret"];
    non_canonical_stack: Stack | Protection, Address::None, Always, ["mov rsp, 0x8000000000000000", "push rax"];
    non_canonical_frame: Stack | Protection, Address::None, Always, ["mov rbp, 0x8000000000000000", "mov rax, [rbp]"];
    divide_by_zero: Divide, Address::None, Always, ["xor ecx, ecx", "xor edx, edx", "div ecx"];
    divide_overflow: Divide, Address::None, Always, ["mov eax, 0x80000000", "cdq", "mov ecx, -1", "idiv ecx"];
    undefined_instruction: InvalidInstruction, Address::None, Always, ["ud2"];
    lock_on_nop: InvalidInstruction, Address::None, Always, [".byte 0xf0, 0x90"];
    return_from_management_mode: InvalidInstruction, Address::None, Always, ["rsm"];
    overlong_instruction: Protection, Address::None, Always,
        [".byte 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90"];
    breakpoint: Breakpoint, Address::None, Always, ["int3"];
    in_circuit_breakpoint: Debug | InvalidInstruction, Address::None, Always, [".byte 0xf1"];
    single_step: Debug, Address::None, Always, ["pushfq", "or qword ptr [rsp], 0x100", "popfq", "nop", "nop"];
    single_step_over_a_system_call: Debug, Address::None, Always,
        ["mov eax, 42", "pushfq", "or qword ptr [rsp], 0x100", "popfq", "syscall", "nop", "nop"];
    halt: Protection, Address::None, Always, ["hlt"];
    interrupts_off: Protection, Address::None, Always, ["cli"];
    interrupts_on: Protection, Address::None, Always, ["sti"];
    io_privilege_by_popf: Protection, Address::None, Always, ["pushfq", "or qword ptr [rsp], 0x3000", "popfq", "cli"];
    port_read: Protection, Address::None, Always, ["in al, 0x64"];
    port_write: Protection, Address::None, Always, ["mov dx, 0xcf9", "mov al, 6", "out dx, al"];
    port_string: Protection, Address::None, Always, ["mov rdi, rsp", "mov dx, 0x1f0", "insb"];
    last_port_read: Protection, Address::None, Always, ["mov dx, 0xffff", "in al, dx"];
    control_register_read: Protection, Address::None, Always, ["mov rax, cr3"];
    page_table_base_write: Protection, Address::None, Always, ["xor eax, eax", "mov cr3, rax"];
    write_protection_off: Protection, Address::None, Always, ["xor eax, eax", "mov cr0, rax"];
    control_register_4_write: Protection, Address::None, Always, ["xor eax, eax", "mov cr4, rax"];
    debug_register_read: Protection, Address::None, Always, ["mov rax, dr6"];
    debug_register_write: Protection, Address::None, Always, ["xor eax, eax", "mov dr7, rax"];
    machine_status_word: Protection, Address::None, Always, ["xor eax, eax", "lmsw ax"];
    clear_task_switched: Protection, Address::None, Always, ["clts"];
    global_table_load: Protection, Address::None, Always, ["lgdt [rsp]"];
    interrupt_table_load: Protection, Address::None, Always, ["lidt [rsp]"];
    local_table_load: Protection, Address::None, Always, ["xor eax, eax", "lldt ax"];
    task_register_load: Protection, Address::None, Always, ["mov eax, 0x28", "ltr ax"];
    model_specific_read: Protection, Address::None, Always, ["mov ecx, 0xc0000080", "rdmsr"];
    model_specific_write: Protection, Address::None, Always, ["mov ecx, 0xc0000082", "xor eax, eax", "xor edx, edx", "wrmsr"];
    performance_counter_read: Protection, Address::None, Always, ["xor ecx, ecx", "rdpmc"];
    invalidate_page: Protection, Address::None, Always, ["invlpg [rsp]"];
    invalidate_caches: Protection, Address::None, Always, ["invd"];
    write_back_caches: Protection, Address::None, Always, ["wbinvd"];
    swap_gs: Protection, Address::None, Always, ["swapgs"];
    system_return: Protection, Address::None, Always, ["mov rcx, rsp", "sysretq"];
    kernel_selector: Protection, Address::None, Always, ["mov eax, 0x10", "mov ds, eax"];
    kernel_stack_selector: Protection, Address::None, Always, ["mov eax, 0x10", "mov ss, eax"];
    selector_past_the_table: Protection, Address::None, Always, ["mov eax, 0xfff8", "mov es, eax"];
    far_return_to_ring_0: Protection | Read, Address::Any, Always, ["push 8", "push 0", "retfq"];
    interrupt_return_to_ring_0: Protection | Read, Address::Any, Always,
        ["mov rax, rsp", "push 0x10", "push rax", "pushfq", "push 8", "push 0", "iretq"];
    software_interrupt_80: Protection, Address::None, Always, ["int 0x80"];
    software_double_fault: Protection, Address::None, Always, ["int 8"];
    software_page_fault: Protection, Address::None, Always, ["int 14"];
    software_nmi: Protection, Address::None, Always, ["int 2"];
    software_timer_interrupt: Protection, Address::None, Always, ["int 0x20"];
    software_interrupt_ff: Protection, Address::None, Always, ["int 0xff"];
    global_table_read: Protection, Address::None, Umip, ["sub rsp, 16", "sgdt [rsp]", "add rsp, 16"];
    interrupt_table_read: Protection, Address::None, Umip, ["sub rsp, 16", "sidt [rsp]", "add rsp, 16"];
    task_register_read: Protection, Address::None, Umip, ["str eax"];
    misaligned_vector: Protection, Address::None, Always, ["movaps xmm0, [rsp + 4]"];
    misaligned_with_checks_on: Alignment, Address::None, NotInterpreted,
        ["pushfq", "or qword ptr [rsp], 0x40000", "popfq", "mov eax, [rsp + 1]"];
    unmasked_x87: FloatingPoint, Address::None, Always,
        ["fninit", "push 0x37b", "fldcw [rsp]", "fldz", "fld1", "fdiv st, st(1)", "fwait"];
    unmasked_simd: FloatingPoint, Address::None, NotInterpreted,
        ["push 0x1d80", "ldmxcsr [rsp]", "xorps xmm1, xmm1", "mov eax, 1", "cvtsi2ss xmm0, eax", "divss xmm0, xmm1"];
}
