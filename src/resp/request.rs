//! The arguments of one request: a view over the bytes they were read in, and a copy that
//! outlives them.
//!
//! ```text
//! buffer  *2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n
//! spans                ^--8+4      ^--18+2
//! ```
//!
//! A large argument lies apart, in an allocation of its own that others may hold as well: its span
//! says which of the request's bulks it is. Most commands never see the difference
//! ([`Request::at`]); one that keeps or sends the bytes may ask for it ([`Request::argument`]).
//!
//! ```text
//! buffer  *3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000000\r\n
//! spans               ^--8+3      ^--17+1    APART, 0
//! bulks                                            └──► SharedBytes
//! ```

use crate::shared_bytes::{BytesRef, SharedBytes};
use static_assertions::const_assert_eq;
use std::ops::Range;

/// Instead of an offset: the argument lies apart. What stands for its length counts bulks down from
/// the top, so that such a span ends some 8 GiB behind any start: outside every buffer, where a
/// look-up that checks its bounds, as all do, finds it at no cost to the others.
const APART: u32 = u32::MAX;

/// Where one argument lies: bytes from the start of its request's buffer.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Number of bytes.
    pub len: u32,
}

const_assert_eq!(size_of::<Span>(), 8);

impl Span {
    /// A span of a request, whose size the parser has bounded.
    #[inline]
    pub(super) fn new(start: usize, len: usize) -> Self {
        let narrow = |value: usize| u32::try_from(value).expect("a request is below 4 GiB");
        Self { start: narrow(start), len: narrow(len) }
    }

    /// The same where the sum is known to be at most `REQUEST_BYTES_MAX`, which fits.
    #[inline]
    pub(super) const fn within_limit(start: usize, len: usize) -> Self {
        Self { start: start as u32, len: len as u32 }
    }

    /// Where the argument lies in a buffer in which its request begins at `origin`; beyond every
    /// buffer if it lies apart.
    #[inline]
    #[must_use]
    pub const fn range_from(self, origin: usize) -> Range<usize> {
        let start = origin + self.start as usize;
        start..start + self.len as usize
    }

    /// The span of bulk number `bulk`, which lies apart.
    pub(super) fn apart(bulk: usize) -> Self {
        let bulk = u32::try_from(bulk).expect("a bulk is an argument, and they are fewer");
        Self { start: APART, len: u32::MAX - bulk }
    }

    /// The number of the bulk, if the argument lies apart.
    fn bulk(self) -> Option<usize> {
        (self.start == APART).then_some((u32::MAX - self.len) as usize)
    }

    /// The same argument in a list of bulks that `others` stand in front of.
    #[inline]
    pub(super) fn behind(self, others: usize) -> Self {
        self.bulk().map_or(self, |bulk| Self::apart(others + bulk))
    }
}

/// The arguments of one request, the command's name first, as slices of the buffer.
#[derive(Debug, Copy, Clone)]
pub struct Request<'a> {
    buffer: &'a [u8],
    spans: &'a [Span],
    bulks: &'a [SharedBytes],
}

impl<'a> Request<'a> {
    /// A view over `buffer`, the bytes from the start of the request on, the `spans` that the
    /// parser found in them, and the `bulks` that some of these name.
    #[inline]
    pub fn new(buffer: &'a [u8], spans: &'a [Span], bulks: &'a [SharedBytes]) -> Self {
        Self { buffer, spans, bulks }
    }

    /// Number of arguments, the command's name included.
    #[inline]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// True when there is no argument; the parser never gives such a request, [`Request::rest`]
    /// may.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The argument at `index`, if there are that many.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        self.spans.get(index).map(|span| self.lookup(*span).bytes())
    }

    /// An argument that is there, and where it lies.
    #[inline]
    #[must_use]
    pub fn argument(&self, index: usize) -> BytesRef<'a> {
        self.lookup(self.spans[index])
    }

    /// The argument at `index`, if it is there and lies in the client's buffer.
    #[inline(always)]
    #[must_use]
    pub fn near(&self, index: usize) -> Option<&'a [u8]> {
        self.in_buffer(*self.spans.get(index)?)
    }

    #[inline(always)]
    fn in_buffer(&self, span: Span) -> Option<&'a [u8]> {
        let start = span.start as usize;
        self.buffer.get(start..start + span.len as usize)
    }

    #[inline]
    fn lookup(&self, span: Span) -> BytesRef<'a> {
        match self.in_buffer(span) {
            Some(bytes) => BytesRef::Near(bytes),
            None => BytesRef::Apart(self.bulk(span)),
        }
    }

    #[cold]
    fn bulk(&self, span: Span) -> &'a SharedBytes {
        &self.bulks[span.bulk().expect("an argument lies in the buffer or apart")]
    }

    /// All arguments in order.
    #[inline]
    pub fn iter(
        &self,
    ) -> impl DoubleEndedIterator<Item = &'a [u8]> + ExactSizeIterator + Clone + 'a {
        self.arguments().map(BytesRef::bytes)
    }

    /// All arguments in order, and where they lie.
    #[inline]
    pub fn arguments(
        &self,
    ) -> impl DoubleEndedIterator<Item = BytesRef<'a>> + ExactSizeIterator + Clone + 'a {
        let request = *self;
        self.spans.iter().map(move |span| request.lookup(*span))
    }

    /// An argument that is there: the caller has checked the arity.
    #[inline]
    #[must_use]
    pub fn at(&self, index: usize) -> &'a [u8] {
        self.get(index).expect("the row's arity says that it is there")
    }

    /// The arguments from `from` on; none when there are fewer.
    #[inline]
    pub fn rest(&self, from: usize) -> Request<'a> {
        Request { spans: self.spans.get(from..).unwrap_or(&[]), ..*self }
    }

    /// Copies the arguments (and nothing between them) out of the client's buffer; those that lie
    /// apart are held, not copied.
    pub fn to_owned(&self) -> OwnedRequest {
        let near = self.spans.iter().filter(|span| span.bulk().is_none());
        let mut bytes = Vec::with_capacity(near.map(|span| span.len as usize).sum());
        let mut spans = Vec::with_capacity(self.len());
        let mut bulks = Vec::new();
        for span in self.spans {
            match self.lookup(*span) {
                BytesRef::Near(argument) => {
                    spans.push(Span::new(bytes.len(), argument.len()));
                    bytes.extend_from_slice(argument);
                }
                BytesRef::Apart(bulk) => {
                    spans.push(Span::apart(bulks.len()));
                    bulks.push(bulk.clone());
                }
            }
        }
        OwnedRequest { bytes, spans: spans.into(), bulks: bulks.into() }
    }
}

/// A request that waits: queued by MULTI, or blocked. Its arguments lie end to end in one
/// allocation of exactly their size, but for those that lie apart.
#[derive(Debug, Clone)]
pub struct OwnedRequest {
    bytes: Vec<u8>,
    spans: Box<[Span]>,
    bulks: Box<[SharedBytes]>,
}

impl OwnedRequest {
    /// The request as commands see it.
    #[inline]
    pub fn as_request(&self) -> Request<'_> {
        Request { buffer: &self.bytes, spans: &self.spans, bulks: &self.bulks }
    }

    /// Its bytes; all that lies in them.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Appends where its arguments lie, and holds those that lie apart once more.
    pub fn append_to(&self, spans: &mut Vec<Span>, bulks: &mut Vec<SharedBytes>) {
        let others = bulks.len();
        spans.extend(self.spans.iter().map(|span| span.behind(others)));
        bulks.extend_from_slice(&self.bulks);
    }

    /// Bytes of heap that it holds, alone or with others.
    pub fn heap_bytes(&self) -> usize {
        let bulks: usize =
            self.bulks.iter().map(|bulk| size_of::<SharedBytes>() + bulk.len()).sum();
        self.bytes.capacity() + size_of_val::<[Span]>(&self.spans) + bulks
    }

    /// Rewrites the argument at `index`, which must exist: XREAD's `$` becomes the ID it stood for
    /// when the client began to wait. A longer one is put behind the others.
    pub fn set(&mut self, index: usize, argument: &[u8]) {
        let span = &mut self.spans[index];
        if span.bulk().is_some() || argument.len() > span.len as usize {
            *span = Span::new(self.bytes.len(), argument.len());
            self.bytes.extend_from_slice(argument);
            return;
        }
        span.len = argument.len() as u32;
        self.bytes[span.start as usize..][..argument.len()].copy_from_slice(argument);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> (&'static [u8], Vec<Span>) {
        let spans = [(8, 4), (18, 2), (24, 0)];
        let spans = spans.map(|(start, len)| Span { start, len });
        (b"*3\r\n$4\r\nECHO\r\n$2\r\nhi\r\n$0\r\n\r\n", spans.to_vec())
    }

    #[test]
    fn arguments_are_slices_of_the_buffer() {
        let (buffer, spans) = example();
        let request = Request::new(buffer, &spans, &[]);
        assert_eq!(request.len(), 3);
        assert_eq!(request.at(0), b"ECHO");
        assert_eq!(request.get(1), Some(&b"hi"[..]));
        assert_eq!((request.get(2), request.get(3)), (Some(&b""[..]), None));
        assert_eq!(request.iter().rev().collect::<Vec<_>>(), [&b""[..], b"hi", b"ECHO"]);
        assert_eq!(request.rest(1).iter().next(), Some(&b"hi"[..]));
        assert!(request.rest(3).is_empty() && request.rest(9).is_empty());
    }

    #[test]
    fn an_owned_request_is_the_same_request() {
        let (buffer, spans) = example();
        let request = Request::new(buffer, &spans, &[]);
        let mut owned = request.to_owned();
        assert!(owned.as_request().iter().eq(request.iter()));
        assert_eq!(owned.heap_bytes(), 6 + 3 * 8);
        owned.set(1, b"1-1");
        owned.set(0, b"get");
        let arguments: Vec<_> = owned.as_request().iter().collect();
        assert_eq!(arguments, [&b"get"[..], b"1-1", b""]);
    }

    fn is_bulk(argument: BytesRef<'_>, bulk: &SharedBytes) -> bool {
        matches!(argument, BytesRef::Apart(bytes) if bytes.is_same(bulk))
    }

    #[test]
    fn what_lies_apart_is_an_argument_like_any_other() {
        let (buffer, mut spans) = example();
        let bulks = [SharedBytes::new(vec![b'x'; 9]), SharedBytes::new(vec![b'y'; 7])];
        spans.splice(1..1, [Span::apart(1), Span::apart(0)]);
        let request = Request::new(buffer, &spans, &bulks);
        let words: [&[u8]; 5] = [b"ECHO", b"yyyyyyy", b"xxxxxxxxx", b"hi", b""];
        assert!(request.iter().eq(words));
        assert!(is_bulk(request.argument(1), &bulks[1]) && is_bulk(request.argument(2), &bulks[0]));
        assert!(matches!(request.argument(0), BytesRef::Near(b"ECHO")));
        assert_eq!(request.get(5), None);
        let mut owned = request.rest(1).to_owned();
        assert!(owned.as_request().iter().eq(words[1..].iter().copied()));
        assert!(is_bulk(owned.as_request().argument(0), &bulks[1]));
        assert_eq!(owned.heap_bytes(), 2 + 4 * 8 + (8 + 7) + (8 + 9));
        owned.set(0, b"short");
        assert!(matches!(owned.as_request().argument(0), BytesRef::Near(b"short")));
        assert!(owned.as_request().iter().skip(1).eq(words[2..].iter().copied()));
    }
}
