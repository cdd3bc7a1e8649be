use crate::{ConfigFiles, MAX_SETTINGS, Settings, World};
use airox_file_system::{FileError, FileSystem, Kind, Node, read_all, write_all};
use std::cell::RefCell;
use std::rc::Rc;

/// What was kept and told.
#[derive(Default)]
struct Seen {
    kept: String,
    told: Vec<(String, String)>,
    refuses: bool,
}

#[derive(Clone, Default)]
struct Model(Rc<RefCell<Seen>>);

impl World for Model {
    fn keep(&mut self, text: &str) -> Result<(), FileError> {
        let mut seen = self.0.borrow_mut();
        if seen.refuses {
            return Err(FileError::ServerDied);
        }
        seen.kept = text.into();
        Ok(())
    }

    fn changed(&mut self, path: &str, value: &str) {
        self.0.borrow_mut().told.push((path.into(), value.into()));
    }
}

fn files(kept: &str) -> (ConfigFiles<Model>, Model) {
    let world = Model::default();
    (ConfigFiles::new(Settings::parse(kept.as_bytes()).0, world.clone()), world)
}

fn find(files: &mut ConfigFiles<Model>, path: &str) -> Result<Node, FileError> {
    let mut names = path.split('/').filter(|name| !name.is_empty());
    names.try_fold(files.root(), |node, name| files.lookup(node, name))
}

fn read(files: &mut ConfigFiles<Model>, path: &str) -> String {
    let node = find(files, path).unwrap();
    String::from_utf8(read_all(files, node, 100).unwrap()).unwrap()
}

/// As a program does that writes a whole file.
fn write(files: &mut ConfigFiles<Model>, path: &str, text: &str) -> Result<(), FileError> {
    let node = match find(files, path) {
        Ok(node) => node,
        Err(_) => {
            let (directory, name) = path.rsplit_once('/').unwrap();
            let directory = find(files, directory)?;
            files.create(directory, name, Kind::File, 0)?
        }
    };
    files.truncate(node, 0, 0)?;
    write_all(files, node, 0, text.as_bytes(), 0)
}

#[test]
fn values_are_kept_told_and_there_again() {
    let (mut config, world) = files("");
    assert_eq!(read(&mut config, "/shell/history-lines"), "200\n");
    write(&mut config, "/log/level/rtc", "debug\n").unwrap();
    write(&mut config, "/shell/history-lines", "50").unwrap();
    write(&mut config, "/shell/history-lines", "50").unwrap();
    let kept = world.0.borrow().kept.clone();
    assert_eq!(kept, "/log/level/rtc = debug\n/shell/history-lines = 50\n");
    assert_eq!(world.0.borrow().told.len(), 2, "the same again is no change");
    let (mut again, world) = files(&kept);
    assert_eq!(read(&mut again, "/log/level/rtc"), "debug\n");
    assert_eq!(world.0.borrow().told[0], ("/log/level/rtc".into(), "debug".into()));
}

#[test]
fn what_the_schema_does_not_allow_changes_nothing() {
    let (mut config, world) = files("");
    for (path, text) in [
        ("/log/level/rtc", "loud"),
        ("/shell/history-lines", "201"),
        ("/shell/history-lines", "-1"),
        ("/shell/history-lines", ""),
        ("/boot/script", "a\u{1b}b"),
        ("/boot/script", &"x".repeat(65)),
    ] {
        let outcome = write(&mut config, path, text);
        let empty = text.is_empty() && outcome == Ok(());
        assert!(empty || outcome == Err(FileError::InvalidContent), "{path} {text}: {outcome:?}");
    }
    assert_eq!(write(&mut config, "/boot/other", "x"), Err(FileError::NotAllowed));
    assert_eq!(write(&mut config, "/boot/script", &"x".repeat(2000)), Err(FileError::TooLong));
    assert_eq!(read(&mut config, "/shell/history-lines"), "200\n");
    assert_eq!(world.0.borrow().kept, "");
    let node = find(&mut config, "/boot/script").unwrap();
    assert_eq!(write_all(&mut config, node, 3, b"x", 0), Err(FileError::NotSupported));
    let boot = find(&mut config, "/boot").unwrap();
    assert_eq!(config.create(boot, "new", Kind::Directory, 0), Err(FileError::NotAllowed));
    assert_eq!(config.rename((boot, "script"), (boot, "x"), 0), Err(FileError::NotSupported));
}

#[test]
fn a_value_that_cannot_be_kept_is_not_effective() {
    let (mut config, world) = files("/log/level/rtc = debug\n");
    world.0.borrow_mut().refuses = true;
    assert_eq!(write(&mut config, "/log/level/rtc", "error"), Err(FileError::ServerDied));
    assert_eq!(read(&mut config, "/log/level/rtc"), "debug\n");
}

#[test]
fn removing_brings_the_default_back() {
    let (mut config, world) = files("/log/level/rtc = debug\n/shell/history-lines = 7\n");
    let levels = find(&mut config, "/log/level").unwrap();
    let shell = find(&mut config, "/shell").unwrap();
    config.unlink(levels, "rtc", Kind::File, 0).unwrap();
    config.unlink(shell, "history-lines", Kind::File, 0).unwrap();
    assert_eq!(find(&mut config, "/log/level/rtc"), Err(FileError::NotFound));
    assert_eq!(read(&mut config, "/shell/history-lines"), "200\n");
    assert_eq!(world.0.borrow().kept, "");
    assert_eq!(world.0.borrow().told[2], ("/log/level/rtc".into(), "info".into()));
    assert_eq!(config.unlink(levels, "rtc", Kind::File, 0), Err(FileError::NotFound));
    let root = config.root();
    assert_eq!(config.unlink(root, "shell", Kind::File, 0), Err(FileError::IsADirectory));
    assert_eq!(config.unlink(root, "shell", Kind::Directory, 0), Err(FileError::NotAllowed));
}

#[test]
fn damaged_text_loses_only_its_lines() {
    let text =
        b"/log/level/rtc = debug\nnonsense\n/boot/../x = 1\n/unknown/a = 1\n\xff\xfe = 2\n/shell/history-lines = 9\n";
    let (settings, dropped) = Settings::parse(text);
    assert_eq!(dropped, 4);
    assert_eq!(settings.text(), "/log/level/rtc = debug\n/shell/history-lines = 9\n");
}

#[test]
fn directories_are_listed_and_bounded() {
    let (mut config, _) = files("");
    let levels = find(&mut config, "/log/level").unwrap();
    let made =
        (0..MAX_SETTINGS).filter(|number| config.create(levels, &format!("server-{number}"), Kind::File, 0).is_ok());
    let made = made.count();
    assert!(made > 200 && made < MAX_SETTINGS);
    let (mut seen, mut cursor) = (0, Some(0));
    while let Some(from) = cursor {
        let mut room = 7;
        cursor = config
            .list(levels, from, &mut |_| {
                let fits = room > 0;
                room -= usize::from(fits);
                seen += usize::from(fits);
                fits
            })
            .unwrap();
    }
    assert_eq!(seen, made);
    let root = config.root();
    let mut names = Vec::new();
    config
        .list(root, 0, &mut |entry| {
            names.push(entry.name.to_owned());
            true
        })
        .unwrap();
    assert_eq!(names, ["boot", "log", "shell"]);
    assert_eq!(config.stat(root).unwrap().size, 3);
}
