//! Objects: what a handle can name, what objects are charged to, and how long they live.

use crate::Result;
use crate::budget::Budget;
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::port::Port;
use crate::process::Process;
use crate::quota::Quota;
use crate::region::{Mapping, Region};
use crate::resource::{IoPorts, Irq};
use crate::signal::Signal;
use crate::slab::{Id, Slab, Weak};
use crate::thread::Thread;
use airox_abi::{Error, ObjectKind, QuotaKind, Rights};

/// [`Object::Port`], for the entry stubs.
pub(crate) const PORT: u32 = 2;

/// What a capability gives access to.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(u32)]
pub(crate) enum Object {
    Process(Id<Process>) = 0,
    Thread(Id<Thread>) = 1,
    Port(Id<Port>) = PORT,
    /// The right to answer this thread's call. The thread may have died since.
    Reply(Weak<Thread>) = 3,
    Signal(Id<Signal>) = 4,
    Region(Id<Region>) = 5,
    Quota(Id<Quota>) = 6,
    Irq(Id<Irq>) = 7,
    IoPorts(Id<IoPorts>) = 8,
    Budget(Id<Budget>) = 9,
    Machine = 10,
    /// Not reachable by a handle: the tree node of a mapping.
    Mapping(Id<Mapping>) = 11,
}

/// A kind of object that lies in a table of its own and is charged to a quota.
pub(crate) trait Kind: Sized {
    /// What one costs.
    const CHARGE: QuotaKind;
    fn table<M>(kernel: &mut Kernel<M>) -> &mut Slab<Self>;
    /// The object, if it is of this kind.
    fn of(object: Object) -> Option<Id<Self>>;
}

macro_rules! kinds {
    ($($name:ident: $table:ident, $charge:ident;)*) => {
        $(impl Kind for $name {
            const CHARGE: QuotaKind = QuotaKind::$charge;
            fn table<M>(kernel: &mut Kernel<M>) -> &mut Slab<Self> {
                &mut kernel.$table
            }
            #[inline(always)]
            fn of(object: Object) -> Option<Id<Self>> {
                if let Object::$name(id) = object { Some(id) } else { None }
            }
        })*

        impl Object {
            /// The kind programs know, `None` for a mapping.
            pub(crate) const fn kind(&self) -> Option<ObjectKind> {
                match self {
                    $(Object::$name(_) => Some(ObjectKind::$name),)*
                    Object::Reply(_) => Some(ObjectKind::Reply),
                    Object::Machine => Some(ObjectKind::Machine),
                    Object::Mapping(_) => None,
                }
            }

            /// A number people can tell objects apart by.
            pub(crate) const fn number(&self) -> u32 {
                match self {
                    $(Object::$name(id) => id.number(),)*
                    Object::Reply(_) | Object::Machine | Object::Mapping(_) => 0,
                }
            }
        }

        impl<M: Machine> Kernel<M> {
            /// A capability names the object.
            pub(crate) fn retain(&mut self, object: Object, rights: Rights) {
                match object {
                    $(Object::$name(id) => self.$table.retain(id),)*
                    Object::Reply(_) | Object::Machine | Object::Mapping(_) => {}
                }
                match object {
                    Object::Port(id) if rights.contains(Rights::RECEIVE) => self.ports[id].receiving_handles += 1,
                    Object::Quota(id) => self.quotas[id].users += 1,
                    _ => {}
                }
            }
        }
    };
}

kinds! {
    Process: processes, Processes;
    Thread: threads, Threads;
    Port: ports, Ports;
    Signal: signals, Signals;
    Region: regions, Regions;
    Quota: quotas, Quotas;
    Irq: irqs, Resources;
    IoPorts: io_ports, Resources;
    Budget: budgets, Resources;
}

impl<M: Machine> Kernel<M> {
    /// Makes an object, which is charged to a quota and keeps it alive until [`Self::remove_object`].
    pub(crate) fn add_object<T: Kind>(&mut self, quota: Id<Quota>, object: T) -> Result<Id<T>> {
        self.charge(quota, T::CHARGE, 1)?;
        let Some(id) = T::table(self).insert(object, quota) else {
            self.uncharge(quota, T::CHARGE, 1);
            return Err(Error::QuotaExceeded);
        };
        self.quotas.retain(quota);
        Ok(id)
    }

    /// The end of an object.
    pub(crate) fn remove_object<T: Kind>(&mut self, id: Id<T>) {
        let quota = T::table(self).quota(id);
        T::table(self).remove(id);
        self.uncharge(quota, T::CHARGE, 1);
        self.release_quota(quota);
    }

    /// A reference to the object has gone: with the last one the object ends, unless something else needs it still.
    fn release_object<T: Kind>(&mut self, id: Id<T>, end: fn(&mut Self, Id<T>)) {
        if T::table(self).release(id) == 0 {
            end(self, id);
        }
    }

    /// A capability of an owner that is `alive`, or not any more, names the object no more.
    pub(crate) fn release(&mut self, object: Object, rights: Rights, alive: bool) {
        match object {
            Object::Process(id) => self.release_object(id, Self::free_process_if_unused),
            Object::Thread(id) => self.release_object(id, Self::free_thread_if_unused),
            Object::Port(id) => {
                if rights.contains(Rights::RECEIVE) {
                    self.drop_receiver(id);
                }
                self.release_object(id, Self::free_port);
            }
            Object::Reply(caller) => {
                self.abandon_caller(caller, if alive { Error::NoReply } else { Error::ServerDied })
            }
            Object::Signal(id) => self.release_object(id, Self::free_signal_if_unused),
            Object::Region(id) => self.release_object(id, Self::free_region),
            Object::Quota(id) => self.leave_quota(id),
            Object::Irq(id) => self.release_object(id, Self::free_irq),
            Object::IoPorts(id) => self.release_object(id, Self::free_io_ports),
            Object::Budget(id) => self.release_object(id, Self::free_budget),
            Object::Mapping(id) => self.remove_mapping(id),
            Object::Machine => {}
        }
    }
}
