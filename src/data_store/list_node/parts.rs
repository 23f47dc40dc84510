//! Nodes cut in two, joined, and sieved.

use super::room::{capacity_exact, width_for};
use super::{End, HEADER_BYTES, Header, Node};
use crate::data_store::list_run::Run;
use crate::limits::LIST_NODE_ELEMENTS_MAX;
use std::mem;
use std::ops::Range;

impl Node {
    /// Cuts the node before this position and returns what lay behind.
    pub(in super::super) fn split_off(&mut self, index: usize) -> Node {
        let count = self.count();
        if index == 0 {
            return mem::take(self);
        }
        if index == count {
            return Node::default();
        }
        let behind = Node::tight(self.run(index..count));
        self.remove(index..count);
        self.shrink();
        behind
    }

    /// A node with these elements, as small as can be.
    pub(in super::super) fn tight(run: Run<'_>) -> Node {
        let used = HEADER_BYTES + run.payload.len() + run.lengths.len();
        let mut node = Node { bytes: vec![0; capacity_exact(used)].into_boxed_slice() };
        node.write(run, HEADER_BYTES, node.capacity());
        node
    }

    /// Takes these elements instead of its own, and leaves room at either end.
    pub(in super::super) fn refill(&mut self, run: Run<'_>) {
        let free = self.capacity() - HEADER_BYTES - run.payload.len() - run.lengths.len();
        let room = free / 4;
        let lengths_end = if run.width == 0 { self.capacity() } else { self.capacity() - room };
        self.write(run, HEADER_BYTES + room, lengths_end);
    }

    /// Writes elements so that they begin at `front` and their lengths so that they end at
    /// `lengths_end`.
    fn write(&mut self, run: Run<'_>, front: usize, lengths_end: usize) {
        let back = front + run.payload.len();
        self.bytes[front..back].copy_from_slice(run.payload);
        self.bytes[lengths_end - run.lengths.len()..lengths_end].copy_from_slice(run.lengths);
        let (count, width) = (run.left, run.width);
        let extra = if width == 0 { run.even_bytes } else { self.capacity() - lengths_end };
        self.store(Header { count, width, front, back, extra });
    }

    /// The position that parts the bytes of this node about evenly: neither the first one nor
    /// past the last one. There must be two elements.
    pub(in super::super) fn middle(&self) -> usize {
        let header = self.header();
        assert!(header.count >= 2, "one element cannot be parted");
        let mut bytes_left = header.payload_bytes() / 2;
        let fits = |element: &&[u8]| match bytes_left.checked_sub(element.len()) {
            Some(left) => {
                bytes_left = left;
                true
            }
            None => false,
        };
        self.iter().take_while(fits).count().clamp(1, header.count - 1)
    }

    /// Bytes that this node and the next one would use as one; nothing if they cannot be one.
    pub(in super::super) fn merged_bytes(&self, next: &Node) -> Option<usize> {
        let (first, second) = (self.header(), next.header());
        let count = first.count + second.count;
        if count > LIST_NODE_ELEMENTS_MAX {
            return None;
        }
        let width = |header: Header| match header.width {
            0 => width_for(header.extra),
            width => width,
        };
        let is_even = first.width == 0 && second.width == 0 && first.extra == second.extra;
        let width = if is_even { 0 } else { width(first).max(width(second)) };
        Some(HEADER_BYTES + first.payload_bytes() + second.payload_bytes() + count * width)
    }

    /// Adds all elements of the next node, which fit.
    pub(in super::super) fn append(&mut self, next: &Node) {
        if self.count() == 0 {
            self.clear();
        }
        for element in next.iter() {
            assert!(self.push(End::Tail, element), "the caller has asked how many bytes it takes");
        }
    }

    /// Removes up to `limit` elements equal to this one within `range`, beginning at the end
    /// `from`, and returns how many. One pass, however many there are.
    pub(in super::super) fn remove_equal(
        &mut self,
        element: &[u8],
        range: Range<usize>,
        limit: usize,
        from: End,
    ) -> usize {
        let found = self.run(range.clone()).filter(|other| *other == element).count();
        let removed = found.min(limit);
        if removed == 0 {
            return 0;
        }
        if removed == self.count() {
            self.clear();
            return removed;
        }
        let skipped = if from == End::Tail { found - removed } else { 0 };
        let doomed = skipped..skipped + removed;
        let mut kept = Node::default();
        let mut seen = 0;
        for (index, other) in self.iter().enumerate() {
            let is_equal = range.contains(&index) && other == element;
            seen += usize::from(is_equal);
            if !(is_equal && doomed.contains(&(seen - 1))) {
                assert!(kept.push(End::Tail, other), "fewer elements fit where more did");
            }
        }
        *self = kept;
        removed
    }
}
