//! A panic is reported to the supervisor, then the program ends.

use crate::{exit_code, logging, start};
use airox_api::supervisor::SupervisorClient;
use airox_sys::{Port, TypedHandle, call};
use core::fmt::Write;
use core::mem::ManuallyDrop;
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, Ordering};

/// Longest message that is reported, in bytes.
const MAX_MESSAGE: usize = 512;

/// Text in a fixed buffer; what does not fit is cut. A panic may come from an exhausted heap, so no allocation.
struct Text {
    bytes: [u8; MAX_MESSAGE],
    length: usize,
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let mut room = (MAX_MESSAGE - self.length).min(text.len());
        while !text.is_char_boundary(room) {
            room -= 1;
        }
        self.bytes[self.length..self.length + room].copy_from_slice(&text.as_bytes()[..room]);
        self.length += room;
        Ok(())
    }
}

impl Text {
    fn new(arguments: core::fmt::Arguments<'_>) -> Text {
        let mut text = Text { bytes: [0; MAX_MESSAGE], length: 0 };
        let _never_fails = text.write_fmt(arguments);
        text
    }

    fn as_str(&self) -> &str {
        core::str::from_utf8(&self.bytes[..self.length]).unwrap_or("?")
    }
}

/// Reports a panic and ends the program. A panic during the report ends it at once.
fn report(info: &PanicInfo<'_>) -> ! {
    static PANICKING: AtomicBool = AtomicBool::new(false);
    if PANICKING.swap(true, Ordering::AcqRel) {
        call::process_exit(exit_code::PANIC)
    }
    let message = Text::new(format_args!("{}", info.message()));
    let (file, line) = info.location().map_or(("?", 0), |location| (location.file(), location.line()));
    if let Some(supervisor) = start::supervisor() {
        // The handle belongs to the start block, not to this client.
        let client = ManuallyDrop::new(SupervisorClient::new(Port::from_raw(supervisor)));
        let _last_words = client.report_panic(message.as_str(), file, line);
    } else {
        let text = Text::new(format_args!("PANIC {file}:{line}: {}\n", message.as_str()));
        logging::debug_write(text.as_str());
    }
    call::process_exit(exit_code::PANIC)
}

#[cfg(feature = "guest")]
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    report(info)
}

#[cfg(test)]
mod tests {
    use super::{MAX_MESSAGE, Text};

    #[test]
    fn long_text_is_cut_at_a_character() {
        let text = Text::new(format_args!("{}{}", "x".repeat(MAX_MESSAGE - 1), "éé"));
        assert_eq!(text.as_str().len(), MAX_MESSAGE - 1);
        assert!(text.as_str().ends_with('x'));
    }
}
