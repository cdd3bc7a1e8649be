//! Programs' files over the ends of file systems.

mod support;

use airox_files::{FileError, How};
use support::World;

#[test]
fn files_are_read_and_written() {
    let world = World::new();
    let files = world.files(1, &["/tmp:rw"]);
    let large: Vec<u8> = (0..2_500_000_u32).map(|n| (n / 7) as u8).collect();
    files.write_file("/tmp/large", &large).unwrap();
    assert_eq!(files.read_file("/tmp/large", 3 << 20).as_deref(), Ok(&large[..]));
    assert_eq!(files.read_file("/tmp/large", 1 << 20), Err(FileError::TooLong));
    let file = files.open("/tmp/large", How::WRITE).unwrap();
    let mut part = [0; 100];
    assert_eq!(file.read(2_499_950, &mut part), Ok(50));
    assert_eq!(part[..50], large[2_499_950..]);
    file.truncate(10).unwrap();
    file.append(b"end").unwrap();
    assert_eq!(file.attributes().unwrap().size, 13);
    assert_eq!(file.read_to_end(100).unwrap()[10..], *b"end");
    assert_eq!(files.write_file("/tmp/too-large", &vec![0; 5 << 20]), Err(FileError::NoSpace));
}

#[test]
fn long_lists_come_in_parts() {
    let world = World::new();
    let files = world.files(1, &["/tmp:rw"]);
    for number in 0..500 {
        let name = format!("/tmp/{number:0>200}");
        files.write_file(&name, b"").unwrap();
    }
    let mut names: Vec<String> = files.directory("/tmp").unwrap().map(|entry| entry.unwrap().name).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 500);
}

#[test]
fn a_file_is_opened_again_when_its_server_was() {
    let world = World::new();
    let files = world.files(1, &["/tmp:rw"]);
    let file = files.open("/tmp/file", How::CREATE).unwrap();
    file.write_all(0, b"before").unwrap();
    file.sync().unwrap();
    for round in 0..100_u64 {
        world.tmp.restart(true);
        let mut text = [0; 6];
        assert_eq!(file.read(0, &mut text), Ok(6), "round {round}");
        assert_eq!(&text, b"before");
        world.tmp.restart(true);
        file.write_all(round + 6, b"x").unwrap();
        // What was acknowledged by this instance is durable as far as this instance can make it so.
        file.sync().unwrap();
    }
    assert_eq!(file.attributes().unwrap().size, 106);
}

#[test]
fn what_was_written_and_may_be_lost_is_told_at_sync() {
    let world = World::new();
    let files = world.files(1, &["/tmp:rw"]);
    let file = files.open("/tmp/file", How::CREATE).unwrap();
    file.write_all(0, b"perhaps lost").unwrap();
    world.tmp.restart(true);
    assert_eq!(file.sync(), Err(FileError::ServerDied));
    file.write_all(0, b"written anew").unwrap();
    assert_eq!(file.sync(), Ok(()));
    // What is really gone is not there.
    world.tmp.restart(false);
    assert_eq!(file.read(0, &mut [0]), Err(FileError::NotFound));
}

#[test]
fn a_server_that_dies_over_a_call_is_asked_again_where_that_is_right() {
    let world = World::new();
    let files = world.files(1, &["/tmp:rw"]);
    let file = files.open("/tmp/file", How::CREATE).unwrap();
    for calls in 0..5 {
        world.tmp.dies_in.set(Some(calls));
        file.write_all(0, &vec![7; 3 << 20]).unwrap();
        let mut bytes = vec![0; 3 << 20];
        world.tmp.dies_in.set(Some(calls));
        assert_eq!(file.read(0, &mut bytes), Ok(3 << 20));
        assert!(bytes.iter().all(|byte| *byte == 7));
    }
    world.tmp.dies_in.set(Some(0));
    assert_eq!(file.append(b"x"), Err(FileError::ServerDied));
    world.tmp.dies_in.set(Some(0));
    assert_eq!(files.make_directory("/tmp/new"), Err(FileError::ServerDied));
    world.tmp.dies_in.set(Some(0));
    assert!(files.stat("/tmp/file").is_ok());
}
