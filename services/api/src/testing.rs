//! A client and a server joined in memory, for host tests: what one side sends is exactly what the other receives.
//!
//! Leases are copied to and fro; handles are plain numbers whose kind is taken on trust.

use crate::ProtocolError;
use crate::wire::{Dispatch, Incoming, LeaseAccess, Outcome, ReceivedHandles, ReplyMessage, SavedReply, Transport};
use airox_abi::message::{HandleTransfer, Lease, MAX_HANDLES, Tag, WORDS};
use airox_abi::{Error, Handle, ObjectKind};
use airox_sys::AnyHandle;
use airox_sys::call::Lend;
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;

/// A byte range as it is lent in a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestLease {
    /// Its content.
    pub bytes: Vec<u8>,
    /// [`Lease::READ`] and/or [`Lease::WRITE`].
    pub access: u64,
}

/// What client and server share during one call.
#[derive(Debug, Default)]
struct Shared {
    leases: Vec<TestLease>,
    reply: Option<ReplyMessage>,
}

type SharedCall = Rc<RefCell<Shared>>;

/// A request in memory.
#[derive(Debug)]
pub struct TestMessage {
    /// Badge of the handle it came through.
    pub badge: u64,
    /// Its tag.
    pub tag: Tag,
    /// Its words.
    pub words: [u64; WORDS],
    /// Its handles: raw values, of whatever kind is asked for.
    pub handles: Vec<Option<Handle>>,
    shared: SharedCall,
}

impl TestMessage {
    /// A message; its tag is given the counts of handles and leases unless a test wants to lie about them afterwards.
    #[must_use]
    pub fn new(badge: u64, tag: Tag, words: [u64; WORDS], handles: &[Handle], leases: Vec<TestLease>) -> TestMessage {
        TestMessage {
            badge,
            tag: tag.with_handles(handles.len()).with_leases(leases.len()),
            words,
            handles: handles.iter().copied().map(Some).collect(),
            shared: Rc::new(RefCell::new(Shared { leases, reply: None })),
        }
    }
}

fn range(offset: u64, length: usize) -> Result<core::ops::Range<usize>, Error> {
    let start = usize::try_from(offset).map_err(|_| Error::LeaseDenied)?;
    let end = start.checked_add(length).ok_or(Error::LeaseDenied)?;
    Ok(start..end)
}

impl LeaseAccess for SharedCall {
    fn lease_info(&self, index: usize) -> Result<(u64, u64), Error> {
        let shared = self.borrow();
        let lease = shared.leases.get(index).ok_or(Error::LeaseDenied)?;
        Ok((lease.bytes.len() as u64, lease.access))
    }

    fn lease_read(&self, index: usize, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        let shared = self.borrow();
        let lease = shared.leases.get(index).ok_or(Error::LeaseDenied)?;
        let range = range(offset, buffer.len())?;
        match lease.bytes.get(range) {
            Some(bytes) if lease.access & Lease::READ != 0 => {
                buffer.copy_from_slice(bytes);
                Ok(())
            }
            _ => Err(Error::LeaseDenied),
        }
    }

    fn lease_write(&self, index: usize, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        let mut shared = self.borrow_mut();
        let lease = shared.leases.get_mut(index).ok_or(Error::LeaseDenied)?;
        let range = range(offset, bytes.len())?;
        match lease.bytes.get_mut(range) {
            Some(place) if lease.access & Lease::WRITE != 0 => {
                place.copy_from_slice(bytes);
                Ok(())
            }
            _ => Err(Error::LeaseDenied),
        }
    }
}

impl LeaseAccess for TestMessage {
    fn lease_info(&self, index: usize) -> Result<(u64, u64), Error> {
        self.shared.lease_info(index)
    }

    fn lease_read(&self, index: usize, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        self.shared.lease_read(index, offset, buffer)
    }

    fn lease_write(&self, index: usize, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        self.shared.lease_write(index, offset, bytes)
    }
}

impl Incoming for TestMessage {
    fn badge(&self) -> u64 {
        self.badge
    }

    fn tag(&self) -> Tag {
        self.tag
    }

    fn words(&self) -> [u64; WORDS] {
        self.words
    }

    fn take_handle(&mut self, index: usize, _kind: ObjectKind) -> Result<AnyHandle, ProtocolError> {
        let handle = self.handles.get_mut(index).and_then(Option::take);
        handle.map(AnyHandle::from_raw).ok_or(ProtocolError::BadHandle)
    }

    fn save(&mut self) -> Result<Box<dyn SavedReply>, Error> {
        Ok(Box::new(Kept(Rc::clone(&self.shared))))
    }
}

struct Kept(SharedCall);

impl LeaseAccess for Kept {
    fn lease_info(&self, index: usize) -> Result<(u64, u64), Error> {
        self.0.lease_info(index)
    }

    fn lease_read(&self, index: usize, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        self.0.lease_read(index, offset, buffer)
    }

    fn lease_write(&self, index: usize, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        self.0.lease_write(index, offset, bytes)
    }
}

impl SavedReply for Kept {
    fn send(self: Box<Self>, message: ReplyMessage) -> Result<(), Error> {
        self.0.borrow_mut().reply = Some(message);
        Ok(())
    }
}

/// Carries a client's calls to a dispatcher in the same thread.
///
/// A call the server defers is over when `later` has run: the chance of the server to answer it. If it does not, the call
/// fails with [`Error::NoReply`].
pub struct Loopback<D> {
    dispatcher: RefCell<D>,
    badge: u64,
    later: fn(&mut D),
}

impl<D: Dispatch> Loopback<D> {
    /// Calls come through a handle with this badge.
    pub fn new(dispatcher: D, badge: u64) -> Loopback<D> {
        Loopback { dispatcher: RefCell::new(dispatcher), badge, later: |_| {} }
    }

    /// The same with something that runs after a call was deferred.
    #[must_use]
    pub fn with_later(self, later: fn(&mut D)) -> Loopback<D> {
        Loopback { later, ..self }
    }

    /// The dispatcher and its server.
    pub fn dispatcher(&self) -> core::cell::RefMut<'_, D> {
        self.dispatcher.borrow_mut()
    }
}

impl<D: Dispatch> Transport for Loopback<D> {
    fn call(&self, tag: Tag, words: [u64; WORDS]) -> Result<(Tag, [u64; WORDS]), Error> {
        let (tag, words, handles) = self.call_with(tag, words, &[], &mut [])?;
        if handles.is_empty() { Ok((tag, words)) } else { Err(Error::ReceiverRefused) }
    }

    fn call_with(
        &self,
        tag: Tag,
        words: [u64; WORDS],
        handles: &[HandleTransfer],
        lends: &mut [Lend<'_>],
    ) -> Result<(Tag, [u64; WORDS], ReceivedHandles), Error> {
        let handles: Vec<_> = handles.iter().map(|transfer| transfer.handle).collect();
        let leases = lends
            .iter()
            .map(|lend| match lend {
                Lend::Read(bytes) => TestLease { bytes: bytes.to_vec(), access: Lease::READ },
                Lend::Write(bytes) => TestLease { bytes: bytes.to_vec(), access: Lease::WRITE },
            })
            .collect();
        let mut message = TestMessage::new(self.badge, tag, words, &handles, leases);
        let shared = Rc::clone(&message.shared);
        let outcome = self.dispatcher.borrow_mut().dispatch(&mut message);
        drop(message);
        let reply = match outcome {
            Outcome::Reply(reply) => Some(reply),
            Outcome::Deferred => {
                (self.later)(&mut self.dispatcher.borrow_mut());
                shared.borrow_mut().reply.take()
            }
        };
        for (lend, lease) in lends.iter_mut().zip(&shared.borrow().leases) {
            if let Lend::Write(bytes) = lend {
                bytes.copy_from_slice(&lease.bytes);
            }
        }
        let reply = reply.ok_or(Error::NoReply)?;
        let mut received = [Handle::NONE; MAX_HANDLES];
        for (place, handle) in received.iter_mut().zip(&reply.handles) {
            *place = handle.raw();
        }
        let count = reply.handles.len();
        Ok((reply.tag, reply.words, ReceivedHandles::new(received, count)))
    }
}
