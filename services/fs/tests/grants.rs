//! Who sees what, and what hostile clients can do: nothing.

mod support;

use airox_abi::Error;
use airox_api::CallError;
use airox_api::files::{FileError, How, Kind};
use airox_sys::{Signal, TypedHandle};
use support::{World, run_jobs};

fn refused<T: core::fmt::Debug + PartialEq>(result: Result<T, CallError<FileError>>, error: FileError) {
    assert_eq!(result, Err(CallError::Service(error)));
}

#[test]
fn a_client_sees_what_it_was_given_and_no_more() {
    let world = World::new();
    let all = world.files(1, &["/:rw"]);
    all.make_directory("/tmp/mine").unwrap();
    all.write_file("/tmp/mine/file", b"mine").unwrap();
    all.write_file("/tmp/secret", b"secret").unwrap();
    all.write_file("/data/other", b"other").unwrap();
    let one = world.files(2, &["/tmp/mine:rw"]);
    assert_eq!(one.read_file("/tmp/mine/file", 10).as_deref(), Ok(&b"mine"[..]));
    for hidden in ["/tmp/secret", "/data", "/data/other", "/tmp/never-was"] {
        assert_eq!(one.stat(hidden), Err(FileError::NotFound), "{hidden}");
        assert_eq!(one.read_file(hidden, 10), Err(FileError::NotFound), "{hidden}");
        assert_eq!(one.write_file(hidden, b"x"), Err(FileError::NotFound), "{hidden}");
        assert_eq!(one.remove(hidden, Kind::File), Err(FileError::NotFound), "{hidden}");
        assert_eq!(one.rename("/tmp/mine/file", hidden), Err(FileError::NotFound), "{hidden}");
    }
    let names = |path: &str| -> Vec<String> { one.directory(path).unwrap().map(|entry| entry.unwrap().name).collect() };
    assert_eq!(names("/"), ["tmp"]);
    assert_eq!(names("/tmp"), ["mine"]);
    assert_eq!(names("/tmp/mine"), ["file"]);
    assert_eq!(one.mounts().unwrap().len(), 1);
    let unlucky = world.files(3, &[]);
    assert_eq!(unlucky.stat("/"), Err(FileError::NotFound));
    assert_eq!(unlucky.mounts(), Ok(vec![]));
}

#[test]
fn who_may_read_may_not_change() {
    let world = World::new();
    let owner = world.files(1, &["/tmp:rw"]);
    owner.write_file("/tmp/file", b"text").unwrap();
    let reader = world.files(2, &["/tmp:r"]);
    assert_eq!(reader.read_file("/tmp/file", 10).as_deref(), Ok(&b"text"[..]));
    let not_allowed = Err(FileError::NotAllowed);
    assert_eq!(reader.write_file("/tmp/file", b"x"), not_allowed);
    assert_eq!(reader.remove("/tmp/file", Kind::File), not_allowed);
    assert_eq!(reader.make_directory("/tmp/x"), not_allowed);
    assert_eq!(reader.rename("/tmp/file", "/tmp/x"), not_allowed);
    // Also not behind the file service's back: the file was opened to be read.
    let client = world.stranger(2);
    let opened = client.open("/tmp/file", How::READ).unwrap();
    refused(world.tmp.client(2).write(opened.file, 0, b"x"), FileError::NotAllowed);
    refused(world.tmp.client(2).truncate(opened.file, 0), FileError::NotAllowed);
}

#[test]
fn files_of_others_cannot_be_named() {
    let world = World::new();
    let owner = world.client(1, &["/tmp:rw"]);
    let opened = owner.open("/tmp/file", How::CREATE).unwrap();
    assert_eq!(world.tmp.client(1).write(opened.file, 0, b"text"), Ok(4));
    world.admit(2, &["/tmp:rw"]);
    let thief = world.tmp.client(2);
    for number in [opened.file, opened.file + 1, 0, u64::MAX] {
        refused(thief.read(number, 0, &mut [0; 4]), FileError::StaleFile);
        refused(thief.write(number, 0, b"x"), FileError::StaleFile);
        refused(thief.close(number), FileError::StaleFile);
    }
    // What only the file service may.
    refused(thief.open(2, "/file", How::READ), FileError::NotAllowed);
    refused(thief.stat("/file"), FileError::NotAllowed);
    refused(thief.list("/", 0), FileError::NotAllowed);
    refused(thief.remove("/file", Kind::File), FileError::NotAllowed);
    refused(thief.rename("/file", "/x"), FileError::NotAllowed);
    refused(thief.release(1), FileError::NotAllowed);
    refused(world.stranger(2).admit(2, &[]), FileError::NotAllowed);
    refused(world.stranger(2).release(1), FileError::NotAllowed);
    // A file system where it has opened nothing gives it no way in.
    refused(world.stranger(2).file_system(0).map(drop), FileError::NotFound);
    refused(world.stranger(2).file_system(7).map(drop), FileError::NotFound);
    let mut text = [0; 4];
    assert_eq!(world.tmp.client(1).read(opened.file, 0, &mut text), Ok(4));
    assert_eq!(&text, b"text");
}

#[test]
fn paths_that_are_not_normal_are_refused() {
    let world = World::new();
    let client = world.client(1, &["/tmp:rw"]);
    for path in ["", "tmp", "/tmp/", "/tmp/../data", "/tmp/./x", "//tmp"] {
        refused(client.stat(path), FileError::InvalidPath);
    }
    refused(client.stat(&"/x".repeat(3000)), FileError::TooLong);
    refused(client.open("/tmp/a\u{7}", How::CREATE), FileError::InvalidName);
    refused(client.open("/tmp", How::READ), FileError::IsADirectory);
    refused(client.open("/", How::READ), FileError::IsADirectory);
}

#[test]
fn file_systems_stay_where_they_are() {
    let world = World::new();
    let files = world.files(1, &["/:rw"]);
    assert_eq!(files.remove("/tmp", Kind::Directory), Err(FileError::Busy));
    assert_eq!(files.rename("/tmp", "/data/tmp"), Err(FileError::Busy));
    files.write_file("/tmp/a", b"a").unwrap();
    assert_eq!(files.rename("/tmp/a", "/data/a"), Err(FileError::OtherFileSystem));
    assert_eq!(files.make_directory("/tmp"), Err(FileError::AlreadyExists));
    assert_eq!(files.make_directory("/new"), Err(FileError::NotFound));
}

#[test]
fn a_client_that_is_not_known_yet_waits() {
    let world = World::new();
    let early = world.stranger(5);
    // No answer for now, and only so many questions.
    for _ in 0..8 {
        assert_eq!(early.stat("/tmp"), Err(CallError::Kernel(Error::NoReply)));
    }
    refused(early.stat("/tmp"), FileError::Busy);
    refused(early.unwatch(1), FileError::NotAllowed);
    world.admit(5, &["/tmp:r"]);
    assert_eq!(early.stat("/tmp").map(|found| found.kind), Ok(Kind::Directory));
}

#[test]
fn one_that_hangs_holds_up_its_own_users_only() {
    let world = World::new();
    world.tmp.hangs.set(true);
    let files = world.client(1, &["/tmp:rw", "/data:rw"]);
    for _ in 0..8 {
        assert_eq!(files.stat("/tmp"), Err(CallError::Kernel(Error::NoReply)));
    }
    // Its own calls are bounded; others have theirs.
    refused(files.stat("/tmp"), FileError::Busy);
    let other = world.files(2, &["/tmp:rw", "/data:rw"]);
    other.write_file("/data/file", b"text").unwrap();
    assert_eq!(other.read_file("/data/file", 9).as_deref(), Ok(&b"text"[..]));
    // It can end while it waits, and nothing of it is left when the file system goes on.
    world.stranger(0).release(1).unwrap();
    world.tmp.hangs.set(false);
    run_jobs(&mut world.service.clone());
    assert!(world.service.0.borrow_mut().0.mounts_mut().jobs.is_empty());
    assert_eq!(other.stat("/tmp").map(|found| found.size), Ok(0));
}

#[test]
fn what_a_program_had_open_is_closed_with_it() {
    let world = World::new();
    let files = world.client(1, &["/tmp:rw"]);
    let opened: Vec<_> = (0..64).map(|n| files.open(&format!("/tmp/{n}"), How::CREATE).unwrap()).collect();
    refused(files.open("/tmp/one-more", How::CREATE), FileError::TooManyOpenFiles);
    world.stranger(0).release(1).unwrap();
    run_jobs(&mut world.service.clone());
    refused(world.tmp.client(1).read(opened[0].file, 0, &mut [0]), FileError::StaleFile);
    // The next with this number begins with nothing.
    let files = world.client(1, &["/tmp:rw"]);
    assert!(files.open("/tmp/one-more", How::CREATE).is_ok());
}

#[test]
fn watches_are_bounded_and_end() {
    let world = World::new();
    let files = world.client(1, &["/tmp:rw"]);
    let signal = Signal::from_raw(airox_abi::Handle::new(7, 1));
    let numbers: Vec<u64> = (0..8).map(|_| files.watch("/tmp/x", &signal, 1).unwrap()).collect();
    refused(files.watch("/tmp", &signal, 1), FileError::TooManyOpenFiles);
    refused(files.watch("/data", &signal, 1), FileError::NotFound);
    refused(world.client(2, &["/tmp:r"]).unwatch(numbers[0]), FileError::NotFound);
    assert_eq!(files.unwatch(numbers[0]), Ok(()));
    refused(files.unwatch(numbers[0]), FileError::NotFound);
    assert!(files.watch("/tmp", &signal, 1).is_ok());
    // A file system that ends is told of all that is watched there.
    world.tmp.restart(true);
    world.service.0.borrow_mut().0.ended(0);
    run_jobs(&mut world.service.clone());
}
