//! A node of a list: many elements packed into one allocation.
//!
//! ```text
//!       8      front                back        lengths                 capacity
//!  +----+-------+----+----+----+----+------------+----+----+----+----+------+
//!  | h  | free  | e0 | e1 | e2 | e3 |    free    | l3 | l2 | l1 | l0 | free |
//!  +----+-------+----+----+----+----+------------+----+----+----+----+------+
//!        <----- the head grows       the tail grows --->    <- the head's lengths ->
//!
//!  header, 8 bytes:  count 14 | width 2 | front 16 | back 16 | even bytes or free 16   (bits)
//! ```
//!
//! The elements lie one behind the other and their lengths lie in reverse at the other end, so
//! that the tail grows into the space between them, and the head into the space around them. An
//! element added or removed at either end moves nothing else. Three departures from the usual
//! list of length-prefixed elements, and what each buys:
//!
//! 1. A length stands once, and not on both sides of its element: lengths beside each other can be
//!    walked from both ends. One byte per element less.
//! 2. Lengths have a width of 0, 1 or 2 bytes each, the same for all in a node. While all elements
//!    are equally long (ids, hashes, numbers of tickets) there are none at all and an element is
//!    found by one multiplication; otherwise by adding up bytes that lie together, which the
//!    processor does many at a time.
//! 3. The header lies in the allocation, so that a small list is a pointer and its bytes.
//!
//! An element that does not fit into a node lies apart: `list_piece.rs`.
//!
//! How a node gets and gives back room is in `list_node/room.rs`; how nodes are cut, joined and
//! sieved in `list_node/parts.rs`.

mod parts;
mod room;

use super::list_run::{Run, length_of, lengths_sum};
use super::short_copy::copy_short;
use crate::limits::{LIST_NODE_BYTES_MAX, LIST_NODE_ELEMENTS_MAX};
use room::capacity_exact;
use static_assertions::const_assert_eq;
use std::ops::Range;

const HEADER_BYTES: usize = 8;
const_assert_eq!(size_of::<Node>(), 16);

/// An end of a list or of one of its nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Where positions begin: LEFT.
    Head,
    /// Where they end: RIGHT.
    Tail,
}

/// Elements in order. Empty ones without heap are [`Node::default`].
#[derive(Debug, Default)]
pub(super) struct Node {
    bytes: Box<[u8]>,
}

/// The header unpacked; see the drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Header {
    count: usize,
    width: usize,
    front: usize,
    back: usize,
    /// With width 0 the length of every element, otherwise the free bytes behind the lengths.
    extra: usize,
}

impl Header {
    const EMPTY: Header =
        Header { count: 0, width: 0, front: HEADER_BYTES, back: HEADER_BYTES, extra: 0 };

    #[inline]
    fn unpack(packed: u64) -> Header {
        let bits = |from: u32, count: u32| ((packed >> from) & ((1 << count) - 1)) as usize;
        Header {
            count: bits(0, 14),
            width: bits(14, 2),
            front: bits(16, 16),
            back: bits(32, 16),
            extra: bits(48, 16),
        }
    }

    #[inline]
    fn pack(self) -> u64 {
        debug_assert!(self.count <= LIST_NODE_ELEMENTS_MAX && self.width <= 2);
        debug_assert!(self.front <= self.back && self.back <= LIST_NODE_BYTES_MAX);
        self.count as u64
            | (self.width as u64) << 14
            | (self.front as u64) << 16
            | (self.back as u64) << 32
            | (self.extra as u64) << 48
    }

    fn payload_bytes(self) -> usize {
        self.back - self.front
    }

    #[inline]
    fn used_bytes(self) -> usize {
        HEADER_BYTES + self.payload_bytes() + self.count * self.width
    }

    /// Where the lengths end: l0 lies right before.
    #[inline]
    fn lengths_end(self, capacity: usize) -> usize {
        if self.width == 0 { capacity } else { capacity - self.extra }
    }

    /// Where the lengths begin, and the free space in the middle ends.
    #[inline]
    fn lengths_start(self, capacity: usize) -> usize {
        self.lengths_end(capacity) - self.count * self.width
    }

    /// Whether the lengths can express this one, and there may be one element more.
    #[inline(always)]
    fn takes(self, length: usize) -> bool {
        let is_expressible = match self.width {
            0 => length == self.extra,
            1 => length <= usize::from(u8::MAX),
            _ => true,
        };
        is_expressible && self.count < LIST_NODE_ELEMENTS_MAX
    }

    /// Whether an element of this length fits at this end without moving anything.
    #[inline(always)]
    fn has_room(self, end: End, length: usize, capacity: usize) -> bool {
        match end {
            End::Tail => self.lengths_start(capacity) >= self.back + length + self.width,
            // Without lengths none of them needs room.
            End::Head => self.front >= HEADER_BYTES + length && self.extra >= self.width,
        }
    }
}

impl Node {
    /// A node of one element, as small as can be; nothing if the element is too large for one.
    pub(super) fn of(element: &[u8]) -> Option<Node> {
        let mut node = Node::default();
        node.begin(End::Tail, element).then_some(node)
    }

    /// Whether this element does not fit into any node.
    pub(super) fn is_too_large(element: &[u8]) -> bool {
        HEADER_BYTES + element.len() > LIST_NODE_BYTES_MAX
    }

    /// A node without elements and with all the room that a node can have.
    pub(super) fn whole() -> Node {
        let mut node = Node { bytes: vec![0; LIST_NODE_BYTES_MAX].into_boxed_slice() };
        node.store(Header::EMPTY);
        node
    }

    #[inline]
    fn header(&self) -> Header {
        match self.bytes.first_chunk() {
            Some(packed) => Header::unpack(u64::from_le_bytes(*packed)),
            None => Header::EMPTY,
        }
    }

    #[inline]
    fn store(&mut self, header: Header) {
        let place = self.bytes.first_chunk_mut().expect("what is stored in has a header");
        *place = header.pack().to_le_bytes();
    }

    /// How many elements there are.
    #[inline]
    pub(super) fn count(&self) -> usize {
        self.header().count
    }

    /// Bytes in use, the header's among them.
    #[inline]
    pub(super) fn used_bytes(&self) -> usize {
        self.header().used_bytes()
    }

    /// Bytes of heap.
    pub(super) fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// Whether this node has all the room that one can have, and so is worth keeping when empty.
    pub(super) fn is_whole(&self) -> bool {
        self.bytes.len() == LIST_NODE_BYTES_MAX
    }

    /// The element at this position, which exists.
    pub(super) fn get(&self, index: usize) -> &[u8] {
        let header = self.header();
        assert!(index < header.count, "the caller has counted");
        &self.bytes[self.element(header, index)]
    }

    /// The element at this end, if there is any.
    #[inline]
    pub(super) fn end(&self, end: End) -> Option<&[u8]> {
        let mut header = self.header();
        (header.count > 0).then(|| &self.bytes[self.strip(&mut header, end)])
    }

    /// Takes the element at this end off a header that has one, and says where it lies.
    #[inline(always)]
    fn strip(&self, header: &mut Header, end: End) -> Range<usize> {
        header.count -= 1;
        match end {
            End::Head => {
                let start = header.front;
                header.front += self.length(*header, 0);
                header.extra += header.width;
                start..header.front
            }
            End::Tail => {
                let end = header.back;
                header.back -= self.length(*header, header.count);
                header.back..end
            }
        }
    }

    /// The elements at these positions.
    pub(super) fn run(&self, range: Range<usize>) -> Run<'_> {
        let header = self.header();
        if range.is_empty() {
            return Run::default();
        }
        let start = self.offset(header, range.start);
        Run {
            payload: &self.bytes[start..self.offset(header, range.end)],
            lengths: self.lengths(header, range.clone()),
            width: header.width,
            even_bytes: if header.width == 0 { header.extra } else { 0 },
            left: range.len(),
        }
    }

    /// All elements.
    pub(super) fn iter(&self) -> Run<'_> {
        self.whole_run(self.header())
    }

    /// All elements, if they use no more bytes than these.
    pub(super) fn iter_within(&self, bytes_max: usize) -> Option<Run<'_>> {
        let header = self.header();
        (header.used_bytes() <= bytes_max).then(|| self.whole_run(header))
    }

    fn whole_run(&self, header: Header) -> Run<'_> {
        if header.count == 0 {
            return Run::default();
        }
        Run {
            payload: &self.bytes[header.front..header.back],
            lengths: self.lengths(header, 0..header.count),
            width: header.width,
            even_bytes: if header.width == 0 { header.extra } else { 0 },
            left: header.count,
        }
    }

    fn lengths(&self, header: Header, range: Range<usize>) -> &[u8] {
        let end = header.lengths_end(self.bytes.len());
        &self.bytes[end - range.end * header.width..end - range.start * header.width]
    }

    #[inline]
    fn length(&self, header: Header, index: usize) -> usize {
        match header.width {
            0 => header.extra,
            _ => length_of(self.lengths(header, index..index + 1)),
        }
    }

    /// Where the element at this position begins; with the count for a position, where the last
    /// one ends. Adds lengths from the nearer end.
    fn offset(&self, header: Header, index: usize) -> usize {
        let (count, width) = (header.count, header.width);
        if width == 0 {
            header.front + index * header.extra
        } else if index <= count / 2 {
            header.front + lengths_sum(self.lengths(header, 0..index), width)
        } else {
            header.back - lengths_sum(self.lengths(header, index..count), width)
        }
    }

    fn element(&self, header: Header, index: usize) -> Range<usize> {
        let start = self.offset(header, index);
        start..start + self.length(header, index)
    }

    fn write_length(&mut self, header: Header, index: usize, length: usize) {
        let start = header.lengths_end(self.bytes.len()) - (index + 1) * header.width;
        let bytes = (length as u16).to_le_bytes();
        self.bytes[start..start + header.width].copy_from_slice(&bytes[..header.width]);
    }

    /// The position of an element equal to this one within `range`: the first one seen from
    /// the end `from`.
    pub(super) fn position(&self, element: &[u8], range: Range<usize>, from: End) -> Option<usize> {
        let header = self.header();
        if header.width == 0 && header.extra != element.len() {
            return None;
        }
        let mut run = self.run(range.clone());
        match from {
            End::Head => Some(range.start + run.position(|other| other == element)?),
            End::Tail => Some(range.end - 1 - run.rev().position(|other| other == element)?),
        }
    }

    /// Adds an element at this end; `false`, with nothing added, if there is no room. A node
    /// grows until it is as large as a node can be.
    pub(super) fn push(&mut self, end: End, element: &[u8]) -> bool {
        let (header, length) = (self.header(), element.len());
        let has_room = header.takes(length) && header.has_room(end, length, self.bytes.len());
        if header.count == 0 || !has_room {
            return self.push_after_move(end, element);
        }
        self.place(header, end, element);
        true
    }

    /// The same where other elements have to move first, or there is none.
    #[cold]
    fn push_after_move(&mut self, end: End, element: &[u8]) -> bool {
        if self.count() == 0 {
            return self.begin(end, element);
        }
        let has_room = self.admit(element.len()) && self.make_room(end, element.len());
        if has_room {
            self.place(self.header(), end, element);
        }
        has_room
    }

    /// Adds an element at this end, where there is room for it.
    #[inline(always)]
    fn place(&mut self, mut header: Header, end: End, element: &[u8]) {
        let length = element.len();
        let (index, start) = match end {
            End::Head => {
                header.front -= length;
                header.extra -= header.width;
                (0, header.front)
            }
            End::Tail => {
                header.back += length;
                (header.count, header.back - length)
            }
        };
        header.count += 1;
        self.store(header);
        if header.width > 0 {
            self.write_length(header, index, length);
        }
        copy_short(&mut self.bytes[start..start + length], element);
    }

    /// The first element of an empty node. All free space comes to lie at this end.
    fn begin(&mut self, end: End, element: &[u8]) -> bool {
        let length = element.len();
        let used = HEADER_BYTES + length;
        if Node::is_too_large(element) {
            return false;
        }
        if self.bytes.len() < used {
            self.bytes = vec![0; capacity_exact(used)].into_boxed_slice();
        }
        let front = if end == End::Head { self.bytes.len() - length } else { HEADER_BYTES };
        let back = front + length;
        self.store(Header { count: 1, width: 0, front, back, extra: length });
        self.bytes[front..back].copy_from_slice(element);
        true
    }

    /// Removes all elements and keeps the heap.
    pub(super) fn clear(&mut self) {
        if !self.bytes.is_empty() {
            self.store(Header::EMPTY);
        }
    }

    /// Removes the elements at these positions. The allocation stays as it is.
    pub(super) fn remove(&mut self, range: Range<usize>) {
        let (mut header, capacity) = (self.header(), self.bytes.len());
        if range.len() == header.count {
            return self.clear();
        }
        let width = header.width;
        let start = self.offset(header, range.start);
        let end = self.offset(header, range.end);
        if range.start == 0 {
            header.front = end;
            header.extra += range.len() * width;
        } else {
            self.bytes.copy_within(end..header.back, start);
            let lengths = header.lengths_start(capacity);
            let behind = lengths..header.lengths_end(capacity) - range.end * width;
            self.bytes.copy_within(behind, lengths + range.len() * width);
            header.back -= end - start;
        }
        header.count -= range.len();
        self.store(header);
    }

    /// Removes this many elements at this end.
    pub(super) fn remove_end(&mut self, end: End, number: usize) {
        let count = self.count();
        self.remove(if end == End::Head { 0..number } else { count - number..count });
    }

    /// Removes the element at this end, which is shown to `see` first; `false` if there is none.
    #[inline]
    pub(super) fn pop(&mut self, end: End, see: impl FnOnce(&[u8])) -> bool {
        let mut header = self.header();
        let is_there = header.count > 0;
        if is_there {
            let element = self.strip(&mut header, end);
            see(&self.bytes[element]);
            self.store(if header.count > 0 { header } else { Header::EMPTY });
        }
        is_there
    }

    /// Adds an element before the one at this position, or at the tail; `false`, with nothing
    /// added, if there is no room.
    pub(super) fn insert(&mut self, index: usize, element: &[u8]) -> bool {
        let length = element.len();
        if index == 0 || index == self.count() {
            return self.push(if index == 0 { End::Head } else { End::Tail }, element);
        }
        if !self.admit(length) || !self.make_room(End::Tail, length) {
            return false;
        }
        let (mut header, capacity) = (self.header(), self.bytes.len());
        let (start, width) = (self.offset(header, index), header.width);
        self.bytes.copy_within(start..header.back, start + length);
        let lengths = header.lengths_start(capacity);
        let behind = lengths..header.lengths_end(capacity) - index * width;
        self.bytes.copy_within(behind, lengths - width);
        header.back += length;
        header.count += 1;
        self.store(header);
        if width > 0 {
            self.write_length(header, index, length);
        }
        self.bytes[start..start + length].copy_from_slice(element);
        true
    }

    /// Overwrites the element at this position; `false`, with nothing changed, if there is no
    /// room.
    pub(super) fn set(&mut self, index: usize, element: &[u8]) -> bool {
        let length = element.len();
        let header = self.header();
        let old_length = self.length(header, index);
        if length != old_length {
            if header.count == 1 {
                let alone = Node::of(element);
                return alone.map(|node| *self = node).is_some();
            }
            let more = length.saturating_sub(old_length);
            if !self.admit(length) || (more > 0 && !self.make_room(End::Tail, more)) {
                return false;
            }
            self.change_length(index, length);
        }
        let start = self.offset(self.header(), index);
        self.bytes[start..start + length].copy_from_slice(element);
        true
    }

    fn change_length(&mut self, index: usize, length: usize) {
        let mut header = self.header();
        let old = self.element(header, index);
        self.bytes.copy_within(old.end..header.back, old.start + length);
        header.back = header.back - old.len() + length;
        self.store(header);
        self.write_length(header, index, length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_drawn_right() {
        let header = Header { count: 0x1000, width: 2, front: 8, back: 0xabc, extra: 0xdef };
        assert_eq!(header.pack(), 0x0def_0abc_0008_9000);
        assert_eq!(Header::unpack(header.pack()), header);
    }

    #[test]
    fn an_element_too_large_leaves_a_node_as_it_was() {
        let large = vec![7; LIST_NODE_BYTES_MAX - HEADER_BYTES + 1];
        assert!(Node::of(&large).is_none() && Node::of(&large[1..]).is_some());
        let mut node = Node::of(b"small").expect("it fits");
        assert!(!node.set(0, &large) && !node.push(End::Head, &large) && !node.insert(1, &large));
        assert_eq!((node.iter().left, node.iter().width, node.get(0)), (1, 0, &b"small"[..]));
    }
}
