//! `call`, `receive`, `reply_receive`, `reply`, `reply_save`, `port_create` and `port_bind`.

use airox_abi::info::ThreadState;
use airox_abi::message::{MessageKind, Tag};
use airox_abi::{Error, Handle, Rights};

use crate::actors::{self, PORT, STOP};
use crate::child::Child;
use crate::failure::{Outcome, check, check_equal, check_error};
use crate::kernel::{self, Message, Owned};
use crate::registry::Test;
use crate::suite::Suite;

/// The tests.
pub const TESTS: &[Test] = &[
    Test::new("message", "eight_words_tag_and_reply", eight_words_tag_and_reply),
    Test::new("message", "badge_and_kind_cannot_be_forged", badge_and_kind_cannot_be_forged),
    Test::new("message", "thousand_round_trips", thousand_round_trips),
    Test::new("message", "several_clients", several_clients),
    Test::new("message", "receive_without_reply_says_no_reply", receive_without_reply_says_no_reply),
    Test::new("message", "no_caller", no_caller),
    Test::new("message", "saved_replies_in_any_order", saved_replies_in_any_order),
    Test::new("message", "closed_reply_says_no_reply", closed_reply_says_no_reply),
    Test::new("message", "more_urgent_senders_first", more_urgent_senders_first),
    Test::new("message", "closed_port", closed_port),
    Test::new("message", "reserved_counts_are_refused", reserved_counts_are_refused),
    Test::new("message", "bound_signal", bound_signal),
    Test::new("message", "bind_is_exclusive", bind_is_exclusive),
];

/// A port and a client process that holds a handle to it.
fn port_and_client(suite: &Suite) -> Result<(Owned, Child), crate::failure::Failure> {
    let port = kernel::port_create(Handle::NONE)?;
    let client = Child::new(suite)?;
    client.grant(PORT, port.get(), Rights::SEND)?;
    Ok((port, client))
}

fn eight_words_tag_and_reply(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let server = Child::new(suite)?;
    server.grant(PORT, port.get(), Rights::RECEIVE)?;
    server.start(actors::echo_server)?;
    let tag = Tag::new(0xabcd).with_user(0x1234_5678);
    let words = [1, 2, 3, u64::MAX, 5, 6, 7, 0x8000_0000_0000_0000];
    let reply = kernel::send(port.get(), &Message { badge: 0, tag, words })?;
    check_equal!(reply.words, words.map(|word| word.wrapping_add(1)));
    check_equal!(reply.tag, tag);
    check_equal!(reply.tag.kind(), MessageKind::Call);
    check_equal!(server.block().result(1), tag.0);
    kernel::send(port.get(), &Message::new(STOP))?;
    server.finish()
}

fn badge_and_kind_cannot_be_forged(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let client = Child::new(suite)?;
    client.grant_badged(PORT, port.get(), Rights::SEND, 0xbad6e)?;
    client.block().set_argument(1, Tag::new(7).with_kind(MessageKind::Fault).0 | Tag::KERNEL_BITS);
    client.start(actors::client)?;
    let message = kernel::receive(port.get())?;
    check_equal!(message.badge, 0xbad6e);
    check_equal!(message.tag, Tag::new(7));
    check_equal!(message.words, [10, 11, 12, 13, 14, 15, 16, 17]);
    kernel::reply(Handle::NONE, &Message::word(0, 99))?;
    client.wait()?;
    check_equal!(client.block().result(1), 99);
    client.finish()
}

fn thousand_round_trips(suite: &Suite) -> Outcome {
    let (port, client) = port_and_client(suite)?;
    client.block().set_argument(1, 1000);
    client.start(actors::busy_client)?;
    let mut message = kernel::receive(port.get())?;
    for count in 0..1000 {
        check_equal!(message.words[0], count);
        message.words[0] += 1;
        if count == 999 {
            kernel::reply(Handle::NONE, &message)?;
        } else {
            message = kernel::reply_receive(port.get(), &message)?;
        }
    }
    client.finish()
}

fn several_clients(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let server = Child::new(suite)?;
    server.grant(PORT, port.get(), Rights::RECEIVE)?;
    let clients = [Child::new(suite)?, Child::new(suite)?, Child::new(suite)?];
    for client in &clients {
        client.grant(PORT, port.get(), Rights::SEND)?;
        client.block().set_argument(1, 200);
        client.start(actors::busy_client)?;
    }
    server.start(actors::echo_server)?;
    for client in clients {
        client.finish()?;
    }
    kernel::send(port.get(), &Message::new(STOP))?;
    server.finish()
}

fn receive_without_reply_says_no_reply(suite: &Suite) -> Outcome {
    let (port, first) = port_and_client(suite)?;
    first.start(actors::client)?;
    kernel::receive(port.get())?;
    let second = Child::new(suite)?;
    second.grant(PORT, port.get(), Rights::SEND)?;
    second.start(actors::client)?;
    kernel::receive(port.get())?;
    first.wait()?;
    check_equal!(first.block().result(0), Error::NoReply as u64);
    kernel::reply(Handle::NONE, &Message::new(0))?;
    second.wait()?;
    check_equal!(second.block().result(0), 0);
    second.finish()
}

fn no_caller(suite: &Suite) -> Outcome {
    check_error!(kernel::reply(Handle::NONE, &Message::new(0)), Error::NoCaller);
    check_error!(kernel::reply_save(), Error::NoCaller);
    check_error!(kernel::lease_info(Handle::NONE, 0), Error::NoCaller);
    let mut buffer = [0; 8];
    check_error!(kernel::lease_read(Handle::NONE, 0, 0, &mut buffer), Error::NoCaller);
    check_error!(kernel::lease_write(Handle::NONE, 0, 0, &buffer), Error::NoCaller);
    // `reply_receive` without a caller is a plain `receive`.
    let (port, client) = port_and_client(suite)?;
    client.start(actors::client)?;
    check_equal!(kernel::reply_receive(port.get(), &Message::new(1))?.words[0], 10);
    kernel::reply(Handle::NONE, &Message::new(0))?;
    check_error!(kernel::reply(Handle::NONE, &Message::new(0)), Error::NoCaller);
    client.finish()
}

fn saved_replies_in_any_order(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let clients = [Child::new(suite)?, Child::new(suite)?, Child::new(suite)?];
    let mut replies = [const { None }; 3];
    for (client, reply) in clients.iter().zip(&mut replies) {
        client.grant(PORT, port.get(), Rights::SEND)?;
        client.start(actors::client)?;
        kernel::receive(port.get())?;
        *reply = Some(kernel::reply_save()?);
        check_error!(kernel::reply_save(), Error::NoCaller);
    }
    for index in [1, 2, 0] {
        let Some(reply) = &replies[index] else {
            continue;
        };
        kernel::reply(reply.get(), &Message::word(0, 100 + index as u64))?;
        // Used up, and gone.
        check_error!(kernel::reply(reply.get(), &Message::new(0)), Error::InvalidHandle);
        check_error!(kernel::handle_info(reply.get()), Error::InvalidHandle);
    }
    for (index, client) in clients.into_iter().enumerate() {
        client.wait()?;
        check_equal!(client.block().result(0), 0);
        check_equal!(client.block().result(1), 100 + index as u64);
        client.finish()?;
    }
    Ok(())
}

fn closed_reply_says_no_reply(suite: &Suite) -> Outcome {
    let (port, client) = port_and_client(suite)?;
    client.start(actors::client)?;
    kernel::receive(port.get())?;
    drop(kernel::reply_save()?);
    client.wait()?;
    check_equal!(client.block().result(0), Error::NoReply as u64);
    client.finish()
}

fn more_urgent_senders_first(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let clients = [Child::new(suite)?, Child::new(suite)?, Child::new(suite)?];
    for (client, priority) in clients.iter().zip([20, 40, 30]) {
        client.grant_badged(PORT, port.get(), Rights::SEND, priority)?;
        kernel::thread_priority(client.thread.get(), priority)?;
        client.start(actors::client)?;
        client.await_state(suite, ThreadState::Sending)?;
    }
    for priority in [40, 30, 20] {
        check_equal!(kernel::receive(port.get())?.badge, priority);
        kernel::reply(Handle::NONE, &Message::new(0))?;
    }
    for client in clients {
        client.finish()?;
    }
    Ok(())
}

fn closed_port(suite: &Suite) -> Outcome {
    let (port, queued) = port_and_client(suite)?;
    queued.start(actors::client)?;
    queued.await_state(suite, ThreadState::Sending)?;
    let sender = kernel::handle_copy(port.get(), Rights::SEND, 0)?;
    drop(port);
    queued.wait()?;
    check_equal!(queued.block().result(0), Error::ServerDied as u64);
    check_error!(kernel::send(sender.get(), &Message::new(0)), Error::ServerDied);
    queued.finish()
}

fn reserved_counts_are_refused(_: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    for tag in [
        Tag::new(0).with_handles(5),
        Tag::new(0).with_handles(15),
        Tag::new(0).with_leases(5),
        Tag::new(0).with_leases(15),
    ] {
        let message = Message { badge: 0, tag, words: [0; 8] };
        check_error!(kernel::send(port.get(), &message), Error::InvalidArgument);
    }
    Ok(())
}

fn bound_signal(suite: &Suite) -> Outcome {
    let (port, client) = port_and_client(suite)?;
    let signal = kernel::signal_create(Handle::NONE)?;
    kernel::port_bind(port.get(), signal.get())?;
    kernel::notify(signal.get(), 0b1010)?;
    let message = kernel::receive(port.get())?;
    check_equal!(message.tag.kind(), MessageKind::Signal);
    check_equal!(message.words[0], 0b1010);
    check_error!(kernel::reply(Handle::NONE, &Message::new(0)), Error::NoCaller);
    // Taken and cleared.
    check_equal!(kernel::poll(signal.get(), u64::MAX)?, 0);
    // Bits that were set before the signal was bound arrive as well.
    kernel::port_bind(port.get(), Handle::NONE)?;
    kernel::notify(signal.get(), 4)?;
    kernel::port_bind(port.get(), signal.get())?;
    check_equal!(kernel::receive(port.get())?.words[0], 4);
    // A timer on the signal wakes a receiver; a call arrives through the same port.
    kernel::timer_set(signal.get(), kernel::now() + 100_000, 1 << 40)?;
    check_equal!(kernel::receive(port.get())?.words[0], 1 << 40);
    client.start(actors::client)?;
    let message = kernel::receive(port.get())?;
    check_equal!(message.tag.kind(), MessageKind::Call);
    kernel::reply(Handle::NONE, &Message::new(0))?;
    client.finish()
}

fn bind_is_exclusive(_: &Suite) -> Outcome {
    let (first, second) = (kernel::port_create(Handle::NONE)?, kernel::port_create(Handle::NONE)?);
    let signal = kernel::signal_create(Handle::NONE)?;
    kernel::port_bind(first.get(), signal.get())?;
    check_error!(kernel::port_bind(second.get(), signal.get()), Error::Busy);
    kernel::port_bind(first.get(), Handle::NONE)?;
    kernel::port_bind(second.get(), signal.get())?;
    kernel::port_bind(second.get(), Handle::NONE)?;
    drop(second);
    // The port a signal was bound to may go before the signal, and the other way round.
    kernel::port_bind(first.get(), signal.get())?;
    drop(first);
    kernel::notify(signal.get(), 1)?;
    check!(kernel::poll(signal.get(), 1)? == 1, "a signal outlives its port");
    Ok(())
}
