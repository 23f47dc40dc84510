//! Unpredictable bytes from the kernel.

use crate::{Errno, abi};

/// The kernel answers requests of this size whole and without being interrupted.
const REQUEST_BYTES_MAX: usize = 256;

/// Fills `bytes`, or says why it cannot. There is no second-best source on purpose (F24).
pub fn fill(bytes: &mut [u8]) -> Result<(), Errno> {
    for request in bytes.chunks_mut(REQUEST_BYTES_MAX) {
        abi::random_request(request)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_every_part_of_a_long_buffer() {
        let mut bytes = [0; 1_000];
        fill(&mut bytes).unwrap();
        for part in bytes.chunks(100) {
            assert!(part.iter().any(|byte| *byte != 0));
        }
        fill(&mut []).unwrap();
    }
}
