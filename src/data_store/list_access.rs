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
use super::dict::Place;
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

/// Where a list that is being changed came from, and so where it goes back to.
#[derive(Clone, Copy, Debug)]
enum Home {
    /// There was none yet.
    Nowhere,
    /// The entry itself.
    Entry(Place, Handle),
    /// The place whose number the entry holds.
    Slot(Place, Handle, u32),
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
        self.contents.put_list(self.key, self.home, mem::take(&mut self.list));
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
        let Some((place, handle)) = self.find(key, now) else { return Ok(None) };
        let contents = &mut self.contents;
        let (list, slot) = contents.take_list(handle)?;
        let home = match slot {
            Some(slot) => Home::Slot(place, handle, slot),
            None => Home::Entry(place, handle),
        };
        Ok(Some(ListMut { contents, key, home, list }))
    }

    /// The list of a key, to change; a new one, without a deadline, if the key is absent.
    pub fn list_or_new<'a>(
        &'a mut self,
        key: Key<'a>,
        now: UnixMs,
    ) -> Result<ListMut<'a>, OtherKind> {
        if self.find(key, now).is_none() {
            let contents = &mut self.contents;
            contents.workbench.unpack(Run::default());
            let list = mem::take(&mut contents.workbench);
            return Ok(ListMut { contents, key, home: Home::Nowhere, list });
        }
        let list = self.list_mut(key, now)?;
        Ok(list.expect("it has just been found"))
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

    /// A list out of its place, and the number of that if it has one.
    fn take_list(&mut self, handle: Handle) -> Result<(List, Option<u32>), OtherKind> {
        match self.entries.payload(handle) {
            Payload::Packed(run) => {
                self.workbench.unpack(run);
                Ok((mem::take(&mut self.workbench), None))
            }
            Payload::List(slot) => Ok((mem::take(self.lists.get_mut(slot)), Some(slot))),
            _ => Err(OtherKind(self.value(handle).kind())),
        }
    }

    fn put_list(&mut self, key: Key, home: Home, mut list: List) {
        match home {
            Home::Slot(place, handle, slot) => match list.packed(REPACKED_BYTES_MAX) {
                Some(run) => {
                    let payload = Payload::Packed(run);
                    self.replace(place, handle, key, payload, Expiry::Keep);
                }
                None => {
                    list.fit();
                    *self.lists.get_mut(slot) = list;
                }
            },
            Home::Entry(place, handle) => {
                let payload = self.adopt_list(&mut list);
                self.replace(place, handle, key, payload, Expiry::Keep);
                self.workbench = list;
            }
            Home::Nowhere => {
                if !list.is_empty() {
                    let payload = self.adopt_list(&mut list);
                    self.create(key, payload, Expiry::Never);
                }
                self.workbench = list;
            }
        }
    }

    /// The payload that stands for a list: the list itself if it is small, and otherwise the number
    /// of the place to which it has moved.
    pub(super) fn adopt_list<'a>(&mut self, list: &'a mut List) -> Payload<'a> {
        if list.packed(LIST_PACKED_BYTES_MAX).is_none() {
            return Payload::List(self.lists.insert(list.move_out()));
        }
        let run = list.packed(LIST_PACKED_BYTES_MAX);
        Payload::Packed(run.expect("just seen"))
    }
}
