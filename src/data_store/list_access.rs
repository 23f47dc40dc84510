//! Working on lists where they are stored.
//!
//! A small list lies packed in the entry of its key, so it costs no allocation, and to find it
//! costs no more than to find the key. To work on it, it is unpacked to the workbench, a list with
//! a whole node that is kept for this, and packed again when the command lets go of it. So
//! everything that can be done to a list is written once, for lists that lie in memory of their
//! own.
//!
//! ```text
//!                                  list_mut                 drop
//!   entry { key, packed list }  ─────────────> workbench ──────────┬─> entry { key, packed list }
//!                                                                  └─> outgrown: moves to a slot
//!   entry { key, number } ──> slot with a list, changed in its place
//! ```
//!
//! A list that has outgrown its entry stays in its slot until it goes. While a command holds a
//! [`ListMut`] it holds all of the keyspace, so nothing can move.

use super::arena::Handle;
use super::contents::{Contents, Expiry};
use super::entry::Payload;
use super::list::List;
use super::list_run::Run;
use super::string_access::OtherKind;
use super::{Key, Keyspace, UnixMs};
use crate::limits::LIST_PACKED_BYTES_MAX;
use crate::shared_bytes::BytesRef;
use std::mem;
use std::ops::{Deref, DerefMut};

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
    pub fn iter(self) -> impl Iterator<Item = BytesRef<'a>> {
        let packed = self.packed.map(BytesRef::Near);
        packed.chain(self.whole.map(List::iter).into_iter().flatten())
    }
}

/// A stored list, to change. What has become of it is stored when this is dropped, so the store
/// is out of reach until then. A new list is stored only if it has elements by then; to remove a
/// key whose list has run empty is up to the caller.
#[derive(Debug)]
pub struct ListMut<'a>(Place<'a>);

#[derive(Debug)]
enum Place<'a> {
    Slot(&'a mut List),
    /// The workbench; the list belongs to an entry, unless it is new.
    Workbench(&'a mut Contents, Key<'a>, Option<Handle>),
}

impl Deref for ListMut<'_> {
    type Target = List;

    #[inline]
    fn deref(&self) -> &List {
        match &self.0 {
            Place::Slot(list) => list,
            Place::Workbench(contents, ..) => &contents.workbench,
        }
    }
}

impl DerefMut for ListMut<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut List {
        match &mut self.0 {
            Place::Slot(list) => list,
            Place::Workbench(contents, ..) => &mut contents.workbench,
        }
    }
}

impl Drop for ListMut<'_> {
    #[inline]
    fn drop(&mut self) {
        match &mut self.0 {
            Place::Slot(list) => list.fit(),
            Place::Workbench(contents, key, handle) => contents.put_list(*key, *handle),
        }
    }
}

impl Keyspace {
    /// The list of a key, to read; nothing if the key is absent.
    pub fn list(&mut self, key: Key, now: UnixMs) -> Result<Option<&List>, OtherKind> {
        self.expire_key(key, now);
        Ok(self.contents.locate_list(key)?.map(|spot| self.contents.list(spot)))
    }

    /// The list of a key, to change; nothing if the key is absent. The deadline stays.
    #[inline(always)]
    pub fn list_mut<'a>(
        &'a mut self,
        key: Key<'a>,
        now: UnixMs,
    ) -> Result<Option<ListMut<'a>>, OtherKind> {
        self.expire_key(key, now);
        Ok(self.contents.locate_list(key)?.map(|spot| self.contents.list_mut(key, spot)))
    }

    /// The list of a key, to change; a new one, without a deadline, if the key is absent.
    #[inline(always)]
    pub fn list_or_new<'a>(
        &'a mut self,
        key: Key<'a>,
        now: UnixMs,
    ) -> Result<ListMut<'a>, OtherKind> {
        self.expire_key(key, now);
        Ok(match self.contents.locate_list(key)? {
            Some(spot) => self.contents.list_mut(key, spot),
            None => self.contents.new_list(key),
        })
    }
}

/// Where a stored list can be worked on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Spot {
    /// In its slot.
    Slot(u32),
    /// On the workbench, unpacked from this entry.
    Workbench(Handle),
}

impl Contents {
    /// Where the list of a key is to be had; nothing if the key is absent.
    #[inline(always)]
    pub(super) fn locate_list(&mut self, key: Key) -> Result<Option<Spot>, OtherKind> {
        let Some(found) = self.entries.find(&self.dict, key) else { return Ok(None) };
        let handle = found.handle;
        match found.entry.payload() {
            Payload::Packed(run) => {
                self.workbench.unpack(run);
                Ok(Some(Spot::Workbench(handle)))
            }
            Payload::List(slot) => Ok(Some(Spot::Slot(slot))),
            _ => Err(OtherKind(self.value(handle).kind())),
        }
    }

    #[inline(always)]
    pub(super) fn list(&self, spot: Spot) -> &List {
        match spot {
            Spot::Slot(slot) => self.lists.get(slot),
            Spot::Workbench(_) => &self.workbench,
        }
    }

    #[inline(always)]
    fn list_mut<'a>(&'a mut self, key: Key<'a>, spot: Spot) -> ListMut<'a> {
        ListMut(match spot {
            Spot::Slot(slot) => Place::Slot(self.lists.get_mut(slot)),
            Spot::Workbench(handle) => Place::Workbench(self, key, Some(handle)),
        })
    }

    fn new_list<'a>(&'a mut self, key: Key<'a>) -> ListMut<'a> {
        self.workbench.unpack(Run::default());
        ListMut(Place::Workbench(self, key, None))
    }

    /// Stores what has become of the list on the workbench.
    fn put_list(&mut self, key: Key, handle: Option<Handle>) {
        let is_done = match (self.workbench.packed(LIST_PACKED_BYTES_MAX), handle) {
            (Some(run), Some(handle)) => self.entries.replace_packed(handle, run),
            (Some(run), None) => run.left == 0,
            (None, _) => false,
        };
        if !is_done {
            let mut list = mem::take(&mut self.workbench);
            let payload = self.adopt_list(&mut list);
            self.store(key, payload, Expiry::Keep);
            self.workbench = list;
        }
    }

    /// The payload that stands for a list: the list itself if it is small, and otherwise the number
    /// of the slot to which it has moved.
    pub(super) fn adopt_list<'a>(&mut self, list: &'a mut List) -> Payload<'a> {
        if list.packed(LIST_PACKED_BYTES_MAX).is_none() {
            return Payload::List(self.lists.insert(list.move_out()));
        }
        let run = list.packed(LIST_PACKED_BYTES_MAX);
        Payload::Packed(run.expect("just seen"))
    }
}

#[cfg(test)]
mod tests;
