//! On which processors tasks run, and where those are that a task waits for.

use crate::{Supply, Task};
use airox_abi::time::MAX_PROCESSORS;
use alloc::vec;
use alloc::vec::Vec;

/// The processors of each task, one bit each.
pub(crate) struct Places(Vec<u64>);

/// Who works for a task's calls, in the end.
pub(crate) struct Called {
    /// Whether it is one of them, for each task.
    pub servers: Vec<bool>,
    /// Where they work, for whomever.
    pub places: u64,
}

/// A processor's bit.
pub(crate) const fn bit(processor: u32) -> u64 {
    1 << processor
}

/// The processor of a task's budget: the first of those it may use.
pub(crate) fn home(task: &Task) -> u32 {
    task.processors.trailing_zeros().min(MAX_PROCESSORS - 1)
}

impl Places {
    /// Where tasks run: on their budget's processor, wherever their threads may be moved, or, if they run on what is lent to them, where their
    /// clients do.
    pub fn of(tasks: &[Task]) -> Places {
        let own = tasks.iter().map(|task| match task.supply {
            Supply::Budget(_) => bit(home(task)),
            Supply::Unlimited => task.processors,
            Supply::Lent => 0,
        });
        let mut places: Vec<u64> = own.collect();
        let mut settled = false;
        while !settled {
            settled = true;
            for (client, caller) in tasks.iter().enumerate() {
                for &server in &caller.uses {
                    let lent = tasks.get(server).is_some_and(|served| served.supply == Supply::Lent);
                    if lent && places[client] & !places[server] != 0 {
                        places[server] |= places[client];
                        settled = false;
                    }
                }
            }
        }
        Places(places)
    }

    /// A task's.
    pub fn of_task(&self, index: usize) -> u64 {
        self.0[index]
    }

    /// Everyone whom a task's calls reach, directly or through other servers.
    pub fn called(&self, tasks: &[Task], index: usize) -> Called {
        let mut servers = vec![false; tasks.len()];
        let mut open: Vec<usize> = tasks[index].uses.clone();
        let mut places = 0;
        while let Some(server) = open.pop() {
            if let Some(task) = tasks.get(server)
                && !servers[server]
            {
                servers[server] = true;
                places |= self.0[server];
                open.extend(&task.uses);
            }
        }
        Called { servers, places }
    }
}
