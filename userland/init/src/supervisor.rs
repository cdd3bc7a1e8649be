//! Starting, watching, restarting and burying components.

use alloc::format;
use alloc::vec::Vec;
use core::fmt;

use airox_abi::message::WORDS;
use airox_abi::time::MAX_PROCESSORS;
use airox_abi::{Error, Handle, Rights};
use airox_api::wire::interface_id;
use airox_bundle::Bundle;
use airox_bundle::system::{self, Resource, RestartPolicy, System};
use airox_spawn::{Kernel, QuotaSource, SpawnRequest};
use airox_supervise::{StartError, Watch, next_wake, time_request};

use crate::component::{Component, Instance, ServedPort, State};
use crate::house::{Authority, House, number};
use crate::journal::{Journal, Severity};
use crate::plan::Plan;
use crate::resources::{Firmware, mint};
use crate::restart::{Decision, End};

/// The bit of init's signal that its timer sets; the others say that a component ended.
pub const TIMER_BIT: u64 = 1;

/// A program that a component made. The kernel ends it with its maker.
#[derive(Clone, Debug)]
pub(crate) struct Ward {
    /// Index of the component.
    pub owner: usize,
    /// Its badge at the log.
    pub badge: u64,
}

/// The supervisor: all of init but its wiring.
pub struct Supervisor<'a, K, J> {
    pub(crate) kernel: K,
    pub(crate) journal: J,
    pub(crate) house: House<'a>,
    pub(crate) wards: Vec<Ward>,
}

impl<'a, K: Kernel, J: Journal> Supervisor<'a, K, J> {
    /// A supervisor for this system; nothing is made yet.
    pub fn new(
        kernel: K,
        journal: J,
        bundle: Bundle<'a>,
        bundle_bytes: &'a [u8],
        system: &'a System,
        plan: Plan,
        authority: Authority,
    ) -> Supervisor<'a, K, J> {
        let components = system.components.iter().map(|_| Component::new());
        Supervisor {
            kernel,
            journal,
            house: House {
                bundle,
                bundle_bytes,
                system,
                plan,
                authority,
                processors: 1,
                components: components.collect(),
            },
            wards: Vec::new(),
        }
    }

    /// The kernel.
    pub fn kernel(&mut self) -> &mut K {
        &mut self.kernel
    }

    /// The system as it is now.
    pub fn house(&self) -> &House<'a> {
        &self.house
    }

    /// Makes every port and mints every resource. A component whose resources or processor the machine does not have
    /// is reported and will not run; the others can do without it.
    ///
    /// # Errors
    /// Init's own quota is too small for the ports and handles.
    pub fn prepare(&mut self, machine: Handle, firmware: &Firmware<'_>) -> Result<(), Error> {
        let processors = self.kernel.kernel_info(self.house.authority.machine)?.processors;
        self.house.processors = processors.clamp(1, u64::from(MAX_PROCESSORS)) as u32;
        let (there, needed) = (self.house.processors, self.house.system.processors);
        if there < needed {
            let text = format!("this system is made for {needed} processors, and the machine has {there}");
            self.journal.say(Severity::Warning, &text);
        }
        for (index, record) in self.house.system.components.iter().enumerate() {
            let badge = number(index);
            let rights = Rights::SEND | Rights::COPY;
            let component = &mut self.house.components[index];
            component.supervisor = self.kernel.handle_copy(self.house.authority.port, rights, badge)?;
            for interface in &record.provides {
                let port = ServedPort::create(&mut self.kernel, interface_id(interface).into())?;
                component.ports.push(port);
            }
        }
        // Who gets all ports and interrupts that nobody else has comes last.
        let components = self.house.system.components.iter().enumerate();
        let takes_the_rest =
            |record: &system::Component| record.resources.iter().any(|it| matches!(it, Resource::Pci { .. }));
        let (last, first): (Vec<_>, Vec<_>) = components.partition(|(_, record)| takes_the_rest(record));
        for (index, record) in first.into_iter().chain(last) {
            match mint(&mut self.kernel, machine, firmware, &record.resources) {
                Ok(owned) => self.house.components[index].owned = owned,
                Err(error) => self.cannot_run(index, &error),
            }
            if self.house.components[index].state == State::New
                && let Some(why) = self.house.lacks_processor(index)
            {
                self.cannot_run(index, &why);
            }
        }
        Ok(())
    }

    /// This machine lacks what a component needs.
    fn cannot_run(&mut self, index: usize, why: &dyn fmt::Display) {
        let text = format!("`{}` cannot run on this machine: {why}", self.house.system.components[index].name);
        self.journal.say(Severity::Error, &text);
        self.end_for_good(index, State::Failed);
    }

    /// Starts every component, in order.
    pub fn start_all(&mut self) {
        // Its own messages come through the unbadged handle.
        self.journal.name(0, self.house.bundle.root_program());
        for index in 0..self.house.components.len() {
            if self.house.components[index].state == State::New {
                self.start(index);
            }
        }
    }

    /// A signal arrived: time passed, or processes ended.
    pub fn signalled(&mut self, bits: u64) {
        if bits & !TIMER_BIT != 0 {
            for index in 0..self.house.components.len() {
                if bits & exit_bit(index) != 0 {
                    self.check_end(index);
                }
            }
        }
        if bits & TIMER_BIT != 0 {
            let now = self.kernel.now();
            for index in 0..self.house.components.len() {
                if self.house.components[index].is_due(now) {
                    self.house.components[index].restarts += 1;
                    self.start(index);
                }
            }
            self.set_timer();
        }
    }

    /// A thread of a component faulted. Its process is dead when this returns.
    pub fn faulted(&mut self, badge: u64, label: u16, words: &[u64; WORDS]) {
        let Some(index) = self.house.index_of(badge) else {
            return;
        };
        let (component, symbols) = (&self.house.components[index], self.house.symbols(index));
        let name = &self.house.system.components[index].name;
        let Some(report) = component.fault_report(&mut self.kernel, name, symbols, label, words) else {
            return;
        };
        self.journal.say(Severity::Error, &report);
        self.ended(index, End::Faulted);
    }

    /// A component says that it panicked; it is about to exit.
    pub fn panicked(&mut self, badge: u64, message: &str, file: &str, line: u32) {
        let Some(index) = self.house.index_of(badge) else {
            return;
        };
        let name = &self.house.system.components[index].name;
        if let Some(text) = self.house.components[index].panic_report(name, message, file, line) {
            self.journal.say(Severity::Error, &text);
        }
    }

    /// Starts a component; if that fails, it counts as one of its failures.
    pub(crate) fn start(&mut self, index: usize) {
        let record = &self.house.system.components[index];
        match self.try_start(index) {
            Ok(instance) => {
                self.house.components[index].started(instance);
                self.journal.name(number(index), &record.name);
                if let Some(log) = self.house.log_port().filter(|_| self.house.is_log(index)) {
                    self.journal.log_started(log);
                }
                if let Some(files) = self.house.files_port().filter(|_| self.house.is_files(index)) {
                    self.journal.files_started(files);
                }
                if self.house.uses_files(index) {
                    self.journal.admit(number(index), &record.files);
                }
                if record.restart.policy == RestartPolicy::Never {
                    // Nobody will need them again: what it holds is now the only copy.
                    self.house.components[index].close_resources(&mut self.kernel);
                }
            }
            Err(error) => {
                let text = format!("`{}` could not be started: {error}", record.name);
                self.journal.say(Severity::Error, &text);
                self.ended(index, End::NotStarted);
            }
        }
    }

    fn try_start(&mut self, index: usize) -> Result<Instance, StartError> {
        let record = &self.house.system.components[index];
        let program = self.house.program(index).ok_or(StartError::NoProgram)?;
        let (parent, limits) = (self.house.authority.quota, self.house.limits(index));
        let quota = Component::carve(&mut self.kernel, parent, &limits)?;
        let names = self.house.served_names(index);
        let request = SpawnRequest {
            bundle: self.house.authority.bundle,
            bundle_bytes: self.house.bundle_bytes,
            program: &program,
            name: &record.name,
            arguments: &self.house.arguments(index),
            quota: QuotaSource::Given(quota),
            grants: &self.house.grants(index, quota, &names),
            priority: record.priority,
            max_priority: record.max_priority,
            stack_bytes: record.stack,
            heap_bytes: record.heap,
            fault_port: self.house.components[index].supervisor,
            log_level: airox_api::log::Level::Info,
            time: time_request(&record.time, self.house.processors_of(index)),
        };
        let watch = Watch { signal: self.house.authority.signal, bits: exit_bit(index) };
        Instance::launch(&mut self.kernel, quota, &request, watch)
    }

    /// A component's process may have ended by itself.
    fn check_end(&mut self, index: usize) {
        if let Some(end) = self.house.components[index].end_of_instance(&mut self.kernel) {
            self.ended(index, end);
        }
    }

    /// Buries a component that ended and decides what becomes of it.
    pub(crate) fn ended(&mut self, index: usize, end: End) {
        self.bury(index);
        let now = self.kernel.now();
        let record = &self.house.system.components[index];
        let verdict = self.house.components[index].judge(&record.name, &record.restart, end, now);
        self.journal.say(verdict.severity, &verdict.text);
        match verdict.decision {
            Decision::RestartAt(_) => {}
            Decision::Stop => self.end_for_good(index, State::Stopped),
            Decision::GiveUp => self.end_for_good(index, State::Failed),
        }
        self.set_timer();
    }

    /// Destroys a component's process, and the programs it made with it.
    pub(crate) fn bury(&mut self, index: usize) {
        self.house.components[index].destroy(&mut self.kernel);
        let journal = &mut self.journal;
        if self.house.uses_files(index) {
            journal.release(number(index));
        }
        self.wards.retain(|ward| {
            let is_alive = ward.owner != index;
            if !is_alive {
                journal.forget(ward.badge);
                journal.release(ward.badge);
            }
            is_alive
        });
    }

    /// Nobody serves the component's ports any more.
    fn end_for_good(&mut self, index: usize, state: State) {
        let component = &mut self.house.components[index];
        component.state = state;
        component.close_ports(&mut self.kernel);
        if self.house.is_log(index) {
            self.journal.log_ended();
        }
        if self.house.is_files(index) {
            self.journal.files_ended();
        }
    }

    /// Asks for a signal when the next component is to be restarted.
    pub(crate) fn set_timer(&mut self) {
        let next = next_wake(self.house.components.iter());
        let set = self.kernel.timer_set(self.house.authority.signal, next, TIMER_BIT);
        debug_assert_eq!(set, Ok(()), "init's own signal");
    }
}

/// The bit that says that a component ended. Beyond 63 components several share one.
const fn exit_bit(index: usize) -> u64 {
    1 << (1 + index % 63)
}
