//! Sticks that come and go.

use airox_driver_traits::block::{BlockDevice, BlockError, Geometry};
use airox_fat::layout::Layout;
use airox_fat::{NotMounted, Removable, Stick};
use airox_file_system::{FileError, FileSystem, Kind, read_all, write_all};
use std::cell::RefCell;
use std::rc::Rc;

use crate::disk::{KINDS, MemoryDisk, formatted};

/// A socket, and what is in it.
#[derive(Clone, Default)]
struct Socket(Rc<RefCell<Option<MemoryDisk>>>);

struct InSocket {
    socket: Socket,
    geometry: Geometry,
}

impl BlockDevice for InSocket {
    fn geometry(&self) -> Geometry {
        self.geometry
    }

    fn read(&mut self, first: u64, buffer: &mut [u8]) -> Result<(), BlockError> {
        self.socket.0.borrow_mut().as_mut().ok_or(BlockError::Gone)?.read(first, buffer)
    }

    fn write(&mut self, first: u64, data: &[u8]) -> Result<(), BlockError> {
        self.socket.0.borrow_mut().as_mut().ok_or(BlockError::Gone)?.write(first, data)
    }

    fn flush(&mut self) -> Result<(), BlockError> {
        self.socket.0.borrow_mut().as_mut().ok_or(BlockError::Gone)?.flush()
    }
}

#[derive(Default)]
struct Sticks {
    socket: Socket,
    told: Vec<Result<u32, NotMounted>>,
}

impl Stick for Sticks {
    type Disk = InSocket;

    fn disk(&mut self) -> Result<InSocket, BlockError> {
        let geometry = self.socket.0.borrow().as_ref().map(MemoryDisk::geometry).ok_or(BlockError::Gone)?;
        Ok(InSocket { socket: self.socket.clone(), geometry })
    }

    fn tell(&mut self, news: Result<Layout, NotMounted>) {
        self.told.push(news.map(|layout| layout.cluster));
    }
}

#[test]
fn without_a_stick_there_is_an_empty_directory() {
    let mut files = Removable::new(Sticks::default());
    let root = files.root();
    assert_eq!(files.stat(root).map(|found| (found.kind, found.size)), Ok((Kind::Directory, 0)));
    assert_eq!(files.list(root, 0, &mut |_| panic!("an entry")), Ok(None));
    assert_eq!(files.lookup(root, "a"), Err(FileError::NotFound));
    assert_eq!(files.create(root, "a", Kind::File, 1), Err(FileError::Device(BlockError::Gone)));
    assert_eq!(files.usage().map(|usage| (usage.total, usage.read_only)), Ok((0, true)));
    assert_eq!(files.sync(), Ok(()));
    assert!(files.stick().told.is_empty());
}

#[test]
fn one_is_found_when_it_comes_and_missed_when_it_goes() {
    let mut files = Removable::new(Sticks::default());
    let socket = files.stick().socket.clone();
    let root = files.root();
    *socket.0.borrow_mut() = Some(formatted(KINDS[2]));
    let file = files.create(root, "note", Kind::File, 1).expect("made");
    write_all(&mut files, file, 0, b"text", 1).expect("written");
    files.sync().expect("synchronised");
    let first = socket.0.borrow_mut().take();
    assert_eq!(read_all(&mut files, file, 9), Err(FileError::Device(BlockError::Gone)));
    assert_eq!(files.lookup(root, "note"), Err(FileError::NotFound));
    // Another one; the file of the first is none of its files.
    *socket.0.borrow_mut() = Some(formatted(KINDS[1]));
    assert_eq!(files.lookup(root, "note"), Err(FileError::NotFound));
    let other = files.create(root, "note", Kind::File, 1).expect("made");
    assert_eq!(files.stat(file), Err(FileError::NotFound));
    assert_eq!(files.stat(other).map(|found| (found.node, found.size)), Ok((other, 0)));
    // The first comes back.
    *socket.0.borrow_mut() = None;
    assert_eq!(files.sync(), Err(FileError::Device(BlockError::Gone)));
    *socket.0.borrow_mut() = first;
    let note = files.lookup(root, "note").expect("found");
    assert_eq!(read_all(&mut files, note, 9).as_deref(), Ok(&b"text"[..]));
    let gone = Err(NotMounted::Device(BlockError::Gone));
    assert_eq!(files.stick().told, [Ok(512), gone, Ok(2_048), gone, Ok(512)]);
}

#[test]
fn a_disk_without_fat_and_a_damaged_one_are_told_apart() {
    let mut files = Removable::new(Sticks::default());
    let socket = files.stick().socket.clone();
    let root = files.root();
    *socket.0.borrow_mut() = Some(MemoryDisk::new(&[0; 65_536]));
    assert_eq!(files.stat(root).map(|found| found.size), Ok(0));
    assert_eq!(files.create(root, "a", Kind::File, 1), Err(FileError::NotSupported));
    let mut cut = formatted(KINDS[0]);
    cut.blocks /= 2;
    *socket.0.borrow_mut() = Some(cut);
    assert!(matches!(files.stat(root), Err(FileError::Corrupt { .. })));
    assert!(matches!(files.list(root, 0, &mut |_| true), Err(FileError::Corrupt { .. })));
    assert_eq!(files.stick().told.len(), 2);
}

#[test]
fn the_volume_is_found_in_a_partition() {
    let volume = formatted(KINDS[1]).bytes();
    let mut bytes = vec![0; 2048 * 512 + volume.len()];
    bytes[2048 * 512..].copy_from_slice(&volume);
    // The second entry of a master boot record: FAT16, from sector 2048 on.
    let mut entry = [0; 16];
    entry[4] = 6;
    entry[8..12].copy_from_slice(&2048_u32.to_le_bytes());
    entry[12..16].copy_from_slice(&((volume.len() / 512) as u32).to_le_bytes());
    bytes[462..478].copy_from_slice(&entry);
    bytes[510..512].copy_from_slice(&[0x55, 0xaa]);
    let mut files = Removable::new(Sticks::default());
    *files.stick().socket.0.borrow_mut() = Some(MemoryDisk::new(&bytes));
    let root = files.root();
    let file = files.create(root, "note", Kind::File, 1).expect("made");
    write_all(&mut files, file, 0, &[5; 10_000], 1).expect("written");
    files.sync().expect("synchronised");
    let disk = files.stick().socket.0.borrow().clone().expect("a disk").bytes();
    let found = crate::disk::seen_by_others(&MemoryDisk::new(&disk[2048 * 512..]));
    assert_eq!(found.get("/note"), Some(&Some(vec![5; 10_000])));
}
