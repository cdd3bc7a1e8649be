//! A volume: mounting, synchronising, room.

use airox_driver_traits::block::BlockDevice;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::buffer::Buffer;
use crate::disk::{Disk, Statistics};
use crate::error::{Error, Part, corrupt};
use crate::key::{Key, Kind, OFFSET_END};
use crate::layout::{BLOCK_SIZE, LOG_START, Layout, Superblock, TableEntry};
use crate::log;
use crate::records::{Node, NodeKind, Trim};
use crate::store::Store;

/// The root directory's node.
pub const ROOT: u64 = 1;
/// Blocks that only deleting may use: without them a full volume could never be emptied.
const FOR_DELETING: u64 = 24;
/// Blocks looked at to tell a new disk from a used one.
const FIRST_BLOCKS: u64 = 256;
/// Notes about blocks to be freed that may be kept in memory (16 bytes each).
const MOST_NOTES: usize = 32_768;

/// What the maker of a volume decides.
#[derive(Clone, Copy, Debug)]
pub struct Format<'a> {
    /// A random number that no other volume has. It also seeds the hashes of names.
    pub volume: u128,
    /// A name for people, cut off after 32 bytes.
    pub label: &'a str,
    /// Blocks of the log; by default a 64th of the volume, at most 2048.
    pub log_blocks: Option<u64>,
    /// Nanoseconds since 1970.
    pub now: u64,
}

/// How much memory a mounted volume may use.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Blocks of 4 KiB that were read and may be needed again.
    pub cache_blocks: usize,
    /// Blocks of 4 KiB that were changed in part and wait to be written.
    pub buffer_blocks: usize,
    /// Bytes of changes of the metadata that wait for a checkpoint.
    pub table_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { cache_blocks: 2048, buffer_blocks: 256, table_bytes: 4 << 20 }
    }
}

/// What mounting found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mounted {
    /// Batches of the log that were carried out again: the volume was not unmounted.
    pub batches: u64,
    /// A superblock that was damaged, or not written yet when the power was cut, and was restored from its copy.
    pub restored: Option<u64>,
    /// The first block of a last batch that was not whole: it was being written when the power was cut, and was never acknowledged,
    /// or it is damaged. Its changes are gone.
    pub cut_short: Option<u64>,
}

/// How full a volume is, in blocks of 4096 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Blocks for files and metadata.
    pub blocks: u64,
    /// Those that are free, or will be after the next checkpoint.
    pub free: u64,
}

/// A mounted volume.
pub struct Volume<D> {
    pub(crate) store: Store<D>,
    pub(crate) buffer: Buffer,
    pub(crate) settings: Settings,
    /// Chunks still to be released, by node.
    pub(crate) trims: BTreeMap<u64, Trim>,
    /// Files of which some of that is damaged, so that the work can't be finished.
    pub(crate) stuck: BTreeMap<u64, Error>,
    /// Where the last sequential reads ended: (node, block).
    pub(crate) streams: [(u64, u64); 8],
    pub(crate) next_stream: usize,
    now: u64,
}

impl<D: BlockDevice> Volume<D> {
    /// Makes an empty volume as large as the device.
    ///
    /// # Errors
    /// [`Error::Size`], [`Error::ReadOnly`], [`Error::Device`].
    pub fn format(device: D, format: &Format<'_>) -> Result<D, Error> {
        let mut disk = Disk::new(device)?;
        if disk.read_only() {
            return Err(Error::ReadOnly);
        }
        let log_blocks = format.log_blocks.unwrap_or_else(|| Layout::default_log_blocks(disk.blocks()));
        let layout = Layout::new(disk.blocks(), log_blocks).ok_or(Error::Size)?;
        let mut label = [0; 32];
        for (place, byte) in label.iter_mut().zip(format.label.bytes()) {
            *place = byte;
        }
        let mut superblock = Superblock {
            volume: format.volume,
            hash_seed: (format.volume >> 64) as u64,
            layout,
            generation: 1,
            root: None,
            tree_nodes: 0,
            next_node: ROOT + 1,
            label,
            tables: alloc::vec![TableEntry { second: true, sum: 0 }; layout.tables as usize],
        };
        Store::format(&mut disk, &mut superblock)?;
        let mut store = Store::open(disk, 16)?;
        let root = Node {
            kind: NodeKind::Directory,
            size: 0,
            modified: format.now,
            blocks: 0,
            entries: 0,
            parent: ROOT,
            slot: 0,
            quota: 0,
        };
        store.put(Key::new(ROOT, Kind::Node, 0), &root.encode());
        store.checkpoint()?;
        store.disk.flush()?;
        Ok(store.disk.into_device())
    }

    /// Makes an empty volume if the first MiB of the device is all zeros, as of a new disk; says whether it was.
    ///
    /// # Errors
    /// As for [`format`](Self::format).
    pub fn format_blank(mut device: D, format: &Format<'_>) -> Result<(D, bool), Error> {
        let mut disk = Disk::new(&mut device)?;
        let length = disk.blocks().min(FIRST_BLOCKS) as usize * BLOCK_SIZE;
        let mut bytes = alloc::vec![0; length];
        disk.read(0, &mut bytes)?;
        if bytes.iter().any(|byte| *byte != 0) {
            return Ok((device, false));
        }
        Ok((Self::format(device, format)?, true))
    }

    /// Mounts the volume on a device.
    ///
    /// # Errors
    /// [`Error::NotFormatted`], [`Error::Version`], [`Error::Size`], [`Error::Device`]; [`Error::Corrupt`] if something that all
    /// of the volume depends on is damaged.
    pub fn mount(device: D, settings: Settings) -> Result<(Self, Mounted), Error> {
        let store = Store::open(Disk::new(device)?, settings.cache_blocks)?;
        let mut volume = Self {
            store,
            buffer: Buffer::default(),
            settings,
            trims: BTreeMap::new(),
            stuck: BTreeMap::new(),
            streams: [(0, 0); 8],
            next_stream: 0,
            now: 0,
        };
        let mounted = volume.start()?;
        Ok((volume, mounted))
    }

    /// From the state of the last checkpoint to that of the log's end.
    fn start(&mut self) -> Result<Mounted, Error> {
        let mut mounted = self.replay_log()?;
        if self.store.writable().is_ok() {
            mounted.restored = self.store.restore_superblock()?;
        }
        if mounted.batches > 0 && self.store.writable().is_ok() {
            // What was found is durable before anyone sees it, and the log is empty.
            self.store.checkpoint()?;
        }
        self.find_trims()?;
        self.directory(ROOT)?;
        Ok(mounted)
    }

    /// Whether writing failed half-way, so that nothing can be changed any more. [`mount_again`](Self::mount_again) helps.
    pub fn has_failed(&self) -> bool {
        self.store.writable() == Err(Error::Failed)
    }

    /// After the device failed: returns to what was synchronised last. What was done since is lost; numbers of nodes that were given to lost files
    /// are not given to others.
    ///
    /// # Errors
    /// As for [`mount`](Self::mount); the volume is then as failed as before.
    pub fn mount_again(&mut self) -> Result<Mounted, Error> {
        let given = self.superblock().next_node;
        self.buffer = Buffer::default();
        self.trims.clear();
        self.stuck.clear();
        let mounted = self.store.reload(self.settings.cache_blocks).and_then(|()| self.start());
        match mounted {
            Ok(_) => self.store.reserve_node_numbers(given - 1)?,
            Err(_) => self.store.fail(),
        }
        mounted
    }

    fn replay_log(&mut self) -> Result<Mounted, Error> {
        let log::Found { batches, mut cut_short } = self.store.read_log()?;
        let count = batches.len() as u64;
        let mut mounted = Mounted { batches: 0, restored: None, cut_short };
        for (number, batch) in (1..).zip(batches) {
            // Only of the last batch it is unknown whether the data it refers to arrived with it.
            if number == count && cut_short.is_none() {
                cut_short = self.lost_data(&batch)?;
                if cut_short.is_some() {
                    mounted.cut_short = cut_short;
                    break;
                }
            }
            for (key, value) in batch {
                self.replay_change(key, value)?;
            }
            mounted.batches = number;
        }
        Ok(mounted)
    }

    /// A block of data that a batch refers to and that is not there.
    fn lost_data(&mut self, batch: &[log::Change]) -> Result<Option<u64>, Error> {
        for (key, value) in batch {
            let (Some(Kind::Chunk), Some(value)) = (key.kind(), value) else {
                continue;
            };
            let new = self.decode_chunk(value).ok_or(corrupt(LOG_START, Part::Log))?;
            let old = self.chunk(key.node(), key.offset())?.unwrap_or_default();
            for (new, old) in new.0.iter().zip(&old.0) {
                if new.block != 0 && new != old && self.load_data(*new, key.node()).is_err() {
                    return Ok(Some(new.block));
                }
            }
        }
        Ok(None)
    }

    fn replay_change(&mut self, key: Key, value: Option<Vec<u8>>) -> Result<(), Error> {
        match key.kind() {
            Some(Kind::Chunk) => {
                let new = match &value {
                    Some(value) => self.decode_chunk(value).ok_or(corrupt(LOG_START, Part::Log))?,
                    None => Default::default(),
                };
                let old = self.chunk(key.node(), key.offset())?.unwrap_or_default();
                for (new, old) in new.0.iter().zip(&old.0).filter(|(new, old)| new.block != old.block) {
                    if new.block != 0 {
                        self.store.space.mark(&mut self.store.disk, new.block)?;
                    }
                    if old.block != 0 {
                        self.store.space.free_later(old.block);
                    }
                }
            }
            Some(Kind::Node) => self.store.reserve_node_numbers(key.node())?,
            _ => {}
        }
        self.store.replay(key, value);
        Ok(())
    }

    fn find_trims(&mut self) -> Result<(), Error> {
        let all = Key::new(0, Kind::Trim, 0)..Key::new(0, Kind::Trim, OFFSET_END - 1);
        let mut range = all;
        loop {
            let found = self.store.scan(range.clone(), 64)?;
            let Some((last, _)) = found.last() else {
                return Ok(());
            };
            range.start = last.next();
            for (key, value) in found {
                let trim = Trim::decode(&value).ok_or(corrupt(LOG_START, Part::Trim))?;
                self.trims.insert(key.offset(), trim);
            }
        }
    }

    /// The time that changes are dated with from now on: nanoseconds since 1970.
    pub fn set_time(&mut self, now: u64) {
        self.now = now;
    }

    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    /// What was asked of the device so far.
    pub fn statistics(&self) -> Statistics {
        self.store.disk.statistics()
    }

    /// The volume's description, as of the last checkpoint.
    pub fn superblock(&self) -> &Superblock {
        self.store.superblock()
    }

    /// Whether the volume cannot be changed.
    pub fn read_only(&self) -> bool {
        self.store.writable().is_err()
    }

    /// Damage that was met and worked around: a bitmap, whose group's free blocks are out of use until the volume is made anew.
    pub fn damage(&self) -> Option<Error> {
        self.store.space.damage()
    }

    /// How full the volume is.
    pub fn usage(&self) -> Usage {
        let layout = self.superblock().layout;
        let free = self.store.space.free() + self.store.space.free_soon();
        let kept = self.needed(0, true);
        Usage { blocks: layout.data_end - layout.data_start, free: free.saturating_sub(kept) }
    }

    /// Blocks that must be free before an operation that allocates `more` blocks of data.
    fn needed(&self, more: u64, growing: bool) -> u64 {
        // Each block may bring a change of a chunk with it, and that the rewriting of two nodes.
        let waiting = 3 * self.buffer.len() as u64 + more + 2 * more.div_ceil(crate::records::CHUNK_BLOCKS as u64);
        self.store.reserve() + waiting + if growing { FOR_DELETING } else { 0 }
    }

    fn has_room(&self, more: u64, growing: bool) -> bool {
        self.store.space.free() >= self.needed(more, growing)
    }

    /// Comes before every operation that changes something: sees to it that the operation can't run out of memory or room half-way,
    /// with a checkpoint if need be.
    pub(crate) fn prepare(&mut self, more: u64, growing: bool) -> Result<(), Error> {
        self.store.writable()?;
        if self.buffer.len() >= self.settings.buffer_blocks {
            self.flush_buffer()?;
        }
        if self.store.table_bytes() >= self.settings.table_bytes || self.store.space.notes() >= MOST_NOTES {
            self.checkpoint()?;
        }
        self.trim_step()?;
        if self.has_room(more, growing) {
            return Ok(());
        }
        // Only what could give room is tried.
        if self.store.space.free() + self.store.space.free_soon() >= FOR_DELETING {
            self.checkpoint()?;
        }
        while !self.has_room(more, growing) && !self.trims.is_empty() {
            self.trim_step()?;
            self.checkpoint()?;
        }
        if self.has_room(more, growing) { Ok(()) } else { Err(Error::NoSpace) }
    }

    /// Makes everything that was done durable.
    ///
    /// After a power cut the volume is as it was after this call, or after a later operation.
    ///
    /// # Errors
    /// [`Error::Device`] and others; then nothing is promised, and nothing is lost that an earlier call promised.
    pub fn sync(&mut self) -> Result<(), Error> {
        self.store.writable()?;
        self.flush_buffer()?;
        self.store.commit()
    }

    /// As [`sync`](Self::sync), and empties the log, so that the next mount is short. For idle moments.
    ///
    /// # Errors
    /// As for `sync`.
    pub fn checkpoint(&mut self) -> Result<(), Error> {
        self.flush_buffer()?;
        self.store.checkpoint()
    }

    /// Makes everything durable and gives the device back. If that fails, the error comes with it.
    pub fn unmount(mut self) -> (D, Result<(), Error>) {
        let result = match self.store.writable() {
            Ok(()) => self.checkpoint().and_then(|()| self.store.disk.flush()),
            Err(Error::ReadOnly) => Ok(()),
            Err(error) => Err(error),
        };
        (self.store.disk.into_device(), result)
    }

    /// Gives the device back as it is: what was not synchronised is lost, as by a power cut.
    pub fn abandon(self) -> D {
        self.store.disk.into_device()
    }
}
