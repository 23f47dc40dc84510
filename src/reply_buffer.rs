//! Bytes on their way to one client.
//!
//! ```text
//!   older (boxed, mostly absent)                    tail
//!  +--------------+ +-------------+ +-----------+  +------------+----------
//!  | Owned(Vec)   | | Shared      | | Owned     |  | Vec<u8>    | capacity
//!  +--------------+ +-------------+ +-----------+  +------------+----------
//!   ^ sent bytes into the front chunk                           ^ append here
//! ```
//!
//! The ordinary case is the tail alone: replies are appended to one vector and leave with one
//! `write`. Only when the tail has grown past [`REPLY_CHUNK_BYTES_MAX`], or bytes are shared by
//! reference, does it retire into the list of older chunks, which leave with `writev`. So growing
//! never moves more than one chunk, and a message to ten thousand subscribers, or a large value,
//! exists once.
//!
//! An empty buffer owns nothing once its vector has been taken by [`ReplyBuffer::take_spare`].
//! This file knows bytes and counts, neither RESP nor sockets.

use crate::limits::{
    REPLY_CHUNK_BYTES_MAX, REPLY_CHUNK_BYTES_MIN, REPLY_SHARED_BYTES_MIN, REPLY_SLICES_MAX,
    REPLY_UNCHECKED_BYTES_MAX, TRANSFER_BYTES_MAX,
};
use crate::shared_bytes::{BytesRef, SharedBytes};
use arrayvec::ArrayVec;
use static_assertions::const_assert;
use std::collections::VecDeque;
use std::io::IoSlice;

#[derive(Debug)]
enum Chunk {
    Owned(Vec<u8>),
    Shared(SharedBytes),
}

impl Chunk {
    fn bytes(&self) -> &[u8] {
        match self {
            Chunk::Owned(bytes) => bytes,
            Chunk::Shared(bytes) => bytes,
        }
    }

    /// Memory that would be free if this were the last holder of what it shares.
    fn held_bytes(&self) -> usize {
        match self {
            Chunk::Owned(bytes) => bytes.capacity(),
            Chunk::Shared(bytes) => bytes.len(),
        }
    }
}

/// Chunks before the tail. None is empty, and of the front one at least one byte is unsent.
#[derive(Debug, Default)]
struct Older {
    chunks: VecDeque<Chunk>,
    /// All bytes of all chunks, what is already sent of the front one included.
    bytes: usize,
    /// [`Chunk::held_bytes`] of all chunks.
    held_bytes: usize,
}

/// Replies of one client, appended at the end and sent from the front.
#[derive(Debug, Default)]
pub struct ReplyBuffer {
    tail: Vec<u8>,
    older: Option<Box<Older>>,
    /// Bytes already sent of the front chunk, which is the tail when there is no older one.
    sent: usize,
}

const_assert!(size_of::<ReplyBuffer>() <= 40);

/// A place in the buffer, between the bytes before and after the moment it was taken. Good until
/// bytes are sent or something before it is rolled back or inserted.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Mark {
    bytes_before: usize,
}

impl ReplyBuffer {
    /// An empty buffer; allocates nothing.
    pub const fn new() -> Self {
        Self { tail: Vec::new(), older: None, sent: 0 }
    }

    /// An empty buffer that appends to a pooled vector.
    #[inline]
    pub fn in_memory(mut spare: Vec<u8>) -> Self {
        spare.clear();
        Self { tail: spare, older: None, sent: 0 }
    }

    /// Bytes not yet sent, shared ones included.
    #[inline]
    pub fn len(&self) -> usize {
        self.older_bytes() + self.tail.len() - self.sent
    }

    /// True when there is nothing to send.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.older.is_none() && self.tail.len() == self.sent
    }

    /// True when so much is unsent that somebody should look whether it is too much.
    #[inline]
    pub fn is_long(&self) -> bool {
        self.older.as_ref().is_some_and(|older| older.bytes >= REPLY_UNCHECKED_BYTES_MAX)
    }

    /// Bytes of heap that this buffer alone holds; shared bytes belong to all their holders and
    /// are not counted here (but in [`ReplyBuffer::len`]).
    pub fn heap_bytes(&self) -> usize {
        let older = self.older.as_ref().map_or(0, |older| {
            let owned = older.chunks.iter().map(|chunk| match chunk {
                Chunk::Owned(bytes) => bytes.capacity(),
                Chunk::Shared(_) => 0,
            });
            size_of::<Older>() + older.chunks.capacity() * size_of::<Chunk>() + owned.sum::<usize>()
        });
        self.tail.capacity() + older
    }

    /// Bytes of heap that are kept for this buffer: what it alone holds, and what it shares, as if
    /// it held that alone too. A sum is kept of the older chunks, however many there are.
    pub fn held_bytes(&self) -> usize {
        let older = self.older.as_ref().map_or(0, |older| {
            size_of::<Older>() + older.chunks.capacity() * size_of::<Chunk>() + older.held_bytes
        });
        self.tail.capacity() + older
    }

    /// How many slices the unsent bytes lie in.
    pub fn chunk_count(&self) -> usize {
        let older = self.older.as_ref().map_or(0, |older| older.chunks.len());
        older + usize::from(!self.tail.is_empty())
    }

    /// Where ordinary reply bytes are appended. Only append: what stands in it already may be half
    /// sent. A tail that has grown large retires first, so call this once per reply or so and not
    /// once for a megabyte of small pieces.
    #[inline(always)]
    pub fn tail(&mut self) -> &mut Vec<u8> {
        let is_fit = self.tail.len() < REPLY_CHUNK_BYTES_MAX && self.tail.capacity() > 0;
        if !is_fit {
            self.tail_renew();
        }
        &mut self.tail
    }

    /// Gives a tail that has grown large, or has no memory, room for what comes.
    #[cold]
    fn tail_renew(&mut self) {
        if self.tail.len() >= REPLY_CHUNK_BYTES_MAX {
            self.tail_retire();
            self.tail.reserve_exact(REPLY_CHUNK_BYTES_MAX);
        } else {
            self.tail.reserve_exact(REPLY_CHUNK_BYTES_MIN);
        }
    }

    /// Appends a copy of `bytes`.
    #[inline]
    pub fn extend(&mut self, bytes: &[u8]) {
        self.tail().extend_from_slice(bytes);
    }

    /// Appends one byte.
    #[inline]
    pub fn push(&mut self, byte: u8) {
        self.tail().push(byte);
    }

    /// Appends `bytes` by reference; copies them when they are too few to be worth it.
    pub fn share(&mut self, bytes: SharedBytes) {
        if bytes.len() < REPLY_SHARED_BYTES_MIN {
            return self.extend(&bytes);
        }
        self.tail_retire();
        self.older_push(Chunk::Shared(bytes));
    }

    /// The end of what has been appended so far.
    #[inline]
    pub fn mark(&self) -> Mark {
        Mark { bytes_before: self.len() }
    }

    /// Forgets all that was appended since `mark` was taken.
    pub fn rollback(&mut self, mark: Mark) {
        let mut surplus = self.surplus(mark);
        if surplus <= self.tail.len() {
            self.tail.truncate(self.tail.len() - surplus);
            return self.forget_sent();
        }
        surplus -= self.tail.len();
        self.tail.clear();
        while surplus > 0 {
            surplus -= self.older_truncate(surplus);
        }
        self.forget_sent();
    }

    /// Puts `bytes` where `mark` was taken, before all that was appended since. Moves at most the
    /// rest of one chunk.
    pub fn insert_at(&mut self, mark: Mark, bytes: &[u8]) {
        let surplus = self.surplus(mark);
        if surplus <= self.tail.len() {
            let position = self.tail.len() - surplus;
            return splice(&mut self.tail, position, bytes);
        }
        let surplus = surplus - self.tail.len();
        let older = self.older.as_mut().expect("more surplus than tail lies in older chunks");
        older.insert(surplus, bytes);
    }

    /// Fills `out` with unsent bytes for one write, front first: as many slices as fit, and no more
    /// than [`TRANSFER_BYTES_MAX`] bytes.
    pub fn slices<'a>(&'a self, out: &mut ArrayVec<IoSlice<'a>, REPLY_SLICES_MAX>) {
        let (mut skip, mut room) = (self.sent, TRANSFER_BYTES_MAX);
        let older = self.older.iter().flat_map(|older| older.chunks.iter().map(Chunk::bytes));
        for chunk in older.chain(std::iter::once(self.tail.as_slice())) {
            if out.is_full() || room == 0 {
                return;
            }
            if chunk.len() > skip {
                let end = chunk.len().min(skip.saturating_add(room));
                out.push(IoSlice::new(&chunk[skip..end]));
                room -= end - skip;
            }
            skip = 0;
        }
    }

    /// A copy of all unsent bytes.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len());
        self.for_each_piece(|piece| bytes.extend_from_slice(&piece));
        bytes
    }

    /// Shows every unsent piece, front first; what is shared can be held.
    pub fn for_each_piece(&self, mut visit: impl FnMut(BytesRef<'_>)) {
        let mut skip = self.sent;
        for chunk in self.older.iter().flat_map(|older| &older.chunks) {
            match chunk {
                Chunk::Shared(bytes) if skip == 0 => visit(BytesRef::Apart(bytes)),
                chunk => visit(BytesRef::Near(&chunk.bytes()[skip..])),
            }
            skip = 0;
        }
        visit(BytesRef::Near(&self.tail[skip..]));
    }

    /// The unsent bytes when they lie in one piece, for a plain `write`; `None` when they do not.
    #[inline]
    pub fn single_slice(&self) -> Option<&[u8]> {
        match self.older {
            None => Some(&self.tail[self.sent..]),
            Some(_) => None,
        }
    }

    /// Drops the first `written` unsent bytes, which the kernel has taken.
    #[inline]
    pub fn advance(&mut self, written: usize) {
        assert!(written <= self.len(), "the kernel cannot take more than there is");
        self.sent += written;
        if self.older.is_some() {
            self.drop_older_sent();
        }
        self.forget_sent();
    }

    /// Drops the older chunks of which no byte is unsent.
    fn drop_older_sent(&mut self) {
        while let Some(older) = &mut self.older {
            let front = older.chunks.front().map_or(0, |chunk| chunk.bytes().len());
            if self.sent < front {
                return;
            }
            self.sent -= front;
            older.bytes -= front;
            older.held_bytes -= older.chunks.pop_front().map_or(0, |chunk| chunk.held_bytes());
            if older.chunks.is_empty() {
                self.older = None;
            }
        }
    }

    /// Takes the vector of an empty buffer out, for the pool; `None` while there is something to
    /// send, or when there is none.
    #[inline]
    pub fn take_spare(&mut self) -> Option<Vec<u8>> {
        if !self.is_empty() || self.tail.capacity() == 0 {
            return None;
        }
        self.sent = 0;
        let mut spare = std::mem::take(&mut self.tail);
        spare.clear();
        Some(spare)
    }

    /// Gives a pooled vector to append to. Without effect (the vector is dropped) when the buffer
    /// has one already.
    #[inline]
    pub fn adopt(&mut self, mut spare: Vec<u8>) {
        if self.tail.capacity() == 0 {
            spare.clear();
            self.tail = spare;
        }
    }

    #[inline]
    fn older_bytes(&self) -> usize {
        self.older.as_ref().map_or(0, |older| older.bytes)
    }

    /// Bytes appended since `mark`.
    fn surplus(&self, mark: Mark) -> usize {
        let len = self.len();
        assert!(mark.bytes_before <= len, "a mark outlived the bytes before it");
        len - mark.bytes_before
    }

    /// Moves the tail behind the older chunks. Of one that holds little, a header as a rule, only
    /// the bytes go: its memory is for what comes next, and not for waiting until they are sent.
    fn tail_retire(&mut self) {
        if self.tail.is_empty() {
            return;
        }
        let is_roomy = self.tail.len() < self.tail.capacity() / 2;
        let retired = if is_roomy { self.tail.clone() } else { std::mem::take(&mut self.tail) };
        if is_roomy {
            self.tail.clear();
        }
        self.older_push(Chunk::Owned(retired));
    }

    fn older_push(&mut self, chunk: Chunk) {
        debug_assert!(!chunk.bytes().is_empty());
        let older = self.older.get_or_insert_default();
        older.bytes += chunk.bytes().len();
        older.held_bytes += chunk.held_bytes();
        older.chunks.push_back(chunk);
    }

    /// Cuts up to `surplus` bytes off the last older chunk; returns how many.
    fn older_truncate(&mut self, surplus: usize) -> usize {
        let older = self.older.as_mut().expect("surplus bytes lie in older chunks");
        let last = older.chunks.back_mut().expect("an older list is never empty");
        let cut = surplus.min(last.bytes().len());
        match last {
            Chunk::Owned(bytes) if bytes.len() > cut => bytes.truncate(bytes.len() - cut),
            chunk => {
                // What is shared cannot be cut, nor does a mark ever stand inside it.
                assert!(chunk.bytes().len() == cut, "a mark inside a shared chunk");
                older.held_bytes -= chunk.held_bytes();
                older.chunks.pop_back();
            }
        }
        older.bytes -= cut;
        if older.chunks.is_empty() {
            self.older = None;
        }
        cut
    }

    /// Restores the invariant that the front chunk has an unsent byte, by which
    /// [`ReplyBuffer::is_empty`] goes.
    #[inline]
    fn forget_sent(&mut self) {
        let unsent = self.len();
        if unsent == 0 {
            self.tail.clear();
            self.sent = 0;
            if self.older.is_some() {
                self.older = None;
            }
        }
    }
}

impl Older {
    /// Inserts `bytes` so that `surplus` bytes of these chunks stand behind them.
    fn insert(&mut self, mut surplus: usize, bytes: &[u8]) {
        let mut index = self.chunks.len() - 1;
        while surplus > self.chunks[index].bytes().len() {
            surplus -= self.chunks[index].bytes().len();
            index -= 1;
        }
        self.bytes += bytes.len();
        let position = self.chunks[index].bytes().len() - surplus;
        match &mut self.chunks[index] {
            Chunk::Owned(chunk) => {
                let held_before = chunk.capacity();
                splice(chunk, position, bytes);
                self.held_bytes += chunk.capacity() - held_before;
            }
            Chunk::Shared(_) => {
                assert!(position == 0, "a mark inside a shared chunk");
                self.insert_before(index, bytes);
            }
        }
    }

    /// Appends to the chunk before `index`, or makes one.
    fn insert_before(&mut self, index: usize, bytes: &[u8]) {
        match index.checked_sub(1).map(|before| &mut self.chunks[before]) {
            Some(Chunk::Owned(chunk)) => {
                let held_before = chunk.capacity();
                chunk.extend_from_slice(bytes);
                self.held_bytes += chunk.capacity() - held_before;
            }
            _ => {
                let chunk = Chunk::Owned(bytes.to_vec());
                self.held_bytes += chunk.held_bytes();
                self.chunks.insert(index, chunk);
            }
        }
    }
}

/// Inserts `bytes` at `position`, moving what stands behind it.
fn splice(chunk: &mut Vec<u8>, position: usize, bytes: &[u8]) {
    let len = chunk.len();
    chunk.extend_from_slice(bytes);
    chunk.copy_within(position..len, position + bytes.len());
    chunk[position..position + bytes.len()].copy_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(buffer: &ReplyBuffer) -> Vec<u8> {
        let mut slices = ArrayVec::new();
        buffer.slices(&mut slices);
        slices.iter().flat_map(|slice| slice.to_vec()).collect()
    }

    #[test]
    fn empty_owns_nothing() {
        let buffer = ReplyBuffer::new();
        assert!(buffer.is_empty());
        assert_eq!((buffer.heap_bytes(), buffer.chunk_count()), (0, 0));
        assert_eq!(buffer.single_slice(), Some(&b""[..]));
    }

    #[test]
    fn one_chunk_is_the_ordinary_case() {
        let mut buffer = ReplyBuffer::new();
        buffer.extend(b"+OK\r\n");
        buffer.push(b':');
        assert_eq!(buffer.single_slice(), Some(&b"+OK\r\n:"[..]));
        buffer.advance(2);
        assert_eq!(buffer.single_slice(), Some(&b"K\r\n:"[..]));
        assert!(buffer.take_spare().is_none());
        buffer.advance(4);
        let spare = buffer.take_spare().expect("an empty buffer gives its vector back");
        assert!(spare.is_empty() && spare.capacity() > 0);
        assert_eq!(buffer.heap_bytes(), 0);
        buffer.adopt(spare);
        assert!(buffer.heap_bytes() > 0);
    }

    #[test]
    fn growth_starts_new_chunks() {
        let mut buffer = ReplyBuffer::new();
        for _ in 0..3 * REPLY_CHUNK_BYTES_MAX {
            buffer.push(b'x');
        }
        assert_eq!(buffer.chunk_count(), 3);
        assert!(buffer.heap_bytes() < 3 * REPLY_CHUNK_BYTES_MAX + 1024);
        assert_eq!(buffer.single_slice(), None);
    }

    #[test]
    fn large_shared_bytes_are_not_copied() {
        let message = SharedBytes::new(vec![b'm'; REPLY_SHARED_BYTES_MIN]);
        let mut buffer = ReplyBuffer::new();
        buffer.share(message.clone());
        assert_eq!((message.holders(), buffer.chunk_count()), (2, 1));
        assert!(buffer.heap_bytes() < 512);
        buffer.share(SharedBytes::new(message[..10].to_vec()));
        assert_eq!(buffer.chunk_count(), 2);
        buffer.advance(REPLY_SHARED_BYTES_MIN);
        assert_eq!((message.holders(), buffer.chunk_count()), (1, 1));
        assert_eq!(buffer.single_slice(), Some(&b"mmmmmmmmmm"[..]));
    }

    #[test]
    fn a_header_goes_before_what_was_shared() {
        let message = SharedBytes::new(vec![b'm'; REPLY_SHARED_BYTES_MIN]);
        let mut buffer = ReplyBuffer::new();
        let mark = buffer.mark();
        buffer.share(message.clone());
        buffer.insert_at(mark, b"*1\r\n");
        assert_eq!(content(&buffer), [b"*1\r\n", &message[..]].concat());
        buffer.rollback(mark);
        assert!(buffer.is_empty());
        assert_eq!((message.holders(), buffer.chunk_count()), (1, 0));
    }

    #[test]
    fn slices_stop_at_their_limit() {
        let message = SharedBytes::new(vec![b'm'; REPLY_SHARED_BYTES_MIN]);
        let mut buffer = ReplyBuffer::new();
        for _ in 0..REPLY_SLICES_MAX + 5 {
            buffer.share(message.clone());
        }
        let written = {
            let mut slices = ArrayVec::new();
            buffer.slices(&mut slices);
            assert_eq!(slices.len(), REPLY_SLICES_MAX);
            slices.iter().map(|slice| slice.len()).sum()
        };
        buffer.advance(written);
        assert_eq!(buffer.chunk_count(), 5);
    }

    #[test]
    fn property_agrees_with_a_plain_vector() {
        arbtest::arbtest(|random| {
            let mut buffer = ReplyBuffer::new();
            let mut twin: Vec<u8> = Vec::new();
            // Marks are (ours, the twin's length), innermost last; sending ends them all.
            let mut marks: Vec<(Mark, usize)> = Vec::new();
            for step in 0..random.int_in_range(0..=60)? {
                let sizes = [1, 5, 600, REPLY_SHARED_BYTES_MIN, 40_000, REPLY_CHUNK_BYTES_MAX];
                let bytes = vec![step as u8; *random.choose(&sizes)?];
                match random.int_in_range(0..=6)? {
                    0 | 1 => {
                        buffer.extend(&bytes);
                        twin.extend_from_slice(&bytes);
                    }
                    2 => {
                        buffer.share(SharedBytes::new(bytes.clone()));
                        twin.extend_from_slice(&bytes);
                    }
                    3 => {
                        let written = random.int_in_range(0..=twin.len())?;
                        buffer.advance(written);
                        twin.drain(..written);
                        marks.clear();
                    }
                    4 => marks.push((buffer.mark(), twin.len())),
                    5 => {
                        if let Some((mark, len)) = marks.pop() {
                            buffer.rollback(mark);
                            twin.truncate(len);
                        }
                    }
                    _ => {
                        if let Some((mark, len)) = marks.pop() {
                            buffer.insert_at(mark, b"*12345\r\n");
                            twin.splice(len..len, *b"*12345\r\n");
                        }
                    }
                }
                assert_eq!(buffer.len(), twin.len());
                assert_eq!(buffer.is_empty(), twin.is_empty());
                assert!(buffer.to_vec() == twin);
                let chunks = buffer.older.iter().flat_map(|older| &older.chunks);
                let held: usize = chunks.map(Chunk::held_bytes).sum();
                assert_eq!(buffer.older.as_ref().map_or(0, |older| older.held_bytes), held);
                let offered = content(&buffer);
                assert!(twin.starts_with(&offered) && offered.len() <= TRANSFER_BYTES_MAX);
                let is_all = offered.len() == twin.len().min(TRANSFER_BYTES_MAX);
                assert!(is_all || buffer.chunk_count() > REPLY_SLICES_MAX);
            }
            Ok(())
        });
    }
}
