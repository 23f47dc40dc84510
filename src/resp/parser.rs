//! Bytes of one client to the arguments of its requests, in place and bit by bit.
//!
//! ```text
//!  *2 CRLF  $4 CRLF ECHO CRLF  $2 CRLF hi CRLF
//!  count    bulk    body       bulk    body        -> spans (8,4) (18,2)
//! ```
//!
//! A request is never parsed twice. Whole in the buffer, it takes one pass and no memory; cut, the
//! parser keeps the spans found so far and the place it has come to, and the next call goes on from
//! there. So a million arguments sent byte by byte cost a million steps, and memory grows with the
//! bytes received: a header's promise of two thousand million arguments, or of half a gigabyte,
//! allocates nothing.
//!
//! A large bulk that has not come whole leaves the input: its bytes are received into the
//! allocation that will hold them ([`Parser::room`], `incoming.rs`), and its span says that it lies
//! apart. The input goes on behind it as if the bulk had taken no bytes there.
//!
//! Stricter than Redis, each for a reason given in [`ProtocolError`]: every line and every bulk
//! ends in CRLF, and a byte that is not the `$` of a bulk is refused as soon as it is seen.

use super::error::ProtocolError;
use super::incoming::IncomingBulk;
use super::inline;
use super::request::Span;
use super::short::{short_bulk, short_request};
use crate::limits::{
    INPUT_BULK_APART_BYTES_MIN, REQUEST_ARGUMENTS_MAX, REQUEST_BYTES_MAX, REQUEST_LINE_BYTES_MAX,
    UNAUTHENTICATED_ARGUMENTS_MAX, UNAUTHENTICATED_BULK_BYTES_MAX,
};
use crate::shared_bytes::SharedBytes;
use crate::text::number::parse_i64;
use static_assertions::const_assert;

/// What a client may send; given with every call, for AUTH and CONFIG SET change it.
#[derive(Copy, Clone, Debug)]
pub struct ParserLimits {
    /// Longest argument, in bytes (`proto-max-bulk-len`).
    pub bulk_bytes_max: u64,
    /// False as long as the client owes a password: then only a few short arguments are taken.
    pub authenticated: bool,
}

/// What one call found at the start of the input.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Parsed {
    /// A whole request of `consumed` bytes; its spans have been appended, and its bulks if any.
    Request {
        /// Bytes of input it took.
        consumed: usize,
    },
    /// No request but bytes to drop: a blank line, `*0`, `*-1`.
    Empty {
        /// Bytes of input to drop.
        consumed: usize,
    },
    /// The request goes on behind the input.
    Incomplete {
        /// Bytes to drop from the end of the input: the beginning of a bulk that lies apart.
        taken: usize,
    },
}

/// The parser of one connection. A fresh one and one between requests hold no memory.
#[derive(Debug, Default)]
pub struct Parser {
    partial: Option<Box<Partial>>,
    /// Bytes of the current line known to hold no line end, so they are not searched again.
    scanned: u32,
}

const_assert!(size_of::<Parser>() <= 24);
const_assert!(REQUEST_LINE_BYTES_MAX < u32::MAX as usize);

/// A request cut behind its `*` line.
#[derive(Debug)]
struct Partial {
    spans: Vec<Span>,
    /// Arguments found that lie apart.
    bulks: Vec<SharedBytes>,
    /// The next one, while it is being received.
    incoming: Option<IncomingBulk>,
    progress: Progress,
}

impl Partial {
    fn apart_bytes(&self) -> usize {
        let whole: usize = self.bulks.iter().map(|bulk| bulk.len()).sum();
        whole + self.incoming.as_ref().map_or(0, IncomingBulk::received)
    }

    fn heap_bytes(&self) -> usize {
        size_of::<Self>()
            + self.spans.capacity() * size_of::<Span>()
            + self.bulks.capacity() * size_of::<SharedBytes>()
            + self.apart_bytes()
    }
}

/// How far into a request the parser has come.
#[derive(Debug, Copy, Clone)]
struct Progress {
    /// Arguments not yet found whole.
    arguments_left: i64,
    /// Offset of the next `$`, or of the body when `body_len` is known.
    position: usize,
    /// Length of the bulk whose header has been read.
    body_len: Option<usize>,
    /// Bytes by which the input falls short of that bulk's end.
    body_lacking: usize,
}

impl Parser {
    /// Reads one request from `input`, which is all bytes of the client not yet consumed.
    ///
    /// After `Incomplete` the next call must bring the same bytes (but for those taken) and more
    /// behind them, at any address; but while there is [`Parser::room`], what comes goes there.
    /// Spans are offsets into `input`, or name one of `bulks`; both are appended only with a whole
    /// request. An inline request is decoded in place. After an error the client must be closed.
    #[inline]
    pub fn next(
        &mut self,
        input: &mut [u8],
        spans: &mut Vec<Span>,
        bulks: &mut Vec<SharedBytes>,
        limits: &ParserLimits,
    ) -> Result<Parsed, ProtocolError> {
        if limits.authenticated
            && self.is_idle()
            && let Some(consumed) = short_request(input, spans)
        {
            return Ok(Parsed::Request { consumed });
        }
        self.next_of_any_kind(input, spans, bulks, limits)
    }

    /// The same by the whole rule.
    fn next_of_any_kind(
        &mut self,
        input: &mut [u8],
        spans: &mut Vec<Span>,
        bulks: &mut Vec<SharedBytes>,
        limits: &ParserLimits,
    ) -> Result<Parsed, ProtocolError> {
        if let Some(partial) = self.partial.take() {
            return self.resume(partial, input, (spans, bulks), limits);
        }
        match input.first() {
            Some(b'*') => self.next_multibulk(input, spans, limits),
            Some(_) => self.next_inline(input, spans),
            None => Ok(Parsed::Incomplete { taken: 0 }),
        }
    }

    /// Where the next bytes of the client go, and how many at most, while a bulk is received that
    /// lies apart.
    #[inline]
    pub fn room(&mut self) -> Option<(&mut Vec<u8>, usize)> {
        self.partial.as_mut()?.incoming.as_mut()?.room()
    }

    /// Bytes received of the request at hand that lie apart from the input.
    pub fn apart_bytes(&self) -> usize {
        self.partial.as_ref().map_or(0, |partial| partial.apart_bytes())
    }

    /// How many bytes the bulk at the end of the input still lacks, its line end included; 0 when
    /// unknown. A hint for growing the buffer in one step, worth as little as the client's word.
    pub fn bytes_wanted(&self) -> usize {
        self.partial.as_ref().map_or(0, |partial| partial.progress.body_lacking)
    }

    /// True between requests: nothing has been seen of the next one.
    pub fn is_idle(&self) -> bool {
        self.partial.is_none() && self.scanned == 0
    }

    /// Bytes of heap held for a request that is not whole yet.
    #[inline]
    pub fn heap_bytes(&self) -> usize {
        self.partial.as_ref().map_or(0, |partial| partial.heap_bytes())
    }

    fn next_multibulk(
        &mut self,
        input: &[u8],
        spans: &mut Vec<Span>,
        limits: &ParserLimits,
    ) -> Result<Parsed, ProtocolError> {
        let Some((count, position)) = Line::Count.read(input, 0, &mut self.scanned)? else {
            return Ok(Parsed::Incomplete { taken: 0 });
        };
        if count > REQUEST_ARGUMENTS_MAX {
            return Err(ProtocolError::CountInvalid);
        }
        if count > UNAUTHENTICATED_ARGUMENTS_MAX && !limits.authenticated {
            return Err(ProtocolError::CountUnauthenticated);
        }
        if count <= 0 {
            return Ok(Parsed::Empty { consumed: position });
        }
        let mut progress =
            Progress { arguments_left: count, position, body_len: None, body_lacking: 0 };
        let first = spans.len();
        match progress.advance(input, spans, &mut self.scanned, limits) {
            Ok(true) => Ok(Parsed::Request { consumed: progress.position }),
            Ok(false) => {
                let spans = spans.split_off(first);
                let partial = Partial { spans, bulks: Vec::new(), incoming: None, progress };
                Ok(self.keep(Box::new(partial), input))
            }
            Err(error) => {
                spans.truncate(first);
                Err(error)
            }
        }
    }

    /// Goes on with a request that was cut. Dropping `partial` on an error is all the cleaning up
    /// there is.
    fn resume(
        &mut self,
        mut partial: Box<Partial>,
        input: &[u8],
        (spans, bulks): (&mut Vec<Span>, &mut Vec<SharedBytes>),
        limits: &ParserLimits,
    ) -> Result<Parsed, ProtocolError> {
        let Partial { spans: found, bulks: whole, incoming, progress } = &mut *partial;
        assert!(progress.position <= input.len(), "input came back shorter than it was");
        if let Some(bulk) = incoming.take_if(|bulk| bulk.is_whole() != Ok(false)) {
            bulk.is_whole()?;
            found.push(Span::apart(whole.len()));
            whole.push(bulk.into_body());
            progress.body_len = None;
            progress.arguments_left -= 1;
        }
        if incoming.is_some() || !progress.advance(input, found, &mut self.scanned, limits)? {
            return Ok(self.keep(partial, input));
        }
        let others = bulks.len();
        bulks.append(whole);
        spans.extend(found.iter().map(|span| span.behind(others)));
        Ok(Parsed::Request { consumed: progress.position })
    }

    /// Keeps a request until more has come; a large bulk leaves the input.
    fn keep(&mut self, mut partial: Box<Partial>, input: &[u8]) -> Parsed {
        let body = &input[partial.progress.position..];
        let taken = match (&partial.incoming, partial.progress.body_len) {
            (None, Some(len)) if len >= INPUT_BULK_APART_BYTES_MIN => {
                partial.incoming = Some(IncomingBulk::new(body, len));
                partial.progress.body_lacking = 0;
                body.len()
            }
            (Some(_), _) => {
                assert!(body.is_empty(), "bytes of a bulk came where it is not");
                0
            }
            _ => 0,
        };
        self.partial = Some(partial);
        Parsed::Incomplete { taken }
    }

    fn next_inline(
        &mut self,
        input: &mut [u8],
        spans: &mut Vec<Span>,
    ) -> Result<Parsed, ProtocolError> {
        let window = &input[..input.len().min(REQUEST_LINE_BYTES_MAX + 1)];
        let scanned = self.scanned as usize;
        let Some(found) = memchr::memchr(b'\n', &window[scanned..]) else {
            if window.len() > REQUEST_LINE_BYTES_MAX {
                return Err(ProtocolError::InlineTooBig);
            }
            self.scanned = window.len() as u32;
            return Ok(Parsed::Incomplete { taken: 0 });
        };
        self.scanned = 0;
        let line_end = scanned + found;
        let consumed = line_end + 1;
        let line = match &mut input[..line_end] {
            [line @ .., b'\r'] => line,
            line => line,
        };
        let first = spans.len();
        if let Err(error) = inline::split(line, spans) {
            spans.truncate(first);
            return Err(error);
        }
        let empty = spans.len() == first;
        Ok(if empty { Parsed::Empty { consumed } } else { Parsed::Request { consumed } })
    }
}

impl Progress {
    /// Finds arguments until the request is whole (true) or the input ends (false).
    fn advance(
        &mut self,
        input: &[u8],
        spans: &mut Vec<Span>,
        scanned: &mut u32,
        limits: &ParserLimits,
    ) -> Result<bool, ProtocolError> {
        while self.arguments_left > 0 {
            if self.body_len.is_none()
                && let Some((span, position)) = short_bulk(input, self.position)
            {
                spans.push(span);
                (self.position, *scanned) = (position, 0);
                self.arguments_left -= 1;
                continue;
            }
            let Some(len) = self.bulk_header(input, scanned, limits)? else {
                return Ok(false);
            };
            if !self.bulk_is_whole(input, len)? {
                return Ok(false);
            }
            spans.push(Span::new(self.position, len));
            self.position += len + 2;
            self.body_len = None;
            self.arguments_left -= 1;
        }
        Ok(true)
    }

    /// The length of the bulk at hand, reading its `$` line unless that has been done.
    #[inline]
    fn bulk_header(
        &mut self,
        input: &[u8],
        scanned: &mut u32,
        limits: &ParserLimits,
    ) -> Result<Option<usize>, ProtocolError> {
        if self.body_len.is_some() {
            return Ok(self.body_len);
        }
        match input.get(self.position) {
            None => return Ok(None),
            Some(b'$') => {}
            Some(&byte) => return Err(ProtocolError::DollarExpected(byte)),
        }
        let Some((len, position)) = Line::Bulk.read(input, self.position, scanned)? else {
            return Ok(None);
        };
        let len = bulk_len_check(len, position, limits)?;
        self.position = position;
        self.body_len = Some(len);
        Ok(self.body_len)
    }

    /// True when the body at hand and its line end have been received.
    #[inline]
    fn bulk_is_whole(&mut self, input: &[u8], len: usize) -> Result<bool, ProtocolError> {
        let end = self.position + len;
        match input.get(end..).unwrap_or(&[]) {
            [b'\r', b'\n', ..] => {
                self.body_lacking = 0;
                Ok(true)
            }
            [] | [b'\r'] => {
                self.body_lacking = end + 2 - input.len();
                Ok(false)
            }
            _ => Err(ProtocolError::BodyEnd),
        }
    }
}

/// Holds a bulk's promised length, whose body begins at `position`, against the limits.
#[inline]
fn bulk_len_check(
    len: i64,
    position: usize,
    limits: &ParserLimits,
) -> Result<usize, ProtocolError> {
    let len = u64::try_from(len).map_err(|_| ProtocolError::BulkInvalid)?;
    let request_bytes = (position as u64).saturating_add(len).saturating_add(2);
    if len > limits.bulk_bytes_max || request_bytes > REQUEST_BYTES_MAX {
        return Err(ProtocolError::BulkInvalid);
    }
    if len > UNAUTHENTICATED_BULK_BYTES_MAX && !limits.authenticated {
        return Err(ProtocolError::BulkUnauthenticated);
    }
    usize::try_from(len).map_err(|_| ProtocolError::BulkInvalid)
}

/// The two kinds of header line: a marker, a number, CRLF. They differ in their errors only.
#[derive(Debug, Copy, Clone)]
enum Line {
    Count,
    Bulk,
}

impl Line {
    /// Reads the line whose marker stands at `start`: its number and the offset behind it, or
    /// `None` while it is not whole.
    #[inline]
    fn read(
        self,
        input: &[u8],
        start: usize,
        scanned: &mut u32,
    ) -> Result<Option<(i64, usize)>, ProtocolError> {
        if let Some((number, len)) = short_number(&input[start + 1..]) {
            *scanned = 0;
            return Ok(Some((number, start + 1 + len)));
        }
        self.read_slow(input, start, scanned)
    }

    /// The whole rule, for lines that are cut, long, negative or wrong. What a line is taken for
    /// depends on its bytes alone and never on how they arrived.
    #[cold]
    fn read_slow(
        self,
        input: &[u8],
        start: usize,
        scanned: &mut u32,
    ) -> Result<Option<(i64, usize)>, ProtocolError> {
        let line = &input[start..];
        let window = &line[..line.len().min(REQUEST_LINE_BYTES_MAX + 1)];
        let from = *scanned as usize;
        let Some(found) = memchr::memchr2(b'\r', b'\n', &window[from..]) else {
            if window.len() > REQUEST_LINE_BYTES_MAX {
                return Err(self.too_big());
            }
            *scanned = window.len() as u32;
            return Ok(None);
        };
        let end = from + found;
        match &line[end..] {
            [b'\r'] => {
                *scanned = end as u32;
                Ok(None)
            }
            [b'\r', b'\n', ..] => {
                *scanned = 0;
                let number = parse_i64(&line[1..end]).ok_or(self.invalid())?;
                Ok(Some((number, start + end + 2)))
            }
            _ => Err(self.line_end()),
        }
    }

    fn too_big(self) -> ProtocolError {
        match self {
            Line::Count => ProtocolError::CountTooBig,
            Line::Bulk => ProtocolError::BulkTooBig,
        }
    }

    fn invalid(self) -> ProtocolError {
        match self {
            Line::Count => ProtocolError::CountInvalid,
            Line::Bulk => ProtocolError::BulkInvalid,
        }
    }

    fn line_end(self) -> ProtocolError {
        match self {
            Line::Count => ProtocolError::CountLineEnd,
            Line::Bulk => ProtocolError::BulkLineEnd,
        }
    }
}

/// Digits in a number that the short way reads: no sum of them overflows.
const SHORT_DIGITS_MAX: usize = 9;

/// Reads an unsigned number of few digits and its CRLF, which is what nearly every header is:
/// the number and the bytes it took. `None` sends the caller the long way round.
#[inline]
fn short_number(line: &[u8]) -> Option<(i64, usize)> {
    let mut number = 0;
    for (index, byte) in line.iter().enumerate().take(SHORT_DIGITS_MAX + 1) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            let canonical = index == 1 || (index > 1 && line[0] != b'0');
            let ends = *byte == b'\r' && line.get(index + 1) == Some(&b'\n');
            return (canonical && ends).then_some((number, index + 2));
        }
        number = number * 10 + i64::from(digit);
    }
    None
}

#[cfg(test)]
mod tests;
