//! A keyed hash for the standard maps.
//!
//! The standard library's own `RandomState` draws its key behind our back, which would make a
//! simulated run differ from its replay. This one is given the key that [`squint_sys::Sys`] drew.

use std::hash::{BuildHasher, DefaultHasher, Hasher};

/// Builds hashers that all start from one secret seed.
#[derive(Clone, Copy)]
pub struct KeyedState {
    seed: [u8; 16],
}

impl KeyedState {
    /// A state with `seed`, which must be unpredictable to clients.
    #[must_use]
    pub const fn new(seed: [u8; 16]) -> Self {
        Self { seed }
    }
}

/// The seed stays out of logs.
impl std::fmt::Debug for KeyedState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyedState")
    }
}

impl BuildHasher for KeyedState {
    type Hasher = DefaultHasher;

    /// SipHash-1-3 (what the standard library has) over the seed and then the key: whoever does not
    /// know the first block cannot choose keys that collide.
    fn build_hasher(&self) -> DefaultHasher {
        let mut hasher = DefaultHasher::new();
        hasher.write(&self.seed);
        hasher
    }
}
