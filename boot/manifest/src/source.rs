//! A text with its file's name, and lines by byte offset.

use std::ops::Range;
use std::path::PathBuf;

/// A manifest's text and where it came from.
#[derive(Clone, Debug)]
pub struct Source {
    /// The file, as problems name it.
    pub file: PathBuf,
    /// Its content.
    pub text: String,
}

/// Where something stands in a source: a byte range.
pub(crate) type Span = Range<usize>;

impl Source {
    /// A text and its file's name.
    pub fn new(file: impl Into<PathBuf>, text: impl Into<String>) -> Source {
        Source { file: file.into(), text: text.into() }
    }

    /// The line, counted from 1, that holds this byte.
    pub(crate) fn line(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().iter().take(offset);
        1 + before.filter(|byte| **byte == b'\n').count()
    }
}
