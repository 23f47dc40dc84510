//! Bytes to requests, replies to bytes; no I/O, no keys.
