//! Readiness to bytes, bytes to the wire; knows nothing of Redis.
//!
//! | part | what it is |
//! |---|---|
//! | [`tick`] | the phases that touch descriptors: wait, accept, read, write, close |
//! | [`connection`] | one client's descriptor, buffers and links |
//! | [`listener`] | a listening socket and how eagerly it is drained |
//! | [`slab`] | where connections live; names them by index and generation |
//! | [`intrusive_list`] | queues whose links are inside the connections |
//! | [`timer_wheel`] | deadlines, armed and cancelled in O(1) without memory |
//! | [`ring_buffer`] | input bytes, and the pool their memory comes from |
//! | [`output_pool`] | memory for output that connections lend each other |
//!
//! This is the one layer beside the server itself that is generic over [`squint_sys::Sys`]: whoever
//! reads and writes must be able to name the system that does it.

pub mod connection;
pub mod intrusive_list;
pub mod listener;
pub mod output_pool;
pub mod ring_buffer;
pub mod slab;
pub mod tick;
pub mod timer_wheel;

pub use tick::{EventLoop, ReadOutcome, Target};
