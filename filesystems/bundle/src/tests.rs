//! A small bundle as files.

use super::*;
use airox_bundle::write::{Builder, ProgramImage, SegmentImage};
use airox_file_system::conformance::entries;
use airox_file_system::{read_all, read_slice, write_all};

fn bundle() -> Vec<u8> {
    let mut builder = Builder::new();
    let segment =
        SegmentImage { address: 0x1000, memory_size: 5, bytes: b"image".to_vec(), writable: false, executable: true };
    let program = ProgramImage { name: "init".into(), entry: 0x1000, segments: vec![segment], symbols: vec![] };
    builder.program(program).unwrap();
    builder.file("system", b"the record".to_vec()).unwrap();
    builder.file("programs", b"hidden".to_vec()).unwrap();
    builder.build("init").unwrap()
}

#[test]
fn files_and_programs_are_there() {
    let bytes = bundle();
    let mut files = BundleFiles::new(&Bundle::parse(&bytes).unwrap(), &bytes);
    for batch in 1..4 {
        let names: Vec<String> = entries(&mut files, ROOT, batch).unwrap().into_keys().collect();
        assert_eq!(names, ["programs", "system"]);
        let names: Vec<String> = entries(&mut files, PROGRAMS, batch).unwrap().into_keys().collect();
        assert_eq!(names, ["init"]);
    }
    let system = files.lookup(ROOT, "system").unwrap();
    assert_eq!(read_all(&mut files, system, 100).as_deref(), Ok(&b"the record"[..]));
    let mut part = [0; 8];
    assert_eq!(read_slice(&mut files, system, 4, &mut part), Ok(6));
    assert_eq!(read_slice(&mut files, system, u64::MAX, &mut part), Ok(0));
    let init = files.lookup(PROGRAMS, "init").unwrap();
    assert!(read_all(&mut files, init, 1 << 20).unwrap().starts_with(b"image"));
    assert_eq!(files.stat(ROOT).unwrap().size, 2);
    let extent = files.extent(system).unwrap();
    assert_eq!(bytes[extent.offset as usize..][..extent.length as usize], *b"the record");
    assert!(files.usage().unwrap().read_only);
}

#[test]
fn what_is_not_there_and_what_cannot_be_is_refused() {
    let bytes = bundle();
    let mut files = BundleFiles::new(&Bundle::parse(&bytes).unwrap(), &bytes);
    let system = files.lookup(ROOT, "system").unwrap();
    assert_eq!(files.lookup(ROOT, "init"), Err(FileError::NotFound));
    assert_eq!(files.lookup(system, "a"), Err(FileError::NotADirectory));
    for stranger in [0, 99, u64::MAX] {
        assert_eq!(files.stat(Node(stranger)), Err(FileError::NotFound));
        assert_eq!(files.lookup(Node(stranger), "a"), Err(FileError::NotFound));
    }
    assert_eq!(read_slice(&mut files, ROOT, 0, &mut [0]), Err(FileError::IsADirectory));
    assert_eq!(files.extent(PROGRAMS), Err(FileError::IsADirectory));
    let read_only = FileError::ReadOnly;
    assert_eq!(files.create(ROOT, "new", Kind::File, 1), Err(read_only));
    assert_eq!(write_all(&mut files, system, 0, b"x", 1), Err(read_only));
    assert_eq!(files.truncate(system, 0, 1), Err(read_only));
    assert_eq!(files.unlink(ROOT, "system", Kind::File, 1), Err(read_only));
    assert_eq!(files.rename((ROOT, "system"), (ROOT, "x"), 1), Err(read_only));
}
