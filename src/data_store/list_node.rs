//! A node of a list: many elements packed into one allocation, or one large element.
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
//! An element that does not fit into a node gets an allocation of its own, one that is larger
//! than any packed node: that is how the two are told apart.

use super::list_run::{Run, length_of, lengths_sum};
use crate::limits::{
    LIST_NODE_BYTES_MAX, LIST_NODE_ELEMENTS_MAX, LIST_NODE_EXACT_BYTES_MAX, LIST_NODE_SLACK_PART,
    LIST_NODE_STEP_BYTES,
};
use static_assertions::const_assert_eq;
use std::mem;
use std::ops::Range;

const HEADER_BYTES: usize = 8;
const_assert_eq!(mem::size_of::<Node>(), 16);

/// An end of a list or of one of its nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Head,
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

    fn used_bytes(self) -> usize {
        HEADER_BYTES + self.payload_bytes() + self.count * self.width
    }

    /// Where the lengths end: l0 lies right before.
    fn lengths_end(self, capacity: usize) -> usize {
        if self.width == 0 { capacity } else { capacity - self.extra }
    }

    /// Where the lengths begin, and the free space in the middle ends.
    fn lengths_start(self, capacity: usize) -> usize {
        self.lengths_end(capacity) - self.count * self.width
    }

    /// Whether an element of this length fits at this end without moving anything.
    fn has_room(self, end: End, length: usize, capacity: usize) -> bool {
        match end {
            End::Tail => self.lengths_start(capacity) >= self.back + length + self.width,
            End::Head => {
                self.front >= HEADER_BYTES + length && (self.width == 0 || self.extra >= self.width)
            }
        }
    }
}

/// What to allocate for a node that has this many bytes to hold and goes on growing.
fn capacity_for(used: usize) -> usize {
    let slack = if used <= LIST_NODE_EXACT_BYTES_MAX { 0 } else { used / LIST_NODE_SLACK_PART };
    capacity_exact(used + slack)
}

/// The smallest size of the allocator's that holds this many bytes.
fn capacity_exact(used: usize) -> usize {
    let rounded = (used + 8).next_multiple_of(LIST_NODE_STEP_BYTES) - 8;
    rounded.min(LIST_NODE_BYTES_MAX)
}

fn width_for(length: usize) -> usize {
    if length <= usize::from(u8::MAX) { 1 } else { 2 }
}

impl Node {
    /// A node of one element, as small as can be.
    pub(super) fn of(element: &[u8]) -> Node {
        let used = HEADER_BYTES + element.len();
        if used <= LIST_NODE_BYTES_MAX {
            let mut node = Node::default();
            node.begin(End::Tail, element);
            return node;
        }
        let mut bytes = Vec::with_capacity(used);
        bytes.extend_from_slice(&[0; HEADER_BYTES]);
        bytes.extend_from_slice(element);
        Node { bytes: bytes.into_boxed_slice() }
    }

    /// A node without elements and with all the room that a node can have.
    pub(super) fn whole() -> Node {
        let mut node = Node { bytes: vec![0; LIST_NODE_BYTES_MAX].into_boxed_slice() };
        node.store(Header::EMPTY);
        node
    }

    /// Whether this element needs an allocation of its own.
    pub(super) fn is_too_large(element: &[u8]) -> bool {
        HEADER_BYTES + element.len() > LIST_NODE_BYTES_MAX
    }

    fn is_large(&self) -> bool {
        self.bytes.len() > LIST_NODE_BYTES_MAX
    }

    fn header(&self) -> Header {
        match self.bytes.first_chunk() {
            Some(_) if self.is_large() => Header {
                count: 1,
                width: 0,
                front: HEADER_BYTES,
                back: self.bytes.len(),
                extra: self.bytes.len() - HEADER_BYTES,
            },
            Some(packed) => Header::unpack(u64::from_le_bytes(*packed)),
            None => Header::EMPTY,
        }
    }

    fn store(&mut self, header: Header) {
        debug_assert!(!self.is_large(), "a large element has no header to change");
        let place = self.bytes.first_chunk_mut().expect("what is stored in has a header");
        *place = header.pack().to_le_bytes();
    }

    /// How many elements there are.
    pub(super) fn count(&self) -> usize {
        self.header().count
    }

    /// Bytes in use, the header's among them.
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
    pub(super) fn end(&self, end: End) -> Option<&[u8]> {
        let last = self.count().checked_sub(1)?;
        Some(self.get(if end == End::Head { 0 } else { last }))
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
        self.run(0..self.count())
    }

    fn lengths(&self, header: Header, range: Range<usize>) -> &[u8] {
        let end = header.lengths_end(self.bytes.len());
        &self.bytes[end - range.end * header.width..end - range.start * header.width]
    }

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
        let length = element.len();
        if self.count() == 0 {
            return self.begin(end, element);
        }
        if !self.admit(length) || !self.make_room(end, length) {
            return false;
        }
        let mut header = self.header();
        let index = if end == End::Head {
            header.front -= length;
            header.extra -= header.width;
            0
        } else {
            header.back += length;
            header.count
        };
        header.count += 1;
        self.store(header);
        self.write_length(header, index, length);
        let start = if end == End::Head { header.front } else { header.back - length };
        self.bytes[start..start + length].copy_from_slice(element);
        true
    }

    /// The first element of an empty node. All free space comes to lie at this end.
    fn begin(&mut self, end: End, element: &[u8]) -> bool {
        let length = element.len();
        let used = HEADER_BYTES + length;
        if used > LIST_NODE_BYTES_MAX {
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

    /// Makes the lengths wide enough for one more of this size; `false` if that does not fit.
    fn admit(&mut self, length: usize) -> bool {
        let header = self.header();
        if header.count == LIST_NODE_ELEMENTS_MAX || self.is_large() {
            return false;
        }
        match header.width {
            0 if length == header.extra => true,
            0 => self.widen(header, width_for(length.max(header.extra))),
            width if width_for(length) > width => self.widen(header, width_for(length)),
            _ => true,
        }
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
    fn make_room(&mut self, end: End, length: usize) -> bool {
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
    pub(super) fn seal(&mut self) {
        let capacity = self.bytes.len();
        if capacity - self.used_bytes() > capacity / LIST_NODE_SLACK_PART {
            self.shrink();
        }
    }

    /// Gives back free space past half of the node.
    pub(super) fn trim(&mut self) {
        if self.used_bytes() < self.bytes.len() / 2 {
            self.shrink();
        }
    }

    fn shrink(&mut self) {
        let (used, capacity) = (self.used_bytes(), self.bytes.len());
        let smaller = capacity_exact(used);
        if self.is_large() || smaller >= capacity {
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

    /// Removes all elements and keeps the heap, unless it was that of a large one.
    pub(super) fn clear(&mut self) {
        if self.is_large() {
            *self = Node::default();
        } else if !self.bytes.is_empty() {
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
        self.write_length(header, index, length);
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
                *self = Node::of(element);
                return true;
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

    /// Cuts the node before this position and returns what lay behind.
    pub(super) fn split_off(&mut self, index: usize) -> Node {
        let count = self.count();
        if index == 0 {
            return mem::take(self);
        }
        if index == count {
            return Node::default();
        }
        let behind = self.copy(index..count);
        self.remove(index..count);
        self.shrink();
        behind
    }

    fn copy(&self, range: Range<usize>) -> Node {
        let run = self.run(range.clone());
        let used = HEADER_BYTES + run.payload.len() + run.lengths.len();
        let mut bytes = vec![0; capacity_exact(used)];
        let (front, back) = (HEADER_BYTES, HEADER_BYTES + run.payload.len());
        bytes[front..back].copy_from_slice(run.payload);
        let lengths_start = bytes.len() - run.lengths.len();
        bytes[lengths_start..].copy_from_slice(run.lengths);
        let (count, width, extra) = (run.left, run.width, run.even_bytes);
        let mut node = Node { bytes: bytes.into_boxed_slice() };
        node.store(Header { count, width, front, back, extra });
        node
    }

    /// The position that parts the bytes of this node about evenly: neither the first one nor
    /// past the last one. There must be two elements.
    pub(super) fn middle(&self) -> usize {
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
    pub(super) fn merged_bytes(&self, next: &Node) -> Option<usize> {
        let (first, second) = (self.header(), next.header());
        let count = first.count + second.count;
        if self.is_large() || next.is_large() || count > LIST_NODE_ELEMENTS_MAX {
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
    pub(super) fn append(&mut self, next: &Node) {
        if self.count() == 0 {
            self.clear();
        }
        for element in next.iter() {
            assert!(self.push(End::Tail, element), "the caller has asked how many bytes it takes");
        }
    }

    /// Removes up to `limit` elements equal to this one within `range`, beginning at the end
    /// `from`, and returns how many. One pass, however many there are.
    pub(super) fn remove_equal(
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
