//! A client's call: what it asks, and the right to answer it.

use crate::mounts::Answer;
use airox_api::Deferred;
use airox_api::files::{Attributes, Checked, FileError, FileGrant, How, Kind, Listing, Mounted, Opened, Quota, Usage};
use airox_sys::Signal;
use alloc::string::String;
use alloc::vec::Vec;

/// What is asked.
#[derive(Debug)]
pub enum Question {
    Open(String, How),
    Stat(String),
    List(String, u64),
    MakeDirectory(String),
    Remove(String, Kind),
    Rename(String, String),
    Sync(String),
    Usage(String),
    Check(String),
    Quota(String),
    SetQuota(String, u64, u64),
    Watch(String, Signal, u64),
    Mounts,
    Grants,
}

/// The right to answer.
#[derive(Debug)]
pub enum Reply {
    Done(Deferred<(), FileError>),
    Open(Deferred<Opened, FileError>),
    Stat(Deferred<Attributes, FileError>),
    List(Deferred<Listing, FileError>),
    Usage(Deferred<Usage, FileError>),
    Check(Deferred<Checked, FileError>),
    Quota(Deferred<Option<Quota>, FileError>),
    Watch(Deferred<u64, FileError>),
    Mounts(Deferred<Vec<Mounted>, FileError>),
    Grants(Deferred<Vec<FileGrant>, FileError>),
}

impl Reply {
    /// Says why it did not work. That nobody waits any more is no error of anybody here.
    pub fn fail(self, error: FileError) {
        let _ = match self {
            Reply::Done(reply) => reply.send(Err(error)),
            Reply::Open(reply) => reply.send(Err(error)),
            Reply::Stat(reply) => reply.send(Err(error)),
            Reply::List(reply) => reply.send(Err(error)),
            Reply::Usage(reply) => reply.send(Err(error)),
            Reply::Check(reply) => reply.send(Err(error)),
            Reply::Quota(reply) => reply.send(Err(error)),
            Reply::Watch(reply) => reply.send(Err(error)),
            Reply::Mounts(reply) => reply.send(Err(error)),
            Reply::Grants(reply) => reply.send(Err(error)),
        };
    }

    /// Passes on what file system number `mount` answered; `watch` is the number of the watch that was asked for.
    pub fn pass_on(self, mount: usize, watch: u64, answer: Answer) {
        let _ = match (self, answer) {
            (Reply::Done(reply), Answer::Done) => reply.send(Ok(())),
            (Reply::Watch(reply), Answer::Done) => reply.send(Ok(watch)),
            (Reply::Open(reply), Answer::Opened(file, attributes)) => {
                reply.send(Ok(Opened { mount: mount as u32, file, attributes }))
            }
            (Reply::Stat(reply), Answer::Attributes(attributes)) => reply.send(Ok(attributes)),
            (Reply::List(reply), Answer::Listing(listing)) => reply.send(Ok(listing)),
            (Reply::Usage(reply), Answer::Usage(usage)) => reply.send(Ok(usage)),
            (Reply::Check(reply), Answer::Checked(checked)) => reply.send(Ok(checked)),
            (Reply::Quota(reply), Answer::Quota(quota)) => reply.send(Ok(quota)),
            (Reply::Mounts(reply), Answer::Mounts(mounts)) => reply.send(Ok(mounts)),
            (Reply::Grants(reply), Answer::Grants(grants)) => reply.send(Ok(grants)),
            // Each request has its own kind of answer.
            (reply, _) => {
                reply.fail(FileError::NotSupported);
                Ok(())
            }
        };
    }
}
