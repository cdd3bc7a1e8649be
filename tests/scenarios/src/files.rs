//! Files, as a person uses them.

use airox_machine::{Context, Scenario};

use crate::play::{Outcome, check, shared};
use crate::scenario;

pub const SCENARIOS: &[Scenario] = &[
    scenario("files.written_read_and_listed", written_read_and_listed),
    scenario("files.copied_moved_found_and_removed", copied_moved_found_and_removed),
    scenario("files.edited", edited),
    scenario("files.mistakes_are_told", mistakes_are_told),
    scenario("files.a_full_file_system_says_so_and_recovers", a_full_file_system_says_so_and_recovers),
    scenario("files.servers_that_are_killed_return", servers_that_are_killed_return),
    scenario("files.boot_is_read_only", boot_is_read_only),
];

fn written_read_and_listed(context: &Context) -> Outcome {
    shared(context, |player| {
        player.expect("ls /", &["boot/", "tmp/"])?;
        player.expect_exactly("write /tmp/note buy milk", "")?;
        player.expect_exactly("cat /tmp/note", "buy milk")?;
        player.enter("write -a /tmp/note and bread")?;
        player.expect("cat /tmp/note", &["buy milk", "and bread"])?;
        player.expect("ls -l /tmp", &["UTC", "note"])?;
        player.expect("hexdump /tmp/note", &["00000000  62 75 79 20 6d 69 6c 6b", "|buy milk.and bre|"])?;
        player.expect("cd /tmp; pwd; cat note; cd", &["/tmp", "buy milk"])?;
        player.expect("df", &["/tmp", "/boot", "read-only"])?;
        player
            .expect("ps > /tmp/note; echo 'echo from a file' >> /tmp/note; cat /tmp/note", &["shell", "from a file"])?;
        player.expect_exactly("echo echo from a script > /tmp/note; source /tmp/note", "from a script")?;
        player.expect("mount", &["tmp", "boot"])?;
        player.expect_exactly("rm /tmp/note && sync", "")
    })
}

fn copied_moved_found_and_removed(context: &Context) -> Outcome {
    shared(context, |player| {
        player.expect_exactly("mkdir /tmp/a /tmp/a/b && write /tmp/a/b/deep needle && cp -r /tmp/a /tmp/c", "")?;
        player.expect("find /tmp dee", &["/tmp/a/b/deep", "/tmp/c/b/deep"])?;
        player.expect_exactly("grep -rn needle /tmp/c", "/tmp/c/b/deep:1:needle")?;
        player.expect_exactly("mv /tmp/c/b/deep /tmp/moved && cat /tmp/moved", "needle")?;
        player.expect_exactly("rm -r /tmp/a /tmp/c /tmp/moved", "")?;
        let left = player.enter("find /tmp dee")?;
        check(left.is_empty(), || format!("left over: {left}"))
    })
}

fn edited(context: &Context) -> Outcome {
    shared(context, |player| {
        for (line, answer) in [
            ("edit /tmp/list", "edit> "),
            ("a milk", "edit> "),
            ("i 1 list:", "edit> "),
            ("p", "   2  milk"),
            ("w", "/tmp/list: 11 bytes"),
        ] {
            player.machine.type_text(&format!("{line}\n")).map_err(|error| error.to_string())?;
            player.wait_for(answer)?;
        }
        player.enter("q")?;
        player.expect("cat /tmp/list", &["list:", "milk"])?;
        player.expect_exactly("rm /tmp/list", "")
    })
}

fn mistakes_are_told(context: &Context) -> Outcome {
    shared(context, |player| {
        player.expect_exactly("cat /tmp/none", "cat: /tmp/none: no such file or directory")?;
        player.expect_exactly("write /boot/x y", "write: /boot/x: the file system is read-only")?;
        player.expect_exactly("rmdir /tmp", "rmdir: /tmp: it is in use")?;
        player.expect("ls /nowhere", &["no such file or directory"])?;
        player.expect("run --files /:w hello", &["write PATH:r or PATH:rw"])?;
        player.expect("cp /tmp", &["usage: cp"]).map(drop)
    })
}

fn a_full_file_system_says_so_and_recovers(context: &Context) -> Outcome {
    shared(context, |player| {
        player.enter("mkdir /tmp/full")?;
        let bundle = "repeat -k 12 cp /boot/kernel.symbols /tmp/full/part";
        player.enter(bundle)?;
        player.enter("cp -r /boot/programs /tmp/full/one; cp -r /boot/programs /tmp/full/two")?;
        player.enter("cp -r /boot/programs /tmp/full/three; cp -r /boot/programs /tmp/full/four")?;
        player.expect("cp -r /boot/programs /tmp/full/five", &["no space left in the file system"])?;
        player.expect_exactly("rm -r /tmp/full && write /tmp/small x && cat /tmp/small && rm /tmp/small", "x")
    })
}

fn servers_that_are_killed_return(context: &Context) -> Outcome {
    shared(context, |player| {
        for name in ["tmp", "fs", "boot"] {
            player.enter(&format!("kill {name}"))?;
            player.expect_exactly("write /tmp/again yes && cat /tmp/again", "yes")?;
            player.expect("ls /boot", &["programs/"])?;
        }
        player.expect_exactly("rm /tmp/again", "")
    })
}

fn boot_is_read_only(context: &Context) -> Outcome {
    shared(context, |player| {
        player.expect("ls /boot/programs", &["fs", "init", "shell"])?;
        player.expect("ls -l /boot", &["kernel.symbols", "system"])?;
        player.expect("hexdump -n 16 /boot/programs/hello", &["00000000"])?;
        player.expect("rm /boot/system", &["the file system is read-only"])?;
        player.expect("mkdir /boot/x", &["the file system is read-only"]).map(drop)
    })
}
