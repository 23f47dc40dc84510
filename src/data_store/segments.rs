//! A vector that never moves what it holds: segments of `N` elements behind a small directory.
//!
//! ```text
//!   directory   [ 0 ][ 1 ][ 2 ]                   24 bytes per segment: all that is ever copied
//!                 |    |    └─> [ x x x . . . ]    the last one fills up
//!                 |    └──────> [ x x x x x x ]
//!                 └───────────> [ x x x x x x ]
//! ```
//!
//! Growing by one element so costs a constant: at worst one new segment. (The directory doubles as
//! any vector does; that of a hundred million keys is copied in a fraction of a millisecond.)

use std::ops::{Index, IndexMut};

/// Elements in segments of `N`, a power of two. No heap while empty.
#[derive(Debug)]
pub(super) struct Segments<T, const N: usize> {
    segments: Vec<Vec<T>>,
    len: usize,
}

impl<T, const N: usize> Segments<T, N> {
    pub(super) const fn new() -> Self {
        const { assert!(N.is_power_of_two() && N > 1) };
        Self { segments: Vec::new(), len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn push(&mut self, element: T) {
        if self.len == self.segments.len() * N {
            self.segments.push(Vec::with_capacity(N));
        }
        self.segments[self.len / N].push(element);
        self.len += 1;
    }

    /// Takes the last element. A segment that has run empty goes when half of the one before it
    /// is empty too, so that a border crossed to and fro allocates nothing.
    pub(super) fn pop(&mut self) -> Option<T> {
        let last = self.len.checked_sub(1)?;
        let element = self.segments[last / N].pop();
        self.len = last;
        if last == 0 {
            self.segments = Vec::new();
        } else if last % N == N / 2 {
            self.segments.truncate(last / N + 1);
        }
        element
    }

    /// Drops the last segment; `false` when there is none.
    pub(super) fn drop_segment(&mut self) -> bool {
        let dropped = self.segments.pop();
        self.len = self.len.min(self.segments.len() * N);
        dropped.is_some()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.segments.iter().flatten()
    }

    /// Bytes of heap, those of the elements themselves not counted.
    pub(super) fn heap_bytes(&self) -> usize {
        self.segments.capacity() * size_of::<Vec<T>>() + self.segments.len() * N * size_of::<T>()
    }
}

impl<T, const N: usize> Index<usize> for Segments<T, N> {
    type Output = T;

    #[inline]
    fn index(&self, index: usize) -> &T {
        &self.segments[index / N][index % N]
    }
}

impl<T, const N: usize> IndexMut<usize> for Segments<T, N> {
    #[inline]
    fn index_mut(&mut self, index: usize) -> &mut T {
        &mut self.segments[index / N][index % N]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_a_vector() {
        arbtest::arbtest(|u| {
            let (mut segments, mut twin) = (Segments::<u8, 4>::new(), Vec::new());
            while !u.is_empty() {
                if u.ratio(3, 5)? {
                    let element = u.arbitrary()?;
                    segments.push(element);
                    twin.push(element);
                } else {
                    assert_eq!(segments.pop(), twin.pop());
                }
                if let Some(last) = twin.len().checked_sub(1) {
                    segments[last] ^= 1;
                    twin[last] ^= 1;
                }
                assert!(segments.iter().eq(&twin));
                assert_eq!(segments.len(), twin.len());
                assert!(segments.segments.len() <= twin.len() / 4 + 2);
            }
            Ok(())
        });
    }

    #[test]
    fn a_border_crossed_to_and_fro_keeps_its_segment() {
        let mut segments = Segments::<u32, 4>::new();
        (0..4).for_each(|number| segments.push(number));
        for _ in 0..3 {
            segments.push(4);
            segments.pop();
            assert_eq!(segments.segments.len(), 2);
        }
        assert_eq!((segments.pop(), segments.pop()), (Some(3), Some(2)));
        assert_eq!(segments.segments.len(), 1);
        assert_eq!((segments.pop(), segments.pop()), (Some(1), Some(0)));
        assert_eq!(segments.heap_bytes(), 0);
    }
}
