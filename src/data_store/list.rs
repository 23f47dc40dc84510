//! List values: byte strings in order, cheap at both ends.
//!
//! Elements are handed out and taken in as [`BytesRef`]s: a large one is kept where it lies, and
//! held by whoever wants to; how the others are kept is not part of the contract. Positions count
//! from the head, from 0; Redis's negative positions are turned into these by [`clamp_index`] and
//! [`clamp_range`].
//!
//! The smallest ones lie packed in the entries of their keys and become a [`List`] while a command
//! works on them: `list_access.rs`.
//!
//! ```text
//!   a small list    List ---> one node: header | elements | lengths       one allocation
//!   any other       List ---> [ head ] ( counted tree of pieces ) [ tail ]
//!                             a piece: a node, or one large element
//! ```
//!
//! | to | costs |
//! |---|---|
//! | push, read, drop at an end | one piece, whatever the length |
//! | read, set, insert, remove at a position | O(log n), and to move half a node at most |
//! | trim | O(log n), and to free what is cut off |
//! | find an equal element | all that lie before it, piece by piece |
//! | free | one step per piece; see [`List::drop_some`] |

use super::list_change::{insert_into, remaining, wedge};
pub use super::list_node::End;
use super::list_node::Node;
pub use super::list_piece::Stretch;
use super::list_piece::{Piece, PieceRef};
use super::list_run::Run;
use super::list_sequence::Sequence;
use super::list_tree::{Change, Pieces};
use crate::shared_bytes::BytesRef;
use static_assertions::const_assert_eq;
use std::iter::{FusedIterator, Rev};
use std::mem;

/// The value of a list key. Commands delete a key whose list runs empty; nothing here does.
#[derive(Debug, Default)]
pub struct List {
    shape: Shape,
}

const_assert_eq!(mem::size_of::<List>(), 16);

#[derive(Debug)]
enum Shape {
    One(Node),
    Many(Box<Sequence>),
}

impl Default for Shape {
    fn default() -> Shape {
        Shape::One(Node::default())
    }
}

impl Shape {
    /// The shape of a list of these pieces.
    fn of(mut pieces: Pieces) -> Shape {
        match (pieces.pop(), pieces.is_empty()) {
            (None, _) => Shape::default(),
            (Some(Piece::Node(node)), true) => Shape::One(node),
            (Some(last), _) => {
                pieces.push(last);
                Shape::Many(Box::new(Sequence::from_pieces(pieces)))
            }
        }
    }
}

/// Elements from the head towards the tail. See [`List::iter_range`].
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    list: &'a List,
    /// Positions still to come.
    start: usize,
    end: usize,
    /// What is left of the nodes at both positions, if they are nodes. Both may reach into the same
    /// one.
    front: Run<'a>,
    back: Run<'a>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = BytesRef<'a>;

    fn next(&mut self) -> Option<BytesRef<'a>> {
        if self.start == self.end {
            return None;
        }
        self.start += 1;
        if self.front.left == 0 {
            match self.list.stretch_from(self.start - 1) {
                Stretch::Near(run) => self.front = run,
                Stretch::Apart(element) => return Some(BytesRef::Apart(element)),
            }
        }
        self.front.next().map(BytesRef::Near)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.end - self.start, Some(self.end - self.start))
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.start == self.end {
            return None;
        }
        self.end -= 1;
        if self.back.left == 0 {
            match self.list.stretch_to(self.end) {
                Stretch::Near(run) => self.back = run,
                Stretch::Apart(element) => return Some(BytesRef::Apart(element)),
            }
        }
        self.back.next_back().map(BytesRef::Near)
    }
}

impl<'a> Iter<'a> {
    /// The same elements in stretches: to walk within one costs next to nothing per element.
    pub fn stretches(mut self) -> impl Iterator<Item = Stretch<'a>> {
        std::iter::from_fn(move || self.next_stretch())
    }

    fn next_stretch(&mut self) -> Option<Stretch<'a>> {
        if self.start == self.end {
            return None;
        }
        let front = mem::take(&mut self.front);
        let mut stretch = match front.left {
            0 => self.list.stretch_from(self.start),
            _ => Stretch::Near(front),
        };
        self.start += stretch.limit(self.end - self.start);
        Some(stretch)
    }
}

impl ExactSizeIterator for Iter<'_> {}
impl FusedIterator for Iter<'_> {}

impl List {
    /// A list without elements and without heap.
    pub fn new() -> List {
        List::default()
    }

    /// How many elements there are.
    #[inline]
    pub fn len(&self) -> usize {
        match &self.shape {
            Shape::One(node) => node.count(),
            Shape::Many(sequence) => sequence.len(),
        }
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds an element at the head.
    pub fn push_front<'e>(&mut self, element: impl Into<BytesRef<'e>>) {
        self.push(End::Head, element.into());
    }

    /// Adds an element at the tail.
    pub fn push_back<'e>(&mut self, element: impl Into<BytesRef<'e>>) {
        self.push(End::Tail, element.into());
    }

    /// Adds an element at this end.
    #[inline(always)]
    pub fn push(&mut self, end: End, element: BytesRef<'_>) {
        match &mut self.shape {
            Shape::One(node) => {
                if !node.push(end, &element) {
                    self.outgrow(end, element);
                }
            }
            Shape::Many(sequence) => sequence.push(end, element),
        }
    }

    /// Adds an element that the only node has no room for.
    #[cold]
    fn outgrow(&mut self, end: End, element: BytesRef<'_>) {
        let Shape::One(node) = &mut self.shape else { return };
        let node = Piece::Node(mem::take(node));
        let mut sequence = Sequence::from_pieces(Pieces::from_iter([node]));
        sequence.push(end, element);
        self.shape = Shape::Many(Box::new(sequence));
    }

    /// The element at the head.
    pub fn front(&self) -> Option<BytesRef<'_>> {
        self.end(End::Head)
    }

    /// The element at the tail.
    pub fn back(&self) -> Option<BytesRef<'_>> {
        self.end(End::Tail)
    }

    /// The element at this end.
    #[inline]
    pub fn end(&self, end: End) -> Option<BytesRef<'_>> {
        match &self.shape {
            Shape::One(node) => node.end(end).map(BytesRef::Near),
            Shape::Many(sequence) => sequence.end(end),
        }
    }

    /// Removes the head; `false` if there is none.
    pub fn drop_front(&mut self) -> bool {
        self.drop_end(End::Head)
    }

    /// Removes the tail; `false` if there is none.
    pub fn drop_back(&mut self) -> bool {
        self.drop_end(End::Tail)
    }

    /// Removes the element at this end; `false` if there is none.
    pub fn drop_end(&mut self, end: End) -> bool {
        self.pop(end, |_| ())
    }

    /// Removes the element at this end; `false` if there is none. It is shown to `see` first: a
    /// reply is written from the element in place, without a copy in between.
    #[inline]
    pub fn pop(&mut self, end: End, see: impl FnOnce(BytesRef<'_>)) -> bool {
        match &mut self.shape {
            Shape::One(node) => node.pop(end, |element| see(BytesRef::Near(element))),
            Shape::Many(sequence) => {
                let is_popped = sequence.pop(end, see);
                if sequence.is_short() {
                    self.collapse();
                }
                is_popped
            }
        }
    }

    /// A long list that became small is a single node again.
    fn collapse(&mut self) {
        if let Shape::Many(sequence) = &mut self.shape
            && let Some(node) = sequence.collapse()
        {
            self.shape = Shape::One(node);
        }
    }

    /// The element at this position.
    pub fn get(&self, index: usize) -> Option<BytesRef<'_>> {
        if index >= self.len() {
            return None;
        }
        let (piece, offset) = self.find(index, || ());
        Some(piece.get(offset))
    }

    /// The piece of the element at this position, which exists, and the position in it. Calls
    /// `look` for every piece or count of a piece looked at on the way.
    fn find(&self, index: usize, mut look: impl FnMut()) -> (PieceRef<'_>, usize) {
        look();
        match &self.shape {
            Shape::One(node) => (PieceRef::Node(node), index),
            Shape::Many(sequence) => sequence.find(index, look),
        }
    }

    /// The element at this position, which exists, and those behind it in its piece.
    fn stretch_from(&self, index: usize) -> Stretch<'_> {
        let (piece, offset) = self.find(index, || ());
        piece.stretch(offset..piece.count())
    }

    /// The element at this position, which exists, and those before it in its piece.
    fn stretch_to(&self, index: usize) -> Stretch<'_> {
        let (piece, offset) = self.find(index, || ());
        piece.stretch(0..offset + 1)
    }

    /// `count` elements from position `start` on, fewer if the list ends before.
    pub fn iter_range(&self, start: usize, count: usize) -> Iter<'_> {
        let len = self.len();
        let start = start.min(len);
        let end = start.saturating_add(count).min(len);
        Iter { list: self, start, end, front: Run::default(), back: Run::default() }
    }

    /// `count` elements from position `start` on towards the head: `start`, `start - 1`, and so
    /// on. A start beyond the tail begins at the tail.
    pub fn iter_range_reversed(&self, start: usize, count: usize) -> Rev<Iter<'_>> {
        let end = start.saturating_add(1).min(self.len());
        let first = end.saturating_sub(count);
        self.iter_range(first, end - first).rev()
    }

    /// All elements from the head to the tail.
    pub fn iter(&self) -> Iter<'_> {
        self.iter_range(0, usize::MAX)
    }

    /// Overwrites the element at this position; `false` if there is none.
    pub fn set<'e>(&mut self, index: usize, element: impl Into<BytesRef<'e>>) -> bool {
        if index >= self.len() {
            return false;
        }
        let element = element.into();
        self.update(index, &mut |mut piece, at| {
            if piece.set(at, element) {
                return Pieces::from_iter([piece]);
            }
            let mut behind = piece.split_off(at);
            behind.remove(0..1);
            wedge(piece, element, behind)
        });
        true
    }

    /// Adds an element before the one at this position; at the tail if `index` is the length.
    pub fn insert<'e>(&mut self, index: usize, element: impl Into<BytesRef<'e>>) {
        let (len, element) = (self.len(), element.into());
        assert!(index <= len, "an element goes before another one or at the tail");
        if index == 0 || index == len {
            return self.push(if index == 0 { End::Head } else { End::Tail }, element);
        }
        self.update(index, &mut |piece, at| insert_into(piece, at, element));
    }

    /// Removes the element at this position; `false` if there is none.
    pub fn remove(&mut self, index: usize) -> bool {
        if index >= self.len() {
            return false;
        }
        self.update(index, &mut |mut piece, at| {
            piece.remove(at..at + 1);
            remaining(piece)
        });
        true
    }

    /// Changes the piece of the element at this position, which exists.
    fn update(&mut self, index: usize, change: &mut Change<'_>) {
        match &mut self.shape {
            Shape::One(node) => {
                let pieces = change(Piece::Node(mem::take(node)), index);
                self.shape = Shape::of(pieces);
            }
            Shape::Many(sequence) => {
                sequence.update(index, change);
                self.collapse();
            }
        }
    }

    /// Keeps the elements from `first` to `last`, both included, and removes all others. With
    /// `first` beyond `last` or beyond the tail nothing is kept.
    pub fn trim(&mut self, first: usize, last: usize) {
        drop(self.trim_off(first, last));
    }

    /// As [`List::trim`], but whole pieces that are cut off come back as lists of their own, for
    /// the caller to free in slices: before and behind what is kept.
    pub fn trim_off(&mut self, first: usize, last: usize) -> [List; 2] {
        let len = self.len();
        let end = last.saturating_add(1).min(len);
        if first >= end {
            return [mem::take(self), List::new()];
        }
        let behind = self.cut(End::Tail, len - end);
        let before = self.cut(End::Head, first);
        self.collapse();
        [before, behind]
    }

    /// Removes fewer elements than there are, and returns them if they are many.
    fn cut(&mut self, end: End, number: usize) -> List {
        let cut = match &mut self.shape {
            _ if number == 0 => None,
            Shape::One(node) => {
                node.remove_end(end, number);
                None
            }
            Shape::Many(sequence) => sequence.cut(end, number),
        };
        let shape = cut.map(|sequence| Shape::Many(Box::new(sequence)));
        List { shape: shape.unwrap_or_default() }
    }

    /// The position of the first element equal to this one, at `start` or behind it.
    pub fn position(&self, element: &[u8], start: usize) -> Option<usize> {
        self.position_within(element, start, usize::MAX)
    }

    /// As [`List::position`], but among `count` elements from `start` on only.
    pub fn position_within(&self, element: &[u8], start: usize, count: usize) -> Option<usize> {
        let end = start.saturating_add(count).min(self.len());
        let mut next = start;
        while next < end {
            let (piece, offset) = self.find(next, || ());
            let offset_end = piece.count().min(offset + (end - next));
            if let Some(found) = piece.position(element, offset..offset_end, End::Head) {
                return Some(next + (found - offset));
            }
            next += offset_end - offset;
        }
        None
    }

    /// The position of the last element equal to this one among `count` elements from `start` on
    /// towards the head. A start beyond the tail begins at the tail.
    pub fn position_within_reversed(
        &self,
        element: &[u8],
        start: usize,
        count: usize,
    ) -> Option<usize> {
        let mut end = start.saturating_add(1).min(self.len());
        let first = end.saturating_sub(count);
        while end > first {
            let (piece, last) = self.find(end - 1, || ());
            let offset = (last + 1).saturating_sub(end - first);
            if let Some(found) = piece.position(element, offset..last + 1, End::Tail) {
                return Some(end - 1 - (last - found));
            }
            end -= last + 1 - offset;
        }
        None
    }

    /// Removes elements equal to this one and returns how many: up to `limit`, beginning at the
    /// head, or at the tail if `from_tail`. Pieces without such an element are only looked at.
    pub fn remove_equal(&mut self, element: &[u8], limit: usize, from_tail: bool) -> usize {
        if from_tail {
            self.remove_equal_from_tail(element, limit)
        } else {
            self.remove_equal_from_head(element, limit)
        }
    }

    fn remove_equal_from_head(&mut self, element: &[u8], limit: usize) -> usize {
        let (mut removed, mut next) = (0, 0);
        while removed < limit
            && let Some(found) = self.position(element, next)
        {
            self.update(found, &mut |mut piece, at| {
                let range = at..piece.count();
                let number = piece.remove_equal(element, range.clone(), limit - removed, End::Head);
                removed += number;
                next = found + range.len() - number;
                remaining(piece)
            });
        }
        removed
    }

    fn remove_equal_from_tail(&mut self, element: &[u8], limit: usize) -> usize {
        let (mut removed, mut end) = (0, self.len());
        while removed < limit
            && end > 0
            && let Some(found) = self.position_within_reversed(element, end - 1, usize::MAX)
        {
            self.update(found, &mut |mut piece, at| {
                removed += piece.remove_equal(element, 0..at + 1, limit - removed, End::Tail);
                end = found - at;
                remaining(piece)
            });
        }
        removed
    }

    /// Frees elements until they come to `budget` nodes of some 4 KiB, and returns to how many they
    /// came: fewer mean that nothing is left. So a list of any length can be freed in slices.
    pub fn drop_some(&mut self, budget: usize) -> usize {
        let freed = match &mut self.shape {
            Shape::One(_) => 0,
            Shape::Many(sequence) => sequence.drop_some(budget),
        };
        if freed < budget {
            self.shape = Shape::default();
        }
        freed
    }

    /// Gives back free space of a list that has shrunk; for when its changes are over. (A long
    /// list does so as it goes.)
    #[inline]
    pub fn fit(&mut self) {
        if let Shape::One(node) = &mut self.shape {
            node.trim();
        }
    }

    /// How many allocations with elements there are.
    pub fn pieces(&self) -> usize {
        match &self.shape {
            Shape::One(node) => usize::from(node.count() > 0),
            Shape::Many(sequence) => sequence.pieces(),
        }
    }

    /// Bytes of heap that the list holds, as they were asked from the allocator.
    pub fn heap_bytes(&self) -> usize {
        match &self.shape {
            Shape::One(node) => node.capacity(),
            Shape::Many(sequence) => mem::size_of::<Sequence>() + sequence.heap_bytes(),
        }
    }
}

/// Lists that lie packed in the entry of their key, and the list they are unpacked to.
impl List {
    /// A list of these elements, which one node can hold.
    pub(super) fn from_run(run: Run<'_>) -> List {
        List { shape: Shape::One(Node::tight(run)) }
    }

    /// All elements, if a node of so many bytes can hold them.
    #[inline]
    pub(super) fn packed(&self, bytes_max: usize) -> Option<Run<'_>> {
        match &self.shape {
            Shape::One(node) => node.iter_within(bytes_max),
            Shape::Many(_) => None,
        }
    }

    /// Takes the elements of a packed list instead of its own. A whole node is kept for this from
    /// one time to the next, so that nothing is allocated, neither here nor in what is done then.
    pub(super) fn unpack(&mut self, run: Run<'_>) {
        match &mut self.shape {
            Shape::One(node) if node.is_whole() => node.refill(run),
            _ => {
                let mut node = Node::whole();
                node.refill(run);
                self.shape = Shape::One(node);
            }
        }
    }

    /// All elements, in allocations as large as they need. A whole node stays behind.
    pub(super) fn move_out(&mut self) -> List {
        match &self.shape {
            Shape::One(node) if node.is_whole() => List::from_run(node.iter()),
            _ => mem::take(self),
        }
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
mod tests;
