//! Reading the screen: a screenshot's cells compared with the console's own font.

use std::time::{Duration, Instant};

use airox_machine::{Machine, Screenshot};
use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

/// The screen's lines, read with the font size that fits better.
fn text(screen: &Screenshot) -> String {
    [RasterHeight::Size16, RasterHeight::Size24]
        .into_iter()
        .map(|size| read_with(screen, size))
        .min_by_key(|(error, _)| *error)
        .map_or_else(String::new, |(_, text)| text)
}

/// The text, and how badly it matches.
fn read_with(screen: &Screenshot, size: RasterHeight) -> (u64, String) {
    let (width, height) = (get_raster_width(FontWeight::Regular, size), size.val());
    let mut text = String::new();
    let mut total = 0;
    let (screen_width, screen_height) = screen.size();
    for row in 0..screen_height / height {
        let mut line = String::new();
        for column in 0..screen_width / width {
            let cell = (column * width, row * height);
            let (error, character) = read_cell(screen, cell, (width, height), size);
            total += error;
            line.push(character);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    (total, text)
}

/// The character whose glyph is most like a cell.
fn read_cell(
    screen: &Screenshot,
    (left, top): (usize, usize),
    (width, height): (usize, usize),
    size: RasterHeight,
) -> (u64, char) {
    let mut cell: Vec<u8> = (0..height).flat_map(|y| screen.row(left, top + y, width)).copied().collect();
    let most = cell.iter().copied().max().unwrap_or(0);
    if most <= Screenshot::DARK {
        return (0, ' ');
    }
    for brightness in &mut cell {
        *brightness = (u32::from(*brightness) * 255 / u32::from(most)) as u8;
    }
    // The cursor's cell is inverse.
    if cell.iter().filter(|brightness| **brightness > 128).count() * 2 > cell.len() {
        for brightness in &mut cell {
            *brightness = 255 - *brightness;
        }
    }
    (' '..='~')
        .flat_map(|character| [(character, FontWeight::Regular), (character, FontWeight::Bold)])
        .filter_map(|(character, weight)| {
            let raster = get_raster(character, weight, size)?;
            let glyph = raster.pixels().iter();
            let error = glyph.zip(&cell).map(|(glyph, cell)| u64::from(glyph.abs_diff(*cell))).sum();
            Some((error, character))
        })
        .min()
        .unwrap_or((0, ' '))
}

/// Looks at the screen until it shows a text; returns everything it shows.
pub fn wait_for_screen(machine: &mut Machine, wanted: &str, limit: Duration) -> Result<String, String> {
    const PAUSE: Duration = Duration::from_millis(250);
    let deadline = Instant::now() + limit;
    loop {
        let screen = Screenshot::take(machine).map_err(|error| error.to_string())?;
        let text = text(&screen);
        if text.contains(wanted) {
            return Ok(text);
        }
        if Instant::now() > deadline {
            return Err(format!("the screen does not show {wanted:?} but:\n{}", text.trim_end()));
        }
        std::thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Paints text as the console does: one glyph for each cell.
    fn painted(lines: &[&str], size: RasterHeight) -> Screenshot {
        let (cell_width, cell_height) = (get_raster_width(FontWeight::Regular, size), size.val());
        let columns = lines.iter().map(|line| line.len()).max().unwrap_or(0);
        let (width, height) = (columns * cell_width, lines.len() * cell_height);
        let mut brightness = vec![0; width * height];
        for (row, line) in lines.iter().enumerate() {
            for (column, character) in line.chars().enumerate() {
                let raster = get_raster(character, FontWeight::Regular, size).unwrap();
                for (y, pixels) in raster.rows().enumerate() {
                    for (x, pixel) in pixels.iter().enumerate() {
                        let at = (row * cell_height + y) * width + column * cell_width + x;
                        // A grey ink.
                        brightness[at] = (u32::from(*pixel) * 200 / 255) as u8;
                    }
                }
            }
        }
        Screenshot::new(width, height, brightness).unwrap()
    }

    #[test]
    fn painted_text_is_read_back() {
        let lines = ["airox> echo 'Hello, World!'", "0123456789 {}[]()<>|/\\ ~#@"];
        for size in [RasterHeight::Size16, RasterHeight::Size24] {
            let text = text(&painted(&lines, size));
            assert_eq!(text.lines().collect::<Vec<_>>(), lines);
        }
    }
}
