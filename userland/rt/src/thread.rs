//! More threads in this program, each with a stack of its own between unmapped pages.

use crate::memory::Mapping;
use crate::start;
use crate::sync::Mutex;
use crate::time::{Duration, Timer};
use airox_abi::info::ThreadState;
use airox_abi::layout::PAGE_SIZE;
use airox_abi::time::MAX_WEIGHT;
use airox_sys::{Budget, Error, Handle, MapFlags, ObjectKind, Region, Rights, Signal, Thread, TypedHandle, call};
use alloc::boxed::Box;
use alloc::sync::Arc;

/// Stack of a thread unless its builder says otherwise, in bytes.
pub const DEFAULT_STACK: u64 = 64 * 1024;
/// How long [`JoinHandle::join`] waits between looks at a thread that is about to end.
const JOIN_INTERVAL: Duration = Duration::from_micros(50);

/// How a thread is made.
#[derive(Clone, Copy, Debug)]
pub struct Builder {
    stack_bytes: u64,
    priority: Option<u8>,
    time: Time,
    weight: Option<u16>,
}

/// What a thread runs on.
#[derive(Clone, Copy, Debug)]
enum Time {
    /// Its process's budget.
    Process,
    /// This processor's own time, without a limit.
    Processor(u32),
    /// This budget.
    Budget(Handle),
    /// What callers lend, from its first `receive` on.
    Lent,
}

impl Default for Builder {
    fn default() -> Builder {
        Builder { stack_bytes: DEFAULT_STACK, priority: None, time: Time::Process, weight: None }
    }
}

/// What the new thread and its joiner share.
struct Packet<T> {
    result: Mutex<Option<T>>,
    finished: Signal,
}

/// A thread that can be waited for. Dropped, the thread goes on; its stack is then kept for the program's life.
pub struct JoinHandle<T> {
    thread: Thread,
    stack: core::mem::ManuallyDrop<Mapping>,
    packet: Arc<Packet<T>>,
}

impl<T> core::fmt::Debug for JoinHandle<T> {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(formatter, "JoinHandle({:?})", self.thread)
    }
}

/// Runs `body` on a new thread with the priority of this one and a stack of [`DEFAULT_STACK`] bytes.
pub fn spawn<T, F>(body: F) -> Result<JoinHandle<T>, Error>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    Builder::default().spawn(body)
}

/// The processors that threads of this program may be moved to, lowest first. Threads start on the first, or where their budget's time is.
pub fn processors() -> Result<impl Iterator<Item = u32>, Error> {
    let processors = call::process_info(Handle::NONE)?.processors;
    Ok((0..u64::BITS).filter(move |number| processors >> number & 1 == 1))
}

/// Moves this thread to a processor, one of [`processors`]. It needs a process without a budget.
pub fn move_to(processor: u32) -> Result<(), Error> {
    call::thread_processor(Handle::NONE, processor)
}

/// The processor that this thread runs on.
pub fn processor() -> Result<u32, Error> {
    Ok(u32::from(call::thread_info(Handle::NONE)?.processor))
}

type Body = Box<dyn FnOnce() + Send>;

impl Builder {
    /// A stack of so many bytes, rounded up to pages.
    #[must_use]
    pub fn stack(mut self, bytes: u64) -> Builder {
        self.stack_bytes = bytes;
        self
    }

    /// This priority instead of the caller's; at most what the process may give.
    #[must_use]
    pub fn priority(mut self, priority: u8) -> Builder {
        self.priority = Some(priority);
        self
    }

    /// On this processor, one of [`processors`], instead of where the process's threads start. It needs a process without a budget.
    #[must_use]
    pub fn processor(mut self, processor: u32) -> Builder {
        self.time = Time::Processor(processor);
        self
    }

    /// On this budget instead of the process's. The budget goes with its last handle, and the thread would stop then.
    #[must_use]
    pub fn budget(mut self, budget: &Budget) -> Builder {
        self.time = Time::Budget(budget.raw());
        self
    }

    /// On what its callers lend, from its first `receive` on: for a thread that runs a server loop without signals.
    #[must_use]
    pub fn passive(mut self) -> Builder {
        self.time = Time::Lent;
        self
    }

    /// With turns of this length among equals, in hundredths of the usual one.
    #[must_use]
    pub fn weight(mut self, weight: u16) -> Builder {
        self.weight = Some(weight);
        self
    }

    /// Refuses most of what [`Builder::set_time`] would be refused, before anything is made.
    fn check_time(&self) -> Result<(), Error> {
        if let Time::Budget(budget) = self.time {
            let (kind, rights, _) = call::handle_info(budget)?;
            if kind != ObjectKind::Budget {
                return Err(Error::WrongType);
            }
            if !rights.contains(Rights::SEND) {
                return Err(Error::MissingRight);
            }
        }
        if let Time::Processor(processor) = self.time
            && !processors()?.any(|number| number == processor)
        {
            return Err(Error::MissingRight);
        }
        match self.weight {
            Some(weight) if !(1..=MAX_WEIGHT).contains(&weight) => Err(Error::InvalidArgument),
            _ => Ok(()),
        }
    }

    fn set_time(&self, thread: &Thread) -> Result<(), Error> {
        match self.time {
            Time::Process => {}
            Time::Processor(processor) => thread.set_processor(processor)?,
            Time::Budget(budget) => call::budget_bind(thread.raw(), budget, false)?,
            Time::Lent => thread.make_passive()?,
        }
        self.weight.map_or(Ok(()), |weight| thread.set_weight(weight))
    }

    /// Runs `body` on a new thread.
    pub fn spawn<T, F>(self, body: F) -> Result<JoinHandle<T>, Error>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        self.check_time()?;
        crate::heap::prepare_for_threads()?;
        let priority = match self.priority {
            Some(priority) => priority,
            None => call::thread_info(Handle::NONE)?.priority,
        };
        let pages = self.stack_bytes.div_ceil(PAGE_SIZE).max(1);
        let stack = Mapping::new(&Region::create(pages)?, MapFlags::WRITE)?;
        let packet = Arc::new(Packet { result: Mutex::new(None), finished: Signal::create()? });
        let thread = call::thread_create(Handle::NONE, priority, start::fault_port())?;
        let thread = Thread::from_raw(thread);
        // A thread that never starts could not be undone: one that cannot be placed starts and ends at once.
        let placed = self.set_time(&thread);

        let shared = Arc::clone(&packet);
        let runs = placed.is_ok();
        let body: Body = Box::new(move || {
            if runs {
                *shared.result.lock() = Some(body());
            }
            let _nobody_joins = shared.finished.notify(1);
        });
        let argument = Box::into_raw(Box::new(body));
        // As after a `call`: aligned to 16 less the return address, which is 0 as the stack is fresh.
        let top = stack.address() + stack.len() as u64 - 8;
        let entry = thread_main as extern "C" fn(*mut Body) -> ! as usize as u64;
        // SAFETY:
        // 1. `thread_main` takes one argument and never returns.
        // 2. The stack was just mapped; it is unmapped only by `join`, after the thread's end, or never.
        // 3. `argument` came from `Box::into_raw` and is given to this one thread.
        let started = unsafe { call::thread_start(thread.raw(), entry, top, argument.expose_provenance() as u64) };
        if let Err(error) = started {
            // SAFETY: 1. the thread did not start, so the box still is this function's own.
            drop(unsafe { Box::from_raw(argument) });
            return Err(error);
        }
        let handle = JoinHandle { thread, stack: core::mem::ManuallyDrop::new(stack), packet };
        if let Err(error) = placed {
            let _no_result = handle.join();
            return Err(error);
        }
        Ok(handle)
    }
}

extern "C" fn thread_main(body: *mut Body) -> ! {
    // SAFETY: 1. `spawn` made this pointer with `Box::into_raw` for this thread alone.
    let body = unsafe { Box::from_raw(body) };
    body();
    call::thread_exit()
}

impl<T> JoinHandle<T> {
    /// The thread, to change its priority or look at it.
    #[must_use]
    pub fn thread(&self) -> &Thread {
        &self.thread
    }

    /// Waits for the thread's end and returns its result. `None` cannot be told from a result: a thread that faults
    /// takes the program with it.
    pub fn join(self) -> Result<T, Error> {
        self.packet.finished.wait(1)?;
        let timer = Timer::new()?;
        // The thread has stored its result, and runs its last instructions on its stack.
        loop {
            match self.thread.thread_info() {
                Ok(info) if info.state != ThreadState::Dead as u8 => timer.sleep(JOIN_INTERVAL)?,
                Ok(_) | Err(Error::Dead) => break,
                Err(error) => return Err(error),
            }
        }
        let JoinHandle { stack, packet, .. } = self;
        drop(core::mem::ManuallyDrop::into_inner(stack));
        let result = packet.result.lock().take();
        result.ok_or(Error::Dead)
    }
}
