//! The ways the `fault` program can go wrong.

use alloc::format;
use alloc::string::String;

/// A way to go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demonstration {
    /// Reads address 0.
    NullRead,
    /// Writes address 0.
    NullWrite,
    /// Calls a function that lies in data.
    ExecuteData,
    /// Writes over its own code.
    WriteCode,
    /// Calls itself until the stack is used up.
    StackOverflow,
    /// Divides by zero.
    Divide,
    /// Executes an instruction that does not exist.
    InvalidInstruction,
    /// Stops the CPU.
    Privileged,
    /// Reads an I/O port it has no authority over.
    IoPort,
    /// Reads 16 bytes from an odd address with an instruction that wants them aligned.
    UnalignedVector,
    /// Takes Ctrl-C away from the shell and then waits for ever.
    Deaf,
    /// Sets the clock, which programs may only read.
    SetClock,
    /// Panics.
    Panic,
    /// Ends with this exit code.
    Exit(i64),
}

struct Entry {
    name: &'static str,
    text: &'static str,
    demonstration: Demonstration,
}

const fn entry(name: &'static str, text: &'static str, demonstration: Demonstration) -> Entry {
    Entry { name, text, demonstration }
}

const ENTRIES: &[Entry] = &[
    entry("null-read", "read address 0", Demonstration::NullRead),
    entry("null-write", "write address 0", Demonstration::NullWrite),
    entry("exec-data", "call a function that lies in data", Demonstration::ExecuteData),
    entry("write-code", "write over its own code", Demonstration::WriteCode),
    entry("stack-overflow", "call itself until the stack is used up", Demonstration::StackOverflow),
    entry("divide", "divide by zero", Demonstration::Divide),
    entry("invalid-opcode", "execute an instruction that does not exist", Demonstration::InvalidInstruction),
    entry("privileged", "stop the CPU (hlt)", Demonstration::Privileged),
    entry("io-port", "read an I/O port without authority", Demonstration::IoPort),
    entry("unaligned-sse", "an aligned 16-byte load from an odd address", Demonstration::UnalignedVector),
    entry("deaf", "take Ctrl-C away from the shell, then hang: Ctrl-C ends it all the same", Demonstration::Deaf),
    entry("set-clock", "set the clock without authority", Demonstration::SetClock),
    entry("panic", "a Rust panic", Demonstration::Panic),
];

/// The usage, with every kind.
#[must_use]
pub fn usage() -> String {
    let mut text =
        String::from("usage: fault KIND\nGoes wrong in the chosen way; the system reports it and goes on.\n");
    for entry in ENTRIES {
        text.push_str(&format!("  {:15} {}\n", entry.name, entry.text));
    }
    text.push_str("  exit N          end with exit code N\n");
    text
}

/// The way that is asked for.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn parse(arguments: &[&str]) -> Result<Demonstration, String> {
    match arguments {
        [] => Err("the kind is missing; `fault --help` lists them".into()),
        ["exit", code] => match code.parse() {
            Ok(code) => Ok(Demonstration::Exit(code)),
            Err(_) => Err(format!("`{code}` is not an exit code")),
        },
        ["exit"] => Err("the exit code is missing".into()),
        [name] => ENTRIES
            .iter()
            .find(|entry| entry.name == *name)
            .map(|entry| entry.demonstration)
            .ok_or_else(|| format!("there is no kind `{name}`; `fault --help` lists them")),
        [_, second, ..] => Err(format!("`{second}` is one argument too many")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name() {
        for entry in ENTRIES {
            assert_eq!(parse(&[entry.name]), Ok(entry.demonstration));
            assert!(usage().contains(entry.text));
        }
        assert_eq!(parse(&["exit", "-3"]), Ok(Demonstration::Exit(-3)));
    }

    #[test]
    fn mistakes_are_named() {
        for wrong in [&[][..], &["exit"], &["exit", "x"], &["nothing"], &["divide", "now"], &["exit", "1", "2"]] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
