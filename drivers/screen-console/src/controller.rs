//! The PS/2 controller (8042): ports 0x60 and 0x64.

use airox_driver_traits::PortIo;
use core::fmt;

const DATA_PORT: u16 = 0x60;
/// Read: status. Write: command.
const COMMAND_PORT: u16 = 0x64;

/// Status: a byte waits to be read.
const OUTPUT_FULL: u8 = 1 << 0;
/// Status: the last byte written was not taken yet.
const INPUT_FULL: u8 = 1 << 1;
/// Status: the byte that waits is the mouse's.
const FROM_MOUSE: u8 = 1 << 5;
/// What a bus without a controller reads as.
const NOTHING: u8 = 0xff;

const READ_CONFIGURATION: u8 = 0x20;
const WRITE_CONFIGURATION: u8 = 0x60;
const DISABLE_MOUSE: u8 = 0xa7;
const SELF_TEST: u8 = 0xaa;
const TEST_KEYBOARD_PORT: u8 = 0xab;
const DISABLE_KEYBOARD: u8 = 0xad;
const ENABLE_KEYBOARD: u8 = 0xae;

const SELF_TEST_PASSED: u8 = 0x55;
const PORT_TEST_PASSED: u8 = 0x00;

/// Configuration: the keyboard interrupts.
const KEYBOARD_INTERRUPT: u8 = 1 << 0;
/// Configuration: the mouse interrupts.
const MOUSE_INTERRUPT: u8 = 1 << 1;
/// Configuration: the keyboard's clock is off.
const KEYBOARD_OFF: u8 = 1 << 4;
/// Configuration: scan codes are translated to set 1.
const TRANSLATE: u8 = 1 << 6;

const SET_DEFAULTS: u8 = 0xf6;
const ENABLE_SCANNING: u8 = 0xf4;
const ACKNOWLEDGE: u8 = 0xfa;
const RESEND: u8 = 0xfe;

/// Status reads before the controller counts as dead; at about 1 us each, 100 ms.
const PATIENCE: u32 = 100_000;
/// Bytes thrown away at the start: more than any controller buffers.
const STALE: u32 = 64;
/// Bytes that may come before the keyboard's answer: keys pressed just then.
const BEFORE_ANSWER: u32 = 16;
/// Times a command is sent to a keyboard that asks for it again.
const SENDS: u32 = 3;
/// Bytes taken in one interrupt; a controller that never empties is broken.
const TAKE: u32 = 64;

/// Why there is no keyboard controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControllerError {
    /// Nothing is at its ports.
    NotPresent,
    /// It took no command, or gave no answer.
    NoAnswer,
    /// Its self test, or that of its keyboard port, gave this.
    SelfTest(u8),
}

impl fmt::Display for ControllerError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ControllerError::NotPresent => formatter.write_str("this machine has no PS/2 controller"),
            ControllerError::NoAnswer => formatter.write_str("the PS/2 controller does not answer"),
            ControllerError::SelfTest(value) => {
                write!(formatter, "the PS/2 controller's self test gave {value:#04x}")
            }
        }
    }
}

impl core::error::Error for ControllerError {}

/// Whether a keyboard answered. One may still be plugged in later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyboardFound {
    /// It did.
    Yes,
    /// It did not.
    No,
}

/// The controller.
pub struct Controller<P> {
    ports: P,
}

impl<P: PortIo> Controller<P> {
    /// Takes the controller over: tests it, turns the mouse off, and the keyboard with its interrupt and translation on.
    ///
    /// # Errors
    /// [`ControllerError`]
    pub fn start(ports: P) -> Result<(Controller<P>, KeyboardFound), ControllerError> {
        let mut controller = Controller { ports };
        if controller.status() == NOTHING {
            return Err(ControllerError::NotPresent);
        }
        controller.command(DISABLE_KEYBOARD)?;
        controller.command(DISABLE_MOUSE)?;
        controller.wait_for_room()?;
        controller.discard();
        let configuration = controller.ask(READ_CONFIGURATION)?;
        let quiet = configuration & !(KEYBOARD_INTERRUPT | MOUSE_INTERRUPT) | TRANSLATE;
        controller.configure(quiet)?;
        let result = controller.ask(SELF_TEST)?;
        if result != SELF_TEST_PASSED {
            return Err(ControllerError::SelfTest(result));
        }
        // Some controllers forget their configuration in the self test.
        controller.configure(quiet)?;
        let result = controller.ask(TEST_KEYBOARD_PORT)?;
        if result != PORT_TEST_PASSED {
            return Err(ControllerError::SelfTest(result));
        }
        controller.command(ENABLE_KEYBOARD)?;
        let found = controller.start_keyboard()?;
        controller.configure(quiet & !KEYBOARD_OFF | KEYBOARD_INTERRUPT)?;
        Ok((controller, found))
    }

    /// Takes all bytes that wait; `scan_code` gets the keyboard's.
    pub fn take(&mut self, mut scan_code: impl FnMut(u8)) {
        for _ in 0..TAKE {
            let status = self.status();
            if status & OUTPUT_FULL == 0 || status == NOTHING {
                return;
            }
            let byte = self.ports.read_u8(DATA_PORT);
            if status & FROM_MOUSE == 0 {
                scan_code(byte);
            }
        }
    }

    /// Has the keyboard forget what firmware set and report keys.
    fn start_keyboard(&mut self) -> Result<KeyboardFound, ControllerError> {
        for command in [SET_DEFAULTS, ENABLE_SCANNING] {
            if !self.tell_keyboard(command)? {
                return Ok(KeyboardFound::No);
            }
        }
        Ok(KeyboardFound::Yes)
    }

    /// Sends a command to the keyboard; whether it acknowledged.
    fn tell_keyboard(&mut self, command: u8) -> Result<bool, ControllerError> {
        for _ in 0..SENDS {
            self.wait_for_room()?;
            self.ports.write_u8(DATA_PORT, command);
            let answer =
                (0..BEFORE_ANSWER).map_while(|_| self.answer().ok()).find(|byte| matches!(*byte, ACKNOWLEDGE | RESEND));
            match answer {
                Some(ACKNOWLEDGE) => return Ok(true),
                Some(_) => {}
                None => return Ok(false),
            }
        }
        Ok(false)
    }

    fn status(&mut self) -> u8 {
        self.ports.read_u8(COMMAND_PORT)
    }

    fn command(&mut self, command: u8) -> Result<(), ControllerError> {
        self.wait_for_room()?;
        self.ports.write_u8(COMMAND_PORT, command);
        Ok(())
    }

    fn ask(&mut self, command: u8) -> Result<u8, ControllerError> {
        self.command(command)?;
        self.answer()
    }

    fn configure(&mut self, configuration: u8) -> Result<(), ControllerError> {
        self.command(WRITE_CONFIGURATION)?;
        self.wait_for_room()?;
        self.ports.write_u8(DATA_PORT, configuration);
        Ok(())
    }

    fn wait_for_room(&mut self) -> Result<(), ControllerError> {
        for _ in 0..PATIENCE {
            if self.status() & INPUT_FULL == 0 {
                return Ok(());
            }
        }
        Err(ControllerError::NoAnswer)
    }

    fn answer(&mut self) -> Result<u8, ControllerError> {
        for _ in 0..PATIENCE {
            if self.status() & OUTPUT_FULL != 0 {
                return Ok(self.ports.read_u8(DATA_PORT));
            }
        }
        Err(ControllerError::NoAnswer)
    }

    fn discard(&mut self) {
        for _ in 0..STALE {
            if self.status() & OUTPUT_FULL == 0 {
                return;
            }
            self.ports.read_u8(DATA_PORT);
        }
    }
}
