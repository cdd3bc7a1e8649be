//! `cargo xtask fs` on images in a temporary folder.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;

use super::{VolumeArguments, parse_size, volume};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    arguments: VolumeArguments,
}

/// A folder that goes away.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("airox-fs-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("can be made");
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("UTF-8").to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs one command line.
fn run(words: &[&str]) -> Result<bool, String> {
    let line =
        Line::try_parse_from(std::iter::once("fs").chain(words.iter().copied())).map_err(|error| error.to_string())?;
    let code = volume(&line.arguments).map_err(|error| format!("{error:#}"))?;
    Ok(code == std::process::ExitCode::SUCCESS)
}

#[test]
fn what_is_put_can_be_got() {
    let folder = Folder::new("put");
    let image = folder.path("image");
    fs::create_dir_all(folder.path("tree/below")).expect("can be made");
    let large: Vec<u8> = (0..3_000_000u32).map(|number| (number / 7) as u8).collect();
    fs::write(folder.path("tree/large"), &large).expect("can be written");
    fs::write(folder.path("tree/below/small"), b"hello").expect("can be written");
    assert_eq!(run(&["mkfs", &image, "--size", "16M"]), Ok(true));
    assert_eq!(run(&["put", &image, &folder.path("tree"), "/"]), Ok(true));
    assert_eq!(run(&["mkdir", &image, "/a/b/c"]), Ok(true));
    assert_eq!(run(&["put", &image, &folder.path("tree/large"), "/a/b/c/copy"]), Ok(true));
    assert_eq!(run(&["rm", &image, "/tree/below/small"]), Ok(true));
    assert_eq!(run(&["check", &image]), Ok(true));
    assert_eq!(run(&["get", &image, "/", &folder.path("out")]), Ok(true));
    assert_eq!(fs::read(folder.path("out/tree/large")).expect("there"), large);
    assert_eq!(fs::read(folder.path("out/a/b/c/copy")).expect("there"), large);
    assert!(Path::new(&folder.path("out/tree/below")).is_dir());
    assert!(!Path::new(&folder.path("out/tree/below/small")).exists());
    assert_eq!(run(&["rm", &image, "/tree", "-r"]), Ok(true));
    assert_eq!(run(&["ls", &image, "/a", "-r"]), Ok(true));
    assert_eq!(run(&["check", &image]), Ok(true));
}

#[test]
fn errors_say_what_is_wrong() {
    let folder = Folder::new("errors");
    let image = folder.path("image");
    let error = |words: &[&str]| run(words).expect_err("refused");
    assert!(error(&["ls", &image]).contains("cannot open"));
    assert!(error(&["mkfs", &image, "--size", "100K"]).contains("too small"));
    fs::remove_file(&image).expect("was made");
    assert_eq!(run(&["mkfs", &image, "--size", "4M"]), Ok(true));
    assert!(error(&["mkfs", &image]).contains("--force"));
    assert!(error(&["mkfs", &image, "--size", "4M"]).contains("cannot make"));
    assert_eq!(run(&["mkfs", &image, "--force"]), Ok(true));
    assert!(error(&["cat", &image, "/missing"]).contains("/missing: not found"));
    assert!(error(&["cat", &image, "/"]).contains("is a directory"));
    assert!(error(&["rm", &image, "/"]).contains("root"));
    assert!(error(&["ls", &image, "--partition", "x"]).contains("no partitions"));
    assert!(error(&["put", &image, &folder.path("nothing"), "/"]).contains("cannot read"));
    fs::write(folder.path("big"), vec![1; 8 << 20]).expect("can be written");
    assert!(error(&["put", &image, &folder.path("big"), "/"]).contains("no space"));
    assert_eq!(run(&["check", &image]), Ok(true), "what did not fit is gone");
    fs::write(folder.path("noise"), vec![1; 8 << 20]).expect("can be written");
    assert!(error(&["ls", &folder.path("noise")]).contains("no AIROX file system"));
}

#[test]
fn damage_is_found_and_named() {
    let folder = Folder::new("damage");
    let image = folder.path("image");
    fs::write(folder.path("poem"), [b'x'; 5000]).expect("can be written");
    assert_eq!(run(&["mkfs", &image, "--size", "4M"]), Ok(true));
    assert_eq!(run(&["put", &image, &folder.path("poem"), "/"]), Ok(true));
    let mut bytes = fs::read(&image).expect("there");
    let place = bytes.windows(8).position(|window| window == b"xxxxxxxx").expect("is in there");
    bytes[place + 9] ^= 4;
    fs::write(&image, bytes).expect("can be written");
    assert_eq!(run(&["check", &image]), Ok(false));
    let error = run(&["cat", &image, "/poem"]).expect_err("damaged");
    assert!(error.contains("/poem: block") && error.contains("is damaged (file data)"), "{error}");
}

#[test]
fn the_data_partition_of_a_disk_is_found() {
    let folder = Folder::new("partition");
    let image = folder.path("disk");
    let file = fs::File::create_new(&image).expect("can be made");
    file.set_len(24 << 20).expect("can be long");
    let mut disk = gpt::GptConfig::new().writable(true).create_from_device(file, None).expect("can be made");
    let kind = gpt::partition_types::LINUX_FS;
    disk.add_partition("other", 4 << 20, kind.clone(), 0, None).expect("fits");
    disk.add_partition("AIROX data", 8 << 20, kind, 0, None).expect("fits");
    disk.write().expect("can be written");
    assert_eq!(run(&["mkfs", &image]), Ok(true));
    fs::write(folder.path("file"), b"hello").expect("can be written");
    assert_eq!(run(&["put", &image, &folder.path("file"), "/"]), Ok(true));
    assert_eq!(run(&["cat", &image, "/file"]), Ok(true));
    let error = run(&["ls", &image, "--partition", "other"]).expect_err("empty");
    assert!(error.contains("no AIROX file system"), "{error}");
    let error = run(&["ls", &image, "--partition", "third"]).expect_err("missing");
    assert!(error.contains("it has \"other\", \"AIROX data\""), "{error}");
    assert!(gpt::GptConfig::new().open(&image).is_ok(), "the table is untouched");
}

#[test]
fn sizes() {
    assert_eq!(parse_size("12").ok(), Some(12));
    assert_eq!(parse_size("3G").ok(), Some(3 << 30));
    for wrong in ["", "K", "1KK", "-1", "1T", "99999999999G", "0"] {
        assert!(parse_size(wrong).is_err(), "{wrong}");
    }
}
