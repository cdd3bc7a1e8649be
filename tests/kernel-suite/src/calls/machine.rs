//! The machine authority: interrupt lines, I/O ports, the debug UART and the kernel's counts.

use airox_abi::info::KernelInfo;
use airox_abi::layout::{LINE_VECTOR, MESSAGE_LINES, USER_END};
use airox_abi::trace::{Event, EventKind, TRACE_READ};
use airox_abi::{Error, Handle, MapFlags, QuotaKind, Rights};
use alloc::vec::Vec;

use crate::block::Block;
use crate::calls::table::{FREE_PORT, free_irq};
use crate::child::{Child, free_address};
use crate::failure::{Failure, Outcome, check, check_equal, check_error};
use crate::kernel::{self, Owned};
use crate::registry::Test;
use crate::suite::Suite;

/// The tests.
pub const TESTS: &[Test] = &[
    Test::new("machine", "one_owner_for_an_interrupt_line", one_owner_for_an_interrupt_line),
    Test::new("machine", "one_owner_for_a_port", one_owner_for_a_port),
    Test::new("machine", "parts_of_a_port_range", parts_of_a_port_range),
    Test::new("machine", "message_lines", message_lines),
    Test::new("machine", "trace_read", trace_read),
    Test::new("machine", "ports_work_only_where_bound", ports_work_only_where_bound),
    Test::new("machine", "ports_go_with_their_handle", ports_go_with_their_handle),
    Test::new("machine", "keyboard_controller_interrupts", keyboard_controller_interrupts),
    Test::new("machine", "kernel_info", kernel_info),
    Test::new("machine", "debug_write", debug_write),
];

fn one_owner_for_an_interrupt_line(suite: &Suite) -> Outcome {
    let machine = suite.root.machine;
    for line in [256, 1000, 1 << 32, u64::MAX] {
        let minted = kernel::irq_create(machine, line);
        check!(matches!(minted, Err(Error::NoSuchResource | Error::InvalidArgument)), "line {line}: {minted:?}");
    }
    let (line, irq) = (3..24)
        .find_map(|line| Some((line, kernel::irq_create(machine, line).ok()?)))
        .ok_or_else(|| Failure::new(format_args!("no line is free")))?;
    check_error!(kernel::irq_create(machine, line), Error::NoSuchResource);
    let signal = kernel::signal_create(Handle::NONE)?;
    kernel::irq_bind(irq.get(), signal.get(), 1)?;
    kernel::irq_acknowledge(irq.get())?;
    drop(irq);
    // Given up, it can be had again.
    drop(kernel::irq_create(machine, line)?);
    Ok(())
}

fn one_owner_for_a_port(suite: &Suite) -> Outcome {
    let machine = suite.root.machine;
    for (first, count) in
        [(0, 0), (0xffff, 2), (0x1_0000, 1), (1 << 32, 1), (u64::MAX, 1), (0, 0x1_0001), (0x300, u64::MAX)]
    {
        let minted = kernel::io_ports_create(machine, first, count);
        check!(
            matches!(minted, Err(Error::InvalidArgument | Error::NoSuchResource)),
            "{count:#x} ports from {first:#x}: {minted:?}"
        );
    }
    let ports = kernel::io_ports_create(machine, FREE_PORT, 8)?;
    for (first, count) in
        [(FREE_PORT, 8), (FREE_PORT + 7, 1), (FREE_PORT - 1, 2), (FREE_PORT + 2, 2), (FREE_PORT - 8, 32)]
    {
        check_error!(kernel::io_ports_create(machine, first, count), Error::NoSuchResource);
    }
    drop(kernel::io_ports_create(machine, FREE_PORT + 8, 1)?);
    drop(ports);
    drop(kernel::io_ports_create(machine, FREE_PORT + 2, 2)?);
    // The interrupt controllers and the interval timer are the kernel's.
    for port in [0x20, 0x21, 0xa0, 0xa1] {
        check!(kernel::io_ports_create(machine, port, 1).is_err(), "port {port:#x} was minted");
    }
    Ok(())
}

fn parts_of_a_port_range(suite: &Suite) -> Outcome {
    let ports = kernel::io_ports_create(suite.root.machine, FREE_PORT, 8)?;
    let part = kernel::io_ports_create(ports.get(), FREE_PORT + 2, 4)?;
    drop(kernel::io_ports_create(part.get(), FREE_PORT + 2, 4)?);
    drop(kernel::io_ports_create(part.get(), FREE_PORT + 5, 1)?);
    for (first, count) in [(FREE_PORT + 1, 2), (FREE_PORT + 5, 2), (FREE_PORT, 8), (FREE_PORT + 3, 0), (0x20, 1)] {
        check_error!(kernel::io_ports_create(part.get(), first, count), Error::NoSuchResource);
    }
    // A part lasts longer than what it was part of, and still has its one owner.
    drop(ports);
    check_error!(kernel::io_ports_create(suite.root.machine, FREE_PORT, 8), Error::NoSuchResource);
    let weak = kernel::handle_copy(part.get(), Rights::all() - Rights::CONTROL, 0)?;
    check_error!(kernel::io_ports_create(weak.get(), FREE_PORT + 2, 1), Error::MissingRight);
    Ok(())
}

/// The HPET (IA-PC HPET Specification 1.0a, 2.3): its configuration, main counter, and timer 0.
const HPET: u64 = 0xfed0_0000;
const HPET_CONFIGURATION: usize = 0x10 / 8;
const HPET_COUNTER: usize = 0xf0 / 8;
const HPET_TIMER: usize = 0x100 / 8;
/// Timer 0 delivers by message, and interrupts.
const HPET_MESSAGE: u64 = 1 << 14 | 1 << 2;
const HPET_CAN_SEND: u64 = 1 << 15;

fn message_lines(suite: &Suite) -> Outcome {
    let machine = suite.root.machine;
    for line in [MESSAGE_LINES.start - 1, MESSAGE_LINES.end] {
        check_error!(kernel::irq_create(machine, line.into()), Error::NoSuchResource);
    }
    let lines: Vec<Owned> =
        MESSAGE_LINES.map(|line| kernel::irq_create(machine, line.into())).collect::<Result<_, _>>()?;
    check_error!(kernel::irq_create(machine, MESSAGE_LINES.start.into()), Error::NoSuchResource);
    let signal = kernel::signal_create(Handle::NONE)?;
    kernel::irq_bind(lines[63].get(), signal.get(), 1)?;

    let region = kernel::region_device(machine, HPET, 1)?;
    let address = free_address(1);
    kernel::region_map(region.get(), Handle::NONE, address, 0, 1, MapFlags::WRITE)?;
    // SAFETY: 1. The page is mapped. 2. It is the HPET's, which nobody else uses. 3. The registers are 8 bytes long and aligned.
    let read = |register: usize| unsafe { (address as *const u64).add(register).read_volatile() };
    // SAFETY: as for `read`.
    let write = |register: usize, value: u64| unsafe { (address as *mut u64).add(register).write_volatile(value) };
    check!(read(HPET_TIMER) & HPET_CAN_SEND != 0, "the HPET sends no messages");
    let data = u64::from(LINE_VECTOR) + u64::from(MESSAGE_LINES.end - 1);
    write(HPET_TIMER + 2, suite.kernel_info()?.message_address << 32 | data);
    for round in 1..=3 {
        write(HPET_TIMER, HPET_MESSAGE);
        write(HPET_CONFIGURATION, 0);
        write(HPET_TIMER + 1, read(HPET_COUNTER) + 1_000);
        write(HPET_CONFIGURATION, 1);
        check_equal!((round, kernel::wait(signal.get(), 1)?), (round, 1));
    }
    write(HPET_CONFIGURATION, 0);
    // SAFETY: nothing refers to this mapping any more.
    unsafe { kernel::region_unmap(Handle::NONE, address) }?;
    Ok(())
}

fn trace_read(suite: &Suite) -> Outcome {
    let machine = suite.root.machine;
    let mut events = [Event::default(); TRACE_READ];
    let processors = suite.kernel_info()?.processors;
    for processor in [processors, 64, 1 << 32, u64::MAX] {
        check_error!(kernel::trace_read(machine, processor, 0, &mut events), Error::NoSuchResource);
    }
    kernel::trace_set(machine, true)?;
    let (mut next, _) = kernel::trace_read(machine, 0, u64::MAX, &mut events)?;
    let signal = kernel::signal_create(Handle::NONE)?;
    for round in 0..100 {
        kernel::notify(signal.get(), 1 << (round % 64))?;
    }
    kernel::trace_set(machine, false)?;
    for buffer in [0, 8, USER_END - 64, u64::MAX] {
        let result = kernel::trace_read_nowhere(machine, 0, next, buffer);
        check!(result.is_err(), "events were written to {buffer:#x}");
    }
    let mut bits = 0;
    loop {
        let (first, count) = kernel::trace_read(machine, 0, next, &mut events)?;
        check_equal!(first, next);
        if count == 0 {
            break;
        }
        next += count as u64;
        let kind = EventKind::Signal as u32;
        let notified = events[..count].iter().filter(|event| event.kind_a >> 24 == kind && event.c.is_power_of_two());
        bits += notified.count();
    }
    check!(bits >= 100, "{bits} of 100 signals were recorded");
    Ok(())
}

/// Reads a byte from the port in argument 0, and says so in result 0.
fn reads_port(block: &Block) -> Outcome {
    let value = input(block.argument(0) as u16);
    block.set_result(0, 1);
    block.set_result(1, u64::from(value));
    Ok(())
}

fn input(port: u16) -> u8 {
    let value: u8;
    // SAFETY: reading a port of a device that this program uses alone, or of none; without authority the CPU faults.
    unsafe { core::arch::asm!("in al, dx", out("al") value, in("dx") port) };
    value
}

fn output(port: u16, value: u8) {
    // SAFETY: writing a port of a device that this program uses alone; without authority the CPU faults.
    unsafe { core::arch::asm!("out dx, al", in("al") value, in("dx") port) };
}

fn ports_work_only_where_bound(suite: &Suite) -> Outcome {
    let ports = kernel::io_ports_create(suite.root.machine, FREE_PORT, 2)?;
    for (port, bound, works) in [
        (FREE_PORT, false, false),
        (FREE_PORT, true, true),
        (FREE_PORT + 1, true, true),
        (FREE_PORT + 2, true, false),
        (FREE_PORT - 1, true, false),
        (0x80, true, false),
    ] {
        let child = Child::new(suite)?;
        if bound {
            kernel::io_ports_bind(ports.get(), child.process.get())?;
        }
        child.block().set_argument(0, port);
        child.start(reads_port)?;
        let info = child.wait()?;
        check!(
            (info.faulted == 0) == works && (child.block().result(0) == 1) == works,
            "port {port:#x}, bound: {bound}, faulted: {}",
            info.faulted
        );
    }
    Ok(())
}

/// Reads the port in argument 0 again and again; waits for signal 1 in between.
fn reads_port_on_demand(block: &Block) -> Outcome {
    loop {
        input(block.argument(0) as u16);
        block.set_result(0, block.result(0) + 1);
        kernel::wait(block.handle(1), 1)?;
    }
}

fn ports_go_with_their_handle(suite: &Suite) -> Outcome {
    let ports = kernel::io_ports_create(suite.root.machine, FREE_PORT, 1)?;
    let signal = kernel::signal_create(Handle::NONE)?;
    let child = Child::new(suite)?;
    child.block().set_argument(0, FREE_PORT);
    child.grant(1, signal.get(), Rights::RECEIVE)?;
    kernel::io_ports_bind(ports.get(), child.process.get())?;
    child.start(reads_port_on_demand)?;
    suite.until(|| Ok(child.block().result(0) == 1))?;
    kernel::notify(signal.get(), 1)?;
    suite.until(|| Ok(child.block().result(0) == 2))?;
    drop(ports);
    kernel::notify(signal.get(), 1)?;
    let info = child.wait()?;
    check_equal!((info.faulted, child.block().result(0)), (1, 2));
    Ok(())
}

/// The 8042 keyboard controller: its data and command ports.
const DATA: u16 = 0x60;
const COMMAND: u16 = 0x64;

/// Gives the suite the controller and its interrupt; `None` if the machine has none.
fn keyboard(suite: &Suite) -> Result<Option<(Owned, Owned, Owned)>, Error> {
    let machine = suite.root.machine;
    let data = kernel::io_ports_create(machine, DATA.into(), 1)?;
    let command = kernel::io_ports_create(machine, COMMAND.into(), 1)?;
    kernel::io_ports_bind(data.get(), Handle::NONE)?;
    kernel::io_ports_bind(command.get(), Handle::NONE)?;
    let irq = kernel::irq_create(machine, 1)?;
    // A port without a device reads as ones.
    Ok((input(COMMAND) != 0xff).then_some((data, command, irq)))
}

/// Makes the controller interrupt as if a key had been pressed, three times.
fn keyboard_controller_interrupts(suite: &Suite) -> Outcome {
    let Some((_data, _command, irq)) = keyboard(suite)? else {
        return Ok(());
    };
    let signal = kernel::signal_create(Handle::NONE)?;
    kernel::irq_bind(irq.get(), signal.get(), 1 << 7)?;
    while input(COMMAND) & 1 != 0 {
        input(DATA);
    }
    // "Write command byte": interrupt for the first device on, as firmware may have left it off.
    output(COMMAND, 0x60);
    output(DATA, 0x41);
    kernel::irq_acknowledge(irq.get())?;
    suite.sleep(1_000_000)?;
    kernel::poll(signal.get(), u64::MAX)?;
    for byte in [0x1e, 0x9e, 0x30] {
        // "Write keyboard output buffer": the next byte arrives as if the keyboard had sent it.
        output(COMMAND, 0xd2);
        output(DATA, byte);
        kernel::timer_set(signal.get(), kernel::now() + 1_000_000_000, 1 << 8)?;
        let bits = kernel::wait(signal.get(), u64::MAX)?;
        check!(bits == 1 << 7, "no interrupt for {byte:#x}");
        check_equal!(input(DATA), byte);
        kernel::irq_acknowledge(irq.get())?;
        kernel::poll(signal.get(), u64::MAX)?;
    }
    kernel::timer_set(signal.get(), u64::MAX, 0)?;
    Ok(())
}

fn kernel_info(suite: &Suite) -> Outcome {
    let before = suite.kernel_info()?;
    for (used, capacity) in before.objects.0.iter().zip(before.capacity.0) {
        check!(*used <= capacity, "more objects than the kernel can hold");
    }
    let region = kernel::region_create(Handle::NONE, 5, airox_abi::RegionKind::Contiguous)?;
    let after = suite.kernel_info()?;
    let frames = |info: &KernelInfo| info.objects.get(QuotaKind::Frames);
    check!(frames(&before) < before.capacity.get(QuotaKind::Frames), "no frame is free");
    check_equal!(frames(&after), frames(&before) + 5);
    check_equal!(after.objects.get(QuotaKind::Regions), before.objects.get(QuotaKind::Regions) + 1);
    check_equal!(after.objects.get(QuotaKind::Handles), before.objects.get(QuotaKind::Handles) + 1);
    drop(region);
    // An emulator that stands still for a while may find a deadline passed before anybody sleeps, so it is tried again.
    let slept = suite.until(|| {
        suite.sleep(1_000_000)?;
        let later = suite.kernel_info()?;
        Ok(later.switches > after.switches && later.idle_ticks > after.idle_ticks)
    });
    check!(slept.is_ok(), "the suite slept and nothing was counted");
    let later = suite.kernel_info()?;
    check!(
        later.system_calls > after.system_calls && later.interrupts > after.interrupts,
        "a timer went off and nothing was counted"
    );
    Ok(())
}

fn debug_write(suite: &Suite) -> Outcome {
    kernel::debug_write(suite.root.machine, b"")?;
    kernel::debug_write(suite.root.machine, b"debug_write: one line of text\n")?;
    drop(free_irq(suite)?);
    Ok(())
}
