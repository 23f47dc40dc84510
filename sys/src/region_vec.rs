//! A vector that fills one region and never moves: plain values, memory only as far as it reaches.
//!
//! ```text
//!   region   [ value | value | value | . . . untouched . . . ]
//!                                    ^ len                   ^ CAPACITY
//! ```

use crate::region::{PIECE_BYTES, REGION_BYTES, Region};
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

/// Up to [`RegionVec::CAPACITY`] values in one region.
#[derive(Debug)]
pub struct RegionVec<T: Copy> {
    region: Region,
    len: usize,
    values: PhantomData<T>,
}

impl<T: Copy> RegionVec<T> {
    /// Values that fit in. Sizes are powers of two, so that no value lies on a border of pieces.
    pub const CAPACITY: usize = {
        assert!(size_of::<T>().is_power_of_two() && size_of::<T>() < PIECE_BYTES);
        REGION_BYTES / size_of::<T>()
    };
    const PIECE: usize = PIECE_BYTES / size_of::<T>();

    /// No values, in a region of their own. Without memory the process ends.
    #[allow(clippy::new_without_default, reason = "it is not cheap, and nothing like a default")]
    #[must_use]
    pub fn new() -> Self {
        Self { region: Region::new(), len: 0, values: PhantomData }
    }

    /// Appends a value, for which there must be room.
    pub fn push(&mut self, value: T) {
        assert!(self.len < Self::CAPACITY, "a region is full");
        if self.len.is_multiple_of(Self::PIECE) {
            self.region.reuse(self.len / Self::PIECE);
        }
        // SAFETY: `len` is below the capacity, so this value lies within the region.
        let end = unsafe { self.start_mut().add(self.len) };
        // SAFETY: the place is the region's, aligned (its start is, to more than any value needs),
        // and nobody else's: the region is borrowed exclusively.
        unsafe { end.write(value) };
        self.len += 1;
    }

    /// Takes the last value. Memory goes back by pieces, each when the vector ends half a piece
    /// before it, so that a border crossed to and fro costs nothing.
    pub fn pop(&mut self) -> Option<T> {
        let value = *self.last()?;
        self.len -= 1;
        if self.len % Self::PIECE == Self::PIECE / 2 {
            let next = self.len / Self::PIECE + 1;
            if next < REGION_BYTES / PIECE_BYTES {
                self.region.discard(next);
            }
        }
        Some(value)
    }

    /// As [`Region::ask_for_huge_page`].
    pub fn ask_for_huge_page(&mut self) {
        self.region.ask_for_huge_page();
    }

    fn start_mut(&mut self) -> *mut T {
        self.region.as_mut_ptr().cast()
    }
}

impl<T: Copy> Deref for RegionVec<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        let start = self.region.as_ptr().cast();
        // SAFETY: the first `len` values were written by `push`, lie within the region, which is
        // aligned to more than any value needs, and live as long as `self`.
        unsafe { std::slice::from_raw_parts(start, self.len) }
    }
}

impl<T: Copy> DerefMut for RegionVec<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        let (start, len) = (self.start_mut(), self.len);
        // SAFETY: as for `deref`, and `self` is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(start, len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Values = RegionVec<[u64; 4]>;

    #[test]
    fn agrees_with_a_vector() {
        let (mut values, mut twin) = (Values::new(), Vec::new());
        for number in 0..Values::CAPACITY as u64 {
            values.push([number; 4]);
            twin.push([number; 4]);
        }
        values[7] = [0; 4];
        twin[7] = [0; 4];
        assert_eq!(*values, *twin);
        while let last @ Some(_) = twin.pop() {
            assert_eq!(values.pop(), last);
        }
        assert_eq!((values.pop(), values.len()), (None, 0));
    }

    #[test]
    fn what_was_given_back_can_be_filled_again() {
        let mut values = Values::new();
        (0..3 * Values::PIECE).for_each(|_| values.push([1; 4]));
        (0..2 * Values::PIECE).for_each(|_| assert!(values.pop().is_some()));
        (0..2 * Values::PIECE).for_each(|_| values.push([2; 4]));
        let (old, new) = values.split_at(Values::PIECE);
        assert!(old.iter().all(|value| *value == [1; 4]));
        assert!(new.iter().all(|value| *value == [2; 4]));
    }

    #[test]
    #[should_panic(expected = "a region is full")]
    fn one_too_many_is_our_own_mistake() {
        let mut values = Values::new();
        (0..=Values::CAPACITY).for_each(|_| values.push([0; 4]));
    }
}
