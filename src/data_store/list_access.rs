//! Working on lists where they are stored.
//!
//! A small list lies packed in the entry of its key, so it costs no allocation, and to find it
//! costs no more than to find the key. To work on it, it is unpacked to the workbench, a list with
//! a whole node that is kept for this, and packed again when the command has changed it. So
//! everything that can be done to a list is written once, for lists that lie in memory of their
//! own.
//!
//! ```text
//!                                           change_list
//!   entry { key, packed list }  ──> workbench ──────────────┬─> entry { key, packed list }
//!                                                           └─> outgrown: moves to a slot
//!   entry { key, number } ──> slot with a list, changed in its place
//! ```
//!
//! A list that has outgrown its entry stays in its slot until it goes. While a command changes a
//! list it is given nothing else of the keyspace, so nothing can move.

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

impl Keyspace {
    /// The list of a key, to read; nothing if the key is absent.
    pub fn list(&mut self, key: Key, now: UnixMs) -> Result<Option<&List>, OtherKind> {
        self.expire_key(key, now);
        Ok(self.contents.locate_list(key.bytes, key.hash)?.map(|spot| self.contents.list(spot)))
    }

    /// Changes the list of a key, and gives what `change` gives; nothing if the key is absent. The
    /// deadline stays. A list that has run empty stays too, for the caller to remove.
    #[inline(always)]
    pub fn change_list<R>(
        &mut self,
        key: Key,
        now: UnixMs,
        change: impl FnOnce(&mut List) -> R,
    ) -> Result<Option<R>, OtherKind> {
        self.expire_key(key, now);
        let spot = self.contents.locate_list(key.bytes, key.hash)?;
        Ok(spot.map(|spot| self.contents.change_list(key, spot, change)))
    }

    /// The same with a new list, without a deadline, if the key is absent: it is stored only if it
    /// has elements then.
    #[inline(always)]
    pub fn change_list_or_new<R>(
        &mut self,
        key: Key,
        now: UnixMs,
        change: impl FnOnce(&mut List) -> R,
    ) -> Result<R, OtherKind> {
        self.expire_key(key, now);
        let spot = self.contents.locate_list(key.bytes, key.hash)?;
        let spot = spot.unwrap_or_else(|| self.contents.new_list());
        Ok(self.contents.change_list(key, spot, change))
    }
}

/// Where a list can be worked on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Spot {
    /// In its slot.
    Slot(u32),
    /// On the workbench, unpacked from this entry.
    Workbench(Handle),
    /// There as well, not stored so far.
    New,
}

impl Contents {
    /// Where the list of a key is to be had; nothing if the key is absent. The key comes in its
    /// parts, which fit into registers: as a whole it would be put into memory and read back at
    /// once, which takes longer than to find the line.
    pub(super) fn locate_list(
        &mut self,
        name: &[u8],
        hash: u64,
    ) -> Result<Option<Spot>, OtherKind> {
        let key = Key { bytes: name, hash };
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

    fn new_list(&mut self) -> Spot {
        self.workbench.unpack(Run::default());
        Spot::New
    }

    #[inline(always)]
    pub(super) fn list(&self, spot: Spot) -> &List {
        match spot {
            Spot::Slot(slot) => self.lists.get(slot),
            Spot::Workbench(_) | Spot::New => &self.workbench,
        }
    }

    /// Changes a list, and stores what has become of it.
    #[inline(always)]
    fn change_list<R>(&mut self, key: Key, spot: Spot, change: impl FnOnce(&mut List) -> R) -> R {
        let list = match spot {
            Spot::Slot(slot) => self.lists.get_mut(slot),
            Spot::Workbench(_) | Spot::New => &mut self.workbench,
        };
        let result = change(list);
        match spot {
            Spot::Slot(_) => list.fit(),
            Spot::Workbench(handle) => self.put_list(key, Some(handle)),
            Spot::New => self.put_list(key, None),
        }
        result
    }

    /// Stores what has become of the list on the workbench.
    #[inline(never)]
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
