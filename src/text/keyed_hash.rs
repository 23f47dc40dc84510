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

    /// The cheaper state for keys that are numbers of our own, under the same seed.
    #[must_use]
    pub fn for_numbers(self) -> NumberState {
        NumberState { start: self.build_hasher().finish() }
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

/// Builds hashers for keys made of numbers that this server hands out (slots, generations). Clients
/// can bring many of them about but cannot choose them freely, so that a good mixture from a secret
/// start does: a tenth of what SipHash costs.
#[derive(Clone, Copy)]
pub struct NumberState {
    start: u64,
}

/// The start stays out of logs.
impl std::fmt::Debug for NumberState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NumberState")
    }
}

impl BuildHasher for NumberState {
    type Hasher = NumberHasher;

    fn build_hasher(&self) -> NumberHasher {
        NumberHasher(self.start)
    }
}

/// The state so far; each number is mixed in as SplitMix64 mixes its counter.
#[derive(Debug)]
pub struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    /// Byte by byte: correct, and not what this is for.
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        let mut mixed = self.0 ^ number;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        self.0 = mixed ^ (mixed >> 31);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of so many keys fall into the fullest of as many buckets: about 8 if they fall
    /// anywhere, and many more if they follow a pattern.
    #[test]
    fn small_numbers_spread_over_low_and_high_bits() {
        let state = KeyedState::new([3; 16]).for_numbers();
        for shift in [0, 48] {
            let mut buckets = vec![0u32; 1 << 16];
            for name in 0..256u32 {
                for client in 0..256u32 {
                    let hash = state.hash_one((name, client, 0u32));
                    buckets[(hash >> shift) as usize & 0xffff] += 1;
                }
            }
            let fullest = buckets.into_iter().max().unwrap_or_default();
            assert!(fullest <= 12, "{fullest} of 65,536 in one bucket");
        }
    }

    #[test]
    fn the_seed_and_the_order_count() {
        let hash =
            |seed: u8, key: (u32, u32)| KeyedState::new([seed; 16]).for_numbers().hash_one(key);
        assert_ne!(hash(1, (1, 2)), hash(2, (1, 2)));
        assert_ne!(hash(1, (1, 2)), hash(1, (2, 1)));
    }
}
