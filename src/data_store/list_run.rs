//! A run of elements within one node of a list, to walk from either end.
//!
//! ```text
//!   payload:  e0 | e1 | e2      head first
//!   lengths:  l2 | l1 | l0      head last; nothing if all elements have the same length
//! ```

use std::slice::ChunksExact;

/// Elements that lie behind each other. What was walked over is no longer part of the run; a copy
/// made before still has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Run<'a> {
    pub(super) payload: &'a [u8],
    pub(super) lengths: &'a [u8],
    /// Bytes of one length: 0 if all elements are `even_bytes` long, else 1 or 2.
    pub(super) width: usize,
    pub(super) even_bytes: usize,
    /// Elements in the run.
    pub(super) left: usize,
}

impl<'a> Run<'a> {
    /// A single element, wherever it lies.
    pub(super) fn of_one(element: &'a [u8]) -> Run<'a> {
        Run { payload: element, lengths: &[], width: 0, even_bytes: element.len(), left: 1 }
    }

    /// The same elements, if all have one length, and that is not 0.
    #[must_use]
    pub fn alike(&self) -> Option<ChunksExact<'a, u8>> {
        let is_alike = self.width == 0 && self.even_bytes > 0;
        is_alike.then(|| self.payload[..self.left * self.even_bytes].chunks_exact(self.even_bytes))
    }

    #[inline]
    fn take_length_front(&mut self) -> usize {
        if self.width == 0 {
            return self.even_bytes;
        }
        let (rest, length) = self.lengths.split_at(self.lengths.len() - self.width);
        self.lengths = rest;
        length_of(length)
    }

    fn take_length_back(&mut self) -> usize {
        if self.width == 0 {
            return self.even_bytes;
        }
        let (length, rest) = self.lengths.split_at(self.width);
        self.lengths = rest;
        length_of(length)
    }
}

impl<'a> Iterator for Run<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        self.left = self.left.checked_sub(1)?;
        let length = self.take_length_front();
        let (element, rest) = self.payload.split_at(length);
        self.payload = rest;
        Some(element)
    }
}

impl DoubleEndedIterator for Run<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let length = self.take_length_back();
        let (rest, element) = self.payload.split_at(self.payload.len() - length);
        self.payload = rest;
        Some(element)
    }
}

/// A length of one or two bytes as a number.
pub(super) fn length_of(bytes: &[u8]) -> usize {
    match *bytes {
        [length] => usize::from(length),
        [low, high] => usize::from(u16::from_le_bytes([low, high])),
        _ => unreachable!("lengths have one or two bytes"),
    }
}

/// The sum of lengths of `width` bytes each. It cannot overflow, and to check that it does not
/// would make the processor add one by one.
pub(super) fn lengths_sum(lengths: &[u8], width: usize) -> usize {
    let add = |sum: u32, length: u32| sum.wrapping_add(length);
    let sum = match width {
        1 => lengths.iter().map(|length| u32::from(*length)).fold(0, add),
        _ => {
            let pairs = lengths.as_chunks().0.iter();
            pairs.map(|pair| u32::from(u16::from_le_bytes(*pair))).fold(0, add)
        }
    };
    sum as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_walked_from_both_ends() {
        let run = Run { payload: b"abbccc", lengths: &[3, 2, 1], width: 1, even_bytes: 0, left: 3 };
        assert!(run.eq([b"a".as_slice(), b"bb", b"ccc"]));
        assert!(run.rev().eq([b"ccc".as_slice(), b"bb", b"a"]));
        assert!(run.alike().is_none());
        let even = Run { payload: b"aabb", lengths: &[], width: 0, even_bytes: 2, left: 2 };
        assert!(even.alike().is_some_and(|elements| elements.eq([b"aa", b"bb"])));
        let first = Run { left: 1, ..even };
        assert!(first.alike().is_some_and(|elements| elements.eq([b"aa"])));
        assert!(Run { payload: b"", even_bytes: 0, ..even }.alike().is_none());
        assert!(even.eq([b"aa", b"bb"]));
        assert!(even.rev().eq([b"bb", b"aa"]));
        assert!(Run::of_one(b"abc").eq([b"abc"]));
    }

    #[test]
    fn lengths_of_two_bytes_add_up() {
        assert_eq!(lengths_sum(&[1, 1, 2, 0], 2), 259);
        assert_eq!(lengths_sum(&[1, 1, 2, 0], 1), 4);
        assert_eq!(length_of(&[1, 1]), 257);
    }
}
