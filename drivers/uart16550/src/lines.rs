//! A serial port's lines for modem control as general ones: two out and four in, of each port that needs none for a modem.
//!
//! PC16550D data sheet, sections 8.6 (modem control register) and 8.7 (modem status register). A line that is high has the level of an active signal, that
//! is a positive voltage of RS-232.

use airox_driver_traits::PortIo;
use airox_driver_traits::gpio::{ErrorType, InputPin, OutputPin, StatefulOutputPin};
use alloc::rc::Rc;
use core::cell::RefCell;
use core::convert::Infallible;

/// Offset of the modem control register.
const CONTROL: u16 = 4;
/// Offset of the modem status register.
const STATUS: u16 = 6;

/// Lines out, by their bits in the modem control register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Out {
    /// Data terminal ready.
    DataTerminalReady = 1 << 0,
    /// Request to send.
    RequestToSend = 1 << 1,
}

/// Lines in, by their bits in the modem status register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum In {
    /// Clear to send.
    ClearToSend = 1 << 4,
    /// Data set ready.
    DataSetReady = 1 << 5,
    /// Ring indicator.
    RingIndicator = 1 << 6,
    /// Data carrier detect.
    DataCarrierDetect = 1 << 7,
}

/// The lines of one port. Each can be had any number of times.
#[derive(Debug)]
pub struct Lines<P> {
    ports: Rc<RefCell<P>>,
    base: u16,
}

impl<P: PortIo> Lines<P> {
    /// The lines of the port at `base`; `None` if no port can be there.
    pub fn new(ports: P, base: u16) -> Option<Lines<P>> {
        base.checked_add(STATUS)?;
        Some(Lines { ports: Rc::new(RefCell::new(ports)), base })
    }

    /// A line out.
    #[must_use]
    pub fn output(&self, line: Out) -> Output<P> {
        Output { ports: Rc::clone(&self.ports), register: self.base + CONTROL, bit: line as u8 }
    }

    /// A line in.
    #[must_use]
    pub fn input(&self, line: In) -> Input<P> {
        Input { ports: Rc::clone(&self.ports), register: self.base + STATUS, bit: line as u8 }
    }
}

/// A line out.
#[derive(Debug)]
pub struct Output<P> {
    ports: Rc<RefCell<P>>,
    register: u16,
    bit: u8,
}

/// A line in.
#[derive(Debug)]
pub struct Input<P> {
    ports: Rc<RefCell<P>>,
    register: u16,
    bit: u8,
}

impl<P> ErrorType for Output<P> {
    type Error = Infallible;
}

impl<P> ErrorType for Input<P> {
    type Error = Infallible;
}

impl<P: PortIo> Output<P> {
    fn set(&mut self, high: bool) {
        let mut ports = self.ports.borrow_mut();
        let others = ports.read_u8(self.register) & !self.bit;
        ports.write_u8(self.register, if high { others | self.bit } else { others });
    }
}

impl<P: PortIo> OutputPin for Output<P> {
    fn set_low(&mut self) -> Result<(), Infallible> {
        self.set(false);
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        self.set(true);
        Ok(())
    }
}

impl<P: PortIo> StatefulOutputPin for Output<P> {
    fn is_set_high(&mut self) -> Result<bool, Infallible> {
        Ok(self.ports.borrow_mut().read_u8(self.register) & self.bit != 0)
    }

    fn is_set_low(&mut self) -> Result<bool, Infallible> {
        self.is_set_high().map(|high| !high)
    }
}

impl<P: PortIo> InputPin for Input<P> {
    fn is_high(&mut self) -> Result<bool, Infallible> {
        Ok(self.ports.borrow_mut().read_u8(self.register) & self.bit != 0)
    }

    fn is_low(&mut self) -> Result<bool, Infallible> {
        self.is_high().map(|high| !high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use airox_driver_traits::spi::{BitBang, DelayNs, MODE_0, SpiBus};

    /// A port whose lines out lead back to its lines in, as in the chip's diagnostic mode (section 8.6).
    struct Looped(u8);

    impl PortIo for Looped {
        fn read_u8(&mut self, port: u16) -> u8 {
            match port {
                0x2fc => self.0,
                0x2fe => self.0 >> 1 << 4 & 0x10 | self.0 << 5 & 0x20,
                _ => u8::MAX,
            }
        }

        fn write_u8(&mut self, port: u16, value: u8) {
            assert_eq!(port, 0x2fc);
            self.0 = value;
        }

        fn read_u16(&mut self, _: u16) -> u16 {
            u16::MAX
        }

        fn write_u16(&mut self, _: u16, _: u16) {}
    }

    #[test]
    fn what_goes_out_comes_in_and_other_bits_stay() {
        let lines = Lines::new(Looped(0x08), 0x2f8).unwrap();
        let (mut request, mut ready) = (lines.output(Out::RequestToSend), lines.output(Out::DataTerminalReady));
        let (mut clear, mut set) = (lines.input(In::ClearToSend), lines.input(In::DataSetReady));
        for (first, second) in [(true, false), (true, true), (false, true), (false, false)] {
            let (Ok(()), Ok(())) = (request.set_state(first.into()), ready.set_state(second.into()));
            assert_eq!((request.is_set_high(), ready.is_set_low()), (Ok(first), Ok(!second)));
            assert_eq!((clear.is_high(), set.is_low()), (Ok(first), Ok(!second)));
            assert_eq!(lines.input(In::RingIndicator).is_high(), Ok(false));
            assert_eq!(lines.ports.borrow().0 & !3, 0x08, "the interrupt's gate stays open");
        }
        assert!(Lines::new(Looped(0), 0xfffe).is_none());
    }

    struct NoDelay;

    impl DelayNs for NoDelay {
        fn delay_ns(&mut self, _: u32) {}
    }

    #[test]
    fn they_make_a_bus() {
        let lines = Lines::new(Looped(0), 0x2f8).unwrap();
        let (clock, out) = (lines.output(Out::DataTerminalReady), lines.output(Out::RequestToSend));
        let mut bus = BitBang::new(clock, out, lines.input(In::ClearToSend), NoDelay, MODE_0, 10_000).unwrap();
        let mut read = [0; 3];
        assert_eq!((bus.transfer(&mut read, &[1, 0x5a, 0xff]), read), (Ok(()), [1, 0x5a, 0xff]));
    }
}
