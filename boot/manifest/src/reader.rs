//! Typed access to a TOML table. Every key is taken at most once; what is left at the end is unknown. A value of
//! the wrong type is reported and then treated as absent, so that checking goes on.

use toml::Spanned;
use toml::de::{DeInteger, DeString, DeTable, DeValue};

use crate::problem::{Kind, Problems};
use crate::source::{Source, Span};

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct At<T> {
    pub value: T,
    pub span: Span,
}

impl<T> At<T> {
    pub fn new(value: T, span: Span) -> At<T> {
        At { value, span }
    }
}

/// Parses a file; its syntax errors are reported.
pub(crate) fn parse<'a>(source: &'a Source, problems: &mut Problems) -> Option<DeTable<'a>> {
    let (table, errors) = DeTable::parse_recoverable(&source.text);
    for error in &errors {
        let span = error.span().unwrap_or(0..0);
        problems.add(Kind::Syntax, source, &span, error.message());
    }
    errors.is_empty().then(|| table.into_inner())
}

/// One table being read.
pub(crate) struct Reader<'a> {
    source: &'a Source,
    /// Where the table begins: where missing keys are reported.
    pub span: Span,
    entries: Vec<(Spanned<DeString<'a>>, Spanned<DeValue<'a>>)>,
    /// The keys asked for so far.
    known: Vec<&'static str>,
}

impl<'a> Reader<'a> {
    pub fn new(source: &'a Source, span: Span, table: DeTable<'a>) -> Reader<'a> {
        Reader { source, span, entries: table.into_iter().collect(), known: Vec::new() }
    }

    fn take(&mut self, key: &'static str) -> Option<Spanned<DeValue<'a>>> {
        self.known.push(key);
        let index = self.entries.iter().position(|(name, _)| name.get_ref() == key)?;
        Some(self.entries.swap_remove(index).1)
    }

    /// Whether the table has this key, not taken yet.
    pub fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|(name, _)| name.get_ref() == key)
    }

    /// Takes a key that must be there. A value that is there but bad is reported by `take`, not as missing.
    pub fn required<T>(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
        take: impl FnOnce(&mut Self, &'static str, &mut Problems) -> Option<T>,
    ) -> Option<T> {
        if !self.has(key) {
            self.missing(key, problems);
        }
        take(self, key, problems)
    }

    /// Reports every key that was not taken.
    pub fn finish(self, problems: &mut Problems) {
        for (key, _) in &self.entries {
            let reason =
                format!("`{}` is not a key of this table; known keys: {}", key.get_ref(), self.known.join(", "));
            problems.add(Kind::UnknownKey, self.source, &key.span(), reason);
        }
    }

    /// Reports that `key` is missing.
    pub fn missing(&self, key: &str, problems: &mut Problems) {
        let reason = format!("the key `{key}` is missing");
        problems.add(Kind::MissingKey, self.source, &self.span, reason);
    }

    pub fn string(&mut self, key: &'static str, problems: &mut Problems) -> Option<At<String>> {
        let value = self.take(key)?;
        self.as_string(value, problems)
    }

    /// A name: 1 to `most` characters out of `a-z 0-9 - .`.
    pub fn name(&mut self, key: &'static str, most: usize, problems: &mut Problems) -> Option<At<String>> {
        let name = self.string(key, problems)?;
        self.check_name(&name, most, problems).then_some(name)
    }

    pub fn names(&mut self, key: &'static str, most: usize, problems: &mut Problems) -> Vec<At<String>> {
        let mut names = self.strings(key, problems);
        names.retain(|name| self.check_name(name, most, problems));
        names
    }

    pub fn strings(&mut self, key: &'static str, problems: &mut Problems) -> Vec<At<String>> {
        let Some(value) = self.take(key) else {
            return Vec::new();
        };
        self.as_strings(value, problems)
    }

    /// A string, or a list of strings.
    fn as_strings(&self, value: Spanned<DeValue<'a>>, problems: &mut Problems) -> Vec<At<String>> {
        let span = value.span();
        match value.into_inner() {
            DeValue::Array(list) => list.into_iter().filter_map(|value| self.as_string(value, problems)).collect(),
            other => {
                self.wrong_type::<()>(&span, "a list of strings", &other, problems);
                Vec::new()
            }
        }
    }

    pub fn number(&mut self, key: &'static str, low: u64, high: u64, problems: &mut Problems) -> Option<At<u64>> {
        let value = self.take(key)?;
        let number = self.as_number(value, problems)?;
        if !(low..=high).contains(&number.value) {
            let reason = format!("`{key}` is {}; it must be {low} to {high}", number.value);
            problems.add(Kind::OutOfRange, self.source, &number.span, reason);
            return None;
        }
        Some(number)
    }

    /// A list of numbers, or this one word, which stands for `None`.
    pub fn numbers_or(
        &mut self,
        key: &'static str,
        word: &str,
        problems: &mut Problems,
    ) -> Option<At<Option<Vec<At<u64>>>>> {
        let value = self.take(key)?;
        let span = value.span();
        match value.into_inner() {
            DeValue::Array(list) => {
                let numbers: Vec<_> = list.into_iter().map(|value| self.as_number(value, problems)).collect();
                Some(At::new(Some(numbers.into_iter().collect::<Option<_>>()?), span))
            }
            DeValue::String(text) if text == word => Some(At::new(None, span)),
            DeValue::String(text) => {
                let reason = format!("`{text}` is not understood; write a list of numbers or \"{word}\"");
                problems.add(Kind::UnknownWord, self.source, &span, reason);
                None
            }
            other => self.wrong_type(&span, "a list of numbers", &other, problems),
        }
    }

    pub fn boolean(&mut self, key: &'static str, problems: &mut Problems) -> Option<At<bool>> {
        let value = self.take(key)?;
        let span = value.span();
        match value.into_inner() {
            DeValue::Boolean(value) => Some(At::new(value, span)),
            other => self.wrong_type(&span, "true or false", &other, problems),
        }
    }

    /// A size in bytes: a number, or a string such as `"64K"`, `"4M"`, `"1G"`.
    pub fn size(&mut self, key: &'static str, problems: &mut Problems) -> Option<At<u64>> {
        let value = self.take(key)?;
        self.as_size(value, problems)
    }

    /// A pair: a number (an address or first port), and a size or count.
    pub fn range(&mut self, key: &'static str, problems: &mut Problems) -> Option<At<(u64, u64)>> {
        let value = self.take(key)?;
        let span = value.span();
        match value.into_inner() {
            DeValue::Array(list) if list.len() == 2 => {
                let mut list = list.into_iter();
                let first = self.as_number(list.next()?, problems);
                let length = self.as_size(list.next()?, problems);
                Some(At::new((first?.value, length?.value), span))
            }
            other => self.wrong_type(&span, "a pair `[first, length]`", &other, problems),
        }
    }

    pub fn table(&mut self, key: &'static str, problems: &mut Problems) -> Option<Reader<'a>> {
        let value = self.take(key)?;
        self.as_table(value, problems)
    }

    /// The entries of an array of tables (`[[key]]`).
    pub fn tables(&mut self, key: &'static str, problems: &mut Problems) -> Vec<Reader<'a>> {
        let Some(value) = self.take(key) else {
            return Vec::new();
        };
        let span = value.span();
        match value.into_inner() {
            DeValue::Array(list) => list.into_iter().filter_map(|value| self.as_table(value, problems)).collect(),
            other => {
                self.wrong_type::<()>(&span, "a list of tables", &other, problems);
                Vec::new()
            }
        }
    }

    /// Every entry of a table whose keys are free names: name, where it stands, and its table.
    pub fn into_tables(mut self, problems: &mut Problems) -> Vec<(At<String>, Reader<'a>)> {
        let entries = self.take_all();
        let mut tables = Vec::new();
        for (name, value) in entries {
            if let Some(table) = self.as_table(value, problems) {
                tables.push((name, table));
            }
        }
        tables
    }

    /// Every entry of a table whose keys are free names and whose values are strings.
    pub fn into_strings(mut self, problems: &mut Problems) -> Vec<(At<String>, At<String>)> {
        let entries = self.take_all();
        let mut strings = Vec::new();
        for (name, value) in entries {
            if let Some(value) = self.as_string(value, problems) {
                strings.push((name, value));
            }
        }
        strings
    }

    /// Every entry of a table whose keys are free names and whose values are lists of strings.
    pub fn into_lists(mut self, problems: &mut Problems) -> Vec<(At<String>, Vec<At<String>>)> {
        let entries = self.take_all();
        entries.into_iter().map(|(name, value)| (name, self.as_strings(value, problems))).collect()
    }

    /// Everything not taken yet, in the order of the file.
    fn take_all(&mut self) -> Vec<(At<String>, Spanned<DeValue<'a>>)> {
        let mut entries = std::mem::take(&mut self.entries);
        entries.sort_by_key(|(key, _)| key.span().start);
        entries.into_iter().map(|(key, value)| (At::new(key.get_ref().to_string(), key.span()), value)).collect()
    }

    fn as_string(&self, value: Spanned<DeValue<'a>>, problems: &mut Problems) -> Option<At<String>> {
        let span = value.span();
        match value.into_inner() {
            DeValue::String(text) => Some(At::new(text.into_owned(), span)),
            other => self.wrong_type(&span, "a string", &other, problems),
        }
    }

    fn as_number(&self, value: Spanned<DeValue<'a>>, problems: &mut Problems) -> Option<At<u64>> {
        let span = value.span();
        match value.into_inner() {
            DeValue::Integer(number) => self.unsigned(&number, span, problems),
            other => self.wrong_type(&span, "a number", &other, problems),
        }
    }

    fn as_size(&self, value: Spanned<DeValue<'a>>, problems: &mut Problems) -> Option<At<u64>> {
        let span = value.span();
        match value.into_inner() {
            DeValue::Integer(number) => self.unsigned(&number, span, problems),
            DeValue::String(text) => match parse_size(&text) {
                Some(size) => Some(At::new(size, span)),
                None => {
                    let reason = format!("`{text}` is not a size; write \"64K\", \"4M\", \"1G\" or bytes");
                    problems.add(Kind::BadSize, self.source, &span, reason);
                    None
                }
            },
            other => self.wrong_type(&span, "a size", &other, problems),
        }
    }

    fn as_table(&self, value: Spanned<DeValue<'a>>, problems: &mut Problems) -> Option<Reader<'a>> {
        let span = value.span();
        match value.into_inner() {
            DeValue::Table(table) => Some(Reader::new(self.source, span, table)),
            other => self.wrong_type(&span, "a table", &other, problems),
        }
    }

    fn unsigned(&self, number: &DeInteger<'_>, span: Span, problems: &mut Problems) -> Option<At<u64>> {
        if let Ok(value) = u64::from_str_radix(number.as_str(), number.radix()) {
            return Some(At::new(value, span));
        }
        let reason = format!("{number} is negative or too large");
        problems.add(Kind::OutOfRange, self.source, &span, reason);
        None
    }

    fn check_name(&self, name: &At<String>, most: usize, problems: &mut Problems) -> bool {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
        let text = &name.value;
        let good = (1..=most).contains(&text.len()) && text.bytes().all(allowed);
        if !good {
            let reason = format!("`{text}` is not a name: 1 to {most} characters of a-z, 0-9, `-` and `.`");
            problems.add(Kind::BadName, self.source, &name.span, reason);
        }
        good
    }

    fn wrong_type<T>(&self, span: &Span, wanted: &str, found: &DeValue<'_>, problems: &mut Problems) -> Option<T> {
        let found = match found {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "a number",
            DeValue::Float(_) => "a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        let reason = format!("expected {wanted}, found {found}");
        problems.add(Kind::WrongType, self.source, span, reason);
        None
    }
}

/// Bytes in `"64K"`, `"4M"`, `"1G"` or `"512"`.
fn parse_size(text: &str) -> Option<u64> {
    let (digits, unit) = match text.as_bytes().last()? {
        b'K' => (&text[..text.len() - 1], 1 << 10),
        b'M' => (&text[..text.len() - 1], 1 << 20),
        b'G' => (&text[..text.len() - 1], 1 << 30),
        _ => (text, 1),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(parse_size("64K"), Some(65536));
        assert_eq!(parse_size("1G"), Some(1 << 30));
        assert_eq!(parse_size("12"), Some(12));
        for bad in ["", "K", "-1K", "+1K", "1.5M", "64KB", "64 K", "99999999999999999999", "ä"] {
            assert_eq!(parse_size(bad), None, "{bad}");
        }
    }
}
