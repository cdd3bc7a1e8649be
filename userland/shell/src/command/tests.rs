//! Every command against fake servers: the good case, and what a person gets wrong.

use super::*;
use crate::fakes::{LogEvent, Session};
use crate::services::{ExitStatus, HandleEntry, Kind, Level, Memory};
use alloc::vec;

#[test]
fn names_are_unique_and_every_command_explains_itself() {
    let names: alloc::vec::Vec<_> = names().collect();
    for (index, name) in names.iter().enumerate() {
        assert!(!names[index + 1..].contains(name), "{name} twice");
        let text = help_text(find(name).unwrap());
        assert!(text.starts_with(name), "{text}");
        assert_eq!(Session::new().line(&alloc::format!("{name} --help")), text);
    }
    assert_eq!(Session::new().line("help keys"), crate::editor::KEYS);
    let overview = Session::new().line("help");
    for name in &names {
        assert!(
            overview.lines().any(|line| line.starts_with(name)),
            "{name}"
        );
    }
    assert!(
        overview.lines().all(|line| line.chars().count() <= 80),
        "{overview}"
    );
}

#[test]
fn examples_can_be_parsed_and_name_commands() {
    for command in all() {
        for (line, _) in command.examples {
            let steps = crate::parse::parse(line).unwrap();
            assert!(find(&steps[0].words[0]).is_some(), "{line}");
        }
    }
}

#[test]
fn help_of_an_unknown_command_suggests_one() {
    let mut session = Session::new();
    assert_eq!(
        session.line("help progams"),
        "help: there is no command `progams`; did you mean `programs`?\n"
    );
    assert_eq!(
        session.line("help zzzzz"),
        "help: there is no command `zzzzz`\n"
    );
    assert!(
        session
            .line("help ps mem")
            .starts_with("help: `mem` is one argument too many; usage: help [COMMAND|keys]")
    );
}

#[test]
fn unknown_commands() {
    let mut session = Session::new();
    assert_eq!(
        session.line("sp"),
        "sp: no such command; did you mean `ps`?\n"
    );
    assert_eq!(
        session.line("primes 5"),
        "primes: no such command; to start the program of this name: run primes\n"
    );
    assert_eq!(
        session.line("hallo"),
        "hallo: no such command; did you mean the program: run hello?\n"
    );
    assert_eq!(
        session.line("qqqqqqq"),
        "qqqqqqq: no such command; `help` lists all commands\n"
    );
}

#[test]
fn ps_is_an_aligned_table_by_number() {
    let mut session = Session::new();
    session
        .world()
        .add_process(12, "serial-console", Kind::Component);
    session.world().add_process(3, "log", Kind::Component);
    assert_eq!(
        session.line("ps"),
        "\
ID  NAME            STATE      PRIO    CPU   MEMORY  HANDLES  RESTARTS
 3  log             receiving   100  1.234  1.5 MiB       17         3
12  serial-console  receiving   100  1.234  1.5 MiB       17         3
"
    );
    assert!(
        session
            .line("ps -l")
            .contains("17         3        2  system\n")
    );
    assert!(
        session
            .line("ps -x")
            .starts_with("ps: `-x` is one argument too many")
    );
    session.world().process_server_dies = true;
    assert_eq!(
        session.line("ps"),
        "ps: the process server died before it answered; try again\n"
    );
    assert!(session.line("ps").contains("log"));
}

#[test]
fn mem_shows_memory_and_objects() {
    let mut session = Session::new();
    session.world().memory = Some(Memory {
        total_bytes: 128 << 20,
        used_bytes: 96 << 20,
        objects: vec![airox_api::process::ObjectCount {
            kind: 4,
            used: 25,
            capacity: 100,
        }],
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
    assert_eq!(
        session.line("caps lgo"),
        "caps: lgo: no such process; did you mean `log`?\n"
    );
    assert!(
        session
            .line("caps")
            .starts_with("caps: the process is missing; usage: caps ID|NAME")
    );
}

#[test]
fn kill_and_restart() {
    let mut session = Session::new();
    session.world().add_process(3, "log", Kind::Component);
    assert_eq!(session.line("kill 3; kill log; restart log"), "");
    assert_eq!(session.world().killed, ["3", "log"]);
    assert_eq!(session.world().restarted, ["log"]);
    assert_eq!(session.line("kill 4711"), "kill: 4711: no such process\n");
    assert_eq!(
        session.line("restart"),
        "restart: the component is missing; usage: restart NAME\n"
    );
}

#[test]
fn run_in_the_foreground() {
    let mut session = Session::new();
    assert_eq!(session.line("run primes 10 'a b' && echo good"), "good\n");
    assert_eq!(session.world().ran, ["primes 10 a b"]);
    session.line("time run hello --help");
    assert_eq!(session.world().ran.pop().unwrap(), "hello --help");
    session.world().endings.insert(102, ExitStatus::Exited(3));
    assert_eq!(
        session.line("run hello && echo good"),
        "run: hello failed with exit code 3\n"
    );
    session.world().endings.insert(103, ExitStatus::Faulted);
    assert_eq!(
        session.line("run hello"),
        "`hello` faulted: divide error\n  backtrace:\nrun: hello was ended by a fault\n"
    );
    assert_eq!(
        session.line("run helo"),
        "run: helo: no such program; did you mean `hello`?\n"
    );
    assert!(
        session
            .line("run")
            .starts_with("run: the program is missing")
    );
    // The console's mode is set again before each command.
    assert_eq!(session.world().reopened, 8);
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
    assert_eq!(
        session.line("run hog &"),
        "[101] hog runs in the background\n"
    );
    session.world().endings.insert(101, ExitStatus::Killed);
    assert!(!session.typed("\r").contains("[101]"));
    session.world().processes.clear();
    assert!(
        session
            .typed("\r")
            .starts_with("[101] hog: was killed\nairox> ")
    );
    assert!(!session.typed("\r").contains("[101]"));
    assert_eq!(
        session.line("ps &"),
        "ps: only `run` works in the background (&)\n"
    );
}

#[test]
fn programs_are_listed() {
    assert_eq!(Session::new().line("programs"), "hello   hog     primes\n");
}

fn with_records() -> Session {
    let session = Session::new();
    session.world().write("init", Level::Info, "started");
    session.world().write("rtc", Level::Warn, "battery low");
    session.world().write("rtc", Level::Debug, "read");
    session
}

#[test]
fn log_shows_and_filters() {
    let mut session = with_records();
    assert_eq!(
        session.line("log"),
        "    1.500000 info  init: started\n    3.000000 warn  rtc: battery low\n    4.500000 debug rtc: read\n"
    );
    assert_eq!(
        session.line("log rtc warn"),
        "    3.000000 warn  rtc: battery low\n"
    );
    assert_eq!(
        session.line("log info -n 1"),
        "    3.000000 warn  rtc: battery low\n"
    );
    assert_eq!(session.line("log nobody"), "");
    assert!(
        session
            .line("log rtc wran")
            .starts_with("log: `wran` is not a level")
    );
    assert!(
        session
            .line("log rtc warn more")
            .starts_with("log: `more` is not a level")
    );
    assert!(
        session
            .line("log warn info")
            .starts_with("log: `info` is one argument too many")
    );
    assert!(
        session
            .line("log -n")
            .starts_with("log: the number after -n is missing")
    );
    assert!(
        session
            .line("log -x")
            .starts_with("log: there is no option `-x`")
    );
}

#[test]
fn log_follows_until_control_c() {
    let mut session = with_records();
    session.world().log_events.extend([
        LogEvent::Write("net", Level::Info, "up"),
        LogEvent::Write("rtc", Level::Error, "lost"),
        LogEvent::Drop(5),
    ]);
    let output = session.typed("log -f info\r");
    assert!(
        output.ends_with("net: up\n    7.500000 error rtc: lost\n-- 5 records dropped --\n   16.500000 info  late: after the gap\n^C\n"),
        "{output}"
    );
}

#[test]
fn log_follows_over_the_death_of_the_log_server() {
    for event in [LogEvent::Die, LogEvent::Anew] {
        let mut session = with_records();
        session
            .world()
            .log_events
            .extend([event, LogEvent::Write("net", Level::Info, "up")]);
        let output = session.typed("log -f\r");
        assert!(
            output.ends_with(
                "read\n-- the log server was started anew; older records are lost --\n    1.500000 info  log: started\n    3.000000 info  net: up\n^C\n"
            ),
            "{output}"
        );
    }
}

#[test]
fn log_levels() {
    let mut session = Session::new();
    assert_eq!(session.line("log level rtc debug; log level '*' warn"), "");
    assert_eq!(
        session.line("log level"),
        "SERVER  KEPT\n*       warn\nrtc     debug\n"
    );
    assert_eq!(
        session.line("log level nobody info"),
        "log: nobody: no such log source\n"
    );
    assert!(
        session
            .line("log level rtc loud")
            .starts_with("log: `loud` is not a level")
    );
    assert!(
        session
            .line("log level rtc")
            .starts_with("log: the level is missing")
    );
}

#[test]
fn dates_and_times() {
    let mut session = Session::new();
    assert_eq!(
        session.line("date set 2026-11-22 21:51"),
        "2026-11-22 21:51:00 UTC, Sunday\n"
    );
    assert_eq!(session.line("date"), "2026-11-22 21:51:00 UTC, Sunday\n");
    assert!(
        session
            .line("date set 2025-02-29 10:00")
            .starts_with("date: 2025-02 has no day 29")
    );
    assert!(
        session
            .line("date set tomorrow")
            .starts_with("date: date and time are both needed")
    );
    assert!(
        session
            .line("date now")
            .starts_with("date: `now` is not understood")
    );
    assert_eq!(session.line("uptime"), "up 1.0 ms\n");
    assert_eq!(session.line("sleep 1.5"), "");
    assert_eq!(session.world().slept, [1_500_000_000]);
    assert!(
        session
            .line("sleep soon")
            .starts_with("sleep: `soon` is not a time")
    );
    assert_eq!(session.line("time echo x"), "x\ntime: 1.0 ms\n");
    assert_eq!(
        session.line("time date x && echo not"),
        "date: `x` is not understood; usage: date [set YYYY-MM-DD HH:MM[:SS]]\ntime: 1.0 ms\n"
    );
}

#[test]
fn echo_history_and_clear() {
    let mut session = Session::new();
    assert_eq!(session.line("echo a  'b  c' # no"), "a b  c\n");
    assert_eq!(session.line("echo -n x; echo"), "x\n");
    session.typed("echo one\r");
    assert!(
        session
            .typed("history\r")
            .ends_with("    1  echo one\n    2  history\n")
    );
    assert_eq!(session.line("clear"), "\x1b[H\x1b[2J");
}

#[test]
fn repeat_counts_and_stops() {
    let mut session = Session::new();
    assert_eq!(session.line("repeat 3 echo x"), "x\nx\nx\n");
    assert_eq!(session.line("repeat 0 echo x"), "");
    assert_eq!(session.line("repeat 2 repeat 2 echo -n y; echo"), "yyyy\n");
    let why = "kill: log: no such process\n";
    assert_eq!(
        session.line("repeat 5 kill log"),
        alloc::format!("{why}repeat: turn 1 of 5 failed\n")
    );
    assert_eq!(
        session.line("repeat -k 2 kill log && echo not"),
        alloc::format!("{why}{why}repeat: 2 of 2 turns failed\n")
    );
    assert!(
        session
            .line("repeat x echo")
            .starts_with("repeat: `x` is not a count")
    );
    assert!(
        session
            .line("repeat 3")
            .starts_with("repeat: the command is missing")
    );
    // The question before the line is entered is the first.
    session.world().interrupt_after = Some(3);
    assert!(
        session
            .typed("repeat 1000 echo z\r")
            .ends_with("\r\nz\nz\n^C\n")
    );
}

#[test]
fn scripts_stop_at_the_first_error() {
    let mut session = Session::new();
    let script = "# a script\necho one\nkill nobody\necho two\n";
    session.world().scripts.insert("demo".into(), script.into());
    let why = "kill: nobody: no such process\n";
    assert_eq!(
        session.line("source demo"),
        alloc::format!("one\n{why}source: demo: stopped, line 3 failed: kill nobody\n")
    );
    assert_eq!(
        session.line("source -k demo && echo not"),
        alloc::format!("one\n{why}two\nsource: demo: 1 of 4 lines failed\n")
    );
    assert_eq!(
        session.line("source nothing"),
        "source: there is no script of this name\n"
    );
}

#[test]
fn scripts_can_be_left_and_do_not_nest_for_ever() {
    let mut session = Session::new();
    session
        .world()
        .scripts
        .insert("leave".into(), "echo a; exit; echo b\necho c".into());
    session
        .world()
        .scripts
        .insert("fail".into(), "exit fail".into());
    session
        .world()
        .scripts
        .insert("again".into(), "source again".into());
    assert_eq!(session.line("source leave && echo left"), "a\nleft\n");
    assert_eq!(
        session.line("source fail && echo not"),
        "source: fail: left in line 1\n"
    );
    assert!(
        session
            .line("source again")
            .starts_with("source: more than 16 commands or scripts inside each other\n")
    );
    let nested = "repeat 1 ".repeat(20) + "echo x";
    assert!(
        session
            .line(&nested)
            .starts_with("repeat: more than 16 commands")
    );
    assert!(
        session
            .line("exit")
            .starts_with("exit: no script is running")
    );
    assert_eq!(session.line("source leave"), "a\n");
}

#[test]
fn scripts_can_be_typed() {
    let mut session = Session::new();
    let output = session.typed("source here\recho one\recho two\rend\r");
    assert!(output.ends_with("one\ntwo\n"), "{output:?}");
    let output = session.typed("source here\recho one\r\x03");
    assert!(output.ends_with("> ^C\r\n^C\n"), "{output:?}");
}

#[test]
fn control_c_stops_a_script() {
    let mut session = Session::new();
    session
        .world()
        .scripts
        .insert("long".into(), "echo a\nsleep 5\necho b".into());
    session.world().interrupt_after = Some(4);
    assert!(session.typed("source long\r").ends_with("\na\n^C\n"));
    assert_eq!(session.shell.script_depth, 0);
}

#[test]
fn power() {
    let mut session = Session::new();
    assert!(
        session
            .line("poweroff")
            .starts_with("Switching off.\npoweroff: the power server accepted this, but")
    );
    assert!(
        session
            .line("reboot")
            .ends_with("reboot: this machine cannot do that\n")
    );
    assert_eq!(session.world().power, ["flush", "off", "flush", "reboot"]);
    assert!(
        session
            .line("poweroff now")
            .starts_with("poweroff: `now` is one argument too many")
    );
}
