//! What SCAN is asked: `SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]`; and the patterns of
//! KEYS. Pure: a request goes in, a choice or an error comes out.

use super::Request;
use super::args::Arguments;
use super::error_reply::{self, ErrorReply};
use crate::text::glob::{self, Case};

const INVALID_CURSOR: ErrorReply = ErrorReply::fixed("ERR invalid cursor");

/// Keys that one SCAN looks at, unless COUNT says otherwise.
const COUNT_DEFAULT: u64 = 10;

/// Steps of one SCAN for each key it may look at. An almost empty table has many buckets to a key:
/// a SCAN of it ends early, with few keys or none, rather than walk through all of them.
const STEPS_PER_KEY_MAX: u64 = 10;

/// Which keys are meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pattern<'a> {
    /// `*`, or none given: every key, the empty one included, which `*` as a glob does not match.
    Every,
    /// A glob.
    Glob(&'a [u8]),
}

impl<'a> Pattern<'a> {
    /// The pattern that these bytes are.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        if bytes == b"*" { Self::Every } else { Self::Glob(bytes) }
    }

    /// Is this key meant?
    #[must_use]
    pub fn matches(self, key: &[u8]) -> bool {
        match self {
            Self::Every => true,
            Self::Glob(pattern) => glob::matches(pattern, key, Case::Sensitive),
        }
    }
}

/// A SCAN.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scan<'a> {
    /// Where to go on; 0: at the start.
    pub cursor: u64,
    /// MATCH.
    pub pattern: Pattern<'a>,
    /// TYPE, in any case; a type that does not exist is that of no key.
    pub type_name: Option<&'a [u8]>,
    /// COUNT, at least 1: look at so many keys, whether they are meant or not.
    pub keys_max: u64,
}

impl<'a> Scan<'a> {
    /// Reads a whole request.
    ///
    /// # Errors
    /// For a cursor or a count that is none, an unknown word, a missing value.
    pub fn parse(request: Request<'a>) -> Result<Self, ErrorReply> {
        let cursor = request.get(1).and_then(parse_cursor).ok_or(INVALID_CURSOR)?;
        let mut scan =
            Self { cursor, pattern: Pattern::Every, type_name: None, keys_max: COUNT_DEFAULT };
        for index in (2..request.len()).step_by(2) {
            scan.take(request, index)?;
        }
        Ok(scan)
    }

    /// Takes the option at `index` and the value behind it.
    fn take(&mut self, request: Request<'a>, index: usize) -> Result<(), ErrorReply> {
        let value = request.get(index + 1).ok_or(error_reply::SYNTAX)?;
        if request.is(index, "COUNT") {
            self.keys_max = parse_count(request.integer(index + 1)?)?;
        } else if request.is(index, "MATCH") {
            self.pattern = Pattern::new(value);
        } else if request.is(index, "TYPE") {
            self.type_name = Some(value);
        } else {
            return Err(error_reply::SYNTAX);
        }
        Ok(())
    }

    /// Steps after which the scan ends, however few keys it has seen.
    #[must_use]
    pub fn steps_max(&self) -> u64 {
        self.keys_max.saturating_mul(STEPS_PER_KEY_MAX)
    }

    /// Is a key of this type meant?
    #[must_use]
    pub fn admits(&self, key: &[u8], type_name: &str) -> bool {
        self.type_name.is_none_or(|wanted| wanted.eq_ignore_ascii_case(type_name.as_bytes()))
            && self.pattern.matches(key)
    }
}

fn parse_count(count: i64) -> Result<u64, ErrorReply> {
    u64::try_from(count).ok().filter(|&count| count > 0).ok_or(error_reply::SYNTAX)
}

/// A cursor as C's `strtoul` reads it, because clients may send whatever Redis lets pass: a sign,
/// leading zeros, even nothing at all; a negative one counts down from the end.
fn parse_cursor(bytes: &[u8]) -> Option<u64> {
    let (is_negative, digits) = match bytes {
        [] => return Some(0),
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let mut cursor: u64 = 0;
    for digit in digits {
        let digit = char::from(*digit).to_digit(10)?;
        cursor = cursor.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(if is_negative { cursor.wrapping_neg() } else { cursor })
}

#[cfg(test)]
mod tests {
    use super::super::expiry_options::tests::Words;
    use super::*;

    #[test]
    fn cursors_are_read_like_strtoul() {
        for (text, cursor) in [
            ("0", 0),
            ("", 0),
            ("+5", 5),
            ("-1", u64::MAX),
            ("007", 7),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(parse_cursor(text.as_bytes()), Some(cursor), "{text}");
        }
        for text in ["x", "-", " 1", "1x", "1 ", "\t0", "--1", "18446744073709551616"] {
            assert_eq!(parse_cursor(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn options_come_in_any_order_and_the_last_counts() {
        let words = Words::new("SCAN 7 type LIST match a* COUNT 3 COUNT 5");
        let scan = Scan::parse(words.request()).unwrap();
        assert_eq!((scan.cursor, scan.keys_max, scan.steps_max()), (7, 5, 50));
        assert_eq!(scan.pattern, Pattern::Glob(b"a*"));
        assert!(scan.admits(b"ab", "list"));
        assert!(!scan.admits(b"ba", "list"));
        assert!(!scan.admits(b"ab", "string"));
    }

    #[test]
    fn counts_below_one_and_unknown_words_are_syntax_errors() {
        for line in [
            "SCAN 0 COUNT 0",
            "SCAN 0 COUNT -1",
            "SCAN 0 COUNT",
            "SCAN 0 MATCH",
            "SCAN 0 FOO 1",
            "SCAN 0 1",
        ] {
            assert_eq!(Scan::parse(Words::new(line).request()), Err(error_reply::SYNTAX), "{line}");
        }
        let words = Words::new("SCAN 0 COUNT x");
        assert_eq!(Scan::parse(words.request()), Err(error_reply::NOT_AN_INTEGER));
        assert_eq!(Scan::parse(Words::new("SCAN x FOO").request()), Err(INVALID_CURSOR));
    }

    #[test]
    fn steps_do_not_overflow() {
        let words = Words::new("SCAN 0 COUNT 9223372036854775807");
        assert_eq!(Scan::parse(words.request()).unwrap().steps_max(), u64::MAX);
    }

    #[test]
    fn a_lone_star_means_the_empty_key_too() {
        assert!(Pattern::new(b"*").matches(b""));
        assert!(!Pattern::new(b"a*").matches(b""));
    }
}
