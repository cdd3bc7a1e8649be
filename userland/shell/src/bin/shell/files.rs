//! Files.

use airox_api::files::FilesClient;
use airox_files::{File, Files};
use airox_shell::services::{
    Attributes, Checked, FileAnswer, FileKind, Files as Service, How, Listing, Mounted, OpenFile, Quota, Usage,
};
use alloc::boxed::Box;
use alloc::vec::Vec;

pub struct FileService(Files);

impl FileService {
    pub fn new(client: FilesClient) -> FileService {
        FileService(Files::new(client))
    }
}

impl Service for FileService {
    fn open(&mut self, path: &str, how: How) -> FileAnswer<Box<dyn OpenFile>> {
        Ok(Box::new(Opened(self.0.open(path, how)?)))
    }

    fn stat(&mut self, path: &str) -> FileAnswer<Attributes> {
        self.0.stat(path)
    }

    fn list(&mut self, path: &str, cursor: u64) -> FileAnswer<Listing> {
        self.0.list(path, cursor)
    }

    fn make_directory(&mut self, path: &str) -> FileAnswer<()> {
        self.0.make_directory(path)
    }

    fn remove(&mut self, path: &str, kind: FileKind) -> FileAnswer<()> {
        self.0.remove(path, kind)
    }

    fn rename(&mut self, from: &str, to: &str) -> FileAnswer<()> {
        self.0.rename(from, to)
    }

    fn sync(&mut self, path: &str) -> FileAnswer<()> {
        self.0.sync(path)
    }

    fn usage(&mut self, path: &str) -> FileAnswer<Usage> {
        self.0.usage(path)
    }

    fn check(&mut self, path: &str) -> FileAnswer<Checked> {
        self.0.check(path)
    }

    fn quota(&mut self, path: &str) -> FileAnswer<Option<Quota>> {
        self.0.quota(path)
    }

    fn set_quota(&mut self, path: &str, most_bytes: u64, most_files: u64) -> FileAnswer<()> {
        self.0.set_quota(path, most_bytes, most_files)
    }

    fn mounts(&mut self) -> FileAnswer<Vec<Mounted>> {
        self.0.mounts()
    }
}

struct Opened(File);

impl OpenFile for Opened {
    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> FileAnswer<usize> {
        self.0.read(offset, buffer)
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) -> FileAnswer<()> {
        self.0.write_all(offset, bytes)
    }

    fn append(&mut self, bytes: &[u8]) -> FileAnswer<()> {
        self.0.append(bytes)
    }

    fn sync(&mut self) -> FileAnswer<()> {
        self.0.sync()
    }
}
