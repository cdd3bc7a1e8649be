//! SPI: the traits are those of `embedded-hal`, so drivers of chips written for it work on any bus here; and a bus made of single
//! [lines](crate::gpio), for machines without a controller.

use embedded_hal::digital::{InputPin, OutputPin};

pub use embedded_hal::delay::DelayNs;
pub use embedded_hal::spi::{
    Error, ErrorKind, ErrorType, MODE_0, MODE_1, MODE_2, MODE_3, Mode, Operation, Phase, Polarity, SpiBus, SpiDevice,
};

/// Why a bus of lines failed: a line did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineFailed;

impl core::fmt::Display for LineFailed {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str("a line of the bus cannot be set or read")
    }
}

impl core::error::Error for LineFailed {}

impl Error for LineFailed {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

/// A bus made of three lines, which this program moves one by one: slow, and exact in nothing but the order.
#[derive(Debug)]
pub struct BitBang<C, O, I, D> {
    clock: C,
    out: O,
    input: I,
    delay: D,
    mode: Mode,
    /// Nanoseconds of half a clock.
    half: u32,
}

impl<C: OutputPin, O: OutputPin, I: InputPin, D: DelayNs> BitBang<C, O, I, D> {
    /// A bus of these lines at no more than `hertz`; its clock rests from now on.
    ///
    /// # Errors
    /// [`LineFailed`].
    pub fn new(clock: C, out: O, input: I, delay: D, mode: Mode, hertz: u32) -> Result<Self, LineFailed> {
        let half = 500_000_000 / hertz.max(1);
        let mut bus = BitBang { clock, out, input, delay, mode, half };
        bus.tick(false)?;
        Ok(bus)
    }

    /// Moves the clock away from where it rests, or back.
    fn tick(&mut self, away: bool) -> Result<(), LineFailed> {
        let high = away != (self.mode.polarity == Polarity::IdleHigh);
        self.clock.set_state(high.into()).map_err(|_| LineFailed)
    }

    fn bit(&mut self, out: bool) -> Result<bool, LineFailed> {
        let second = self.mode.phase == Phase::CaptureOnSecondTransition;
        // A bit is put out before the edge at which the other side looks, half a clock earlier.
        if second {
            self.tick(true)?;
        }
        self.out.set_state(out.into()).map_err(|_| LineFailed)?;
        self.delay.delay_ns(self.half);
        self.tick(!second)?;
        let input = self.input.is_high().map_err(|_| LineFailed)?;
        self.delay.delay_ns(self.half);
        if !second {
            self.tick(false)?;
        }
        Ok(input)
    }

    fn byte(&mut self, out: u8) -> Result<u8, LineFailed> {
        (0..8).rev().try_fold(0, |input, place| Ok(input << 1 | u8::from(self.bit(out >> place & 1 != 0)?)))
    }
}

impl<C, O, I, D> ErrorType for BitBang<C, O, I, D> {
    type Error = LineFailed;
}

impl<C: OutputPin, O: OutputPin, I: InputPin, D: DelayNs> SpiBus for BitBang<C, O, I, D> {
    fn read(&mut self, words: &mut [u8]) -> Result<(), LineFailed> {
        self.transfer(words, &[])
    }

    fn write(&mut self, words: &[u8]) -> Result<(), LineFailed> {
        words.iter().try_for_each(|word| self.byte(*word).map(drop))
    }

    fn transfer(&mut self, read: &mut [u8], write: &[u8]) -> Result<(), LineFailed> {
        for place in 0..read.len().max(write.len()) {
            let input = self.byte(write.get(place).copied().unwrap_or(0))?;
            if let Some(read) = read.get_mut(place) {
                *read = input;
            }
        }
        Ok(())
    }

    fn transfer_in_place(&mut self, words: &mut [u8]) -> Result<(), LineFailed> {
        words.iter_mut().try_for_each(|word| self.byte(*word).map(|input| *word = input))
    }

    fn flush(&mut self) -> Result<(), LineFailed> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::rc::Rc;
    use alloc::vec::Vec;
    use core::cell::RefCell;

    /// A shift register at the bus: it looks at one edge of the clock, and changes its own line at the other.
    struct Shift {
        mode: Mode,
        clock: bool,
        out: bool,
        input: bool,
        seen: Vec<bool>,
        /// What it has to say, bit by bit.
        says: Vec<bool>,
        broken: bool,
        waited: u64,
    }

    impl Shift {
        fn say(&mut self) {
            if !self.says.is_empty() {
                self.input = self.says.remove(0);
            }
        }

        fn clock(&mut self, high: bool) {
            if core::mem::replace(&mut self.clock, high) == high {
                return;
            }
            let first = high != (self.mode.polarity == Polarity::IdleHigh);
            if first == (self.mode.phase == Phase::CaptureOnFirstTransition) {
                self.seen.push(self.out);
            } else {
                self.say();
            }
        }
    }

    #[derive(Clone, Copy, PartialEq)]
    enum Wire {
        Clock,
        Out,
    }

    #[derive(Clone)]
    struct Pin(Rc<RefCell<Shift>>, Wire);

    #[derive(Debug)]
    struct Broken;

    impl embedded_hal::digital::Error for Broken {
        fn kind(&self) -> embedded_hal::digital::ErrorKind {
            embedded_hal::digital::ErrorKind::Other
        }
    }

    impl embedded_hal::digital::ErrorType for Pin {
        type Error = Broken;
    }

    impl OutputPin for Pin {
        fn set_low(&mut self) -> Result<(), Broken> {
            self.set_state(false.into())
        }

        fn set_high(&mut self) -> Result<(), Broken> {
            self.set_state(true.into())
        }

        fn set_state(&mut self, state: embedded_hal::digital::PinState) -> Result<(), Broken> {
            let mut shift = self.0.borrow_mut();
            if shift.broken {
                return Err(Broken);
            }
            match self.1 {
                Wire::Clock => shift.clock(state.into()),
                Wire::Out => shift.out = state.into(),
            }
            Ok(())
        }
    }

    impl InputPin for Pin {
        fn is_high(&mut self) -> Result<bool, Broken> {
            Ok(self.0.borrow().input)
        }

        fn is_low(&mut self) -> Result<bool, Broken> {
            self.is_high().map(|high| !high)
        }
    }

    impl DelayNs for Pin {
        fn delay_ns(&mut self, ns: u32) {
            self.0.borrow_mut().waited += u64::from(ns);
        }
    }

    fn bits(bytes: &[u8]) -> Vec<bool> {
        bytes.iter().flat_map(|byte| (0..8).rev().map(move |place| byte >> place & 1 != 0)).collect()
    }

    fn bus(mode: Mode, says: &[u8]) -> (Rc<RefCell<Shift>>, BitBang<Pin, Pin, Pin, Pin>) {
        let clock = mode.polarity == Polarity::IdleHigh;
        let says = bits(says);
        let shift = Shift { mode, clock, out: false, input: false, seen: Vec::new(), says, broken: false, waited: 0 };
        let shift = Rc::new(RefCell::new(shift));
        // In these modes the first bit is there before the clock moves.
        if mode.phase == Phase::CaptureOnFirstTransition {
            shift.borrow_mut().say();
        }
        let pin = |wire| Pin(Rc::clone(&shift), wire);
        let bus = BitBang::new(pin(Wire::Clock), pin(Wire::Out), pin(Wire::Out), pin(Wire::Out), mode, 100_000);
        (Rc::clone(&shift), bus.expect("whole lines"))
    }

    #[test]
    fn bytes_go_both_ways_in_every_mode() {
        for mode in [MODE_0, MODE_1, MODE_2, MODE_3] {
            let (shift, mut bus) = bus(mode, &[0x5a, 0xc3, 0x0f]);
            let mut read = [0; 2];
            assert_eq!(bus.transfer(&mut read, &[0x81, 0x7e]), Ok(()));
            assert_eq!(read, [0x5a, 0xc3], "{mode:?}");
            let mut word = [0xf0];
            assert_eq!((bus.transfer_in_place(&mut word), word), (Ok(()), [0x0f]));
            assert_eq!(shift.borrow().seen, bits(&[0x81, 0x7e, 0xf0]), "{mode:?}");
            // 24 bits at 100 kHz.
            assert_eq!(shift.borrow().waited, 240_000);
        }
    }

    #[test]
    fn lengths_may_differ_and_lines_may_fail() {
        let (shift, mut bus) = bus(MODE_0, &[1, 2, 3]);
        let mut read = [0; 1];
        assert_eq!(bus.transfer(&mut read, &[9, 9]), Ok(()));
        assert_eq!((bus.read(&mut read), read, shift.borrow().seen.len()), (Ok(()), [3], 24));
        assert_eq!((bus.write(&[7]), bus.flush()), (Ok(()), Ok(())));
        shift.borrow_mut().broken = true;
        assert_eq!(bus.write(&[7]), Err(LineFailed));
    }
}
