//! From client to server and back.

use super::odd::{OddClient, OddDispatcher, OddServer};
use super::servers::{Echo, entry, handle_entry, memory};
use crate::CallError;
use crate::clock::{ClockClient, ClockDispatcher, ClockError};
use crate::console::{ConsoleClient, ConsoleDispatcher, ConsoleError, Mode};
use crate::files::FileGrant;
use crate::log::{self, Level, LogClient, LogDispatcher, LogError, MAX_TEXT};
use crate::power::{PowerClient, PowerDispatcher, PowerError};
use crate::process::{Budget, ExitStatus, NotAdmitted, ProcessClient, ProcessDispatcher, ProcessError, Terms, Traced};
use crate::supervisor::{SupervisorClient, SupervisorDispatcher, SupervisorError};
use crate::testing::Loopback;
use crate::wire::ProtocolError;
use airox_abi::{Error, Handle};
use airox_sys::{Port, Signal, TypedHandle};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

const SERVICE: fn(LogError) -> CallError<LogError> = CallError::Service;

#[test]
fn log() {
    let client = LogClient::new(Loopback::new(LogDispatcher(Echo::default()), 4));
    assert_eq!(client.wait(0), Err(CallError::Kernel(Error::NoReply)));
    client.write(Level::Info, "short").unwrap();
    let long = "long ".repeat(100);
    client.write(Level::Trace, &long).unwrap();
    let too_long = "x".repeat(MAX_TEXT + 1);
    assert_eq!(client.write(Level::Error, &too_long), Err(SERVICE(LogError::Full)));

    let mut buffer = [0; 1000];
    let length = client.read(0, &mut buffer).unwrap() as usize;
    let records: Vec<_> = log::records(&buffer[..length]).collect();
    assert_eq!(records.len(), 2);
    assert_eq!((records[0].text.as_str(), records[0].level), ("short", Level::Info));
    assert_eq!((records[1].text.as_str(), records[1].source.as_str()), (long.as_str(), "badge 4"));
    assert_eq!(client.read(0, &mut [0; 10]), Err(SERVICE(LogError::BufferTooSmall)));
    assert_eq!(client.wait(0), Ok(2));

    assert_eq!(client.set_level("known", Level::Debug), Ok(()));
    assert_eq!(client.set_level("other", Level::Debug), Err(SERVICE(LogError::UnknownSource)));
    assert_eq!(client.levels(0).unwrap().len(), 30);
    assert_eq!(client.levels(29).unwrap()[0].source, "source 29");
    assert_eq!(client.register(7, "seven"), Err(SERVICE(LogError::NotAllowed)));
}

#[test]
fn console() {
    let client = ConsoleClient::new(Loopback::new(ConsoleDispatcher(Echo::default()), 1));
    assert_eq!(client.write(b"hello"), Ok(5));
    assert_eq!(client.write(&[b'x'; 10_000]), Ok(10_000));
    let mut buffer = [0; 8];
    assert_eq!(client.read(&mut buffer), Ok(1));
    assert_eq!(buffer[0], b'k');
    assert_eq!(client.read(&mut []), Err(CallError::Service(ConsoleError::BadBuffer)));
    assert_eq!(client.flush(), Err(CallError::Service(ConsoleError::Device)));
    assert_eq!(client.size().unwrap().columns, 80);
    client.set_mode(Mode::Raw).unwrap();
    let signal = Signal::from_raw(Handle(0x10_0005));
    client.interrupt_signal(Some(&signal), 1 << 40).unwrap();
    {
        let dispatcher = client.transport().dispatcher();
        let echo = &dispatcher.0;
        assert_eq!(echo.screen.len(), 10_000);
        assert_eq!(echo.mode, Some(Mode::Raw));
        assert_eq!(echo.interrupt, Some((Some(Signal::from_raw(Handle(0x10_0005))), 1 << 40)));
    }
    client.interrupt_signal(None, 0).unwrap();
    assert_eq!(client.transport().dispatcher().0.interrupt, Some((None, 0)));
}

#[test]
fn clock_and_power() {
    let clock = ClockClient::new(Loopback::new(ClockDispatcher(Echo::default()), 0));
    clock.set(u64::MAX).unwrap();
    assert_eq!(clock.now(), Ok(u64::MAX));
    let badged = ClockClient::new(Loopback::new(ClockDispatcher(Echo::default()), 3));
    assert_eq!(badged.set(1), Err(CallError::Service(ClockError::NotAllowed)));
    let power = PowerClient::new(Loopback::new(PowerDispatcher(Echo::default()), 0));
    assert_eq!(power.off(), Err(CallError::Service(PowerError::Unsupported)));
    assert_eq!(power.reboot(), Err(CallError::Service(PowerError::Failed)));
}

#[test]
fn process() {
    let client = ProcessClient::new(Loopback::new(ProcessDispatcher(Echo::default()), 2));
    assert_eq!(client.programs(0), Ok(vec!["echo".into(), "hello".into()]));
    assert_eq!(client.programs(2), Ok(vec![]));
    let console = Port::from_raw(Handle(0x10_0000));
    let arguments: Vec<String> = vec!["a".into(), "b".repeat(500)];
    assert_eq!(client.run("echo", &arguments, Terms::default(), None, Some(&console)), Ok(0x10_0002));
    assert_eq!(client.run("hello", &arguments, Terms::default(), None, None), Ok(501));
    assert_eq!(client.run("none", &[], Terms::default(), None, None), Err(CallError::Service(ProcessError::Kernel(7))));
    let grant = FileGrant::parse("/tmp:rw").unwrap();
    let refused = client.run("echo", &arguments, Terms::default(), Some(vec![grant.clone()]), None);
    assert_eq!(refused, Err(CallError::Service(ProcessError::FilesNotGranted(grant))));
    let urgent = Terms {
        priority: Some(200),
        budget: Some(Budget { time_ns: u64::MAX, period_ns: u64::MAX }),
        processor: Some(u32::MAX),
        deadline_ns: Some(u64::MAX),
        calls_per_job: Some(u32::MAX),
    };
    let refused = ProcessError::NotAdmitted(NotAdmitted::NeedsBudget(40));
    assert_eq!(client.run("echo", &arguments, urgent, None, Some(&console)), Err(CallError::Service(refused)));
    assert_eq!(client.wait(1), Ok(ExitStatus::Exited(-5)));
    assert_eq!(client.wait(2), Ok(ExitStatus::Faulted));
    assert_eq!(client.wait(3), Err(CallError::Service(ProcessError::UnknownProcess)));
    assert_eq!(client.kill("9"), Ok(()));
    assert_eq!(client.restart("x"), Err(CallError::Service(ProcessError::UnknownProcess)));
    assert_eq!(client.list(18), Ok(vec![entry(18), entry(19)]));
    assert_eq!(client.handles("log", 2), Ok(vec![handle_entry(2)]));
    assert_eq!(client.memory(), Ok(memory()));
    let mut events = [0; 64];
    assert_eq!(client.trace(3, 0x1_0000_0001, &mut events), Ok(Traced { first: 0x1_0000_0001, count: 3 }));
    assert_eq!(events[..8], 0x1_0000_0001_u64.to_le_bytes());
}

#[test]
fn supervisor() {
    let client = SupervisorClient::new(Loopback::new(SupervisorDispatcher(Echo::default()), 6));
    assert_eq!(client.list(0), Ok(vec![entry(0), entry(1)]));
    assert_eq!(client.handles("", 0), Err(CallError::Service(SupervisorError::UnknownComponent)));
    assert_eq!(client.kill("log"), Err(CallError::Service(SupervisorError::NotAllowed)));
    assert_eq!(client.restart("log"), Err(CallError::Service(SupervisorError::Kernel(16))));
    assert_eq!(client.memory(), Ok(memory()));
    client.report_panic("no such thing", "src/a.rs", 40).unwrap();
    assert_eq!(client.transport().dispatcher().0.panic, "6 src/a.rs:40: no such thing");
}

fn odd() -> OddClient<Loopback<OddDispatcher<OddServer>>> {
    let dispatcher = OddDispatcher(OddServer::default());
    OddClient::new(Loopback::new(dispatcher, 100).with_later(|dispatcher| dispatcher.0.answer()))
}

#[test]
fn handles_travel_in_both_directions() {
    let client = odd();
    assert_eq!(client.buffer(0x20_0001).unwrap().raw(), Handle(0x20_0001));
    assert_eq!(client.buffer(0), Err(CallError::Service(9)));
    let port = Port::from_raw(Handle(0x10_0001));
    let signal = Signal::from_raw(Handle(0x10_0002));
    let numbers = [10_u32; 40];
    let (sum, port_back, text, signal_back) = client.exchange(1, &port, "middle", Some(&signal), &numbers).unwrap();
    assert_eq!((sum, text.as_str()), (501, "middle"));
    assert_eq!((port_back.raw(), signal_back.raw()), (port.raw(), signal.raw()));
    assert_eq!(client.exchange(1, &port, "", None, &[]).unwrap_err(), CallError::Service(1));
}

#[test]
fn leases_and_long_results_travel_together() {
    let client = odd();
    let mut target = [0; 4];
    let text = "t".repeat(200);
    assert_eq!(client.copy(3, b"abcdef", &mut target, &text).unwrap().len(), 400);
    assert_eq!(&target, b"abc\0");
    assert_eq!(client.copy(5, b"abcdef", &mut target, "").unwrap_err(), CallError::Service(3));
    assert_eq!(client.copy(0, &[0; 65], &mut target, "").unwrap_err(), CallError::Service(1));
    assert_eq!(
        client.copy(0, b"", &mut target, &"t".repeat(301)).unwrap_err(),
        CallError::Protocol(ProtocolError::ResultTooLong)
    );
    assert_eq!(client.too_long(63).unwrap().len(), 63);
    assert_eq!(client.too_long(64).unwrap_err(), CallError::Protocol(ProtocolError::ResultTooLong));
    assert_eq!(client.sum(&(0..100).collect()), Ok(4950));
    assert_eq!(client.sum(&vec![u64::MAX, 1]), Err(CallError::Service(1)));
    assert_eq!(client.sum(&vec![u64::MAX; 7000]), Err(CallError::Protocol(ProtocolError::ArgumentsTooLong)));
}

#[test]
fn deferred_calls_keep_their_leases() {
    let client = odd();
    let mut target = [0; 6];
    assert_eq!(client.later(b"abcdef", &mut target), Ok(6));
    assert_eq!(&target, b"fedcba");
    let error = client.later(b"abcdef", &mut target[..2]).unwrap_err();
    assert_eq!(error, CallError::Service(String::from(Error::LeaseDenied.text())));
}

#[test]
fn a_dropped_deferred_call_has_no_reply() {
    let client = OddClient::new(
        Loopback::new(OddDispatcher(OddServer::default()), 0).with_later(|dispatcher| dispatcher.0.waiting.clear()),
    );
    assert_eq!(client.later(b"", &mut []).unwrap_err(), CallError::Kernel(Error::NoReply));
}
