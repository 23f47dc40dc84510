//! Conversations: text files in `tests/cases/` that say what clients send and what must come back,
//! to the byte. `tests/cases/README.md` explains the notation to whoever writes one.
//!
//! [`format`] reads a file into lines, [`play`] acts them out against a server, and [`bless`]
//! writes into a file what the real Redis answers.

pub mod bless;
pub mod format;
pub mod play;
