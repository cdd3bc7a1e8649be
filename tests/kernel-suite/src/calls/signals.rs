//! `signal_create`, `notify`, `wait`, `poll` and `timer_set`.

use airox_abi::info::ThreadState;
use airox_abi::{Error, Handle, Rights};

use crate::block::Block;
use crate::child::Child;
use crate::failure::{Failure, Outcome, check, check_equal, check_error};
use crate::kernel::{self, Owned};
use crate::registry::Test;
use crate::suite::Suite;

/// The tests.
pub const TESTS: &[Test] = &[
    Test::new("signal", "bits_accumulate_and_clear", bits_accumulate_and_clear),
    Test::new("signal", "wait_until_notified", wait_until_notified),
    Test::new("signal", "badge_limits_bits", badge_limits_bits),
    Test::new("signal", "one_waiter", one_waiter),
    Test::new("signal", "timer_is_never_early", timer_is_never_early),
    Test::new("signal", "timer_in_the_past_and_stopped", timer_in_the_past_and_stopped),
    Test::new("signal", "many_timers", many_timers),
    Test::new("signal", "closed_while_waited_for", closed_while_waited_for),
];

fn bits_accumulate_and_clear(_: &Suite) -> Outcome {
    let signal = kernel::signal_create(Handle::NONE)?;
    check_equal!(kernel::poll(signal.get(), u64::MAX)?, 0);
    kernel::notify(signal.get(), 1)?;
    kernel::notify(signal.get(), 1 << 63 | 4)?;
    kernel::notify(signal.get(), 4)?;
    check_equal!(kernel::poll(signal.get(), 5)?, 5);
    check_equal!(kernel::poll(signal.get(), 5)?, 0);
    check_equal!(kernel::wait(signal.get(), u64::MAX)?, 1 << 63);
    check_equal!(kernel::poll(signal.get(), u64::MAX)?, 0);
    Ok(())
}

/// Waits on signal 0 for the mask in argument 2, stores the bits, notifies signal 1 with 1.
fn waiter(block: &Block) -> Outcome {
    let bits = kernel::wait(block.handle(0), block.argument(2))?;
    block.set_result(0, bits);
    Ok(kernel::notify(block.handle(1), 1)?)
}

/// A child that waits for `mask`; with the signal it waits on, and the one it notifies then.
fn waiting_child(suite: &Suite, mask: u64) -> Result<(Child, Owned, Owned), Failure> {
    let (go, done) = (kernel::signal_create(Handle::NONE)?, kernel::signal_create(Handle::NONE)?);
    let child = Child::new(suite)?;
    child.grant(0, go.get(), Rights::RECEIVE)?;
    child.grant(1, done.get(), Rights::SEND)?;
    child.block().set_argument(2, mask);
    child.start(waiter)?;
    child.await_state(suite, ThreadState::Waiting)?;
    Ok((child, go, done))
}

fn wait_until_notified(suite: &Suite) -> Outcome {
    let (child, go, done) = waiting_child(suite, 0b110)?;
    // Bits outside the mask wake nobody.
    kernel::notify(go.get(), 0b1001)?;
    child.await_state(suite, ThreadState::Waiting)?;
    kernel::notify(go.get(), 0b101)?;
    kernel::wait(done.get(), 1)?;
    check_equal!(child.block().result(0), 0b100);
    check_equal!(kernel::poll(go.get(), u64::MAX)?, 0b1001);
    child.finish()
}

fn badge_limits_bits(_: &Suite) -> Outcome {
    let signal = kernel::signal_create(Handle::NONE)?;
    let badged = kernel::handle_copy(signal.get(), Rights::all(), 0b11)?;
    kernel::notify(badged.get(), 0b01)?;
    kernel::notify(badged.get(), 0b11)?;
    for bits in [0b100, 0b111, u64::MAX] {
        check!(kernel::notify(badged.get(), bits).is_err(), "bits {bits:#b} passed a badge of 0b11");
    }
    check_equal!(kernel::poll(signal.get(), u64::MAX)?, 0b11);
    Ok(())
}

fn one_waiter(suite: &Suite) -> Outcome {
    let (child, go, _done) = waiting_child(suite, 2)?;
    check_error!(kernel::wait(go.get(), 1), Error::Busy);
    // Bits that are set already need no waiting.
    let port = kernel::port_create(Handle::NONE)?;
    check_error!(kernel::port_bind(port.get(), go.get()), Error::Busy);
    kernel::notify(go.get(), 2)?;
    child.finish()
}

fn timer_is_never_early(_: &Suite) -> Outcome {
    let signal = kernel::signal_create(Handle::NONE)?;
    for delay in [0, 1, 1_000, 50_000, 3_000_000, 20_000_000] {
        let deadline = kernel::now() + delay;
        kernel::timer_set(signal.get(), deadline, 1 << 5)?;
        check_equal!(kernel::wait(signal.get(), u64::MAX)?, 1 << 5);
        check!(kernel::now() >= deadline, "a timer of {delay} ns fired early");
        check_equal!(kernel::poll(signal.get(), u64::MAX)?, 0);
    }
    Ok(())
}

fn timer_in_the_past_and_stopped(suite: &Suite) -> Outcome {
    let signal = kernel::signal_create(Handle::NONE)?;
    kernel::timer_set(signal.get(), 0, 1)?;
    check_equal!(kernel::wait(signal.get(), 1)?, 1);
    kernel::timer_set(signal.get(), kernel::now() + 1_000_000, 2)?;
    kernel::timer_set(signal.get(), u64::MAX, 2)?;
    suite.sleep(2_000_000)?;
    check_equal!(kernel::poll(signal.get(), u64::MAX)?, 0);
    // A second setting replaces the first.
    kernel::timer_set(signal.get(), kernel::now() + 500_000, 4)?;
    kernel::timer_set(signal.get(), kernel::now() + 1_000_000, 8)?;
    check_equal!(kernel::wait(signal.get(), u64::MAX)?, 8);
    check_equal!(kernel::poll(signal.get(), u64::MAX)?, 0);
    // Years ahead, and at the edge of what the arithmetic can hold.
    for deadline in [u64::MAX - 1, 1 << 63, 1 << 60] {
        kernel::timer_set(signal.get(), deadline, 1)?;
    }
    check_equal!(kernel::poll(signal.get(), u64::MAX)?, 0);
    Ok(())
}

fn many_timers(_: &Suite) -> Outcome {
    const COUNT: usize = 20;
    let mut signals = [const { None }; COUNT];
    let start = kernel::now();
    for (index, signal) in signals.iter_mut().enumerate() {
        let created = kernel::signal_create(Handle::NONE)?;
        // Neither in the order of creation nor in its reverse.
        let deadline = start + 1_000_000 + (index as u64 * 7 % COUNT as u64) * 50_000;
        kernel::timer_set(created.get(), deadline, 1)?;
        *signal = Some((created, deadline));
    }
    for (signal, deadline) in signals.iter().flatten() {
        kernel::wait(signal.get(), 1)?;
        check!(kernel::now() >= *deadline, "a timer fired early");
    }
    Ok(())
}

fn closed_while_waited_for(suite: &Suite) -> Outcome {
    let (child, go, _done) = waiting_child(suite, 1)?;
    // The waiter loses its handle, then the signal goes. It must not wait for ever on what is gone.
    kernel::handle_revoke(go.get())?;
    drop(go);
    let info = child.kill()?;
    check_equal!(info.exit_code == 0, false);
    Ok(())
}
