//! Working on lists where they are stored.
//!
//! A small list lies packed in the entry of its key, so it costs no allocation, and to find it costs
//! no more than to find the key. To work on it, it is unpacked to the workbench, a list with a
//! whole node that is kept for this, and packed again when the command lets go of it. So
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
    pub fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        self.packed.chain(self.whole.map(List::iter).into_iter().flatten())
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
    Workbench(Unpacked<'a>),
}

/// A small list, and where it belongs: `None` if it is new.
#[derive(Debug)]
struct Unpacked<'a> {
    contents: &'a mut Contents,
    key: Key<'a>,
    handle: Option<Handle>,
    list: List,
}

impl Deref for ListMut<'_> {
    type Target = List;

    #[inline]
    fn deref(&self) -> &List {
        match &self.0 {
            Place::Slot(list) => list,
            Place::Workbench(unpacked) => &unpacked.list,
        }
    }
}

impl DerefMut for ListMut<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut List {
        match &mut self.0 {
            Place::Slot(list) => list,
            Place::Workbench(unpacked) => &mut unpacked.list,
        }
    }
}

impl Drop for ListMut<'_> {
    #[inline]
    fn drop(&mut self) {
        match &mut self.0 {
            Place::Slot(list) => list.fit(),
            Place::Workbench(Unpacked { contents, key, handle, list }) => {
                contents.put_list(*key, *handle, list);
            }
        }
    }
}

impl Keyspace {
    /// The list of a key, to read; nothing if the key is absent.
    pub fn list(&mut self, key: Key, now: UnixMs) -> Result<Option<&List>, OtherKind> {
        match self.find(key, now) {
            Some((_, handle)) => self.contents.list(handle).map(Some),
            None => Ok(None),
        }
    }

    /// The list of a key, to change; nothing if the key is absent. The deadline stays.
    pub fn list_mut<'a>(
        &'a mut self,
        key: Key<'a>,
        now: UnixMs,
    ) -> Result<Option<ListMut<'a>>, OtherKind> {
        match self.find(key, now) {
            Some((_, handle)) => self.contents.list_mut(key, handle).map(Some),
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
            Some((_, handle)) => self.contents.list_mut(key, handle),
            None => Ok(self.contents.unpacked(key, None)),
        }
    }
}

impl Contents {
    pub(super) fn list(&mut self, handle: Handle) -> Result<&List, OtherKind> {
        match self.entries.payload(handle) {
            Payload::Packed(run) => {
                self.workbench.unpack(run);
                Ok(&self.workbench)
            }
            Payload::List(slot) => Ok(self.lists.get(slot)),
            _ => Err(OtherKind(self.value(handle).kind())),
        }
    }

    fn list_mut<'a>(&'a mut self, key: Key<'a>, handle: Handle) -> Result<ListMut<'a>, OtherKind> {
        match self.entries.payload(handle) {
            Payload::Packed(run) => {
                self.workbench.unpack(run);
                Ok(self.unpacked(key, Some(handle)))
            }
            Payload::List(slot) => Ok(ListMut(Place::Slot(self.lists.get_mut(slot)))),
            _ => Err(OtherKind(self.value(handle).kind())),
        }
    }

    /// The list on the workbench; an empty one if none has been unpacked to it.
    fn unpacked<'a>(&'a mut self, key: Key<'a>, handle: Option<Handle>) -> ListMut<'a> {
        if handle.is_none() {
            self.workbench.unpack(Run::default());
        }
        let list = mem::take(&mut self.workbench);
        ListMut(Place::Workbench(Unpacked { contents: self, key, handle, list }))
    }

    /// Stores what has become of an unpacked list, and leaves an empty one.
    fn put_list(&mut self, key: Key, handle: Option<Handle>, list: &mut List) {
        match list.packed(LIST_PACKED_BYTES_MAX) {
            Some(run) => self.put_packed(key, handle, run),
            None => {
                let slot = self.lists.insert(list.move_out());
                self.store(key, Payload::List(slot), Expiry::Keep);
            }
        }
        mem::swap(&mut self.workbench, list);
    }

    fn put_packed(&mut self, key: Key, handle: Option<Handle>, run: Run<'_>) {
        let is_done = match handle {
            Some(handle) => self.entries.replace_packed(handle, run),
            None => run.left == 0,
        };
        if !is_done {
            self.store(key, Payload::Packed(run), Expiry::Keep);
        }
    }

    /// The payload that stands for a list: the list itself if it is small, and otherwise the number
    /// of the slot to which it has moved.
    pub(super) fn adopt_list<'a>(&mut self, list: &'a mut List) -> Payload<'a> {
        if list.packed(LIST_PACKED_BYTES_MAX).is_none() {
            return Payload::List(self.lists.insert(mem::take(list)));
        }
        let run = list.packed(LIST_PACKED_BYTES_MAX);
        Payload::Packed(run.expect("just seen"))
    }
}

#[cfg(test)]
mod tests;
