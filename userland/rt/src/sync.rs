//! A mutex whose waiters sleep in the kernel.
//!
//! Threads have fixed priorities, so a thread that spins for a lock held by one of lower priority would spin
//! forever. Waiters therefore wait for a signal, made at the first contention. (A holder of low priority still delays
//! a waiter of high priority for the time it holds the lock: keep that short.)

use airox_sys::call;
use airox_sys::{Error, Handle};
use core::sync::atomic::{AtomicU32, Ordering};

const FREE: u32 = 0;
const LOCKED: u32 = 1;
const CONTENDED: u32 = 2;

/// The lock under [`Mutex`].
#[derive(Debug)]
pub struct RawLock {
    state: AtomicU32,
    /// Raw handle of the signal waiters wait for, 0 until there was one.
    signal: AtomicU32,
}

/// Mutual exclusion between the threads of a program.
pub type Mutex<T> = lock_api::Mutex<RawLock, T>;
/// What [`Mutex::lock`] returns.
pub type MutexGuard<'a, T> = lock_api::MutexGuard<'a, RawLock, T>;

impl RawLock {
    /// Makes the signal now instead of at the first contention, so that locking cannot fail later for want of quota.
    pub fn prepare(&self) -> Result<(), Error> {
        if self.signal.load(Ordering::Acquire) != 0 {
            return Ok(());
        }
        let made = call::signal_create(Handle::NONE)?;
        let race = self.signal.compare_exchange(0, made.0, Ordering::AcqRel, Ordering::Acquire);
        if race.is_err() {
            call::handle_close(made)?;
        }
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn lock_contended(&self) {
        // Without a signal (no quota for one) the best left is to let others run.
        let prepared = self.prepare().is_ok();
        // Acquire: what the last holder wrote is seen. A bit left over from an earlier wake only costs a round.
        while self.state.swap(CONTENDED, Ordering::Acquire) != FREE {
            let waited =
                if prepared { call::wait(Handle(self.signal.load(Ordering::Acquire)), 1).is_ok() } else { false };
            if !waited {
                let _nobody_else_runs = call::thread_yield();
                core::hint::spin_loop();
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn wake_waiter(&self) {
        let signal = Handle(self.signal.load(Ordering::Acquire));
        if !signal.is_none() {
            let _nobody_waits = call::notify(signal, 1);
        }
    }
}

impl Drop for RawLock {
    fn drop(&mut self) {
        let signal = Handle(*self.signal.get_mut());
        if !signal.is_none() {
            let _gone = call::handle_close(signal);
        }
    }
}

// SAFETY:
// 1. `lock` and `try_lock` return holding the lock only after they changed `state` from FREE, which one
//    thread at a time can do; only `unlock`, called by the holder, makes it FREE again.
// 2. Acquire on locking and Release on unlocking order the data's accesses.
unsafe impl lock_api::RawMutex for RawLock {
    #[allow(clippy::declare_interior_mutable_const)]
    const INIT: RawLock = RawLock { state: AtomicU32::new(FREE), signal: AtomicU32::new(0) };
    type GuardMarker = lock_api::GuardSend;

    #[inline]
    fn lock(&self) {
        if !self.try_lock() {
            self.lock_contended();
        }
    }

    #[inline]
    fn try_lock(&self) -> bool {
        self.state.compare_exchange(FREE, LOCKED, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[inline]
    unsafe fn unlock(&self) {
        if self.state.swap(FREE, Ordering::Release) == CONTENDED {
            self.wake_waiter();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Mutex;

    #[test]
    fn locks_exclude_and_data_is_kept() {
        let mutex = Mutex::new(1);
        {
            let mut guard = mutex.lock();
            *guard += 1;
            assert!(mutex.try_lock().is_none());
        }
        assert_eq!(*mutex.lock(), 2);
    }

    #[test]
    fn contention_without_a_signal_still_ends() {
        let mutex = Mutex::new(0_u64);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        *mutex.lock() += 1;
                    }
                });
            }
        });
        assert_eq!(*mutex.lock(), 4000);
    }
}
