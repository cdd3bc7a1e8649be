//! `log`.

use crate::fakes::{LogEvent, Session};
use crate::services::Level;

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
    assert_eq!(session.line("log rtc warn"), "    3.000000 warn  rtc: battery low\n");
    assert_eq!(session.line("log info -n 1"), "    3.000000 warn  rtc: battery low\n");
    assert_eq!(session.line("log init error"), "");
    assert_eq!(session.line("log inti"), "log: inti: no such log source; did you mean `init`?\n");
    assert_eq!(session.line("log nobody warn"), "log: nobody: no such log source\n");
    assert!(session.line("log rtc wran").starts_with("log: `wran` is not a level"));
    assert!(session.line("log rtc warn more").starts_with("log: `more` is not a level"));
    assert!(session.line("log warn info").starts_with("log: `info` is one argument too many"));
    assert!(session.line("log -n").starts_with("log: the number after -n is missing"));
    assert!(session.line("log -x").starts_with("log: there is no option `-x`"));
}

#[test]
fn log_follows_a_source_that_comes_later() {
    let mut session = with_records();
    session.world().log_events.extend([LogEvent::Write("net", Level::Info, "up")]);
    let output = session.typed("log -f net\r");
    assert!(output.ends_with("net: up\n^C\n"), "{output}");
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
        session.world().log_events.extend([event, LogEvent::Write("net", Level::Info, "up")]);
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
    session.world().write("rtc", Level::Info, "here");
    assert_eq!(session.line("log level rtc debug; log level '*' warn"), "");
    assert_eq!(session.line("log level"), "SERVER  KEPT\n*       warn\nrtc     debug\n");
    assert_eq!(session.line("log level nobody info"), "log: nobody: no such log source\n");
    assert!(session.line("log level rtc loud").starts_with("log: `loud` is not a level"));
    assert!(session.line("log level rtc").starts_with("log: the level is missing"));
}
