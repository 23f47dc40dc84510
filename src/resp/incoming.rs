//! A large bulk on its way in: received straight into the allocation that will hold it.
//!
//! ```text
//!   ring    *3 CRLF $3 CRLF SET CRLF $1 CRLF k CRLF $1000000 CRLF | what had come of the body
//!                                                                     │ copied, once
//!                                                                     v
//!   apart   [ body ......................................... CRLF ]   every later read ends here
//! ```
//!
//! Memory follows what has arrived, never what a header promises: the allocation begins small, when
//! something comes, becomes sixteen times as long at most each time that it is full, and its last
//! step is exact. (A large one grows without being copied: the system moves its pages, and gives
//! memory only to those that were written to.) So half a gigabyte takes half a gigabyte, and a
//! thousand liars who promise as much and send nothing take nothing.

use super::error::ProtocolError;
use crate::limits::{INPUT_BULK_BYTES_FIRST, INPUT_BULK_GROWTH};
use crate::shared_bytes::SharedBytes;

/// A bulk whose length is known and whose bytes have come in part.
#[derive(Debug)]
pub(super) struct IncomingBulk {
    /// Of the body and, behind it, of its line end, what has been received.
    bytes: SharedBytes,
    /// Length of the body.
    body_len: usize,
}

impl IncomingBulk {
    /// A bulk of `body_len` bytes that begins with `received`.
    pub(super) fn new(received: &[u8], body_len: usize) -> Self {
        let room = if received.is_empty() { 0 } else { INPUT_BULK_BYTES_FIRST.min(body_len + 2) };
        let mut bytes = Vec::with_capacity(room.max(received.len()));
        bytes.extend_from_slice(received);
        Self { bytes: SharedBytes::new(bytes), body_len }
    }

    /// Where its next bytes go, and how many at most; `None` when it has them all.
    pub(super) fn room(&mut self) -> Option<(&mut Vec<u8>, usize)> {
        let total = self.body_len + 2;
        let bytes = self.bytes.get_mut().expect("nobody holds a bulk that is not whole");
        let received = bytes.len();
        if received == total {
            return None;
        }
        if received == bytes.capacity() {
            let grown = received.saturating_mul(INPUT_BULK_GROWTH).max(INPUT_BULK_BYTES_FIRST);
            bytes.reserve_exact(grown.min(total) - received);
        }
        let room = bytes.capacity().min(total) - received;
        Some((bytes, room))
    }

    /// True when the body and its line end have been received.
    pub(super) fn is_whole(&self) -> Result<bool, ProtocolError> {
        match self.bytes.get(self.body_len..).unwrap_or(&[]) {
            [b'\r', b'\n'] => Ok(true),
            [] | [b'\r'] => Ok(false),
            _ => Err(ProtocolError::BodyEnd),
        }
    }

    /// Where the bytes lie.
    #[cfg(test)]
    pub(super) fn bytes_at(&self) -> *const u8 {
        self.bytes.as_ptr()
    }

    /// How many bytes have been received.
    pub(super) fn received(&self) -> usize {
        self.bytes.len()
    }

    /// The body of a bulk that is whole.
    pub(super) fn into_body(mut self) -> SharedBytes {
        let bytes = self.bytes.get_mut().expect("nobody holds a bulk that was not whole");
        bytes.truncate(self.body_len);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Receives up to `count` bytes of `stream`, from where it stands.
    fn receive(bulk: &mut IncomingBulk, stream: &[u8], count: usize) {
        let received = bulk.received();
        let (bytes, room) = bulk.room().expect("it is not whole");
        let count = count.min(room);
        bytes.extend_from_slice(&stream[received..received + count]);
    }

    #[test]
    fn memory_follows_what_has_arrived() {
        let stream = [vec![b'x'; 3_000_000], b"\r\n".to_vec()].concat();
        let mut bulk = IncomingBulk::new(&stream[..5], 3_000_000);
        while bulk.received() < stream.len() {
            assert_eq!(bulk.is_whole(), Ok(false));
            receive(&mut bulk, &stream, 99_999);
            let capacity = bulk.bytes.get_mut().expect("ours").capacity();
            assert!(
                capacity <= INPUT_BULK_BYTES_FIRST.max(INPUT_BULK_GROWTH * bulk.received()),
                "{capacity}"
            );
            assert!(capacity <= stream.len());
        }
        assert_eq!(bulk.is_whole(), Ok(true));
        assert!(bulk.room().is_none());
        assert_eq!(&bulk.into_body()[..], &stream[..3_000_000]);
    }

    #[test]
    fn a_promise_takes_no_memory() {
        let mut bulk = IncomingBulk::new(b"", 512 << 20);
        assert_eq!(bulk.room().map(|(_, room)| room), Some(INPUT_BULK_BYTES_FIRST));
    }

    #[test]
    fn the_line_end_is_checked_byte_by_byte() {
        for (end, expected) in [
            (&b""[..], Ok(false)),
            (b"\r", Ok(false)),
            (b"\r\n", Ok(true)),
            (b"\n", Err(ProtocolError::BodyEnd)),
            (b"\rx", Err(ProtocolError::BodyEnd)),
        ] {
            let bulk = IncomingBulk::new(&[b"abc", end].concat(), 3);
            assert_eq!(bulk.is_whole(), expected, "{end:?}");
        }
    }
}
