//! The 256-colour palette of xterm.

/// The 16 colours that have names. Chosen to be readable on black: blue is lighter than VGA's.
const NAMED: [[u8; 3]; 16] = [
    [0x00, 0x00, 0x00],
    [0xcd, 0x31, 0x31],
    [0x0d, 0xbc, 0x79],
    [0xe5, 0xe5, 0x10],
    [0x3b, 0x8e, 0xea],
    [0xbc, 0x3f, 0xbc],
    [0x11, 0xa8, 0xcd],
    [0xd0, 0xd0, 0xd0],
    [0x76, 0x76, 0x76],
    [0xf1, 0x4c, 0x4c],
    [0x23, 0xd1, 0x8b],
    [0xf5, 0xf5, 0x43],
    [0x6c, 0xb6, 0xff],
    [0xd6, 0x70, 0xd6],
    [0x29, 0xb8, 0xdb],
    [0xff, 0xff, 0xff],
];

/// Brightness steps of the colour cube's axes.
const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// Red, green and blue of a palette index: 16 named colours, a 6x6x6 cube, 24 greys.
#[must_use]
pub const fn rgb(index: u8) -> [u8; 3] {
    match index {
        0..16 => NAMED[index as usize],
        16..232 => {
            let cube = (index - 16) as usize;
            [STEPS[cube / 36], STEPS[cube / 6 % 6], STEPS[cube % 6]]
        }
        232.. => [8 + (index - 232) * 10; 3],
    }
}

/// The index in the cube or the greys that comes nearest to a colour.
pub fn nearest(colour: [u8; 3]) -> u8 {
    let step = |value: u8| {
        let distance = |&index: &u8| STEPS[usize::from(index)].abs_diff(value);
        (0..6u8).min_by_key(distance).unwrap_or(0)
    };
    let cube = 16 + 36 * step(colour[0]) + 6 * step(colour[1]) + step(colour[2]);
    let mean = colour.iter().map(|&value| u16::from(value)).sum::<u16>() / 3;
    let grey = 232 + (mean.saturating_sub(3) / 10).min(23) as u8;
    let distance = |index: u8| {
        let squares = rgb(index).into_iter().zip(colour).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2));
        squares.sum::<u32>()
    };
    if distance(grey) < distance(cube) { grey } else { cube }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn palette_matches_xterm_beyond_the_named() {
        assert_eq!(rgb(16), [0, 0, 0]);
        assert_eq!(rgb(196), [255, 0, 0]);
        assert_eq!(rgb(231), [255, 255, 255]);
        assert_eq!(rgb(232), [8, 8, 8]);
        assert_eq!(rgb(255), [238, 238, 238]);
    }

    #[test]
    fn palette_colours_are_nearest_to_themselves() {
        for index in 16..=255 {
            assert_eq!(rgb(nearest(rgb(index))), rgb(index), "{index}");
        }
    }
}
