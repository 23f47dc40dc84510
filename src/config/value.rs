//! The kinds of setting: words from a file, a command line or CONFIG SET become a typed
//! [`Value`], and a `Value` becomes the text that CONFIG GET answers. Pure; knows no names.
//!
//! The reasons for refusing a value are the texts clients of Redis know, to the letter.
//!
//! ```text
//!            parse(words, current)            text()
//!   words  ------------------------>  Value  --------->  bytes
//!            "256mb"                  Memory(268435456)   "268435456"
//! ```
use super::keyspace_events::KeyspaceEvents;
use super::special;
use crate::text::number::{parse_i64, parse_memory_bytes};
use std::borrow::Cow;

/// Why a value was refused. Never holds bytes that a client sent.
pub type Reason = Cow<'static, str>;

/// The text for a single-valued setting given none or several words.
pub const WRONG_NUMBER: &str = "wrong number of arguments";

/// What values a setting takes. Ranges are inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `yes` or `no`, any case.
    Bool,
    /// A strict decimal: no sign `+`, no leading zeros, no blanks.
    Integer(i64, i64),
    /// Bytes, with an optional unit: `1k` is 1000, `1kb` is 1024.
    Memory(u64, u64),
    /// Bytes, or a percentage from `0%` to `100%`.
    MemoryOrPercent,
    /// A file mode in octal, at most this.
    Octal(u32),
    /// Exactly one of these words, any case.
    Choice(&'static [&'static str]),
    /// How to shut down on a signal: words that do not contradict each other.
    ShutdownFlags,
    /// Any bytes.
    Text,
    /// A file name without a path; the text is the reason for refusing one with a path.
    FileName(&'static str),
    /// Letters, digits, hyphens and dots.
    Hostname,
    /// At most [`crate::limits::BIND_ADDRESSES_MAX`] addresses to listen on.
    Addresses,
    /// `class hard soft seconds`, any number of times.
    OutputLimits,
    /// `seconds changes`, any number of times, or nothing.
    SavePoints,
    /// The letters of keyspace event classes.
    KeyspaceEvents,
    /// Three scores from -2000 to 2000.
    OomScores,
    /// Percentages with fractions.
    Percentiles,
    /// `host port`, or `no one`.
    ReplicaOf,
}

/// A parsed setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `yes` or `no`.
    Bool(bool),
    /// A number with no unit of its own.
    Integer(i64),
    /// Bytes.
    Memory(u64),
    /// Percent of something, 0 to 100.
    Percent(u64),
    /// A file mode.
    Octal(u32),
    /// One of the words of [`Kind::Choice`], as the table spells it.
    Choice(&'static str),
    /// Bytes as given.
    Text(Vec<u8>),
    /// Words, shown with one blank between them.
    Words(Vec<Vec<u8>>),
    /// Limits per class of client.
    OutputLimits(OutputLimits),
    /// What is published of keys.
    KeyspaceEvents(KeyspaceEvents),
}

/// When a client that does not read its replies is disconnected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimit {
    /// Disconnect at once at this many unsent bytes; 0 = no limit.
    pub hard_bytes: u64,
    /// Disconnect after `soft_seconds` at this many unsent bytes; 0 = no limit.
    pub soft_bytes: u64,
    /// How long the soft limit may be exceeded.
    pub soft_seconds: u32,
}

/// `client-output-buffer-limit`: one limit per class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimits {
    /// Ordinary clients.
    pub normal: OutputLimit,
    /// Replicas.
    pub replica: OutputLimit,
    /// Clients with at least one subscription.
    pub pubsub: OutputLimit,
}

impl OutputLimits {
    /// That of a client, which is a subscriber while it is subscribed to anything.
    #[must_use]
    pub fn of(&self, is_subscriber: bool) -> OutputLimit {
        if is_subscriber { self.pubsub } else { self.normal }
    }
}

impl Kind {
    /// Parses the words after a setting's name. `current` is the value that stands now: limits
    /// per class keep what is not mentioned.
    pub fn parse(self, words: &[&[u8]], current: Option<&Value>) -> Result<Value, Reason> {
        if self.takes_words() {
            return special::parse_words(self, &words_of(words), current);
        }
        let [word] = words else { return Err(WRONG_NUMBER.into()) };
        self.parse_word(word)
    }

    /// Whether several words are one value. One word with blanks in it is then split.
    fn takes_words(self) -> bool {
        use Kind::*;
        matches!(
            self,
            ShutdownFlags
                | Addresses
                | OutputLimits
                | SavePoints
                | OomScores
                | Percentiles
                | ReplicaOf
        )
    }

    fn parse_word(self, word: &[u8]) -> Result<Value, Reason> {
        match self {
            Kind::Bool => parse_bool(word),
            Kind::Integer(min, max) => parse_integer(word, min, max),
            Kind::Memory(min, max) => parse_memory(word, min, max),
            Kind::MemoryOrPercent => parse_memory_or_percent(word),
            Kind::Octal(max) => parse_octal(word, max),
            Kind::Choice(choices) => parse_choice(word, choices).map(Value::Choice),
            Kind::FileName(reason) if word.contains(&b'/') => Err(reason.into()),
            Kind::Hostname => special::parse_hostname(word),
            Kind::KeyspaceEvents => KeyspaceEvents::parse(word).map(Value::KeyspaceEvents),
            _ => Ok(Value::Text(word.to_vec())),
        }
    }
}

/// Splits a lone word at each blank, as CONFIG SET hands over lists. Two blanks in a row leave
/// an empty word between them, which most kinds then refuse.
fn words_of<'a>(words: &[&'a [u8]]) -> Vec<&'a [u8]> {
    match words {
        [b""] => Vec::new(),
        [word] => word.split(|&byte| byte == b' ').collect(),
        words => words.to_vec(),
    }
}

fn parse_bool(word: &[u8]) -> Result<Value, Reason> {
    match word {
        word if word.eq_ignore_ascii_case(b"yes") => Ok(Value::Bool(true)),
        word if word.eq_ignore_ascii_case(b"no") => Ok(Value::Bool(false)),
        _ => Err("argument must be 'yes' or 'no'".into()),
    }
}

fn parse_integer(word: &[u8], min: i64, max: i64) -> Result<Value, Reason> {
    match parse_i64(word) {
        None => Err("argument couldn't be parsed into an integer".into()),
        Some(number) if (min..=max).contains(&number) => Ok(Value::Integer(number)),
        Some(_) => Err(out_of_range(min, max)),
    }
}

fn parse_memory(word: &[u8], min: u64, max: u64) -> Result<Value, Reason> {
    match parse_memory_bytes(word) {
        None => Err("argument must be a memory value".into()),
        Some(bytes) if (min..=max).contains(&bytes) => Ok(Value::Memory(bytes)),
        Some(_) => Err(out_of_range(min, max)),
    }
}

fn parse_memory_or_percent(word: &[u8]) -> Result<Value, Reason> {
    let percent = word.strip_suffix(b"%").map(parse_i64);
    match (percent, parse_memory_bytes(word)) {
        (Some(Some(percent @ 0..=100)), _) => Ok(Value::Percent(percent.unsigned_abs())),
        (Some(Some(percent)), _) if percent > 100 => {
            Err("percentage argument must be less or equal to 100".into())
        }
        (None, Some(bytes)) => Ok(Value::Memory(bytes)),
        _ => Err("argument must be a memory or percent value".into()),
    }
}

fn parse_octal(word: &[u8], max: u32) -> Result<Value, Reason> {
    let digits = std::str::from_utf8(word).ok().filter(|text| !text.starts_with('+'));
    match digits.and_then(|text| u32::from_str_radix(text, 8).ok()) {
        None => Err("argument couldn't be parsed as an octal number".into()),
        Some(mode) if mode <= max => Ok(Value::Octal(mode)),
        Some(_) => Err(format!("argument must be between 0 and {max:o} inclusive").into()),
    }
}

fn out_of_range<T: std::fmt::Display>(min: T, max: T) -> Reason {
    format!("argument must be between {min} and {max} inclusive").into()
}

/// The one of `choices` that `word` spells in any case.
pub(super) fn parse_choice(
    word: &[u8],
    choices: &'static [&'static str],
) -> Result<&'static str, Reason> {
    let found = choices.iter().find(|choice| choice.as_bytes().eq_ignore_ascii_case(word));
    found.copied().ok_or_else(|| not_a_choice(choices))
}

/// The text that names the words a setting takes.
pub(super) fn not_a_choice(choices: &[&str]) -> Reason {
    format!("argument(s) must be one of the following: {}", choices.join(", ")).into()
}

impl Value {
    /// The text that CONFIG GET answers.
    pub fn text(&self) -> Vec<u8> {
        match self {
            Value::Bool(yes) => (if *yes { "yes" } else { "no" }).into(),
            Value::Integer(number) => number.to_string().into(),
            Value::Memory(bytes) => bytes.to_string().into(),
            Value::Percent(0) => "0".into(),
            Value::Percent(percent) => format!("{percent}%").into(),
            Value::Octal(mode) => format!("{mode:o}").into(),
            Value::Choice(word) => (*word).into(),
            Value::Text(bytes) => bytes.clone(),
            Value::Words(words) => words.join(&b' '),
            Value::OutputLimits(limits) => limits.to_string().into(),
            Value::KeyspaceEvents(events) => events.to_string().into(),
        }
    }
}

impl std::fmt::Display for OutputLimits {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rows = [("normal", self.normal), (" slave", self.replica), (" pubsub", self.pubsub)];
        for (class, limit) in rows {
            write!(out, "{class} {} {}", limit.hard_bytes, limit.soft_bytes)?;
            write!(out, " {}", limit.soft_seconds)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parses one word, as CONFIG SET does, and shows the value or the reason.
    fn show(kind: Kind, word: &str) -> String {
        match kind.parse(&[word.as_bytes()], None) {
            Ok(value) => String::from_utf8(value.text()).expect("the tests write UTF-8"),
            Err(reason) => format!("- {reason}"),
        }
    }

    fn check(kind: Kind, rows: &[(&str, &str)]) {
        for (word, shown) in rows {
            assert_eq!(show(kind, word), *shown, "{kind:?} {word:?}");
        }
    }

    #[test]
    fn bool_takes_yes_and_no_in_any_case() {
        let reason = "- argument must be 'yes' or 'no'";
        check(
            Kind::Bool,
            &[("YES", "yes"), ("no", "no"), ("", reason), ("1", reason), ("yes no", reason)],
        );
    }

    #[test]
    fn integer_is_strict_and_in_range() {
        let not_a_number = "- argument couldn't be parsed into an integer";
        let outside = "- argument must be between 0 and 100 inclusive";
        let kind = Kind::Integer(0, 100);
        check(kind, &[("0", "0"), ("100", "100"), ("101", outside), ("-1", outside)]);
        for word in ["", "abc", " 5", "5 ", "+5", "05", "-0", "5.0", "1 2", "5kb"] {
            assert_eq!(show(kind, word), not_a_number, "{word:?}");
        }
    }

    #[test]
    fn memory_has_units() {
        let reason = "- argument must be a memory value";
        let rows = [("1gb", "1073741824"), ("1GB", "1073741824"), ("1g", "1000000000")];
        check(Kind::Memory(0, u64::MAX), &rows);
        let rows = [("1k", "1000"), ("1kb", "1024"), ("1b", "1"), ("1m", "1000000")];
        check(Kind::Memory(0, u64::MAX), &rows);
        let rows = [("18446744073709551615", "18446744073709551615"), ("0", "0")];
        check(Kind::Memory(0, u64::MAX), &rows);
        for word in ["-1", "1.5gb", "1tb", "1 gb", "5kib", "18446744073709551616", "99999999999gb"]
        {
            assert_eq!(show(Kind::Memory(0, u64::MAX), word), reason, "{word:?}");
        }
        let outside = "- argument must be between 1048576 and 9223372036854775807 inclusive";
        let kind = Kind::Memory(1048576, i64::MAX as u64);
        check(kind, &[("1mb", "1048576"), ("1048575", outside), ("9223372036854775808", outside)]);
    }

    #[test]
    fn memory_or_percent() {
        let reason = "- argument must be a memory or percent value";
        let too_much = "- percentage argument must be less or equal to 100";
        let rows = [("10%", "10%"), ("100%", "100%"), ("0%", "0"), ("5mb", "5242880")];
        check(Kind::MemoryOrPercent, &rows);
        let rows = [("101%", too_much), ("-1%", reason), ("%", reason), ("zzz", reason)];
        check(Kind::MemoryOrPercent, &rows);
        check(Kind::MemoryOrPercent, &[("-1", reason)]);
    }

    #[test]
    fn octal() {
        let reason = "- argument couldn't be parsed as an octal number";
        let outside = "- argument must be between 0 and 777 inclusive";
        check(Kind::Octal(0o777), &[("700", "700"), ("0755", "755"), ("1777", outside)]);
        check(Kind::Octal(0o777), &[("999", reason), ("-1", reason), ("+7", reason), ("", reason)]);
    }

    #[test]
    fn choice_is_spelled_as_the_table_does() {
        let kind = Kind::Choice(&["no", "yes", "local"]);
        let reason = "- argument(s) must be one of the following: no, yes, local";
        check(kind, &[("LOCAL", "local"), ("no", "no"), ("", reason), ("no yes", reason)]);
    }

    #[test]
    fn file_name_has_no_path() {
        let kind = Kind::FileName("dbfilename can't be a path, just a filename");
        check(
            kind,
            &[("a.rdb", "a.rdb"), ("a/b", "- dbfilename can't be a path, just a filename")],
        );
    }

    #[test]
    fn single_values_are_exactly_one_word() {
        for kind in [Kind::Bool, Kind::Text, Kind::Integer(0, 9), Kind::Memory(0, 9)] {
            assert_eq!(kind.parse(&[], None), Err(WRONG_NUMBER.into()));
            assert_eq!(kind.parse(&[b"1", b"2"], None), Err(WRONG_NUMBER.into()));
        }
    }
}
