//! The process server.

use crate::control::{Control, PROCESS};
use crate::small::failure;
use crate::worker::Worker;
use airox_api::CallError;
use airox_api::process::{ProcessClient, ProcessError};
use airox_rt::abi::Rights;
use airox_rt::abi::trace::Event;
use airox_rt::time::{Instant, Timer};
use airox_rt::{Port, TypedHandle};
use airox_shell::services::{
    Answer, Doom, ExitStatus, Failure, FileGrant, HandleEntry, Killed, Memory, Piece, ProcessEntry, Processes, Terms,
    Waited,
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
type Death = Result<Killed, CallError<ProcessError>>;

pub struct ProcessService {
    client: Option<Arc<ProcessClient>>,
    console: Port,
    control: Rc<Control>,
    /// Waits for programs; started with the first one.
    waiter: Option<Worker<u32, Ending>>,
    /// Ends processes later; started with the first one.
    killer: Option<Worker<Doom, Death>>,
}

impl ProcessService {
    pub fn new(client: Option<ProcessClient>, console: Port, control: Rc<Control>) -> ProcessService {
        ProcessService { client: client.map(Arc::new), console, control, waiter: None, killer: None }
    }

    fn client(&self) -> Answer<&ProcessClient> {
        self.client.as_deref().ok_or(Failure::Missing(NAME))
    }

    /// A thread that asks the process server.
    fn worker<Q, A>(&self, call: impl Fn(&ProcessClient, Q) -> A + Send + 'static) -> Answer<Worker<Q, A>>
    where
        Q: Clone + PartialEq + Send + 'static,
        A: Send + 'static,
    {
        let client = Arc::clone(self.client.as_ref().ok_or(Failure::Missing(NAME))?);
        let start = || {
            let done = self.control.signal.copy(Rights::SEND)?;
            Worker::start(move |question| call(&client, question), done, PROCESS)
        };
        start().map_err(no_thread)
    }

    fn waiter(&mut self) -> Answer<&Worker<u32, Ending>> {
        if self.waiter.is_none() {
            self.waiter = Some(self.worker(ProcessClient::wait)?);
        }
        self.waiter.as_ref().ok_or(Failure::Missing(NAME))
    }

    fn killer(&mut self) -> Answer<&Worker<Doom, Death>> {
        if self.killer.is_none() {
            self.killer = Some(self.worker(kill_at)?);
        }
        self.killer.as_ref().ok_or(Failure::Missing(NAME))
    }
}

/// Waits, and ends a process.
fn kill_at(client: &ProcessClient, doom: Doom) -> Death {
    // A process that is ended too early is ended all the same.
    let _ = Timer::new().and_then(|timer| timer.sleep_until(Instant::from_nanoseconds(doom.at_ns)));
    let asked_ns = Instant::now().as_nanoseconds();
    client.kill(&doom.process)?;
    Ok(Killed { asked_ns, done_ns: Instant::now().as_nanoseconds() })
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

    fn kill_at(&mut self, doom: &Doom) -> Answer<Option<Killed>> {
        let killed = self.killer()?.ask(doom.clone()).map_err(no_thread)?;
        killed.transpose().map_err(|error| failure(NAME, error))
    }

    fn restart(&mut self, name: &str) -> Answer<()> {
        self.client()?.restart(name).map_err(|error| failure(NAME, error))
    }
}
