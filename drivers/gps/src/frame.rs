//! Sentences out of a stream of bytes.

/// Longest sentence, `$` and line end included (NMEA 0183, section 5.3).
pub const MAX_SENTENCE: usize = 82;
/// The part of it between `$` and the line end, `$` included.
const MAX_TEXT: usize = MAX_SENTENCE - 2;

/// What a byte completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framed<'a> {
    /// Nothing yet.
    Nothing,
    /// A sentence with the right checksum, from `$` to the checksum's digits.
    Sentence(&'a str),
    /// A sentence whose checksum is wrong or missing.
    BadChecksum,
    /// Bytes that belong to no sentence were skipped: noise, the rest of a truncated or overlong one.
    Skipped,
}

/// Finds sentences.
#[derive(Clone, Debug)]
pub struct Framer {
    text: [u8; MAX_TEXT],
    length: usize,
    /// Between two sentences, something that belongs to none was seen.
    noise: bool,
}

impl Default for Framer {
    fn default() -> Framer {
        Framer { text: [0; MAX_TEXT], length: 0, noise: false }
    }
}

impl Framer {
    /// Takes one byte.
    pub fn push(&mut self, byte: u8) -> Framed<'_> {
        match byte {
            b'$' => {
                let skipped = self.length > 0 || core::mem::take(&mut self.noise);
                self.text[0] = byte;
                self.length = 1;
                if skipped { Framed::Skipped } else { Framed::Nothing }
            }
            b'\r' | b'\n' => match core::mem::take(&mut self.length) {
                0 if core::mem::take(&mut self.noise) => Framed::Skipped,
                0 => Framed::Nothing,
                length => judge(&self.text[..length]),
            },
            b' '..=b'~' if (1..MAX_TEXT).contains(&self.length) => {
                self.text[self.length] = byte;
                self.length += 1;
                Framed::Nothing
            }
            // Noise, or too long: what there is of the sentence is no sentence. It is told once, at the next beginning or end.
            _ => {
                self.length = 0;
                self.noise = true;
                Framed::Nothing
            }
        }
    }
}

/// Whether the exclusive or of all characters between `$` and `*` is the number behind it (NMEA 0183, section 5.3.1.3).
fn judge(sentence: &[u8]) -> Framed<'_> {
    let Ok(text) = core::str::from_utf8(sentence) else { return Framed::Skipped };
    let parts = text.strip_prefix('$').and_then(|text| text.rsplit_once('*'));
    let Some((body, digits)) = parts.filter(|(_, digits)| digits.len() == 2) else { return Framed::BadChecksum };
    let sum = body.bytes().fold(0, |sum, byte| sum ^ byte);
    match u8::from_str_radix(digits, 16) {
        Ok(wanted) if wanted == sum => Framed::Sentence(text),
        _ => Framed::BadChecksum,
    }
}
