//! Entry and exit stubs.
//!
//! # How a thread enters
//! `TSS.RSP0` is the end of the running thread's [`Context`], so the CPU itself pushes the interrupt frame into its last five
//! fields, and the stub pushes the rest below it. `syscall` pushes nothing; its stub builds the same picture (but for the segment
//! selectors, which never change in ring 3). Then the stub
//! switches to the CPU's one kernel stack and calls Rust, which returns the context to run next.
//!
//! An interrupt or exception saves the vector registers *before* any Rust runs, because Rust uses them. A system call does
//! not: to its caller it is a function call, and the ABI lets functions clobber them.
//!
//! The idle loop runs in ring 0 with its stack pointer at the end of a context of its own, so an interrupt of it is saved
//! the same way; only the GS base is not swapped.
//!
//! # How a thread leaves
//! The same thread after a system call: its registers are loaded and the vector registers, in which Rust may have left data
//! of other processes, are cleared. Another thread ([`leave`]): its address space is loaded if it is not already, and *all*
//! vector state, control registers included, is either its own (`Resume::Full`) or the reset state.
//!
//! # The lock
//! Saving the running thread's registers needs no lock: they are this processor's. Then a ticket is taken ([`super::lock`]), by the short path or
//! in Rust; leaving serves the next one.
//!
//! # Light calls
//! A call that can neither block nor look at an object runs as a plain function call on the kernel stack: no thread's state
//! is saved, what Rust may have clobbered is cleared. That is `null`, the price of entering and leaving the kernel.
//!
//! # Short path
//! `call` and `reply_receive` try [`message_path`] first, on CPUs with AVX.

use super::cpu::Cpu;
use super::dispatch;
use super::local_apic::{INSPECT, REGISTERS, X2APIC};
use super::lock::{TICKETS, Tickets};
use super::message_path;
use airox_abi::SystemCall;
use airox_kernel_core::context::{Context, Resume, VectorState};
use core::arch::{global_asm, naked_asm};
use core::mem::offset_of;
use x86_64::structures::tss::TaskStateSegment;

pub(super) const RSP0: usize =
    offset_of!(Cpu, task_state.segment) + offset_of!(TaskStateSegment, privilege_stack_table);
pub(super) const SERVING: usize = offset_of!(Tickets, serving);
pub(super) const END: usize = size_of::<Context>();

const _: () = assert!(offset_of!(Context, vector) == 0 && offset_of!(Context, ss) + 8 == END && END.is_multiple_of(16));
const _: () = assert!(Resume::SystemCall as u64 == 0 && Resume::Full as u64 == 1);

/// Vector state after reset, for threads that return from a system call.
pub(super) static RESET: VectorState = VectorState::RESET;

/// The body of a naked function: its lines; then, by structure, the fields whose offsets they name (of the kernel's tables, their
/// [`Layout`](airox_kernel_core::fast_path::Layout) `AT`); then operands as `naked_asm!` has them.
macro_rules! body {
    ([$($line:expr),* $(,)?] $($structure:ident { $($field:ident),* $(,)? })*; $($operand:tt)*) => {
        naked_asm!(
            $($line,)*
            $($($field = const body!($structure, $field),)*)*
            $($operand)*
        )
    };
    (AT, $field:ident) => { AT.$field };
    ($structure:ident, $field:ident) => { offset_of!($structure, $field) };
}
pub(super) use body;

/// One instruction for each of some registers.
macro_rules! each {
    ($instruction:literal, $($register:ident)*) => {
        concat!($($instruction, " ", stringify!($register), "\n",)*)
    };
}

/// One instruction for each of some registers, with that register as both operands: sets it to 0.
macro_rules! clear {
    ($instruction:literal, $($register:ident)*) => {
        concat!($($instruction, " ", stringify!($register), ", ", stringify!($register), "\n",)*)
    };
}

/// Pushes `rbp` down to `rsi`, in the order of `Context`.
macro_rules! push_registers {
    () => {
        each!("push", rbp rbx rdi r15 r14 r13 r12 r10 r9 r8 rdx rsi)
    };
}

/// Pops what [`push_registers`] pushes.
macro_rules! pop_registers {
    () => {
        each!("pop", rsi rdx r8 r9 r10 r12 r13 r14 r15 rdi rbx rbp)
    };
}

/// Saves what the vector stubs have not, from `r11` to `Resume::Full`; `esi` becomes the vector.
macro_rules! save_interrupted {
    () => {
        concat!(each!("push", rcx r11), push_registers!(), "push 1\nmov esi, eax")
    };
}

/// Ends in a panic about what has been saved on the stack.
macro_rules! stop {
    () => {
        "cld
         mov rdi, rsp
         and rsp, -16
         call {fatal}"
    };
}

/// Loads the address space in a register if it is not already.
macro_rules! load_address_space {
    ($root:literal) => {
        concat!("cmp ", $root, ", gs:[{loaded}]\nje 2f\nmov gs:[{loaded}], ", $root, "\nmov cr3, ", $root, "\n2:")
    };
}
pub(super) use load_address_space;

/// Leaves by `sysretq` to the context in `rdi`. After the pops, `rsp` is at `r11`; then follow `rcx rax code ip cs flags sp`.
macro_rules! leave_system_call {
    () => {
        concat!(
            "lea rsp, [rdi + {words}]\n",
            pop_registers!(),
            "
            mov rcx, [rsp + 32]
            mov r11, [rsp + 48]
            mov rax, [rsp + 16]
            mov rsp, [rsp + 56]
            swapgs
            sysretq"
        )
    };
}

macro_rules! system_call_stub {
    ($(#[$doc:meta])* $name:ident, $general:ident, $clear:expr $(, $call:path, $reply_receive:path)?) => {
        $(#[$doc])*
        ///
        /// # Safety
        /// For `LSTAR` only.
        #[unsafe(naked)]
        pub unsafe extern "C" fn $name() {
            body!([
                "swapgs",
                $(
                    "cmp rax, 1",
                    concat!("je {reply_receive} # ", stringify!($reply_receive)),
                    "jb {call}",
                )?
                "cmp rax, {light}",
                "je 8f",
                // `rsp` has to serve as the base, as no other register is free.
                "mov gs:[{scratch}], rsp",
                "mov rsp, gs:[{current}]",
                "mov [rsp + {ip}], rcx",
                "mov rcx, gs:[{scratch}]",
                "mov [rsp + {sp}], rcx",
                "mov [rsp + {flags}], r11",
                "mov [rsp + {rax}], rax",
                "add rsp, {rbp} + 8",
                push_registers!(),
                // `Resume::SystemCall`.
                "push 0",
                "mov rsp, gs:[{stack}]",
                "jmp {general}",
                // A light call: on the kernel stack, as a function call that changes no thread's state.
                "8:",
                "mov gs:[{scratch}], rsp",
                "mov rsp, gs:[{stack}]",
                "push rcx",
                "push r11",
                "call {light_call}",
                "pop r11",
                "pop rcx",
                // What Rust may have clobbered, but for the result.
                clear!("xor", edi esi edx r8d r9d r10d),
                $clear,
                "mov rsp, gs:[{scratch}]",
                "swapgs",
                "sysretq",
            ]
                Cpu { scratch, stack, current }
                Context { rbp, rax, ip, flags, sp };
                $(call = sym $call, reply_receive = sym $reply_receive,)?
                light = const SystemCall::Null as u32,
                light_call = sym dispatch::light_call,
                general = sym $general,
            )
        }

        general_stub!($general, dispatch::system_call, $clear);
    };
}

macro_rules! general_stub {
    ($name:ident, $function:path, $clear:expr) => {
        /// The running thread's registers are saved: does its call and leaves.
        ///
        /// # Safety
        /// Jumped to with the kernel's GS base and stack.
        #[unsafe(naked)]
        unsafe extern "C" fn $name() {
            body!([
                "mov rdi, gs:[0]",
                "call {function}",
                "mov rdi, rax",
                "cmp rdi, gs:[{current}]",
                "jne {leave}",
                "inc dword ptr [rip + {tickets} + {serving}]",
                $clear,
                leave_system_call!(),
            ]
                Cpu { current }
                Context { words };
                function = sym $function, leave = sym leave, tickets = sym TICKETS, serving = const SERVING,
            )
        }
    };
}

general_stub!(general_message, dispatch::message_call, "vzeroall");

/// A message call that cannot take the short path: saves the rest of the registers.
///
/// # Safety
/// Jumped to by [`message_path`] with what [`message_path`] says in `rax`, and in `rsi rdx r8 r9 r10 r12 r13 r14 r15` what the program left there.
#[unsafe(naked)]
pub unsafe extern "C" fn general_message_call() {
    body!([
        "lea rsp, [rax + {rdi}]",
        each!("push", r15 r14 r13 r12 r10 r9 r8 rdx rsi),
        "mov rsp, gs:[{stack}]",
        "jmp {general}",
    ]
        Cpu { stack }
        Context { rdi };
        general = sym general_message,
    )
}

system_call_stub! {
    /// Entry of `syscall` on a CPU with AVX, and so with XSAVE.
    system_call_avx, general_avx, "vzeroall",
    message_path::call, message_path::reply_receive
}

system_call_stub! {
    /// Entry of `syscall` on a CPU without AVX.
    system_call_sse, general_sse,
    clear!("xorps", xmm0 xmm1 xmm2 xmm3 xmm4 xmm5 xmm6 xmm7 xmm8 xmm9 xmm10 xmm11 xmm12 xmm13 xmm14 xmm15)
}

/// Leaves the kernel to a context, whoever ran before. Once the address space is loaded, the next processor may come in: what
/// remains to be read is this thread's own.
///
/// # Safety
/// The CPU's structure, GDT, TSS and IDT are loaded, interrupts are off, its ticket is served; `context` is what `Kernel::current` returned; nothing on
/// the stack is used again.
#[unsafe(naked)]
pub unsafe extern "C" fn leave(context: *mut Context) -> ! {
    body!([
        "mov gs:[{current}], rdi",
        "lea rcx, [rdi + {end}]",
        "mov gs:[{rsp0}], rcx",
        "mov rcx, [rdi + {address_space}]",
        "mov eax, gs:[{vector_components}]",
        "xor edx, edx",
        "cmp qword ptr [rdi + {resume}], 0",
        "jne 4f",
        // Resume::SystemCall.
        load_address_space!("rcx"),
        "inc dword ptr [rip + {tickets} + {serving}]",
        "test eax, eax",
        "jz 3f",
        "xrstor64 [rip + {reset}]",
        leave_system_call!(),
        "3:",
        "fxrstor64 [rip + {reset}]",
        leave_system_call!(),
        // Resume::Full. The idle loop runs in whatever address space is loaded.
        "4:",
        "test byte ptr [rdi + {cs}], 3",
        "jz 8f",
        load_address_space!("rcx"),
        "8:",
        "inc dword ptr [rip + {tickets} + {serving}]",
        "test eax, eax",
        "jz 5f",
        "xrstor64 [rdi]",
        "jmp 6f",
        "5:",
        "fxrstor64 [rdi]",
        "6:",
        "lea rsp, [rdi + {words}]",
        pop_registers!(),
        each!("pop", r11 rcx rax),
        "add rsp, 8",
        "test byte ptr [rsp + 8], 3",
        "jz 7f",
        "swapgs",
        "7:",
        "iretq",
    ]
        Cpu { current, loaded, vector_components }
        Context { cs, address_space, resume, words };
        rsp0 = const RSP0, end = const END, reset = sym RESET, tickets = sym TICKETS, serving = const SERVING,
    )
}

/// Saves what the vector stubs have not, calls [`dispatch::interrupt`] and leaves to what it returns.
///
/// On entry the stack holds the interrupt frame, the error code (or 0) and `rax`; `eax` is the vector.
#[unsafe(naked)]
unsafe extern "C" fn interrupt_common() {
    body!([
        save_interrupted!(),
        "test byte ptr [rsp + {cs} - {resume_field}], 3",
        "jz 5f",
        "swapgs",
        "2:",
        "mov eax, gs:[{vector_components}]",
        "xor edx, edx",
        "test eax, eax",
        "jz 3f",
        "xsave64 [rsp - {resume_field}]",
        "jmp 4f",
        "3:",
        "fxsave64 [rsp - {resume_field}]",
        "4:",
        "mov rsp, gs:[{stack}]",
        "mov rdi, gs:[0]",
        // An interrupt leaves RFLAGS.DF and AC as the program set them; AC would suspend SMAP. Only the bit that is always 1 is on in the kernel.
        "push 2",
        "popfq",
        "call {interrupt}",
        "mov rdi, rax",
        "jmp {leave}",
        // Ring 0: the idle loop's interrupts, or an exception of the kernel's own.
        "5:",
        "cmp esi, 32",
        "jae 2b",
        stop!(),
    ]
        Cpu { vector_components, stack }
        Context { cs };
        resume_field = const offset_of!(Context, resume),
        interrupt = sym dispatch::interrupt, fatal = sym dispatch::fatal, leave = sym leave,
    )
}

/// Double fault and machine check: on a stack of their own, whatever ran; they end in a panic. On entry as in
/// [`interrupt_common`].
#[unsafe(naked)]
unsafe extern "C" fn fatal_common() {
    naked_asm!(save_interrupted!(), stop!(), fatal = sym dispatch::fatal)
}

/// A non-maskable interrupt asks for a snapshot of the kernel's state. It may strike between any two instructions, so all it
/// does is to send this CPU an ordinary interrupt, which arrives as soon as the kernel is left or the idle loop sleeps.
///
/// # Safety
/// For the IDT only.
#[unsafe(naked)]
unsafe extern "C" fn non_maskable() {
    naked_asm!(
        each!("push", rax rcx rdx),
        "mov rax, [rip + {registers}]",
        "cmp rax, {x2apic}",
        // There is none yet.
        "jb 3f",
        "je 2f",
        // Interrupt command register, low half: destination "self", fixed delivery (Intel SDM vol. 3, 11.6.1).
        "mov dword ptr [rax + 0x300], {command}",
        "jmp 3f",
        "2:",
        // SELF IPI (11.12.11).
        "mov ecx, 0x83f",
        "mov eax, {vector}",
        "xor edx, edx",
        "wrmsr",
        "3:",
        each!("pop", rdx rcx rax),
        "iretq",
        registers = sym REGISTERS, x2apic = const X2APIC, vector = const INSPECT, command = const 0x4_0000 | INSPECT as u32,
    )
}

/// Waits for interrupts, for ever. Its context is the core's; `sti` takes effect after the next instruction, so no
/// interrupt can come between it and `hlt`.
///
/// # Safety
/// Run only as the idle context.
#[unsafe(naked)]
pub unsafe extern "C" fn idle() {
    naked_asm!("2:", "sti", "hlt", "jmp 2b")
}

/// The kernel's very first instructions: SSE on, because Rust uses it, then the entry that `bootloader_api` defines.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn kernel_entry() {
    naked_asm!(
        "cli",
        "cld",
        "mov rax, cr0",
        // Not EM (2), TS (3) and AM (18); MP (1), NE (5) and WP (16).
        "and rax, ~0x4000c",
        "or rax, 0x10022",
        "mov cr0, rax",
        "mov rax, cr4",
        // OSFXSR (9), OSXMMEXCPT (10).
        "or rax, 0x600",
        "mov cr4, rax",
        "jmp _start",
    )
}

// One stub a vector, 32 bytes apart. The CPU pushes an error code for 8, 10 to 14, 17, 21, 29 and 30 (Intel SDM vol. 3, table 6-1;
// AMD APM vol. 2, table 8-1); the others push 0 in its place. `0xb8` is `mov eax, imm32`.
global_asm!(
    ".section .text.vectors, \"ax\"",
    ".balign 32",
    "vector_stubs:",
    ".set vector, 0",
    ".rept 256",
    ".balign 32",
    ".if vector == 2",
    "jmp {non_maskable}",
    ".else",
    ".if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30)",
    "push 0",
    ".endif",
    "push rax",
    ".byte 0xb8",
    ".long vector",
    ".if vector == 8 || vector == 18",
    "jmp {fatal}",
    ".else",
    "jmp {common}",
    ".endif",
    ".endif",
    ".set vector, vector + 1",
    ".endr",
    ".section .text",
    non_maskable = sym non_maskable, fatal = sym fatal_common, common = sym interrupt_common,
);

unsafe extern "C" {
    static vector_stubs: u8;
}

/// The address of a vector's stub.
pub fn stub(vector: usize) -> u64 {
    // Only the symbol's address is used.
    core::ptr::addr_of!(vector_stubs) as u64 + 32 * vector as u64
}
