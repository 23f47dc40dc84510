//! The expiry index: a hierarchical wheel of entries in the order of their deadlines.
//!
//! The links lie in the entries (8 bytes each), so that a deadline is added and removed at once
//! and without an allocation. Deadlines are wall-clock milliseconds, shifted so that the earliest
//! possible one is 0; such a number is eleven digits of six bits.
//!
//! ```text
//!   A deadline's level is the highest digit in which it differs from `now`; its slot on that
//!   level is the value of that digit:
//!
//!   now       ...  000010 . 010111 . 000101
//!   deadline  ...  000010 . 011001 . 110000        level 1, slot 011001
//!
//!   level 10 [ ... ]    slots of 2^60 ms
//!      :
//!   level 1  [ |>| | |x| ]    of 64 ms             > the digit of `now`    x the deadline above
//!   level 0  [ | | |>| | ]    of 1 ms
//!
//!   pending  what belongs to no slot: already due when it came, or taken out of a slot that
//!            `now` has reached. Each goes next: it is handed out, or put into a lower level.
//! ```
//!
//! Every entry of a level is earlier than every entry of the levels above it. So the lowest slot of
//! the lowest level that is not empty is the next whose time comes: `now` jumps to its start, and
//! its whole list becomes the pending one, which is then worked off **one entry per step**. However
//! many keys share a second, the caller may stop between any two of them.
//!
//! **The clock may be set back.** Then `now` follows it. Let L be the highest digit that changes:
//! entries of level L and above stay where they are, and those below have all become entries of
//! level L, in the slot of the old digit of `now`. Lists are circular, so joining them there takes
//! a constant time each; nobody is visited. What is pending and not due any more finds its place
//! when its turn comes.
//!
//! Each slot remembers its earliest deadline. Removing that very entry leaves a lower bound behind,
//! so to wake at [`Wheel::next`] is never late, and early at most once per slot.

use super::UnixMs;
use super::arena::Handle;

const DIGIT_BITS: usize = 6;
const SLOTS_PER_LEVEL: usize = 1 << DIGIT_BITS;
const LEVELS: usize = 11;
const SLOTS: usize = LEVELS * SLOTS_PER_LEVEL;

static_assertions::const_assert!(LEVELS * DIGIT_BITS >= u64::BITS as usize);

/// The entries that the index links together.
pub(super) trait Members {
    /// The deadline of an entry that has one.
    fn deadline(&self, member: Handle) -> UnixMs;
    /// The next and the previous entry in its list.
    fn links(&self, member: Handle) -> (Handle, Handle);
    /// Changes the next one.
    fn set_next(&mut self, member: Handle, next: Handle);
    /// Changes the previous one.
    fn set_previous(&mut self, member: Handle, previous: Handle);
}

/// What one step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The time of this entry has come. It stays in the index until it is removed.
    Due(Handle),
    /// Something was put where it belongs; go on.
    Sorted,
    /// Nothing is due.
    Idle,
}

/// Entries by deadline. No heap before the first one.
#[derive(Debug)]
pub(super) struct Wheel {
    now: u64,
    len: usize,
    pending: Handle,
    levels: Option<Box<Levels>>,
    /// No deadline is before this time.
    due_from: UnixMs,
}

/// About 8 KiB.
#[derive(Debug)]
struct Levels {
    /// Bit `s` of word `l`: slot `s` of level `l` has entries.
    occupied: [u64; LEVELS],
    heads: [Handle; SLOTS],
    /// Exact, or a lower bound once an entry has been removed.
    earliest: [u64; SLOTS],
}

/// Keeps the order, and the earliest possible deadline is 0.
fn shifted(deadline: UnixMs) -> u64 {
    deadline as u64 ^ 1 << 63
}

fn unshifted(time: u64) -> UnixMs {
    (time ^ 1 << 63) as UnixMs
}

fn digit(time: u64, level: usize) -> usize {
    (time >> (level * DIGIT_BITS)) as usize % SLOTS_PER_LEVEL
}

/// The highest digit in which two different times differ.
fn level_between(one: u64, other: u64) -> usize {
    (one ^ other).ilog2() as usize / DIGIT_BITS
}

impl Wheel {
    pub(super) const fn new() -> Wheel {
        Wheel { now: 0, len: 0, pending: Handle::NONE, levels: None, due_from: UnixMs::MAX }
    }

    /// How many entries have a deadline.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Bytes of heap.
    pub(super) fn heap_bytes(&self) -> usize {
        self.levels.as_ref().map_or(0, |_| size_of::<Levels>())
    }

    /// The earliest deadline, or a time before it.
    pub(super) fn next(&self) -> Option<UnixMs> {
        if self.pending != Handle::NONE {
            return Some(UnixMs::MIN);
        }
        let levels = self.levels.as_ref()?;
        levels.lowest().map(|(level, slot)| unshifted(levels.earliest[slot_number(level, slot)]))
    }

    /// Whether the time of any entry may have come: `false` is certain, and costs a comparison.
    #[inline(always)]
    pub(super) fn may_hold_due(&self, wall_ms: UnixMs) -> bool {
        self.due_from <= wall_ms
    }

    /// Makes the answer to that as good as [`Wheel::next`] is: entries that have been removed may
    /// have left an earlier time behind.
    pub(super) fn look_again(&mut self) {
        self.due_from = self.next().unwrap_or(UnixMs::MAX);
    }

    /// Adds an entry that has a deadline and is not in the index.
    pub(super) fn add(&mut self, member: Handle, members: &mut impl Members) {
        self.len += 1;
        self.due_from = self.due_from.min(members.deadline(member));
        self.place(member, members);
    }

    /// Removes an entry before its deadline changes.
    pub(super) fn remove(&mut self, member: Handle, members: &mut impl Members) {
        self.len -= 1;
        self.take_out(member, members);
    }

    /// Goes one step on towards the entries that are due at `wall_ms`.
    pub(super) fn step(&mut self, wall_ms: UnixMs, members: &mut impl Members) -> Step {
        let wall = shifted(wall_ms);
        if wall < self.now {
            self.set_back(wall, members);
        }
        let first = self.pending;
        if first != Handle::NONE {
            if shifted(members.deadline(first)) <= wall {
                return Step::Due(first);
            }
            self.take_out(first, members);
            self.place(first, members);
            return Step::Sorted;
        }
        if self.open_slot(wall) { Step::Sorted } else { Step::Idle }
    }

    /// Makes the list of the next slot pending, if its time has come.
    fn open_slot(&mut self, wall: u64) -> bool {
        let Some(levels) = &mut self.levels else { return false };
        if let Some((level, slot)) = levels.lowest() {
            let above = self.now.checked_shr(((level + 1) * DIGIT_BITS) as u32).unwrap_or(0);
            let start = (above << DIGIT_BITS | slot as u64) << (level * DIGIT_BITS);
            if start <= wall {
                self.now = start;
                self.pending = levels.take(level, slot);
                return true;
            }
        }
        self.now = wall;
        false
    }

    fn place(&mut self, member: Handle, members: &mut impl Members) {
        let time = shifted(members.deadline(member));
        if time <= self.now {
            self.pending = push(self.pending, member, members);
            return;
        }
        let level = level_between(time, self.now);
        let levels = self.levels.get_or_insert_with(Levels::new);
        levels.add(level, digit(time, level), time, |head| push(head, member, members));
    }

    /// Unlinks an entry. If it was the first of its list (pending, or the slot of its deadline),
    /// the next one is that now.
    fn take_out(&mut self, member: Handle, members: &mut impl Members) {
        let (next, previous) = members.links(member);
        let is_alone = next == member;
        if !is_alone {
            members.set_next(previous, next);
            members.set_previous(next, previous);
        }
        let new_head = if is_alone { Handle::NONE } else { next };
        if self.pending == member {
            self.pending = new_head;
            return;
        }
        let time = shifted(members.deadline(member));
        if time > self.now
            && let Some(levels) = &mut self.levels
        {
            let level = level_between(time, self.now);
            levels.replace_head(level, digit(time, level), member, new_head);
        }
    }

    /// Follows a clock that was set back.
    fn set_back(&mut self, wall: u64, members: &mut impl Members) {
        let level = level_between(wall, self.now);
        let slot = digit(self.now, level);
        self.now = wall;
        let Some(levels) = &mut self.levels else { return };
        for below in 0..level {
            while levels.occupied[below] != 0 {
                let from = levels.occupied[below].trailing_zeros() as usize;
                let time = levels.earliest[slot_number(below, from)];
                let list = levels.take(below, from);
                levels.add(level, slot, time, |head| join(head, list, members));
            }
        }
    }
}

fn slot_number(level: usize, slot: usize) -> usize {
    level * SLOTS_PER_LEVEL + slot
}

impl Levels {
    fn new() -> Box<Levels> {
        let heads = [Handle::NONE; SLOTS];
        Box::new(Levels { occupied: [0; LEVELS], heads, earliest: [u64::MAX; SLOTS] })
    }

    /// The earliest slot that is not empty: its level and its number there.
    fn lowest(&self) -> Option<(usize, usize)> {
        let level = self.occupied.iter().position(|&slots| slots != 0)?;
        Some((level, self.occupied[level].trailing_zeros() as usize))
    }

    /// Adds entries to a slot, the earliest due at `time`: `extend` makes a new list of the old.
    fn add(&mut self, level: usize, slot: usize, time: u64, extend: impl FnOnce(Handle) -> Handle) {
        let number = slot_number(level, slot);
        self.occupied[level] |= 1 << slot;
        self.earliest[number] = self.earliest[number].min(time);
        self.heads[number] = extend(self.heads[number]);
    }

    /// Empties a slot and hands out its list.
    fn take(&mut self, level: usize, slot: usize) -> Handle {
        let number = slot_number(level, slot);
        self.occupied[level] &= !(1 << slot);
        self.earliest[number] = u64::MAX;
        std::mem::replace(&mut self.heads[number], Handle::NONE)
    }

    /// Changes the first entry of a slot, if it was `old`.
    fn replace_head(&mut self, level: usize, slot: usize, old: Handle, new: Handle) {
        let number = slot_number(level, slot);
        if self.heads[number] != old {
            return;
        }
        self.heads[number] = new;
        if new == Handle::NONE {
            self.take(level, slot);
        }
    }
}

/// Puts an entry at the end of a circular list and returns the list's head.
fn push(head: Handle, member: Handle, members: &mut impl Members) -> Handle {
    members.set_next(member, member);
    members.set_previous(member, member);
    join(head, member, members)
}

/// Appends one circular list to another.
fn join(first: Handle, second: Handle, members: &mut impl Members) -> Handle {
    if first == Handle::NONE {
        return second;
    }
    let (first_last, second_last) = (members.links(first).1, members.links(second).1);
    members.set_next(first_last, second);
    members.set_previous(second, first_last);
    members.set_next(second_last, first);
    members.set_previous(first, second_last);
    first
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, HashMap};

    #[derive(Default)]
    struct Table(HashMap<Handle, (UnixMs, Handle, Handle)>);

    impl Table {
        fn at(&mut self, member: Handle) -> &mut (UnixMs, Handle, Handle) {
            self.0.entry(member).or_insert((0, Handle::NONE, Handle::NONE))
        }
    }

    impl Members for Table {
        fn deadline(&self, member: Handle) -> UnixMs {
            self.0[&member].0
        }
        fn links(&self, member: Handle) -> (Handle, Handle) {
            (self.0[&member].1, self.0[&member].2)
        }
        fn set_next(&mut self, member: Handle, next: Handle) {
            self.at(member).1 = next;
        }
        fn set_previous(&mut self, member: Handle, previous: Handle) {
            self.at(member).2 = previous;
        }
    }

    /// Takes out all that is due, `steps` steps at most; their numbers.
    fn due(wheel: &mut Wheel, table: &mut Table, wall_ms: UnixMs, steps: usize) -> Vec<u32> {
        let mut due = Vec::new();
        for _ in 0..steps {
            match wheel.step(wall_ms, table) {
                Step::Due(member) => {
                    wheel.remove(member, table);
                    due.push(member.bits());
                }
                Step::Sorted => {}
                Step::Idle => break,
            }
        }
        due
    }

    #[test]
    fn agrees_with_a_sorted_map() {
        arbtest::arbtest(|u| {
            let (mut wheel, mut table) = (Wheel::new(), Table::default());
            let mut twin: BTreeMap<u32, UnixMs> = BTreeMap::new();
            let mut wall_ms: UnixMs = u.arbitrary()?;
            while !u.is_empty() {
                let number: u32 = u.int_in_range(0..=30)?;
                let member = Handle::from_bits(number);
                // Near and far, past and future; now and then the clock jumps, both ways.
                let offset = u.arbitrary::<i64>()? >> u.int_in_range(0..=63)?;
                match u.int_in_range(0..=4)? {
                    0 if twin.remove(&number).is_some() => wheel.remove(member, &mut table),
                    0..=2 => {
                        if twin.insert(number, wall_ms.saturating_add(offset)).is_some() {
                            wheel.remove(member, &mut table);
                        }
                        table.at(member).0 = wall_ms.saturating_add(offset);
                        wheel.add(member, &mut table);
                    }
                    _ => {
                        wall_ms = wall_ms.saturating_add(offset);
                        let steps = if u.arbitrary()? { 10_000 } else { 3 };
                        for number in due(&mut wheel, &mut table, wall_ms, steps) {
                            assert!(twin.remove(&number).is_some_and(|at| at <= wall_ms));
                        }
                        assert!(steps == 3 || twin.values().all(|&at| at > wall_ms));
                    }
                }
                assert_eq!(wheel.len(), twin.len());
                assert_eq!(wheel.next().is_some(), !twin.is_empty());
                assert!(wheel.next() <= twin.values().min().copied());
                if u.arbitrary()? {
                    wheel.look_again();
                    assert!(
                        wheel.next().is_some_and(|at| wheel.may_hold_due(at)) != twin.is_empty()
                    );
                }
                assert!(twin.values().all(|&at| wheel.may_hold_due(at)));
            }
            Ok(())
        });
    }

    #[test]
    fn an_idle_loop_wakes_when_a_key_is_due_and_hardly_ever_else() {
        let (mut wheel, mut table) = (Wheel::new(), Table::default());
        let mut wall_ms = 1_700_000_000_000;
        due(&mut wheel, &mut table, wall_ms, 10);
        for number in 0..100 {
            table.at(Handle::from_bits(number)).0 = wall_ms + 977 * UnixMs::from(number) + 5;
            wheel.add(Handle::from_bits(number), &mut table);
        }
        // Removing the earliest entry of a slot is what makes a wake-up needless.
        for number in 40..60 {
            wheel.remove(Handle::from_bits(number), &mut table);
        }
        let (mut wakes, mut expired) = (0, 0);
        while let Some(next) = wheel.next() {
            wall_ms = wall_ms.max(next);
            expired += due(&mut wheel, &mut table, wall_ms, 1000).len();
            wakes += 1;
        }
        assert_eq!(expired, 80);
        assert!(wakes <= 90, "{wakes} wakes for 80 keys");
    }

    #[test]
    fn a_million_in_one_second_cost_a_few_steps_each() {
        let (mut wheel, mut table) = (Wheel::new(), Table::default());
        let count = 20_000;
        for number in 0..count {
            table.at(Handle::from_bits(number)).0 = 1_700_000_000_000 + UnixMs::from(number) / 20;
            wheel.add(Handle::from_bits(number), &mut table);
        }
        let (mut steps, mut expired) = (0, 0);
        while expired < count {
            steps += 1;
            if let Step::Due(member) = wheel.step(1_700_000_001_000, &mut table) {
                wheel.remove(member, &mut table);
                expired += 1;
            }
        }
        assert!(steps < 6 * count, "{steps} steps for {count} keys");
    }
}
