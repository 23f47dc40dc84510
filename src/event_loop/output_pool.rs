//! Memory for output: a connection borrows a buffer when it has something to say and gives it back
//! when all is written, so that idle connections hold none and busy ones allocate none.

use crate::limits::{OUTPUT_SPARE_BYTES_MAX, OUTPUT_SPARES_MAX};

/// Empty buffers with capacity.
#[derive(Debug, Default)]
pub struct OutputPool {
    spares: Vec<Vec<u8>>,
}

impl OutputPool {
    /// A buffer with capacity, if there is one.
    #[inline]
    pub fn take(&mut self) -> Option<Vec<u8>> {
        self.spares.pop()
    }

    /// How many buffers are there to be taken.
    #[must_use]
    pub fn spares(&self) -> usize {
        self.spares.len()
    }

    /// Keeps an empty buffer for the next one, unless it is large or there are enough.
    #[inline]
    pub fn put(&mut self, memory: Vec<u8>) {
        debug_assert!(memory.is_empty());
        if memory.capacity() <= OUTPUT_SPARE_BYTES_MAX && self.spares.len() < OUTPUT_SPARES_MAX {
            self.spares.push(memory);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_small_buffers_and_not_too_many() {
        let mut pool = OutputPool::default();
        for _ in 0..=OUTPUT_SPARES_MAX {
            pool.put(Vec::with_capacity(100));
        }
        assert_eq!(pool.spares.len(), OUTPUT_SPARES_MAX);
        pool.put(Vec::with_capacity(OUTPUT_SPARE_BYTES_MAX + 1));
        assert!(pool.take().is_some_and(|memory| memory.capacity() == 100));
    }
}
