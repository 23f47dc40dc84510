//! List values: byte strings in order, cheap at both ends.
//!
//! Elements are handed out as slices and taken in as slices; how they are kept is not part of the
//! contract. Positions count from the head, from 0; Redis's negative positions are turned into
//! these by [`clamp_index`] and [`clamp_range`].

use std::collections::VecDeque;
use std::collections::vec_deque;
use std::iter::Rev;

/// The value of a list key. Commands delete a key whose list runs empty; nothing here does.
#[derive(Debug, Default)]
pub struct List {
    elements: VecDeque<Box<[u8]>>,
}

/// Elements from the head towards the tail. See [`List::iter_range`].
#[derive(Debug, Clone)]
pub struct Iter<'a>(vec_deque::Iter<'a, Box<[u8]>>);

impl<'a> Iterator for Iter<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.0.next().map(|element| &**element)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|element| &**element)
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl List {
    /// A list without elements and without heap.
    pub fn new() -> List {
        List::default()
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.elements.len()
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    /// Adds an element at the head.
    pub fn push_front(&mut self, element: &[u8]) {
        self.elements.push_front(element.into());
    }

    /// Adds an element at the tail.
    pub fn push_back(&mut self, element: &[u8]) {
        self.elements.push_back(element.into());
    }

    /// The element at the head.
    pub fn front(&self) -> Option<&[u8]> {
        self.get(0)
    }

    /// The element at the tail.
    pub fn back(&self) -> Option<&[u8]> {
        self.get(self.len().checked_sub(1)?)
    }

    /// Removes the head; `false` if there is none. Read it with [`List::front`] first: a reply is
    /// written from the element in place, without a copy in between.
    pub fn drop_front(&mut self) -> bool {
        self.elements.pop_front().is_some()
    }

    /// Removes the tail; `false` if there is none.
    pub fn drop_back(&mut self) -> bool {
        self.elements.pop_back().is_some()
    }

    /// The element at this position.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        self.elements.get(index).map(|element| &**element)
    }

    /// `count` elements from position `start` on, fewer if the list ends before.
    pub fn iter_range(&self, start: usize, count: usize) -> Iter<'_> {
        let start = start.min(self.len());
        let end = start.saturating_add(count).min(self.len());
        Iter(self.elements.range(start..end))
    }

    /// `count` elements from position `start` on towards the head: `start`, `start - 1`, and so
    /// on. A start beyond the tail begins at the tail.
    pub fn iter_range_reversed(&self, start: usize, count: usize) -> Rev<Iter<'_>> {
        let end = start.saturating_add(1).min(self.len());
        Iter(self.elements.range(end.saturating_sub(count)..end)).rev()
    }

    /// All elements from the head to the tail.
    pub fn iter(&self) -> Iter<'_> {
        Iter(self.elements.iter())
    }

    /// Overwrites the element at this position; `false` if there is none.
    pub fn set(&mut self, index: usize, element: &[u8]) -> bool {
        let Some(place) = self.elements.get_mut(index) else { return false };
        *place = element.into();
        true
    }

    /// Adds an element before the one at this position; at the tail if `index` is the length.
    pub fn insert(&mut self, index: usize, element: &[u8]) {
        assert!(index <= self.len(), "an element goes before another one or at the tail");
        self.elements.insert(index, element.into());
    }

    /// Removes the element at this position; `false` if there is none.
    pub fn remove(&mut self, index: usize) -> bool {
        self.elements.remove(index).is_some()
    }

    /// Keeps the elements from `first` to `last`, both included, and removes all others. With
    /// `first` beyond `last` or beyond the tail nothing is kept.
    pub fn trim(&mut self, first: usize, last: usize) {
        self.elements.truncate(last.saturating_add(1));
        self.elements.drain(..first.min(self.elements.len()));
        self.elements.shrink_to_fit();
    }

    /// The position of the first element equal to this one, at `start` or behind it.
    pub fn position(&self, element: &[u8], start: usize) -> Option<usize> {
        let mut behind = self.iter_range(start, usize::MAX);
        behind.position(|other| other == element).map(|offset| start + offset)
    }

    /// Removes elements equal to this one and returns how many: up to `limit`, beginning at the
    /// head, or at the tail if `from_tail`.
    pub fn remove_equal(&mut self, element: &[u8], limit: usize, from_tail: bool) -> usize {
        let found = self.iter().filter(|other| *other == element).count();
        let mut skip = if from_tail { found.saturating_sub(limit) } else { 0 };
        let mut take = found.min(limit);
        self.elements.retain(|other| {
            if **other != *element || take == 0 {
                return true;
            }
            if skip > 0 {
                skip -= 1;
                return true;
            }
            take -= 1;
            false
        });
        found.min(limit)
    }
}

/// A position as clients write it (negative ones count from the tail, -1 is the last) as one that
/// counts from the head; nothing if it lies outside.
pub fn clamp_index(index: i64, len: usize) -> Option<usize> {
    let position = if index < 0 { i64::try_from(len).ok()?.checked_add(index)? } else { index };
    usize::try_from(position).ok().filter(|position| *position < len)
}

/// A range as clients write it (both ends included, negative ones counted from the tail) as
/// positions of the first and the last element in it, both included; nothing if it is empty.
///
/// A start before the head is the head and a stop behind the tail is the tail, but a stop before
/// the head or a start behind the tail leaves nothing.
pub fn clamp_range(start: i64, stop: i64, len: usize) -> Option<(usize, usize)> {
    let len = i64::try_from(len).unwrap_or(i64::MAX);
    let from_head = |index: i64| if index < 0 { index.saturating_add(len) } else { index };
    let (first, last) = (from_head(start).max(0), from_head(stop).min(len - 1));
    if first > last {
        return None;
    }
    Some((usize::try_from(first).ok()?, usize::try_from(last).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(
        list: &mut List,
        twin: &mut VecDeque<Vec<u8>>,
        u: &mut arbtest::arbitrary::Unstructured,
    ) -> arbtest::arbitrary::Result<()> {
        // Few different elements, so that equal ones are common.
        let element = vec![b'x'; u.int_in_range(0..=3)?];
        let index = u.int_in_range(0..=twin.len() + 1)?;
        match u.int_in_range(0..=9)? {
            0 | 1 => {
                list.push_front(&element);
                twin.push_front(element);
            }
            2 | 3 => {
                list.push_back(&element);
                twin.push_back(element);
            }
            4 => assert_eq!(list.drop_front(), twin.pop_front().is_some()),
            5 => assert_eq!(list.drop_back(), twin.pop_back().is_some()),
            6 => {
                let known = twin.get_mut(index).map(|place| *place = element.clone()).is_some();
                assert_eq!(list.set(index, &element), known);
            }
            7 if index <= twin.len() => {
                list.insert(index, &element);
                twin.insert(index, element);
            }
            8 => assert_eq!(list.remove(index), twin.remove(index).is_some()),
            _ => {
                let (limit, from_tail) = (u.int_in_range(0..=3)?, u.arbitrary()?);
                let mut removed = 0;
                while removed < limit {
                    let mut places = (0..twin.len()).filter(|at| twin[*at] == element);
                    let place = if from_tail { places.next_back() } else { places.next() };
                    let Some(place) = place else { break };
                    twin.remove(place);
                    removed += 1;
                }
                assert_eq!(list.remove_equal(&element, limit, from_tail), removed);
            }
        }
        Ok(())
    }

    #[test]
    fn agrees_with_a_deque() {
        arbtest::arbtest(|u| {
            let (mut list, mut twin) = (List::new(), VecDeque::new());
            while !u.is_empty() {
                step(&mut list, &mut twin, u)?;
                assert!(list.iter().eq(twin.iter()));
                assert_eq!((list.len(), list.is_empty()), (twin.len(), twin.is_empty()));
                assert_eq!(list.front(), twin.front().map(Vec::as_slice));
                assert_eq!(list.back(), twin.back().map(Vec::as_slice));
                let (start, count) = (u.int_in_range(0..=9)?, u.int_in_range(0..=9)?);
                assert!(list.iter_range(start, count).eq(twin.iter().skip(start).take(count)));
                let backwards = twin.iter().take(start + 1).rev().take(count);
                assert!(list.iter_range_reversed(start, count).eq(backwards));
                let place = (start..twin.len()).find(|at| twin[*at] == b"xx");
                assert_eq!(list.position(b"xx", start), place);
            }
            Ok(())
        });
    }

    #[test]
    fn trim_keeps_a_range() {
        arbtest::arbtest(|u| {
            let len: u8 = u.int_in_range(0..=9)?;
            let (first, last) = (u.int_in_range(0..=10)?, u.int_in_range(0..=10)?);
            let mut list = List::new();
            (0..len).for_each(|element| list.push_back(&[element]));
            list.trim(first, last);
            let kept = (0..len).filter(|at| (first..=last).contains(&usize::from(*at)));
            assert!(list.iter().eq(kept.map(|at| [at])));
            Ok(())
        });
        let mut list = List::new();
        list.push_back(b"a");
        list.trim(0, usize::MAX);
        assert_eq!(list.len(), 1);
    }

    #[test]
    fn ranges_of_an_iterator_know_their_length() {
        let mut list = List::new();
        (0..5u8).for_each(|element| list.push_back(&[element]));
        assert_eq!(list.iter_range(1, 3).len(), 3);
        assert_eq!(list.iter_range(usize::MAX, usize::MAX).len(), 0);
        assert_eq!(list.iter_range_reversed(usize::MAX, 2).len(), 2);
    }

    /// LRANGE k 0 -10 gave one element in the C++ original (D56).
    #[test]
    fn clamp_range_follows_lrange() {
        let cases = [
            ((0, -1), 3, Some((0, 2))),
            ((0, -10), 3, None),
            ((-10, -4), 3, None),
            ((-10, -3), 3, Some((0, 0))),
            ((i64::MIN, i64::MAX), 3, Some((0, 2))),
            ((i64::MAX, i64::MIN), 3, None),
            ((5, 10), 1, None),
            ((-2, 10), 3, Some((1, 2))),
            ((2, 1), 3, None),
            ((0, 0), 0, None),
            ((0, -1), 0, None),
        ];
        for ((start, stop), len, expected) in cases {
            assert_eq!(clamp_range(start, stop, len), expected, "{start} {stop} of {len}");
        }
    }

    #[test]
    fn clamp_index_finds_a_place_or_nothing() {
        let cases = [
            (0, 1, Some(0)),
            (-1, 3, Some(2)),
            (-3, 3, Some(0)),
            (-4, 3, None),
            (3, 3, None),
            (i64::MIN, 3, None),
            (i64::MAX, 3, None),
            (0, 0, None),
            (-1, 0, None),
        ];
        for (index, len, expected) in cases {
            assert_eq!(clamp_index(index, len), expected, "{index} of {len}");
        }
    }
}
