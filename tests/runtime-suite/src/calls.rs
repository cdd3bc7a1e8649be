//! Calls that are answered at once, right and wrong.

use crate::registry::{Outcome, Test};
use crate::server;
use crate::{expect, expect_eq};
use airox_api::wire::request_tag;
use airox_api::{CallError, ProtocolError};
use airox_rt::{Error, MapFlags, Mapping, Port, Rights, RootBlock, Signal, TypedHandle, sys};
use airox_runtime_suite::probe::{self, ProbeClient};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// This group's tests.
pub static TESTS: &[Test] = &[
    Test { name: "calls_in_words", run: calls_in_words },
    Test { name: "badges_tell_callers", run: badges_tell_callers },
    Test { name: "long_arguments_and_results", run: long_arguments_and_results },
    Test { name: "leases", run: leases },
    Test { name: "handles_to_the_server", run: handles_to_the_server },
    Test { name: "handles_from_the_server", run: handles_from_the_server },
    Test { name: "hostile_messages", run: hostile_messages },
    Test { name: "server_of_lower_priority", run: server_of_lower_priority },
    Test { name: "server_death", run: server_death },
];

fn calls_in_words(_root: &RootBlock) -> Outcome {
    let running = server::start(None)?;
    let client = running.client()?;
    expect_eq!(client.add(2, 3)?, 5);
    expect_eq!(client.add(u64::MAX, 1), Err(CallError::Service(1)));
    expect_eq!(client.fail(77), Err(CallError::Service(77)));
    for number in 0..1000 {
        expect_eq!(client.add(number, 1)?, number + 1);
    }
    running.stop()?;
    Ok(())
}

fn badges_tell_callers(_root: &RootBlock) -> Outcome {
    let running = server::start(None)?;
    expect_eq!(running.client()?.badge()?, 0);
    expect_eq!(running.client_with_badge(7)?.badge()?, 7);
    expect_eq!(running.client_with_badge(u64::MAX)?.badge()?, u64::MAX);
    running.stop()?;
    Ok(())
}

fn long_arguments_and_results(_root: &RootBlock) -> Outcome {
    let running = server::start(None)?;
    let client = running.client()?;
    let words: Vec<String> = vec!["quiet".into(); 100];
    let shouted = client.shout(&words)?;
    expect_eq!(shouted.len(), 100);
    expect!(shouted.iter().all(|word| word == "QUIET"));
    // The result does not fit in what the client lends for it.
    let words: Vec<String> = vec!["q".repeat(100); 50];
    expect_eq!(client.shout(&words), Err(CallError::Protocol(ProtocolError::ResultTooLong)));
    running.stop()?;
    Ok(())
}

fn leases(_root: &RootBlock) -> Outcome {
    let running = server::start(None)?;
    let client = running.client()?;
    // More than a page, and not on page boundaries.
    let from: Vec<u8> = (0..20_001_u32).map(|index| (index % 251) as u8).collect();
    let mut to = vec![0; 20_001];
    expect_eq!(client.reverse(&from, &mut to)?, 20_001);
    expect!(to.iter().rev().eq(from.iter()));
    expect_eq!(client.reverse(&[], &mut [])?, 0);
    let denied = Error::LeaseDenied as u32;
    expect_eq!(client.reverse(&from, &mut to[..20_000]), Err(CallError::Service(denied)));
    running.stop()?;
    Ok(())
}

fn handles_to_the_server(_root: &RootBlock) -> Outcome {
    let running = server::start(None)?;
    let client = running.client()?;
    let signal = Signal::create()?;
    client.notify(&signal, 0b101)?;
    expect_eq!(signal.poll(u64::MAX)?, 0b101);
    // Without COPY it cannot be passed on.
    let kept = signal.copy(Rights::SEND)?;
    expect_eq!(client.notify(&kept, 1), Err(CallError::Kernel(Error::MissingRight)));
    // A port in a signal's place.
    let mistaken = Signal::from_raw(Port::create(0)?.into_raw());
    expect_eq!(client.notify(&mistaken, 1), Err(CallError::Protocol(ProtocolError::BadHandle)));
    running.stop()?;
    Ok(())
}

fn handles_from_the_server(_root: &RootBlock) -> Outcome {
    let running = server::start(None)?;
    let client = running.client()?;
    let (pages, region) = client.region(5)?;
    expect_eq!(pages, 5);
    expect_eq!(region.region_info()?.0, 5);
    let mapping = Mapping::new(&region, MapFlags::empty())?;
    expect_eq!(mapping.window().read::<u8>(0), Some(5));
    drop(mapping);
    // The server kept nothing: with the region's last handle its memory is free again.
    drop(region);
    expect!(matches!(client.region(0), Err(CallError::Service(_))));
    running.stop()?;
    Ok(())
}

fn hostile_messages(_root: &RootBlock) -> Outcome {
    let running = server::start(None)?;
    let client = running.client()?;
    let port = client.transport().raw();
    let id = probe::INFO.id;
    let label = |tag| sys::call(port, tag, [u64::MAX; 8]).map(|reply| reply.tag.label());
    expect_eq!(label(request_tag(id + 1, 0, 2))?, ProtocolError::WrongInterface as u16);
    expect_eq!(label(request_tag(id, 99, 0))?, ProtocolError::UnknownMethod as u16);
    expect_eq!(label(request_tag(id, 0, 64))?, ProtocolError::BadArguments as u16);
    expect_eq!(label(request_tag(id, 0, 0xff))?, ProtocolError::BadLease as u16);
    expect_eq!(label(request_tag(id, 0, 0xfe))?, ProtocolError::BadArguments as u16);
    expect_eq!(label(request_tag(id, 5, 1))?, ProtocolError::BadArguments as u16);
    // Handles the method does not take are closed by the server, whose count the harness checks.
    let signal = Signal::create()?;
    let transfer = sys::HandleTransfer::new(signal.raw(), Rights::all());
    let transfers = [transfer; 4];
    for _ in 0..20 {
        let tag = request_tag(id, 0, 2);
        let (reply, _) = sys::call_lend(port, tag, [0; 8], &transfers, &mut [])?;
        expect_eq!(reply.tag.label(), ProtocolError::BadHandle as u16);
    }
    expect_eq!(client.add(1, 1)?, 2);
    running.stop()?;
    Ok(())
}

fn server_of_lower_priority(_root: &RootBlock) -> Outcome {
    let own = sys::thread_info(airox_rt::Handle::NONE)?.priority;
    let running = server::start(Some(own - 1))?;
    expect_eq!(running.client()?.add(20, 22)?, 42);
    running.stop()?;
    Ok(())
}

fn server_death(_root: &RootBlock) -> Outcome {
    let running = server::start(None)?;
    let client: ProbeClient = running.client()?;
    expect_eq!(client.add(1, 2)?, 3);
    let error = running.stop()?;
    expect_eq!(error, Error::InvalidHandle);
    expect_eq!(client.add(1, 2), Err(CallError::ServerDied));
    Ok(())
}
