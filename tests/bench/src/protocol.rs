//! What the root program and its children agree on.

/// The child program's name in the bundle.
pub const CHILD_PROGRAM: &str = "bench-child";
/// Handle names of a child.
pub const PORT: &str = "bench-port";
/// A signal the child waits on.
pub const SIGNAL: &str = "bench-signal";
/// Memory both sides see.
pub const SHARED: &str = "bench-shared";

/// The I/O ports and the interrupt line of the serial port that makes interrupts.
pub const PORTS: &str = "bench-ports";
/// See [`PORTS`].
pub const IRQ: &str = "bench-irq";
/// The second serial port of a PC: first I/O port, how many, interrupt line. The kernel prints on the first one.
pub const SERIAL: (u16, u16, u64) = (0x2f8, 8, 3);

/// Words of a message, and of the longer message's buffer.
pub const WORDS: usize = 8;
/// Rounds a row is warmed up with, unless it says otherwise.
pub const WARM_UP: usize = 10_000;
/// Rounds measured, unless a row says otherwise.
pub const ROUNDS: usize = 10_000;
/// Byte offset of the first sample that a child leaves in the shared memory.
pub const SAMPLES_OFFSET: usize = 4096;
/// Byte offset of the number of rounds that a child shall do.
pub const ROUNDS_OFFSET: usize = 8;
/// Pages of the shared memory: a page for words, then the samples.
pub const SHARED_PAGES: u64 = 1 + (ROUNDS as u64 * 8).div_ceil(4096);

/// What a child does; its first argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Answers calls at once with the words it got.
    Echo,
    /// The same by way of a buffer in memory.
    EchoBuffer,
    /// Waits on its signal and writes the counter to the shared memory each time.
    Waiter,
    /// Faults again and again, and leaves its samples in the shared memory.
    Faulter,
    /// Calls its port for ever.
    Caller,
    /// Makes, maps, touches and unmaps memory for ever.
    Churner,
    /// Sends bytes to itself over a serial port, each with an interrupt.
    Serial,
    /// Ends at once.
    Exit,
}

impl Role {
    /// All roles.
    pub const ALL: [Role; 8] = [
        Role::Echo,
        Role::EchoBuffer,
        Role::Waiter,
        Role::Faulter,
        Role::Caller,
        Role::Churner,
        Role::Serial,
        Role::Exit,
    ];

    /// Its name as an argument.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Role::Echo => "echo",
            Role::EchoBuffer => "echo-buffer",
            Role::Waiter => "waiter",
            Role::Faulter => "faulter",
            Role::Caller => "caller",
            Role::Churner => "churner",
            Role::Serial => "serial",
            Role::Exit => "exit",
        }
    }

    /// The role with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for role in Role::ALL {
            assert_eq!(Role::from_name(role.name()), Some(role));
        }
        assert_eq!(Role::from_name("nobody"), None);
    }
}
