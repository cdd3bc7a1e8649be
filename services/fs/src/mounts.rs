//! What is asked of file systems, and how: by a thread for each, so here is only data.

use airox_api::CallError;
use airox_api::file_system::FileSystemClient;
use airox_api::files::{Attributes, Checked, FileError, FileGrant, How, Kind, Listing, Mounted, Quota, Usage};
use airox_api::wire::Transport;
use airox_sys::{Port, Signal};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// So often something is asked of a file system that dies over it.
const MAX_TRIES: u32 = 3;

/// What is asked of a file system.
#[derive(Clone, Debug)]
pub enum Request {
    /// See [`airox_api::file_system::FileSystem::open`].
    Open {
        /// For whom.
        badge: u64,
        /// What.
        path: String,
        /// How.
        how: How,
    },
    /// What is there.
    Stat(String),
    /// Part of a list.
    List(String, u64),
    /// A new directory.
    MakeDirectory(String),
    /// Away with it.
    Remove(String, Kind),
    /// From here to there.
    Rename(String, String),
    /// Make it durable.
    Sync,
    /// Room.
    Usage,
    /// Whether all is well.
    Check,
    /// What counts for which limits.
    Quota(String),
    /// New limits.
    SetQuota(String, u64, u64),
    /// Tell of changes.
    Watch {
        /// The watch's number.
        number: u64,
        /// Where.
        path: String,
        /// Whom.
        signal: Arc<Signal>,
        /// With these.
        bits: u64,
    },
    /// Tell no more.
    Unwatch(u64),
    /// A client is gone.
    Release(u64),
}

impl Request {
    /// Whether asking twice does what asking once does.
    fn can_repeat(&self) -> bool {
        match self {
            Request::Open { how, .. } => how.create != airox_api::files::Create::New,
            Request::MakeDirectory(_) | Request::Remove(..) | Request::Rename(..) => false,
            _ => true,
        }
    }

    /// Whether nobody waits for an answer, and it must not be lost.
    #[must_use]
    pub fn is_notice(&self) -> bool {
        matches!(self, Request::Unwatch(_) | Request::Release(_))
    }
}

/// What a file system answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Done, and nothing to say.
    Done,
    /// A file's number and what is known of it.
    Opened(u64, Attributes),
    /// What is known of a path.
    Attributes(Attributes),
    /// Part of a list.
    Listing(Listing),
    /// Room.
    Usage(Usage),
    /// Whether all is well.
    Checked(Checked),
    /// Limits, and what counts for them.
    Quota(Option<Quota>),
    /// The file systems that a client sees: the file service's own answer, as is the next.
    Mounts(Vec<Mounted>),
    /// What a client may use.
    Grants(Vec<FileGrant>),
}

/// Asks a file system and waits for the answer. If it dies over a request that can be repeated, its next instance is asked.
///
/// # Errors
/// Its own; [`FileError::ServerDied`].
pub fn ask<T: Transport>(files: &FileSystemClient<T>, request: &Request) -> Result<Answer, FileError> {
    let mut tries = 1;
    loop {
        match ask_once(files, request) {
            Err(CallError::ServerDied) if tries < MAX_TRIES && request.can_repeat() => tries += 1,
            other => return other.map_err(refusal),
        }
    }
}

fn ask_once<T: Transport>(files: &FileSystemClient<T>, request: &Request) -> Result<Answer, CallError<FileError>> {
    let done = |()| Answer::Done;
    match request {
        Request::Open { badge, path, how } => {
            files.open(*badge, path, *how).map(|(number, attributes)| Answer::Opened(number, attributes))
        }
        Request::Stat(path) => files.stat(path).map(Answer::Attributes),
        Request::List(path, cursor) => files.list(path, *cursor).map(Answer::Listing),
        Request::MakeDirectory(path) => files.make_directory(path).map(done),
        Request::Remove(path, kind) => files.remove(path, *kind).map(done),
        Request::Rename(from, to) => files.rename(from, to).map(done),
        Request::Sync => files.sync().map(done),
        Request::Usage => files.usage().map(Answer::Usage),
        Request::Check => files.check().map(Answer::Checked),
        Request::Quota(path) => files.quota(path).map(Answer::Quota),
        Request::SetQuota(path, bytes, count) => files.set_quota(path, *bytes, *count).map(done),
        Request::Watch { number, path, signal, bits } => files.watch(*number, path, signal, *bits).map(done),
        Request::Unwatch(number) => files.unwatch(*number).map(done),
        Request::Release(badge) => files.release(*badge).map(done),
    }
}

/// A failed call as clients are told of it.
fn refusal(error: CallError<FileError>) -> FileError {
    match error {
        CallError::Service(error) => error,
        CallError::ServerDied => FileError::ServerDied,
        CallError::Kernel(error) => FileError::Kernel(error as u32),
        CallError::Protocol(_) | CallError::Decode => FileError::NotSupported,
    }
}

/// A request under way: its number comes back with the answer.
#[derive(Clone, Debug)]
pub struct Job {
    /// Which it is.
    pub number: u64,
    /// What is asked.
    pub request: Request,
}

/// The file systems, as the server reaches them. No method may wait.
pub trait Mounts {
    /// Takes a job for a file system.
    ///
    /// # Errors
    /// [`FileError::Busy`]: it has too many already. A notice ([`Request::is_notice`]) is always taken.
    fn send(&mut self, mount: usize, job: Job) -> Result<(), FileError>;

    /// A way to a file system for who has this badge.
    ///
    /// # Errors
    /// The kernel's reason.
    fn port(&mut self, mount: usize, badge: u64) -> Result<Port, FileError>;
}
