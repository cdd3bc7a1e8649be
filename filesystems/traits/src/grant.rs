//! Who may use what, as people write it and as it is passed on.

use crate::FileError;
use crate::path::{check, is_within};
use alloc::string::String;
use serde::{Deserialize, Serialize};

/// Most grants of one program.
pub const MAX_GRANTS: usize = 32;

/// What may be done with files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Access {
    /// Read them, list directories.
    Read,
    /// That, and change, make and remove them.
    Write,
}

impl Access {
    /// As it is written after a path: `r` or `rw`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Access::Read => "r",
            Access::Write => "rw",
        }
    }
}

/// One subtree that somebody may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileGrant {
    /// Its uppermost directory, or a single file: a normal path.
    pub path: String,
    /// What may be done there.
    pub access: Access,
}

impl FileGrant {
    /// From the form people write: `/tmp:rw`, `/boot:r`, or `/boot`, which means the same.
    ///
    /// # Errors
    /// [`FileError::InvalidPath`] and what else [`check`] says.
    pub fn parse(text: &str) -> Result<FileGrant, FileError> {
        let (path, access) = match text.rsplit_once(':') {
            Some((path, "r")) => (path, Access::Read),
            Some((path, "rw")) => (path, Access::Write),
            Some(_) => return Err(FileError::InvalidPath),
            None => (text, Access::Read),
        };
        check(path)?;
        Ok(FileGrant { path: path.into(), access })
    }

    /// Whether it gives this access to this normal path.
    #[must_use]
    pub fn allows(&self, path: &str, access: Access) -> bool {
        self.access >= access && is_within(path, &self.path)
    }
}

impl core::fmt::Display for FileGrant {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(formatter, "{}:{}", self.path, self.access.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn grants_are_read_as_people_write_them() {
        let tmp = FileGrant::parse("/tmp:rw").unwrap();
        assert_eq!(tmp, FileGrant { path: "/tmp".into(), access: Access::Write });
        assert_eq!(tmp.to_string(), "/tmp:rw");
        assert_eq!(FileGrant::parse("/boot").unwrap().to_string(), "/boot:r");
        assert_eq!(FileGrant::parse("/:r").unwrap().path, "/");
        for bad in ["", "tmp:rw", "/tmp/:r", "/tmp:w", "/tmp:", "/a/../b:r"] {
            assert!(FileGrant::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(FileGrant::parse("/a\n:r"), Err(FileError::InvalidName));
    }

    #[test]
    fn a_grant_allows_what_is_below_it() {
        let read = FileGrant { path: "/tmp/a".into(), access: Access::Read };
        assert!(read.allows("/tmp/a", Access::Read) && read.allows("/tmp/a/b", Access::Read));
        assert!(!read.allows("/tmp/a", Access::Write));
        assert!(!read.allows("/tmp", Access::Read) && !read.allows("/tmp/ab", Access::Read));
        let all = FileGrant { path: "/".into(), access: Access::Write };
        assert!(all.allows("/", Access::Write) && all.allows("/x", Access::Read));
    }
}
