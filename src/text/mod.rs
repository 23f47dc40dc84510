//! Bytes and the numbers and patterns written in them.
//!
//! Pure functions over byte slices: no state, no I/O, no clients, no keys.
//!
//! | module | what it reads or writes |
//! |---|---|
//! | [`number`] | strict integers, sizes such as `64mb`; re-exports the floats |
//! | [`float`] | floats as the C library reads them and as Redis prints them |
//! | [`glob`] | the patterns of KEYS, SCAN, PSUBSCRIBE, CONFIG GET |
//! | [`sparkline`] | graphs of a few lines |
//! | [`keyed_hash`] | a hash for the standard maps, with a secret key |
//! | [`ascii`] | case folding, and bytes made fit for an error line |

pub mod ascii;
pub mod float;
pub mod glob;
pub mod keyed_hash;
pub mod number;
pub mod sparkline;
