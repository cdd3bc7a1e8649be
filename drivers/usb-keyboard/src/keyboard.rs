//! The device: set up, then asked for reports, one after the other.

use airox_api::input::KeyEvent;
use airox_driver_traits::dma::DmaMemory;
use airox_driver_traits::usb::{Description, EndpointKind, Setup, TransferError, UsbError, UsbFunction};
use alloc::vec::Vec;

use crate::report::{Keys, REPORT};

/// Bytes of memory that a keyboard needs.
pub const MEMORY: usize = 64;

/// Class requests (section 7.2).
const SET_IDLE: u8 = 0x0a;
const SET_PROTOCOL: u8 = 0x0b;
/// The protocol of [`crate::REPORT`].
const BOOT: u16 = 0;

/// Numbers of transfers.
const PROTOCOL: u32 = 1;
const IDLE: u32 = 2;
const NEXT: u32 = 3;
const RECOVERED: u32 = 4;

/// Failures in a row after which it is given up.
const MOST_FAILURES: u32 = 8;

/// It cannot be used any more, or has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

impl core::fmt::Display for Broken {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str("the keyboard cannot be used any more")
    }
}

impl core::error::Error for Broken {}

impl From<UsbError> for Broken {
    fn from(_: UsbError) -> Broken {
        Broken
    }
}

/// A keyboard.
#[derive(Debug)]
pub struct Keyboard<F, D> {
    function: F,
    memory: D,
    endpoint: u8,
    keys: Keys,
    failures: u32,
}

impl<F: UsbFunction, D: DmaMemory> Keyboard<F, D> {
    /// Begins to set it up.
    ///
    /// # Errors
    /// [`Broken`]: it has no endpoint for reports, or has gone.
    pub fn start(mut function: F, description: &Description, memory: D) -> Result<Keyboard<F, D>, Broken> {
        let mut endpoints = description.endpoints.iter();
        let endpoint = endpoints.find(|it| it.kind == EndpointKind::Interrupt && it.is_in()).ok_or(Broken)?.address;
        let interface = description.address.interface;
        let kind = Setup::CLASS | Setup::INTERFACE;
        let ask = |request, value| Setup { kind, request, value, index: interface.into(), length: 0 };
        function.request(PROTOCOL, ask(SET_PROTOCOL, BOOT), 0)?;
        // Reports only when something changes.
        function.request(IDLE, ask(SET_IDLE, 0), 0)?;
        Ok(Keyboard { function, memory, endpoint, keys: Keys::default(), failures: 0 })
    }

    /// Takes what the device has to say; `now` is in nanoseconds since boot.
    ///
    /// # Errors
    /// [`Broken`].
    pub fn advance(&mut self, now: u64) -> Result<Vec<KeyEvent>, Broken> {
        let mut events = Vec::new();
        while let Some(done) = self.function.next_done()? {
            match (done.id, done.result) {
                // Most keyboards have but one protocol, and some refuse to be told which.
                (PROTOCOL, Ok(_) | Err(TransferError::Stalled)) => {}
                (IDLE, Ok(_) | Err(TransferError::Stalled)) | (RECOVERED, Ok(_)) => self.ask()?,
                (NEXT, Ok(length)) => {
                    self.failures = 0;
                    if length as usize == REPORT {
                        let report = self.memory.read_u64(0).to_le_bytes();
                        events.extend(self.keys.report(&report, now));
                    }
                    self.ask()?;
                }
                (NEXT, Err(TransferError::Stalled | TransferError::Failed)) if self.failures < MOST_FAILURES => {
                    self.failures += 1;
                    self.function.recover(RECOVERED, self.endpoint)?;
                }
                _ => return Err(Broken),
            }
        }
        events.extend(self.keys.passed(now));
        Ok(events)
    }

    /// Asks for the next report.
    fn ask(&mut self) -> Result<(), Broken> {
        Ok(self.function.transfer(NEXT, self.endpoint, self.memory.device_address(), REPORT as u32)?)
    }

    /// When [`Keyboard::advance`] is to be called at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        self.keys.deadline()
    }
}
