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
//!
//! # Lines
//! Those who wait on a key stand in a line, in which everybody is asked. Those who wait on a
//! consumer group in it want the same as each other: they have a line of their own, and behind one
//! who finds nothing nobody is asked. Lines are named by bytes that begin with the key, so that in
//! an ordered set those of a key are neighbours:
//!
//! ```text
//!   | database | length of key | key |                        the common line: a *scoped key*
//!   | database | length of key | key | CLAIM's time | group   a group's line
//! ```
//!
//! Time alone can serve who waits with CLAIM. Only the first in such a line keeps an eye on the
//! clock ([`Blocking::is_first_to_claim`]): when the time has come the line is signalled, and
//! whoever is the first then is asked. Who leaves while it keeps time has the line signalled too,
//! so that another one does.

use crate::membership::{Membership, Place};
use crate::text::keyed_hash::KeyedState;
use squint_sys::Token;
use std::collections::{BTreeSet, HashSet, VecDeque};
use std::ops::Bound;

/// The name of a key's common line.
type ScopedKey = Vec<u8>;

/// What stands before the key in a line's name.
const KEY_AT: usize = size_of::<u32>() + size_of::<u64>();

/// CLAIM's time in the name of a group's line whose clients wait without it.
const NO_CLAIM: i64 = -1;

/// Waiters by key, and the keys that were signalled and not yet served.
#[derive(Debug)]
pub struct Blocking {
    waiting: Membership,
    /// Those who wait on a consumer group: they are also asked when the key is gone, or another
    /// one.
    in_groups: Membership,
    /// The names in `in_groups`, in order.
    group_lines: BTreeSet<Vec<u8>>,
    /// Names of [`Signal`]s, each once.
    signalled: VecDeque<Vec<u8>>,
    signalled_set: HashSet<Vec<u8>, KeyedState>,
    arrivals: u64,
    scratch: ScopedKey,
}

/// A signalled key: all its lines, or one of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signal {
    /// A scoped key, or the name of a group's line.
    name: Vec<u8>,
}

impl Signal {
    /// The database that the key is in.
    #[must_use]
    pub fn database(&self) -> usize {
        let number = self.name.first_chunk().copied().expect("a scoped key starts with 4 bytes");
        u32::from_le_bytes(number) as usize
    }

    /// The key itself.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &scoped_key(&self.name)[KEY_AT..]
    }
}

/// What a client wants of a consumer group. Of those who want the same, one finds nothing if
/// another one has just found nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GroupWait<'a> {
    /// The group's name.
    pub group: &'a [u8],
    /// CLAIM's time, if what others have is wanted too.
    pub claim_idle_ms: Option<i64>,
}

/// A place in one of a key's lines.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Front {
    /// It is a group's line.
    pub is_in_group: bool,
    place: Place,
}

impl Blocking {
    /// Nobody waits.
    #[must_use]
    pub fn new(state: KeyedState) -> Self {
        Self {
            waiting: Membership::new(state),
            in_groups: Membership::new(state),
            group_lines: BTreeSet::new(),
            signalled: VecDeque::new(),
            signalled_set: HashSet::with_hasher(state),
            arrivals: 0,
            scratch: Vec::new(),
        }
    }

    /// A number for a client that begins to wait: whoever came before has a lower one.
    pub fn next_arrival(&mut self) -> u64 {
        self.arrivals += 1;
        self.arrivals
    }

    /// Puts `client` at the end of a key's common line. Naming a key twice queues once.
    pub fn wait(&mut self, database: usize, key: &[u8], client: Token) {
        self.waiting.join(scope(&mut self.scratch, database, key), client);
    }

    /// Puts `client` at the end of the line of a consumer group in a key.
    pub fn wait_in_group(
        &mut self,
        database: usize,
        key: &[u8],
        wanted: GroupWait<'_>,
        client: Token,
    ) {
        scope(&mut self.scratch, database, key);
        self.scratch.extend_from_slice(&wanted.claim_idle_ms.unwrap_or(NO_CLAIM).to_le_bytes());
        self.scratch.extend_from_slice(wanted.group);
        self.in_groups.join(&self.scratch, client);
        if !self.group_lines.contains(&self.scratch) {
            self.group_lines.insert(self.scratch.clone());
        }
    }

    /// Takes `client` out of all lines: it was served, timed out, was unblocked or left. If it
    /// `keeps_time`, somebody behind it has to.
    pub fn leave(&mut self, client: Token, keeps_time: bool) {
        self.waiting.leave_all(client);
        if self.in_groups.is_empty() {
            return;
        }
        if keeps_time {
            self.signal_claims_beside(client);
        }
        for line in self.in_groups.names(client) {
            if self.in_groups.members_of(line) == 1 {
                self.group_lines.remove(&line[..]);
            }
        }
        self.in_groups.leave_all(client);
    }

    /// Notes that a key has changed, if anybody waits on it.
    #[inline]
    pub fn signal(&mut self, database: usize, key: &[u8]) {
        if self.is_empty() {
            return;
        }
        let scoped = scope(&mut self.scratch, database, key);
        let is_awaited = self.waiting.first(scoped).is_some()
            || lines_from(&self.group_lines, scoped).next().is_some();
        if is_awaited && !self.signalled_set.contains(scoped) {
            self.signalled_set.insert(scoped.to_vec());
            self.signalled.push_back(scoped.to_vec());
        }
    }

    /// Notes that something has become pending in a group, if anybody waits to claim it.
    pub fn signal_claims(&mut self, database: usize, key: &[u8], group: &[u8]) {
        if self.in_groups.is_empty() {
            return;
        }
        let scoped = scope(&mut self.scratch, database, key);
        let lines = lines_from(&self.group_lines, scoped).filter(|line| {
            let (claim_idle_ms, in_group) = claim_and_group(line);
            claim_idle_ms != NO_CLAIM && in_group == group
        });
        let lines: Vec<Vec<u8>> = lines.cloned().collect();
        lines.into_iter().for_each(|line| self.signal_line(line));
    }

    /// Notes that time has come for `client` and those who wait to claim beside it.
    pub fn signal_claims_beside(&mut self, client: Token) {
        let lines = self.in_groups.names(client).filter(|line| is_for_claims(line));
        let lines: Vec<Vec<u8>> = lines.map(|line| line.to_vec()).collect();
        lines.into_iter().for_each(|line| self.signal_line(line));
    }

    fn signal_line(&mut self, line: Vec<u8>) {
        if self.signalled_set.insert(line.clone()) {
            self.signalled.push_back(line);
        }
    }

    /// Is this client the first of those who wait to claim the same as it?
    #[must_use]
    pub fn is_first_to_claim(&self, client: Token) -> bool {
        let mut lines = self.in_groups.names(client).filter(|line| is_for_claims(line));
        lines.any(|line| self.in_groups.members(line).next() == Some(client))
    }

    /// Notes that something has happened to the consumer groups in a key, if anybody waits on one:
    /// the key may be gone.
    #[inline]
    pub fn signal_groups(&mut self, database: usize, key: &[u8]) {
        if self.in_groups.is_empty() {
            return;
        }
        let scoped = scope(&mut self.scratch, database, key);
        if lines_from(&self.group_lines, scoped).next().is_some() {
            self.signal(database, key);
        }
    }

    /// The same for every key of `database`.
    pub fn signal_all_groups(&mut self, database: usize) {
        let prefix = database_prefix(database);
        let lines = lines_from(&self.group_lines, &prefix);
        let keys: Vec<Vec<u8>> = lines.map(|line| scoped_key(line)[KEY_AT..].to_vec()).collect();
        keys.iter().for_each(|key| self.signal(database, key));
    }

    /// Some key was signalled and not yet taken.
    #[must_use]
    pub fn has_signals(&self) -> bool {
        !self.signalled.is_empty()
    }

    /// The key signalled first among those not yet taken.
    pub fn take_signal(&mut self) -> Option<Signal> {
        let name = self.signalled.pop_front()?;
        self.signalled_set.remove(&name);
        Some(Signal { name })
    }

    /// The first of every line at a signalled key, or of the one that was signalled.
    pub fn fronts<'a>(&'a self, signal: &'a Signal) -> impl Iterator<Item = Front> + 'a {
        let front = |is_in_group| move |place| Front { is_in_group, place };
        let common = self.waiting.first(&signal.name).map(front(false));
        let is_key = scoped_key(&signal.name).len() == signal.name.len();
        let lines = lines_from(&self.group_lines, &signal.name);
        let lines = lines.filter(move |line| is_key || **line == signal.name);
        let in_groups = lines.filter_map(|line| self.in_groups.first(line)).map(front(true));
        common.into_iter().chain(in_groups)
    }

    /// Who waits at a place, and the place behind it (read before that client leaves).
    #[must_use]
    pub fn at(&self, front: Front) -> (Token, Option<Front>) {
        let line = if front.is_in_group { &self.in_groups } else { &self.waiting };
        let (client, next) = line.at(front.place);
        (client, next.map(|place| Front { place, ..front }))
    }

    /// Nobody waits: the usual case.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.in_groups.is_empty()
    }

    /// How many clients wait.
    #[must_use]
    pub fn client_count(&self) -> usize {
        self.waiting.member_count() + self.in_groups.member_count()
    }

    /// How many keys are waited on.
    #[must_use]
    pub fn key_count(&self) -> usize {
        let mut in_groups: Vec<&[u8]> =
            self.group_lines.iter().map(|line| scoped_key(line)).collect();
        in_groups.dedup();
        let others = in_groups.iter().filter(|scoped| self.waiting.first(scoped).is_none());
        self.waiting.name_count() + others.count()
    }
}

/// The lines whose names begin with `prefix`.
fn lines_from<'a>(
    lines: &'a BTreeSet<Vec<u8>>,
    prefix: &'a [u8],
) -> impl Iterator<Item = &'a Vec<u8>> {
    let from = (Bound::Included(prefix), Bound::Unbounded);
    lines.range::<[u8], _>(from).take_while(move |line| line.starts_with(prefix))
}

/// Writes the scoped form of a key into `scratch`.
fn scope<'a>(scratch: &'a mut ScopedKey, database: usize, key: &[u8]) -> &'a [u8] {
    scratch.clear();
    scratch.extend_from_slice(&database_prefix(database));
    scratch.extend_from_slice(&(key.len() as u64).to_le_bytes());
    scratch.extend_from_slice(key);
    scratch
}

/// The key that a line's name begins with, scoped.
fn scoped_key(line: &[u8]) -> &[u8] {
    let length = line[size_of::<u32>()..].first_chunk().expect("a length stands before the key");
    &line[..KEY_AT + u64::from_le_bytes(*length) as usize]
}

/// CLAIM's time and the group in the name of a group's line.
fn claim_and_group(line: &[u8]) -> (i64, &[u8]) {
    let behind = &line[scoped_key(line).len()..];
    let (time, group) = behind.split_first_chunk().expect("CLAIM's time stands behind the key");
    (i64::from_le_bytes(*time), group)
}

fn is_for_claims(line: &[u8]) -> bool {
    claim_and_group(line).0 != NO_CLAIM
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
        blocking.leave(token(1), false);
        blocking.signal(0, b"b");
        let signal = blocking.take_signal().expect("signalled");
        let front = blocking.fronts(&signal).next().expect("one is left");
        assert_eq!(blocking.at(front), (token(2), None));
        blocking.leave(token(2), false);
        assert_eq!((blocking.client_count(), blocking.key_count()), (0, 0));
    }

    #[test]
    fn d48_naming_a_key_twice_queues_once() {
        let mut blocking = blocking();
        blocking.wait(0, b"k", token(1));
        blocking.wait(0, b"k", token(1));
        blocking.signal(0, b"k");
        let signal = blocking.take_signal().expect("signalled");
        let front = blocking.fronts(&signal).next().expect("queued");
        assert_eq!(blocking.at(front).1, None);
    }

    #[test]
    fn lines_of_a_key_are_told_from_those_of_another() {
        let mut blocking = blocking();
        let groups = [("k", "g", None), ("k", "g", Some(0)), ("k", "h", None), ("kg", "", None)];
        for (number, (key, group, claim_idle_ms)) in (0..).zip(groups) {
            let wanted = GroupWait { group: group.as_bytes(), claim_idle_ms };
            blocking.wait_in_group(0, key.as_bytes(), wanted, token(number));
        }
        blocking.wait(0, b"k", token(9));
        blocking.signal_groups(0, b"kgg");
        blocking.signal_groups(1, b"k");
        assert_eq!(blocking.take_signal(), None);
        blocking.signal_groups(0, b"k");
        let signal = blocking.take_signal().expect("signalled");
        let mut first: Vec<u32> =
            blocking.fronts(&signal).map(|front| blocking.at(front).0.index).collect();
        first.sort_unstable();
        assert_eq!(first, [0, 1, 2, 9]);
        assert_eq!((blocking.client_count(), blocking.key_count()), (5, 2));
        blocking.signal_all_groups(0);
        let keys = std::iter::from_fn(|| blocking.take_signal()).map(|s| s.key().to_vec());
        assert!(keys.eq([b"k".to_vec(), b"kg".to_vec()]));
        (0..10).for_each(|number| blocking.leave(token(number), false));
        assert_eq!((blocking.client_count(), blocking.key_count()), (0, 0));
        assert!(blocking.group_lines.is_empty());
    }

    #[test]
    fn who_keeps_time_for_a_line_hands_that_on() {
        let mut blocking = blocking();
        let claims = |group| GroupWait { group, claim_idle_ms: Some(5) };
        for (number, group) in [(1, &b"g"[..]), (2, b"g"), (3, b"gg"), (3, b"g")] {
            blocking.wait_in_group(0, b"k", claims(group), token(number));
        }
        blocking.wait_in_group(0, b"k", GroupWait { group: b"g", claim_idle_ms: None }, token(4));
        let first = (1..=4).map(|number| blocking.is_first_to_claim(token(number)));
        assert!(first.eq([true, false, true, false]));
        let asked = |blocking: &mut Blocking| {
            let signals: Vec<Signal> = std::iter::from_fn(|| blocking.take_signal()).collect();
            let fronts = signals.iter().flat_map(|signal| blocking.fronts(signal));
            fronts.map(|front| blocking.at(front).0.index).collect::<Vec<u32>>()
        };
        blocking.signal_claims(0, b"k", b"g");
        blocking.signal_claims(0, b"k", b"");
        assert_eq!(asked(&mut blocking), [1]);
        blocking.leave(token(1), true);
        assert_eq!(asked(&mut blocking), [2]);
        blocking.leave(token(2), false);
        assert_eq!(asked(&mut blocking), []);
        blocking.leave(token(3), true);
        assert_eq!(asked(&mut blocking), [], "nobody is left");
    }
}
