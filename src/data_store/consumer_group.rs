//! Consumer groups: each entry of a stream is handed to one consumer, and remembered as pending
//! until somebody says that it is done.
//!
//! ```text
//!   group ─┬─ last id ........ entries above it were handed to nobody
//!          ├─ pending ........ id -> who has it, since when, how many times it was handed out
//!          └─ consumers ─┬─ A: ids of the pending entries that it has
//!                        └─ B: ...
//! ```
//!
//! An id so lies in two ordered sets, that of the group and that of its consumer ([`Group::assign`]
//! and [`Group::release`] keep them alike), in about ten bytes altogether (see `pending.rs`).
//! Pending entries that were given back (XNACK) belong to nobody and stand in the first set only.
//! They are older than anything that somebody has, and take turns among each other:
//!
//! ```text
//!   -2^47  -2^47 + 1  -2^47 + 2 ...      0                     now
//!     |        |          |              |    since 1970        |
//!     given back: one more each time     handed out: the time of day, milliseconds
//! ```
//!
//! So one order, that of these numbers, has all that is pending in the order in which it is due.
//!
//! What a group knows of entries is their ids. An entry can be deleted while it is pending.

use super::pending::{Note, Pending};
use super::stream_acknowledged::LetGo;
use super::stream_field::{Stored, put_varint};
use super::{StreamId, UnixMs};
use std::collections::BTreeMap;
use std::rc::Rc;

/// A consumer's place in its group: pending entries name their owners by it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Owner(u32);

/// The turn of the first entry that is given back. Turns go on from here for four years if there
/// are a million a second, and still take no more bytes than a time does, plus one.
const FIRST_TURN: UnixMs = -(1 << 47);

/// What is known of a pending entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Delivery {
    /// Who has it; nobody, if it was given back.
    pub owner: Option<Owner>,
    /// When it was last handed out; its turn, which is below any time, if it was given back.
    pub time_ms: UnixMs,
    /// How many times it was handed out.
    pub count: i64,
}

impl Delivery {
    /// How long its owner has had it, milliseconds; longer than anybody asks for if it has none.
    pub fn idle_ms(&self, now_ms: UnixMs) -> i64 {
        let had_ms = |_| now_ms.saturating_sub(self.time_ms).max(0);
        self.owner.map_or(i64::MAX, had_ms)
    }

    /// When it was last handed out; 0 if it was given back.
    pub fn since_ms(&self) -> UnixMs {
        self.time_ms.max(0)
    }
}

/// The time is counted from that of the entry before, which mostly was handed out at the same time.
impl Note for Delivery {
    fn put(self, previous: Delivery, bytes: &mut Vec<u8>) {
        let later_ms = self.time_ms.wrapping_sub(previous.time_ms);
        put_varint(bytes, ((later_ms << 1) ^ (later_ms >> 63)).cast_unsigned());
        put_varint(bytes, self.owner.map_or(0, |owner| u64::from(owner.0) + 1));
        put_varint(bytes, self.count.cast_unsigned());
    }

    fn take(stored: &mut Stored<'_>, previous: Delivery) -> Delivery {
        let folded = stored.varint();
        let later_ms = (folded >> 1).cast_signed() ^ -(folded & 1).cast_signed();
        let time_ms = previous.time_ms.wrapping_add(later_ms);
        let owner = stored.varint().checked_sub(1).map(|number| Owner(number as u32));
        Delivery { owner, time_ms, count: stored.varint().cast_signed() }
    }

    fn rank(self) -> u64 {
        rank_of(self.time_ms)
    }
}

/// Times and turns as they rank: from [`FIRST_TURN`] on.
fn rank_of(time_ms: UnixMs) -> u64 {
    time_ms.saturating_sub(FIRST_TURN).max(0).unsigned_abs()
}

/// A member of a group.
#[derive(Debug)]
pub struct Consumer {
    name: Rc<[u8]>,
    /// When it last asked for anything.
    pub seen_ms: UnixMs,
    /// When it last got anything; `None` if it never has.
    pub active_ms: Option<UnixMs>,
    pending: Pending<()>,
}

impl Consumer {
    /// What it is called.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// How many entries it has.
    pub fn pending_count(&self) -> u64 {
        self.pending.len()
    }
}

/// A consumer group.
#[derive(Debug, Default)]
pub struct Group {
    /// Entries up to this one were handed out.
    pub last_id: StreamId,
    /// How many entries of the stream, from its very first one on, went up to `last_id`; `None` if
    /// nobody knows.
    pub entries_read: Option<u64>,
    pending: Pending<Delivery>,
    pub(super) let_go: LetGo,
    /// How many times an entry was given back.
    turns: UnixMs,
    /// By the number in [`Owner`].
    consumers: Vec<Option<Consumer>>,
    vacant: Vec<u32>,
    by_name: BTreeMap<Rc<[u8]>, u32>,
}

impl Group {
    /// A group without consumers.
    pub fn new(last_id: StreamId, entries_read: Option<u64>) -> Group {
        Group { last_id, entries_read, ..Group::default() }
    }

    /// How many entries are pending.
    pub fn pending_count(&self) -> u64 {
        self.pending.len()
    }

    /// How many of them were given back and belong to nobody. Looks at every consumer.
    pub fn unowned_count(&self) -> u64 {
        let owned: u64 = self.consumers.iter().flatten().map(Consumer::pending_count).sum();
        self.pending.len() - owned
    }

    /// The lowest and the highest id of a pending entry.
    pub fn pending_bounds(&self) -> Option<(StreamId, StreamId)> {
        self.pending.first().zip(self.pending.last())
    }

    /// What is known of a pending entry.
    pub fn delivery(&self, id: StreamId) -> Option<Delivery> {
        self.pending.get(id)
    }

    /// The pending entries from `from` to `to`, both included.
    pub fn deliveries(
        &self,
        from: StreamId,
        to: StreamId,
    ) -> impl Iterator<Item = (StreamId, Delivery)> + use<'_> {
        self.pending.range(from, to)
    }

    /// The pending entries of one consumer from `from` to `to`, both included.
    pub fn deliveries_to(
        &self,
        owner: Owner,
        from: StreamId,
        to: StreamId,
    ) -> impl Iterator<Item = (StreamId, Delivery)> + use<'_> {
        let ids = self.consumer(owner).pending.range(from, to);
        ids.filter_map(|(id, ())| Some((id, self.pending.get(id)?)))
    }

    /// The pending entries handed out at `time_ms` or before, those first that were so first. What
    /// was given back is due at any time.
    pub fn deliveries_until(
        &self,
        time_ms: UnixMs,
    ) -> impl Iterator<Item = (StreamId, Delivery)> + use<'_> {
        self.pending.by_rank(rank_of(time_ms.max(-1)))
    }

    /// When the pending entry was handed out that was so first; below 0 if one was given back.
    pub fn first_delivery_ms(&self) -> Option<UnixMs> {
        self.pending.lowest_rank().map(|rank| FIRST_TURN.saturating_add_unsigned(rank))
    }

    /// Hands an entry to `delivery`'s owner, whoever had it before; tells who that was.
    pub fn assign(&mut self, id: StreamId, delivery: Delivery) -> Option<Delivery> {
        let before = self.pending.insert(id, delivery);
        let owner_before = before.and_then(|before| before.owner);
        if owner_before != delivery.owner {
            if let Some(owner) = owner_before {
                self.consumer_mut(owner).pending.remove(id);
            }
            if let Some(owner) = delivery.owner {
                self.consumer_mut(owner).pending.insert(id, ());
            }
        }
        before
    }

    /// A pending entry belongs to nobody from now on, and comes after what was given back before;
    /// `count` is what it is from now on.
    pub fn give_back(&mut self, id: StreamId, count: i64) {
        let time_ms = FIRST_TURN.saturating_add(self.turns).min(-1);
        self.turns = self.turns.saturating_add(1);
        self.assign(id, Delivery { owner: None, time_ms, count });
    }

    /// An entry is not pending any more; `None` if it was not.
    pub fn release(&mut self, id: StreamId) -> Option<Delivery> {
        let delivery = self.pending.remove(id)?;
        if let Some(owner) = delivery.owner {
            self.consumer_mut(owner).pending.remove(id);
        }
        self.let_go.note(id);
        Some(delivery)
    }

    /// Has an entry been handed out and is done with, as far as this group goes?
    pub fn is_done_with(&self, id: StreamId) -> bool {
        id <= self.last_id && self.pending.get(id).is_none()
    }

    /// How many consumers there are.
    pub fn consumer_count(&self) -> usize {
        self.by_name.len()
    }

    /// The consumers in order of their names.
    pub fn consumers(&self) -> impl Iterator<Item = (Owner, &Consumer)> {
        let owners = self.by_name.values().map(|&number| Owner(number));
        owners.map(|owner| (owner, self.consumer(owner)))
    }

    /// The consumer of this name.
    pub fn find_consumer(&self, name: &[u8]) -> Option<Owner> {
        self.by_name.get(name).copied().map(Owner)
    }

    /// A consumer.
    pub fn consumer(&self, owner: Owner) -> &Consumer {
        let consumer = self.consumers.get(owner.0 as usize).and_then(Option::as_ref);
        consumer.expect("who owns anything is a member")
    }

    /// A consumer, to be changed.
    pub fn consumer_mut(&mut self, owner: Owner) -> &mut Consumer {
        let consumer = self.consumers.get_mut(owner.0 as usize).and_then(Option::as_mut);
        consumer.expect("who owns anything is a member")
    }

    /// Adds a consumer; `None` if there is one of this name.
    pub fn add_consumer(&mut self, name: &[u8], now_ms: UnixMs) -> Option<Owner> {
        if self.by_name.contains_key(name) {
            return None;
        }
        let name: Rc<[u8]> = name.into();
        let pending = Pending::default();
        let consumer =
            Consumer { name: Rc::clone(&name), seen_ms: now_ms, active_ms: None, pending };
        let number = self.vacant.pop().unwrap_or_else(|| {
            self.consumers.push(None);
            u32::try_from(self.consumers.len() - 1).expect("memory ends before four billion names")
        });
        self.consumers[number as usize] = Some(consumer);
        self.by_name.insert(name, number);
        Some(Owner(number))
    }

    /// The consumer of this name, which has just been heard of; it is added if need be.
    pub fn hear_from(&mut self, name: &[u8], now_ms: UnixMs) -> Owner {
        let owner = self.find_consumer(name).or_else(|| self.add_consumer(name, now_ms));
        let owner = owner.expect("it was there or was added");
        self.consumer_mut(owner).seen_ms = now_ms;
        owner
    }

    /// Removes a consumer and what is pending with it; returns how many entries that was.
    pub fn remove_consumer(&mut self, name: &[u8]) -> Option<u64> {
        let owner = Owner(self.by_name.remove(name)?);
        let consumer = self.consumers[owner.0 as usize].take().expect("a name has a consumer");
        self.vacant.push(owner.0);
        let count = consumer.pending.len();
        if count > 0 {
            self.let_go.lose_track();
        }
        // One pass over all is cheaper than many look-ups.
        if count > self.pending.len() / 16 {
            self.pending.retain(|delivery| delivery.owner != Some(owner));
        } else {
            for (id, ()) in consumer.pending.range(StreamId::MIN, StreamId::MAX) {
                self.pending.remove(id);
            }
        }
        Some(count)
    }

    /// The pieces that a group is freed in.
    pub(super) fn pieces(&self) -> usize {
        let consumers = self.consumers.iter().flatten();
        self.pending.runs() + consumers.map(|consumer| consumer.pending.runs()).sum::<usize>()
    }

    /// Frees up to `budget` pieces of a group that nobody can see any more; returns how many:
    /// fewer mean that nothing is left.
    pub(super) fn drop_some(&mut self, budget: usize) -> usize {
        let mut freed = self.pending.drop_some(budget);
        while freed < budget
            && let Some(consumer) = self.consumers.last_mut()
        {
            freed += consumer.as_mut().map_or(0, |last| last.pending.drop_some(budget - freed));
            if freed < budget {
                self.consumers.pop();
                self.by_name.pop_first();
                freed += 1;
            }
        }
        freed.min(budget)
    }

    /// Heap, bytes, as far as pending entries go.
    #[cfg(test)]
    pub(super) fn pending_heap_bytes(&self) -> usize {
        let consumers = self.consumers.iter().flatten();
        let lists: usize = consumers.map(|consumer| consumer.pending.heap_bytes()).sum();
        self.pending.heap_bytes() + lists
    }
}

#[cfg(test)]
mod tests;
