//! Threads, locks and the executor without a server.

use crate::registry::{Outcome, Test};
use crate::{expect, expect_eq};
use airox_rt::sync::Mutex;
use airox_rt::task::{Tasks, USER_BITS};
use airox_rt::time::{Duration, Instant, Timer};
use airox_rt::{Error, Handle, RootBlock, Signal, TypedHandle, sys, thread};
use alloc::rc::Rc;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::RefCell;

/// This group's tests.
pub static TESTS: &[Test] = &[
    Test { name: "threads_return_results", run: threads_return_results },
    Test { name: "mutex_between_priorities", run: mutex_between_priorities },
    Test { name: "heap_from_many_threads", run: heap_from_many_threads },
    Test { name: "futures_sleep_side_by_side", run: futures_sleep_side_by_side },
    Test { name: "futures_wait_for_bits", run: futures_wait_for_bits },
];

fn priority() -> Result<u8, Error> {
    sys::thread_info(Handle::NONE).map(|info| info.priority)
}

fn threads_return_results(_root: &RootBlock) -> Outcome {
    let own = priority()?;
    let same = thread::spawn(priority)?;
    let lower = thread::Builder::default().priority(own - 1).stack(8192).spawn(priority)?;
    expect_eq!(lower.join()??, own - 1);
    expect_eq!(same.join()??, own);
    // A thread of this process cannot be sent anywhere by safe code.
    let waits = Arc::new(Signal::create()?);
    let signal = Arc::clone(&waits);
    let running = thread::spawn(move || signal.wait(1))?;
    expect_eq!(running.thread().start(0x1000, 0x1000, 0), Err(Error::InvalidArgument));
    waits.notify(1)?;
    expect_eq!(running.join()?, Ok(1));
    // Many one after the other: stacks are used again.
    for round in 0..50_u32 {
        expect_eq!(thread::spawn(move || round * 2)?.join()?, round * 2);
    }
    Ok(())
}

fn mutex_between_priorities(_root: &RootBlock) -> Outcome {
    const ROUNDS: u32 = 40;
    let shared = Arc::new(Mutex::new(0_u32));
    let own = priority()?;
    let mut threads = Vec::new();
    for below in 1..=3 {
        let shared = Arc::clone(&shared);
        threads.push(thread::Builder::default().priority(own - below).spawn(move || {
            let timer = Timer::new()?;
            for _ in 0..ROUNDS {
                let mut guard = shared.lock();
                let value = *guard;
                // Sleeping with the lock lets the others run into it.
                timer.sleep(Duration::from_micros(20))?;
                *guard = value + 1;
            }
            Ok::<(), Error>(())
        })?);
    }
    for thread in threads {
        thread.join()??;
    }
    expect_eq!(*shared.lock(), 3 * ROUNDS);
    Ok(())
}

fn heap_from_many_threads(_root: &RootBlock) -> Outcome {
    let mut threads = Vec::new();
    for seed in 1..5_usize {
        threads.push(thread::spawn(move || {
            let mut kept = Vec::new();
            for round in 0..200_usize {
                kept.push(alloc::vec![seed as u8; (round * seed * 37) % 900 + 1]);
                if round % 3 == 0 {
                    kept.swap_remove(round % kept.len());
                }
                if round % 20 == 0 {
                    let _nobody_else = sys::thread_yield();
                }
            }
            kept.iter().flatten().all(|byte| *byte == seed as u8)
        })?);
    }
    for thread in threads {
        expect!(thread.join()?);
    }
    Ok(())
}

fn futures_sleep_side_by_side(_root: &RootBlock) -> Outcome {
    let tasks = Tasks::new(Signal::create()?);
    let order = Rc::new(RefCell::new(Vec::new()));
    let started = Instant::now();
    for (name, milliseconds) in [("slow", 120), ("fast", 40), ("middle", 80)] {
        let (tasks_inside, order) = (tasks.clone(), Rc::clone(&order));
        tasks.spawn(async move {
            tasks_inside.sleep(Duration::from_millis(milliseconds)).await;
            order.borrow_mut().push(name);
        });
    }
    let inside = tasks.clone();
    tasks.block_on(async move { inside.sleep(Duration::from_millis(160)).await })?;
    expect_eq!(*order.borrow(), ["fast", "middle", "slow"]);
    expect!(started.elapsed() >= Duration::from_millis(160));
    expect!(tasks.is_empty());
    Ok(())
}

fn futures_wait_for_bits(_root: &RootBlock) -> Outcome {
    let tasks = Tasks::new(Signal::create()?);
    let notifier = tasks.signal().copy(airox_rt::Rights::SEND)?;
    // Less urgent, so that it goes on only when the futures wait for its next bit.
    let thread = thread::Builder::default()
        .priority(priority()? - 1)
        .spawn(move || [4, 2, 1].into_iter().try_for_each(|bit| notifier.notify(bit)))?;
    let inside = tasks.clone();
    let seen = tasks.block_on(async move {
        let first = inside.bits(1 | 4).await;
        let second = inside.bits(USER_BITS).await;
        // Of two waits for one bit, both end.
        let (third, fourth) = futures_join(inside.bits(1), inside.bits(1)).await;
        [first, second, third, fourth]
    })?;
    expect_eq!(seen, [4, 2, 1, 1]);
    thread.join()??;
    Ok(())
}

/// Runs two futures side by side.
async fn futures_join<A, B>(first: impl Future<Output = A>, second: impl Future<Output = B>) -> (A, B) {
    let (mut first, mut second) = (core::pin::pin!(first), core::pin::pin!(second));
    let (mut a, mut b) = (None, None);
    core::future::poll_fn(|context| {
        use core::task::Poll;
        if a.is_none()
            && let Poll::Ready(value) = first.as_mut().poll(context)
        {
            a = Some(value);
        }
        if b.is_none()
            && let Poll::Ready(value) = second.as_mut().poll(context)
        {
            b = Some(value);
        }
        match (a.take(), b.take()) {
            (Some(a), Some(b)) => Poll::Ready((a, b)),
            (left, right) => {
                (a, b) = (left, right);
                Poll::Pending
            }
        }
    })
    .await
}
