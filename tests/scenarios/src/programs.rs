//! Programs run from the shell: what they print, how they are ended, and what is told of those that go wrong.

use airox_machine::{Context, Scenario};

use crate::play::{Outcome, check, shared};
use crate::scenario;

pub const SCENARIOS: &[Scenario] = &[
    scenario("run.hello", hello),
    scenario("run.primes", primes),
    scenario("run.ping_pong", ping_pong),
    scenario("run.latency", latency),
    scenario("run.memory_hog_stops_at_its_quota", memory_hog_stops_at_its_quota),
    scenario("run.every_program_explains_itself", every_program_explains_itself),
    scenario("run.a_budget_is_kept_and_shown", a_budget_is_kept_and_shown),
    scenario("run.what_would_break_a_deadline_is_refused", what_would_break_a_deadline_is_refused),
    scenario("run.in_the_background", in_the_background),
    scenario("run.a_hog_does_not_slow_the_shell", a_hog_does_not_slow_the_shell),
    scenario("run.control_c_ends_a_program", control_c_ends_a_program),
    scenario("run.control_c_ends_a_following_log", control_c_ends_a_following_log),
    scenario("run.control_c_ends_a_wait_and_a_repetition", control_c_ends_a_wait_and_a_repetition),
    scenario("run.a_program_has_no_say_over_the_shells_settings", a_program_has_no_say_over_the_shells_settings),
    scenario("run.each_fault_is_reported", each_fault_is_reported),
    scenario("run.a_panic_and_an_exit_code_are_reported", a_panic_and_an_exit_code_are_reported),
    scenario("run.nothing_is_left_behind", nothing_is_left_behind),
];

const CONTROL_C: &[u8] = b"\x03";

fn hello(context: &Context) -> Outcome {
    shared(context, |player| {
        let wanted = ["Hello from the program hello.", "argument 1: \"a\"", "argument 2: \"b c\""];
        player.expect("run hello a 'b c'", &wanted)?;
        player.expect("run nothing-like-it", &["run: nothing-like-it: "])?;
        Ok(())
    })
}

fn primes(context: &Context) -> Outcome {
    shared(context, |player| {
        player.expect("run primes 1000", &["168 primes up to 1000", "the largest is 997"])?;
        player.expect("run primes many", &["primes: "])?;
        Ok(())
    })
}

fn ping_pong(context: &Context) -> Outcome {
    shared(context, |player| {
        let output = player.expect("run ping-pong 200", &["200 calls and replies"])?;
        check(!output.contains("wrong answer"), || output.clone())
    })
}

fn latency(context: &Context) -> Outcome {
    shared(context, |player| {
        let wanted = ["latency: 100 periods of 2000 us at priority", "least ", ", median ", ", 99 % ", ", most ", "#"];
        let output = player.expect("latency -n 100 -i 2ms", &wanted)?;
        // What the kernel recorded.
        let story = ["in the trace, the latest was ", "0 ns  the timer is due", "timer interrupt", "latency runs"];
        for part in story {
            check(output.contains(part), || format!("`{part}` is missing:\n{output}"))?;
        }
        let counted: usize =
            output.lines().skip(2).filter_map(|line| line.split_whitespace().nth(5)?.parse::<usize>().ok()).sum();
        check(counted == 100, || format!("{counted} periods are shown:\n{output}"))?;
        player.expect("latency -n none", &["latency: `none` is not a number"])?;
        player.expect("run latency --help", &["usage: latency"])?;
        Ok(())
    })
}

fn memory_hog_stops_at_its_quota(context: &Context) -> Outcome {
    shared(context, |player| {
        player.expect("run memory-hog", &["quota exceeded", "frames"])?;
        player.expect("run memory-hog 1", &["quota exceeded"])?;
        player.expect_exactly("echo fine", "fine")
    })
}

fn every_program_explains_itself(context: &Context) -> Outcome {
    shared(context, |player| {
        let programs = player.enter("programs")?;
        for program in [
            "fault",
            "file-bench",
            "hello",
            "hog",
            "latency",
            "memory-hog",
            "metronome",
            "ping-pong",
            "primes",
            "processors",
        ] {
            check(programs.split_whitespace().any(|name| name == program), || {
                format!("`programs` lists no {program}:\n{programs}")
            })?;
            player.expect(&format!("run {program} --help"), &["usage: "])?;
        }
        Ok(())
    })
}

fn a_budget_is_kept_and_shown(context: &Context) -> Outcome {
    shared(context, |player| {
        player.expect(
            "run --budget 2ms/20ms --priority 145 metronome 20",
            &["metronome: 20 beats every 20ms", "late: ", "done after: "],
        )?;
        // It wants all the time there is, and gets a fifth, in which it leaves the shell alone.
        player.expect("run --budget 2ms/10ms hog &", &["background"])?;
        player.enter("sleep 100ms")?;
        let list = player.expect("ps -l", &["2.0 ms / 10.0 ms"])?;
        let hog = list.lines().find(|line| line.contains(" hog "));
        check(hog.is_some_and(|hog| hog.contains("2.0 ms / 10.0 ms")), || format!("no budget of the hog:\n{list}"))?;
        player.enter("kill hog")?;
        player.enter("sleep 50ms")?;
        player.enter("echo")?;
        Ok(())
    })
}

fn what_would_break_a_deadline_is_refused(context: &Context) -> Outcome {
    shared(context, |player| {
        for (line, why) in [
            ("run --priority 165 metronome", "no program gets a priority above"),
            ("run --budget 9ms/10ms --priority 145 metronome", "the budgets of all programs would take"),
            (
                "run --budget 1ms/10ms --priority 145 --deadline 2ms metronome",
                "could keep `metronome` from its deadline",
            ),
            ("run --budget 1ms/10ms --priority 199 metronome", "no program gets a priority above"),
            ("run --budget 3ms/2ms metronome", "at most its period"),
        ] {
            player.expect(line, &[why])?;
        }
        player.expect_exactly("echo fine", "fine")
    })
}

fn in_the_background(context: &Context) -> Outcome {
    shared(context, |player| {
        player.expect("run hog &", &["hog runs in the background"])?;
        let hog = player.process("hog")?;
        let mut told = player.enter(&format!("kill {}", hog.id))?;
        // Its end is told before the prompt at which the shell first knows.
        told += &player.enter("sleep 50ms")?;
        told += &player.enter("echo")?;
        check(told.contains("hog was killed"), || format!("its end is not told: {told:?}"))?;
        let left = player.processes()?;
        check(left.iter().all(|process| process.name != "hog"), || "the hog is still there".into())
    })
}

fn a_hog_does_not_slow_the_shell(context: &Context) -> Outcome {
    shared(context, |player| {
        for _ in 0..2 {
            player.expect("run hog &", &["background"])?;
        }
        player.expect("ps", &["hog"])?;
        player.expect("source health", &["all services answer"])?;
        player.enter("kill hog; kill hog")?;
        player.enter("sleep 50ms")?;
        player.enter("echo")?;
        let left = player.processes()?;
        check(left.iter().all(|process| process.name != "hog"), || format!("still there: {left:?}"))
    })
}

fn control_c_ends_a_program(context: &Context) -> Outcome {
    shared(context, |player| {
        player.machine.type_text("run primes 100000000\n").map_err(|error| error.to_string())?;
        player.wait_for(" %  ")?;
        player.keys(CONTROL_C)?;
        player.wait_for("^C")?;
        player.wait_for_prompt()?;
        let left = player.processes()?;
        check(left.iter().all(|process| process.name != "primes"), || "the program is still there".into())
    })
}

fn control_c_ends_a_following_log(context: &Context) -> Outcome {
    shared(context, |player| {
        player.machine.type_text("log -f process\n").map_err(|error| error.to_string())?;
        // Nothing ends it but Ctrl-C; new records arrive meanwhile or not. (No other program may write now: the newline must be the line's.)
        player.wait_for("\n")?;
        player.keys(CONTROL_C)?;
        player.wait_for("^C")?;
        player.wait_for_prompt()?;
        player.expect_exactly("echo back", "back")
    })
}

fn control_c_ends_a_wait_and_a_repetition(context: &Context) -> Outcome {
    shared(context, |player| {
        for line in ["sleep 1h\n", "repeat 1000000 sleep 10ms\n", "run hog 1000\n"] {
            player.machine.type_text(line).map_err(|error| error.to_string())?;
            player.wait_for("\n")?;
            player.keys(CONTROL_C)?;
            player.wait_for("^C")?;
            player.wait_for_prompt()?;
        }
        player.expect_exactly("echo back", "back")
    })
}

/// The console and the clock know a program from the shell, though its handles come from there.
fn a_program_has_no_say_over_the_shells_settings(context: &Context) -> Outcome {
    shared(context, |player| {
        player.machine.type_text("run fault deaf\n").map_err(|error| error.to_string())?;
        player.wait_for("deaf from now on")?;
        player.keys(CONTROL_C)?;
        player.wait_for("^C")?;
        player.wait_for_prompt()?;
        let left = player.processes()?;
        check(left.iter().all(|process| process.name != "fault"), || "the program is still there".into())?;
        player.expect("run fault set-clock", &["the clock says: not allowed"])?;
        Ok(())
    })
}

fn each_fault_is_reported(context: &Context) -> Outcome {
    shared(context, |player| {
        for (name, kind) in [
            ("null-read", "read of inaccessible memory at address 0x0"),
            ("null-write", "write to inaccessible memory at address 0x0"),
            ("exec-data", "execution of non-executable memory"),
            ("write-code", "write to inaccessible memory"),
            ("stack-overflow", "stack overflow at address 0x"),
            ("divide", "divide error"),
            ("invalid-opcode", "invalid instruction"),
            ("privileged", "general protection"),
            ("io-port", "general protection"),
            ("unaligned-sse", "general protection"),
        ] {
            let wanted = [kind, "backtrace:", "instruction 0x", "_start+0x", "fault was ended by a fault"];
            player.expect(&format!("run fault {name}"), &wanted)?;
        }
        player.expect_exactly("echo fine", "fine")
    })
}

fn a_panic_and_an_exit_code_are_reported(context: &Context) -> Outcome {
    shared(context, |player| {
        player.expect("run fault panic", &["panicked at ", "main.rs:", "exit code 101"])?;
        player.expect("run fault exit 3", &["fault failed with exit code 3"])?;
        player.expect("log -n 20 process", &["panicked at "])?;
        Ok(())
    })
}

/// Runs programs that end in every way, twice, and compares what the system holds after each time.
fn nothing_is_left_behind(context: &Context) -> Outcome {
    shared(context, |player| {
        let mut counts = Vec::new();
        for _ in 0..3 {
            player.enter("repeat 10 run hello")?;
            player.enter("repeat -k 5 run fault exit 1")?;
            player.enter("repeat -k 5 run fault null-read")?;
            player.enter("run memory-hog")?;
            let mut objects = player.objects()?;
            objects.remove("frames");
            let mut processes = player.processes()?;
            // It makes room for the records of what faulted until it keeps as many as it may.
            processes.iter_mut().filter(|process| process.name == "log").for_each(|process| process.memory = 0);
            counts.push((objects, processes));
        }
        // The first time servers may have made room for what they now keep.
        check(counts[1] == counts[2], || format!("before: {:?}\nafter: {:?}", counts[1], counts[2]))
    })
}
