//! A USB serial adapter with an FTDI part (FT232 and its kin), as a [`SerialLine`].
//!
//! The maker documents the parts and not their requests; what is used here is what its application notes tell (AN_107 for the status bytes,
//! AN_120 for speeds) and what QEMU's and other implementations agree on. All requests are of the vendor, to the device, and have no data.
//!
//! The part sends packets that begin with two bytes of status, also when there is nothing to tell.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod speed;
#[cfg(test)]
mod tests;

use airox_driver_traits::dma::DmaMemory;
use airox_driver_traits::serial::{LineErrors, SerialLine};
use airox_driver_traits::usb::{Description, EndpointKind, Setup, TransferError, UsbError, UsbFunction};
use alloc::collections::VecDeque;
use core::fmt;
use embedded_io::{ErrorKind, ErrorType};

/// Bytes of memory that an adapter needs: what comes, then what goes.
pub const MEMORY: usize = 2 * HALF;
const HALF: usize = 512;
/// Bytes that wait to be taken; when there are so many, the adapter is not asked for more.
const WAITING: usize = 4096;

/// Requests.
const RESET: u8 = 0;
const MODEM: u8 = 1;
const FLOW: u8 = 2;
const SPEED: u8 = 3;
const FORMAT: u8 = 4;
const LATENCY: u8 = 9;

/// Ready to receive, and wishing to send: both lines on, both of them meant.
const READY: u16 = 0x0303;
/// Eight bits, no parity, one stop bit.
const EIGHT: u16 = 8;
/// Milliseconds after which the part sends less than a packet.
const SOON: u16 = 4;

/// Numbers of transfers; requests begin with the last.
const RECEIVED: u32 = 1;
const SENT: u32 = 2;
const RECOVERED: u32 = 3;
const SET_UP: u32 = 4;

/// Failures in a row after which it is given up.
const MOST_FAILURES: u32 = 8;

/// Bits of the second byte of status.
mod status {
    pub const OVERRUN: u8 = 1 << 1;
    pub const PARITY: u8 = 1 << 2;
    pub const FRAMING: u8 = 1 << 3;
    pub const BREAK: u8 = 1 << 4;
}

/// Why there is no line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FtdiError {
    /// The device lacks an endpoint.
    NoEndpoint,
    /// The part cannot have this speed.
    BadSpeed(u32),
    /// It refused to be set up, or has gone.
    Usb(UsbError),
}

impl fmt::Display for FtdiError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FtdiError::NoEndpoint => formatter.write_str("the adapter has no endpoints for data"),
            FtdiError::BadSpeed(baud) => write!(formatter, "the adapter cannot have the speed of {baud} baud"),
            FtdiError::Usb(error) => error.fmt(formatter),
        }
    }
}

impl core::error::Error for FtdiError {}

/// An adapter, 8N1, without flow control.
#[derive(Debug)]
pub struct Ftdi<F, D> {
    function: F,
    memory: D,
    endpoint_in: u8,
    endpoint_out: u8,
    /// Bytes of a packet.
    packet: usize,
    waiting: VecDeque<u8>,
    errors: LineErrors,
    /// Requests of the set-up that are not over yet.
    setting_up: u32,
    /// Whether the adapter has been asked for what comes.
    asked: bool,
    sending: bool,
    /// There is room again to send.
    has_room: bool,
    failures: u32,
}

impl<F: UsbFunction, D: DmaMemory> Ftdi<F, D> {
    /// Begins to set it up for this speed.
    ///
    /// # Errors
    /// [`FtdiError`].
    pub fn start(function: F, description: &Description, memory: D, baud: u32) -> Result<Ftdi<F, D>, FtdiError> {
        let find = |is_in| {
            let mut endpoints = description.endpoints.iter();
            endpoints.find(|it| it.kind == EndpointKind::Bulk && it.is_in() == is_in).ok_or(FtdiError::NoEndpoint)
        };
        let (from, to) = (find(true)?, find(false)?);
        let (divisor, high) = speed::divisor(baud).ok_or(FtdiError::BadSpeed(baud))?;
        let mut line = Ftdi {
            function,
            memory,
            endpoint_in: from.address,
            endpoint_out: to.address,
            packet: usize::from(from.packet).clamp(3, HALF),
            waiting: VecDeque::new(),
            errors: LineErrors::default(),
            setting_up: 0,
            asked: false,
            sending: false,
            has_room: false,
            failures: 0,
        };
        let setup = [
            (RESET, 0, 0),
            (LATENCY, SOON, 0),
            (SPEED, divisor, high),
            (FORMAT, EIGHT, 0),
            (FLOW, 0, 0),
            (MODEM, READY, 0),
        ];
        for (request, value, index) in setup {
            let setup = Setup { kind: Setup::VENDOR, request, value, index, length: 0 };
            line.function.request(SET_UP + line.setting_up, setup, 0).map_err(FtdiError::Usb)?;
            line.setting_up += 1;
        }
        Ok(line)
    }

    /// Asks for what comes, if there is room for it.
    fn ask(&mut self) -> Result<(), ErrorKind> {
        if self.setting_up == 0 && !self.asked && self.waiting.len() < WAITING {
            let length = HALF / self.packet * self.packet;
            let address = self.memory.device_address();
            self.function.transfer(RECEIVED, self.endpoint_in, address, length as u32).map_err(kind)?;
            self.asked = true;
        }
        Ok(())
    }

    /// Takes what is over.
    fn advance(&mut self) -> Result<(), ErrorKind> {
        while let Some(done) = self.function.next_done().map_err(kind)? {
            match (done.id, done.result) {
                (RECEIVED, Ok(length)) => {
                    self.asked = false;
                    self.failures = 0;
                    self.take(length as usize);
                }
                (SENT, Ok(_)) => (self.sending, self.has_room) = (false, true),
                (RECEIVED, Err(TransferError::Stalled | TransferError::Failed)) => self.recover(self.endpoint_in)?,
                (SENT, Err(TransferError::Stalled | TransferError::Failed)) => self.recover(self.endpoint_out)?,
                // Whichever it was can be used again.
                (RECOVERED, Ok(_)) => (self.asked, self.sending, self.has_room) = (false, false, true),
                (SET_UP.., Ok(_)) => {
                    self.setting_up = self.setting_up.saturating_sub(1);
                    self.has_room = self.setting_up == 0;
                }
                (_, Err(TransferError::Gone)) => return Err(ErrorKind::ConnectionAborted),
                _ => return Err(ErrorKind::Other),
            }
        }
        self.ask()
    }

    fn recover(&mut self, endpoint: u8) -> Result<(), ErrorKind> {
        self.failures += 1;
        if self.failures > MOST_FAILURES {
            return Err(ErrorKind::Other);
        }
        // What comes and what goes are held until it is over.
        (self.asked, self.sending) = (true, true);
        self.function.recover(RECOVERED, endpoint).map_err(kind)
    }

    /// Packets came: each begins with its status.
    fn take(&mut self, length: usize) {
        let length = length.min(HALF);
        for start in (0..length).step_by(self.packet) {
            let end = length.min(start + self.packet);
            if start + 2 > end {
                break;
            }
            let status = self.memory.read_u8(start + 1);
            let count = |bit| u64::from(status & bit != 0);
            self.errors.overrun += count(status::OVERRUN);
            self.errors.parity += count(status::PARITY);
            self.errors.framing += count(status::FRAMING);
            self.errors.breaks += count(status::BREAK);
            for at in start + 2..end {
                self.waiting.push_back(self.memory.read_u8(at));
            }
        }
    }
}

/// In the words of any line.
fn kind(error: UsbError) -> ErrorKind {
    match error {
        UsbError::Gone => ErrorKind::ConnectionAborted,
        _ => ErrorKind::Other,
    }
}

impl<F, D> ErrorType for Ftdi<F, D> {
    type Error = ErrorKind;
}

impl<F: UsbFunction, D: DmaMemory> SerialLine for Ftdi<F, D> {
    fn is_interrupting(&mut self) -> Result<bool, ErrorKind> {
        self.advance()?;
        Ok(!self.waiting.is_empty() || core::mem::take(&mut self.has_room))
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        let count = buffer.len().min(self.waiting.len());
        for (place, byte) in buffer.iter_mut().zip(self.waiting.drain(..count)) {
            *place = byte;
        }
        self.ask()?;
        Ok(count)
    }

    fn transmit(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        if self.sending || self.setting_up > 0 || bytes.is_empty() {
            return Ok(0);
        }
        let count = bytes.len().min(HALF);
        for (index, byte) in bytes.iter().take(count).enumerate() {
            self.memory.write_u8(HALF + index, *byte);
        }
        let address = self.memory.device_address() + HALF as u64;
        self.function.transfer(SENT, self.endpoint_out, address, count as u32).map_err(kind)?;
        self.sending = true;
        Ok(count)
    }

    fn errors(&self) -> LineErrors {
        self.errors
    }
}
