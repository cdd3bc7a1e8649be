//! The settings that somebody has set, and the text they are kept as: a line `PATH = VALUE` for each.

use crate::schema::rule_for;
use airox_file_system::{FileError, path};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

/// Most settings.
pub const MAX_SETTINGS: usize = 256;
/// Most bytes of the text.
pub const MAX_TEXT: usize = 64 << 10;

/// Values by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings(BTreeMap<String, String>);

impl Settings {
    /// What a text says, as far as it fits the schema; also how many lines do not.
    #[must_use]
    pub fn parse(text: &[u8]) -> (Settings, usize) {
        let (mut settings, mut dropped) = (Settings::default(), 0);
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let set = core::str::from_utf8(line).ok().and_then(|line| {
                let (path, value) = line.split_once(" = ")?;
                settings.set(path, value.as_bytes()).ok()
            });
            dropped += usize::from(set.is_none());
        }
        (settings, dropped)
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.iter().map(|(path, value)| format!("{path} = {value}\n")).collect()
    }

    /// Sets a value; returns it.
    ///
    /// # Errors
    /// [`FileError::NotFound`]: there is no such setting; [`FileError::InvalidContent`]: it may not be that; [`FileError::NoSpace`].
    pub fn set(&mut self, path: &str, written: &[u8]) -> Result<&str, FileError> {
        path::check(path)?;
        let rule = rule_for(path).ok_or(FileError::NotFound)?;
        let value = rule.value(written).ok_or(FileError::InvalidContent)?;
        if self.0.len() >= MAX_SETTINGS && !self.0.contains_key(path) {
            return Err(FileError::NoSpace);
        }
        let place = self.0.entry(path.into()).or_default();
        *place = value.into();
        Ok(place)
    }

    /// Forgets a value; whether there was one.
    pub fn forget(&mut self, path: &str) -> bool {
        self.0.remove(path).is_some()
    }

    /// A value, if somebody has set it.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    /// All of them by path.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(path, value)| (path.as_str(), value.as_str()))
    }
}
