//! A virtio keyboard (VIRTIO 1.2, section 5.8): events of eight bytes, whose keys have the numbers that Linux gives them.
//!
//! A device of this kind can be anything that people touch: those that lack letters are not driven. Its lights stay as they are.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod codes;

pub use codes::usage;

use airox_api::input::KeyEvent;
use airox_driver_traits::dma::DmaMemory;
use airox_driver_traits::queue::Broken;
use airox_driver_traits::registers::Registers;
use airox_input_server::Repeat;
use airox_virtio::{Inbox, SetupError, Shape, Transport};
use alloc::vec::Vec;

/// Device registers (section 5.8.4): what is asked for, about what; how many bytes the answer has; the answer.
const SELECT: usize = 0;
const ABOUT: usize = 1;
const SIZE: usize = 2;
const ANSWER: usize = 8;
/// Asks which events of a type there are, as bits.
const EVENT_BITS: u8 = 0x11;
/// The type of keys.
const KEY: u16 = 1;
/// The number of the letter A: who has it is a keyboard.
const LETTER: usize = 30;
/// Values of a key's event.
const RELEASED: u32 = 0;
const PRESSED: u32 = 1;

/// Bytes of an event: type, code, value.
const EVENT: u32 = 8;
const EVENTS: Shape = Shape { number: 0, count: 64, length: EVENT };
/// Modifiers begin here: they do not repeat.
const MODIFIERS: u8 = 0xe0;

/// Whether there was more than could be taken at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "unfinished work gets no new interrupt"]
pub enum Progress {
    /// The next interrupt brings more.
    Done,
    /// Serve who waits, then go on.
    More,
}

/// A virtio keyboard.
#[derive(Debug)]
pub struct VirtioKeyboard<R, D> {
    transport: Transport<R>,
    inbox: Inbox<D>,
    /// Keys that are down, by their usage.
    down: [bool; 256],
    repeat: Repeat,
}

impl<R: Registers, D: DmaMemory> VirtioKeyboard<R, D> {
    /// Sets the device up; `None` if it is no keyboard. `memory` is asked for memory of so many bytes, after the device has been reset. The device interrupts
    /// by its first interrupt.
    ///
    /// # Errors
    /// Why the device cannot be driven.
    pub fn new<E: From<SetupError>>(
        mut transport: Transport<R>,
        mut memory: impl FnMut(usize) -> Result<D, E>,
    ) -> Result<Option<VirtioKeyboard<R, D>>, E> {
        transport.begin(0, 0)?;
        let letter = |device: &mut R| {
            device.write_u8(SELECT, EVENT_BITS);
            device.write_u8(ABOUT, KEY as u8);
            let size = usize::from(device.read_u8(SIZE));
            size > LETTER / 8 && device.read_u8(ANSWER + LETTER / 8) & 1 << (LETTER % 8) != 0
        };
        if !transport.configuration(letter).ok_or(SetupError::NoRegisters)? {
            return Ok(None);
        }
        let inbox = Inbox::new(&mut transport, EVENTS, &mut memory)?;
        transport.go();
        Ok(Some(VirtioKeyboard { transport, inbox, down: [false; 256], repeat: Repeat::default() }))
    }

    /// Takes what the device has to say; `now` is in nanoseconds since boot.
    ///
    /// # Errors
    /// [`Broken`]: the device cannot be used any more until it is reset.
    pub fn advance(&mut self, now: u64) -> Result<(Vec<KeyEvent>, Progress), Broken> {
        let mut events = Vec::new();
        let mut progress = Progress::More;
        for _ in 0..EVENTS.count {
            let Some(bytes) = self.inbox.next(&mut self.transport)? else {
                progress = Progress::Done;
                break;
            };
            events.extend(self.event(&bytes, now));
        }
        events.extend(self.repeat.passed(now));
        Ok((events, progress))
    }

    /// What an event comes to: those that are not about keys, or about ones that nobody knows, to nothing; so do keys that were as they are.
    fn event(&mut self, bytes: &[u8], now: u64) -> Option<KeyEvent> {
        let [kind, more, code, high, value @ ..] = *<&[u8; EVENT as usize]>::try_from(bytes).ok()?;
        if u16::from_le_bytes([kind, more]) != KEY {
            return None;
        }
        let pressed = match u32::from_le_bytes(value) {
            PRESSED => true,
            RELEASED => false,
            _ => return None,
        };
        let usage = usage(u16::from_le_bytes([code, high]))?;
        if core::mem::replace(&mut self.down[usize::from(usage)], pressed) == pressed {
            return None;
        }
        if !pressed {
            self.repeat.keep(|held| held != usage);
        } else if usage < MODIFIERS {
            self.repeat.pressed(usage, now);
        }
        Some(KeyEvent { usage, pressed })
    }

    /// When [`VirtioKeyboard::advance`] is to be called at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        self.repeat.deadline()
    }
}
