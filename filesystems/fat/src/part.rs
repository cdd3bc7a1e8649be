//! Which part of a disk has the volume.

use airox_block_server::{Part, partitions};
use airox_driver_traits::block::{BlockDevice, BlockError, Geometry};

use crate::layout::NotMounted;
use crate::volume::layout_of;

/// A range of a disk's blocks, as a disk.
#[derive(Debug)]
pub struct PartOf<D> {
    disk: D,
    part: Part,
}

impl<D: BlockDevice> PartOf<D> {
    /// The first FAT volume of a disk: all of it, or one of its partitions.
    ///
    /// # Errors
    /// What the last one is instead that looked like FAT; [`NotMounted::NotFat`].
    pub fn with_volume(mut disk: D) -> Result<PartOf<D>, NotMounted> {
        let whole = Part { first: 0, blocks: disk.geometry().blocks };
        let mut why = NotMounted::NotFat;
        let parts = partitions(&mut disk)?.into_iter().map(|partition| partition.part);
        for part in core::iter::once(whole).chain(parts) {
            match layout_of(&mut PartOf { disk: &mut disk, part }) {
                Ok(_) => return Ok(PartOf { disk, part }),
                Err(NotMounted::NotFat) => {}
                Err(NotMounted::Device(error)) => return Err(NotMounted::Device(error)),
                Err(damaged) => why = damaged,
            }
        }
        Err(why)
    }

    /// The disk.
    pub fn into_disk(self) -> D {
        self.disk
    }
}

impl<D: BlockDevice> BlockDevice for PartOf<D> {
    fn geometry(&self) -> Geometry {
        Geometry { blocks: self.part.blocks, ..self.disk.geometry() }
    }

    fn read(&mut self, first: u64, buffer: &mut [u8]) -> Result<(), BlockError> {
        self.geometry().blocks_in(first, buffer.len())?;
        self.disk.read(self.part.first + first, buffer)
    }

    fn write(&mut self, first: u64, data: &[u8]) -> Result<(), BlockError> {
        self.geometry().blocks_to_write(first, data.len())?;
        self.disk.write(self.part.first + first, data)
    }

    fn flush(&mut self) -> Result<(), BlockError> {
        self.disk.flush()
    }
}
