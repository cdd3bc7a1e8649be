//! Priority inversion: the most urgent thread needs a server that works for the least urgent one, while a third, in between, never stops.
//!
//! What the server still has to do is a few tens of milliseconds; the one in between runs ten times as long. Without lending the most
//! urgent one waits for it; with lending it does not.

use airox_abi::info::ThreadState;
use airox_abi::{Handle, Rights};

use super::{ANSWERED_AT, BEGUN, CALLED_AT, CODE, MS, calls, child_at, work, worker_at, worker_between};
use crate::block::Block;
use crate::child::Child;
use crate::failure::{Outcome, check, check_equal};
use crate::kernel;
use crate::registry::Test;
use crate::suite::Suite;

/// The tests.
pub const TESTS: &[Test] = &[
    Test::new("inversion", "without_lending_it_happens", without_lending_it_happens),
    Test::new("inversion", "active_server", active_server),
    Test::new("inversion", "passive_server", passive_server),
    Test::new("inversion", "two_active_servers", two_active_servers),
    Test::new("inversion", "two_passive_servers", two_passive_servers),
    Test::new("inversion", "a_server_that_saved_the_reply", a_server_that_saved_the_reply),
    Test::new("inversion", "a_server_at_a_signal", a_server_at_a_signal),
];

const SERVER: u64 = 10;
const LOW: u64 = 20;
const MIDDLE: u64 = 40;
const HIGH: u64 = 60;
/// What the server does for each caller, and how long the one in between runs.
const WORK: u64 = 20 * MS;
const HOGGING: u64 = 600 * MS;

/// Runs for a while; leaves when it ended.
fn hogs(block: &Block) -> Outcome {
    let end = kernel::now() + HOGGING;
    while kernel::now() < end {}
    block.set_result(0, kernel::now());
    Ok(())
}

/// Starts the one in between, and once that runs, the urgent one, which calls the port; checks who is done first, and how long it took.
fn high_waits_for_work_only(suite: &Suite, port: &kernel::Owned) -> Outcome {
    let (middle, high) = (child_at(suite, MIDDLE)?, child_at(suite, HIGH)?);
    middle.start(hogs)?;
    suite.sleep(2 * MS)?;
    check_equal!(kernel::thread_info(middle.thread.get())?.state, ThreadState::Ready as u8);
    calls(&high, port, WORK)?;
    high.wait()?;
    check_equal!(high.block().result(CODE), 0);
    middle.wait()?;
    let answered = high.block().result(ANSWERED_AT);
    check!(answered < middle.block().result(0), "it waited for the one in between");
    let waited = answered - high.block().result(CALLED_AT);
    check!(waited < HOGGING / 2, "{waited} ns");
    high.finish()
}

/// As above, with a low client whose call is being served.
fn with_low_client(suite: &Suite, port: &kernel::Owned, working: &Child) -> Outcome {
    let low = child_at(suite, LOW)?;
    calls(&low, port, WORK)?;
    suite.until(|| Ok(working.block().result(BEGUN) == 1))?;
    high_waits_for_work_only(suite, port)?;
    low.wait()?;
    check_equal!(low.block().result(CODE), 0);
    low.finish()
}

fn one_server(suite: &Suite, passive: bool) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let server = worker_at(suite, SERVER, &port, passive)?;
    with_low_client(suite, &port, &server)
}

fn active_server(suite: &Suite) -> Outcome {
    one_server(suite, false)
}

fn passive_server(suite: &Suite) -> Outcome {
    one_server(suite, true)
}

fn two_servers(suite: &Suite, passive: bool) -> Outcome {
    let (front, back) = (kernel::port_create(Handle::NONE)?, kernel::port_create(Handle::NONE)?);
    let last = worker_at(suite, SERVER, &back, passive)?;
    let _first = worker_between(suite, SERVER, &front, &back, passive)?;
    with_low_client(suite, &front, &last)
}

fn two_active_servers(suite: &Suite) -> Outcome {
    two_servers(suite, false)
}

fn two_passive_servers(suite: &Suite) -> Outcome {
    two_servers(suite, true)
}

/// Keeps the first caller waiting, works for a while and answers; then answers one more.
fn saves_the_reply(block: &Block) -> Outcome {
    let port = block.handle(0);
    let message = kernel::receive(port)?;
    let saved = kernel::reply_save()?;
    block.set_result(BEGUN, 1);
    work(WORK)?;
    kernel::reply(saved.get(), &message)?;
    let next = kernel::receive(port)?;
    Ok(kernel::reply(Handle::NONE, &next)?)
}

fn a_server_that_saved_the_reply(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let server = child_at(suite, SERVER)?;
    server.grant(0, port.get(), Rights::RECEIVE)?;
    server.start(saves_the_reply)?;
    with_low_client(suite, &port, &server)?;
    server.finish()
}

/// Works for each message, whatever it is.
fn works_at_signals(block: &Block) -> Outcome {
    let port = block.handle(0);
    kernel::receive(port)?;
    block.set_result(BEGUN, 1);
    work(WORK)?;
    let call = kernel::receive(port)?;
    Ok(kernel::reply(Handle::NONE, &call)?)
}

fn a_server_at_a_signal(suite: &Suite) -> Outcome {
    let (port, signal) = (kernel::port_create(Handle::NONE)?, kernel::signal_create(Handle::NONE)?);
    kernel::port_bind(port.get(), signal.get())?;
    let server = child_at(suite, SERVER)?;
    server.grant(0, port.get(), Rights::RECEIVE)?;
    server.start(works_at_signals)?;
    server.await_state(suite, ThreadState::Receiving)?;
    kernel::notify(signal.get(), 1)?;
    suite.until(|| Ok(server.block().result(BEGUN) == 1))?;
    high_waits_for_work_only(suite, &port)?;
    server.finish()
}

/// Works, then notifies signal 1.
fn works_then_notifies(block: &Block) -> Outcome {
    block.set_result(BEGUN, 1);
    work(WORK)?;
    Ok(kernel::notify(block.handle(1), 1)?)
}

/// Waits for signal 1 and leaves when it came.
fn awaits_signal(block: &Block) -> Outcome {
    kernel::wait(block.handle(1), 1)?;
    block.set_result(0, kernel::now());
    Ok(())
}

/// The proof that the tests here can fail: a signal tells the kernel nothing about who depends on whom.
fn without_lending_it_happens(suite: &Suite) -> Outcome {
    let signal = kernel::signal_create(Handle::NONE)?;
    let (low, middle, high) = (child_at(suite, LOW)?, child_at(suite, MIDDLE)?, child_at(suite, HIGH)?);
    low.grant(1, signal.get(), Rights::SEND)?;
    high.grant(1, signal.get(), Rights::RECEIVE)?;
    low.start(works_then_notifies)?;
    suite.until(|| Ok(low.block().result(BEGUN) == 1))?;
    middle.start(hogs)?;
    high.start(awaits_signal)?;
    high.wait()?;
    middle.wait()?;
    check!(high.block().result(0) > middle.block().result(0), "it did not wait for the one in between");
    low.finish()
}
