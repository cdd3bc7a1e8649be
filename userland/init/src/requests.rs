//! What components may ask of init.

use alloc::format;

use airox_abi::{Error, Handle, Rights};
use airox_bundle::system::{FileGrant, Grant, RestartPolicy};
use airox_spawn::Kernel;

use crate::journal::{Journal, Severity};
use crate::restart::End;
use crate::supervisor::{Supervisor, Ward};

/// Most programs that can be introduced at a time.
pub const MAX_WARDS: usize = 256;
/// First badge of a ward: smaller ones are components.
pub const FIRST_WARD: u64 = 1001;

/// Why a request of a component was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It has not been granted this.
    NotPermitted,
    /// No component has that name.
    UnknownComponent,
    /// The component does not run.
    NotRunning,
    /// The component's policy is never to start it again, and what it owned is gone; or its processor is not there.
    NotRestartable,
    /// The badge belongs to a component, or is taken.
    BadBadge,
    /// Too many programs are introduced.
    TooMany,
    /// The system has no file service.
    NoFiles,
    /// The kernel refused.
    Kernel(Error),
}

impl<K: Kernel, J: Journal> Supervisor<'_, K, J> {
    /// Kills a component, which counts as a failure of it.
    ///
    /// # Errors
    /// The caller may not, or there is nothing to kill.
    pub fn kill(&mut self, caller: u64, name: &str) -> Result<(), Refusal> {
        let index = self.target(caller, name)?;
        if self.house.components[index].instance.is_none() {
            return Err(Refusal::NotRunning);
        }
        self.ended(index, End::Killed);
        Ok(())
    }

    /// Ends a component, if it runs, and starts it at once; its past failures are forgiven.
    ///
    /// # Errors
    /// The caller may not, or the component can't be started again.
    pub fn restart(&mut self, caller: u64, name: &str) -> Result<(), Refusal> {
        let index = self.target(caller, name)?;
        let record = &self.house.system.components[index];
        if record.restart.policy == RestartPolicy::Never || self.house.lacks_processor(index).is_some() {
            return Err(Refusal::NotRestartable);
        }
        if self.house.components[index].owned.handles.is_empty() && !record.resources.is_empty() {
            return Err(Refusal::NotRestartable);
        }
        self.bury(index);
        let component = &mut self.house.components[index];
        component.history.forgive();
        component.restarts += 1;
        component.reopen_ports(&mut self.kernel).map_err(Refusal::Kernel)?;
        let text = format!("`{name}` is restarted by hand");
        self.journal.say(Severity::Info, &text);
        self.start(index);
        self.set_timer();
        Ok(())
    }

    /// A component made a program that writes to the log with this badge.
    ///
    /// # Errors
    /// The caller may not, the badge can't be used, or there are too many.
    pub fn introduce(&mut self, caller: u64, badge: u64, name: &str) -> Result<(), Refusal> {
        let owner = self.authorise(caller)?;
        if badge < FIRST_WARD || self.wards.iter().any(|ward| ward.badge == badge) {
            return Err(Refusal::BadBadge);
        }
        if self.wards.len() >= MAX_WARDS {
            return Err(Refusal::TooMany);
        }
        self.wards.push(Ward { owner, badge });
        self.journal.name(badge, name);
        Ok(())
    }

    /// The program with this badge has ended.
    ///
    /// # Errors
    /// The caller has no such ward.
    pub fn release(&mut self, caller: u64, badge: u64) -> Result<(), Refusal> {
        let owner = self.authorise(caller)?;
        let position =
            self.wards.iter().position(|ward| ward.owner == owner && ward.badge == badge).ok_or(Refusal::BadBadge)?;
        let ward = self.wards.swap_remove(position);
        self.journal.forget(ward.badge);
        self.journal.release(ward.badge);
        Ok(())
    }

    /// A program that was introduced may use these files: its handle to the file service, to be passed on to it.
    ///
    /// # Errors
    /// The caller has no such ward, or the system no file service.
    pub fn admit(&mut self, caller: u64, badge: u64, files: &[FileGrant]) -> Result<Handle, Refusal> {
        let owner = self.authorise(caller)?;
        if !self.wards.iter().any(|ward| ward.owner == owner && ward.badge == badge) {
            return Err(Refusal::BadBadge);
        }
        let port = self.house.files_port().ok_or(Refusal::NoFiles)?;
        let handle = self.kernel.handle_copy(port, Rights::SEND | Rights::COPY, badge).map_err(Refusal::Kernel)?;
        self.journal.admit(badge, files);
        Ok(handle)
    }

    /// The component of this name, if the caller may control it.
    ///
    /// # Errors
    /// It may not, or there is none.
    pub fn target(&self, caller: u64, name: &str) -> Result<usize, Refusal> {
        self.authorise(caller)?;
        let mut components = self.house.system.components.iter();
        components.position(|record| record.name == name).ok_or(Refusal::UnknownComponent)
    }

    /// Whether a caller may control others: its index, if so.
    ///
    /// # Errors
    /// [`Refusal::NotPermitted`].
    pub fn authorise(&self, caller: u64) -> Result<usize, Refusal> {
        let index = self.house.index_of(caller).ok_or(Refusal::NotPermitted)?;
        let grants = &self.house.system.components[index].grants;
        if grants.contains(&Grant::Supervisor) { Ok(index) } else { Err(Refusal::NotPermitted) }
    }
}
