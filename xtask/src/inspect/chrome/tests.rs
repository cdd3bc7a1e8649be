use super::super::snapshot::{Ring, Snapshot, tests::example};
use super::*;
use airox_abi::info::ProcessInfo;
use airox_abi::message::Tag;
use airox_abi::snapshot::{PortEntry, RingEntry};

/// Numbers of the recorded machine.
const SHELL: u32 = 9;
const CONSOLE: u32 = 4;
/// The idle thread of the only processor.
const IDLE: u32 = 0;
const PORT: u32 = 2;
/// Thread and process of a program that ended, and whose numbers a second one got.
const PROGRAM: (u32, u32) = (12, 11);

fn event(ticks: u64, kind: EventKind, a: u32, b: u32, c: u64, d: u64) -> Event {
    Event { ticks, kind_a: (kind as u32) << 24 | a, b, c, d }
}

/// A shell woken by its timer, its call to the console, two programs, one of which ended by a fault: as a machine recorded it, times rounded.
/// A tick is a microsecond.
fn recording() -> Snapshot {
    use EventKind::{Budget, Call, Exit, Fault, Irq, Reply, Signal, Switch, Timer, Wake};
    let mut snapshot = Snapshot::parse(&example()).unwrap();
    snapshot.header.ticks_per_second = 1_000_000;
    snapshot.header.base_ticks = 0;
    snapshot.header.ticks = 1_000;
    let process = |number: u32, text: &str| {
        let mut name = [0; 16];
        name[..text.len()].copy_from_slice(text.as_bytes());
        ProcessInfo { name, number, ..snapshot.processes[0] }
    };
    snapshot.processes = vec![process(8, "shell"), process(3, "serial-console"), process(PROGRAM.1, "hello")];
    snapshot.threads.clear();
    let console = airox_api::INTERFACES.iter().find(|interface| interface.name == "console");
    snapshot.ports = vec![PortEntry { label: console.unwrap().id.into(), number: PORT, ..snapshot.ports[0] }];
    let fault = u64::from_le_bytes(*b"fault\0\0\0");
    let events = vec![
        event(100, Timer, IDLE, 0, 88, 0),
        event(101, Signal, IDLE, 8, 2, 0),
        event(102, Wake, IDLE, SHELL, 0, 0),
        event(110, Switch, SHELL, 8, 0, 0),
        event(150, Call, SHELL, PORT, Tag::new(3).0, 1),
        event(155, Switch, CONSOLE, 3, 0, 0),
        event(160, Irq, 4, 0, 0, 0),
        event(170, Reply, CONSOLE, SHELL, Tag::new(0).0, 0),
        event(175, Switch, SHELL, 8, 0, 0),
        event(180, Wake, SHELL, PROGRAM.0, 0, 0),
        event(190, Switch, PROGRAM.0, PROGRAM.1, 0, 0),
        event(195, Budget, PROGRAM.0, 3, 295, 0),
        event(200, Fault, PROGRAM.0, 1, 0x41_0000, 0x10),
        event(210, Exit, PROGRAM.1, 1, 5, fault),
        event(220, Switch, IDLE, 0, 0, 0),
        event(300, Switch, PROGRAM.0, PROGRAM.1, 0, 0),
        event(310, Call, PROGRAM.0, PORT, Tag::new(3).0, 1),
    ];
    let entry = RingEntry { processor: 0, events: events.len() as u32, recorded: 17 };
    snapshot.rings = vec![Ring { entry, events }];
    snapshot
}

/// Events of the file by phase.
fn phase(file: &Value, phase: &str) -> Vec<Value> {
    let events = file["traceEvents"].as_array().unwrap();
    let wanted = events.iter().filter(|event| event["ph"] == phase);
    wanted.cloned().collect()
}

fn written() -> Value {
    let snapshot = recording();
    // As a viewer reads it.
    let text = trace(&View::new(&snapshot)).to_string();
    serde_json::from_str(&text).unwrap()
}

/// Process and thread of the file.
fn track(event: &Value) -> (u64, u64) {
    (event["pid"].as_u64().unwrap(), event["tid"].as_u64().unwrap())
}

const fn pid(number: u32) -> u64 {
    PROCESSORS + 1 + number as u64
}

#[test]
fn each_thread_has_a_slice_while_it_ran() {
    let slices: Vec<(u64, u64, f64, f64)> = phase(&written(), "X")
        .iter()
        .filter(|slice| slice["pid"] != PROCESSORS)
        .map(|slice| {
            let (process, thread) = track(slice);
            let number = |key: &str| slice[key].as_f64().unwrap();
            (process, thread, number("ts"), number("dur"))
        })
        .collect();
    let expected = [
        (pid(8), 9, 110.0, 45.0),
        (pid(3), 4, 155.0, 20.0),
        (pid(8), 9, 175.0, 15.0),
        (pid(11) + GENERATION, 12, 190.0, 30.0),
        (pid(11), 12, 300.0, 700.0),
    ];
    assert_eq!(slices, expected);
}

#[test]
fn the_processors_track_names_who_ran() {
    let names: Vec<String> = phase(&written(), "X")
        .iter()
        .filter(|slice| track(slice) == (PROCESSORS, 1))
        .map(|slice| slice["name"].as_str().unwrap().to_owned())
        .collect();
    let expected = ["shell/9", "serial-console/4", "shell/9", "fault/12", "hello/12"];
    assert_eq!(names, expected);
}

#[test]
fn tracks_are_named() {
    let names: Vec<(u64, String)> = phase(&written(), "M")
        .iter()
        .filter(|event| event["name"] == "process_name")
        .map(|event| {
            let name = event["args"]["name"].as_str().unwrap().to_owned();
            (track(event).0, name)
        })
        .collect();
    for (process, name) in [
        (PROCESSORS, "processors"),
        (pid(8), "shell"),
        (pid(3), "serial-console"),
        (pid(11), "hello"),
        (pid(11) + GENERATION, "fault"),
    ] {
        assert!(names.contains(&(process, name.to_owned())), "{name}: {names:?}");
    }
}

#[test]
fn arrows_lead_from_slice_to_slice() {
    let file = written();
    let ends = phase(&file, "f");
    let arrows: Vec<(String, u64, f64, u64, f64)> = phase(&file, "s")
        .iter()
        .map(|start| {
            let end = ends.iter().find(|end| end["id"] == start["id"]).unwrap();
            let time = |event: &Value| event["ts"].as_f64().unwrap();
            (start["name"].as_str().unwrap().to_owned(), track(start).1, time(start), track(end).1, time(end))
        })
        .collect();
    let expected = [
        ("call".to_owned(), 9, 150.0, 4, 155.0),
        ("reply".to_owned(), 4, 170.0, 9, 175.0),
        ("wake".to_owned(), 9, 180.0, 12, 190.0),
    ];
    assert_eq!(arrows, expected);
}

#[test]
fn calls_are_spans_with_decoded_messages() {
    let file = written();
    let (begins, ends) = (phase(&file, "b"), phase(&file, "e"));
    assert_eq!((begins.len(), ends.len()), (2, 2));
    let name = begins[0]["name"].as_str().unwrap();
    assert!(name.starts_with("console (port 2): "), "{name}");
    assert!(!name.contains("method"), "{name}");
    assert_eq!(begins[0]["args"]["server"], "serial-console");
    assert_eq!(ends[0]["ts"], 170.0);
    assert_eq!(begins[1]["args"]["reply"], "none yet");
    assert_eq!(ends[1]["ts"], 1_000.0);
}

#[test]
fn all_else_is_an_instant() {
    let file = written();
    let instants = phase(&file, "i");
    let find = |name: &str| {
        let found = instants.iter().find(|event| event["name"] == name);
        found.unwrap_or_else(|| panic!("no {name} in {instants:?}"))
    };
    let processors = (PROCESSORS, 1);
    assert_eq!(track(find("timer")), processors);
    assert_eq!(find("timer")["args"]["late by (us)"], 12.0);
    assert_eq!(track(find("signal 8")), processors, "the idle thread's");
    assert_eq!(track(find("irq 4")), processors);
    let program = (pid(11) + GENERATION, 12);
    assert_eq!(track(find("budget 3 used up")), program);
    assert_eq!(find("budget 3 used up")["args"]["replenished after (us)"], 100.0);
    let fault = instants.iter().find(|event| event["name"].as_str().unwrap().starts_with("fault: "));
    assert_eq!(track(fault.unwrap()), program);
    assert_eq!(find("fault ends")["args"]["by a fault"], true);
}

#[test]
fn a_damaged_ring_gives_a_file_all_the_same() {
    let mut snapshot = recording();
    let events = &mut snapshot.rings[0].events;
    // Beginning in the middle of things; unknown kinds and numbers; time that goes back.
    events.drain(..5);
    events.push(event(5, EventKind::Reply, 77, 78, u64::MAX, 0));
    events.push(event(u64::MAX, EventKind::Exit, 99, 7, 0, u64::MAX));
    events.push(Event { kind_a: u32::MAX, ..Event::default() });
    assert!(!phase(&trace(&View::new(&snapshot)), "X").is_empty());
}

#[test]
fn every_processor_has_a_track_and_an_idle_thread() {
    let mut snapshot = recording();
    snapshot.header.kernel.processors = 2;
    let events = vec![event(120, EventKind::Switch, 2, 0, 0, 0), event(130, EventKind::Switch, 12, 11, 0, 0)];
    let entry = RingEntry { processor: 1, events: 2, recorded: 2 };
    snapshot.rings.push(Ring { entry, events });
    let file = trace(&View::new(&snapshot));
    let names: Vec<String> = phase(&file, "X")
        .iter()
        .filter(|slice| track(slice) == (PROCESSORS, 2))
        .map(|slice| slice["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names.len(), 1, "{names:?}");
    let tracks = phase(&file, "M");
    assert!(tracks.iter().any(|event| event["args"]["name"] == "processor 1"), "{tracks:?}");
}
