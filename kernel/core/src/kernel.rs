//! The kernel's state, and how it comes to be.

use crate::budget::Budget;
use crate::capability::{Capabilities, Capability};
use crate::clock::Clock;
use crate::context::Context;
use crate::frames::Frames;
use crate::machine::{Frame, Machine};
use crate::port::Port;
use crate::process::Process;
use crate::processor::{Others, Processor};
use crate::quota::Quota;
use crate::region::{Mapping, Region};
use crate::resource::{IoPorts, Irq};
use crate::root::RootImage;
use crate::signal::Signal;
use crate::slab::{Id, NONE, Slab, Weak};
use crate::snapshot::Snapshot;
use crate::thread::{State, Thread};
use crate::timers::Timers;
use airox_abi::info::KernelInfo;
use airox_abi::root::Framebuffer;
use airox_abi::{QuotaKind, QuotaLimits};
use alloc::boxed::Box;
use alloc::vec::Vec;

/// How many objects of each kind the kernel can hold.
#[derive(Clone, Copy, Debug)]
pub struct Capacity(pub QuotaLimits);

impl Capacity {
    /// Sized for a machine with this many frames of RAM: about 5 % of it goes to the tables.
    #[must_use]
    pub fn for_frames(frames: u32) -> Capacity {
        let threads = (frames / 64).clamp(256, 4096);
        Capacity(
            QuotaLimits([0; QuotaKind::COUNT])
                .with(QuotaKind::Frames, frames)
                .with(QuotaKind::Handles, threads * 64)
                .with(QuotaKind::Processes, threads / 2)
                .with(QuotaKind::Threads, threads)
                .with(QuotaKind::Ports, threads * 2)
                .with(QuotaKind::Signals, threads * 2)
                .with(QuotaKind::Regions, threads * 16)
                .with(QuotaKind::Quotas, threads)
                .with(QuotaKind::Resources, 1024)
                .with(QuotaKind::Time, airox_abi::time::WHOLE_PROCESSOR),
        )
    }

    /// Bytes of heap the kernel's tables take, frame bookkeeping for frames below `end` included, and what each processor needs.
    #[must_use]
    pub fn heap_bytes(&self, end: u32, processors: u32) -> usize {
        let room = |kind, bytes: usize| self.0.get(kind) as usize * bytes;
        let objects = room(QuotaKind::Handles, size_of::<Capability>() + Slab::<Mapping>::STRIDE)
            + room(QuotaKind::Threads, Slab::<Thread>::STRIDE)
            + room(QuotaKind::Processes, Slab::<Process>::STRIDE)
            + room(QuotaKind::Ports, Slab::<Port>::STRIDE)
            + room(QuotaKind::Signals, Slab::<Signal>::STRIDE)
            + room(QuotaKind::Resources, Slab::<Budget>::STRIDE + Slab::<Irq>::STRIDE + Slab::<IoPorts>::STRIDE)
            + room(QuotaKind::Regions, Slab::<Region>::STRIDE)
            + room(QuotaKind::Quotas, Slab::<Quota>::STRIDE);
        let timers = room(QuotaKind::Signals, Timers::BYTES_EACH) + room(QuotaKind::Resources, Timers::BYTES_EACH);
        // An idle thread, a budget, and what the machine itself has to remember.
        let processor = Processor::BYTES + timers + Snapshot::BYTES_EACH + (32 << 10);
        objects + end as usize * Frames::BYTES_EACH + processors as usize * processor + Snapshot::BYTES + (1 << 20)
    }
}

/// What the kernel learns from the boot code.
pub struct Boot<'a> {
    /// Ranges of RAM to hand out: first frame and count. Kernel, heap, page tables and bundle are not in them.
    pub memory: &'a [(Frame, u32)],
    /// How many processors there are, at least 1; the one that calls has the number 0.
    pub processors: u32,
    /// TSC frequency.
    pub ticks_per_second: u64,
    /// TSC at the kernel's entry.
    pub boot_ticks: u64,
    /// Physical address and length of the system bundle; the address is page-aligned.
    pub bundle: (u64, u64),
    /// Physical address of the RSDP, 0 if unknown.
    pub rsdp: u64,
    /// The frame buffer, `width == 0` if none.
    pub framebuffer: Framebuffer,
    /// The root program.
    pub root: RootImage<'a>,
    /// The kernel's own address space, loaded while nothing runs.
    pub kernel_address_space: Frame,
}

/// Why the kernel could not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BootError(pub &'static str, pub airox_abi::Error);

/// The kernel: all objects, and the machine under them.
pub struct Kernel<M> {
    pub(crate) machine: M,
    /// The processor that runs the kernel.
    pub(crate) cpu: Box<Processor>,
    /// All others.
    pub(crate) others: Others,
    /// The number of the processor that runs the kernel, even while it acts as another one.
    pub(crate) here: u32,
    /// How many processors there are.
    pub(crate) processors: u32,
    pub(crate) first_doomed: u32,
    pub(crate) capabilities: Capabilities,
    pub(crate) threads: Slab<Thread>,
    pub(crate) ports: Slab<Port>,
    pub(crate) processes: Slab<Process>,
    pub(crate) signals: Slab<Signal>,
    pub(crate) regions: Slab<Region>,
    pub(crate) mappings: Slab<Mapping>,
    pub(crate) quotas: Slab<Quota>,
    pub(crate) irqs: Slab<Irq>,
    pub(crate) io_ports: Slab<IoPorts>,
    pub(crate) budgets: Slab<Budget>,
    pub(crate) frames: Frames,
    pub(crate) clock: Clock,
    pub(crate) clock_frame: Frame,
    pub(crate) system_calls: u64,
    pub(crate) interrupts: u64,
    /// Whether events are recorded.
    pub(crate) tracing: bool,
    pub(crate) snapshot: Snapshot,
    pub(crate) capacity: QuotaLimits,
}

impl<M: Machine> Kernel<M> {
    /// Makes the kernel's tables and the root task, which is ready to run.
    ///
    /// # Errors
    /// Names what did not fit or was wrong with the root program.
    pub fn new(machine: M, boot: &Boot<'_>) -> Result<Kernel<M>, BootError> {
        let end = boot.memory.iter().map(|&(first, count)| first.0 + count).max().unwrap_or(0);
        let mut frames = Frames::new(end);
        for &(first, count) in boot.memory {
            frames.release_contiguous(first, count);
        }
        let clock_frame = frames.allocate().ok_or(BootError("clock page", airox_abi::Error::QuotaExceeded))?;
        let processors = boot.processors;
        let capacity = Capacity::for_frames(frames.free()).0;
        let capacity = capacity.with(QuotaKind::Time, capacity.get(QuotaKind::Time) * processors);
        let of = |kind: QuotaKind| capacity.get(kind);

        let mut quotas = Slab::with_capacity(of(QuotaKind::Quotas) + 1);
        let root_quota = first(quotas.insert(Quota::root(capacity), Id::new(NONE)));
        // The idle threads' process: not alive, holds nothing, never seen by programs. The root task's creator: what it may do, that one may.
        let mut processes = Slab::with_capacity(of(QuotaKind::Processes) + 1);
        let mut nobody = Process::new(*b"idle\0\0\0\0\0\0\0\0\0\0\0\0", boot.kernel_address_space, root_quota, u8::MAX);
        (nobody.alive, nobody.processors) = (false, u64::MAX >> (u64::BITS - processors));
        let idle_process = first(processes.insert(nobody, root_quota));
        let mut threads = Slab::with_capacity(of(QuotaKind::Threads) + 2 * processors);
        let mut budgets = Slab::with_capacity(of(QuotaKind::Resources) + processors);
        let timers = of(QuotaKind::Signals) + of(QuotaKind::Resources) + processors;
        let mut new_processor = |number| {
            let unlimited = first(budgets.insert(Budget::unlimited(number), root_quota));
            let budget: Weak<Budget> = budgets.weak(unlimited);
            let own_threads = [State::Running, State::New].map(|state| {
                let mut thread = Thread::new(idle_process, boot.kernel_address_space.address(), 0);
                (thread.state, thread.budget) = (state, budget);
                first(threads.insert(thread, root_quota))
            });
            Processor::new(number, own_threads, idle_process, budget, timers, machine.now())
        };
        let cpu = new_processor(0);
        processes[idle_process].budget = cpu.budget;
        let mut others = Vec::from([None]);
        others.extend((1..processors).map(|number| Some(new_processor(number))));

        let mut kernel = Kernel {
            cpu,
            others,
            here: 0,
            machine,
            processors,
            first_doomed: NONE,
            capabilities: Capabilities::with_capacity(of(QuotaKind::Handles)),
            threads,
            ports: Slab::with_capacity(of(QuotaKind::Ports)),
            processes,
            signals: Slab::with_capacity(of(QuotaKind::Signals)),
            regions: Slab::with_capacity(of(QuotaKind::Regions)),
            mappings: Slab::with_capacity(of(QuotaKind::Handles)),
            quotas,
            irqs: Slab::with_capacity(of(QuotaKind::Resources)),
            io_ports: Slab::with_capacity(of(QuotaKind::Resources)),
            budgets,
            frames,
            clock: Clock::new(boot.boot_ticks, boot.ticks_per_second),
            clock_frame,
            system_calls: 0,
            interrupts: 0,
            tracing: false,
            snapshot: Snapshot::new(processors),
            capacity,
        };
        kernel.fill_clock_page();
        kernel.start_root(boot, root_quota)?;
        kernel.finish_entry();
        Ok(kernel)
    }

    /// Where the idle loop is: a context of ring 0 that halts with interrupts on. Each processor has its own.
    pub fn set_idle_context(&mut self, ip: u64, cs: u64, ss: u64, flags: u64) {
        for number in 0..self.processors {
            let idle = self.processor(number).idle;
            let context = &mut self.threads[idle].context;
            (context.ip, context.cs, context.ss, context.flags) = (ip, cs, ss, flags);
            // Interrupts from the idle loop push where its stack pointer points: right behind the context.
            context.sp = core::ptr::from_ref(context).addr() as u64 + size_of::<Context>() as u64;
        }
    }

    /// The context to resume: that of the running thread, or of the idle loop.
    #[inline]
    pub fn current(&mut self) -> &mut Context {
        &mut self.threads[self.cpu.current].context
    }

    /// For `kernel_info`.
    pub(crate) fn kernel_info(&self) -> KernelInfo {
        let now = self.machine.now();
        // Idle time is added up when it ends; a snapshot is taken in the middle of it.
        let idle_ticks = self.all_processors().map(|processor| {
            let idles = processor.current == processor.idle;
            let unaccounted = if idles { now.wrapping_sub(processor.last_switch) } else { 0 };
            self.threads[processor.idle].cpu_ticks + unaccounted
        });
        // The unlimited budgets are nobody's.
        let resources = self.irqs.live() + self.io_ports.live() + self.budgets.live() - self.processors;
        KernelInfo {
            objects: QuotaLimits([0; QuotaKind::COUNT])
                .with(QuotaKind::Frames, self.capacity.get(QuotaKind::Frames) - self.frames.free())
                .with(QuotaKind::Handles, self.capabilities.live())
                // The kernel's own threads and their process, and the root quota, are not programs' objects.
                .with(QuotaKind::Processes, self.processes.live() - 1)
                .with(QuotaKind::Threads, self.threads.live() - 2 * self.processors)
                .with(QuotaKind::Ports, self.ports.live())
                .with(QuotaKind::Signals, self.signals.live())
                .with(QuotaKind::Regions, self.regions.live())
                .with(QuotaKind::Quotas, self.quotas.live() - 1)
                .with(QuotaKind::Resources, resources)
                .with(QuotaKind::Time, self.budgets.iter().map(|(_, budget)| budget.charged()).sum()),
            capacity: self.capacity,
            switches: self.all_processors().map(|processor| processor.switches).sum(),
            system_calls: self.system_calls,
            interrupts: self.interrupts,
            idle_ticks: idle_ticks.sum(),
            processors: u64::from(self.processors),
            message_address: self.machine.message_address(),
        }
    }
}

/// The first object of an empty slab with room.
fn first<T>(id: Option<Id<T>>) -> Id<T> {
    id.unwrap_or_else(|| panic!("a slab without room at boot"))
}
