//! Interfaces as data, and messages as text.

use super::{IN_LEASE, ProtocolError, STATUS_ERROR, STATUS_OK};
use airox_abi::message::Tag;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Debug;
use serde::Deserialize;

/// An interface, as a type.
pub trait Interface {
    /// What is known about it.
    const INFO: &'static InterfaceInfo;
    /// Its name, as manifests and start blocks say it.
    const NAME: &'static str = Self::INFO.name;
    /// Its id: the label of its ports.
    const ID: u64 = Self::INFO.id as u64;
}

/// An interface, as data.
pub struct InterfaceInfo {
    /// Its name.
    pub name: &'static str,
    /// Its id.
    pub id: u32,
    /// The names of its methods, by number.
    pub methods: &'static [&'static str],
    /// A request as text: method and arguments, as far as the words at hand (from word 0 on) tell them.
    pub decode: fn(tag: Tag, words: &[u64]) -> String,
    /// The reply to a method as text.
    pub decode_reply: fn(method: u16, tag: Tag, words: &[u64]) -> String,
}

impl Debug for InterfaceInfo {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(formatter, "InterfaceInfo({} {:#x})", self.name, self.id)
    }
}

/// The id of the interface with this name: its 32-bit FNV-1a hash.
#[must_use]
pub const fn interface_id(name: &str) -> u32 {
    let bytes = name.as_bytes();
    let mut hash = 0x811c_9dc5_u32;
    let mut index = 0;
    while index < bytes.len() {
        hash = (hash ^ bytes[index] as u32).wrapping_mul(0x0100_0193);
        index += 1;
    }
    hash
}

/// Reads the bytes at hand of a message, for text.
pub struct Reader {
    bytes: Vec<u8>,
    position: usize,
}

impl Reader {
    fn new(tag: Tag, words: &[u64]) -> Option<Reader> {
        let code = tag.user() & 0xff;
        if code == IN_LEASE {
            return None;
        }
        let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        bytes.truncate(code as usize);
        Some(Reader { bytes, position: 0 })
    }

    /// The next value as text; `None` if its bytes are not at hand.
    pub fn next<'a, T: Deserialize<'a> + Debug>(&'a mut self) -> Option<String> {
        let rest = self.bytes.get(self.position..)?;
        let (value, left) = postcard::take_from_bytes::<T>(rest).ok()?;
        self.position = self.bytes.len() - left.len();
        Some(format!("{value:?}"))
    }
}

/// A request as text. `argument` gives the text of the argument at a place, or `None`.
pub fn describe(
    tag: Tag,
    words: &[u64],
    method: &str,
    names: &[&str],
    mut argument: impl FnMut(&mut Reader, usize) -> Option<String>,
) -> String {
    let mut text = format!("{method}(");
    let mut reader = Reader::new(tag, words);
    for (index, name) in names.iter().enumerate() {
        if index > 0 {
            text.push_str(", ");
        }
        let value = reader.as_mut().and_then(|reader| argument(reader, index));
        match value {
            Some(value) => text += &format!("{name}: {value}"),
            None => {
                // What follows cannot be found without it.
                reader = None;
                text += &format!("{name}: …");
            }
        }
    }
    text.push(')');
    text
}

/// A reply as text.
pub fn decode_result<'a, T, E>(tag: Tag, words: &[u64], bytes: &'a mut Vec<u8>) -> String
where
    T: Deserialize<'a> + Debug,
    E: Deserialize<'a> + Debug,
{
    if let Some(error) = ProtocolError::from_code(tag.label()) {
        return format!("refused: {error}");
    }
    if tag.user() & 0xff == IN_LEASE {
        return format!("Ok({} bytes)", words.first().copied().unwrap_or(0));
    }
    bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    bytes.truncate((tag.user() & 0xff) as usize);
    let bytes: &'a [u8] = bytes;
    let text = match tag.label() {
        STATUS_OK => super::decode::<T>(bytes).map(|value| format!("Ok({value:?})")),
        STATUS_ERROR => super::decode::<E>(bytes).map(|error| format!("Err({error:?})")),
        label => Some(format!("status {label:#x}")),
    };
    text.unwrap_or_else(|| "…".into())
}
