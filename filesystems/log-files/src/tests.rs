//! Keeper and view over a file system in memory.

use crate::{DIRECTORY, KEPT, Keeper, LIMIT, View, line};
use airox_api::file_system::{FileSystemClient, FileSystemDispatcher};
use airox_api::log::{Level, Record};
use airox_api::testing::Loopback;
use airox_api::{Dispatch, Incoming, Outcome};
use airox_file_server::{FileServer, Host};
use airox_file_system::{Extent, FileError, FileSystem, Kind, read_all};
use airox_memory_files::MemoryFiles;
use airox_rt::Region;
use airox_stacked_files::Below;
use std::cell::RefCell;
use std::rc::Rc;

struct NoWorld;

impl Host for NoWorld {
    fn now_ns(&mut self) -> u64 {
        0
    }

    fn pages(&mut self, _: Extent) -> Result<Region, FileError> {
        Err(FileError::NotSupported)
    }
}

type Server = FileSystemDispatcher<FileServer<MemoryFiles, NoWorld>>;

/// A server that both call.
#[derive(Clone)]
struct Shared(Rc<RefCell<Server>>);

impl Dispatch for Shared {
    type Interface = <Server as Dispatch>::Interface;

    fn dispatch<I: Incoming>(&mut self, incoming: &mut I) -> Outcome {
        self.0.borrow_mut().dispatch(incoming)
    }
}

impl Shared {
    fn new(room: u64) -> Shared {
        Shared(Rc::new(RefCell::new(FileSystemDispatcher(FileServer::new(MemoryFiles::new(room), NoWorld, 1)))))
    }

    fn below(&self) -> Below<Loopback<Shared>> {
        Below::over(FileSystemClient::new(Loopback::new(self.clone(), 0)))
    }
}

fn read(view: &mut impl FileSystem, name: &str) -> Result<String, FileError> {
    let root = view.root();
    let node = view.lookup(root, name)?;
    Ok(String::from_utf8(read_all(view, node, 2 * LIMIT)?).expect("text"))
}

#[test]
fn lines_are_added_and_seen() {
    let server = Shared::new(8 << 20);
    let mut view = View::new(server.below());
    let root = view.root();
    assert_eq!(view.lookup(root, "current"), Err(FileError::NotFound));
    let mut keeper = Keeper::new(server.below()).unwrap();
    keeper.add("one\n").unwrap();
    // The next boot.
    let mut keeper = Keeper::new(server.below()).unwrap();
    keeper.add("two\n").unwrap();
    assert_eq!(read(&mut view, "current").unwrap(), "one\ntwo\n");
    assert_eq!(view.stat(root).unwrap().size, 1);
    assert_eq!(view.unlink(root, "current", Kind::File, 0), Err(FileError::ReadOnly));
    assert_eq!(view.create(root, "x", Kind::File, 0), Err(FileError::ReadOnly));
    assert_eq!(view.read(root, 0, 1, &mut Vec::new()), Err(FileError::IsADirectory));
}

#[test]
fn full_files_get_new_names_and_the_oldest_goes() {
    let server = Shared::new(8 << 20);
    let mut view = View::new(server.below());
    let mut keeper = Keeper::new(server.below()).unwrap();
    let text = "x".repeat(LIMIT as usize - 100);
    for number in 0..=KEPT + 2 {
        let root = view.root();
        let before = view.lookup(root, "current");
        keeper.add(&format!("{number} {text}\n")).unwrap();
        // Who had it open reads on.
        assert!(before.is_err() || view.stat(before.unwrap()).unwrap().size > LIMIT - 100);
    }
    let mut names = Vec::new();
    let root = view.root();
    view.list(root, 0, &mut |entry| {
        names.push(entry.name.to_owned());
        true
    })
    .unwrap();
    names.sort();
    assert_eq!(names, ["1", "2", "3", "4", "current"]);
    for (name, number) in [("current", KEPT + 2), ("1", KEPT + 1), ("4", KEPT - 2)] {
        assert!(read(&mut view, name).unwrap().starts_with(&format!("{number} xx")), "{name}");
    }
}

#[test]
fn a_boot_begins_once() {
    let server = Shared::new(8 << 20);
    assert_eq!(Keeper::new(server.below()).unwrap().begin(1000), Ok(true));
    Keeper::new(server.below()).unwrap().add("a record\n").unwrap();
    assert_eq!(Keeper::new(server.below()).unwrap().begin(1000), Ok(false));
    assert_eq!(Keeper::new(server.below()).unwrap().begin(1002), Ok(true));
    let text = read(&mut View::new(server.below()), "current").unwrap();
    assert_eq!(text, "--- boot; seconds since 1970: 1000\na record\n--- boot; seconds since 1970: 1002\n");
}

#[test]
fn a_full_file_system_is_told() {
    let server = Shared::new(100_000);
    let mut keeper = Keeper::new(server.below()).unwrap();
    assert_eq!(keeper.add(&"x".repeat(200_000)), Err(FileError::NoSpace));
    assert!(server.below().read(&format!("{DIRECTORY}/none"), 0, &mut [0]).is_err());
}

#[test]
fn a_line_says_when_who_and_what() {
    let record = Record {
        sequence: 1,
        time_ns: 12_003_004_999,
        source: "rtc".into(),
        level: Level::Warn,
        text: "battery low".into(),
    };
    assert_eq!(line(&record), "   12.003004 warn  rtc: battery low\n");
}
