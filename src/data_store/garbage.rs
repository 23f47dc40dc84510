//! What is on its way out: values too large, and databases too full, to be freed at once.
//!
//! Freeing ten million elements takes a good part of a second. So whatever is large is queued when
//! its key goes, and freed in slices, a bounded number of pieces at a time. Long strings, which
//! others may still be sending, have a queue of their own ([`crate::shared_bytes`]).

use super::contents::{Contents, Object};
use super::{List, Stream};

/// Bytes that count as one piece. Nodes of lists and blocks of streams are about as long.
pub(super) const PIECE_BYTES: usize = 4096;
/// Values of up to so many pieces are dropped at once.
const PIECES_AT_ONCE: usize = 16;
/// Pieces of a region of the arena.
const REGION_PIECES: usize = squint_sys::REGION_BYTES / PIECE_BYTES;

#[derive(Debug)]
enum Item {
    Contents(Box<Contents>),
    List(List),
    Stream(Box<Stream>),
}

/// A queue of things to free. No heap while empty.
#[derive(Debug, Default)]
pub(super) struct Garbage {
    items: Vec<Item>,
}

impl Garbage {
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Everything a database held.
    pub(super) fn add_contents(&mut self, contents: Contents) {
        self.items.push(Item::Contents(Box::new(contents)));
    }

    /// A value. A small one goes here and now.
    pub(super) fn add(&mut self, object: Object) {
        match object {
            Object::List(list) if list.pieces() > PIECES_AT_ONCE => {
                self.items.push(Item::List(list));
            }
            Object::Stream(stream) if stream.pieces() > PIECES_AT_ONCE => {
                self.items.push(Item::Stream(stream));
            }
            // Long strings see to themselves, for others may hold them too.
            small_or_shared => drop(small_or_shared),
        }
    }

    /// Frees up to `budget` pieces, and returns how many: fewer mean that nothing is left.
    pub(super) fn free_some(&mut self, budget: usize) -> usize {
        let mut freed = 0;
        while freed < budget
            && let Some(item) = self.items.pop()
        {
            freed += self.free_part(item, budget - freed);
        }
        if self.items.is_empty() {
            self.items = Vec::new();
        }
        freed.min(budget)
    }

    /// Frees a part of one thing, one piece at least; what is left of it is queued again.
    fn free_part(&mut self, item: Item, budget: usize) -> usize {
        match item {
            Item::Contents(contents) => self.free_contents(contents, budget),
            Item::List(list) => self.free_list(list, budget),
            Item::Stream(stream) => self.free_stream(stream, budget),
        }
    }

    fn free_contents(&mut self, mut contents: Box<Contents>, budget: usize) -> usize {
        let mut freed = 0;
        while freed < budget {
            match contents.pop_object() {
                Some(object) => {
                    freed += 1;
                    object.into_iter().for_each(|object| self.add(object));
                }
                None if contents.drop_one() => freed += REGION_PIECES,
                None => return freed + 1,
            }
        }
        // In front of what it held: that goes first, so that the queue stays short.
        self.items.insert(0, Item::Contents(contents));
        freed
    }

    fn free_list(&mut self, mut list: List, budget: usize) -> usize {
        let freed = list.drop_some(budget);
        if freed >= budget {
            self.items.push(Item::List(list));
        }
        freed.max(1)
    }

    fn free_stream(&mut self, mut stream: Box<Stream>, budget: usize) -> usize {
        let freed = stream.drop_some(budget);
        if freed >= budget {
            self.items.push(Item::Stream(stream));
        }
        freed.max(1)
    }
}
