//! # What the tests share
//!
//! A package of its own, so that it is compiled once and not once for each file in `tests/`. It
//! knows the wire and nothing of the server's inside: every test that uses it could as well be
//! run against another Redis, and many are.
//!
//! | module | what it is |
//! |---|---|
//! | [`server`] | a server process on a free port, ours or `redis-server`, gone when dropped |
//! | [`connection`] | a raw socket with deadlines, whose failures print what went over it |
//! | [`bytes`] | bytes in a form that a reader can follow (`+OK\r\n`), and back |
//! | [`reply`] | where one RESP reply ends, and what it looks like on one line |
//! | [`conversation`] | the text files in `tests/cases/`: read, played, filled in |
//! | [`random`] | numbers from a seed, and the seed |
//! | [`source`] | the source of this repository as text |
//! | [`temporary`] | directories that are gone when dropped |
#![forbid(unsafe_code)]

pub mod bytes;
pub mod connection;
pub mod conversation;
pub mod random;
pub mod reply;
pub mod server;
pub mod source;
pub mod temporary;

pub use connection::Connection;
pub use server::{Program, Server};

/// The server of this package as a [`Program`]. A macro, because Cargo tells the path of a binary
/// only to the tests that stand beside it.
#[macro_export]
macro_rules! ours {
    () => {
        $crate::Program::ours(env!("CARGO_BIN_EXE_squint-server"))
    };
}
