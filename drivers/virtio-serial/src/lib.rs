//! A virtio console (VIRTIO 1.2, section 5.3) as a [`SerialLine`]: its first port, which is there without any of the device's features.
//!
//! Bytes come in buffers of any length up to the ones that were given, and go in others. There is no speed, and nothing is damaged on the way.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

use airox_driver_traits::dma::DmaMemory;
use airox_driver_traits::queue::Broken;
use airox_driver_traits::registers::Registers;
use airox_driver_traits::serial::{LineErrors, SerialLine};
use airox_virtio::{Inbox, Outbox, SetupError, Shape, Transport};
use alloc::collections::VecDeque;
use embedded_io::ErrorType;

/// Bytes of a buffer.
const BUFFER: u32 = 512;
const RECEIVE: Shape = Shape { number: 0, count: 32, length: BUFFER };
const SEND: Shape = Shape { number: 1, count: 32, length: BUFFER };

/// A virtio console.
#[derive(Debug)]
pub struct VirtioConsole<R, D> {
    transport: Transport<R>,
    inbox: Inbox<D>,
    outbox: Outbox<D>,
    /// What came in one buffer and has not been taken yet.
    came: VecDeque<u8>,
    /// There is room again to send.
    has_room: bool,
}

impl<R: Registers, D: DmaMemory> VirtioConsole<R, D> {
    /// Sets the device up. `memory` is asked for memory of so many bytes, after the device has been reset. The device interrupts by its first interrupt.
    ///
    /// # Errors
    /// Why the device cannot be driven.
    pub fn new<E: From<SetupError>>(
        mut transport: Transport<R>,
        mut memory: impl FnMut(usize) -> Result<D, E>,
    ) -> Result<VirtioConsole<R, D>, E> {
        transport.begin(0, 0)?;
        let inbox = Inbox::new(&mut transport, RECEIVE, &mut memory)?;
        let outbox = Outbox::new(&mut transport, SEND, &mut memory)?;
        transport.go();
        Ok(VirtioConsole { transport, inbox, outbox, came: VecDeque::new(), has_room: false })
    }

    /// Takes the next buffer that came, if the one before has been taken. One that is empty is as good as none, and the next is looked at.
    fn refill(&mut self) -> Result<(), Broken> {
        for _ in 0..RECEIVE.count {
            if !self.came.is_empty() {
                break;
            }
            let Some(bytes) = self.inbox.next(&mut self.transport)? else { break };
            self.came.extend(bytes);
        }
        Ok(())
    }
}

impl<R, D> ErrorType for VirtioConsole<R, D> {
    type Error = Broken;
}

impl<R: Registers, D: DmaMemory> SerialLine for VirtioConsole<R, D> {
    fn is_interrupting(&mut self) -> Result<bool, Broken> {
        self.refill()?;
        self.has_room |= self.outbox.reclaim()? > 0;
        Ok(self.has_room || !self.came.is_empty())
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<usize, Broken> {
        let mut count = 0;
        while count < buffer.len() {
            self.refill()?;
            let more = self.came.len().min(buffer.len() - count);
            if more == 0 {
                break;
            }
            self.came.drain(..more).zip(&mut buffer[count..]).for_each(|(byte, place)| *place = byte);
            count += more;
        }
        Ok(count)
    }

    fn transmit(&mut self, bytes: &[u8]) -> Result<usize, Broken> {
        self.outbox.reclaim()?;
        self.has_room = false;
        let pieces = bytes.chunks(BUFFER as usize);
        Ok(pieces.take_while(|piece| self.outbox.send(&mut self.transport, piece).is_ok()).map(<[u8]>::len).sum())
    }

    fn errors(&self) -> LineErrors {
        LineErrors::default()
    }
}
