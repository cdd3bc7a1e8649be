//! The kernel's debug UART: the first serial port, until a driver gets its I/O ports. From then on only a panic
//! writes there.

use core::fmt::Write;
use spin::Mutex;
use uart_16550::backend::PioBackend;
use uart_16550::{BaudRate, Config, Uart16550, Uart16550Tty};

/// First and last I/O port of COM1.
pub const PORTS: (u16, u16) = (0x3f8, 0x3ff);

/// A working 16550, which writes text. That cannot fail.
pub type Port = Uart16550Tty<PioBackend>;

/// The UART, once it answered; `None` before, if there is none, and once a driver owns it.
static DEBUG: Mutex<Option<Port>> = Mutex::new(None);

/// Sets the UART up, if the machine has one. A panic does so afresh, whoever owned it.
pub fn open() -> Option<Port> {
    // SAFETY: 1. 0x3f8..0x400 is COM1 on every PC, or nothing. 2. The kernel alone uses it: before a driver has it, or in
    // a panic, after which no driver runs.
    let mut uart = unsafe { Uart16550::new_port(PORTS.0) }.ok()?;
    uart.init(Config { baud_rate: BaudRate::Baud115200, ..Config::default() }).ok()?;
    Some(Uart16550Tty::from_inner(uart))
}

/// Sets the debug UART up and makes it the target of the `log` macros.
pub fn init() {
    *DEBUG.lock() = open();
    // The logger can only be set already if the kernel started twice; then it is the same one.
    let _ = log::set_logger(&Logger);
    log::set_max_level(log::LevelFilter::Info);
}

/// Writes text, unless a driver owns the UART.
pub fn write(text: &[u8]) {
    if let Some(port) = DEBUG.lock().as_mut() {
        for chunk in text.utf8_chunks() {
            let _ = port.write_str(chunk.valid());
            port.inner_mut().send_bytes_exact(chunk.invalid());
        }
    }
}

/// A driver gets the UART: the kernel no longer writes.
pub fn give_away() {
    *DEBUG.lock() = None;
}

struct Logger;

impl log::Log for Logger {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        if let Some(port) = DEBUG.lock().as_mut() {
            let _ = writeln!(port, "kernel: {}", record.args());
        }
    }

    fn flush(&self) {}
}
