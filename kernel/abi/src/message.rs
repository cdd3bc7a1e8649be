//! What a message looks like: eight words and a tag in registers, and, when the tag says so, handles
//! and leases described in an [`Extension`] in the sender's memory.

use crate::{Handle, Rights};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Words of a message that travel in registers.
pub const WORDS: usize = 8;
/// Most handles one message can carry.
pub const MAX_HANDLES: usize = 4;
/// Most leases one call can lend.
pub const MAX_LEASES: usize = 4;

/// What kind of message a receiver got. Set by the kernel: no sender can forge it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum MessageKind {
    /// A `call` from a client, or the reply to one's own call.
    Call = 0,
    /// The port's bound signal: word 0 holds the bits, nobody waits for a reply.
    Signal = 1,
    /// A thread's fault: see [`crate::fault`]. The reply decides what becomes of the thread.
    Fault = 2,
}

/// The message tag in `r15`.
///
/// | bits | meaning |
/// |---|---|
/// | 0..16 | label: the method called, or a reply's status; free for the interface to define |
/// | 16..20 | handles carried, 0 to 4 |
/// | 20..24 | leases lent, 0 to 4 (calls only) |
/// | 24..56 | free for the interface to define |
/// | 56..60 | [`MessageKind`], written by the kernel |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, FromBytes, Immutable, IntoBytes)]
#[repr(transparent)]
#[must_use]
pub struct Tag(pub u64);

impl Tag {
    const KIND_SHIFT: u32 = 56;
    /// The bits only the kernel writes.
    pub const KERNEL_BITS: u64 = 0xff << Self::KIND_SHIFT;

    /// A tag with a label and no handles or leases.
    pub const fn new(label: u16) -> Tag {
        Tag(label as u64)
    }

    /// The same tag, carrying `count` handles.
    pub const fn with_handles(self, count: usize) -> Tag {
        Tag((self.0 & !(0xf << 16)) | ((count as u64 & 0xf) << 16))
    }

    /// The same tag, lending `count` leases.
    pub const fn with_leases(self, count: usize) -> Tag {
        Tag((self.0 & !(0xf << 20)) | ((count as u64 & 0xf) << 20))
    }

    /// The same tag with the interface's own 32 bits.
    pub const fn with_user(self, value: u32) -> Tag {
        Tag((self.0 & !(0xffff_ffff << 24)) | ((value as u64) << 24))
    }

    /// The same tag as the kernel delivers it: with its kind, whatever the sender wrote there.
    pub const fn with_kind(self, kind: MessageKind) -> Tag {
        Tag((self.0 & !Self::KERNEL_BITS) | ((kind as u64) << Self::KIND_SHIFT))
    }

    /// The label.
    #[must_use]
    pub const fn label(self) -> u16 {
        self.0 as u16
    }

    /// Handles carried.
    #[must_use]
    pub const fn handles(self) -> usize {
        (self.0 >> 16 & 0xf) as usize
    }

    /// Leases lent.
    #[must_use]
    pub const fn leases(self) -> usize {
        (self.0 >> 20 & 0xf) as usize
    }

    /// Whether an [`Extension`] has to be read: any handle or lease.
    #[must_use]
    pub const fn has_extension(self) -> bool {
        self.0 & (0xff << 16) != 0
    }

    /// The interface's own 32 bits.
    #[must_use]
    pub const fn user(self) -> u32 {
        (self.0 >> 24) as u32
    }

    /// What kind of message it is.
    #[must_use]
    pub const fn kind(self) -> MessageKind {
        match (self.0 >> Self::KIND_SHIFT) as u8 & 0xf {
            1 => MessageKind::Signal,
            2 => MessageKind::Fault,
            _ => MessageKind::Call,
        }
    }
}

/// One handle on its way to another process: a copy with these rights and, for an unbadged port
/// handle with [`Rights::BADGE`], this badge. Any port handle may be marked [`crate::DELEGATED`] instead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes)]
#[repr(C)]
pub struct HandleTransfer {
    /// The sender's handle; it needs [`Rights::COPY`].
    pub handle: Handle,
    /// Rights of the copy: the intersection with the sender's own.
    pub rights: u16,
    /// Must be 0.
    pub reserved: u16,
    /// Badge of the copy; 0 keeps the sender's.
    pub badge: u64,
}

impl HandleTransfer {
    /// A copy of `handle` with at most `rights`.
    #[must_use]
    pub const fn new(handle: Handle, rights: Rights) -> HandleTransfer {
        HandleTransfer { handle, rights: rights.bits(), reserved: 0, badge: 0 }
    }
}

/// A byte range of the caller's memory lent to the server until it replies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes)]
#[repr(C)]
pub struct Lease {
    /// First byte, in the caller's address space.
    pub address: u64,
    /// Length in bytes.
    pub length: u64,
    /// [`Lease::READ`] and/or [`Lease::WRITE`].
    pub access: u64,
}

impl Lease {
    /// The server may read the range.
    pub const READ: u64 = 1;
    /// The server may write the range.
    pub const WRITE: u64 = 2;
}

/// Handles and leases of a message, in the memory of the thread that sends or receives it; its
/// address goes in `rbx`.
///
/// The kernel reads the first `tag.handles()` of `handles` and the first `tag.leases()` of `leases`
/// when a message is sent. When handles arrive it writes their new values to `received`; a receiver
/// with `rbx == 0` can take none, and the sender gets [`crate::Error::ReceiverRefused`].
#[derive(Clone, Copy, Debug, Default, FromBytes, Immutable, IntoBytes)]
#[repr(C)]
pub struct Extension {
    /// Handles to send.
    pub handles: [HandleTransfer; MAX_HANDLES],
    /// Leases to lend.
    pub leases: [Lease; MAX_LEASES],
    /// Handles received.
    pub received: [Handle; MAX_HANDLES],
}

#[cfg(test)]
#[path = "tests/message.rs"]
mod tests;
