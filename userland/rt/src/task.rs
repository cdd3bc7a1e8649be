//! Futures in a server: slow requests that do not block the others.
//!
//! A [`Tasks`] is a single-threaded executor over one signal. Futures wait for bits of that signal ([`Tasks::bits`]) and for time
//! ([`Tasks::sleep`]); a server loop with tasks ([`crate::server::Server::with_tasks`]) runs them between messages and waits for everything at once, in
//! one system call. A program that is no server runs them with [`Tasks::block_on`].
//!
//! ```no_run
//! # use airox_rt::{task::Tasks, time::Duration};
//! # use airox_api::{Caller, Deferred, log::LogError};
//! struct Server { tasks: Tasks }
//!
//! impl Server {
//!     fn wait(&mut self, _caller: Caller, after: u64, reply: Deferred<u64, LogError>) {
//!         let tasks = self.tasks.clone();
//!         self.tasks.spawn(async move {
//!             tasks.sleep(Duration::from_millis(10)).await;
//!             let _caller_may_be_gone = reply.send(Ok(after + 1));
//!         });
//!     }
//! }
//! ```
//!
//! The executor is `FuturesUnordered`: it polls only those futures that were woken.

mod queue;

use crate::time::{Duration, Instant};
use airox_abi::Handle;
use airox_api::ReplyMessage;
use airox_sys::{Error, Signal, TypedHandle, call};
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::sync::Arc;
use alloc::task::Wake;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, Waker};
use futures_util::stream::{FuturesUnordered, Stream};
use queue::Queue;

/// The executor's own bit for its timer.
pub const TIMER_BIT: u64 = 1 << 63;
/// The executor's own bit for wake-ups from other threads.
pub const WAKE_BIT: u64 = 1 << 62;
/// The bits a program may use.
pub const USER_BITS: u64 = !(TIMER_BIT | WAKE_BIT);

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// A single-threaded executor; clones are handles to the same one.
#[derive(Clone)]
pub struct Tasks {
    shared: Rc<Shared>,
}

impl core::fmt::Debug for Tasks {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str("Tasks")
    }
}

struct Shared {
    signal: Signal,
    /// Futures not yet polled.
    fresh: RefCell<Vec<Task>>,
    running: RefCell<FuturesUnordered<Task>>,
    queue: RefCell<Queue>,
    alarm: Arc<Alarm>,
}

/// Wakes the executor: whoever completes what a future waits for may do so from another thread.
struct Alarm {
    rung: AtomicBool,
    /// Whether the executor's thread is in the kernel, or about to enter it, and must be woken by a notification.
    sleeping: AtomicBool,
    signal: Handle,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Sequentially consistent, as two flags are set and read crosswise with `run_ready`.
        self.rung.store(true, Ordering::SeqCst);
        if self.sleeping.swap(false, Ordering::SeqCst) {
            let _executor_is_gone = call::notify(self.signal, WAKE_BIT);
        }
    }
}

impl Tasks {
    /// An executor on this signal, whose upper two bits and timer it takes for itself.
    #[must_use]
    pub fn new(signal: Signal) -> Tasks {
        let alarm =
            Arc::new(Alarm { rung: AtomicBool::new(true), sleeping: AtomicBool::new(false), signal: signal.raw() });
        Tasks {
            shared: Rc::new(Shared {
                signal,
                fresh: RefCell::default(),
                running: RefCell::default(),
                queue: RefCell::default(),
                alarm,
            }),
        }
    }

    /// The signal futures wait for: to bind interrupts and other events to its [`USER_BITS`].
    #[must_use]
    pub fn signal(&self) -> &Signal {
        &self.shared.signal
    }

    /// Adds a future, first polled before the next wait.
    pub fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        self.shared.fresh.borrow_mut().push(Box::pin(future));
        self.shared.alarm.rung.store(true, Ordering::SeqCst);
    }

    /// How many futures have not finished.
    #[must_use]
    pub fn len(&self) -> usize {
        let running = self.shared.running.try_borrow().map_or(0, |running| running.len());
        running + self.shared.fresh.borrow().len()
    }

    /// Whether all futures have finished.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops all futures that have not finished. A server loop does so when it ends; otherwise a future that holds a handle to
    /// its own executor keeps both alive.
    pub fn cancel_all(&self) {
        // Dropping a future may spawn another, so nothing is borrowed while it happens.
        loop {
            let fresh = core::mem::take(&mut *self.shared.fresh.borrow_mut());
            let running = core::mem::take(&mut *self.shared.running.borrow_mut());
            if fresh.is_empty() && running.is_empty() {
                return;
            }
        }
    }

    /// Waits until one of these bits of the signal is set; takes and returns those. Bits that arrive while no future waits for
    /// them go to the server's handler.
    pub async fn bits(&self, mask: u64) -> u64 {
        let mask = mask & USER_BITS;
        let id = self.shared.queue.borrow_mut().next_id();
        let waiting = Waiting { tasks: self, id };
        poll_fn(|context| {
            let mut queue = waiting.tasks.shared.queue.borrow_mut();
            queue.poll_bits(id, mask, context.waker())
        })
        .await
    }

    /// Waits so long.
    pub async fn sleep(&self, duration: Duration) {
        self.sleep_until(Instant::now() + duration).await;
    }

    /// Waits until then.
    pub async fn sleep_until(&self, deadline: Instant) {
        let id = self.shared.queue.borrow_mut().next_id();
        let waiting = Waiting { tasks: self, id };
        poll_fn(|context| {
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            let mut queue = waiting.tasks.shared.queue.borrow_mut();
            queue.set_deadline(id, deadline, context.waker());
            Poll::Pending
        })
        .await;
    }

    /// Runs this future, and all spawned ones beside it, until it has finished.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> Result<T, Error> {
        let mut future = pin!(future);
        let waker = Waker::from(Arc::clone(&self.shared.alarm));
        let mut context = Context::from_waker(&waker);
        loop {
            self.shared.alarm.rung.store(false, Ordering::SeqCst);
            if let Poll::Ready(result) = future.as_mut().poll(&mut context) {
                return Ok(result);
            }
            self.poll_running(&mut context);
            if self.prepare_to_sleep()? {
                let bits = self.shared.signal.wait(u64::MAX)?;
                self.awake();
                self.deliver(bits);
            }
        }
    }

    /// Polls what was woken until nothing is left to do, then arms the timer. Called by the server loop before it waits; an answer that
    /// is due must not wait for the futures, so it is sent first.
    pub(crate) fn run_ready(&self, answer: &mut Option<ReplyMessage>) {
        loop {
            if self.shared.alarm.rung.swap(false, Ordering::SeqCst) {
                if let Some(message) = answer.take() {
                    let _caller_is_gone = crate::server::send(Handle::NONE, message);
                }
                let waker = Waker::from(Arc::clone(&self.shared.alarm));
                self.poll_running(&mut Context::from_waker(&waker));
            }
            // Setting a timer of one's own signal can only fail with the signal itself gone.
            if self.prepare_to_sleep().unwrap_or(true) {
                return;
            }
        }
    }

    /// The thread is back from the kernel: wake-ups need no notification.
    pub(crate) fn awake(&self) {
        self.shared.alarm.sleeping.store(false, Ordering::SeqCst);
    }

    /// Hands bits that arrived to the futures that wait for them; returns those that none did.
    pub(crate) fn deliver(&self, bits: u64) -> u64 {
        let mut queue = self.shared.queue.borrow_mut();
        queue.wake_due(Instant::now());
        queue.deliver(bits & USER_BITS)
    }

    /// Polls all futures that were woken.
    fn poll_running(&self, context: &mut Context<'_>) {
        let mut running = self.shared.running.borrow_mut();
        loop {
            let fresh = core::mem::take(&mut *self.shared.fresh.borrow_mut());
            let any_fresh = !fresh.is_empty();
            running.extend(fresh);
            match Pin::new(&mut *running).poll_next(context) {
                Poll::Ready(Some(())) => {}
                Poll::Ready(None) | Poll::Pending if !any_fresh => return,
                Poll::Ready(None) | Poll::Pending => {}
            }
        }
    }

    /// Arms the timer for the next deadline. Returns whether there really is nothing to do but wait.
    fn prepare_to_sleep(&self) -> Result<bool, Error> {
        let alarm = &self.shared.alarm;
        let change = {
            let mut queue = self.shared.queue.borrow_mut();
            queue.wake_due(Instant::now());
            queue.next_alarm()
        };
        if let Some(deadline) = change {
            let deadline = deadline.map_or(u64::MAX, Instant::as_nanoseconds);
            self.shared.signal.set_timer(deadline, TIMER_BIT)?;
        }
        alarm.sleeping.store(true, Ordering::SeqCst);
        if alarm.rung.load(Ordering::SeqCst) {
            alarm.sleeping.store(false, Ordering::SeqCst);
            return Ok(false);
        }
        Ok(true)
    }
}

/// Forgets a wait whose future was dropped.
struct Waiting<'a> {
    tasks: &'a Tasks,
    id: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.tasks.shared.queue.borrow_mut().forget(self.id);
    }
}
