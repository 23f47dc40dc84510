//! Replies to bytes, in RESP2 and in RESP3.
//!
//! | reply | RESP2 | RESP3 |
//! |---|---|---|
//! | null, null array | `$-1`, `*-1` | `_` |
//! | map of n pairs | `*2n` | `%n` |
//! | set, push | `*n` | `~n`, `>n` |
//! | double | bulk | `,` |
//! | boolean | `:1` `:0` | `#t` `#f` |
//! | verbatim text | bulk | `=` |
//!
//! A command says what it means and never asks which protocol the client speaks. Nothing here goes
//! through the formatting machinery; a reply is a few appends to one vector.

use crate::limits::{REPLY_PORTION_BYTES, REPLY_VALUE_SHARED_BYTES_MIN};
use crate::reply_buffer::{Mark, ReplyBuffer};
use crate::shared_bytes::{BytesRef, SharedBytes};
use crate::text::ascii;
use crate::text::number::{
    digit_pair, fill_digits, i64_width, up_to_eight_digits, write_f64, write_i64,
};
use squint_sys::Room;
use std::slice::ChunksExact;

/// Which protocol a client speaks; HELLO changes it.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum Protocol {
    /// What every client begins with.
    #[default]
    Resp2,
    /// Asked for by `HELLO 3`.
    Resp3,
}

impl Protocol {
    /// What clients call it.
    #[must_use]
    pub const fn number(self) -> i64 {
        match self {
            Self::Resp2 => 2,
            Self::Resp3 => 3,
        }
    }
}

/// Marker, sign, twenty digits, CRLF.
const HEADER_BYTES_MAX: usize = 24;

/// Longest text of a double.
const DOUBLE_BYTES_MAX: usize = 32;

/// An aggregate whose header is written when its length is known.
#[must_use = "an aggregate without its header is not a reply"]
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Deferred(Mark);

/// A map under way, which counts its entries.
#[must_use = "a map without its header is not a reply"]
#[derive(Debug)]
pub struct CountedMap<'w, 'a> {
    reply: &'w mut Writer<'a>,
    header: Deferred,
    pairs: usize,
}

impl<'a> CountedMap<'_, 'a> {
    /// Begins an entry; its value is to be written next.
    pub fn entry(&mut self, name: &str) -> &mut Writer<'a> {
        self.pairs += 1;
        self.reply.bulk(name.as_bytes());
        self.reply
    }

    /// An entry of text.
    pub fn text(&mut self, name: &str, text: &str) {
        self.entry(name).bulk(text.as_bytes());
    }

    /// Writes the header, now that the number of entries is known.
    pub fn finish(self) {
        self.reply.finish_map(self.header, self.pairs);
    }
}

/// Writes the replies of one client.
#[derive(Debug)]
pub struct Writer<'a> {
    /// Where the bytes go.
    pub out: &'a mut ReplyBuffer,
    /// The protocol they are written in.
    pub protocol: Protocol,
}

impl<'a> Writer<'a> {
    /// A writer that appends to `out`.
    #[inline]
    pub fn new(out: &'a mut ReplyBuffer, protocol: Protocol) -> Self {
        Self { out, protocol }
    }

    /// `+OK`
    #[inline]
    pub fn ok(&mut self) {
        Room::new(self.out.tail(), 8).put_first(*b"+OK\r\n\0\0\0", 5);
    }

    /// `+text`; our own words, without a line end.
    #[inline(always)]
    pub fn simple(&mut self, text: &str) {
        debug_assert!(!text.contains(['\r', '\n']));
        let mut room = Room::new(self.out.tail(), text.len() + 3);
        room.put(b"+");
        room.put(text.as_bytes());
        room.put(b"\r\n");
    }

    /// `-text`, the code first (`ERR ...`). It may repeat bytes of the client: line ends behind it
    /// are dropped, and those in it become blanks.
    pub fn error(&mut self, text: &[u8]) {
        let end = text.iter().rposition(|byte| !b"\r\n".contains(byte)).map_or(0, |last| last + 1);
        let tail = self.out.tail();
        tail.push(b'-');
        ascii::line_safe(tail, &text[..end]);
        tail.extend_from_slice(b"\r\n");
    }

    /// `:value`
    #[inline]
    pub fn integer(&mut self, value: i64) {
        header(self.out.tail(), b':', value);
    }

    /// `$length` and the bytes.
    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        put_bulk(&mut Room::new(self.out.tail(), bulk_bytes_max(bytes)), bytes);
    }

    /// Bulks one behind the other, for an array whose header has been written: while there is room
    /// for more of them, nothing is asked twice.
    #[inline]
    pub fn bulks<'e>(&mut self, mut elements: impl Iterator<Item = &'e [u8]>) {
        let mut next = elements.next();
        while let Some(first) = next {
            let mut room = Room::new(self.out.tail(), bulk_bytes_max(first));
            while let Some(bytes) = next.filter(|bytes| room.has(bulk_bytes_max(bytes))) {
                put_bulk(&mut room, bytes);
                next = elements.next();
            }
        }
    }

    /// The same for elements of one length, whose header is made once.
    #[inline]
    pub fn bulks_alike(&mut self, mut elements: ChunksExact<'_, u8>) {
        let length = elements.clone().next().map_or(0, <[u8]>::len);
        let Some((header, header_bytes)) = short_header(b'$', length as u64) else {
            return self.bulks(elements);
        };
        let bulk_bytes = header_bytes + length + 2;
        while elements.len() > 0 {
            let count = elements.len().min(1 + REPLY_PORTION_BYTES / bulk_bytes);
            let mut room = Room::new(self.out.tail(), count * bulk_bytes + header.len());
            for element in elements.by_ref().take(count) {
                room.put_first(header, header_bytes);
                room.put(element);
                room.put(b"\r\n");
            }
        }
    }

    /// An integer as a bulk: `$2`, `42`.
    #[inline]
    pub fn bulk_integer(&mut self, value: i64) {
        let tail = self.out.tail();
        length(tail, b'$', i64_width(value));
        write_i64(tail, value);
        tail.extend_from_slice(b"\r\n");
    }

    /// A bulk: by reference if its bytes lie apart and are many, otherwise a copy.
    #[inline]
    pub fn bulk_ref(&mut self, bytes: BytesRef<'_>) {
        match bytes {
            BytesRef::Apart(bytes) if bytes.len() >= REPLY_VALUE_SHARED_BYTES_MIN => {
                self.bulk_shared(bytes.clone());
            }
            few_or_near => self.bulk(few_or_near.bytes()),
        }
    }

    /// A bulk whose bytes travel by reference when they are many.
    pub fn bulk_shared(&mut self, bytes: SharedBytes) {
        length(self.out.tail(), b'$', bytes.len());
        self.out.share(bytes);
        self.out.extend(b"\r\n");
    }

    /// No value: `$-1`, or `_`.
    #[inline]
    pub fn null(&mut self) {
        self.out.extend(self.pick(b"$-1\r\n", b"_\r\n"));
    }

    /// An entry of a map: a name and an integer.
    pub fn named(&mut self, name: &str, value: i64) {
        self.bulk(name.as_bytes());
        self.integer(value);
    }

    /// An entry of a map: a name and bytes.
    pub fn named_bulk(&mut self, name: &str, bytes: &[u8]) {
        self.bulk(name.as_bytes());
        self.bulk(bytes);
    }

    /// An entry of a map: a name, and an integer if there is one.
    pub fn named_or_null(&mut self, name: &str, value: Option<i64>) {
        self.bulk(name.as_bytes());
        match value {
            Some(value) => self.integer(value),
            None => self.null(),
        }
    }

    /// No array where one could have been: `*-1`, or `_`.
    #[inline]
    pub fn null_array(&mut self) {
        self.out.extend(self.pick(b"*-1\r\n", b"_\r\n"));
    }

    /// The header of an array of `count` replies, which must follow.
    #[inline]
    pub fn array(&mut self, count: usize) {
        length(self.out.tail(), b'*', count);
    }

    /// The header of a map of `pairs` keys, each followed by its value.
    #[inline]
    pub fn map(&mut self, pairs: usize) {
        let (marker, count) = self.map_header(pairs);
        length(self.out.tail(), marker, count);
    }

    /// The header of a set of `count` replies.
    #[inline]
    pub fn set(&mut self, count: usize) {
        let marker = self.pick(b'*', b'~');
        length(self.out.tail(), marker, count);
    }

    /// The header of an out-of-band message of `count` replies.
    #[inline]
    pub fn push(&mut self, count: usize) {
        let marker = self.pick(b'*', b'>');
        length(self.out.tail(), marker, count);
    }

    /// A double: a bulk, or `,`.
    pub fn double(&mut self, value: f64) {
        let mut text = Vec::with_capacity(DOUBLE_BYTES_MAX);
        write_f64(&mut text, value);
        if self.protocol == Protocol::Resp2 {
            return self.bulk(&text);
        }
        let tail = self.out.tail();
        tail.push(b',');
        tail.extend_from_slice(&text);
        tail.extend_from_slice(b"\r\n");
    }

    /// A truth value: `:1` `:0`, or `#t` `#f`.
    #[inline]
    pub fn boolean(&mut self, value: bool) {
        let bytes: &[u8] = match (self.protocol, value) {
            (Protocol::Resp2, true) => b":1\r\n",
            (Protocol::Resp2, false) => b":0\r\n",
            (Protocol::Resp3, true) => b"#t\r\n",
            (Protocol::Resp3, false) => b"#f\r\n",
        };
        self.out.extend(bytes);
    }

    /// Text for people to read; `extension` is its kind in three letters (`txt`, `mkd`).
    pub fn verbatim(&mut self, extension: &str, text: &[u8]) {
        if self.protocol == Protocol::Resp2 {
            return self.bulk(text);
        }
        debug_assert_eq!(extension.len(), 3);
        let tail = self.out.tail();
        tail.reserve(text.len() + HEADER_BYTES_MAX);
        length(tail, b'=', extension.len() + 1 + text.len());
        tail.extend_from_slice(extension.as_bytes());
        tail.push(b':');
        tail.extend_from_slice(text);
        tail.extend_from_slice(b"\r\n");
    }

    /// Begins an aggregate of unknown length. Write its elements, then finish it; inner ones
    /// before outer ones.
    #[inline]
    pub fn deferred(&mut self) -> Deferred {
        Deferred(self.out.mark())
    }

    /// Begins a map whose entries are counted as they come.
    pub fn counted_map(&mut self) -> CountedMap<'_, 'a> {
        let header = self.deferred();
        CountedMap { reply: self, header, pairs: 0 }
    }

    /// Makes what was written since `deferred` an array of `count` replies.
    pub fn finish_array(&mut self, deferred: Deferred, count: usize) {
        self.finish(deferred, b'*', count);
    }

    /// Makes what was written since `deferred` a map of `pairs` keys and values.
    pub fn finish_map(&mut self, deferred: Deferred, pairs: usize) {
        let (marker, count) = self.map_header(pairs);
        self.finish(deferred, marker, count);
    }

    /// Makes what was written since `deferred` a set of `count` replies.
    pub fn finish_set(&mut self, deferred: Deferred, count: usize) {
        self.finish(deferred, self.pick(b'*', b'~'), count);
    }

    fn finish(&mut self, deferred: Deferred, marker: u8, count: usize) {
        let mut bytes = Vec::with_capacity(HEADER_BYTES_MAX);
        length(&mut bytes, marker, count);
        self.out.insert_at(deferred.0, &bytes);
    }

    #[inline]
    fn map_header(&self, pairs: usize) -> (u8, usize) {
        self.pick((b'*', pairs * 2), (b'%', pairs))
    }

    #[inline]
    fn pick<T>(&self, resp2: T, resp3: T) -> T {
        match self.protocol {
            Protocol::Resp2 => resp2,
            Protocol::Resp3 => resp3,
        }
    }
}

/// Appends a marker, a signed number and CRLF.
#[inline]
fn header(out: &mut Vec<u8>, marker: u8, value: i64) {
    let mut room = Room::new(out, HEADER_BYTES_MAX);
    match u64::try_from(value) {
        Ok(value @ 10_000..=99_999_999) => put_eight_digits(&mut room, marker, value as u32),
        Ok(value) => put_header(&mut room, marker, value),
        Err(_) => put_long_header(&mut room, marker, true, value.unsigned_abs()),
    }
}

/// Appends a marker, a length and CRLF.
#[inline]
fn length(out: &mut Vec<u8>, marker: u8, value: usize) {
    put_header(&mut Room::new(out, HEADER_BYTES_MAX), marker, value as u64);
}

/// Bytes that a bulk takes at most. A slice is no longer than half of all addresses: the sum cannot
/// overflow, and to check that it does not would cost LRANGE five instructions for each element.
#[inline(always)]
fn bulk_bytes_max(bytes: &[u8]) -> usize {
    bytes.len().wrapping_add(HEADER_BYTES_MAX + 2)
}

/// Puts a bulk where there is room.
#[inline(always)]
fn put_bulk(room: &mut Room<'_>, bytes: &[u8]) {
    put_header(room, b'$', bytes.len() as u64);
    room.put(bytes);
    room.put(b"\r\n");
}

/// Puts a marker, a number and CRLF where there is room. Most numbers in replies have up to four
/// digits: these leave as one word.
#[inline(always)]
fn put_header(room: &mut Room<'_>, marker: u8, value: u64) {
    match short_header(marker, value) {
        Some((word, count)) => room.put_first(word, count),
        None => put_long_header(room, marker, false, value),
    }
}

/// A marker, a number of up to four digits, and CRLF: the first so many of eight bytes.
#[inline(always)]
fn short_header(marker: u8, value: u64) -> Option<([u8; 8], usize)> {
    match value {
        0..=9 => Some(([marker, b'0' + value as u8, b'\r', b'\n', 0, 0, 0, 0], 4)),
        10..=99 => {
            let [tens, ones] = digit_pair(value);
            Some(([marker, tens, ones, b'\r', b'\n', 0, 0, 0], 5))
        }
        100..=999 => {
            let ([_, hundreds], [tens, ones]) = (digit_pair(value / 100), digit_pair(value % 100));
            Some(([marker, hundreds, tens, ones, b'\r', b'\n', 0, 0], 6))
        }
        1000..=9999 => {
            let ([thousands, hundreds], [tens, ones]) =
                (digit_pair(value / 100), digit_pair(value % 100));
            Some(([marker, thousands, hundreds, tens, ones, b'\r', b'\n', 0], 7))
        }
        _ => None,
    }
}

/// Puts a marker, a number of five to eight digits, and CRLF: counters, and lengths of lists.
fn put_eight_digits(room: &mut Room<'_>, marker: u8, value: u32) {
    let (digits, count) = up_to_eight_digits(value);
    room.put(&[marker]);
    room.put_first(digits, count);
    room.put(b"\r\n");
}

/// Puts the rest.
#[inline(always)]
fn put_long_header(room: &mut Room<'_>, marker: u8, is_negative: bool, value: u64) {
    let (text, start) = long_header(marker, is_negative, value);
    room.put(&text[start..]);
}

/// Written from behind: where it begins in the bytes.
#[cold]
fn long_header(marker: u8, is_negative: bool, value: u64) -> ([u8; HEADER_BYTES_MAX], usize) {
    let mut text = [b'\n'; HEADER_BYTES_MAX];
    let digits_end = HEADER_BYTES_MAX - 2;
    text[digits_end] = b'\r';
    let mut start = fill_digits(&mut text[..digits_end], value);
    if is_negative {
        start -= 1;
        text[start] = b'-';
    }
    start -= 1;
    text[start] = marker;
    (text, start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::REPLY_SHARED_BYTES_MIN;
    use arrayvec::ArrayVec;

    fn written(protocol: Protocol, write: impl Fn(&mut Writer)) -> Vec<u8> {
        let mut out = ReplyBuffer::new();
        write(&mut Writer::new(&mut out, protocol));
        let mut slices = ArrayVec::new();
        out.slices(&mut slices);
        slices.iter().flat_map(|slice| slice.to_vec()).collect()
    }

    /// The answer must be the first in RESP2 and the second in RESP3.
    fn check(resp2: &[u8], resp3: &[u8], write: impl Fn(&mut Writer)) {
        for (protocol, expected) in [(Protocol::Resp2, resp2), (Protocol::Resp3, resp3)] {
            let bytes = written(protocol, &write);
            let shown = String::from_utf8_lossy(&bytes);
            assert_eq!(bytes, expected, "{protocol:?}: {shown:?}");
        }
    }

    #[test]
    fn numbers_of_every_length_are_written_whole() {
        let powers = (0..19).map(|power| 10_i64.pow(power));
        let near = powers.flat_map(|power| [power - 1, power, power + 1, 2 * (power / 3)]);
        let ends = [0, 1234, 5060, i64::MAX, i64::MIN];
        for number in near.flat_map(|number| [number, -number]).chain(ends) {
            let expected = format!(":{number}\r\n");
            assert_eq!(written(Protocol::Resp2, |w| w.integer(number)), expected.as_bytes());
        }
        for length in [0, 9, 10, 99, 100, 999, 1000, 9999, 10_000] {
            let expected = format!("${length}\r\n{}\r\n", "b".repeat(length));
            let bulk = written(Protocol::Resp2, |w| w.bulk(&vec![b'b'; length]));
            assert!(bulk == expected.as_bytes(), "a bulk of {length} bytes");
        }
    }

    /// What redis-server answers to DEBUG PROTOCOL, type by type.
    #[test]
    fn every_type_is_what_redis_sends() {
        check(b"$11\r\nHello World\r\n", b"$11\r\nHello World\r\n", |w| w.bulk(b"Hello World"));
        check(b":12345\r\n", b":12345\r\n", |w| w.integer(12345));
        check(b"$4\r\n3.25\r\n", b",3.25\r\n", |w| w.double(3.25));
        check(b"$-1\r\n", b"_\r\n", |w| w.null());
        check(b"*3\r\n", b"*3\r\n", |w| w.array(3));
        check(b"*3\r\n", b"~3\r\n", |w| w.set(3));
        check(b"*6\r\n", b"%3\r\n", |w| w.map(3));
        check(b"*2\r\n", b">2\r\n", |w| w.push(2));
        check(b":1\r\n", b"#t\r\n", |w| w.boolean(true));
        check(b":0\r\n", b"#f\r\n", |w| w.boolean(false));
        check(
            b"$25\r\nThis is a verbatim\nstring\r\n",
            b"=29\r\ntxt:This is a verbatim\nstring\r\n",
            |w| w.verbatim("txt", b"This is a verbatim\nstring"),
        );
    }

    #[test]
    fn bulks_of_one_length_are_bulks() {
        let bytes = vec![b'x'; 99 * 700];
        for (length, count) in [(1, 3), (9, 700), (16, 100), (99, 700), (100, 3), (4_000, 17)] {
            let elements = bytes[..length * count].chunks_exact(length);
            let plain = written(Protocol::Resp2, |w| elements.clone().for_each(|e| w.bulk(e)));
            assert!(written(Protocol::Resp2, |w| w.bulks(elements.clone())) == plain);
            assert!(written(Protocol::Resp3, |w| w.bulks_alike(elements.clone())) == plain);
        }
        assert!(written(Protocol::Resp2, |w| w.bulks_alike([].chunks_exact(5))).is_empty());
    }

    #[test]
    fn the_rest_of_the_types() {
        check(b"+OK\r\n", b"+OK\r\n", |w| w.ok());
        check(b"+PONG\r\n", b"+PONG\r\n", |w| w.simple("PONG"));
        check(b"*-1\r\n", b"_\r\n", |w| w.null_array());
        check(b":-9223372036854775808\r\n", b":-9223372036854775808\r\n", |w| w.integer(i64::MIN));
        check(b"$2\r\n-7\r\n", b"$2\r\n-7\r\n", |w| w.bulk_integer(-7));
        check(b"$2\r\n10\r\n", b"$2\r\n10\r\n", |w| w.bulk_integer(10));
        check(b"$0\r\n\r\n", b"$0\r\n\r\n", |w| w.bulk(b""));
        check(b"*1048576\r\n", b"*1048576\r\n", |w| w.array(1 << 20));
        check(b"$3\r\ninf\r\n", b",inf\r\n", |w| w.double(f64::INFINITY));
    }

    #[test]
    fn an_error_cannot_smuggle_a_second_reply() {
        let expected = b"-ERR unknown command 'FO  O', with args beginning with: 'a  +OK' \r\n";
        check(expected, expected, |w| {
            w.error(b"ERR unknown command 'FO\r\nO', with args beginning with: 'a\r\n+OK' ");
        });
    }

    #[test]
    fn a_shared_bulk_reads_like_any_other() {
        for len in [3, REPLY_SHARED_BYTES_MIN, 100_000] {
            let bytes = SharedBytes::new(vec![b'm'; len]);
            let copied = written(Protocol::Resp2, |w| w.bulk(&bytes));
            let shared = written(Protocol::Resp2, |w| w.bulk_shared(bytes.clone()));
            let apart = written(Protocol::Resp2, |w| w.bulk_ref(BytesRef::Apart(&bytes)));
            let near = written(Protocol::Resp2, |w| w.bulk_ref(BytesRef::Near(&bytes)));
            assert!(copied == shared && copied == apart && copied == near);
        }
    }

    #[test]
    fn bulks_read_like_single_ones() {
        let long = [7; 70_000];
        let elements = [&b""[..], b"a", &long, b"b", &long[..100], &long, b"c"].repeat(20);
        let singly = written(Protocol::Resp2, |w| elements.iter().for_each(|e| w.bulk(e)));
        let together = written(Protocol::Resp2, |w| w.bulks(elements.iter().copied()));
        assert!(singly == together);
    }

    #[test]
    fn deferred_headers_nest() {
        let expected = b"%1\r\n$1\r\ns\r\n*2\r\n:1\r\n*0\r\n+x\r\n";
        let bytes = written(Protocol::Resp3, |w| {
            let map = w.deferred();
            w.bulk(b"s");
            let list = w.deferred();
            w.integer(1);
            let nothing = w.deferred();
            w.finish_array(nothing, 0);
            w.finish_array(list, 2);
            w.finish_map(map, 1);
            w.simple("x");
        });
        assert_eq!(bytes, expected);
    }
}
