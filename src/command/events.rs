//! Keyspace notifications: what happens to a key is published, if the setting asks for it.
//!
//! ```text
//!   RPOP jobs (its last element)      in database 0, with notify-keyspace-events KEA
//!
//!     ctx.changed(key, Change::Altered, Event::RPop)     __keyspace@0__:jobs  rpop
//!                                                        __keyevent@0__:rpop  jobs
//!     ctx.changed(key, Change::Removed, Event::Del)      __keyspace@0__:jobs  del
//!                                                        __keyevent@0__:del   jobs
//! ```
//!
//! A command names what it did once, beside the change. Before that is told what it found out on
//! the way: keys that had expired, keys that were not there, and that its own key is a new one.
//! While nobody watches, waits or listens all this is three tests.

use super::Engine;
use super::context::{Change, Context};
use super::fan_out::Audience;
use super::table::Group;
use crate::config::{EventClass, KeyspaceEvents};
use crate::data_store::Finding;

/// What happened to a key. The order is that of the classes and of the command tables.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// DEL and its kin, and whatever leaves nothing behind.
    Del,
    /// The key has got a deadline.
    Expire,
    /// It has lost it.
    Persist,
    /// SET and all that store a whole string.
    Set,
    /// INCR, DECR and their kin.
    IncrBy,
    /// APPEND
    Append,
    /// LPUSH, LPUSHX, or a list command that puts an element there.
    LPush,
    /// RPUSH, RPUSHX, or a list command that puts an element there.
    RPush,
    /// LPOP, or a list command that takes an element from there.
    LPop,
    /// RPOP, or a list command that takes an element from there.
    RPop,
    /// LINSERT
    LInsert,
    /// LSET
    LSet,
    /// LREM
    LRem,
    /// LTRIM
    LTrim,
    /// XADD
    XAdd,
    /// XTRIM, or XADD that trims.
    XTrim,
    /// XDEL
    XDel,
    /// XSETID
    XSetId,
    /// XGROUP CREATE
    XGroupCreate,
    /// XGROUP SETID
    XGroupSetId,
    /// XGROUP DESTROY
    XGroupDestroy,
    /// XGROUP CREATECONSUMER, or a command that makes the consumer it names.
    XGroupCreateConsumer,
    /// XGROUP DELCONSUMER
    XGroupDelConsumer,
    /// The key's time was over.
    Expired,
    /// The key was not there before.
    New,
    /// A command that reads found no such key.
    KeyMiss,
}

impl Event {
    /// Its class, and its name on the wire.
    const fn row(self) -> (EventClass, &'static str) {
        use EventClass::{Expired, Generic, List, Missed, New, Stream, String};
        match self {
            Self::Del => (Generic, "del"),
            Self::Expire => (Generic, "expire"),
            Self::Persist => (Generic, "persist"),
            Self::Set => (String, "set"),
            Self::IncrBy => (String, "incrby"),
            Self::Append => (String, "append"),
            Self::LPush => (List, "lpush"),
            Self::RPush => (List, "rpush"),
            Self::LPop => (List, "lpop"),
            Self::RPop => (List, "rpop"),
            Self::LInsert => (List, "linsert"),
            Self::LSet => (List, "lset"),
            Self::LRem => (List, "lrem"),
            Self::LTrim => (List, "ltrim"),
            Self::XAdd => (Stream, "xadd"),
            Self::XTrim => (Stream, "xtrim"),
            Self::XDel => (Stream, "xdel"),
            Self::XSetId => (Stream, "xsetid"),
            Self::XGroupCreate => (Stream, "xgroup-create"),
            Self::XGroupSetId => (Stream, "xgroup-setid"),
            Self::XGroupDestroy => (Stream, "xgroup-destroy"),
            Self::XGroupCreateConsumer => (Stream, "xgroup-createconsumer"),
            Self::XGroupDelConsumer => (Stream, "xgroup-delconsumer"),
            Self::Expired => (Expired, "expired"),
            Self::New => (New, "new"),
            Self::KeyMiss => (Missed, "keymiss"),
        }
    }
}

impl Context<'_> {
    /// Tells everybody concerned what a command has done to a key: transactions that watch it,
    /// clients that wait on it, and who listens to events.
    #[inline]
    pub fn changed(&mut self, key: &[u8], change: Change, event: Event) {
        let is_new = self.store.keyspace().take_created();
        if self.is_heard() {
            self.tell(key, change, is_new, event);
        }
    }

    /// Whether anybody may be concerned: nearly always nobody is.
    #[inline]
    fn is_heard(&self) -> bool {
        !self.watches.is_empty()
            || !self.blocking.is_empty()
            || !self.config.settings().keyspace_events.is_off()
    }

    #[inline(never)]
    fn tell(&mut self, key: &[u8], change: Change, is_new: bool, event: Event) {
        self.touched(key, change);
        if self.config.settings().keyspace_events.is_off() {
            return;
        }
        self.tell_findings();
        if is_new {
            self.publish_event(key, Event::New);
        }
        self.publish_event(key, event);
    }

    /// Tells transactions that watch a key, and clients that wait on it.
    fn touched(&mut self, key: &[u8], change: Change) {
        if !self.watches.is_empty() {
            let is_removed = change == Change::Removed;
            self.watches.touch(self.store.index, key, is_removed, &mut self.clients);
        }
        if self.blocking.is_empty() {
            return;
        }
        match change {
            Change::Grown => self.blocking.signal(self.store.index, key),
            // Only a string takes a stream's place; what else alters a key leaves its groups alone.
            Change::Altered if self.command.group != Group::String => {}
            Change::Altered | Change::Removed => self.signal_groups(key),
        }
    }

    /// Tells one more event of a change that has been told.
    pub fn also(&mut self, key: &[u8], event: Event) {
        if !self.config.settings().keyspace_events.is_off() {
            self.publish_event(key, event);
        }
    }

    /// Tells those concerned what the command has found out.
    #[cold]
    pub fn tell_findings(&mut self) {
        for finding in self.store.keyspace().take_findings() {
            match finding {
                Finding::Expired(key) => {
                    self.stats.expired_keys += 1;
                    self.touched(&key, Change::Removed);
                    self.publish_event(&key, Event::Expired);
                }
                Finding::Missing(key) => self.publish_event(&key, Event::KeyMiss),
            }
        }
    }

    fn publish_event(&mut self, key: &[u8], event: Event) {
        let (events, database) = (self.config.settings().keyspace_events, self.store.index);
        publish(events, &mut self.audience(), database, key, event);
    }
}

impl Engine {
    /// Tells those concerned about keys of a database that have expired by themselves.
    pub(super) fn tell_expired(&mut self, database: usize) {
        let events = self.config.settings().keyspace_events;
        for finding in self.store.database(database).take_findings() {
            let Finding::Expired(key) = finding else { continue };
            self.stats.expired_keys += 1;
            self.watches.touch(database, &key, true, &mut self.clients);
            self.blocking.signal_groups(database, &key);
            let (pubsub, clients) = (&self.pubsub, &self.clients);
            let mut audience = Audience { pubsub, clients, outbox: &mut self.effects.outbox };
            publish(events, &mut audience, database, &key, Event::Expired);
        }
    }
}

/// Publishes an event of a key on the channels that the setting asks for.
fn publish(
    events: KeyspaceEvents,
    audience: &mut Audience<'_>,
    database: usize,
    key: &[u8],
    event: Event,
) {
    let (class, name) = event.row();
    if !events.has(class) || audience.is_empty() {
        return;
    }
    if events.by_key() {
        let channel = [format!("__keyspace@{database}__:").as_bytes(), key].concat();
        audience.publish(&channel, name.into());
    }
    if events.by_event() {
        let channel = format!("__keyevent@{database}__:{name}");
        audience.publish(channel.as_bytes(), key.into());
    }
}
