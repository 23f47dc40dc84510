//! # Squint
//!
//! A Redis-compatible server on a single-threaded reactor. Modules in dependency order: each
//! imports only what stands above it here, and siblings (one row) do not import each other.
//!
//! | row | modules |
//! |---|---|
//! | 0 | `squint_sys`: the kernel |
//! | 1 | [`limits`], [`text`], [`reply_buffer`] |
//! | 2 | [`config`], [`event_loop`], [`resp`], [`data_store`] |
//! | 3 | [`blocking`], [`pubsub`], [`client`] |
//! | 4 | [`command`] |
//! | 5 | [`server`] |
#![forbid(unsafe_code)]

pub mod data_store;
pub mod event_loop;
pub mod limits;
pub mod reply_buffer;
pub mod resp;
pub mod text;
