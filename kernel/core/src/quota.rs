//! Quotas: how much of each kind a subtree may use.
//!
//! A child's limits are carved out of its parent at once, so what was promised is there: one subtree can't exhaust another's. Every
//! object remembers the quota it is charged to and keeps it alive. But once nobody can charge anything to it, only what is in use stays promised: an
//! object that someone else still holds does not keep the rest from its parent.

use crate::Result;
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::object::Object;
use crate::slab::Id;
use airox_abi::{Error, QuotaKind, QuotaLimits, Rights};

/// A node of the quota tree.
pub(crate) struct Quota {
    pub(crate) limits: QuotaLimits,
    pub(crate) used: QuotaLimits,
    parent: Option<Id<Quota>>,
    /// Who can charge to it: handles to it, processes that live on it, quotas carved out of it that can be charged to.
    pub(crate) users: u32,
}

impl Quota {
    pub(crate) const fn root(limits: QuotaLimits) -> Quota {
        Quota { limits, used: QuotaLimits([0; QuotaKind::COUNT]), parent: None, users: 0 }
    }
}

impl<M: Machine> Kernel<M> {
    /// Charges `count` units of a kind.
    pub(crate) fn charge(&mut self, quota: Id<Quota>, kind: QuotaKind, count: u32) -> Result<()> {
        let quota = &mut self.quotas[quota];
        let used = &mut quota.used.0[kind as usize];
        match used.checked_add(count) {
            Some(sum) if sum <= quota.limits.0[kind as usize] => {
                *used = sum;
                Ok(())
            }
            _ => Err(Error::QuotaExceeded),
        }
    }

    /// Gives units back.
    pub(crate) fn uncharge(&mut self, quota: Id<Quota>, kind: QuotaKind, count: u32) {
        let entry = &mut self.quotas[quota];
        entry.used.0[kind as usize] -= count;
        if entry.users == 0 {
            self.return_promises(quota);
        }
    }

    /// A handle to a quota, or a process that lives on it.
    pub(crate) fn use_quota(&mut self, quota: Id<Quota>) {
        self.retain(Object::Quota(quota), Rights::empty());
    }

    /// The end of what [`Self::use_quota`] began.
    pub(crate) fn leave_quota(&mut self, quota: Id<Quota>) {
        self.drop_user(quota);
        self.release_quota(quota);
    }

    /// One less can charge to a quota; of the last one, its parent is told.
    fn drop_user(&mut self, mut quota: Id<Quota>) {
        loop {
            let entry = &mut self.quotas[quota];
            entry.users -= 1;
            let Some(parent) = entry.parent.filter(|_| entry.users == 0) else { return };
            self.return_promises(quota);
            quota = parent;
        }
    }

    /// Nobody can charge to a quota any more: what it does not use goes back to its parent, and so on.
    fn return_promises(&mut self, mut quota: Id<Quota>) {
        while let Quota { parent: Some(parent), limits, used, users: 0, .. } = self.quotas[quota] {
            self.quotas[quota].limits = used;
            for (kind, taken) in self.quotas[parent].used.0.iter_mut().enumerate() {
                *taken -= limits.0[kind] - used.0[kind];
            }
            quota = parent;
        }
    }

    /// Carves a child out of a quota.
    pub(crate) fn create_quota(&mut self, parent: Id<Quota>, limits: QuotaLimits) -> Result<Id<Quota>> {
        let mut after = self.quotas[parent].used;
        after.0[QuotaKind::Quotas as usize] += 1;
        for kind in 0..QuotaKind::COUNT {
            after.0[kind] = after.0[kind].checked_add(limits.0[kind]).ok_or(Error::QuotaExceeded)?;
            if after.0[kind] > self.quotas[parent].limits.0[kind] {
                return Err(Error::QuotaExceeded);
            }
        }
        let child = Quota { parent: Some(parent), ..Quota::root(limits) };
        let id = self.quotas.insert(child, parent).ok_or(Error::QuotaExceeded)?;
        self.quotas[parent].used = after;
        // It is about to have a handle.
        self.use_quota(parent);
        Ok(id)
    }

    /// One reference less; an unused quota gives its limits back to its parent.
    pub(crate) fn release_quota(&mut self, mut id: Id<Quota>) {
        while self.quotas.release(id) == 0 {
            let Quota { limits, parent: Some(parent), .. } = self.quotas[id] else { return };
            self.quotas.remove(id);
            for (used, limit) in self.quotas[parent].used.0.iter_mut().zip(limits.0) {
                *used -= limit;
            }
            self.uncharge(parent, QuotaKind::Quotas, 1);
            id = parent;
        }
    }
}
