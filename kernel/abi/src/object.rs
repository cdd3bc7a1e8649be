//! Handles, the kinds of objects they name, and the quota every object is charged to.

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Names a capability of the calling process: an index and a generation. 0 is never valid.
///
/// Layout: bits 0..20 index, bits 20..32 generation (never 0).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, FromBytes, Immutable, IntoBytes)]
#[repr(transparent)]
pub struct Handle(pub u32);

impl Handle {
    /// The handle that names nothing; where a call allows it, it means "mine" or "none".
    pub const NONE: Handle = Handle(0);
    /// Bits of the index part.
    pub const INDEX_BITS: u32 = 20;

    /// Builds a handle from its parts. `generation` is taken modulo 2^12.
    #[must_use]
    pub const fn new(index: u32, generation: u32) -> Handle {
        Handle((index & ((1 << Self::INDEX_BITS) - 1)) | (generation << Self::INDEX_BITS))
    }

    /// The index part.
    #[must_use]
    pub const fn index(self) -> u32 {
        self.0 & ((1 << Self::INDEX_BITS) - 1)
    }

    /// The generation part.
    #[must_use]
    pub const fn generation(self) -> u32 {
        self.0 >> Self::INDEX_BITS
    }

    /// Whether this is [`Handle::NONE`].
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }
}

codes! {
    /// What a handle can name.
    ObjectKind:
    /// Address space, handle table and quota; destroyed as a whole.
    Process = 1, "process";
    /// Registers, priority and fault port.
    Thread = 2, "thread";
    /// Synchronous rendezvous.
    Port = 3, "port";
    /// One-shot right to answer one call.
    Reply = 4, "reply";
    /// 64 bits, OR-ed in by `notify`, with one one-shot timer.
    Signal = 5, "signal";
    /// Physical pages: RAM, contiguous DMA memory, or MMIO.
    Region = 6, "region";
    /// How much kernel and user memory a subtree may use.
    Quota = 7, "quota";
    /// Authority over one interrupt line.
    Irq = 8, "irq";
    /// Authority over a range of x86 I/O ports.
    IoPorts = 9, "io-ports";
    /// The root authority to mint `Irq`, `IoPorts` and MMIO `Region` objects, to write to the debug
    /// console and to read kernel-wide statistics. The kernel gives it to the root task alone.
    Machine = 10, "machine";
    /// Processor time: so much in each period. A thread runs only on one.
    Budget = 11, "budget";
}

codes! {
    /// What a quota counts. One kernel object is one unit of its kind; memory is in 4 KiB frames.
    QuotaKind:
    /// 4 KiB frames of RAM: region pages and page tables.
    Frames = 0, "frames";
    /// Handles held, mappings and pending replies.
    Handles = 1, "handles";
    /// Processes.
    Processes = 2, "processes";
    /// Threads.
    Threads = 3, "threads";
    /// Ports.
    Ports = 4, "ports";
    /// Signals.
    Signals = 5, "signals";
    /// Regions.
    Regions = 6, "regions";
    /// Child quotas.
    Quotas = 7, "quotas";
    /// `Irq`, `IoPorts` and `Budget` objects.
    Resources = 8, "resources";
    /// Processor time that budgets promise, in millionths of one processor.
    Time = 9, "time";
}

impl QuotaKind {
    /// How many kinds there are.
    pub const COUNT: usize = QuotaKind::ALL.len();
}

/// One number for each [`QuotaKind`], in the order of their codes. What `quota_create` reads from
/// the caller's memory and `quota_info` writes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes)]
#[repr(C)]
pub struct QuotaLimits(pub [u32; QuotaKind::COUNT]);

impl QuotaLimits {
    /// The number for `kind`.
    #[must_use]
    pub const fn get(&self, kind: QuotaKind) -> u32 {
        self.0[kind as usize]
    }

    /// Replaces the number for `kind`.
    #[must_use]
    pub const fn with(mut self, kind: QuotaKind, value: u32) -> QuotaLimits {
        self.0[kind as usize] = value;
        self
    }
}
