//! Quotas: how much data, and how many files, a directory may have below it.
//!
//! Each node knows the directory on whose account it is, so accounting costs one item for each change of a file's blocks, and for each file made or
//! removed, however deep it is. A directory with a quota of its own and what is below it count there and not above.

use airox_driver_traits::block::BlockDevice;
use core::ops::Range;

use crate::error::Error;
use crate::key::{Key, Kind};
use crate::records::{Node, NodeKind, Quota};
use crate::volume::Volume;

impl<D: BlockDevice> Volume<D> {
    /// Gives a directory without entries a quota, or changes the quota of one that has one: at most `blocks` of 4096 bytes of data, and at most
    /// `files` files and directories. What is above a new limit stays, and does not grow.
    ///
    /// # Errors
    /// [`Error::NotEmpty`] if the directory has entries and no quota, [`Error::NotFound`], [`Error::NotDirectory`],
    /// [`Error::NoSpace`], [`Error::ReadOnly`] and the medium's.
    pub fn set_quota(&mut self, directory: u64, blocks: u64, files: u64) -> Result<(), Error> {
        self.prepare(0, true)?;
        let node = self.directory(directory)?;
        let before = match self.quota(directory)? {
            Some(quota) => quota,
            None if node.entries == 0 => {
                // It does not count above any more.
                self.account_files(node.quota, -1)?;
                Quota { limit: 0, used: 0, most_files: 0, files: 0 }
            }
            None => return Err(Error::NotEmpty),
        };
        self.put_node(directory, &Node { quota: directory, ..node });
        self.put_quota(directory, Quota { limit: blocks, most_files: files, ..before });
        Ok(())
    }

    /// The quota that a node counts for, and what is used of it.
    ///
    /// # Errors
    /// [`Error::NotFound`] and the medium's.
    pub fn quota_of(&mut self, node: u64) -> Result<Option<Quota>, Error> {
        let root = self.node(node)?.quota;
        if root == 0 { Ok(None) } else { self.quota(root) }
    }

    fn put_quota(&mut self, root: u64, quota: Quota) {
        self.store.put(Key::new(root, Kind::Quota, 0), &quota.encode());
    }

    /// Brings all that [`account`](Self::account) needs into the memory table, so that afterwards it can't fail. Comes before the first
    /// change of an operation.
    pub(crate) fn hold_account(&mut self, number: u64) -> Result<(), Error> {
        let node = self.node(number)?;
        self.hold_quota(node.quota)?;
        self.put_node(number, &node);
        Ok(())
    }

    pub(crate) fn hold_quota(&mut self, root: u64) -> Result<(), Error> {
        if root != 0
            && let Some(quota) = self.quota(root)?
        {
            self.put_quota(root, quota);
        }
        Ok(())
    }

    /// Enters that a node, and its quota, have so many blocks more or less.
    pub(crate) fn account(&mut self, number: u64, change: i64) -> Result<(), Error> {
        if change == 0 {
            return Ok(());
        }
        let mut node = self.node(number)?;
        node.blocks = node.blocks.saturating_add_signed(change);
        self.put_node(number, &node);
        self.account_quota(node.quota, change)
    }

    pub(crate) fn account_quota(&mut self, root: u64, change: i64) -> Result<(), Error> {
        if root != 0
            && change != 0
            && let Some(quota) = self.quota(root)?
        {
            self.put_quota(root, Quota { used: quota.used.saturating_add_signed(change), ..quota });
        }
        Ok(())
    }

    /// Enters that so many files more or less count for a quota.
    pub(crate) fn account_files(&mut self, root: u64, change: i64) -> Result<(), Error> {
        if root != 0
            && let Some(quota) = self.quota(root)?
        {
            self.put_quota(root, quota.with_files(change));
        }
        Ok(())
    }

    /// The quota with another file, to be entered by [`enter_quota`](Self::enter_quota) when nothing can fail any more.
    pub(crate) fn with_another_file(&mut self, root: u64) -> Result<Option<Quota>, Error> {
        match if root == 0 { None } else { self.quota(root)? } {
            Some(quota) if quota.files >= quota.most_files => Err(Error::QuotaExceeded),
            quota => Ok(quota.map(|quota| quota.with_files(1))),
        }
    }

    pub(crate) fn enter_quota(&mut self, root: u64, quota: Option<Quota>) {
        if let Some(quota) = quota {
            self.put_quota(root, quota);
        }
    }

    /// Whether the quota has room for a write to these blocks of a file.
    pub(crate) fn check_quota(&mut self, node: u64, blocks: Range<u64>) -> Result<(), Error> {
        let Some(mut quota) = self.quota_of(node)? else {
            return Ok(());
        };
        if quota.limit.saturating_sub(quota.used) >= blocks.end - blocks.start + self.buffer.len() as u64 {
            return Ok(());
        }
        // It is close: count exactly.
        self.flush_buffer()?;
        quota = self.quota_of(node)?.unwrap_or(quota);
        let mut more = 0;
        for block in blocks {
            more += u64::from(!self.has_block(node, block)?);
        }
        if quota.used.saturating_add(more) <= quota.limit { Ok(()) } else { Err(Error::QuotaExceeded) }
    }

    /// On whose account a node is after a move into a directory with this account, in the place of what is replaced there.
    pub(crate) fn quota_after_move(
        &mut self,
        number: u64,
        node: &Node,
        target: u64,
        replaced: Option<&Node>,
    ) -> Result<u64, Error> {
        if node.quota == target || node.quota == number {
            return Ok(node.quota);
        }
        if node.kind == NodeKind::Directory && node.entries != 0 {
            return Err(Error::OtherQuota);
        }
        let (spare_blocks, spare_files) = replaced.map_or((0, 0), |replaced| (replaced.blocks, 1));
        let exceeds = |quota: Quota| {
            quota.used.saturating_add(node.blocks).saturating_sub(spare_blocks) > quota.limit
                || quota.files.saturating_add(1 - spare_files) > quota.most_files
        };
        if self.quota(target)?.is_some_and(exceeds) { Err(Error::QuotaExceeded) } else { Ok(target) }
    }

    /// Moves a node and its blocks to another account.
    pub(crate) fn move_account(&mut self, node: &Node, quota: u64) -> Result<(), Error> {
        if node.quota == quota {
            return Ok(());
        }
        let blocks = i64::try_from(node.blocks).unwrap_or(i64::MAX);
        self.account_quota(node.quota, -blocks)?;
        self.account_files(node.quota, -1)?;
        self.account_quota(quota, blocks)?;
        self.account_files(quota, 1)
    }
}
