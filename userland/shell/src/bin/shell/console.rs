//! The console.

use crate::control::{Control, INTERRUPT};
use airox_api::CallError;
use airox_api::console::{ConsoleError, Mode};
use airox_shell::services::{Answer, Console};
use alloc::rc::Rc;

use crate::small::failure;

/// Most bytes written in one call.
const CHUNK: usize = 16 * 1024;
/// Width of a terminal that does not know its own.
const COLUMNS: usize = 80;
const NAME: &str = "console";
/// The key Ctrl-C, as a byte.
const CONTROL_C: u8 = 3;

pub struct ConsoleService(pub Rc<Control>);

impl Console for ConsoleService {
    fn write(&mut self, text: &str) -> Answer<()> {
        for chunk in text.as_bytes().chunks(CHUNK) {
            self.0.console.write(chunk).map_err(|error| failure(NAME, error))?;
        }
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8]) -> Answer<usize> {
        match self.0.console.read(buffer) {
            Ok(count) => Ok(count as usize),
            // Ctrl-C at the prompt: for the line editor it is a key like the others.
            Err(CallError::Service(ConsoleError::Interrupted)) => match buffer.first_mut() {
                Some(first) => {
                    *first = CONTROL_C;
                    Ok(1)
                }
                None => Ok(0),
            },
            Err(error) => Err(failure(NAME, error)),
        }
    }

    fn columns(&mut self) -> Answer<usize> {
        let size = self.0.console.size().map_err(|error| failure(NAME, error))?;
        Ok(match size.columns {
            0 => COLUMNS,
            columns => columns.into(),
        })
    }

    fn flush(&mut self) -> Answer<()> {
        self.0.console.flush().map_err(|error| failure(NAME, error))
    }

    fn reopen(&mut self) -> Answer<()> {
        self.0.console.set_mode(Mode::Raw).map_err(|error| failure(NAME, error))?;
        let signal = Some(&self.0.signal);
        self.0.console.interrupt_signal(signal, INTERRUPT).map_err(|error| failure(NAME, error))
    }
}
