//! Which settings there are, and what each may be.

/// What a setting may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// One of these words.
    Word(&'static [&'static str]),
    /// A whole number in this range.
    Number(u64, u64),
    /// One line of text of at most so many bytes.
    Text(usize),
}

/// A setting, or all settings of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The directory it is in.
    pub directory: &'static str,
    /// Its name; `None` for whatever name, in a directory where settings are made and removed.
    pub name: Option<&'static str>,
    /// What it may be.
    pub of: Type,
    /// What it is if nobody has set it.
    pub default: &'static str,
}

/// Names of levels of records.
const LEVELS: &[&str] = &["off", "error", "warn", "info", "debug", "trace"];

/// The directory of the levels of servers' records, and the name in it that stands for all servers.
pub const LOG_LEVELS: &str = "/log/level";
/// See [`LOG_LEVELS`].
pub const EVERYBODY: &str = "all";

/// All of them.
pub const SCHEMA: &[Rule] = &[
    // The script that the shell on the serial line runs when the machine has started.
    Rule { directory: "/boot", name: Some("script"), of: Type::Text(64), default: "" },
    // What is kept of a server's records.
    Rule { directory: LOG_LEVELS, name: None, of: Type::Word(LEVELS), default: "info" },
    // Lines that a shell remembers.
    Rule { directory: "/shell", name: Some("history-lines"), of: Type::Number(0, 200), default: "200" },
];

/// The rule for a setting.
#[must_use]
pub fn rule_for(path: &str) -> Option<&'static Rule> {
    let (directory, name) = path.rsplit_once('/')?;
    let fits = |rule: &&Rule| rule.directory == directory && rule.name.is_none_or(|wanted| wanted == name);
    SCHEMA.iter().find(fits).filter(|_| !name.is_empty())
}

impl Rule {
    /// The value in what was written, if it may be that: a line's end is not a part of it.
    #[must_use]
    pub fn value<'a>(&self, written: &'a [u8]) -> Option<&'a str> {
        let text = core::str::from_utf8(written).ok()?;
        let value = text.strip_suffix('\n').unwrap_or(text);
        let fits = match self.of {
            Type::Word(words) => words.contains(&value),
            Type::Number(least, most) => value.parse().is_ok_and(|number| (least..=most).contains(&number)),
            Type::Text(most) => value.len() <= most && !value.chars().any(char::is_control),
        };
        fits.then_some(value)
    }
}
