//! A [`Console`] on a [`Uart`].

use airox_driver_traits::PortIo;
use airox_terminal::{
    ClientInterrupt, Console, ConsoleDevice, FlushCall, Interrupt, Progress, ReadCall, SavedFlush, SavedRead,
    SavedWrite, ServedConsole, WriteCall,
};
use airox_uart16550::{FIFO, LineErrors, Uart};

/// The line's speed, in baud.
pub const SPEED: u32 = 115_200;

/// Times the device is asked in one call of [`SerialConsole::interrupt`] whether it wants more.
const ROUNDS: u32 = 64;
/// Bytes sent in one call while the device takes them at once, as emulated ones do.
const BURST: usize = 16 * 1024;
/// Bytes received at a time.
const CHUNK: usize = 64;

/// The serial console: clients' calls on one side, the UART on the other.
pub struct SerialConsole<P: PortIo, W, R, F, I> {
    uart: Uart<P>,
    console: Console<W, R, F, I>,
    /// Output on its way from the console to the FIFO.
    staged: [u8; FIFO],
    staged_from: usize,
    staged_to: usize,
    size: (usize, usize),
}

impl<P, W, R, F, I> SerialConsole<P, W, R, F, I>
where
    P: PortIo,
    W: WriteCall,
    R: ReadCall,
    F: FlushCall,
    I: Interrupt,
{
    /// A console on a started UART; `early` was received before, and `size` is what the terminal is taken for.
    pub fn new(uart: Uart<P>, early: &[u8], size: (usize, usize)) -> Self {
        let mut console = Console::new();
        console.typed(early);
        SerialConsole { uart, console, staged: [0; FIFO], staged_from: 0, staged_to: 0, size }
    }

    /// Serves the device after an interrupt.
    pub fn interrupt(&mut self) -> Progress {
        let mut buffer = [0; CHUNK];
        for _ in 0..ROUNDS {
            if !self.uart.is_interrupting() {
                return self.advance();
            }
            let count = self.uart.receive(&mut buffer);
            self.console.typed(&buffer[..count]);
            // A transmit interrupt is served by sending, or by finding nothing to send.
            if self.advance() == Progress::More {
                return Progress::More;
            }
        }
        Progress::More
    }

    /// The console. After a call that may give output, [`Self::advance`] moves it on.
    pub fn console(&mut self) -> &mut Console<W, R, F, I> {
        &mut self.console
    }

    /// What went wrong on the line so far.
    pub fn errors(&self) -> LineErrors {
        self.uart.errors()
    }

    /// Sends until the device is full or nothing is left, or [`BURST`] bytes are gone.
    pub fn advance(&mut self) -> Progress {
        let mut sent = 0;
        loop {
            if self.staged_from == self.staged_to {
                self.staged_from = 0;
                self.staged_to = self.console.next_output(&mut self.staged);
            }
            if self.staged_to == 0 {
                if !self.uart.is_idle() {
                    return Progress::Done;
                }
                if !self.console.wants_drained() {
                    return Progress::Done;
                }
                self.uart.drain();
                self.console.drained();
                continue;
            }
            let count = self.uart.transmit(&self.staged[self.staged_from..self.staged_to]);
            self.staged_from += count;
            sent += count;
            if count == 0 {
                return Progress::Done;
            }
            if sent >= BURST {
                return Progress::More;
            }
        }
    }
}

impl<P: PortIo> ConsoleDevice for SerialConsole<P, SavedWrite, SavedRead, SavedFlush, ClientInterrupt> {
    fn console(&mut self) -> &mut ServedConsole {
        &mut self.console
    }

    fn size(&self) -> (usize, usize) {
        self.size
    }

    fn advance(&mut self) -> Progress {
        SerialConsole::advance(self)
    }
}
