//! From a line to steps: words, quotes, comments, `;`, `&&` and a closing `&`.
//!
//! | written | means |
//! |---|---|
//! | `a b  c` | words, separated by blanks |
//! | `"a b"` | one word; inside, `\"` `\\` `\n` `\t` `\e` are replaced |
//! | `'a b'` | one word, taken as it is |
//! | `\ ` | outside of quotes: the next character, taken as it is |
//! | `# ...` | at the start of a word: the rest of the line is a comment |
//! | `a; b` | `a`, then `b` |
//! | `a && b` | `b` only if `a` succeeded |
//! | `a &` | `a` in the background |
//! | `a > file` | what `a` prints goes to a file, which is replaced |
//! | `a >> file` | the same, to the file's end |

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Most words of one command, so a hostile script cannot grow a command without end.
pub const MAX_WORDS: usize = 256;

/// One command of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The command and its arguments, at least one word.
    pub words: Vec<String>,
    /// Runs only if the step before succeeded (`&&`).
    pub needs_success: bool,
    /// Ends with `&`.
    pub background: bool,
    /// Where its output goes, if not to the console.
    pub output: Option<Redirection>,
}

/// A file that takes a command's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirection {
    /// The file, as it was written.
    pub path: String,
    /// Whether what it has is kept (`>>`).
    pub append: bool,
}

/// Why a line could not be understood. Columns count characters from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// A quote that is never closed.
    OpenQuote(char, usize),
    /// `\` at the end of the line.
    OpenEscape(usize),
    /// `;`, `&&` or `&` without a command before it, or `&&` without one after it.
    MissingCommand(&'static str, usize),
    /// `|` or `<`: there are no pipes, and no input from files.
    Unsupported(char, usize),
    /// `>` or `>>` without a file after it, or twice.
    MissingFile(usize),
    /// More than [`MAX_WORDS`] words.
    TooManyWords,
}

impl fmt::Display for ParseError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParseError::OpenQuote(quote, column) => {
                write!(formatter, "the quote {quote} in column {column} is never closed")
            }
            ParseError::OpenEscape(column) => {
                write!(formatter, "nothing follows the \\ in column {column}")
            }
            ParseError::MissingCommand(operator, column) => {
                write!(formatter, "a command is missing beside {operator} in column {column}")
            }
            ParseError::Unsupported(character, column) => write!(
                formatter,
                "{character} in column {column}: there are no pipes, and no input from files; quote it to mean the character"
            ),
            ParseError::MissingFile(column) => {
                write!(formatter, "one file has to follow the > in column {column}; quote it to mean the character")
            }
            ParseError::TooManyWords => {
                write!(formatter, "more than {MAX_WORDS} words in one command")
            }
        }
    }
}

impl core::error::Error for ParseError {}

enum Token {
    Word(String),
    Operator(&'static str, usize),
    /// `>`, or if so `>>`.
    Output(bool, usize),
}

/// The steps of a line, none for an empty line or a comment.
///
/// # Errors
/// See [`ParseError`].
pub fn parse(line: &str) -> Result<Vec<Step>, ParseError> {
    let mut steps = Vec::new();
    let mut words = Vec::new();
    let mut output = None;
    let mut pending_and: Option<usize> = None;
    let mut tokens = Tokens::new(line);
    while let Some(token) = tokens.next()? {
        match token {
            Token::Word(_) if words.len() >= MAX_WORDS => return Err(ParseError::TooManyWords),
            Token::Word(word) => words.push(word),
            Token::Output(append, column) => {
                let Some(Token::Word(path)) = tokens.next()? else {
                    return Err(ParseError::MissingFile(column));
                };
                if words.is_empty() {
                    return Err(ParseError::MissingCommand(">", column));
                }
                if output.replace(Redirection { path, append }).is_some() {
                    return Err(ParseError::MissingFile(column));
                }
            }
            Token::Operator(operator, column) => {
                if words.is_empty() {
                    return Err(ParseError::MissingCommand(operator, column));
                }
                steps.push(Step {
                    words: core::mem::take(&mut words),
                    needs_success: pending_and.take().is_some(),
                    background: operator == "&",
                    output: output.take(),
                });
                if operator == "&&" {
                    pending_and = Some(column);
                }
            }
        }
    }
    if !words.is_empty() {
        steps.push(Step { words, needs_success: pending_and.is_some(), background: false, output });
    } else if let Some(column) = pending_and {
        return Err(ParseError::MissingCommand("&&", column));
    }
    Ok(steps)
}

struct Tokens<'a> {
    characters: core::iter::Peekable<core::str::Chars<'a>>,
    column: usize,
}

impl<'a> Tokens<'a> {
    fn new(line: &'a str) -> Tokens<'a> {
        Tokens { characters: line.chars().peekable(), column: 0 }
    }

    fn take(&mut self) -> Option<char> {
        self.column += 1;
        self.characters.next()
    }

    fn next(&mut self) -> Result<Option<Token>, ParseError> {
        while self.characters.peek().is_some_and(|c| c.is_whitespace()) {
            self.take();
        }
        match self.characters.peek() {
            None | Some('#') => Ok(None),
            Some(';') => {
                self.take();
                Ok(Some(Token::Operator(";", self.column)))
            }
            Some('&') => {
                self.take();
                let column = self.column;
                if self.characters.peek() == Some(&'&') {
                    self.take();
                    return Ok(Some(Token::Operator("&&", column)));
                }
                Ok(Some(Token::Operator("&", column)))
            }
            Some('>') => {
                self.take();
                let column = self.column;
                let append = self.characters.peek() == Some(&'>');
                if append {
                    self.take();
                }
                Ok(Some(Token::Output(append, column)))
            }
            Some(_) => self.word().map(|word| Some(Token::Word(word))),
        }
    }

    fn word(&mut self) -> Result<String, ParseError> {
        let mut word = String::new();
        while let Some(&next) = self.characters.peek() {
            match next {
                ';' | '&' | '>' => break,
                _ if next.is_whitespace() => break,
                '|' | '<' => return Err(ParseError::Unsupported(next, self.column + 1)),
                '\'' | '"' => {
                    self.take();
                    self.quoted(next, &mut word)?;
                }
                '\\' => {
                    self.take();
                    let column = self.column;
                    word.push(self.take().ok_or(ParseError::OpenEscape(column))?);
                }
                _ => {
                    self.take();
                    word.push(next);
                }
            }
        }
        Ok(word)
    }

    fn quoted(&mut self, quote: char, word: &mut String) -> Result<(), ParseError> {
        let open = ParseError::OpenQuote(quote, self.column);
        loop {
            let next = self.take().ok_or(open)?;
            if next == quote {
                return Ok(());
            }
            if next != '\\' || quote == '\'' {
                word.push(next);
                continue;
            }
            match self.take().ok_or(open)? {
                'n' => word.push('\n'),
                't' => word.push('\t'),
                'e' => word.push('\x1b'),
                plain @ ('"' | '\\') => word.push(plain),
                other => word.extend(['\\', other]),
            }
        }
    }
}

/// A word as it must be written to be read back as itself.
#[must_use]
pub fn quote(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=+,@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.into();
    }
    let mut quoted = String::from("\"");
    for character in word.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\x1b' => quoted.push_str("\\e"),
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec;
    use proptest::prelude::*;

    fn words(line: &str) -> Vec<Vec<String>> {
        parse(line).unwrap().into_iter().map(|step| step.words).collect()
    }

    #[test]
    fn words_quotes_and_comments() {
        assert_eq!(words("  ps "), [["ps"]]);
        assert_eq!(words(r#"echo "a  b" 'c "d' e\ f"#), [["echo", "a  b", "c \"d", "e f"]]);
        assert_eq!(words(r#"echo "tab\there" 'no\t' "\q""#), [["echo", "tab\there", "no\\t", "\\q"]]);
        assert_eq!(words("echo a#b # comment; ps"), [["echo", "a#b"]]);
        assert_eq!(words(r#"echo """#), [["echo", ""]]);
        assert_eq!(words("echo pre\"in side\"post"), [["echo", "prein sidepost"]]);
        assert!(parse("").unwrap().is_empty());
        assert!(parse(" # only a comment").unwrap().is_empty());
    }

    #[test]
    fn steps() {
        let steps = parse("a 1 && b; c &").unwrap();
        let flags: Vec<_> = steps.iter().map(|s| (s.needs_success, s.background)).collect();
        assert_eq!(flags, [(false, false), (true, false), (false, true)]);
        assert_eq!(words("a;b;"), vec![vec!["a"], vec!["b"]]);
        assert_eq!(words("a&b"), vec![vec!["a"], vec!["b"]]);
        assert_eq!(words("echo ';' \"&&\" \\&"), [["echo", ";", "&&", "&"]]);
    }

    #[test]
    fn output_goes_to_files() {
        let step = |line: &str| parse(line).unwrap().pop().unwrap();
        let to = |path: &str, append| Some(Redirection { path: path.into(), append });
        assert_eq!(step("ps > /tmp/list").output, to("/tmp/list", false));
        assert_eq!(step("ps -l>>'a b' # all").output, to("a b", true));
        let steps = parse("ps > a && log").unwrap();
        assert_eq!((&steps[0].output, &steps[1].output), (&to("a", false), &None));
        assert_eq!(words("echo a > b c '>' \\>"), [["echo", "a", "c", ">", ">"]]);
        assert_eq!(parse("ps >"), Err(ParseError::MissingFile(4)));
        assert_eq!(parse("ps > ; log"), Err(ParseError::MissingFile(4)));
        assert_eq!(parse("ps > a > b"), Err(ParseError::MissingFile(8)));
        assert_eq!(parse("ps >> > b"), Err(ParseError::MissingFile(4)));
        assert_eq!(parse("> a"), Err(ParseError::MissingCommand(">", 1)));
    }

    #[test]
    fn mistakes_are_named_with_their_column() {
        assert_eq!(parse("echo \"a"), Err(ParseError::OpenQuote('"', 6)));
        assert_eq!(parse("echo 'a\\'b'"), Err(ParseError::OpenQuote('\'', 11)));
        assert_eq!(parse("echo \\"), Err(ParseError::OpenEscape(6)));
        assert_eq!(parse("; ps"), Err(ParseError::MissingCommand(";", 1)));
        assert_eq!(parse("ps && "), Err(ParseError::MissingCommand("&&", 4)));
        assert_eq!(parse("ps && # why"), Err(ParseError::MissingCommand("&&", 4)));
        assert_eq!(parse("&"), Err(ParseError::MissingCommand("&", 1)));
        assert_eq!(parse("ps | more"), Err(ParseError::Unsupported('|', 4)));
        assert_eq!(parse(&"a ".repeat(MAX_WORDS + 1)), Err(ParseError::TooManyWords));
        assert_eq!(parse("x && ; y").unwrap_err().to_string(), "a command is missing beside ; in column 6");
    }

    proptest! {
        #[test]
        fn any_line_is_understood_or_refused(line in any::<String>()) {
            if let Ok(steps) = parse(&line) {
                prop_assert!(steps.iter().all(|step| !step.words.is_empty()));
            }
        }

        #[test]
        fn quoted_words_read_back(list in proptest::collection::vec(any::<String>(), 1..6)) {
            let line: Vec<String> = list.iter().map(|word| quote(word)).collect();
            prop_assert_eq!(words(&line.join(" ")), vec![list]);
        }
    }
}
