//! A message from the kernel, as dispatchers see it.

use airox_api::wire::{LeaseAccess, ReceivedHandles, SavedReply};
use airox_api::{Incoming, ProtocolError, ReplyMessage};
use airox_sys::{AnyHandle, Error, Extension, Handle, ObjectKind, Received, Reply, Tag, TypedHandle, WORDS, call};
use alloc::boxed::Box;

/// A request that waits for its answer. Handles nobody takes are closed.
#[derive(Debug)]
pub struct KernelMessage {
    badge: u64,
    tag: Tag,
    words: [u64; WORDS],
    handles: ReceivedHandles,
}

impl KernelMessage {
    #[inline]
    pub(super) fn new(received: &Received, extension: &Extension) -> KernelMessage {
        let handles = match received.tag.handles() {
            0 => ReceivedHandles::default(),
            count => ReceivedHandles::new(extension.received, count),
        };
        KernelMessage { badge: received.badge, tag: received.tag, words: received.words, handles }
    }

    /// Takes the handle at a place, whatever it names.
    pub fn take_any(&mut self, index: usize) -> Option<AnyHandle> {
        self.handles.take(index)
    }

    /// Keeps the right to answer as a handle.
    pub fn save_reply(&mut self) -> Result<Reply, Error> {
        call::reply_save().map(Reply::from_raw)
    }
}

impl LeaseAccess for KernelMessage {
    fn lease_info(&self, index: usize) -> Result<(u64, u64), Error> {
        call::lease_info(Handle::NONE, index)
    }

    fn lease_read(&self, index: usize, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        call::lease_read(Handle::NONE, index, offset, buffer).map(drop)
    }

    fn lease_write(&self, index: usize, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        call::lease_write(Handle::NONE, index, offset, bytes).map(drop)
    }
}

impl Incoming for KernelMessage {
    #[inline]
    fn badge(&self) -> u64 {
        self.badge
    }

    #[inline]
    fn tag(&self) -> Tag {
        self.tag
    }

    #[inline]
    fn words(&self) -> [u64; WORDS] {
        self.words
    }

    fn take_handle(&mut self, index: usize, kind: ObjectKind) -> Result<AnyHandle, ProtocolError> {
        let handle = self.handles.take(index).ok_or(ProtocolError::BadHandle)?;
        match handle.info() {
            Ok(info) if info.kind == kind => Ok(handle),
            _ => Err(ProtocolError::BadHandle),
        }
    }

    fn save(&mut self) -> Result<Box<dyn SavedReply>, Error> {
        Ok(Box::new(Kept(self.save_reply()?)))
    }
}

/// A kept reply.
struct Kept(Reply);

impl LeaseAccess for Kept {
    fn lease_info(&self, index: usize) -> Result<(u64, u64), Error> {
        call::lease_info(self.0.raw(), index)
    }

    fn lease_read(&self, index: usize, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        call::lease_read(self.0.raw(), index, offset, buffer).map(drop)
    }

    fn lease_write(&self, index: usize, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        call::lease_write(self.0.raw(), index, offset, bytes).map(drop)
    }
}

impl SavedReply for Kept {
    fn send(self: Box<Self>, message: ReplyMessage) -> Result<(), Error> {
        // A reply that was sent used its handle up; closing it once more then does nothing.
        super::send(self.0.raw(), message)
    }
}
