//! Comparing sixteen bytes with one at once.
//!
//! A bucket of a hash table is searched by comparing all its tags with the wanted one. Every
//! x86-64 processor does that in four instructions; elsewhere arithmetic does it, and is the twin
//! that the instructions are tested against.

/// Which of `bytes` equal `byte`: bit `n` speaks of byte `n`.
#[inline(always)]
#[must_use]
pub fn equal_bytes(bytes: &[u8; 16], byte: u8) -> u16 {
    #[cfg(target_arch = "x86_64")]
    {
        by_instruction(bytes, byte)
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        by_arithmetic(bytes, byte)
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn by_instruction(bytes: &[u8; 16], byte: u8) -> u16 {
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_set1_epi8,
    };
    let address: *const __m128i = bytes.as_ptr().cast();
    // SAFETY: sixteen bytes are read from a reference to sixteen bytes; the load asks for no
    // alignment. SSE2, which it and the rest belong to, is part of x86-64.
    let loaded = unsafe { _mm_loadu_si128(address) };
    // SAFETY: SSE2 is there, and registers are all that is touched.
    let wanted = unsafe { _mm_set1_epi8(byte.cast_signed()) };
    // SAFETY: as before.
    let equal = unsafe { _mm_cmpeq_epi8(loaded, wanted) };
    // SAFETY: as before.
    let mask = unsafe { _mm_movemask_epi8(equal) };
    mask as u16
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn by_arithmetic(bytes: &[u8; 16], byte: u8) -> u16 {
    const LOW_BITS: u64 = u64::MAX / 255;
    const LOW_SEVEN: u64 = LOW_BITS * 0x7f;
    let half = |word: u64| {
        let differing = word ^ (LOW_BITS * u64::from(byte));
        // The top bit of each byte that is zero, exactly: no carry leaves a byte.
        let zero = !(((differing & LOW_SEVEN) + LOW_SEVEN) | differing | LOW_SEVEN);
        // The product puts bit `8 n` at `56 + n`, and no two of its terms meet there.
        (zero >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
    };
    let word = u128::from_le_bytes(*bytes);
    (half(word as u64) | half((word >> 64) as u64) << 8) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_a_loop_and_with_arithmetic() {
        let pool = [0, 1, 2, 0x7f, 0x80, 0x81, 0xfe, 0xff];
        for seed in 0_u64..20_000 {
            let mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let bytes: [u8; 16] =
                std::array::from_fn(|at| pool[(mixed.rotate_left(3 * at as u32) % 8) as usize]);
            for byte in pool {
                let bits = (0..16).map(|at| u16::from(bytes[at] == byte) << at);
                let naive = bits.fold(0, |all, bit| all | bit);
                assert_eq!(equal_bytes(&bytes, byte), naive, "{bytes:?} {byte}");
                assert_eq!(by_arithmetic(&bytes, byte), naive, "{bytes:?} {byte}");
            }
        }
    }
}
