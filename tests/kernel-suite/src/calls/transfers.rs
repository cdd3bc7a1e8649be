//! Handles in messages: what arrives, what never may, and where the extension may lie.

use airox_abi::layout::{CLOCK_PAGE, USER_END};
use airox_abi::message::{Extension, HandleTransfer, MAX_HANDLES, Tag};
use airox_abi::{Error, Handle, ObjectKind, QuotaLimits, RegionKind, Rights, SystemCall};

use crate::actors::PORT;
use crate::block::Block;
use crate::child::{Child, Options, free_address};
use crate::failure::{Outcome, check, check_equal, check_error};
use crate::kernel::{self, EntryRegisters, Message};
use crate::registry::Test;
use crate::suite::Suite;

/// The tests.
pub const TESTS: &[Test] = &[
    Test::new("transfer", "four_handles", four_handles),
    Test::new("transfer", "rights_never_grow", rights_never_grow),
    Test::new("transfer", "badges", badges),
    Test::new("transfer", "in_a_reply", in_a_reply),
    Test::new("transfer", "receiver_without_room", receiver_without_room),
    Test::new("transfer", "receiver_over_quota", receiver_over_quota),
    Test::new("transfer", "bad_transfers", bad_transfers),
    Test::new("transfer", "bad_extensions", bad_extensions),
];

/// Argument 1 on: what the server offers as its extension, see [`taker`].
const NO_ROOM: u64 = 1;

/// Receives one message and answers with what it got: word i = kind << 32 | rights of handle i, word 4 + i its badge.
/// Result 0 counts the handles. With argument 1 it offers no room.
fn taker(block: &Block) -> Outcome {
    let mut extension = Extension::default();
    let room = (block.argument(1) != NO_ROOM).then_some(&mut extension);
    let message = kernel::exchange(SystemCall::Receive, block.handle(PORT), &Message::new(0), room)?;
    let mut reply = Message::new(0);
    for index in 0..message.tag.handles() {
        let (kind, rights, badge) = kernel::handle_info(extension.received[index])?;
        let kind = kind.map_or(0, |kind| kind as u64);
        reply.words[index] = kind << 32 | u64::from(rights.bits());
        reply.words[4 + index] = badge;
    }
    block.set_result(0, message.tag.handles() as u64);
    Ok(kernel::reply(Handle::NONE, &reply)?)
}

/// A port with a [`taker`] behind it.
fn start_taker(
    suite: &Suite,
    options: Options,
    argument: u64,
) -> Result<(kernel::Owned, Child), crate::failure::Failure> {
    let port = kernel::port_create(Handle::NONE)?;
    let server = Child::with(suite, options)?;
    server.grant(PORT, port.get(), Rights::RECEIVE)?;
    server.block().set_argument(1, argument);
    server.start(taker)?;
    // The server alone may receive: if it ends, the port closes.
    let sender = kernel::handle_copy(port.get(), Rights::all() - Rights::RECEIVE, 0)?;
    Ok((sender, server))
}

fn send_handles(port: Handle, transfers: &[HandleTransfer]) -> Result<Message, Error> {
    let mut extension = Extension::default();
    for (place, transfer) in extension.handles.iter_mut().zip(transfers) {
        *place = *transfer;
    }
    let message = Message { tag: Tag::new(1).with_handles(transfers.len()), ..Message::new(1) };
    kernel::exchange(SystemCall::Call, port, &message, Some(&mut extension))
}

fn described(kind: ObjectKind, rights: Rights) -> u64 {
    (kind as u64) << 32 | u64::from(rights.bits())
}

fn four_handles(suite: &Suite) -> Outcome {
    let (port, server) = start_taker(suite, Options::DEFAULT, 0)?;
    let signal = kernel::signal_create(Handle::NONE)?;
    let region = kernel::region_create(Handle::NONE, 1, RegionKind::Lazy)?;
    let transfers = [
        HandleTransfer::new(signal.get(), Rights::SEND),
        HandleTransfer::new(region.get(), Rights::READ | Rights::WRITE),
        HandleTransfer::new(server.process.get(), Rights::READ | Rights::WATCH),
        HandleTransfer::new(port.get(), Rights::SEND | Rights::COPY),
    ];
    const _: () = assert!(MAX_HANDLES == 4);
    let reply = send_handles(port.get(), &transfers)?;
    check_equal!(reply.words[0], described(ObjectKind::Signal, Rights::SEND));
    check_equal!(reply.words[1], described(ObjectKind::Region, Rights::READ | Rights::WRITE));
    check_equal!(reply.words[2], described(ObjectKind::Process, Rights::READ | Rights::WATCH));
    check_equal!(reply.words[3], described(ObjectKind::Port, Rights::SEND | Rights::COPY));
    check_equal!(server.block().result(0), 4);
    server.finish()
}

fn rights_never_grow(suite: &Suite) -> Outcome {
    let (port, server) = start_taker(suite, Options::DEFAULT, 0)?;
    let signal = kernel::signal_create(Handle::NONE)?;
    let weak = kernel::handle_copy(signal.get(), Rights::SEND | Rights::COPY, 0)?;
    let reply = send_handles(port.get(), &[HandleTransfer::new(weak.get(), Rights::all())])?;
    check_equal!(reply.words[0], described(ObjectKind::Signal, Rights::SEND | Rights::COPY));
    server.finish()
}

fn badges(suite: &Suite) -> Outcome {
    let (port, server) = start_taker(suite, Options::DEFAULT, 0)?;
    let signal = kernel::signal_create(Handle::NONE)?;
    let badged = kernel::handle_copy(signal.get(), Rights::all(), 6)?;
    let transfers = [
        HandleTransfer { badge: 5, ..HandleTransfer::new(signal.get(), Rights::SEND) },
        HandleTransfer::new(badged.get(), Rights::SEND),
    ];
    let reply = send_handles(port.get(), &transfers)?;
    check_equal!((reply.words[4], reply.words[5]), (5, 6));
    server.finish()?;
    // A badge can't be replaced, and needs its right.
    let (port, server) = start_taker(suite, Options::DEFAULT, 0)?;
    let rebadge = HandleTransfer { badge: 7, ..HandleTransfer::new(badged.get(), Rights::SEND) };
    check!(send_handles(port.get(), &[rebadge]).is_err(), "a badge was replaced");
    let weak = kernel::handle_copy(signal.get(), Rights::SEND | Rights::COPY, 0)?;
    let forge = HandleTransfer { badge: 7, ..HandleTransfer::new(weak.get(), Rights::SEND) };
    check_error!(send_handles(port.get(), &[forge]), Error::MissingRight);
    drop(server);
    Ok(())
}

/// Calls and expects one signal handle in the answer, then notifies through it.
fn asker(block: &Block) -> Outcome {
    let mut extension = Extension::default();
    let reply = kernel::exchange(SystemCall::Call, block.handle(PORT), &Message::new(1), Some(&mut extension))?;
    check_equal!(reply.tag.handles(), 1);
    kernel::notify(extension.received[0], 8)?;
    Ok(())
}

fn in_a_reply(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let signal = kernel::signal_create(Handle::NONE)?;
    let client = Child::new(suite)?;
    client.grant(PORT, port.get(), Rights::SEND)?;
    client.start(asker)?;
    kernel::receive(port.get())?;
    let mut extension = Extension::default();
    extension.handles[0] = HandleTransfer::new(signal.get(), Rights::SEND);
    let reply = Message { tag: Tag::new(0).with_handles(1), ..Message::new(0) };
    kernel::exchange(SystemCall::Reply, Handle::NONE, &reply, Some(&mut extension))?;
    check_equal!(kernel::wait(signal.get(), u64::MAX)?, 8);
    client.finish()
}

fn receiver_without_room(suite: &Suite) -> Outcome {
    let (port, server) = start_taker(suite, Options::DEFAULT, NO_ROOM)?;
    let signal = kernel::signal_create(Handle::NONE)?;
    let transfer = HandleTransfer::new(signal.get(), Rights::SEND);
    check_error!(send_handles(port.get(), &[transfer]), Error::ReceiverRefused);
    // The server still waits, and still can be called.
    kernel::send(port.get(), &Message::new(0))?;
    server.finish()
}

fn receiver_over_quota(suite: &Suite) -> Outcome {
    let quota = kernel::quota_create(suite.root.quota, &QuotaLimits([600, 20, 1, 1, 0, 0, 20, 0, 0, 0]))?;
    let (port, server) = start_taker(suite, Options { quota: quota.get(), ..Options::DEFAULT }, 0)?;
    let signal = kernel::signal_create(Handle::NONE)?;
    let [limits, used] = kernel::quota_info(quota.get())?;
    let room = limits.get(airox_abi::QuotaKind::Handles) - used.get(airox_abi::QuotaKind::Handles);
    for _ in 0..room {
        kernel::process_grant(server.process.get(), signal.get(), Rights::SEND, 0)?;
    }
    let transfer = HandleTransfer::new(signal.get(), Rights::SEND);
    check_error!(send_handles(port.get(), &[transfer]), Error::ReceiverRefused);
    kernel::send(port.get(), &Message::new(0))?;
    server.finish()
}

fn bad_transfers(suite: &Suite) -> Outcome {
    let (port, server) = start_taker(suite, Options::DEFAULT, 0)?;
    let before = kernel::process_info(server.process.get())?.handles;
    let signal = kernel::signal_create(Handle::NONE)?;
    let fixed = kernel::handle_copy(signal.get(), Rights::all() - Rights::COPY, 0)?;
    let good = HandleTransfer::new(signal.get(), Rights::SEND);
    check_error!(send_handles(port.get(), &[HandleTransfer::new(fixed.get(), Rights::SEND)]), Error::MissingRight);
    check_error!(
        send_handles(port.get(), &[good, HandleTransfer::new(Handle(0xfff0_0001), Rights::SEND)]),
        Error::InvalidHandle
    );
    check_error!(send_handles(port.get(), &[HandleTransfer { reserved: 1, ..good }]), Error::InvalidArgument);
    check_error!(send_handles(port.get(), &[HandleTransfer { rights: 0x8000, ..good }]), Error::InvalidArgument);
    // None of the failed messages left a handle behind.
    check_equal!(kernel::process_info(server.process.get())?.handles, before);
    kernel::send(port.get(), &Message::new(0))?;
    server.finish()
}

fn bad_extensions(suite: &Suite) -> Outcome {
    let (port, server) = start_taker(suite, Options::DEFAULT, 0)?;
    let size = size_of::<Extension>() as u64;
    let bad = [
        0,
        8,
        free_address(1),
        USER_END - size / 2,
        USER_END,
        0x8000_0000_0000,
        0xdead_beef_dead_beef,
        0xffff_8000_0000_0000,
        0xffff_ffff_8000_0000,
        u64::MAX - size / 2,
        u64::MAX,
    ];
    for address in bad {
        for tag in [Tag::new(0).with_handles(1), Tag::new(0).with_leases(1), Tag::new(0).with_handles(4).with_leases(4)]
        {
            let mut registers = EntryRegisters::call(SystemCall::Call, &[u64::from(port.get().0)]);
            (registers.tag, registers.extension) = (tag.0, address);
            // SAFETY: the address is not memory of the suite.
            let result = unsafe { kernel::invoke(&mut registers) };
            check!(result == Err(Error::InvalidAddress), "extension at {address:#x}: {result:?}");
        }
    }
    // Readable but not writable is enough to send from, and not enough to receive in.
    let mut registers = EntryRegisters::call(SystemCall::Call, &[u64::from(port.get().0)]);
    (registers.tag, registers.extension) = (Tag::new(0).with_leases(1).0, CLOCK_PAGE);
    // SAFETY: the kernel only reads from the clock page; whatever it finds there is no good lease.
    let _ = unsafe { kernel::invoke(&mut registers) };
    drop(server);
    Ok(())
}
