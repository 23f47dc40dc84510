//! A piece of a long list: a node of packed elements, or one element too large for any node.
//!
//! ```text
//!   Piece ──┬──> Node: header | elements | lengths         (`list_node.rs`)
//!           └──> SharedBytes <── replies on their way, other lists
//! ```
//!
//! A large element is kept as the bulk that it was received in, and sent from there: to add it, to
//! move it to another list and to reply it copies nothing. Whoever lets go of it last lays it
//! aside, to be freed in slices. Nodes know nothing of this, and small elements pay nothing for it:
//! what tells the two apart lies in the pointer to the node.

use super::list_node::{End, Node};
use super::list_run::Run;
use crate::shared_bytes::{BytesRef, SharedBytes};
use static_assertions::const_assert_eq;
use std::mem;
use std::ops::Range;

/// Elements in order: those of a node, or a large one.
#[derive(Debug)]
pub(super) enum Piece {
    Node(Node),
    Large(SharedBytes),
}

const_assert_eq!(mem::size_of::<Piece>(), mem::size_of::<Node>());

impl Default for Piece {
    fn default() -> Piece {
        Piece::Node(Node::default())
    }
}

/// A piece, to look at.
#[derive(Clone, Copy, Debug)]
pub(super) enum PieceRef<'a> {
    Node(&'a Node),
    Large(&'a SharedBytes),
}

/// Elements that follow each other in a list: small ones that lie side by side, or a large one.
#[derive(Debug)]
pub enum Stretch<'a> {
    /// Behind each other in one node.
    Near(Run<'a>),
    /// A single one in an allocation of its own.
    Apart(&'a SharedBytes),
}

impl Stretch<'_> {
    /// Keeps so many elements at most, one at least, from the first one on; returns how many.
    pub(super) fn limit(&mut self, count_max: usize) -> usize {
        match self {
            Stretch::Near(run) => {
                run.left = run.left.min(count_max);
                run.left
            }
            Stretch::Apart(_) => 1,
        }
    }
}

impl<'a> IntoIterator for Stretch<'a> {
    type Item = &'a [u8];
    type IntoIter = Run<'a>;

    #[inline]
    fn into_iter(self) -> Run<'a> {
        match self {
            Stretch::Near(run) => run,
            Stretch::Apart(element) => Run::of_one(element),
        }
    }
}

impl<'a> PieceRef<'a> {
    /// How many elements there are.
    pub(super) fn count(self) -> usize {
        match self {
            PieceRef::Node(node) => node.count(),
            PieceRef::Large(_) => 1,
        }
    }

    /// The element at this position, which exists.
    pub(super) fn get(self, index: usize) -> BytesRef<'a> {
        match self {
            PieceRef::Node(node) => BytesRef::Near(node.get(index)),
            PieceRef::Large(element) => BytesRef::Apart(element),
        }
    }

    /// The elements at these positions, one at least.
    pub(super) fn stretch(self, range: Range<usize>) -> Stretch<'a> {
        match self {
            PieceRef::Node(node) => Stretch::Near(node.run(range)),
            PieceRef::Large(element) => Stretch::Apart(element),
        }
    }

    /// The position of an element equal to this one within `range`, which is not empty: the first
    /// one seen from the end `from`.
    pub(super) fn position(self, element: &[u8], range: Range<usize>, from: End) -> Option<usize> {
        match self {
            PieceRef::Node(node) => node.position(element, range, from),
            PieceRef::Large(other) => (other[..] == *element).then_some(0),
        }
    }
}

impl Piece {
    /// A piece of one element, as small as can be.
    pub(super) fn of(element: BytesRef<'_>) -> Piece {
        match Node::of(element.bytes()) {
            Some(node) => Piece::Node(node),
            None => Piece::Large(element.to_shared()),
        }
    }

    pub(super) fn as_ref(&self) -> PieceRef<'_> {
        match self {
            Piece::Node(node) => PieceRef::Node(node),
            Piece::Large(element) => PieceRef::Large(element),
        }
    }

    /// How many elements there are.
    #[inline]
    pub(super) fn count(&self) -> usize {
        self.as_ref().count()
    }

    /// Bytes of heap; those of a large element count in full, whoever else holds it.
    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Piece::Node(node) => node.capacity(),
            Piece::Large(element) => element.heap_bytes(),
        }
    }

    /// Whether it is a node that uses no more bytes than these.
    pub(super) fn is_within(&self, bytes_max: usize) -> bool {
        matches!(self, Piece::Node(node) if node.used_bytes() <= bytes_max)
    }

    /// The element at this end, if there is any.
    pub(super) fn end(&self, end: End) -> Option<BytesRef<'_>> {
        match self {
            Piece::Node(node) => node.end(end).map(BytesRef::Near),
            Piece::Large(element) => Some(BytesRef::Apart(element)),
        }
    }

    /// Adds an element at this end; `false`, with nothing added, if there is no room.
    #[inline]
    pub(super) fn push(&mut self, end: End, element: BytesRef<'_>) -> bool {
        match self {
            Piece::Node(node) => node.push(end, element.bytes()),
            Piece::Large(_) => false,
        }
    }

    /// Removes the elements at these positions, one at least.
    pub(super) fn remove(&mut self, range: Range<usize>) {
        match self {
            Piece::Node(node) => node.remove(range),
            Piece::Large(_) => *self = Piece::default(),
        }
    }

    /// Removes this many elements at this end, one at least.
    pub(super) fn remove_end(&mut self, end: End, number: usize) {
        match self {
            Piece::Node(node) => node.remove_end(end, number),
            Piece::Large(_) => *self = Piece::default(),
        }
    }

    /// Removes the element at this end, which is shown to `see` first; `false` if there is none.
    #[inline]
    pub(super) fn pop(&mut self, end: End, see: impl FnOnce(BytesRef<'_>)) -> bool {
        match self {
            Piece::Node(node) => node.pop(end, |element| see(BytesRef::Near(element))),
            Piece::Large(element) => {
                see(BytesRef::Apart(element));
                *self = Piece::default();
                true
            }
        }
    }

    /// Adds an element before the one at this position, or at the tail; `false`, with nothing
    /// added, if there is no room.
    pub(super) fn insert(&mut self, index: usize, element: BytesRef<'_>) -> bool {
        match self {
            Piece::Node(node) => node.insert(index, element.bytes()),
            Piece::Large(_) => false,
        }
    }

    /// Overwrites the element at this position; `false`, with nothing changed, if there is no
    /// room.
    pub(super) fn set(&mut self, index: usize, element: BytesRef<'_>) -> bool {
        if let Piece::Node(node) = self
            && node.set(index, element.bytes())
        {
            return true;
        }
        let is_alone = self.count() == 1;
        if is_alone {
            *self = Piece::of(element);
        }
        is_alone
    }

    /// Cuts the piece before this position and returns what lay behind.
    pub(super) fn split_off(&mut self, index: usize) -> Piece {
        match self {
            Piece::Node(node) => Piece::Node(node.split_off(index)),
            Piece::Large(_) if index == 0 => mem::take(self),
            Piece::Large(_) => Piece::default(),
        }
    }

    /// The position that parts the bytes of this piece about evenly, if it has several elements.
    pub(super) fn middle(&self) -> Option<usize> {
        match self {
            Piece::Node(node) if node.count() >= 2 => Some(node.middle()),
            _ => None,
        }
    }

    /// Bytes that this piece and the next one would use as one node; nothing if they cannot be one.
    pub(super) fn merged_bytes(&self, next: &Piece) -> Option<usize> {
        match (self, next) {
            (Piece::Node(node), Piece::Node(next)) => node.merged_bytes(next),
            _ => None,
        }
    }

    /// Adds all elements of the next piece: there are as many bytes of room as
    /// [`Piece::merged_bytes`] has said.
    pub(super) fn append(&mut self, next: &Piece) {
        match (self, next) {
            (Piece::Node(node), Piece::Node(next)) => node.append(next),
            _ => unreachable!("a large element cannot be joined with others"),
        }
    }

    /// Removes up to `limit` elements equal to this one within `range`, which is not empty,
    /// beginning at the end `from`, and returns how many.
    pub(super) fn remove_equal(
        &mut self,
        element: &[u8],
        range: Range<usize>,
        limit: usize,
        from: End,
    ) -> usize {
        match self {
            Piece::Node(node) => node.remove_equal(element, range, limit, from),
            Piece::Large(other) if limit > 0 && other[..] == *element => {
                *self = Piece::default();
                1
            }
            Piece::Large(_) => 0,
        }
    }

    /// Gives back free space past an eighth: it will not be added to any more.
    pub(super) fn seal(&mut self) {
        if let Piece::Node(node) = self {
            node.seal();
        }
    }

    /// Gives back free space past half, unless the next element may need it again.
    pub(super) fn trim(&mut self) {
        if let Piece::Node(node) = self {
            node.trim();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::LIST_NODE_BYTES_MAX;

    /// The longest element that a node holds, beside its header.
    const NEAR_BYTES_MAX: usize = LIST_NODE_BYTES_MAX - 8;

    #[test]
    fn what_fits_into_a_node_lies_there() {
        let element = SharedBytes::new(vec![7; NEAR_BYTES_MAX]);
        let piece = Piece::of(BytesRef::Apart(&element));
        assert!(matches!(piece, Piece::Node(_)));
        assert_eq!((element.holders(), piece.as_ref().get(0).bytes()), (1, &element[..]));
    }

    #[test]
    fn a_large_element_is_alone_and_whole() {
        for length in [NEAR_BYTES_MAX + 1, LIST_NODE_BYTES_MAX, 70_000] {
            let element = vec![7; length];
            let mut piece = Piece::of(BytesRef::Near(&element));
            assert_eq!((piece.count(), piece.as_ref().get(0).bytes()), (1, &element[..]));
            assert!(piece.heap_bytes() < length + 64);
            assert!(!piece.push(End::Tail, b"".into()) && !piece.insert(0, b"".into()));
            assert_eq!(piece.end(End::Head).map(BytesRef::bytes), Some(&element[..]));
            assert_eq!((piece.middle(), piece.merged_bytes(&Piece::default())), (None, None));
            piece.remove(0..1);
            assert_eq!((piece.count(), piece.heap_bytes()), (0, 0));
        }
    }

    #[test]
    fn what_lies_apart_is_kept_where_it_is() {
        let element = SharedBytes::new(vec![7; NEAR_BYTES_MAX + 1]);
        let mut piece = Piece::of(b"small".into());
        assert!(piece.set(0, BytesRef::Apart(&element)));
        let kept = |piece: &Piece| match piece.as_ref().get(0) {
            BytesRef::Apart(kept) => kept.is_same(&element),
            BytesRef::Near(_) => false,
        };
        assert!(kept(&piece) && element.holders() == 2);
        let mut behind = piece.split_off(0);
        assert_eq!((piece.count(), behind.split_off(1).count()), (0, 0));
        assert!(kept(&behind) && behind.set(0, b"small".into()));
        assert_eq!((element.holders(), behind.heap_bytes() < 40), (1, true));
    }
}
