//! A hierarchical timer wheel with millisecond slots, whose links live in the members.
//!
//! Pure data; is told the time and touches only what the accessor hands out. To arm and to cancel
//! allocates nothing and searches nothing.
//!
//! ```text
//! A deadline is eleven digits of six bits. The highest digit in which it differs from `now` is its
//! level, and the value of that digit is its slot there:
//!
//!   now       ...  000010 . 010111 . 000101
//!   deadline  ...  000010 . 011001 . 110000        level 1, slot 011001
//!
//! level   one slot spans     the level spans
//!  10     1.2 * 10^18 ms     all of 64 bits      [ | | | | | ]
//!   :                                             :
//!   3     4 min 22 s         4 h 40 min          [ |>| | | | ]
//!   2     4096 ms            4 min 22 s          [ | | |>| | ]
//!   1     64 ms              4096 ms             [ |>| | |x| ]      > where `now` stands
//!   0     1 ms               64 ms               [ | | | | |>]      x the deadline above
//!
//! next to the levels:  overdue  armed with a deadline already passed; due at the next advance
//!                      due      wait for pop_due
//! ```
//!
//! What the whole rests on: a slot holds a timer only above its level's digit of `now`, so **every
//! timer of a level is earlier than every timer of the levels above it**. The earliest timer is in
//! the lowest occupied level, in its lowest occupied slot; a bitmap per level finds that in a few
//! instructions. And a timer's place depends on nothing but its deadline and `now`, so no clamp is
//! needed at the far end.
//!
//! [`TimerWheel::advance`] enters the occupied slots that the new time has reached, earliest first,
//! and hands each timer down to where it belongs when `now` is that slot's start: a lower level, or
//! `due`. So a far jump costs a step per occupied slot, not per millisecond; a timer is handed down
//! at most ten times (as a rule twice, for a timeout of a minute); and timers come due in the order
//! of their deadlines, equal ones in the order in which they were armed.
//!
//! # When to wake
//!
//! [`TimerWheel::next_deadline_ms`] wants the earliest deadline of a slot without looking at the
//! members. Slots are kept sorted for that: a new timer goes in from the back, past
//! [`TIMER_SORT_STEPS_MAX`] later ones at most; equal timeouts come in order by themselves. Where
//! that does not suffice the slot counts as unsorted until it is empty again. It still knows its
//! earliest deadline exactly, until that very timer is cancelled; from then on it knows a lower
//! bound. Waking at the bound enters the slot, which sorts matters out. So the answer
//!
//! - is exact on level 0, in every sorted slot, and wherever nothing was cancelled;
//! - may otherwise be early, which costs one needless wake for that slot and no more;
//! - is never late.

use crate::limits::TIMER_SORT_STEPS_MAX;
use std::mem;

const DIGIT_BITS: usize = 6;
const SLOTS_PER_LEVEL: usize = 1 << DIGIT_BITS;
const LEVELS: usize = 11;
/// The level of bitmaps that stands for the two slots of no level.
const PENDING: usize = LEVELS;
const SLOT_OVERDUE: usize = LEVELS * SLOTS_PER_LEVEL;
const SLOT_DUE: usize = SLOT_OVERDUE + 1;
const SLOTS: usize = SLOT_DUE + 1;

/// The slot of a link that is in none.
const UNARMED: u16 = u16::MAX;
/// No member: before the first and after the last of a slot.
const NONE: u32 = u32::MAX;

static_assertions::const_assert!(LEVELS * DIGIT_BITS >= u64::BITS as usize);
static_assertions::const_assert!(SLOTS < UNARMED as usize);
static_assertions::const_assert_eq!(size_of::<Link>(), 24);

/// What a member of the wheel holds. The default is unarmed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Link {
    deadline_ms: u64,
    next: u32,
    prev: u32,
    slot: u16,
}

impl Default for Link {
    fn default() -> Self {
        Self { deadline_ms: 0, next: NONE, prev: NONE, slot: UNARMED }
    }
}

impl Link {
    /// Whether the timer is armed. It is until it is cancelled or popped.
    #[must_use]
    pub const fn is_armed(&self) -> bool {
        self.slot != UNARMED
    }

    /// When the timer fires, in the wheel's milliseconds, if it is armed.
    #[must_use]
    pub const fn deadline_ms(&self) -> Option<u64> {
        if self.is_armed() { Some(self.deadline_ms) } else { None }
    }
}

/// Finds the timer link of a member by its index. Must give the same link every time.
pub trait Timers {
    /// The timer link of the member at `index`.
    fn link(&mut self, index: u32) -> &mut Link;
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    /// Exact, or a lower bound in an unsorted slot. `u64::MAX` while the slot is empty. Without
    /// meaning for what is due or overdue, where the order is that of firing.
    earliest_ms: u64,
    head: u32,
    tail: u32,
}

impl Slot {
    const EMPTY: Self = Self { earliest_ms: u64::MAX, head: NONE, tail: NONE };
}

/// A slot that has timers, for people to look at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SlotFigures {
    /// Its level and its number there; `None`: its timers are due, or were armed too late.
    pub place: Option<(usize, usize)>,
    /// Milliseconds that it spans.
    pub span_ms: u64,
    /// Timers in it.
    pub timers: usize,
    /// The earliest deadline in it.
    pub earliest_ms: u64,
}

/// Deadlines in milliseconds of a clock that does not run backwards. See the module's page.
#[derive(Debug)]
pub struct TimerWheel {
    now_ms: u64,
    len: usize,
    /// Bit `l`: word `l` of those that follow is not zero.
    levels: u32,
    /// Bit `s` of word `l`: slot `s` of level `l` has members.
    occupied: [u64; LEVELS + 1],
    /// Bit `s` of word `l`: the members of that slot may be out of order.
    unsorted: [u64; LEVELS + 1],
    /// Level by level, then overdue and due. About 11 KiB.
    slots: Box<[Slot]>,
}

impl TimerWheel {
    /// An empty wheel that stands at `now_ms`.
    #[must_use]
    pub fn new(now_ms: u64) -> Self {
        Self {
            now_ms,
            len: 0,
            levels: 0,
            occupied: [0; LEVELS + 1],
            unsorted: [0; LEVELS + 1],
            slots: vec![Slot::EMPTY; SLOTS].into_boxed_slice(),
        }
    }

    /// How many timers are armed, those due but not yet popped included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no timer is armed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The time that the wheel was advanced to last.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Sets the timer at `index` to fire at `deadline_ms`, moving it if it is armed. A deadline not
    /// after the wheel's time fires at the next advance, not in the drain at hand: so a caller that
    /// arms while it pops comes to an end.
    pub fn arm(&mut self, timers: &mut impl Timers, index: u32, deadline_ms: u64) {
        assert!(index != NONE, "index {index} is reserved");
        self.cancel(timers, index);
        let slot = self.slot_of(deadline_ms).unwrap_or(SLOT_OVERDUE);
        self.insert(timers, slot, index, deadline_ms);
        self.len += 1;
    }

    /// Makes sure that the timer at `index` will not fire. Returns whether it was armed.
    pub fn cancel(&mut self, timers: &mut impl Timers, index: u32) -> bool {
        let armed = timers.link(index).is_armed();
        if armed {
            self.unlink(timers, index);
            self.len -= 1;
        }
        armed
    }

    /// When to advance next, or `None` while nothing is armed: the wheel's own time when something
    /// is due or overdue, else the earliest deadline. The module's page says when it may be early.
    #[must_use]
    pub fn next_deadline_ms(&self) -> Option<u64> {
        if self.occupied[PENDING] != 0 {
            return Some(self.now_ms);
        }
        self.slot_lowest().map(|slot| self.slots[slot].earliest_ms)
    }

    /// Moves the wheel to `now_ms`; all timers up to that time come due. A time before the wheel's
    /// own counts as the wheel's own.
    pub fn advance(&mut self, timers: &mut impl Timers, now_ms: u64) {
        let now_ms = now_ms.max(self.now_ms);
        if self.occupied[PENDING] != 0 {
            self.hand_down(timers, SLOT_OVERDUE);
        }
        while let Some(slot) = self.slot_lowest()
            && self.start_ms(slot) <= now_ms
        {
            self.now_ms = self.start_ms(slot);
            self.hand_down(timers, slot);
        }
        // No occupied slot begins between the last step and now_ms, so all are in place already.
        self.now_ms = now_ms;
    }

    /// Takes the earliest timer that is due, disarmed, and tells its deadline. One by one, so that
    /// the caller may arm and cancel any timer in between.
    pub fn pop_due(&mut self, timers: &mut impl Timers) -> Option<(u32, u64)> {
        let index = self.slots[SLOT_DUE].head;
        if index == NONE {
            return None;
        }
        let link = self.unlink(timers, index);
        assert!(link.deadline_ms <= self.now_ms, "a timer never fires early");
        self.len -= 1;
        Some((index, link.deadline_ms))
    }

    /// The slots that have timers, and what is in them: takes time with the number of timers.
    pub fn figures(&self, timers: &mut impl Timers) -> Vec<SlotFigures> {
        let is_filled = |slot: &usize| self.slots[*slot].head != NONE;
        (0..SLOTS).filter(is_filled).map(|slot| self.slot_figures(timers, slot)).collect()
    }

    fn slot_figures(&self, timers: &mut impl Timers, slot: usize) -> SlotFigures {
        let (level, digit) = (slot / SLOTS_PER_LEVEL, slot % SLOTS_PER_LEVEL);
        let (mut count, mut earliest_ms, mut index) = (0, u64::MAX, self.slots[slot].head);
        while index != NONE {
            let link = timers.link(index);
            (count, earliest_ms, index) = (count + 1, earliest_ms.min(link.deadline_ms), link.next);
        }
        let place = (slot < SLOT_OVERDUE).then_some((level, digit));
        let span_ms = place.map_or(0, |(level, _)| 1 << (level * DIGIT_BITS));
        SlotFigures { place, span_ms, timers: count, earliest_ms }
    }

    /// Where a deadline belongs now, unless it has passed.
    fn slot_of(&self, deadline_ms: u64) -> Option<usize> {
        if deadline_ms <= self.now_ms {
            return None;
        }
        let level = (deadline_ms ^ self.now_ms).ilog2() as usize / DIGIT_BITS;
        let digit = (deadline_ms >> (level * DIGIT_BITS)) as usize % SLOTS_PER_LEVEL;
        Some(level * SLOTS_PER_LEVEL + digit)
    }

    /// The first millisecond of an occupied slot: `now` down to the slot's level, the slot's digit,
    /// and zeros.
    fn start_ms(&self, slot: usize) -> u64 {
        let (level, digit) = (slot / SLOTS_PER_LEVEL, slot % SLOTS_PER_LEVEL);
        let shift = level * DIGIT_BITS;
        let above = u64::MAX.checked_shl((shift + DIGIT_BITS) as u32).unwrap_or(0);
        self.now_ms & above | (digit as u64) << shift
    }

    /// The slot of the earliest timer that is neither due nor overdue.
    fn slot_lowest(&self) -> Option<usize> {
        let level = self.levels.trailing_zeros() as usize;
        let word = self.occupied[..LEVELS].get(level)?;
        Some(level * SLOTS_PER_LEVEL + word.trailing_zeros() as usize)
    }

    /// Empties a slot whose time has come, moving each member to where it belongs by now.
    fn hand_down(&mut self, timers: &mut impl Timers, slot: usize) {
        let mut index = mem::replace(&mut self.slots[slot], Slot::EMPTY).head;
        self.mark(slot, false);
        while index != NONE {
            let Link { deadline_ms, next, .. } = *timers.link(index);
            let lower = self.slot_of(deadline_ms).unwrap_or(SLOT_DUE);
            debug_assert!(lower < slot || lower == SLOT_DUE);
            self.insert(timers, lower, index, deadline_ms);
            index = next;
        }
    }

    fn insert(&mut self, timers: &mut impl Timers, slot: usize, index: u32, deadline_ms: u64) {
        let prev = self.predecessor(timers, slot, deadline_ms);
        let next = mem::replace(self.next_of(timers, slot, prev), index);
        *self.prev_of(timers, slot, next) = index;
        *timers.link(index) = Link { deadline_ms, next, prev, slot: slot as u16 };
        let earliest_ms = &mut self.slots[slot].earliest_ms;
        *earliest_ms = deadline_ms.min(*earliest_ms);
        self.mark(slot, true);
    }

    /// The member that a new one goes behind (`NONE`: to the front), so that the slot stays sorted
    /// if few steps suffice. Equal deadlines keep the order in which they came in any case.
    fn predecessor(&mut self, timers: &mut impl Timers, slot: usize, deadline_ms: u64) -> u32 {
        let Slot { earliest_ms, mut tail, .. } = self.slots[slot];
        if slot >= SLOT_OVERDUE {
            return tail;
        }
        if deadline_ms < earliest_ms {
            return NONE;
        }
        for _ in 0..TIMER_SORT_STEPS_MAX {
            if tail == NONE {
                return NONE;
            }
            let link = timers.link(tail);
            if link.deadline_ms <= deadline_ms {
                return tail;
            }
            tail = link.prev;
        }
        self.unsorted[slot / SLOTS_PER_LEVEL] |= 1 << (slot % SLOTS_PER_LEVEL);
        tail
    }

    /// Takes a member out of its slot and returns the link it had.
    fn unlink(&mut self, timers: &mut impl Timers, index: u32) -> Link {
        let link = mem::take(timers.link(index));
        let slot = usize::from(link.slot);
        let before = mem::replace(self.next_of(timers, slot, link.prev), link.next);
        let after = mem::replace(self.prev_of(timers, slot, link.next), link.prev);
        assert!(before == index && after == index, "timer {index} is of another wheel");
        if self.slots[slot].head == NONE {
            self.slots[slot] = Slot::EMPTY;
            self.mark(slot, false);
        } else if link.prev == NONE && !self.is_unsorted(slot) {
            self.slots[slot].earliest_ms = timers.link(link.next).deadline_ms;
        }
        link
    }

    fn is_unsorted(&self, slot: usize) -> bool {
        self.unsorted[slot / SLOTS_PER_LEVEL] >> (slot % SLOTS_PER_LEVEL) & 1 != 0
    }

    /// Notes whether `slot` has members. An empty slot counts as sorted.
    #[inline]
    fn mark(&mut self, slot: usize, occupied: bool) {
        let (level, bit) = (slot / SLOTS_PER_LEVEL, 1 << (slot % SLOTS_PER_LEVEL));
        if occupied {
            self.occupied[level] |= bit;
        } else {
            self.occupied[level] &= !bit;
            self.unsorted[level] &= !bit;
        }
        let is_occupied = u32::from(self.occupied[level] != 0);
        self.levels = self.levels & !(1 << level) | is_occupied << level;
    }

    /// Where the successor of `index` is written down: the slot's head is that of no member.
    fn next_of<'a>(
        &'a mut self,
        timers: &'a mut impl Timers,
        slot: usize,
        index: u32,
    ) -> &'a mut u32 {
        if index == NONE { &mut self.slots[slot].head } else { &mut timers.link(index).next }
    }

    /// Where the predecessor of `index` is written down: the slot's tail is that of no member.
    fn prev_of<'a>(
        &'a mut self,
        timers: &'a mut impl Timers,
        slot: usize,
        index: u32,
    ) -> &'a mut u32 {
        if index == NONE { &mut self.slots[slot].tail } else { &mut timers.link(index).prev }
    }
}

#[cfg(test)]
mod tests;
