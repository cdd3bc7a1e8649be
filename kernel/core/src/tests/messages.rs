//! Calls, replies, handles and leases in messages, signals at ports, and death in every phase of a call.

use super::model::{Child, SCRATCH, System};
use airox_abi::message::{Extension, MessageKind, Tag};
use airox_abi::{Error, Rights, SystemCall as Call};
use core::mem::offset_of;

/// A server (priority 20) and a client (priority 10) connected by a port with badge 77.
struct Pair {
    system: System,
    port: u64,
    server: Child,
    client: Child,
    receive: u64,
    send: u64,
}

fn pair() -> Pair {
    let mut system = System::boot();
    let port = system.ok(Call::PortCreate, &[0, 1]);
    let server = system.spawn(20, 0);
    let client = system.spawn(10, 0);
    let receive = system.grant(&server, port, Rights::RECEIVE | Rights::COPY, 0);
    let send = system.grant(&client, port, Rights::SEND | Rights::COPY, 77);
    system.root_in_background();
    // The server is the most urgent now.
    system.ok(Call::Null, &[]);
    system.kernel.cpu.reschedule = true;
    system.kernel.finish_entry();
    system.running(server.thread);
    Pair { system, port, server, client, receive, send }
}

/// The server waits, the client has called with these words, the server runs with the message.
fn called(words: &[u64], tag: Tag) -> Pair {
    let mut pair = pair();
    pair.system.message(Call::Receive, pair.receive, Tag(0), &[]);
    pair.system.running(pair.client.thread);
    pair.system.message(Call::Call, pair.send, tag, words);
    pair
}

#[test]
fn a_call_carries_eight_words_tag_and_badge_and_so_does_the_answer() {
    let words = [1, 2, 3, 4, 5, 6, 7, u64::MAX];
    let mut pair = called(&words, Tag::new(9).with_user(0xabcd));
    let (server, client) = (pair.server.thread, pair.client.thread);
    pair.system.running(server);
    let context = pair.system.context(server);
    assert_eq!((context.rax, context.rdi, context.words), (0, 77, words));
    assert_eq!((context.tag.label(), context.tag.user()), (9, 0xabcd));
    assert_eq!(context.tag.kind(), MessageKind::Call);
    pair.system.message(Call::ReplyReceive, pair.receive, Tag::new(3), &[8, 7, 6, 5, 4, 3, 2, 1]);
    pair.system.running(client);
    let context = pair.system.context(client);
    assert_eq!((context.rax, context.rdi), (0, 0));
    assert_eq!(context.words, [8, 7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(context.tag.label(), 3);
}

#[test]
fn a_sender_cannot_forge_the_kind_of_its_message() {
    let forged = Tag::new(1).with_kind(MessageKind::Fault);
    let pair = called(&[0], forged);
    assert_eq!(pair.system.context(pair.server.thread).tag.kind(), MessageKind::Call);
}

#[test]
fn callers_queue_until_a_server_receives() {
    let mut pair = pair();
    // The server sleeps on a signal instead of receiving.
    let signal = pair.system.ok(Call::SignalCreate, &[0]);
    pair.system.raw(Call::Wait as u64, &[signal, 1], Tag(0), 0);
    pair.system.running(pair.client.thread);
    pair.system.message(Call::Call, pair.send, Tag::new(1), &[42]);
    // Both wait: the root runs and wakes the server by a timer.
    pair.system.running(pair.system.root);
    let id = pair.system.kernel.signals.iter().last().unwrap().0;
    pair.system.kernel.notify(id, 1);
    pair.system.kernel.finish_entry();
    pair.system.running(pair.server.thread);
    pair.system.message(Call::Receive, pair.receive, Tag(0), &[]);
    pair.system.running(pair.server.thread);
    assert_eq!(pair.system.context(pair.server.thread).words[0], 42);
}

#[test]
fn a_saved_reply_answers_later_and_once() {
    let mut pair = called(&[1], Tag(0));
    let reply = pair.system.ok(Call::ReplySave, &[]);
    assert_eq!(pair.system.err(Call::ReplySave, &[]), Error::NoCaller);
    assert_eq!(pair.system.err(Call::Reply, &[0]), Error::NoCaller);
    pair.system.message(Call::Reply, reply, Tag::new(5), &[99]);
    pair.system.running(pair.server.thread);
    assert_eq!(pair.system.err(Call::Reply, &[reply]), Error::InvalidHandle);
    pair.system.message(Call::Receive, pair.receive, Tag(0), &[]);
    pair.system.running(pair.client.thread);
    assert_eq!(pair.system.context(pair.client.thread).words[0], 99);
    assert_eq!(pair.system.context(pair.client.thread).rax, 0);
}

#[test]
fn closing_a_saved_reply_tells_the_caller() {
    let mut pair = called(&[1], Tag(0));
    let reply = pair.system.ok(Call::ReplySave, &[]);
    pair.system.ok(Call::HandleClose, &[reply]);
    assert_eq!(pair.system.result(pair.client.thread), Err(Error::NoReply));
}

#[test]
fn receiving_again_without_an_answer_tells_the_caller() {
    let mut pair = called(&[1], Tag(0));
    pair.system.message(Call::Receive, pair.receive, Tag(0), &[]);
    pair.system.running(pair.client.thread);
    assert_eq!(pair.system.result(pair.client.thread), Err(Error::NoReply));
}

#[test]
fn a_server_that_dies_with_the_message_in_hand_is_named() {
    let mut pair = called(&[1], Tag(0));
    pair.system.raw(Call::ProcessExit as u64, &[5], Tag(0), 0);
    pair.system.running(pair.client.thread);
    assert_eq!(pair.system.result(pair.client.thread), Err(Error::ServerDied));
    // The port lives on: the root still holds the right to receive. The next call waits for a new server.
    pair.system.message(Call::Call, pair.send, Tag(0), &[]);
    pair.system.running(pair.system.root);
}

#[test]
fn a_server_that_dies_with_a_saved_reply_is_named() {
    let mut pair = called(&[1], Tag(0));
    pair.system.ok(Call::ReplySave, &[]);
    pair.system.raw(Call::ProcessExit as u64, &[5], Tag(0), 0);
    assert_eq!(pair.system.result(pair.client.thread), Err(Error::ServerDied));
}

#[test]
fn callers_in_the_queue_learn_that_the_port_closed() {
    let mut pair = pair();
    let signal = pair.system.ok(Call::SignalCreate, &[0]);
    pair.system.raw(Call::Wait as u64, &[signal, 1], Tag(0), 0);
    pair.system.message(Call::Call, pair.send, Tag(0), &[1]);
    pair.system.running(pair.system.root);
    pair.system.ok(Call::HandleRevoke, &[pair.port]);
    pair.system.ok(Call::HandleClose, &[pair.port]);
    assert_eq!(pair.system.result(pair.client.thread), Err(Error::ServerDied));
}

#[test]
fn a_call_to_a_port_nobody_can_receive_on_fails_at_once() {
    let mut system = System::boot();
    let port = system.ok(Call::PortCreate, &[0, 0]);
    let sender = system.ok(Call::HandleCopy, &[port, u64::from(Rights::SEND.bits()), 0]);
    system.ok(Call::HandleClose, &[port]);
    assert_eq!(system.err(Call::Call, &[sender]), Error::ServerDied);
}

#[test]
fn an_answer_to_a_dead_client_is_dropped() {
    let mut pair = called(&[1], Tag(0));
    let client = pair.client.process;
    pair.system.kernel.doom_process(client, 0, false);
    pair.system.kernel.finish_entry();
    assert_eq!(pair.system.err(Call::Reply, &[0]), Error::NoCaller);
    // In reply_receive it is no error: the server goes on receiving.
    pair.system.message(Call::ReplyReceive, pair.receive, Tag(0), &[]);
    pair.system.running(pair.system.root);
}

fn transfer(handle: u64, rights: u16, badge: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend_from_slice(&(handle as u32).to_le_bytes());
    bytes.extend_from_slice(&rights.to_le_bytes());
    bytes.extend_from_slice(&[0, 0]);
    bytes.extend_from_slice(&badge.to_le_bytes());
    bytes
}

fn lease(address: u64, length: u64, access: u64) -> Vec<u8> {
    [address, length, access].iter().flat_map(|word| word.to_le_bytes()).collect()
}

#[test]
fn handles_move_with_a_message_and_never_gain_rights() {
    let mut pair = pair();
    pair.system.message(Call::Receive, pair.receive, Tag(0), &[]);
    let signal = pair.system.ok(Call::SignalCreate, &[0]);
    let weaker = pair.system.ok(Call::HandleCopy, &[signal, u64::from((Rights::SEND | Rights::COPY).bits()), 0]);
    let client = pair.client.process;
    pair.system.write(client, SCRATCH, &transfer(weaker, Rights::all().bits(), 0));
    pair.system.message(Call::Call, pair.send, Tag::new(0).with_handles(1), &[]);
    pair.system.running(pair.server.thread);
    let bytes = pair.system.read(pair.server.process, SCRATCH + offset_of!(Extension, received) as u64, 4);
    let received = u64::from(u32::from_le_bytes(bytes.try_into().unwrap()));
    pair.system.ok(Call::Notify, &[received, 1]);
    assert_eq!(pair.system.err(Call::Poll, &[received, 1]), Error::MissingRight);
}

#[test]
fn bad_handles_in_a_message_are_the_senders_error() {
    for (handle, rights, expected) in [
        (0xdead_beef, 0, Error::InvalidHandle),
        (1 << 20 | 0xf_ffff, 0, Error::InvalidHandle),
        (0, 0x8000, Error::InvalidArgument),
    ] {
        let mut pair = pair();
        pair.system.message(Call::Receive, pair.receive, Tag(0), &[]);
        let handle = if handle == 0 { pair.send } else { handle };
        pair.system.write(pair.client.process, SCRATCH, &transfer(handle, rights, 0));
        pair.system.message(Call::Call, pair.send, Tag::new(0).with_handles(1), &[]);
        pair.system.running(pair.client.thread);
        assert_eq!(pair.system.result(pair.client.thread), Err(expected));
    }
}

#[test]
fn too_many_handles_or_leases_are_refused() {
    let mut pair = pair();
    pair.system.message(Call::Receive, pair.receive, Tag(0), &[]);
    for tag in [Tag::new(0).with_handles(5), Tag::new(0).with_leases(5), Tag(0xff << 16)] {
        pair.system.message(Call::Call, pair.send, tag, &[]);
        assert_eq!(pair.system.result(pair.client.thread), Err(Error::InvalidArgument));
    }
}

#[test]
fn a_lease_allows_exactly_its_range_and_access() {
    let mut pair = pair();
    pair.system.message(Call::Receive, pair.receive, Tag(0), &[]);
    let client = pair.client.process;
    let leases: Vec<u8> = [lease(SCRATCH + 4000, 300, 1), lease(SCRATCH + 8192, 16, 2)].concat();
    pair.system.write(client, SCRATCH + offset_of!(Extension, leases) as u64, &leases);
    let text: Vec<u8> = (0..300).map(|value| value as u8).collect();
    pair.system.write(client, SCRATCH + 4000, &text);
    pair.system.message(Call::Call, pair.send, Tag::new(0).with_leases(2), &[]);
    let system = &mut pair.system;
    system.running(pair.server.thread);
    assert_eq!(system.ok(Call::LeaseInfo, &[0, 0]), 300);
    assert_eq!(system.ok(Call::LeaseRead, &[0, 0, 10, SCRATCH + 2048, 290]), 290);
    assert_eq!(system.read(pair.server.process, SCRATCH + 2048, 290), &text[10..]);
    assert_eq!(system.err(Call::LeaseRead, &[0, 0, 11, SCRATCH, 290]), Error::LeaseDenied);
    assert_eq!(system.err(Call::LeaseRead, &[0, 0, u64::MAX, SCRATCH, 2]), Error::LeaseDenied);
    assert_eq!(system.err(Call::LeaseRead, &[0, 1, 0, SCRATCH, 1]), Error::LeaseDenied);
    assert_eq!(system.err(Call::LeaseWrite, &[0, 0, 0, SCRATCH, 1]), Error::LeaseDenied);
    assert_eq!(system.err(Call::LeaseRead, &[0, 2, 0, SCRATCH, 1]), Error::LeaseDenied);
    assert_eq!(system.err(Call::LeaseRead, &[0, 0, 0, System::UNMAPPED, 1]), Error::InvalidAddress);
    assert_eq!(system.ok(Call::LeaseWrite, &[0, 1, 4, SCRATCH + 2048, 12]), 12);
    assert_eq!(system.read(client, SCRATCH + 8196, 12), &text[10..22]);
    // After the answer the lease is over.
    system.ok(Call::Reply, &[0]);
    assert_eq!(system.err(Call::LeaseRead, &[0, 0, 0, SCRATCH, 1]), Error::NoCaller);
}

#[test]
fn a_lease_on_memory_the_client_lacks_is_denied_at_use() {
    let mut pair = pair();
    pair.system.message(Call::Receive, pair.receive, Tag(0), &[]);
    let lent = lease(System::UNMAPPED, 8, 3);
    pair.system.write(pair.client.process, SCRATCH + offset_of!(Extension, leases) as u64, &lent);
    pair.system.message(Call::Call, pair.send, Tag::new(0).with_leases(1), &[]);
    assert_eq!(pair.system.err(Call::LeaseRead, &[0, 0, 0, SCRATCH, 8]), Error::LeaseDenied);
    assert_eq!(pair.system.err(Call::LeaseWrite, &[0, 0, 0, SCRATCH, 8]), Error::LeaseDenied);
}

#[test]
fn a_bound_signal_arrives_like_a_message_and_before_messages() {
    let mut pair = pair();
    let signal = pair.system.ok(Call::SignalCreate, &[0]);
    pair.system.ok(Call::PortBind, &[pair.receive, signal]);
    pair.system.ok(Call::Notify, &[signal, 0b101]);
    pair.system.message(Call::Receive, pair.receive, Tag(0), &[]);
    pair.system.running(pair.server.thread);
    let context = pair.system.context(pair.server.thread);
    assert_eq!((context.tag.kind(), context.words[0]), (MessageKind::Signal, 0b101));
    assert_eq!(pair.system.err(Call::Wait, &[signal, 1]), Error::Busy);
    // Nobody waits for an answer to a signal.
    assert_eq!(pair.system.err(Call::Reply, &[0]), Error::NoCaller);
}
