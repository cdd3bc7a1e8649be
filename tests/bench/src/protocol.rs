//! What the root program and its children agree on.

/// The child program's name in the bundle.
pub const CHILD_PROGRAM: &str = "bench-child";
/// Handle names of a child.
pub const PORT: &str = "bench-port";
/// A signal the child waits on.
pub const SIGNAL: &str = "bench-signal";
/// A process to end.
pub const PROCESS: &str = "bench-process";
/// Memory both sides see.
pub const SHARED: &str = "bench-shared";

/// The I/O ports and the interrupt line of the device that makes interrupts.
pub const PORTS: &str = "bench-ports";
/// See [`PORTS`].
pub const IRQ: &str = "bench-irq";
/// The second serial port of a PC: first I/O port, how many, interrupt line. The kernel prints on the first one.
pub const SERIAL: (u16, u16, u64) = (0x2f8, 8, 3);
/// The same of the first ATA channel of a PC.
pub const DISK: (u16, u16, u64) = (0x1f0, 8, 14);
/// The channel's control register has a port of its own.
pub const DISK_CONTROL: &str = "bench-disk-control";
/// Its port, and how many: one.
pub const DISK_CONTROL_PORT: (u16, u16) = (0x3f6, 1);

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

/// Byte offset of the moment when the child's present operation began, in ns; 0 between two.
pub const BEGAN_OFFSET: usize = 0;
/// How often a child repeats an operation that takes long.
pub const LONG_ROUNDS: usize = 10;
/// Pages of the process that is destroyed: 1 GiB. This one operation is not repeated.
pub const DESTROYED_PAGES: u64 = 1 << 18;
/// Processes that are made and ended in one of the rounds.
pub const CHURNED_PROCESSES: u32 = 50;
/// Handles that are revoked at once.
pub const REVOKED_HANDLES: u32 = 10_000;
/// Pages that are mapped and backed at once: 32 MiB.
pub const POPULATED_PAGES: u64 = 1 << 13;
/// Pages that are unmapped at once: 256 MiB.
pub const UNMAPPED_PAGES: u64 = 1 << 16;
/// Pages that are copied at once: 16 MiB.
pub const LEASED_PAGES: u64 = 1 << 12;
/// Pages of a contiguous region: 32 MiB.
pub const CONTIGUOUS_PAGES: u64 = 1 << 13;

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
    /// Reads a sector that describes the disk, again and again, each with an interrupt.
    Disk,
    /// Has [`DESTROYED_PAGES`] mapped and touched, and waits to be killed.
    Hoarder,
    /// Kills the hoarder.
    Destroyer,
    /// Makes and ends [`CHURNED_PROCESSES`] small processes, again and again.
    ProcessChurner,
    /// Revokes [`REVOKED_HANDLES`], again and again.
    Revoker,
    /// Maps [`POPULATED_PAGES`] of new memory with all pages, again and again.
    Populater,
    /// Unmaps [`UNMAPPED_PAGES`], again and again.
    Unmapper,
    /// Copies [`LEASED_PAGES`] of its caller's memory, there and back, again and again.
    LeaseCopier,
    /// Lends it the memory.
    Lender,
    /// Makes contiguous regions of [`CONTIGUOUS_PAGES`], again and again.
    ContiguousMaker,
    /// Ends at once.
    Exit,
}

impl Role {
    /// All roles.
    pub const ALL: [Role; 18] = [
        Role::Echo,
        Role::EchoBuffer,
        Role::Waiter,
        Role::Faulter,
        Role::Caller,
        Role::Churner,
        Role::Serial,
        Role::Disk,
        Role::Hoarder,
        Role::Destroyer,
        Role::ProcessChurner,
        Role::Revoker,
        Role::Populater,
        Role::Unmapper,
        Role::LeaseCopier,
        Role::Lender,
        Role::ContiguousMaker,
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
            Role::Disk => "disk",
            Role::Hoarder => "hoarder",
            Role::Destroyer => "destroyer",
            Role::ProcessChurner => "process-churner",
            Role::Revoker => "revoker",
            Role::Populater => "populater",
            Role::Unmapper => "unmapper",
            Role::LeaseCopier => "lease-copier",
            Role::Lender => "lender",
            Role::ContiguousMaker => "contiguous-maker",
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
