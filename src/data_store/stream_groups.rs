//! A stream and its consumer groups: which there are, how far each has read, and who still holds
//! on to an entry.
//!
//! # How far behind
//! A group's lag is what was added less what it has read, both counted from the stream's very first
//! entry on. The group counts as it reads, which is right as long as no entry behind its last id
//! was deleted; then it has to be found out anew where it stands, and that can be told at the ends
//! of the stream only:
//!
//! ```text
//!   0-0      first entry                                last entry
//!    |            |         deleted                          |
//!    |            [ x x x x . x x x ... x x x x x x x x x x x]
//!    ^ added - length       ^                                ^ added
//!      (nothing deleted     '-- from here to the left nobody knows
//!       but from the front)
//! ```

use super::consumer_group::{Delivery, Group};
use super::stream::{Stream, Trim};
use super::{StreamId, UnixMs};
use crate::limits::DELETED_PASSED_MAX;
use std::collections::BTreeMap;

/// Groups by name.
pub type Groups = BTreeMap<Box<[u8]>, Group>;

/// What becomes of the references that groups have to entries that are deleted: of the pending
/// entries with their ids.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum References {
    /// They stay (KEEPREF).
    #[default]
    Keep,
    /// They go too (DELREF).
    Delete,
    /// Only entries that every group is done with are deleted (ACKED).
    Respect,
}

impl Stream {
    /// The groups in order of their names.
    pub fn groups(&self) -> &Groups {
        &self.groups
    }

    /// The group of this name.
    pub fn group(&mut self, name: &[u8]) -> Option<&mut Group> {
        self.groups.get_mut(name)
    }

    /// Adds a group; `false` if there is one of this name.
    pub fn add_group(&mut self, name: &[u8], group: Group) -> bool {
        if self.groups.contains_key(name) {
            return false;
        }
        self.look_again_behind(group.last_id);
        self.groups.insert(name.into(), group);
        true
    }

    /// Removes a group. It comes in a stream without entries, in which it can be freed in slices.
    pub fn remove_group(&mut self, name: &[u8]) -> Option<Box<Stream>> {
        let (name, group) = self.groups.remove_entry(name)?;
        self.look_again_behind(StreamId::MIN);
        let mut remains = Box::<Stream>::default();
        remains.groups.insert(name, group);
        Some(remains)
    }

    /// Tells a group how far it has been handed entries (XGROUP SETID); `false` if there is none of
    /// this name.
    pub fn set_position(
        &mut self,
        name: &[u8],
        last_id: StreamId,
        entries_read: Option<u64>,
    ) -> bool {
        self.look_again_behind(last_id);
        let Some(group) = self.groups.get_mut(name) else { return false };
        (group.last_id, group.entries_read) = (last_id, entries_read);
        true
    }

    /// Does something that takes both the stream's entries and one of its groups. The stream has
    /// no groups meanwhile.
    pub fn with_group<R>(
        &mut self,
        name: &[u8],
        work: impl FnOnce(&mut Stream, &mut Group) -> R,
    ) -> Option<R> {
        let mut groups = std::mem::take(&mut self.groups);
        let done = groups.get_mut(name).map(|group| work(self, group));
        self.groups = groups;
        done
    }

    /// The group is handed an entry above all that it was handed before.
    pub fn advance(&self, group: &mut Group, id: StreamId) {
        let is_counting = self.first_id().is_some_and(|first| group.last_id >= first)
            && !self.has_deleted_behind(group.last_id);
        group.entries_read = match group.entries_read {
            Some(entries_read) if is_counting => entries_read.checked_add(1),
            _ if self.entries_added() > 0 => self.entries_until(id),
            entries_read => entries_read,
        };
        group.last_id = id;
    }

    /// Up to `count` entries that are pending since `time_ms` or before, those first that were
    /// handed out first. Of deleted entries that it comes across, the group is rid afterwards: each
    /// is passed once, and many of them in slices.
    pub fn pending_until(
        &self,
        group: &mut Group,
        time_ms: UnixMs,
        count: usize,
    ) -> Vec<(StreamId, Delivery)> {
        let (mut found, mut deleted) = (Vec::new(), Vec::new());
        for (id, delivery) in group.deliveries_until(time_ms) {
            if found.len() == count || deleted.len() == DELETED_PASSED_MAX {
                break;
            }
            match self.get(id) {
                Some(_) => found.push((id, delivery)),
                None => deleted.push(id),
            }
        }
        for id in deleted {
            group.release(id);
        }
        found
    }

    /// How many entries a group has before it; `None` if nobody knows.
    pub fn lag(&self, group: &Group) -> Option<i64> {
        if self.entries_added() == 0 {
            return Some(0);
        }
        let first = self.first_id().unwrap_or(StreamId::MIN);
        let lag = if group.last_id < first && self.max_deleted_id() < first {
            Some(self.length())
        } else if group.entries_read.is_some() && !self.has_deleted_behind(group.last_id) {
            group.entries_read.map(|entries_read| self.entries_added().wrapping_sub(entries_read))
        } else {
            self.entries_until(group.last_id).map(|read| self.entries_added().wrapping_sub(read))
        };
        lag.map(u64::cast_signed)
    }

    /// Was an entry at or above `id` deleted, with others left before it?
    fn has_deleted_behind(&self, id: StreamId) -> bool {
        let deleted = self.max_deleted_id();
        deleted > StreamId::MIN
            && self.first_id().is_some_and(|first| first <= deleted)
            && id <= deleted
    }

    /// How many entries were ever added up to `id`, as far as that can be told.
    fn entries_until(&self, id: StreamId) -> Option<u64> {
        let (added, deleted) = (self.entries_added(), self.max_deleted_id());
        let Some(first) = self.first_id() else {
            return (added == 0 || id <= self.last_id()).then_some(added);
        };
        if id > StreamId::MIN && id < deleted {
            return None;
        }
        if id == self.last_id() {
            return Some(added);
        }
        let is_whole = deleted == StreamId::MIN || deleted < first;
        let gone = added.wrapping_sub(self.length());
        match id.cmp(&first) {
            std::cmp::Ordering::Less if is_whole => Some(gone),
            std::cmp::Ordering::Equal if is_whole => Some(gone.wrapping_add(1)),
            _ => None,
        }
    }

    /// Is there a group that has not been handed this entry, or that it is still pending in?
    pub fn is_referenced(&self, id: StreamId) -> bool {
        self.groups.values().any(|group| !group.is_done_with(id))
    }

    /// Takes an entry out of what is pending, in all groups.
    pub fn forget_references(&mut self, id: StreamId) {
        for group in self.groups.values_mut() {
            group.release(id);
        }
    }

    /// Deletes the oldest entries and what refers to them as `references` says; returns how many.
    pub fn trim_with(&mut self, trim: Trim, references: References) -> u64 {
        match references {
            _ if self.groups.is_empty() => self.trim(trim),
            References::Keep => self.trim(trim),
            References::Delete => self.trim_referenced(trim),
            References::Respect => self.trim_acknowledged(trim),
        }
    }

    fn trim_referenced(&mut self, trim: Trim) -> u64 {
        let Some(first) = self.first_id() else { return 0 };
        let trimmed = self.trim(trim);
        let end = self.first_id().map_or(Some(self.last_id()), StreamId::previous);
        let Some(end) = end.filter(|_| trimmed > 0) else { return trimmed };
        for group in self.groups.values_mut() {
            let ids: Vec<StreamId> = group.deliveries(first, end).map(|(id, _)| id).collect();
            for id in ids {
                group.release(id);
            }
        }
        trimmed
    }

    pub(super) fn group_pieces(&self) -> usize {
        self.groups.values().map(|group| group.pieces() + 1).sum()
    }

    /// Frees up to `budget` pieces of the groups; returns how many.
    pub(super) fn drop_some_groups(&mut self, budget: usize) -> usize {
        let mut freed = 0;
        while freed < budget
            && let Some(mut group) = self.groups.first_entry()
        {
            freed += group.get_mut().drop_some(budget - freed);
            if freed < budget {
                group.remove();
                freed += 1;
            }
        }
        freed
    }
}

#[cfg(test)]
mod tests;
