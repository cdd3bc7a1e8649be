//! Characters as key presses on a US keyboard, in QEMU's key names.

/// Keys to hold together for `character`.
pub(crate) fn key_presses(character: char) -> Option<Vec<&'static str>> {
    const LETTERS: [&str; 26] = [
        "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t", "u", "v",
        "w", "x", "y", "z",
    ];
    const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
    const SHIFTED_DIGITS: &str = ")!@#$%^&*(";
    let plain = match character {
        'a'..='z' => LETTERS[character as usize - 'a' as usize],
        '0'..='9' => DIGITS[character as usize - '0' as usize],
        ' ' => "spc",
        '\n' => "ret",
        '\t' => "tab",
        '-' => "minus",
        '=' => "equal",
        '[' => "bracket_left",
        ']' => "bracket_right",
        '\\' => "backslash",
        ';' => "semicolon",
        '\'' => "apostrophe",
        '`' => "grave_accent",
        ',' => "comma",
        '.' => "dot",
        '/' => "slash",
        _ => {
            let shifted = match character {
                'A'..='Z' => LETTERS[character as usize - 'A' as usize],
                '_' => "minus",
                '+' => "equal",
                '{' => "bracket_left",
                '}' => "bracket_right",
                '|' => "backslash",
                ':' => "semicolon",
                '"' => "apostrophe",
                '~' => "grave_accent",
                '<' => "comma",
                '>' => "dot",
                '?' => "slash",
                _ => DIGITS[SHIFTED_DIGITS.find(character)?],
            };
            return Some(vec!["shift", shifted]);
        }
    };
    Some(vec![plain])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_printable_character_has_a_key() {
        for character in ' '..='~' {
            assert!(key_presses(character).is_some(), "{character:?}");
        }
        assert_eq!(key_presses('$'), Some(vec!["shift", "4"]));
        assert_eq!(key_presses('Z'), Some(vec!["shift", "z"]));
        assert_eq!(key_presses('é'), None);
    }
}
