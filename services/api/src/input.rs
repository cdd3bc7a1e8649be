//! Keys of a keyboard, whatever it is connected by.
//!
//! Keys are named by their place, as USB's usage tables do (HID Usage Tables 1.12, page 7): what is printed on them is the business of a layout. Events
//! are numbered; who asks for those after the one it saw last misses none, unless more came than a driver keeps. Numbers begin anew when a driver is restarted.

use airox_api_macros::interface;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// A key went down or up, or is held so long that it repeats: then it goes down again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyEvent {
    /// Its usage on page 7: 4 is A, `0xe0` the left control key.
    pub usage: u8,
    /// Whether it went down.
    pub pressed: bool,
}

/// What came after an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keys {
    /// The number of the last of them.
    pub number: u64,
    /// Whether others came before that are not kept any more: who counts keys that are down begins anew.
    pub missed: bool,
    /// Oldest first.
    pub events: Vec<KeyEvent>,
}

/// What a keyboard's driver refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InputError {
    /// Too many calls wait already.
    Busy,
}

impl core::fmt::Display for InputError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            InputError::Busy => formatter.write_str("too many calls wait for keys"),
        }
    }
}

impl core::error::Error for InputError {}

/// A keyboard.
#[interface(name = "input")]
pub trait Input {
    /// Answers when there are events after this one; `u64::MAX` asks for the number of the latest, at once and without events.
    #[deferred]
    fn next(after: u64) -> Result<Keys, InputError>;
}
