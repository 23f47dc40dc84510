//! The keyed hash of keys: SipHash-1-3, and the [`Key`] that carries its hash along.
//!
//! Keyed, because whoever can predict bucket numbers can make every look-up slow; the seed comes
//! from the system, because the standard library's random state would make runs unrepeatable.
//!
//! ```text
//!  v0..v3 = seed mixed with constants
//!  for each 8 bytes m (little endian):  v3 ^= m;  1 round;  v0 ^= m
//!  last word: remaining 0..=7 bytes, length in the top byte: the same
//!  v2 ^= 0xff;  3 rounds;  v0 ^ v1 ^ v2 ^ v3
//! ```

/// A key with its hash, computed once. Copies freely; lives as long as the bytes it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key<'a> {
    /// The name itself.
    pub bytes: &'a [u8],
    /// [`Hasher::hash`] of `bytes`, by the hasher of the store that is asked.
    pub hash: u64,
}

impl Key<'_> {
    /// Whether these bytes are its name. Names of usual length are compared as two pieces that may
    /// overlap, and because names of one kind begin alike, the last one first: a comparison of a
    /// length that the compiler does not know would be a call.
    #[inline(always)]
    #[must_use]
    pub fn is_named(&self, bytes: &[u8]) -> bool {
        if self.bytes.len() != bytes.len() {
            return false;
        }
        match bytes.len() {
            4..8 => ends::<4>(self.bytes) == ends::<4>(bytes),
            8..=16 => ends::<8>(self.bytes) == ends::<8>(bytes),
            17..=32 => ends::<16>(self.bytes) == ends::<16>(bytes),
            _ => self.bytes == bytes,
        }
    }
}

/// The last and the first `N` bytes, if there are as many.
#[inline(always)]
fn ends<const N: usize>(bytes: &[u8]) -> Option<(&[u8; N], &[u8; N])> {
    Some((bytes.last_chunk()?, bytes.first_chunk()?))
}

/// The seed stays out of logs.
impl std::fmt::Debug for Hasher {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.write_str("Hasher")
    }
}

/// SipHash-1-3 under one seed. Small, and copied rather than shared.
#[derive(Clone, Copy)]
pub struct Hasher {
    key: [u64; 2],
}

impl Hasher {
    /// A hash under this seed (16 secret random bytes).
    pub fn new(seed: [u8; 16]) -> Hasher {
        Hasher { key: [little_endian(&seed[..8]), little_endian(&seed[8..])] }
    }

    /// The hash of these bytes.
    pub fn hash(&self, bytes: &[u8]) -> u64 {
        sip_hash::<1, 3>(self.key, bytes)
    }

    /// The bytes together with their hash.
    pub fn key<'a>(&self, bytes: &'a [u8]) -> Key<'a> {
        Key { bytes, hash: self.hash(bytes) }
    }
}

/// SipHash with `C` rounds per word and `D` at the end. Generic only so that the published vectors
/// of SipHash-2-4 check the same code.
fn sip_hash<const C: usize, const D: usize>(key: [u64; 2], bytes: &[u8]) -> u64 {
    let mut state = [
        key[0] ^ 0x736f_6d65_7073_6575,
        key[1] ^ 0x646f_7261_6e64_6f6d,
        key[0] ^ 0x6c79_6765_6e65_7261,
        key[1] ^ 0x7465_6462_7974_6573,
    ];
    let (words, rest) = bytes.as_chunks();
    for word in words {
        absorb::<C>(&mut state, u64::from_le_bytes(*word));
    }
    // Only the lowest byte of the length takes part.
    absorb::<C>(&mut state, little_endian(rest) | (bytes.len() as u64) << 56);
    state[2] ^= 0xff;
    for _ in 0..D {
        round(&mut state);
    }
    state[0] ^ state[1] ^ state[2] ^ state[3]
}

#[inline(always)]
fn absorb<const C: usize>(state: &mut [u64; 4], word: u64) {
    state[3] ^= word;
    for _ in 0..C {
        round(state);
    }
    state[0] ^= word;
}

#[inline(always)]
fn round(v: &mut [u64; 4]) {
    v[0] = v[0].wrapping_add(v[1]);
    v[2] = v[2].wrapping_add(v[3]);
    v[1] = v[1].rotate_left(13) ^ v[0];
    v[3] = v[3].rotate_left(16) ^ v[2];
    v[0] = v[0].rotate_left(32);
    v[2] = v[2].wrapping_add(v[1]);
    v[0] = v[0].wrapping_add(v[3]);
    v[1] = v[1].rotate_left(17) ^ v[2];
    v[3] = v[3].rotate_left(21) ^ v[0];
    v[2] = v[2].rotate_left(32);
}

/// Up to 8 bytes as a number, missing high bytes being zero. Overlapping loads: a copy of a length
/// that the compiler does not know would be a call.
#[inline(always)]
fn little_endian(bytes: &[u8]) -> u64 {
    let len = bytes.len();
    if let Some(word) = bytes.first_chunk() {
        return u64::from_le_bytes(*word);
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        return u64::from(first) | u64::from(last) << (8 * (len - 4));
    }
    let &[first, ..] = bytes else { return 0 };
    let byte = |at: usize| u64::from(bytes[at]) << (8 * at);
    u64::from(first) | byte(len / 2) | byte(len - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::hash_map::DefaultHasher;
    use std::hash::Hasher as _;

    #[test]
    fn siphash_2_4_gives_the_published_vectors() {
        // The authors' example: key 00 01 .. 0f, message 00 01 .. 0e.
        let seed: [u8; 16] = std::array::from_fn(|i| i as u8);
        let message: [u8; 15] = std::array::from_fn(|i| i as u8);
        let key = Hasher::new(seed).key;
        assert_eq!(sip_hash::<2, 4>(key, &message), 0xa129_ca61_49be_45e5);
        assert_eq!(sip_hash::<2, 4>(key, b""), 0x726f_db47_dd0e_0e31);
    }

    #[test]
    fn zero_seed_agrees_with_the_standard_library() {
        arbtest::arbtest(|u| {
            let bytes: Vec<u8> = u.arbitrary()?;
            let mut twin = DefaultHasher::new();
            twin.write(&bytes);
            assert_eq!(Hasher::new([0; 16]).hash(&bytes), twin.finish());
            Ok(())
        });
    }

    #[test]
    fn a_key_has_one_name() {
        for length in 0..50_usize {
            let name: Vec<u8> = (0..length).map(|at| at as u8).collect();
            let key = Hasher::new([5; 16]).key(&name);
            assert!(key.is_named(&name.clone()));
            assert!(!key.is_named(&[&name[..], b"x"].concat()));
            assert!(length == 0 || !key.is_named(&name[1..]));
            for at in 0..length {
                let mut other = name.clone();
                other[at] ^= 1;
                assert!(!key.is_named(&other), "byte {at} of {length}");
            }
        }
    }

    #[test]
    fn every_byte_of_the_seed_matters() {
        let plain = Hasher::new([0; 16]).hash(b"key");
        for index in 0..16 {
            let mut seed = [0; 16];
            seed[index] = 1;
            assert_ne!(Hasher::new(seed).hash(b"key"), plain, "byte {index}");
        }
    }
}
