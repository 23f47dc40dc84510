//! A block of a stream: entries with neighbouring ids, as bytes; and how full Redis would call it.
//!
//! ```text
//!   bytes:   name count | name ... | entry | entry | ...        the names of the first entry
//!                                   ^ stretch 0: 128 entries ^ stretch 1 ...
//! ```
//!
//! What an entry looks like is drawn in `stream_walk.rs`.
//!
//! An id is found by walking; each step leaps over an entry. A walk is bounded: where a block has
//! many entries, places to start from are noted every [`STRETCH_ENTRIES`] of them. Deleted entries
//! are marked and stay, as in Redis, until the whole block goes.
//!
//! A large value lies apart, in the allocation that it was received in, and replies refer to it
//! there. Its entry has its number; what few blocks have, such values and places to start from, is
//! in an allocation beside the block.
//!
//! # Where a block ends
//! Approximate trimming drops only whole blocks, so clients see where one block ends and the next
//! begins. Redis ends a block by its entries, deleted ones included, or by the bytes of its packed
//! form; [`Block::packed_bytes`] computes these bytes without packing anything, and a block here
//! ends where one of Redis would.
//!
//! ```text
//!   packed form:  header 6 | live | deleted | field count | field ... | 0 | entry ... | end 1
//!   entry:        flags | ms - first ms | seq - first seq | value ...               | items
//!   entry with    flags | ms - first ms | seq - first seq | count | field value ... | items
//!   other fields
//! ```

use super::StreamId;
use super::stream_field::{Field, Stored, packed_integer_bytes, put_apart, put_varint};
use super::stream_walk::{DELETED, Place, Walk, before_first, put_id};
use crate::limits::STREAM_VALUE_APART_BYTES_MIN;
use crate::shared_bytes::{BytesRef, SharedBytes};

/// When a block is full: settings, because they can be changed while the server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockLimits {
    /// Entries per block, deleted ones included; 0 for no limit (`stream-node-max-entries`).
    pub entries_max: u64,
    /// Bytes per block in packed form; 0 for no limit (`stream-node-max-bytes`).
    pub bytes_max: u64,
}

impl Default for BlockLimits {
    fn default() -> BlockLimits {
        BlockLimits { entries_max: 100, bytes_max: 4096 }
    }
}

/// Bytes of a block where the setting gives no limit.
const PACKED_BYTES_MAX: u64 = 1 << 30;

/// Header (total bytes and item count) and end mark of the packed form.
const FRAME_BYTES: usize = 7;

/// No walk to an id leaps over more entries than this. Above the default of
/// `stream-node-max-entries`, so that ordinary blocks need no list of places.
pub(super) const STRETCH_ENTRIES: usize = 128;

/// Names and values of a new entry in turn, wherever they lie.
pub trait NewFields<'a>: Copy {
    /// How many names and values there are.
    fn count(self) -> usize;

    /// The name or value at this index, which is below [`NewFields::count`].
    fn field(self, index: usize) -> BytesRef<'a>;

    /// All of them.
    #[inline]
    fn fields(self) -> impl Iterator<Item = BytesRef<'a>> + Clone {
        (0..self.count()).map(move |index| self.field(index))
    }

    /// The names.
    #[inline]
    fn names(self) -> impl Iterator<Item = BytesRef<'a>> + Clone {
        (0..self.count() / 2).map(move |pair| self.field(2 * pair))
    }

    /// The values.
    #[inline]
    fn values(self) -> impl Iterator<Item = BytesRef<'a>> + Clone {
        (0..self.count() / 2).map(move |pair| self.field(2 * pair + 1))
    }
}

impl<'a, T> NewFields<'a> for &'a [T]
where
    &'a T: Into<BytesRef<'a>>,
{
    fn count(self) -> usize {
        self.len()
    }

    fn field(self, index: usize) -> BytesRef<'a> {
        (&self[index]).into()
    }
}

#[derive(Debug)]
pub(super) struct Block {
    /// The id that the block began with. It stays when that entry is deleted.
    first: StreamId,
    /// The highest id the block ever had.
    last: StreamId,
    bytes: Vec<u8>,
    beside: Option<Box<Beside>>,
    live: u32,
    deleted: u32,
    /// Bytes of Redis's packed form without the counters of live and deleted entries, which change.
    /// Stops at the highest number: far beyond, the block has long been full.
    packed_bytes_fixed: u32,
    /// Where the names end.
    entries_at: u32,
}

static_assertions::const_assert_eq!(size_of::<Block>(), 80);

/// What few blocks have.
#[derive(Debug, Default)]
struct Beside {
    /// Where a walk may begin beside the first entry: every [`STRETCH_ENTRIES`] entries.
    stretches: Vec<Place>,
    /// Large values, by their numbers.
    apart: Vec<SharedBytes>,
}

impl Block {
    /// A block that begins with this entry; room for so many bytes is made at once.
    pub(super) fn new<'a>(id: StreamId, fields: impl NewFields<'a>, capacity: usize) -> Block {
        let names = fields.names().map(|name| Field::new(name.bytes()));
        let count = fields.count() / 2;
        let mut bytes = Vec::with_capacity(capacity);
        put_varint(&mut bytes, count as u64);
        names.clone().for_each(|name| name.put(&mut bytes));
        let names_bytes: usize = names.clone().map(Field::packed_bytes).sum();
        let packed = FRAME_BYTES + packed_integer_bytes(count as i64) + names_bytes + 2;
        let entries_at = u32::try_from(bytes.len()).expect("a request is below 4 GiB");
        let mut block = Block {
            first: id,
            last: before_first(id),
            bytes,
            beside: None,
            live: 0,
            deleted: 0,
            packed_bytes_fixed: 0,
            entries_at,
        };
        block.add_packed_bytes(packed);
        block.push(id, fields);
        block
    }

    /// Adds an entry with a higher id than any before.
    pub(super) fn push<'a>(&mut self, id: StreamId, fields: impl NewFields<'a>) {
        assert!(id > self.last || self.entries() == 0, "ids only grow within a block");
        let entries = self.entries() as usize;
        if entries > 0 && entries.is_multiple_of(STRETCH_ENTRIES) {
            let end = self.end();
            self.beside.get_or_insert_default().stretches.push(end);
        }
        let count = fields.count() / 2;
        let has_own_names = !self.has_names(fields);
        put_id(&mut self.bytes, self.last, id, has_own_names);
        let mut packed = self.packed_id_bytes(id);
        if has_own_names {
            put_varint(&mut self.bytes, count as u64);
            packed += packed_integer_bytes(count as i64) + self.put_fields(fields.fields());
            packed += packed_integer_bytes(2 * count as i64 + 4);
        } else {
            packed += self.put_fields(fields.values());
            packed += packed_integer_bytes(count as i64 + 3);
        }
        self.add_packed_bytes(packed);
        self.last = id;
        self.live += 1;
    }

    /// Whether the names among these fields are the block's.
    fn has_names<'a>(&self, fields: impl NewFields<'a>) -> bool {
        let mut names = Stored(&self.bytes);
        names.varint() == fields.count() as u64 / 2
            && fields.names().all(|name| names.next_is(name.bytes()))
    }

    /// Appends these fields and returns how many bytes Redis needs for them.
    fn put_fields<'a>(&mut self, fields: impl Iterator<Item = BytesRef<'a>>) -> usize {
        let mut packed = 0;
        for given in fields {
            let bytes = given.bytes();
            let field = Field::new(bytes);
            packed += field.packed_bytes();
            if bytes.len() < STREAM_VALUE_APART_BYTES_MIN {
                field.put(&mut self.bytes);
            } else {
                self.put_large(given);
            }
        }
        packed
    }

    /// Appends a field that lies apart.
    #[cold]
    fn put_large(&mut self, bytes: BytesRef<'_>) {
        let apart = &mut self.beside.get_or_insert_default().apart;
        put_apart(&mut self.bytes, apart.len());
        apart.push(bytes.to_shared());
    }

    /// Gives back what was kept for further entries; more can be added all the same. Returns the
    /// bytes that are left: the next block may need as many.
    pub(super) fn finish(&mut self) -> usize {
        self.bytes.shrink_to_fit();
        if let Some(beside) = &mut self.beside {
            beside.stretches.shrink_to_fit();
            beside.apart.shrink_to_fit();
        }
        self.bytes.len()
    }

    /// Whether the next entry, with names and values of this many bytes in all, needs a new block.
    pub(super) fn is_full(&self, limits: BlockLimits, next_bytes: usize) -> bool {
        let bytes_max = match limits.bytes_max {
            0 => PACKED_BYTES_MAX,
            bytes_max => bytes_max.min(PACKED_BYTES_MAX),
        };
        self.packed_bytes() + next_bytes as u64 >= bytes_max
            || limits.entries_max > 0 && u64::from(self.entries()) >= limits.entries_max
    }

    /// Live entries.
    pub(super) fn len(&self) -> usize {
        self.live as usize
    }

    /// Whether nothing in it was deleted.
    pub(super) fn is_whole(&self) -> bool {
        self.deleted == 0
    }

    /// Entries ever added.
    fn entries(&self) -> u32 {
        self.live + self.deleted
    }

    pub(super) fn first_ever(&self) -> StreamId {
        self.first
    }

    pub(super) fn last_ever(&self) -> StreamId {
        self.last
    }

    /// Heap that the block holds, bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        self.bytes.capacity() + self.beside.as_ref().map_or(0, |beside| beside.heap_bytes())
    }

    fn noted_places(&self) -> &[Place] {
        self.beside.as_ref().map_or(&[], |beside| &beside.stretches)
    }

    /// The place of the first entry.
    pub(super) fn start(&self) -> Place {
        Place { offset: self.entries_at as usize, previous: before_first(self.first) }
    }

    fn end(&self) -> Place {
        Place { offset: self.bytes.len(), previous: self.last }
    }

    /// Stretches that the block is divided into, one at least.
    pub(super) fn stretches(&self) -> usize {
        self.noted_places().len() + 1
    }

    /// The number of the stretch that this id would lie in.
    pub(super) fn stretch_of(&self, id: StreamId) -> usize {
        self.noted_places().partition_point(|place| {
            super::search_steps::count();
            place.previous < id
        })
    }

    /// Where stretch number `stretch` begins.
    pub(super) fn stretch_start(&self, stretch: usize) -> Place {
        match stretch.checked_sub(1) {
            Some(index) => self.noted_places()[index],
            None => self.start(),
        }
    }

    /// The entries of one stretch, deleted ones too.
    pub(super) fn stretch(&self, stretch: usize) -> Walk<'_> {
        let end = self.noted_places().get(stretch);
        let end = end.map_or(self.bytes.len(), |place| place.offset);
        self.walk_to(self.stretch_start(stretch), end)
    }

    /// The entries from this place on, deleted ones too.
    pub(super) fn walk(&self, from: Place) -> Walk<'_> {
        self.walk_to(from, self.bytes.len())
    }

    fn walk_to(&self, from: Place, end: usize) -> Walk<'_> {
        let mut names = Stored(&self.bytes);
        let name_count = names.varint() as usize;
        let apart = self.beside.as_ref().map_or(&[][..], |beside| &beside.apart);
        Walk::new(&self.bytes[..end], from, names, name_count, apart)
    }

    /// Deletes the entry with this id, walking from `from`, which is not behind it; `false` if no
    /// live entry has it.
    pub(super) fn remove(&mut self, id: StreamId, from: Place) -> bool {
        let found = self.walk(from).find(|found| found.entry.id >= id);
        match found {
            Some(found) if found.entry.id == id && !found.is_deleted => {
                self.mark_deleted(found.offset);
                true
            }
            _ => false,
        }
    }

    /// Deletes live entries from `from` on as long as `is_dropped`, which is given an id and how
    /// many went before it, says so. Returns how many went, and the place behind them.
    pub(super) fn drop_front(
        &mut self,
        from: Place,
        is_dropped: impl Fn(StreamId, u64) -> bool,
    ) -> (u64, Place) {
        let (mut place, mut dropped) = (from, 0);
        loop {
            let mut walk = self.walk(place);
            let Some(found) = walk.next() else { break };
            let (behind, id) = (walk.next, found.entry.id);
            if !found.is_deleted {
                if !is_dropped(id, dropped) {
                    break;
                }
                let offset = found.offset;
                self.mark_deleted(offset);
                dropped += 1;
            }
            place = behind;
        }
        (dropped, place)
    }

    /// Forgets what lies behind the last live entry; `false` if there is none.
    pub(super) fn drop_dead_end(&mut self) -> bool {
        let (mut walk, mut end, mut entries) = (self.walk(self.start()), None, 0);
        for number in 1.. {
            let Some(found) = walk.next() else { break };
            if !found.is_deleted {
                (end, entries) = (Some(walk.next), number);
            }
        }
        let Some(end) = end else { return false };
        self.bytes.truncate(end.offset);
        if let Some(beside) = &mut self.beside {
            beside.stretches.retain(|place| place.offset < end.offset);
        }
        self.last = end.previous;
        self.deleted = entries - self.live;
        true
    }

    fn mark_deleted(&mut self, offset: usize) {
        debug_assert!(self.bytes[offset] & DELETED == 0, "deleted once");
        self.bytes[offset] |= DELETED;
        self.live -= 1;
        self.deleted += 1;
    }

    /// Bytes that Redis would need for this block. Deleted entries stay in it.
    fn packed_bytes(&self) -> u64 {
        let counters = packed_integer_bytes(i64::from(self.live))
            + packed_integer_bytes(i64::from(self.deleted));
        u64::from(self.packed_bytes_fixed) + counters as u64
    }

    fn add_packed_bytes(&mut self, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.packed_bytes_fixed = self.packed_bytes_fixed.saturating_add(bytes);
    }

    fn packed_id_bytes(&self, id: StreamId) -> usize {
        // Differences wrap: a later millisecond may well have a lower sequence.
        let ms = id.ms.wrapping_sub(self.first.ms).cast_signed();
        let seq = id.seq.wrapping_sub(self.first.seq).cast_signed();
        let flags = 2;
        flags + packed_integer_bytes(ms) + packed_integer_bytes(seq)
    }
}

impl Beside {
    fn heap_bytes(&self) -> usize {
        let places = self.stretches.capacity() * size_of::<Place>();
        let apart = self.apart.capacity() * size_of::<SharedBytes>();
        let values: usize = self.apart.iter().map(SharedBytes::heap_bytes).sum();
        size_of::<Beside>() + places + apart + values
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_store::stream_walk::Entry;

    const A_1: [&[u8]; 2] = [b"a", b"1"];

    fn live(block: &Block) -> impl Iterator<Item = Entry<'_>> {
        let all = block.walk(block.start());
        all.filter(|found| !found.is_deleted).map(|found| found.entry)
    }

    #[test]
    fn fields_come_back_shared_or_not() {
        let id = StreamId::new;
        let entries: [&[&[u8]]; 4] = [
            &[b"a", b"1", b"b", b"2"],
            &[b"a", b"3", b"b", b"4"],
            &[b"a", b"5"],
            &[b"b", b"6", b"a", b"7"],
        ];
        let mut block = Block::new(id(1, 0), entries[0], 0);
        (2..).zip(&entries[1..]).for_each(|(ms, fields)| block.push(id(ms, 0), *fields));
        assert_eq!(block.walk(block.start()).count(), 4);
        for (position, (entry, fields)) in live(&block).zip(entries).enumerate() {
            assert_eq!(entry.fields().len(), fields.len());
            assert!(entry.fields().eq(fields.iter().map(|field| Field::new(field))));
            assert_eq!(entry.fields().has_shared_names(), position < 2);
        }
        assert!(block.remove(id(1, 0), block.start()) && !block.remove(id(1, 0), block.start()));
        let first = live(&block).next().expect("three entries are left");
        let expected = entries[1].iter().map(|field| Field::new(field));
        assert!(first.fields().eq(expected), "names outlive their first entry");
    }

    /// Ids of all kinds: neighbours, far apart, low sequences in later milliseconds.
    #[test]
    fn ids_come_back() {
        arbtest::arbtest(|u| {
            let mut id = StreamId::new(u.arbitrary()?, u.arbitrary()?);
            let mut block = Block::new(id, &A_1[..], 0);
            let mut ids = vec![id];
            while !u.is_empty() {
                let by = u.arbitrary::<u64>()? >> u.int_in_range(0..=63)?;
                let next = match u.int_in_range(0..=2)? {
                    0 => id.seq.checked_add(by.max(1)).map(|seq| StreamId::new(id.ms, seq)),
                    1 => id.ms.checked_add(by.max(1)).map(|ms| StreamId::new(ms, 0)),
                    _ => id.ms.checked_add(1).map(|ms| StreamId::new(ms, by)),
                };
                let Some(next) = next else { continue };
                id = next;
                block.push(id, &A_1[..]);
                ids.push(id);
            }
            assert!(live(&block).map(|entry| entry.id).eq(ids.iter().copied()));
            let stretches = (0..block.stretches()).flat_map(|number| block.stretch(number));
            assert!(stretches.map(|found| found.entry.id).eq(ids.iter().copied()));
            for &id in &ids {
                let place = block.stretch_start(block.stretch_of(id));
                let steps = block.walk(place).position(|found| found.entry.id == id);
                assert!(steps.is_some_and(|steps| steps < STRETCH_ENTRIES));
            }
            Ok(())
        });
    }

    /// How many entries go into a block before it is full.
    fn entries_that_fit(limits: BlockLimits, fields: impl Fn(u64) -> Vec<Vec<u8>>) -> usize {
        let mut block: Option<Block> = None;
        for number in 0.. {
            let id = StreamId::new(number + 1, number * number);
            let fields = fields(number);
            let bytes = fields.iter().map(Vec::len).sum();
            match &mut block {
                Some(block) if block.is_full(limits, bytes) => return block.len(),
                Some(block) => block.push(id, &fields[..]),
                None => block = Some(Block::new(id, &fields[..], 0)),
            }
        }
        unreachable!("every block is full some time")
    }

    /// Counted on redis-server 7.0.15, with `stream-node-max-entries 0`.
    #[test]
    fn blocks_fill_as_those_of_redis() {
        let limits = BlockLimits { entries_max: 0, bytes_max: 4096 };
        let single = |value: Vec<u8>| vec![b"a".to_vec(), value];
        let fits = |value: Vec<u8>| entries_that_fit(limits, |_| single(value.clone()));
        assert_eq!(fits(b"1".to_vec()), 319);
        let lengths = [(10, 186), (63, 55), (64, 53), (100, 36), (200, 19), (1000, 4), (4000, 1)];
        for (length, expected) in lengths {
            assert_eq!(fits(vec![b'x'; length]), expected, "values of {length} bytes");
        }
        let large = |number: u64| single((10u64.pow(18) + number).to_string().into_bytes());
        assert_eq!(entries_that_fit(limits, large), 202);
        let widths = |number: u64| {
            let first = format!("{}", 300 + number);
            let text =
                ["a", &first, "b", "-5000", "c", "40000", "d", "-9000000", "e", "3000000000"];
            text.map(|item| item.as_bytes().to_vec()).to_vec()
        };
        assert_eq!(entries_that_fit(limits, widths), 109);
        let other_names =
            |number: u64| vec![format!("field{number}").into_bytes(), b"value".to_vec()];
        assert_eq!(entries_that_fit(limits, other_names), 147);
    }

    #[test]
    fn zero_means_no_limit_and_deleted_entries_count() {
        let one = || &A_1[..];
        let mut block = Block::new(StreamId::new(1, 0), one(), 0);
        assert!(!block.is_full(BlockLimits { entries_max: 0, bytes_max: 0 }, 1 << 20));
        assert!(block.is_full(BlockLimits { entries_max: 0, bytes_max: 0 }, 1 << 30));
        let two = BlockLimits { entries_max: 2, bytes_max: 0 };
        assert!(!block.is_full(two, 2));
        block.push(StreamId::new(2, 0), one());
        assert!(block.remove(StreamId::new(1, 0), block.start()) && block.is_full(two, 2));
    }
}
