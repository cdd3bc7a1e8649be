//! How long servers are away.

use crate::fakes::Session;
use crate::services::Kind;

#[test]
fn a_server_is_ended_so_often_and_nothing_else_is_shown() {
    let mut session = Session::new();
    session.world().add_process(1, "log", Kind::Component);
    let told = session.line("recovery log 3 echo asked");
    // Shown once, before anything is measured.
    assert!(told.starts_with("asked\nlog: 3 times, median "), "{told}");
    assert_eq!(told.lines().count(), 2, "{told}");
    assert_eq!(session.world().killed, ["log"; 3]);
    assert_eq!(session.line("echo shown again"), "shown again\n");
}

#[test]
fn a_command_that_fails_is_not_measured() {
    let mut session = Session::new();
    session.world().add_process(1, "log", Kind::Component);
    assert!(session.line("recovery log 3 kill nobody").ends_with("nobody: no such process\n"));
    assert!(session.line("recovery nobody 3 echo x").contains("no such process"));
    assert!(session.world().killed.is_empty());
    assert!(session.line("recovery log").contains("usage: recovery NAME TIMES COMMAND..."));
    assert!(session.line("recovery log 0 echo x").contains("usage: "));
    assert!(session.line("recovery log often echo x").contains("`often` is not a number of times"));
    session.world().interrupt_after = Some(8);
    assert!(session.typed("recovery log 1000 echo x\r").ends_with("^C\n"));
}
