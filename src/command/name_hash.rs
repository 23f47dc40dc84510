//! Names of commands as four machine words, and the hash over them.
//!
//! `build.rs` compiles this file too: what it computes there fills the look-up table, what the
//! server computes here reads it. Every case of a name folds to the same words:
//!
//! ```text
//!   "GetDel"  ->  | g e t d e l 0 0 | 0 ... | 0 ... | 0 ... 0 length |
//!                   word 0            word 1  word 2  word 3
//! ```
//!
//! The length in the last byte keeps "get" and "get\0" apart.

/// The longest name that can be looked up, bytes: four words less the byte of the length.
pub const NAME_BYTES_MAX: usize = 31;

/// A name in lower case, little endian, padded with zeros; the last byte is its length.
pub type Folded = [u64; 4];

/// Folds a name. `None`: longer than any command's.
#[must_use]
#[inline(always)]
pub const fn fold(name: &[u8]) -> Option<Folded> {
    if name.len() < 8 {
        // Most names: one word, and nothing to loop over.
        return Some([lower_case(short_word(name)), 0, 0, (name.len() as u64) << 56]);
    }
    fold_long(name)
}

#[inline(never)]
const fn fold_long(name: &[u8]) -> Option<Folded> {
    if name.len() > NAME_BYTES_MAX {
        return None;
    }
    let mut words = [0; 4];
    let mut rest = name;
    let mut index = 0;
    while let Some((word, behind)) = rest.split_first_chunk() {
        words[index] = lower_case(u64::from_le_bytes(*word));
        rest = behind;
        index += 1;
    }
    words[index] = lower_case(short_word(rest));
    words[3] |= (name.len() as u64) << 56;
    Some(words)
}

/// Hashes folded words: one multiplication whose two halves are mixed.
#[must_use]
#[inline]
pub const fn hash(words: &Folded, seed: u64) -> u64 {
    let folded =
        words[0] ^ words[1].rotate_left(17) ^ words[2].rotate_left(31) ^ words[3].rotate_left(47);
    let product = folded as u128 * seed as u128;
    (product ^ (product >> 64)) as u64
}

/// The row of displacements that a hash selects; `count` is a power of two.
#[must_use]
pub const fn bucket(hash: u64, count: usize) -> usize {
    hash as usize & (count - 1)
}

/// The slot of a hash after its bucket's displacement; `count` is a power of two.
#[must_use]
pub const fn slot(hash: u64, displacement: u16, count: usize) -> usize {
    ((hash >> 40) as usize + displacement as usize) & (count - 1)
}

/// Up to seven bytes as one word. Overlapping loads: the bytes read twice are the same bytes.
#[inline(always)]
const fn short_word(bytes: &[u8]) -> u64 {
    let length = bytes.len();
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        return first as u64 | (last as u64) << ((length - 4) * 8);
    }
    if length == 0 {
        return 0;
    }
    let middle = length / 2;
    bytes[0] as u64
        | (bytes[middle] as u64) << (middle * 8)
        | (bytes[length - 1] as u64) << ((length - 1) * 8)
}

/// `A`-`Z` to `a`-`z` in each of eight bytes at once, and nothing else.
#[inline]
const fn lower_case(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    const HIGH_BITS: u64 = ONES * 0x80;
    // Without their high bits, bytes can be added to without a carry into the next one.
    let low = word & !HIGH_BITS;
    let at_least_a = low + ONES * (0x80 - b'A' as u64);
    let above_z = low + ONES * (0x7f - b'Z' as u64);
    let upper = !word & (at_least_a ^ above_z) & HIGH_BITS;
    word | (upper >> 2)
}
