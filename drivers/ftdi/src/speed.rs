//! Speeds (AN_120): the part divides 3 MHz by a number with three binary places.

/// The part's clock, in eighths of a hertz.
const CLOCK_EIGHTHS: u32 = 3_000_000 * 8;
/// How eighths are told, by their number.
const EIGHTHS: [u16; 8] = [0, 3, 2, 4, 1, 5, 6, 7];
/// Slowest and fastest.
const SPEEDS: core::ops::RangeInclusive<u32> = 184..=3_000_000;

/// The value and index of the request that sets a speed, if the part can have it within 3 %.
pub fn divisor(baud: u32) -> Option<(u16, u16)> {
    if !SPEEDS.contains(&baud) {
        return None;
    }
    let eighths = (CLOCK_EIGHTHS + baud / 2) / baud;
    // Between 1 and 2 there is nothing but 1.5, and both have numbers of their own.
    let eighths = match eighths {
        ..12 => 8,
        12..16 => 12,
        other => other,
    };
    let told = CLOCK_EIGHTHS / eighths;
    if told.abs_diff(baud) > baud / 33 {
        return None;
    }
    match eighths {
        8 => Some((0, 0)),
        12 => Some((1, 0)),
        _ => {
            let part = EIGHTHS[(eighths % 8) as usize];
            let whole = u16::try_from(eighths / 8).ok().filter(|whole| *whole < 1 << 14)?;
            Some((whole | (part & 3) << 14, part >> 2))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::divisor;

    #[test]
    fn speeds_are_told_as_the_part_wants_them() {
        for (baud, value) in [
            (300, (0x2710, 0)),
            (9_600, (0x4138, 0)),
            (38_400, (0xc04e, 0)),
            (57_600, (0xc034, 0)),
            (115_200, (0x001a, 0)),
            (921_600, (0x8003, 0)),
            (2_000_000, (1, 0)),
            (3_000_000, (0, 0)),
            // 8.375: three eighths are told in the index.
            (358_209, (0x0008, 1)),
        ] {
            assert_eq!(divisor(baud), Some(value), "{baud}");
        }
        for bad in [0, 1, 183, 2_500_000, 1_700_000, 3_000_001, u32::MAX] {
            assert_eq!(divisor(bad), None, "{bad}");
        }
    }
}
