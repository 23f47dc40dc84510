//! What a database holds: the table, the entries in their arena, the objects that entries name,
//! and the expiry index, kept in step with each other.
//!
//! ```text
//!   hash ──> Dict ──handle──> Arena: entry { key, deadline, value }
//!                               ^             |            └─number──> lists, streams, longs
//!            Wheel ──handle─────┘ <──links────┘
//! ```
//!
//! An entry that changes its length may get another block, and so another handle: the table and the
//! expiry index are told here, and nobody else ever keeps a handle.

use super::arena::{Arena, Handle};
use super::dict::{self, Dict, Place, Rehash, Trace};
use super::entry::{self, Entry, Integer, Payload};
use super::expiry::{Members, Step, Wheel};
use super::line::Line;
use super::list_access::ListRef;
use super::list_run::Run;
use super::slab::Slab;
use super::string::{StringRef, parse_integer};
use super::value::{Value, ValueMut, ValueRef};
use super::{Hasher, Key, List, Stream, UnixMs};
use crate::shared_bytes::SharedBytes;
use squint_sys::prefetch_read;

/// Longer strings get an allocation of their own: they are shared with those who send them, and
/// grow without being moved at every step.
pub(super) const INLINE_BYTES_MAX: usize = 3072;

/// When a value that is stored shall expire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expiry {
    /// Never, whatever was there before.
    Never,
    /// When the value before it would have.
    Keep,
    /// At this time.
    At(UnixMs),
}

/// What an entry names instead of holding it.
#[derive(Debug)]
pub(super) enum Object {
    Long(SharedBytes),
    List(List),
    Stream(Box<Stream>),
}

/// The blocks of entries, and what it takes to read them.
#[derive(Debug)]
pub(super) struct Entries {
    arena: Arena,
    hasher: Hasher,
}

/// All of a database but what is on its way out.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) dict: Dict,
    pub(super) entries: Entries,
    wheel: Wheel,
    pub(super) lists: Slab<List>,
    /// What small lists are unpacked to; see `list_access.rs`.
    pub(super) workbench: List,
    streams: Slab<Box<Stream>>,
    longs: Slab<SharedBytes>,
    /// A key has come that had not been there, and nobody has asked yet.
    pub(super) has_created: bool,
}

/// What a value that was stored has replaced.
#[derive(Debug, Default)]
pub(super) struct Replaced {
    pub(super) object: Option<Object>,
    pub(super) deadline: Option<UnixMs>,
}

/// A key that was looked for and is there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'a> {
    place: Place,
    pub(super) handle: Handle,
    pub(super) entry: Entry<'a>,
}

impl Entries {
    /// Looks a key up. Nearly always the first candidate is the one, so it is tried without a loop:
    /// a loop would first lay out all that it may need in its rounds.
    #[inline(always)]
    pub(super) fn find(&self, dict: &Dict, key: Key) -> Option<Found<'_>> {
        let (place, handle) = dict.candidates(key.hash)?.next()?;
        match self.entry_of(key, handle) {
            Some(entry) => Some(Found { place, handle, entry }),
            None => self.find_behind_first(dict, key),
        }
    }

    /// Goes on behind a candidate that has the same tag by accident.
    #[cold]
    fn find_behind_first(&self, dict: &Dict, key: Key) -> Option<Found<'_>> {
        dict.candidates(key.hash)?.skip(1).find_map(|(place, handle)| {
            self.entry_of(key, handle).map(|entry| Found { place, handle, entry })
        })
    }

    /// A block, by a call. Only look-ups have the way to it in line: all other use is rare beside
    /// them.
    #[inline(never)]
    fn block(&self, handle: Handle) -> &[u8] {
        self.arena.block(handle)
    }

    #[inline(never)]
    fn block_mut(&mut self, handle: Handle) -> &mut [u8] {
        self.arena.block_mut(handle)
    }

    /// The entry under a handle, if it is that of this key.
    #[inline(always)]
    fn entry_of(&self, key: Key, handle: Handle) -> Option<Entry<'_>> {
        let (name, entry) = Entry::open(self.arena.block(handle));
        key.is_named(name).then_some(entry)
    }

    /// The value, by a call too.
    #[inline(never)]
    pub(super) fn payload(&self, handle: Handle) -> Payload<'_> {
        entry::payload(self.block(handle))
    }

    /// Puts another small list where one is, if it fits there without wasting much.
    pub(super) fn replace_packed(&mut self, handle: Handle, run: Run<'_>) -> bool {
        entry::replace_packed(self.block_mut(handle), run)
    }
}

impl Rehash for Entries {
    fn hash_of(&self, handle: Handle) -> u64 {
        self.hasher.hash(entry::key(self.block(handle)))
    }

    /// Blocks are not aligned to cache lines: a small one may lie in two.
    #[inline]
    fn prefetch(&self, handle: Handle) {
        let block = self.arena.block(handle);
        prefetch_read(block);
        if let Some(end) = block.get(..64).unwrap_or(block).last() {
            prefetch_read(end);
        }
    }
}

impl Members for Entries {
    fn deadline(&self, member: Handle) -> UnixMs {
        let deadline = entry::deadline(self.block(member));
        deadline.expect("only entries with a deadline are in the index")
    }

    fn links(&self, member: Handle) -> (Handle, Handle) {
        entry::links(self.block(member))
    }

    fn set_next(&mut self, member: Handle, next: Handle) {
        entry::set_next(self.block_mut(member), next);
    }

    fn set_previous(&mut self, member: Handle, previous: Handle) {
        entry::set_previous(self.block_mut(member), previous);
    }
}

impl Contents {
    pub(super) fn new(hasher: Hasher) -> Contents {
        Contents {
            dict: Dict::new(),
            entries: Entries { arena: Arena::new(), hasher },
            wheel: Wheel::new(),
            lists: Slab::new(),
            workbench: List::new(),
            streams: Slab::new(),
            longs: Slab::new(),
            has_created: false,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.dict.len()
    }

    pub(super) fn expiring_len(&self) -> usize {
        self.wheel.len()
    }

    /// Whether the time of any key may have come; if not, no look-up need ask.
    #[inline(always)]
    pub(super) fn may_hold_due(&self, now: UnixMs) -> bool {
        self.wheel.may_hold_due(now)
    }

    /// The same, found out anew.
    pub(super) fn holds_due(&mut self, now: UnixMs) -> bool {
        self.wheel.look_again();
        self.wheel.may_hold_due(now)
    }

    pub(super) fn next_expiry(&self) -> Option<UnixMs> {
        self.wheel.next()
    }

    /// Where a key stands, and the handle of its entry.
    #[inline(never)]
    pub(super) fn find(&self, key: Key) -> Option<(Place, Handle)> {
        self.entries.find(&self.dict, key).map(|found| (found.place, found.handle))
    }

    /// How that goes, told line by line.
    pub(super) fn trace(&self, key: Key) -> Trace {
        self.dict.trace(key.hash, |handle| self.entries.entry_of(key, handle).is_some())
    }

    /// The bytes of an entry's block, those included that it does not need.
    pub(super) fn block_bytes(&self, handle: Handle) -> usize {
        self.entries.block(handle).len()
    }

    pub(super) fn deadline(&self, handle: Handle) -> Option<UnixMs> {
        entry::deadline(self.entries.block(handle))
    }

    pub(super) fn is_due(&self, handle: Handle, now: UnixMs) -> bool {
        self.deadline(handle).is_some_and(|deadline| deadline <= now)
    }

    pub(super) fn key(&self, handle: Handle) -> &[u8] {
        entry::key(self.entries.block(handle))
    }

    #[inline]
    pub(super) fn payload(&self, handle: Handle) -> Payload<'_> {
        self.entries.payload(handle)
    }

    #[inline]
    pub(super) fn value(&self, handle: Handle) -> ValueRef<'_> {
        match self.payload(handle) {
            Payload::Bytes(bytes) => ValueRef::String(StringRef::bytes(bytes)),
            Payload::Integer(number) => ValueRef::String(StringRef::integer(number)),
            Payload::Long(index) => ValueRef::String(StringRef::long(self.longs.get(index))),
            Payload::Packed(run) => ValueRef::List(ListRef::packed(run)),
            Payload::List(index) => ValueRef::List(ListRef::whole(self.lists.get(index))),
            Payload::Stream(index) => ValueRef::Stream(self.streams.get(index)),
        }
    }

    /// The value of a key.
    #[inline(always)]
    pub(super) fn value_mut(&mut self, key: Key) -> Option<ValueMut<'_>> {
        let found = self.entries.find(&self.dict, key)?;
        Some(match found.entry.payload() {
            Payload::Bytes(bytes) => ValueMut::String(StringRef::bytes(bytes)),
            Payload::Integer(number) => ValueMut::String(StringRef::integer(number)),
            Payload::Long(index) => ValueMut::String(StringRef::long(self.longs.get(index))),
            Payload::Packed(run) => ValueMut::List(ListRef::packed(run)),
            Payload::List(index) => ValueMut::List(ListRef::whole(self.lists.get(index))),
            Payload::Stream(index) => ValueMut::Stream(self.streams.get_mut(index)),
        })
    }

    /// Stores a value, in place of whatever the key held; gives back what was there.
    pub(super) fn store(&mut self, key: Key, payload: Payload, expiry: Expiry) -> Replaced {
        let Some(found) = self.entries.find(&self.dict, key) else {
            self.create(key, payload, expiry);
            return Replaced::default();
        };
        let (place, handle, start) = (found.place, found.handle, found.entry.value_start());
        let block = self.entries.arena.block_mut(handle);
        if !matches!(expiry, Expiry::At(_)) && entry::replace_value(block, start, payload) {
            return Replaced::default();
        }
        self.write_anew(place, handle, (key, payload, expiry))
    }

    /// Writes an entry anew, in the block it has or in another.
    #[inline(never)]
    fn write_anew(
        &mut self,
        place: Place,
        handle: Handle,
        (key, payload, expiry): (Key, Payload, Expiry),
    ) -> Replaced {
        let object = self.take_object(handle);
        let block = self.entries.block(handle);
        let (old_deadline, clock) = (entry::deadline(block), entry::clock(block));
        let deadline = match expiry {
            Expiry::Never => None,
            Expiry::Keep => old_deadline,
            Expiry::At(at) => Some(at),
        };
        if old_deadline.is_some() {
            self.wheel.remove(handle, &mut self.entries);
        }
        let length = entry::length(key.bytes, payload, deadline) + payload.growth();
        let handle = self.fitting_block(place, handle, length);
        let block = self.entries.block_mut(handle);
        entry::write(block, key.bytes, payload, deadline, clock);
        if deadline.is_some() {
            self.wheel.add(handle, &mut self.entries);
        }
        Replaced { object, deadline: old_deadline }
    }

    /// Stores the value of a key that is not there.
    #[inline(never)]
    fn create(&mut self, key: Key, payload: Payload, expiry: Expiry) {
        let deadline = match expiry {
            Expiry::Never | Expiry::Keep => None,
            Expiry::At(at) => Some(at),
        };
        let handle = self.entries.arena.allocate(entry::length(key.bytes, payload, deadline));
        let block = self.entries.block_mut(handle);
        entry::write(block, key.bytes, payload, deadline, 0);
        self.dict.insert(key.hash, handle, &self.entries);
        self.has_created = true;
        if deadline.is_some() {
            self.wheel.add(handle, &mut self.entries);
        }
    }

    /// A block of the right size for an entry whose content is about to be written anew.
    fn fitting_block(&mut self, place: Place, handle: Handle, length: usize) -> Handle {
        if self.entries.arena.suits(handle, length) {
            return handle;
        }
        self.entries.arena.free(handle);
        let handle = self.entries.arena.allocate(length);
        self.dict.set_handle(place, handle);
        handle
    }

    /// Gives an entry another deadline, or none.
    pub(super) fn set_deadline(&mut self, place: Place, handle: Handle, to: Option<UnixMs>) {
        let block = self.entries.block(handle);
        let (payload, old) = (entry::payload(block), entry::deadline(block));
        let rest = entry::key_part(block);
        let (start, length) =
            (entry::head_bytes(to), entry::length(entry::key(block), payload, to));
        let mut head = [0; 32];
        head[..4].copy_from_slice(&block[..4]);
        entry::set_head(&mut head, payload, to);
        if old.is_some() {
            self.wheel.remove(handle, &mut self.entries);
        }
        let arena = &mut self.entries.arena;
        let fits = arena.suits(handle, length);
        let new = if fits { handle } else { arena.allocate(length) };
        arena.copy((handle, rest), (new, start), length - start);
        arena.block_mut(new)[..start].copy_from_slice(&head[..start]);
        if !fits {
            arena.free(handle);
            self.dict.set_handle(place, new);
        }
        if to.is_some() {
            self.wheel.add(new, &mut self.entries);
        }
    }

    /// A copy of a value that lies in its entry.
    pub(super) fn inline_value(&self, handle: Handle) -> Option<Value> {
        match self.payload(handle) {
            Payload::Bytes(bytes) => Some(Value::String(bytes.to_vec())),
            Payload::Integer(number) => Some(Value::String(number.to_string().into_bytes())),
            Payload::Packed(run) => Some(Value::List(List::from_run(run))),
            Payload::Long(_) | Payload::List(_) | Payload::Stream(_) => None,
        }
    }

    /// Takes out what an entry names.
    #[inline]
    fn take_object(&mut self, handle: Handle) -> Option<Object> {
        match self.entries.payload(handle) {
            Payload::Bytes(_) | Payload::Integer(_) | Payload::Packed(_) => None,
            Payload::Long(index) => Some(Object::Long(self.longs.remove(index))),
            Payload::List(index) => Some(Object::List(self.lists.remove(index))),
            Payload::Stream(index) => Some(Object::Stream(self.streams.remove(index))),
        }
    }

    /// Takes an entry out and gives back what it named.
    pub(super) fn remove(&mut self, place: Place, handle: Handle, hash: u64) -> Option<Object> {
        let object = self.take_object(handle);
        if self.deadline(handle).is_some() {
            self.wheel.remove(handle, &mut self.entries);
        }
        self.dict.remove(place, hash, &self.entries);
        self.entries.arena.free(handle);
        object
    }

    /// Goes a step on towards keys whose time has come; see [`Step`].
    pub(super) fn expiry_step(&mut self, now: UnixMs) -> Step {
        self.wheel.step(now, &mut self.entries)
    }

    /// Where the entry of a handle stands, and the hash of its key.
    pub(super) fn place_of(&self, handle: Handle) -> (Place, u64) {
        let key = self.entries.hasher.key(self.key(handle));
        let (place, _) = self.find(key).expect("a handle in use is in the table");
        (place, key.hash)
    }

    /// The number at a key, if it is stored as one.
    #[inline(always)]
    pub(super) fn integer_mut(&mut self, key: Key) -> Option<Integer<'_>> {
        let found = self.entries.find(&self.dict, key)?;
        let (handle, start) = (found.handle, found.entry.value_start());
        entry::integer_mut(self.entries.arena.block_mut(handle), start)
    }

    /// The bytes of a string that is not stored as a number; a long one grows to `bytes_min`.
    pub(super) fn string_bytes_mut(&mut self, handle: Handle, bytes_min: usize) -> &mut [u8] {
        match self.entries.payload(handle) {
            Payload::Bytes(_) => entry::bytes_mut(self.entries.block_mut(handle)),
            Payload::Long(index) => {
                let bytes = self.longs.get_mut(index).make_mut();
                bytes.resize(bytes.len().max(bytes_min), 0);
                bytes
            }
            other => unreachable!("the caller has made it bytes, and it is {other:?}"),
        }
    }

    /// A long string, to write another one over it, unless somebody else holds it too.
    pub(super) fn long_mut(&mut self, handle: Handle) -> Option<&mut Vec<u8>> {
        match self.entries.payload(handle) {
            Payload::Long(index) => self.longs.get_mut(index).get_mut(),
            _ => None,
        }
    }

    /// The payload that stands for a value; its object, if any, is kept here.
    pub(super) fn adopt<'a>(&mut self, value: &'a mut Value) -> Payload<'a> {
        match value {
            Value::String(string) => match parse_integer(string) {
                Some(number) => Payload::Integer(number),
                None => self.adopt_bytes(string),
            },
            Value::List(list) => self.adopt_list(list),
            Value::Stream(stream) => Payload::Stream(self.streams.insert(std::mem::take(stream))),
        }
    }

    /// The same for a string that shall be bytes even if it looks like a number.
    pub(super) fn adopt_bytes<'a>(&mut self, string: &'a mut Vec<u8>) -> Payload<'a> {
        if string.len() > INLINE_BYTES_MAX {
            return self.adopt_long(SharedBytes::new(std::mem::take(string)));
        }
        Payload::Bytes(string)
    }

    /// The same for a string that is too long for an entry.
    pub(super) fn adopt_long(&mut self, string: SharedBytes) -> Payload<'static> {
        Payload::Long(self.longs.insert(string))
    }

    pub(super) fn scan(&self, cursor: u64, visit: impl FnMut(Handle)) -> u64 {
        self.dict.scan(cursor, &self.entries, visit)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Handle> {
        self.dict.iter()
    }

    pub(super) fn random(&self, random: u64) -> Option<Handle> {
        self.dict.random(random, &self.entries)
    }

    pub(super) fn clock(&self, handle: Handle) -> u32 {
        entry::clock(self.entries.block(handle))
    }

    pub(super) fn set_clock(&mut self, handle: Handle, clock: u32) {
        entry::set_clock(self.entries.block_mut(handle), clock);
    }

    /// Bytes of heap, what lists, streams and long strings hold in their turn not counted.
    pub(super) fn heap_bytes(&self) -> usize {
        self.dict.heap_bytes()
            + self.entries.arena.heap_bytes()
            + self.lists.heap_bytes()
            + self.workbench.heap_bytes()
            + self.streams.heap_bytes()
            + self.longs.heap_bytes()
            + self.wheel.heap_bytes()
    }
}

/// A look-up that asks for memory ahead, step by step: each step needs what the one before has
/// asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scout<'a> {
    contents: &'a Contents,
    hash: u64,
    /// What was asked for last.
    line: &'a Line,
}

impl Contents {
    /// Asks for the line at which a look-up begins; nothing to ask for in a table without lines.
    #[inline]
    pub(super) fn scout(&self, hash: u64) -> Option<Scout<'_>> {
        let line = self.dict.home(hash)?;
        prefetch_read(line);
        Some(Scout { contents: self, hash, line })
    }
}

impl Scout<'_> {
    /// Asks for what the line leads to: entries that may be the one, and that is all, or else the
    /// next line.
    #[inline]
    pub(super) fn go_on(mut self) -> Option<Self> {
        let mut may_end_here = false;
        for handle in dict::candidates_in(self.line, self.hash) {
            self.contents.entries.prefetch(handle);
            may_end_here = true;
        }
        if may_end_here {
            return None;
        }
        self.line = self.contents.dict.line_behind(self.line)?;
        prefetch_read(self.line);
        Some(self)
    }
}

/// Dropping piece by piece what nobody asks for any more.
impl Contents {
    /// Takes out one object, if there is any; `Some(None)` is a step without one.
    pub(super) fn pop_object(&mut self) -> Option<Option<Object>> {
        if let Some(list) = self.lists.pop() {
            return Some(list.map(Object::List));
        }
        if let Some(stream) = self.streams.pop() {
            return Some(stream.map(Object::Stream));
        }
        self.longs.pop().map(|long| long.map(Object::Long))
    }

    /// Frees one region or one segment of the table; `false` when there is nothing left.
    pub(super) fn drop_one(&mut self) -> bool {
        self.entries.arena.drop_one() || self.dict.drop_one()
    }

    /// How many regions of memory wait to become huge pages.
    #[inline]
    pub(super) fn waiting_regions(&self) -> usize {
        self.entries.arena.waiting_regions() + self.dict.waiting_regions()
    }

    /// Up to `budget` of them ask for it; gives how many.
    pub(super) fn ask_for_huge_pages(&mut self, budget: usize) -> usize {
        let asked = self.dict.ask_for_huge_pages(budget);
        asked + self.entries.arena.ask_for_huge_pages(budget - asked)
    }
}
