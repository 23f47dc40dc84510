//! A long list: a piece at each end, and between them a counted tree of pieces.
//!
//! ```text
//!   pushes, pops --> [ head ]   ( tree of pieces )   [ tail ] <-- pushes, pops
//!                        \________ whole pieces ________/
//! ```
//!
//! Work at an end concerns one piece. Only a full one moves into the tree, and only a drained one
//! is replaced from there: once in hundreds of elements. One drained node is kept as a spare, so
//! that a queue that is filled at one end and drained at the other allocates nothing, wherever
//! the borders of its nodes lie.
//!
//! A drained end stays empty until something is asked of it: pushing and popping in turn never
//! touches the tree, even on the border of a node.

use super::list_node::{End, Node};
use super::list_piece::{Piece, PieceRef};
use super::list_tree::{Change, Pieces, Tree};
use crate::limits::{LIST_MERGE_BYTES_MAX, LIST_NODE_BYTES_MAX, LIST_WHOLE_NODES_MIN};
use crate::shared_bytes::BytesRef;
use std::mem;

/// Elements in order. See the drawing.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    head: Piece,
    tail: Piece,
    middle: Tree,
    /// A whole node without elements, or nothing.
    spare: Node,
    len: usize,
}

impl Sequence {
    /// The pieces of a list, in order.
    pub(super) fn from_pieces(pieces: Pieces) -> Sequence {
        let mut sequence = Sequence::default();
        for piece in pieces {
            sequence.push_piece(End::Tail, piece);
        }
        sequence.recount();
        sequence
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    fn end_piece(&mut self, end: End) -> &mut Piece {
        match end {
            End::Head => &mut self.head,
            End::Tail => &mut self.tail,
        }
    }

    /// The element at this end, if there is any.
    pub(super) fn end(&self, end: End) -> Option<BytesRef<'_>> {
        let (near, far) = match end {
            End::Head => (&self.head, &self.tail),
            End::Tail => (&self.tail, &self.head),
        };
        near.end(end).or_else(|| self.middle.end(end)).or_else(|| far.end(end))
    }

    /// Adds an element at this end.
    #[inline(always)]
    pub(super) fn push(&mut self, end: End, element: BytesRef<'_>) {
        if !self.end_piece(end).push(end, element) {
            let piece = self.new_piece(end, element);
            self.push_piece(end, piece);
        }
        self.len += 1;
    }

    /// A piece to go on with at this end.
    fn new_piece(&mut self, end: End, element: BytesRef<'_>) -> Piece {
        if Node::is_too_large(&element) {
            return Piece::of(element);
        }
        let mut node = if self.spare.is_whole() {
            mem::take(&mut self.spare)
        } else if self.middle.has_pieces(LIST_WHOLE_NODES_MIN) {
            Node::whole()
        } else {
            Node::default()
        };
        assert!(node.push(end, &element), "an empty node takes what is not too large");
        Piece::Node(node)
    }

    /// Adds a piece at this end, and what was there before moves inwards.
    fn push_piece(&mut self, end: End, piece: Piece) {
        if piece.count() == 0 {
            return;
        }
        let mut before = mem::replace(self.end_piece(end), piece);
        if before.count() == 0 {
            return self.keep_spare(before);
        }
        before.seal();
        let is_other_free = self.middle.is_empty() && self.end_piece(opposite(end)).count() == 0;
        if is_other_free {
            let drained = mem::replace(self.end_piece(opposite(end)), before);
            self.keep_spare(drained);
        } else {
            self.middle.push(end, before);
        }
    }

    fn keep_spare(&mut self, drained: Piece) {
        if let Piece::Node(node) = drained
            && node.is_whole()
        {
            self.spare = node;
        }
    }

    /// The piece with the element at this end, fetched from the tree if need be.
    #[inline]
    fn nearest_piece(&mut self, end: End) -> &mut Piece {
        if self.end_piece(end).count() > 0 {
            return self.end_piece(end);
        }
        self.fetch_piece(end)
    }

    #[cold]
    fn fetch_piece(&mut self, end: End) -> &mut Piece {
        match self.middle.pop(end) {
            Some(piece) => {
                let drained = mem::replace(self.end_piece(end), piece);
                self.keep_spare(drained);
                self.end_piece(end)
            }
            None => self.end_piece(opposite(end)),
        }
    }

    /// Removes the element at this end, which is shown to `see` first; `false` if there is none.
    #[inline]
    pub(super) fn pop(&mut self, end: End, see: impl FnOnce(BytesRef<'_>)) -> bool {
        let is_popped = self.nearest_piece(end).pop(end, see);
        self.len -= usize::from(is_popped);
        is_popped
    }

    /// The piece of the element at this position, which exists, and the position in it. Calls
    /// `look` for every count looked at on the way.
    pub(super) fn find(&self, index: usize, mut look: impl FnMut()) -> (PieceRef<'_>, usize) {
        assert!(index < self.len, "the caller has counted");
        look();
        let (before, tail) = (self.head.count(), self.len - self.tail.count());
        if index < before {
            (self.head.as_ref(), index)
        } else if index < tail {
            self.middle.find(index - before, look)
        } else {
            (self.tail.as_ref(), index - tail)
        }
    }

    /// Changes the piece of the element at this position, which exists.
    pub(super) fn update(&mut self, index: usize, change: &mut Change<'_>) {
        let (before, tail) = (self.head.count(), self.len - self.tail.count());
        if index < before {
            let pieces = change(mem::take(&mut self.head), index);
            pieces.into_iter().rev().for_each(|piece| self.push_piece(End::Head, piece));
        } else if index < tail {
            self.middle.update(index - before, change);
        } else {
            let pieces = change(mem::take(&mut self.tail), index - tail);
            pieces.into_iter().for_each(|piece| self.push_piece(End::Tail, piece));
        }
        self.recount();
    }

    /// Counts again after a change of pieces.
    fn recount(&mut self) {
        self.len = self.head.count() + self.middle.len() + self.tail.count();
    }

    /// Removes this many elements, fewer than there are, from this end. Whole pieces are not freed
    /// here but come back, to be dropped in time.
    pub(super) fn cut(&mut self, end: End, number: usize) -> Option<Sequence> {
        let piece = self.nearest_piece(end);
        if number <= piece.count() {
            piece.remove_end(end, number);
            self.len -= number;
            return None;
        }
        let behind = self.split_off(if end == End::Head { number } else { self.len - number });
        Some(match end {
            End::Head => mem::replace(self, behind),
            End::Tail => behind,
        })
    }

    fn split_off(&mut self, index: usize) -> Sequence {
        let (before, tail) = (self.head.count(), self.len - self.tail.count());
        let mut behind = Sequence::default();
        if index < tail {
            behind.tail = mem::take(&mut self.tail);
            if index < before {
                behind.middle = mem::take(&mut self.middle);
                behind.head = self.head.split_off(index);
            } else {
                behind.middle = self.middle.split_off(index - before);
            }
        } else {
            behind.tail = self.tail.split_off(index - tail);
        }
        self.recount();
        behind.recount();
        behind
    }

    /// Whether there is nothing between the ends: they may fit into one node.
    #[inline]
    pub(super) fn is_short(&self) -> bool {
        self.middle.is_empty()
    }

    /// The only node, if what is left fits into half of one.
    pub(super) fn collapse(&mut self) -> Option<Node> {
        if !self.is_short() {
            return None;
        }
        let (Piece::Node(head), Piece::Node(tail)) = (&mut self.head, &mut self.tail) else {
            return None;
        };
        if head.merged_bytes(tail)? > LIST_MERGE_BYTES_MAX {
            return None;
        }
        let mut node = if head.count() == 0 {
            mem::take(tail)
        } else {
            head.append(tail);
            mem::take(head)
        };
        node.trim();
        Some(node)
    }

    /// Frees pieces, those at the tail first, until they come to `budget` nodes, and returns to how
    /// many they came: fewer mean that none is left. A large one counts for as many as its bytes
    /// would fill.
    pub(super) fn drop_some(&mut self, budget: usize) -> usize {
        self.spare = Node::default();
        let mut freed = 0;
        while freed < budget {
            self.tail = match self.middle.pop(End::Tail) {
                Some(piece) => piece,
                None => mem::take(&mut self.head),
            };
            if self.tail.count() == 0 {
                break;
            }
            freed += self.tail.heap_bytes().div_ceil(LIST_NODE_BYTES_MAX);
        }
        self.recount();
        freed
    }

    /// Bytes of heap below this.
    pub(super) fn heap_bytes(&self) -> usize {
        let ends = self.head.heap_bytes() + self.tail.heap_bytes() + self.spare.capacity();
        ends + self.middle.heap_bytes()
    }

    /// How many pieces there are.
    pub(super) fn pieces(&self) -> usize {
        let ends = usize::from(self.head.count() > 0) + usize::from(self.tail.count() > 0);
        ends + self.middle.pieces()
    }
}

fn opposite(end: End) -> End {
    match end {
        End::Head => End::Tail,
        End::Tail => End::Head,
    }
}
