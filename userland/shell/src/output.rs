//! Files that take what commands print: `>` and `>>`.
//!
//! What went wrong is told on the console all the same, and so is what a command asks. What the file does not take is the command's failure.

use crate::command::files::{failed, normal};
use crate::parse::Redirection;
use crate::services::{Access, Create, FileError, How, OpenFile};
use crate::shell::{Done, Shell, Stop};
use alloc::boxed::Box;
use alloc::string::String;

/// Bytes that are written at once.
const PIECE: usize = 32 << 10;

/// An open file, and what it has not got yet.
pub(crate) struct Output {
    file: Box<dyn OpenFile>,
    text: String,
    /// Why it takes no more.
    failed: Option<FileError>,
}

impl Output {
    /// Adds text; whether it could be written is told at the end.
    pub fn put(&mut self, text: &str) {
        self.text.push_str(text);
        if self.text.len() >= PIECE {
            self.write();
        }
    }

    fn write(&mut self) {
        let text = core::mem::take(&mut self.text);
        if self.failed.is_none() && !text.is_empty() {
            self.failed = self.file.append(text.as_bytes()).err();
        }
    }
}

impl Shell {
    /// Runs one command whose output goes to a file, without printing its error.
    ///
    /// # Errors
    /// Why it did not succeed, or that the file did not take everything.
    pub(crate) fn run_into(&mut self, to: &Redirection, words: &[String], background: bool) -> Done {
        let path = normal(self, &to.path)?;
        let files =
            self.services.files.as_mut().ok_or_else(|| Stop::Failed("this shell has no access to files".into()))?;
        let how = How { access: Access::Write, create: Create::IfMissing, truncate: !to.append };
        let file = files.open(&path, how).map_err(|error| failed(&path, error))?;
        // A script's output goes to a file as a whole, and that of a line of it to another.
        let before = self.output.replace(Output { file, text: String::new(), failed: None });
        let done = self.run_words(words, background);
        let output = core::mem::replace(&mut self.output, before);
        let written = output.and_then(|mut output| {
            output.write();
            output.failed
        });
        match written {
            Some(error) if done.is_ok() => Err(failed(&path, error)),
            _ => done,
        }
    }
}
