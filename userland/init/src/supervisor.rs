//! Starting, watching, restarting and burying components.

use alloc::format;
use alloc::vec::Vec;
use core::fmt;

use airox_abi::info::ThreadState;
use airox_abi::message::WORDS;
use airox_abi::time::MAX_PROCESSORS;
use airox_abi::{BudgetFlags, Error, Handle, Rights};
use airox_api::start::EXIT_NO_DEVICE;
use airox_api::wire::interface_id;
use airox_bundle::Bundle;
use airox_bundle::system::{OnOverrun, RestartPolicy, System, Time};
use airox_spawn::fault::{self, Fault, Victim};
use airox_spawn::{BudgetRequest, Kernel, QuotaSource, SpawnError, SpawnRequest, TimeRequest};

use crate::close;
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

/// Why a component could not be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StartError {
    Spawn(SpawnError),
    Kernel(&'static str, Error),
    NoProgram,
}

impl fmt::Display for StartError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Spawn(error) => write!(formatter, "{error}"),
            StartError::Kernel(step, error) => write!(formatter, "cannot {step}: {error}"),
            StartError::NoProgram => formatter.write_str("its program is not in the bundle"),
        }
    }
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
            match mint(&mut self.kernel, machine, firmware, &record.resources) {
                Ok(owned) => component.owned = owned,
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
                if matches!(self.house.components[index].state, State::Waiting { until } if until <= now) {
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
        let Some(instance) = &self.house.components[index].instance else {
            return;
        };
        let record = &self.house.system.components[index];
        let victim = Victim {
            name: &record.name,
            process: instance.process,
            thread: instance.thread,
            stack_base: instance.stack_base,
            symbols: self.house.symbols(index),
        };
        let fault = Fault::from_message(label, words);
        let report = fault::report(&mut self.kernel, &victim, &fault);
        self.journal.say(Severity::Error, &report);
        self.ended(index, End::Faulted);
    }

    /// A component says that it panicked; it is about to exit.
    pub fn panicked(&mut self, badge: u64, message: &str, file: &str, line: u32) {
        let Some(index) = self.house.index_of(badge) else {
            return;
        };
        if let Some(instance) = &mut self.house.components[index].instance {
            instance.panicked = true;
            let name = &self.house.system.components[index].name;
            let text = format!("`{name}` panicked at {file}:{line}: {message}");
            self.journal.say(Severity::Error, &text);
        }
    }

    /// Starts a component; if that fails, it counts as one of its failures.
    pub(crate) fn start(&mut self, index: usize) {
        let record = &self.house.system.components[index];
        match self.try_start(index) {
            Ok(instance) => {
                self.house.components[index].instance = Some(instance);
                self.house.components[index].state = State::Running;
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
        let quota = self
            .kernel
            .quota_create(self.house.authority.quota, &self.house.limits(index))
            .map_err(|error| StartError::Kernel("carve its quota", error))?;
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
        let spawned = match airox_spawn::spawn(&mut self.kernel, &request) {
            Ok(spawned) => spawned,
            Err(error) => {
                close(&mut self.kernel, quota);
                return Err(StartError::Spawn(error));
            }
        };
        // Its end is told even if it ended before it was watched.
        let watched = self.kernel.process_watch(spawned.process, self.house.authority.signal, exit_bit(index));
        let instance = Instance {
            process: spawned.process,
            thread: spawned.thread,
            quota,
            budget: spawned.budget,
            stack_base: spawned.stack_base,
            granted: spawned.granted,
            panicked: false,
        };
        if let Err(error) = watched {
            // `ended` destroys it.
            self.house.components[index].instance = Some(instance);
            return Err(StartError::Kernel("watch it", error));
        }
        Ok(instance)
    }

    /// A component's process may have ended by itself.
    fn check_end(&mut self, index: usize) {
        let Some(instance) = &self.house.components[index].instance else {
            return;
        };
        let Ok(info) = self.kernel.process_info(instance.process) else {
            return;
        };
        if info.state != ThreadState::Dead as u8 {
            return;
        }
        let end = if instance.panicked {
            End::Panicked
        } else if info.faulted != 0 {
            End::Faulted
        } else {
            End::Exited(info.exit_code)
        };
        self.ended(index, end);
    }

    /// Buries a component that ended and decides what becomes of it.
    pub(crate) fn ended(&mut self, index: usize, end: End) {
        self.bury(index);
        let now = self.kernel.now();
        let record = &self.house.system.components[index];
        let component = &mut self.house.components[index];
        let why = match end {
            End::Exited(EXIT_NO_DEVICE) => "found no device".into(),
            End::Exited(code) => format!("exited with code {code}"),
            End::Panicked => "panicked".into(),
            End::Faulted => "faulted".into(),
            End::Killed => "was killed".into(),
            End::NotStarted => "was not started".into(),
        };
        match component.history.ended(&record.restart, end, now) {
            Decision::RestartAt(until) => {
                component.state = State::Waiting { until };
                let wait = (until - now) / 1_000_000;
                let text = format!("`{}` {why}; it is restarted in {wait} ms", record.name);
                self.journal.say(Severity::Warning, &text);
            }
            Decision::Stop => {
                let text = format!("`{}` {why}; it is not restarted", record.name);
                let severity = if end == End::Exited(0) { Severity::Info } else { Severity::Error };
                self.journal.say(severity, &text);
                self.end_for_good(index, State::Stopped);
            }
            Decision::GiveUp => {
                let text = format!(
                    "`{}` {why}; it is given up after {} restarts in {} ms",
                    record.name, record.restart.max_restarts, record.restart.window_ms
                );
                self.journal.say(Severity::Error, &text);
                self.end_for_good(index, State::Failed);
            }
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
        let next = self
            .house
            .components
            .iter()
            .filter_map(|component| match component.state {
                State::Waiting { until } => Some(until),
                _ => None,
            })
            .min()
            .unwrap_or(u64::MAX);
        let set = self.kernel.timer_set(self.house.authority.signal, next, TIMER_BIT);
        debug_assert_eq!(set, Ok(()), "init's own signal");
    }
}

/// The processor time a component gets, as the kernel takes it.
fn time_request(time: &Time, processors: u64) -> TimeRequest {
    let nanoseconds = |microseconds: u32| u64::from(microseconds) * 1_000;
    TimeRequest {
        processors: Some(processors),
        budget: time.budget.map(|budget| BudgetRequest {
            time_ns: nanoseconds(budget.time_us),
            period_ns: nanoseconds(budget.period_us),
            flags: match budget.on_overrun {
                OnOverrun::Wait => BudgetFlags::empty(),
                OnOverrun::Fault => BudgetFlags::FAULT,
            },
        }),
        passive: time.passive,
        weight: Some(time.weight).filter(|weight| *weight != Time::default().weight),
        deadline_ns: time.deadline_us.map(nanoseconds),
    }
}

/// The bit that says that a component ended. Beyond 63 components several share one.
const fn exit_bit(index: usize) -> u64 {
    1 << (1 + index % 63)
}
