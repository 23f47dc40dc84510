//! Bytes and the numbers and patterns written in them.
