//! Servers for every interface that answer with what they were asked.

use crate::clock::{Clock, ClockError};
use crate::console::{Console, ConsoleError, Mode, Size};
use crate::files::FileGrant;
use crate::log::{Level, Log, LogError, Record, SourceLevel};
use crate::power::{Power, PowerError};
use crate::process::{
    BudgetUse, ExitStatus, HandleEntry, Kind, Memory, NotAdmitted, ObjectCount, Process, ProcessEntry, ProcessError,
    State, Terms, Traced,
};
use crate::supervisor::{Supervisor, SupervisorError};
use crate::{Caller, Deferred, SavedLease, WriteLease};
use airox_sys::{Port, Signal, TypedHandle};
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// Answers every interface of the crate.
#[derive(Default)]
pub struct Echo {
    pub records: Vec<Record>,
    pub screen: Vec<u8>,
    pub mode: Option<Mode>,
    pub interrupt: Option<(Option<Signal>, u64)>,
    pub time: u64,
    pub panic: String,
}

impl Log for Echo {
    fn write(&mut self, caller: Caller, level: Level, text: &str) -> Result<(), LogError> {
        if text.len() > crate::log::MAX_TEXT {
            return Err(LogError::Full);
        }
        self.records.push(Record {
            sequence: self.records.len() as u64 + 1,
            time_ns: 5,
            source: format!("badge {}", caller.badge),
            level,
            text: text.into(),
        });
        Ok(())
    }

    fn read(&mut self, _caller: Caller, after: u64, records: WriteLease<'_>) -> Result<u32, LogError> {
        let newer = self.records.iter().filter(|record| record.sequence > after);
        let bytes: Vec<u8> = newer.flat_map(|record| postcard::to_allocvec(record).unwrap()).collect();
        records.write(0, &bytes).map_err(|_| LogError::BufferTooSmall)?;
        Ok(bytes.len() as u32)
    }

    fn wait(&mut self, _caller: Caller, after: u64, reply: Deferred<u64, LogError>) {
        let newest = self.records.len() as u64;
        if newest > after {
            reply.send(Ok(newest)).unwrap();
        }
    }

    fn set_level(&mut self, _caller: Caller, source: &str, level: Level) -> Result<(), LogError> {
        match (source, level) {
            ("known", Level::Debug) => Ok(()),
            _ => Err(LogError::UnknownSource),
        }
    }

    fn levels(&mut self, _caller: Caller, cursor: u32) -> Result<Vec<SourceLevel>, LogError> {
        let all = (0..30).map(|index| SourceLevel { source: format!("source {index}"), level: Level::Warn });
        Ok(all.skip(cursor as usize).collect())
    }

    fn register(&mut self, caller: Caller, badge: u64, name: &str) -> Result<(), LogError> {
        if caller.badge == 0 && badge == 7 && name == "seven" { Ok(()) } else { Err(LogError::NotAllowed) }
    }
}

impl Console for Echo {
    fn write(&mut self, _caller: Caller, bytes: SavedLease, reply: Deferred<u32, ConsoleError>) {
        self.screen = vec![0; bytes.len()];
        let read = reply.read(bytes, 0, &mut self.screen);
        let result = read.map(|()| bytes.len() as u32);
        reply.send(result.map_err(|_| ConsoleError::BadBuffer)).unwrap();
    }

    fn flush(&mut self, _caller: Caller, reply: Deferred<(), ConsoleError>) {
        reply.send(Err(ConsoleError::Device)).unwrap();
    }

    fn read(&mut self, _caller: Caller, bytes: SavedLease, reply: Deferred<u32, ConsoleError>) {
        let result = if bytes.is_empty() {
            Err(ConsoleError::BadBuffer)
        } else {
            let written = reply.write(bytes, 0, b"k");
            written.map(|()| 1).map_err(|_| ConsoleError::BadBuffer)
        };
        reply.send(result).unwrap();
    }

    fn size(&mut self, _caller: Caller) -> Result<Size, ConsoleError> {
        Ok(Size { columns: 80, rows: 25 })
    }

    fn set_mode(&mut self, _caller: Caller, mode: Mode) -> Result<(), ConsoleError> {
        self.mode = Some(mode);
        Ok(())
    }

    fn interrupt_signal(&mut self, _caller: Caller, signal: Option<Signal>, bits: u64) -> Result<(), ConsoleError> {
        self.interrupt = Some((signal, bits));
        Ok(())
    }
}

impl Clock for Echo {
    fn now(&mut self, _caller: Caller) -> Result<u64, ClockError> {
        Ok(self.time)
    }

    fn set(&mut self, caller: Caller, unix_ns: u64) -> Result<(), ClockError> {
        if caller.badge != 0 {
            return Err(ClockError::NotAllowed);
        }
        self.time = unix_ns;
        Ok(())
    }
}

impl Power for Echo {
    fn off(&mut self, _caller: Caller) -> Result<(), PowerError> {
        Err(PowerError::Unsupported)
    }

    fn reboot(&mut self, _caller: Caller) -> Result<(), PowerError> {
        Err(PowerError::Failed)
    }
}

pub fn entry(id: u32) -> ProcessEntry {
    ProcessEntry {
        id,
        name: format!("process-{id}"),
        state: State::AwaitingReply,
        priority: 100,
        cpu_ns: u64::MAX,
        memory_bytes: 1 << 40,
        handles: 12,
        threads: 2,
        restarts: 3,
        kind: Kind::Component,
        processor: Some(63),
        budget: Some(BudgetUse { time_ns: u64::MAX, period_ns: u64::MAX, overruns: u64::MAX }),
        number: Some(u32::MAX),
    }
}

pub fn handle_entry(handle: u32) -> HandleEntry {
    HandleEntry { handle, kind: 3, rights: 0x7ff, badge: 5, object: 77, name: "log".into() }
}

pub fn memory() -> Memory {
    Memory {
        total_bytes: 1 << 30,
        used_bytes: 1 << 20,
        objects: (0..9).map(|kind| ObjectCount { kind, used: 1000, capacity: 1_000_000 }).collect(),
        processors: 64,
        idle_ns: u64::MAX,
    }
}

impl Process for Echo {
    fn programs(&mut self, _caller: Caller, cursor: u32) -> Result<Vec<String>, ProcessError> {
        let all = ["echo", "hello"].into_iter().map(String::from);
        Ok(all.skip(cursor as usize).collect())
    }

    fn run(
        &mut self,
        _caller: Caller,
        program: &str,
        arguments: Vec<String>,
        terms: Terms,
        files: Option<Vec<FileGrant>>,
        console: Option<Port>,
    ) -> Result<u32, ProcessError> {
        if let Some([refused]) = files.as_deref() {
            return Err(ProcessError::FilesNotGranted(refused.clone()));
        }
        if terms.priority == Some(200) {
            return Err(ProcessError::NotAdmitted(NotAdmitted::NeedsBudget(40)));
        }
        match (program, console) {
            ("echo", Some(console)) => Ok(console.raw().0 + arguments.len() as u32),
            ("hello", None) => Ok(arguments.iter().map(|text| text.len() as u32).sum()),
            _ => Err(ProcessError::Kernel(7)),
        }
    }

    fn wait(&mut self, _caller: Caller, id: u32, reply: Deferred<ExitStatus, ProcessError>) {
        let result = match id {
            1 => Ok(ExitStatus::Exited(-5)),
            2 => Ok(ExitStatus::Faulted),
            _ => Err(ProcessError::UnknownProcess),
        };
        reply.send(result).unwrap();
    }

    fn kill(&mut self, _caller: Caller, process: &str) -> Result<(), ProcessError> {
        (process == "9").then_some(()).ok_or(ProcessError::UnknownProcess)
    }

    fn restart(&mut self, _caller: Caller, name: &str) -> Result<(), ProcessError> {
        (name == "log").then_some(()).ok_or(ProcessError::UnknownProcess)
    }

    fn list(&mut self, _caller: Caller, cursor: u32) -> Result<Vec<ProcessEntry>, ProcessError> {
        Ok((cursor..20).map(entry).collect())
    }

    fn handles(&mut self, _caller: Caller, process: &str, cursor: u32) -> Result<Vec<HandleEntry>, ProcessError> {
        if process != "log" {
            return Err(ProcessError::UnknownProcess);
        }
        Ok((cursor..3).map(handle_entry).collect())
    }

    fn memory(&mut self, _caller: Caller) -> Result<Memory, ProcessError> {
        Ok(memory())
    }

    fn trace(
        &mut self,
        _caller: Caller,
        processor: u32,
        sequence: u64,
        events: WriteLease<'_>,
    ) -> Result<Traced, ProcessError> {
        events.write(0, &sequence.to_le_bytes()).map_err(|_| ProcessError::NotAllowed)?;
        Ok(Traced { first: sequence, count: processor })
    }
}

impl Supervisor for Echo {
    fn list(&mut self, _caller: Caller, cursor: u32) -> Result<Vec<ProcessEntry>, SupervisorError> {
        Ok((cursor..2).map(entry).collect())
    }

    fn handles(&mut self, _caller: Caller, name: &str, cursor: u32) -> Result<Vec<HandleEntry>, SupervisorError> {
        if name.is_empty() {
            return Err(SupervisorError::UnknownComponent);
        }
        Ok((cursor..3).map(handle_entry).collect())
    }

    fn kill(&mut self, caller: Caller, _name: &str) -> Result<(), SupervisorError> {
        if caller.badge != 0 {
            return Err(SupervisorError::NotAllowed);
        }
        Ok(())
    }

    fn restart(&mut self, _caller: Caller, _name: &str) -> Result<(), SupervisorError> {
        Err(SupervisorError::Kernel(16))
    }

    fn memory(&mut self, _caller: Caller) -> Result<Memory, SupervisorError> {
        Ok(memory())
    }

    fn report_panic(&mut self, caller: Caller, message: &str, file: &str, line: u32) -> Result<(), SupervisorError> {
        self.panic = format!("{} {file}:{line}: {message}", caller.badge);
        Ok(())
    }

    fn introduce(&mut self, _caller: Caller, id: u32, _name: &str) -> Result<(), SupervisorError> {
        if id <= 1000 {
            return Err(SupervisorError::BadNumber);
        }
        Ok(())
    }

    fn release(&mut self, _caller: Caller, _id: u32) -> Result<(), SupervisorError> {
        Ok(())
    }

    fn admit(&mut self, _caller: Caller, id: u32, files: Vec<FileGrant>) -> Result<Port, SupervisorError> {
        match files.len() {
            0 => Err(SupervisorError::NoFiles),
            count => Ok(Port::from_raw(airox_abi::Handle(id + count as u32))),
        }
    }

    fn answer(&mut self, _caller: Caller) -> Result<(), SupervisorError> {
        Ok(())
    }
}
