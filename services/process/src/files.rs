//! Which files a program gets.

use alloc::vec::Vec;

use airox_api::files::{Access, FileGrant};
use airox_api::process::ProcessError;

/// What a program gets, as far as who runs it may give it, unless something else is asked for.
const USUAL: [(&str, Access); 2] = [("/boot", Access::Read), ("/tmp", Access::Write)];

/// The files of a program that somebody runs who may use `own`.
///
/// # Errors
/// [`ProcessError::FilesNotGranted`]: more is wanted than that.
pub fn granted(own: &[FileGrant], wanted: Option<Vec<FileGrant>>) -> Result<Vec<FileGrant>, ProcessError> {
    let allows = |path: &str, access| own.iter().any(|grant| grant.allows(path, access));
    match wanted {
        Some(wanted) => match wanted.iter().find(|grant| !allows(&grant.path, grant.access)) {
            Some(grant) => Err(ProcessError::FilesNotGranted(grant.clone())),
            None => Ok(wanted),
        },
        None => Ok(USUAL
            .into_iter()
            .filter_map(|(path, most)| {
                let access = [most, Access::Read].into_iter().find(|access| allows(path, *access))?;
                Some(FileGrant { path: path.into(), access })
            })
            .collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(texts: &[&str]) -> Vec<FileGrant> {
        texts.iter().map(|text| FileGrant::parse(text).unwrap()).collect()
    }

    #[test]
    fn nobody_gives_what_it_does_not_have() {
        let own = grants(&["/tmp:rw", "/data:r"]);
        let given = |wanted: &[&str]| granted(&own, Some(grants(wanted)));
        assert_eq!(given(&["/tmp/a:rw", "/data/b:r"]), Ok(grants(&["/tmp/a:rw", "/data/b:r"])));
        assert_eq!(given(&[]), Ok(grants(&[])));
        for more in ["/data:rw", "/:r", "/boot:r"] {
            let [grant] = &grants(&[more])[..] else { panic!() };
            assert_eq!(given(&["/tmp:r", more]), Err(ProcessError::FilesNotGranted(grant.clone())));
        }
    }

    #[test]
    fn the_usual_is_what_there_is_of_it() {
        assert_eq!(granted(&grants(&["/:rw"]), None), Ok(grants(&["/boot:r", "/tmp:rw"])));
        assert_eq!(granted(&grants(&["/tmp:r"]), None), Ok(grants(&["/tmp:r"])));
        assert_eq!(granted(&[], None), Ok(grants(&[])));
    }
}
