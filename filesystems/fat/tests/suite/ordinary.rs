//! What every file system has to do, and what FAT alone does.

use airox_fat::FatFiles;
use airox_file_system::conformance::{check_cases, check_full, check_random};
use airox_file_system::{FileError, FileSystem, Kind, read_all, write_all};

use crate::disk::{KINDS, formatted, mounted};

#[test]
fn it_does_what_a_file_system_has_to() {
    for kind in KINDS {
        let disk = formatted(kind);
        check_cases(&mut || FatFiles::mount(disk.clone()).expect("mounted"));
    }
}

#[test]
fn random_histories_end_in_sound_volumes() {
    for kind in KINDS {
        let disk = formatted(kind);
        for seed in 0..30 {
            let mut files = FatFiles::mount(disk.clone()).expect("mounted");
            check_random(&mut files, seed, 200);
            let free = files.usage().expect("usage").free;
            files.sync().expect("synchronised");
            let mut again = FatFiles::mount(files.into_disk()).expect("mounted");
            let checked = again.check().expect("checked");
            assert_eq!(checked.first_problem, None, "{kind:?}, seed {seed}");
            assert_eq!(again.usage().expect("usage").free, free, "{kind:?}, seed {seed}: room is counted exactly");
        }
    }
}

#[test]
fn a_full_volume_says_so() {
    for kind in KINDS {
        let mut files = mounted(kind);
        let before = files.usage().expect("usage").free;
        check_full(&mut files);
        assert_eq!(files.usage().expect("usage").free, before);
        assert_eq!(files.check().expect("checked").problems, 0);
    }
}

#[test]
fn capitals_and_small_letters_are_one_name() {
    let mut files = mounted(KINDS[2]);
    let root = files.root();
    let file = files.create(root, "Straße Ärger.TXT", Kind::File, 1).expect("made");
    assert_eq!(files.lookup(root, "STRASSE ärger.txt"), Ok(file));
    assert_eq!(files.create(root, "straße ärger.txt", Kind::File, 1), Err(FileError::AlreadyExists));
    // A name can change between them, and its node stays.
    assert_eq!(files.rename((root, "Straße Ärger.TXT"), (root, "straße ärger.txt"), 2), Ok(()));
    assert_eq!(files.lookup(root, "straße ärger.txt"), Ok(file));
    let mut names = Vec::new();
    files
        .list(root, 0, &mut |entry| {
            names.push(entry.name.to_string());
            true
        })
        .expect("listed");
    assert_eq!(names, ["straße ärger.txt"]);
}

#[test]
fn names_that_no_pc_could_read_are_refused() {
    let mut files = mounted(KINDS[1]);
    let root = files.root();
    for bad in ["a:b", "what?", "*", "a|b", "<", "quoted\"", "back\\slash", "dot.", "space ", "..."] {
        assert_eq!(files.create(root, bad, Kind::File, 1), Err(FileError::InvalidName), "{bad}");
    }
    for good in ["a+b,c;d=[e]", ".hidden", "two.dots.txt", "$%'-_@~`!(){}^#&"] {
        let made = files.create(root, good, Kind::File, 1).expect("made");
        assert_eq!(files.lookup(root, good), Ok(made));
    }
}

#[test]
fn many_alike_names_have_different_short_ones() {
    let mut files = mounted(KINDS[0]);
    let root = files.root();
    let directory = files.create(root, "many", Kind::Directory, 1).expect("made");
    for number in 0..300 {
        files.create(directory, &format!("photograph {number}.jpeg"), Kind::File, 1).expect("made");
    }
    assert_eq!(files.stat(directory).map(|found| found.size), Ok(300));
    assert_eq!(files.check().map(|checked| (checked.files, checked.problems)), Ok((300, 0)));
}

#[test]
fn the_fixed_root_directory_is_full_at_last() {
    let mut files = mounted(KINDS[0]);
    let root = files.root();
    let mut made = 0;
    let error = loop {
        match files.create(root, &format!("N{made}"), Kind::File, 1) {
            Ok(_) => made += 1,
            Err(error) => break error,
        }
    };
    assert_eq!((made, error), (512, FileError::NoSpace));
    assert_eq!(files.unlink(root, "N77", Kind::File, 1), Ok(()));
    // One slot is free: a long name does not fit, a short one does.
    assert_eq!(files.create(root, "small letters", Kind::File, 1), Err(FileError::NoSpace));
    assert!(files.create(root, "LAST", Kind::File, 1).is_ok());
}

#[test]
fn a_disk_that_cannot_be_written_can_be_read() {
    let mut files = mounted(KINDS[2]);
    let root = files.root();
    let file = files.create(root, "file", Kind::File, 1).expect("made");
    write_all(&mut files, file, 0, b"text", 1).expect("written");
    files.sync().expect("synchronised");
    let mut disk = files.into_disk();
    disk.read_only = true;
    let mut files = FatFiles::mount(disk).expect("mounted");
    let file = files.lookup(root, "file").expect("found");
    assert_eq!(read_all(&mut files, file, 9).as_deref(), Ok(&b"text"[..]));
    assert!(files.usage().expect("usage").read_only);
    assert_eq!(files.create(root, "other", Kind::File, 1), Err(FileError::ReadOnly));
    assert_eq!(write_all(&mut files, file, 0, b"more", 1), Err(FileError::ReadOnly));
    assert_eq!(files.truncate(file, 0, 1), Err(FileError::ReadOnly));
    assert_eq!(files.rename((root, "file"), (root, "name"), 1), Err(FileError::ReadOnly));
    assert_eq!(files.unlink(root, "file", Kind::File, 1), Err(FileError::ReadOnly));
    assert_eq!(files.sync(), Ok(()));
}

#[test]
fn a_file_has_at_most_four_gibibytes() {
    let mut files = mounted(KINDS[1]);
    let root = files.root();
    let file = files.create(root, "file", Kind::File, 1).expect("made");
    assert_eq!(write_all(&mut files, file, u64::from(u32::MAX), b"x", 1), Err(FileError::TooLong));
    // There is no room for what would have to be skipped.
    assert_eq!(write_all(&mut files, file, u64::from(u32::MAX) - 1, b"x", 1), Err(FileError::NoSpace));
    assert_eq!(files.truncate(file, u64::from(u32::MAX), 1), Err(FileError::NoSpace));
    assert_eq!(files.stat(file).map(|found| found.size), Ok(0));
    assert_eq!(files.check().map(|checked| checked.problems), Ok(0));
}
