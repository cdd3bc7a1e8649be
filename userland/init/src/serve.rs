//! The `supervisor` interface over the supervisor.

use alloc::vec::Vec;

use airox_abi::Handle;
use airox_api::Caller;
use airox_api::files::FileGrant;
use airox_api::process::{HandleEntry, Kind, Memory, ProcessEntry, State as ProcessState};
use airox_api::supervisor::{self, SupervisorError};
use airox_spawn::Kernel;
use airox_spawn::describe::{self, Identity};
use airox_sys::{Port, TypedHandle};

use crate::component::State;
use crate::house::{House, number};
use crate::journal::Journal;
use crate::requests::Refusal;
use crate::supervisor::Supervisor;

impl From<Refusal> for SupervisorError {
    fn from(refusal: Refusal) -> SupervisorError {
        match refusal {
            Refusal::NotPermitted => SupervisorError::NotAllowed,
            Refusal::UnknownComponent => SupervisorError::UnknownComponent,
            Refusal::NotRunning => SupervisorError::NotRunning,
            Refusal::NotRestartable => SupervisorError::NotRestartable,
            Refusal::BadBadge => SupervisorError::BadNumber,
            Refusal::TooMany => SupervisorError::Full,
            Refusal::NoFiles => SupervisorError::NoFiles,
            Refusal::Kernel(error) => error.into(),
        }
    }
}

impl<K: Kernel, J: Journal> supervisor::Supervisor for Supervisor<'_, K, J> {
    fn list(&mut self, caller: Caller, cursor: u32) -> Result<Vec<ProcessEntry>, SupervisorError> {
        self.authorise(caller.badge)?;
        let (kernel, house) = (&mut self.kernel, &self.house);
        // Init itself comes last.
        let last = house.components.len();
        let range = cursor as usize..=last;
        let entries = range
            .take(describe::MAX_ENTRIES)
            .map(|index| if index < last { component_entry(kernel, house, index) } else { init_entry(kernel, house) });
        Ok(entries.collect())
    }

    fn handles(&mut self, caller: Caller, name: &str, cursor: u32) -> Result<Vec<HandleEntry>, SupervisorError> {
        let index = self.target(caller.badge, name)?;
        let instance = self.house.components[index].instance.as_ref();
        let instance = instance.ok_or(SupervisorError::NotRunning)?;
        let (process, granted) = (instance.process, &instance.granted);
        let handles = describe::handles(&mut self.kernel, process, granted, cursor)?;
        Ok(handles)
    }

    fn kill(&mut self, caller: Caller, name: &str) -> Result<(), SupervisorError> {
        Ok(Supervisor::kill(self, caller.badge, name)?)
    }

    fn restart(&mut self, caller: Caller, name: &str) -> Result<(), SupervisorError> {
        Ok(Supervisor::restart(self, caller.badge, name)?)
    }

    fn memory(&mut self, caller: Caller) -> Result<Memory, SupervisorError> {
        self.authorise(caller.badge)?;
        Ok(describe::memory(&mut self.kernel, self.house.authority.machine)?)
    }

    fn report_panic(&mut self, caller: Caller, message: &str, file: &str, line: u32) -> Result<(), SupervisorError> {
        self.panicked(caller.badge, message, file, line);
        Ok(())
    }

    fn introduce(&mut self, caller: Caller, id: u32, name: &str) -> Result<(), SupervisorError> {
        Ok(Supervisor::introduce(self, caller.badge, u64::from(id), name)?)
    }

    fn release(&mut self, caller: Caller, id: u32) -> Result<(), SupervisorError> {
        Ok(Supervisor::release(self, caller.badge, u64::from(id))?)
    }

    fn admit(&mut self, caller: Caller, id: u32, files: Vec<FileGrant>) -> Result<Port, SupervisorError> {
        Ok(Port::from_raw(Supervisor::admit(self, caller.badge, u64::from(id), &files)?))
    }

    fn answer(&mut self, _caller: Caller) -> Result<(), SupervisorError> {
        Ok(())
    }
}

fn component_entry<K: Kernel>(kernel: &mut K, house: &House<'_>, index: usize) -> ProcessEntry {
    let (record, component) = (&house.system.components[index], &house.components[index]);
    let identity =
        Identity { id: number(index) as u32, name: &record.name, kind: Kind::Component, restarts: component.restarts };
    let instance = component.instance.as_ref();
    let info = instance.and_then(|instance| kernel.process_info(instance.process).ok());
    let budget = instance.and_then(|instance| instance.budget);
    let thread = instance.map(|instance| instance.thread);
    let mut entry = identity.entry(kernel, &info.unwrap_or_default(), thread, budget);
    if info.is_none() {
        entry.priority = record.priority;
        entry.state = match component.state {
            State::Waiting { .. } => ProcessState::Restarting,
            State::New | State::Running | State::Stopped | State::Failed => ProcessState::Dead,
        };
    }
    entry
}

fn init_entry<K: Kernel>(kernel: &mut K, house: &House<'_>) -> ProcessEntry {
    let identity = Identity { id: 0, name: house.bundle.root_program(), kind: Kind::Root, restarts: 0 };
    let info = kernel.process_info(house.authority.own_process);
    // This is one of its threads.
    identity.entry(kernel, &info.unwrap_or_default(), Some(Handle::NONE), None)
}
