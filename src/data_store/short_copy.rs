//! Copying eight to sixteen bytes, as most values have, without a call.
//!
//! ```text
//!   [ a b c d e f g h i j k ]      eleven bytes are two words that overlap: to copy a length that
//!     `-- first ----'              the compiler does not know would be a call
//!           `---- last -'
//! ```

/// Copies all of `from` to `to`, which is as long.
#[inline(always)]
pub(super) fn copy_short(to: &mut [u8], from: &[u8]) {
    match (from.first_chunk::<8>(), from.last_chunk::<8>()) {
        (Some(first), Some(last)) if from.len() <= 16 => {
            to[..8].copy_from_slice(first);
            to[from.len() - 8..].copy_from_slice(last);
        }
        _ => to.copy_from_slice(from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_any_length() {
        let from: Vec<u8> = (1..=40).collect();
        for length in 0..from.len() {
            let mut to = vec![0; length];
            copy_short(&mut to, &from[..length]);
            assert_eq!(to, from[..length]);
        }
    }
}
