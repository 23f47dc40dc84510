//! What becomes of a piece of a list when an element is added in the middle of it, or one goes.
//!
//! ```text
//!   [ a b c d ]     x before c, and there is room        [ a b x c d ]
//!                   no room: the half that has some      [ a b x ] [ c d ]
//!                   too large for either, or any node    [ a b ] [ x ] [ c d ]
//! ```

use super::list_node::End;
use super::list_piece::Piece;
use super::list_tree::Pieces;
use crate::limits::LIST_NODE_BYTES_MAX;
use crate::shared_bytes::BytesRef;

/// What is left of a piece after a removal.
pub(super) fn remaining(mut piece: Piece) -> Pieces {
    piece.trim();
    let is_left = piece.count() > 0;
    is_left.then_some(piece).into_iter().collect()
}

/// Inserts into a piece, splitting it where there is no room.
pub(super) fn insert_into(mut piece: Piece, at: usize, element: BytesRef<'_>) -> Pieces {
    if piece.insert(at, element) {
        return Pieces::from_iter([piece]);
    }
    // Half a node has room for many more; a larger element would not go well with either half.
    let is_halved = element.len() < LIST_NODE_BYTES_MAX / 4;
    let Some(middle) = piece.middle().filter(|_| is_halved) else {
        return insert_or_wedge(piece, at, element);
    };
    let behind = piece.split_off(middle);
    let mut pieces = Pieces::new();
    if at <= middle {
        pieces.extend(insert_or_wedge(piece, at, element));
        pieces.push(behind);
    } else {
        pieces.push(piece);
        pieces.extend(insert_or_wedge(behind, at - middle, element));
    }
    pieces
}

/// Inserts into a piece, or between what lies before and behind in it.
fn insert_or_wedge(mut piece: Piece, at: usize, element: BytesRef<'_>) -> Pieces {
    if piece.insert(at, element) {
        return Pieces::from_iter([piece]);
    }
    let behind = piece.split_off(at);
    wedge(piece, element, behind)
}

/// Puts an element between two pieces, either of which may be empty.
pub(super) fn wedge(mut before: Piece, element: BytesRef<'_>, mut behind: Piece) -> Pieces {
    let is_taken = (before.count() > 0 && before.push(End::Tail, element))
        || (behind.count() > 0 && behind.push(End::Head, element));
    let own = if is_taken { Piece::default() } else { Piece::of(element) };
    [before, own, behind].into_iter().filter(|piece| piece.count() > 0).collect()
}
