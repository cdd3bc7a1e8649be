//! Handles: copies, forgeries, stale ones, and rights that try to grow.

use airox_abi::{DELEGATED, Error, Handle, ObjectKind, RegionKind, Rights};
use airox_kernel_suite::random::Random;

use crate::block::Block;
use crate::child::Child;
use crate::failure::{Outcome, check, check_equal, check_error};
use crate::kernel;
use crate::registry::Test;
use crate::suite::Suite;

/// The tests.
pub const TESTS: &[Test] = &[
    Test::new("handle", "describes_what_it_names", describes_what_it_names),
    Test::new("handle", "copies_shrink", copies_shrink),
    Test::new("handle", "rights_never_grow", rights_never_grow),
    Test::new("handle", "badges_are_final", badges_are_final),
    Test::new("handle", "every_generation_but_one_is_forged", every_generation_but_one_is_forged),
    Test::new("handle", "random_forgeries", random_forgeries),
    Test::new("handle", "stale_after_close", stale_after_close),
    Test::new("handle", "stale_after_reuse", stale_after_reuse),
    Test::new("handle", "belongs_to_one_process", belongs_to_one_process),
    Test::new("handle", "closing_the_last_one_frees_the_object", closing_the_last_one_frees_the_object),
];

fn describes_what_it_names(suite: &Suite) -> Outcome {
    let (port, signal) = (kernel::port_create(Handle::NONE)?, kernel::signal_create(Handle::NONE)?);
    for (handle, kind) in [
        (port.get(), ObjectKind::Port),
        (signal.get(), ObjectKind::Signal),
        (suite.root.process, ObjectKind::Process),
        (suite.root.thread, ObjectKind::Thread),
        (suite.root.quota, ObjectKind::Quota),
        (suite.root.machine, ObjectKind::Machine),
        (suite.root.bundle, ObjectKind::Region),
    ] {
        let (found, rights, badge) = kernel::handle_info(handle)?;
        check_equal!((found, badge), (Some(kind), 0));
        check!(Rights::all().contains(rights), "rights {rights:?} that do not exist");
    }
    check!(!kernel::handle_info(suite.root.bundle)?.1.contains(Rights::WRITE), "the bundle is writable");
    Ok(())
}

fn copies_shrink(_: &Suite) -> Outcome {
    let signal = kernel::signal_create(Handle::NONE)?;
    for right in Rights::all().iter() {
        let copy = kernel::handle_copy(signal.get(), right, 0)?;
        check_equal!(kernel::handle_info(copy.get())?, (Some(ObjectKind::Signal), right, 0));
    }
    let nothing = kernel::handle_copy(signal.get(), Rights::empty(), 0)?;
    check_error!(kernel::notify(nothing.get(), 1), Error::MissingRight);
    check_error!(kernel::poll(nothing.get(), 1), Error::MissingRight);
    check_error!(kernel::handle_copy(nothing.get(), Rights::empty(), 0), Error::MissingRight);
    Ok(())
}

fn rights_never_grow(_: &Suite) -> Outcome {
    let signal = kernel::signal_create(Handle::NONE)?;
    let mut random = Random::new(5);
    for _ in 0..64 {
        let first = Rights::from_bits_truncate(random.next() as u16) | Rights::COPY;
        let weak = kernel::handle_copy(signal.get(), first, 0)?;
        let asked = Rights::from_bits_truncate(random.next() as u16);
        let second = kernel::handle_copy(weak.get(), asked, 0)?;
        check_equal!(kernel::handle_info(second.get())?.1, first & asked);
        let all = kernel::handle_copy(weak.get(), Rights::all(), 0)?;
        check_equal!(kernel::handle_info(all.get())?.1, first);
    }
    // Bits that are no rights.
    check_error!(kernel::handle_copy(signal.get(), Rights::from_bits_retain(0x8000), 0), Error::InvalidArgument);
    Ok(())
}

fn badges_are_final(_: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let badged = kernel::handle_copy(port.get(), Rights::all(), 77)?;
    check_equal!(kernel::handle_info(badged.get())?.2, 77);
    // 0 keeps it, another value is refused, whatever the rights.
    let kept = kernel::handle_copy(badged.get(), Rights::all(), 0)?;
    check_equal!(kernel::handle_info(kept.get())?.2, 77);
    check_error!(kernel::handle_copy(badged.get(), Rights::all(), 78), Error::MissingRight);
    let unable = kernel::handle_copy(port.get(), Rights::all() - Rights::BADGE, 0)?;
    check_error!(kernel::handle_copy(unable.get(), Rights::all(), 5), Error::MissingRight);
    // That a handle was passed on can always be marked, and never be taken back.
    let delegated = kernel::handle_copy(badged.get(), Rights::COPY, DELEGATED)?;
    check_equal!(kernel::handle_info(delegated.get())?.2, 77 | DELEGATED);
    check_error!(kernel::handle_copy(delegated.get(), Rights::all(), 77), Error::MissingRight);
    // Only ports and signals carry one.
    let region = kernel::region_create(Handle::NONE, 1, RegionKind::Lazy)?;
    check_error!(kernel::handle_copy(region.get(), Rights::all(), 5), Error::InvalidArgument);
    Ok(())
}

fn every_generation_but_one_is_forged(_: &Suite) -> Outcome {
    let signal = kernel::signal_create(Handle::NONE)?;
    let genuine = signal.get();
    let mut accepted = 0;
    for generation in 0..1 << 12 {
        let forged = Handle::new(genuine.index(), generation);
        match kernel::handle_info(forged) {
            Ok(_) if forged == genuine => accepted += 1,
            Err(Error::InvalidHandle) => {}
            other => check!(false, "generation {generation} gives {other:?}"),
        }
    }
    check_equal!(accepted, 1);
    Ok(())
}

/// Tries 20,000 random handles; what it finds must be what it was given.
fn forges(block: &Block) -> Outcome {
    let mut random = Random::new(block.argument(1));
    let mut found = 0;
    for _ in 0..20_000 {
        let forged = Handle((random.next() >> random.below(33)) as u32);
        if forged != block.handle(0) && kernel::handle_info(forged).is_ok() {
            found += 1;
        }
    }
    block.set_result(0, found);
    Ok(())
}

fn random_forgeries(suite: &Suite) -> Outcome {
    let signal = kernel::signal_create(Handle::NONE)?;
    for seed in 0..3 {
        let child = Child::new(suite)?;
        child.grant(0, signal.get(), Rights::SEND)?;
        child.block().set_argument(1, seed);
        child.start(forges)?;
        child.wait()?;
        check_equal!(child.block().result(0), 0);
        child.finish()?;
    }
    Ok(())
}

fn stale_after_close(_: &Suite) -> Outcome {
    let signal = kernel::signal_create(Handle::NONE)?;
    let handle = signal.get();
    drop(signal);
    check_error!(kernel::notify(handle, 1), Error::InvalidHandle);
    check_error!(kernel::poll(handle, 1), Error::InvalidHandle);
    check_error!(kernel::handle_copy(handle, Rights::all(), 0), Error::InvalidHandle);
    check_error!(kernel::handle_close(handle), Error::InvalidHandle);
    check_error!(kernel::handle_revoke(handle), Error::InvalidHandle);
    check_error!(kernel::handle_info(handle), Error::InvalidHandle);
    Ok(())
}

/// A place in the table is used again at once; the handles it had before stay dead for as long as generations last.
fn stale_after_reuse(_: &Suite) -> Outcome {
    let first = kernel::signal_create(Handle::NONE)?;
    let stale = first.get();
    drop(first);
    for round in 0..500 {
        let next = kernel::signal_create(Handle::NONE)?;
        check!(next.get() != stale, "the same handle came again after {round} uses");
        check_error!(kernel::notify(stale, 1), Error::InvalidHandle);
    }
    Ok(())
}

fn tries_handle(block: &Block) -> Outcome {
    let found = kernel::handle_info(Handle(block.argument(0) as u32));
    check_error!(found, Error::InvalidHandle);
    Ok(())
}

fn belongs_to_one_process(suite: &Suite) -> Outcome {
    let signal = kernel::signal_create(Handle::NONE)?;
    for handle in [signal.get(), suite.root.machine, suite.root.quota, suite.root.process] {
        let child = Child::new(suite)?;
        child.block().set_argument(0, handle.0.into());
        child.start(tries_handle)?;
        child.finish()?;
    }
    Ok(())
}

fn closing_the_last_one_frees_the_object(suite: &Suite) -> Outcome {
    let before = suite.kernel_info()?.objects;
    let signal = kernel::signal_create(Handle::NONE)?;
    let copy = kernel::handle_copy(signal.get(), Rights::SEND, 0)?;
    drop(signal);
    kernel::notify(copy.get(), 1)?;
    check_equal!(
        suite.kernel_info()?.objects.get(airox_abi::QuotaKind::Signals),
        before.get(airox_abi::QuotaKind::Signals) + 1
    );
    drop(copy);
    check_equal!(
        suite.kernel_info()?.objects.get(airox_abi::QuotaKind::Signals),
        before.get(airox_abi::QuotaKind::Signals)
    );
    Ok(())
}
