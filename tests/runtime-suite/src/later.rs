//! Calls that are answered later, and signals beside requests.

use crate::registry::{Outcome, Test};
use crate::server;
use crate::{expect, expect_eq};
use airox_api::CallError;
use airox_rt::sync::Mutex;
use airox_rt::time::{Duration, Instant, Timer};
use airox_rt::{Error, RootBlock, thread};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// This group's tests.
pub static TESTS: &[Test] = &[
    Test { name: "slow_requests_block_nobody", run: slow_requests_block_nobody },
    Test { name: "requests_wait_for_bits", run: requests_wait_for_bits },
    Test { name: "stray_bits_reach_the_server", run: stray_bits_reach_the_server },
    Test { name: "a_call_given_up", run: a_call_given_up },
    Test { name: "server_death_with_calls_kept", run: server_death_with_calls_kept },
];

fn slow_requests_block_nobody(_root: &RootBlock) -> Outcome {
    let running = server::start(None)?;
    let order = Arc::new(Mutex::new(Vec::new()));
    let started = Instant::now();
    let mut threads = Vec::new();
    for microseconds in [120_000_u64, 40_000, 80_000] {
        let (client, order) = (running.client()?, Arc::clone(&order));
        threads.push(thread::spawn(move || {
            let answer = client.later(microseconds, microseconds + 1);
            order.lock().push(microseconds);
            answer == Ok(microseconds + 1)
        })?);
    }
    // Meanwhile, quick requests are answered.
    let client = running.client()?;
    let mut quick = 0_u32;
    while order.lock().is_empty() {
        expect_eq!(client.add(1, 1)?, 2);
        Timer::new()?.sleep(Duration::from_micros(100))?;
        quick += 1;
    }
    expect!(quick >= 2);
    for thread in threads {
        expect!(thread.join()?);
    }
    expect_eq!(*order.lock(), [40_000, 80_000, 120_000]);
    expect!(started.elapsed() >= Duration::from_millis(120));
    running.stop()?;
    Ok(())
}

fn requests_wait_for_bits(_root: &RootBlock) -> Outcome {
    let running = server::start(None)?;
    let client = running.client()?;
    let waiting = thread::spawn(move || client.on_bit(0b100))?;
    Timer::new()?.sleep(Duration::from_micros(500))?;
    running.signal.notify(0b100)?;
    expect_eq!(waiting.join()?, Ok(0b100));
    expect_eq!(running.client()?.stray_bits()?, (0, 0));
    running.stop()?;
    Ok(())
}

fn stray_bits_reach_the_server(_root: &RootBlock) -> Outcome {
    let running = server::start(None)?;
    let client = running.client()?;
    running.signal.notify(0b11)?;
    Timer::new()?.sleep(Duration::from_micros(200))?;
    running.signal.notify(0b1000)?;
    Timer::new()?.sleep(Duration::from_micros(200))?;
    expect_eq!(client.stray_bits()?, (2, 0b1011));
    running.stop()?;
    Ok(())
}

fn a_call_given_up(_root: &RootBlock) -> Outcome {
    let running = server::start(None)?;
    let client = running.client()?;
    expect_eq!(client.never(), Err(CallError::Kernel(Error::NoReply)));
    expect_eq!(client.add(1, 1)?, 2);
    running.stop()?;
    Ok(())
}

/// The server's thread ends while it holds replies: their callers must learn it, not hang.
fn server_death_with_calls_kept(_root: &RootBlock) -> Outcome {
    let running = server::start(None)?;
    let client = running.client()?;
    let waiting = thread::spawn(move || client.on_bit(1))?;
    Timer::new()?.sleep(Duration::from_micros(500))?;
    running.stop()?;
    let answer = waiting.join()?;
    expect!(matches!(answer, Err(CallError::ServerDied | CallError::Kernel(Error::NoReply))));
    Ok(())
}
