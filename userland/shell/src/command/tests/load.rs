//! `latency` and `top`.

use crate::fakes::Session;
use crate::services::{Kind, Memory};
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
