//! Bytes to requests, replies to bytes; no I/O, no keys.
//!
//! | module | what it holds |
//! |---|---|
//! | [`parser`] | the incremental parser: bytes of one client to spans of arguments |
//! | `short` | its short way: requests of few short arguments, read by their shape |
//! | [`inline`] | its other half: a line typed by hand, with quotes |
//! | `incoming` | a large argument, received where it will stay |
//! | [`error`] | what can be wrong with the bytes, and Redis's words for it |
//! | [`request`] | arguments as a view over the bytes, and as a copy that outlives them |
//! | [`writer`] | replies, in RESP2 and RESP3 |

pub mod error;
mod incoming;
pub mod inline;
pub mod parser;
pub mod request;
mod short;
pub mod writer;

pub use error::ProtocolError;
pub use parser::{Parsed, Parser, ParserLimits};
pub use request::{OwnedRequest, Request, Span};
pub use short::{Head, Sample};
pub use writer::{Deferred, Protocol, Writer};
