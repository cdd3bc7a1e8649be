//! Where the loader's messages go: COM1, and the screen once there is one.

use core::fmt::{self, Write};

use spin::{Mutex, MutexGuard};
use uart_16550::backend::PioBackend;
use uart_16550::spec::registers::LSR;
use uart_16550::{Config, Uart16550Tty};

use crate::framebuffer::{Framebuffer, PixelScreen};
use crate::vga_text::VgaText;

/// I/O port of COM1.
const COM1: u16 = 0x3f8;

enum Screen {
    None,
    Pixels(PixelScreen),
    Text(VgaText),
}

struct Console {
    serial: Option<Uart16550Tty<PioBackend>>,
    screen: Screen,
}

impl Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if let Some(serial) = &mut self.serial {
            serial.write_str(text)?;
        }
        match &mut self.screen {
            Screen::None => Ok(()),
            Screen::Pixels(screen) => screen.write_str(text),
            Screen::Text(screen) => screen.write_str(text),
        }
    }
}

static CONSOLE: Mutex<Console> = Mutex::new(Console { serial: None, screen: Screen::None });

/// The loader has one thread, so the lock is only ever found taken by a message that failed in the middle;
/// then the new message matters more.
fn console() -> MutexGuard<'static, Console> {
    if let Some(console) = CONSOLE.try_lock() {
        return console;
    }
    // SAFETY: there is one thread, and the holder was interrupted for good: it never runs again.
    unsafe { CONSOLE.force_unlock() };
    CONSOLE.lock()
}

/// Starts COM1 at 115200 baud, 8N1. A machine without it stays silent there.
///
/// # Safety
/// Ports 0x3f8 to 0x3ff belong to the loader or to nobody.
pub unsafe fn start_serial() {
    // SAFETY: this function's own contract.
    let serial = unsafe { Uart16550Tty::new_port(COM1, Config::default()) };
    console().serial = serial.ok();
}

/// Shows further messages on a frame buffer.
///
/// # Safety
/// `framebuffer` describes mapped, writable video memory that nothing else draws to.
pub unsafe fn show_on(framebuffer: Framebuffer) {
    // SAFETY: this function's own contract.
    console().screen = Screen::Pixels(unsafe { PixelScreen::new(framebuffer) });
}

/// Shows further messages on a VGA text screen of 80 columns and 25 rows.
///
/// # Safety
/// The screen is in text mode, and its memory at 0xb8000 is mapped.
pub unsafe fn show_on_vga_text() {
    // SAFETY: this function's own contract.
    console().screen = Screen::Text(unsafe { VgaText::new() });
}

/// Writes a message; see [`progress!`](crate::progress).
pub fn print(message: fmt::Arguments<'_>) {
    // Nothing can be done about a console that does not take a message.
    let _ = console().write_fmt(message);
}

/// Waits until COM1 has sent all it was given.
pub fn drain() {
    if let Some(serial) = &mut console().serial {
        while !serial.inner_mut().lsr().contains(LSR::TRANSMITTER_EMPTY) {
            core::hint::spin_loop();
        }
    }
}

/// Says why there will be no boot, and stops.
pub fn fail(reason: fmt::Arguments<'_>) -> ! {
    print(format_args!("AIROX loader: {reason}\nAIROX loader: stopped; the machine can be switched off or reset\n"));
    loop {
        x86_64::instructions::interrupts::disable();
        x86_64::instructions::hlt();
    }
}

/// Writes one line of progress.
#[macro_export]
macro_rules! progress {
    ($($argument:tt)*) => {
        $crate::console::print(format_args!(
            "AIROX loader: {}\n",
            format_args!($($argument)*)
        ))
    };
}
