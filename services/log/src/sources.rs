//! Who is who: badges to names, and names to levels.
//!
//! Init registers a name for each badge it hands out. A badge nobody registered is shown as `client-N`.
//! Both tables are bounded, so no client of the admin handle can grow the server without end.

use airox_api::log::Level;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

/// Most names kept. When another comes, the one registered longest ago whose records are all gone makes room.
pub const MAX_NAMES: usize = 512;
/// Most levels set for single sources.
pub const MAX_OVERRIDES: usize = 128;
/// Longest name of a source, in bytes.
pub const MAX_NAME: usize = 32;

struct Named {
    name: String,
    registered: u64,
}

/// Names of badges.
#[derive(Default)]
pub struct Names {
    by_badge: BTreeMap<u64, Named>,
    registrations: u64,
}

impl Names {
    /// Gives a badge a name; a second registration replaces the first. `in_use` tells whether a badge still has records.
    ///
    /// # Errors
    /// The table is full of badges whose records are still held.
    pub fn register(&mut self, badge: u64, name: &str, in_use: impl Fn(u64) -> bool) -> Result<(), Full> {
        if !self.by_badge.contains_key(&badge) && self.by_badge.len() >= MAX_NAMES {
            let oldest = self
                .by_badge
                .iter()
                .filter(|(badge, _)| !in_use(**badge))
                .min_by_key(|(_, named)| named.registered)
                .map(|(badge, _)| *badge)
                .ok_or(Full)?;
            self.by_badge.remove(&oldest);
        }
        self.registrations += 1;
        let named = Named { name: clean_name(name), registered: self.registrations };
        self.by_badge.insert(badge, named);
        Ok(())
    }

    /// The name to show for a badge.
    #[must_use]
    pub fn name(&self, badge: u64) -> String {
        match self.by_badge.get(&badge) {
            Some(named) => named.name.clone(),
            None => format!("client-{badge}"),
        }
    }
}

impl Names {
    /// Every registered name.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.by_badge.values().map(|named| named.name.as_str())
    }
}

/// A bounded table has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// A name as it is stored: printable, one word, at most [`MAX_NAME`] bytes.
#[must_use]
pub fn clean_name(name: &str) -> String {
    let mut clean = String::new();
    for character in name.chars() {
        let character = match character {
            '!'..='~' => character,
            _ => '?',
        };
        if clean.len() == MAX_NAME {
            break;
        }
        clean.push(character);
    }
    if clean.is_empty() {
        clean.push('?');
    }
    clean
}

/// The least grave level that is kept, for each source.
pub struct Levels {
    default: Level,
    overrides: BTreeMap<String, Level>,
}

impl Levels {
    /// Every source at `default`.
    #[must_use]
    pub fn new(default: Level) -> Levels {
        Levels { default, overrides: BTreeMap::new() }
    }

    /// Sets one source's level; it keeps it when the default changes.
    ///
    /// # Errors
    /// The table is full.
    pub fn set(&mut self, name: &str, level: Level) -> Result<(), Full> {
        if !self.overrides.contains_key(name) && self.overrides.len() >= MAX_OVERRIDES {
            return Err(Full);
        }
        self.overrides.insert(clean_name(name), level);
        Ok(())
    }

    /// Sets the level of every source, present and future.
    pub fn set_all(&mut self, level: Level) {
        self.overrides.clear();
        self.default = level;
    }

    /// The level of sources without one of their own.
    #[must_use]
    pub fn default_level(&self) -> Level {
        self.default
    }

    /// The level of a source.
    #[must_use]
    pub fn of(&self, name: &str) -> Level {
        self.overrides.get(name).copied().unwrap_or(self.default)
    }

    /// Whether a record of this level from this source is kept.
    #[must_use]
    pub fn keeps(&self, name: &str, level: Level) -> bool {
        level <= self.of(name)
    }

    /// The sources with a level of their own.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.overrides.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_badges_have_a_number_for_a_name() {
        let mut names = Names::default();
        assert_eq!(names.name(7), "client-7");
        names.register(7, "rtc", |_| false).unwrap();
        assert_eq!(names.name(7), "rtc");
        names.register(7, "clock", |_| false).unwrap();
        assert_eq!(names.name(7), "clock");
    }

    #[test]
    fn hostile_names_are_cleaned() {
        assert_eq!(clean_name("a b\x1b[2J\u{202e}"), "a?b?[2J?");
        assert_eq!(clean_name(""), "?");
        assert_eq!(clean_name(&"n".repeat(100)).len(), MAX_NAME);
    }

    #[test]
    fn a_full_table_forgets_the_oldest_unused_name_or_refuses() {
        let mut names = Names::default();
        for badge in 0..MAX_NAMES as u64 {
            names.register(badge, "x", |_| true).unwrap();
        }
        assert_eq!(names.register(9999, "new", |_| true), Err(Full));
        names.register(9999, "new", |badge| badge < 3).unwrap();
        assert_eq!(names.name(3), "client-3");
        assert_eq!(names.name(0), "x");
        assert_eq!(names.name(9999), "new");
    }

    #[test]
    fn overrides_win_over_the_default() {
        let mut levels = Levels::new(Level::Info);
        assert!(levels.keeps("rtc", Level::Info));
        assert!(!levels.keeps("rtc", Level::Debug));
        levels.set("rtc", Level::Trace).unwrap();
        assert!(levels.keeps("rtc", Level::Debug));
        assert!(!levels.keeps("init", Level::Debug));
        levels.set_all(Level::Error);
        assert!(!levels.keeps("init", Level::Warn));
        assert!(!levels.keeps("rtc", Level::Warn));
    }

    #[test]
    fn levels_are_bounded() {
        let mut levels = Levels::new(Level::Info);
        for n in 0..MAX_OVERRIDES {
            levels.set(&format!("server-{n}"), Level::Debug).unwrap();
        }
        assert_eq!(levels.set("one-more", Level::Debug), Err(Full));
        levels.set("server-0", Level::Warn).unwrap();
    }
}
