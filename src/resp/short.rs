//! The short way: whole requests of few and short arguments, which nearly every one is, read by
//! their shape.
//!
//! A header line is looked at as one word, and so is the beginning of a request that may be like
//! the one before it. Whatever is cut, long, or wrong in any way goes the long way (`parser.rs`),
//! and finds that nothing has happened.

use super::request::Span;
use crate::limits::REQUEST_BYTES_MAX;

/// Reads a whole request of at most 99 arguments of at most 99 bytes: the bytes it took.
#[inline]
pub(super) fn short_request(input: &[u8], spans: &mut Vec<Span>) -> Option<usize> {
    let (count, position) = short_line(input, b'*')?;
    let end = short_bulks(input, position, count, spans)?;
    (count > 0).then_some(end)
}

/// Reads `count` whole bulks, the first of them at `position`: the offset behind the last.
#[inline(always)]
fn short_bulks(
    input: &[u8],
    mut position: usize,
    count: usize,
    spans: &mut Vec<Span>,
) -> Option<usize> {
    let first = spans.len();
    for _ in 0..count {
        let Some((span, end)) = short_bulk(input, position) else {
            spans.truncate(first);
            return None;
        };
        spans.push(span);
        position = end;
    }
    Some(position)
}

/// A whole bulk of at most 99 bytes at `position`: where its body lies, and the offset behind it.
#[inline(always)]
pub(super) fn short_bulk(input: &[u8], position: usize) -> Option<(Span, usize)> {
    let bulk = input.get(position..)?;
    let (len, header) = short_line(bulk, b'$')?;
    let end = header + len;
    let is_whole = bulk.get(end..end + 2) == Some(b"\r\n");
    let behind = position + end + 2;
    let is_in_range = behind as u64 <= REQUEST_BYTES_MAX;
    (is_whole && is_in_range).then(|| (Span::within_limit(position + header, len), behind))
}

/// Reads a header line of one digit or two: its number and its bytes.
///
/// ```text
///   byte     0       1     2    3    4
///            marker  digit CR   LF            one digit
///            marker  digit digit CR   LF      two digits, the first not 0
/// ```
#[inline(always)]
fn short_line(line: &[u8], marker: u8) -> Option<(usize, usize)> {
    let word = u32::from_le_bytes(*line.first_chunk()?);
    let first = (word >> 8 & 0xff).wrapping_sub(u32::from(b'0'));
    if word & 0xffff_00ff == u32::from_le_bytes([marker, 0, b'\r', b'\n']) {
        return (first <= 9).then_some((first as usize, 4));
    }
    let second = (word >> 16 & 0xff).wrapping_sub(u32::from(b'0'));
    let is_line = word & 0xff00_00ff == u32::from_le_bytes([marker, 0, 0, b'\r'])
        && line.get(4) == Some(&b'\n');
    let are_digits = (1..=9).contains(&first) && second <= 9;
    (is_line && are_digits).then(|| ((first * 10 + second) as usize, 5))
}

/// Bytes of a head that are compared as one word.
const WORD_BYTES: usize = size_of::<u128>();

/// How a request begins: how many arguments it has, and the first, the command's name. Most
/// pipelines say the same again and again, and a request that begins like the one before it is
/// known that far without being read.
///
/// ```text
///   *  2 CRLF $ 3 CRLF G E T CRLF   $ 5 CRLF k e y : 1 CRLF
///      `------ the word ---------'  the arguments behind it are read one by one
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// Up to 16 bytes behind the `*`; zero where the head is shorter.
    word: u128,
    /// Which bits of the word are the head's.
    mask: u128,
    name: Span,
    /// Arguments of the request, the name included.
    count: usize,
    /// Of the head, in bytes.
    len: usize,
}

impl Head {
    /// How the whole request at the start of `input` begins, in which these arguments were found.
    /// `None`: by more than fits into a word, or it is an inline request.
    #[inline]
    #[must_use]
    pub fn of(input: &[u8], arguments: &[Span]) -> Option<Self> {
        let (&name, &[b'*', ref behind @ ..]) = (arguments.first()?, input) else { return None };
        let word_bytes = name.range_from(0).end.checked_add(1)?;
        let mask = u128::MAX.checked_shr(8 * WORD_BYTES.checked_sub(word_bytes)? as u32)?;
        let word = u128::from_le_bytes(*behind.first_chunk()?) & mask;
        Some(Self { word, mask, name, count: arguments.len(), len: word_bytes + 1 })
    }

    /// Arguments of the request, the name included.
    #[inline]
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Whether `input` begins like this.
    #[inline(always)]
    fn begins(&self, input: &[u8]) -> bool {
        match input {
            [b'*', behind @ ..] => behind
                .first_chunk()
                .is_some_and(|word| u128::from_le_bytes(*word) & self.mask == self.word),
            _ => false,
        }
    }

    /// Reads the whole request at the start of `input`, if it begins like this and goes on with
    /// short arguments: the bytes it took.
    #[inline]
    pub fn read_like(&self, input: &[u8], spans: &mut Vec<Span>) -> Option<usize> {
        if !self.begins(input) {
            return None;
        }
        spans.push(self.name);
        let end = short_bulks(input, self.len, self.count - 1, spans);
        if end.is_none() {
            spans.pop();
        }
        end
    }
}

/// A request that [`Head::read_like`] has read. One that begins alike, and whose arguments are as
/// long, has them in the same places: then only what stands between them is looked at.
///
/// ```text
///   *3 CRLF $3 CRLF SET CRLF $5 CRLF key:1 CRLF $2 CRLF v1 CRLF
///   *3 CRLF $3 CRLF SET CRLF $5 CRLF key:2 CRLF $2 CRLF v2 CRLF
///   `------- head ---------' `-----'       `----------'    `--'
///                        `----- eight bytes      `--- eight bytes, up to the argument
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Sample<'i> {
    bytes: &'i [u8],
    /// Where its spans begin among all that have been noted.
    spans_start: usize,
}

impl<'i> Sample<'i> {
    /// The request of these bytes, whose spans are those from `spans_start` on.
    #[inline]
    #[must_use]
    pub const fn new(bytes: &'i [u8], spans_start: usize) -> Self {
        Self { bytes, spans_start }
    }

    /// The bytes of the whole request at the start of `input`, if it is laid out like this one,
    /// which begins with `head`: then this one's spans are its too.
    #[inline(always)]
    pub fn length_of_alike(&self, head: &Head, input: &[u8], spans: &[Span]) -> Option<usize> {
        let request = input.get(..self.bytes.len())?;
        let arguments = spans.get(self.spans_start..self.spans_start + head.count)?;
        let is_alike = head.begins(input)
            && request.ends_with(b"\r\n")
            && arguments[1..].iter().all(|span| self.is_preceded_alike(request, *span));
        is_alike.then_some(request.len())
    }

    /// Whether the same stands in front of an argument: the end of the line before, and its header.
    #[inline(always)]
    fn is_preceded_alike(&self, request: &[u8], argument: Span) -> bool {
        let end = argument.start as usize;
        let word = |bytes: &[u8]| {
            let before = bytes.get(..end)?.last_chunk()?;
            Some(u64::from_le_bytes(*before))
        };
        // CR LF $ digit CR LF are six bytes, with a second digit seven. What stands before them
        // belongs to the argument before.
        let others = if argument.len > 9 { 8 } else { 16 };
        match (word(request), word(self.bytes)) {
            (Some(one), Some(other)) => (one ^ other) >> others == 0,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arbtest::arbitrary::{Result, Unstructured};

    const GET: &[u8] = b"*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n";

    fn head_of(input: &[u8]) -> Option<Head> {
        let mut spans = Vec::new();
        short_request(input, &mut spans)?;
        Head::of(input, &spans)
    }

    #[test]
    fn a_request_like_the_one_before_is_read_as_any_other() {
        let head = head_of(GET).expect("it is short");
        let other = b"*2\r\n$3\r\nGET\r\n$11\r\nanother key\r\n*1";
        let (mut like, mut plain) = (Vec::new(), Vec::new());
        let consumed = head.read_like(other, &mut like);
        assert_eq!(consumed, short_request(other, &mut plain));
        assert_eq!((consumed, like), (Some(31), plain));
    }

    fn arbitrary_request(u: &mut Unstructured) -> Result<Vec<u8>> {
        let count = u.int_in_range(1..=3)?;
        let mut request = format!("*{count}\r\n").into_bytes();
        for _ in 0..count {
            let word = u.choose(&["GET", "SET", "PUBLISH", "", "k", "SMEMBERS", "0123456789"])?;
            request.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
        }
        request.resize(request.len() + u.int_in_range(0..=20)?, b' ');
        if u.ratio(1, 4)? {
            let index = u.choose_index(request.len())?;
            request[index] = u.arbitrary()?;
        }
        Ok(request)
    }

    #[test]
    fn reading_one_like_another_never_differs_from_reading_it() {
        arbtest::arbtest(|u| {
            let (first, second) = (arbitrary_request(u)?, arbitrary_request(u)?);
            let Some(head) = head_of(&first) else { return Ok(()) };
            let (mut like, mut plain) = (Vec::new(), Vec::new());
            if let Some(consumed) = head.read_like(&second, &mut like) {
                assert_eq!(Some(consumed), short_request(&second, &mut plain));
            }
            assert_eq!(like, plain, "{} {}", first.escape_ascii(), second.escape_ascii());
            Ok(())
        });
    }

    #[test]
    fn reading_one_by_the_layout_of_another_never_differs_from_reading_it() {
        arbtest::arbtest(|u| {
            let first = arbitrary_request(u)?;
            let (mut spans, mut plain) = (Vec::new(), Vec::new());
            let Some(length) = short_request(&first, &mut spans) else { return Ok(()) };
            let Some(head) = Head::of(&first, &spans) else { return Ok(()) };
            let sample = Sample::new(&first[..length], 0);
            let mut second = if u.arbitrary()? { first.clone() } else { arbitrary_request(u)? };
            for _ in 0..u.int_in_range(0..=2)? {
                let index = u.choose_index(second.len())?;
                second[index] = *u.choose(b"0123456789abc$*\r\n")?;
            }
            if let Some(length) = sample.length_of_alike(&head, &second, &spans) {
                let (shown, other) = (first.escape_ascii(), second.escape_ascii());
                assert_eq!(Some(length), short_request(&second, &mut plain), "{shown} {other}");
                assert_eq!(spans, plain, "{shown} {other}");
            }
            Ok(())
        });
    }

    #[test]
    fn one_of_the_same_layout_has_the_same_spans() {
        let first = b"*3\r\n$3\r\nSET\r\n$5\r\nkey:1\r\n$12\r\ntwelve bytes\r\n";
        let mut spans = Vec::new();
        assert_eq!(short_request(first, &mut spans), Some(first.len()));
        let head = Head::of(first, &spans).expect("it is short");
        let sample = Sample::new(first, 0);
        let length_of = |second: &[u8]| sample.length_of_alike(&head, second, &spans);
        let others = b"*3\r\n$3\r\nSET\r\n$5\r\n\r\n$12\r\n$12\r\n$12\r\nkey:1\r\n\r\n*1";
        assert_eq!(length_of(others), Some(first.len()));
        for index in 0..first.len() {
            let mut second = first.to_vec();
            second[index] ^= 1;
            let is_in_argument = spans[1..].iter().any(|span| span.range_from(0).contains(&index));
            assert_eq!(length_of(&second).is_some(), is_in_argument, "{}", second.escape_ascii());
            assert_eq!(length_of(&first[..index]), None);
        }
    }

    #[test]
    fn one_that_begins_otherwise_or_is_cut_is_left_alone() {
        let head = head_of(GET).expect("it is short");
        let others: [&[u8]; 6] = [
            b"*2\r\n$3\r\nget\r\n$3\r\nkey\r\n",
            b"*3\r\n$3\r\nGET\r\n$3\r\nkey\r\n$3\r\nkey\r\n",
            b"*2\r\n$3\r\nGET\r\n$3\r\nkeys\r\n",
            b"*2\r\n$4\r\nGETS\r\n$3\r\nkey\r\n",
            b"2*\r\n$3\r\nGET\r\n$3\r\nkey\r\n",
            b"",
        ];
        let cut = (1..GET.len()).map(|len| &GET[..len]);
        let mut spans = vec![Span::within_limit(1, 2)];
        for input in others.into_iter().chain(cut) {
            assert_eq!(head.read_like(input, &mut spans), None, "{}", input.escape_ascii());
            assert_eq!(spans.len(), 1);
        }
    }

    #[test]
    fn a_head_fits_into_a_word_or_is_none() {
        let with_name = |name: &str| {
            format!("*2\r\n${}\r\n{name}\r\n$10\r\n0123456789\r\n", name.len()).into_bytes()
        };
        assert!(head_of(&with_name("publish")).is_some());
        assert!(head_of(&with_name("smembers")).is_none());
        assert!(head_of(&with_name("")).is_some());
        assert!(Head::of(b"PING\r\n                ", &[Span::within_limit(0, 4)]).is_none());
        assert!(Head::of(GET, &[]).is_none());
    }
}
