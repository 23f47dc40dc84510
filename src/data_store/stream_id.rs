//! Stream ids: `milliseconds-sequence`, their order, and every way clients may write them.
//!
//! Redis reads the two numbers with C's `strtoull` when its own strict reader refuses them, and
//! clients can tell: blanks before a number, `+`, leading zeros, and even a negative sequence that
//! wraps around are accepted; so are bytes behind a NUL, where a C string ends. This module reads
//! what Redis 7 reads, and nothing more.
//!
//! ```text
//!   5-3      both parts          (5-3    beyond 5-3, in the bounds of a range
//!   5        the missing         - +     smallest and largest, in the bounds of a range
//!            sequence depends    *  5-*  made by the server, in XADD
//!            on the command      $ + >   last id, last entry, undelivered, in XREAD
//! ```

use crate::text::number::{U64_DIGITS_MAX, fill_digits};
use std::ops::Deref;

/// The id of a stream entry. Ordered by time, then by sequence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    /// Milliseconds; usually since 1970, but clients may say anything.
    pub ms: u64,
    /// Number among the entries of one millisecond.
    pub seq: u64,
}

/// What [`StreamId::text`] makes: two numbers and a dash, written from the end.
#[derive(Clone, Copy, Debug)]
pub struct StreamIdText {
    bytes: [u8; 2 * U64_DIGITS_MAX + 1],
    start: usize,
}

impl Deref for StreamIdText {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

/// Longer texts are refused unread.
const TEXT_BYTES_MAX: usize = 127;

impl StreamId {
    /// `0-0`: below every entry.
    pub const MIN: StreamId = StreamId { ms: 0, seq: 0 };
    /// The last id there can be.
    pub const MAX: StreamId = StreamId { ms: u64::MAX, seq: u64::MAX };

    /// The id with these two parts.
    pub const fn new(ms: u64, seq: u64) -> StreamId {
        StreamId { ms, seq }
    }

    /// The id directly above; none above [`StreamId::MAX`].
    pub fn next(self) -> Option<StreamId> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(StreamId::new(self.ms, seq)),
            None => Some(StreamId::new(self.ms.checked_add(1)?, 0)),
        }
    }

    /// The id directly below; none below [`StreamId::MIN`].
    pub fn previous(self) -> Option<StreamId> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(StreamId::new(self.ms, seq)),
            None => Some(StreamId::new(self.ms.checked_sub(1)?, u64::MAX)),
        }
    }

    /// `ms-seq` in decimal.
    #[inline]
    pub fn text(self) -> StreamIdText {
        let mut bytes = [b'0'; 2 * U64_DIGITS_MAX + 1];
        let dash = fill_number(&mut bytes, self.seq) - 1;
        bytes[dash] = b'-';
        let start = fill_number(&mut bytes[..dash], self.ms);
        StreamIdText { bytes, start }
    }

    /// Reads `ms-seq`, or `ms` with the sequence that the command assumes when it is missing.
    /// `None` is the client's mistake: "Invalid stream ID specified as stream command argument".
    pub fn parse(text: &[u8], missing_seq: u64) -> Option<StreamId> {
        match parse_parts(text)? {
            (ms, Sequence::Given(seq)) => Some(StreamId::new(ms, seq)),
            (ms, Sequence::Missing) => Some(StreamId::new(ms, missing_seq)),
            (_, Sequence::Automatic) => None,
        }
    }
}

/// The id argument of XADD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NewId {
    /// `*`: made from the clock. See [`super::Stream::next_id`].
    #[default]
    Automatic,
    /// `ms-*`: the next sequence within this millisecond. See [`super::Stream::next_id_in`].
    AutomaticSequence(u64),
    /// An id the client chose.
    Given(StreamId),
}

impl NewId {
    /// Reads the id argument of XADD; `None` is an invalid id.
    #[inline]
    pub fn parse(text: &[u8]) -> Option<NewId> {
        match text {
            b"*" => Some(NewId::Automatic),
            _ => NewId::parse_given(text),
        }
    }

    fn parse_given(text: &[u8]) -> Option<NewId> {
        Some(match parse_parts(text)? {
            (ms, Sequence::Given(seq)) => NewId::Given(StreamId::new(ms, seq)),
            (ms, Sequence::Missing) => NewId::Given(StreamId::new(ms, 0)),
            (ms, Sequence::Automatic) => NewId::AutomaticSequence(ms),
        })
    }
}

/// The id argument of XREAD and XREADGROUP. Which of them a command takes is its own affair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadFrom {
    /// Entries above this id.
    After(StreamId),
    /// `$`: entries above the last id of the moment.
    Latest,
    /// `+`: the last entry itself (Redis 7.4).
    LastEntry,
    /// `>`: what no consumer of the group was given yet.
    Undelivered,
}

impl ReadFrom {
    /// Reads the id argument of XREAD and XREADGROUP; `None` is an invalid id.
    pub fn parse(text: &[u8]) -> Option<ReadFrom> {
        match text {
            b"$" => Some(ReadFrom::Latest),
            b"+" => Some(ReadFrom::LastEntry),
            b">" => Some(ReadFrom::Undelivered),
            _ => StreamId::parse(text, 0).map(ReadFrom::After),
        }
    }
}

/// Why a bound of a range was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoundError {
    /// Not an id: "Invalid stream ID specified as stream command argument".
    InvalidId,
    /// `(` before the very last or first id, so that nothing is left: "invalid start ID for the
    /// interval" or "invalid end ID for the interval".
    EmptyInterval,
}

/// The lower bound of a range, included, from `-`, `+`, `id` or `(id`. A missing sequence is 0.
/// Redis reads the lower bound first, whichever way the command goes.
pub fn parse_range_start(text: &[u8]) -> Result<StreamId, BoundError> {
    match parse_bound(text, 0)? {
        (id, true) => id.next().ok_or(BoundError::EmptyInterval),
        (id, false) => Ok(id),
    }
}

/// The upper bound of a range, included. A missing sequence is the largest one.
pub fn parse_range_end(text: &[u8]) -> Result<StreamId, BoundError> {
    match parse_bound(text, u64::MAX)? {
        (id, true) => id.previous().ok_or(BoundError::EmptyInterval),
        (id, false) => Ok(id),
    }
}

/// The id of a bound, and whether it is excluded.
fn parse_bound(text: &[u8], missing_seq: u64) -> Result<(StreamId, bool), BoundError> {
    let (id, excluded) = match text {
        // With `(`, `-` and `+` have no meaning.
        [b'(', id @ ..] if !id.is_empty() => (StreamId::parse(id, missing_seq), true),
        _ if text.len() > TEXT_BYTES_MAX => (None, false),
        _ => match c_string(text) {
            b"-" => (Some(StreamId::MIN), false),
            b"+" => (Some(StreamId::MAX), false),
            _ => (StreamId::parse(text, missing_seq), false),
        },
    };
    Ok((id.ok_or(BoundError::InvalidId)?, excluded))
}

enum Sequence {
    Given(u64),
    Missing,
    Automatic,
}

fn parse_parts(text: &[u8]) -> Option<(u64, Sequence)> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let text = c_string(text);
    let Some(dash) = memchr::memchr(b'-', text) else {
        return Some((parse_number(text)?, Sequence::Missing));
    };
    let (ms, seq) = (parse_number(&text[..dash])?, &text[dash + 1..]);
    if seq == b"*" {
        return Some((ms, Sequence::Automatic));
    }
    Some((ms, Sequence::Given(parse_number(seq)?)))
}

/// The part before the first NUL: all that C's string functions see.
fn c_string(text: &[u8]) -> &[u8] {
    let end = memchr::memchr(0, text).unwrap_or(text.len());
    &text[..end]
}

/// A number as Redis reads it: first strictly, and then, unless that gave a negative number, as
/// `strtoull` does (which negates modulo 2^64).
fn parse_number(text: &[u8]) -> Option<u64> {
    if let Some(number) = super::string::parse_integer(text) {
        return u64::try_from(number).ok();
    }
    let blanks = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t'..=b'\r')).count();
    let (negative, digits) = match &text[blanks..] {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let mut number: u64 = 0;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
    }
    Some(if negative { number.wrapping_neg() } else { number })
}

/// Writes a number so that its digits end where these zeros do; returns where they begin.
fn fill_number(zeros: &mut [u8], number: u64) -> usize {
    match number {
        0 => zeros.len() - 1,
        _ => fill_digits(zeros, number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX_TEXT: &[u8] = b"18446744073709551615-18446744073709551615";

    #[test]
    fn neighbours_carry_and_end() {
        assert_eq!(StreamId::new(5, 3).next(), Some(StreamId::new(5, 4)));
        assert_eq!(StreamId::new(5, u64::MAX).next(), Some(StreamId::new(6, 0)));
        assert_eq!(StreamId::MAX.next(), None);
        assert_eq!(StreamId::new(5, 0).previous(), Some(StreamId::new(4, u64::MAX)));
        assert_eq!(StreamId::MIN.previous(), None);
        assert!(StreamId::new(1, 9) < StreamId::new(2, 0));
    }

    #[test]
    fn what_is_written_is_read() {
        arbtest::arbtest(|u| {
            let id = StreamId::new(u.arbitrary()?, u.arbitrary()?);
            let text = id.text();
            assert_eq!(text[..], *format!("{}-{}", id.ms, id.seq).as_bytes());
            assert_eq!(StreamId::parse(&text, 7), Some(id));
            if let Some(next) = id.next() {
                assert_eq!(next.previous(), Some(id));
            }
            Ok(())
        });
    }

    /// Measured on redis-server 7.0.15, byte for byte.
    #[test]
    fn accepts_what_redis_accepts() {
        let cases: &[(&[u8], u64, u64)] = &[
            (b"1-1", 1, 1),
            (b" 1-1", 1, 1),
            (b"01-1", 1, 1),
            (b"+1-1", 1, 1),
            (b"1-+5", 1, 5),
            (b"1- 5", 1, 5),
            (b"1- -5", 1, 18446744073709551611),
            (b"1--0", 1, 0),
            (b"1--05", 1, 18446744073709551611),
            (b"1-\t\n\x0b\x0c\r7", 1, 7),
            (b"1-1\0abc", 1, 1),
            (b"1\0-7", 1, 42),
            (b" +1", 1, 42),
            (b"7", 7, 42),
            (b"18446744073709551615", u64::MAX, 42),
            (b"1- -18446744073709551615", 1, 1),
            (b"1--18446744073709551615", 1, 1),
            (MAX_TEXT, u64::MAX, u64::MAX),
            (b"1--9223372036854775809", 1, 9223372036854775807),
        ];
        for &(text, ms, seq) in cases {
            let shown = text.escape_ascii();
            assert_eq!(StreamId::parse(text, 42), Some(StreamId::new(ms, seq)), "{shown}");
        }
    }

    /// `1-2abc`, `1-2-3` and ` -1` were accepted by the C++ original (D60), and `+`, `-`, `*` by
    /// every command (D59).
    #[test]
    fn refuses_what_redis_refuses() {
        let cases: &[&[u8]] = &[
            b"",
            b"abc",
            b"-",
            b"+",
            b"$",
            b">",
            b"*",
            b"**",
            b"*-1",
            b"1-*",
            b"1-",
            b"-5",
            b" -1",
            b"1-2-3",
            b"1-2abc",
            b"1--5",
            b"5 -3",
            b"1-5 ",
            b"1-**",
            b"1-* ",
            b"1- *",
            b"0x1",
            b"1-0x1",
            b"+ 1",
            b"\0",
            b"-\0z",
            b"+-\0x",
            b"\xa01",
            b"18446744073709551616-0",
            b"1- -18446744073709551616",
            b"1--9223372036854775808",
            b"(1-1",
        ];
        for &text in cases {
            assert_eq!(StreamId::parse(text, 0), None, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn the_length_of_a_text_is_limited() {
        let zeros = |count| [vec![b'0'; count], b"7".to_vec()].concat();
        assert_eq!(StreamId::parse(&zeros(126), 0), Some(StreamId::new(7, 0)));
        assert_eq!(StreamId::parse(&zeros(127), 0), None);
        assert_eq!(
            parse_range_start(&[b"-\0".to_vec(), zeros(126)].concat()),
            Err(BoundError::InvalidId)
        );
    }

    #[test]
    fn xadd_takes_stars() {
        assert_eq!(NewId::parse(b"*"), Some(NewId::Automatic));
        assert_eq!(NewId::parse(b"5-*"), Some(NewId::AutomaticSequence(5)));
        assert_eq!(NewId::parse(b"1-*\0z"), Some(NewId::AutomaticSequence(1)));
        assert_eq!(NewId::parse(b"7"), Some(NewId::Given(StreamId::new(7, 0))));
        assert_eq!(NewId::parse(b" 1-1"), Some(NewId::Given(StreamId::new(1, 1))));
        for text in [&b"-"[..], b"+", b"$", b"**", b"*-1", b"1-**", b"*\0"] {
            assert_eq!(NewId::parse(text), None, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn xread_takes_its_signs() {
        assert_eq!(ReadFrom::parse(b"$"), Some(ReadFrom::Latest));
        assert_eq!(ReadFrom::parse(b"+"), Some(ReadFrom::LastEntry));
        assert_eq!(ReadFrom::parse(b">"), Some(ReadFrom::Undelivered));
        assert_eq!(ReadFrom::parse(b"5"), Some(ReadFrom::After(StreamId::new(5, 0))));
        for text in [&b"-"[..], b"*", b"x", b"> ", b"1-*"] {
            assert_eq!(ReadFrom::parse(text), None, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn bounds_of_ranges() {
        use BoundError::{EmptyInterval, InvalidId};
        let id = StreamId::new;
        assert_eq!(parse_range_start(b"-"), Ok(StreamId::MIN));
        assert_eq!(parse_range_end(b"+"), Ok(StreamId::MAX));
        assert_eq!(parse_range_start(b"+"), Ok(StreamId::MAX));
        assert_eq!(parse_range_start(b"-\0z"), Ok(StreamId::MIN));
        assert_eq!(parse_range_start(b"5"), Ok(id(5, 0)));
        assert_eq!(parse_range_end(b"5"), Ok(id(5, u64::MAX)));
        assert_eq!(parse_range_start(b"(5"), Ok(id(5, 1)));
        assert_eq!(parse_range_end(b"(5"), Ok(id(5, u64::MAX - 1)));
        assert_eq!(parse_range_start(b"(18446744073709551615"), Ok(id(u64::MAX, 1)));
        assert_eq!(parse_range_start(&[b"(", MAX_TEXT].concat()), Err(EmptyInterval));
        assert_eq!(parse_range_end(b"(0-0"), Err(EmptyInterval));
        assert_eq!(parse_range_end(b"(0"), Ok(id(0, u64::MAX - 1)));
        for text in [&b"(-"[..], b"(+", b"(", b"((1", b"x", b"*", b"1-*", b"(1-*", b""] {
            assert_eq!(parse_range_start(text), Err(InvalidId), "{}", text.escape_ascii());
            assert_eq!(parse_range_end(text), Err(InvalidId), "{}", text.escape_ascii());
        }
    }
}
