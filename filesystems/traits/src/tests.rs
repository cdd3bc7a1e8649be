//! Paths, errors and transfers.

use super::*;
use crate::path::{below, check_name, components, is_within, join, resolve, split};
use airox_driver_traits::block::BlockError;
use proptest::prelude::*;

fn names(path: &str) -> Result<Vec<&str>, FileError> {
    components(path).map(Iterator::collect)
}

#[test]
fn normal_paths_have_their_names() {
    assert_eq!(names("/"), Ok(vec![]));
    assert_eq!(names("/tmp"), Ok(vec!["tmp"]));
    assert_eq!(names("/a/ü b/..."), Ok(vec!["a", "ü b", "..."]));
}

#[test]
fn all_others_are_refused() {
    for path in ["", "a", "//", "/a/", "/a//b", "/.", "/a/..", "/../a", "./a"] {
        assert_eq!(names(path), Err(FileError::InvalidPath), "{path}");
    }
    assert_eq!(names("/a\nb"), Err(FileError::InvalidName));
    assert_eq!(names("/\0"), Err(FileError::InvalidName));
    assert_eq!(names(&format!("/{}", "x".repeat(256))), Err(FileError::TooLong));
    assert_eq!(names(&"/xxx".repeat(1025)), Err(FileError::TooLong));
    assert!(names(&"/xxx".repeat(1024)).is_ok());
    assert_eq!(check_name("a/b"), Err(FileError::InvalidName));
    assert_eq!(check_name(".."), Err(FileError::InvalidName));
    assert_eq!(check_name(&"x".repeat(255)), Ok(()));
}

#[test]
fn what_a_person_types_becomes_normal() {
    let at = |path| resolve("/tmp/sub", path).unwrap();
    assert_eq!(at("a"), "/tmp/sub/a");
    assert_eq!(at("./a//b/"), "/tmp/sub/a/b");
    assert_eq!(at(".."), "/tmp");
    assert_eq!(at("../../.."), "/");
    assert_eq!(at("/x/../y"), "/y");
    assert_eq!(resolve("/", "a").unwrap(), "/a");
    assert_eq!(resolve("/", "."), Ok("/".into()));
    assert_eq!(resolve("/", ""), Err(FileError::InvalidPath));
    assert_eq!(resolve("/", "a\tb"), Err(FileError::InvalidName));
}

#[test]
fn paths_are_taken_apart() {
    assert_eq!(split("/a/b"), Some(("/a", "b")));
    assert_eq!(split("/a"), Some(("/", "a")));
    assert_eq!(split("/"), None);
    assert_eq!(join("/", "a"), "/a");
    assert_eq!(join("/a", "b"), "/a/b");
    assert_eq!(below("/tmp/a", "/tmp"), Some("/a"));
    assert_eq!(below("/tmp", "/tmp"), Some("/"));
    assert_eq!(below("/tmp2", "/tmp"), None);
    assert_eq!(below("/tmp", "/"), Some("/tmp"));
    assert!(is_within("/", "/"));
    assert!(!is_within("/", "/tmp"));
}

#[test]
fn transfers_keep_to_their_buffers() {
    let mut buffer = [0; 4];
    let mut sink = BufferSink::new(&mut buffer);
    assert_eq!(sink.put(b"ab"), Ok(()));
    assert_eq!(sink.put(b"cde"), Err(FileError::BadBuffer));
    let mut source: &[u8] = b"abc";
    let mut two = [0; 2];
    assert_eq!(source.take(&mut two), Ok(()));
    assert_eq!(&two, b"ab");
    assert_eq!(source.take(&mut two), Err(FileError::BadBuffer));
}

#[test]
fn errors_travel_and_are_told() {
    let errors = [
        FileError::Corrupt { node: 7, place: u64::MAX },
        FileError::Device(BlockError::Medium { block: 3 }),
        FileError::StaleFile,
        FileError::Kernel(5),
    ];
    for error in errors {
        let bytes = postcard::to_allocvec(&error).unwrap();
        assert_eq!(postcard::from_bytes(&bytes), Ok(error));
        assert!(!error.to_string().is_empty());
    }
    assert_eq!(FileError::from(BlockError::ReadOnly), FileError::ReadOnly);
    assert_eq!(FileError::from(BlockError::Gone), FileError::Device(BlockError::Gone));
}

proptest! {
    #[test]
    fn resolving_makes_a_normal_path_or_says_why_not(current in "(/[a-c.]{1,3}){0,3}", path in "[a-c./\n]{0,12}") {
        let current = resolve("/", &format!("/{current}")).unwrap();
        match resolve(&current, &path) {
            Ok(normal) => {
                prop_assert!(components(&normal).is_ok(), "{}", normal);
                prop_assert_eq!(resolve("/", &normal), Ok(normal.clone()));
            }
            Err(error) => {
                prop_assert!(path.is_empty() || path.contains('\n'), "{:?}", error);
            }
        }
    }

    #[test]
    fn taking_apart_and_joining_are_inverse(path in "(/[a-z]{1,4}){1,5}") {
        let (directory, name) = split(&path).unwrap();
        prop_assert_eq!(join(directory, name), path.clone());
        prop_assert!(is_within(&path, directory));
        let rest = below(&path, directory).unwrap();
        prop_assert_eq!(resolve(directory, &rest[1..]), Ok(path.clone()));
    }
}

#[test]
fn the_model_passes_what_is_asked_of_all_others() {
    conformance::check_all(conformance::Model::new);
}
