//! Typed handles: who owns a value of these types owns the handle, and dropping it closes it.
//!
//! The type says what the handle should name; the kernel checks it at each use. A handle received from
//! someone else is checked once with [`AnyHandle::into_typed`].

mod budget;
mod objects;

use crate::call;
use airox_abi::{Error, Handle, ObjectKind, Rights};

/// What a handle names and allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandleInfo {
    /// Kind of object.
    pub kind: ObjectKind,
    /// Rights.
    pub rights: Rights,
    /// Badge, 0 if none.
    pub badge: u64,
}

/// What all typed handles can do.
pub trait TypedHandle: Sized {
    /// The kind of object such a handle names.
    const KIND: ObjectKind;

    /// Takes over a raw handle. That it names an object of this kind is the caller's claim; if it does
    /// not, each use fails with [`Error::WrongType`].
    fn from_raw(handle: Handle) -> Self;

    /// The raw handle, still owned by this value.
    fn raw(&self) -> Handle;

    /// Gives the raw handle away without closing it.
    fn into_raw(self) -> Handle;

    /// Derives a copy with at most `rights`.
    fn copy(&self, rights: Rights) -> Result<Self, Error> {
        call::handle_copy(self.raw(), rights, 0).map(Self::from_raw)
    }

    /// Derives a copy with at most `rights` and a badge (ports and signals, unbadged, with `BADGE`).
    fn copy_badged(&self, rights: Rights, badge: u64) -> Result<Self, Error> {
        call::handle_copy(self.raw(), rights, badge).map(Self::from_raw)
    }

    /// Takes back everything derived from this handle, in every process.
    fn revoke(&self) -> Result<(), Error> {
        call::handle_revoke(self.raw())
    }

    /// What the handle names and allows.
    fn info(&self) -> Result<HandleInfo, Error> {
        call::handle_info(self.raw()).map(|(kind, rights, badge)| HandleInfo { kind, rights, badge })
    }
}

macro_rules! typed_handles {
    ($($(#[$doc:meta])* $name:ident;)*) => { $(
        $(#[$doc])*
        #[derive(Debug, PartialEq, Eq)]
        pub struct $name(Handle);

        impl TypedHandle for $name {
            const KIND: ObjectKind = ObjectKind::$name;
            #[inline]
            fn from_raw(handle: Handle) -> Self { $name(handle) }
            #[inline]
            fn raw(&self) -> Handle { self.0 }
            #[inline]
            fn into_raw(self) -> Handle { core::mem::ManuallyDrop::new(self).0 }
        }

        impl Drop for $name {
            fn drop(&mut self) { close(self.0); }
        }
    )* };
}

typed_handles! {
    /// Synchronous rendezvous. Make one with [`Port::create`].
    Port;
    /// 64 bits that can be waited for, and a one-shot timer.
    Signal;
    /// Physical pages.
    Region;
    /// Another process (or, for the root task, this one).
    Process;
    /// A thread.
    Thread;
    /// A quota that objects are charged to.
    Quota;
    /// Authority over an interrupt line.
    Irq;
    /// Authority over a range of I/O ports.
    IoPorts;
    /// The right to answer one call, kept for later.
    Reply;
    /// The machine authority of the root task.
    Machine;
    /// Processor time that threads run on.
    Budget;
}

/// A handle of a kind not yet known.
#[derive(Debug, PartialEq, Eq)]
pub struct AnyHandle(Handle);

impl AnyHandle {
    /// Takes over a raw handle.
    #[must_use]
    pub fn from_raw(handle: Handle) -> AnyHandle {
        AnyHandle(handle)
    }

    /// The raw handle, still owned by this value.
    #[must_use]
    pub fn raw(&self) -> Handle {
        self.0
    }

    /// Gives the raw handle away without closing it.
    #[must_use]
    pub fn into_raw(self) -> Handle {
        core::mem::ManuallyDrop::new(self).0
    }

    /// What the handle names and allows.
    pub fn info(&self) -> Result<HandleInfo, Error> {
        call::handle_info(self.0).map(|(kind, rights, badge)| HandleInfo { kind, rights, badge })
    }

    /// The typed handle, if it names an object of that kind; else it is closed.
    pub fn into_typed<T: TypedHandle>(self) -> Result<T, Error> {
        if self.info()?.kind == T::KIND { Ok(T::from_raw(self.into_raw())) } else { Err(Error::WrongType) }
    }
}

impl<T: TypedHandle> From<T> for AnyHandle {
    fn from(handle: T) -> AnyHandle {
        AnyHandle(handle.into_raw())
    }
}

impl Drop for AnyHandle {
    fn drop(&mut self) {
        close(self.0);
    }
}

/// Closing fails only for a handle that is gone already: revoked, or used up as a reply is.
fn close(handle: Handle) {
    if !handle.is_none() {
        let _already_gone = call::handle_close(handle);
    }
}
