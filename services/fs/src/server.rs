//! The `files` interface.

use crate::call::{Question, Reply};
use crate::clients::{Client, Clients, MAX_WAITING_EACH, MAX_WATCHES_EACH, Watch};
use crate::mounts::{Answer, Job, Mounts, Request};
use crate::namespace::{Mount, Target, View};
use airox_api::files::{
    Access, Attributes, Checked, FileError, FileGrant, Files, How, Kind, Listed, Listing, Mounted, Node, Opened, Quota,
    Usage,
};
use airox_api::{Caller, Deferred};
use airox_sys::{Port, Signal};
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The badge of the handle that may say who is who.
const ADMINISTRATOR: u64 = 0;
/// Most calls that wait, all in all.
pub const MAX_WAITING: usize = 512;
/// Most calls of clients that nobody has told of yet.
pub const MAX_HELD: usize = 64;

/// A call that waits for a file system.
struct Waiting {
    badge: u64,
    mount: usize,
    reply: Reply,
    /// Names that lead to other file systems: they hide those of a list.
    over: Vec<String>,
    /// Number of the watch that is being made.
    watch: u64,
}

/// The file service over its file systems.
pub struct FileService<M> {
    list: Vec<Mount>,
    mounts: M,
    clients: Clients,
    waiting: BTreeMap<u64, Waiting>,
    held: VecDeque<(u64, Question, Reply)>,
    last: u64,
}

impl<M: Mounts> FileService<M> {
    /// A service that knows no clients yet.
    pub fn new(list: Vec<Mount>, mounts: M) -> FileService<M> {
        FileService {
            list,
            mounts,
            clients: Clients::default(),
            waiting: BTreeMap::new(),
            held: VecDeque::new(),
            last: 0,
        }
    }

    /// The file systems.
    pub fn mounts_mut(&mut self) -> &mut M {
        &mut self.mounts
    }

    /// A file system has answered.
    pub fn answered(&mut self, number: u64, result: Result<Answer, FileError>) {
        // Notices, and watches that were set again, have nobody who waits.
        let Some(Waiting { badge, mount, reply, over, watch }) = self.waiting.remove(&number) else {
            return;
        };
        if let Some(client) = self.clients.get(badge) {
            client.waiting = client.waiting.saturating_sub(1);
            if result.is_err() && watch != 0 {
                client.watches.remove(&watch);
            }
        }
        match result {
            Err(error) => reply.fail(error),
            Ok(Answer::Listing(mut listing)) => {
                listing.entries.retain(|entry| !over.contains(&entry.name));
                listing.next = listing.next.map(|next| next.saturating_add(1));
                reply.pass_on(mount, watch, Answer::Listing(listing));
            }
            Ok(answer) => reply.pass_on(mount, watch, answer),
        }
    }

    /// A file system ended. What comes next knows of no watches, and may hold anything.
    pub fn ended(&mut self, mount: usize) {
        let mut requests = Vec::new();
        for (number, watch) in self.clients.watches(mount) {
            // Who is gone is told of by its end.
            let _ = watch.signal.notify(watch.bits);
            let Watch { path, signal, bits, .. } = watch.clone();
            requests.push(Request::Watch { number, path, signal, bits });
        }
        for request in requests {
            self.last += 1;
            // A watch that cannot be set again has been told of this change, at least.
            let _ = self.mounts.send(mount, Job { number: self.last, request });
        }
    }

    /// A client asks. Before anybody has told of it, its call waits for that.
    fn ask(&mut self, caller: Caller, question: Question, reply: Reply) {
        let badge = caller.badge;
        if self.clients.get(badge).is_some() {
            return self.begin(badge, question, reply);
        }
        let own = self.held.iter().filter(|(other, ..)| *other == badge).count();
        if own >= MAX_WAITING_EACH || self.held.len() >= MAX_HELD {
            return reply.fail(FileError::Busy);
        }
        self.held.push_back((badge, question, reply));
    }

    /// Answers, or sends a request to a file system and keeps the right to answer.
    fn begin(&mut self, badge: u64, question: Question, reply: Reply) {
        let Some(client) = self.clients.get(badge) else {
            return reply.fail(FileError::NotAllowed);
        };
        let view = View { mounts: &self.list, grants: &client.grants };
        let plan = match plan(&view, badge, &question) {
            Ok(plan) => plan,
            Err(error) => return reply.fail(error),
        };
        match plan {
            Plan::Tell(answer) => reply.pass_on(0, 0, answer),
            Plan::Ask { .. } if client.waiting >= MAX_WAITING_EACH || self.waiting.len() >= MAX_WAITING => {
                reply.fail(FileError::Busy);
            }
            Plan::Ask { mount, request, over } => {
                self.last += 1;
                let number = self.last;
                let (request, watch) = match (request, question) {
                    (Wanted::Request(request), _) => (request, 0),
                    (Wanted::Watch(path), Question::Watch(_, signal, bits)) => {
                        match watch(client, Watch { mount, path, signal: Arc::new(signal), bits }, number) {
                            Ok(request) => (request, number),
                            Err(error) => return reply.fail(error),
                        }
                    }
                    (Wanted::Watch(_), _) => return reply.fail(FileError::NotSupported),
                };
                client.used |= 1 << mount;
                match self.mounts.send(mount, Job { number, request }) {
                    Ok(()) => {
                        client.waiting += 1;
                        self.waiting.insert(number, Waiting { badge, mount, reply, over, watch });
                    }
                    Err(error) => {
                        client.watches.remove(&watch);
                        reply.fail(error);
                    }
                }
            }
        }
    }

    /// Forgets a client, and has the file systems forget it.
    fn forget(&mut self, badge: u64) {
        let Some(client) = self.clients.remove(badge) else {
            return;
        };
        for (number, watch) in &client.watches {
            self.notice(watch.mount, Request::Unwatch(*number));
        }
        for mount in 0..self.list.len() {
            if client.used >> mount & 1 == 1 {
                self.notice(mount, Request::Release(badge));
            }
        }
    }

    fn notice(&mut self, mount: usize, request: Request) {
        self.last += 1;
        let sent = self.mounts.send(mount, Job { number: self.last, request });
        debug_assert_eq!(sent, Ok(()), "notices are always taken");
    }
}

/// What has to be done for a question.
enum Plan {
    /// Nothing: this is the answer.
    Tell(Answer),
    /// A file system has to be asked.
    Ask { mount: usize, request: Wanted, over: Vec<String> },
}

/// What is wanted of a file system.
enum Wanted {
    Request(Request),
    /// A watch at this path.
    Watch(String),
}

/// What a question needs, if its client may ask it.
fn plan(view: &View<'_>, badge: u64, question: &Question) -> Result<Plan, FileError> {
    let ask = |(mount, request)| Plan::Ask { mount, request: Wanted::Request(request), over: Vec::new() };
    let entry = |path, request: fn(String) -> Request| {
        let (mount, rest) = view.entry(path)?;
        Ok(ask((mount, request(rest.into()))))
    };
    match question {
        Question::Open(path, how) => {
            let access = if how.changes() { Access::Write } else { Access::Read };
            match view.target(path, access)? {
                Target::Inside(mount, rest) => Ok(ask((mount, Request::Open { badge, path: rest.into(), how: *how }))),
                Target::Above(_) => Err(FileError::IsADirectory),
            }
        }
        Question::Stat(path) => Ok(match view.target(path, Access::Read)? {
            Target::Inside(mount, rest) => ask((mount, Request::Stat(rest.into()))),
            Target::Above(names) => Plan::Tell(Answer::Attributes(directory(names.len()))),
        }),
        Question::List(path, cursor) => Ok(plan_list(view, path, *cursor)?),
        Question::MakeDirectory(path) => match view.target(path, Access::Write)? {
            Target::Inside(mount, rest) => Ok(ask((mount, Request::MakeDirectory(rest.into())))),
            Target::Above(_) => Err(FileError::AlreadyExists),
        },
        Question::Remove(path, Kind::File) => entry(path, |rest| Request::Remove(rest, Kind::File)),
        Question::Remove(path, Kind::Directory) => entry(path, |rest| Request::Remove(rest, Kind::Directory)),
        Question::Rename(from, to) => {
            let ((mount, from), (other, to)) = (view.entry(from)?, view.entry(to)?);
            if mount != other {
                return Err(FileError::OtherFileSystem);
            }
            Ok(ask((mount, Request::Rename(from.into(), to.into()))))
        }
        Question::Sync(path) | Question::Usage(path) => match view.target(path, Access::Read)? {
            Target::Inside(mount, _) => {
                Ok(ask((mount, if matches!(question, Question::Sync(_)) { Request::Sync } else { Request::Usage })))
            }
            Target::Above(_) => Err(FileError::NotSupported),
        },
        Question::Check(path) => match view.target(path, Access::Write)? {
            Target::Inside(mount, _) => Ok(ask((mount, Request::Check))),
            Target::Above(_) => Err(FileError::NotSupported),
        },
        Question::Quota(path) => match view.target(path, Access::Read)? {
            Target::Inside(mount, rest) => Ok(ask((mount, Request::Quota(rest.into())))),
            Target::Above(_) => Err(FileError::NotSupported),
        },
        Question::SetQuota(path, bytes, files) => {
            let (mount, rest) = view.entry(path)?;
            Ok(ask((mount, Request::SetQuota(rest.into(), *bytes, *files))))
        }
        Question::Watch(path, ..) => match view.target(path, Access::Read)? {
            Target::Inside(mount, rest) => {
                Ok(Plan::Ask { mount, request: Wanted::Watch(rest.into()), over: Vec::new() })
            }
            Target::Above(_) => Err(FileError::NotSupported),
        },
        Question::Mounts => {
            let seen = view.visible().into_iter();
            let seen = seen.map(|mount| Mounted { path: mount.path.clone(), provider: mount.provider.clone() });
            Ok(Plan::Tell(Answer::Mounts(seen.collect())))
        }
        Question::Grants => Ok(Plan::Tell(Answer::Grants(view.grants.to_vec()))),
    }
}

/// Names that lead to other file systems come first, at cursor 0; the file system's own cursors are counted up by one.
fn plan_list(view: &View<'_>, path: &str, cursor: u64) -> Result<Plan, FileError> {
    let tell = |names: BTreeSet<&str>, next| {
        let entries = names.into_iter().map(|name| Listed { name: name.into(), attributes: directory(0) });
        Plan::Tell(Answer::Listing(Listing { entries: entries.collect(), next }))
    };
    match view.target(path, Access::Read)? {
        Target::Above(names) => Ok(tell(names, None)),
        Target::Inside(mount, rest) => {
            let over = view.names_of_mounts(path);
            if cursor == 0 && !over.is_empty() {
                return Ok(tell(over, Some(1)));
            }
            let request = Wanted::Request(Request::List(rest.into(), cursor.saturating_sub(1)));
            Ok(Plan::Ask { mount, request, over: over.into_iter().map(String::from).collect() })
        }
    }
}

/// A directory that is only there since something else is below it.
fn directory(entries: usize) -> Attributes {
    Attributes { node: Node(0), kind: Kind::Directory, size: entries as u64, modified_ns: 0 }
}

/// Notes a watch, to be set at its file system.
fn watch(client: &mut Client, watch: Watch, number: u64) -> Result<Request, FileError> {
    if client.watches.len() >= MAX_WATCHES_EACH {
        return Err(FileError::TooManyOpenFiles);
    }
    let Watch { path, signal, bits, .. } = watch.clone();
    client.watches.insert(number, watch);
    Ok(Request::Watch { number, path, signal, bits })
}

fn administrator_only(caller: Caller) -> Result<(), FileError> {
    if caller.badge == ADMINISTRATOR { Ok(()) } else { Err(FileError::NotAllowed) }
}

impl<M: Mounts> Files for FileService<M> {
    fn open(&mut self, caller: Caller, path: &str, how: How, reply: Deferred<Opened, FileError>) {
        self.ask(caller, Question::Open(path.into(), how), Reply::Open(reply));
    }

    fn stat(&mut self, caller: Caller, path: &str, reply: Deferred<Attributes, FileError>) {
        self.ask(caller, Question::Stat(path.into()), Reply::Stat(reply));
    }

    fn list(&mut self, caller: Caller, path: &str, cursor: u64, reply: Deferred<Listing, FileError>) {
        self.ask(caller, Question::List(path.into(), cursor), Reply::List(reply));
    }

    fn make_directory(&mut self, caller: Caller, path: &str, reply: Deferred<(), FileError>) {
        self.ask(caller, Question::MakeDirectory(path.into()), Reply::Done(reply));
    }

    fn remove(&mut self, caller: Caller, path: &str, kind: Kind, reply: Deferred<(), FileError>) {
        self.ask(caller, Question::Remove(path.into(), kind), Reply::Done(reply));
    }

    fn rename(&mut self, caller: Caller, from: &str, to: &str, reply: Deferred<(), FileError>) {
        self.ask(caller, Question::Rename(from.into(), to.into()), Reply::Done(reply));
    }

    fn sync(&mut self, caller: Caller, path: &str, reply: Deferred<(), FileError>) {
        self.ask(caller, Question::Sync(path.into()), Reply::Done(reply));
    }

    fn usage(&mut self, caller: Caller, path: &str, reply: Deferred<Usage, FileError>) {
        self.ask(caller, Question::Usage(path.into()), Reply::Usage(reply));
    }

    fn check(&mut self, caller: Caller, path: &str, reply: Deferred<Checked, FileError>) {
        self.ask(caller, Question::Check(path.into()), Reply::Check(reply));
    }

    fn quota(&mut self, caller: Caller, path: &str, reply: Deferred<Option<Quota>, FileError>) {
        self.ask(caller, Question::Quota(path.into()), Reply::Quota(reply));
    }

    fn set_quota(&mut self, caller: Caller, path: &str, bytes: u64, files: u64, reply: Deferred<(), FileError>) {
        self.ask(caller, Question::SetQuota(path.into(), bytes, files), Reply::Done(reply));
    }

    fn watch(&mut self, caller: Caller, path: &str, signal: Signal, bits: u64, reply: Deferred<u64, FileError>) {
        self.ask(caller, Question::Watch(path.into(), signal, bits), Reply::Watch(reply));
    }

    fn unwatch(&mut self, caller: Caller, watch: u64) -> Result<(), FileError> {
        let client = self.clients.get(caller.badge).ok_or(FileError::NotAllowed)?;
        let Watch { mount, .. } = client.watches.remove(&watch).ok_or(FileError::NotFound)?;
        self.notice(mount, Request::Unwatch(watch));
        Ok(())
    }

    fn file_system(&mut self, caller: Caller, mount: u32) -> Result<Port, FileError> {
        let client = self.clients.get(caller.badge).ok_or(FileError::NotAllowed)?;
        let mount = mount as usize;
        // Where it has opened nothing it has nothing to ask.
        if mount >= self.list.len() || client.used >> mount & 1 == 0 {
            return Err(FileError::NotFound);
        }
        self.mounts.port(mount, caller.badge)
    }

    fn mounts(&mut self, caller: Caller, reply: Deferred<Vec<Mounted>, FileError>) {
        self.ask(caller, Question::Mounts, Reply::Mounts(reply));
    }

    fn grants(&mut self, caller: Caller, reply: Deferred<Vec<FileGrant>, FileError>) {
        self.ask(caller, Question::Grants, Reply::Grants(reply));
    }

    fn admit(&mut self, caller: Caller, badge: u64, grants: Vec<FileGrant>) -> Result<(), FileError> {
        administrator_only(caller)?;
        self.forget(badge);
        self.clients.admit(badge, grants)?;
        let held = core::mem::take(&mut self.held);
        for (other, question, reply) in held {
            if other == badge {
                self.begin(badge, question, reply);
            } else {
                self.held.push_back((other, question, reply));
            }
        }
        Ok(())
    }

    fn release(&mut self, caller: Caller, badge: u64) -> Result<(), FileError> {
        administrator_only(caller)?;
        self.forget(badge);
        self.held.retain(|(other, ..)| *other != badge);
        Ok(())
    }
}
