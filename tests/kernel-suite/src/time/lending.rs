//! Time lent along calls.

use airox_abi::info::ThreadState;
use airox_abi::{BudgetFlags, Error, Handle, Rights};

use super::{
    ANSWERED_AT, BEGUN, CALLED_AT, CODE, ENDED, MS, budget, calls, child_at, child_on, cpu_time, used, work, worker_at,
    worker_between,
};
use crate::actors::{self, PORT};
use crate::block::Block;
use crate::child::Child;
use crate::failure::{Outcome, check, check_equal};
use crate::kernel::{self, Message};
use crate::registry::Test;
use crate::suite::Suite;

/// The tests.
pub const TESTS: &[Test] = &[
    Test::new("lending", "a_passive_server_uses_its_callers", a_passive_server_uses_its_callers),
    Test::new("lending", "an_active_server_uses_its_own", an_active_server_uses_its_own),
    Test::new("lending", "nobody_lends_for_a_signal", nobody_lends_for_a_signal),
    Test::new("lending", "a_caller_helps_a_signalled_server", a_caller_helps_a_signalled_server),
    Test::new("lending", "made_passive_it_runs_until_it_receives", made_passive_it_runs_until_it_receives),
    Test::new("lending", "active_again", active_again),
    Test::new("lending", "a_chain_uses_the_firsts", a_chain_uses_the_firsts),
    Test::new("lending", "a_chain_without_its_end", a_chain_without_its_end),
    Test::new("lending", "out_of_time_in_a_call", out_of_time_in_a_call),
    Test::new("lending", "another_caller_helps", another_caller_helps),
    Test::new("lending", "another_caller_helps_along_a_chain", another_caller_helps_along_a_chain),
    Test::new("lending", "a_fault_is_not_the_servers", a_fault_is_not_the_servers),
    Test::new("lending", "lost_while_lent", lost_while_lent),
    Test::new("lending", "lost_with_its_caller", lost_with_its_caller),
    Test::new("lending", "the_caller_gets_another_budget", the_caller_gets_another_budget),
    Test::new("lending", "the_server_dies", the_server_dies),
    Test::new("lending", "a_saved_reply", a_saved_reply),
];

fn a_passive_server_uses_its_callers(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let server = worker_at(suite, 10, &port, true)?;
    let before = cpu_time(server.thread.get())?;
    let lent = budget(400 * MS, 1000 * MS)?;
    let client = child_on(suite, 50, &lent)?;
    calls(&client, &port, 20 * MS)?;
    client.wait()?;
    check_equal!(client.block().result(CODE), 0);
    check!(cpu_time(server.thread.get())? - before >= 20 * MS, "no work");
    check!(used(&lent)? >= 20 * MS, "used {} ns", used(&lent)?);
    client.finish()
}

fn an_active_server_uses_its_own(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let server = worker_at(suite, 10, &port, false)?;
    let own = budget(400 * MS, 1000 * MS)?;
    kernel::budget_bind(server.thread.get(), own.get())?;
    let others = budget(400 * MS, 1000 * MS)?;
    let client = child_on(suite, 50, &others)?;
    calls(&client, &port, 20 * MS)?;
    client.wait()?;
    check!(used(&own)? >= 20 * MS, "own: {} ns", used(&own)?);
    let client_time = cpu_time(client.thread.get())?;
    check!(used(&others)? < client_time + MS, "the caller's: {} ns, of which its own {client_time}", used(&others)?);
    client.finish()
}

fn signalled_server(suite: &Suite) -> Result<(Child, kernel::Owned, kernel::Owned), crate::failure::Failure> {
    let (port, signal) = (kernel::port_create(Handle::NONE)?, kernel::signal_create(Handle::NONE)?);
    kernel::port_bind(port.get(), signal.get())?;
    let server = worker_at(suite, 80, &port, true)?;
    kernel::notify(signal.get(), 1)?;
    server.await_state(suite, ThreadState::Ready)?;
    suite.sleep(10 * MS)?;
    check_equal!(server.block().result(BEGUN), 0);
    Ok((server, port, signal))
}

fn nobody_lends_for_a_signal(suite: &Suite) -> Outcome {
    let (server, _port, _signal) = signalled_server(suite)?;
    // It has the bits, and goes on once it has time.
    kernel::budget_bind(server.thread.get(), Handle::NONE)?;
    suite.until(|| Ok(server.block().result(BEGUN) == 1))
}

fn a_caller_helps_a_signalled_server(suite: &Suite) -> Outcome {
    let (server, port, _signal) = signalled_server(suite)?;
    let client = child_at(suite, 50)?;
    calls(&client, &port, MS)?;
    client.wait()?;
    check_equal!(client.block().result(CODE), 0);
    check_equal!(server.block().result(ENDED), 2);
    client.finish()
}

/// Counts in result 0; once argument 2 is set it receives, and counts in result 1 what it gets.
fn hogs_then_receives(block: &Block) -> Outcome {
    while block.argument(2) == 0 {
        block.set_result(0, block.result(0) + 1);
    }
    loop {
        kernel::receive(block.handle(PORT))?;
        block.set_result(1, block.result(1) + 1);
    }
}

fn made_passive_it_runs_until_it_receives(suite: &Suite) -> Outcome {
    let (port, signal) = (kernel::port_create(Handle::NONE)?, kernel::signal_create(Handle::NONE)?);
    kernel::port_bind(port.get(), signal.get())?;
    let child = child_at(suite, 50)?;
    child.grant(PORT, port.get(), Rights::RECEIVE)?;
    child.start(hogs_then_receives)?;
    suite.until(|| Ok(child.block().result(0) > 0))?;
    kernel::make_passive(child.thread.get())?;
    let count = child.block().result(0);
    suite.until(|| Ok(child.block().result(0) > count))?;
    child.block().set_argument(2, 1);
    child.await_state(suite, ThreadState::Receiving)?;
    kernel::notify(signal.get(), 1)?;
    suite.sleep(10 * MS)?;
    check_equal!(child.block().result(1), 0);
    Ok(())
}

fn active_again(suite: &Suite) -> Outcome {
    let (first, second) = (budget(400 * MS, 1000 * MS)?, budget(400 * MS, 1000 * MS)?);
    let child = child_on(suite, 50, &first)?;
    child.start(actors::hog)?;
    kernel::make_passive(child.thread.get())?;
    suite.until(|| Ok(child.block().result(0) > 0))?;
    kernel::budget_bind(child.thread.get(), second.get())?;
    let before = used(&first)?;
    suite.sleep(10 * MS)?;
    check_equal!(used(&first)?, before);
    check!(used(&second)? > 0, "it runs on neither");
    Ok(())
}

fn a_chain_uses_the_firsts(suite: &Suite) -> Outcome {
    let (front, back) = (kernel::port_create(Handle::NONE)?, kernel::port_create(Handle::NONE)?);
    let last = worker_at(suite, 10, &back, true)?;
    let first = worker_between(suite, 10, &front, &back, true)?;
    let lent = budget(400 * MS, 1000 * MS)?;
    let client = child_on(suite, 50, &lent)?;
    calls(&client, &front, 20 * MS)?;
    client.wait()?;
    check_equal!(client.block().result(CODE), 0);
    for server in [&first, &last] {
        check_equal!(server.block().result(ENDED), 1);
    }
    check!(used(&lent)? >= 40 * MS, "used {} ns", used(&lent)?);
    client.finish()
}

fn a_chain_without_its_end(suite: &Suite) -> Outcome {
    let (front, back) = (kernel::port_create(Handle::NONE)?, kernel::port_create(Handle::NONE)?);
    let last = worker_at(suite, 10, &back, true)?;
    let first = worker_between(suite, 10, &front, &back, true)?;
    drop(back);
    let lent = budget(800 * MS, 1000 * MS)?;
    let client = child_on(suite, 50, &lent)?;
    calls(&client, &front, 40 * MS)?;
    suite.until(|| Ok(last.block().result(BEGUN) == 1))?;
    last.kill()?;
    let before = used(&lent)?;
    client.wait()?;
    check_equal!(client.block().result(CODE), 0);
    check_equal!(first.block().result(2), Error::ServerDied as u64);
    check_equal!(first.block().result(ENDED), 1);
    check!(used(&lent)? - before >= 39 * MS, "whose time was it?");
    client.finish()
}

fn out_of_time_in_a_call(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let server = worker_at(suite, 10, &port, true)?;
    let lent = budget(5 * MS, 50 * MS)?;
    let client = child_on(suite, 50, &lent)?;
    calls(&client, &port, 12 * MS)?;
    suite.until(|| Ok(kernel::budget_info(lent.get())?.overruns == 1))?;
    check_equal!(server.block().result(ENDED), 0);
    let info = client.wait()?;
    check_equal!(client.block().result(CODE), 0);
    let block = client.block();
    // It took two more replenishments.
    let waited = block.result(ANSWERED_AT) - block.result(CALLED_AT);
    check!(waited >= 50 * MS, "{waited} ns");
    check!(kernel::budget_info(lent.get())?.overruns >= 1 && info.faulted == 0, "faulted");
    client.finish()
}

/// A server that is out of its first caller's time; an hour has to pass before there is more.
fn stuck(suite: &Suite, port: &kernel::Owned) -> Result<(Child, kernel::Owned), crate::failure::Failure> {
    let short = budget(5 * MS, 3_600_000 * MS)?;
    let first = child_on(suite, 50, &short)?;
    calls(&first, port, 20 * MS)?;
    suite.until(|| Ok(kernel::budget_info(short.get())?.overruns == 1))?;
    Ok((first, short))
}

fn another_caller_helps(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let _server = worker_at(suite, 10, &port, true)?;
    let (first, _short) = stuck(suite, &port)?;
    let long = budget(800 * MS, 1000 * MS)?;
    let second = child_on(suite, 30, &long)?;
    calls(&second, &port, 10 * MS)?;
    second.wait()?;
    check_equal!(second.block().result(CODE), 0);
    check!(used(&long)? >= 20 * MS, "used {} ns", used(&long)?);
    // The first one is answered, but has no time to notice.
    first.await_state(suite, ThreadState::Ready)?;
    kernel::budget_bind(first.thread.get(), long.get())?;
    first.wait()?;
    check_equal!(first.block().result(CODE), 0);
    first.finish()
}

fn another_caller_helps_along_a_chain(suite: &Suite) -> Outcome {
    let (front, back) = (kernel::port_create(Handle::NONE)?, kernel::port_create(Handle::NONE)?);
    let last = worker_at(suite, 10, &back, true)?;
    let _first = worker_between(suite, 10, &front, &back, true)?;
    // The second caller waits already when the first one's time ends.
    let short = budget(30 * MS, 3_600_000 * MS)?;
    let low = child_on(suite, 30, &short)?;
    calls(&low, &front, 50 * MS)?;
    suite.until(|| Ok(last.block().result(BEGUN) == 1))?;
    let long = budget(800 * MS, 1000 * MS)?;
    let high = child_on(suite, 50, &long)?;
    calls(&high, &front, MS)?;
    high.wait()?;
    check_equal!(high.block().result(CODE), 0);
    check_equal!(kernel::budget_info(short.get())?.overruns, 1);
    check!(used(&long)? >= 20 * MS, "used {} ns", used(&long)?);
    high.finish()
}

fn a_fault_is_not_the_servers(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let server = worker_at(suite, 10, &port, true)?;
    let lent = kernel::budget_create(Handle::NONE, 0, 5 * MS, 20 * MS, BudgetFlags::FAULT)?;
    let client = child_on(suite, 50, &lent)?;
    calls(&client, &port, 12 * MS)?;
    suite.until(|| Ok(server.block().result(ENDED) == 1))?;
    check!(kernel::budget_info(lent.get())?.overruns > 0, "no overrun");
    check_equal!(kernel::process_info(server.process.get())?.faulted, 0);
    Ok(())
}

/// A passive server at work for a client, with the budget that the client lends it.
fn at_work(
    suite: &Suite,
    port: &kernel::Owned,
    work: u64,
) -> Result<(Child, Child, kernel::Owned), crate::failure::Failure> {
    let server = worker_at(suite, 10, port, true)?;
    let lent = budget(400 * MS, 1000 * MS)?;
    let client = child_on(suite, 50, &lent)?;
    calls(&client, port, work)?;
    suite.until(|| Ok(server.block().result(BEGUN) == 1))?;
    Ok((server, client, lent))
}

/// The server is stopped; another caller comes, and both are served.
fn next_caller_is_served(suite: &Suite, port: &kernel::Owned, server: &Child) -> Outcome {
    let ended = server.block().result(ENDED);
    suite.sleep(20 * MS)?;
    check_equal!(server.block().result(ENDED), ended);
    let second = child_at(suite, 50)?;
    calls(&second, port, MS)?;
    second.wait()?;
    check_equal!(second.block().result(CODE), 0);
    check_equal!(server.block().result(ENDED), ended + 2);
    second.finish()
}

fn lost_while_lent(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let (server, first, lost) = at_work(suite, &port, 30 * MS)?;
    drop(lost);
    next_caller_is_served(suite, &port, &server)?;
    kernel::budget_bind(first.thread.get(), Handle::NONE)?;
    first.wait()?;
    check_equal!(first.block().result(CODE), 0);
    first.finish()
}

fn lost_with_its_caller(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let (server, first, lost) = at_work(suite, &port, 30 * MS)?;
    first.kill()?;
    drop(lost);
    next_caller_is_served(suite, &port, &server)
}

fn the_caller_gets_another_budget(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let _server = worker_at(suite, 10, &port, true)?;
    let (first, short) = stuck(suite, &port)?;
    drop(short);
    let other = budget(800 * MS, 1000 * MS)?;
    kernel::budget_bind(first.thread.get(), other.get())?;
    first.wait()?;
    check_equal!(first.block().result(CODE), 0);
    check!(used(&other)? >= 10 * MS, "used {} ns", used(&other)?);
    first.finish()
}

fn the_server_dies(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let (server, client, lent) = at_work(suite, &port, 3_600_000 * MS)?;
    server.kill()?;
    client.wait()?;
    check_equal!(client.block().result(CODE), Error::ServerDied as u64);
    let info = kernel::budget_info(lent.get())?;
    check!(info.available_ticks > 0 && info.used_ticks > 0, "{info:?}");
    // It serves the next instance as before.
    let next = worker_at(suite, 10, &port, true)?;
    let second = child_on(suite, 50, &lent)?;
    calls(&second, &port, 5 * MS)?;
    second.wait()?;
    check_equal!((second.block().result(CODE), next.block().result(ENDED)), (0, 1));
    client.finish()
}

/// Saves the first caller's reply, works, takes a second call, works, and answers both.
fn answers_later(block: &Block) -> Outcome {
    let port = block.handle(PORT);
    let first = kernel::receive(port)?;
    let saved = kernel::reply_save()?;
    work(first.words[0])?;
    block.set_result(BEGUN, 1);
    let second = kernel::receive(port)?;
    work(second.words[0])?;
    kernel::reply(saved.get(), &Message::new(0))?;
    kernel::reply_receive(port, &second)?;
    Ok(())
}

fn a_saved_reply(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let server = child_at(suite, 10)?;
    server.grant(PORT, port.get(), Rights::RECEIVE)?;
    kernel::make_passive(server.thread.get())?;
    server.start(answers_later)?;
    server.await_state(suite, ThreadState::Receiving)?;
    let budgets = [budget(300 * MS, 1000 * MS)?, budget(300 * MS, 1000 * MS)?];
    let clients = [child_on(suite, 50, &budgets[0])?, child_on(suite, 50, &budgets[1])?];
    calls(&clients[0], &port, 20 * MS)?;
    suite.until(|| Ok(server.block().result(BEGUN) == 1))?;
    let first = used(&budgets[0])?;
    check!(first >= 20 * MS, "used {first} ns");
    calls(&clients[1], &port, 20 * MS)?;
    for client in clients {
        client.wait()?;
        check_equal!(client.block().result(CODE), 0);
        client.finish()?;
    }
    check!(used(&budgets[1])? >= 20 * MS, "used {} ns", used(&budgets[1])?);
    check!(used(&budgets[0])? < first + 10 * MS, "the first one paid for the second");
    Ok(())
}
