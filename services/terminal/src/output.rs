//! Output on its way to the device.

use alloc::collections::VecDeque;

/// Bytes of output kept for the device.
const CAPACITY: usize = 4096;
/// Part of it that only echo may fill.
const ECHO_RESERVE: usize = 512;
/// Most bytes one byte of text becomes.
const WIDEST: usize = 2;

/// A bounded queue that turns each line end into CR LF, as devices want it; a CR LF written as such stays one.
pub struct Output {
    queue: VecDeque<u8>,
    last: u8,
}

impl Output {
    pub fn new() -> Output {
        Output { queue: VecDeque::with_capacity(CAPACITY), last: 0 }
    }

    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// How many bytes of text [`Self::push`] certainly takes.
    pub fn room(&self) -> usize {
        (CAPACITY - ECHO_RESERVE).saturating_sub(self.queue.len()) / WIDEST
    }

    /// Queues text of at most [`Self::room`] bytes.
    pub fn push(&mut self, text: &[u8]) {
        for &byte in text {
            self.push_byte(byte);
        }
    }

    /// Queues echo, or drops it if a person types faster than the device sends.
    pub fn echo(&mut self, text: &[u8]) {
        if self.queue.len() + text.len() * WIDEST <= CAPACITY {
            self.push(text);
        }
    }

    /// Moves queued bytes to `buffer`; returns how many.
    pub fn pop(&mut self, buffer: &mut [u8]) -> usize {
        let count = buffer.len().min(self.queue.len());
        for (slot, byte) in buffer.iter_mut().zip(self.queue.drain(..count)) {
            *slot = byte;
        }
        count
    }

    fn push_byte(&mut self, byte: u8) {
        if byte == b'\n' && self.last != b'\r' {
            self.queue.push_back(b'\r');
        }
        self.queue.push_back(byte);
        self.last = byte;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn all(output: &mut Output) -> alloc::vec::Vec<u8> {
        let mut buffer = vec![0; CAPACITY * 2];
        let count = output.pop(&mut buffer);
        buffer.truncate(count);
        buffer
    }

    #[test]
    fn line_ends_become_cr_lf_once() {
        let mut output = Output::new();
        output.push(b"a\nb\r\nc\r");
        output.push(b"\n\n");
        assert_eq!(all(&mut output), b"a\r\nb\r\nc\r\n\r\n");
    }

    #[test]
    fn echo_has_room_when_text_has_none() {
        let mut output = Output::new();
        while output.room() > 0 {
            output.push(&vec![b'\n'; output.room()]);
        }
        output.echo(b"!");
        for _ in 0..CAPACITY {
            output.echo(b"\n");
        }
        let bytes = all(&mut output);
        assert!(bytes.len() <= CAPACITY && bytes.len() > CAPACITY - 2 * WIDEST);
        assert!(bytes.contains(&b'!'));
    }
}
