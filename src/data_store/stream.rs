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
//!   stream_walk.rs    entries as bytes
//!   stream_field.rs   names and values as bytes
//!   stream_range.rs   reading upwards and downwards
//!   stream_groups.rs  consumer groups, and how far behind they are
//!   stream_acknowledged.rs  trimming what all groups are done with
//!   stream_producers.rs  what producers have sent already
//! ```
//!
//! The last block has room to grow into; the others have just the bytes they need.

use super::StreamId;
use super::garbage::PIECE_BYTES;
use super::stream_block::Block;
pub use super::stream_block::{BlockLimits, NewFields};
pub use super::stream_field::Field;
use super::stream_groups::Groups;
use super::stream_index::{At, Blocks};
use super::stream_producers::{Memory, Producers};
pub use super::stream_range::Range;
use super::stream_walk::Place;
pub use super::stream_walk::{Entry, Fields};

/// Names and values of one entry together may have this many bytes.
const ENTRY_BYTES_MAX: usize = 1 << 30;

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
    pub(super) groups: Groups,
    /// Trims with ACKED have looked at entries up to here (see `stream_acknowledged.rs`).
    pub(super) looked_at: StreamId,
    /// Of streams whose producers say who they are.
    producers: Option<Box<Producers>>,
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

    /// May nothing of this block, the first of a stream of this length, stay?
    fn takes_whole(&self, block: &Block, length: u64) -> bool {
        match self.by {
            TrimBy::MaxLen(kept) => kept < length && kept <= length - block.len() as u64,
            TrimBy::MinId(least) => block.last_ever() < least,
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

    /// What is known of the stream's producers, if any has said who it is.
    pub fn known_producers(&mut self) -> Option<&mut Producers> {
        self.producers.as_deref_mut()
    }

    /// The same, from now on: with this memory, if none has said so before.
    pub fn producers(&mut self, memory: Memory) -> &mut Producers {
        self.producers.get_or_insert_with(|| Box::new(Producers::new(memory)))
    }

    /// The lowest id of an entry that is there.
    pub fn first_id(&self) -> Option<StreamId> {
        self.first_entry().map(|entry| entry.id)
    }

    /// The blocks that the entries lie in (`radix-tree-keys` of XINFO).
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// The first ids of the blocks, in order: what Redis's radix tree has as keys.
    pub fn block_ids(&self) -> impl Iterator<Item = StreamId> {
        self.blocks.iter().map(Block::first_ever)
    }

    /// Changes what the stream remembers beyond its entries (XSETID). `last_id` is not below any
    /// entry that is there: the caller has checked.
    pub fn set_history(&mut self, last_id: StreamId, max_deleted_id: StreamId, entries_added: u64) {
        assert!(self.last_entry().is_none_or(|last| last.id <= last_id), "ids only grow");
        self.last_id = last_id;
        self.max_deleted_id = max_deleted_id;
        self.entries_added = entries_added;
        self.look_again_behind(last_id);
        // Deleted entries may have had ids that are now to come.
        while let Some(block) = self.blocks.back_mut().filter(|block| block.last_ever() > last_id) {
            if block.drop_dead_end() {
                break;
            }
            let back = self.blocks.find(StreamId::MAX).expect("there is a last block");
            drop(self.take_block(back));
        }
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

    /// Adds an entry at the end; `false`, with nothing added, if its names and values are more
    /// bytes than one may have. `id` is above [`Stream::last_id`], and `fields` holds names and
    /// values in turn: the caller has checked.
    pub fn append<'a>(
        &mut self,
        id: StreamId,
        fields: impl NewFields<'a>,
        limits: BlockLimits,
    ) -> bool {
        assert!(id > self.last_id, "ids only grow");
        assert!(fields.count().is_multiple_of(2), "every name has a value");
        let bytes = fields.fields().map(|field| field.len()).sum();
        if bytes > ENTRY_BYTES_MAX {
            return false;
        }
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
        true
    }

    /// The entries from `from` to `to`, both included; from the highest id down if `reverse`.
    pub fn range(&self, from: StreamId, to: StreamId, reverse: bool) -> Range<'_> {
        match reverse {
            true => Range::downwards(&self.blocks, from, to),
            false => Range::upwards(&self.blocks, self.front, from, to),
        }
    }

    /// Is there an entry above this id? Who waits asks that often; mostly the last block can tell.
    pub fn has_entries_after(&self, id: StreamId) -> bool {
        match self.blocks.back() {
            Some(block) if block.is_whole() => block.last_ever() > id,
            _ => id
                .next()
                .is_some_and(|next| self.range(next, StreamId::MAX, false).next().is_some()),
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
        while let Some(block) = self.blocks.get(At::FRONT)
            && trim.takes_whole(block, self.length)
        {
            let entries = block.len() as u64;
            if trim.is_over_limit(length - self.length + entries) {
                return length - self.length;
            }
            self.length -= entries;
            drop(self.take_block(At::FRONT));
        }
        if !trim.approximate {
            self.length -= match trim.by {
                TrimBy::MaxLen(kept) if self.length <= kept => 0,
                TrimBy::MaxLen(kept) => {
                    let excess = self.length - kept;
                    self.drop_front(|_, dropped| dropped < excess)
                }
                TrimBy::MinId(least) => self.drop_front(|id, _| id < least),
            };
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

    /// The pieces that a stream is freed in: blocks of entries, and runs of pending ones.
    pub fn pieces(&self) -> usize {
        self.blocks.len() + self.group_pieces()
    }

    /// Frees up to `budget` pieces of a stream that nobody can see any more, and returns how many:
    /// fewer mean that nothing is left. A block with large values counts for as many as they would
    /// fill. Freeing millions of entries takes long enough to be done in
    /// slices.
    pub fn drop_some(&mut self, budget: usize) -> usize {
        let mut freed = 0;
        while freed < budget {
            let Some(block) = self.take_block(At::FRONT) else {
                return freed + self.drop_some_groups(budget - freed);
            };
            self.length -= block.len() as u64;
            freed += block.heap_bytes().div_ceil(PIECE_BYTES);
        }
        freed
    }

    /// Heap that the stream holds, bytes. Looks at every block.
    pub fn heap_bytes(&self) -> usize {
        self.blocks.heap_bytes()
    }
}

#[cfg(test)]
mod scale_tests;
#[cfg(test)]
mod tests;
