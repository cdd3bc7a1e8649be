//! Messages, replies and leases.

use super::{address, address_mut, arg, handle};
use crate::stub::{self, Received, simple};
use airox_abi::message::{Extension, HandleTransfer, Lease, MAX_HANDLES, MAX_LEASES, Tag, WORDS};
use airox_abi::{Error, Handle, SystemCall};

/// A call in registers only. The reply can bring no handles.
#[inline(always)]
pub fn call(port: Handle, tag: Tag, words: [u64; WORDS]) -> Result<Received, Error> {
    stub::message(SystemCall::Call, arg(port), tag, words)
}

/// A byte range lent to a server until it replies.
#[derive(Debug)]
pub enum Lend<'a> {
    /// The server may read it.
    Read(&'a [u8]),
    /// The server may write it.
    Write(&'a mut [u8]),
}

impl Lend<'_> {
    fn lease(&mut self) -> Lease {
        match self {
            Lend::Read(bytes) => Lease { address: address(*bytes), length: bytes.len() as u64, access: Lease::READ },
            Lend::Write(bytes) => {
                Lease { address: address_mut(*bytes), length: bytes.len() as u64, access: Lease::WRITE }
            }
        }
    }
}

/// A call with handles and leases; `tag` is given their counts. The reply's handles are the second
/// part of the result, as many as its tag says.
///
/// More than [`MAX_HANDLES`] handles or [`MAX_LEASES`] leases are an [`Error::InvalidArgument`].
pub fn call_lend(
    port: Handle,
    tag: Tag,
    words: [u64; WORDS],
    handles: &[HandleTransfer],
    lends: &mut [Lend<'_>],
) -> Result<(Received, [Handle; MAX_HANDLES]), Error> {
    if handles.len() > MAX_HANDLES || lends.len() > MAX_LEASES {
        return Err(Error::InvalidArgument);
    }
    let mut extension = Extension::default();
    extension.handles[..handles.len()].copy_from_slice(handles);
    for (slot, lend) in extension.leases.iter_mut().zip(lends.iter_mut()) {
        *slot = lend.lease();
    }
    let tag = tag.with_handles(handles.len()).with_leases(lends.len());
    let received = stub::message_extended(SystemCall::Call, arg(port), tag, words, &mut extension)?;
    Ok((received, extension.received))
}

/// A call with an extension as it is, for tests of the kernel.
///
/// # Safety
/// The server may write to the leases in `extension`: they must cover memory that is valid for that.
pub unsafe fn call_extended(
    port: Handle,
    tag: Tag,
    words: [u64; WORDS],
    extension: &mut Extension,
) -> Result<Received, Error> {
    stub::message_extended(SystemCall::Call, arg(port), tag, words, extension)
}

/// Replies in registers only, then receives; messages with handles are refused by the kernel.
#[inline(always)]
pub fn reply_receive(port: Handle, tag: Tag, words: [u64; WORDS]) -> Result<Received, Error> {
    stub::message(SystemCall::ReplyReceive, arg(port), tag, words)
}

/// Replies, with handles if the tag says so, then receives; handles arrive in `extension.received`.
#[inline(always)]
pub fn reply_receive_extended(
    port: Handle,
    tag: Tag,
    words: [u64; WORDS],
    extension: &mut Extension,
) -> Result<Received, Error> {
    stub::message_extended(SystemCall::ReplyReceive, arg(port), tag, words, extension)
}

/// Receives; messages with handles are refused by the kernel.
#[inline(always)]
pub fn receive(port: Handle) -> Result<Received, Error> {
    stub::message(SystemCall::Receive, arg(port), Tag(0), [0; WORDS])
}

/// Receives; handles arrive in `extension.received`.
#[inline(always)]
pub fn receive_extended(port: Handle, extension: &mut Extension) -> Result<Received, Error> {
    stub::message_extended(SystemCall::Receive, arg(port), Tag(0), [0; WORDS], extension)
}

/// Answers the current caller (`Handle::NONE`) or the one a reply handle names.
#[inline(always)]
pub fn reply(reply: Handle, tag: Tag, words: [u64; WORDS]) -> Result<(), Error> {
    stub::message(SystemCall::Reply, arg(reply), tag, words).map(drop)
}

/// The same with handles; `tag` is given their count.
pub fn reply_with(reply: Handle, tag: Tag, words: [u64; WORDS], handles: &[HandleTransfer]) -> Result<(), Error> {
    if handles.len() > MAX_HANDLES {
        return Err(Error::InvalidArgument);
    }
    let mut extension = Extension::default();
    extension.handles[..handles.len()].copy_from_slice(handles);
    let tag = tag.with_handles(handles.len());
    stub::message_extended(SystemCall::Reply, arg(reply), tag, words, &mut extension).map(drop)
}

/// Keeps the right to answer the current caller as a reply handle.
pub fn reply_save() -> Result<Handle, Error> {
    simple(SystemCall::ReplySave, [0; 6]).map(|values| handle(values[0]))
}

/// Copies from a caller's lease; all of `buffer` or nothing. Returns the bytes copied.
pub fn lease_read(reply: Handle, lease: usize, offset: u64, buffer: &mut [u8]) -> Result<usize, Error> {
    let length = buffer.len() as u64;
    let arguments = [arg(reply), lease as u64, offset, address_mut(buffer), length, 0];
    simple(SystemCall::LeaseRead, arguments).map(|values| values[0] as usize)
}

/// Copies to a caller's lease; all of `bytes` or nothing. Returns the bytes copied.
pub fn lease_write(reply: Handle, lease: usize, offset: u64, bytes: &[u8]) -> Result<usize, Error> {
    let length = bytes.len() as u64;
    let arguments = [arg(reply), lease as u64, offset, address(bytes), length, 0];
    simple(SystemCall::LeaseWrite, arguments).map(|values| values[0] as usize)
}

/// A caller's lease: its length in bytes and its access ([`Lease::READ`], [`Lease::WRITE`]).
pub fn lease_info(reply: Handle, lease: usize) -> Result<(u64, u64), Error> {
    let arguments = [arg(reply), lease as u64, 0, 0, 0, 0];
    simple(SystemCall::LeaseInfo, arguments).map(|values| (values[0], values[1]))
}
