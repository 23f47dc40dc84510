//! # Squint
//!
//! A Redis-compatible server on a single-threaded reactor. Modules in dependency order: each
//! imports only what stands above it here, and siblings (one row) do not import each other.
//!
//! | row | modules |
//! |---|---|
//! | 0 | `squint_sys`: the kernel |
//! | 1 | [`limits`], [`shared_bytes`], [`histogram`] |
//! | 2 | [`stats`], [`logging`], [`text`], [`reply_buffer`] |
//! | 3 | [`config`], [`event_loop`], [`resp`], [`data_store`], [`membership`] |
//! | 4 | [`blocking`], [`pubsub`], [`client`] |
//! | 5 | [`command`] |
//! | 6 | [`server`] |
#![forbid(unsafe_code)]

pub mod blocking;
pub mod client;
pub mod command;
pub mod config;
pub mod data_store;
pub mod event_loop;
pub mod histogram;
pub mod limits;
pub mod logging;
pub mod membership;
pub mod pubsub;
pub mod reply_buffer;
pub mod resp;
pub mod server;
pub mod shared_bytes;
pub mod stats;
pub mod text;
