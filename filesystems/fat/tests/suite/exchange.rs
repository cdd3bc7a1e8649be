//! What one side writes, the other reads.

use airox_fat::FatFiles;
use airox_file_system::{FileSystem, Kind, read_all, write_all};

use crate::disk::{KINDS, formatted, seen_by_others, with_others, written_by_others};

fn text(seed: u32, length: u32) -> Vec<u8> {
    (0..length).map(|n| (n.wrapping_mul(2_654_435_761).wrapping_add(seed) >> 24) as u8).collect()
}

#[test]
fn what_is_written_here_is_read_elsewhere() {
    for kind in KINDS {
        let mut files = FatFiles::mount(formatted(kind)).expect("mounted");
        let root = files.root();
        let directory = files.create(root, "Ein Ordner mit Umlauten äöü", Kind::Directory, 1).expect("made");
        let inner = files.create(directory, "inner", Kind::Directory, 1).expect("made");
        for (parent, name, length) in [
            (root, "README.TXT", 5),
            (root, "lower.txt", 100_000),
            (inner, "漢字 and more.bin", 70_001),
            (inner, "empty", 0),
        ] {
            let file = files.create(parent, name, Kind::File, 1).expect("made");
            write_all(&mut files, file, 0, &text(length, length), 1).expect("written");
        }
        files.rename((directory, "inner"), (root, "moved here"), 1).expect("renamed");
        files.unlink(root, "lower.txt", Kind::File, 1).expect("removed");
        files.sync().expect("synchronised");
        let found = seen_by_others(&files.into_disk());
        let expected = [
            ("/Ein Ordner mit Umlauten äöü", None),
            ("/README.TXT", Some(text(5, 5))),
            ("/moved here", None),
            ("/moved here/empty", Some(Vec::new())),
            ("/moved here/漢字 and more.bin", Some(text(70_001, 70_001))),
        ];
        assert_eq!(found, expected.into_iter().map(|(path, bytes)| (path.to_string(), bytes)).collect(), "{kind:?}");
    }
}

#[test]
fn what_is_written_elsewhere_is_read_here() {
    for kind in KINDS {
        let mut disk = formatted(kind);
        with_others(&mut disk, |root| {
            root.create_dir("Some Folder").expect("made");
            written_by_others(root, "Some Folder/a long file name.jpeg", &text(1, 50_000));
            written_by_others(root, "SHORT.BIN", &text(2, 3));
            for number in 0..100 {
                written_by_others(root, &format!("Some Folder/file number {number}"), &text(number, number * 100));
            }
        });
        let mut files = FatFiles::mount(disk).expect("mounted");
        let root = files.root();
        let folder = files.lookup(root, "some folder").expect("found");
        assert_eq!(files.stat(folder).map(|found| found.size), Ok(101));
        let picture = files.lookup(folder, "a long file name.jpeg").expect("found");
        assert_eq!(read_all(&mut files, picture, 1 << 20), Ok(text(1, 50_000)));
        for number in 0..100 {
            let file = files.lookup(folder, &format!("file number {number}")).expect("found");
            assert_eq!(read_all(&mut files, file, 1 << 20), Ok(text(number, number * 100)));
        }
        assert_eq!(
            files.check().map(|checked| (checked.files, checked.directories, checked.problems)),
            Ok((102, 1, 0))
        );
        // And changed here, to be read there again.
        write_all(&mut files, picture, 49_000, &text(3, 9_000), 1).expect("written");
        files.rename((folder, "a long file name.jpeg"), (root, "picture"), 1).expect("renamed");
        files.sync().expect("synchronised");
        let mut expected = text(1, 49_000);
        expected.extend(text(3, 9_000));
        assert_eq!(seen_by_others(&files.into_disk()).get("/picture"), Some(&Some(expected)));
    }
}
