//! How calls travel: what generated clients and dispatchers are built from.
//!
//! # Format
//! The tag's label is the method's number in a request. Its user bits hold, in the low byte, how many bytes of
//! postcard the words carry (0 to 64), or [`IN_LEASE`] if they are in a lease; in the upper half, the low half of the interface's id.
//!
//! A request's leases are, in this order: the arguments, if they are in a lease; the buffer for the result, if the method has
//! one; the method's own.
//!
//! A reply's label is [`STATUS_OK`] with the postcard of `T`, [`STATUS_ERROR`] with that of `E`, or a [`ProtocolError`] code. If its
//! bytes are in the lease, word 0 tells how many.

mod client;
mod encoding;
mod error;
mod info;
mod lease;
mod server;

pub use client::{Client, ReceivedHandles, Transport, invoke};
pub use encoding::{Encoded, Payload, bytes_of, decode, encode};
pub use error::{CallError, ProtocolError};
pub use info::{Interface, InterfaceInfo, Reader, decode_result, describe, interface_id};
pub use lease::{LeaseAccess, LeaseError, ReadLease, SavedLease, WriteLease};
pub use server::{Call, Caller, Deferred, Dispatch, Incoming, Outcome, ReplyMessage, SavedReply};

/// Label of a reply that carries the method's result.
pub const STATUS_OK: u16 = 0;
/// Label of a reply that carries the method's error.
pub const STATUS_ERROR: u16 = 1;
/// In the tag's low user byte: the bytes are in a lease.
pub const IN_LEASE: u32 = 0xff;
/// Bytes of postcard that fit in the words of a message.
pub const INLINE_BYTES: usize = airox_abi::message::WORDS * 8;
/// Longest arguments in a lease, in bytes; leases passed as such are not limited.
pub const MAX_ARGUMENT_BYTES: usize = 64 * 1024;
/// Size of the buffer a client lends for a result that may be large, unless the method says otherwise.
pub const REPLY_BYTES: usize = 4096;

/// The tag of a request.
pub const fn request_tag(interface: u32, method: u16, length: u32) -> airox_abi::message::Tag {
    airox_abi::message::Tag::new(method).with_user(length | (interface & 0xffff) << 16)
}

/// What generated code names besides.
#[doc(hidden)]
pub mod export {
    pub use airox_abi::Rights;
    pub use airox_abi::message::{HandleTransfer, Lease, Tag};
    pub use airox_sys::call::Lend;
    pub use airox_sys::{AnyHandle, Port, TypedHandle};
    pub use alloc::format;
    pub use alloc::string::String;
    pub use alloc::vec::Vec;
}
