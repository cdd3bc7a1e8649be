//! The interface `supervisor` over the drivers: what init offers for components, for the process server to merge; and where drivers
//! report their panics.

use airox_api::Caller;
use airox_api::files::FileGrant;
use airox_api::process::{HandleEntry, Kind, Memory, ProcessEntry, State as ProcessState};
use airox_api::supervisor::{Supervisor, SupervisorError};
use airox_bundle::system::Grant;
use airox_rt::Port;
use airox_spawn::Kernel;
use airox_spawn::describe::{self, Identity};
use airox_supervise::component::State;
use airox_supervise::restart::End;
use alloc::vec::Vec;

use crate::Requests;
use crate::manager::Manager;
use crate::platform::Platform;

impl<K: Kernel, P: Platform, W> Manager<'_, K, P, W> {
    /// Whether the component of this badge may control others.
    fn authorise(&self, caller: Caller) -> Result<(), SupervisorError> {
        let component = caller.badge.checked_sub(1).and_then(|index| self.site.system.components.get(index as usize));
        let may = component.is_some_and(|component| component.grants.contains(&Grant::Supervisor));
        if may { Ok(()) } else { Err(SupervisorError::NotAllowed) }
    }

    /// The device whose driver has this name or number.
    fn target(&self, caller: Caller, name: &str) -> Result<usize, SupervisorError> {
        self.authorise(caller)?;
        let number = name.parse::<u32>().ok();
        let mut slots = self.slots.iter().map(|slot| slot.driving.as_ref());
        slots
            .position(|driving| driving.is_some_and(|it| it.name == name || Some(it.number) == number))
            .ok_or(SupervisorError::UnknownComponent)
    }
}

impl<K: Kernel, P: Platform, W> Supervisor for Requests<'_, Manager<'_, K, P, W>> {
    fn list(&mut self, caller: Caller, cursor: u32) -> Result<Vec<ProcessEntry>, SupervisorError> {
        self.0.authorise(caller)?;
        let kernel = &mut self.0.kernel;
        let driving = self.0.slots.iter().filter_map(|slot| slot.driving.as_ref());
        let entries = driving.skip(cursor as usize).take(describe::MAX_ENTRIES).map(|it| {
            let component = &it.component;
            let (id, restarts) = (it.number, component.restarts);
            let identity = Identity { id, name: &it.name, kind: Kind::Component, restarts };
            let instance = component.instance.as_ref();
            let info = instance.and_then(|instance| kernel.process_info(instance.process).ok());
            let thread = instance.map(|instance| instance.thread);
            let mut entry = identity.entry(kernel, &info.unwrap_or_default(), thread, None);
            if info.is_none() {
                entry.priority = it.record.component.priority;
                let waits = matches!(component.state, State::Waiting { .. });
                entry.state = if waits { ProcessState::Restarting } else { ProcessState::Dead };
            }
            entry
        });
        Ok(entries.collect())
    }

    fn handles(&mut self, caller: Caller, name: &str, cursor: u32) -> Result<Vec<HandleEntry>, SupervisorError> {
        let index = self.0.target(caller, name)?;
        let driving = self.0.slots[index].driving.as_ref();
        let instance = driving.and_then(|it| it.component.instance.as_ref()).ok_or(SupervisorError::NotRunning)?;
        Ok(describe::handles(&mut self.0.kernel, instance.process, &instance.granted, cursor)?)
    }

    fn kill(&mut self, caller: Caller, name: &str) -> Result<(), SupervisorError> {
        let index = self.0.target(caller, name)?;
        let driving = self.0.slots[index].driving.as_ref();
        if driving.is_none_or(|it| it.component.instance.is_none()) {
            return Err(SupervisorError::NotRunning);
        }
        self.0.ended(index, End::Killed);
        Ok(())
    }

    fn restart(&mut self, caller: Caller, name: &str) -> Result<(), SupervisorError> {
        let index = self.0.target(caller, name)?;
        if self.0.slots[index].driving.as_ref().is_none_or(|it| it.unusable.is_some()) {
            return Err(SupervisorError::NotRestartable);
        }
        Ok(self.0.restart(index)?)
    }

    fn memory(&mut self, _caller: Caller) -> Result<Memory, SupervisorError> {
        Err(SupervisorError::NotAllowed)
    }

    fn report_panic(&mut self, caller: Caller, message: &str, file: &str, line: u32) -> Result<(), SupervisorError> {
        self.0.panicked(caller.badge, message, file, line);
        Ok(())
    }

    fn introduce(&mut self, _caller: Caller, _id: u32, _name: &str) -> Result<(), SupervisorError> {
        Err(SupervisorError::NotAllowed)
    }

    fn release(&mut self, _caller: Caller, _id: u32) -> Result<(), SupervisorError> {
        Err(SupervisorError::NotAllowed)
    }

    fn admit(&mut self, _caller: Caller, _id: u32, _files: Vec<FileGrant>) -> Result<Port, SupervisorError> {
        Err(SupervisorError::NotAllowed)
    }

    fn answer(&mut self, _caller: Caller) -> Result<(), SupervisorError> {
        Ok(())
    }
}
