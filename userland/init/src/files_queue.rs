//! Who may use which files, on its way to the file service.
//!
//! As with the log's [`crate::queue`], the supervisor thread only puts something in, and another thread takes it out and makes the calls. What
//! counts is the last word about each badge, so this needs no more room than there are clients.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use airox_abi::Handle;
use airox_bundle::system::FileGrant;

/// Most ends that wait to be told; the file service is started anew long before, or is no more.
const MAX_ENDS: usize = 4096;

/// Something to tell the file service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Who has this badge begins, with these files.
    Admit(u64, Vec<FileGrant>),
    /// Who had it has ended.
    Release(u64),
}

/// The queue.
#[derive(Debug, Default)]
pub struct FilesQueue {
    port: Option<Handle>,
    known: BTreeMap<u64, Vec<FileGrant>>,
    /// Those it has not been told of.
    untold: BTreeSet<u64>,
    ended: BTreeSet<u64>,
}

impl FilesQueue {
    /// An empty queue, and no file service.
    #[must_use]
    pub const fn new() -> FilesQueue {
        FilesQueue { port: None, known: BTreeMap::new(), untold: BTreeSet::new(), ended: BTreeSet::new() }
    }

    /// A file service runs: a new one, which knows nobody.
    pub fn started(&mut self, port: Handle) {
        self.port = Some(port);
        self.untold = self.known.keys().copied().collect();
        self.ended.clear();
    }

    /// There is none any more.
    pub fn gone(&mut self) {
        self.port = None;
    }

    /// Somebody begins, or begins anew: that ends what was before.
    pub fn admit(&mut self, badge: u64, files: Vec<FileGrant>) {
        self.known.insert(badge, files);
        self.untold.insert(badge);
        self.ended.remove(&badge);
    }

    /// Somebody has ended.
    pub fn release(&mut self, badge: u64) {
        if self.known.remove(&badge).is_some() && self.ended.len() < MAX_ENDS {
            self.ended.insert(badge);
        }
        self.untold.remove(&badge);
    }

    /// What to tell next, and where. Ends go first: they make room.
    pub fn take(&mut self) -> Option<(Handle, Notice)> {
        let port = self.port?;
        if let Some(badge) = self.ended.pop_first() {
            return Some((port, Notice::Release(badge)));
        }
        while let Some(badge) = self.untold.pop_first() {
            if let Some(files) = self.known.get(&badge) {
                return Some((port, Notice::Admit(badge, files.clone())));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORT: Handle = Handle(7);

    fn drain(queue: &mut FilesQueue) -> Vec<Notice> {
        core::iter::from_fn(|| queue.take().map(|(_, notice)| notice)).collect()
    }

    fn files() -> Vec<FileGrant> {
        [FileGrant::parse("/tmp:rw").unwrap()].into()
    }

    #[test]
    fn everybody_is_told_to_each_new_file_service() {
        let mut queue = FilesQueue::new();
        queue.admit(1, files());
        queue.admit(1001, Vec::new());
        assert!(drain(&mut queue).is_empty());
        queue.started(PORT);
        assert_eq!(drain(&mut queue), [Notice::Admit(1, files()), Notice::Admit(1001, Vec::new())]);
        queue.release(1001);
        assert_eq!(drain(&mut queue), [Notice::Release(1001)]);
        queue.started(PORT);
        assert_eq!(drain(&mut queue), [Notice::Admit(1, files())]);
        queue.gone();
        queue.admit(2, files());
        assert!(drain(&mut queue).is_empty());
    }

    #[test]
    fn the_last_word_counts() {
        let mut queue = FilesQueue::new();
        queue.started(PORT);
        queue.admit(1, Vec::new());
        queue.release(1);
        queue.admit(1, files());
        queue.admit(2, files());
        queue.release(2);
        queue.release(3);
        assert_eq!(drain(&mut queue), [Notice::Release(2), Notice::Admit(1, files())]);
    }
}
