//! Settings as files: one file for each, its content the value and a line's end.
//!
//! # Principles
//! - **Typed.** The [`schema`] says which settings there are and what each may be; anything else is refused
//!   ([`InvalidContent`](airox_file_system::FileError::InvalidContent)) and changes nothing.
//! - **At one moment.** A write is a whole value, from the file's beginning. It is durable when the write is answered: all settings are one text, which the
//!   file system below replaces at once.
//! - **Told.** A change notifies who watches the file, as in any file system; a setting that the system itself follows is applied at once and at each start.
//! - **Forgiving.** What an older or newer system left that the schema does not know is dropped, never an error. Removing a file brings the default back.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod files;
pub mod schema;
mod settings;
#[cfg(test)]
mod tests;

pub use files::{ConfigFiles, World};
pub use settings::{MAX_SETTINGS, MAX_TEXT, Settings};
