//! The backend of the `log` crate: records go to the log server if the program has a handle named "log", to the kernel's
//! debug UART in a root program, and nowhere otherwise.
//!
//! Logging never fails and never keeps a program from its work: a record that the log server does not take is dropped. After the
//! server's death records are dropped for [`PAUSE_NS`] before the next attempt.

use crate::Start;
use airox_api::CallError;
use airox_api::log::{Level, LogClient, MAX_TEXT};
use airox_sys::{Handle, ObjectKind, Port, TypedHandle, call, clock};
use alloc::string::String;
use core::fmt::Write;
use core::mem::ManuallyDrop;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// For so long after the log server died nothing is sent to it, in nanoseconds.
const PAUSE_NS: u64 = 100_000_000;

/// Raw handle of the log port, 0 if there is none.
static LOG: AtomicU32 = AtomicU32::new(0);
/// Raw handle of the machine authority, 0 if there is none.
static MACHINE: AtomicU32 = AtomicU32::new(0);
/// Nothing is sent before this time, in nanoseconds since boot.
static SILENT_UNTIL: AtomicU64 = AtomicU64::new(0);

struct Backend;

impl log::Log for Backend {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &log::Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let port = Handle(LOG.load(Ordering::Relaxed));
        if !port.is_none() {
            send(port, record);
        } else if MACHINE.load(Ordering::Relaxed) != 0 {
            let mut text = String::new();
            let _never_fails = writeln!(text, "[{}] {}", record.level(), record.args());
            debug_write(&text);
        }
    }

    fn flush(&self) {}
}

fn send(port: Handle, record: &log::Record<'_>) {
    if clock::nanoseconds() < SILENT_UNTIL.load(Ordering::Relaxed) {
        return;
    }
    let mut text = String::new();
    let _never_fails = write!(text, "{}", record.args());
    cut(&mut text, MAX_TEXT);
    // The handle lives as long as the program, not as this client.
    let client = ManuallyDrop::new(LogClient::new(Port::from_raw(port)));
    if let Err(CallError::ServerDied | CallError::Kernel(_)) = client.write(level_of(record.level()), &text) {
        SILENT_UNTIL.store(clock::nanoseconds().saturating_add(PAUSE_NS), Ordering::Relaxed);
    }
}

/// Shortens a text to at most so many bytes, at a character's end.
fn cut(text: &mut String, most: usize) {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
}

fn level_of(level: log::Level) -> Level {
    match level {
        log::Level::Error => Level::Error,
        log::Level::Warn => Level::Warn,
        log::Level::Info => Level::Info,
        log::Level::Debug => Level::Debug,
        log::Level::Trace => Level::Trace,
    }
}

fn filter_of(level: Level) -> log::LevelFilter {
    match level {
        Level::Off => log::LevelFilter::Off,
        Level::Error => log::LevelFilter::Error,
        Level::Warn => log::LevelFilter::Warn,
        Level::Info => log::LevelFilter::Info,
        Level::Debug => log::LevelFilter::Debug,
        Level::Trace => log::LevelFilter::Trace,
    }
}

/// Starts logging to the server whose handle the start block names "log". The handle stays with the backend and with
/// [`Start`]: a program that reads the log too takes it as any other.
pub(crate) fn start(start: &Start) {
    let granted = start.block().handle("log");
    if let Some(entry) = granted.filter(|entry| entry.kind() == Some(ObjectKind::Port)) {
        LOG.store(entry.handle, Ordering::Release);
    }
    install(filter_of(start.block().log_level));
}

/// Starts logging to the debug UART.
pub(crate) fn start_root(machine: Handle) {
    MACHINE.store(machine.0, Ordering::Release);
    install(log::LevelFilter::Info);
}

/// From now on the debug UART is written through this handle, for a root task that gives its first one up.
pub fn set_debug_output(machine: Handle) {
    MACHINE.store(machine.0, Ordering::Release);
}

fn install(level: log::LevelFilter) {
    if log::set_logger(&Backend).is_ok() {
        log::set_max_level(level);
    }
}

/// Writes to the kernel's debug UART, in a root program; elsewhere it does nothing.
pub fn debug_write(text: &str) {
    let machine = Handle(MACHINE.load(Ordering::Acquire));
    if !machine.is_none() {
        let _nowhere_to_complain = call::debug_write(machine, text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_at_a_character() {
        let mut text = String::from("aé");
        cut(&mut text, 2);
        assert_eq!(text, "a");
        cut(&mut text, 2);
        assert_eq!(text, "a");
    }

    #[test]
    fn levels_match_in_both_directions() {
        for level in log::Level::iter() {
            assert_eq!(filter_of(level_of(level)), level.to_level_filter());
        }
    }
}
