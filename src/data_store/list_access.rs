//! Working on lists where they are stored.
//!
//! A small list lies packed in the entry of its key, so it costs no allocation, and to find it costs
//! no more than to find the key. To work on it, it is unpacked to the workbench, a list with a
//! whole node that is kept for this, and packed again when the command lets go of it. So
//! everything that can be done to a list is written once, for lists that lie in memory of their
//! own.
//!
//! ```text
//!   entry { key, packed list }  ── list_mut ──> workbench ──┐
//!   entry { key, number } ──> its place ─── list_mut ───────┴─> ListMut { list } ── drop ──┐
//!     ^                          ^                                                          |
//!     |     outgrown ────────────┴── still long <───────────────────────────────────────────┤
//!     └──────────────── small <─────────────────────────────────────────────────────────────┘
//! ```
//!
//! While a command holds a [`ListMut`] it holds all of the keyspace, so nothing can move.

use super::arena::Handle;
use super::contents::{Contents, Expiry};
use super::entry::Payload;
use super::list::List;
use super::list_run::Run;
use super::string_access::OtherKind;
use super::{Key, Keyspace, UnixMs};
use crate::limits::LIST_PACKED_BYTES_MAX;
use std::mem;
use std::ops::{Deref, DerefMut};

/// A long list that has become small is packed only at half the size at which it was unpacked: one
/// that goes to and fro across the border moves but once.
const REPACKED_BYTES_MAX: usize = LIST_PACKED_BYTES_MAX / 2;

/// A stored list, to look at.
#[derive(Clone, Copy, Debug)]
pub struct ListRef<'a> {
    /// Either of the two has elements.
    packed: Run<'a>,
    whole: Option<&'a List>,
}

impl<'a> ListRef<'a> {
    pub(super) fn packed(packed: Run<'a>) -> ListRef<'a> {
        ListRef { packed, whole: None }
    }

    pub(super) fn whole(list: &'a List) -> ListRef<'a> {
        ListRef { packed: Run::default(), whole: Some(list) }
    }

    /// All elements from the head to the tail.
    pub fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        self.packed.chain(self.whole.map(List::iter).into_iter().flatten())
    }
}

/// Where a list that is being changed came from.
#[derive(Clone, Copy, Debug)]
enum Home {
    /// There was none yet.
    Nowhere,
    /// The entry itself.
    Entry(Handle),
    /// The place whose number the entry holds.
    Slot(u32),
}

/// A stored list, to change: it goes back when this is dropped. A list that does not exist yet
/// does so from then on, unless it is still empty; one that has run empty is for the caller to
/// remove.
#[derive(Debug)]
pub struct ListMut<'a> {
    contents: &'a mut Contents,
    key: Key<'a>,
    home: Home,
    list: List,
}

impl Deref for ListMut<'_> {
    type Target = List;

    fn deref(&self) -> &List {
        &self.list
    }
}

impl DerefMut for ListMut<'_> {
    fn deref_mut(&mut self) -> &mut List {
        &mut self.list
    }
}

impl Drop for ListMut<'_> {
    fn drop(&mut self) {
        self.contents.put_list(self.key, self.home, &mut self.list);
    }
}

impl Keyspace {
    /// The list of a key, to read; nothing if the key is absent.
    pub fn list(&mut self, key: Key, now: UnixMs) -> Result<Option<&List>, OtherKind> {
        let Some((_, handle)) = self.find(key, now) else { return Ok(None) };
        self.contents.list(handle).map(Some)
    }

    /// The list of a key, to change; nothing if the key is absent. The deadline stays.
    pub fn list_mut<'a>(
        &'a mut self,
        key: Key<'a>,
        now: UnixMs,
    ) -> Result<Option<ListMut<'a>>, OtherKind> {
        match self.find(key, now) {
            Some((_, handle)) => self.contents.take_list(key, handle).map(Some),
            None => Ok(None),
        }
    }

    /// The list of a key, to change; a new one, without a deadline, if the key is absent.
    pub fn list_or_new<'a>(
        &'a mut self,
        key: Key<'a>,
        now: UnixMs,
    ) -> Result<ListMut<'a>, OtherKind> {
        match self.find(key, now) {
            Some((_, handle)) => self.contents.take_list(key, handle),
            None => Ok(self.contents.new_list(key)),
        }
    }
}

impl Contents {
    fn list(&mut self, handle: Handle) -> Result<&List, OtherKind> {
        match self.entries.payload(handle) {
            Payload::Packed(run) => {
                self.workbench.unpack(run);
                Ok(&self.workbench)
            }
            Payload::List(slot) => Ok(self.lists.get(slot)),
            _ => Err(OtherKind(self.value(handle).kind())),
        }
    }

    fn take_list<'a>(&'a mut self, key: Key<'a>, handle: Handle) -> Result<ListMut<'a>, OtherKind> {
        let (home, list) = match self.entries.payload(handle) {
            Payload::Packed(run) => {
                self.workbench.unpack(run);
                (Home::Entry(handle), mem::take(&mut self.workbench))
            }
            Payload::List(slot) => (Home::Slot(slot), mem::take(self.lists.get_mut(slot))),
            _ => return Err(OtherKind(self.value(handle).kind())),
        };
        Ok(ListMut { contents: self, key, home, list })
    }

    fn new_list<'a>(&'a mut self, key: Key<'a>) -> ListMut<'a> {
        self.workbench.unpack(Run::default());
        let list = mem::take(&mut self.workbench);
        ListMut { contents: self, key, home: Home::Nowhere, list }
    }

    /// Puts a list back and leaves an empty one.
    fn put_list(&mut self, key: Key, home: Home, list: &mut List) {
        match home {
            Home::Slot(slot) if !list.fits_in(REPACKED_BYTES_MAX) => {
                list.fit();
                mem::swap(self.lists.get_mut(slot), list);
            }
            Home::Slot(_) => {
                self.store(key, Payload::Packed(list.run()), Expiry::Keep);
            }
            Home::Nowhere if list.is_empty() => mem::swap(&mut self.workbench, list),
            Home::Nowhere => {
                let payload = self.adopt_list(list);
                self.store(key, payload, Expiry::Never);
                mem::swap(&mut self.workbench, list);
            }
            Home::Entry(handle) => {
                let payload = self.adopt_list(list);
                if !self.entries.replace_packed(handle, payload) {
                    self.store(key, payload, Expiry::Keep);
                }
                mem::swap(&mut self.workbench, list);
            }
        }
    }

    /// The payload that stands for a list: the list itself if it is small, and otherwise the number
    /// of the place to which it has moved.
    pub(super) fn adopt_list<'a>(&mut self, list: &'a mut List) -> Payload<'a> {
        if !list.fits_in(LIST_PACKED_BYTES_MAX) {
            return Payload::List(self.lists.insert(list.move_out()));
        }
        Payload::Packed(list.run())
    }
}
