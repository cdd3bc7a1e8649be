//! What is there again after a restart.

use crate::fakes::Session;
use alloc::string::String;

/// What the first script prints.
fn first_script(session: &mut Session) -> String {
    session.shell.run_first_script();
    core::mem::take(&mut session.world().output)
}

#[test]
fn lines_are_remembered_in_a_file() {
    let mut session = Session::new();
    session.line("mkdir /data");
    session.shell.remember("shell");
    session.typed("echo one\r");
    session.typed("echo two\r");
    session.typed("\r");
    assert_eq!(session.line("cat /data/shell/shell.history"), "echo one\necho two\n");
    session.shell.editor.history = crate::history::History::default();
    session.shell.remember("shell");
    assert!(session.typed("history\r").ends_with("    1  echo one\n    2  echo two\n    3  history\n"));
    // Another shell has a file of its own.
    session.shell.remember("other");
    assert!(session.line("cat /data/shell/other.history").contains("no such file"));
}

#[test]
fn settings_say_how_many_and_which_script() {
    let mut session = Session::new();
    for line in ["mkdir /data /data/shell /config /config/shell /config/boot", "write /config/shell/history-lines 1"] {
        assert_eq!(session.line(line), "");
    }
    session.line("write /data/shell/shell.history first");
    session.line("write -a /data/shell/shell.history second");
    session.shell.remember("shell");
    assert_eq!(session.shell.editor.history.len(), 1);
    assert_eq!(session.shell.editor.history.back(0), Some("second"));
    assert_eq!(first_script(&mut session), "");
    session.line("write /config/boot/script nothing-like-it");
    assert!(first_script(&mut session).starts_with("source: "));
}

#[test]
fn without_files_nothing_is_remembered() {
    let mut session = Session::new();
    session.shell.remember("shell");
    session.typed("echo one\r");
    assert!(session.line("ls /data").contains("no such file"));
}
