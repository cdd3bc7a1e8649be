//! Commands that run commands.

use crate::fakes::Session;

#[test]
fn repeat_counts_and_stops() {
    let mut session = Session::new();
    assert_eq!(session.line("repeat 3 echo x"), "x\nx\nx\n");
    assert_eq!(session.line("repeat 0 echo x"), "");
    assert_eq!(session.line("repeat -d 1ms 2 echo x"), "x\nx\n");
    assert!(session.line("repeat -d soon 2 echo x").starts_with("repeat: "));
    assert_eq!(session.line("repeat 2 repeat 2 echo -n y; echo"), "yyyy\n");
    let why = "kill: log: no such process\n";
    assert_eq!(session.line("repeat 5 kill log"), alloc::format!("{why}repeat: turn 1 of 5 failed\n"));
    assert_eq!(
        session.line("repeat -k 2 kill log && echo not"),
        alloc::format!("{why}{why}repeat: 2 of 2 turns failed\n")
    );
    assert!(session.line("repeat x echo").starts_with("repeat: `x` is not a count"));
    assert!(session.line("repeat 3").starts_with("repeat: the command is missing"));
    // The question before the line is entered is the first.
    session.world().interrupt_after = Some(3);
    assert!(session.typed("repeat 1000 echo z\r").ends_with("\r\nz\nz\n^C\n"));
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
    assert_eq!(session.line("source nothing"), "source: there is no script of this name\n");
}

#[test]
fn scripts_can_be_left_and_do_not_nest_for_ever() {
    let mut session = Session::new();
    session.world().scripts.insert("leave".into(), "echo a; exit; echo b\necho c".into());
    session.world().scripts.insert("fail".into(), "exit fail".into());
    session.world().scripts.insert("again".into(), "source again".into());
    assert_eq!(session.line("source leave && echo left"), "a\nleft\n");
    assert_eq!(session.line("source fail && echo not"), "source: fail: left in line 1\n");
    assert!(session.line("source again").starts_with("source: more than 16 commands or scripts inside each other\n"));
    let nested = "repeat 1 ".repeat(20) + "echo x";
    assert!(session.line(&nested).starts_with("repeat: more than 16 commands"));
    assert!(session.line("exit").starts_with("exit: no script is running"));
    assert_eq!(session.line("source leave"), "a\n");
}

#[test]
fn scripts_can_be_typed() {
    let mut session = Session::new();
    let output = session.typed("source here\recho one\recho two\rend\r");
    assert!(output.ends_with("one\ntwo\n"), "{output:?}");
    let output = session.typed("source here\recho one\r\x03");
    assert!(output.ends_with("airox> ^C\r\n^C\n"), "{output:?}");
}

#[test]
fn control_c_stops_a_script() {
    let mut session = Session::new();
    session.world().scripts.insert("long".into(), "echo a\nsleep 5\necho b".into());
    session.world().interrupt_after = Some(4);
    assert!(session.typed("source long\r").ends_with("\na\n^C\n"));
    assert_eq!(session.shell.script_depth, 0);
}
