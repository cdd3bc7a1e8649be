//! Commands about processes and programs.

use crate::fakes::Session;
use crate::services::{Budget, BudgetUse, ExitStatus, HandleEntry, Kind, Memory, Terms};
use alloc::vec;

#[test]
fn ps_is_an_aligned_table_by_number() {
    let mut session = Session::new();
    session.world().add_process(12, "serial-console", Kind::Component);
    session.world().add_process(3, "log", Kind::Component);
    assert_eq!(
        session.line("ps"),
        "\
ID  NAME            STATE      PRIO    CPU   MEMORY  HANDLES  RESTARTS
 3  log             receiving   100  1.234  1.5 MiB       17         3
12  serial-console  receiving   100  1.234  1.5 MiB       17         3
"
    );
    assert!(session.line("ps -l").contains("17         3        2          0       -         -  system\n"));
    assert!(session.line("ps -x").starts_with("ps: `-x` is one argument too many"));
    session.world().process_server_dies = true;
    assert_eq!(session.line("ps"), "ps: the process server died before it answered; try again\n");
    assert!(session.line("ps").contains("log"));
}

#[test]
fn the_process_server_that_ends_itself_has_done_what_was_asked() {
    let mut session = Session::new();
    session.world().add_process(3, "log", Kind::Component);
    session.world().add_process(6, "process", Kind::Component);
    for line in ["kill process", "kill 6", "restart process"] {
        session.world().process_server_dies = true;
        assert_eq!(session.line(line), "", "{line}");
    }
    // Anyone else may still be there.
    for line in ["kill log", "restart 3"] {
        session.world().process_server_dies = true;
        let output = session.line(line);
        assert!(output.ends_with("died before it answered; try again\n"), "{output}");
    }
}

#[test]
fn mem_shows_memory_and_objects() {
    let mut session = Session::new();
    session.world().memory = Some(Memory {
        total_bytes: 128 << 20,
        used_bytes: 96 << 20,
        objects: vec![airox_api::process::ObjectCount { kind: 4, used: 25, capacity: 100 }],
        processors: 1,
        idle_ns: 0,
    });
    assert_eq!(
        session.line("mem"),
        "\
MEMORY
total   128 MiB
used     96 MiB
free     32 MiB

KERNEL OBJECTS  USED  CAPACITY   USE
ports             25       100  25 %
"
    );
}

#[test]
fn caps_names_rights() {
    let mut session = Session::new();
    session.world().add_process(3, "log", Kind::Component);
    let entry = |handle, kind, rights, badge, name: &str| HandleEntry {
        handle,
        kind,
        rights,
        badge,
        object: 7,
        name: name.into(),
    };
    session.world().handles = vec![
        entry(0x10_0001, 3, 0b10_0000_0001, 12, "log"),
        entry(0x10_0002, 99, 0x8000, 0, ""),
        entry(0x10_0003, 6, 0, 0, ""),
        entry(0x10_0004, 6, 0x7ff, 0, ""),
    ];
    assert_eq!(
        session.line("caps log"),
        "  \
  HANDLE  NAME  KIND     OBJECT  BADGE  RIGHTS
0x100001  log   port          7     12  send debug
0x100002        unknown       7      -  0x8000
0x100003        region        7      -  none
0x100004        region        7      -  all
"
    );
    assert_eq!(session.line("caps lgo"), "caps: lgo: no such process; did you mean `log`?\n");
    assert!(session.line("caps").starts_with("caps: the process is missing; usage: caps ID|NAME"));
}

#[test]
fn kill_and_restart() {
    let mut session = Session::new();
    session.world().add_process(3, "log", Kind::Component);
    assert_eq!(session.line("kill 3; kill log; restart log"), "");
    assert_eq!(session.world().killed, ["3", "log"]);
    assert_eq!(session.world().restarted, ["log"]);
    assert_eq!(session.line("kill 4711"), "kill: 4711: no such process\n");
    assert_eq!(session.line("restart"), "restart: the component is missing; usage: restart NAME\n");
}

#[test]
fn run_in_the_foreground() {
    let mut session = Session::new();
    assert_eq!(session.line("run primes 10 'a b' && echo good"), "good\n");
    assert_eq!(session.world().ran, ["primes 10 a b"]);
    session.line("time run hello --help");
    assert_eq!(session.world().ran.pop().unwrap(), "hello --help");
    session.world().endings.insert(102, ExitStatus::Exited(3));
    assert_eq!(session.line("run hello && echo good"), "run: hello failed with exit code 3\n");
    session.world().endings.insert(103, ExitStatus::Faulted);
    assert_eq!(
        session.line("run hello"),
        "`hello` faulted: divide error\n  backtrace:\nrun: hello was ended by a fault\n"
    );
    assert_eq!(session.line("run helo"), "run: helo: no such program; did you mean `hello`?\n");
    assert!(session.line("run").starts_with("run: the program is missing"));
    // The console's mode is set again before each command.
    assert_eq!(session.world().reopened, 8);
}

#[test]
fn run_on_terms() {
    let mut session = Session::new();
    session.line("run --budget 2ms/10ms --priority 165 --deadline 5ms --processor 3 --calls 4 hello --budget x");
    let terms = Terms {
        priority: Some(165),
        budget: Some(Budget { time_ns: 2_000_000, period_ns: 10_000_000 }),
        deadline_ns: Some(5_000_000),
        processor: Some(3),
        calls_per_job: Some(4),
    };
    assert_eq!(session.world().terms, [terms]);
    assert_eq!(session.world().ran, ["hello --budget x"]);
    session.line("run hello");
    assert_eq!(session.world().terms[1], Terms::default());
    for (line, wrong) in [
        ("run --budget 2ms hello", "`2ms` is no budget"),
        ("run --budget 2ms/soon hello", "`soon` is not a time"),
        ("run --priority 256 hello", "`256` is no priority"),
        ("run --processor all hello", "`all` is no processor"),
        ("run --calls -1 hello", "`-1` is no number of calls"),
        ("run --priority", "a value is missing after `--priority`"),
        ("run --fast 1 hello", "`--fast` is no option of `run`"),
        ("run --priority 5", "the program is missing"),
    ] {
        let output = session.line(line);
        assert!(output.contains(wrong), "{line}: {output}");
    }
    assert_eq!(session.world().ran.len(), 2);
}

#[test]
fn a_budget_is_shown() {
    let mut session = Session::new();
    session.world().add_process(3, "log", Kind::Component);
    session.world().processes[0].budget = Some(BudgetUse { time_ns: 2_000_000, period_ns: 10_000_000, overruns: 7 });
    let output = session.line("ps -l");
    assert!(output.contains("2.0 ms / 10.0 ms         7  system\n"), "{output}");
}

#[test]
fn control_c_ends_the_foreground_program() {
    let mut session = Session::new();
    session.world().wait_interrupted = true;
    let output = session.typed("run hog && echo not reached\r");
    assert!(output.ends_with("\r\n^C\n"), "{output:?}");
    assert_eq!(session.world().killed, ["101"]);
    assert!(session.world().processes.is_empty());
}

#[test]
fn run_in_the_background_is_told_when_it_ends() {
    let mut session = Session::new();
    assert_eq!(session.line("run hog &"), "[101] hog runs in the background\n");
    session.world().endings.insert(101, ExitStatus::Killed);
    assert!(!session.typed("\r").contains("[101]"));
    session.world().processes.clear();
    assert!(session.typed("\r").starts_with("[101] hog was killed\nairox> "));
    assert!(!session.typed("\r").contains("[101]"));
    assert_eq!(session.line("ps &"), "ps: only `run` works in the background (&)\n");
}

#[test]
fn programs_are_listed() {
    assert_eq!(Session::new().line("programs"), "hello    hog      latency  primes\n");
}
