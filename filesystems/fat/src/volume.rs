//! A mounted volume.

use airox_driver_traits::block::BlockDevice;
use airox_file_system::{FileError, Node};
use alloc::vec;
use alloc::vec::Vec;

use crate::bytes::{get_u32, put};
use crate::layout::{BOOT_BYTES, Layout, NotMounted, Root};
use crate::medium::Medium;
use crate::nodes::Nodes;

/// The node of the root directory, which has no slot: no directory begins in a boot sector.
pub const ROOT: u64 = 1;
/// Bytes that are read or written at once.
pub const TRANSFER: usize = 128 << 10;
/// How many places in chains are remembered.
const PLACES: usize = 8;

/// A place in a chain: the chain's first cluster, how many clusters further on, and which that is.
#[derive(Clone, Copy)]
pub struct InChain {
    pub first: u32,
    pub index: u32,
    pub cluster: u32,
}

/// The files of a FAT volume.
pub struct FatFiles<D> {
    pub(crate) medium: Medium<D>,
    pub(crate) layout: Layout,
    pub(crate) nodes: Nodes,
    /// Clusters that are free, once they were counted.
    pub(crate) free: Option<u32>,
    /// Where to look for a free cluster first.
    pub(crate) next_free: u32,
    /// Whether the sector that tells of both is out of date.
    pub(crate) info_is_old: bool,
    /// The last place in each of some chains.
    pub(crate) places: Vec<InChain>,
    pub(crate) transfer: Vec<u8>,
}

impl<D: BlockDevice> FatFiles<D> {
    /// Mounts the volume of which a disk, or part of one, consists.
    ///
    /// # Errors
    /// [`NotMounted`].
    pub fn mount(mut disk: D) -> Result<FatFiles<D>, NotMounted> {
        let layout = layout_of(&mut disk)?;
        let mut volume = FatFiles {
            medium: Medium::new(disk, layout.sector),
            layout,
            nodes: Nodes::default(),
            free: None,
            next_free: crate::layout::FIRST,
            info_is_old: false,
            places: Vec::with_capacity(PLACES),
            transfer: vec![0; TRANSFER],
        };
        if let Some(place) = layout.info {
            let mut info = [0; BOOT_BYTES];
            volume.medium.get(place, layout.table, &mut info)?;
            // How much is free is counted when somebody asks; where to begin to look is believed.
            let next = get_u32(&info, 492);
            if is_info(&info) && layout.has(next) {
                volume.next_free = next;
            }
        }
        Ok(volume)
    }

    /// The disk, without what was not synchronised.
    pub fn into_disk(self) -> D {
        self.medium.into_disk()
    }

    /// The volume's layout.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Damage of a node: something is wrong at this place, in bytes.
    pub(crate) fn damaged(&self, node: u64, at: u64) -> FileError {
        FileError::Corrupt { node, place: at / u64::from(self.layout.sector) }
    }

    /// The node in a slot of this place.
    pub(crate) fn node_at(&self, at: u64) -> Node {
        Node(self.nodes.node(at / 32))
    }

    /// The place of a node's slot.
    pub(crate) fn slot_of(&self, node: Node) -> Result<u64, FileError> {
        let slot = self.nodes.slot(node.0).ok_or(FileError::NotFound)?;
        let end = self.layout.place_of(self.layout.last) + u64::from(self.layout.cluster);
        let place = slot.checked_mul(32).filter(|place| *place < end).ok_or(FileError::NotFound)?;
        // Before the directories there are only tables.
        let first = match self.layout.root {
            Root::Fixed(at, _) => at,
            Root::Chain(_) => self.layout.data,
        };
        if place < first { Err(FileError::NotFound) } else { Ok(place) }
    }

    /// Makes all changes durable.
    pub(crate) fn flush(&mut self) -> Result<(), FileError> {
        if let Some(place) = self.layout.info.filter(|_| self.info_is_old) {
            let mut info = [0; BOOT_BYTES];
            self.medium.get(place, self.layout.table, &mut info)?;
            if is_info(&info) {
                // All bits set: not known.
                put(&mut info, 488, &self.free.unwrap_or(u32::MAX).to_le_bytes());
                put(&mut info, 492, &self.next_free.to_le_bytes());
                self.medium.put(place, self.layout.table, &info)?;
            }
            self.info_is_old = false;
        }
        Ok(self.medium.sync()?)
    }

    /// Remembers a place in a chain.
    pub(crate) fn remember(&mut self, place: InChain) {
        self.places.retain(|known| known.first != place.first);
        if self.places.len() == PLACES {
            self.places.remove(0);
        }
        self.places.push(place);
    }
}

/// The layout of the volume that a disk begins with.
///
/// # Errors
/// [`NotMounted`].
pub fn layout_of(disk: &mut impl BlockDevice) -> Result<Layout, NotMounted> {
    let geometry = disk.geometry();
    let blocks = (BOOT_BYTES as u64).div_ceil(u64::from(geometry.block_size).max(1));
    if blocks > geometry.blocks || geometry.block_size == 0 {
        return Err(NotMounted::NotFat);
    }
    let mut boot = vec![0; blocks as usize * geometry.block_size as usize];
    disk.read(0, &mut boot)?;
    Layout::parse(&boot, geometry)
}

/// Whether this is what the sector with the count of free clusters looks like.
fn is_info(sector: &[u8]) -> bool {
    [(0, 0x4161_5252), (484, 0x6141_7272), (508, 0xaa55_0000)].iter().all(|(at, mark)| get_u32(sector, *at) == *mark)
}
