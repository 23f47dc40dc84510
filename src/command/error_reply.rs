//! Error replies: the texts that several commands share, each written once.

use crate::data_store::OtherKind;
use crate::limits::ERROR_EXCERPT_BYTES_MAX;
use std::borrow::Cow;

/// What a client is told instead of a result: the first word is the kind, the rest is for people.
/// Written with a leading `-`; line breaks in it are replaced when it is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ErrorReply(Cow<'static, [u8]>);

impl ErrorReply {
    /// A fixed text.
    #[must_use]
    pub const fn fixed(text: &'static str) -> Self {
        Self(Cow::Borrowed(text.as_bytes()))
    }

    /// A text made for the occasion.
    #[must_use]
    pub const fn made(text: String) -> Self {
        Self(Cow::Owned(text.into_bytes()))
    }

    /// A text that quotes bytes of the client: `parts` one behind the other.
    #[must_use]
    pub fn quoting(parts: &[&[u8]]) -> Self {
        Self(Cow::Owned(parts.concat()))
    }

    /// Without the leading `-` and the line end.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<OtherKind> for ErrorReply {
    fn from(_: OtherKind) -> Self {
        WRONG_TYPE
    }
}

/// `-ERR syntax error`
pub const SYNTAX: ErrorReply = ErrorReply::fixed("ERR syntax error");
/// `-ERR value is not an integer or out of range`
pub const NOT_AN_INTEGER: ErrorReply =
    ErrorReply::fixed("ERR value is not an integer or out of range");
/// `-ERR Invalid stream ID specified as stream command argument`
pub const INVALID_STREAM_ID: ErrorReply =
    ErrorReply::fixed("ERR Invalid stream ID specified as stream command argument");
/// `-WRONGTYPE ...`
pub const WRONG_TYPE: ErrorReply =
    ErrorReply::fixed("WRONGTYPE Operation against a key holding the wrong kind of value");
/// `-NOAUTH Authentication required.`
pub const NOT_AUTHENTICATED: ErrorReply = ErrorReply::fixed("NOAUTH Authentication required.");
/// `-WRONGPASS ...`
pub const WRONG_PASSWORD: ErrorReply =
    ErrorReply::fixed("WRONGPASS invalid username-password pair or user is disabled.");

/// `-ERR wrong number of arguments for 'NAME' command`; `name` is the row's (`client|list`).
#[must_use]
pub fn wrong_arity(name: &str) -> ErrorReply {
    ErrorReply::made(format!("ERR wrong number of arguments for '{name}' command"))
}

/// `-ERR invalid expire time in 'NAME' command`
#[must_use]
pub fn invalid_expire_time(name: &str) -> ErrorReply {
    ErrorReply::made(format!("ERR invalid expire time in '{name}' command"))
}

/// `-ERR unknown subcommand or wrong number of arguments for 'WORD'. Try NAME HELP.`
#[must_use]
pub fn wrong_subcommand_syntax(word: &[u8], parent: &str) -> ErrorReply {
    let word = &word[..word.len().min(ERROR_EXCERPT_BYTES_MAX)];
    ErrorReply::quoting(&[
        b"ERR unknown subcommand or wrong number of arguments for '",
        word,
        b"'. Try ",
        parent.as_bytes(),
        b" HELP.",
    ])
}

/// `-ERR unknown subcommand 'WORD'. Try NAME HELP.`
#[must_use]
pub fn unknown_subcommand(word: &[u8], parent: &str) -> ErrorReply {
    let word = &word[..word.len().min(ERROR_EXCERPT_BYTES_MAX)];
    let parent = parent.to_ascii_uppercase();
    ErrorReply::quoting(&[
        b"ERR unknown subcommand '",
        word,
        b"'. Try ",
        parent.as_bytes(),
        b" HELP.",
    ])
}
