//! Paths, mounts and grants: what a client sees where.

use airox_api::files::{Access, FileGrant};
use airox_file_system::FileError;
use airox_file_system::path::{below, check, is_within, split};
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

/// Most file systems.
pub const MAX_MOUNTS: usize = 16;

/// A file system and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// A normal path.
    pub path: String,
    /// Its component, for people.
    pub provider: String,
}

/// What a path is for a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// A path in a file system: its number, and the path there.
    Inside(usize, &'a str),
    /// A directory that is only there since something else is below it: the names of that.
    Above(BTreeSet<&'a str>),
}

/// The namespace of one client.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// All file systems.
    pub mounts: &'a [Mount],
    /// What the client was given.
    pub grants: &'a [FileGrant],
}

impl<'a> View<'a> {
    /// What this path is, if the client may do this with it.
    ///
    /// # Errors
    /// [`FileError::NotFound`]: nothing is there, or nothing it may know of. [`FileError::NotAllowed`]: it may see that, but not do this.
    /// [`FileError::InvalidPath`] and what else [`check`] says.
    pub fn target(&self, path: &'a str, access: Access) -> Result<Target<'a>, FileError> {
        check(path)?;
        if !self.allows(path, Access::Read) {
            let names = self.names_of_grants(path);
            return match (names.is_empty(), access) {
                (true, _) => Err(FileError::NotFound),
                (false, Access::Write) => Err(FileError::NotAllowed),
                (false, Access::Read) => Ok(Target::Above(names)),
            };
        }
        let target = match self.mount_of(path) {
            Some((mount, rest)) => Target::Inside(mount, rest),
            None => Target::Above(self.names_of_mounts(path)),
        };
        match target {
            Target::Above(names) if names.is_empty() => Err(FileError::NotFound),
            _ if !self.allows(path, access) => Err(FileError::NotAllowed),
            target => Ok(target),
        }
    }

    /// As [`View::target`], for who takes a name away or puts one there: the directory has to be the client's to change, too.
    ///
    /// # Errors
    /// Those; [`FileError::Busy`]: a file system is mounted there, or below.
    pub fn entry(&self, path: &'a str) -> Result<(usize, &'a str), FileError> {
        let target = self.target(path, Access::Write)?;
        if !split(path).is_some_and(|(directory, _)| self.allows(directory, Access::Write)) {
            return Err(FileError::NotAllowed);
        }
        match target {
            Target::Inside(mount, rest) if rest != "/" && self.names_of_mounts(path).is_empty() => Ok((mount, rest)),
            _ => Err(FileError::Busy),
        }
    }

    /// Whether any grant gives this.
    #[must_use]
    pub fn allows(&self, path: &str, access: Access) -> bool {
        self.grants.iter().any(|grant| grant.allows(path, access))
    }

    /// The innermost file system that a path is in, and the path there.
    fn mount_of(&self, path: &'a str) -> Option<(usize, &'a str)> {
        let all = self.mounts.iter().enumerate();
        all.filter_map(|(index, mount)| Some((index, below(path, &mount.path)?)))
            .min_by_key(|(_, rest)| if *rest == "/" { 0 } else { rest.len() })
    }

    /// Names in a directory that lead to file systems.
    #[must_use]
    pub fn names_of_mounts(&self, directory: &str) -> BTreeSet<&'a str> {
        self.mounts.iter().filter_map(|mount| next_name(&mount.path, directory)).collect()
    }

    /// Names in a directory that lead to what the client was given, as far as there is a file system.
    fn names_of_grants(&self, directory: &str) -> BTreeSet<&'a str> {
        let grants = self.grants.iter();
        let there = grants
            .filter(|grant| self.mount_of(&grant.path).is_some() || !self.names_of_mounts(&grant.path).is_empty());
        there.filter_map(|grant| next_name(&grant.path, directory)).collect()
    }

    /// The file systems of which the client sees something.
    pub fn visible(&self) -> Vec<&'a Mount> {
        let sees = |mount: &&Mount| {
            let grants = self.grants.iter();
            grants.clone().any(|grant| is_within(&mount.path, &grant.path) || is_within(&grant.path, &mount.path))
        };
        self.mounts.iter().filter(sees).collect()
    }
}

/// The first name of `path` below `directory`, if it is below it.
fn next_name<'a>(path: &'a str, directory: &str) -> Option<&'a str> {
    let rest = below(path, directory)?.strip_prefix('/')?;
    let name = rest.split('/').next()?;
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mounts() -> Vec<Mount> {
        let mount = |path: &str, provider: &str| Mount { path: path.into(), provider: provider.into() };
        [mount("/tmp", "tmp"), mount("/boot", "boot"), mount("/data", "data"), mount("/data/usb", "stick")].into()
    }

    fn grants(texts: &[&str]) -> Vec<FileGrant> {
        texts.iter().map(|text| FileGrant::parse(text).unwrap()).collect()
    }

    #[track_caller]
    fn check_target(texts: &[&str], path: &str, access: Access, expected: Result<Target<'_>, FileError>) {
        let (mounts, grants) = (mounts(), grants(texts));
        let view = View { mounts: &mounts, grants: &grants };
        assert_eq!(view.target(path, access), expected, "{path}");
    }

    #[test]
    fn what_was_given_is_found_in_its_file_system() {
        let given = ["/tmp:rw", "/boot:r"];
        check_target(&given, "/tmp", Access::Write, Ok(Target::Inside(0, "/")));
        check_target(&given, "/tmp/a/b", Access::Write, Ok(Target::Inside(0, "/a/b")));
        check_target(&given, "/boot/x", Access::Read, Ok(Target::Inside(1, "/x")));
        check_target(&["/:r"], "/data/usb/x", Access::Read, Ok(Target::Inside(3, "/x")));
        check_target(&["/:r"], "/data/usb", Access::Read, Ok(Target::Inside(3, "/")));
        check_target(&["/:r"], "/data/usbx", Access::Read, Ok(Target::Inside(2, "/usbx")));
    }

    #[test]
    fn what_was_not_given_is_not_there() {
        check_target(&["/tmp:rw"], "/boot", Access::Read, Err(FileError::NotFound));
        check_target(&["/tmp/a:rw"], "/tmp/b", Access::Read, Err(FileError::NotFound));
        check_target(&["/tmp/a:rw"], "/tmp/ab", Access::Read, Err(FileError::NotFound));
        check_target(&[], "/", Access::Read, Err(FileError::NotFound));
        // Given, but no file system is there: as if it were not.
        check_target(&["/:rw"], "/elsewhere", Access::Read, Err(FileError::NotFound));
        check_target(&["/usb:rw"], "/", Access::Read, Err(FileError::NotFound));
    }

    #[test]
    fn what_is_above_shows_only_the_way() {
        let above = |names: &[&'static str]| Ok(Target::Above(names.iter().copied().collect()));
        check_target(&["/tmp/a/b:rw", "/boot:r"], "/", Access::Read, above(&["boot", "tmp"]));
        check_target(&["/tmp/a/b:rw", "/tmp/c:r"], "/tmp", Access::Read, above(&["a", "c"]));
        check_target(&["/tmp/a:rw"], "/tmp", Access::Write, Err(FileError::NotAllowed));
        check_target(&["/:r"], "/", Access::Read, above(&["boot", "data", "tmp"]));
    }

    #[test]
    fn reading_is_not_writing() {
        check_target(&["/tmp:r"], "/tmp/a", Access::Write, Err(FileError::NotAllowed));
        check_target(&["/tmp:r", "/tmp/a:rw"], "/tmp/a/b", Access::Write, Ok(Target::Inside(0, "/a/b")));
        check_target(&["/:r"], "/", Access::Write, Err(FileError::NotAllowed));
        check_target(&["/tmp:rw"], "/tmp/../boot", Access::Read, Err(FileError::InvalidPath));
        check_target(&["/:rw"], "tmp", Access::Read, Err(FileError::InvalidPath));
    }

    #[test]
    fn entries_need_their_directory_and_mounts_stay() {
        let (mounts, all, one) = (mounts(), grants(&["/:rw"]), grants(&["/tmp/a:rw"]));
        let everything = View { mounts: &mounts, grants: &all };
        assert_eq!(everything.entry("/tmp/a"), Ok((0, "/a")));
        for busy in ["/tmp", "/data/usb", "/data"] {
            assert_eq!(everything.entry(busy), Err(FileError::Busy), "{busy}");
        }
        let view = View { mounts: &mounts, grants: &one };
        assert_eq!(view.entry("/tmp/a/b"), Ok((0, "/a/b")));
        assert_eq!(view.entry("/tmp/a"), Err(FileError::NotAllowed));
        assert_eq!(view.entry("/tmp/b"), Err(FileError::NotFound));
    }

    #[test]
    fn file_systems_are_seen_where_something_is() {
        let (mounts, some) = (mounts(), grants(&["/data:r", "/tmp/a/b:rw"]));
        let view = View { mounts: &mounts, grants: &some };
        let seen: Vec<&str> = view.visible().iter().map(|mount| mount.path.as_str()).collect();
        assert_eq!(seen, ["/tmp", "/data", "/data/usb"]);
    }
}
