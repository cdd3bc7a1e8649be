//! What any file system has to do, and what this one has in addition.

use airox_file_system::conformance;
use airox_persistent::{Error, Files, Format, NodeKind, ROOT, Settings, Volume};

use crate::disk::{MemoryDisk, Random};
use crate::workload::{SMALL, digest, format, mount, step};

#[test]
fn it_is_a_file_system() {
    conformance::check_all(|| Files::new(mount(format(8192, 1))));
}

#[test]
fn it_is_one_with_plenty_of_memory_too() {
    let make = || Files::new(Volume::mount(format(8192, 1), Settings::default()).expect("mounts").0);
    conformance::check_all(make);
}

#[test]
fn full_is_said_and_can_be_undone() {
    for blocks in [96, 128, 200, 1000] {
        let mut files = Files::new(mount(format(blocks, 2)));
        conformance::check_full(&mut files);
        let report = files.volume().check().expect("a good disk");
        assert_eq!(report.problems, []);
    }
}

#[test]
fn a_long_history_checks_out_and_survives_unmounting() {
    for seed in 0..20 {
        let mut random = Random(seed);
        let mut volume = mount(format(2000, seed));
        for time in 0..400 {
            step(&mut volume, &mut random, time).expect("a good disk");
        }
        let held = digest(&mut volume).expect("readable");
        let report = volume.check().expect("a good disk");
        assert_eq!(report.problems, [], "seed {seed}");
        let (device, result) = volume.unmount();
        assert_eq!(result, Ok(()));
        let (mut volume, mounted) = Volume::mount(device, SMALL).expect("mounts");
        assert_eq!(mounted.batches, 0);
        assert_eq!(digest(&mut volume), Ok(held));
    }
}

#[test]
fn a_disk_that_cannot_be_written_shows_what_the_log_has() {
    let mut volume = mount(format(1000, 3));
    let node = volume.create(ROOT, "a", NodeKind::File).expect("fits");
    volume.write(node, 0, b"hello").expect("fits");
    volume.sync().expect("a good disk");
    // As if the power were cut: no unmounting.
    let mut device = volume.abandon();
    device.read_only = true;
    let (mut volume, mounted) = Volume::mount(device, SMALL).expect("mounts");
    assert_eq!(mounted.batches, 1);
    let node = volume.lookup(ROOT, "a").expect("there");
    let mut bytes = [0; 5];
    assert_eq!(volume.read(node, 0, &mut bytes), Ok(5));
    assert_eq!(&bytes, b"hello");
    assert_eq!(volume.write(node, 0, b"x"), Err(Error::ReadOnly));
    assert_eq!(volume.check().expect("readable").problems, []);
}

#[test]
fn only_a_blank_disk_is_formatted() {
    let format = Format { volume: 7, label: "new", log_blocks: None, now: 1 };
    let (disk, made) = Volume::format_blank(MemoryDisk::new(1000), &format).expect("a good disk");
    assert!(made);
    let (disk, made) = Volume::format_blank(disk, &format).expect("a good disk");
    assert!(!made, "there is a volume");
    assert!(mount(disk).list(ROOT, 0, 1).expect("readable").is_empty());
    let mut used = MemoryDisk::new(1000);
    used.set_block(255, &[1; 4096]);
    let (disk, made) = Volume::format_blank(used, &format).expect("a good disk");
    assert!(!made && Volume::mount(disk, SMALL).err() == Some(Error::NotFormatted));
}

#[test]
fn quotas_count_files_exactly() {
    let mut volume = mount(format(4000, 4));
    let home = volume.create(ROOT, "home", NodeKind::Directory).expect("fits");
    let files = |volume: &mut Volume<_>, node| volume.quota_of(node).expect("there").map(|quota| quota.files);
    volume.set_quota(home, u64::MAX, 3).expect("empty");
    let inner = volume.create(home, "inner", NodeKind::Directory).expect("fits");
    volume.create(inner, "one", NodeKind::File).expect("fits");
    volume.create(home, "two", NodeKind::File).expect("fits exactly");
    assert_eq!(volume.create(inner, "three", NodeKind::File), Err(Error::QuotaExceeded));
    assert_eq!(volume.create(inner, "three", NodeKind::Directory), Err(Error::QuotaExceeded));
    // Within it nothing changes; a file in the way makes room for the one that replaces it.
    volume.rename((home, "two"), (inner, "two")).expect("counts as before");
    let outside = volume.create(ROOT, "outside", NodeKind::File).expect("fits");
    assert_eq!(volume.rename((ROOT, "outside"), (home, "more")), Err(Error::QuotaExceeded));
    assert_eq!(volume.rename((ROOT, "outside"), (inner, "two")), Ok(()));
    assert_eq!((files(&mut volume, outside), files(&mut volume, home)), (Some(3), Some(3)));
    volume.rename((inner, "one"), (ROOT, "one")).expect("out of it");
    assert_eq!(files(&mut volume, home), Some(2));
    assert_eq!(volume.rename((home, "inner"), (ROOT, "inner")), Err(Error::OtherQuota));
    // A directory with a quota of its own counts for itself, and so does what is in it.
    let own = volume.create(home, "own", NodeKind::Directory).expect("fits");
    assert_eq!(files(&mut volume, home), Some(3));
    volume.set_quota(own, 5, 1).expect("empty");
    assert_eq!(files(&mut volume, home), Some(2));
    volume.create(own, "a", NodeKind::File).expect("fits");
    assert_eq!(volume.create(own, "b", NodeKind::File), Err(Error::QuotaExceeded));
    // A lower limit than what is there stops what would grow, and nothing else.
    volume.set_quota(home, u64::MAX, 1).expect("has one");
    assert_eq!(volume.create(home, "c", NodeKind::File), Err(Error::QuotaExceeded));
    volume.remove(own, "a", None).expect("there");
    volume.remove(home, "own", None).expect("empty");
    volume.remove(inner, "two", None).expect("there");
    volume.remove(home, "inner", None).expect("empty");
    assert_eq!(files(&mut volume, home), Some(0));
    assert_eq!(volume.check().expect("a good disk").problems, []);
    let (disk, done) = volume.unmount();
    done.expect("a good disk");
    let (mut volume, _) = Volume::mount(disk, SMALL).expect("a good disk");
    assert_eq!(volume.quota_of(home).expect("there").map(|quota| quota.most_files), Some(1));
}

#[test]
fn quotas_hold() {
    let mut volume = mount(format(4000, 4));
    let home = volume.create(ROOT, "home", NodeKind::Directory).expect("fits");
    volume.set_quota(home, 10, u64::MAX).expect("empty");
    let file = volume.create(home, "file", NodeKind::File).expect("fits");
    volume.write(file, 0, &[1; 8 * 4096]).expect("fits");
    assert_eq!(volume.write(file, 8 * 4096, &[1; 3 * 4096]), Err(Error::QuotaExceeded));
    volume.write(file, 8 * 4096, &[1; 2 * 4096]).expect("fits exactly");
    volume.write(file, 0, &[2; 4096]).expect("overwriting needs no more");
    assert_eq!(volume.append(file, b"x"), Err(Error::QuotaExceeded));
    volume.sync().expect("a good disk");
    assert_eq!(volume.quota_of(file).expect("there").map(|quota| quota.used), Some(10));
    volume.rename((home, "file"), (ROOT, "file")).expect("fits");
    assert_eq!(volume.quota_of(home).expect("there").map(|quota| quota.used), Some(0));
    assert_eq!(volume.rename((ROOT, "file"), (home, "file")), Ok(()));
    volume.truncate(file, 4096).expect("shrinks");
    assert_eq!(volume.quota_of(home).expect("there").map(|quota| quota.used), Some(1));
    volume.remove(home, "file", None).expect("there");
    assert_eq!(volume.quota_of(home).expect("there").map(|quota| quota.used), Some(0));
    assert_eq!(volume.check().expect("a good disk").problems, []);
}

#[test]
fn a_large_file_is_removed_in_steps_and_all_comes_back() {
    let mut volume = mount(format(20_000, 5));
    let before = volume.usage().free;
    let data = Random(1).bytes(1 << 20);
    let node = volume.create(ROOT, "large", NodeKind::File).expect("fits");
    for piece in 0..60u64 {
        volume.write(node, piece << 20, &data).expect("fits");
    }
    volume.truncate(node, (1 << 20) + 5).expect("shrinks");
    // Growing again must show zeros, not what is still to be released.
    volume.truncate(node, 50 << 20).expect("grows");
    let mut bytes = vec![1; 1 << 20];
    volume.read(node, 20 << 20, &mut bytes).expect("readable");
    assert!(bytes.iter().all(|byte| *byte == 0));
    volume.remove(ROOT, "large", None).expect("there");
    assert_eq!(volume.check().expect("a good disk").problems, []);
    for _ in 0..10 {
        volume.create(ROOT, "a", NodeKind::File).expect("fits");
        volume.remove(ROOT, "a", None).expect("there");
    }
    volume.checkpoint().expect("a good disk");
    assert!(before - volume.usage().free < 16, "{before} {}", volume.usage().free);
    assert_eq!(volume.check().expect("a good disk").problems, []);
}
