//! The process server.

use crate::control::{Control, PROCESS};
use crate::small::failure;
use crate::worker::Worker;
use airox_api::CallError;
use airox_api::process::{ProcessClient, ProcessError};
use airox_rt::abi::Rights;
use airox_rt::abi::trace::Event;
use airox_rt::{Port, TypedHandle};
use airox_shell::services::{
    Answer, ExitStatus, Failure, FileGrant, HandleEntry, Memory, Piece, ProcessEntry, Processes, Terms, Waited,
};
use alloc::rc::Rc;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use zerocopy::IntoBytes;

const NAME: &str = "process";
/// Trace events asked for with one call.
const EVENTS_AT_ONCE: usize = 1024;

type Ending = Result<ExitStatus, CallError<ProcessError>>;

pub struct ProcessService {
    client: Option<Arc<ProcessClient>>,
    console: Port,
    control: Rc<Control>,
    /// Waits for programs; started with the first one.
    waiter: Option<Worker<u32, Ending>>,
}

impl ProcessService {
    pub fn new(client: Option<ProcessClient>, console: Port, control: Rc<Control>) -> ProcessService {
        ProcessService { client: client.map(Arc::new), console, control, waiter: None }
    }

    fn client(&self) -> Answer<&ProcessClient> {
        self.client.as_deref().ok_or(Failure::Missing(NAME))
    }

    fn waiter(&mut self) -> Answer<&Worker<u32, Ending>> {
        if self.waiter.is_none() {
            let client = Arc::clone(self.client.as_ref().ok_or(Failure::Missing(NAME))?);
            let start = || {
                let done = self.control.signal.copy(Rights::SEND)?;
                Worker::start(move |id| client.wait(id), done, PROCESS)
            };
            self.waiter = Some(start().map_err(no_thread)?);
        }
        self.waiter.as_ref().ok_or(Failure::Missing(NAME))
    }
}

/// The shell's own quota is too small for what a command needs.
pub fn no_thread(error: airox_rt::Error) -> Failure {
    Failure::Refused(alloc::format!("the shell cannot start a thread to wait with: {error}"))
}

/// Collects a list that comes in parts.
fn all<T>(mut part: impl FnMut(u32) -> Result<Vec<T>, CallError<ProcessError>>) -> Answer<Vec<T>> {
    let mut list = Vec::new();
    loop {
        let next = part(list.len() as u32).map_err(|error| failure(NAME, error))?;
        if next.is_empty() {
            return Ok(list);
        }
        list.extend(next);
    }
}

impl Processes for ProcessService {
    fn programs(&mut self) -> Answer<Vec<String>> {
        let client = self.client()?;
        all(|cursor| client.programs(cursor))
    }

    fn list(&mut self) -> Answer<Vec<ProcessEntry>> {
        let client = self.client()?;
        all(|cursor| client.list(cursor))
    }

    fn handles(&mut self, process: &str) -> Answer<Vec<HandleEntry>> {
        let client = self.client()?;
        all(|cursor| client.handles(process, cursor))
    }

    fn memory(&mut self) -> Answer<Memory> {
        self.client()?.memory().map_err(|error| failure(NAME, error))
    }

    fn trace(&mut self, processor: u32, sequence: u64) -> Answer<Piece> {
        let mut events = vec![Event::default(); EVENTS_AT_ONCE];
        let traced = self.client()?.trace(processor, sequence, events.as_mut_bytes());
        let traced = traced.map_err(|error| failure(NAME, error))?;
        events.truncate(traced.count as usize);
        Ok(Piece { first: traced.first, events })
    }

    fn run(&mut self, program: &str, arguments: &[String], terms: Terms, files: Option<Vec<FileGrant>>) -> Answer<u32> {
        let console = Some(&self.console);
        self.client()?.run(program, arguments, terms, files, console).map_err(|error| failure(NAME, error))
    }

    fn wait(&mut self, id: u32) -> Answer<Waited<ExitStatus>> {
        let control = Rc::clone(&self.control);
        let waiter = self.waiter()?;
        loop {
            if let Some(ending) = waiter.ask(id).map_err(no_thread)? {
                return ending.map(Waited::Done).map_err(|error| failure(NAME, error));
            }
            if control.wait(PROCESS) == Waited::Interrupted {
                return Ok(Waited::Interrupted);
            }
        }
    }

    fn kill(&mut self, process: &str) -> Answer<()> {
        self.client()?.kill(process).map_err(|error| failure(NAME, error))
    }

    fn restart(&mut self, name: &str) -> Answer<()> {
        self.client()?.restart(name).map_err(|error| failure(NAME, error))
    }
}
