//! Running, watching and ending programs.

use alloc::string::String;
use alloc::vec::Vec;

use crate::{admit, files};
use airox_abi::info::ThreadState;
use airox_abi::message::WORDS;
use airox_abi::trace::{Event, TRACE_READ};
use airox_abi::{DELEGATED, Error, Handle, ObjectKind, Rights};
use airox_admission::Task;
use airox_api::device::FIRST_DRIVER;
use airox_api::files::FileGrant;
use airox_api::log::{Level, MAX_TEXT};
use airox_api::process::{ExitStatus, HandleEntry, Kind, Memory, ProcessEntry, ProcessError, Terms, Traced};
use airox_bundle::{Program, Symbols};
use airox_spawn::describe::{self, Identity};
use airox_spawn::fault::{self, Fault, Victim};
use airox_spawn::{Grant, Kernel, QuotaSource, SpawnError, SpawnRequest};

use crate::site::{Authority, HEAP, Init, Keeper, STACK, Site, program_limits};
use crate::table::{FIRST_PROGRAM, Running, Table};

/// Who a person means.
enum Target<'a> {
    Kept(Keeper, &'a str),
    Program(u32),
}

/// The server. `W` is the right to answer somebody who waits for a program's end.
pub struct Server<'a, K, I, W> {
    kernel: K,
    init: I,
    site: Site<'a>,
    authority: Authority,
    table: Table<W>,
    answers: Vec<(W, Result<ExitStatus, ProcessError>)>,
}

impl<'a, K: Kernel, I: Init, W> Server<'a, K, I, W> {
    /// A server without programs.
    pub fn new(kernel: K, init: I, site: Site<'a>, authority: Authority) -> Server<'a, K, I, W> {
        Server { kernel, init, site, authority, table: Table::default(), answers: Vec::new() }
    }

    /// Answers to those who waited, to be sent now.
    pub fn take_answers(&mut self) -> Vec<(W, Result<ExitStatus, ProcessError>)> {
        core::mem::take(&mut self.answers)
    }

    /// The kernel.
    pub fn kernel(&mut self) -> &mut K {
        &mut self.kernel
    }

    /// Names of the programs that can be run.
    pub fn programs(&self) -> impl Iterator<Item = &'a str> {
        let names = self.site.bundle.programs().map(|program| program.name());
        names.filter(|name| !self.is_reserved(name))
    }

    /// The files of a program that the component with this badge runs and wants these for.
    ///
    /// # Errors
    /// They are not all the component's to give.
    pub fn files_for(&self, badge: u64, wanted: Option<Vec<FileGrant>>) -> Result<Vec<FileGrant>, ProcessError> {
        let index = usize::try_from(badge).ok().and_then(|number| number.checked_sub(1));
        let own = index.and_then(|index| self.site.files.get(index));
        files::granted(own.map_or(&[], Vec::as_slice), wanted)
    }

    /// Starts a program and returns its number. The console stays the caller's.
    ///
    /// # Errors
    /// There is no such program, or no room for another one.
    pub fn run(
        &mut self,
        name: &str,
        arguments: &[&str],
        terms: &Terms,
        files: &[FileGrant],
        console: Option<Handle>,
    ) -> Result<u32, ProcessError> {
        if self.is_reserved(name) {
            return Err(ProcessError::UnknownProgram);
        }
        let program = self.site.bundle.program(name);
        let program = program.ok_or(ProcessError::UnknownProgram)?;
        let running = self.table.running().iter().map(|program| &program.task);
        let task = admit::admit(&self.site, running, name, terms);
        let task = task.map_err(ProcessError::NotAdmitted)?;
        let id = self.table.next_number()?;
        // Before it runs: it may write to the log and open files at once.
        self.init.introduce(id, name)?;
        let started = self.start(&program, id, arguments, task, files, console);
        if started.is_err() {
            self.init.release(id);
        }
        started.map(|()| id)
    }

    /// Starts a program that init knows.
    fn start(
        &mut self,
        program: &Program<'a>,
        id: u32,
        arguments: &[&str],
        task: Task,
        files: &[FileGrant],
        console: Option<Handle>,
    ) -> Result<(), ProcessError> {
        let (badge, client) = (u64::from(id), Rights::SEND | Rights::COPY);
        let files = self.init.admit(id, files)?;
        let port = match self.kernel.handle_copy(self.authority.port, client, badge) {
            Ok(port) => port,
            Err(error) => {
                files.into_iter().for_each(|files| self.close(files));
                return Err(error.into());
            }
        };
        let grant = |name, handle, badge| Grant { name, handle, kind: ObjectKind::Port, rights: client, badge };
        let mut grants = Vec::with_capacity(6);
        grants.extend([
            grant("supervisor", port, 0),
            grant("fault", port, 0),
            grant("log", self.authority.log, badge),
            grant("clock", self.authority.clock, DELEGATED),
        ]);
        grants.extend(files.map(|files| grant("files", files, 0)));
        // The console knows the caller's settings, Ctrl-C for one, by its badge: they are not the program's to change.
        grants.extend(console.map(|console| grant("console", console, DELEGATED)));
        let request = SpawnRequest {
            bundle: self.authority.bundle,
            bundle_bytes: self.site.bundle_bytes,
            program,
            name: program.name(),
            arguments,
            quota: QuotaSource::Carved { parent: self.authority.quota, limits: program_limits(admit::share(&task)) },
            grants: &grants,
            priority: task.priority,
            max_priority: task.highest,
            stack_bytes: STACK,
            heap_bytes: HEAP,
            fault_port: port,
            log_level: Level::Info,
            time: admit::time_request(&task),
        };
        let spawned = airox_spawn::spawn(&mut self.kernel, &request);
        // It has its own by now, or there is no program.
        files.into_iter().for_each(|files| self.close(files));
        let spawned = match spawned {
            Ok(spawned) => spawned,
            Err(error) => {
                self.close(port);
                return Err(refusal(error));
            }
        };
        let process = spawned.process;
        self.table.insert(Running {
            id,
            name: program.name().into(),
            process,
            thread: spawned.thread,
            quota: spawned.quota.unwrap_or(Handle::NONE),
            budget: spawned.budget,
            task,
            port,
            stack_base: spawned.stack_base,
            granted: spawned.granted,
            waiters: Vec::new(),
        });
        // It may have ended already; the kernel tells that too.
        let watched = self.kernel.process_watch(process, self.authority.signal, exit_bit(id));
        if let Err(error) = watched {
            self.end(id, ExitStatus::Killed);
            return Err(error.into());
        }
        Ok(())
    }

    /// Keeps a waiter until a program ends; if it has, the answer is among [`Self::take_answers`].
    pub fn wait(&mut self, id: u32, waiter: W) {
        if let Err(answer) = self.table.wait(id, waiter) {
            self.answers.push(answer);
        }
    }

    /// Programs ended.
    pub fn signalled(&mut self, bits: u64) {
        let ended: Vec<(u32, ExitStatus)> = self
            .table
            .running()
            .iter()
            .filter(|program| bits & exit_bit(program.id) != 0)
            .filter_map(|program| {
                let info = self.kernel.process_info(program.process).ok()?;
                let dead = info.state == ThreadState::Dead as u8;
                let status = if info.faulted != 0 { ExitStatus::Faulted } else { ExitStatus::Exited(info.exit_code) };
                dead.then_some((program.id, status))
            })
            .collect();
        for (id, status) in ended {
            self.end(id, status);
        }
    }

    /// A thread of a program faulted. Its process is dead when this returns.
    pub fn faulted(&mut self, badge: u64, label: u16, words: &[u64; WORDS]) {
        let Some(program) = u32::try_from(badge).ok().and_then(|id| self.table.get(id)) else {
            return;
        };
        let id = program.id;
        let image = self.site.bundle.program(&program.name);
        let victim = Victim {
            name: &program.name,
            process: program.process,
            thread: program.thread,
            stack_base: program.stack_base,
            symbols: image.map_or(Symbols::EMPTY, |image| image.symbols()),
        };
        let fault = Fault::from_message(label, words);
        let report = fault::report(&mut self.kernel, &victim, &fault);
        for part in fault::parts(&report, MAX_TEXT) {
            log::error!("{part}");
        }
        self.end(id, ExitStatus::Faulted);
    }

    /// A program says that it panicked; it is about to exit.
    pub fn panicked(&mut self, badge: u64, message: &str, file: &str, line: u32) {
        let program = u32::try_from(badge).ok().and_then(|id| self.table.get(id));
        if let Some(program) = program {
            let (name, id) = (&program.name, program.id);
            log::error!("`{name}` ({id}) panicked at {file}:{line}: {message}");
        }
    }

    /// Ends a process by its number or name.
    ///
    /// # Errors
    /// There is no such process.
    pub fn kill(&mut self, who: &str) -> Result<(), ProcessError> {
        match self.target(who)? {
            Target::Program(id) => {
                self.end(id, ExitStatus::Killed);
                Ok(())
            }
            Target::Kept(keeper, name) => {
                let name = String::from(name);
                self.init.kill(keeper, &name)
            }
        }
    }

    /// Restarts a component by its number or name.
    ///
    /// # Errors
    /// There is no such component, or it cannot be restarted.
    pub fn restart(&mut self, who: &str) -> Result<(), ProcessError> {
        match self.target(who)? {
            Target::Program(_) => Err(ProcessError::NotRestartable),
            Target::Kept(keeper, name) => {
                let name = String::from(name);
                self.init.restart(keeper, &name)
            }
        }
    }

    /// All processes from place `cursor` on, as many as fit in an answer: init's, the device manager's, then the programs.
    ///
    /// # Errors
    /// Init does not answer.
    pub fn list(&mut self, cursor: u32) -> Result<Vec<ProcessEntry>, ProcessError> {
        // Init itself is the last of its list.
        let foreign = self.site.components.len() as u32 + 1;
        if cursor < foreign {
            return self.init.list(cursor);
        }
        let drivers = self.init.drivers();
        let from = (cursor - foreign) as usize;
        if from < drivers.len() {
            return Ok(drivers.into_iter().skip(from).take(describe::MAX_ENTRIES).collect());
        }
        let from = from - drivers.len();
        let mut entries = Vec::new();
        for program in self.table.running().iter().skip(from) {
            if entries.len() == describe::MAX_ENTRIES {
                break;
            }
            let identity = Identity { id: program.id, name: &program.name, kind: Kind::Program, restarts: 0 };
            let info = self.kernel.process_info(program.process)?;
            entries.push(identity.entry(&mut self.kernel, &info, Some(program.thread), program.budget));
        }
        Ok(entries)
    }

    /// The handles of a process by its number or name, from place `cursor` on.
    ///
    /// # Errors
    /// There is no such process, or it does not run.
    pub fn handles(&mut self, who: &str, cursor: u32) -> Result<Vec<HandleEntry>, ProcessError> {
        match self.target(who)? {
            Target::Program(id) => {
                let program = self.table.get(id).ok_or(ProcessError::UnknownProcess)?;
                let (process, granted) = (program.process, &program.granted);
                Ok(describe::handles(&mut self.kernel, process, granted, cursor)?)
            }
            Target::Kept(keeper, name) => {
                let name = String::from(name);
                self.init.handles(keeper, &name, cursor)
            }
        }
    }

    /// Memory and objects of the whole machine.
    ///
    /// # Errors
    /// Init does not answer.
    pub fn memory(&mut self) -> Result<Memory, ProcessError> {
        self.init.memory()
    }

    /// Reads a processor's trace ring, at most `capacity` events; `write` gets the place of the first of some among them, and these.
    ///
    /// # Errors
    /// There is no such processor, or they cannot be written.
    pub fn trace(
        &mut self,
        processor: u32,
        sequence: u64,
        capacity: usize,
        mut write: impl FnMut(usize, &[Event]) -> Result<(), Error>,
    ) -> Result<Traced, ProcessError> {
        let mut traced = Traced::default();
        let mut piece = [Event::default(); TRACE_READ];
        loop {
            let held = traced.count as usize;
            let next = if held == 0 { sequence } else { traced.first + u64::from(traced.count) };
            let (first, count) = self.kernel.trace_read(self.authority.machine, processor, next, &mut piece)?;
            // Those in between have been overwritten meanwhile: the next call tells of them.
            let gap = held > 0 && first != next;
            let count = count.min(capacity - held);
            if gap || count == 0 {
                return Ok(if held == 0 { Traced { first, count: 0 } } else { traced });
            }
            write(held, &piece[..count])?;
            traced = Traced { first: if held == 0 { first } else { traced.first }, count: traced.count + count as u32 };
        }
    }

    /// Ends a program, returns all it had, and answers those who waited for it.
    fn end(&mut self, id: u32, status: ExitStatus) {
        let Some(program) = self.table.end(id, status) else {
            return;
        };
        // Refused only if it is dead already.
        let _ = self.kernel.process_kill(program.process, 0);
        let handles = [program.thread, program.process, program.quota, program.port];
        for handle in handles.into_iter().chain(program.budget) {
            self.close(handle);
        }
        self.init.release(id);
        let answers = program.waiters.into_iter();
        self.answers.extend(answers.map(|waiter| (waiter, Ok(status))));
    }

    /// Who is meant by a number or name. Components go first: their names are known and few.
    fn target<'b>(&'b self, who: &'b str) -> Result<Target<'b>, ProcessError> {
        let components = &self.site.components;
        if who == "0" || who == self.site.bundle.root_program() {
            return Err(ProcessError::RootTask);
        }
        if let Ok(number) = who.parse::<u32>() {
            if number >= FIRST_DRIVER {
                return Ok(Target::Kept(Keeper::Devices, who));
            }
            if number >= FIRST_PROGRAM {
                let program = self.table.get(number);
                return program.map(|program| Target::Program(program.id)).ok_or(ProcessError::UnknownProcess);
            }
            let name = (number as usize).checked_sub(1).and_then(|index| components.get(index));
            return name.map(|name| Target::Kept(Keeper::Init, name)).ok_or(ProcessError::UnknownProcess);
        }
        if let Some(name) = components.iter().find(|name| *name == who) {
            return Ok(Target::Kept(Keeper::Init, name));
        }
        // What is neither has to be a driver; its keeper knows better.
        let program = self.table.by_name(who).map(|program| Target::Program(program.id));
        Ok(program.unwrap_or(Target::Kept(Keeper::Devices, who)))
    }

    fn is_reserved(&self, name: &str) -> bool {
        name == self.site.bundle.root_program() || self.site.reserved.iter().any(|reserved| reserved == name)
    }

    fn close(&mut self, handle: Handle) {
        let closed = self.kernel.handle_close(handle);
        debug_assert_eq!(closed, Ok(()), "the server closes each handle once");
    }
}

/// What a caller is told about a program that could not be started.
fn refusal(error: SpawnError) -> ProcessError {
    match error {
        SpawnError::Image(_) => ProcessError::Kernel(Error::InvalidArgument as u32),
        SpawnError::StartBlockTooLarge => ProcessError::ArgumentsTooLong,
        SpawnError::Kernel(_, error) => error.into(),
    }
}

/// The bit that says that a program ended. Numbers 64 apart share one.
const fn exit_bit(id: u32) -> u64 {
    1 << (id % 64)
}
