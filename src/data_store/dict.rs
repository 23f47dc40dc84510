//! The hash table of a keyspace: from a hash to the handles of entries. It grows and shrinks by a
//! few lines at a time, so that no operation ever stops to rebuild it, and there is never a second
//! table.
//!
//! Buckets are cache lines of twelve slots (`line.rs`), four of which make a group. What does not
//! fit into its line goes to overflow lines that the group shares.
//!
//! ```text
//!   hash  ....gggg ll      line l of group g;  the top byte is the tag
//!
//!   group   [ line 0 ][ line 1 ][ line 2 ][ line 3 ]        home of about 42 entries
//!                |                   |
//!                └───────────────────┴──> [ overflow ]──> [ overflow ]
//! ```
//!
//! This is linear hashing over groups. With `n` groups, `2^level <= n < 2^(level + 1)`, groups are
//! split in order: the first `n - 2^level` of them have given half of their entries to a partner
//! `2^level` further on, the rest have not yet and hold twice as much.
//!
//! ```text
//!   level = 2, n = 6            0    1    2    3    4    5
//!                             [00] [01] [10] [11] ....  ....      low 2 bits of the group
//!                            [000][001]           [100][101]      low 3 bits, where split
//! ```
//!
//! So while a level is under way, some lines overflow and others are half empty. Sharing the
//! overflow among four lines is what keeps the table dense all the same: 7.1 bytes per entry on
//! average where a line of its own for each would cost 7.8, with one entry in ten in an overflow
//! line.
//!
//! A line knows tags, not hashes; whoever moves entries computes their hashes again ([`Rehash`]).
//!
//! **Scan** walks the low bits of the hash (group and line) as a number counted from its top bit
//! down. A cursor at `level` bits names every entry whose hash ends in these bits, whether split or
//! not, and those named before it keep that property when `level` changes: growing divides a class
//! into classes that follow each other in this order, shrinking joins such classes again. So an
//! entry present from the first call to the last is seen at least once.

use super::arena::Handle;
use super::line::{Line, SLOTS, Slots, tag_of};
use super::segments::Segments;
use squint_sys::RegionVec;
use static_assertions::const_assert;
use std::collections::BinaryHeap;
use std::num::NonZero;

/// Lines of a group.
pub(super) const GROUP_LINES: usize = 4;

/// One entry per so many more, and a group is added: seven eighths of the slots of home lines.
const GROUP_ENTRIES_MAX: usize = 42;

/// Fewer entries than this per group, and one is taken away. Less than half of the former, so that
/// not even the step from one group to two is taken to and fro.
const GROUP_ENTRIES_MIN: usize = 20;
const_assert!(2 * GROUP_ENTRIES_MIN < GROUP_ENTRIES_MAX);

/// Random lines tried before [`Dict::random`] takes the first entry it can find. At least a third
/// of the lines are filled, so this many misses do not happen.
const RANDOM_TRIES: usize = 256;

/// Finds the hash of an entry again.
pub(super) trait Rehash {
    /// The whole hash under which the entry was inserted.
    fn hash_of(&self, handle: Handle) -> u64;
    /// Asks for the memory of an entry whose hash is wanted soon.
    fn prefetch(&self, handle: Handle);
}

/// Where an entry stands. Good until the next insertion or removal. A number that is never 0: so a
/// look-up returns it in a register, and the handle in another.
///
/// ```text
///   [ number of the line | slot | 1: an overflow line | 1 ]
///                         4 bits         1 bit        1 bit
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(NonZero<usize>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineIndex {
    Home(usize),
    Overflow(usize),
}

const SLOT_BITS: u32 = 4;
const_assert!(SLOTS <= 1 << SLOT_BITS);

impl Place {
    #[inline(always)]
    fn new(line: LineIndex, slot: usize) -> Place {
        let (number, is_overflow) = match line {
            LineIndex::Home(number) => (number, 0),
            LineIndex::Overflow(number) => (number, 1),
        };
        let bits = (number << SLOT_BITS | slot) << 2 | is_overflow << 1;
        Place(NonZero::<usize>::MIN | bits)
    }

    fn slot(self) -> usize {
        self.0.get() >> 2 & ((1 << SLOT_BITS) - 1)
    }

    fn line(self) -> LineIndex {
        let number = self.0.get() >> (2 + SLOT_BITS);
        match self.0.get() & 2 {
            0 => LineIndex::Home(number),
            _ => LineIndex::Overflow(number),
        }
    }
}

/// A line that a look-up has come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineSeen {
    /// Slots of it that hold an entry.
    pub filled: usize,
    /// Those of them whose tag is the one looked for: each costs a look at its entry.
    pub equal_tags: usize,
}

/// A look-up as it goes, for people to look at.
#[derive(Debug)]
pub(super) struct Trace {
    pub(super) lines: usize,
    pub(super) overflow_lines: usize,
    pub(super) tag: u8,
    pub(super) home: Option<usize>,
    /// The home line, then overflow lines.
    pub(super) path: Vec<LineSeen>,
    /// The slot in the last line of the path, and the entry.
    pub(super) found: Option<(usize, Handle)>,
}

/// See [`Dict::candidates`].
#[derive(Clone, Debug)]
pub(super) struct Candidates<'a> {
    dict: &'a Dict,
    tag: u8,
    at: LineIndex,
    line: &'a Line,
    /// Those of the line that are still to come.
    slots: Slots,
}

impl Iterator for Candidates<'_> {
    type Item = (Place, Handle);

    #[inline(always)]
    fn next(&mut self) -> Option<(Place, Handle)> {
        loop {
            if let Some(slot) = self.slots.next() {
                return Some((Place::new(self.at, slot), self.line.handle(slot)));
            }
            let number = (self.line.link() as usize).checked_sub(1)?;
            (self.at, self.line) = (LineIndex::Overflow(number), &self.dict.overflow[number]);
            self.slots = self.line.matches(self.tag);
        }
    }
}

/// Hashes to handles. No heap while it has never held an entry.
#[derive(Debug)]
pub(super) struct Dict {
    homes: Segments<RegionVec<Line>>,
    overflow: Segments<RegionVec<Line>>,
    /// The bits of a hash that choose its line where its group is split: as many as it takes to
    /// write the number of lines. Elsewhere it is one bit less.
    line_bits: usize,
    len: usize,
    /// Entries on their way from a chain of overflow lines to their new places; empty in between.
    moving: Vec<(u8, Handle)>,
    /// The same for the numbers of these lines.
    leaving: BinaryHeap<u32>,
    /// Slots moved by growing and shrinking, in all.
    moved: u64,
}

impl Dict {
    pub(super) const fn new() -> Dict {
        Dict {
            homes: Segments::new(),
            overflow: Segments::new(),
            line_bits: 0,
            len: 0,
            moving: Vec::new(),
            leaving: BinaryHeap::new(),
            moved: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The entries under the tag of a hash, in the order in which a look-up comes by them; `None`
    /// if there are no lines. There is one that is not it for one line in twenty.
    #[inline(always)]
    pub(super) fn candidates(&self, hash: u64) -> Option<Candidates<'_>> {
        let (tag, home) = (tag_of(hash), self.line_of(hash));
        let line = self.homes.get(home)?;
        Some(Candidates {
            dict: self,
            tag,
            at: LineIndex::Home(home),
            line,
            slots: line.matches(tag),
        })
    }

    /// The way along the candidates, told line by line.
    pub(super) fn trace(&self, hash: u64, is: impl Fn(Handle) -> bool) -> Trace {
        let (tag, home) = (tag_of(hash), self.line_of(hash));
        let mut trace = Trace {
            lines: self.homes.len(),
            overflow_lines: self.overflow.len(),
            tag,
            home: Some(home).filter(|&index| index < self.homes.len()),
            path: Vec::new(),
            found: None,
        };
        let Some(home) = self.homes.get(home) else { return trace };
        let further = self.chain(home.link()).map(|index| &self.overflow[index]);
        for line in std::iter::once(home).chain(further) {
            let (filled, equal_tags) = (line.occupied().count(), line.matches(tag).count());
            trace.path.push(LineSeen { filled, equal_tags });
            let mut candidates = line.matches(tag).map(|slot| (slot, line.handle(slot)));
            trace.found = candidates.find(|&(_, handle)| is(handle));
            if trace.found.is_some() {
                break;
            }
        }
        trace
    }

    /// Puts another handle where an entry stands.
    pub(super) fn set_handle(&mut self, place: Place, handle: Handle) {
        let (line, slot) = (self.line_at_mut(place.line()), place.slot());
        line.set(slot, line.tag(slot), handle);
    }

    /// Adds an entry. (The caller has looked whether the key is there.)
    pub(super) fn insert(&mut self, hash: u64, handle: Handle, rehash: &impl Rehash) {
        if self.len >= self.groups() * GROUP_ENTRIES_MAX {
            self.split_one(rehash);
        }
        self.len += 1;
        self.put(self.line_of(hash), tag_of(hash), handle);
    }

    /// Takes out the entry at a place, which was found under this hash.
    pub(super) fn remove(&mut self, place: Place, hash: u64, rehash: &impl Rehash) {
        self.len -= 1;
        match place.line() {
            LineIndex::Home(index) => self.homes[index].clear(place.slot()),
            LineIndex::Overflow(index) => {
                let start = group_start(self.line_of(hash));
                self.remove_spilled(start, index, place.slot(), rehash);
            }
        }
        if self.len < self.groups() * GROUP_ENTRIES_MIN {
            self.merge_one(rehash);
        }
    }

    /// Shows one class of entries to `visit` and returns the cursor of the next, 0 at the end.
    /// Start with 0; any number is a valid cursor.
    pub(super) fn scan(
        &self,
        cursor: u64,
        rehash: &impl Rehash,
        mut visit: impl FnMut(Handle),
    ) -> u64 {
        if self.len == 0 {
            return 0;
        }
        let low = self.level_groups() * GROUP_LINES;
        let index = cursor as usize & (low - 1);
        for line in [index, index + low] {
            if line < self.homes.len() {
                self.line_entries(line, rehash).for_each(&mut visit);
            }
        }
        // Adds one at the top bit of the class and carries downwards: with every higher bit set,
        // an ordinary increment of the reversed number does that.
        (cursor | !(low as u64 - 1)).reverse_bits().wrapping_add(1).reverse_bits()
    }

    /// All entries, in no order that means anything.
    pub(super) fn iter(&self) -> impl Iterator<Item = Handle> {
        self.homes.iter().chain(self.overflow.iter()).flat_map(Line::handles)
    }

    /// An entry picked by a random number: as even as the filling of the lines.
    pub(super) fn random(&self, random: u64, rehash: &impl Rehash) -> Option<Handle> {
        if self.len == 0 {
            return None;
        }
        let mut state = random;
        for _ in 0..RANDOM_TRIES {
            let index = (next_random(&mut state) % self.homes.len() as u64) as usize;
            let filled = self.line_entries(index, rehash).count();
            if filled > 0 {
                let position = (next_random(&mut state) % filled as u64) as usize;
                return self.line_entries(index, rehash).nth(position);
            }
        }
        self.iter().next()
    }

    /// The line at which a look-up of this hash begins: what to prefetch first.
    #[inline]
    pub(super) fn home(&self, hash: u64) -> Option<&Line> {
        self.homes.get(self.line_of(hash))
    }

    /// The overflow line behind `line`.
    #[inline]
    pub(super) fn line_behind(&self, line: &Line) -> Option<&Line> {
        (line.link() as usize).checked_sub(1).map(|number| &self.overflow[number])
    }

    /// Frees a few lines; `false` when there are none. For a table that nobody asks any more.
    pub(super) fn drop_one(&mut self) -> bool {
        self.overflow.drop_segment() || self.homes.drop_segment()
    }

    /// How many regions of lines wait to become huge pages.
    #[inline]
    pub(super) fn waiting_regions(&self) -> usize {
        self.homes.waiting_regions() + self.overflow.waiting_regions()
    }

    /// Up to `budget` of them ask for it; gives how many.
    pub(super) fn ask_for_huge_pages(&mut self, budget: usize) -> usize {
        let asked = self.homes.ask_for_huge_pages(budget);
        asked + self.overflow.ask_for_huge_pages(budget - asked)
    }

    /// Bytes of heap.
    pub(super) fn heap_bytes(&self) -> usize {
        self.homes.heap_bytes()
            + self.overflow.heap_bytes()
            + self.moving.capacity() * size_of::<(u8, Handle)>()
            + self.leaving.capacity() * size_of::<u32>()
    }
}

/// The candidates of one line.
#[inline]
pub(super) fn candidates_in(line: &Line, hash: u64) -> impl Iterator<Item = Handle> {
    line.matches(tag_of(hash)).map(|slot| line.handle(slot))
}

fn group_start(line: usize) -> usize {
    line / GROUP_LINES * GROUP_LINES
}

/// The group that the group `last` was split from.
fn partner_of(last: usize) -> usize {
    last - (1 << last.ilog2())
}

impl Dict {
    fn groups(&self) -> usize {
        self.homes.len() / GROUP_LINES
    }

    /// `2^level`: the groups there were before the splitting under way began.
    fn level_groups(&self) -> usize {
        debug_assert!(self.groups() > 0);
        1 << self.groups().ilog2()
    }

    /// The line where an entry under this hash is at home, if there are lines.
    #[inline(always)]
    fn line_of(&self, hash: u64) -> usize {
        let split = hash as usize & self.line_bits;
        if split < self.homes.len() { split } else { split & (self.line_bits >> 1) }
    }

    /// To be called when lines have come or gone.
    fn set_line_bits(&mut self) {
        self.line_bits = usize::MAX >> self.homes.len().leading_zeros();
    }

    fn line_at_mut(&mut self, index: LineIndex) -> &mut Line {
        match index {
            LineIndex::Home(index) => &mut self.homes[index],
            LineIndex::Overflow(index) => &mut self.overflow[index],
        }
    }

    /// Entries whose home is this line, wherever they stand.
    fn line_entries(&self, index: usize, rehash: &impl Rehash) -> impl Iterator<Item = Handle> {
        let line = &self.homes[index];
        let spilled = self.chain(line.link()).flat_map(|number| self.overflow[number].handles());
        let own = spilled.filter(move |&handle| self.line_of(rehash.hash_of(handle)) == index);
        line.handles().chain(own)
    }

    /// Numbers of overflow lines, from one link on.
    fn chain(&self, link: u32) -> impl Iterator<Item = usize> {
        let number = |link: u32| (link as usize).checked_sub(1);
        std::iter::successors(number(link), move |&at| number(self.overflow[at].link()))
    }

    /// The link of a group to its overflow lines. Only lines that ever spilled have it.
    fn group_link(&self, start: usize) -> u32 {
        (start..start + GROUP_LINES).map(|line| self.homes[line].link()).max().unwrap_or(0)
    }

    /// Gives the lines of a group that have a link another one.
    fn set_group_link(&mut self, start: usize, link: u32) {
        for line in start..start + GROUP_LINES {
            if self.homes[line].link() != 0 {
                self.homes[line].set_link(link);
            }
        }
    }

    /// Puts an entry into its home line, or into the overflow of the group.
    fn put(&mut self, index: usize, tag: u8, handle: Handle) {
        match self.homes[index].vacant() {
            Some(slot) => self.homes[index].set(slot, tag, handle),
            None => self.spill(index, tag, handle),
        }
    }

    /// Only the first overflow line of a group has vacant slots, and its entries stand in front.
    fn spill(&mut self, index: usize, tag: u8, handle: Handle) {
        let start = group_start(index);
        let mut link = self.group_link(start);
        let vacant = self.chain(link).next().and_then(|head| self.overflow[head].vacant());
        if vacant.is_none() {
            let mut line = Line::EMPTY;
            line.set_link(link);
            self.overflow.push(line);
            link = u32::try_from(self.overflow.len()).expect("fewer lines than handles");
            self.set_group_link(start, link);
        }
        self.homes[index].set_link(link);
        self.overflow[link as usize - 1].set(vacant.unwrap_or(0), tag, handle);
    }

    /// Takes an entry out of an overflow line and closes the gap.
    fn remove_spilled(&mut self, start: usize, index: usize, slot: usize, rehash: &impl Rehash) {
        let head = self.group_link(start) as usize - 1;
        let line = self.overflow[head];
        let last = line.occupied().count() - 1;
        self.overflow[index].set(slot, line.tag(last), line.handle(last));
        self.overflow[head].clear(last);
        if last == 0 {
            self.set_group_link(start, line.link());
            self.drop_overflow(head, rehash);
        }
    }

    /// Frees an overflow line that nothing links to any more: the last one takes its number.
    fn drop_overflow(&mut self, number: usize, rehash: &impl Rehash) {
        let line = self.overflow.pop().expect("the line is there");
        let last = self.overflow.len();
        if number == last {
            return;
        }
        let start = group_start(self.line_of(rehash.hash_of(line.handle(0))));
        let (from, to) = (last as u32 + 1, number as u32 + 1);
        if self.group_link(start) == from {
            self.set_group_link(start, to);
        } else {
            let links_to_it = |&at: &usize| self.overflow[at].link() == from;
            let before = self.chain(self.group_link(start)).find(links_to_it);
            let before = before.expect("a line in use is linked to");
            self.overflow[before].set_link(to);
        }
        self.overflow[number] = line;
    }

    /// Moves what a group has in overflow lines to `moving`, and frees the lines.
    fn empty_chain(&mut self, start: usize, rehash: &impl Rehash) {
        let mut leaving = std::mem::take(&mut self.leaving);
        leaving.extend(self.chain(self.group_link(start)).map(|number| number as u32));
        for &number in leaving.iter() {
            let line = self.overflow[number as usize];
            let entries = line.occupied().map(|slot| (line.tag(slot), line.handle(slot)));
            self.moving.extend(entries);
        }
        self.set_group_link(start, 0);
        // From the highest down: what takes a freed number is then never itself about to go.
        while let Some(number) = leaving.pop() {
            self.drop_overflow(number as usize, rehash);
        }
        self.leaving = leaving;
    }

    /// Puts what stands in `moving` where it belongs now.
    fn put_moving(&mut self, rehash: &impl Rehash) {
        self.moved += self.moving.len() as u64;
        while let Some((tag, handle)) = self.moving.pop() {
            self.put(self.line_of(rehash.hash_of(handle)), tag, handle);
        }
    }

    /// Adds a group and moves to it what it is due from its partner.
    fn split_one(&mut self, rehash: &impl Rehash) {
        let added = self.groups();
        let partner = if added == 0 { None } else { Some(partner_of(added)) };
        if let Some(partner) = partner {
            self.empty_chain(partner * GROUP_LINES, rehash);
        }
        for _ in 0..GROUP_LINES {
            self.homes.push(Line::EMPTY);
        }
        self.set_line_bits();
        let Some(partner) = partner else { return };
        self.prefetch_group(partner * GROUP_LINES, rehash);
        for offset in 0..GROUP_LINES {
            self.split_line(partner * GROUP_LINES + offset, added * GROUP_LINES + offset, rehash);
        }
        self.put_moving(rehash);
    }

    /// All hashes of a group are wanted: the misses of its entries shall overlap.
    fn prefetch_group(&self, start: usize, rehash: &impl Rehash) {
        let lines = (start..start + GROUP_LINES).map(|line| &self.homes[line]);
        lines.flat_map(Line::handles).for_each(|handle| rehash.prefetch(handle));
        self.moving.iter().for_each(|&(_, handle)| rehash.prefetch(handle));
    }

    fn split_line(&mut self, from: usize, to: usize, rehash: &impl Rehash) {
        let line = self.homes[from];
        for slot in line.occupied() {
            let (tag, handle) = (line.tag(slot), line.handle(slot));
            if self.line_of(rehash.hash_of(handle)) == to {
                self.homes[from].clear(slot);
                self.put(to, tag, handle);
                self.moved += 1;
            }
        }
    }

    /// Gives the entries of the last group back to its partner and drops it.
    fn merge_one(&mut self, rehash: &impl Rehash) {
        let last = self.groups() - 1;
        if last == 0 {
            // It stays: a queue that runs empty again and again shall not map its table anew.
            (self.moving, self.leaving) = (Vec::new(), BinaryHeap::new());
            return;
        }
        self.empty_chain(last * GROUP_LINES, rehash);
        for offset in (0..GROUP_LINES).rev() {
            let line = self.homes.pop().expect("a group has four lines");
            for slot in line.occupied() {
                let to = partner_of(last) * GROUP_LINES + offset;
                self.put(to, line.tag(slot), line.handle(slot));
                self.moved += 1;
            }
        }
        self.set_line_bits();
        self.put_moving(rehash);
    }
}

/// One step of SplitMix64: spreads one random number over as many as are needed.
fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests;
