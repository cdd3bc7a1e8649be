//! Who wants to know of changes.

use airox_file_system::FileError;
use airox_file_system::path::is_within;
use airox_sys::Signal;
use alloc::string::String;
use alloc::vec::Vec;

/// Most watches of one file system.
pub const MAX_WATCHES: usize = 128;

struct Watch {
    number: u64,
    path: String,
    signal: Signal,
    bits: u64,
}

/// All watches.
#[derive(Default)]
pub struct Watches(Vec<Watch>);

impl Watches {
    /// Adds one; one with this number is replaced.
    ///
    /// # Errors
    /// [`FileError::TooManyOpenFiles`].
    pub fn add(&mut self, number: u64, path: &str, signal: Signal, bits: u64) -> Result<(), FileError> {
        self.remove(number);
        if self.0.len() >= MAX_WATCHES {
            return Err(FileError::TooManyOpenFiles);
        }
        self.0.push(Watch { number, path: path.into(), signal, bits });
        Ok(())
    }

    /// Ends one.
    pub fn remove(&mut self, number: u64) {
        self.0.retain(|watch| watch.number != number);
    }

    /// Something at this path changed. Also above it: what is watched may have come or gone with it.
    pub fn changed(&self, path: &str) {
        for watch in self.0.iter().filter(|watch| is_within(path, &watch.path) || is_within(&watch.path, path)) {
            // Who does not wait any more will not miss it.
            let _ = watch.signal.notify(watch.bits);
        }
    }
}
