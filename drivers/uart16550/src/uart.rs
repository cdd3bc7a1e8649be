//! The device: registers, FIFOs, interrupts.

use crate::backend::{PortBackend, device};
use airox_driver_traits::PortIo;
use airox_driver_traits::serial::{LineErrors, SerialLine};
use core::convert::Infallible;
use core::fmt;
use embedded_io::ErrorType;
use uart_16550::spec::registers::{FifoTriggerLevel, IER, LSR};
use uart_16550::{BaudRate, Config, InitError, Uart16550};

/// Bytes the transmit FIFO takes when it is empty.
pub const FIFO: usize = uart_16550::spec::FIFO_SIZE;

/// Most register reads while the last characters leave the shift register. One character takes 87 us at 115200 baud, a
/// register read about 1 us: this is past 20 characters.
const DRAIN_READS: u32 = 2_000;

/// Why there is no usable UART.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UartError {
    /// Its registers do not fit between this port and the last.
    BadPort(u16),
    /// Nothing answers at this port.
    NotPresent(u16),
    /// 115200 is no multiple of this speed, or it is 0 or too slow.
    BadSpeed(u32),
}

impl fmt::Display for UartError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UartError::BadPort(port) => write!(formatter, "no UART can be at port {port:#x}"),
            UartError::NotPresent(port) => write!(formatter, "no UART answers at port {port:#x}"),
            UartError::BadSpeed(baud) => write!(formatter, "a UART cannot have the speed of {baud} baud"),
        }
    }
}

impl core::error::Error for UartError {}

/// A 16550, 8N1, FIFOs on.
pub struct Uart<P: PortIo> {
    device: Uart16550<PortBackend<P>>,
    errors: LineErrors,
    /// The transmit interrupt is on: something is on its way.
    transmitting: bool,
}

impl<P: PortIo> Uart<P> {
    /// Takes the device over and sets its speed. Bytes that arrived before are put in `early`; returns how many.
    ///
    /// # Errors
    /// [`UartError`] if there is no device, or none of this speed.
    pub fn start(ports: P, base: u16, baud: u32, early: &mut [u8; FIFO]) -> Result<(Uart<P>, usize), UartError> {
        if baud == 0 {
            return Err(UartError::BadSpeed(baud));
        }
        let mut device = device(ports, base).ok_or(UartError::BadPort(base))?;
        if !device.check_present() {
            return Err(UartError::NotPresent(base));
        }
        let received = device.receive_bytes(early);
        let config = Config {
            interrupts: IER::DATA_READY | IER::RECEIVER_LINE_STATUS,
            fifo_trigger_level: Some(FifoTriggerLevel::Eight),
            baud_rate: BaudRate::from_integer(baud),
            ..Config::DEFAULT
        };
        device.init(config).map_err(|error| match error {
            InitError::InvalidBaudRate(_) => UartError::BadSpeed(baud),
            _ => UartError::NotPresent(base),
        })?;
        let uart = Uart { device, errors: LineErrors::default(), transmitting: false };
        Ok((uart, received))
    }

    /// Whether the device asks for service. Must be read until it says no: the line is edge-triggered, and stays high
    /// while anything is pending.
    pub fn is_interrupting(&mut self) -> bool {
        self.device.isr().has_pending_interrupt()
    }

    /// Moves received bytes to `buffer`; returns how many. Counts what went wrong with them.
    pub fn receive(&mut self, buffer: &mut [u8]) -> usize {
        let count = self.device.receive_bytes(buffer);
        self.status();
        count
    }

    /// Sends what fits now; returns how many bytes. After any, an interrupt tells when there is room again.
    pub fn transmit(&mut self, bytes: &[u8]) -> usize {
        let count = self.device.send_bytes(bytes);
        if count > 0 && !self.transmitting {
            self.transmitting = true;
            self.device.enable_interrupts(IER::THR_EMPTY);
        }
        count
    }

    /// Nothing is left to send: returns whether the FIFO is empty too, and then ends the transmit interrupts.
    pub fn is_idle(&mut self) -> bool {
        if self.transmitting && self.device.ready_to_send().is_ok() {
            self.transmitting = false;
            self.device.disable_interrupts(IER::THR_EMPTY);
        }
        !self.transmitting
    }

    /// Waits, a bounded time, until the last character has left the shift register.
    pub fn drain(&mut self) {
        for _ in 0..DRAIN_READS {
            if self.status().contains(LSR::TRANSMITTER_EMPTY) {
                return;
            }
        }
    }

    /// What went wrong on the line so far.
    pub fn errors(&self) -> LineErrors {
        self.errors
    }

    /// Reads the line status, which clears its errors; counts them.
    fn status(&mut self) -> LSR {
        let status = self.device.lsr();
        self.errors.overrun += u64::from(status.contains(LSR::OVERRUN_ERROR));
        self.errors.parity += u64::from(status.contains(LSR::PARITY_ERROR));
        self.errors.framing += u64::from(status.contains(LSR::FRAMING_ERROR));
        self.errors.breaks += u64::from(status.contains(LSR::BREAK_INTERRUPT));
        status
    }
}

impl<P: PortIo> ErrorType for Uart<P> {
    /// Ports cannot fail: one without a device reads as all ones.
    type Error = Infallible;
}

impl<P: PortIo> SerialLine for Uart<P> {
    fn is_interrupting(&mut self) -> Result<bool, Infallible> {
        Ok(Uart::is_interrupting(self))
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        Ok(Uart::receive(self, buffer))
    }

    fn transmit(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        if bytes.is_empty() {
            self.is_idle();
        }
        Ok(Uart::transmit(self, bytes))
    }

    fn errors(&self) -> LineErrors {
        Uart::errors(self)
    }
}

/// The number of an I/O port as an argument gives it: decimal, or hexadecimal after `0x`.
#[must_use]
pub fn port_number(text: &str) -> Option<u16> {
    match text.strip_prefix("0x") {
        Some(digits) => u16::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}
