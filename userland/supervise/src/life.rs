//! An instance's life: its start, its end, and what becomes of the component then.

use alloc::format;
use alloc::string::String;
use core::fmt;

use airox_abi::info::ThreadState;
use airox_abi::message::WORDS;
use airox_abi::{BudgetFlags, Error, Handle, QuotaLimits};
use airox_api::start::EXIT_NO_DEVICE;
use airox_bundle::Symbols;
use airox_bundle::system::{OnOverrun, Restart, Time};
use airox_spawn::fault::{self, Fault, Victim};
use airox_spawn::{BudgetRequest, Kernel, SpawnError, SpawnRequest, TimeRequest};

use crate::close;
use crate::component::{Component, Instance, State};
use crate::restart::{Decision, End};

/// How bad a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Business as usual.
    Info,
    /// A component ended and will be started again.
    Warning,
    /// Something is broken and stays so, or a program misbehaved.
    Error,
}

/// Why a component could not be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartError {
    /// No process could be made.
    Spawn(SpawnError),
    /// The kernel refused a step.
    Kernel(&'static str, Error),
    /// The bundle lacks its program.
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

impl core::error::Error for StartError {}

/// Where an instance's end is told.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    /// The supervisor's signal.
    pub signal: Handle,
    /// The bits for this component.
    pub bits: u64,
}

/// What was decided about a component that ended, for people too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What becomes of it.
    pub decision: Decision,
    /// How bad that is.
    pub severity: Severity,
    /// The whole story in a line.
    pub text: String,
}

impl Instance {
    /// Starts an instance on a quota carved for it. Its end is told even if it ends before it is watched.
    ///
    /// # Errors
    /// The step that failed; nothing is left of it then, the quota included.
    pub fn launch<K: Kernel>(
        kernel: &mut K,
        quota: Handle,
        request: &SpawnRequest<'_>,
        watch: Watch,
    ) -> Result<Instance, StartError> {
        let spawned = match airox_spawn::spawn(kernel, request) {
            Ok(spawned) => spawned,
            Err(error) => {
                close(kernel, quota);
                return Err(StartError::Spawn(error));
            }
        };
        let instance = Instance {
            process: spawned.process,
            thread: spawned.thread,
            quota,
            budget: spawned.budget,
            stack_base: spawned.stack_base,
            granted: spawned.granted,
            panicked: false,
        };
        match kernel.process_watch(instance.process, watch.signal, watch.bits) {
            Ok(()) => Ok(instance),
            Err(error) => {
                instance.destroy(kernel);
                Err(StartError::Kernel("watch it", error))
            }
        }
    }

    /// Kills it, if it has not ended, and gives up the supervisor's handles to it.
    pub fn destroy<K: Kernel>(self, kernel: &mut K) {
        // Refused only if it is dead already, which is what is wanted.
        let _ = kernel.process_kill(self.process, 0);
        for handle in [self.thread, self.process].into_iter().chain(self.budget).chain([self.quota]) {
            close(kernel, handle);
        }
    }
}

impl Component {
    /// Carves the quota of a new instance out of `parent`.
    ///
    /// # Errors
    /// The parent has less.
    pub fn carve<K: Kernel>(kernel: &mut K, parent: Handle, limits: &QuotaLimits) -> Result<Handle, StartError> {
        kernel.quota_create(parent, limits).map_err(|error| StartError::Kernel("carve its quota", error))
    }

    /// A new instance runs.
    pub fn started(&mut self, instance: Instance) {
        self.instance = Some(instance);
        self.state = State::Running;
    }

    /// How its instance ended by itself, if it did.
    pub fn end_of_instance<K: Kernel>(&self, kernel: &mut K) -> Option<End> {
        let instance = self.instance.as_ref()?;
        let info = kernel.process_info(instance.process).ok()?;
        if info.state != ThreadState::Dead as u8 {
            return None;
        }
        Some(if instance.panicked {
            End::Panicked
        } else if info.faulted != 0 {
            End::Faulted
        } else {
            End::Exited(info.exit_code)
        })
    }

    /// What people are told about a fault of its instance, given the fault's message.
    pub fn fault_report<K: Kernel>(
        &self,
        kernel: &mut K,
        name: &str,
        symbols: Symbols<'_>,
        label: u16,
        words: &[u64; WORDS],
    ) -> Option<String> {
        let instance = self.instance.as_ref()?;
        let victim = Victim {
            name,
            process: instance.process,
            thread: instance.thread,
            stack_base: instance.stack_base,
            symbols,
        };
        Some(fault::report(kernel, &victim, &Fault::from_message(label, words)))
    }

    /// Its instance says that it panics; returns what people are told.
    pub fn panic_report(&mut self, name: &str, message: &str, file: &str, line: u32) -> Option<String> {
        self.instance.as_mut()?.panicked = true;
        Some(format!("`{name}` panicked at {file}:{line}: {message}"))
    }

    /// Decides what becomes of it after an end at `now`, and waits for that if it is restarted. Its instance must be buried by now.
    pub fn judge(&mut self, name: &str, policy: &Restart, end: End, now: u64) -> Verdict {
        let why = match end {
            End::Exited(EXIT_NO_DEVICE) => "found no device".into(),
            End::Exited(code) => format!("exited with code {code}"),
            End::Panicked => "panicked".into(),
            End::Faulted => "faulted".into(),
            End::Killed => "was killed".into(),
            End::NotStarted => "was not started".into(),
        };
        let decision = self.history.ended(policy, end, now);
        let (severity, text) = match decision {
            Decision::RestartAt(until) => {
                self.state = State::Waiting { until };
                let wait = (until - now) / 1_000_000;
                (Severity::Warning, format!("`{name}` {why}; it is restarted in {wait} ms"))
            }
            Decision::Stop => {
                let severity = if end == End::Exited(0) { Severity::Info } else { Severity::Error };
                (severity, format!("`{name}` {why}; it is not restarted"))
            }
            Decision::GiveUp => {
                let (restarts, window) = (policy.max_restarts, policy.window_ms);
                let text = format!("`{name}` {why}; it is given up after {restarts} restarts in {window} ms");
                (Severity::Error, text)
            }
        };
        Verdict { decision, severity, text }
    }

    /// Whether its wait for a restart is over.
    #[must_use]
    pub fn is_due(&self, now: u64) -> bool {
        matches!(self.state, State::Waiting { until } if until <= now)
    }
}

/// When the next of these is to be restarted; `u64::MAX` if none is.
#[must_use]
pub fn next_wake<'a>(components: impl Iterator<Item = &'a Component>) -> u64 {
    let times = components.filter_map(|component| match component.state {
        State::Waiting { until } => Some(until),
        _ => None,
    });
    times.min().unwrap_or(u64::MAX)
}

/// The processor time a component gets, as the kernel takes it.
#[must_use]
pub fn time_request(time: &Time, processors: u64) -> TimeRequest {
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
