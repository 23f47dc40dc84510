//! A block of a stream: entries with neighbouring ids, and how full Redis would call it.
//!
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
//!
//! Entries with the field names of the block's first entry store only their values.

use super::StreamId;
use super::string::parse_integer;
use std::collections::VecDeque;

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

#[derive(Debug)]
pub(super) struct Block {
    /// The id that the block began with. It stays when that entry is deleted.
    first: StreamId,
    /// The highest id the block ever had.
    last: StreamId,
    field_names: Packed,
    field_count: usize,
    entries: VecDeque<StoredEntry>,
    deleted: usize,
    /// Packed bytes without the counters of live and deleted entries, which change.
    packed_bytes_fixed: usize,
}

#[derive(Debug)]
struct StoredEntry {
    id: StreamId,
    /// Values only if `shares_fields`, else names and values in turn.
    items: Packed,
    field_count: usize,
    shares_fields: bool,
}

impl Block {
    /// A block that begins with this entry; `fields` holds names and values in turn.
    pub(super) fn new(id: StreamId, fields: &[&[u8]]) -> Block {
        let names = fields.iter().step_by(2);
        let names_bytes: usize = names.clone().map(|name| item_bytes(name)).sum();
        let field_count = fields.len() / 2;
        let mut block = Block {
            first: id,
            last: id,
            field_names: Packed::new(names),
            field_count,
            entries: VecDeque::new(),
            deleted: 0,
            packed_bytes_fixed: FRAME_BYTES + number_bytes(field_count as i64) + names_bytes + 2,
        };
        block.push(id, fields);
        block
    }

    /// Adds an entry with a higher id than any before.
    pub(super) fn push(&mut self, id: StreamId, fields: &[&[u8]]) {
        assert!(id >= self.last, "ids only grow within a block");
        let names = fields.iter().step_by(2);
        let shares_fields =
            self.field_count * 2 == fields.len() && self.field_names.iter().eq(names.copied());
        let items = if shares_fields {
            Packed::new(fields.iter().skip(1).step_by(2))
        } else {
            Packed::new(fields.iter())
        };
        let field_count = fields.len() / 2;
        let entry = StoredEntry { id, items, field_count, shares_fields };
        self.packed_bytes_fixed += self.entry_bytes(&entry);
        self.entries.push_back(entry);
        self.last = id;
    }

    /// Whether the next entry, with names and values of this many bytes in all, needs a new block.
    pub(super) fn is_full(&self, limits: BlockLimits, next_bytes: usize) -> bool {
        let bytes_max = match limits.bytes_max {
            0 => PACKED_BYTES_MAX,
            bytes_max => bytes_max.min(PACKED_BYTES_MAX),
        };
        let entries = self.len() + self.deleted;
        self.packed_bytes() as u64 + next_bytes as u64 >= bytes_max
            || limits.entries_max > 0 && entries as u64 >= limits.entries_max
    }

    /// Live entries.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn first_ever(&self) -> StreamId {
        self.first
    }

    pub(super) fn last_ever(&self) -> StreamId {
        self.last
    }

    /// Position among the live entries of the first one with this id or a higher one.
    pub(super) fn lower_bound(&self, id: StreamId) -> usize {
        self.entries.partition_point(|entry| entry.id < id)
    }

    /// The live entry at this position.
    pub(super) fn entry(&self, position: usize) -> Option<Entry<'_>> {
        let stored = self.entries.get(position)?;
        let names = stored.shares_fields.then(|| self.field_names.iter());
        let (values, left) = (stored.items.iter(), stored.field_count * 2);
        Some(Entry { id: stored.id, fields: Fields { names, values, left } })
    }

    /// Deletes the entry with this id; `false` if no live entry has it.
    pub(super) fn remove(&mut self, id: StreamId) -> bool {
        let position = self.lower_bound(id);
        if self.entries.get(position).is_none_or(|entry| entry.id != id) {
            return false;
        }
        self.entries.remove(position);
        self.deleted += 1;
        true
    }

    /// Deletes the first `count` live entries.
    pub(super) fn drop_front(&mut self, count: usize) {
        self.entries.drain(..count);
        self.deleted += count;
    }

    /// Bytes that Redis would need for this block. Deleted entries stay in it.
    fn packed_bytes(&self) -> usize {
        self.packed_bytes_fixed
            + number_bytes(self.entries.len() as i64)
            + number_bytes(self.deleted as i64)
    }

    fn entry_bytes(&self, entry: &StoredEntry) -> usize {
        let count = entry.field_count as i64;
        let other_fields = if entry.shares_fields { 0 } else { number_bytes(count) };
        let items = if entry.shares_fields { count + 3 } else { 2 * count + 4 };
        // Differences wrap: a later millisecond may well have a lower sequence.
        let ms = entry.id.ms.wrapping_sub(self.first.ms).cast_signed();
        let seq = entry.id.seq.wrapping_sub(self.first.seq).cast_signed();
        let flags = 2;
        let values: usize = entry.items.iter().map(item_bytes).sum();
        flags + number_bytes(ms) + number_bytes(seq) + other_fields + values + number_bytes(items)
    }
}

/// Packed bytes of an integer: its encoding and a byte for walking backwards.
fn number_bytes(number: i64) -> usize {
    let encoded = match number {
        0..=127 => 1,
        -4096..=4095 => 2,
        -32768..=32767 => 3,
        -8_388_608..=8_388_607 => 4,
        -2_147_483_648..=2_147_483_647 => 5,
        _ => 9,
    };
    encoded + 1
}

/// Packed bytes of a string: as a number if it reads as one, else with a length in front; and the
/// length of all that again behind it, seven bits to a byte.
fn item_bytes(item: &[u8]) -> usize {
    if let Some(number) = parse_integer(item) {
        return number_bytes(number);
    }
    let encoded = item.len()
        + match item.len() {
            0..64 => 1,
            64..4096 => 2,
            _ => 5,
        };
    let backwards = match encoded {
        0..=127 => 1,
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    };
    encoded + backwards
}

/// Byte strings one behind the other in one allocation, each after its length (seven bits to a
/// byte, low bits first, the top bit set on all but the last).
#[derive(Debug)]
struct Packed(Box<[u8]>);

impl Packed {
    fn new<'a>(items: impl Iterator<Item = &'a &'a [u8]> + Clone) -> Packed {
        let bytes: usize = items.clone().map(|item| item.len() + length_bytes(item.len())).sum();
        let mut packed = Vec::with_capacity(bytes);
        for item in items {
            let mut length = item.len();
            while length >= 0x80 {
                packed.push(length as u8 | 0x80);
                length >>= 7;
            }
            packed.push(length as u8);
            packed.extend_from_slice(item);
        }
        debug_assert_eq!(packed.len(), bytes);
        Packed(packed.into_boxed_slice())
    }

    fn iter(&self) -> Items<'_> {
        Items { rest: &self.0 }
    }
}

fn length_bytes(length: usize) -> usize {
    (length | 1).ilog2() as usize / 7 + 1
}

/// The strings of a [`Packed`].
#[derive(Debug, Clone, Copy, Default)]
struct Items<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Items<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (mut length, mut shift) = (0, 0);
        loop {
            let (&byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                break;
            }
        }
        let (item, rest) = self.rest.split_at(length);
        self.rest = rest;
        Some(item)
    }
}

/// An entry of a stream, to read.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Its id.
    pub id: StreamId,
    fields: Fields<'a>,
}

impl<'a> Entry<'a> {
    /// Names and values in turn, in the order in which they were given; the length counts both.
    pub fn fields(&self) -> Fields<'a> {
        self.fields
    }
}

/// Names and values of an entry in turn. See [`Entry::fields`].
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a> {
    /// The names, if the block keeps them for all entries; they take turns with `values`.
    names: Option<Items<'a>>,
    values: Items<'a>,
    left: usize,
}

impl<'a> Iterator for Fields<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let name_is_due = self.left.is_multiple_of(2);
        let item = match &mut self.names {
            Some(names) if name_is_due && self.left > 0 => names.next(),
            _ => self.values.next(),
        }?;
        self.left -= 1;
        Some(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Fields<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_strings_come_back() {
        arbtest::arbtest(|u| {
            let mut strings: Vec<Vec<u8>> = u.arbitrary()?;
            strings.push(vec![b'x'; u.int_in_range(0..=20_000)?]);
            let slices: Vec<&[u8]> = strings.iter().map(Vec::as_slice).collect();
            assert!(Packed::new(slices.iter()).iter().eq(slices.iter().copied()));
            Ok(())
        });
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
        let mut block = Block::new(id(1, 0), entries[0]);
        (2..).zip(&entries[1..]).for_each(|(ms, fields)| block.push(id(ms, 0), fields));
        for (position, fields) in entries.iter().enumerate() {
            let entry = block.entry(position).expect("four entries were pushed");
            assert_eq!(entry.fields().len(), fields.len());
            assert!(entry.fields().eq(fields.iter().copied()));
            assert_eq!(block.entries[position].shares_fields, position < 2);
        }
        assert!(block.entry(4).is_none());
        assert!(block.remove(id(1, 0)) && !block.remove(id(1, 0)));
        let first = block.entry(0).expect("three entries are left");
        assert!(first.fields().eq(entries[1].iter().copied()), "names outlive their first entry");
    }

    /// How many entries go into a block before it is full.
    fn entries_that_fit(limits: BlockLimits, fields: impl Fn(u64) -> Vec<Vec<u8>>) -> usize {
        let mut block: Option<Block> = None;
        for number in 0.. {
            let id = StreamId::new(number + 1, number * number);
            let fields = fields(number);
            let slices: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
            let bytes = slices.iter().map(|slice| slice.len()).sum();
            match &mut block {
                Some(block) if block.is_full(limits, bytes) => return block.len(),
                Some(block) => block.push(id, &slices),
                None => block = Some(Block::new(id, &slices)),
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
        let mut block = Block::new(StreamId::new(1, 0), &[b"a", b"1"]);
        assert!(!block.is_full(BlockLimits { entries_max: 0, bytes_max: 0 }, 1 << 20));
        assert!(block.is_full(BlockLimits { entries_max: 0, bytes_max: 0 }, 1 << 30));
        let two = BlockLimits { entries_max: 2, bytes_max: 0 };
        assert!(!block.is_full(two, 2));
        block.push(StreamId::new(2, 0), &[b"a", b"1"]);
        assert!(block.remove(StreamId::new(1, 0)) && block.is_full(two, 2));
    }
}
