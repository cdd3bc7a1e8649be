//! A CTU CAN FD core: setting it up, frames out and in, and how it is at its bus.

use crate::registers::{
    BIT_TIMING, COMMAND, DEVICE, DEVICE_ID, ERROR_COUNTERS, FAULT_STATE, INTERRUPT_ENABLE_CLEAR, INTERRUPT_ENABLE_SET,
    INTERRUPT_MASK_CLEAR, INTERRUPT_STATUS, MODE, RECEIVE_DATA, RECEIVE_STATUS, STATUS, TRANSMIT_BUFFER,
    TRANSMIT_COMMAND, TRANSMIT_PRIORITY, TRANSMIT_STATUS, buffer, command, fault, form, interrupt, mode, status,
    transmit,
};
use airox_driver_traits::can::{
    BitTiming, CanController, CanFault, CanFrame, CanState, ErrorCounters, ExtendedId, Frame, Id, MAX_DATA, StandardId,
    TimingLimits, can_nb, nb,
};
use airox_driver_traits::registers::Registers;
use core::fmt;

/// What the timing register can hold; the part before the sample point is made of two halves of up to 63 quanta. The clock is that of the PCI boards.
const LIMITS: TimingLimits = TimingLimits { clock: 100_000_000, divisor: 255, before: 126, behind: 63, jump: 31 };
/// Words of a frame besides its data: form, identifier, two of a time stamp.
const HEAD_WORDS: u32 = 4;
/// Words of the data of a frame in the classic format, at most.
const DATA_WORDS: usize = MAX_DATA / 4;
/// Most words behind the first: a frame of CAN FD with 64 bytes.
const MAX_WORDS: u32 = 19;
/// What a core that is gone reads as.
const NOTHING: u32 = u32::MAX;

/// The core cannot make bits of this length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadRate(pub u32);

impl fmt::Display for BadRate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the controller cannot do {} bit/s", self.0)
    }
}

impl core::error::Error for BadRate {}

/// A core in operation.
#[derive(Debug)]
pub struct CtuCan<R> {
    registers: R,
    /// Whether a frame is on its way.
    sending: bool,
    /// Whether frames were lost since the last that was read.
    lost: bool,
}

impl<R: Registers> CtuCan<R> {
    /// Resets the core and lets it take part in the bus, whatever was on before; `None` if there is no core.
    ///
    /// # Errors
    /// [`BadRate`].
    pub fn start(mut registers: R, rate: u32) -> Result<Option<CtuCan<R>>, BadRate> {
        let timing = BitTiming::find(rate, &LIMITS).ok_or(BadRate(rate))?;
        if registers.read_u32(DEVICE_ID) & 0xffff != DEVICE {
            return Ok(None);
        }
        registers.write_u32(MODE, mode::RESET);
        let (after, before) = (timing.before / 2, timing.before - timing.before / 2);
        let bits = timing.jump << 27 | timing.divisor << 19 | timing.behind << 13 | after << 7 | before;
        registers.write_u32(BIT_TIMING, bits);
        registers.write_u32(INTERRUPT_ENABLE_CLEAR, interrupt::ALL);
        registers.write_u32(INTERRUPT_MASK_CLEAR, interrupt::ALL);
        registers.write_u32(INTERRUPT_STATUS, interrupt::ALL);
        // A buffer of priority 0 may never have its turn.
        registers.write_u32(TRANSMIT_PRIORITY, 1);
        registers.write_u32(INTERRUPT_ENABLE_SET, interrupt::WANTED);
        let reset = registers.read_u32(MODE) & !mode::RESET;
        registers.write_u32(MODE, reset & !mode::FLEXIBLE_DATA_RATE | mode::ENABLED);
        Ok(Some(CtuCan { registers, sending: false, lost: false }))
    }

    /// The frame was sent, or will not be: what became of it, if there was one.
    fn end(&mut self, result: Result<(), CanFault>) -> Option<Result<(), CanFault>> {
        core::mem::take(&mut self.sending).then_some(result)
    }

    /// State of the first transmit buffer.
    fn buffer(&mut self) -> u32 {
        self.registers.read_u32(TRANSMIT_STATUS) & 0xf
    }

    /// Frames that wait to be read.
    fn received(&mut self) -> u32 {
        match self.registers.read_u32(RECEIVE_STATUS) {
            NOTHING => 0,
            status => status >> 4 & 0x7ff,
        }
    }

    /// Reads the oldest frame.
    fn read_frame(&mut self) -> Result<CanFrame, CanFault> {
        let first = self.registers.read_u32(RECEIVE_DATA);
        let behind = first >> 11 & 0x1f;
        if !(HEAD_WORDS - 1..=MAX_WORDS).contains(&behind) {
            // Where the next frame begins nobody knows.
            self.registers.write_u32(COMMAND, command::RELEASE_ALL);
            return Err(CanFault::Impossible);
        }
        let identifier = self.registers.read_u32(RECEIVE_DATA);
        let mut data = [0; MAX_DATA];
        for word in 2..=behind {
            let value = self.registers.read_u32(RECEIVE_DATA);
            let place = word.checked_sub(HEAD_WORDS).and_then(|index| data.chunks_exact_mut(4).nth(index as usize));
            if let Some(place) = place {
                place.copy_from_slice(&value.to_le_bytes());
            }
        }
        let id = match first & form::EXTENDED {
            0 => StandardId::new((identifier >> 18 & 0x7ff) as u16).map(Id::Standard),
            _ => ExtendedId::new(identifier & 0x1fff_ffff).map(Id::Extended),
        };
        let length = ((first & form::LENGTH) as usize).min(MAX_DATA);
        let id = id.filter(|_| first & form::FLEXIBLE_DATA_RATE == 0).ok_or(CanFault::Impossible)?;
        let frame = match first & form::REMOTE {
            0 if behind + 1 >= HEAD_WORDS + length.div_ceil(4) as u32 => CanFrame::new(id, &data[..length]),
            0 => None,
            _ => CanFrame::new_remote(id, length),
        };
        frame.ok_or(CanFault::Impossible)
    }

    fn write_frame(&mut self, frame: &CanFrame) {
        let remote = if frame.is_remote_frame() { form::REMOTE } else { 0 };
        let (extended, identifier) = match frame.id() {
            Id::Standard(id) => (0, u32::from(id.as_raw()) << 18),
            Id::Extended(id) => (form::EXTENDED, id.as_raw()),
        };
        let mut data = [0; MAX_DATA];
        data[..frame.data().len()].copy_from_slice(frame.data());
        let mut words = [0; HEAD_WORDS as usize + DATA_WORDS];
        words[0] = extended | remote | frame.dlc() as u32;
        words[1] = identifier;
        for (word, bytes) in words[HEAD_WORDS as usize..].iter_mut().zip(data.chunks_exact(4)) {
            *word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
        for (index, word) in words.into_iter().enumerate() {
            self.registers.write_u32(TRANSMIT_BUFFER + 4 * index, word);
        }
    }
}

impl<R: Registers> can_nb::Can for CtuCan<R> {
    type Frame = CanFrame;
    type Error = CanFault;

    fn transmit(&mut self, frame: &CanFrame) -> nb::Result<Option<CanFrame>, CanFault> {
        if self.state() == CanState::BusOff {
            return Err(nb::Error::Other(CanFault::BusOff));
        }
        match self.buffer() {
            _ if self.sending => return Err(nb::Error::WouldBlock),
            buffer::EMPTY | buffer::SENT | buffer::FAILED | buffer::ABORTED => {}
            buffer::READY | buffer::SENDING | buffer::ABORTING => return Err(nb::Error::WouldBlock),
            _ => return Err(nb::Error::Other(CanFault::Impossible)),
        }
        self.write_frame(frame);
        self.registers.write_u32(TRANSMIT_COMMAND, transmit::READY | transmit::FIRST);
        self.sending = true;
        Ok(None)
    }

    fn receive(&mut self) -> nb::Result<CanFrame, CanFault> {
        if core::mem::take(&mut self.lost) {
            return Err(nb::Error::Other(CanFault::Overrun));
        }
        if self.received() == 0 {
            // A frame that comes just now sets it again.
            self.registers.write_u32(INTERRUPT_STATUS, interrupt::RECEIVED);
            if self.received() == 0 {
                return Err(nb::Error::WouldBlock);
            }
        }
        self.read_frame().map_err(nb::Error::Other)
    }
}

impl<R: Registers> CanController for CtuCan<R> {
    fn model(&self) -> &'static str {
        "CTU CAN FD"
    }

    fn service(&mut self) -> Option<Result<(), CanFault>> {
        let happened = self.registers.read_u32(INTERRUPT_STATUS);
        if happened == NOTHING {
            return self.end(Err(CanFault::Impossible));
        }
        self.registers.write_u32(INTERRUPT_STATUS, happened & !interrupt::RECEIVED);
        if happened & interrupt::OVERRUN != 0 || self.registers.read_u32(STATUS) & status::OVERRUN != 0 {
            self.lost = true;
            self.registers.write_u32(COMMAND, command::CLEAR_OVERRUN);
            self.registers.write_u32(INTERRUPT_STATUS, interrupt::OVERRUN);
        }
        if self.state() == CanState::BusOff {
            return self.end(Err(CanFault::BusOff));
        }
        match self.buffer() {
            buffer::READY | buffer::SENDING | buffer::ABORTING => None,
            buffer::SENT => self.end(Ok(())),
            buffer::FAILED | buffer::ABORTED => self.end(Err(CanFault::GivenUp)),
            _ => self.end(Err(CanFault::Impossible)),
        }
    }

    fn give_up(&mut self) {
        self.registers.write_u32(TRANSMIT_COMMAND, transmit::ABORT | transmit::FIRST);
    }

    fn state(&mut self) -> CanState {
        // A core that is gone reads as bus-off.
        let faults = self.registers.read_u32(FAULT_STATE);
        match faults & (fault::BUS_OFF | fault::PASSIVE) {
            0 if self.registers.read_u32(STATUS) & status::WARNING != 0 => CanState::Warning,
            0 => CanState::Active,
            fault::PASSIVE => CanState::Passive,
            _ => CanState::BusOff,
        }
    }

    fn counters(&mut self) -> ErrorCounters {
        let both = self.registers.read_u32(ERROR_COUNTERS);
        ErrorCounters { transmit: (both >> 16 & 0x1ff) as u16, receive: (both & 0x1ff) as u16 }
    }

    fn recover(&mut self) {
        self.registers.write_u32(COMMAND, command::RESET_ERRORS);
    }
}
