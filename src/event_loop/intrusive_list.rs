//! Doubly linked lists whose links live in the members, as slab indices.
//!
//! Pure data; touches only what the accessor hands out. To join or to leave a list allocates
//! nothing and searches nothing.
//!
//! ```text
//! List { head: 4, tail: 2, len: 3 }
//!
//! slab   ... [2: prev 7, next END] ... [4: prev END, next 7] ... [7: prev 4, next 2] ...
//!
//! order  4 <-> 7 <-> 2
//! ```
//!
//! A member may hold several links and so be in several lists. Which link a list goes by is said by
//! the accessor, a small struct around the slab:
//!
//! ```text
//! struct WriteLinks<'a>(&'a mut Slab<Connection>);
//!
//! impl Linked for WriteLinks<'_> {
//!     fn link(&mut self, index: u32) -> &mut Link { &mut self.0.at_mut(index).write_link }
//! }
//! ```
//!
//! To drain a list that may grow while it is drained, [`List::take`] it whole first: what joins
//! later waits in the original for its next turn. The trap: a member that leaves meanwhile must be
//! removed from the taken list, not from the original.

/// The link of a member that is in no list.
const UNLINKED: u32 = u32::MAX;
/// The link before the first and after the last member.
const END: u32 = u32::MAX - 1;

/// What a member of a list holds. The default is in no list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Link {
    next: u32,
    prev: u32,
}

impl Default for Link {
    fn default() -> Self {
        Self { next: UNLINKED, prev: UNLINKED }
    }
}

impl Link {
    /// Whether the member is in a list.
    #[must_use]
    pub const fn is_linked(&self) -> bool {
        self.next != UNLINKED
    }
}

/// Finds the link of a member by its index. Must give the same link every time.
pub trait Linked {
    /// The link of the member at `index`.
    fn link(&mut self, index: u32) -> &mut Link;
}

/// A list of indices. Holds no memory of its own.
#[derive(PartialEq, Eq, Debug)]
pub struct List {
    head: u32,
    tail: u32,
    len: u32,
}

impl Default for List {
    fn default() -> Self {
        Self::new()
    }
}

impl List {
    /// An empty list.
    #[must_use]
    pub const fn new() -> Self {
        Self { head: END, tail: END, len: 0 }
    }

    /// How many members there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether there is no member.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The first member.
    #[must_use]
    pub fn front(&self) -> Option<u32> {
        some(self.head)
    }

    /// The last member.
    #[must_use]
    pub fn back(&self) -> Option<u32> {
        some(self.tail)
    }

    /// The member after `index`, which must be in this list. To walk a list while members leave,
    /// ask for the next one before removing.
    pub fn next(&self, nodes: &mut impl Linked, index: u32) -> Option<u32> {
        let link = nodes.link(index);
        assert!(link.is_linked(), "{index} is in no list");
        some(link.next)
    }

    /// Appends `index`, which must not be in a list by this link.
    pub fn push_back(&mut self, nodes: &mut impl Linked, index: u32) {
        self.join(nodes, index, Link { next: END, prev: self.tail });
    }

    /// Prepends `index`, which must not be in a list by this link.
    pub fn push_front(&mut self, nodes: &mut impl Linked, index: u32) {
        self.join(nodes, index, Link { next: self.head, prev: END });
    }

    /// Takes the first member out.
    pub fn pop_front(&mut self, nodes: &mut impl Linked) -> Option<u32> {
        let index = self.front()?;
        let link = std::mem::take(nodes.link(index));
        assert!(link.is_linked() && link.prev == END, "{index} is in another list");
        self.head = link.next;
        *self.prev_of(nodes, link.next) = END;
        self.len -= 1;
        Some(index)
    }

    /// Takes `index` out, which must be in this list.
    pub fn remove(&mut self, nodes: &mut impl Linked, index: u32) {
        let link = std::mem::take(nodes.link(index));
        assert!(link.is_linked(), "{index} is in no list");
        assert!(self.len > 0, "{index} is in another list");
        let before = self.next_of(nodes, link.prev);
        assert_eq!(*before, index, "{index} is in another list");
        *before = link.next;
        let after = self.prev_of(nodes, link.next);
        assert_eq!(*after, index, "{index} is in another list");
        *after = link.prev;
        self.len -= 1;
    }

    /// Moves all members out at once, leaving this list empty.
    #[must_use]
    pub fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    fn join(&mut self, nodes: &mut impl Linked, index: u32, link: Link) {
        assert!(index < END, "index {index} is reserved");
        let own = nodes.link(index);
        assert!(!own.is_linked(), "{index} is in a list already");
        *own = link;
        *self.next_of(nodes, link.prev) = index;
        *self.prev_of(nodes, link.next) = index;
        self.len += 1;
    }

    /// Where the successor of `index` is written down: the list's head is that of the end.
    #[inline]
    fn next_of<'a>(&'a mut self, nodes: &'a mut impl Linked, index: u32) -> &'a mut u32 {
        if index == END { &mut self.head } else { &mut nodes.link(index).next }
    }

    /// Where the predecessor of `index` is written down: the list's tail is that of the end.
    #[inline]
    fn prev_of<'a>(&'a mut self, nodes: &'a mut impl Linked, index: u32) -> &'a mut u32 {
        if index == END { &mut self.tail } else { &mut nodes.link(index).prev }
    }
}

fn some(index: u32) -> Option<u32> {
    (index != END).then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    const NODES: usize = 12;

    impl Linked for [Link; NODES] {
        fn link(&mut self, index: u32) -> &mut Link {
            &mut self[index as usize]
        }
    }

    fn members(list: &List, nodes: &mut [Link; NODES]) -> Vec<u32> {
        let mut members = Vec::new();
        let mut cursor = list.front();
        while let Some(index) = cursor {
            members.push(index);
            cursor = list.next(nodes, index);
        }
        members
    }

    #[test]
    fn what_joins_a_taken_list_waits_for_its_next_turn() {
        let mut nodes = [Link::default(); NODES];
        let mut list = List::new();
        list.push_back(&mut nodes, 1);
        list.push_back(&mut nodes, 2);
        let mut taken = list.take();
        assert_eq!(taken.pop_front(&mut nodes), Some(1));
        list.push_back(&mut nodes, 1);
        assert_eq!(taken.pop_front(&mut nodes), Some(2));
        assert_eq!(taken.pop_front(&mut nodes), None);
        assert_eq!(members(&list, &mut nodes), [1]);
        assert!(!nodes[2].is_linked());
    }

    #[test]
    #[should_panic(expected = "in a list already")]
    fn joining_twice_is_our_own_mistake() {
        let mut nodes = [Link::default(); NODES];
        let mut list = List::new();
        list.push_back(&mut nodes, 1);
        list.push_front(&mut nodes, 1);
    }

    #[test]
    #[should_panic(expected = "in another list")]
    fn leaving_another_list_is_our_own_mistake() {
        let mut nodes = [Link::default(); NODES];
        let (mut one, mut other) = (List::new(), List::new());
        one.push_back(&mut nodes, 1);
        other.push_back(&mut nodes, 2);
        other.remove(&mut nodes, 1);
    }

    #[test]
    #[should_panic(expected = "in no list")]
    fn leaving_no_list_is_our_own_mistake() {
        List::new().remove(&mut [Link::default(); NODES], 1);
    }

    #[test]
    fn behaves_like_a_deque() {
        arbtest::arbtest(|u| {
            let mut nodes = [Link::default(); NODES];
            let mut list = List::new();
            let mut twin = VecDeque::new();
            while !u.is_empty() {
                let index = u.int_in_range(0..=NODES as u32 - 1)?;
                let place = twin.iter().position(|member| *member == index);
                match (place, u.int_in_range(0..=3)?) {
                    (Some(place), _) => {
                        list.remove(&mut nodes, index);
                        twin.remove(place);
                    }
                    (None, 0) => assert_eq!(list.pop_front(&mut nodes), twin.pop_front()),
                    (None, 1) => {
                        list.push_front(&mut nodes, index);
                        twin.push_front(index);
                    }
                    (None, _) => {
                        list.push_back(&mut nodes, index);
                        twin.push_back(index);
                    }
                }
                assert!(twin.iter().eq(&members(&list, &mut nodes)));
                assert_eq!((list.len(), list.is_empty()), (twin.len(), twin.is_empty()));
                assert_eq!(
                    (list.front(), list.back()),
                    (twin.front().copied(), twin.back().copied())
                );
                let linked = |index: u32| twin.contains(&index);
                assert!((0..NODES as u32).all(|i| nodes[i as usize].is_linked() == linked(i)));
            }
            Ok(())
        });
    }
}
