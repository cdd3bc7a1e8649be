//! What every console does, around the device.

use crate::calls::{CallRefused, FlushCall, Gone, ReadCall, WriteCall};
use crate::discipline::{Discipline, Mode, READY_CAPACITY, Typed};
use crate::output::Output;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// Most writes and flushes that wait at a time.
pub const MAX_WRITES: usize = 32;
/// Most reads that wait at a time.
pub const MAX_READS: usize = 16;
/// Most clients that hear of Ctrl-C at a time.
pub const MAX_INTERRUPTS: usize = 8;
/// Longest text of one write, in bytes.
pub const MAX_WRITE_LENGTH: usize = 1 << 20;

/// Bytes copied from a client at a time.
const CHUNK: usize = 512;

/// Something to notify when Ctrl-C is typed.
pub trait Interrupt {
    /// Notifies.
    ///
    /// # Errors
    /// [`Gone`]: nobody can hear it any more; it is forgotten.
    fn notify(&self) -> Result<(), Gone>;
}

/// An output call that waits. Writes and flushes keep their order.
enum Waiting<W, F> {
    Write { call: W, taken: usize },
    Flush(F),
}

/// A console: queues and rules, without the device.
///
/// Several clients may write; their texts appear whole, in the order of the calls. Reads are answered in the order they came.
/// A reader that died is passed over and its input kept for the next, so a shell that does not read while its foreground
/// program runs never loses or steals a key.
///
/// **Ctrl-C** notifies every registered [`Interrupt`] and discards what was typed ahead. In raw mode a reader that waits gets the
/// byte 3 as well: a line editor at its prompt sees the key, and a shell that waits for its foreground program finds no stale one
/// afterwards. Without any registered, raw mode keeps the byte like every other.
pub struct Console<W, R, F, I> {
    discipline: Discipline,
    output: Output,
    outputs: VecDeque<Waiting<W, F>>,
    reads: VecDeque<R>,
    interrupts: Vec<(u64, I)>,
}

impl<W: WriteCall, R: ReadCall, F: FlushCall, I: Interrupt> Default for Console<W, R, F, I> {
    fn default() -> Self {
        Self::new()
    }
}

impl<W: WriteCall, R: ReadCall, F: FlushCall, I: Interrupt> Console<W, R, F, I> {
    /// A console in cooked mode with nothing queued. Allocates all its queues now.
    #[must_use]
    pub fn new() -> Self {
        Console {
            discipline: Discipline::new(),
            output: Output::new(),
            outputs: VecDeque::with_capacity(MAX_WRITES),
            reads: VecDeque::with_capacity(MAX_READS),
            interrupts: Vec::with_capacity(MAX_INTERRUPTS),
        }
    }

    /// Takes a write. It is answered now if everything fits, else when the device has taken enough.
    pub fn write(&mut self, call: W) {
        if call.length() > MAX_WRITE_LENGTH {
            call.answer(Err(CallRefused::TooLong));
        } else if self.outputs.len() >= MAX_WRITES {
            call.answer(Err(CallRefused::Busy));
        } else {
            self.outputs.push_back(Waiting::Write { call, taken: 0 });
            self.refill();
        }
    }

    /// Takes a flush. [`Self::drained`] answers it.
    pub fn flush(&mut self, call: F) {
        if self.outputs.len() >= MAX_WRITES {
            call.answer(Err(CallRefused::Busy));
        } else {
            self.outputs.push_back(Waiting::Flush(call));
        }
    }

    /// Takes a read. It is answered now if there is input, else when there is.
    pub fn read(&mut self, call: R) {
        self.reads.retain(ReadCall::is_alive);
        if self.reads.len() >= MAX_READS {
            call.refuse(CallRefused::Busy);
        } else if call.length() == 0 {
            // Whether the client still waits changes nothing here.
            let _ = call.deliver(&[]);
        } else {
            self.reads.push_back(call);
            self.answer_reads();
        }
    }

    /// What readers get.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.discipline.mode()
    }

    /// Changes what readers get, for all clients. It may give output: the echo of what was typed ahead.
    pub fn set_mode(&mut self, mode: Mode) {
        let output = &mut self.output;
        self.discipline.set_mode(mode, &mut |echo| output.echo(echo));
        self.answer_reads();
    }

    /// Registers what to notify on Ctrl-C for a client, in place of the one it registered before; `None` only removes that.
    ///
    /// # Errors
    /// [`CallRefused::Busy`] if too many clients are registered.
    pub fn set_interrupt(&mut self, client: u64, interrupt: Option<I>) -> Result<(), CallRefused> {
        self.interrupts.retain(|(owner, _)| *owner != client);
        let Some(interrupt) = interrupt else {
            return Ok(());
        };
        if self.interrupts.len() >= MAX_INTERRUPTS {
            return Err(CallRefused::Busy);
        }
        self.interrupts.push((client, interrupt));
        Ok(())
    }

    /// Takes bytes a person typed.
    pub fn typed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            let output = &mut self.output;
            if self.discipline.typed(byte, &mut |echo| output.echo(echo)) == Typed::Interrupt {
                self.interrupt(byte);
            }
        }
        self.answer_reads();
    }

    /// Takes bytes that answer a program's question to the terminal: input that no person typed, so neither edited nor echoed.
    pub fn reported(&mut self, bytes: &[u8]) {
        if self.mode() == Mode::Raw {
            for &byte in bytes {
                self.discipline.push_byte(byte);
            }
            self.answer_reads();
        }
    }

    /// Moves output to `buffer` for the device; returns how many bytes. 0: nothing is left.
    pub fn next_output(&mut self, buffer: &mut [u8]) -> usize {
        let count = self.output.pop(buffer);
        self.refill();
        count
    }

    /// Whether [`Self::next_output`] would give anything.
    #[must_use]
    pub fn has_output(&self) -> bool {
        !self.output.is_empty()
    }

    /// Whether a flush waits for the device to finish what it was given.
    #[must_use]
    pub fn wants_drained(&self) -> bool {
        self.output.is_empty() && matches!(self.outputs.front(), Some(Waiting::Flush(_)))
    }

    /// The device has finished all it was given: answers the flushes that waited for that.
    pub fn drained(&mut self) {
        while self.wants_drained() {
            if let Some(Waiting::Flush(call)) = self.outputs.pop_front() {
                call.answer(Ok(()));
            }
            self.refill();
        }
    }

    /// Input bytes lost so far because nobody read them.
    #[must_use]
    pub fn lost_input(&self) -> u64 {
        self.discipline.lost()
    }

    fn interrupt(&mut self, byte: u8) {
        self.interrupts.retain(|(_, interrupt)| interrupt.notify().is_ok());
        match self.mode() {
            Mode::Cooked => {
                self.discipline.discard();
                self.output.echo(b"^C\n");
            }
            Mode::Raw => {
                if self.interrupts.is_empty() {
                    self.discipline.push_byte(byte);
                    return;
                }
                self.discipline.discard();
                self.reads.retain(ReadCall::is_alive);
                if !self.reads.is_empty() {
                    self.discipline.push_byte(byte);
                }
            }
        }
    }

    /// Gives waiting input to waiting readers.
    fn answer_reads(&mut self) {
        let mut buffer = [0; READY_CAPACITY];
        while self.discipline.has_input()
            && let Some(call) = self.reads.pop_front()
        {
            let room = call.length().min(buffer.len());
            let (length, taken) = self.discipline.peek(&mut buffer[..room]);
            if call.deliver(&buffer[..length]).is_ok() {
                self.discipline.take(taken);
            }
        }
    }

    /// Moves text of waiting writes to the output queue, and answers those that are done.
    fn refill(&mut self) {
        let mut buffer = [0; CHUNK];
        while let Some(Waiting::Write { call, taken }) = self.outputs.front_mut() {
            let left = call.length().saturating_sub(*taken);
            let count = left.min(self.output.room()).min(CHUNK);
            if left > 0 && count == 0 {
                return;
            }
            let result = match call.fetch(*taken, &mut buffer[..count]) {
                Ok(()) => {
                    self.output.push(&buffer[..count]);
                    *taken += count;
                    Ok(())
                }
                Err(Gone) => Err(CallRefused::Unreadable),
            };
            if (result.is_err() || count == left)
                && let Some(Waiting::Write { call, .. }) = self.outputs.pop_front()
            {
                call.answer(result);
            }
        }
    }
}
