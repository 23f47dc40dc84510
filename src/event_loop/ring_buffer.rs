//! The unread bytes of a connection, in a ring; and the pool that the rings' memory comes from.
//!
//! Pure data; reads and writes no descriptor.
//!
//! ```text
//!            head          tail                     bytes in one piece
//!   [........|XXXXXXXXXXXXX|...................]    spare: after the tail, and before the head
//!    second                 first span
//!
//!            tail          head                     bytes wrapped around the end
//!   [XXXXXXXX|.............|XXXXXXXXXXXXXXXXXXX]    spare: one span
//!    2nd half               1st half
//!
//!   contiguous():  [1st half, 2nd half|.........]   stitched: moved once, head at 0
//! ```
//!
//! - **An idle connection holds no memory.** The default ring has none; [`RingBuffer::acquire`]
//!   takes a buffer from the pool before a read, and [`RingBuffer::release`] hands it back once all
//!   bytes are consumed. A few bytes of a request that comes slowly move into memory of their own
//!   size meanwhile ([`RingBuffer::park`]).
//! - **No byte is zeroed twice.** Memory is zeroed when it is allocated and from then on always
//!   initialized, so a read goes straight into [`RingBuffer::spare`], safely. The trap: a pooled
//!   buffer still holds what some other client sent. Only [`RingBuffer::commit`] makes bytes
//!   visible, so it must be told exactly what the read returned.
//! - **Requests are parsed in place**, which wants them in one piece. Bytes wrap seldom (an emptied
//!   ring starts at 0 again) and are stitched at a cost that follows the bytes, not the capacity.

use crate::limits::{INPUT_BUFFER_BYTES, INPUT_BUFFERS_SPARE_MAX, INPUT_PARKED_BYTES_MAX};
use squint_sys::Pages;

/// Unread bytes, oldest first. `Default` holds no memory.
#[derive(Default, Debug)]
pub struct RingBuffer {
    /// A power of two long, or empty.
    memory: Pages,
    /// Where the oldest unread byte is. Zero while there is none.
    head: usize,
    len: usize,
}

impl RingBuffer {
    /// How many unread bytes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no unread byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many bytes the memory held has room for, unread ones included. Zero, or a power of two.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.memory.len()
    }

    /// The free room in two spans, to be filled in this order. The second is empty more often than
    /// not; both are when the ring is full or holds no memory.
    #[inline]
    pub fn spare(&mut self) -> (&mut [u8], &mut [u8]) {
        let tail = self.head + self.len;
        if tail < self.capacity() {
            let (before, after) = self.memory.split_at_mut(tail);
            (after, &mut before[..self.head])
        } else {
            let wrapped = tail - self.capacity();
            (&mut self.memory[wrapped..self.head], &mut [])
        }
    }

    /// The first `count` bytes of [`RingBuffer::spare`] have been filled: they are unread now.
    #[inline]
    pub fn commit(&mut self, count: usize) {
        assert!(count <= self.capacity() - self.len, "more bytes than there was room for");
        self.len += count;
    }

    /// All unread bytes as one slice. Moves bytes only when they wrap.
    pub fn contiguous(&mut self) -> &mut [u8] {
        if self.wraps() {
            self.stitch();
        }
        &mut self.memory[self.head..self.head + self.len]
    }

    /// All unread bytes, which must not wrap: after [`RingBuffer::contiguous`] and until the next
    /// commit.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        assert!(!self.wraps(), "the bytes have not been made contiguous");
        &self.memory[self.head..self.head + self.len]
    }

    /// The unread bytes up to the end of the memory, moving nothing: all of them unless they wrap.
    #[must_use]
    pub fn first_span(&self) -> &[u8] {
        &self.memory[self.head..self.capacity().min(self.head + self.len)]
    }

    /// The oldest `count` bytes are read and done with.
    #[inline]
    pub fn consume(&mut self, count: usize) {
        assert!(count <= self.len, "more bytes than were unread");
        self.len -= count;
        self.head = if self.len == 0 { 0 } else { (self.head + count) & (self.capacity() - 1) };
    }

    /// The newest `count` bytes are dropped: they have been moved elsewhere.
    pub fn retract(&mut self, count: usize) {
        assert!(count <= self.len, "more bytes than were unread");
        self.len -= count;
        if self.len == 0 {
            self.head = 0;
        }
    }

    /// Drops all unread bytes; the memory stays.
    pub fn clear(&mut self) {
        self.consume(self.len);
    }

    /// Makes room for `spare_bytes_min` more bytes: the capacity becomes the next power of two that
    /// holds them. Outgrown memory is freed. The caller keeps within the limits of its clients.
    #[inline]
    pub fn reserve(&mut self, spare_bytes_min: usize) {
        if self.capacity() - self.len < spare_bytes_min {
            self.grow(spare_bytes_min);
        }
    }

    fn grow(&mut self, spare_bytes_min: usize) {
        let wanted =
            self.len.checked_add(spare_bytes_min).and_then(usize::checked_next_power_of_two);
        let wanted = wanted.expect("callers ask for less than half the address space");
        drop(self.move_into(Pages::zeroed(wanted)));
    }

    /// Takes standard-size memory from `pool` if this ring holds less.
    #[inline]
    pub fn acquire(&mut self, pool: &mut BufferPool) {
        if self.memory.is_empty() {
            self.memory = pool.take();
        } else if self.capacity() < INPUT_BUFFER_BYTES {
            drop(self.move_into(pool.take()));
        }
    }

    /// Moves unread bytes, if they are few, into memory of their own size; what held them goes to
    /// the pool. The next read takes other memory.
    pub fn park(&mut self, pool: &mut BufferPool) {
        let wanted = self.len.next_power_of_two();
        if (1..=INPUT_PARKED_BYTES_MAX).contains(&self.len) && wanted < self.capacity() {
            pool.put(self.move_into(Pages::zeroed(wanted)));
        }
    }

    /// Gives the memory up if no byte is unread: standard-size memory to the pool, other is freed.
    #[inline]
    pub fn release(&mut self, pool: &mut BufferPool) {
        if self.is_empty() {
            pool.put(std::mem::take(&mut self.memory));
        }
    }

    fn wraps(&self) -> bool {
        self.head + self.len > self.capacity()
    }

    /// Brings wrapped bytes to the start of the memory.
    fn stitch(&mut self) {
        let first = self.capacity() - self.head;
        let second = self.len - first;
        if self.len <= self.head {
            // The gap is wide enough for the first half to slip in before the second.
            self.memory.copy_within(..second, first);
            self.memory.copy_within(self.head.., 0);
        } else {
            // More than half full, so turning the whole costs less than twice the bytes.
            self.memory.rotate_left(self.head);
        }
        self.head = 0;
    }

    /// Gives back what the bytes lay in.
    fn move_into(&mut self, mut memory: Pages) -> Pages {
        let first = self.first_span();
        let second = self.len - first.len();
        memory[..first.len()].copy_from_slice(first);
        memory[first.len()..self.len].copy_from_slice(&self.memory[..second]);
        self.head = 0;
        std::mem::replace(&mut self.memory, memory)
    }
}

/// Buffers of [`INPUT_BUFFER_BYTES`] that no ring holds now. Keeps at most
/// [`INPUT_BUFFERS_SPARE_MAX`].
#[derive(Default, Debug)]
pub struct BufferPool {
    spare: Vec<Pages>,
}

impl BufferPool {
    /// An empty pool, which holds no memory.
    #[must_use]
    pub const fn new() -> Self {
        Self { spare: Vec::new() }
    }

    /// How many buffers are there to be taken.
    #[must_use]
    pub fn spares(&self) -> usize {
        self.spare.len()
    }

    /// The buffer handed back last, for it is still warm.
    #[inline]
    fn take(&mut self) -> Pages {
        self.spare.pop().unwrap_or_else(|| Pages::zeroed(INPUT_BUFFER_BYTES))
    }

    #[inline]
    fn put(&mut self, memory: Pages) {
        if memory.len() == INPUT_BUFFER_BYTES && self.spare.len() < INPUT_BUFFERS_SPARE_MAX {
            self.spare.push(memory);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    /// Writes as a readv would: into the first span, then into the second.
    fn fill(ring: &mut RingBuffer, bytes: &[u8]) {
        let (first, second) = ring.spare();
        let split = bytes.len().min(first.len());
        first[..split].copy_from_slice(&bytes[..split]);
        second[..bytes.len() - split].copy_from_slice(&bytes[split..]);
        ring.commit(bytes.len());
    }

    /// A ring of `capacity` bytes, empty, whose next byte goes to position `head`.
    fn ring_at(capacity: usize, head: usize) -> RingBuffer {
        let mut ring = RingBuffer::default();
        ring.reserve(capacity);
        ring.head = head;
        ring
    }

    #[test]
    fn few_bytes_are_parked_and_fetched() {
        for (head, len) in [(0, 1), (100, 500), (INPUT_BUFFER_BYTES - 3, INPUT_PARKED_BYTES_MAX)] {
            let (mut ring, mut pool) = (ring_at(INPUT_BUFFER_BYTES, head), BufferPool::new());
            let bytes: Vec<u8> = (0..len).map(|number| number as u8).collect();
            fill(&mut ring, &bytes);
            ring.park(&mut pool);
            assert_eq!((ring.capacity(), pool.spare.len()), (len.next_power_of_two(), 1));
            assert_eq!(ring.contiguous(), bytes);
            ring.acquire(&mut pool);
            assert_eq!((ring.capacity(), pool.spare.len()), (INPUT_BUFFER_BYTES, 0));
            assert_eq!(ring.contiguous(), bytes);
        }
        let (mut ring, mut pool) = (ring_at(INPUT_BUFFER_BYTES, 0), BufferPool::new());
        fill(&mut ring, &[b'x'; INPUT_PARKED_BYTES_MAX + 1]);
        ring.park(&mut pool);
        assert_eq!(ring.capacity(), INPUT_BUFFER_BYTES, "a page would hold them too");
    }

    #[test]
    fn the_default_holds_no_memory() {
        let mut ring = RingBuffer::default();
        assert_eq!((ring.len(), ring.capacity()), (0, 0));
        assert_eq!(ring.spare(), (&mut [][..], &mut [][..]));
        assert!(ring.contiguous().is_empty() && ring.as_slice().is_empty());
        ring.consume(0);
        ring.clear();
    }

    #[test]
    fn a_request_is_stitched_at_every_wrap_position() {
        let request = b"*1\r\n$4\r\nPING\r\n";
        for capacity in [16, 32, 64] {
            for head in 0..capacity {
                let mut ring = ring_at(capacity, head);
                fill(&mut ring, request);
                assert_eq!(ring.wraps(), head + request.len() > capacity);
                assert!(request.starts_with(ring.first_span()));
                assert_eq!(ring.contiguous(), request);
                assert_eq!(ring.as_slice(), request);
                ring.consume(request.len());
                assert_eq!((ring.head, ring.len()), (0, 0));
            }
        }
    }

    #[test]
    fn growing_keeps_the_bytes_at_every_wrap_position() {
        for head in 0..16 {
            for len in 0..=16 {
                let bytes: Vec<u8> = (0..len).collect();
                let mut ring = ring_at(16, head);
                fill(&mut ring, &bytes);
                ring.reserve(17);
                assert_eq!(ring.capacity(), (17 + bytes.len()).next_power_of_two());
                assert_eq!(ring.as_slice(), bytes);
            }
        }
    }

    #[test]
    fn reserve_does_nothing_while_there_is_room() {
        let mut ring = ring_at(16, 0);
        fill(&mut ring, b"0123456789");
        ring.reserve(6);
        assert_eq!(ring.capacity(), 16);
        ring.reserve(7);
        assert_eq!(ring.capacity(), 32);
    }

    #[test]
    #[should_panic(expected = "more bytes than there was room for")]
    fn commit_beyond_the_room_is_our_own_mistake() {
        ring_at(16, 3).commit(17);
    }

    #[test]
    #[should_panic(expected = "not been made contiguous")]
    fn as_slice_of_wrapped_bytes_is_our_own_mistake() {
        let mut ring = ring_at(16, 15);
        fill(&mut ring, b"\r\n");
        let _ = ring.as_slice();
    }

    #[test]
    fn standard_memory_returns_to_the_pool() {
        let mut pool = BufferPool::new();
        let mut ring = RingBuffer::default();
        ring.acquire(&mut pool);
        assert_eq!((ring.capacity(), pool.spare.len()), (INPUT_BUFFER_BYTES, 0));
        fill(&mut ring, b"x");
        ring.release(&mut pool);
        assert_eq!(ring.capacity(), INPUT_BUFFER_BYTES, "unread bytes keep their memory");
        ring.clear();
        ring.release(&mut pool);
        assert_eq!((ring.capacity(), pool.spare.len()), (0, 1));
        ring.acquire(&mut pool);
        assert_eq!((ring.capacity(), pool.spare.len()), (INPUT_BUFFER_BYTES, 0));
    }

    #[test]
    fn grown_memory_is_freed_not_pooled() {
        let mut pool = BufferPool::new();
        let mut ring = ring_at(2 * INPUT_BUFFER_BYTES, 0);
        ring.acquire(&mut pool);
        ring.release(&mut pool);
        assert_eq!((ring.capacity(), pool.spare.len()), (0, 0));
    }

    #[test]
    fn the_pool_keeps_a_bounded_number() {
        let mut pool = BufferPool::new();
        let mut rings: Vec<RingBuffer> = Vec::new();
        rings.resize_with(INPUT_BUFFERS_SPARE_MAX + 5, RingBuffer::default);
        rings.iter_mut().for_each(|ring| ring.acquire(&mut pool));
        rings.iter_mut().for_each(|ring| ring.release(&mut pool));
        assert_eq!(pool.spare.len(), INPUT_BUFFERS_SPARE_MAX);
    }

    #[test]
    fn behaves_like_a_deque_of_bytes() {
        arbtest::arbtest(|u| {
            let mut ring = RingBuffer::default();
            let mut twin: VecDeque<u8> = VecDeque::new();
            while !u.is_empty() {
                match u.int_in_range(0..=9)? {
                    0 => ring.reserve(u.int_in_range(0..=40)?),
                    1..=3 => {
                        let room = ring.capacity() - ring.len();
                        let count = u.int_in_range(0..=room.min(u.len()))?;
                        let bytes = u.bytes(count)?;
                        fill(&mut ring, bytes);
                        twin.extend(bytes);
                    }
                    4..=6 => {
                        let count = u.int_in_range(0..=ring.len())?;
                        ring.consume(count);
                        twin.drain(..count);
                    }
                    7 => assert_eq!(ring.contiguous(), twin.make_contiguous()),
                    8 => {
                        let count = u.int_in_range(0..=ring.len())?;
                        ring.retract(count);
                        twin.truncate(twin.len() - count);
                    }
                    _ => ring.reserve(0),
                }
                assert_eq!((ring.len(), ring.is_empty()), (twin.len(), twin.is_empty()));
                assert!(ring.capacity() == 0 || ring.capacity().is_power_of_two());
                assert!(twin.iter().zip(ring.first_span()).all(|(one, other)| one == other));
                let room = ring.capacity() - ring.len();
                let (first, second) = ring.spare();
                assert_eq!(first.len() + second.len(), room);
                assert!(!first.is_empty() || second.is_empty());
            }
            assert_eq!(ring.contiguous(), twin.make_contiguous());
            Ok(())
        });
    }
}
