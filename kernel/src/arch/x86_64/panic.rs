//! The end of the kernel: a message, a backtrace with names, and a halt.

use super::cpu::Cpu;
use super::local_apic::{self, LocalApic};
use super::{lock, paging, uart};
use airox_bundle::Symbols;
use core::arch::asm;
use core::fmt::{Arguments, Write};
use core::sync::atomic::{AtomicBool, Ordering};
use spin::Once;
use uart_16550::spec::registers::LSR;
use x86_64::instructions::port::Port;
use x86_64::instructions::segmentation::GS;
use x86_64::registers::model_specific::GsBase;

/// Function names, once the bundle is known.
pub static SYMBOLS: Once<Symbols<'static>> = Once::new();
/// A panic inside a panic only halts.
static STOPPING: AtomicBool = AtomicBool::new(false);

/// Most frames a backtrace shows.
const DEPTH: usize = 32;
/// QEMU's isa-debug-exit device; reads as 0 where it is, as all ones where it is not.
const DEBUG_EXIT: u16 = 0xf4;
/// The value written there; QEMU's status becomes `value << 1 | 1`.
const DEBUG_EXIT_PANIC: u32 = 0x10;

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    match info.location() {
        Some(location) => stop(format_args!("{} ({location})", info.message()), None),
        None => stop(format_args!("{}", info.message()), None),
    }
}

/// Prints a message and a backtrace, from `(instruction, frame pointer)` or from here, and stops the machine.
pub fn stop(message: Arguments<'_>, from: Option<(u64, u64)>) -> ! {
    x86_64::instructions::interrupts::disable();
    // A machine check may have struck in ring 3, where the GS base is 0: no program can set it.
    if GsBase::read().is_null() {
        // SAFETY: then this CPU's structure is the other one, or that is 0 as well and not used yet.
        unsafe { GS::swap() };
    }
    if !STOPPING.swap(true, Ordering::Relaxed)
        && let Some(mut port) = uart::open()
    {
        if local_apic::REGISTERS.load(Ordering::Relaxed) != 0 {
            // All others come in and wait behind a ticket that nobody serves.
            lock::take_ticket();
            // SAFETY: 1. The GS base was set before the APIC. 2. Whoever holds another reference is not going to use it any more.
            unsafe { Cpu::current() }.local_apic.iter_mut().for_each(LocalApic::wake_all_others);
        }
        let _ = writeln!(port, "\nKERNEL PANIC: {message}");
        backtrace(&mut port, from);
        // The emulator would lose what is not on the line yet.
        while !port.inner_mut().lsr().contains(LSR::TRANSMITTER_EMPTY) {
            core::hint::spin_loop();
        }
        leave_emulator();
    }
    loop {
        x86_64::instructions::hlt();
    }
}

fn backtrace(port: &mut uart::Port, from: Option<(u64, u64)>) {
    let mut frame: u64;
    // SAFETY: only reads a register.
    unsafe { asm!("mov {}, rbp", out(reg) frame, options(nomem, nostack, preserves_flags)) };
    if let Some((instruction, pointer)) = from {
        print_frame(port, instruction, instruction);
        frame = pointer;
    }
    for _ in 0..DEPTH {
        // A frame holds the caller's frame pointer and, above it, the return address. Both must lie on a kernel stack.
        let room = paging::stack_above(frame).map_or(0, |stack| stack.end - stack.start);
        if !frame.is_multiple_of(8) || room < 16 {
            return;
        }
        let at: *const [u64; 2] = core::ptr::with_exposed_provenance(frame as usize);
        // SAFETY: 16 bytes from `frame` are mapped: they lie on a kernel stack, by the check above; and `frame` is aligned.
        let [caller, instruction] = unsafe { at.read() };
        if !paging::text().contains(&instruction) {
            return;
        }
        // The call is before the return address, perhaps as the function's last instruction.
        print_frame(port, instruction, instruction - 1);
        if caller <= frame {
            return;
        }
        frame = caller;
    }
}

fn print_frame(port: &mut uart::Port, address: u64, lookup: u64) {
    let found = SYMBOLS.get().and_then(|symbols| symbols.lookup(lookup));
    let _ = match found {
        Some((name, offset)) => writeln!(port, "  {address:#x} {name} + {offset:#x}"),
        None => writeln!(port, "  {address:#x}"),
    };
}

/// Ends QEMU, if this is QEMU with the device for it.
fn leave_emulator() {
    // SAFETY: 1. No PC device is at port 0xf4, save the one looked for. 2. The kernel has ended, nothing is lost.
    unsafe {
        if Port::<u8>::new(DEBUG_EXIT).read() == 0 {
            Port::<u32>::new(DEBUG_EXIT).write(DEBUG_EXIT_PANIC);
        }
    }
}
