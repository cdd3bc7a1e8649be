//! The scripts for `source`.
//!
//! A script that has a name alone is a file in the folder `scripts` beside this crate's sources, compiled into the shell: reading it needs no
//! authority that the shell does not have anyway. A new one is a new file and its line below. `source PATH` runs a file, `source here` lines
//! typed on the spot.

use crate::services::{Answer, Failure, Scripts};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

const SCRIPTS: &[(&str, &str)] =
    &[("demo", include_str!("../scripts/demo")), ("health", include_str!("../scripts/health"))];

/// The scripts compiled in.
pub struct BuiltIn;

impl Scripts for BuiltIn {
    fn names(&mut self) -> Answer<Vec<String>> {
        Ok(SCRIPTS.iter().map(|(name, _)| (*name).to_string()).collect())
    }

    fn text(&mut self, name: &str) -> Answer<String> {
        match SCRIPTS.iter().find(|(script, _)| *script == name) {
            Some((_, text)) => Ok((*text).to_string()),
            None => Err(Failure::Refused(format!("there is no script `{name}`; Tab lists them"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::find;
    use crate::parse::parse;

    #[test]
    fn every_script_has_only_lines_the_shell_understands() {
        for name in BuiltIn.names().unwrap() {
            for line in BuiltIn.text(&name).unwrap().lines() {
                for step in parse(line).unwrap() {
                    assert!(find(&step.words[0]).is_some(), "{name}: {line}");
                }
            }
        }
        assert!(BuiltIn.text("nothing").is_err());
    }
}
