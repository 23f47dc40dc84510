//! What can be wrong with the bytes of a request, in Redis's words.
//!
//! A protocol error is answered once, the rest of the input is ignored, the output is flushed and
//! the connection closed: after it nobody knows where the next request begins.

/// Why the bytes of a client are not a request.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum ProtocolError {
    /// An inline line longer than the limit.
    InlineTooBig,
    /// A quote that never closes, or is not followed by a blank.
    QuotesUnbalanced,
    /// A `*` line longer than the limit.
    CountTooBig,
    /// A `*` line that holds no number, or one out of range.
    CountInvalid,
    /// More arguments than a client may send before it has authenticated.
    CountUnauthenticated,
    /// A `*` line not ended by CRLF. Redis waits for a CR or takes any byte for the LF.
    CountLineEnd,
    /// Something else where the `$` of a bulk must stand.
    DollarExpected(u8),
    /// A `$` line longer than the limit.
    BulkTooBig,
    /// A `$` line that holds no number, or one out of range.
    BulkInvalid,
    /// A longer argument than a client may send before it has authenticated.
    BulkUnauthenticated,
    /// A `$` line not ended by CRLF. Redis waits for a CR or takes any byte for the LF.
    BulkLineEnd,
    /// A bulk not followed by CRLF. Redis skips two bytes unseen, which lets a client and a proxy
    /// disagree about where the next request begins.
    BodyEnd,
}

impl ProtocolError {
    /// Appends the text of the error as it follows `-ERR `. An unexpected byte stands in it raw,
    /// so write it with [`Writer::error`](super::Writer::error), which replaces line ends.
    pub fn message(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"Protocol error: ");
        out.extend_from_slice(self.words().as_bytes());
        if let ProtocolError::DollarExpected(byte) = self {
            out.extend_from_slice(&[b'\'', *byte, b'\'']);
        }
    }

    fn words(&self) -> &'static str {
        match self {
            ProtocolError::InlineTooBig => "too big inline request",
            ProtocolError::QuotesUnbalanced => "unbalanced quotes in request",
            ProtocolError::CountTooBig => "too big mbulk count string",
            ProtocolError::CountInvalid => "invalid multibulk length",
            ProtocolError::CountUnauthenticated => "unauthenticated multibulk length",
            ProtocolError::CountLineEnd => "expected CRLF after multibulk length",
            ProtocolError::DollarExpected(_) => "expected '$', got ",
            ProtocolError::BulkTooBig => "too big bulk count string",
            ProtocolError::BulkInvalid => "invalid bulk length",
            ProtocolError::BulkUnauthenticated => "unauthenticated bulk length",
            ProtocolError::BulkLineEnd => "expected CRLF after bulk length",
            ProtocolError::BodyEnd => "expected CRLF after bulk",
        }
    }
}
