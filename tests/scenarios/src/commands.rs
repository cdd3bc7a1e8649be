//! Every command of the shell, on the serial line.

use airox_machine::{Context, Scenario};

use crate::play::{Outcome, check, shared};
use crate::scenario;

pub const SCENARIOS: &[Scenario] = &[
    scenario("shell.help_lists_every_command", help_lists_every_command),
    scenario("shell.help_explains_each_command", help_explains_each_command),
    scenario("shell.ps_lists_the_system", ps_lists_the_system),
    scenario("shell.top_shows_the_load", top_shows_the_load),
    scenario("shell.mem_counts", mem_counts),
    scenario("shell.caps_lists_handles", caps_lists_handles),
    scenario("shell.log_shows_and_filters", log_shows_and_filters),
    scenario("shell.log_levels", log_levels),
    scenario("shell.uptime_grows", uptime_grows),
    scenario("shell.date_is_shown_and_set", date_is_shown_and_set),
    scenario("shell.echo_and_quoting", echo_and_quoting),
    scenario("shell.sequences", sequences),
    scenario("shell.repeat", repeat),
    scenario("shell.source", source),
    scenario("shell.source_here", source_here),
    scenario("shell.sleep_and_time", sleep_and_time),
    scenario("shell.unknown_commands_suggest", unknown_commands_suggest),
    scenario("shell.wrong_arguments_are_explained", wrong_arguments_are_explained),
];

/// Every command there is.
const COMMANDS: [&str; 26] = [
    "caps", "clear", "date", "devices", "disk", "echo", "exit", "help", "history", "kill", "latency", "log", "mem",
    "poweroff", "programs", "ps", "reboot", "repeat", "restart", "run", "sleep", "source", "time", "top", "uptime",
    "help",
];

/// Every component of the system.
pub const COMPONENTS: [&str; 9] =
    ["log", "serial-console", "screen-console", "device", "rtc", "power", "process", "shell", "shell-screen"];

fn help_lists_every_command(context: &Context) -> Outcome {
    shared(context, |player| {
        let output = player.enter("help")?;
        for command in COMMANDS {
            let listed = output.lines().any(|line| line.split_whitespace().next() == Some(command));
            check(listed, || format!("`help` does not list `{command}`:\n{output}"))?;
        }
        Ok(())
    })
}

fn help_explains_each_command(context: &Context) -> Outcome {
    shared(context, |player| {
        for command in COMMANDS {
            let output = player.enter(&format!("help {command}"))?;
            check(output.starts_with(command) && output.lines().count() >= 2, || {
                format!("`help {command}` says {output:?}")
            })?;
            let same = player.enter(&format!("{command} --help"))?;
            check(same == output, || format!("`{command} --help` says {same:?}"))?;
        }
        player.expect("help keys", &["Ctrl"])?;
        player.expect("help hlep", &["did you mean `help`?"])?;
        Ok(())
    })
}

fn ps_lists_the_system(context: &Context) -> Outcome {
    shared(context, |player| {
        let processes = player.processes()?;
        for name in COMPONENTS.iter().chain(&["init"]) {
            let Some(process) = processes.iter().find(|process| process.name == *name) else {
                return Err(format!("`ps` does not list {name}"));
            };
            check(process.handles > 0, || format!("{name} has no handles"))?;
        }
        player.expect("ps -l", &["THREADS", "KIND", "system", "root"])?;
        Ok(())
    })
}

/// The row of a process in the output of `top`, and its use in percent.
fn use_in_top(output: &str, name: &str) -> Result<f64, String> {
    output
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .find(|words| words.get(1) == Some(&name))
        .and_then(|words| words.get(2)?.parse().ok())
        .ok_or_else(|| format!("`top` shows no use of {name}:\n{output}"))
}

fn top_shows_the_load(context: &Context) -> Outcome {
    shared(context, |player| {
        let idle = player
            .expect("top -n 1 -i 300ms", &["processor 0: busy ", " switches, ", "USE", "RUNS", "serial-console"])?;
        check(use_in_top(&idle, "log")? < 50.0, || idle.clone())?;
        player.enter("run hog &")?;
        let output = player.enter("top -n 2 -i 300ms")?;
        let last = output.rsplit("busy").next().unwrap_or_default();
        check(use_in_top(last, "hog")? > 50.0, || format!("a hog uses little:\n{output}"))?;
        let first = last.lines().nth(2).unwrap_or_default();
        check(first.contains("hog"), || format!("the hog is not first:\n{output}"))?;
        player.enter("kill hog")?;
        player.enter("sleep 50ms")?;
        // Without a count Ctrl-C ends it.
        let text = |error: airox_machine::MachineError| error.to_string();
        player.machine.type_text("top -i 100ms\n").map_err(text)?;
        player.wait_for("busy")?;
        player.wait_for("busy")?;
        player.machine.send(b"\x03").map_err(text)?;
        player.wait_for_prompt()?;
        player.expect("top -n none", &["usage: top"])?;
        player.expect_exactly("echo fine", "fine")
    })
}

fn mem_counts(context: &Context) -> Outcome {
    shared(context, |player| {
        player.expect("mem", &["total", "used", "free", "MiB"])?;
        let objects = player.objects()?;
        for kind in ["frames", "handles", "processes", "threads", "ports", "signals", "regions", "quotas"] {
            let used = objects.get(kind).copied().unwrap_or(0);
            check(used > 0, || format!("`mem` counts no {kind}: {objects:?}"))?;
        }
        check(objects["processes"] >= 9, || format!("too few processes: {objects:?}"))
    })
}

fn caps_lists_handles(context: &Context) -> Outcome {
    shared(context, |player| {
        player.expect("caps log", &["HANDLE", "RIGHTS", "serve:log", "port", "receive"])?;
        // By number as well as by name, and as many as `ps` counts.
        let log = player.process("log")?;
        let (by_name, by_number) = (player.enter("caps log")?, player.enter(&format!("caps {}", log.id))?);
        check(by_name == by_number, || format!("`caps log` and `caps {}` differ", log.id))?;
        check(by_name.lines().count() == log.handles as usize + 1, || {
            format!("`ps` counts {} handles, `caps` lists\n{by_name}", log.handles)
        })?;
        // A driver holds its device and nothing of another's.
        player.expect("caps serial-console", &["io-ports", "irq"])?;
        let rtc = player.enter("caps rtc")?;
        check(!rtc.contains("machine") && !rtc.contains("quota"), || format!("rtc holds too much:\n{rtc}"))?;
        player.expect("caps lgo", &["did you mean `log`?"])?;
        Ok(())
    })
}

fn log_shows_and_filters(context: &Context) -> Outcome {
    shared(context, |player| {
        player.enter("run fault exit 7")?;
        let all = player.enter("log")?;
        check(all.lines().count() > 3, || format!("the log is almost empty:\n{all}"))?;
        let three = player.enter("log -n 3")?;
        check(three.lines().count() == 3, || format!("`log -n 3` prints:\n{three}"))?;
        let init = player.enter("log init")?;
        check(init.lines().all(|line| line.contains("init:")), || format!("`log init` prints:\n{init}"))?;
        player.expect("log inti", &["no such log source; did you mean `init`?"])?;
        let errors = player.enter("log error")?;
        check(errors.lines().all(|line| line.contains("error")), || format!("`log error` prints:\n{errors}"))
    })
}

fn log_levels(context: &Context) -> Outcome {
    shared(context, |player| {
        player.expect("log level", &["SERVER", "KEPT", "serial-console"])?;
        player.enter("log level rtc debug")?;
        let levels = player.enter("log level")?;
        let rtc = levels.lines().find(|line| line.starts_with("rtc")).unwrap_or_default();
        check(rtc.contains("debug"), || format!("the level was not set:\n{levels}"))?;
        player.enter("log level rtc info")?;
        player.expect("log level rtc loud", &["not a level"])?;
        Ok(())
    })
}

/// Seconds in the output of `uptime`, as far as whole milliseconds tell: `up 12.3 s`, `up 2 min 3 s`...
fn uptime_grows(context: &Context) -> Outcome {
    shared(context, |player| {
        let first = player.expect("uptime", &["up "])?;
        player.enter("sleep 30ms")?;
        let second = player.expect("uptime", &["up "])?;
        check(first != second, || format!("the time stands still at {first:?}"))
    })
}

fn date_is_shown_and_set(context: &Context) -> Outcome {
    shared(context, |player| {
        player.expect("date", &["UTC"])?;
        player.expect("date set 2031-02-28 23:59:58", &["2031-02-28 23:59:5"])?;
        player.enter("sleep 3")?;
        player.expect("date", &["2031-03-01 00:00:0"])?;
        for wrong in [
            "date set 2031-02-29 00:00",
            "date set 2031-13-01 00:00",
            "date set yesterday",
            "date set 2031-01-01 25:00",
        ] {
            player.expect(wrong, &["date: "])?;
        }
        player.expect("date", &["2031-03-01"])?;
        Ok(())
    })
}

fn echo_and_quoting(context: &Context) -> Outcome {
    shared(context, |player| {
        player.expect_exactly("echo one two", "one two")?;
        player.expect_exactly("echo \"two  blanks\" 'and $these'", "two  blanks and $these")?;
        player.expect_exactly("echo # a comment", "")?;
        player.expect("echo 'open", &["never closed"])?;
        Ok(())
    })
}

fn sequences(context: &Context) -> Outcome {
    shared(context, |player| {
        player.expect_exactly("echo a; echo b", "a\nb")?;
        player.expect_exactly("echo a && echo b", "a\nb")?;
        let output = player.enter("kill nobody-here && echo unreachable")?;
        check(!output.contains("unreachable"), || format!("`&&` goes on after a failure:\n{output}"))?;
        player.expect("kill nobody-here; echo reached", &["reached"])?;
        Ok(())
    })
}

fn repeat(context: &Context) -> Outcome {
    shared(context, |player| {
        player.expect_exactly("repeat 3 echo again", "again\nagain\nagain")?;
        player.expect("repeat 5 kill nobody-here", &["turn 1 of 5 failed"])?;
        player.expect("repeat -k 5 kill nobody-here", &["5 of 5 turns failed"])?;
        player.expect("repeat many echo", &["not a count"])?;
        Ok(())
    })
}

fn source(context: &Context) -> Outcome {
    shared(context, |player| {
        player.expect("source demo", &["Who runs?", "Hello from the program hello", "up "])?;
        player.expect("source health", &["all services answer"])?;
        player.expect("source nothing", &["there is no script"])?;
        Ok(())
    })
}

fn source_here(context: &Context) -> Outcome {
    shared(context, |player| {
        player.machine.type_text("source here\n").map_err(|error| error.to_string())?;
        for line in ["echo first", "echo second", "end"] {
            player.wait_for(&format!("\n{}", airox_machine::PROMPT))?;
            player.machine.type_text(&format!("{line}\n")).map_err(|error| error.to_string())?;
        }
        let output = player.wait_for_prompt()?;
        check(output.contains("first\nsecond"), || format!("the lines typed print {output:?}"))
    })
}

fn sleep_and_time(context: &Context) -> Outcome {
    shared(context, |player| {
        player.expect("time sleep 50ms", &["time: "])?;
        player.expect("sleep soon", &["sleep: "])?;
        player.expect("time echo x", &["x", "time: "])?;
        Ok(())
    })
}

fn unknown_commands_suggest(context: &Context) -> Outcome {
    shared(context, |player| {
        for (typed, meant) in [("hlep", "help"), ("upime", "uptime"), ("memm", "mem"), ("histroy", "history")] {
            player.expect(typed, &["no such command", &format!("did you mean `{meant}`?")])?;
        }
        player.expect("primes", &["run primes"])?;
        player.expect("xyzzyplugh", &["`help` lists all commands"])?;
        player.expect("run helo", &["did you mean `hello`?"])?;
        Ok(())
    })
}

fn wrong_arguments_are_explained(context: &Context) -> Outcome {
    shared(context, |player| {
        for line in [
            "kill",
            "restart",
            "caps",
            "run",
            "ps everything",
            "mem x",
            "uptime now",
            "log -q",
            "log -n",
            "kill a b",
            "exit",
        ] {
            let output = player.enter(line)?;
            let name = line.split(' ').next().unwrap_or_default();
            check(output.starts_with(&format!("{name}: ")), || format!("`{line}` says {output:?}"))?;
        }
        Ok(())
    })
}
