//! What does not travel in registers: handles that move with a message, and leases on the caller's memory.

use crate::Result;
use crate::address_space::Address;
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::object::Object;
use crate::process::Process;
use crate::slab::{Id, Weak};
use crate::thread::Thread;
use airox_abi::message::{Extension, HandleTransfer, Lease, MAX_HANDLES, MAX_LEASES};
use airox_abi::{Error, Handle, Rights};
use core::mem::offset_of;
use zerocopy::IntoBytes;

impl<M: Machine> Kernel<M> {
    /// Where a field of a thread's [`Extension`] is.
    fn extension(&self, thread: Id<Thread>, field: usize) -> Address {
        let thread = &self.threads[thread];
        (thread.process, thread.context.rbx.wrapping_add(field as u64))
    }

    /// Notes the leases a sender lends with its call.
    pub(crate) fn read_leases(&mut self, sender: Id<Thread>, count: usize) -> Result<()> {
        let mut leases = [Lease::default(); MAX_LEASES];
        if count > 0 {
            self.read_user(self.extension(sender, offset_of!(Extension, leases)), leases[..count].as_mut_bytes())?;
            if leases.iter().any(|lease| lease.access & !(Lease::READ | Lease::WRITE) != 0) {
                return Err(Error::InvalidArgument);
            }
        }
        let entry = &mut self.threads[sender];
        entry.leases = leases;
        entry.lease_count = count as u8;
        Ok(())
    }

    /// Copies handles from one thread's process to another's. `ReceiverRefused` is the receiver's fault (no room), any other error the
    /// sender's; in both cases nothing has been handed over.
    pub(crate) fn transfer_handles(&mut self, from: Id<Thread>, to: Id<Thread>, count: usize) -> Result<()> {
        if count == 0 {
            return Ok(());
        }
        let (source, target) = (self.threads[from].process, self.threads[to].process);
        let mut transfers = [HandleTransfer::default(); MAX_HANDLES];
        let transfers = &mut transfers[..count];
        self.read_user(self.extension(from, offset_of!(Extension, handles)), transfers.as_mut_bytes())?;
        if self.threads[to].context.rbx == 0 {
            return Err(Error::ReceiverRefused);
        }
        let mut received = [Handle::NONE; MAX_HANDLES];
        let moved = received.iter_mut().zip(transfers).try_for_each(|(slot, transfer)| {
            *slot = self.transfer_handle(source, target, transfer)?;
            Ok(())
        });
        let result = moved.and_then(|()| {
            let told = self.write_user(self.extension(to, offset_of!(Extension, received)), received.as_bytes());
            told.map_err(|_| Error::ReceiverRefused)
        });
        if result.is_err() {
            for handle in received.into_iter().filter(|handle| !handle.is_none()) {
                if let Ok((index, _)) = self.capabilities.find(target, u64::from(handle.0)) {
                    self.delete_capability(index);
                }
            }
        }
        result
    }

    fn transfer_handle(&mut self, from: Id<Process>, to: Id<Process>, transfer: &HandleTransfer) -> Result<Handle> {
        if transfer.handle.is_none() {
            return Ok(Handle::NONE);
        }
        let rights = Rights::from_bits(transfer.rights).ok_or(Error::InvalidArgument)?;
        if transfer.reserved != 0 {
            return Err(Error::InvalidArgument);
        }
        let (index, capability) = self.capabilities.find(from, u64::from(transfer.handle.0))?;
        if matches!(capability.object, Object::Mapping(_)) {
            return Err(Error::InvalidHandle);
        }
        self.derive(index, to, rights, transfer.badge).map_err(|error| match error {
            Error::QuotaExceeded => Error::ReceiverRefused,
            other => other,
        })
    }

    /// Whose leases a lease call means: the current caller's (0) or those of the caller a reply handle names.
    fn lease_owner(&self, claim: u64) -> Result<Id<Thread>> {
        if claim == 0 {
            self.current_caller().ok_or(Error::NoCaller)
        } else {
            self.find_reply(claim)?.1.ok_or(Error::NoCaller)
        }
    }

    fn lease(&self, claim: u64, index: u64) -> Result<(Id<Thread>, Lease)> {
        let owner = self.lease_owner(claim)?;
        let thread = &self.threads[owner];
        if thread.faulted || index >= u64::from(thread.lease_count) {
            return Err(Error::LeaseDenied);
        }
        Ok((owner, thread.leases[index as usize]))
    }

    /// `lease_info`.
    pub(crate) fn lease_info(&self, claim: u64, index: u64) -> Result<(u64, u64)> {
        let (_, lease) = self.lease(claim, index)?;
        Ok((lease.length, lease.access))
    }

    /// `lease_read` and `lease_write` of a range of the lender's memory: copies its first `piece` bytes from or to the running process's buffer.
    pub(crate) fn lease_copy(&mut self, arguments: [u64; 4], length: u64, piece: u64, access: u64) -> Result<()> {
        let [claim, index, offset, buffer] = arguments;
        let (owner, lease) = self.lease(claim, index)?;
        let end = offset.checked_add(length).ok_or(Error::LeaseDenied)?;
        if lease.access & access == 0 || end > lease.length {
            return Err(Error::LeaseDenied);
        }
        let lent = lease.address.checked_add(offset).ok_or(Error::LeaseDenied)?;
        let (mine, theirs) = ((self.cpu.current_process, buffer), (self.threads[owner].process, lent));
        let (from, to) = if access == Lease::READ { (theirs, mine) } else { (mine, theirs) };
        self.check_user(theirs, piece, access == Lease::WRITE).map_err(|_| Error::LeaseDenied)?;
        self.copy_user(from, to, piece)
    }

    /// `reply_save`.
    pub(crate) fn save_reply(&mut self) -> Result<Handle> {
        let server = self.cpu.current;
        self.current_caller().ok_or(Error::NoCaller)?;
        let caller = self.threads[server].reply_to;
        let (_, handle) = self.insert_capability(self.cpu.current_process, Object::Reply(caller), Rights::SEND)?;
        self.threads[server].reply_to = Weak::NONE;
        self.serve_on(server, self.threads[caller.id()].calling);
        Ok(handle)
    }

    /// A reply handle of the running process, and its caller if that still waits.
    pub(crate) fn find_reply(&self, claim: u64) -> Result<(u32, Option<Id<Thread>>)> {
        let (index, capability) = self.find_any(claim)?;
        let Object::Reply(caller) = capability.object else {
            return Err(Error::WrongType);
        };
        Ok((index, self.awaiting(caller)))
    }
}
