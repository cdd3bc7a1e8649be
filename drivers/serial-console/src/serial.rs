//! A [`Console`] on a [`Uart`].

use crate::uart::{FIFO, LineErrors, Uart};
use airox_driver_traits::PortIo;
use airox_terminal::{
    CallRefused, Console, FlushCall, Interrupt, Mode, Progress, ReadCall, WriteCall,
};

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
}

impl<P, W, R, F, I> SerialConsole<P, W, R, F, I>
where
    P: PortIo,
    W: WriteCall,
    R: ReadCall,
    F: FlushCall,
    I: Interrupt,
{
    /// A console on a started UART; `early` was received before.
    pub fn new(uart: Uart<P>, early: &[u8]) -> Self {
        let mut console = Console::new();
        console.typed(early);
        SerialConsole {
            uart,
            console,
            staged: [0; FIFO],
            staged_from: 0,
            staged_to: 0,
        }
    }

    /// Serves the device after an interrupt.
    pub fn interrupt(&mut self) -> Progress {
        let mut buffer = [0; CHUNK];
        for _ in 0..ROUNDS {
            if !self.uart.is_interrupting() {
                return self.send();
            }
            let count = self.uart.receive(&mut buffer);
            self.console.typed(&buffer[..count]);
            // A transmit interrupt is served by sending, or by finding nothing to send.
            if self.send() == Progress::More {
                return Progress::More;
            }
        }
        Progress::More
    }

    /// Takes a write.
    pub fn write(&mut self, call: W) -> Progress {
        self.console.write(call);
        self.send()
    }

    /// Takes a read.
    pub fn read(&mut self, call: R) {
        self.console.read(call);
    }

    /// Takes a flush; it is answered when all output before it is on the wire.
    pub fn flush(&mut self, call: F) -> Progress {
        self.console.flush(call);
        self.send()
    }

    /// Changes what readers get.
    pub fn set_mode(&mut self, mode: Mode) {
        self.console.set_mode(mode);
    }

    /// Registers, or with `None` removes, what to notify on Ctrl-C for a client.
    ///
    /// # Errors
    /// As [`Console::set_interrupt`].
    pub fn set_interrupt(&mut self, client: u64, interrupt: Option<I>) -> Result<(), CallRefused> {
        self.console.set_interrupt(client, interrupt)
    }

    /// What went wrong on the line so far.
    pub fn errors(&self) -> LineErrors {
        self.uart.errors()
    }

    /// Input bytes lost so far because nobody read them.
    pub fn lost_input(&self) -> u64 {
        self.console.lost_input()
    }

    /// Sends until the device is full or nothing is left.
    fn send(&mut self) -> Progress {
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
            let count = self
                .uart
                .transmit(&self.staged[self.staged_from..self.staged_to]);
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
