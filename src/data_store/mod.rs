//! Data; no clients.
//!
//! What a server stores and nothing about who asked: databases of keys, the three shapes a value
//! can take, and when keys expire. Every function here is pure: the time comes in as an argument,
//! the hash seed too, and no file, socket, clock or client is in reach. What happened to keys on
//! the side (they expired) is noted and handed out; the command layer tells whoever must know.
//!
//! ```text
//!  DataStore ─┬─ Keyspace 0 ─┬─ Contents ─┬─ Dict of Lines: hash -> handle
//!             ├─ Keyspace 1  │            ├─ Arena: handle -> entry { key, deadline, value }
//!             └─ ...         │            ├─ Wheel: entries in the order of their deadlines
//!                            │            └─ Slabs of long lists, streams, long strings
//!                            ├─ expired keys not yet reported
//!                            └─ Garbage: large values that are freed in slices
//! ```
//!
//! What to look for where:
//!
//! ```text
//!   keyspace  contents                 a database; what it is made of
//!   dict  line  hash  probe            the hash table, its bucket, its hash; a look-up watched
//!   entry  length                      a key and its value in one piece; lengths within it
//!   arena  slab  segments  huge_pages  where such pieces lie; which memory shall be huge pages
//!   expiry  garbage                    whose time is over; what is too large to go at once
//!   value  string  string_access       what a key holds; strings
//!   list  list_access  list_change     lists: the whole; worked on in place; one piece changed
//!   list_packed  list_piece            a small list; a piece of a long one,
//!   list_node  list_run                which is a node of many elements, walked as a run
//!   list_sequence  list_tree           many pieces
//!   stream  stream_range  stream_id    streams: the whole; reading it; ids
//!   stream_index  stream_block         many blocks; one, of many entries
//!   stream_walk  stream_field          an entry; a name or value in it
//!   stream_producers                   what was sent under which name, so that it is added once
//!   stream_groups  consumer_group      the groups of a stream; what a group remembers,
//!   pending  stream_acknowledged       has handed out, and is done with
//!   search_steps                       what a search looks at, counted in tests
//!   short_copy                         as many bytes as most values have, copied without a call
//! ```
//!
//! Keys arrive as [`Key`]: bytes with their hash, computed once per request, so that a batch of
//! requests can be hashed and prefetched before the first one runs.
//!
//! Imports nothing from the server outside this directory but `limits`, and `text`, which reads
//! and writes numbers.

mod arena;
pub mod consumer_group;
mod contents;
mod dict;
mod entry;
mod expiry;
mod garbage;
pub mod hash;
mod huge_pages;
pub mod keyspace;
mod length;
mod line;
pub mod list;
mod list_access;
mod list_change;
mod list_node;
mod list_packed;
mod list_piece;
mod list_run;
mod list_sequence;
mod list_tree;
mod pending;
mod probe;
mod search_steps;
mod segments;
mod short_copy;
mod slab;
pub mod stream;
mod stream_acknowledged;
mod stream_block;
mod stream_field;
pub mod stream_groups;
pub mod stream_id;
mod stream_index;
pub mod stream_producers;
mod stream_range;
mod stream_walk;
pub mod string;
mod string_access;
pub mod value;

pub use dict::LineSeen;
pub use hash::{Hasher, Key};
pub use keyspace::{Expiry, Finding, Keyspace};
pub use list::List;
pub use list_access::ListRef;
pub use probe::{EntryFigures, Probe};
pub use stream::Stream;
pub use stream_id::StreamId;
pub use string::StringRef;
pub use string_access::{IncrementError, OtherKind};
pub use value::{Kind, Value, ValueMut, ValueRef};

use crate::limits::GROUP_REQUESTS_MAX;
use crate::shared_bytes;
use arrayvec::ArrayVec;
use contents::Scout;
use garbage::PIECE_BYTES;

/// Wall-clock time: milliseconds since 1970, UTC. Key deadlines are absolute times of this kind,
/// so a clock that jumps moves the moment of expiry and never the deadline.
pub type UnixMs = i64;

/// Each of these but where it follows itself, as a queue's or a counter's key does.
fn without_echoes(hashes: &[(usize, u64)]) -> impl Iterator<Item = (usize, u64)> {
    let mut before = None;
    hashes.iter().copied().filter(move |&hash| before.replace(hash) != Some(hash))
}

/// All databases of a server. They share one [`Hasher`], so that a key hashed once can be looked
/// up in any of them.
#[derive(Debug)]
pub struct DataStore {
    hasher: Hasher,
    keyspaces: Vec<Keyspace>,
    /// See [`DataStore::reached`].
    reached: usize,
    /// What came of looking keys up; whoever looks counts.
    pub look_ups: LookUps,
    /// Somebody wants to know which keys were read in vain.
    pub notes_misses: bool,
}

/// Look-ups by commands that read.
#[derive(Clone, Copy, Debug, Default)]
pub struct LookUps {
    /// That found a key.
    pub hits: u64,
    /// That did not.
    pub misses: u64,
}

impl LookUps {
    #[inline(always)]
    fn count(&mut self, is_hit: bool) {
        let count = if is_hit { &mut self.hits } else { &mut self.misses };
        *count = count.wrapping_add(1);
    }
}

/// Notes that a key was to be read and is not there, for [`Keyspace::take_findings`].
#[cold]
fn note_missing(findings: &mut Vec<Finding>, key: Key) {
    findings.push(Finding::Missing(key.bytes.into()));
}

/// How many look-ups go ahead together: as many as requests.
const SCOUTS_MAX: usize = GROUP_REQUESTS_MAX;
type Scouts<'a> = ArrayVec<Scout<'a>, SCOUTS_MAX>;

/// How many lines each of them goes on from its home. One look-up in ten goes on at all; in a table
/// of the usual density one in a thousand goes further than that.
const LINKS_FOLLOWED_MAX: usize = 4;

impl DataStore {
    /// `databases` empty databases; none of them holds heap until its first key.
    ///
    /// `seed` keys the hash: it must be secret and random, or clients can pile keys up in one
    /// bucket.
    pub fn new(databases: usize, seed: [u8; 16]) -> DataStore {
        assert!(databases > 0, "a store without databases can hold nothing");
        let hasher = Hasher::new(seed);
        let keyspaces = (0..databases).map(|_| Keyspace::new(hasher)).collect();
        let look_ups = LookUps::default();
        DataStore { hasher, keyspaces, reached: 0, look_ups, notes_misses: false }
    }

    /// The hash of this store, to make [`Key`]s with.
    pub fn hasher(&self) -> Hasher {
        self.hasher
    }

    /// How many databases there are.
    pub fn databases(&self) -> usize {
        self.keyspaces.len()
    }

    /// Database number `index`. The caller has checked the number: a client's wrong number gets a
    /// reply, one that arrives here is our mistake.
    #[inline]
    pub fn database(&mut self, index: usize) -> &mut Keyspace {
        self.reached = self.reached.max(index + 1);
        &mut self.keyspaces[index]
    }

    /// How many databases, from the first on, may ever have held a key: those behind them are as
    /// they were born, and no turn of the loop looks at them.
    #[inline]
    pub fn reached(&self) -> usize {
        self.reached
    }

    /// The value of a key of a database, for a command that reads: counted as a hit or a miss.
    #[inline(always)]
    pub fn read(&mut self, index: usize, key: Key, now: UnixMs) -> Option<ValueMut<'_>> {
        let keyspace = &mut self.keyspaces[index];
        keyspace.expire_key(key, now);
        let value = keyspace.contents.value_mut(key);
        self.look_ups.count(value.is_some());
        if value.is_none() && self.notes_misses {
            self.reached = self.reached.max(index + 1);
            note_missing(&mut keyspace.findings, key);
        }
        value
    }

    /// The same for a list.
    #[inline]
    pub fn read_list(
        &mut self,
        index: usize,
        key: Key,
        now: UnixMs,
    ) -> Result<Option<&List>, OtherKind> {
        let keyspace = &mut self.keyspaces[index];
        keyspace.expire_key(key, now);
        let located = keyspace.contents.locate_list(key.bytes, key.hash);
        let is_missing = matches!(located, Ok(None));
        self.look_ups.count(!is_missing);
        if is_missing && self.notes_misses {
            self.reached = self.reached.max(index + 1);
            note_missing(&mut keyspace.findings, key);
        }
        Ok(located?.map(|spot| keyspace.contents.list(spot)))
    }

    /// Database number `index`, to look at only.
    pub fn database_ref(&self, index: usize) -> &Keyspace {
        &self.keyspaces[index]
    }

    /// All databases in order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &Keyspace> {
        self.keyspaces.iter()
    }

    /// All databases in order of their numbers, to change.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Keyspace> {
        self.keyspaces.iter_mut()
    }

    /// Exchanges the contents of two databases; equal numbers change nothing.
    pub fn swap(&mut self, first: usize, second: usize) {
        self.reached = self.reached.max(first.max(second) + 1);
        self.keyspaces.swap(first, second);
    }

    /// Asks for the memory of keys that are about to be asked for: numbers of databases and
    /// hashes. First all lines of the tables, then what each of these leads to, and so on, so that
    /// the misses overlap. It changes nothing that can be seen.
    pub fn prefetch(&self, hashes: &[(usize, u64)]) {
        if let [(database, hash)] = *hashes {
            // A lone one overlaps with what the server does before it looks up. To go on here would
            // be to wait here instead of there.
            let _line = self.keyspaces[database].contents.scout(hash);
            return;
        }
        hashes.chunks(SCOUTS_MAX).for_each(|together| self.prefetch_together(together));
    }

    fn prefetch_together(&self, hashes: &[(usize, u64)]) {
        let (mut scouts, mut gone_on) = (&mut Scouts::new(), &mut Scouts::new());
        for (database, hash) in without_echoes(hashes) {
            if let Some(scout) = self.keyspaces[database].contents.scout(hash) {
                scouts.push(scout);
            }
        }
        for _ in 0..LINKS_FOLLOWED_MAX {
            gone_on.extend(scouts.drain(..).filter_map(Scout::go_on));
            std::mem::swap(&mut scouts, &mut gone_on);
        }
    }

    /// Whether anything large has gone whose memory is not free yet: then the loop must not sleep,
    /// but call [`DataStore::free_some`] in each turn.
    pub fn has_garbage(&self) -> bool {
        let keyspaces = &self.keyspaces[..self.reached];
        shared_bytes::has_spent() || keyspaces.iter().any(Keyspace::has_garbage)
    }

    /// Frees up to `budget` pieces (some 4 KiB each) of what has gone, over all databases, and
    /// returns how many.
    pub fn free_some(&mut self, budget: usize) -> usize {
        let mut freed = shared_bytes::free_some(budget * PIECE_BYTES) / PIECE_BYTES;
        let (keyspaces, untouched) = self.keyspaces.split_at_mut(self.reached);
        debug_assert!(
            untouched.iter().all(|keyspace| keyspace.is_empty() && !keyspace.has_garbage())
        );
        for keyspace in keyspaces.iter_mut().filter(|keyspace| keyspace.has_garbage()) {
            freed += keyspace.free_some(budget.saturating_sub(freed));
        }
        freed
    }

    /// How many regions of memory are full and wait to become huge pages, over all databases.
    #[inline]
    pub fn waiting_regions(&self) -> usize {
        self.keyspaces[..self.reached].iter().map(Keyspace::waiting_regions).sum()
    }

    /// Up to `budget` of them ask the system for it. Whoever calls this sees to it that nothing
    /// grows: the system copies a region to make it one page, and memory that is asked for
    /// meanwhile must wait.
    pub fn ask_for_huge_pages(&mut self, mut budget: usize) {
        for keyspace in &mut self.keyspaces[..self.reached] {
            budget -= keyspace.ask_for_huge_pages(budget);
        }
    }

    /// Whether any database has expiries: the usual store has none, and a tick passes it by.
    #[inline]
    pub fn has_expiries(&self) -> bool {
        self.keyspaces[..self.reached].iter().any(Keyspace::has_expiries)
    }

    /// The nearest deadline of any key in any database, or a time before it; see
    /// [`Keyspace::next_expiry`].
    pub fn next_expiry(&self) -> Option<UnixMs> {
        let keyspaces = &self.keyspaces[..self.reached];
        let expiring = keyspaces.iter().filter(|keyspace| keyspace.expiring_len() > 0);
        expiring.filter_map(Keyspace::next_expiry).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> Value {
        Value::String(bytes.to_vec())
    }

    #[test]
    fn databases_are_apart_and_can_be_exchanged() {
        let mut store = DataStore::new(3, [7; 16]);
        let key = store.hasher().key(b"k");
        store.database(0).insert(key, text(b"zero"));
        assert!(store.database(1).peek(key, 0).is_none());
        store.swap(0, 2);
        assert!(store.database(0).peek(key, 0).is_none());
        assert!(store.database_ref(2).peek(key, 0).is_some());
        assert_eq!(store.iter().map(Keyspace::len).collect::<Vec<_>>(), [0, 0, 1]);
    }

    #[test]
    fn a_database_is_reached_by_whatever_may_change_it() {
        let mut store = DataStore::new(8, [7; 16]);
        let key = store.hasher().key(b"k");
        assert!(store.read(5, key, 0).is_none());
        assert_eq!(store.reached(), 0, "to look into one leaves nothing there");
        store.database(1).insert(key, text(b"one"));
        assert_eq!(store.reached(), 2);
        store.swap(1, 6);
        assert_eq!(store.reached(), 7);
        store.database(6).set_expiry(key, 300);
        assert_eq!(store.next_expiry(), Some(300));
        store.notes_misses = true;
        assert!(store.read(7, key, 0).is_none());
        assert_eq!(store.reached(), 8, "the miss is noted there");
    }

    #[test]
    fn keys_can_be_asked_for_ahead_whether_they_are_there_or_not() {
        let mut store = DataStore::new(2, [7; 16]);
        let hasher = store.hasher();
        let names: Vec<String> = (0..3_000).map(|number| format!("key:{number}")).collect();
        let keys = || names.iter().map(|name| hasher.key(name.as_bytes()));
        let hashes: Vec<(usize, u64)> = keys().map(|key| (0, key.hash)).collect();
        store.prefetch(&hashes);
        keys().step_by(2).for_each(|key| {
            store.database(0).insert(key, text(b"value"));
        });
        let twice = hashes.iter().flat_map(|&(_, hash)| [(0, hash), (1, hash), (1, hash)]);
        store.prefetch(&twice.collect::<Vec<_>>());
        let found = keys().filter(|&key| store.database(0).contains(key, 0)).count();
        assert_eq!((found, store.database(0).len(), store.database(1).len()), (1_500, 1_500, 0));
    }

    #[test]
    fn a_long_string_that_goes_is_freed_in_slices() {
        let mut store = DataStore::new(1, [7; 16]);
        let key = store.hasher().key(b"k");
        store.database(0).insert(key, text(&vec![b'x'; 64 << 20]));
        store.database(0).remove(key, 0);
        for left_mib in [56, 48, 40, 32, 0] {
            assert!(store.has_garbage());
            store.free_some((8 << 20) / PIECE_BYTES);
            assert_eq!(store.has_garbage(), left_mib > 0);
        }
    }

    #[test]
    fn the_nearest_deadline_of_all_databases_counts() {
        let mut store = DataStore::new(2, [7; 16]);
        let key = store.hasher().key(b"k");
        assert_eq!(store.next_expiry(), None);
        for (index, deadline) in [(0, 500), (1, 300)] {
            store.database(index).insert(key, text(b"v"));
            store.database(index).set_expiry(key, deadline);
        }
        assert_eq!(store.next_expiry(), Some(300));
        for (index, nearest) in [(1, Some(500)), (0, None)] {
            assert!(store.database(index).expire_due(600, 99) < 99);
            assert_eq!(store.next_expiry(), nearest);
        }
        assert!(store.iter().all(Keyspace::is_empty));
    }
}
