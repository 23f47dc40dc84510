//! Pieces of a list in order, found by counting: a tree whose branches know how many elements lie
//! under each child.
//!
//! ```text
//!                       [ 9000 | 15300 | 4000 ]                    branches
//!                       /         |          \
//!       [ 255 | 255 | .. ]  [ 255 | .. ]  [ 100 | 1 | 255 | .. ]   pieces, by their counts
//!          |     |             |             |    |    |
//!        Node  Node          Node          Node Large Node
//! ```
//!
//! To find element 9100: it is not among the first 9000, so it is number 100 under the second
//! child, and so on down. All leaves lie equally deep. A row holds at most
//! [`LIST_BRANCH_CHILDREN_MAX`] children; two neighbours that together are half of that become
//! one. What does not touch a piece's elements does not touch its memory either: counts lie in the
//! branches.

use super::list_node::End;
use super::list_piece::{Piece, PieceRef};
use crate::limits::{LIST_BRANCH_CHILDREN_MAX, LIST_MERGE_BYTES_MAX};
use crate::shared_bytes::BytesRef;
use arrayvec::ArrayVec;
use static_assertions::const_assert_eq;
use std::mem;

/// Two neighbouring rows with no more children than this become one.
const MERGE_CHILDREN_MAX: usize = LIST_BRANCH_CHILDREN_MAX / 2;

/// What stands in the place of a piece after a change: the piece, or its parts with something
/// between them.
pub(super) type Pieces = ArrayVec<Piece, 4>;

/// A change of one piece: gets the piece and the position in it, returns what takes its place.
/// None of that may be without elements.
pub(super) type Change<'a> = dyn FnMut(Piece, usize) -> Pieces + 'a;

/// Pieces in order, none of them without elements. In a sequence, what lies between its ends.
#[derive(Debug, Default)]
pub(super) struct Tree {
    root: Row,
    len: usize,
}

/// A child with the number of elements in or under it.
#[derive(Debug)]
struct Counted<T> {
    count: usize,
    child: T,
}

const_assert_eq!(mem::size_of::<Counted<Piece>>(), 24);

/// The children of a branch.
#[derive(Debug)]
enum Row {
    Pieces(Vec<Counted<Piece>>),
    Branches(Vec<Counted<Row>>),
}

impl Default for Row {
    fn default() -> Row {
        Row::Pieces(Vec::new())
    }
}

impl Tree {
    /// How many elements there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether there are at least this many pieces; `count` is less than a row may hold.
    pub(super) fn has_pieces(&self, count: usize) -> bool {
        matches!(self.root, Row::Branches(_)) || self.root.width() >= count
    }

    /// The piece of the element at this position, which exists, and the position in it. Calls
    /// `look` for every count looked at on the way.
    pub(super) fn find(&self, index: usize, mut look: impl FnMut()) -> (PieceRef<'_>, usize) {
        let (mut row, mut offset) = (&self.root, index);
        loop {
            match row {
                Row::Pieces(pieces) => {
                    let (at, offset) = locate(pieces, offset, &mut look);
                    return (pieces[at].child.as_ref(), offset);
                }
                Row::Branches(rows) => {
                    let (at, within) = locate(rows, offset, &mut look);
                    (row, offset) = (&rows[at].child, within);
                }
            }
        }
    }

    /// The element at this end, if there is any.
    pub(super) fn end(&self, end: End) -> Option<BytesRef<'_>> {
        let last = self.len.checked_sub(1)?;
        let (piece, offset) = self.find(if end == End::Head { 0 } else { last }, || ());
        Some(piece.get(offset))
    }

    /// Adds a piece at this end.
    pub(super) fn push(&mut self, end: End, piece: Piece) {
        self.len += piece.count();
        self.root.push(end, piece);
        self.restore_root();
    }

    /// Takes the piece at this end, if there is any.
    pub(super) fn pop(&mut self, end: End) -> Option<Piece> {
        let piece = self.root.pop(end)?;
        self.len -= piece.count();
        self.restore_root();
        Some(piece)
    }

    /// Changes the piece of the element at this position, which exists.
    pub(super) fn update(&mut self, index: usize, change: &mut Change<'_>) {
        self.root.update(index, change);
        self.len = self.root.count();
        self.restore_root();
    }

    /// Cuts the tree before this position and returns what lay behind.
    pub(super) fn split_off(&mut self, index: usize) -> Tree {
        let mut behind = Tree { root: self.root.split_off(index), len: self.len - index };
        self.len = index;
        self.restore_root();
        behind.restore_root();
        behind
    }

    /// Bytes of heap: the pieces' and the branches'.
    pub(super) fn heap_bytes(&self) -> usize {
        self.root.heap_bytes()
    }

    /// How many pieces there are.
    pub(super) fn pieces(&self) -> usize {
        self.root.pieces()
    }

    /// A root that is too wide gets another one above it; one with a single child, none.
    fn restore_root(&mut self) {
        if self.root.width() > LIST_BRANCH_CHILDREN_MAX {
            let row = mem::take(&mut self.root);
            let mut rows = vec![Counted { count: self.len, child: row }];
            restore_branch(&mut rows, 0);
            self.root = Row::Branches(rows);
        }
        while let Row::Branches(rows) = &mut self.root
            && rows.len() <= 1
        {
            self.root = rows.pop().map_or_else(Row::default, |only| only.child);
        }
    }
}

/// The child that has the element at this position, and the position in it; past the last one,
/// the number of children and 0.
fn locate<T>(row: &[Counted<T>], index: usize, mut look: impl FnMut()) -> (usize, usize) {
    let mut offset = index;
    for (at, counted) in row.iter().enumerate() {
        look();
        if offset < counted.count {
            return (at, offset);
        }
        offset -= counted.count;
    }
    debug_assert!(offset == 0, "position {index} lies behind the last element");
    (row.len(), 0)
}

/// Inserts a child without doubling the row: a row is full at a known size.
fn insert_child<T>(row: &mut Vec<Counted<T>>, at: usize, count: usize, child: T) {
    if row.len() == row.capacity() {
        row.reserve_exact((row.len() / 2).max(4));
    }
    row.insert(at, Counted { count, child });
}

/// Cuts a row and lets neither part hold more heap than it needs.
fn split_row<T>(row: &mut Vec<Counted<T>>, at: usize) -> Vec<Counted<T>> {
    let behind = row.split_off(at);
    row.shrink_to_fit();
    behind
}

/// The row at this place has changed: counts it, and joins or splits it by its width.
fn restore_branch(rows: &mut Vec<Counted<Row>>, at: usize) {
    let width = rows[at].child.width();
    rows[at].count = rows[at].child.count();
    if width == 0 {
        rows.remove(at);
    } else if width > LIST_BRANCH_CHILDREN_MAX {
        let behind = rows[at].child.split_children(width / 2);
        rows[at].count -= behind.count();
        insert_child(rows, at + 1, behind.count(), behind);
    } else if width <= MERGE_CHILDREN_MAX {
        join_narrow_row(rows, at);
    }
}

/// Joins the row at this place to one of its neighbours, if they are a narrow one together.
fn join_narrow_row(rows: &mut Vec<Counted<Row>>, at: usize) {
    let width = |at: usize| rows.get(at).map_or(usize::MAX, |row| row.child.width());
    let is_narrow =
        |first: usize| width(first).saturating_add(width(first + 1)) <= MERGE_CHILDREN_MAX;
    if let Some(first) = (at.saturating_sub(1)..=at).find(|first| is_narrow(*first)) {
        let second = rows.remove(first + 1);
        rows[first].count += second.count;
        rows[first].child.append(second.child);
    }
}

/// Puts pieces into the place of the piece at `at`, and joins small neighbours.
fn replace_piece(row: &mut Vec<Counted<Piece>>, at: usize, pieces: Pieces) {
    let behind = at + pieces.len();
    let is_small =
        pieces.is_empty() || pieces.iter().any(|piece| piece.is_within(LIST_MERGE_BYTES_MAX));
    let counted = pieces.into_iter().map(|child| Counted { count: child.count(), child });
    row.splice(at..=at, counted);
    if is_small {
        merge_small(row, at.saturating_sub(1), behind);
    }
}

/// Joins neighbours among the pieces from `first` to `last`, both included, that fit in one.
fn merge_small(pieces: &mut Vec<Counted<Piece>>, first: usize, last: usize) {
    let (mut at, mut last) = (first, last);
    while at < last && at + 1 < pieces.len() {
        let bytes = pieces[at].child.merged_bytes(&pieces[at + 1].child);
        if bytes.is_some_and(|bytes| bytes <= LIST_MERGE_BYTES_MAX) {
            let next = pieces.remove(at + 1);
            pieces[at].count += next.count;
            pieces[at].child.append(&next.child);
            last -= 1;
        } else {
            at += 1;
        }
    }
}

impl Row {
    fn width(&self) -> usize {
        match self {
            Row::Pieces(pieces) => pieces.len(),
            Row::Branches(rows) => rows.len(),
        }
    }

    fn count(&self) -> usize {
        match self {
            Row::Pieces(pieces) => pieces.iter().map(|counted| counted.count).sum(),
            Row::Branches(rows) => rows.iter().map(|counted| counted.count).sum(),
        }
    }

    fn push(&mut self, end: End, piece: Piece) {
        match self {
            Row::Pieces(pieces) => {
                let at = if end == End::Head { 0 } else { pieces.len() };
                insert_child(pieces, at, piece.count(), piece);
            }
            Row::Branches(rows) => {
                let at = if end == End::Head { 0 } else { rows.len() - 1 };
                rows[at].child.push(end, piece);
                restore_branch(rows, at);
            }
        }
    }

    fn pop(&mut self, end: End) -> Option<Piece> {
        match self {
            Row::Pieces(pieces) if pieces.is_empty() => None,
            Row::Pieces(pieces) => {
                let at = if end == End::Head { 0 } else { pieces.len() - 1 };
                Some(pieces.remove(at).child)
            }
            Row::Branches(rows) => {
                let at = if end == End::Head { 0 } else { rows.len() - 1 };
                let piece = rows[at].child.pop(end);
                restore_branch(rows, at);
                piece
            }
        }
    }

    fn update(&mut self, index: usize, change: &mut Change<'_>) {
        match self {
            Row::Pieces(pieces) => {
                let (at, offset) = locate(pieces, index, || ());
                let piece = mem::take(&mut pieces[at].child);
                replace_piece(pieces, at, change(piece, offset));
            }
            Row::Branches(rows) => {
                let (at, offset) = locate(rows, index, || ());
                rows[at].child.update(offset, change);
                restore_branch(rows, at);
            }
        }
    }

    fn split_children(&mut self, at: usize) -> Row {
        match self {
            Row::Pieces(pieces) => Row::Pieces(split_row(pieces, at)),
            Row::Branches(rows) => Row::Branches(split_row(rows, at)),
        }
    }

    fn append(&mut self, next: Row) {
        match (self, next) {
            (Row::Pieces(pieces), Row::Pieces(mut next)) => pieces.append(&mut next),
            (Row::Branches(rows), Row::Branches(mut next)) => rows.append(&mut next),
            _ => unreachable!("all leaves lie equally deep"),
        }
    }

    fn split_off(&mut self, index: usize) -> Row {
        match self {
            Row::Pieces(pieces) => Row::Pieces(split_counted(pieces, index, Piece::split_off)),
            Row::Branches(rows) => Row::Branches(split_counted(rows, index, Row::split_off)),
        }
    }

    fn heap_bytes(&self) -> usize {
        match self {
            Row::Pieces(pieces) => {
                let own = pieces.capacity() * mem::size_of::<Counted<Piece>>();
                own + pieces.iter().map(|counted| counted.child.heap_bytes()).sum::<usize>()
            }
            Row::Branches(rows) => {
                let own = rows.capacity() * mem::size_of::<Counted<Row>>();
                own + rows.iter().map(|counted| counted.child.heap_bytes()).sum::<usize>()
            }
        }
    }

    fn pieces(&self) -> usize {
        match self {
            Row::Pieces(pieces) => pieces.len(),
            Row::Branches(rows) => rows.iter().map(|counted| counted.child.pieces()).sum(),
        }
    }
}

/// Cuts a row before the element at this position, and the child it lies in as well.
fn split_counted<T>(
    row: &mut Vec<Counted<T>>,
    index: usize,
    split: fn(&mut T, usize) -> T,
) -> Vec<Counted<T>> {
    let (at, offset) = locate(row, index, || ());
    if offset == 0 {
        return split_row(row, at);
    }
    let mut behind = split_row(row, at + 1);
    let cut = &mut row[at];
    let count = cut.count - offset;
    let child = split(&mut cut.child, offset);
    cut.count = offset;
    insert_child(&mut behind, 0, count, child);
    behind
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every row is as wide as it may be, every count is right, and all leaves lie equally deep.
    /// Returns the height.
    fn check(row: &Row) -> usize {
        assert!(row.width() <= LIST_BRANCH_CHILDREN_MAX);
        match row {
            Row::Pieces(pieces) => {
                for counted in pieces {
                    assert_eq!(counted.count, counted.child.count());
                    assert!(counted.count > 0);
                }
                1
            }
            Row::Branches(rows) => {
                let heights: Vec<_> = rows.iter().map(|counted| check(&counted.child)).collect();
                for counted in rows {
                    assert_eq!(counted.count, counted.child.count());
                    assert!(counted.count > 0);
                }
                assert!(heights.iter().all(|height| *height == heights[0]));
                heights[0] + 1
            }
        }
    }

    fn only(piece: Piece) -> Pieces {
        Pieces::from_iter([piece])
    }

    /// Elements too large to be merged, the odd ones for any node, told apart by their first byte.
    fn large(mark: u8) -> Piece {
        let length = LIST_MERGE_BYTES_MAX << (mark % 2);
        Piece::of(BytesRef::Near(&vec![mark; length]))
    }

    fn marks(tree: &Tree) -> Vec<u8> {
        (0..tree.len()).map(|index| tree.find(index, || ()).0.get(0)[0]).collect()
    }

    fn step(
        tree: &mut Tree,
        twin: &mut Vec<u8>,
        u: &mut arbtest::arbitrary::Unstructured,
    ) -> arbtest::arbitrary::Result<()> {
        let mark = u.arbitrary()?;
        let index = u.int_in_range(0..=twin.len())?;
        match u.int_in_range(0..=9)? {
            0 | 1 => {
                tree.push(End::Head, large(mark));
                twin.insert(0, mark);
            }
            2 | 3 => {
                tree.push(End::Tail, large(mark));
                twin.push(mark);
            }
            4 => {
                let popped = tree.pop(End::Tail).map(|piece| piece.as_ref().get(0)[0]);
                assert_eq!(popped, twin.pop());
            }
            5 if index < twin.len() => {
                tree.update(index, &mut |_, _| Pieces::new());
                twin.remove(index);
            }
            6..=8 if index < twin.len() => {
                let more = [mark, mark ^ 1, mark ^ 2, mark ^ 3];
                tree.update(index, &mut |_, _| more.map(large).into());
                twin.splice(index..=index, more);
            }
            9 if mark < 16 => {
                let behind = tree.split_off(index);
                check(&behind.root);
                assert_eq!(marks(&behind), twin.split_off(index));
            }
            _ => (),
        }
        Ok(())
    }

    #[test]
    fn agrees_with_a_vec() {
        arbtest::arbtest(|u| {
            let (mut tree, mut twin) = (Tree::default(), Vec::new());
            while !u.is_empty() {
                step(&mut tree, &mut twin, u)?;
                check(&tree.root);
            }
            assert_eq!((tree.len(), tree.pieces()), (twin.len(), twin.len()));
            assert_eq!(marks(&tree), twin);
            Ok(())
        });
    }

    #[test]
    fn stays_low_and_finds_its_way_back() {
        let mut tree = Tree::default();
        (0..20_000u32).for_each(|_| tree.push(End::Tail, Piece::of(b"x".into())));
        assert_eq!(check(&tree.root), 3);
        // Rows are at least half full, and half of the counts of a row are looked at in the mean.
        let mut looks = 0;
        tree.find(10_000, || looks += 1);
        assert!(looks <= 3 * LIST_BRANCH_CHILDREN_MAX);
        while tree.pop(End::Head).is_some() {}
        assert!(tree.is_empty());
        assert_eq!((check(&tree.root), tree.root.width()), (1, 0));
    }

    #[test]
    fn small_neighbours_become_one() {
        let mut tree = Tree::default();
        (0..100u8).for_each(|mark| tree.push(End::Tail, Piece::of((&[mark; 16]).into())));
        for index in 0..100 {
            tree.update(index, &mut |piece, _| only(piece));
            check(&tree.root);
        }
        assert!(tree.pieces() <= 3, "{} pieces", tree.pieces());
        let (piece, offset) = tree.find(77, || ());
        assert_eq!(piece.get(offset), [77; 16]);
    }
}
