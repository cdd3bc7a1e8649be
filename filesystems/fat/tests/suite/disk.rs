//! Disks in memory, formatted and read by `fatfs`.

use airox_driver_traits::block::{BlockDevice, BlockError, Geometry};
use airox_fat::FatFiles;
use fatfs::{Dir, FatType, FormatVolumeOptions, FsOptions};
use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};
use std::rc::Rc;

/// Bytes of a block.
pub const BLOCK: usize = 512;

/// A disk; blocks of zeros take no room, and copies share what they have in common.
#[derive(Clone)]
pub struct MemoryDisk {
    pub blocks: u64,
    contents: BTreeMap<u64, Rc<[u8]>>,
    pub read_only: bool,
}

impl MemoryDisk {
    pub fn new(bytes: &[u8]) -> MemoryDisk {
        let blocks = (bytes.len() / BLOCK) as u64;
        let mut disk = MemoryDisk { blocks, contents: BTreeMap::new(), read_only: false };
        for (block, bytes) in (0..).zip(bytes.chunks_exact(BLOCK)) {
            if bytes.iter().any(|byte| *byte != 0) {
                disk.contents.insert(block, bytes.into());
            }
        }
        disk
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.blocks as usize * BLOCK];
        for (block, contents) in &self.contents {
            bytes[*block as usize * BLOCK..][..BLOCK].copy_from_slice(contents);
        }
        bytes
    }

    /// Changes a few bytes, wherever they are.
    pub fn patch(&mut self, at: u64, bytes: &[u8]) {
        for (at, byte) in (at..).zip(bytes) {
            let mut block = [0; BLOCK];
            self.read(at / BLOCK as u64, &mut block).expect("a block");
            block[at as usize % BLOCK] = *byte;
            self.contents.insert(at / BLOCK as u64, block.as_slice().into());
        }
    }
}

impl BlockDevice for MemoryDisk {
    fn geometry(&self) -> Geometry {
        Geometry { block_size: BLOCK as u32, blocks: self.blocks, read_only: self.read_only }
    }

    fn read(&mut self, first: u64, buffer: &mut [u8]) -> Result<(), BlockError> {
        self.geometry().blocks_in(first, buffer.len())?;
        for (block, bytes) in (first..).zip(buffer.chunks_exact_mut(BLOCK)) {
            match self.contents.get(&block) {
                Some(contents) => bytes.copy_from_slice(contents),
                None => bytes.fill(0),
            }
        }
        Ok(())
    }

    fn write(&mut self, first: u64, data: &[u8]) -> Result<(), BlockError> {
        self.geometry().blocks_to_write(first, data.len())?;
        for (block, bytes) in (first..).zip(data.chunks_exact(BLOCK)) {
            self.contents.insert(block, bytes.into());
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), BlockError> {
        Ok(())
    }
}

/// A kind of volume: the width of its table, bytes of its clusters, and its size.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub fat: FatType,
    pub cluster: u32,
    pub bytes: usize,
}

/// Every width, with small and with large clusters.
pub const KINDS: [Kind; 3] = [
    Kind { fat: FatType::Fat12, cluster: 16_384, bytes: 24 << 20 },
    Kind { fat: FatType::Fat16, cluster: 2_048, bytes: 24 << 20 },
    Kind { fat: FatType::Fat32, cluster: 512, bytes: 40 << 20 },
];

/// An empty volume.
pub fn formatted(kind: Kind) -> MemoryDisk {
    let mut bytes = vec![0; kind.bytes];
    let options = FormatVolumeOptions::new().fat_type(kind.fat).bytes_per_cluster(kind.cluster);
    fatfs::format_volume(Cursor::new(&mut bytes), options).expect("formatted");
    MemoryDisk::new(&bytes)
}

/// The volume, mounted.
pub fn mounted(kind: Kind) -> FatFiles<MemoryDisk> {
    FatFiles::mount(formatted(kind)).expect("mounted")
}

/// Has `fatfs` do something with the files of a disk.
pub fn with_others<R>(disk: &mut MemoryDisk, act: impl FnOnce(&Dir<'_, &mut Cursor<&mut Vec<u8>>>) -> R) -> R {
    let mut bytes = disk.bytes();
    let mut cursor = Cursor::new(&mut bytes);
    let volume = fatfs::FileSystem::new(&mut cursor, FsOptions::new()).expect("a volume");
    let done = act(&volume.root_dir());
    volume.unmount().expect("unmounted");
    *disk = MemoryDisk::new(&bytes);
    done
}

/// What `fatfs` finds: all paths, with the content of files.
pub fn seen_by_others(disk: &MemoryDisk) -> BTreeMap<String, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    with_others(&mut disk.clone(), |root| collect(root, "", &mut found));
    found
}

fn collect(directory: &Dir<'_, &mut Cursor<&mut Vec<u8>>>, path: &str, found: &mut BTreeMap<String, Option<Vec<u8>>>) {
    for entry in directory.iter() {
        let entry = entry.expect("an entry");
        let name = entry.file_name();
        if name == "." || name == ".." {
            continue;
        }
        let path = format!("{path}/{name}");
        if entry.is_dir() {
            collect(&entry.to_dir(), &path, found);
            assert!(found.insert(path, None).is_none(), "twice");
        } else {
            let mut bytes = Vec::new();
            entry.to_file().read_to_end(&mut bytes).expect("read");
            assert!(found.insert(path, Some(bytes)).is_none(), "twice");
        }
    }
}

/// Has `fatfs` write a file.
pub fn written_by_others(directory: &Dir<'_, &mut Cursor<&mut Vec<u8>>>, path: &str, bytes: &[u8]) {
    let mut file = directory.create_file(path).expect("made");
    file.truncate().expect("emptied");
    file.write_all(bytes).expect("written");
}
