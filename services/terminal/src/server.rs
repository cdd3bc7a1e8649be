//! The `console` interface over a [`Console`] and its device.

use crate::calls::{CallRefused, FlushCall, Gone, Progress, ReadCall, WriteCall};
use crate::console::{Console, Interrupt};
use crate::discipline;
use airox_api::console::{ConsoleError, Mode, Size};
use airox_api::{Caller, Deferred, SavedLease};
use airox_sys::Signal;

/// The bit of the server's signal that means: let the device go on ([`Progress::More`]).
pub const AGAIN: u64 = 1 << 63;

/// A console as its server uses it.
pub type ServedConsole = Console<SavedWrite, SavedRead, SavedFlush, ClientInterrupt>;

/// A device with a console on it.
pub trait ConsoleDevice {
    /// The console.
    fn console(&mut self) -> &mut ServedConsole;

    /// Columns and rows.
    fn size(&self) -> (usize, usize);

    /// Moves output from the console to the device.
    fn advance(&mut self) -> Progress;
}

impl From<CallRefused> for ConsoleError {
    fn from(refused: CallRefused) -> ConsoleError {
        match refused {
            CallRefused::Busy => ConsoleError::Busy,
            CallRefused::TooLong => ConsoleError::TooLong,
            CallRefused::Unreadable => ConsoleError::BadBuffer,
        }
    }
}

/// A client's write.
pub struct SavedWrite {
    text: SavedLease,
    reply: Deferred<u32, ConsoleError>,
}

impl WriteCall for SavedWrite {
    fn length(&self) -> usize {
        self.text.len()
    }

    fn fetch(&mut self, offset: usize, buffer: &mut [u8]) -> Result<(), Gone> {
        self.reply.read(self.text, offset, buffer).map_err(|_| Gone)
    }

    fn answer(self, result: Result<(), CallRefused>) {
        // The length was checked to be below 2^32. A client that is gone needs no answer.
        let count = self.text.len() as u32;
        let _client_gone = self.reply.send(result.map(|()| count).map_err(Into::into));
    }
}

/// A client's read.
pub struct SavedRead {
    room: SavedLease,
    reply: Deferred<u32, ConsoleError>,
}

impl ReadCall for SavedRead {
    fn length(&self) -> usize {
        self.room.len()
    }

    fn is_alive(&self) -> bool {
        self.reply.write(self.room, 0, &[]).is_ok()
    }

    fn deliver(self, bytes: &[u8]) -> Result<(), Gone> {
        let written = self.reply.write(self.room, 0, bytes).map_err(|_| Gone);
        let answer = match written {
            Ok(()) => Ok(bytes.len() as u32),
            Err(Gone) => Err(ConsoleError::BadBuffer),
        };
        let sent = self.reply.send(answer).map_err(|_| Gone);
        written.and(sent)
    }

    fn refuse(self, why: CallRefused) {
        let _client_gone = self.reply.send(Err(why.into()));
    }
}

/// A client's flush.
pub struct SavedFlush(Deferred<(), ConsoleError>);

impl FlushCall for SavedFlush {
    fn answer(self, result: Result<(), CallRefused>) {
        let _client_gone = self.0.send(result.map_err(Into::into));
    }
}

/// A client's signal for Ctrl-C.
pub struct ClientInterrupt {
    signal: Signal,
    bits: u64,
}

impl Interrupt for ClientInterrupt {
    fn notify(&self) -> Result<(), Gone> {
        self.signal.notify(self.bits).map_err(|_| Gone)
    }
}

/// Serves the `console` interface.
pub struct ConsoleServer<D> {
    device: D,
    signal: Signal,
}

impl<D: ConsoleDevice> ConsoleServer<D> {
    /// A server for this device. `signal` is the one its port is bound to; it gets the bit [`AGAIN`].
    pub const fn new(device: D, signal: Signal) -> ConsoleServer<D> {
        ConsoleServer { device, signal }
    }

    /// The device, for its interrupts.
    pub fn device(&mut self) -> &mut D {
        &mut self.device
    }

    /// The signal.
    pub fn signal(&self) -> &Signal {
        &self.signal
    }

    /// Has the device called again if it has more to do, after the clients that wait by then.
    pub fn went(&mut self, progress: Progress) {
        if progress == Progress::More && self.signal.notify(AGAIN).is_err() {
            // Its own signal with all rights: nothing to be done if even that fails; the next call goes on.
            log::error!("the console cannot notify itself");
        }
    }

    fn advance(&mut self) {
        let progress = self.device.advance();
        self.went(progress);
    }
}

impl<D: ConsoleDevice> airox_api::console::Console for ConsoleServer<D> {
    fn write(&mut self, _caller: Caller, bytes: SavedLease, reply: Deferred<u32, ConsoleError>) {
        let call = SavedWrite { text: bytes, reply };
        self.device.console().write(call);
        self.advance();
    }

    fn read(&mut self, _caller: Caller, bytes: SavedLease, reply: Deferred<u32, ConsoleError>) {
        let call = SavedRead { room: bytes, reply };
        self.device.console().read(call);
    }

    fn size(&mut self, _caller: Caller) -> Result<Size, ConsoleError> {
        let (columns, rows) = self.device.size();
        let short = |number| u16::try_from(number).unwrap_or(u16::MAX);
        Ok(Size { columns: short(columns), rows: short(rows) })
    }

    fn set_mode(&mut self, _caller: Caller, mode: Mode) -> Result<(), ConsoleError> {
        self.device.console().set_mode(match mode {
            Mode::Raw => discipline::Mode::Raw,
            Mode::Cooked => discipline::Mode::Cooked,
        });
        self.advance();
        Ok(())
    }

    fn interrupt_signal(&mut self, caller: Caller, signal: Option<Signal>, bits: u64) -> Result<(), ConsoleError> {
        let interrupt = signal.map(|signal| ClientInterrupt { signal, bits });
        let console = self.device.console();
        Ok(console.set_interrupt(caller.badge, interrupt)?)
    }

    fn flush(&mut self, _caller: Caller, reply: Deferred<(), ConsoleError>) {
        self.device.console().flush(SavedFlush(reply));
        self.advance();
    }
}
