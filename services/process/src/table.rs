//! The running programs, who waits for them, and how the last ones ended.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use airox_abi::Handle;
use airox_admission::Task;
use airox_api::process::{ExitStatus, ProcessError};
use airox_api::start::StartHandle;

pub use airox_api::process::FIRST_PROGRAM;
/// Number of the last program; after it they start again at the first.
pub const LAST_PROGRAM: u32 = 9999;
/// Most programs at a time.
pub const MAX_PROGRAMS: usize = 16;
/// Most callers that can wait for one program.
pub const MAX_WAITERS: usize = 8;
/// So many programs' ends are remembered.
pub const MAX_ENDED: usize = 64;

/// A running program. `W` is the right to answer somebody who waits for its end.
#[derive(Debug)]
pub struct Running<W> {
    /// Its number.
    pub id: u32,
    /// Its name: that of the program in the bundle.
    pub name: String,
    /// Its process.
    pub process: Handle,
    /// Its first thread.
    pub thread: Handle,
    /// Its quota.
    pub quota: Handle,
    /// Its budget, if it has one of its own; it lives as long as this handle.
    pub budget: Option<Handle>,
    /// What the admission test knows of it.
    pub task: Task,
    /// The server's port with the program's badge, where its faults and panics arrive.
    pub port: Handle,
    /// First address of its stack.
    pub stack_base: u64,
    /// The handles it got.
    pub granted: Vec<StartHandle>,
    /// Who waits for its end.
    pub waiters: Vec<W>,
}

/// Every program that runs, and the ends of those that don't any more.
#[derive(Debug)]
pub struct Table<W> {
    running: Vec<Running<W>>,
    ended: VecDeque<(u32, ExitStatus)>,
    next: u32,
}

impl<W> Default for Table<W> {
    fn default() -> Table<W> {
        Table { running: Vec::new(), ended: VecDeque::new(), next: FIRST_PROGRAM }
    }
}

impl<W> Table<W> {
    /// A number for another program.
    ///
    /// # Errors
    /// [`ProcessError::TooManyPrograms`].
    pub fn next_number(&mut self) -> Result<u32, ProcessError> {
        if self.running.len() >= MAX_PROGRAMS {
            return Err(ProcessError::TooManyPrograms);
        }
        // There are far more numbers than programs, so one is free.
        while self.get(self.next).is_some() {
            self.next = following(self.next);
        }
        let id = self.next;
        self.next = following(id);
        self.ended.retain(|(ended, _)| *ended != id);
        Ok(id)
    }

    /// Adds a program that runs.
    pub fn insert(&mut self, program: Running<W>) {
        self.running.push(program);
    }

    /// The programs that run, oldest first.
    #[must_use]
    pub fn running(&self) -> &[Running<W>] {
        &self.running
    }

    /// A program that runs.
    #[must_use]
    pub fn get(&self, id: u32) -> Option<&Running<W>> {
        self.running.iter().find(|program| program.id == id)
    }

    /// The youngest running program of this name.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<&Running<W>> {
        self.running.iter().rev().find(|program| program.name == name)
    }

    /// Keeps a waiter until the program ends, or gives it back with its answer.
    ///
    /// # Errors
    /// The waiter, and what to tell it.
    pub fn wait(&mut self, id: u32, waiter: W) -> Result<(), (W, Result<ExitStatus, ProcessError>)> {
        if let Some(program) = self.running.iter_mut().find(|program| program.id == id) {
            if program.waiters.len() >= MAX_WAITERS {
                return Err((waiter, Err(ProcessError::OutOfQuota)));
            }
            program.waiters.push(waiter);
            return Ok(());
        }
        let ended = self.ended.iter().find(|(ended, _)| *ended == id);
        let answer = ended.map_or(Err(ProcessError::UnknownProcess), |(_, status)| Ok(*status));
        Err((waiter, answer))
    }

    /// Takes a program out and remembers how it ended.
    pub fn end(&mut self, id: u32, status: ExitStatus) -> Option<Running<W>> {
        let position = self.running.iter().position(|program| program.id == id)?;
        if self.ended.len() == MAX_ENDED {
            self.ended.pop_front();
        }
        self.ended.push_back((id, status));
        Some(self.running.remove(position))
    }
}

const fn following(id: u32) -> u32 {
    if id == LAST_PROGRAM { FIRST_PROGRAM } else { id + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use airox_admission::Supply;

    fn add(table: &mut Table<u32>, name: &str) -> u32 {
        let id = table.next_number().unwrap();
        table.insert(Running {
            id,
            name: name.into(),
            process: Handle::NONE,
            thread: Handle::NONE,
            quota: Handle::NONE,
            budget: None,
            task: Task {
                name: name.into(),
                priority: 40,
                highest: 40,
                supply: Supply::Unlimited,
                deadline_ns: None,
                processors: 1,
                calls_per_job: None,
                longest_call_ns: None,
                uses: Vec::new(),
            },
            port: Handle::NONE,
            stack_base: 0,
            granted: Vec::new(),
            waiters: Vec::new(),
        });
        id
    }

    #[test]
    fn numbers_are_not_used_again_soon() {
        let mut table = Table::default();
        let first = add(&mut table, "echo");
        assert_eq!(first, FIRST_PROGRAM);
        for expected in FIRST_PROGRAM + 1..=LAST_PROGRAM {
            let id = add(&mut table, "echo");
            assert_eq!(id, expected);
            table.end(id, ExitStatus::Exited(0)).unwrap();
        }
        // The first still runs, so its number is skipped.
        assert_eq!(add(&mut table, "echo"), FIRST_PROGRAM + 1);
    }

    #[test]
    fn there_is_a_limit() {
        let mut table = Table::default();
        for _ in 0..MAX_PROGRAMS {
            add(&mut table, "echo");
        }
        assert_eq!(table.next_number(), Err(ProcessError::TooManyPrograms));
        table.end(FIRST_PROGRAM, ExitStatus::Killed).unwrap();
        assert!(table.next_number().is_ok());
    }

    #[test]
    fn waiting_before_and_after_the_end() {
        let mut table = Table::default();
        let id = add(&mut table, "echo");
        for waiter in 0..MAX_WAITERS as u32 {
            table.wait(id, waiter).unwrap();
        }
        assert_eq!(table.wait(id, 99), Err((99, Err(ProcessError::OutOfQuota))));
        let ended = table.end(id, ExitStatus::Exited(7)).unwrap();
        assert_eq!(ended.waiters.len(), MAX_WAITERS);
        assert_eq!(table.wait(id, 1), Err((1, Ok(ExitStatus::Exited(7)))));
        assert_eq!(table.wait(id + 1, 1), Err((1, Err(ProcessError::UnknownProcess))));
        assert!(table.end(id, ExitStatus::Killed).is_none());
    }

    #[test]
    fn only_the_last_ends_are_remembered() {
        let mut table = Table::default();
        for _ in 0..=MAX_ENDED {
            let id = add(&mut table, "echo");
            table.end(id, ExitStatus::Exited(0)).unwrap();
        }
        assert_eq!(table.wait(FIRST_PROGRAM, 1), Err((1, Err(ProcessError::UnknownProcess))));
        assert_eq!(table.wait(FIRST_PROGRAM + 1, 1), Err((1, Ok(ExitStatus::Exited(0)))));
    }

    #[test]
    fn the_youngest_of_a_name_is_found() {
        let mut table = Table::default();
        add(&mut table, "echo");
        let second = add(&mut table, "echo");
        add(&mut table, "sort");
        assert_eq!(table.by_name("echo").unwrap().id, second);
        assert!(table.by_name("gone").is_none());
    }
}
