//! Finding `\_S5` in AML by its bytes.
//!
//! The object is `Name (_S5, Package () { SLP_TYPa, SLP_TYPb, ... })`: `NameOp` (0x08), an optional root character, the
//! four characters `_S5_`, `PackageOp` (0x12), the package's length, the number of elements, the elements.

/// What an accepted `\_S5` needs at most: `NameOp`, `\`, the name, `PackageOp`, four length bytes, the count, two words.
pub const LONGEST: usize = 1 + 1 + 4 + 1 + 4 + 1 + 3 + 3;

const NAME: &[u8; 4] = b"_S5_";
const NAME_OP: u8 = 0x08;
const PACKAGE_OP: u8 = 0x12;
const BYTE_PREFIX: u8 = 0x0a;
const WORD_PREFIX: u8 = 0x0b;

/// What a position in the AML is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Not a definition of `\_S5`.
    Nothing,
    /// Its two sleep types.
    SleepType(u8, u8),
    /// A definition of `\_S5` that is no package of constants 0 to 7.
    Unusable,
}

/// Looks at the AML that starts at `aml[0]`; no more than [`LONGEST`] bytes matter.
pub fn sleep_state_at(aml: &[u8]) -> Found {
    let Some(rest) = aml.strip_prefix(&[NAME_OP]) else {
        return Found::Nothing;
    };
    let rest = rest.strip_prefix(b"\\").unwrap_or(rest);
    let Some(rest) = rest.strip_prefix(NAME) else {
        return Found::Nothing;
    };
    match package(rest) {
        Some((a, b)) => Found::SleepType(a, b),
        None => Found::Unusable,
    }
}

fn package(bytes: &[u8]) -> Option<(u8, u8)> {
    let rest = bytes.strip_prefix(&[PACKAGE_OP])?;
    let (length, rest) = package_length(rest)?;
    let (&count, elements) = rest.split_first()?;
    let (a, after_a) = constant(elements)?;
    // ACPI 1.0 firmware may leave out the second element; both registers then get the first.
    let (b, end) = if count >= 2 { constant(after_a)? } else { (a, after_a) };
    let used = rest.len() - end.len();
    (count >= 1 && used <= length).then_some((a, b))
}

/// Decodes a `PkgLength`: the number of bytes that follow it, and the rest.
fn package_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (&lead, rest) = bytes.split_first()?;
    let more = usize::from(lead >> 6);
    let (tail, rest) = rest.split_at_checked(more)?;
    let low = if more == 0 { lead & 0x3f } else { lead & 0x0f };
    let total = tail
        .iter()
        .enumerate()
        .fold(usize::from(low), |sum, (index, &byte)| sum | usize::from(byte) << (4 + 8 * index));
    Some((total.checked_sub(1 + more)?, rest))
}

/// Decodes an integer constant of 0 to 7 (`SLP_TYP` has three bits).
fn constant(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (value, rest) = match bytes {
        [value @ (0 | 1), rest @ ..] => (u16::from(*value), rest),
        [BYTE_PREFIX, value, rest @ ..] => (u16::from(*value), rest),
        [WORD_PREFIX, low, high, rest @ ..] => (u16::from_le_bytes([*low, *high]), rest),
        _ => return None,
    };
    (value < 8).then_some((value as u8, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_the_forms_firmware_uses() {
        for (aml, expected) in [
            (&b"\x08_S5_\x12\x06\x04\x00\x00\x00\x00"[..], (0, 0)),
            (b"\x08\\_S5_\x12\x06\x04\x0a\x05\x0a\x05\x00\x00", (5, 5)),
            (b"\x08_S5_\x12\x05\x01\x0a\x07", (7, 7)),
            (b"\x08_S5_\x12\x08\x02\x0b\x05\x00\x0a\x01", (5, 1)),
            (b"\x08_S5_\x12\x46\x00\x02\x01\x0a\x07", (1, 7)),
        ] {
            assert_eq!(sleep_state_at(aml), Found::SleepType(expected.0, expected.1), "{aml:02x?}");
        }
    }

    #[test]
    fn other_names_are_nothing_and_other_values_unusable() {
        for aml in [&b""[..], b"\x08", b"\x08_S4_\x12\x06", b"_S5_\x12", b"\x14_S5_"] {
            assert_eq!(sleep_state_at(aml), Found::Nothing, "{aml:02x?}");
        }
        for aml in [
            &b"\x08_S5_"[..],
            b"\x08_S5_\x12",
            b"\x08_S5_\x12\x06\x04\x0a",
            b"\x08_S5_\x12\x06\x04\x0a\x08\x00",
            b"\x08_S5_\x12\x06\x00\x00\x00",
            b"\x08_S5_\x12\x02\x04\x00\x00",
            b"\x08_S5_\x12\x00\x04\x00\x00",
            b"\x08_S5_\x12\xff\xff",
            b"\x08_S5_\x11\x06\x04\x00\x00",
            b"\x08_S5_\x12\x0a\x02\x0b\x05\x01\x00",
        ] {
            assert_eq!(sleep_state_at(aml), Found::Unusable, "{aml:02x?}");
        }
    }
}
