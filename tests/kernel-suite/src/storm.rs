//! The storm: random system calls from several processes at once. The kernel must neither panic nor leak.
//!
//! A few children with partial authority (over each other, too) make calls that [`airox_kernel_suite::storm_plan`]
//! chooses from a seed. They may well end themselves or each other, unmap their own stacks, or block for ever. A
//! thread below all of them runs only once none of them can, and if that lasts longer than their budgets' periods wakes the suite, which then
//! replaces those that died or are stuck. Where there are several processors, the children are spread over them, and those that run beside that
//! thread storm on until it wakes the suite. Every child makes the calls that follow from its seed, but their budgets let them take turns at moments
//! that are not the same twice.

use core::sync::atomic::{AtomicU64, Ordering};

use airox_abi::layout::PAGE_SIZE;
use airox_abi::message::Extension;
use airox_abi::{BudgetFlags, Error, Handle, MapFlags, QuotaLimits, RegionKind, Rights};
use airox_kernel_suite::random::Random;
use airox_kernel_suite::storm_plan::{self, Pool};

use crate::block::Block;
use crate::child::{Child, Options};
use crate::failure::{Failure, Outcome, check};
use crate::kernel::{self, Owned};
use crate::memory::Mapped;
use crate::registry::{self, Run, Test};
use crate::suite::Suite;

/// The tests: one for each seed of continuous integration.
pub const TESTS: &[Test] = &[
    Test::of("storm", "seed_1", Run::Storm(1)),
    Test::of("storm", "seed_2", Run::Storm(2)),
    Test::of("storm", "seed_3", Run::Storm(3)),
];

/// Processes at a time.
const CHILDREN: usize = 3;
/// Priority of the children, and the highest they may give.
pub const CHILD_PRIORITY: u64 = 50;
/// Priority of the thread that notices that none of them can run. The children cannot sink below it for
/// long: lowering oneself to it only makes turns with it.
const IDLE_PRIORITY: u64 = 1;
/// How long none of them may be able to run, in ns, before they count as stuck: longer than the periods of the budgets they use.
const STUCK: u64 = 3_000_000;
/// Handles a child is given.
const GRANTED: usize = 14;
/// Places among them of its own thread and another's.
const THREADS: [usize; 2] = [1, 10];
/// Handles a child keeps track of.
const HANDLES: usize = 24;
/// Memory the children may write to, and its size in pages.
pub const SCRATCH: u64 = 0x2000_0000;
pub const SCRATCH_PAGES: u64 = 4;
/// Addresses where they may map.
const WINDOWS: &[u64] = &[0x3000_0000, 0x3000_2000, 0x3020_0000, 0x7fff_ffff_d000];
/// Argument of a child: seed, calls to make, processors there are. Its handles follow.
pub const SEED: usize = 0;
pub const CALLS: usize = 1;
pub const PROCESSORS: usize = 2;
pub const FIRST_HANDLE: usize = 3;
/// Result of a child: calls made.
pub const MADE: usize = 0;
/// Calls one process makes before it is replaced.
const CALLS_OF_ONE: u64 = 5_000;

/// Runs the storm with a seed, unless the run's options name another.
pub fn run(suite: &Suite, seed: u64) -> Outcome {
    let seed = suite.options.seed.unwrap_or(seed);
    suite.print(format_args!("storm: seed {seed}, {} calls", suite.options.calls));
    let mut storm = Storm::new(suite, seed)?;
    let outcome = storm.blow();
    storm.end()?;
    let Storm { made, born, .. } = storm;
    outcome.map_err(|failure| Failure::new(format_args!("seed {seed}: {failure}")))?;
    suite.print(format_args!("storm: seed {seed} made {made} calls from {born} processes"));
    Ok(())
}

struct Storm<'a> {
    suite: &'a Suite,
    processors: u64,
    random: Random,
    /// All children share these.
    ports: [Owned; 2],
    signals: [Owned; 2],
    region: Owned,
    budgets: [Owned; 2],
    /// The suite waits on this; the idle thread notifies it.
    idle: Owned,
    idle_thread: Owned,
    /// Its stack.
    _stack: Mapped,
    children: [Option<StormChild>; CHILDREN],
    made: u64,
    born: u64,
}

struct StormChild {
    /// Declared first: the process goes before the quota.
    child: Child,
    _quota: Owned,
    counted: u64,
}

/// The signal the idle thread notifies.
static IDLE: AtomicU64 = AtomicU64::new(0);

extern "C" fn idle_thread(_: u64) -> ! {
    loop {
        // Runs on only when the suite sleeps and no child can run.
        let mut end = kernel::now() + STUCK;
        let mut last = kernel::now();
        while last < end {
            let _ = kernel::thread_yield();
            let now = kernel::now();
            // Somebody else ran meanwhile.
            if now - last > STUCK / 10 {
                end = now + STUCK;
            }
            last = now;
        }
        let _ = kernel::notify(Handle(IDLE.load(Ordering::Acquire) as u32), 1);
        let _ = kernel::thread_yield();
    }
}

impl<'a> Storm<'a> {
    fn new(suite: &'a Suite, seed: u64) -> Result<Storm<'a>, Failure> {
        const STACK_PAGES: u64 = 4;
        let stack = Mapped::new(STACK_PAGES)?;
        let idle = kernel::signal_create(Handle::NONE)?;
        IDLE.store(u64::from(idle.get().0), Ordering::Release);
        let idle_thread_handle = kernel::thread_create(Handle::NONE, IDLE_PRIORITY, Handle::NONE)?;
        let top = stack.address() + stack.length() - 8;
        kernel::thread_start(idle_thread_handle.get(), idle_thread as *const () as u64, top, 0)?;
        let processors = suite.kernel_info()?.processors;
        // The last one's time is another processor's, if there are several.
        let last = processors.min(2) - 1;
        Ok(Storm {
            suite,
            processors,
            random: Random::new(seed),
            ports: [kernel::port_create(Handle::NONE)?, kernel::port_create(Handle::NONE)?],
            signals: [kernel::signal_create(Handle::NONE)?, kernel::signal_create(Handle::NONE)?],
            region: kernel::region_create(Handle::NONE, 4, RegionKind::Lazy)?,
            budgets: [
                kernel::budget_create(Handle::NONE, 0, 5_000, 50_000, BudgetFlags::empty())?,
                kernel::budget_create(Handle::NONE, last, 200_000, 2_000_000, BudgetFlags::empty())?,
            ],
            idle,
            idle_thread: idle_thread_handle,
            _stack: stack,
            children: [const { None }; CHILDREN],
            made: 0,
            born: 0,
        })
    }

    fn blow(&mut self) -> Outcome {
        let target = self.suite.options.calls;
        while self.made < target {
            for index in 0..CHILDREN {
                self.look_after(index)?;
            }
            kernel::wait(self.idle.get(), 1)?;
            registry::progress()?;
            self.suite.kernel_info()?;
        }
        Ok(())
    }

    /// Counts what a child has done and, since it can do no more, replaces it.
    fn look_after(&mut self, index: usize) -> Outcome {
        if let Some(old) = &mut self.children[index] {
            // The block is the child's to scribble on: its count is a claim.
            let made = old.child.block().result(MADE).min(CALLS_OF_ONE);
            self.made += made.saturating_sub(old.counted);
            old.counted = made;
        }
        self.children[index] = None;
        self.children[index] = Some(self.birth(index)?);
        Ok(())
    }

    fn birth(&mut self, index: usize) -> Result<StormChild, Failure> {
        let limits = QuotaLimits([1500, 96, 3, 6, 4, 6, 24, 4, 4, 10_000]);
        let quota = kernel::quota_create(self.suite.root.quota, &limits)?;
        let options = Options { quota: quota.get(), priority: CHILD_PRIORITY, fault_port: Handle::NONE };
        let child = Child::with(self.suite, options)?;
        let process = child.process.get();
        kernel::process_priority(process, CHILD_PRIORITY)?;
        let scratch = kernel::region_create(quota.get(), SCRATCH_PAGES, RegionKind::Lazy)?;
        kernel::region_map(scratch.get(), process, SCRATCH, 0, SCRATCH_PAGES, MapFlags::WRITE)?;
        let sibling = self.children[(index + 1) % CHILDREN].as_ref().map(|sibling| &sibling.child);
        let sibling_process = sibling.map_or(process, |sibling| sibling.process.get());
        let sibling_thread = sibling.map_or(child.thread.get(), |sibling| sibling.thread.get());
        let some = Rights::from_bits_truncate(self.random.next() as u16) | Rights::COPY;
        let granted = [
            (process, Rights::all()),
            (child.thread.get(), some),
            (quota.get(), Rights::all()),
            (self.ports[0].get(), Rights::all()),
            (self.ports[1].get(), some),
            (self.signals[0].get(), Rights::all()),
            (self.signals[1].get(), some),
            (scratch.get(), Rights::all()),
            (self.region.get(), some),
            (sibling_process, some),
            (sibling_thread, some),
            // Counts may be read. More of the machine would let a child break it by right.
            (self.suite.root.machine, Rights::READ | Rights::COPY),
            (self.budgets[0].get(), some),
            (self.budgets[1].get(), Rights::all()),
        ];
        for (slot, (handle, rights)) in granted.into_iter().enumerate() {
            // A sibling that has ended already leaves its place empty.
            if child.grant(FIRST_HANDLE + slot, handle, rights).is_err() {
                child.block().set_argument(FIRST_HANDLE + slot, 0);
            }
        }
        child.block().set_argument(SEED, self.random.next());
        child.block().set_argument(CALLS, CALLS_OF_ONE);
        child.block().set_argument(PROCESSORS, self.processors);
        // The first stays with the thread that notices when none can run.
        let processor = if index == 0 { 0 } else { self.random.below(self.processors) };
        kernel::thread_processor(child.thread.get(), processor)?;
        child.start(storms)?;
        self.born += 1;
        Ok(StormChild { child, _quota: quota, counted: 0 })
    }

    /// Ends all that was started. The idle thread belongs to the suite's own process and is ended by hand.
    fn end(&mut self) -> Outcome {
        for child in &mut self.children {
            *child = None;
        }
        self.retire_idle_thread()
    }

    /// Sends the idle thread to `thread_exit`.
    fn retire_idle_thread(&self) -> Outcome {
        let thread = self.idle_thread.get();
        kernel::thread_suspend(thread)?;
        let mut registers = kernel::thread_read_registers(thread)?;
        registers.rip = leave as *const () as u64;
        registers.rsp = registers.rsp & !15 | 8;
        kernel::thread_write_registers(thread, &registers)?;
        kernel::thread_resume(thread)?;
        self.suite.await_state(thread, airox_abi::info::ThreadState::Dead)
    }
}

extern "C" fn leave() -> ! {
    kernel::thread_exit()
}

/// What a child does.
pub fn storms(block: &Block) -> Outcome {
    let mut random = Random::new(block.argument(SEED));
    let processors = block.argument(PROCESSORS);
    let mut handles: [u32; HANDLES] = core::array::from_fn(|index| match index {
        0..GRANTED => block.argument(FIRST_HANDLE + index) as u32,
        _ => 0,
    });
    for count in 0..block.argument(CALLS) {
        block.set_result(MADE, count + 1);
        one_call(&mut random, &mut handles, processors)?;
        // On the instruction clock, other processors' turns come when one pauses.
        core::hint::spin_loop();
    }
    Ok(())
}

fn one_call(random: &mut Random, handles: &mut [u32; HANDLES], processors: u64) -> Result<(), Failure> {
    let pool = Pool {
        handles,
        threads: &THREADS.map(|place| handles[place]),
        budgets: &[handles[12], handles[13]],
        processors,
        scratch: SCRATCH,
        scratch_length: SCRATCH_PAGES * PAGE_SIZE,
        windows: WINDOWS,
    };
    let (mut registers, extension) = storm_plan::next(random, &pool);
    // SAFETY: 1. the suite mapped the scratch memory writable; if this process has unmapped it, the write
    // faults and ends it; 2. nothing else refers to it.
    unsafe { (SCRATCH as *mut Extension).write_volatile(extension) };
    let first = registers.rax;
    // SAFETY: whatever the call does, it does to this process, which exists for nothing else.
    let result = unsafe { kernel::invoke(&mut registers) };
    check!(
        result != Err(Error::InvalidSystemCall) || airox_abi::SystemCall::from_code(first).is_none(),
        "call {first} is unknown"
    );
    if result.is_ok() {
        remember(random, handles, registers.rdi);
    }
    Ok(())
}

/// A result may be a new handle: keep it in a place made for that, if it is one.
fn remember(random: &mut Random, handles: &mut [u32; HANDLES], value: u64) {
    let Ok(value) = u32::try_from(value) else {
        return;
    };
    if value >> Handle::INDEX_BITS != 0 && kernel::handle_info(Handle(value)).is_ok() {
        let place = GRANTED + random.below((HANDLES - GRANTED) as u64) as usize;
        handles[place] = value;
    }
}
