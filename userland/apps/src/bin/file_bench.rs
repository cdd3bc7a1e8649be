//! `file-bench`: how fast the files of a directory are written, read, and synchronised.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

use airox_apps::file_bench::{
    BLOCK, Places, REQUEST, ROUNDS, Round, SYNCS, Work, figures, fill, is_marked, mark, median, parse,
};
use airox_apps::program::{Failure, run};
use airox_files::{Access, Create, FileError, Files, How, Kind};
use airox_rt::Start;
use airox_rt::time::Instant;
use alloc::vec;
use alloc::vec::Vec;

airox_rt::entry!(main);

const USAGE: &str = "usage: file-bench DIRECTORY [MEBIBYTES]\nWrites a file of MEBIBYTES (default 64) there in requests of 1 MiB and makes it durable, reads it, and writes 500 blocks of\n4 KiB of it at random, each durable before the next; five times. The program needs the directory: run --files DIRECTORY:rw file-bench DIRECTORY\n";

fn main(start: &'static Start) -> Result<(), Failure> {
    run(start, USAGE, parse, |console, work| {
        let files = Files::new(start.connect()?);
        let mut request = vec![0; REQUEST];
        let mut rounds = Vec::with_capacity(ROUNDS);
        for number in 0..ROUNDS {
            let round = measure(&files, &work, &mut request, number as u64)?;
            console.print(format_args!("round {}: {}\n", number + 1, figures(round, work.requests)))?;
            rounds.push(round);
        }
        if let Some(middle) = median(&rounds) {
            console.print(format_args!("median: {}\n", figures(middle, work.requests)))?;
        }
        Ok(files.remove(&work.path, Kind::File)?)
    })
}

fn measure(files: &Files, work: &Work, request: &mut [u8], round: u64) -> Result<Round, FileError> {
    match files.remove(&work.path, Kind::File) {
        Ok(()) | Err(FileError::NotFound) => files.sync(&work.path)?,
        Err(error) => return Err(error),
    }
    fill(request, 0);
    let offset = |number: u64| number * REQUEST as u64;
    let file = files.open(&work.path, How { access: Access::Write, create: Create::New, truncate: false })?;
    let begin = Instant::now();
    for number in 0..work.requests {
        mark(request, number);
        file.write_all(offset(number), request)?;
    }
    file.sync()?;
    let written = Instant::now();
    for number in 0..work.requests {
        let read = file.read(offset(number), request)?;
        if read != REQUEST || !is_marked(request, number) {
            return Err(FileError::Corrupt { node: 0, place: offset(number) });
        }
    }
    let read = Instant::now();
    let mut places = Places::of_round(round);
    for _ in 0..SYNCS {
        let place = places.next_below(offset(work.requests) / BLOCK as u64);
        file.write_all(place * BLOCK as u64, &request[..BLOCK])?;
        file.sync()?;
    }
    let synchronised = Instant::now();
    let between = |from: Instant, to: Instant| to.as_nanoseconds().saturating_sub(from.as_nanoseconds());
    Ok(Round {
        write_ns: between(begin, written),
        read_ns: between(written, read),
        syncs_ns: between(read, synchronised),
    })
}
