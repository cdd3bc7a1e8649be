//! Handles, rights, derivation, revocation and quotas.

use super::model::{SCRATCH, System};
use airox_abi::info::ThreadState;
use airox_abi::{DELEGATED, Error, Handle, QuotaKind, Rights, SystemCall as Call};

const ALL: u64 = Rights::all().bits() as u64;

#[test]
fn forged_and_stale_handles_name_nothing() {
    let mut system = System::boot();
    let signal = system.ok(Call::SignalCreate, &[0]);
    assert_eq!(system.err(Call::HandleInfo, &[0]), Error::InvalidHandle);
    let index = Handle(signal as u32).index();
    for generation in 0..4096 {
        let forged = u64::from(Handle::new(index, generation).0);
        if forged != signal {
            assert_eq!(system.err(Call::HandleInfo, &[forged]), Error::InvalidHandle);
        }
    }
    // Bits above the handle's 32 are part of the claim.
    assert_eq!(system.err(Call::HandleInfo, &[signal | 1 << 32]), Error::InvalidHandle);
    assert_eq!(system.err(Call::HandleInfo, &[signal | 1 << 63]), Error::InvalidHandle);
    system.ok(Call::HandleClose, &[signal]);
    assert_eq!(system.err(Call::HandleInfo, &[signal]), Error::InvalidHandle);
    let again = system.ok(Call::SignalCreate, &[0]);
    assert_eq!(Handle(again as u32).index(), index, "the slot is used again");
    assert_eq!(system.err(Call::Notify, &[signal, 1]), Error::InvalidHandle);
}

#[test]
fn a_handle_of_another_process_is_worth_nothing() {
    let mut system = System::boot();
    let child = system.spawn(10, 0);
    let signal = system.ok(Call::SignalCreate, &[0]);
    let theirs = system.grant(&child, signal, Rights::all(), 0);
    assert_eq!(system.err(Call::Notify, &[theirs, 1]), Error::InvalidHandle);
}

#[test]
fn rights_shrink_and_never_grow() {
    let mut system = System::boot();
    let port = system.ok(Call::PortCreate, &[0, 0]);
    let send = system.ok(Call::HandleCopy, &[port, (Rights::SEND | Rights::COPY).bits().into(), 0]);
    let grown = system.ok(Call::HandleCopy, &[send, ALL, 0]);
    system.ok(Call::HandleInfo, &[grown]);
    let rights = system.context(system.root).words[0];
    assert_eq!(rights, u64::from((Rights::SEND | Rights::COPY).bits()));
    assert_eq!(system.err(Call::HandleCopy, &[send, ALL, 5]), Error::MissingRight, "no BADGE");
    let only = system.ok(Call::HandleCopy, &[port, Rights::SEND.bits().into(), 0]);
    assert_eq!(system.err(Call::HandleCopy, &[only, ALL, 0]), Error::MissingRight, "no COPY");
    assert_eq!(system.err(Call::HandleCopy, &[port, 1 << 15, 0]), Error::InvalidArgument);
    let badged = system.ok(Call::HandleCopy, &[port, ALL, 7]);
    assert_eq!(system.err(Call::HandleCopy, &[badged, ALL, 8]), Error::MissingRight);
    assert_eq!(system.err(Call::HandleCopy, &[system.process, ALL, 8]), Error::InvalidArgument);
}

/// The badge of a handle of the root's.
fn badge(system: &mut System, handle: u64) -> u64 {
    system.ok(Call::HandleInfo, &[handle]);
    system.kernel.current().words[1]
}

#[test]
fn a_port_handle_can_always_be_marked_delegated_and_the_mark_stays() {
    let mut system = System::boot();
    let port = system.ok(Call::PortCreate, &[0, 1]);
    let client = u64::from((Rights::SEND | Rights::COPY).bits());
    let badged = system.ok(Call::HandleCopy, &[port, client, 7]);
    let marked = system.ok(Call::HandleCopy, &[badged, ALL, DELEGATED]);
    assert_eq!(badge(&mut system, marked), 7 | DELEGATED);
    for again in [0, DELEGATED] {
        let copy = system.ok(Call::HandleCopy, &[marked, ALL, again]);
        assert_eq!(badge(&mut system, copy), 7 | DELEGATED);
    }
    // Nothing but the mark comes without the right, and an unbadged handle that is marked takes no other badge.
    for other in [7, 8, 8 | DELEGATED, 7 | DELEGATED] {
        assert_eq!(system.err(Call::HandleCopy, &[marked, ALL, other]), Error::MissingRight);
    }
    let anyone = system.ok(Call::HandleCopy, &[port, ALL, DELEGATED]);
    assert_eq!(system.err(Call::HandleCopy, &[anyone, ALL, 7]), Error::MissingRight);
    // A signal's badge is a mask: the mark would widen it.
    let signal = system.ok(Call::SignalCreate, &[0]);
    let masked = system.ok(Call::HandleCopy, &[signal, ALL, 1]);
    assert_eq!(system.err(Call::HandleCopy, &[masked, ALL, DELEGATED]), Error::MissingRight);
}

#[test]
fn mappings_are_no_handles() {
    let mut system = System::boot();
    let region = system.ok(Call::RegionCreate, &[0, 2, 0]);
    let process = system.root_process;
    let before = system.kernel.process_info(process).handles;
    system.ok(Call::RegionMap, &[region, 0, 0x3000_0000, 0, 2, 1]);
    assert_eq!(system.kernel.process_info(process).handles, before);
    system.ok(Call::HandleCopy, &[region, ALL, 0]);
    let after = system.kernel.process_info(process).handles;
    assert_eq!(after, before + 1);
    assert_eq!(system.handles(process).len() as u32, after);
    assert_eq!(system.kernel.next_capability(process, 0xfff0_0001), Err(Error::InvalidHandle));
    system.ok(Call::HandleRevoke, &[region]);
    assert_eq!(system.kernel.process_info(process).handles, before);
}

#[test]
fn revocation_takes_back_all_descendants_in_every_process_mappings_included() {
    let mut system = System::boot();
    let child = system.spawn(10, 0);
    let before = system.counts();
    let region = system.ok(Call::RegionCreate, &[0, 2, 0]);
    let copy = system.ok(Call::HandleCopy, &[region, ALL, 0]);
    let theirs = system.grant(&child, copy, Rights::all(), 0);
    system.ok(Call::RegionMap, &[copy, child.process_handle, 0x3000_0000, 0, 2, 1]);
    system.ok(Call::RegionMap, &[region, 0, 0x3000_0000, 0, 2, 1]);
    system.write(child.process, 0x3000_0000, b"shared");
    assert_eq!(system.read(system.root_process, 0x3000_0000, 6), b"shared");
    system.ok(Call::HandleRevoke, &[region]);
    assert_eq!(system.err(Call::HandleInfo, &[copy]), Error::InvalidHandle);
    assert!(system.kernel.capabilities.find(child.process, theirs).is_err());
    assert!(system.kernel.read_user((child.process, 0x3000_0000), &mut [0]).is_err());
    assert!(system.kernel.read_user((system.root_process, 0x3000_0000), &mut [0]).is_err());
    system.ok(Call::HandleInfo, &[region]);
    system.ok(Call::HandleClose, &[region]);
    // The page tables made for the mappings stay with their processes.
    let after = system.counts();
    for kind in [QuotaKind::Handles, QuotaKind::Regions] {
        assert_eq!(after.get(kind), before.get(kind));
    }
}

#[test]
fn closing_a_handle_leaves_what_was_derived_from_it_to_its_parent() {
    let mut system = System::boot();
    let signal = system.ok(Call::SignalCreate, &[0]);
    let middle = system.ok(Call::HandleCopy, &[signal, ALL, 0]);
    let leaf = system.ok(Call::HandleCopy, &[middle, ALL, 0]);
    system.ok(Call::HandleClose, &[middle]);
    system.ok(Call::Notify, &[leaf, 1]);
    system.ok(Call::HandleRevoke, &[signal]);
    assert_eq!(system.err(Call::Notify, &[leaf, 1]), Error::InvalidHandle);
}

#[test]
fn the_last_handle_frees_the_object() {
    let mut system = System::boot();
    let before = system.counts();
    for call in [Call::PortCreate, Call::SignalCreate] {
        let object = system.ok(call, &[0, 0]);
        let copy = system.ok(Call::HandleCopy, &[object, ALL, 0]);
        system.ok(Call::HandleClose, &[object]);
        system.ok(Call::HandleClose, &[copy]);
    }
    let region = system.ok(Call::RegionCreate, &[0, 700, 0]);
    system.ok(Call::HandleClose, &[region]);
    let dma = system.ok(Call::RegionCreate, &[0, 33, 1]);
    system.ok(Call::HandleClose, &[dma]);
    assert_eq!(system.counts(), before);
}

#[test]
fn each_kind_of_quota_runs_out_for_its_holder_alone() {
    for (kind, call, arguments) in [
        (QuotaKind::Ports, Call::PortCreate, [0, 0, 0]),
        (QuotaKind::Signals, Call::SignalCreate, [0, 0, 0]),
        (QuotaKind::Regions, Call::RegionCreate, [0, 1, 0]),
        (QuotaKind::Threads, Call::ThreadCreate, [0, 5, 0]),
        (QuotaKind::Frames, Call::RegionCreate, [0, 20, 0]),
    ] {
        let mut system = System::boot();
        let first = system.spawn(10, 0);
        let second = system.spawn(9, 0);
        let before = system.counts();
        system.root_in_background();
        system.kernel.cpu.reschedule = true;
        system.kernel.finish_entry();
        system.running(first.thread);
        let mut made = 0;
        let error = loop {
            match system.call(call, &arguments) {
                Ok(_) => made += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(error, Error::QuotaExceeded, "{}", kind.text());
        assert!(made > 0 && made <= 64, "{}: {made}", kind.text());
        system.raw(Call::ProcessExit as u64, &[0], airox_abi::message::Tag(0), 0);
        system.running(second.thread);
        system.call(call, &arguments).expect("the sibling has its own");
        system.raw(Call::ProcessExit as u64, &[0], airox_abi::message::Tag(0), 0);
        system.running(system.root);
        system.reap(&first);
        system.reap(&second);
        let after = system.counts();
        assert!(after.0.iter().zip(before.0).all(|(after, before)| *after <= before), "{}", kind.text());
    }
}

#[test]
fn a_child_quota_is_carved_out_of_its_parent() {
    let mut system = System::boot();
    let before = system.counts();
    let root = system.root_process;
    let write_limits = |system: &mut System, limit: u32| {
        let bytes: Vec<u8> = [limit; QuotaKind::COUNT].iter().flat_map(|value| value.to_le_bytes()).collect();
        system.write(root, SCRATCH, &bytes);
    };
    write_limits(&mut system, 100);
    let quota = system.ok(Call::QuotaCreate, &[system.quota, SCRATCH]);
    write_limits(&mut system, 60);
    let first = system.ok(Call::QuotaCreate, &[quota, SCRATCH]);
    assert_eq!(system.err(Call::QuotaCreate, &[quota, SCRATCH]), Error::QuotaExceeded);
    system.ok(Call::HandleClose, &[first]);
    let second = system.ok(Call::QuotaCreate, &[quota, SCRATCH]);
    write_limits(&mut system, u32::MAX);
    assert_eq!(system.err(Call::QuotaCreate, &[quota, SCRATCH]), Error::QuotaExceeded);
    // An object keeps its quota alive; when it goes, so does the quota.
    let port = system.ok(Call::PortCreate, &[second, 0]);
    system.ok(Call::HandleClose, &[second]);
    system.ok(Call::HandleClose, &[quota]);
    assert_ne!(system.counts(), before);
    system.ok(Call::HandleClose, &[port]);
    assert_eq!(system.counts(), before);
}

#[test]
fn a_process_that_ends_with_everything_open_leaves_nothing() {
    let mut system = System::boot();
    let before = system.counts();
    let child = system.spawn(10, 0);
    system.root_in_background();
    system.kernel.cpu.reschedule = true;
    system.kernel.finish_entry();
    system.running(child.thread);
    let port = system.ok(Call::PortCreate, &[0, 0]);
    let signal = system.ok(Call::SignalCreate, &[0]);
    system.ok(Call::PortBind, &[port, signal]);
    system.ok(Call::TimerSet, &[signal, 1_000_000, 1]);
    let region = system.ok(Call::RegionCreate, &[0, 8, 0]);
    system.ok(Call::RegionMap, &[region, 0, 0x3000_0000, 0, 8, 1 | 4]);
    let thread = system.ok(Call::ThreadCreate, &[0, 10, port]);
    system.ok(Call::ThreadStart, &[thread, 0x41_0000, 0, 0]);
    system.ok(Call::HandleCopy, &[port, ALL, 3]);
    system.raw(Call::ProcessExit as u64, &[-7_i64 as u64], airox_abi::message::Tag(0), 0);
    system.running(system.root);
    let info = system.kernel.process_info(child.process);
    assert_eq!((info.state, info.exit_code, info.faulted), (ThreadState::Dead as u8, -7, 0));
    assert_eq!(system.err(Call::ProcessKill, &[child.process_handle, 0]), Error::Dead);
    system.reap(&child);
    assert_eq!(system.counts(), before);
}

#[test]
fn interrupt_lines_and_port_ranges_have_one_owner() {
    let mut system = System::boot();
    let before = system.counts();
    let irq = system.ok(Call::IrqCreate, &[system.machine, 4]);
    assert_eq!(system.err(Call::IrqCreate, &[system.machine, 4]), Error::NoSuchResource);
    assert_eq!(system.err(Call::IrqCreate, &[system.machine, 99]), Error::NoSuchResource);
    assert_eq!(system.err(Call::IrqAcknowledge, &[irq]), Error::WrongState);
    let ports = system.ok(Call::IoPortsCreate, &[system.machine, 0x3f8, 8]);
    for (first, count) in [(0x3f8, 1), (0x3f0, 9), (0x3ff, 100), (0xffff, 2), (0x1_0000, 1), (0x10, 0)] {
        assert_eq!(system.err(Call::IoPortsCreate, &[system.machine, first, count]), Error::NoSuchResource);
    }
    let part = system.ok(Call::IoPortsCreate, &[ports, 0x3fa, 4]);
    for (source, first, count) in [(part, 0x3f9, 2), (part, 0x3fd, 2), (ports, 0x3f8, 9), (ports, 0x3f8, 0)] {
        assert_eq!(system.err(Call::IoPortsCreate, &[source, first, count]), Error::NoSuchResource);
    }
    assert_eq!(system.err(Call::IoPortsCreate, &[irq, 0x3f8, 1]), Error::WrongType);
    system.ok(Call::HandleClose, &[part]);
    system.ok(Call::IoPortsBind, &[ports, 0]);
    assert_eq!(system.kernel.machine().ports, [(0x3f8, 0x3ff)]);
    let signal = system.ok(Call::SignalCreate, &[0]);
    system.ok(Call::IrqBind, &[irq, signal, 0b10]);
    system.kernel.interrupt(4);
    assert_eq!(system.ok(Call::Poll, &[signal, u64::MAX]), 0b10);
    for handle in [irq, ports, signal] {
        system.ok(Call::HandleClose, &[handle]);
    }
    assert!(system.kernel.machine().ports.is_empty());
    assert_eq!(system.counts(), before);
}
