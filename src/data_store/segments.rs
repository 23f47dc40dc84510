//! A vector that never moves what it holds: segments of equal length behind a small directory.
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
//!
//! Segments of `N` elements come from the general allocator ([`Heaped`]); for elements that are
//! looked at in random order there are whole regions of memory ([`RegionVec`]), which become huge
//! pages when there are many.

use super::huge_pages::HugePages;
use squint_sys::RegionVec;
use std::ops::{Deref, DerefMut, Index, IndexMut};

/// What a directory leads to: up to `CAPACITY` elements that never move.
pub(super) trait Segment: DerefMut<Target = [Self::Element]> {
    /// What it holds.
    type Element;
    /// How many it may hold, a power of two.
    const CAPACITY: usize;

    fn empty() -> Self;
    fn push(&mut self, element: Self::Element);
    fn pop(&mut self) -> Option<Self::Element>;
    /// Bytes of memory.
    fn bytes(&self) -> usize;
}

/// Elements in segments. No heap while it has never held one.
#[derive(Debug)]
pub(super) struct Segments<S> {
    segments: Vec<S>,
    len: usize,
    huge_pages: HugePages,
}

impl<S: Segment> Segments<S> {
    pub(super) const fn new() -> Self {
        const { assert!(S::CAPACITY.is_power_of_two() && S::CAPACITY > 1) };
        Self { segments: Vec::new(), len: 0, huge_pages: HugePages::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The element of this number, if there is one.
    #[inline(always)]
    pub(super) fn get(&self, index: usize) -> Option<&S::Element> {
        self.segments.get(index / S::CAPACITY)?.get(index % S::CAPACITY)
    }

    pub(super) fn push(&mut self, element: S::Element) {
        if self.len == self.segments.len() * S::CAPACITY {
            self.segments.push(S::empty());
        }
        self.segments[self.len / S::CAPACITY].push(element);
        self.len += 1;
    }

    /// Takes the last element. A segment that has run empty goes when half of the one before it
    /// is empty too, and the first one stays, so that a border crossed to and fro allocates
    /// nothing.
    pub(super) fn pop(&mut self) -> Option<S::Element> {
        let last = self.len.checked_sub(1)?;
        let element = self.segments[last / S::CAPACITY].pop();
        self.huge_pages.reopen(last / S::CAPACITY);
        self.len = last;
        if last % S::CAPACITY == S::CAPACITY / 2 {
            self.segments.truncate(last / S::CAPACITY + 1);
        }
        element
    }

    /// Drops the last segment; `false` when there is none.
    pub(super) fn drop_segment(&mut self) -> bool {
        let dropped = self.segments.pop();
        self.huge_pages.reopen(self.segments.len());
        self.len = self.len.min(self.segments.len() * S::CAPACITY);
        dropped.is_some()
    }

    pub(super) fn iter<'a>(&'a self) -> impl Iterator<Item = &'a S::Element>
    where
        S::Element: 'a,
    {
        self.segments.iter().flat_map(|segment| segment.iter())
    }

    /// Bytes of heap, those of the elements themselves not counted.
    pub(super) fn heap_bytes(&self) -> usize {
        let directory = self.segments.capacity() * size_of::<S>();
        directory + self.segments.iter().map(S::bytes).sum::<usize>()
    }
}

impl<T: Copy> Segments<RegionVec<T>> {
    /// How many of its regions wait to become huge pages.
    #[inline]
    pub(super) fn waiting_regions(&self) -> usize {
        self.huge_pages.waiting(self.segments.len())
    }

    /// Up to `budget` of them ask for it; gives how many.
    pub(super) fn ask_for_huge_pages(&mut self, budget: usize) -> usize {
        let asking = self.huge_pages.next(&mut self.segments, budget);
        asking.iter_mut().for_each(RegionVec::ask_for_huge_page);
        asking.len()
    }
}

impl<S: Segment> Index<usize> for Segments<S> {
    type Output = S::Element;

    #[inline]
    fn index(&self, index: usize) -> &S::Element {
        &self.segments[index / S::CAPACITY][index % S::CAPACITY]
    }
}

impl<S: Segment> IndexMut<usize> for Segments<S> {
    #[inline]
    fn index_mut(&mut self, index: usize) -> &mut S::Element {
        &mut self.segments[index / S::CAPACITY][index % S::CAPACITY]
    }
}

/// A segment of `N` elements in the general allocator's memory.
#[derive(Debug)]
pub(super) struct Heaped<T, const N: usize>(Vec<T>);

impl<T, const N: usize> Segment for Heaped<T, N> {
    type Element = T;
    const CAPACITY: usize = N;

    fn empty() -> Self {
        Self(Vec::with_capacity(N))
    }

    fn push(&mut self, element: T) {
        self.0.push(element);
    }

    fn pop(&mut self) -> Option<T> {
        self.0.pop()
    }

    fn bytes(&self) -> usize {
        N * size_of::<T>()
    }
}

impl<T, const N: usize> Deref for Heaped<T, N> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T, const N: usize> DerefMut for Heaped<T, N> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<T: Copy> Segment for RegionVec<T> {
    type Element = T;
    const CAPACITY: usize = Self::CAPACITY;

    fn empty() -> Self {
        Self::new()
    }

    fn push(&mut self, element: T) {
        self.push(element);
    }

    fn pop(&mut self) -> Option<T> {
        self.pop()
    }

    /// Only what has been filled is resident.
    fn bytes(&self) -> usize {
        size_of_val(&self[..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_a_vector() {
        arbtest::arbtest(|u| {
            let (mut segments, mut twin) = (Segments::<Heaped<u8, 4>>::new(), Vec::new());
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
                assert!((0..twin.len() + 9).all(|index| segments.get(index) == twin.get(index)));
                assert_eq!(segments.len(), twin.len());
                assert!(segments.segments.len() <= twin.len() / 4 + 2);
            }
            Ok(())
        });
    }

    #[test]
    fn a_border_crossed_to_and_fro_keeps_its_segment() {
        let mut segments = Segments::<Heaped<u32, 4>>::new();
        (0..4).for_each(|number| segments.push(number));
        for _ in 0..3 {
            segments.push(4);
            segments.pop();
            assert_eq!(segments.segments.len(), 2);
        }
        assert_eq!((segments.pop(), segments.pop()), (Some(3), Some(2)));
        assert_eq!(segments.segments.len(), 1);
        assert_eq!((segments.pop(), segments.pop()), (Some(1), Some(0)));
        assert_eq!(segments.segments.len(), 1);
    }
}
