//! The server's side of a call.

use super::{
    Encoded, IN_LEASE, INLINE_BYTES, Interface, LeaseAccess, MAX_ARGUMENT_BYTES, Payload, ProtocolError, ReadLease,
    STATUS_ERROR, STATUS_OK, SavedLease, WriteLease, bytes_of, encode,
};
use airox_abi::message::{Lease, Tag, WORDS};
use airox_abi::{DELEGATED, Error};
use airox_sys::{AnyHandle, TypedHandle};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::marker::PhantomData;
use serde::Serialize;

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The badge of the handle used: whoever made that handle knows to whom it was given. 0 if it has none.
    pub badge: u64,
}

impl Caller {
    /// Whether whom the badge names only passed the handle on: what calls is a program it started, say.
    #[must_use]
    pub const fn is_delegate(self) -> bool {
        self.badge & DELEGATED != 0
    }
}

/// A request that has arrived: from the kernel, or a test's stand-in.
pub trait Incoming: LeaseAccess {
    /// Badge of the handle it came through.
    fn badge(&self) -> u64;
    /// Its tag.
    fn tag(&self) -> Tag;
    /// Its words.
    fn words(&self) -> [u64; WORDS];
    /// Takes the handle at a place, if it is there and names an object of this kind.
    fn take_handle(&mut self, index: usize, kind: airox_abi::ObjectKind) -> Result<AnyHandle, ProtocolError>;
    /// Keeps the right to answer.
    fn save(&mut self) -> Result<Box<dyn SavedReply>, Error>;
}

/// The right to answer one call, kept for later. Dropped unused, the caller learns that there will be no answer.
pub trait SavedReply: LeaseAccess {
    /// Answers. The handles in `message` are copied to the caller.
    fn send(self: Box<Self>, message: ReplyMessage) -> Result<(), Error>;
}

/// A reply, ready to be sent.
#[derive(Debug, Default)]
pub struct ReplyMessage {
    /// Its tag, without the count of handles.
    pub tag: Tag,
    /// Its words.
    pub words: [u64; WORDS],
    /// Handles to copy to the caller; closed here afterwards.
    pub handles: Vec<AnyHandle>,
}

impl ReplyMessage {
    /// The reply to a message that cannot be accepted.
    #[must_use]
    pub fn refusal(error: ProtocolError) -> ReplyMessage {
        ReplyMessage { tag: Tag::new(error as u16), ..ReplyMessage::default() }
    }
}

/// What became of a request.
#[derive(Debug)]
pub enum Outcome {
    /// To be answered with this now.
    Reply(ReplyMessage),
    /// The reply was kept; there is nothing to send.
    Deferred,
}

impl From<ProtocolError> for Outcome {
    fn from(error: ProtocolError) -> Outcome {
        Outcome::Reply(ReplyMessage::refusal(error))
    }
}

/// What a server loop needs: requests in, outcomes out. Generated for every interface.
pub trait Dispatch {
    /// The interface served.
    type Interface: Interface;

    /// Checks and decodes a request and calls the server's method.
    fn dispatch<I: Incoming>(&mut self, incoming: &mut I) -> Outcome;
}

/// One request while its dispatcher takes it apart: which leases and handles it should have, and where the
/// next one is.
pub struct Call<'a, I> {
    incoming: &'a mut I,
    next_lease: usize,
    next_handle: usize,
    result_lease: Option<SavedLease>,
}

impl<'a, I: Incoming> Call<'a, I> {
    /// Checks the counts of leases and handles and finds the arguments. `leases` are the method's own.
    #[inline]
    pub fn open(
        incoming: &'a mut I,
        leases: usize,
        has_result_lease: bool,
    ) -> Result<(Call<'a, I>, Payload), ProtocolError> {
        let tag = incoming.tag();
        let code = tag.user() & 0xff;
        let expected = leases + usize::from(has_result_lease) + usize::from(code == IN_LEASE);
        if tag.leases() != expected {
            return Err(ProtocolError::BadLease);
        }
        let mut call = Call { incoming, next_lease: 0, next_handle: 0, result_lease: None };
        let payload = if code == IN_LEASE {
            call.argument_lease()?
        } else if code as usize <= INLINE_BYTES {
            Payload::Inline(bytes_of(&call.incoming.words()), code as usize)
        } else {
            return Err(ProtocolError::BadArguments);
        };
        if has_result_lease {
            call.result_lease = Some(call.lease(Lease::WRITE)?);
        }
        Ok((call, payload))
    }

    /// Who calls.
    #[inline]
    #[must_use]
    pub fn caller(&self) -> Caller {
        Caller { badge: self.incoming.badge() }
    }

    /// The next lease, if it allows this access.
    pub fn lease(&mut self, access: u64) -> Result<SavedLease, ProtocolError> {
        let index = self.next_lease;
        self.next_lease += 1;
        let (length, allowed) = self.incoming.lease_info(index).map_err(|_| ProtocolError::BadLease)?;
        let length = usize::try_from(length).map_err(|_| ProtocolError::BadLease)?;
        if allowed & access == access { Ok(SavedLease { index, length }) } else { Err(ProtocolError::BadLease) }
    }

    /// The next handle, if `present`.
    pub fn handle<H: TypedHandle>(&mut self, present: bool) -> Result<Option<H>, ProtocolError> {
        if !present {
            return Ok(None);
        }
        let index = self.next_handle;
        self.next_handle += 1;
        let handle = self.incoming.take_handle(index, H::KIND)?;
        Ok(Some(H::from_raw(handle.into_raw())))
    }

    /// Refuses handles that the method does not take.
    #[inline]
    pub fn no_more_handles(&self) -> Result<(), ProtocolError> {
        if self.incoming.tag().handles() == self.next_handle { Ok(()) } else { Err(ProtocolError::BadHandle) }
    }

    /// A lease to read from, for the time of the method.
    #[must_use]
    pub fn reader(&self, lease: SavedLease) -> ReadLease<'_> {
        ReadLease::new(&*self.incoming, lease.index, lease.length)
    }

    /// A lease to write to, for the time of the method.
    #[must_use]
    pub fn writer(&self, lease: SavedLease) -> WriteLease<'_> {
        WriteLease::new(&*self.incoming, lease.index, lease.length)
    }

    /// Keeps the right to answer.
    pub fn defer<T, E>(
        &mut self,
        pack: fn(T, &mut Vec<AnyHandle>) -> Option<Encoded>,
    ) -> Result<Deferred<T, E>, ProtocolError> {
        Ok(Deferred {
            reply: self.incoming.save().map_err(|_| ProtocolError::NoRoom)?,
            result_lease: self.result_lease,
            pack,
            error: PhantomData,
        })
    }

    /// The reply with this result. `pack` takes the handles out of a result and encodes the rest.
    #[inline]
    pub fn answer<T, E: Serialize>(
        &self,
        result: Result<T, E>,
        pack: fn(T, &mut Vec<AnyHandle>) -> Option<Encoded>,
    ) -> Outcome {
        Outcome::Reply(reply_message(&*self.incoming, self.result_lease, result, pack))
    }

    /// The arguments, when they are in the next lease.
    #[cold]
    fn argument_lease(&mut self) -> Result<Payload, ProtocolError> {
        let lease = self.lease(Lease::READ)?;
        if lease.length > MAX_ARGUMENT_BYTES {
            return Err(ProtocolError::ArgumentsTooLong);
        }
        let mut bytes = alloc::vec![0; lease.length];
        self.incoming.lease_read(lease.index, 0, &mut bytes).map_err(|_| ProtocolError::BadLease)?;
        Ok(Payload::Heap(bytes))
    }
}

/// The typed right to answer one call later. Dropped unused, the caller gets
/// [`Error::NoReply`].
pub struct Deferred<T, E> {
    reply: Box<dyn SavedReply>,
    result_lease: Option<SavedLease>,
    pack: fn(T, &mut Vec<AnyHandle>) -> Option<Encoded>,
    error: PhantomData<fn(E)>,
}

impl<T, E: Serialize> Deferred<T, E> {
    /// Answers. That the caller is gone by now is an error that can mostly be ignored.
    pub fn send(self, result: Result<T, E>) -> Result<(), Error> {
        let message = reply_message(&*self.reply, self.result_lease, result, self.pack);
        self.reply.send(message)
    }

    /// Fills `buffer` from a lease, from `offset` on.
    pub fn read(&self, lease: SavedLease, offset: usize, buffer: &mut [u8]) -> Result<(), Error> {
        self.reply.lease_read(lease.index, offset as u64, buffer)
    }

    /// Writes `bytes` to a lease, from `offset` on.
    pub fn write(&self, lease: SavedLease, offset: usize, bytes: &[u8]) -> Result<(), Error> {
        self.reply.lease_write(lease.index, offset as u64, bytes)
    }
}

impl<T, E> core::fmt::Debug for Deferred<T, E> {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str("Deferred")
    }
}

#[inline]
fn reply_message<T, E: Serialize, L: LeaseAccess + ?Sized>(
    leases: &L,
    result_lease: Option<SavedLease>,
    result: Result<T, E>,
    pack: fn(T, &mut Vec<AnyHandle>) -> Option<Encoded>,
) -> ReplyMessage {
    let mut handles = Vec::new();
    let (status, encoded) = match result {
        Ok(value) => (STATUS_OK, pack(value, &mut handles)),
        Err(error) => (STATUS_ERROR, encode(&error)),
    };
    match encoded {
        Some(Encoded::Inline(words, length)) => {
            ReplyMessage { tag: Tag::new(status).with_user(length as u32), words, handles }
        }
        Some(Encoded::Heap(bytes)) => {
            let fits = result_lease
                .filter(|lease| bytes.len() <= lease.length)
                .and_then(|lease| leases.lease_write(lease.index, 0, &bytes).ok());
            match fits {
                Some(()) => ReplyMessage {
                    tag: Tag::new(status).with_user(IN_LEASE),
                    words: [bytes.len() as u64, 0, 0, 0, 0, 0, 0, 0],
                    handles,
                },
                None => ReplyMessage::refusal(ProtocolError::ResultTooLong),
            }
        }
        None => ReplyMessage::refusal(ProtocolError::ResultTooLong),
    }
}
