//! The arguments of one request: a view over the bytes they were read in, and a copy that
//! outlives them.
//!
//! ```text
//! buffer  *2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n
//! spans                ^--8+4      ^--18+2
//! ```

use static_assertions::const_assert_eq;

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

    #[inline]
    fn of(self, buffer: &[u8]) -> &[u8] {
        let start = self.start as usize;
        &buffer[start..start + self.len as usize]
    }
}

/// The arguments of one request, the command's name first, as slices of the buffer.
#[derive(Debug, Copy, Clone)]
pub struct Request<'a> {
    buffer: &'a [u8],
    spans: &'a [Span],
}

impl<'a> Request<'a> {
    /// A view over `buffer`, the bytes from the start of the request on, and the `spans` that the
    /// parser found in them.
    #[inline]
    pub fn new(buffer: &'a [u8], spans: &'a [Span]) -> Self {
        Self { buffer, spans }
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
        self.spans.get(index).map(|span| span.of(self.buffer))
    }

    /// All arguments in order.
    #[inline]
    pub fn iter(
        &self,
    ) -> impl DoubleEndedIterator<Item = &'a [u8]> + ExactSizeIterator + Clone + 'a {
        let buffer = self.buffer;
        self.spans.iter().map(move |span| span.of(buffer))
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
        Request { buffer: self.buffer, spans: self.spans.get(from..).unwrap_or(&[]) }
    }

    /// Copies the arguments (and nothing between them) out of the client's buffer.
    pub fn to_owned(&self) -> OwnedRequest {
        let mut bytes = Vec::with_capacity(self.iter().map(<[u8]>::len).sum());
        let mut spans = Vec::with_capacity(self.len());
        for argument in self.iter() {
            spans.push(Span::new(bytes.len(), argument.len()));
            bytes.extend_from_slice(argument);
        }
        OwnedRequest { bytes, spans: spans.into_boxed_slice() }
    }
}

/// A request that waits: queued by MULTI, or blocked. Its arguments lie end to end in one
/// allocation of exactly their size.
#[derive(Debug, Clone)]
pub struct OwnedRequest {
    bytes: Vec<u8>,
    spans: Box<[Span]>,
}

impl OwnedRequest {
    /// The request as commands see it.
    #[inline]
    pub fn as_request(&self) -> Request<'_> {
        Request { buffer: &self.bytes, spans: &self.spans }
    }

    /// Bytes of heap that it holds.
    pub fn heap_bytes(&self) -> usize {
        self.bytes.capacity() + size_of_val::<[Span]>(&self.spans)
    }

    /// Rewrites the argument at `index`, which must exist: XREAD's `$` becomes the ID it stood for
    /// when the client began to wait. A longer one is put behind the others.
    pub fn set(&mut self, index: usize, argument: &[u8]) {
        let span = &mut self.spans[index];
        if argument.len() > span.len as usize {
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
        let request = Request::new(buffer, &spans);
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
        let request = Request::new(buffer, &spans);
        let mut owned = request.to_owned();
        assert!(owned.as_request().iter().eq(request.iter()));
        assert_eq!(owned.heap_bytes(), 6 + 3 * 8);
        owned.set(1, b"1-1");
        owned.set(0, b"get");
        let arguments: Vec<_> = owned.as_request().iter().collect();
        assert_eq!(arguments, [&b"get"[..], b"1-1", b""]);
    }
}
