//! What each kind of object can do, through its handle.

use super::{IoPorts, Irq, Machine, Port, Process, Quota, Region, Signal, Thread, TypedHandle};
use crate::call::{self, HeldHandle};
use airox_abi::info::{KernelInfo, ProcessInfo, Registers, ThreadInfo};
use airox_abi::{Error, Handle, MapFlags, QuotaLimits, RegionKind, Rights};

fn quota_or_own(quota: Option<&Quota>) -> Handle {
    quota.map_or(Handle::NONE, TypedHandle::raw)
}

impl Port {
    /// Makes a port with all rights, charged to this process. `label` is an interface id.
    pub fn create(label: u64) -> Result<Port, Error> {
        Port::create_on(None, label)
    }

    /// Makes a port charged to `quota` (`None`: this process's).
    pub fn create_on(quota: Option<&Quota>, label: u64) -> Result<Port, Error> {
        call::port_create(quota_or_own(quota), label).map(Port)
    }

    /// Has receivers on this port also get the bits of `signal`.
    pub fn bind(&self, signal: &Signal) -> Result<(), Error> {
        call::port_bind(self.0, signal.0)
    }

    /// Undoes [`Port::bind`].
    pub fn unbind(&self) -> Result<(), Error> {
        call::port_bind(self.0, Handle::NONE)
    }
}

impl Signal {
    /// Makes a signal with all rights, charged to this process.
    pub fn create() -> Result<Signal, Error> {
        Signal::create_on(None)
    }

    /// Makes a signal charged to `quota` (`None`: this process's).
    pub fn create_on(quota: Option<&Quota>) -> Result<Signal, Error> {
        call::signal_create(quota_or_own(quota)).map(Signal)
    }

    /// ORs bits in and wakes a waiter.
    #[inline]
    pub fn notify(&self, bits: u64) -> Result<(), Error> {
        call::notify(self.0, bits)
    }

    /// Waits until a bit of `mask` is set; takes and returns those.
    #[inline]
    pub fn wait(&self, mask: u64) -> Result<u64, Error> {
        call::wait(self.0, mask)
    }

    /// Takes and returns bits of `mask` without waiting; 0 if none is set.
    pub fn poll(&self, mask: u64) -> Result<u64, Error> {
        call::poll(self.0, mask)
    }

    /// Has `bits` notified at `deadline`, in nanoseconds since boot. Replaces an earlier deadline.
    pub fn set_timer(&self, deadline: u64, bits: u64) -> Result<(), Error> {
        call::timer_set(self.0, deadline, bits)
    }

    /// Stops the timer.
    pub fn stop_timer(&self) -> Result<(), Error> {
        call::timer_set(self.0, u64::MAX, 0)
    }
}

impl Region {
    /// Zeroed RAM, backed at first touch, charged at once to this process.
    pub fn create(pages: u64) -> Result<Region, Error> {
        Region::create_on(None, pages, RegionKind::Lazy)
    }

    /// Zeroed RAM charged to `quota` (`None`: this process's).
    pub fn create_on(quota: Option<&Quota>, pages: u64, kind: RegionKind) -> Result<Region, Error> {
        call::region_create(quota_or_own(quota), pages, kind).map(Region)
    }

    /// Pages, kind and (with [`Rights::DMA`], else 0) physical address.
    pub fn region_info(&self) -> Result<(u64, RegionKind, u64), Error> {
        call::region_info(self.0)
    }
}

impl Quota {
    /// Carves a child out of this quota.
    pub fn carve(&self, limits: &QuotaLimits) -> Result<Quota, Error> {
        call::quota_create(self.0, limits).map(Quota)
    }

    /// Limits, then use.
    pub fn usage(&self) -> Result<(QuotaLimits, QuotaLimits), Error> {
        call::quota_info(self.0)
    }
}

/// For other processes than one's own: the handle of one's own process, which only the root task
/// holds, should be used for statistics alone.
impl Process {
    /// An empty process charged to `quota`, which becomes its own (`None`: this process's).
    pub fn create(quota: Option<&Quota>, name: &str) -> Result<Process, Error> {
        call::process_create(quota_or_own(quota), name).map(Process)
    }

    /// Maps pages of a region at `address`, from page `offset` of the region on.
    pub fn map(&self, region: &Region, address: u64, offset: u64, pages: u64, flags: MapFlags) -> Result<(), Error> {
        call::region_map(region.0, self.0, address, offset, pages, flags)
    }

    /// Gives the process a copy of a handle; returns the copy's value there. `badge` 0 keeps the source's.
    pub fn grant(&self, handle: Handle, rights: Rights, badge: u64) -> Result<Handle, Error> {
        call::process_grant(self.0, handle, rights, badge)
    }

    /// Ends it as if it had exited with `code`.
    pub fn kill(&self, code: i64) -> Result<(), Error> {
        call::process_kill(self.0, code)
    }

    /// Has `bits` of `signal` notified when it ends, at once if it has.
    pub fn watch(&self, signal: &Signal, bits: u64) -> Result<(), Error> {
        call::process_watch(self.0, signal.0, bits)
    }

    /// State and statistics.
    pub fn process_info(&self) -> Result<ProcessInfo, Error> {
        call::process_info(self.0)
    }

    /// Copies from its memory; all or nothing.
    pub fn read(&self, address: u64, buffer: &mut [u8]) -> Result<(), Error> {
        call::process_read(self.0, address, buffer)
    }

    /// Sets the highest priority its threads may be given.
    pub fn set_max_priority(&self, priority: u8) -> Result<(), Error> {
        call::process_priority(self.0, priority)
    }

    /// Its handle after the one with the value `after` there, or its first after `NONE`; `NotMapped` past the end.
    pub fn held_handle(&self, after: Handle) -> Result<HeldHandle, Error> {
        call::process_handles(self.0, after)
    }

    /// Adds a suspended thread.
    pub fn create_thread(&self, priority: u8, fault_port: Option<&Port>) -> Result<Thread, Error> {
        let fault_port = fault_port.map_or(Handle::NONE, TypedHandle::raw);
        call::thread_create(self.0, priority, fault_port).map(Thread)
    }
}

impl Thread {
    /// Starts a thread of another process at `entry` with `argument` in `rdi`; the handle needs `READ` too, to tell whose it is.
    ///
    /// A thread of this process is refused with [`Error::InvalidArgument`]: it would run on a stack, and from an address, that
    /// nothing vouches for. Those are started by `airox_rt::thread` alone.
    pub fn start(&self, entry: u64, stack: u64, argument: u64) -> Result<(), Error> {
        if self.thread_info()?.process == call::thread_info(Handle::NONE)?.process {
            return Err(Error::InvalidArgument);
        }
        // SAFETY:
        // 1. The thread belongs to another process, as the process numbers, unique among the living, have just told; a thread
        //    never changes its process.
        // 2. So it runs in other memory than this program's.
        unsafe { call::thread_start(self.0, entry, stack, argument) }
    }

    /// Stops it as soon as it runs in ring 3 or waits.
    pub fn suspend(&self) -> Result<(), Error> {
        call::thread_suspend(self.0)
    }

    /// Undoes [`Thread::suspend`].
    pub fn resume(&self) -> Result<(), Error> {
        call::thread_resume(self.0)
    }

    /// Changes its priority.
    pub fn set_priority(&self, priority: u8) -> Result<(), Error> {
        call::thread_priority(self.0, priority)
    }

    /// State and statistics.
    pub fn thread_info(&self) -> Result<ThreadInfo, Error> {
        call::thread_info(self.0)
    }

    /// Its registers, while suspended or faulted.
    pub fn registers(&self) -> Result<Registers, Error> {
        call::thread_read_registers(self.0)
    }
}

impl Irq {
    /// Has interrupts notify `bits` of `signal`. A level-triggered line stays masked until [`Irq::acknowledge`].
    pub fn bind(&self, signal: &Signal, bits: u64) -> Result<(), Error> {
        call::irq_bind(self.0, signal.0, bits)
    }

    /// Unmasks the line.
    pub fn acknowledge(&self) -> Result<(), Error> {
        call::irq_acknowledge(self.0)
    }
}

impl IoPorts {
    /// Lets the threads of this process use the ports; see [`crate::io::PortRange`].
    pub fn bind(&self) -> Result<(), Error> {
        call::io_ports_bind(self.0, Handle::NONE)
    }
}

impl Machine {
    /// Mints authority over an interrupt line.
    pub fn irq(&self, line: u64) -> Result<Irq, Error> {
        call::irq_create(self.0, line).map(Irq)
    }

    /// Mints authority over `count` I/O ports from `first` on.
    pub fn io_ports(&self, first: u16, count: u64) -> Result<IoPorts, Error> {
        call::io_ports_create(self.0, u64::from(first), count).map(IoPorts)
    }

    /// Mints a region over device memory or firmware tables.
    pub fn device(&self, physical: u64, pages: u64) -> Result<Region, Error> {
        call::region_device(self.0, physical, pages).map(Region)
    }

    /// Writes to the kernel's debug UART.
    pub fn debug_write(&self, text: &str) -> Result<(), Error> {
        call::debug_write(self.0, text.as_bytes())
    }

    /// Statistics of the whole machine.
    pub fn kernel_info(&self) -> Result<KernelInfo, Error> {
        call::kernel_info(self.0)
    }
}
