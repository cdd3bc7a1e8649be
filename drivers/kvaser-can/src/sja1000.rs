//! The SJA1000: setting it up, frames out and in, and how it is at its bus.

use crate::registers::{
    ACCEPTANCE_MASK, BUS_TIMING_0, BUS_TIMING_1, CLOCK_DIVIDER, COMMAND, COMPARATOR_BYPASSED, FRAME, INTERRUPT,
    INTERRUPT_ENABLE, MODE, OUTPUT_CONTROL, PELICAN, PUSH_PULL, RECEIVE_ERRORS, STATUS, TRANSMIT_ERRORS, command,
    information, interrupt, mode, status,
};
use airox_driver_traits::can::{
    BitTiming, CanController, CanFault, CanFrame, CanState, ErrorCounters, ExtendedId, Frame, Id, MAX_DATA, StandardId,
    TimingLimits, can_nb, nb,
};
use airox_driver_traits::registers::Registers;
use core::fmt;

/// What the chip's two timing registers can hold (section 6.5), with half of the usual crystal of 16 MHz, by which it counts.
const LIMITS: TimingLimits = TimingLimits { clock: 8_000_000, divisor: 64, before: 16, behind: 8, jump: 4 };
/// Looks at the mode register until the chip has taken over what was written: it does within a few clocks.
const LOOKS: u32 = 1_000;
/// A chip that is not there, or gone, reads so.
const NOTHING: u8 = 0xff;
/// The error counter's value from which on a node is error passive.
const PASSIVE: u16 = 128;

/// Why a chip cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartError {
    /// There is none.
    NotPresent,
    /// It cannot make bits of this length.
    Rate(u32),
    /// It does not begin to operate.
    Stuck,
}

impl fmt::Display for StartError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::NotPresent => formatter.write_str("no CAN controller answers"),
            StartError::Rate(rate) => write!(formatter, "the controller cannot do {rate} bit/s"),
            StartError::Stuck => formatter.write_str("the CAN controller does not leave its reset"),
        }
    }
}

impl core::error::Error for StartError {}

/// A chip in operation.
#[derive(Debug)]
pub struct Sja1000<R> {
    registers: R,
    /// Whether a frame is on its way.
    sending: bool,
    /// Whether frames were lost since the last that was read.
    lost: bool,
}

impl<R: Registers> Sja1000<R> {
    /// Resets the chip and lets it take part in the bus, whatever was on before.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn start(mut registers: R, rate: u32) -> Result<Sja1000<R>, StartError> {
        let timing = BitTiming::find(rate, &LIMITS).ok_or(StartError::Rate(rate))?;
        registers.write_u8(MODE, mode::RESET);
        if !until(&mut registers, |mode| mode & mode::RESET != 0) || registers.read_u8(MODE) == NOTHING {
            return Err(StartError::NotPresent);
        }
        registers.write_u8(CLOCK_DIVIDER, PELICAN | COMPARATOR_BYPASSED);
        registers.write_u8(INTERRUPT_ENABLE, 0);
        for byte in 0..4 {
            registers.write_u8(FRAME + byte, 0);
            registers.write_u8(ACCEPTANCE_MASK + byte, u8::MAX);
        }
        let (divisor, jump) = (timing.divisor - 1, timing.jump - 1);
        registers.write_u8(BUS_TIMING_0, (jump << 6 | divisor) as u8);
        registers.write_u8(BUS_TIMING_1, ((timing.behind - 1) << 4 | (timing.before - 1)) as u8);
        registers.write_u8(OUTPUT_CONTROL, PUSH_PULL);
        registers.write_u8(RECEIVE_ERRORS, 0);
        registers.write_u8(TRANSMIT_ERRORS, 0);
        // What interrupted before is nobody's.
        registers.read_u8(INTERRUPT);
        registers.write_u8(INTERRUPT_ENABLE, interrupt::WANTED);
        registers.write_u8(MODE, mode::OPERATION);
        if !until(&mut registers, |mode| mode & mode::RESET == 0) {
            return Err(StartError::Stuck);
        }
        Ok(Sja1000 { registers, sending: false, lost: false })
    }

    /// Its status, unless it is gone.
    fn status(&mut self) -> Result<u8, CanFault> {
        match self.registers.read_u8(STATUS) {
            NOTHING => Err(CanFault::Impossible),
            status => Ok(status),
        }
    }

    /// The frame was sent, or will not be: what became of it, if there was one.
    fn end(&mut self, result: Result<(), CanFault>) -> Option<Result<(), CanFault>> {
        core::mem::take(&mut self.sending).then_some(result)
    }

    fn read_frame(&mut self) -> CanFrame {
        let first = self.registers.read_u8(FRAME);
        let mut bytes = [0; 4 + MAX_DATA];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = self.registers.read_u8(FRAME + 1 + index);
        }
        let number = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        // Both are as long as their masks, so neither is ever the other choice.
        let (id, data) = match first & information::EXTENDED {
            0 => (StandardId::new((number >> 21) as u16).map(Id::Standard), 2),
            _ => (ExtendedId::new(number >> 3).map(Id::Extended), 4),
        };
        let id = id.unwrap_or(Id::Standard(StandardId::ZERO));
        let length = usize::from(first & information::LENGTH).min(MAX_DATA);
        let frame = match first & information::REMOTE {
            0 => CanFrame::new(id, &bytes[data..data + length]),
            _ => CanFrame::new_remote(id, length),
        };
        self.registers.write_u8(COMMAND, command::RELEASE);
        frame.unwrap_or_else(|| unreachable!("at most {MAX_DATA} bytes"))
    }

    fn write_frame(&mut self, frame: &CanFrame) {
        let remote = if frame.is_remote_frame() { information::REMOTE } else { 0 };
        let (extended, number, identifier) = match frame.id() {
            Id::Standard(id) => (0, u32::from(id.as_raw()) << 21, 2),
            Id::Extended(id) => (information::EXTENDED, id.as_raw() << 3, 4),
        };
        self.registers.write_u8(FRAME, extended | remote | frame.dlc() as u8);
        let identifier = &number.to_be_bytes()[..identifier];
        for (index, byte) in identifier.iter().chain(frame.data()).enumerate() {
            self.registers.write_u8(FRAME + 1 + index, *byte);
        }
    }
}

/// Looks at the mode until it is as wanted, a bounded number of times.
fn until(registers: &mut impl Registers, wanted: impl Fn(u8) -> bool) -> bool {
    (0..LOOKS).any(|_| wanted(registers.read_u8(MODE)))
}

impl<R: Registers> can_nb::Can for Sja1000<R> {
    type Frame = CanFrame;
    type Error = CanFault;

    fn transmit(&mut self, frame: &CanFrame) -> nb::Result<Option<CanFrame>, CanFault> {
        let status = self.status().map_err(nb::Error::Other)?;
        if status & status::BUS_OFF != 0 {
            return Err(nb::Error::Other(CanFault::BusOff));
        }
        if self.sending || status & status::TRANSMIT_FREE == 0 {
            return Err(nb::Error::WouldBlock);
        }
        self.write_frame(frame);
        self.registers.write_u8(COMMAND, command::TRANSMIT);
        self.sending = true;
        Ok(None)
    }

    fn receive(&mut self) -> nb::Result<CanFrame, CanFault> {
        if core::mem::take(&mut self.lost) {
            return Err(nb::Error::Other(CanFault::Overrun));
        }
        match self.status() {
            Ok(status) if status & status::RECEIVED != 0 => Ok(self.read_frame()),
            _ => Err(nb::Error::WouldBlock),
        }
    }
}

impl<R: Registers> CanController for Sja1000<R> {
    fn model(&self) -> &'static str {
        "SJA1000"
    }

    fn service(&mut self) -> Option<Result<(), CanFault>> {
        let reasons = self.registers.read_u8(INTERRUPT);
        let status = match self.status() {
            Ok(status) => status,
            Err(gone) => return self.end(Err(gone)),
        };
        if (reasons & interrupt::OVERRUN) | (status & status::OVERRUN) != 0 {
            self.lost = true;
            self.registers.write_u8(COMMAND, command::CLEAR_OVERRUN);
        }
        if status & status::BUS_OFF != 0 {
            return self.end(Err(CanFault::BusOff));
        }
        match (status & status::TRANSMIT_FREE, status & status::TRANSMITTED) {
            (0, _) => None,
            (_, 0) => self.end(Err(CanFault::GivenUp)),
            _ => self.end(Ok(())),
        }
    }

    fn give_up(&mut self) {
        self.registers.write_u8(COMMAND, command::ABORT);
    }

    fn state(&mut self) -> CanState {
        let counters = self.counters();
        match self.status() {
            Err(_) => CanState::BusOff,
            Ok(status) if status & status::BUS_OFF != 0 => CanState::BusOff,
            Ok(_) if counters.transmit.max(counters.receive) >= PASSIVE => CanState::Passive,
            Ok(status) if status & status::ERRORS != 0 => CanState::Warning,
            Ok(_) => CanState::Active,
        }
    }

    fn counters(&mut self) -> ErrorCounters {
        ErrorCounters {
            transmit: self.registers.read_u8(TRANSMIT_ERRORS).into(),
            receive: self.registers.read_u8(RECEIVE_ERRORS).into(),
        }
    }

    fn recover(&mut self) {
        // Bus-off has put the chip into reset mode; once it is out of that, it counts 128 times 11 recessive bits (section 6.4.5, note 1).
        self.registers.write_u8(MODE, mode::OPERATION);
    }
}
