//! Files.

use crate::complete::Completer;
use crate::fakes::Session;
use crate::services::FileGrant;
use crate::table;

/// A session with a few files.
fn session() -> Session {
    let mut session = Session::new();
    for line in ["mkdir /tmp /tmp/sub /other", "write /tmp/note buy milk", "write /tmp/sub/deep error: none"] {
        assert_eq!(session.line(line), "");
    }
    session
}

#[test]
fn files_are_written_and_printed() {
    let mut session = session();
    assert_eq!(session.line("cat /tmp/note"), "buy milk\n");
    session.line("write -a /tmp/note and bread");
    assert_eq!(session.line("cat /tmp/note /tmp/sub/deep"), "buy milk\nand bread\nerror: none\n");
    session.line("write /tmp/note");
    assert_eq!(session.line("cat /tmp/note"), "");
    assert_eq!(session.line("cat"), "cat: the file is missing; usage: cat PATH...\n");
    assert_eq!(session.line("cat /tmp"), "cat: /tmp: it is a directory\n");
    assert_eq!(session.line("cat /tmp/no"), "cat: /tmp/no: no such file or directory\n");
    assert_eq!(session.line("write /no/file x"), "write: /no/file: no such file or directory\n");
    assert_eq!(session.line("write \"/tmp/a\\nb\" x"), "write: /tmp/a\nb: not a valid name\n");
}

#[test]
fn output_goes_to_files() {
    let mut session = session();
    assert_eq!(session.line("echo one > /tmp/out && cat /tmp/out"), "one\n");
    assert_eq!(session.line("cd /tmp; echo two >> out; cat out"), "one\ntwo\n");
    assert_eq!(session.line("echo three>out; cat out; cd"), "three\n");
    // What goes wrong is told where it can be seen.
    assert_eq!(session.line("cat /tmp/no > /tmp/out; cat /tmp/out"), "cat: /tmp/no: no such file or directory\n");
    assert_eq!(session.line("echo a > /no/file && echo b"), "echo: /no/file: no such file or directory\n");
    assert_eq!(session.line("echo a > /tmp"), "echo: /tmp: it is a directory\n");
    let refused = "run: a program prints to the console itself, so that cannot go to a file\n";
    assert_eq!(session.line("run hello > /tmp/out"), refused);
    // All of a command that runs others goes to its file; of those, to their own.
    session.line("write /tmp/script 'echo in; echo other > /tmp/inner'");
    assert_eq!(session.line("repeat 2 echo x > /tmp/out; cat /tmp/out"), "x\nx\n");
    assert_eq!(session.line("source /tmp/script > /tmp/out; cat /tmp/out /tmp/inner"), "in\nother\n");
    // A file that is full is the command's failure.
    session.line("echo 0123456789012345678901234567890123456789 > /tmp/long");
    let full = session.line("repeat 200000 cat /tmp/long > /tmp/out && echo not");
    assert_eq!(full, "repeat: /tmp/out: no space left in the file system\n");
    session.shell.services.files = None;
    assert_eq!(session.line("echo a > b"), "echo: this shell has no access to files\n");
}

#[test]
fn files_are_scripts() {
    let mut session = session();
    session.line("write /tmp/script 'echo one; kill nobody; echo two'");
    session.line("write -a /tmp/script echo three");
    assert_eq!(
        session.line("cd /tmp; source ./script && echo not"),
        "one\nkill: nobody: no such process\ntwo\nthree\n".to_string() + "not\n"
    );
    assert_eq!(session.line("source /tmp/no"), "source: /tmp/no: no such file or directory\n");
    session.line("write /tmp/many");
    session.line("repeat 1001 write -a /tmp/many echo");
    assert_eq!(session.line("source /tmp/many"), "source: /tmp/many: more than 1000 lines or 65536 bytes\n");
    session.line("write /tmp/again source /tmp/again");
    assert!(
        session.line("source /tmp/again").starts_with("source: more than 16 commands or scripts inside each other\n")
    );
}

#[test]
fn what_is_no_text_does_a_terminal_no_harm() {
    let mut session = session();
    session.line("write /tmp/evil \"\\e[2Jgone\"");
    assert_eq!(session.line("cat /tmp/evil"), "\u{fffd}[2Jgone\n");
    assert_eq!(
        session.line("hexdump /tmp/evil"),
        "00000000  1b 5b 32 4a 67 6f 6e 65  0a                       |.[2Jgone.|\n"
    );
    assert_eq!(session.line("hexdump -n 2 /tmp/evil").lines().count(), 1);
    session.line("write /tmp/long 0123456789012345678901234567890123456789");
    assert_eq!(session.line("hexdump -n 0 /tmp/long").lines().count(), 3);
    assert_eq!(session.line("hexdump -n 20 /tmp/long").lines().count(), 2);
}

#[test]
fn directories_are_listed() {
    let mut session = session();
    assert_eq!(session.line("ls /tmp").trim_end(), table::columns(&["note".into(), "sub/".into()], 80).trim_end());
    assert_eq!(
        session.line("ls -l /tmp"),
        "9  1970-01-01 00:00:00 UTC, Thursday  note\n1  1970-01-01 00:00:00 UTC, Thursday  sub/\n"
    );
    assert_eq!(session.line("ls /tmp/note").trim_end(), "/tmp/note");
    assert_eq!(session.line("ls -x"), "ls: `-x` is not understood; usage: ls [-l] [PATH...]\n");
    for number in 0..30 {
        session.line(&format!("write /tmp/sub/{number:02}"));
    }
    let listed = session.line("ls /tmp/sub");
    assert_eq!(listed.split_whitespace().count(), 31);
    assert!(listed.trim_start().starts_with("00"));
}

#[test]
fn paths_are_meant_from_the_directory() {
    let mut session = session();
    assert_eq!(session.line("pwd"), "/\n");
    assert_eq!(session.line("cd tmp/sub && pwd"), "/tmp/sub\n");
    assert_eq!(session.line("cat deep"), "error: none\n");
    assert_eq!(session.typed("pwd\r"), "airox> pwd\r\n/tmp/sub\n");
    assert_eq!(session.line("cat ../note"), "buy milk\n");
    assert_eq!(session.line("cd ../note"), "cd: /tmp/note: not a directory\n");
    assert_eq!(session.line("cd nowhere"), "cd: /tmp/sub/nowhere: no such file or directory\n");
    assert_eq!(session.line("cd; pwd"), "/\n");
}

#[test]
fn files_are_copied_moved_and_removed() {
    let mut session = session();
    assert_eq!(session.line("cp /tmp/note /tmp/copy && cat /tmp/copy"), "buy milk\n");
    assert_eq!(session.line("cp /tmp/note /tmp/sub && cat /tmp/sub/note"), "buy milk\n");
    assert_eq!(session.line("mv /tmp/copy /tmp/moved && cat /tmp/moved"), "buy milk\n");
    assert_eq!(
        session.line("cp /tmp/sub /tmp/again"),
        "cp: /tmp/sub: it is a directory; `cp -r` copies it with all that is in it\n"
    );
    assert_eq!(
        session.line("cp -r /tmp/sub /tmp/again && find /tmp/again"),
        "/tmp/again/\n/tmp/again/deep\n/tmp/again/note\n"
    );
    // To another file system.
    assert_eq!(
        session.line("mv /tmp/again /other && find /other"),
        "/other/\n/other/again/\n/other/again/deep\n/other/again/note\n"
    );
    assert_eq!(session.line("ls /tmp/again"), "ls: /tmp/again: no such file or directory\n");
    assert_eq!(session.line("cp /tmp/note /tmp/note"), "cp: /tmp/note cannot go to itself or into itself\n");
    assert_eq!(session.line("mv /tmp /tmp/sub"), "mv: /tmp cannot go to itself or into itself\n");
    assert_eq!(
        session.line("cp /tmp/note /tmp/moved /tmp/new"),
        "cp: /tmp/new: several things need a directory to go to\n"
    );
    assert_eq!(session.line("mv /tmp/none /tmp/x"), "mv: /tmp/none: no such file or directory\n");
    assert_eq!(session.line("rmdir /tmp/sub"), "rmdir: /tmp/sub: the directory is not empty\n");
    assert_eq!(
        session.line("rm /tmp/sub"),
        "rm: /tmp/sub: it is a directory; `rm -r` removes it with all that is in it\n"
    );
    assert_eq!(session.line("rm -r /tmp/sub /tmp/moved && ls /tmp").trim_end(), "note");
}

#[test]
fn long_copies_tell_how_far_they_are_and_can_be_interrupted() {
    let mut session = session();
    for _ in 0..11 {
        session.line("cat /tmp/note");
    }
    let line = "0123456789".repeat(20);
    session.line(&format!("write /tmp/large {line}"));
    for _ in 0..13 {
        session.line("cp /tmp/large /tmp/more && mv /tmp/more /tmp/large");
    }
    session.world().interrupt_after = Some(1);
    session.line("cp /tmp/large /tmp/part");
    assert_eq!(session.line("cat /tmp/part"), "cat: /tmp/part: no such file or directory\n");
}

#[test]
fn a_full_file_system_says_so() {
    let mut session = session();
    let text = "x".repeat(2000);
    session.line(&format!("write /tmp/large {text}"));
    let mut said = String::new();
    for number in 0..3000 {
        said = session.line(&format!("cp /tmp/large /tmp/large-{number}"));
        if !said.is_empty() {
            break;
        }
    }
    assert!(said.ends_with("no space left in the file system\n"), "{said}");
}

#[test]
fn text_is_found() {
    let mut session = session();
    session.line("write -a /tmp/sub/deep second ERROR here");
    assert_eq!(session.line("grep error /tmp/sub/deep"), "error: none\n");
    assert_eq!(session.line("grep -in error /tmp/sub/deep"), "1:error: none\n2:second ERROR here\n");
    assert_eq!(session.line("grep -r milk /tmp"), "/tmp/note:buy milk\n");
    assert_eq!(session.line("grep nothing /tmp/note && echo found"), "");
    assert_eq!(session.line("grep x"), "grep: what to look for, and where?; usage: grep [-inr] TEXT PATH...\n");
    assert_eq!(session.line("find /tmp DEE"), "/tmp/sub/deep\n");
}

#[test]
fn a_file_is_edited_line_by_line() {
    let mut session = session();
    let mut edit = |keys: &str| {
        session.world().input.extend(keys.bytes());
        session.line("edit /tmp/note").replace('\r', "")
    };
    let text = edit("a bread\ri 1 list:\rp\rc 2 buy water\rd 3\rp 1 2\rw\rq\r");
    assert!(text.contains("   1  list:\n   2  buy milk\n   3  bread\n"), "{text}");
    assert!(text.contains("   1  list:\n   2  buy water\nedit> "), "{text}");
    assert!(text.contains("/tmp/note: 16 bytes\n"), "{text}");
    let text = edit("d 9\rd x\rx\rd 2 1\ra\rone\rtwo\r.\rq\rq!\r");
    for wrong in
        ["there is no line 9", "`x` is no number", "`x` is not understood", "after the last", "not written yet"]
    {
        assert!(text.contains(wrong), "{wrong}: {text}");
    }
    assert_eq!(session.line("cat /tmp/note"), "list:\nbuy water\n");
    assert_eq!(session.line("ls /tmp").split_whitespace().collect::<Vec<_>>(), ["note", "sub/"]);
}

#[test]
fn paths_are_completed() {
    let mut session = session();
    session.line("write /tmp/nothing");
    let mut complete = |before: &str| session.shell.complete(before).1;
    assert_eq!(complete("cat /t"), ["/tmp/"]);
    assert_eq!(complete("cat /tmp/no"), ["/tmp/note", "/tmp/nothing"]);
    assert_eq!(complete("cp /tmp/note /tmp/su"), ["/tmp/sub/"]);
    assert_eq!(complete("cat /none/"), [""; 0]);
    session.line("cd /tmp");
    let mut complete = |before: &str| session.shell.complete(before).1;
    assert_eq!(complete("cat sub/"), ["sub/deep"]);
    assert_eq!(complete("cat s"), ["sub/"]);
    assert_eq!(session.typed("cat su\tde\t\r"), "airox> cat sub/deep \r\nerror: none\n");
}

#[test]
fn limits_are_shown_and_set() {
    let mut session = session();
    assert_eq!(session.line("quota /tmp/sub"), "4 KiB of 1 MiB, 3 files of any number\n");
    assert_eq!(session.line("quota /other"), "no limits\n");
    for (line, limits) in [
        ("quota /other 20M 100", "20971520 100"),
        ("quota /other 1g", "1073741824 18446744073709551615"),
        ("quota /other none 5K", "18446744073709551615 5120"),
    ] {
        assert_eq!(session.line(line), "");
        assert_eq!(session.line("cat /limits").trim_end(), limits);
    }
    assert!(session.line("quota").starts_with("quota: the directory is missing"));
    assert!(session.line("quota /other much").starts_with("quota: `much` is no limit"));
    assert!(session.line("quota /other 99999999999G").starts_with("quota: `99999999999G` is no limit"));
    assert!(session.line("quota /other 1 2 3").starts_with("quota: `3` is one argument too many"));
    assert_eq!(session.line("quota /nowhere 1"), "quota: /nowhere: no such file or directory\n");
}

#[test]
fn room_and_mounts() {
    let mut session = session();
    assert!(session.line("df").contains("/other"));
    assert_eq!(session.line("mount"), "MOUNTED  SERVER\n/        memory\n/other   stick\n");
    assert_eq!(session.line("sync; sync /tmp/note"), "");
    assert_eq!(session.line("sync /other/gone"), "sync: /other/gone: there is no disk, so nothing is kept there\n");
    session.shell.services.files = None;
    assert_eq!(session.line("ls"), "ls: this shell has no access to files\n");
    assert_eq!(session.line("df"), "df: this shell has no access to files\n");
}

#[test]
fn programs_get_the_files_that_are_said() {
    let mut session = session();
    session.line("run hello");
    session.line("cd /tmp; run --files sub:rw --files /boot hello; run --files none hello");
    let grants = |texts: &[&str]| Some(texts.iter().map(|text| FileGrant::parse(text).unwrap()).collect::<Vec<_>>());
    assert_eq!(session.world().granted, [None, grants(&["/tmp/sub:rw", "/boot:r"]), grants(&[])]);
    let wrong = session.line("run --files sub:w hello");
    assert!(wrong.starts_with("run: `sub:w`: not a valid path; write PATH:r or PATH:rw"), "{wrong}");
}
