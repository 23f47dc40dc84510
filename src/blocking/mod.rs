//! The blocking manager: which client waits on which keys, and which keys have been signalled.
//!
//! Pure book-keeping: it knows names of keys and clients, never values or descriptors. The command
//! layer signals a key when a command has changed it, and after that command, never inside it,
//! takes the signalled keys in order and serves each key's waiters, first come first served:
//!
//! ```text
//!   RPUSH k x  ──► signal(k)          (inside the command: only noted)
//!   reply `:1` is written
//!   take_signal() = k  ──► waiters of k, in the order in which they blocked
//! ```
//!
//! A client waits on all its keys at once and leaves them together ([`Blocking::leave`]), at a cost
//! that depends on its own keys only.

use crate::membership::{Membership, Place};
use crate::text::keyed_hash::KeyedState;
use squint_sys::Token;
use std::collections::{HashSet, VecDeque};

/// A key of one database: the database's number in four bytes, then the key.
type ScopedKey = Vec<u8>;

/// Waiters by key, and the keys that were signalled and not yet served.
#[derive(Debug)]
pub struct Blocking {
    waiting: Membership,
    /// Those of the waiters who wait on a consumer group in a key: they are also asked when the key
    /// is gone, or another one.
    in_groups: Membership,
    signalled: VecDeque<ScopedKey>,
    signalled_set: HashSet<ScopedKey, KeyedState>,
    scratch: ScopedKey,
}

/// A signalled key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signal {
    scoped: ScopedKey,
}

impl Signal {
    /// The database that the key is in.
    #[must_use]
    pub fn database(&self) -> usize {
        let number = self.scoped.first_chunk().copied().expect("a scoped key starts with 4 bytes");
        u32::from_le_bytes(number) as usize
    }

    /// The key itself.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.scoped[size_of::<u32>()..]
    }
}

impl Blocking {
    /// Nobody waits.
    #[must_use]
    pub fn new(state: KeyedState) -> Self {
        Self {
            waiting: Membership::new(state),
            in_groups: Membership::new(state),
            signalled: VecDeque::new(),
            signalled_set: HashSet::with_hasher(state),
            scratch: Vec::new(),
        }
    }

    /// Puts `client` at the end of the queue of a key. Naming a key twice queues once.
    pub fn wait(&mut self, database: usize, key: &[u8], client: Token) {
        self.waiting.join(scope(&mut self.scratch, database, key), client);
    }

    /// `client`, which waits on a key, waits on a consumer group in it.
    pub fn wait_in_group(&mut self, database: usize, key: &[u8], client: Token) {
        self.in_groups.join(scope(&mut self.scratch, database, key), client);
    }

    /// Takes `client` out of all queues: it was served, timed out, was unblocked or left.
    pub fn leave(&mut self, client: Token) {
        self.waiting.leave_all(client);
        self.in_groups.leave_all(client);
    }

    /// Notes that a key has changed, if anybody waits on it.
    pub fn signal(&mut self, database: usize, key: &[u8]) {
        if self.waiting.is_empty() {
            return;
        }
        let scoped = scope(&mut self.scratch, database, key);
        if self.waiting.first(scoped).is_some() && !self.signalled_set.contains(scoped) {
            self.signalled_set.insert(scoped.to_vec());
            self.signalled.push_back(scoped.to_vec());
        }
    }

    /// Notes that something has happened to the consumer groups in a key, if anybody waits on one:
    /// the key may be gone.
    pub fn signal_groups(&mut self, database: usize, key: &[u8]) {
        if self.in_groups.is_empty() {
            return;
        }
        if self.in_groups.first(scope(&mut self.scratch, database, key)).is_some() {
            self.signal(database, key);
        }
    }

    /// The same for every key of `database`.
    pub fn signal_all_groups(&mut self, database: usize) {
        let prefix = database_prefix(database);
        let names = self.in_groups.all_names().filter_map(|name| name.strip_prefix(&prefix));
        let keys: Vec<Vec<u8>> = names.map(<[u8]>::to_vec).collect();
        keys.iter().for_each(|key| self.signal(database, key));
    }

    /// Does anybody wait on a group in a signalled key?
    #[must_use]
    pub fn is_awaited_in_group(&self, signal: &Signal) -> bool {
        self.in_groups.first(&signal.scoped).is_some()
    }

    /// Notes every key of `database` that somebody waits on: the whole database has changed.
    pub fn signal_all(&mut self, database: usize) {
        let prefix = database_prefix(database);
        let names = self.waiting.all_names().filter(|name| name.starts_with(&prefix));
        let keys: Vec<Vec<u8>> = names.map(|name| name[prefix.len()..].to_vec()).collect();
        for key in keys {
            self.signal(database, &key);
        }
    }

    /// Some key was signalled and not yet taken.
    #[must_use]
    pub fn has_signals(&self) -> bool {
        !self.signalled.is_empty()
    }

    /// The key signalled first among those not yet taken.
    pub fn take_signal(&mut self) -> Option<Signal> {
        let scoped = self.signalled.pop_front()?;
        self.signalled_set.remove(&scoped);
        Some(Signal { scoped })
    }

    /// The first in the queue of a signalled key.
    #[must_use]
    pub fn first(&self, signal: &Signal) -> Option<Place> {
        self.waiting.first(&signal.scoped)
    }

    /// Who waits at a place, and the place behind it (read before that client leaves).
    #[must_use]
    pub fn at(&self, place: Place) -> (Token, Option<Place>) {
        self.waiting.at(place)
    }

    /// How many clients wait.
    #[must_use]
    pub fn client_count(&self) -> usize {
        self.waiting.member_count()
    }

    /// How many keys are waited on.
    #[must_use]
    pub fn key_count(&self) -> usize {
        self.waiting.name_count()
    }
}

/// Writes the scoped form of a key into `scratch`.
fn scope<'a>(scratch: &'a mut ScopedKey, database: usize, key: &[u8]) -> &'a [u8] {
    scratch.clear();
    scratch.extend_from_slice(&database_prefix(database));
    scratch.extend_from_slice(key);
    scratch
}

/// The first four bytes of every scoped key of a database.
pub(crate) fn database_prefix(database: usize) -> [u8; 4] {
    u32::try_from(database).expect("databases are numbered by a small setting").to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(index: u32) -> Token {
        Token { index, generation: 3 }
    }

    fn blocking() -> Blocking {
        Blocking::new(KeyedState::new([1; 16]))
    }

    #[test]
    fn signals_are_taken_in_order_and_once() {
        let mut blocking = blocking();
        for key in [b"a", b"b"] {
            blocking.wait(0, key, token(1));
        }
        for key in [b"b", b"a", b"b", b"c"] {
            blocking.signal(0, key);
        }
        let order: Vec<Vec<u8>> =
            std::iter::from_fn(|| blocking.take_signal()).map(|s| s.key().to_vec()).collect();
        assert_eq!(order, [b"b", b"a"], "c has no waiter, b counts once");
    }

    #[test]
    fn the_same_key_of_another_database_is_another_key() {
        let mut blocking = blocking();
        blocking.wait(3, b"k", token(1));
        blocking.signal(0, b"k");
        assert_eq!(blocking.take_signal(), None);
        blocking.signal(3, b"k");
        let signal = blocking.take_signal().expect("signalled");
        assert_eq!((signal.database(), signal.key()), (3, &b"k"[..]));
    }

    #[test]
    fn d47_a_waiter_leaves_all_its_keys_together() {
        let mut blocking = blocking();
        for key in [b"a", b"b"] {
            blocking.wait(0, key, token(1));
            blocking.wait(0, key, token(2));
        }
        blocking.leave(token(1));
        blocking.signal(0, b"b");
        let signal = blocking.take_signal().expect("signalled");
        let place = blocking.first(&signal).expect("one is left");
        assert_eq!(blocking.at(place), (token(2), None));
        blocking.leave(token(2));
        assert_eq!((blocking.client_count(), blocking.key_count()), (0, 0));
    }

    #[test]
    fn d48_naming_a_key_twice_queues_once() {
        let mut blocking = blocking();
        blocking.wait(0, b"k", token(1));
        blocking.wait(0, b"k", token(1));
        blocking.signal(0, b"k");
        let signal = blocking.take_signal().expect("signalled");
        let place = blocking.first(&signal).expect("queued");
        assert_eq!(blocking.at(place).1, None);
    }
}
