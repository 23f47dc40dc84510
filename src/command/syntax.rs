//! The arguments of a command, from one readable line per row.
//!
//! ```text
//!   key value [condition(NX | XX)@2.6.12] [GET] [expiration(EX seconds:integer | KEEPTTL)]
//!
//!   name  name:type         a value; the type is string unless the name says more (key, pattern)
//!   WORD                    the word itself; also * = ~
//!   WORD name  WORD name(   the word, then what is named
//!   name(WORD)              the word itself, under another name
//!   name(a | b)             one of these
//!   name(a b)               these together
//!   [ ]   ...   @1.2.3      optional, any number of times, since this version
//! ```
//!
//! COMMAND DOCS shows the tree, HELP shows it again as a line. It is parsed when asked for: nobody
//! is in a hurry then, and a test parses every row.

/// What an argument is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Any bytes.
    String,
    /// A whole number.
    Integer,
    /// A number with a fraction.
    Double,
    /// A key's name.
    Key,
    /// A glob pattern.
    Pattern,
    /// Seconds or milliseconds since 1970.
    UnixTime,
    /// A fixed word.
    PureToken,
    /// One of the arguments below.
    OneOf,
    /// All of the arguments below.
    Block,
}

impl Kind {
    /// As COMMAND DOCS calls it, and as rows do behind a colon.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Double => "double",
            Self::Key => "key",
            Self::Pattern => "pattern",
            Self::UnixTime => "unix-time",
            Self::PureToken => "pure-token",
            Self::OneOf => "oneof",
            Self::Block => "block",
        }
    }

    /// Does it stand for something a user writes, rather than for other arguments?
    #[must_use]
    pub const fn is_leaf(self) -> bool {
        !matches!(self, Self::OneOf | Self::Block)
    }

    fn named(name: &str) -> Self {
        [Self::Integer, Self::Double, Self::Key, Self::Pattern, Self::UnixTime]
            .into_iter()
            .find(|kind| kind.name() == name)
            .unwrap_or(Self::String)
    }
}

/// One argument.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Argument<'a> {
    /// What it is called.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// The fixed word in front of it; of a [`Kind::PureToken`] the word itself.
    pub token: Option<&'a str>,
    /// The version that brought it.
    pub since: Option<&'a str>,
    /// It may be left out.
    pub is_optional: bool,
    /// There may be several.
    pub is_multiple: bool,
    /// What it is made of.
    pub parts: Vec<Argument<'a>>,
}

/// The arguments that a row's line describes.
#[must_use]
pub fn parse(line: &str) -> Vec<Argument<'_>> {
    let mut words = Words { rest: line };
    let arguments = sequence(&mut words);
    assert!(words.peek().is_none(), "a bracket too many in the arguments '{line}'");
    arguments
}

/// The words and signs of a line.
struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    /// Signs, the longer ones first.
    const SIGNS: [&'static str; 8] = ["...", "[", "]", "(", ")", "|", ":", "@"];

    /// The next word or sign, and what is behind it.
    fn split(&self) -> Option<(&'a str, &'a str)> {
        let rest = self.rest.trim_start();
        let sign = Self::SIGNS.into_iter().find(|sign| rest.starts_with(sign));
        let length = sign.map_or_else(|| word_length(rest), str::len);
        rest.split_at_checked(length).filter(|(word, _)| !word.is_empty())
    }

    fn peek(&self) -> Option<&'a str> {
        self.split().map(|(word, _)| word)
    }

    fn next(&mut self) -> Option<&'a str> {
        let (word, rest) = self.split()?;
        self.rest = rest;
        Some(word)
    }

    /// Takes `sign` if it is next.
    fn take(&mut self, sign: &str) -> bool {
        let is_next = self.peek() == Some(sign);
        if is_next {
            self.next();
        }
        is_next
    }
}

/// A word ends at a blank or a sign; the dots of a version or a name do not end it.
fn word_length(text: &str) -> usize {
    let end = text.find(|letter: char| letter.is_whitespace() || "[]()|:@".contains(letter));
    let end = end.unwrap_or(text.len());
    text[..end].find("...").unwrap_or(end)
}

/// A word in capitals, or a sign that users write as it is.
fn is_token(word: &str) -> bool {
    word.starts_with(|letter: char| letter.is_ascii_uppercase() || "*=~".contains(letter))
}

/// Arguments one behind the other, up to a closing bracket or a `|`.
fn sequence<'a>(words: &mut Words<'a>) -> Vec<Argument<'a>> {
    let mut arguments = Vec::new();
    while words.peek().is_some_and(|word| !matches!(word, "]" | ")" | "|")) {
        arguments.push(argument(words));
    }
    arguments
}

fn argument<'a>(words: &mut Words<'a>) -> Argument<'a> {
    if words.take("[") {
        let mut argument = argument(words);
        argument.is_optional = true;
        assert!(words.take("]"), "an optional argument is one, named if it has several parts");
        return argument;
    }
    let mut argument = term(words);
    argument.is_multiple = words.take("...");
    if words.take("@") {
        argument.since = words.next();
    }
    argument
}

fn term<'a>(words: &mut Words<'a>) -> Argument<'a> {
    let word = words.next().expect("a row's arguments do not end in the middle");
    if !is_token(word) {
        return named(word, words);
    }
    let is_alone = words.peek().is_none_or(|next| Words::SIGNS.contains(&next) || is_token(next));
    let mut argument = if is_alone {
        leaf(word.to_ascii_lowercase(), Kind::PureToken)
    } else {
        let name = words.next().expect("there is a word behind the token");
        named(name, words)
    };
    argument.token = Some(word);
    argument
}

/// What follows a name: a type, or what the name stands for.
fn named<'a>(name: &str, words: &mut Words<'a>) -> Argument<'a> {
    if words.take(":") {
        let kind = Kind::named(words.next().unwrap_or_default());
        return leaf(name.to_owned(), kind);
    }
    if !words.take("(") {
        return leaf(name.to_owned(), Kind::named(name));
    }
    let mut parts = sequence(words);
    let is_choice = words.peek() == Some("|");
    while words.take("|") {
        parts.extend(sequence(words));
    }
    assert!(words.take(")"), "what '{name}' stands for has an end");
    if let [Argument { kind: Kind::PureToken, token, .. }] = parts[..] {
        return Argument { token, ..leaf(name.to_owned(), Kind::PureToken) };
    }
    let kind = if is_choice { Kind::OneOf } else { Kind::Block };
    Argument { parts, ..leaf(name.to_owned(), kind) }
}

fn leaf<'a>(name: String, kind: Kind) -> Argument<'a> {
    Argument {
        name,
        kind,
        token: None,
        since: None,
        is_optional: false,
        is_multiple: false,
        parts: Vec::new(),
    }
}

/// Arguments as a line for people: `<key> [NX|XX] [EX <seconds>|KEEPTTL]`.
#[must_use]
pub fn line(arguments: &[Argument<'_>]) -> String {
    join(arguments, " ")
}

fn join(arguments: &[Argument<'_>], separator: &str) -> String {
    arguments.iter().map(show).collect::<Vec<_>>().join(separator)
}

fn show(argument: &Argument<'_>) -> String {
    let once = once(argument);
    let token = argument.token.unwrap_or_default();
    let with_token = [token, &once].join(" ").trim().to_owned();
    match (argument.is_optional, argument.is_multiple) {
        (false, false) => with_token,
        (true, false) => format!("[{with_token}]"),
        // What is long is not said twice.
        (false, true) if argument.kind == Kind::OneOf => format!("{with_token} [...]"),
        (false, true) => format!("{with_token} [{once} ...]"),
        (true, true) if token.is_empty() => format!("[{once} ...]"),
        (true, true) => format!("[{with_token} [{once} ...]]"),
    }
}

/// An argument without its token, as if there could be only one.
fn once(argument: &Argument<'_>) -> String {
    let is_bracketed = argument.is_optional && argument.token.is_none();
    match argument.kind {
        Kind::PureToken => String::new(),
        Kind::OneOf if is_bracketed => join(&argument.parts, "|"),
        Kind::OneOf => format!("({})", join(&argument.parts, "|")),
        Kind::Block => join(&argument.parts, " "),
        _ => format!("<{}>", argument.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        line(&parse(text))
    }

    #[test]
    fn values_and_types() {
        let arguments = parse("key pattern seconds:integer value");
        let kinds: Vec<_> = arguments.iter().map(|argument| argument.kind).collect();
        assert_eq!(kinds, [Kind::Key, Kind::Pattern, Kind::Integer, Kind::String]);
        assert_eq!(arguments[2].name, "seconds");
    }

    #[test]
    fn tokens_alone_named_and_in_front() {
        let arguments =
            parse("[GET] auto-id(*) [COUNT count:integer@6.2.0] STREAMS streams(key...)");
        assert_eq!(arguments.len(), 4, "{arguments:?}");
        assert_eq!((arguments[0].name.as_str(), arguments[0].token), ("get", Some("GET")));
        assert_eq!((arguments[1].name.as_str(), arguments[1].kind), ("auto-id", Kind::PureToken));
        assert_eq!((arguments[2].token, arguments[2].kind), (Some("COUNT"), Kind::Integer));
        assert_eq!((arguments[3].token, arguments[3].kind), (Some("STREAMS"), Kind::Block));
    }

    #[test]
    fn choices_versions_and_repetition() {
        let line = "[condition(NX | EX seconds:integer@2.0.0)@1.0.0] data(key value)...";
        let arguments = parse(line);
        let condition = &arguments[0];
        assert_eq!((condition.kind, condition.since), (Kind::OneOf, Some("1.0.0")));
        assert_eq!(condition.parts[1].since, Some("2.0.0"));
        assert!(condition.is_optional && arguments[1].is_multiple);
    }

    #[test]
    fn lines_for_people() {
        assert_eq!(shown("key value [c(NX | XX)] [GET]"), "<key> <value> [NX|XX] [GET]");
        assert_eq!(shown("action(ON | OFF)"), "(ON|OFF)");
        assert_eq!(shown("[channel...]"), "[<channel> ...]");
        assert_eq!(shown("data(key value)..."), "<key> <value> [<key> <value> ...]");
        assert_eq!(shown("[TYPE kind(A | B)] [ID id...]"), "[TYPE (A|B)] [ID <id> [<id> ...]]");
        assert_eq!(shown("STREAMS s(key... id...)"), "STREAMS <key> [<key> ...] <id> [<id> ...]");
        assert_eq!(shown("filter(A a | B)..."), "(A <a>|B) [...]");
        assert_eq!(shown(""), "");
    }
}
