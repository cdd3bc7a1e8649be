//! The short path of `call` and `reply_receive`: from one process to another and back with the message in registers.
//!
//! # What it is for
//! A client calls a server that waits; the server answers and waits again. Nothing else is going on. Then all there is to do is to
//! check the handle, to note who owes whom an answer, to lend priority and budget, and to change address space and stack. The eight
//! message words and the tag stay in their registers.
//!
//! # When it falls back
//! Each check below that fails jumps to [`entry::general_message_call`], and nothing has happened yet: what has been written up to
//! there are the caller's saved registers and fields that mean nothing while a thread runs (`calling`, `call_badge`, the port in its
//! state, a waiting server's `budget`). The general path is `airox_kernel_core`'s `port.rs`, which is also the definition of what has to happen here.
//!
//! # Why it is safe
//! - It runs with interrupts off on the only CPU that is in the kernel: its ticket is served (see [`super::lock`]), or it falls back with
//!   the ticket in hand and waits there. So nothing changes under it. A non-maskable
//!   interrupt, machine check or double fault has a stack of its own; that is why `rsp` may serve as a register here.
//! - It follows only three kinds of references: a handle, which is checked (index below the entries ever used, owner, generation,
//!   kind, right); ids in live objects, which the kernel put there and takes out before the object they name goes; and
//!   `reply_to`, which may be stale, so its generation is checked. The tables never move.
//! - A thread that waits in `receive`, or for the answer to a call of its own, has entered by `syscall`, so it can leave by `sysret`. (A thread that
//!   waits for its fault's handler has not: `faulted` is checked.) Its `rip` was checked when it was set: it is canonical.
//! - The other process must see nothing of this one but the message: the vector registers are reset, all general registers
//!   are either the message's or loaded.
//!
//! # Cache lines
//! Besides the two stacks' users: of each thread 5 (registers 2, state 3), of the port 1, of the capability 1, of the kernel's state 2, of the
//! processor's 3, of the CPU's 2, of the lock 1.

use super::cpu::Cpu;
use super::entry::{self, END, RESET, RSP0, SERVING, body, load_address_space};
use super::lock::TICKETS;
use super::machine::Pc;
use airox_abi::message::Tag;
use airox_abi::{Handle, Rights, SystemCall};
use airox_kernel_core::Kernel;
use airox_kernel_core::context::Context;
use airox_kernel_core::fast_path::Layout;
use core::arch::naked_asm;
use core::mem::offset_of;

const AT: Layout = Kernel::<Pc>::LAYOUT;
const CAPABILITY_BYTES_LOG2: u32 = 6;
/// A tag with any of these bits carries handles or leases.
const EXTENSION: u64 = Tag(0).with_handles(15).with_leases(15).0;

/// What both calls do, around how each finds the thread to go on (its number, in `r11d`), and what each checks and notes of it.
macro_rules! message_path {
    ($(#[$doc:meta])* $name:ident, $call:ident, $right:expr, [$($find:literal,)*] [$($act:literal,)*] AT { $($field:ident),* }) => {
        $(#[$doc])*
        ///
        /// # Safety
        /// Jumped to by the `syscall` stub on a CPU with XSAVE, with the kernel's GS base and all other registers the program's.
        #[unsafe(naked)]
        pub unsafe extern "C" fn $name() {
            body!([
                // Saves what has to outlast the switch, apart from the message, and takes a ticket: `rax` becomes the running thread, `rbp` the
                // kernel's state.
                "mov rax, gs:[{current}]",
                "mov [rax + {sp}], rsp",
                "mov [rax + {ip}], rcx",
                "mov [rax + {flags}], r11",
                "mov [rax + {rbp}], rbp",
                "mov [rax + {rbx}], rbx",
                "mov [rax + {rdi}], rdi",
                "mov qword ptr [rax + {resume}], 0",
                "mov ebx, 1",
                "lock xadd [rip + {tickets}], ebx",
                "cmp ebx, [rip + {tickets} + {serving}]",
                "jne 8f",
                "mov rbp, gs:[{kernel}]",
                // The message must fit into registers, and nobody must be recording events.
                "test r15d, {extension}",
                "jnz 9f",
                "cmp byte ptr [rbp + {tracing}], 0",
                "jne 9f",
                // The handle in `rdi` must be a port's, the running process's own, and have the right: `rbx` becomes the port's id, `rcx` the
                // handle's badge.
                "mov ecx, edi",
                "and ecx, {index_mask}",
                "cmp ecx, [rbp + {capabilities_used}]",
                "jae 9f",
                "shl rcx, {capability_bytes_log2}",
                "add rcx, [rbp + {capabilities}]",
                "mov rbx, rdi",
                "shr rbx, {index_bits}",
                "cmp rbx, [rcx + {handle_generation}]",
                "jne 9f",
                "mov rbx, gs:[{processor}]",
                "mov ebx, [rbx + {current_process}]",
                "cmp ebx, [rcx + {owner}]",
                "jne 9f",
                "cmp dword ptr [rcx + {kind}], {port_kind}",
                "jne 9f",
                "test byte ptr [rcx + {rights}], {right}",
                "jz 9f",
                "mov ebx, [rcx + {object}]",
                "mov rcx, [rcx + {badge}]",
                $($find,)*
                // The other thread's number is in `r11d`: `rdi` becomes the thread. It must be able to run; no I/O ports may have to be opened or closed.
                "imul rdi, r11, {thread_stride}",
                "add rdi, [rbp + {threads}]",
                "cmp byte ptr [rdi + {suspended}], 0",
                "jne 9f",
                "mov spl, [rdi + {has_io_ports}]",
                "or spl, [rax + {has_io_ports}]",
                "jnz 9f",
                $($act,)*
                // From the running thread in `rax` to the one in `rdi`: the account, the kernel's and the CPU's notes of who runs, the address
                // space. `rbx` becomes the thread that stopped, where the message's `rdx` waits; `rcx` stays.
                "mov dword ptr [rdi + {state}], {running}",
                "mov rsp, [rax + {competing}]",
                "cmp rsp, -1",
                "je 2f",
                "mov [rdi + {competing}], rsp",
                "mov qword ptr [rax + {competing}], -1",
                "2:",
                "mov rbp, gs:[{processor}]",
                "mov [rbp + {current_thread}], r11d",
                "mov r11d, [rdi + {process}]",
                "mov [rbp + {current_process}], r11d",
                "inc qword ptr [rbp + {switches}]",
                "mov [rax + {words} + 8], rdx",
                "mov rbx, rax",
                "rdtsc",
                "shl rdx, 32",
                "or rdx, rax",
                "mov rax, rdx",
                "sub rdx, [rbp + {last_switch}]",
                "add [rbx + {cpu_ticks}], rdx",
                "mov [rbp + {last_switch}], rax",
                "mov gs:[{current}], rdi",
                "lea rax, [rdi + {end}]",
                "mov gs:[{rsp0}], rax",
                "mov rax, [rdi + {address_space}]",
                load_address_space!("rax"),
                // Then the next processor may come in.
                "mov eax, gs:[{vector_components}]",
                "xor edx, edx",
                "xrstor64 [rip + {reset}]",
                "mov rdx, [rbx + {words} + 8]",
                "inc dword ptr [rip + {tickets} + {serving}]",
                // Leaves to the thread in `rdi` with success, the message, and in `rdi` what is in `rcx`.
                "shl r15, {kernel_bits}",
                "shr r15, {kernel_bits}",
                "mov rax, rcx",
                "mov rcx, [rdi + {ip}]",
                "mov r11, [rdi + {flags}]",
                "mov rsp, [rdi + {sp}]",
                "mov rbp, [rdi + {rbp}]",
                "mov rbx, [rdi + {rbx}]",
                "mov rdi, rax",
                "xor eax, eax",
                "swapgs",
                "sysretq",
                // Something is unusual: this ticket is being served.
                "9:",
                "mov ebx, [rip + {tickets} + {serving}]",
                // Another processor is in the kernel.
                "8:",
                "mov gs:[{ticket}], ebx",
                "mov qword ptr [rax + {rax}], {call}",
                "jmp {general}",
            ]
                Cpu { current, kernel, processor, ticket, loaded, vector_components }
                Context { address_space, resume, words, rdi, rbx, rbp, rax, ip, flags, sp }
                AT {
                    // The kernel and its processors.
                    tracing, capabilities, capabilities_used, ports, threads,
                    current_thread, current_process, last_switch, turn_end, switches,
                    // Capabilities and ports.
                    owner, handle_generation, kind, object, rights, badge, port_kind,
                    port_stride, first_receiver, last_receiver,
                    // Threads.
                    thread_stride, state, process, priority, base_priority, budget, own_budget, competing, suspended,
                    has_io_ports, reply_to, cpu_ticks, running, awaiting_reply
                }
                AT { $($field),* };
                call = const SystemCall::$call as u32, right = const $right.bits(),
                general = sym entry::general_message_call,
                tickets = sym TICKETS, serving = const SERVING, reset = sym RESET, rsp0 = const RSP0, end = const END,
                extension = const EXTENSION, kernel_bits = const Tag::KERNEL_BITS.count_ones(),
                index_mask = const (1 << Handle::INDEX_BITS) - 1, index_bits = const Handle::INDEX_BITS,
                capability_bytes_log2 = const CAPABILITY_BYTES_LOG2,
            )
        }
    };
}

message_path! {
    /// `call`.
    call, Call, Rights::SEND, [
    // Means something only once the caller waits.
    "mov [rax + {calling}], ebx",
    "mov [rax + {call_badge}], rcx",
    // Exactly one thread must wait to receive: `r11d` is its number.
    "imul rbx, rbx, {port_stride}",
    "add rbx, [rbp + {ports}]",
    "mov r11d, [rbx + {first_receiver}]",
    "cmp r11d, [rbx + {last_receiver}]",
    "jne 9f",
    "cmp r11d, -1",
    "je 9f",
    ] [
    // The server runs on the caller's time: because it has none of its own, or because both have the same anyway.
    "mov rsp, [rdi + {own_budget}]",
    "cmp rsp, -1",
    "je 4f",
    "cmp rsp, [rax + {budget}]",
    "jne 9f",
    "4:",
    "mov rsp, [rax + {budget}]",
    "mov [rdi + {budget}], rsp",
    // It runs at its own priority or the caller's, whichever is higher; nobody ready is more urgent, or the caller would not have run. A turn
    // among equals may not be going on if it leaves them.
    "movzx esp, byte ptr [rax + {priority}]",
    "cmp [rdi + {base_priority}], spl",
    "jbe 5f",
    "mov rsp, gs:[{processor}]",
    "cmp qword ptr [rsp + {turn_end}], -1",
    "jne 9f",
    "mov spl, [rdi + {base_priority}]",
    "5:",
    "mov [rdi + {priority}], spl",
    // From here on nothing can go wrong. Nobody waits at the port any more; the caller waits for the server.
    "mov [rbx + {servant}], r11d",
    "mov dword ptr [rbx + {first_receiver}], -1",
    "mov dword ptr [rbx + {last_receiver}], -1",
    "mov byte ptr [rax + {lease_count}], 0",
    "mov dword ptr [rax + {state}], {awaiting_reply}",
    "mov rsp, [rax + {identity}]",
    "mov [rdi + {reply_to}], rsp",
    ]
    AT { servant, identity, calling, call_badge, lease_count }
}

message_path! {
    /// `reply_receive`.
    reply_receive, ReplyReceive, Rights::RECEIVE, [
    // Means something only once the server waits.
    "mov [rax + {state_port}], ebx",
    // Nobody must wait at the port, to send or to receive, and the signal bound to it must have no bits.
    "imul rbx, rbx, {port_stride}",
    "add rbx, [rbp + {ports}]",
    "mov ecx, [rbx + {first_sender}]",
    "and ecx, [rbx + {first_receiver}]",
    "cmp ecx, -1",
    "jne 9f",
    "mov ecx, [rbx + {port_signal}]",
    "cmp ecx, -1",
    "je 4f",
    // A stale one names an entry that is free or another signal's; then this asks too much at worst.
    "imul rcx, rcx, {signal_stride}",
    "add rcx, [rbp + {signals}]",
    "cmp qword ptr [rcx + {bits}], 0",
    "jne 9f",
    "4:",
    // The caller must still be there and wait for this answer: `r11d` is its number.
    "mov rcx, [rax + {reply_to}]",
    "cmp rcx, -1",
    "je 9f",
    "mov r11d, ecx",
    "shr rcx, 32",
    ] [
    "cmp [rdi + {thread_generation}], ecx",
    "jne 9f",
    "cmp dword ptr [rdi + {state}], {awaiting_reply}",
    "jne 9f",
    "cmp byte ptr [rdi + {faulted}], 0",
    "jne 9f",
    // It goes on with the time the server worked on.
    "mov rsp, [rdi + {budget}]",
    "cmp rsp, [rax + {budget}]",
    "jne 9f",
    // If it is less urgent than the server was, someone ready may be as urgent as it is, and a turn among equals would be left.
    "mov rcx, gs:[{processor}]",
    "movzx esp, byte ptr [rdi + {priority}]",
    "cmp spl, [rax + {priority}]",
    "je 5f",
    "cmp esp, [rcx + {highest}]",
    "jle 9f",
    "cmp qword ptr [rcx + {turn_end}], -1",
    "jne 9f",
    "5:",
    // From here on nothing can go wrong. The server gives back what was lent and waits at the port, alone.
    "mov qword ptr [rax + {reply_to}], -1",
    "mov spl, [rax + {base_priority}]",
    "mov [rax + {priority}], spl",
    "mov rsp, [rax + {own_budget}]",
    "mov [rax + {budget}], rsp",
    "mov dword ptr [rax + {state}], {receiving}",
    "mov dword ptr [rax + {next}], -1",
    "mov dword ptr [rax + {previous}], -1",
    "mov ecx, [rcx + {current_thread}]",
    "mov [rbx + {first_receiver}], ecx",
    "mov [rbx + {last_receiver}], ecx",
    "xor ecx, ecx",
    ]
    AT {
        signals, highest, first_sender, port_signal, signal_stride, bits, thread_generation, state_port, faulted, next,
        previous, receiving
    }
}
