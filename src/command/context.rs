//! What a command's function is given: the data, the client, the reply, the time.

use super::effects::Effects;
use super::error_reply::{self, ErrorReply};
use super::pause::{Held, Pause};
use super::table::Command;
use super::watches::Watches;
use super::{Facts, Host};
use crate::blocking::{Blocking, GroupWait};
use crate::client::{Blocked, Client, ClientId, Clients, WaitKind};
use crate::config::Config;
use crate::data_store::keyspace::Keyspace;
use crate::data_store::list::List;
use crate::data_store::stream::Stream;
use crate::data_store::string::StringRef;
use crate::data_store::value::{Value, ValueMut};
use crate::data_store::{DataStore, Expiry, Key, UnixMs};
use crate::pubsub::PubSub;
use crate::resp::request::Request;
use crate::resp::writer::Writer;
use crate::shared_bytes::BytesRef;
use crate::stats::Stats;
use std::ops::{Deref, DerefMut};

/// What a command's function returns: `Ok` when it has written its reply, or is blocked.
pub type CommandResult = Result<(), ErrorReply>;

/// The time of a command. Read once a tick, and so frozen inside EXEC.
#[derive(Clone, Copy, Debug, Default)]
pub struct Now {
    /// Microseconds since 1970.
    pub wall_us: i64,
    /// Milliseconds of the clock that never goes back.
    pub monotonic_ms: u64,
}

impl Now {
    /// Milliseconds since 1970.
    #[must_use]
    pub const fn wall_ms(self) -> UnixMs {
        self.wall_us.div_euclid(1000)
    }
}

/// Why a command runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Call<'a> {
    /// A client sent it.
    Direct,
    /// EXEC runs it: it never blocks.
    Transaction,
    /// The client was blocked in it, and this key was signalled.
    Served(&'a [u8]),
}

/// How a command has changed a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// There is a value that was not there before, or more of it: waiters may be served.
    Grown,
    /// The value is another one, but nobody waits for that.
    Altered,
    /// The key is gone.
    Removed,
}

/// The database a client has selected, at the time at which its command runs.
#[derive(Debug)]
pub struct Selected<'a> {
    /// Every database.
    pub all: &'a mut DataStore,
    /// The one selected.
    pub index: usize,
    /// What "expired" means for this command.
    pub now_ms: UnixMs,
}

impl Selected<'_> {
    /// The selected database.
    #[inline]
    pub fn keyspace(&mut self) -> &mut Keyspace {
        self.all.database(self.index)
    }

    /// Whether something came to light that others must be told.
    #[inline]
    #[must_use]
    pub fn has_findings(&self) -> bool {
        self.all.database_ref(self.index).has_findings()
    }

    /// The value of a key, for a command that writes.
    #[inline]
    pub fn lookup(&mut self, key: Key<'_>) -> Option<ValueMut<'_>> {
        let now_ms = self.now_ms;
        self.keyspace().lookup(key, now_ms)
    }

    /// The value of a key, for a command that reads: counted as a hit or a miss.
    #[inline(never)]
    pub fn read(&mut self, key: Key<'_>) -> Option<ValueMut<'_>> {
        self.all.read(self.index, key, self.now_ms)
    }

    /// A string for a command that reads.
    #[inline(always)]
    pub fn read_string(&mut self, key: Key<'_>) -> Result<Option<StringRef<'_>>, ErrorReply> {
        self.all.read(self.index, key, self.now_ms).map(as_string).transpose()
    }

    /// A list for a command that reads.
    #[inline]
    pub fn read_list(&mut self, key: Key<'_>) -> Result<Option<&List>, ErrorReply> {
        Ok(self.all.read_list(self.index, key, self.now_ms)?)
    }

    /// A stream for a command that reads.
    pub fn read_stream(&mut self, key: Key<'_>) -> Result<Option<&mut Stream>, ErrorReply> {
        self.read(key).map(as_stream).transpose()
    }

    /// A string for a command that writes: what it holds now. The keyspace changes it.
    pub fn string(&mut self, key: Key<'_>) -> Result<Option<StringRef<'_>>, ErrorReply> {
        self.lookup(key).map(as_string).transpose()
    }

    /// A list for a command that will write, to look at before that is decided.
    pub fn peek_list(&mut self, key: Key<'_>) -> Result<Option<&List>, ErrorReply> {
        let now_ms = self.now_ms;
        Ok(self.keyspace().list(key, now_ms)?)
    }

    /// Changes a list; see [`Keyspace::change_list`].
    #[inline(always)]
    pub fn change_list<R>(
        &mut self,
        key: Key<'_>,
        change: impl FnOnce(&mut List) -> R,
    ) -> Result<Option<R>, ErrorReply> {
        let now_ms = self.now_ms;
        Ok(self.keyspace().change_list(key, now_ms, change)?)
    }

    /// Changes a list, a new one if there is none; see [`Keyspace::change_list_or_new`].
    #[inline(always)]
    pub fn change_list_or_new<R>(
        &mut self,
        key: Key<'_>,
        change: impl FnOnce(&mut List) -> R,
    ) -> Result<R, ErrorReply> {
        let now_ms = self.now_ms;
        Ok(self.keyspace().change_list_or_new(key, now_ms, change)?)
    }

    /// A stream for a command that writes.
    pub fn stream(&mut self, key: Key<'_>) -> Result<Option<&mut Stream>, ErrorReply> {
        self.lookup(key).map(as_stream).transpose()
    }

    /// Puts a string at `key`, in place of whatever was there.
    #[inline(always)]
    pub fn set_string(&mut self, key: Key<'_>, string: BytesRef<'_>, expiry: Expiry) {
        let now_ms = self.now_ms;
        match string {
            BytesRef::Near(bytes) => self.keyspace().set_string(key, bytes, expiry, now_ms),
            BytesRef::Apart(bytes) => self.keyspace().set_shared(key, bytes, expiry, now_ms),
        }
    }

    /// Puts `value` at `key`, in place of whatever was there; no time to live is left.
    pub fn insert(&mut self, key: Key<'_>, value: Value) {
        self.keyspace().insert(key, value);
    }

    /// Removes a key. `false` if it was not there.
    pub fn remove(&mut self, key: Key<'_>) -> bool {
        let now_ms = self.now_ms;
        self.keyspace().remove(key, now_ms)
    }
}

#[inline]
fn as_string(value: ValueMut<'_>) -> Result<StringRef<'_>, ErrorReply> {
    match value {
        ValueMut::String(string) => Ok(string),
        _ => Err(error_reply::WRONG_TYPE),
    }
}

#[inline]
fn as_stream(value: ValueMut<'_>) -> Result<&mut Stream, ErrorReply> {
    match value {
        ValueMut::Stream(stream) => Ok(stream),
        _ => Err(error_reply::WRONG_TYPE),
    }
}

/// Something that a command may change, and whether it has: what nobody has changed need not be
/// looked after when the command has run.
#[derive(Debug)]
pub struct Lent<'a, T> {
    value: &'a mut T,
    is_changed: bool,
}

impl<'a, T> Lent<'a, T> {
    /// Lends it; nothing has changed yet.
    #[inline]
    pub const fn new(value: &'a mut T) -> Self {
        Self { value, is_changed: false }
    }
}

impl<T> Deref for Lent<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.value
    }
}

impl<T> DerefMut for Lent<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.is_changed = true;
        self.value
    }
}

/// Everything a command may touch, borrowed for as long as it runs.
pub struct Context<'a> {
    /// Data, in the selected database.
    pub store: Selected<'a>,
    /// Where the reply is written.
    pub reply: Writer<'a>,
    /// Who sent the command.
    pub id: ClientId,
    /// Everybody.
    pub clients: Lent<'a, Clients>,
    /// Who waits on which keys.
    pub blocking: Lent<'a, Blocking>,
    /// Who listens to what.
    pub pubsub: &'a mut PubSub,
    /// Who guards which keys.
    pub watches: &'a mut Watches,
    /// Which commands wait.
    pub pause: &'a mut Pause,
    /// What the server shall do afterwards.
    pub effects: Lent<'a, Effects>,
    /// Settings.
    pub config: &'a mut Config,
    /// Counters.
    pub stats: &'a mut Stats,
    /// Facts about this server that do not change.
    pub facts: &'a Facts,
    /// Keys go when their time is over, and not only when somebody asks for them.
    pub active_expire: &'a mut bool,
    /// Questions to the outside.
    pub host: &'a mut dyn Host,
    /// The time.
    pub now: Now,
    /// Why the command runs.
    pub call: Call<'a>,
    /// The row of the command that runs.
    pub command: &'static Command,
    /// Databases and hashes of the leading keys, as far as the group has computed them ahead.
    pub hashes: &'a [(usize, u64)],
    /// The command blocks (or goes on to block): no reply yet.
    pub is_blocked: bool,
    /// It goes on to block; after so many milliseconds time alone can serve it.
    pub retry_ms: Option<u64>,
    /// The reply is a push: CLIENT REPLY OFF does not silence it.
    pub is_push: bool,
    /// The commands that CLIENT PAUSE holds back, if a client has just sent this one.
    pub held: Option<Held>,
}

impl<'a> Context<'a> {
    /// The keys that a blocking command shall look at: all of `first..last`, or the one that was
    /// signalled.
    pub fn keys_to_try<'r>(
        &self,
        request: Request<'r>,
        keys: std::ops::Range<usize>,
    ) -> impl Iterator<Item = &'r [u8]> + use<'r, 'a> {
        let signalled = match self.call {
            Call::Served(key) => Some(key),
            _ => None,
        };
        keys.map(move |index| request.at(index))
            .filter(move |key| signalled.is_none_or(|signalled| signalled == *key))
    }
}

/// An argument, by a call.
#[inline(never)]
fn argument<'r>(request: &Request<'r>, index: usize) -> &'r [u8] {
    request.at(index)
}

impl Context<'_> {
    /// The client whose command runs.
    #[inline]
    #[must_use]
    pub fn client(&self) -> &Client {
        self.clients.get(self.id)
    }

    /// The same, to change it.
    #[inline]
    pub fn client_mut(&mut self) -> &mut Client {
        self.clients.get_mut(self.id)
    }

    /// Whether a command has changed, since the last call, what others than it and its data are
    /// concerned with: clients, who waits, or what the server shall do.
    #[inline]
    pub fn take_changed(&mut self) -> bool {
        let is_changed =
            self.clients.is_changed | self.blocking.is_changed | self.effects.is_changed;
        if is_changed {
            self.clients.is_changed = false;
            self.blocking.is_changed = false;
            self.effects.is_changed = false;
        }
        is_changed
    }

    /// Argument `index` as a key, hashed at most once per request. Nearly all are the first
    /// argument, and lie in the client's buffer: only these are seen to in line. (Its parts are put
    /// together here and not in a call, which would hand them over in memory.)
    #[inline(always)]
    #[must_use]
    pub fn key<'r>(&self, request: Request<'r>, index: usize) -> Key<'r> {
        let bytes = match request.near(index) {
            Some(bytes) => bytes,
            None => argument(&request, index),
        };
        let hash = match (index, self.hashes.first()) {
            (1, Some(&(_, hash))) => hash,
            _ => self.hash_of(index, bytes),
        };
        Key { bytes, hash }
    }

    /// The hash of an argument, which may be known.
    #[inline(never)]
    fn hash_of(&self, index: usize, bytes: &[u8]) -> u64 {
        match self.hashes.get(self.command.leading_keys.number_of(index)) {
            Some(&(_, hash)) => hash,
            None => self.hash(bytes).hash,
        }
    }

    /// Any bytes as a key.
    #[must_use]
    pub fn hash<'r>(&self, bytes: &'r [u8]) -> Key<'r> {
        self.store.all.hasher().key(bytes)
    }

    /// Asks clients again that wait on a consumer group in `key`: it has changed, or is gone.
    pub fn signal_groups(&mut self, key: &[u8]) {
        self.blocking.signal_groups(self.store.index, key);
    }

    /// Asks a client that waits to claim what is pending in a group: something has become so, or
    /// has been for longer than anything before.
    pub fn signal_claims(&mut self, key: &[u8], group: &[u8]) {
        self.blocking.signal_claims(self.store.index, key, group);
    }

    /// Nothing is there for the client: it waits on `keys`. Inside EXEC nothing ever waits.
    pub fn block<'k>(&mut self, keys: impl Iterator<Item = &'k [u8]>, wait: Wait<'_>) {
        match self.call {
            Call::Transaction => match wait.in_transaction {
                Absence::NullArray => self.reply.null_array(),
                Absence::Null => self.reply.null(),
            },
            Call::Served(_) => self.is_blocked = true,
            Call::Direct => {
                self.is_blocked = true;
                self.join_lines(keys, wait.group);
                self.suspend(wait.request, wait.kind, wait.timeout_ms);
            }
        }
    }

    fn join_lines<'k>(
        &mut self,
        keys: impl Iterator<Item = &'k [u8]>,
        group: Option<GroupWait<'_>>,
    ) {
        let (database, client) = (self.store.index, self.id);
        keys.for_each(|key| match group {
            Some(wanted) => self.blocking.wait_in_group(database, key, wanted, client),
            None => self.blocking.wait(database, key, client),
        });
    }

    /// The client goes on when it is served, or its time is over; a copy of its command is kept.
    pub fn suspend(&mut self, request: Request<'_>, kind: WaitKind, timeout_ms: Option<u64>) {
        let arrival = self.blocking.next_arrival();
        let blocked = Blocked::new(request.to_owned(), kind, arrival, timeout_ms);
        self.client_mut().blocked = Some(Box::new(blocked));
        self.effects.blocked.push(self.id);
    }

    /// After some time the client that has just blocked, or whoever is before it then, shall be
    /// asked again.
    pub fn retry_after(&mut self, retry_ms: u64) {
        match &mut self.client_mut().blocked {
            Some(blocked) => blocked.retry_ms = Some(retry_ms),
            None => self.retry_ms = Some(retry_ms),
        }
    }
}

/// The two ways to say in RESP2 that there is nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Absence {
    /// `*-1`, or `_` in RESP3.
    NullArray,
    /// `$-1`, or `_` in RESP3.
    Null,
}

/// How a client blocks.
#[derive(Clone, Copy, Debug)]
pub struct Wait<'a> {
    /// The command to execute again when a key is signalled.
    pub request: Request<'a>,
    /// What can serve it.
    pub kind: WaitKind,
    /// What it wants of a consumer group, if it waits on one.
    pub group: Option<GroupWait<'a>>,
    /// How long, milliseconds. `None`: for ever.
    pub timeout_ms: Option<u64>,
    /// What it is told inside EXEC, at once. (Whose time is over is told [`Absence::NullArray`],
    /// whatever the command.)
    pub in_transaction: Absence,
}
