//! `file-storm`: writes to a file and synchronises it without end, whoever dies meanwhile, and says if anything is lost.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

use airox_apps::arguments::number;
use airox_apps::console::Output;
use airox_apps::file_storm::{BLOCK, BLOCKS, bytes_of, check, is_synchronised, place, turn_of};
use airox_apps::program::{Failure, run};
use airox_files::{Access, Create, File, FileError, Files, How};
use airox_rt::Start;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;

airox_rt::entry!(main);

const USAGE: &str = "usage: file-storm DIRECTORY [TURN]\nWrites blocks of a file there, turn after turn, most of them synchronised, until Ctrl-C. When the file system's server dies over it,\nthe volume is checked, and the file must hold every turn that was synchronised. With TURN it only looks: the file must be as after\nthat turn or a later one. The program needs the directory: run --files DIRECTORY:rw file-storm DIRECTORY\n";
/// Turns from one line to the next.
const LINE: u64 = 50;
const LENGTH: usize = BLOCKS as usize * BLOCK;

fn main(start: &'static Start) -> Result<(), Failure> {
    let parse = |arguments: &[&str]| match arguments {
        [] => Err("which directory?".into()),
        [directory] => Ok((directory.to_string(), None)),
        [directory, rest @ ..] => Ok((directory.to_string(), Some(number(rest, 0, 0, u64::MAX)?))),
    };
    run(start, USAGE, parse, |console, (directory, least)| {
        let files = Files::new(start.connect()?);
        let path = format!("{}/file-storm", directory.trim_end_matches('/'));
        let how = How { access: Access::Write, create: Create::IfMissing, truncate: false };
        let file = files.open(&path, how)?;
        if file.attributes()?.size < LENGTH as u64 {
            file.truncate(LENGTH as u64)?;
            file.sync()?;
        }
        let turn = turn_of(&contents(&file)?).map_err(Failure::Wrong)?;
        console.print(format_args!("file-storm: the file is as after turn {turn}\n"))?;
        match least {
            None => Err(Storm { console, files, path, file, deaths: 0 }.go_on(turn)),
            Some(least) if turn < least => Err(Failure::Wrong(format!("turn {least} is lost"))),
            Some(_) => Ok(()),
        }
    })
}

fn contents(file: &File) -> Result<vec::Vec<u8>, FileError> {
    let mut bytes = vec![0; LENGTH];
    let read = file.read(0, &mut bytes)?;
    bytes.truncate(read);
    Ok(bytes)
}

struct Storm<'a> {
    console: &'a Output,
    files: Files,
    path: String,
    file: File,
    deaths: u64,
}

impl Storm<'_> {
    /// Turn after turn; returns with what ended it.
    fn go_on(mut self, turn: u64) -> Failure {
        let mut synchronised = turn;
        let mut told = turn;
        loop {
            match self.turns(synchronised) {
                Ok(turn) => synchronised = turn,
                Err(failure) => return failure,
            }
            if synchronised >= told + LINE {
                told = synchronised;
                let line = format_args!("turn {synchronised} is synchronised; {} deaths\n", self.deaths);
                if let Err(error) = self.console.print(line) {
                    return error.into();
                }
            }
        }
    }

    /// The turns after this one until one is synchronised; says which.
    fn turns(&mut self, synchronised: u64) -> Result<u64, Failure> {
        let ends = |turn: &u64| is_synchronised(*turn);
        let turn = (synchronised + 1..).find(ends).unwrap_or(synchronised);
        // What may be lost is written again.
        while died((synchronised + 1..=turn).try_for_each(|turn| self.write(turn)).and_then(|()| self.file.sync()))? {
            self.deaths += 1;
            while died(self.look(synchronised, turn))? {}
        }
        Ok(turn)
    }

    fn write(&self, turn: u64) -> Result<(), FileError> {
        let (first, _) = place(turn);
        self.file.write_all(first * BLOCK as u64, &bytes_of(turn))
    }

    /// After a death: the volume and the file.
    fn look(&self, synchronised: u64, last: u64) -> Result<(), FileError> {
        let checked = self.files.check(&self.path)?;
        let content = contents(&self.file)?;
        match checked.first_problem.map_or_else(|| check(&content, synchronised, last), Err) {
            Ok(()) => Ok(()),
            Err(wrong) => {
                let _told = self.console.print(format_args!("file-storm: wrong: {wrong}\n"));
                Err(FileError::Corrupt { node: 0, place: synchronised })
            }
        }
    }
}

/// Whether the server died over it, or more often than files are opened again by themselves.
fn died(done: Result<(), FileError>) -> Result<bool, FileError> {
    match done {
        Ok(()) => Ok(false),
        Err(FileError::ServerDied | FileError::StaleFile) => Ok(true),
        Err(error) => Err(error),
    }
}
