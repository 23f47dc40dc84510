//! # squint-sys: the kernel, and nothing else
//!
//! Every system call and every `unsafe` block of Squint lives in this package; the server package
//! says `#![forbid(unsafe_code)]`. So "where does unsafe live?" has one answer, and "what does the
//! server ask of the operating system?" has one too: the methods of [`Sys`].
//!
//! | module | what it holds |
//! |---|---|
//! | [`system`] | the trait [`Sys`]: everything non-deterministic passes through it |
//! | [`poller`] | the trait [`Poller`], [`Token`], [`Interest`], [`Event`]; the contract P1 to P10 |
//! | [`errno`] | errno becomes one of five verdicts |

pub mod errno;
pub mod fd;
pub mod poller;
pub mod system;

pub use errno::{Errno, Verdict};
pub use fd::Fd;
pub use poller::{Event, Events, Interest, Poller, Token};
pub use system::{Accepted, Address, ListenOptions, Process, Signal, Sys};
