//! One character position of the screen.

bitflags::bitflags! {
    /// How a character looks, colours aside.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
    pub struct Attributes: u8 {
        /// Bold weight.
        const BOLD = 1 << 0;
        /// A line below.
        const UNDERLINE = 1 << 1;
        /// Foreground and background exchanged.
        const REVERSE = 1 << 2;
        /// Not shown.
        const HIDDEN = 1 << 3;
    }
}

/// A character with its look. Colours are indices of the 256-colour palette ([`crate::rgb`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The character; a space where nothing was written.
    pub character: char,
    /// Text colour.
    pub foreground: u8,
    /// Colour behind it.
    pub background: u8,
    /// The rest.
    pub attributes: Attributes,
}

/// Palette index of text that chose no colour.
pub const DEFAULT_FOREGROUND: u8 = 7;
/// Palette index behind text that chose no colour.
pub const DEFAULT_BACKGROUND: u8 = 0;

impl Cell {
    /// An empty position with no look of its own.
    pub const BLANK: Cell = Cell {
        character: ' ',
        foreground: DEFAULT_FOREGROUND,
        background: DEFAULT_BACKGROUND,
        attributes: Attributes::empty(),
    };

    /// The palette indices to paint with: (text, behind), reverse and hidden applied.
    #[must_use]
    pub fn colours(self) -> (u8, u8) {
        let (front, back) = if self.attributes.contains(Attributes::REVERSE) {
            (self.background, self.foreground)
        } else {
            (self.foreground, self.background)
        };
        if self.attributes.contains(Attributes::HIDDEN) { (back, back) } else { (front, back) }
    }
}

impl Default for Cell {
    fn default() -> Self {
        Cell::BLANK
    }
}
