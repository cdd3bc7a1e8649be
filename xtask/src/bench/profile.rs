//! `bench --profile ROW`: in which functions of the kernel a row's instructions are.
//!
//! QEMU tells each instruction it executes at the kernel's addresses, one line each, through a pipe. The row runs twice, the second time with twice as
//! many rounds: the difference is what the additional rounds took, and neither boot nor preparation.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Command;
use std::thread;

use airox_machine::Options;
use anyhow::{Context, Result, bail};

use super::measure;
use crate::elf;

/// Where the kernel is, as QEMU's `-dfilter` reads it.
const KERNEL: &str = "0xffffffff80000000+0x40000000";
/// Rounds to warm up with, and as many to measure, of the first run.
const ROUNDS: usize = 50;
/// Functions shown.
const SHOWN: usize = 30;

/// Times each instruction address was executed.
type Counts = BTreeMap<u64, u64>;

/// One function's part of a round.
#[derive(Debug, PartialEq)]
struct Part {
    name: String,
    instructions: f64,
}

/// Profiles a row; `image` makes the image of a run with so many rounds.
pub fn profile(kernel: &Path, mut image: impl FnMut(usize) -> Result<Options>) -> Result<String> {
    let bytes = std::fs::read(kernel)?;
    let mut functions: Vec<(u64, u64, String)> = elf::symbols(&bytes)?
        .into_iter()
        .map(|function| (function.address, function.size.into(), function.name))
        .collect();
    functions.sort();
    let few = run(image(ROUNDS)?)?;
    let many = run(image(2 * ROUNDS)?)?;
    // Twice the rounds to warm up as well as to measure.
    let parts = parts(&functions, &few, &many, 2 * ROUNDS);
    if parts.is_empty() {
        bail!("the kernel executed nothing in this row's rounds; does the row repeat anything?");
    }
    Ok(table(&parts))
}

/// Runs the image and counts.
fn run(options: Options) -> Result<Counts> {
    let folder = options.run_root.clone();
    std::fs::create_dir_all(&folder)?;
    let pipe = folder.join(format!("profile-{}", std::process::id()));
    let made = Command::new("mkfifo").arg(&pipe).status();
    if !made.context("cannot run mkfifo")?.success() {
        bail!("cannot make the pipe {}", pipe.display());
    }
    let reader = thread::spawn({
        let pipe = pipe.clone();
        move || File::open(pipe).map(|file| count(BufReader::new(file)))
    });
    let mut options = options;
    for word in ["-singlestep", "-d", "exec,nochain", "-dfilter", KERNEL, "-D"] {
        options.extra.push(word.into());
    }
    options.extra.push(pipe.display().to_string());
    let measured = measure::measure(&options);
    if measured.is_err() {
        // Nobody may ever have opened the other end; this lets the reader go.
        drop(File::options().read(true).write(true).open(&pipe));
    }
    std::fs::remove_file(&pipe)?;
    measured?;
    match reader.join() {
        Ok(counts) => Ok(counts?),
        Err(_) => bail!("the trace could not be read"),
    }
}

/// Reads lines such as `Trace 0: 0x7f00 [00000000/ffffffff80001234/0044c0b3/ff000201] name`.
fn count(lines: impl BufRead) -> Counts {
    let mut counts = Counts::new();
    for line in lines.lines().map_while(Result::ok) {
        if let Some(address) = address(&line) {
            *counts.entry(address).or_default() += 1;
        }
    }
    counts
}

fn address(line: &str) -> Option<u64> {
    let place = line.strip_prefix("Trace ")?.split_once('[')?.1;
    u64::from_str_radix(place.split('/').nth(1)?, 16).ok()
}

/// What each function has of one of the additional rounds, the largest first.
fn parts(functions: &[(u64, u64, String)], few: &Counts, many: &Counts, rounds: usize) -> Vec<Part> {
    let mut parts: BTreeMap<&str, i64> = BTreeMap::new();
    for (counts, sign) in [(many, 1), (few, -1)] {
        for (address, count) in counts {
            let index = functions.partition_point(|(start, ..)| start <= address);
            let function = index.checked_sub(1).and_then(|index| functions.get(index));
            let name = match function {
                Some((start, size, name)) if address - start < *size => name,
                _ => "(entry stubs)",
            };
            *parts.entry(name).or_default() += sign * i64::try_from(*count).unwrap_or(i64::MAX);
        }
    }
    let mut parts: Vec<Part> = parts
        .into_iter()
        .map(|(name, count)| Part { name: name.to_owned(), instructions: count as f64 / rounds as f64 })
        .filter(|part| part.instructions >= 0.05)
        .collect();
    parts.sort_by(|a, b| b.instructions.total_cmp(&a.instructions));
    parts
}

fn table(parts: &[Part]) -> String {
    let total: f64 = parts.iter().map(|part| part.instructions).sum();
    let mut lines = vec![format!("{:>12} {:>7}  in the kernel", "instructions", "")];
    for part in parts.iter().take(SHOWN) {
        let percent = part.instructions / total * 100.0;
        let (count, name) = (part.instructions, &part.name);
        lines.push(format!("{count:>12.1} {percent:>5.1} %  {name}"));
    }
    lines.push(format!("{total:>12.1} {:>7}  a round, ring 3 left out", ""));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted() {
        let text = "Trace 0: 0x7f6c [00000000/ffffffff80000010/00c0b3/ff00] entry\n\
            Stopped execution of TB chain before 0x7f\n\
            Trace 0: 0x7f6c [00000000/ffffffff80000010/00c0b3/ff00]\n\
            Trace 0: 0x7f6c [00000000/nonsense/00c0b3/ff00]\n";
        let counts = count(text.as_bytes());
        assert_eq!(counts, Counts::from([(0xffff_ffff_8000_0010, 2)]));
    }

    #[test]
    fn the_difference_is_shared_by_functions() {
        let functions = [(100, 50, "call".to_owned()), (200, 10, "reply".to_owned())];
        let few = Counts::from([(100, 10), (149, 5), (180, 3)]);
        let many = Counts::from([(100, 110), (149, 5), (180, 13), (205, 50)]);
        let found = parts(&functions, &few, &many, 10);
        let expected = [("call", 10.0), ("reply", 5.0), ("(entry stubs)", 1.0)];
        let expected: Vec<Part> = expected
            .iter()
            .map(|(name, instructions)| Part { name: (*name).to_owned(), instructions: *instructions })
            .collect();
        assert_eq!(found, expected);
        assert!(table(&found).ends_with("16.0          a round, ring 3 left out"));
    }
}
