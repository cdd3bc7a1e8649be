//! Do all deadlines hold, whatever the programs do? Response-time analysis for fixed priorities.
//!
//! `cargo xtask check` asks it about a system file, the process server about the running system and one program more.
//!
//! # What is computed
//! A budget is a sporadic server, which takes no more from others than a periodic task of the same time and period. The longest time from a
//! release to the end of the job is the smallest `R` with (Joseph and Pandya 1986; Audsley and others 1993):
//!
//! ```text
//! R = own budget + blocking + sum over every other budget here of the same or a higher priority: ceil(R / its period) * its time
//! ```
//!
//! `R` must be at most the deadline. Since the kernel enforces budgets, no program has to be trusted for this, with one exception: blocking.
//!
//! **Blocking** is what is done at this priority or above for someone below it: a server works at its own priority for all its clients. That is the
//! longest call of any server up here that has a client down there. It cannot be longer than that client's budget; for a client without one, or with a
//! large one, the system file bounds it with `longest-call-us`. init itself is such a server for everyone: [`SUPERVISOR_CALL_NS`].
//!
//! # Several processors
//! "Here" is the task's processor, the first of those that its component names. Who runs elsewhere takes no time from it; but a call may have to wait for what
//! happens elsewhere. A passive server runs on its callers' processors, one caller after the other; one with time of its own where that time is. The *far*
//! processors of a task are those where a server that its calls reach, directly or through other servers, may be at work for anybody. While the
//! task waits for such a server, the server has at least the task's priority, so what delays it there is what would delay the task here:
//!
//! - The budgets of the far processors count as those here do: a sporadic server takes no more than its time in any period, whenever that begins.
//! - A call may find the server at work for a client below, once for each call: most calls of a job ([`Task::calls_per_job`]) times the longest such call.
//!   A client above is a budget counted already.
//! - While a job waits for a far processor, somebody below may run here and begin another call: the blocking here counts once more for each call.
//!
//! With no far processors, the equation is the one above. init runs on processor 0, and blocks there alone.
//!
//! One processor at a time is in the kernel. The wait for it at a job's own entries comes out of its budget, as all time in the kernel does. What remains is an entry
//! that somebody below has begun: [`KERNEL_ENTRY_NS`] for each other processor is part of the blocking.
//!
//! # What must hold for that
//! - Who has no budget and is not passive is below everyone with a deadline. Real-time priorities need a budget.
//! - All budgets of a processor together take no more than there is of it: [`WHOLE_PROCESSOR`].
//! - A job does not sleep between its release and its end, except in calls. What it waits for by calls comes out of its own budget or out of budgets
//!   counted here, so nothing is counted twice. The end or start of a component, which init sees to, is not counted.
//! - `longest-call-us` of a server counts what it waits for at servers of its own, also while those work for clients on other processors.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod analysis;
mod places;

use airox_abi::time::budget_share;
use airox_bundle::system::System;
use alloc::string::String;
use alloc::vec::Vec;

pub use airox_abi::time::WHOLE_PROCESSOR;
pub use analysis::{Analysis, Blocking, Response, analyse};

/// The batch band: threads of this priority share by weight what all others leave.
pub const BATCH: u8 = 0;
/// First priority of the real-time band, where everyone needs a budget or is passive. What lies between is the normal band.
pub const REAL_TIME: u8 = 160;
/// Longest that init serves one request, in ns of processor time.
pub const SUPERVISOR_CALL_NS: u64 = 1_000_000;
/// Longest that one entry keeps other processors out of the kernel, in ns; ends of processes are not counted.
pub const KERNEL_ENTRY_NS: u64 = 20_000;
/// init's name as a server.
pub const SUPERVISOR: &str = "init";

/// The name of a priority's band.
#[must_use]
pub const fn band(priority: u8) -> &'static str {
    match priority {
        BATCH => "batch",
        REAL_TIME.. => "real time",
        _ => "normal",
    }
}

/// Processor time in each period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// In ns.
    pub time_ns: u64,
    /// In ns.
    pub period_ns: u64,
}

impl Budget {
    /// Millionths of a processor, rounded up; `None` for one that the kernel does not make.
    #[must_use]
    pub const fn share(self) -> Option<u32> {
        budget_share(self.time_ns, self.period_ns)
    }
}

/// Where a task's processor time comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supply {
    /// A budget of its own.
    Budget(Budget),
    /// Its callers'.
    Lent,
    /// It runs whenever its priority lets it.
    Unlimited,
}

/// A component or program, as the analysis sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its name.
    pub name: String,
    /// Its first thread's priority, at which its jobs run.
    pub priority: u8,
    /// The highest priority of its threads.
    pub highest: u8,
    /// Its time.
    pub supply: Supply,
    /// How long after a release its job must have ended, in ns; at most the period of its budget.
    pub deadline_ns: Option<u64>,
    /// The processors it may run on, one bit each; with a budget it runs on the first.
    pub processors: u64,
    /// Most calls that one of its jobs makes, its servers' calls for it included, if that is known.
    pub calls_per_job: Option<u32>,
    /// Longest that it serves one call, in ns, if that is known.
    pub longest_call_ns: Option<u64>,
    /// Whom it calls, as places in the list of tasks.
    pub uses: Vec<usize>,
}

/// Why a set of tasks is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A budget that the kernel does not make: too small, or larger than its period.
    BadBudget {
        /// Whose.
        task: usize,
    },
    /// A real-time priority without a budget.
    NeedsBudget {
        /// Whose.
        task: usize,
    },
    /// The budgets of a processor promise more than there is.
    Overload {
        /// Whose budget is the largest.
        task: usize,
        /// The processor.
        processor: u32,
        /// All of them, in millionths.
        share: u64,
    },
    /// A deadline without a budget, or beyond its period.
    BadDeadline {
        /// Whose.
        task: usize,
    },
    /// Someone without a budget can keep a task with a deadline from running.
    Unbounded {
        /// Whose deadline.
        task: usize,
        /// Who has no budget.
        by: usize,
    },
    /// Its calls may wait for what happens on other processors, and nobody knows how many a job makes.
    UnknownCalls {
        /// Whose deadline.
        task: usize,
    },
    /// Nobody knows how long a server works for a client of lower priority.
    UnknownBlocking {
        /// Whose deadline.
        task: usize,
        /// The server.
        server: usize,
        /// Its client.
        client: usize,
    },
    /// The response may come after the deadline.
    Late {
        /// Whose.
        task: usize,
        /// The response in ns, or, if it never settles, a time beyond the deadline.
        response_ns: u64,
    },
}

/// The tasks of a system file on a machine with these processors, one bit each.
#[must_use]
pub fn tasks(system: &System, existing: u64) -> Vec<Task> {
    let nanoseconds = |microseconds: u32| u64::from(microseconds) * 1_000;
    let place = |name: &str| {
        let mut components = system.components.iter();
        components.position(|component| component.name == name)
    };
    let task = |component: &airox_bundle::system::Component| {
        let time = &component.time;
        let supply = match time.budget {
            Some(budget) => Supply::Budget(Budget {
                time_ns: nanoseconds(budget.time_us),
                period_ns: nanoseconds(budget.period_us),
            }),
            None if time.passive => Supply::Lent,
            None => Supply::Unlimited,
        };
        Task {
            name: component.name.clone(),
            priority: component.priority,
            // Who may admit programs gives them its high priorities, and uses them itself for nothing.
            highest: if time.for_programs > 0 { component.priority } else { component.max_priority },
            supply,
            deadline_ns: time.deadline_us.map(nanoseconds),
            processors: match supply {
                Supply::Budget(_) => 1_u64.checked_shl(component.first_processor()).unwrap_or(0),
                Supply::Lent | Supply::Unlimited => component.processors & existing,
            },
            calls_per_job: time.calls_per_job,
            longest_call_ns: time.longest_call_us.map(nanoseconds),
            uses: component
                .uses
                .iter()
                .map(|each| &each.provider)
                .chain(component.mounts.iter().map(|mount| &mount.provider))
                .filter_map(|provider| place(provider))
                .collect(),
        }
    };
    system.components.iter().map(task).collect()
}

#[cfg(test)]
mod tests;
