//! # squint-sys: the kernel, and nothing else
//!
//! Every system call and every `unsafe` block of Squint lives in this package; the server package
//! says `#![forbid(unsafe_code)]`. So "where does unsafe live?" has one answer, and "what does the
//! server ask of the operating system?" has one too: the methods of [`Sys`].
//!
//! | module | what it holds |
//! |---|---|
//! | [`system`] | the trait [`Sys`]: everything non-deterministic passes through it |
//! | [`poller`] | the trait [`Poller`], [`Token`], [`Interest`], [`Event`]; the contract P1-P10 |
//! | [`errno`] | errno becomes one of five verdicts |
//! | [`native`] | the running machine behind the trait: [`Native`] |
//! | `epoll`, `kqueue` | translation only: an [`Interest`] becomes bits, bits become an [`Event`] |
//! | [`simulated`] | a machine in memory: [`Simulated`], the third backend |
//! | [`calls`] | system calls, counted by name where they are made |
//! | [`counting`] | an allocator that counts, for tests; no binary has it |
//! | [`kqueue_plan`] | the pure half of kqueue: plain functions, tested on every system |
//! | `abi` | what differs between systems that share a poller; no other file names a system |
//! | [`syscalls`] | every system call that the server makes, and why |
//! | `seccomp` | a filter that lets no other call through, built from that list |
//! | [`allocator`] | the general allocator of the server, which gives back what it is given back |
//! | `region` | memory straight from the system, which takes it back in parts |
//! | `region_vec` | a vector in one of these |
//! | `pages` | a buffer straight from the system, which has it back at once |
//! | `prefetch` | a hint to the processor's cache, safe to give |
//! | `equal_bytes` | sixteen bytes compared with one at once |
//! | `cycles` | the processor's counter, the cheapest clock |
//! | `room` | the end of a vector, grown once and filled piece by piece |
//! | [`fd`] | a descriptor: a number, and no owner |
//! | `socket`, `file`, `hosts`, `clock`, `signal`, `process`, `rlimit`, `entropy` | one noun each |
//!
//! ## The safety charter
//!
//! - An `unsafe` block holds one unsafe operation, and its `SAFETY:` comment argues with facts that
//!   can be read nearby: who wrote the buffer, which length was checked.
//! - What nix wraps safely at no cost is called through nix; libc is called where nix would make a
//!   second system call or lose the answer.
//! - Descriptors are plain numbers ([`Fd`]); [`Fd`] lends them to nix in one place.
//! - A const assertion stands beside every assumption about a layout of the kernel.

mod abi;
pub mod allocator;
pub mod calls;
mod clock;
pub mod counting;
mod cycles;
mod entropy;
#[cfg(poller_epoll)]
mod epoll;
mod equal_bytes;
pub mod errno;
pub mod fd;
mod file;
mod hosts;
#[cfg(poller_kqueue)]
mod kqueue;
pub mod kqueue_plan;
pub mod native;
mod pages;
pub mod poller;
mod prefetch;
mod process;
mod region;
mod region_vec;
mod rlimit;
mod room;
#[cfg(seccomp)]
mod seccomp;
mod signal;
pub mod simulated;
mod socket;
pub mod syscalls;
pub mod system;

pub use calls::{Syscall, SyscallCounts};
pub use equal_bytes::equal_bytes;
pub use errno::{Errno, Verdict};
pub use fd::Fd;
pub use native::{Native, NativePoller};
pub use pages::Pages;
pub use poller::{Event, Events, Interest, Poller, Token};
pub use prefetch::prefetch_read;
pub use process::print_no_stacks;
pub use region::{PIECE_BYTES, REGION_BYTES, Region};
pub use region_vec::RegionVec;
pub use room::Room;
pub use simulated::Simulated;
pub use system::{Accepted, Address, ListenOptions, Process, Signal, Sys};
