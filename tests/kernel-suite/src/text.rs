//! Text of bounded length without a heap.

use core::fmt;

/// At most `N` bytes of UTF-8; what does not fit is cut off.
#[derive(Clone, Copy)]
pub struct Text<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Text<N> {
    /// Empty text.
    #[must_use]
    pub const fn new() -> Text<N> {
        Text { bytes: [0; N], length: 0 }
    }

    /// Formatted text.
    #[must_use]
    pub fn format(arguments: fmt::Arguments<'_>) -> Text<N> {
        let mut text = Text::new();
        // Writing to a `Text` never fails; a `Display` that does leaves what it has written.
        let _ = fmt::Write::write_fmt(&mut text, arguments);
        text
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.bytes[..self.length]).unwrap_or("(text is not UTF-8)")
    }
}

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Text::new()
    }
}

impl<const N: usize> fmt::Write for Text<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut end = text.len().min(N - self.length);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.bytes[self.length..self.length + end].copy_from_slice(&text.as_bytes()[..end]);
        self.length += end;
        Ok(())
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_characters() {
        let text = Text::<4>::format(format_args!("ab\u{e9}\u{e9}"));
        assert_eq!(text.as_str(), "ab\u{e9}");
        assert_eq!(Text::<8>::format(format_args!("{}-{}", 1, 2)).as_str(), "1-2");
    }
}
