//! One database: keys, their values, and when they expire.
//!
//! Look-ups take the time, because a key whose time has come is gone even if nobody has removed it
//! yet. The first look-up to notice removes it and notes it for [`Keyspace::take_expired`], which
//! hands it out: whoever watches, waits for or mirrors keys is told by the caller, not from here.
//!
//! ```text
//!   absent ── insert ──> present ── set_expiry ──> present with a deadline
//!     ^                     |  ^── clear_expiry ──────┘        |
//!     └────── remove ───────┘                    deadline <= now: expired, noted, absent
//! ```

use super::dict::Dict;
use super::expiry::Index;
use super::{Key, UnixMs, Value};

/// One database.
#[derive(Debug)]
pub struct Keyspace {
    entries: Dict<Slot>,
    deadlines: Index,
    /// Names of keys removed because their time had come, not yet handed out.
    expired: Vec<Box<[u8]>>,
}

#[derive(Debug)]
struct Slot {
    value: Value,
    deadline: Option<UnixMs>,
}

impl Slot {
    fn is_due(&self, now: UnixMs) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }
}

impl Keyspace {
    /// An empty database, without any heap.
    pub fn new() -> Keyspace {
        Keyspace { entries: Dict::new(), deadlines: Index::new(), expired: Vec::new() }
    }

    /// Keys that are stored, those included whose time has come but which nobody noticed yet.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no key is stored.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Keys that have a deadline.
    pub fn expiring_len(&self) -> usize {
        self.deadlines.len()
    }

    /// The value of a key, to read or change in place.
    pub fn lookup(&mut self, key: Key, now: UnixMs) -> Option<&mut Value> {
        self.drop_if_due(key, now);
        self.entries.get_mut(key).map(|slot| &mut slot.value)
    }

    /// The value of a key, and no trace of having looked: an expired key is absent but stays.
    pub fn peek(&self, key: Key, now: UnixMs) -> Option<&Value> {
        self.entries.get(key).filter(|slot| !slot.is_due(now)).map(|slot| &slot.value)
    }

    /// Whether a key is there, and no trace of having looked.
    pub fn contains(&self, key: Key, now: UnixMs) -> bool {
        self.peek(key, now).is_some()
    }

    /// Whether a key is stored whose time has come, and no trace of having looked.
    pub fn is_expired(&self, key: Key, now: UnixMs) -> bool {
        self.entries.get(key).is_some_and(|slot| slot.is_due(now))
    }

    /// Stores a value without a deadline, whatever was there before, and returns what was there.
    /// (To keep the deadline, replace the value behind [`Keyspace::lookup`].)
    pub fn insert(&mut self, key: Key, value: Value) -> Option<Value> {
        let Some(slot) = self.entries.get_mut(key) else {
            self.entries.insert_new(key, Slot { value, deadline: None });
            return None;
        };
        if let Some(deadline) = slot.deadline.take() {
            self.deadlines.remove(deadline, key.hash);
        }
        Some(std::mem::replace(&mut slot.value, value))
    }

    /// Takes a key out and returns its value. An expired key is noted as such and was absent.
    pub fn remove(&mut self, key: Key, now: UnixMs) -> Option<Value> {
        self.drop_if_due(key, now);
        let (_, slot) = self.entries.remove(key)?;
        if let Some(deadline) = slot.deadline {
            self.deadlines.remove(deadline, key.hash);
        }
        Some(slot.value)
    }

    /// The value of a key, made on the spot if it is absent; `true` if it was.
    pub fn get_or_insert_with(
        &mut self,
        key: Key,
        now: UnixMs,
        make: impl FnOnce() -> Value,
    ) -> (&mut Value, bool) {
        self.drop_if_due(key, now);
        let created = self.entries.get(key).is_none();
        if created {
            self.entries.insert_new(key, Slot { value: make(), deadline: None });
        }
        let slot = self.entries.get_mut(key).expect("the key is there or was just inserted");
        (&mut slot.value, created)
    }

    /// The deadline of a key: `None` if the key is absent, `Some(None)` if it does not expire.
    pub fn expiry(&mut self, key: Key, now: UnixMs) -> Option<Option<UnixMs>> {
        self.drop_if_due(key, now);
        self.entries.get(key).map(|slot| slot.deadline)
    }

    /// Gives a key this deadline instead of any it had; `false` if the key is absent. A deadline
    /// in the past makes the key expired, which the next one to look will note.
    pub fn set_expiry(&mut self, key: Key, at: UnixMs) -> bool {
        let Some(slot) = self.entries.get_mut(key) else { return false };
        if let Some(deadline) = slot.deadline.replace(at) {
            self.deadlines.remove(deadline, key.hash);
        }
        self.deadlines.add(at, key.hash);
        true
    }

    /// Lets a key live on; `false` if it is absent or had no deadline.
    pub fn clear_expiry(&mut self, key: Key) -> bool {
        let Some(slot) = self.entries.get_mut(key) else { return false };
        let Some(deadline) = slot.deadline.take() else { return false };
        self.deadlines.remove(deadline, key.hash);
        true
    }

    /// Shows a few keys (with value and deadline) and returns the cursor to go on with, 0 at the
    /// end. Start with 0; any cursor is valid. A key that is there from the first call to the last
    /// is shown at least once, however the database grows and shrinks in between. Expired keys are
    /// shown too: the deadline tells.
    pub fn scan(&self, cursor: u64, mut visit: impl FnMut(&[u8], &Value, Option<UnixMs>)) -> u64 {
        self.entries.scan(cursor, |key, slot| visit(key, &slot.value, slot.deadline))
    }

    /// Shows every key with its value and deadline, expired ones too, in no particular order.
    pub fn for_each(&self, mut visit: impl FnMut(&[u8], &Value, Option<UnixMs>)) {
        for (key, slot) in self.entries.iter() {
            visit(key, &slot.value, slot.deadline);
        }
    }

    /// A key picked by a random number, none if all have expired or none is stored. Expired keys
    /// that the pick falls on are removed and noted.
    pub fn random_key(&mut self, random: u64, now: UnixMs) -> Option<&[u8]> {
        loop {
            let (key, slot) = self.entries.random(random)?;
            if !slot.is_due(now) {
                break;
            }
            let (name, hash): (Box<[u8]>, u64) = (key.bytes.into(), key.hash);
            self.drop_if_due(Key { bytes: &name, hash }, now);
        }
        self.entries.random(random).map(|(key, _)| key.bytes)
    }

    /// Empties the database and hands out what it held, to be dropped at once or in slices.
    pub fn clear(&mut self) -> Freed {
        self.deadlines = Index::new();
        Freed { entries: std::mem::replace(&mut self.entries, Dict::new()) }
    }

    /// Removes and notes up to `budget` keys whose time has come, nearest deadline first, and
    /// returns how many: fewer than `budget` means that none is left.
    pub fn expire_due(&mut self, now: UnixMs, budget: usize) -> usize {
        let mut removed = 0;
        while removed < budget {
            match self.deadlines.first() {
                Some((deadline, hash)) if deadline <= now => {
                    self.drop_where(hash, |_, slot| slot.deadline == Some(deadline));
                    removed += 1;
                }
                _ => break,
            }
        }
        removed
    }

    /// The nearest deadline of any key here.
    pub fn next_expiry(&self) -> Option<UnixMs> {
        self.deadlines.first().map(|(deadline, _)| deadline)
    }

    /// Names of the keys removed since the last call because their time had come, in the order of
    /// removal. Costs nothing when there are none, so ask after every command: what is not taken
    /// piles up.
    pub fn take_expired(&mut self) -> Vec<Box<[u8]>> {
        std::mem::take(&mut self.expired)
    }
}

impl Keyspace {
    /// Removes and notes this key if its time has come.
    fn drop_if_due(&mut self, key: Key, now: UnixMs) {
        if self.deadlines.first().is_none_or(|(deadline, _)| deadline > now) {
            return;
        }
        if self.entries.get(key).is_some_and(|slot| slot.is_due(now)) {
            self.drop_where(key.hash, |name, _| *name == *key.bytes);
        }
    }

    /// Removes and notes the expired key that the predicate picks among those with this hash.
    fn drop_where(&mut self, hash: u64, picks: impl Fn(&[u8], &Slot) -> bool) {
        let (key, slot) = self.entries.remove_where(hash, picks).expect("the key was just seen");
        let deadline = slot.deadline.expect("only a key with a deadline can expire");
        self.deadlines.remove(deadline, hash);
        self.expired.push(key);
    }
}

impl Default for Keyspace {
    fn default() -> Keyspace {
        Keyspace::new()
    }
}

/// What a database held before it was emptied. Dropping it frees everything at once;
/// [`Freed::drop_some`] does it in slices.
#[derive(Debug)]
pub struct Freed {
    entries: Dict<Slot>,
}

impl Freed {
    /// Keys still to be freed.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether everything is freed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Frees up to `budget` keys with their values; `true` when nothing is left.
    pub fn drop_some(&mut self, budget: usize) -> bool {
        for _ in 0..budget {
            if self.entries.pop().is_none() {
                break;
            }
        }
        self.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_store::{Hasher, StringValue};
    use std::collections::HashMap;

    const NAMES: [&[u8]; 6] = [b"a", b"b", b"c", b"d", b"e", b"f"];

    /// All hashes collide for the first names, so that everything found by hash is put to the test.
    fn key(index: usize) -> Key<'static> {
        let hash = if index < 3 { 42 } else { Hasher::new([1; 16]).hash(NAMES[index]) };
        Key { bytes: NAMES[index], hash }
    }

    fn number(value: i64) -> Value {
        Value::String(StringValue::from_i64(value))
    }

    fn read(value: &Value) -> i64 {
        value.as_string().and_then(StringValue::as_i64).expect("tests store numbers")
    }

    /// The naive twin: names to value and deadline, and the expired that nobody took.
    #[derive(Default)]
    struct Twin {
        keys: HashMap<usize, (i64, Option<UnixMs>)>,
        expired: Vec<usize>,
    }

    impl Twin {
        fn expire(&mut self, index: usize, now: UnixMs) {
            if self.keys.get(&index).is_some_and(|(_, at)| at.is_some_and(|at| at <= now)) {
                self.keys.remove(&index);
                self.expired.push(index);
            }
        }
    }

    fn step(
        keyspace: &mut Keyspace,
        twin: &mut Twin,
        u: &mut arbtest::arbitrary::Unstructured,
    ) -> arbtest::arbitrary::Result<()> {
        let index = u.int_in_range(0..=NAMES.len() - 1)?;
        // The clock jumps both ways.
        let (now, value) = (u.int_in_range(0..=9)?, u.arbitrary()?);
        let action = u.int_in_range(0..=7)?;
        if !matches!(action, 0 | 1 | 6 | 7) {
            twin.expire(index, now);
        }
        match action {
            0 => {
                let old = keyspace.insert(key(index), number(value)).as_ref().map(read);
                assert_eq!(old, twin.keys.insert(index, (value, None)).map(|(old, _)| old));
            }
            1 => {
                let known = keyspace.set_expiry(key(index), now);
                let slot = twin.keys.get_mut(&index);
                assert_eq!(known, slot.map(|slot| slot.1 = Some(now)).is_some());
            }
            2 => {
                let found = keyspace.lookup(key(index), now).map(|value| read(value));
                assert_eq!(found, twin.keys.get(&index).map(|slot| slot.0));
            }
            3 => {
                let removed = keyspace.remove(key(index), now).as_ref().map(read);
                assert_eq!(removed, twin.keys.remove(&index).map(|slot| slot.0));
            }
            4 => {
                let created = !twin.keys.contains_key(&index);
                let expected = twin.keys.entry(index).or_insert((value, None)).0;
                let (found, new) = keyspace.get_or_insert_with(key(index), now, || number(value));
                assert_eq!((read(found), new), (expected, created));
            }
            5 => {
                let expected = twin.keys.get(&index).map(|slot| slot.1);
                assert_eq!(keyspace.expiry(key(index), now), expected);
            }
            6 => {
                let slot = twin.keys.get_mut(&index);
                let had = slot.is_some_and(|slot| slot.1.take().is_some());
                assert_eq!(keyspace.clear_expiry(key(index)), had);
            }
            _ => {
                let slot = twin.keys.get(&index).filter(|(_, at)| at.is_none_or(|at| at > now));
                let expected = slot.map(|slot| slot.0);
                assert_eq!(keyspace.peek(key(index), now).map(read), expected);
                assert_eq!(keyspace.contains(key(index), now), expected.is_some());
                let stored = twin.keys.contains_key(&index);
                assert_eq!(keyspace.is_expired(key(index), now), stored && expected.is_none());
            }
        }
        Ok(())
    }

    fn taken(keyspace: &mut Keyspace) -> Vec<usize> {
        let taken = keyspace.take_expired().into_iter();
        let position = |name: &[u8]| NAMES.iter().position(|other| *other == name);
        taken.map(|name| position(&name).expect("a known name")).collect()
    }

    #[test]
    fn agrees_with_a_hash_map() {
        arbtest::arbtest(|u| {
            let (mut keyspace, mut twin) = (Keyspace::new(), Twin::default());
            while !u.is_empty() {
                step(&mut keyspace, &mut twin, u)?;
                assert_eq!(taken(&mut keyspace), std::mem::take(&mut twin.expired));
                assert_eq!(keyspace.len(), twin.keys.len());
                let deadlines = || twin.keys.values().filter_map(|slot| slot.1);
                assert_eq!(keyspace.next_expiry(), deadlines().min());
                assert_eq!(keyspace.expiring_len(), deadlines().count());
            }
            Ok(())
        });
    }

    fn filled(count: u32, deadline: impl Fn(u32) -> UnixMs) -> Keyspace {
        let mut keyspace = Keyspace::new();
        let hasher = Hasher::new([1; 16]);
        for index in 0..count {
            let name = index.to_be_bytes();
            keyspace.insert(hasher.key(&name), number(i64::from(index)));
            keyspace.set_expiry(hasher.key(&name), deadline(index));
        }
        keyspace
    }

    #[test]
    fn due_keys_go_in_order_of_their_deadlines_within_the_budget() {
        let mut keyspace = filled(100, |index| 1000 - UnixMs::from(index));
        assert_eq!(keyspace.expire_due(900, 10), 0);
        assert_eq!(keyspace.expire_due(950, 10), 10);
        assert_eq!(keyspace.expire_due(950, 1000), 40);
        let names = keyspace.take_expired();
        assert!(names.iter().map(|name| &**name).eq((50..100u32).rev().map(u32::to_be_bytes)));
        assert_eq!((keyspace.len(), keyspace.next_expiry()), (50, Some(951)));
        assert!(keyspace.take_expired().is_empty());
    }

    #[test]
    fn a_clock_set_back_revives_nothing_and_kills_nothing() {
        let mut keyspace = filled(1, |_| 500);
        assert_eq!(keyspace.expire_due(499, 9), 0);
        assert_eq!(keyspace.expire_due(-1_000_000, 9), 0);
        assert_eq!(keyspace.expire_due(500, 9), 1);
        assert_eq!(keyspace.expire_due(0, 9), 0);
    }

    #[test]
    fn random_key_passes_over_expired_keys_and_notes_them() {
        let mut keyspace = filled(20, |index| if index == 7 { 100 } else { 10 });
        assert_eq!(keyspace.random_key(1, 50), Some(&7u32.to_be_bytes()[..]));
        let noted = keyspace.take_expired().len();
        assert_eq!(keyspace.len(), 20 - noted);
        assert_eq!(keyspace.random_key(2, 100), None);
        assert_eq!((keyspace.len(), keyspace.expiring_len()), (0, 0));
    }

    #[test]
    fn scan_and_for_each_show_deadlines() {
        let keyspace = filled(30, |index| UnixMs::from(index) + 1);
        let (mut cursor, mut shown) = (0, Vec::new());
        loop {
            cursor = keyspace.scan(cursor, |key, value, deadline| {
                shown.push((key.to_vec(), read(value), deadline));
            });
            if cursor == 0 {
                break;
            }
        }
        let mut all = Vec::new();
        keyspace.for_each(|key, value, at| all.push((key.to_vec(), read(value), at)));
        shown.sort();
        all.sort();
        assert_eq!(shown, all);
        assert!(all.iter().all(|(_, value, at)| *at == Some(value + 1)));
        assert_eq!(all.len(), 30);
    }

    #[test]
    fn cleared_content_can_be_freed_in_slices() {
        let mut keyspace = filled(50, |_| 5);
        let mut freed = keyspace.clear();
        assert!(keyspace.is_empty() && keyspace.next_expiry().is_none());
        assert_eq!(freed.len(), 50);
        assert!(!freed.drop_some(30));
        assert_eq!(freed.len(), 20);
        assert!(freed.drop_some(30));
        assert!(keyspace.take_expired().is_empty(), "cleared keys did not expire");
    }
}
