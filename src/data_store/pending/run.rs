//! A run of ids in order, each with a note, in as few bytes as they take.
//!
//! ```text
//!   id:      ms less that before | sequence, less that before if ms is the same
//!   note:    as its type says, counted from the note before
//! ```
//!
//! All numbers are varints. Adding at the end appends. Any other change concerns an entry and the
//! one behind it, which counts from it: these two are written anew, and the rest moves up. The
//! first entry counts from a base, which is beside the bytes: when the first one goes, it becomes
//! the base, and nothing is written at all.
//!
//! ```text
//!   base | A | B | C | D ...      B goes:   base | A | C' | D ...      C' counts from A
//!                                 A goes:   A | B | C | D ...          B counts from A, as before
//! ```

use crate::data_store::StreamId;
use crate::data_store::stream_field::{Stored, put_varint};
use arrayvec::ArrayVec;

/// Ids in one run: a change packs half of them on average.
pub(super) const RUN_IDS_MAX: usize = 64;

/// What is kept beside an id.
pub(in super::super) trait Note: Copy + Default + std::fmt::Debug {
    /// Appends this note, counted from the one before.
    fn put(self, previous: Self, bytes: &mut Vec<u8>);
    /// Reads what [`Note::put`] wrote.
    fn take(stored: &mut Stored<'_>, previous: Self) -> Self;
    /// A number by which notes are searched: each run knows its lowest. [`UNRANKED`] if they are
    /// not.
    fn rank(self) -> u64;
}

/// The rank of notes that nobody searches for: an index of them would be for nothing.
pub(super) const UNRANKED: u64 = u64::MAX;

/// Nothing beside the id.
impl Note for () {
    fn put(self, (): (), _: &mut Vec<u8>) {}

    fn take(_: &mut Stored<'_>, (): ()) {}

    fn rank(self) -> u64 {
        UNRANKED
    }
}

/// The entries of a run, and one more.
type Unpacked<N> = ArrayVec<(StreamId, N), { RUN_IDS_MAX + 1 }>;

/// Such a run.
#[derive(Debug)]
pub(super) struct Run<N> {
    /// What the first entry counts from: no id is below that of it.
    base: (StreamId, N),
    /// The highest id, and its note: what comes next counts from here.
    pub(super) last: (StreamId, N),
    pub(super) bytes: Vec<u8>,
    /// Of all its notes.
    pub(super) lowest_rank: u64,
    /// How many ids there are.
    pub(super) length: u32,
}

impl<N: Note> Run<N> {
    pub(super) fn new(entries: &[(StreamId, N)]) -> Run<N> {
        let base = entries.first().copied().unwrap_or_default();
        let mut run = Run { base, last: base, bytes: Vec::new(), lowest_rank: UNRANKED, length: 0 };
        entries.iter().for_each(|&entry| run.push(entry));
        run
    }

    /// Adds an id above all others.
    pub(super) fn push(&mut self, (id, note): (StreamId, N)) {
        put_entry(&mut self.bytes, self.last, (id, note));
        self.last = (id, note);
        self.lowest_rank = self.lowest_rank.min(note.rank());
        self.length += 1;
    }

    /// Changes the note of an id, adds the id, or takes it out if there is no new note. Gives the
    /// note back that was there.
    pub(super) fn change(&mut self, id: StreamId, note: Option<N>) -> Option<N> {
        let place = self.place_of(id);
        let found = place.found;
        match (found, note) {
            (None, None) => return None,
            (Some(found), None) if place.start == 0 => self.take_first(place.end, (id, found)),
            _ => self.write_at(place, id, note),
        }
        self.lowest_rank = self.lowest_rank.min(note.map_or(UNRANKED, Note::rank));
        let has_lost = found.filter(|found| found.rank() == self.lowest_rank);
        if has_lost.is_some_and(|found| found.rank() != UNRANKED) {
            self.find_lowest_rank();
        }
        found
    }

    /// Looks where an id stands, or would.
    fn place_of(&self, id: StreamId) -> Place<N> {
        let mut walk = self.walk();
        loop {
            let (start, before) = (self.offset_of(&walk), walk.last);
            match walk.next() {
                Some((other, _)) if other < id => {}
                Some((other, note)) if other == id => {
                    let end = self.offset_of(&walk);
                    return Place { start, end, before, found: Some(note) };
                }
                _ => return Place { start, end: start, before, found: None },
            }
        }
    }

    /// How far into the run a walk has come, in bytes.
    fn offset_of(&self, walk: &Walk<'_, N>) -> usize {
        self.bytes.len() - walk.stored.0.len()
    }

    /// Writes an entry at its place, or takes out what is there if it has no note; and the one
    /// behind it anew.
    fn write_at(&mut self, place: Place<N>, id: StreamId, note: Option<N>) {
        let Place { start, end, mut before, found } = place;
        let last = found.map_or(before, |found| (id, found));
        let mut walk = Walk { stored: Stored(&self.bytes[end..]), last };
        let next = walk.next();
        let end = self.offset_of(&walk);
        // Below what all others count from.
        if let Some(note) = note.filter(|_| id < self.base.0) {
            self.base = (id, note);
            before = self.base;
        }
        let entries = [note.map(|note| (id, note)), next];
        let (last, added) = self.put_between(start, end, before, entries);
        if next.is_none() {
            self.last = last;
        }
        self.length += added;
        self.length -= u32::from(found.is_some()) + u32::from(next.is_some());
    }

    /// Takes the first entry out, whose bytes go to `end`: the second counts from it already.
    fn take_first(&mut self, end: usize, first: (StreamId, N)) {
        self.base = first;
        self.length -= 1;
        self.bytes.drain(..end);
        self.shrink();
    }

    /// The entry that ranked lowest is gone. Often others were handed out at the same time.
    fn find_lowest_rank(&mut self) {
        let mut lowest = UNRANKED;
        for (_, note) in self.walk() {
            if note.rank() == self.lowest_rank {
                return;
            }
            lowest = lowest.min(note.rank());
        }
        self.lowest_rank = lowest;
    }

    /// Writes these entries in place of the bytes from `start` to `end`; gives the last of them,
    /// and their number.
    fn put_between(
        &mut self,
        start: usize,
        end: usize,
        before: (StreamId, N),
        entries: [Option<(StreamId, N)>; 2],
    ) -> ((StreamId, N), u32) {
        let (mut last, mut number, length) = (before, 0, self.bytes.len());
        for entry in entries.into_iter().flatten() {
            put_entry(&mut self.bytes, last, entry);
            (last, number) = (entry, number + 1);
        }
        // They stand at the end now. If there is room in what they replace, they go there; else
        // they are turned to the front of it.
        let put = self.bytes.len() - length;
        if put <= end - start {
            self.bytes.copy_within(length.., end - put);
            self.bytes.truncate(length);
            self.bytes.drain(start..end - put);
        } else {
            self.bytes[start..].rotate_right(put);
            self.bytes.drain(start + put..end + put);
        }
        self.shrink();
        (last, number)
    }

    fn shrink(&mut self) {
        if self.bytes.len() <= self.bytes.capacity() / 4 {
            self.bytes.shrink_to(self.bytes.len() * 2);
        }
    }

    pub(super) fn walk(&self) -> Walk<'_, N> {
        Walk { stored: Stored(&self.bytes), last: self.base }
    }

    pub(super) fn unpack(&self) -> Unpacked<N> {
        self.walk().collect()
    }

    pub(super) fn is_full(&self) -> bool {
        self.length as usize >= RUN_IDS_MAX
    }
}

/// Where an id stands in a run, or would.
#[derive(Debug)]
struct Place<N> {
    /// Where its bytes begin.
    start: usize,
    /// Where they end: at their start, if it is not there.
    end: usize,
    /// The entry before it, or the base.
    before: (StreamId, N),
    /// Its note, if it is there.
    found: Option<N>,
}

/// Appends an entry, counted from the one before.
fn put_entry<N: Note>(bytes: &mut Vec<u8>, before: (StreamId, N), (id, note): (StreamId, N)) {
    let (id_before, note_before) = before;
    put_varint(bytes, id.ms - id_before.ms);
    let seq_before = if id.ms == id_before.ms { id_before.seq } else { 0 };
    put_varint(bytes, id.seq - seq_before);
    note.put(note_before, bytes);
}

/// The entries of a run, one after the other.
#[derive(Debug, Clone)]
pub(super) struct Walk<'a, N> {
    stored: Stored<'a>,
    last: (StreamId, N),
}

impl<N: Note> Iterator for Walk<'_, N> {
    type Item = (StreamId, N);

    fn next(&mut self) -> Option<(StreamId, N)> {
        if self.stored.0.is_empty() {
            return None;
        }
        let (before, note_before) = self.last;
        let ms = before.ms + self.stored.varint();
        let seq_before = if ms == before.ms { before.seq } else { 0 };
        let id = StreamId::new(ms, seq_before + self.stored.varint());
        self.last = (id, N::take(&mut self.stored, note_before));
        Some(self.last)
    }
}
