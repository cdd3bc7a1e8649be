//! The interfaces over the logic: who may ask for what, and the words of the protocol.

use alloc::string::String;
use alloc::vec::Vec;

use airox_abi::trace::Event;
use airox_api::files::FileGrant;
use airox_api::process::{ExitStatus, HandleEntry, Memory, Process, ProcessEntry, ProcessError, Terms, Traced};
use airox_api::supervisor::{Supervisor, SupervisorError};
use airox_api::{Caller, Deferred, WriteLease};
use airox_process::FIRST_PROGRAM;
use airox_rt::{Port, TypedHandle};
use zerocopy::IntoBytes;

use crate::Programs;

/// Most names one answer tells; they fit in a page.
const MAX_NAMES: usize = 64;

/// Most events one answer tells: a whole ring. Others wait meanwhile.
const MAX_EVENTS: usize = 8192;

/// Requests of components. A program has a handle to the same port, for its panic, and may ask nothing else.
pub struct Requests<'a>(pub &'a mut Programs);

fn component_only(caller: Caller) -> Result<(), ProcessError> {
    if caller.badge < u64::from(FIRST_PROGRAM) { Ok(()) } else { Err(ProcessError::NotAllowed) }
}

impl Process for Requests<'_> {
    fn programs(&mut self, caller: Caller, cursor: u32) -> Result<Vec<String>, ProcessError> {
        component_only(caller)?;
        let names = self.0.programs().skip(cursor as usize).take(MAX_NAMES);
        Ok(names.map(String::from).collect())
    }

    fn run(
        &mut self,
        caller: Caller,
        program: &str,
        arguments: Vec<String>,
        terms: Terms,
        files: Option<Vec<FileGrant>>,
        console: Option<Port>,
    ) -> Result<u32, ProcessError> {
        component_only(caller)?;
        let files = self.0.files_for(caller.badge, files)?;
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let console = console.as_ref().map(TypedHandle::raw);
        self.0.run(program, &arguments, &terms, &files, console)
    }

    fn wait(&mut self, caller: Caller, id: u32, reply: Deferred<ExitStatus, ProcessError>) {
        match component_only(caller) {
            Ok(()) => self.0.wait(id, reply),
            Err(error) => {
                // Who asked may be gone by now.
                let _ = reply.send(Err(error));
            }
        }
    }

    fn kill(&mut self, caller: Caller, process: &str) -> Result<(), ProcessError> {
        component_only(caller)?;
        self.0.kill(process)
    }

    fn restart(&mut self, caller: Caller, name: &str) -> Result<(), ProcessError> {
        component_only(caller)?;
        self.0.restart(name)
    }

    fn list(&mut self, caller: Caller, cursor: u32) -> Result<Vec<ProcessEntry>, ProcessError> {
        component_only(caller)?;
        self.0.list(cursor)
    }

    fn handles(&mut self, caller: Caller, process: &str, cursor: u32) -> Result<Vec<HandleEntry>, ProcessError> {
        component_only(caller)?;
        self.0.handles(process, cursor)
    }

    fn memory(&mut self, caller: Caller) -> Result<Memory, ProcessError> {
        component_only(caller)?;
        self.0.memory()
    }

    fn trace(
        &mut self,
        caller: Caller,
        processor: u32,
        sequence: u64,
        events: WriteLease<'_>,
    ) -> Result<Traced, ProcessError> {
        component_only(caller)?;
        let capacity = (events.len() / size_of::<Event>()).min(MAX_EVENTS);
        self.0.trace(processor, sequence, capacity, |place, piece| {
            events.write(place * size_of::<Event>(), piece.as_bytes())
        })
    }
}

/// What programs tell: that they panicked, and nothing else.
pub struct Panics<'a>(pub &'a mut Programs);

impl Supervisor for Panics<'_> {
    fn list(&mut self, _: Caller, _: u32) -> Result<Vec<ProcessEntry>, SupervisorError> {
        Err(SupervisorError::NotAllowed)
    }

    fn handles(&mut self, _: Caller, _: &str, _: u32) -> Result<Vec<HandleEntry>, SupervisorError> {
        Err(SupervisorError::NotAllowed)
    }

    fn kill(&mut self, _: Caller, _: &str) -> Result<(), SupervisorError> {
        Err(SupervisorError::NotAllowed)
    }

    fn restart(&mut self, _: Caller, _: &str) -> Result<(), SupervisorError> {
        Err(SupervisorError::NotAllowed)
    }

    fn memory(&mut self, _: Caller) -> Result<Memory, SupervisorError> {
        Err(SupervisorError::NotAllowed)
    }

    fn report_panic(&mut self, caller: Caller, message: &str, file: &str, line: u32) -> Result<(), SupervisorError> {
        self.0.panicked(caller.badge, message, file, line);
        Ok(())
    }

    fn introduce(&mut self, _: Caller, _: u32, _: &str) -> Result<(), SupervisorError> {
        Err(SupervisorError::NotAllowed)
    }

    fn release(&mut self, _: Caller, _: u32) -> Result<(), SupervisorError> {
        Err(SupervisorError::NotAllowed)
    }

    fn admit(&mut self, _: Caller, _: u32, _: Vec<FileGrant>) -> Result<Port, SupervisorError> {
        Err(SupervisorError::NotAllowed)
    }

    fn answer(&mut self, _: Caller) -> Result<(), SupervisorError> {
        Ok(())
    }
}
