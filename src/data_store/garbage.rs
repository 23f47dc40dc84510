//! What is on its way out: values too large, and databases too full, to be freed at once.
//!
//! Freeing ten million elements takes a good part of a second. So whatever is large is queued when
//! its key goes, and freed in slices, a bounded number of pieces at a time.

use super::contents::{Contents, Object};
use super::stream::{Trim, TrimBy};
use super::{List, Stream};
use std::rc::Rc;

/// Values of up to so many elements are dropped at once.
const ELEMENTS_AT_ONCE: usize = 64;
/// Bytes of a long string that count as one element, and those that are dropped at once.
const BYTES_PER_ELEMENT: usize = 1024;
const BYTES_AT_ONCE: usize = 64 * BYTES_PER_ELEMENT;
/// Elements that freeing a region of memory counts as: the system takes its pages back.
const ELEMENTS_PER_REGION: usize = 1024;

#[derive(Debug)]
enum Item {
    Contents(Box<Contents>),
    List(List),
    Stream(Box<Stream>),
    Bytes(Vec<u8>),
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
            Object::List(list) if list.len() > ELEMENTS_AT_ONCE => {
                self.items.push(Item::List(list));
            }
            Object::Stream(stream) if stream.length() > ELEMENTS_AT_ONCE as u64 => {
                self.items.push(Item::Stream(stream));
            }
            // If somebody is still sending it, the last one to hold it frees it.
            Object::Long(bytes) if bytes.capacity() > BYTES_AT_ONCE => {
                self.items.extend(Rc::try_unwrap(bytes).ok().map(Item::Bytes));
            }
            small => drop(small),
        }
    }

    /// Frees up to `budget` elements, and returns how many: fewer mean that nothing is left.
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

    /// Frees a part of one thing, one element at least; what is left of it is queued again.
    fn free_part(&mut self, item: Item, budget: usize) -> usize {
        match item {
            Item::Contents(contents) => self.free_contents(contents, budget),
            Item::List(list) => self.free_list(list, budget),
            Item::Stream(stream) => self.free_stream(stream, budget),
            Item::Bytes(bytes) => self.free_bytes(bytes, budget),
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
                None if contents.drop_one() => freed += ELEMENTS_PER_REGION,
                None => return freed + 1,
            }
        }
        // In front of what it held: that goes first, so that the queue stays short.
        self.items.insert(0, Item::Contents(contents));
        freed
    }

    fn free_list(&mut self, mut list: List, budget: usize) -> usize {
        let freed = (0..budget).take_while(|_| list.drop_back()).count();
        if !list.is_empty() {
            self.items.push(Item::List(list));
        }
        freed + 1
    }

    fn free_stream(&mut self, mut stream: Box<Stream>, budget: usize) -> usize {
        let rest = stream.length().saturating_sub(budget as u64);
        let freed = stream.trim(Trim { by: TrimBy::MaxLen(rest), approximate: false, limit: None });
        if stream.length() > 0 {
            self.items.push(Item::Stream(stream));
        }
        freed as usize + 1
    }

    /// The allocator gives the end of a long allocation back to the system where it stands.
    fn free_bytes(&mut self, mut bytes: Vec<u8>, budget: usize) -> usize {
        let rest = bytes.capacity().saturating_sub(budget * BYTES_PER_ELEMENT);
        let freed = (bytes.capacity() - rest) / BYTES_PER_ELEMENT;
        if rest > 0 {
            bytes.truncate(rest);
            bytes.shrink_to(rest);
            self.items.push(Item::Bytes(bytes));
        }
        freed + 1
    }
}
