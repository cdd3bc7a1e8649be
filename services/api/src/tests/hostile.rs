//! Messages no generated client would send: each is refused with a typed error, and nothing panics.

use super::odd::{self, OddClient, OddDispatcher, OddServer};
use super::servers::Echo;
use crate::clock::{self, ClockClient, ClockDispatcher};
use crate::console::ConsoleDispatcher;
use crate::log::{self, LogDispatcher};
use crate::power::PowerDispatcher;
use crate::process::{self, ProcessDispatcher};
use crate::supervisor::SupervisorDispatcher;
use crate::testing::{TestLease, TestMessage};
use crate::wire::{IN_LEASE, ReceivedHandles, Transport, request_tag};
use crate::{CallError, Dispatch, INTERFACES, Interface, Outcome, ProtocolError, ReplyMessage};
use airox_abi::message::{HandleTransfer, Lease, Tag, WORDS};
use airox_abi::{Error, Handle};
use airox_sys::call::Lend;
use alloc::vec;
use alloc::vec::Vec;
use proptest::collection;
use proptest::prelude::*;

fn refusal(outcome: &Outcome) -> Option<ProtocolError> {
    match outcome {
        Outcome::Reply(ReplyMessage { tag, .. }) => ProtocolError::from_code(tag.label()),
        Outcome::Deferred => None,
    }
}

fn send(dispatcher: &mut impl Dispatch, mut message: TestMessage) -> Option<ProtocolError> {
    refusal(&dispatcher.dispatch(&mut message))
}

fn lease(length: usize, access: u64) -> TestLease {
    TestLease { bytes: vec![0; length], access }
}

fn message(tag: Tag, handles: &[Handle], leases: Vec<TestLease>) -> TestMessage {
    TestMessage::new(0, tag, [0; WORDS], handles, leases)
}

#[test]
fn each_kind_of_wrong_message_has_its_error() {
    let mut log = LogDispatcher(Echo::default());
    let id = log::INFO.id;
    let write = |length| request_tag(id, 0, length);
    let cases = [
        (message(request_tag(clock::INFO.id, 0, 0), &[], vec![]), ProtocolError::WrongInterface),
        (message(request_tag(id, 6, 0), &[], vec![]), ProtocolError::UnknownMethod),
        (message(request_tag(id, 0xffff, 0), &[], vec![]), ProtocolError::UnknownMethod),
        // Too few bytes, too many, an impossible count.
        (message(write(1), &[], vec![]), ProtocolError::BadArguments),
        (message(write(3), &[], vec![]), ProtocolError::BadArguments),
        (message(write(65), &[], vec![]), ProtocolError::BadArguments),
        // Arguments said to be in a lease: none, not readable, too long, truncated.
        (message(write(IN_LEASE), &[], vec![]), ProtocolError::BadLease),
        (message(write(IN_LEASE), &[], vec![lease(2, Lease::WRITE)]), ProtocolError::BadLease),
        (message(write(IN_LEASE), &[], vec![lease(64 * 1024 + 1, Lease::READ)]), ProtocolError::ArgumentsTooLong),
        (message(write(IN_LEASE), &[], vec![lease(1, Lease::READ)]), ProtocolError::BadArguments),
        // A lease too many, a handle too many.
        (message(write(2), &[], vec![lease(1, Lease::READ)]), ProtocolError::BadLease),
        (message(write(2), &[Handle(1)], vec![]), ProtocolError::BadHandle),
        // `read` without its buffer, and with one that cannot be written.
        (message(request_tag(id, 1, 1), &[], vec![]), ProtocolError::BadLease),
        (message(request_tag(id, 1, 1), &[], vec![lease(9, Lease::READ)]), ProtocolError::BadLease),
    ];
    for (index, (message, expected)) in cases.into_iter().enumerate() {
        assert_eq!(send(&mut log, message), Some(expected), "case {index}");
    }
    // Level 5 exists, 6 does not.
    let words = |level: u64| [level, 0, 0, 0, 0, 0, 0, 0];
    let good = TestMessage::new(0, write(2), words(5), &[], vec![]);
    assert_eq!(send(&mut log, good), None);
    let bad = TestMessage::new(0, write(2), words(6), &[], vec![]);
    assert_eq!(send(&mut log, bad), Some(ProtocolError::BadArguments));
}

#[test]
fn missing_handles_are_refused() {
    let mut process = ProcessDispatcher(Echo::default());
    let run = request_tag(process::INFO.id, 1, 9);
    // Empty name, no arguments, no terms, no files, a console that is claimed but not there.
    let words = [0, 1, 0, 0, 0, 0, 0, 0];
    let claimed = TestMessage::new(0, run, words, &[], vec![]);
    assert_eq!(send(&mut process, claimed), Some(ProtocolError::BadHandle));
    let denied = TestMessage::new(0, run, [0; WORDS], &[Handle(1)], vec![]);
    assert_eq!(send(&mut process, denied), Some(ProtocolError::BadHandle));
    let mut odd = OddDispatcher(OddServer::default());
    let exchange = request_tag(odd::INFO.id, 1, 4);
    let unnamed = message(exchange, &[], vec![lease(600, Lease::WRITE)]);
    assert_eq!(send(&mut odd, unnamed), Some(ProtocolError::BadHandle));
}

/// A server that answers with whatever the test says.
struct Liar(Tag, [u64; WORDS]);

impl Transport for Liar {
    fn call(&self, _tag: Tag, _words: [u64; WORDS]) -> Result<(Tag, [u64; WORDS]), Error> {
        Ok((self.0, self.1))
    }

    fn call_with(
        &self,
        _tag: Tag,
        _words: [u64; WORDS],
        _handles: &[HandleTransfer],
        _lends: &mut [Lend<'_>],
    ) -> Result<(Tag, [u64; WORDS], ReceivedHandles), Error> {
        let handles = ReceivedHandles::new([Handle(1); 4], self.0.handles());
        Ok((self.0, self.1, handles))
    }
}

#[test]
fn a_lying_server_gives_its_clients_errors() {
    let now = |tag| ClockClient::new(Liar(tag, [0; WORDS])).now();
    assert_eq!(now(Tag::new(0).with_user(1)), Ok(0));
    assert_eq!(now(Tag::new(0).with_user(0)), Err(CallError::Decode));
    assert_eq!(now(Tag::new(0).with_user(2)), Err(CallError::Decode));
    assert_eq!(now(Tag::new(0).with_user(65)), Err(CallError::Decode));
    assert_eq!(now(Tag::new(0).with_user(IN_LEASE)), Err(CallError::Decode));
    assert_eq!(now(Tag::new(2).with_user(1)), Err(CallError::Decode));
    assert_eq!(now(Tag::new(ProtocolError::NoRoom as u16)), Err(CallError::Protocol(ProtocolError::NoRoom)));
    let levels = |tag, words| log::LogClient::new(Liar(tag, words)).levels(0);
    let in_lease = Tag::new(0).with_user(IN_LEASE);
    assert_eq!(levels(in_lease, [u64::MAX; WORDS]), Err(CallError::Decode));
    assert_eq!(levels(in_lease, [1, 0, 0, 0, 0, 0, 0, 0]), Ok(vec![]));
    assert_eq!(levels(in_lease.with_handles(1), [1, 0, 0, 0, 0, 0, 0, 0]), Err(CallError::Decode));
    let buffer = OddClient::new(Liar(Tag::new(0), [0; WORDS])).buffer(1);
    assert_eq!(buffer, Err(CallError::Decode));
}

/// Mostly plausible tags, so that the decoders behind the first checks are reached too.
fn any_tag(interface: u32) -> impl Strategy<Value = Tag> {
    prop_oneof![
        3 => (0..10_u16, prop_oneof![0..66_u32, Just(IN_LEASE)])
            .prop_map(move |(method, length)| request_tag(interface, method, length)),
        1 => any::<u64>().prop_map(Tag),
    ]
}

fn any_leases() -> impl Strategy<Value = Vec<TestLease>> {
    let lease = (collection::vec(any::<u8>(), 0..200), 0..4_u64);
    let lease = lease.prop_map(|(bytes, access)| TestLease { bytes, access });
    collection::vec(lease, 0..5)
}

fn storm<D: Dispatch>(make: fn() -> D) {
    let strategy = (
        any_tag(D::Interface::INFO.id),
        any::<u64>(),
        any::<[u64; WORDS]>(),
        collection::vec(1..u32::MAX, 0..5),
        any_leases(),
        any::<bool>(),
    );
    proptest!(ProptestConfig::with_cases(3000), |((tag, badge, words, handles, leases, small) in strategy)| {
        // Small numbers make for valid lengths and variants.
        let words = if small { words.map(|word| word & 0x0303_0303_0303_0303) } else { words };
        let handles: Vec<_> = handles.into_iter().map(Handle).collect();
        let mut message = TestMessage::new(badge, tag, words, &handles, leases);
        let _any_outcome = make().dispatch(&mut message);
        for info in INTERFACES {
            for present in [0, 1, WORDS] {
                let _text = (info.decode)(tag, &words[..present]);
                let _text = (info.decode_reply)(tag.label() & 0xf, tag, &words[..present]);
            }
        }
    });
}

#[test]
fn random_messages_never_panic() {
    storm(|| LogDispatcher(Echo::default()));
    storm(|| ConsoleDispatcher(Echo::default()));
    storm(|| ClockDispatcher(Echo::default()));
    storm(|| PowerDispatcher(Echo::default()));
    storm(|| ProcessDispatcher(Echo::default()));
    storm(|| SupervisorDispatcher(Echo::default()));
    storm(|| OddDispatcher(OddServer::default()));
}

#[test]
fn messages_are_told_as_text() {
    let tag = request_tag(log::INFO.id, 0, 7);
    let words = [u64::from_le_bytes(*b"\x03\x05hello\0"), 0];
    assert_eq!(log::decode(tag, &words), "write(level: Info, text: \"hello\")");
    // Only the first word was recorded: what it does not hold is not guessed.
    let longer = request_tag(log::INFO.id, 0, 12);
    let words = [u64::from_le_bytes(*b"\x03\x0ahello ")];
    assert_eq!(log::decode(longer, &words), "write(level: Info, text: …)");
    let in_lease = request_tag(log::INFO.id, 0, IN_LEASE);
    assert_eq!(log::decode(in_lease, &[9]), "write(level: …, text: …)");
    assert_eq!(log::decode(request_tag(log::INFO.id, 77, 0), &[]), "method 77?");
    let reply = Tag::new(0).with_user(1);
    assert_eq!(log::decode_reply(2, reply, &[5]), "Ok(5)");
    let error = Tag::new(1).with_user(1);
    assert_eq!(log::decode_reply(0, error, &[0]), "Err(NotAllowed)");
    let refused = Tag::new(ProtocolError::BadLease as u16);
    assert!(log::decode_reply(0, refused, &[]).starts_with("refused: a lease"));
}
