//! Names: the one of eight and three letters that every entry has, and the long one in the slots before it.

use airox_file_system::{FileError, MAX_NAME, path};
use alloc::string::String;
use alloc::vec::Vec;
use hadris_fat::file::{LfnBuilder, LongFileName, ShortFileName};
use hadris_fat::oem::{Cp437OemCpConverter, OemCpConverter};

use crate::entry::{ENTRY, LONG_NAME, Short};

/// UTF-16 units in a slot, and where they are there.
pub const UNITS: usize = LongFileName::CHARS_PER_ENTRY;
const UNIT_PLACES: [usize; UNITS] = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];
/// Most slots of a long name.
pub const MOST_SLOTS: u32 = 20;
/// In the first slot's number: it is the last part.
const LAST_PART: u8 = 0x40;

/// Checks a new name: what all file systems refuse, and what no PC could read.
///
/// # Errors
/// As [`path::check_name`].
pub fn check(name: &str) -> Result<(), FileError> {
    path::check_name(name)?;
    if name.contains(['"', '*', ':', '<', '>', '?', '\\', '|']) || name.ends_with(['.', ' ']) {
        return Err(FileError::InvalidName);
    }
    Ok(())
}

/// Whether two names are the same to FAT, which does not tell capitals from small letters.
pub fn same(one: &str, other: &str) -> bool {
    one == other || one.chars().flat_map(char::to_uppercase).eq(other.chars().flat_map(char::to_uppercase))
}

/// The slots of a long name, while they are read one after the other.
#[derive(Default)]
pub struct Parts(LfnBuilder);

impl Parts {
    /// Another slot with a part of a name.
    pub fn add(&mut self, slot: &[u8; ENTRY]) {
        let (number, checksum) = (slot[0], slot[13]);
        if number & LAST_PART != 0 {
            self.0.start(number, checksum);
        }
        if self.0.building {
            let (mut first, mut second, mut third) = ([0; 10], [0; 12], [0; 4]);
            first.copy_from_slice(&slot[1..11]);
            second.copy_from_slice(&slot[14..26]);
            third.copy_from_slice(&slot[28..32]);
            self.0.add_entry(number, checksum, &first, &second, &third);
        }
    }

    /// What was read belongs to nothing.
    pub fn forget(&mut self) {
        self.0.reset();
    }

    /// The long name that belongs to an entry, if what was read does.
    pub fn finish(&mut self, entry: &Short) -> Option<String> {
        let fits = self.0.is_complete() && self.0.checksum == checksum(entry);
        let name: String = self.0.name.chars().map(|letter| if is_odd(letter) { '\u{fffd}' } else { letter }).collect();
        self.forget();
        (fits && name.len() <= MAX_NAME && path::check_name(&name).is_ok()).then_some(name)
    }
}

/// Whether no name can have this letter.
fn is_odd(letter: char) -> bool {
    letter == '/' || letter.is_control()
}

/// What ties a long name to its entry.
fn checksum(entry: &Short) -> u8 {
    entry.0[..11].iter().fold(0, |sum: u8, byte| sum.rotate_right(1).wrapping_add(*byte))
}

/// The short name, as people see it. Bytes beyond ASCII are of code page 437.
pub fn shown(entry: &Short) -> String {
    let name = entry.name();
    let (small_base, small_extension) = entry.small();
    let mut text = String::new();
    let mut add = |bytes: &[u8], small: bool| {
        let length = bytes.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
        for byte in &bytes[..length] {
            let letter = Cp437OemCpConverter.decode(if small { byte.to_ascii_lowercase() } else { *byte });
            text.push(if is_odd(letter) { '\u{fffd}' } else { letter });
        }
        length
    };
    add(&name[..8], small_base);
    if name[8..] != [b' '; 3] {
        add(b".", false);
        add(&name[8..], small_extension);
    }
    text
}

/// Gives an entry a short name for a long one; `number` is 0 for the first try, and differs from try to try. `None`: there are no more.
pub fn shorten(entry: &mut Short, name: &str, number: u8) -> Option<()> {
    // Where nothing of it can be used, what an underscore makes.
    let made = ShortFileName::from_long_name_with(name, number, &Cp437OemCpConverter)
        .or_else(|_| ShortFileName::from_long_name_with("_", number, &Cp437OemCpConverter));
    entry.set_name(made.ok()?.raw_bytes());
    Some(())
}

/// The slots that hold a long name, in the order in which they lie before its entry.
pub fn slots(name: &str, entry: &Short) -> Vec<[u8; ENTRY]> {
    let units: Vec<u16> = name.encode_utf16().collect();
    let parts = units.chunks(UNITS).enumerate().map(|(index, part)| {
        let mut slot = [0; ENTRY];
        let last = if (index + 1) * UNITS >= units.len() { LAST_PART } else { 0 };
        slot[0] = (index as u8 + 1) | last;
        slot[11] = LONG_NAME;
        slot[13] = checksum(entry);
        for (position, place) in UNIT_PLACES.iter().enumerate() {
            // One zero at the end, then all bits set.
            let filler = if position == part.len() { 0 } else { u16::MAX };
            let unit = part.get(position).copied().unwrap_or(filler);
            slot[*place..place + 2].copy_from_slice(&unit.to_le_bytes());
        }
        slot
    });
    let mut slots: Vec<_> = parts.collect();
    slots.reverse();
    slots
}
