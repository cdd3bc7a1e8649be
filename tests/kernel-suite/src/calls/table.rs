//! Two tables that try every argument of every call that can be wrong in the same ways: handles and addresses.

use airox_abi::layout::{CLOCK_PAGE, PAGE_SIZE, USER_END};
use airox_abi::{BudgetFlags, Error, Handle, MapFlags, ObjectKind, QuotaLimits, RegionKind, Rights, SystemCall};

use crate::child::free_address;
use crate::failure::{Failure, Outcome, check, check_equal};
use crate::kernel::{self, EntryRegisters, Owned};
use crate::memory::Mapped;
use crate::suite::Suite;

/// The arguments, padded with zeros.
pub fn pad<const N: usize>(arguments: [u64; N]) -> [u64; 9] {
    let mut all = [0; 9];
    all[..N].copy_from_slice(&arguments);
    all
}

/// One object of every kind a handle can name, all rights; replies need a call and are tested apart.
pub struct Fixture {
    pub process: Owned,
    pub thread: Owned,
    pub port: Owned,
    pub signal: Owned,
    pub region: Owned,
    pub quota: Owned,
    pub irq: Owned,
    pub io_ports: Owned,
    pub budget: Owned,
    pub machine: Handle,
    /// Two writable pages, for arguments that are addresses.
    pub memory: Mapped,
}

impl Fixture {
    pub fn new(suite: &Suite) -> Result<Fixture, Failure> {
        let limits = QuotaLimits([16, 16, 1, 1, 1, 1, 1, 1, 1, 0]);
        let process = kernel::process_create(Handle::NONE, b"fixture\0\0\0\0\0\0\0\0\0")?;
        Ok(Fixture {
            thread: kernel::thread_create(process.get(), 1, Handle::NONE)?,
            process,
            port: kernel::port_create(Handle::NONE)?,
            signal: kernel::signal_create(Handle::NONE)?,
            region: kernel::region_create(Handle::NONE, 2, RegionKind::Lazy)?,
            quota: kernel::quota_create(suite.root.quota, &limits)?,
            irq: free_irq(suite)?,
            io_ports: kernel::io_ports_create(suite.root.machine, FREE_PORT, 8)?,
            budget: kernel::budget_create(Handle::NONE, 0, 10_000, 1_000_000, BudgetFlags::empty())?,
            machine: suite.root.machine,
            memory: Mapped::new(2)?,
        })
    }

    /// The object of a kind.
    fn of(&self, kind: ObjectKind) -> Option<Handle> {
        Some(match kind {
            ObjectKind::Process => self.process.get(),
            ObjectKind::Thread => self.thread.get(),
            ObjectKind::Port => self.port.get(),
            ObjectKind::Signal => self.signal.get(),
            ObjectKind::Region => self.region.get(),
            ObjectKind::Quota => self.quota.get(),
            ObjectKind::Irq => self.irq.get(),
            ObjectKind::IoPorts => self.io_ports.get(),
            ObjectKind::Budget => self.budget.get(),
            ObjectKind::Machine => self.machine,
            ObjectKind::Reply => return None,
        })
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        // It has no running thread that would ever end it.
        let _ = kernel::process_kill(self.process.get(), 0);
    }
}

/// First port of the third serial port, which no test machine has.
pub const FREE_PORT: u64 = 0x3e8;

/// An interrupt line that nobody has.
pub fn free_irq(suite: &Suite) -> Result<Owned, Failure> {
    (3..24)
        .find_map(|line| kernel::irq_create(suite.root.machine, line).ok())
        .ok_or_else(|| Failure::new(format_args!("no interrupt line is free")))
}

/// A handle argument of a call.
pub struct HandleCase {
    /// The call.
    pub call: SystemCall,
    /// Which argument, counted from 0.
    pub position: usize,
    /// The kind it must have; `None` if any will do.
    pub kind: Option<ObjectKind>,
    /// The rights it must have.
    pub rights: Rights,
    /// Whether 0 means "mine" or "none".
    pub optional: bool,
    /// All arguments, as they would be right.
    pub arguments: fn(&Fixture) -> [u64; 9],
}

impl HandleCase {
    /// Tries every wrong handle; nothing else is wrong with the call.
    pub fn run(&self, suite: &Suite) -> Outcome {
        let fixture = Fixture::new(suite)?;
        self.forged(&fixture)?;
        self.wrong_type(&fixture)?;
        self.missing_rights(&fixture)
    }

    fn valid(&self, fixture: &Fixture) -> Handle {
        // Where any kind will do, a port will; a call that wants a reply gets no valid one.
        self.kind.and_then(|kind| fixture.of(kind)).unwrap_or(fixture.port.get())
    }

    fn attempt(&self, fixture: &Fixture, handle: Handle) -> Result<(), Error> {
        let mut registers = EntryRegisters::call(self.call, &(self.arguments)(fixture));
        registers.set_argument(self.position, u64::from(handle.0));
        // SAFETY: 1. addresses among the arguments are in the fixture's memory; 2. with a wrong handle the
        // call does nothing at all, or this test has found a bug.
        unsafe { kernel::invoke(&mut registers) }
    }

    fn expect(&self, fixture: &Fixture, handle: Handle, what: &str, error: Error) -> Outcome {
        let result = self.attempt(fixture, handle);
        check!(result == Err(error), "{}: {what} gives {result:?}, not {error:?}", self.call.text());
        Ok(())
    }

    fn forged(&self, fixture: &Fixture) -> Outcome {
        if !self.optional {
            self.expect(fixture, Handle::NONE, "no handle", Error::InvalidHandle)?;
        }
        let valid = self.valid(fixture);
        let copy = kernel::handle_copy(fixture.port.get(), Rights::all(), 0)?;
        let stale = copy.get();
        drop(copy);
        let forged = [
            (stale, "a stale handle"),
            (Handle(u32::MAX), "a handle of ones"),
            (Handle::new(valid.index(), valid.generation() + 1), "the next generation"),
            (Handle::new(valid.index(), 0), "generation 0"),
            (Handle::new((1 << Handle::INDEX_BITS) - 1, 1), "the last index"),
        ];
        for (handle, what) in forged {
            self.expect(fixture, handle, what, Error::InvalidHandle)?;
        }
        Ok(())
    }

    fn wrong_type(&self, fixture: &Fixture) -> Outcome {
        let Some(wanted) = self.kind else {
            return Ok(());
        };
        for kind in ObjectKind::ALL.iter().filter(|kind| **kind != wanted) {
            if let Some(handle) = fixture.of(*kind) {
                let error = if self.mints_from(*kind) { Error::NoSuchResource } else { Error::WrongType };
                self.expect(fixture, handle, kind.text(), error)?;
            }
        }
        Ok(())
    }

    /// Whether the call mints a part of such an object as well. The fixture's does not cover what is asked for.
    fn mints_from(&self, kind: ObjectKind) -> bool {
        matches!(
            (self.call, kind),
            (SystemCall::RegionDevice, ObjectKind::Region) | (SystemCall::IoPortsCreate, ObjectKind::IoPorts)
        )
    }

    fn missing_rights(&self, fixture: &Fixture) -> Outcome {
        for right in self.rights.iter() {
            let weak = kernel::handle_copy(self.valid(fixture), Rights::all() - right, 0)?;
            let result = self.attempt(fixture, weak.get());
            check!(result == Err(Error::MissingRight), "{} without {right:?} gives {result:?}", self.call.text());
        }
        Ok(())
    }
}

/// How many bytes a call reads or writes at its pointer argument.
pub enum Length {
    /// Always as many.
    Fixed(u64),
    /// As many as this argument says.
    Argument(usize),
}

/// A pointer argument of a call.
pub struct PointerCase {
    /// The call.
    pub call: SystemCall,
    /// Which argument, counted from 0.
    pub position: usize,
    /// Whether the kernel writes there.
    pub writes: bool,
    /// How much.
    pub length: Length,
    /// All arguments, as they would be right.
    pub arguments: fn(&Fixture) -> [u64; 9],
}

impl PointerCase {
    /// Tries every bad address; nothing else is wrong with the call.
    pub fn run(&self, suite: &Suite) -> Outcome {
        let fixture = Fixture::new(suite)?;
        let length = match self.length {
            Length::Fixed(length) => length,
            Length::Argument(_) => 64,
        };
        self.everywhere(&fixture, length)?;
        if self.writes {
            self.read_only(suite, &fixture, length)?;
        }
        if let Length::Argument(position) = self.length {
            self.lengths(&fixture, position)?;
        }
        Ok(())
    }

    fn attempt(&self, fixture: &Fixture, address: u64, length: Option<(usize, u64)>) -> Result<(), Error> {
        let mut registers = EntryRegisters::call(self.call, &(self.arguments)(fixture));
        registers.set_argument(self.position, address);
        if let Length::Argument(position) = self.length {
            registers.set_argument(position, 64);
        }
        if let Some((position, value)) = length {
            registers.set_argument(position, value);
        }
        // SAFETY: the address is not writable memory of the suite, or only of this fixture.
        unsafe { kernel::invoke(&mut registers) }
    }

    fn expect(&self, fixture: &Fixture, address: u64, what: &str) -> Outcome {
        let result = self.attempt(fixture, address, None);
        check!(
            result == Err(Error::InvalidAddress),
            "{} with {what} ({address:#x}) gives {result:?}",
            self.call.text()
        );
        Ok(())
    }

    fn everywhere(&self, fixture: &Fixture, length: u64) -> Outcome {
        let start = fixture.memory.address();
        let end = start + fixture.memory.length();
        let addresses = [
            (0, "null"),
            (8, "almost null"),
            (free_address(1), "an unmapped address"),
            (0xffff_8000_0000_0000, "the kernel's view of memory"),
            (0xffff_ffff_8000_0000, "the kernel's text"),
            (0x0000_8000_0000_0000, "the first non-canonical address"),
            (0xdead_beef_0000_0000, "a non-canonical address"),
            (0xffff_7fff_ffff_fff8, "the last non-canonical address"),
            (end - length / 2, "a range past a mapping's end"),
            (start - length / 2, "a range before a mapping's start"),
            (USER_END - length / 2, "a range past the user half"),
            (u64::MAX - length / 2, "a range past the last address"),
            (u64::MAX, "the last address"),
        ];
        for (address, what) in addresses {
            self.expect(fixture, address, what)?;
        }
        Ok(())
    }

    fn read_only(&self, suite: &Suite, fixture: &Fixture, length: u64) -> Outcome {
        self.expect(fixture, CLOCK_PAGE, "the clock page")?;
        self.expect(fixture, run_address(), "program text")?;
        self.expect(fixture, suite.root as *const _ as u64, "the start block")?;
        // One writable page, then one that is not.
        let pair = kernel::region_create(Handle::NONE, 2, RegionKind::Lazy)?;
        let address = free_address(2);
        kernel::region_map(pair.get(), Handle::NONE, address, 0, 1, MapFlags::WRITE)?;
        kernel::region_map(pair.get(), Handle::NONE, address + PAGE_SIZE, 1, 1, MapFlags::empty())?;
        let straddling = self.expect(fixture, address + PAGE_SIZE - length / 2, "a range that turns read-only");
        // SAFETY: nothing else knows these mappings.
        let unmapped = unsafe {
            (kernel::region_unmap(Handle::NONE, address), kernel::region_unmap(Handle::NONE, address + PAGE_SIZE))
        };
        straddling?;
        check_equal!(unmapped, (Ok(()), Ok(())));
        Ok(())
    }

    fn lengths(&self, fixture: &Fixture, position: usize) -> Outcome {
        let start = fixture.memory.address();
        for length in [fixture.memory.length() + 1, 1 << 47, 1 << 63, u64::MAX - start, u64::MAX - start + 1, u64::MAX]
        {
            let result = self.attempt(fixture, start, Some((position, length)));
            check!(
                matches!(result, Err(Error::InvalidAddress | Error::InvalidArgument)),
                "{} with length {length:#x} gives {result:?}",
                self.call.text()
            );
        }
        Ok(())
    }
}

/// An address of this program's text, 8-byte aligned.
fn run_address() -> u64 {
    (PointerCase::run as *const () as u64) & !7
}
