//! Stream values: entries under ids that only grow.
//!
//! Entries lie packed in blocks in order of their ids. What a stream remembers beyond its entries
//! is metadata and survives their deletion: the last id (so no id is given twice), the highest id
//! ever deleted, how many entries were ever added.
//!
//! ```text
//!   blocks:   [1-0 .. 9-3]   [9-4 .. 20-0]   [20-1 ..            <- append
//!                  ^ XDEL: the entry goes, its place in the block counts on
//!   trim ->   whole blocks from the left; exact trimming goes on inside the first one left
//!
//!   stream_index.rs   which block: O(log n)
//!   stream_block.rs   an entry within it, after a bounded walk; when a block is full
//!   stream_field.rs   names and values as bytes
//!   stream_range.rs   reading upwards and downwards
//! ```
//!
//! The last block has room to grow into; the others have just the bytes they need.

use super::StreamId;
use super::stream_block::{Block, Place};
pub use super::stream_block::{BlockLimits, Entry, Field, Fields, NewFields};
use super::stream_index::{At, Blocks};
pub use super::stream_range::Range;

/// Names and values of one entry together may have this many bytes; the caller refuses more with
/// "Elements are too large to be stored".
pub const ENTRY_BYTES_MAX: usize = 1 << 30;

/// The room made for a new block is what the one before needed, but not more than this many bytes:
/// blocks without limits grow as they go.
const BLOCK_ROOM_MAX: usize = 16 << 10;

/// The value of a stream key. It may be empty and is not deleted for that.
#[derive(Debug, Default)]
pub struct Stream {
    /// A block may be without live entries (see [`Stream::trim`]).
    blocks: Blocks,
    /// A place in the first block before which nothing is alive: a stream kept short from the front
    /// would else walk over ever more dead entries.
    front: Option<Place>,
    length: u64,
    last_id: StreamId,
    max_deleted_id: StreamId,
    entries_added: u64,
}

/// Which entries to trim, and how hard to try.
#[derive(Clone, Copy, Debug)]
pub struct Trim {
    /// What may stay.
    pub by: TrimBy,
    /// Drop whole blocks only and keep what is left of a block: `~`.
    pub approximate: bool,
    /// Do not drop a block if that makes more than so many entries; `None` (or 0) for no limit.
    /// See [`Trim::default_limit`].
    pub limit: Option<u64>,
}

/// What may stay after trimming.
#[derive(Clone, Copy, Debug)]
pub enum TrimBy {
    /// So many entries, the newest.
    MaxLen(u64),
    /// Entries with this id or a higher one.
    MinId(StreamId),
}

impl Trim {
    /// The limit of an approximate trim whose client names none: a hundred blocks' worth.
    pub fn default_limit(limits: BlockLimits) -> u64 {
        match limits.entries_max.saturating_mul(100) {
            0 => 10_000,
            entries => entries.min(1_000_000),
        }
    }

    fn is_over_limit(&self, entries: u64) -> bool {
        self.limit.is_some_and(|limit| limit > 0 && entries > limit)
    }
}

impl Stream {
    /// A stream that never had an entry.
    pub fn new() -> Stream {
        Stream::default()
    }

    /// How many entries there are.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The highest id ever added, deleted or not; `0-0` if there was none.
    pub fn last_id(&self) -> StreamId {
        self.last_id
    }

    /// The highest id that was ever deleted by [`Stream::remove`]; `0-0` if none was.
    pub fn max_deleted_id(&self) -> StreamId {
        self.max_deleted_id
    }

    /// How many entries were ever added.
    pub fn entries_added(&self) -> u64 {
        self.entries_added
    }

    /// The lowest id of an entry that is there.
    pub fn first_id(&self) -> Option<StreamId> {
        self.first_entry().map(|entry| entry.id)
    }

    /// The blocks that the entries lie in (`radix-tree-keys` of XINFO).
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// The id for `*`: this millisecond if it is new, else directly above the last id, so that a
    /// clock set back costs nothing. `None` if no id is left.
    pub fn next_id(&self, now_ms: u64) -> Option<StreamId> {
        if now_ms > self.last_id.ms {
            return Some(StreamId::new(now_ms, 0));
        }
        self.last_id.next()
    }

    /// The id for `ms-*`: the lowest one in this millisecond above the last id. `None` if there is
    /// none, because time has moved past or the sequences are used up.
    pub fn next_id_in(&self, ms: u64) -> Option<StreamId> {
        if ms > self.last_id.ms {
            return Some(StreamId::new(ms, 0));
        }
        self.last_id.next().filter(|next| next.ms == ms)
    }

    /// Adds an entry at the end. `id` is above [`Stream::last_id`], and `fields` holds names and
    /// values in turn, at most [`ENTRY_BYTES_MAX`] of them: the caller has checked.
    pub fn append<'a>(&mut self, id: StreamId, fields: impl NewFields<'a>, limits: BlockLimits) {
        assert!(id > self.last_id, "ids only grow");
        assert!(fields.len().is_multiple_of(2), "every name has a value");
        let bytes = fields.clone().map(<[u8]>::len).sum();
        match self.blocks.back_mut() {
            Some(block) if !block.is_full(limits, bytes) => block.push(id, fields),
            Some(block) => {
                let room = block.finish().min(BLOCK_ROOM_MAX);
                self.blocks.push_back(Block::new(id, fields, room));
            }
            None => self.blocks.push_back(Block::new(id, fields, 0)),
        }
        self.length += 1;
        self.last_id = id;
        self.entries_added += 1;
    }

    /// The entries from `from` to `to`, both included; from the highest id down if `reverse`.
    pub fn range(&self, from: StreamId, to: StreamId, reverse: bool) -> Range<'_> {
        match reverse {
            true => Range::downwards(&self.blocks, from, to),
            false => Range::upwards(&self.blocks, self.front, from, to),
        }
    }

    /// The entry with this id.
    pub fn get(&self, id: StreamId) -> Option<Entry<'_>> {
        self.range(id, id, false).next()
    }

    /// The entry with the lowest id.
    pub fn first_entry(&self) -> Option<Entry<'_>> {
        self.range(StreamId::MIN, StreamId::MAX, false).next()
    }

    /// The entry with the highest id.
    pub fn last_entry(&self) -> Option<Entry<'_>> {
        self.range(StreamId::MIN, StreamId::MAX, true).next()
    }

    /// Deletes the entry with this id; `false` if there is none.
    pub fn remove(&mut self, id: StreamId) -> bool {
        let Some(at) = self.blocks.find(id) else { return false };
        let Some(block) = self.blocks.get_mut(at) else { return false };
        let mut place = block.stretch_start(block.stretch_of(id));
        if let Some(front) = self.front.filter(|_| at == At::FRONT) {
            place = if front.offset > place.offset { front } else { place };
        }
        if !block.remove(id, place) {
            return false;
        }
        if block.len() == 0 {
            drop(self.take_block(at));
        } else if at == At::FRONT {
            self.drop_front(|_, _| false);
        }
        self.length -= 1;
        self.max_deleted_id = self.max_deleted_id.max(id);
        true
    }

    /// Deletes the oldest entries and returns how many.
    ///
    /// A trim by id keeps a block whose last id is high enough even if that entry is deleted; such
    /// a block may be left without live entries.
    pub fn trim(&mut self, trim: Trim) -> u64 {
        let length = self.length;
        while let Some(block) = self.blocks.get(At::FRONT) {
            let entries = block.len() as u64;
            let is_whole = match trim.by {
                TrimBy::MaxLen(kept) if self.length <= kept => break,
                TrimBy::MaxLen(kept) => self.length - entries >= kept,
                TrimBy::MinId(id) => block.last_ever() < id,
            };
            let is_over_limit = trim.is_over_limit(length - self.length + entries);
            if is_over_limit || trim.approximate && !is_whole {
                break;
            }
            if is_whole {
                self.length -= entries;
                drop(self.take_block(At::FRONT));
                continue;
            }
            self.length -= match trim.by {
                TrimBy::MaxLen(kept) => {
                    let excess = self.length - kept;
                    self.drop_front(|_, dropped| dropped < excess)
                }
                TrimBy::MinId(least) => self.drop_front(|id, _| id < least),
            };
            break;
        }
        length - self.length
    }

    /// Deletes live entries of the first block as long as `is_dropped`, which is given an id and
    /// how many went before it, says so; returns how many went. Afterwards `front` is behind all
    /// that is dead at the start of the block.
    fn drop_front(&mut self, is_dropped: impl Fn(StreamId, u64) -> bool) -> u64 {
        let Some(block) = self.blocks.get_mut(At::FRONT) else { return 0 };
        let from = self.front.unwrap_or(block.start());
        let (dropped, front) = block.drop_front(from, is_dropped);
        self.front = Some(front);
        dropped
    }

    fn take_block(&mut self, at: At) -> Option<Block> {
        if at == At::FRONT {
            self.front = None;
        }
        self.blocks.remove(at)
    }

    /// Frees the oldest entries, up to `budget` blocks of them; `true` when none is left. For a
    /// stream that nobody can see any more: freeing millions of entries takes long enough to be
    /// done in slices.
    pub fn drop_some(&mut self, budget: usize) -> bool {
        for _ in 0..budget {
            let Some(block) = self.take_block(At::FRONT) else { break };
            self.length -= block.len() as u64;
        }
        self.blocks.len() == 0
    }

    /// Heap that the stream holds, bytes. Looks at every block.
    pub fn heap_bytes(&self) -> usize {
        self.blocks.heap_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    type Twin = BTreeMap<StreamId, Vec<Vec<u8>>>;

    fn entry(entry: Entry) -> (StreamId, Vec<Vec<u8>>) {
        let content = |field: Field| {
            let mut bytes = Vec::new();
            field.write(&mut bytes);
            bytes
        };
        (entry.id, entry.fields().map(content).collect())
    }

    fn limits(entries_max: u64) -> BlockLimits {
        BlockLimits { entries_max, ..BlockLimits::default() }
    }

    fn a_1() -> impl NewFields<'static> {
        [&b"a"[..], b"1"].into_iter()
    }

    fn small_id(u: &mut arbtest::arbitrary::Unstructured) -> arbtest::arbitrary::Result<StreamId> {
        Ok(StreamId::new(u.int_in_range(0..=9)?, u.int_in_range(0..=9)?))
    }

    fn append_any(
        stream: &mut Stream,
        twin: &mut Twin,
        u: &mut arbtest::arbitrary::Unstructured,
    ) -> arbtest::arbitrary::Result<()> {
        let id = small_id(u)?;
        if id <= stream.last_id() {
            return Ok(());
        }
        let pairs = u.int_in_range(1..=2)?;
        let names: [&[u8]; 3] = [b"a", b"b", b""];
        let mut fields: Vec<Vec<u8>> = Vec::new();
        for _ in 0..pairs {
            fields.push(u.choose(&names)?.to_vec());
            fields.push(u.arbitrary()?);
        }
        stream.append(id, fields.iter().map(Vec::as_slice), limits(u.int_in_range(0..=4)?));
        assert_eq!(stream.last_id(), id);
        twin.insert(id, fields);
        Ok(())
    }

    /// Exact trimming has one right answer; approximate trimming may keep more, never less.
    fn trim_any(
        stream: &mut Stream,
        twin: &mut Twin,
        u: &mut arbtest::arbitrary::Unstructured,
    ) -> arbtest::arbitrary::Result<()> {
        let (approximate, limit) =
            if u.ratio(1, 2)? { (true, u.arbitrary()?) } else { (false, None) };
        let (by, due) = if u.arbitrary()? {
            let kept = u.int_in_range(0..=12)?;
            (TrimBy::MaxLen(kept), (twin.len() as u64).saturating_sub(kept))
        } else {
            let id = small_id(u)?;
            (TrimBy::MinId(id), twin.range(..id).count() as u64)
        };
        let removed = stream.trim(Trim { by, approximate, limit });
        assert!(removed <= due && (approximate || removed == due));
        assert!(limit.is_none_or(|limit| limit == 0 || removed <= limit));
        for _ in 0..removed {
            twin.pop_first();
        }
        Ok(())
    }

    #[test]
    fn agrees_with_an_ordered_map() {
        arbtest::arbtest(|u| {
            let (mut stream, mut twin) = (Stream::new(), Twin::new());
            let mut highest_removed = StreamId::MIN;
            while !u.is_empty() {
                match u.int_in_range(0..=7)? {
                    0..=4 => append_any(&mut stream, &mut twin, u)?,
                    5 => trim_any(&mut stream, &mut twin, u)?,
                    _ => {
                        let id = small_id(u)?;
                        let removed = twin.remove(&id).is_some();
                        assert_eq!(stream.remove(id), removed);
                        highest_removed =
                            highest_removed.max(if removed { id } else { id.min(highest_removed) });
                    }
                }
                assert_eq!(stream.length(), twin.len() as u64);
                assert_eq!(stream.first_id(), twin.keys().next().copied());
                assert_eq!(stream.max_deleted_id(), highest_removed);
                let (from, to) = (small_id(u)?, small_id(u)?);
                let expected: Vec<_> = twin
                    .iter()
                    .filter(|(id, _)| (from..=to).contains(*id))
                    .map(|(id, f)| (*id, f.clone()))
                    .collect();
                assert!(stream.range(from, to, false).map(entry).eq(expected.iter().cloned()));
                assert!(stream.range(from, to, true).map(entry).eq(expected.into_iter().rev()));
                assert_eq!(stream.get(from).map(entry), twin.get(&from).map(|f| (from, f.clone())));
            }
            Ok(())
        });
    }

    fn numbered(count: u64) -> Stream {
        let mut stream = Stream::new();
        for ms in 1..=count {
            stream.append(StreamId::new(ms, 0), a_1(), BlockLimits::default());
        }
        stream
    }

    fn trim(by: TrimBy, approximate: bool) -> Trim {
        Trim { by, approximate, limit: None }
    }

    /// D57, D58: the clock may go back and the sequence may run out.
    #[test]
    fn automatic_ids_grow_whatever_the_clock_does() {
        let mut stream = Stream::new();
        assert_eq!(stream.next_id(1000), Some(StreamId::new(1000, 0)));
        assert_eq!(stream.next_id(0), Some(StreamId::new(0, 1)));
        let mut add = |id| {
            stream.append(id, a_1(), BlockLimits::default());
            (
                stream.next_id(5),
                stream.next_id_in(id.ms),
                stream.next_id_in(id.ms.saturating_add(1)),
            )
        };
        let id = StreamId::new;
        assert_eq!(add(id(99, 5)), (Some(id(99, 6)), Some(id(99, 6)), Some(id(100, 0))));
        assert_eq!(add(id(99, u64::MAX)), (Some(id(100, 0)), None, Some(id(100, 0))));
        assert_eq!(add(StreamId::MAX), (None, None, None));
        assert_eq!(stream.next_id_in(3), None);
        assert_eq!(stream.next_id(u64::MAX), None);
        assert_eq!(Stream::new().next_id_in(0), Some(id(0, 1)));
    }

    /// D61: the last id outlives its entry.
    #[test]
    fn metadata_outlives_entries() {
        let mut stream = numbered(3);
        assert!(stream.remove(StreamId::new(3, 0)));
        assert!(!stream.remove(StreamId::new(3, 0)));
        assert_eq!(stream.last_id(), StreamId::new(3, 0));
        assert_eq!(stream.trim(trim(TrimBy::MaxLen(0), false)), 2);
        assert_eq!((stream.length(), stream.entries_added(), stream.blocks()), (0, 3, 0));
        assert_eq!(stream.max_deleted_id(), StreamId::new(3, 0));
        assert_eq!(stream.next_id(1), Some(StreamId::new(3, 1)));
    }

    #[test]
    #[should_panic(expected = "ids only grow")]
    fn an_id_is_never_given_twice() {
        numbered(3).append(StreamId::new(3, 0), a_1(), BlockLimits::default());
    }

    /// Lengths and block counts as redis-server 7.0.15 reports them.
    #[test]
    fn approximate_trimming_drops_the_blocks_that_redis_drops() {
        let mut stream = Stream::new();
        for ms in 1..=1000 {
            stream.append(StreamId::new(ms, 0), a_1(), BlockLimits::default());
            stream.trim(trim(TrimBy::MaxLen(100), true));
        }
        assert_eq!((stream.length(), stream.blocks()), (100, 1));

        let mut stream = numbered(1000);
        for ms in (1..=1000).step_by(3) {
            assert!(stream.remove(StreamId::new(ms, 0)));
        }
        assert_eq!((stream.length(), stream.blocks()), (666, 10));
        assert_eq!(stream.trim(trim(TrimBy::MaxLen(100), true)), 533);
        assert_eq!((stream.length(), stream.blocks()), (133, 2));
        assert_eq!(stream.first_id(), Some(StreamId::new(801, 0)));
        assert_eq!(stream.trim(trim(TrimBy::MinId(StreamId::new(950, 0)), false)), 99);
        assert_eq!((stream.length(), stream.blocks()), (34, 1));
    }

    #[test]
    fn a_limit_stops_before_the_block_that_would_exceed_it() {
        let mut stream = numbered(1000);
        let limited = |limit| Trim { by: TrimBy::MaxLen(0), approximate: true, limit: Some(limit) };
        assert_eq!(stream.trim(limited(99)), 0);
        assert_eq!(stream.trim(limited(250)), 200);
        assert_eq!(stream.trim(limited(0)), 800);
        assert_eq!(Trim::default_limit(BlockLimits::default()), 10_000);
        assert_eq!(Trim::default_limit(limits(0)), 10_000);
        assert_eq!(Trim::default_limit(limits(u64::MAX)), 1_000_000);
    }

    #[test]
    fn a_block_may_be_left_without_entries() {
        let mut stream = numbered(10);
        assert!(stream.remove(StreamId::new(10, 0)));
        assert_eq!(stream.trim(trim(TrimBy::MinId(StreamId::new(10, 0)), false)), 9);
        assert_eq!((stream.length(), stream.blocks(), stream.first_id()), (0, 1, None));
        stream.append(StreamId::new(11, 0), a_1(), BlockLimits::default());
        assert_eq!((stream.length(), stream.blocks()), (1, 1));
        assert_eq!(stream.range(StreamId::MIN, StreamId::MAX, true).count(), 1);
    }
}
