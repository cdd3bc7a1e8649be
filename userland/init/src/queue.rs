//! Init's messages on their way to the log server.
//!
//! The supervisor thread only ever puts something in; a second thread takes jobs out and may be stuck in a call to the log
//! server for as long as it likes. So the queue is bounded: when it is full the oldest message is lost, and the loss is told.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::format;
use alloc::string::String;

use airox_abi::Handle;
use airox_api::log::Level;

/// Most messages that wait.
pub const MAX_MESSAGES: usize = 256;
/// So often a job is tried: a server can die while it handles one.
const MAX_TRIES: u32 = 3;

/// Something to tell the log server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job {
    /// Records with this badge are this program's.
    Name(u64, String),
    /// A record.
    Write(Level, String),
}

/// A job and where to send it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The log server's port.
    pub port: Handle,
    /// What to send.
    pub job: Job,
    tries: u32,
}

/// The queue.
#[derive(Debug, Default)]
pub struct Queue {
    port: Option<Handle>,
    messages: VecDeque<(Level, String)>,
    lost: u32,
    /// Everyone the log has to know.
    names: BTreeMap<u64, String>,
    /// Those it has not been told yet.
    untold: BTreeSet<u64>,
    again: Option<Order>,
}

impl Queue {
    /// An empty queue, and no log server.
    #[must_use]
    pub const fn new() -> Queue {
        Queue {
            port: None,
            messages: VecDeque::new(),
            lost: 0,
            names: BTreeMap::new(),
            untold: BTreeSet::new(),
            again: None,
        }
    }

    /// Whether there is a log server that will take what is left here.
    #[must_use]
    pub const fn has_log(&self) -> bool {
        self.port.is_some()
    }

    /// A log server runs: a new one, which knows nobody.
    pub fn log_started(&mut self, port: Handle) {
        self.port = Some(port);
        self.untold = self.names.keys().copied().collect();
    }

    /// There is no log server any more. Returns the messages it will not get.
    pub fn log_ended(&mut self) -> VecDeque<(Level, String)> {
        self.port = None;
        self.again = None;
        core::mem::take(&mut self.messages)
    }

    /// A program has this badge.
    pub fn name(&mut self, badge: u64, name: &str) {
        if self.names.get(&badge).is_none_or(|known| known != name) {
            self.names.insert(badge, name.into());
            self.untold.insert(badge);
        }
    }

    /// The program with this badge is gone.
    pub fn forget(&mut self, badge: u64) {
        self.names.remove(&badge);
        self.untold.remove(&badge);
    }

    /// Adds a message. Without a log server it waits for the first one.
    pub fn push(&mut self, level: Level, text: String) {
        if self.messages.len() >= MAX_MESSAGES {
            self.messages.pop_front();
            self.lost = self.lost.saturating_add(1);
        }
        self.messages.push_back((level, text));
    }

    /// The next job, if there is a log server: names go first, so that no record comes from a stranger.
    pub fn take(&mut self) -> Option<Order> {
        let port = self.port?;
        let order = |job| Order { port, job, tries: 1 };
        while let Some(badge) = self.untold.pop_first() {
            if let Some(name) = self.names.get(&badge) {
                return Some(order(Job::Name(badge, name.clone())));
            }
        }
        if let Some(mut again) = self.again.take() {
            again.port = port;
            return Some(again);
        }
        let lost = core::mem::take(&mut self.lost);
        if lost != 0 {
            let text = format!("{lost} older messages of init were lost: the log did not take them");
            return Some(order(Job::Write(Level::Warn, text)));
        }
        let (level, text) = self.messages.pop_front()?;
        Some(order(Job::Write(level, text)))
    }

    /// The server died before it answered. The job is tried again, or returned after too many tries.
    pub fn failed(&mut self, order: Order) -> Option<Job> {
        if order.tries >= MAX_TRIES {
            return Some(order.job);
        }
        match order.job {
            // Told again with all others when there is a new server.
            Job::Name(badge, _) => {
                self.untold.insert(badge);
                None
            }
            Job::Write(..) => {
                self.again = Some(Order { tries: order.tries + 1, ..order });
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORT: Handle = Handle(7);

    fn drain(queue: &mut Queue) -> alloc::vec::Vec<Job> {
        core::iter::from_fn(|| queue.take().map(|order| order.job)).collect()
    }

    fn write(text: &str) -> Job {
        Job::Write(Level::Info, text.into())
    }

    #[test]
    fn nothing_is_sent_before_there_is_a_log() {
        let mut queue = Queue::new();
        queue.name(1, "log");
        queue.push(Level::Info, "early".into());
        assert_eq!(queue.take(), None);
        queue.log_started(PORT);
        assert_eq!(drain(&mut queue), [Job::Name(1, "log".into()), write("early")]);
    }

    #[test]
    fn a_new_log_is_told_everyone_who_is_still_there() {
        let mut queue = Queue::new();
        queue.log_started(PORT);
        queue.name(1, "log");
        queue.name(1001, "echo");
        queue.name(1002, "sort");
        assert_eq!(drain(&mut queue).len(), 3);
        // Nothing new.
        queue.name(1, "log");
        assert!(drain(&mut queue).is_empty());
        queue.forget(1001);
        queue.log_started(PORT);
        assert_eq!(drain(&mut queue), [Job::Name(1, "log".into()), Job::Name(1002, "sort".into())]);
    }

    #[test]
    fn a_job_is_tried_a_few_times() {
        let mut queue = Queue::new();
        queue.log_started(PORT);
        queue.push(Level::Info, "first".into());
        queue.push(Level::Info, "second".into());
        for _ in 1..MAX_TRIES {
            let order = queue.take().unwrap();
            assert_eq!(order.job, write("first"));
            assert_eq!(queue.failed(order), None);
        }
        let order = queue.take().unwrap();
        assert_eq!(queue.failed(order), Some(write("first")));
        assert_eq!(drain(&mut queue), [write("second")]);
    }

    #[test]
    fn a_full_queue_loses_the_oldest_and_says_so() {
        let mut queue = Queue::new();
        queue.log_started(PORT);
        for number in 0..MAX_MESSAGES + 5 {
            queue.push(Level::Info, format!("{number}"));
        }
        let jobs = drain(&mut queue);
        assert_eq!(jobs.len(), MAX_MESSAGES + 1);
        assert!(matches!(&jobs[0], Job::Write(Level::Warn, text) if text.starts_with("5 older")));
        assert_eq!(jobs[1], write("5"));
    }

    #[test]
    fn what_waits_for_a_log_that_ended_is_given_back() {
        let mut queue = Queue::new();
        queue.log_started(PORT);
        queue.push(Level::Info, "late".into());
        assert_eq!(queue.log_ended().len(), 1);
        assert!(!queue.has_log());
        assert_eq!(queue.take(), None);
    }
}
