//! Room in a node: how its allocation grows and shrinks, and how free space gets to the end that
//! needs it.

use super::{End, HEADER_BYTES, Header, Node};
use crate::limits::{
    LIST_NODE_BYTES_MAX, LIST_NODE_ELEMENTS_MAX, LIST_NODE_EXACT_BYTES_MAX, LIST_NODE_SLACK_PART,
    LIST_NODE_STEP_BYTES,
};
use std::mem;

/// What to allocate for a node that has this many bytes to hold and goes on growing.
fn capacity_for(used: usize) -> usize {
    let slack = if used <= LIST_NODE_EXACT_BYTES_MAX { 0 } else { used / LIST_NODE_SLACK_PART };
    capacity_exact(used + slack)
}

/// The smallest size of the allocator's that holds this many bytes.
pub(super) fn capacity_exact(used: usize) -> usize {
    let rounded = (used + 8).next_multiple_of(LIST_NODE_STEP_BYTES) - 8;
    rounded.min(LIST_NODE_BYTES_MAX)
}

pub(super) fn width_for(length: usize) -> usize {
    if length <= usize::from(u8::MAX) { 1 } else { 2 }
}

impl Node {
    /// Makes the lengths wide enough for one more of this size; `false` if that does not fit.
    pub(super) fn admit(&mut self, length: usize) -> bool {
        let header = self.header();
        if header.count == LIST_NODE_ELEMENTS_MAX || HEADER_BYTES + length > LIST_NODE_BYTES_MAX {
            return false;
        }
        if header.takes(length) {
            return true;
        }
        let longest = if header.width == 0 { length.max(header.extra) } else { length };
        self.widen(header, width_for(longest))
    }

    fn widen(&mut self, old: Header, width: usize) -> bool {
        let used = old.used_bytes() + old.count * (width - old.width);
        if used > LIST_NODE_BYTES_MAX {
            return false;
        }
        if self.bytes.len() < used {
            self.grow(capacity_for(used));
        }
        self.lay_out(HEADER_BYTES, self.bytes.len());
        let flush = self.header();
        let wide = Header { width, extra: 0, ..flush };
        // From the last element on: a wider length never overwrites one that is still to be read.
        for index in (0..old.count).rev() {
            let length = self.length(flush, index);
            self.write_length(wide, index, length);
        }
        self.store(wide);
        true
    }

    /// Sees to it that an element of this length, which its lengths can express, fits at this end.
    pub(super) fn make_room(&mut self, end: End, length: usize) -> bool {
        let (header, capacity) = (self.header(), self.bytes.len());
        if header.has_room(end, length, capacity) {
            return true;
        }
        let used = header.used_bytes() + length + header.width;
        if used > LIST_NODE_BYTES_MAX {
            return false;
        }
        // To move everything must buy room for a while, or it would happen every time. Growing
        // leaves twice as much free.
        if capacity < used + capacity / (2 * LIST_NODE_SLACK_PART) {
            if self.is_whole() {
                return false;
            }
            self.grow(capacity_for(used));
        }
        self.gather(end, used, length);
        true
    }

    /// Moves all free space to this end. `used` counts the element to come.
    fn gather(&mut self, end: End, used: usize, length: usize) {
        let (header, capacity) = (self.header(), self.bytes.len());
        if end == End::Tail {
            return self.lay_out(HEADER_BYTES, capacity);
        }
        let free = capacity - used;
        // The head's lengths get the part of the free space that lengths have of the used one.
        let lengths_bytes = (header.count + 1) * header.width;
        let lengths_free = free * lengths_bytes / (used - HEADER_BYTES).max(1);
        let lengths_end = capacity - header.width - lengths_free;
        let front = lengths_end - header.count * header.width - header.payload_bytes();
        debug_assert!(front >= HEADER_BYTES + length);
        self.lay_out(front, lengths_end);
    }

    /// Moves the elements so that they begin at `front` and their lengths so that they end at
    /// `lengths_end`; neither may come to lie over the other.
    fn lay_out(&mut self, front: usize, lengths_end: usize) {
        let (header, capacity) = (self.header(), self.bytes.len());
        let lengths_bytes = header.count * header.width;
        let lengths = header.lengths_start(capacity)..header.lengths_end(capacity);
        let lengths_start = lengths_end - lengths_bytes;
        let back = front + header.payload_bytes();
        debug_assert!(back <= lengths_start);
        // What moves away from the other goes first.
        let is_lengths_first = lengths_start > lengths.start;
        if is_lengths_first {
            self.bytes.copy_within(lengths.clone(), lengths_start);
        }
        self.bytes.copy_within(header.front..header.back, front);
        if !is_lengths_first {
            self.bytes.copy_within(lengths, lengths_start);
        }
        let extra = if header.width == 0 { header.extra } else { capacity - lengths_end };
        self.store(Header { front, back, extra, ..header });
    }

    /// Enlarges the allocation; the new space lies at its end.
    fn grow(&mut self, capacity: usize) {
        let added = capacity.saturating_sub(self.bytes.len());
        let mut header = self.header();
        let mut bytes = mem::take(&mut self.bytes).into_vec();
        bytes.reserve_exact(added);
        bytes.resize(bytes.len() + added, 0);
        self.bytes = bytes.into_boxed_slice();
        if header.width > 0 {
            header.extra += added;
        }
        self.store(header);
    }

    /// Gives back free space past an eighth of the node: it will not be added to any more.
    pub(in super::super) fn seal(&mut self) {
        let capacity = self.bytes.len();
        if capacity - self.used_bytes() > capacity / LIST_NODE_SLACK_PART {
            self.shrink();
        }
    }

    /// Gives back free space past half of the node, unless there is so little of it that the next
    /// element may need it again.
    pub(in super::super) fn trim(&mut self) {
        let capacity = self.bytes.len();
        if capacity > LIST_NODE_EXACT_BYTES_MAX && self.used_bytes() < capacity / 2 {
            self.shrink();
        }
    }

    pub(super) fn shrink(&mut self) {
        let (used, capacity) = (self.used_bytes(), self.bytes.len());
        let smaller = capacity_exact(used);
        if smaller >= capacity {
            return;
        }
        if self.count() == 0 {
            return *self = Node::default();
        }
        self.lay_out(HEADER_BYTES, smaller);
        let mut header = self.header();
        if header.width > 0 {
            header.extra = 0;
        }
        let mut bytes = mem::take(&mut self.bytes).into_vec();
        bytes.truncate(smaller);
        self.bytes = bytes.into_boxed_slice();
        self.store(header);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_the_allocator() {
        for used in 8..=LIST_NODE_BYTES_MAX {
            let capacity = capacity_for(used);
            assert!(capacity >= used && capacity % LIST_NODE_STEP_BYTES == 8);
            let slack = used / LIST_NODE_SLACK_PART + LIST_NODE_STEP_BYTES;
            assert!(capacity <= used + slack && capacity <= LIST_NODE_BYTES_MAX);
        }
    }

    /// Nothing but the bytes of elements and lengths is left free, whatever end they come to.
    #[test]
    fn a_whole_node_is_filled_from_either_end() {
        for end in [End::Head, End::Tail] {
            let mut even = Node::whole();
            while even.push(end, &[7; 16]) {}
            assert_eq!((even.count(), even.used_bytes()), (255, LIST_NODE_BYTES_MAX));
            let mut mixed = Node::whole();
            while mixed.push(end, &[7; 20][..12 + mixed.count() % 9]) {}
            assert!(mixed.used_bytes() > LIST_NODE_BYTES_MAX * 9 / 10, "{}", mixed.used_bytes());
        }
    }

    #[test]
    fn lengths_get_wider_when_they_must() {
        for end in [End::Head, End::Tail] {
            let mut node = Node::default();
            let lengths = [3, 3, 5, 255, 0, 256, 1_000];
            for (count, length) in lengths.into_iter().enumerate() {
                assert!(node.push(end, &vec![length as u8; length]));
                assert_eq!(node.header().width, [0, 0, 1, 1, 1, 2, 2][count]);
            }
            let mut found: Vec<_> = node.iter().map(|element| element.len()).collect();
            if end == End::Head {
                found.reverse();
            }
            assert_eq!(found, lengths);
        }
    }
}
