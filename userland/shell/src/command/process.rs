//! `caps`, `kill`, `mem`, `programs`, `ps`, `restart`, `run`.

use super::terms::{Launch, parse_terms};
use super::{Command, no_arguments, one_argument, usage, waited};
use crate::complete::Argument;
use crate::nearest::nearest;
use crate::services::{Answer, ExitStatus, Failure, HandleEntry, Kind, Level};
use crate::shell::{Done, Shell, Stop};
use crate::table::{Align, Table, columns};
use crate::units::{bytes, seconds, span};
use airox_abi::{ObjectKind, QuotaKind, Rights};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The source of reports about programs.
const PROCESS_SERVER: &str = "process";
/// Bytes of a report that are shown; all of it is in the log.
const MAX_REPORT: usize = 8192;

pub const COMMANDS: &[Command] = &[
    Command {
        name: "caps",
        usage: "ID|NAME",
        summary: "list what a process may use: its handles and their rights",
        details: "Handles to the same object have the same object number, in whatever process they are.",
        examples: &[("caps log", "the log server's handles")],
        arguments: &[Argument::Process],
        run: caps,
        ..Command::PLAIN
    },
    Command {
        name: "kill",
        usage: "ID|NAME",
        summary: "end a process",
        details: "A component of the system is started again if its policy says so.",
        examples: &[("kill 12", "by number, as `ps` shows it"), ("kill log", "by name")],
        arguments: &[Argument::Process],
        run: kill,
        ..Command::PLAIN
    },
    Command {
        name: "mem",
        summary: "show the machine's memory and kernel objects",
        details: "Memory counts what processes were given. The boot image and device memory, which `ps` counts where they are mapped, are\n\
                  not part of it.",
        arguments: &[],
        run: mem,
        ..Command::PLAIN
    },
    Command {
        name: "programs",
        summary: "list the programs that can be run",
        arguments: &[],
        run: programs,
        ..Command::PLAIN
    },
    Command {
        name: "ps",
        usage: "[-l]",
        summary: "list processes",
        details: "CPU is the time used so far, in seconds. MEMORY counts mapped pages that are backed.\n\
                  -l   threads, the first one's processor, processor time in each period, how often that was not enough, and kind as well: `system`\n\
                       comes from the system file, `program` from `run`.",
        run: ps,
        ..Command::PLAIN
    },
    Command {
        name: "restart",
        usage: "NAME",
        summary: "end a component of the system, if it runs, and start it anew",
        examples: &[("restart log", "a fresh log server; its clients reconnect")],
        arguments: &[Argument::Process],
        run: restart,
        ..Command::PLAIN
    },
    Command {
        name: "run",
        usage: "[--processor N] [--priority N] [--budget TIME/PERIOD] [--deadline TIME] [--calls N] PROGRAM [ARGUMENT...] [&]",
        summary: "run a program",
        details: "It may read /boot and write /tmp, or use just the files that `--files` says: PATH:r or PATH:rw, several times, or none.\n\
                  With a budget it has so much processor time in each period, and no more. A high priority needs one, and is given only\n\
                  if all deadlines of the system still hold; at 160 and above the program's own deadline is its period, or `--deadline`. `--calls`\n\
                  says how many calls it makes in a period at most; with several processors the proof may need it.\n\
                  With a processor it stays there; else it starts on the first, and may move its threads to any.\n\
                  Ctrl-C ends it. With & at the end it runs in the background, and its end is told before the next prompt.\n\
                  What you type ahead while it runs is kept for it, or else for the shell.",
        examples: &[
            ("run primes 10000", "wait until it ends"),
            ("run hog &", "in the background; `kill hog` ends it"),
            ("run --processor 1 hog &", "on the second processor; nobody on the first notices"),
            ("run --files /tmp/mine:rw hello", "it sees this directory and nothing else"),
            ("run hello --help", "programs explain themselves"),
            ("run --budget 2ms/20ms --priority 165 metronome", "in real time: 2 ms in every 20"),
        ],
        arguments: &[Argument::Program, Argument::Free],
        background: true,
        run,
    },
];

fn ps(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    let long = match arguments {
        [option] if option == "-l" => true,
        _ => {
            no_arguments(arguments)?;
            false
        }
    };
    let mut list = shell.services.processes.list()?;
    list.sort_by_key(|entry| entry.id);
    let mut columns = alloc::vec![
        ("ID", Align::Right),
        ("NAME", Align::Left),
        ("STATE", Align::Left),
        ("PRIO", Align::Right),
        ("CPU", Align::Right),
        ("MEMORY", Align::Right),
        ("HANDLES", Align::Right),
        ("RESTARTS", Align::Right),
    ];
    if long {
        columns.extend([
            ("THREADS", Align::Right),
            ("PROCESSOR", Align::Right),
            ("BUDGET", Align::Right),
            ("OVERRUNS", Align::Right),
            ("KIND", Align::Left),
        ]);
    }
    let mut table = Table::new(&columns);
    for entry in list {
        let kind = match entry.kind {
            Kind::Component => "system",
            Kind::Program => "program",
            Kind::Root => "root",
        };
        let (budget, overruns) = match entry.budget {
            Some(budget) => {
                (format!("{} / {}", span(budget.time_ns), span(budget.period_ns)), budget.overruns.to_string())
            }
            None => ("-".into(), "-".into()),
        };
        table.row([
            entry.id.to_string(),
            entry.name,
            entry.state.name().into(),
            entry.priority.to_string(),
            seconds(entry.cpu_ns),
            bytes(entry.memory_bytes),
            entry.handles.to_string(),
            entry.restarts.to_string(),
            entry.threads.to_string(),
            entry.processor.map_or_else(|| "-".into(), |processor| processor.to_string()),
            budget,
            overruns,
            kind.into(),
        ]);
    }
    shell.print(&table.render());
    Ok(())
}

fn mem(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    no_arguments(arguments)?;
    let memory = shell.services.processes.memory()?;
    let free = memory.total_bytes.saturating_sub(memory.used_bytes);
    let mut table = Table::new(&[("MEMORY", Align::Left), ("", Align::Right)]);
    for (name, value) in [("total", memory.total_bytes), ("used", memory.used_bytes), ("free", free)] {
        table.row([name.into(), bytes(value)]);
    }
    let mut text = table.render();
    let mut table = Table::new(&[
        ("KERNEL OBJECTS", Align::Left),
        ("USED", Align::Right),
        ("CAPACITY", Align::Right),
        ("USE", Align::Right),
    ]);
    for count in &memory.objects {
        let kind = QuotaKind::from_code(count.kind.into()).map_or("other", QuotaKind::text);
        let percent = u64::from(count.used) * 100 / u64::from(count.capacity.max(1));
        table.row([kind.into(), count.used.to_string(), count.capacity.to_string(), format!("{percent} %")]);
    }
    text.push('\n');
    text.push_str(&table.render());
    shell.print(&text);
    Ok(())
}

fn caps(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    let process = one_argument(arguments, "the process")?;
    let answer = shell.services.processes.handles(process);
    let handles = known(shell, process, answer)?;
    let mut table = Table::new(&[
        ("HANDLE", Align::Right),
        ("NAME", Align::Left),
        ("KIND", Align::Left),
        ("OBJECT", Align::Right),
        ("BADGE", Align::Right),
        ("RIGHTS", Align::Left),
    ]);
    for handle in handles {
        let kind = ObjectKind::from_code(handle.kind.into()).map_or("unknown", ObjectKind::text);
        let badge = if handle.badge == 0 { "-".into() } else { handle.badge.to_string() };
        let rights = rights_in_words(&handle);
        let value = format!("{:#x}", handle.handle);
        table.row([value, handle.name, kind.into(), handle.object.to_string(), badge, rights]);
    }
    shell.print(&table.render());
    Ok(())
}

fn rights_in_words(handle: &HandleEntry) -> String {
    let rights = Rights::from_bits_retain(handle.rights);
    let mut words: Vec<String> = rights.iter_names().map(|(name, _)| name.to_lowercase()).collect();
    if rights == Rights::all() {
        return "all".into();
    }
    let unknown = rights.difference(Rights::all()).bits();
    if unknown != 0 {
        words.push(format!("{unknown:#x}"));
    }
    if words.is_empty() {
        words.push("none".into());
    }
    words.join(" ")
}

fn programs(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    no_arguments(arguments)?;
    let mut names = shell.services.processes.programs()?;
    names.sort();
    let width = shell.columns();
    shell.print(&columns(&names, width));
    Ok(())
}

fn kill(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    let process = one_argument(arguments, "the process")?;
    let answer = shell.services.processes.kill(process);
    ended(shell, process, answer)
}

fn restart(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    let name = one_argument(arguments, "the component")?;
    let answer = shell.services.processes.restart(name);
    ended(shell, name, answer)
}

/// The process server that is asked to end itself cannot answer; that its next instance does is the answer.
fn ended(shell: &mut Shell, name: &str, answer: Answer<()>) -> Done {
    if let Err(Failure::Died(_)) = answer
        && let Ok(list) = shell.services.processes.list()
        && list.iter().any(|entry| entry.name == PROCESS_SERVER && (entry.name == name || entry.id.to_string() == name))
    {
        return Ok(());
    }
    known(shell, name, answer)
}

/// Names what was refused, with the nearest name there is.
fn known<T>(shell: &mut Shell, name: &str, answer: Answer<T>) -> Result<T, Stop> {
    answer.map_err(|failure| match failure {
        Failure::Refused(why) => {
            let list = shell.services.processes.list().unwrap_or_default();
            let near = nearest(name, list.iter().map(|entry| entry.name.as_str()));
            Stop::Failed(match near.filter(|near| *near != name) {
                Some(near) => format!("{name}: {why}; did you mean `{near}`?"),
                None => format!("{name}: {why}"),
            })
        }
        other => other.into(),
    })
}

fn run(shell: &mut Shell, arguments: &[String], background: bool) -> Done {
    run_and_watch(shell, arguments, background, |_, _| ())
}

/// Runs a program. `watch` gets the number of one that is waited for, as soon as it runs.
pub fn run_and_watch(
    shell: &mut Shell,
    arguments: &[String],
    background: bool,
    watch: impl FnOnce(&mut Shell, u32),
) -> Done {
    if shell.output.is_some() {
        return Err(Stop::Failed("a program prints to the console itself, so that cannot go to a file".into()));
    }
    let (Launch { terms, files }, arguments) = parse_terms(&shell.directory, arguments)?;
    let Some((program, arguments)) = arguments.split_first() else {
        return usage("the program is missing; `programs` lists them");
    };
    // Without the log there will be no report; that must not keep a program from running.
    let before = shell.services.logs.newest().ok();
    let id = match shell.services.processes.run(program, arguments, terms, files) {
        Ok(id) => id,
        Err(Failure::Refused(why)) => {
            let programs = shell.services.processes.programs().unwrap_or_default();
            let near = nearest(program, programs.iter().map(String::as_str)).filter(|near| near != program);
            return Err(Stop::Failed(match near {
                Some(near) => format!("{program}: {why}; did you mean `{near}`?"),
                None => format!("{program}: {why}"),
            }));
        }
        Err(other) => return Err(other.into()),
    };
    if background {
        shell.print(&format!("[{id}] {program} runs in the background\n"));
        shell.background.push((id, program.clone()));
        return Ok(());
    }
    watch(shell, id);
    let ended = waited(shell.services.processes.wait(id));
    if ended == Err(Stop::Interrupted) {
        // It may have ended at this very moment; that it is gone is all that is wanted.
        let _ = shell.services.processes.kill(&id.to_string());
        let _ = shell.services.processes.wait(id);
    }
    match ended? {
        ExitStatus::Exited(0) => Ok(()),
        ending => {
            report(shell, program, before);
            Err(Stop::Failed(format!("{program} {}", describe(&ending))))
        }
    }
}

/// Shows what the system wrote about a program that went wrong: its own errors, and what the process server tells of its fault or panic.
fn report(shell: &mut Shell, program: &str, after: Option<u64>) {
    let Some(mut after) = after else { return };
    let mut text = String::new();
    while text.len() < MAX_REPORT {
        // What cannot be read now can be read later with `log`.
        let records = shell.services.logs.read(after).unwrap_or_default();
        let Some(last) = records.last() else { break };
        after = last.sequence;
        for record in &records {
            let about = record.source == PROCESS_SERVER || record.source == program;
            if about && record.level == Level::Error {
                text.push_str(&format!("{}\n", record.text));
            }
        }
    }
    shell.print(&text);
}

/// How a program ended, in words.
#[must_use]
pub fn describe(ending: &ExitStatus) -> String {
    match ending {
        ExitStatus::Exited(0) => "ended".into(),
        ExitStatus::Exited(code) => format!("failed with exit code {code}"),
        ExitStatus::Faulted => "was ended by a fault".into(),
        ExitStatus::Killed => "was killed".into(),
    }
}
