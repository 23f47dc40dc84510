//! The entries of a block: how one is written, and a walk from each to the next.
//!
//! ```text
//!   entry:   tag | number | sequence | value ...                 its names are the block's
//!            tag | number | sequence | field count | name value name value ...
//!
//!   tag:     7 6 5 4    3 2       1           0
//!            small      step      own names   deleted
//!
//!   step, from the id before:
//!     0  the next sequence           nothing follows
//!     1  n sequences further         number = n
//!     2  n ms later, sequence 0      number = n
//!     3  n ms later                  number = n; sequence follows as a varint
//!   n stands in `small` if it is 1 to 15; if not, `small` is 0 and n follows as a varint
//! ```
//!
//! So an entry in the same or the next few milliseconds costs one byte beyond its values. Names and
//! values are stored as `stream_field.rs` draws them.

use super::StreamId;
use super::search_steps;
use super::stream_field::{Field, Stored, put_varint};
use crate::shared_bytes::SharedBytes;

/// Where an entry begins, and the id that its own one counts from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) offset: usize,
    pub(super) previous: StreamId,
}

/// In an entry's first byte: it is gone.
pub(super) const DELETED: u8 = 1;
const OWN_NAMES: u8 = 1 << 1;

const NEXT_SEQUENCE: u8 = 0;
const LATER_SEQUENCE: u8 = 1;
const LATER_TIME: u8 = 2;
const LATER_TIME_AND_SEQUENCE: u8 = 3;

/// What the first id counts from, so that it is the next sequence. Its sequence may have wrapped,
/// and it is not fit for comparing.
pub(super) fn before_first(first: StreamId) -> StreamId {
    StreamId::new(first.ms, first.seq.wrapping_sub(1))
}

/// Appends an entry's tag and its id, counted from the one before.
pub(super) fn put_id(bytes: &mut Vec<u8>, previous: StreamId, id: StreamId, has_own_names: bool) {
    let (step, number) = match (id.ms - previous.ms, id.seq.wrapping_sub(previous.seq)) {
        (0, 1) => (NEXT_SEQUENCE, 0),
        (0, sequences) => (LATER_SEQUENCE, sequences),
        (ms, _) if id.seq == 0 => (LATER_TIME, ms),
        (ms, _) => (LATER_TIME_AND_SEQUENCE, ms),
    };
    let small = if number < 16 { number as u8 } else { 0 };
    bytes.push(small << 4 | step << 2 | u8::from(has_own_names) << 1);
    if number >= 16 {
        put_varint(bytes, number);
    }
    if step == LATER_TIME_AND_SEQUENCE {
        put_varint(bytes, id.seq);
    }
}

/// Reads what [`put_id`] wrote behind the tag.
fn take_id(stored: &mut Stored, tag: u8, previous: StreamId) -> StreamId {
    let step = tag >> 2 & 3;
    if step == NEXT_SEQUENCE {
        return StreamId::new(previous.ms, previous.seq.wrapping_add(1));
    }
    let number = match tag >> 4 {
        0 => stored.varint(),
        small => u64::from(small),
    };
    match step {
        LATER_SEQUENCE => StreamId::new(previous.ms, previous.seq.wrapping_add(number)),
        LATER_TIME => StreamId::new(previous.ms + number, 0),
        _ => StreamId::new(previous.ms + number, stored.varint()),
    }
}

/// An entry met on a walk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    /// Where it begins in its block.
    pub(super) offset: usize,
    pub(super) is_deleted: bool,
    pub(super) entry: Entry<'a>,
}

/// A walk through the entries of a block, deleted ones too.
#[derive(Debug, Clone)]
pub(super) struct Walk<'a> {
    bytes: &'a [u8],
    /// The place of the entry that comes next.
    pub(super) next: Place,
    /// The block's names, and what lies behind them.
    names: Stored<'a>,
    name_count: usize,
    /// The block's fields that lie apart.
    apart: &'a [SharedBytes],
}

impl<'a> Walk<'a> {
    /// A walk through the entries in `bytes`, the start of a block, from `next` on. The block has
    /// `name_count` names at the start of `names`.
    pub(super) fn new(
        bytes: &'a [u8],
        next: Place,
        names: Stored<'a>,
        name_count: usize,
        apart: &'a [SharedBytes],
    ) -> Walk<'a> {
        Walk { bytes, next, names, name_count, apart }
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Found<'a>;

    fn next(&mut self) -> Option<Found<'a>> {
        let Place { offset, previous } = self.next;
        if offset == self.bytes.len() {
            return None;
        }
        search_steps::count();
        let mut stored = Stored(&self.bytes[offset..]);
        let tag = stored.byte();
        let id = take_id(&mut stored, tag, previous);
        let (names, count, stored_count) = if tag & OWN_NAMES != 0 {
            let count = stored.varint() as usize;
            (None, count, 2 * count)
        } else {
            (Some(self.names), self.name_count, self.name_count)
        };
        let fields = Fields { names, values: stored, left: 2 * count, apart: self.apart };
        stored.skip_fields(stored_count, self.apart);
        self.next = Place { offset: self.bytes.len() - stored.0.len(), previous: id };
        Some(Found { offset, is_deleted: tag & DELETED != 0, entry: Entry { id, fields } })
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
    names: Option<Stored<'a>>,
    values: Stored<'a>,
    left: usize,
    apart: &'a [SharedBytes],
}

impl Fields<'_> {
    /// Whether the names are stored once, for all entries of the block that have the same.
    pub fn has_shared_names(&self) -> bool {
        self.names.is_some()
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        let name_is_due = self.left.is_multiple_of(2);
        self.left = self.left.checked_sub(1)?;
        Some(match &mut self.names {
            Some(names) if name_is_due => names.field(&[]),
            _ => self.values.field(self.apart),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Fields<'_> {}
