//! Typed access to the arguments of a request: `request.integer(2)?`.

use super::error_reply::{self, ErrorReply};
use crate::resp::request::Request;
use crate::text::number;

/// What every command may ask of its arguments.
pub trait Arguments {
    /// Argument `index` as an integer, or the usual error.
    fn integer(&self, index: usize) -> Result<i64, ErrorReply>;

    /// Argument `index` as an integer, or `error`.
    fn integer_or(&self, index: usize, error: ErrorReply) -> Result<i64, ErrorReply>;

    /// Is argument `index` the keyword `word` (upper case), in any case?
    fn is(&self, index: usize, word: &str) -> bool;

    /// The keyword at `index` and the argument behind it, which must be there.
    fn value_after(&self, index: usize) -> Result<usize, ErrorReply>;
}

impl Arguments for Request<'_> {
    fn integer(&self, index: usize) -> Result<i64, ErrorReply> {
        self.integer_or(index, error_reply::NOT_AN_INTEGER)
    }

    fn integer_or(&self, index: usize, error: ErrorReply) -> Result<i64, ErrorReply> {
        self.get(index).and_then(number::parse_i64).ok_or(error)
    }

    fn is(&self, index: usize, word: &str) -> bool {
        self.get(index).is_some_and(|bytes| bytes.eq_ignore_ascii_case(word.as_bytes()))
    }

    fn value_after(&self, index: usize) -> Result<usize, ErrorReply> {
        let value = index + 1;
        if value < self.len() { Ok(value) } else { Err(error_reply::SYNTAX) }
    }
}

#[cfg(test)]
pub mod tests {
    //! Requests for the tests of every family.

    use crate::resp::request::{OwnedRequest, Request, Span};

    /// A request of these words.
    pub fn request(words: &[&str]) -> OwnedRequest {
        let mut start = 0;
        let span = |word: &&str| {
            let span = Span { start, len: word.len() as u32 };
            start += span.len;
            span
        };
        let spans: Vec<Span> = words.iter().map(span).collect();
        Request::new(words.concat().as_bytes(), &spans, &[]).to_owned()
    }
}
