//! One database: keys, their values, and when they expire.
//!
//! Look-ups take the time, because a key whose time has come is gone even if nobody has removed it
//! yet. The first look-up to notice removes it and notes it for [`Keyspace::take_findings`], which
//! hands it out: whoever watches, waits for or mirrors keys is told by the caller, not from here.
//!
//! ```text
//!   absent ── insert ──> present ── set_expiry ──> present with a deadline
//!     ^                     |  ^── clear_expiry ──────┘        |
//!     └────── remove ───────┘                    deadline <= now: expired, noted, absent
//! ```
//!
//! What is large and goes is freed later, in slices: [`Keyspace::free_some`].

use super::arena::Handle;
pub use super::contents::Expiry;
use super::contents::{Contents, Object};
use super::dict::Place;
use super::expiry::Step;
use super::garbage::Garbage;
use super::value::{ValueMut, ValueRef};
use super::{Hasher, Key, UnixMs, Value};
use crate::shared_bytes::SharedBytes;

/// What came to light about a key on the way to something else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Finding {
    /// Its time had come: it was removed.
    Expired(Box<[u8]>),
    /// It was to be read, and is not there.
    Missing(Box<[u8]>),
}

/// One database.
#[derive(Debug)]
pub struct Keyspace {
    pub(super) contents: Contents,
    hasher: Hasher,
    /// What has come to light and is not yet handed out.
    pub(super) findings: Vec<Finding>,
    garbage: Garbage,
}

impl Keyspace {
    /// An empty database, without any heap. Every [`Key`] it is asked for must come from `hasher`.
    pub fn new(hasher: Hasher) -> Keyspace {
        let contents = Contents::new(hasher);
        Keyspace { contents, hasher, findings: Vec::new(), garbage: Garbage::default() }
    }

    /// Keys that are stored, those included whose time has come but which nobody noticed yet.
    pub fn len(&self) -> usize {
        self.contents.len()
    }

    /// Whether no key is stored.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Keys that have a deadline.
    pub fn expiring_len(&self) -> usize {
        self.contents.expiring_len()
    }

    /// Bytes of heap for keys, short values and their bookkeeping; what long lists, streams and
    /// strings of more than 3 KiB hold comes on top.
    pub fn heap_bytes(&self) -> usize {
        self.contents.heap_bytes()
    }

    /// The value of a key, to read, or to change in place if it is a stream.
    #[inline(never)]
    pub fn lookup(&mut self, key: Key, now: UnixMs) -> Option<ValueMut<'_>> {
        self.expire_key(key, now);
        self.contents.value_mut(key)
    }

    /// The value of a key, and no trace of having looked: an expired key is absent but stays.
    pub fn peek(&self, key: Key, now: UnixMs) -> Option<ValueRef<'_>> {
        let (_, handle) = self.contents.find(key)?;
        (!self.is_due(handle, now)).then(|| self.contents.value(handle))
    }

    /// Whether a key is there, and no trace of having looked.
    pub fn contains(&self, key: Key, now: UnixMs) -> bool {
        self.peek(key, now).is_some()
    }

    /// Whether a key is stored whose time has come, and no trace of having looked.
    pub fn is_expired(&self, key: Key, now: UnixMs) -> bool {
        self.contents.find(key).is_some_and(|(_, handle)| self.is_due(handle, now))
    }

    /// Stores a value without a deadline, whatever was there before; `true` if nothing was. (For
    /// strings at hand, [`Keyspace::set_string`] does it without an allocation.)
    pub fn insert(&mut self, key: Key, mut value: Value) -> bool {
        let before = self.len();
        let payload = self.contents.adopt(&mut value);
        let replaced = self.contents.store(key, payload, Expiry::Never);
        self.discard(replaced.object);
        self.len() > before
    }

    /// Takes a key out; `false` if there was none. An expired key is noted as such and was absent.
    pub fn remove(&mut self, key: Key, now: UnixMs) -> bool {
        let Some((place, handle)) = self.find(key, now) else { return false };
        let object = self.contents.remove(place, handle, key.hash);
        self.discard(object);
        true
    }

    /// Takes a key out and hands its value over, with its deadline.
    pub fn take(&mut self, key: Key, now: UnixMs) -> Option<(Value, Option<UnixMs>)> {
        let (place, handle) = self.find(key, now)?;
        let deadline = self.contents.deadline(handle);
        let inline = self.contents.inline_value(handle);
        let value = match self.contents.remove(place, handle, key.hash) {
            None => inline.expect("what is no object lies in the entry"),
            Some(Object::Long(bytes)) => Value::String(bytes.into_vec()),
            Some(Object::List(list)) => Value::List(list),
            Some(Object::Stream(stream)) => Value::Stream(stream),
        };
        Some((value, deadline))
    }

    /// The deadline of a key: `None` if the key is absent, `Some(None)` if it does not expire.
    pub fn expiry(&mut self, key: Key, now: UnixMs) -> Option<Option<UnixMs>> {
        self.find(key, now).map(|(_, handle)| self.contents.deadline(handle))
    }

    /// Gives a key this deadline instead of any it had; `false` if the key is absent. A deadline
    /// in the past makes the key expired, which the next one to look will note.
    pub fn set_expiry(&mut self, key: Key, at: UnixMs) -> bool {
        let Some((place, handle)) = self.contents.find(key) else { return false };
        self.contents.set_deadline(place, handle, Some(at));
        true
    }

    /// Lets a key live on; `false` if it is absent or had no deadline.
    pub fn clear_expiry(&mut self, key: Key) -> bool {
        let Some((place, handle)) = self.contents.find(key) else { return false };
        let had_deadline = self.contents.deadline(handle).is_some();
        if had_deadline {
            self.contents.set_deadline(place, handle, None);
        }
        had_deadline
    }

    /// 24 bits that belong to the key and mean nothing here: room for the clock by which keys to
    /// evict are chosen. 0 for a new key; they stay when a value is replaced.
    pub fn clock(&self, key: Key) -> Option<u32> {
        self.contents.find(key).map(|(_, handle)| self.contents.clock(handle))
    }

    /// Changes these 24 bits, if the key is there.
    pub fn set_clock(&mut self, key: Key, clock: u32) {
        if let Some((_, handle)) = self.contents.find(key) {
            self.contents.set_clock(handle, clock & 0x00ff_ffff);
        }
    }

    /// Shows a few keys (with value and deadline) and returns the cursor to go on with, 0 at the
    /// end. Start with 0; any cursor is valid. A key that is there from the first call to the last
    /// is shown at least once, however the database grows and shrinks in between. Expired keys are
    /// shown too: the deadline tells.
    pub fn scan(
        &self,
        cursor: u64,
        mut visit: impl FnMut(&[u8], ValueRef<'_>, Option<UnixMs>),
    ) -> u64 {
        self.contents.scan(cursor, |handle| self.show(handle, &mut visit))
    }

    /// Shows every key with its value and deadline, expired ones too, in no particular order.
    pub fn for_each(&self, mut visit: impl FnMut(&[u8], ValueRef<'_>, Option<UnixMs>)) {
        self.contents.iter().for_each(|handle| self.show(handle, &mut visit));
    }

    /// A key picked by a random number, none if all have expired or none is stored. Expired keys
    /// that the pick falls on are removed and noted.
    pub fn random_key(&mut self, random: u64, now: UnixMs) -> Option<&[u8]> {
        loop {
            let handle = self.contents.random(random)?;
            if !self.is_due(handle, now) {
                return Some(self.contents.key(handle));
            }
            self.expire(handle);
        }
    }

    /// Empties the database. What it held is freed by [`Keyspace::free_some`].
    pub fn clear(&mut self) {
        let empty = Contents::new(self.hasher);
        self.garbage.add_contents(std::mem::replace(&mut self.contents, empty));
    }

    /// Whether something large has gone whose memory is not free yet.
    pub fn has_garbage(&self) -> bool {
        !self.garbage.is_empty()
    }

    /// Frees a value that was taken out, or a part cut off one, in slices if it is large.
    pub fn free_later(&mut self, value: Value) {
        self.garbage.add(match value {
            Value::String(bytes) => Object::Long(SharedBytes::new(bytes)),
            Value::List(list) => Object::List(list),
            Value::Stream(stream) => Object::Stream(stream),
        });
    }

    /// Frees up to `budget` pieces (some 4 KiB each) of what has gone, and returns how many: fewer
    /// mean that nothing is left.
    pub fn free_some(&mut self, budget: usize) -> usize {
        self.garbage.free_some(budget)
    }

    /// How many regions of its memory are full and wait to become huge pages.
    #[inline]
    pub fn waiting_regions(&self) -> usize {
        self.contents.waiting_regions()
    }

    /// Up to `budget` of them ask the system for it; gives how many.
    pub fn ask_for_huge_pages(&mut self, budget: usize) -> usize {
        self.contents.ask_for_huge_pages(budget)
    }

    /// Removes and notes keys whose time has come, in up to `budget` steps, and returns how many
    /// steps it took: fewer mean that no such key is left. A key takes one step to go and one for
    /// each level of the index that it comes down, three or four as a rule.
    pub fn expire_due(&mut self, now: UnixMs, budget: usize) -> usize {
        for steps in 0..budget {
            match self.contents.expiry_step(now) {
                Step::Due(handle) => self.expire(handle),
                Step::Sorted => {}
                Step::Idle => return steps,
            }
        }
        budget
    }

    /// The nearest deadline of any key here, or a time before it: to call
    /// [`Keyspace::expire_due`] then is never late, and seldom in vain.
    pub fn next_expiry(&self) -> Option<UnixMs> {
        self.contents.next_expiry()
    }

    /// Some key has a time to live, or has had one and was not yet told of: the usual database has
    /// none, and a tick passes it by.
    #[inline]
    pub fn has_expiries(&self) -> bool {
        self.expiring_len() > 0 || self.has_findings()
    }

    /// Whether a key has come since the last call that had not been there: ask after every change.
    #[inline]
    pub fn take_created(&mut self) -> bool {
        std::mem::take(&mut self.contents.has_created)
    }

    /// Whether [`Keyspace::take_findings`] has anything to hand out.
    #[inline]
    pub fn has_findings(&self) -> bool {
        !self.findings.is_empty()
    }

    /// What came to light since the last call, in order. Costs nothing when there is none, so ask
    /// after every command: what is not taken piles up.
    pub fn take_findings(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.findings)
    }
}

impl Keyspace {
    /// Where a key stands, unless its time has come: then it is removed and noted.
    #[inline]
    pub(super) fn find(&mut self, key: Key, now: UnixMs) -> Option<(Place, Handle)> {
        self.expire_key(key, now);
        self.contents.find(key)
    }

    /// Removes and notes a key, if its time has come. Whoever looks it up then need not ask for its
    /// deadline. Keys that are due do not stay for long: nearly always there is none at all.
    #[inline(always)]
    pub(super) fn expire_key(&mut self, key: Key, now: UnixMs) {
        if self.contents.may_hold_due(now) {
            self.expire_key_if_due(key, now);
        }
    }

    #[cold]
    fn expire_key_if_due(&mut self, key: Key, now: UnixMs) {
        if self.contents.holds_due(now)
            && let Some((place, handle)) = self.contents.find(key)
            && self.contents.is_due(handle, now)
        {
            self.expire_at(place, handle, key.hash);
        }
    }

    fn is_due(&self, handle: Handle, now: UnixMs) -> bool {
        self.contents.may_hold_due(now) && self.contents.is_due(handle, now)
    }

    fn expire(&mut self, handle: Handle) {
        let (place, hash) = self.contents.place_of(handle);
        self.expire_at(place, handle, hash);
    }

    #[cold]
    fn expire_at(&mut self, place: Place, handle: Handle, hash: u64) {
        let key = self.contents.key(handle).into();
        self.findings.push(Finding::Expired(key));
        let object = self.contents.remove(place, handle, hash);
        self.discard(object);
    }

    /// A value was written over one whose time had come: the old key has expired, and this is a
    /// new one.
    #[cold]
    pub(super) fn note_overwritten(&mut self, key: Key) {
        self.findings.push(Finding::Expired(key.bytes.into()));
        self.contents.has_created = true;
    }

    /// What an entry named and nobody wants any more.
    #[inline]
    pub(super) fn discard(&mut self, object: Option<Object>) {
        if let Some(object) = object {
            self.garbage.add(object);
        }
    }

    fn show(&self, handle: Handle, visit: &mut impl FnMut(&[u8], ValueRef<'_>, Option<UnixMs>)) {
        visit(
            self.contents.key(handle),
            self.contents.value(handle),
            self.contents.deadline(handle),
        );
    }
}

#[cfg(test)]
mod tests;
