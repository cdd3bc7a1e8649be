//! `latency` and `top`.

use crate::fakes::Session;
use crate::services::{Kind, Memory};
use crate::trace::Piece;
use airox_abi::trace::{Event, EventKind};
use alloc::vec::Vec;

fn session() -> Session {
    let session = Session::new();
    session.world().memory =
        Some(Memory { total_bytes: 0, used_bytes: 0, objects: Vec::new(), processors: 2, idle_ns: 5_000_000 });
    session.world().add_process(3, "log", Kind::Component);
    session.world().add_process(7, "serial-console", Kind::Component);
    session
}

#[test]
fn top_shows_who_used_most_of_the_interval() {
    let mut session = session();
    // Between two pictures 1 ms passes, process 7 has more than one processor for half of it, and one of them idles for most of it.
    session.world().used_in_each_list = Some((7, 1_100_000));
    session.world().idle_in_each_memory = 800_000;
    assert_eq!(
        session.line("top -n 1"),
        "\
up 2.0 ms, 2 processors busy 60.0 % of the last 1.0 ms, 2 processes
ID  NAME                USE  STATE      PRIO    CPU   MEMORY
 7  serial-console  110.0 %  receiving   100  1.235  1.5 MiB
 3  log               0.0 %  receiving   100  1.234  1.5 MiB
"
    );
    assert_eq!(session.world().slept, [1_000_000_000]);
}

#[test]
fn top_goes_on_until_control_c_and_clears_in_between() {
    let mut session = session();
    session.world().interrupt_after = Some(3);
    let output = session.line("top -i 250ms");
    assert_eq!(output.matches("busy").count(), 3);
    assert_eq!(output.matches("\x1b[H\x1b[2J").count(), 2);
    assert_eq!(session.world().slept, [250_000_000; 3]);
}

#[test]
fn a_process_started_again_begins_from_nothing() {
    let mut session = session();
    session.world().restart_in_each_list = Some(3);
    let output = session.line("top -n 1");
    // It has used more than the interval since; no share is above all.
    assert!(output.contains("log             200.0 %"), "{output}");
}

#[test]
fn top_explains_wrong_arguments() {
    let mut session = session();
    for (line, why) in [
        ("top -n", "the value after -n is missing"),
        ("top -n x", "`x` is not a number of pictures"),
        ("top -n 0", "no picture at all?"),
        ("top -i 1ms", "at least 10.0 ms"),
        ("top -i soon", "`soon` is not a time"),
        ("top now", "`now` is not understood"),
    ] {
        let output = session.line(line);
        assert!(output.contains(why), "{line}: {output}");
        assert!(output.contains("usage: top"), "{line}: {output}");
    }
    session.world().process_server_dies = true;
    assert!(session.line("top -n 1").starts_with("top: the process server died"));
}

#[test]
fn latency_runs_the_program() {
    let mut session = session();
    assert_eq!(session.line("latency -n 10"), "");
    assert_eq!(session.world().ran, ["latency -n 10"]);
}

fn event(ticks: u64, kind: EventKind, a: u32, b: u32) -> Event {
    Event { ticks, kind_a: (kind as u32) << 24 | a, b, c: ticks, d: 0 }
}

#[test]
fn top_tells_of_each_processor_what_is_recorded() {
    let mut session = session();
    let before = Piece { first: 10, events: [event(900_000, EventKind::Switch, 0, 0)].to_vec() };
    let since = [
        event(2_100_000, EventKind::Switch, 9, 7),
        event(2_150_000, EventKind::Call, 9, 3),
        event(2_200_000, EventKind::Irq, 4, 0),
        event(2_350_000, EventKind::Switch, 0, 0),
    ];
    let since = Piece { first: 11, events: since.to_vec() };
    session.world().traces.insert(0, [Piece { first: 11, events: Vec::new() }, before, since].into());
    let output = session.line("top -n 1");
    let lines: Vec<&str> = output.lines().collect();
    // Of the other processor nothing is recorded.
    assert!(lines[1].starts_with("processor 0: busy "), "{output}");
    assert!(lines[1].ends_with(" %, 2 switches, 1 call, 1 interrupt, 0 faults"), "{output}");
    assert!(lines[2].starts_with("ID  NAME              USE  RUNS  STATE"), "{output}");
    let runs = |name: &str| {
        let line = lines.iter().find(|line| line.contains(name)).unwrap();
        line.split_whitespace().nth(4).unwrap().to_owned()
    };
    assert_eq!((runs("serial-console"), runs("log")), ("1".into(), "0".into()));
}

#[test]
fn latency_tells_of_the_latest_wake_up() {
    let mut session = session();
    // The program gets this number, and so does its process.
    let ours = 101;
    let events = [
        event(1_000, EventKind::Timer, 0, 0),
        event(1_100, EventKind::Wake, 9, 12),
        event(2_500, EventKind::Irq, 4, 0),
        event(4_000, EventKind::Switch, 9, 3),
        event(42_000, EventKind::Switch, 12, ours),
        event(43_000, EventKind::Switch, 0, 0),
        event(50_000, EventKind::Timer, 0, 0),
        event(51_000, EventKind::Switch, 12, ours),
    ];
    session.world().traces.insert(1, [Piece { first: 0, events: events.to_vec() }].into());
    assert_eq!(
        session.line("latency"),
        "\
Of the last 2 wake-ups in the trace, the latest was 41.0 us late until the program ran:
        0 ns  the timer is due
        0 ns  timer interrupt
      100 ns  latency can run
      1.5 us  interrupt line 4
      3.0 us  log runs
     41.0 us  latency runs
"
    );
}
