//! Trimming with ACKED: of the oldest entries, those go that every group is done with.
//!
//! Entries that are still pending stay, and who adds with ACKED MAXLEN would look at the same ones
//! each time. So the stream remembers how far it has looked, and groups note what they let go of
//! behind that point:
//!
//! ```text
//!   entries    p p . p p p p . p | x p x x        p: pending somewhere, and so it stays
//!                  ^         ^   |                .: let go of since, by a group that has noted it
//!                  let_go        looked_at
//! ```
//!
//! A trim takes what was let go of, if nobody else refers to it, and then looks on. So an entry is
//! looked at once, and again when a group lets go of it. Whatever puts that in doubt (a group that
//! goes back or goes away, or has too much to note) moves `looked_at` back.

use super::StreamId;
use super::stream::{Stream, Trim, TrimBy};
use crate::limits::{LET_GO_NOTED_MAX, TRIM_LOOKS_IN_VAIN_MAX};
use std::collections::BTreeSet;

/// What a group has let go of, up to the point that its stream has looked at.
#[derive(Debug, Default)]
pub(super) struct LetGo {
    /// Nothing above is noted.
    until: StreamId,
    ids: BTreeSet<StreamId>,
    /// Something was not noted.
    has_lost_track: bool,
}

impl LetGo {
    /// A pending entry is not pending any more.
    pub(super) fn note(&mut self, id: StreamId) {
        if id > self.until {
            return;
        }
        if self.ids.len() < LET_GO_NOTED_MAX {
            self.ids.insert(id);
        } else {
            self.lose_track();
        }
    }

    /// Many entries are not pending any more, and nobody says which.
    pub(super) fn lose_track(&mut self) {
        let has_lost_track = self.has_lost_track || self.until > StreamId::MIN;
        *self = LetGo { has_lost_track, ..LetGo::default() };
    }
}

/// What a trim may still look at.
struct Looks {
    left: u64,
    in_vain_left: u64,
}

impl Looks {
    /// May one more entry be looked at, which goes or not?
    fn spend(&mut self, is_due: bool) -> bool {
        let in_vain = u64::from(!is_due);
        if self.left == 0 || self.in_vain_left < in_vain {
            return false;
        }
        self.left -= 1;
        self.in_vain_left -= in_vain;
        true
    }
}

impl Stream {
    /// Entries that a group refers to are left out, so that others behind them may go. It works
    /// entry by entry, `~` or not.
    pub(super) fn trim_acknowledged(&mut self, trim: Trim) -> u64 {
        let (most, end) = match trim.by {
            TrimBy::MaxLen(kept) => (self.length().saturating_sub(kept), Some(StreamId::MAX)),
            TrimBy::MinId(least) => (u64::MAX, least.previous()),
        };
        let Some(end) = end else { return 0 };
        let left = trim.limit.filter(|&limit| limit > 0).unwrap_or(u64::MAX);
        let mut looks = Looks { left, in_vain_left: TRIM_LOOKS_IN_VAIN_MAX };
        self.begin_anew_if_lost();
        let removed = self.trim_let_go(most, end, &mut looks);
        removed + self.trim_not_looked_at(most - removed, end, &mut looks)
    }

    /// A trim has to look again at entries from here on.
    pub(super) fn look_again_behind(&mut self, id: StreamId) {
        self.looked_at = self.looked_at.min(id);
    }

    fn begin_anew_if_lost(&mut self) {
        for group in self.groups.values_mut() {
            if std::mem::take(&mut group.let_go.has_lost_track) {
                self.looked_at = StreamId::MIN;
            }
        }
    }

    /// Removes up to `most` entries up to `end` that groups have let go of; returns how many.
    fn trim_let_go(&mut self, most: u64, end: StreamId, looks: &mut Looks) -> u64 {
        let mut removed = 0;
        while removed < most
            && let Some(id) = self.first_let_go().filter(|id| *id <= end)
        {
            let is_due = self.get(id).is_some() && !self.is_referenced(id);
            if !looks.spend(is_due) {
                break;
            }
            for group in self.groups.values_mut() {
                group.let_go.ids.remove(&id);
            }
            removed += u64::from(is_due && self.remove(id));
        }
        removed
    }

    fn first_let_go(&self) -> Option<StreamId> {
        self.groups.values().filter_map(|group| group.let_go.ids.first().copied()).min()
    }

    /// Removes up to `most` entries up to `end` that no trim has looked at; returns how many.
    fn trim_not_looked_at(&mut self, most: u64, end: StreamId, looks: &mut Looks) -> u64 {
        let (mut due, mut looked_at) = (Vec::new(), self.looked_at);
        for (id, is_referenced) in self.with_references(self.looked_at, end) {
            if due.len() as u64 == most || !looks.spend(!is_referenced) {
                break;
            }
            looked_at = id;
            due.extend(Some(id).filter(|_| !is_referenced));
        }
        self.looked_at = looked_at;
        self.groups.values_mut().for_each(|group| group.let_go.until = looked_at);
        due.iter().filter(|&&id| self.remove(id)).count() as u64
    }

    /// The entries behind `after` up to `end`, each with what [`Stream::is_referenced`] says:
    /// entries and what is pending are walked side by side. Those that some group was not handed
    /// yet are left out.
    fn with_references(
        &self,
        after: StreamId,
        end: StreamId,
    ) -> impl Iterator<Item = (StreamId, bool)> + use<'_> {
        let end = self.groups.values().map(|group| group.last_id).fold(end, StreamId::min);
        let first = after.next().unwrap_or(StreamId::MAX);
        let pending = self.groups.values().map(|group| group.deliveries(first, end));
        let mut pending: Vec<_> = pending.map(Iterator::peekable).collect();
        self.range(first, end, false).map(move |entry| {
            let is_pending = pending.iter_mut().any(|ids| {
                while ids.next_if(|(id, _)| *id < entry.id).is_some() {}
                ids.peek().is_some_and(|(id, _)| *id == entry.id)
            });
            (entry.id, is_pending)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_store::consumer_group::{Delivery, Group};
    use crate::data_store::search_steps;
    use crate::data_store::stream::BlockLimits;

    const MS_MAX: u64 = 300_000;

    fn append(stream: &mut Stream, ms: u64) {
        let fields = [&b"a"[..], b"1"];
        stream.append(StreamId::new(ms, 0), &fields[..], BlockLimits::default());
    }

    /// The group is handed all entries up to this one, and has them pending.
    fn hand_out(stream: &mut Stream, first_ms: u64, last_ms: u64) {
        stream.with_group(b"g", |stream, group| {
            let owner = Some(group.hear_from(b"c", 1));
            for ms in first_ms..=last_ms {
                stream.advance(group, StreamId::new(ms, 0));
                group.assign(StreamId::new(ms, 0), Delivery { owner, time_ms: 1, count: 1 });
            }
        });
    }

    /// All are pending.
    fn busy_stream() -> Stream {
        let mut stream = Stream::new();
        stream.add_group(b"g", Group::new(StreamId::MIN, Some(0)));
        (1..=MS_MAX).for_each(|ms| append(&mut stream, ms));
        hand_out(&mut stream, 1, MS_MAX);
        stream
    }

    fn release(stream: &mut Stream, ms: u64) {
        let released = stream.group(b"g").and_then(|group| group.release(StreamId::new(ms, 0)));
        assert!(released.is_some());
    }

    /// Trims to a length; how many went, and the steps that it took.
    fn trim(stream: &mut Stream, kept: u64, limit: Option<u64>) -> (u64, usize) {
        search_steps::take();
        let by = TrimBy::MaxLen(kept);
        let trimmed = stream.trim_acknowledged(Trim { by, approximate: limit.is_some(), limit });
        (trimmed, search_steps::take())
    }

    #[test]
    fn what_is_pending_is_looked_at_once_and_in_slices() {
        let mut stream = busy_stream();
        let slices = MS_MAX.div_ceil(TRIM_LOOKS_IN_VAIN_MAX);
        for _ in 0..slices {
            let (trimmed, steps) = trim(&mut stream, 0, None);
            assert_eq!(trimmed, 0);
            assert!(steps as u64 <= 2 * TRIM_LOOKS_IN_VAIN_MAX, "{steps} steps");
        }
        let (trimmed, steps) = trim(&mut stream, 0, None);
        assert_eq!(trimmed, 0);
        assert!(steps < 300, "{steps} steps to find nothing new");
    }

    /// A worker that acknowledges slowly, here and there: each addition trims what went since.
    #[test]
    fn an_addition_trims_in_few_steps_however_much_is_pending() {
        let mut stream = busy_stream();
        while stream.looked_at < StreamId::new(MS_MAX, 0) {
            trim(&mut stream, 0, None);
        }
        for number in 0..1_000 {
            let ms = MS_MAX + 1 + number;
            append(&mut stream, ms);
            hand_out(&mut stream, ms, ms);
            release(&mut stream, 7 + number * 299);
            let (trimmed, steps) = trim(&mut stream, MS_MAX, None);
            assert_eq!((trimmed, stream.length()), (1, MS_MAX));
            assert!(steps < 1_000, "{steps} steps for one entry");
        }
    }

    #[test]
    fn a_limited_trim_goes_on_where_the_last_one_stopped() {
        let mut stream = busy_stream();
        for ms in [5, 15, 25, 26] {
            release(&mut stream, ms);
        }
        let trimmed: Vec<u64> = (0..4).map(|_| trim(&mut stream, 0, Some(10)).0).collect();
        assert_eq!(trimmed, [1, 1, 2, 0]);
        release(&mut stream, 3);
        release(&mut stream, 38);
        assert_eq!(trim(&mut stream, 0, Some(1)).0, 1);
        assert_eq!(trim(&mut stream, MS_MAX, None).0, 0, "it is short enough");
    }

    #[test]
    fn what_was_not_noted_is_looked_at_again() {
        let mut stream = busy_stream();
        while stream.looked_at < StreamId::new(MS_MAX, 0) {
            trim(&mut stream, 0, None);
        }
        let released = LET_GO_NOTED_MAX as u64 + 10;
        (1..=released).for_each(|ms| release(&mut stream, ms));
        assert_eq!(trim(&mut stream, 0, None).0, released);
        assert_eq!(
            stream.group(b"g").and_then(|group| group.remove_consumer(b"c")),
            Some(MS_MAX - released)
        );
        assert_eq!(trim(&mut stream, 0, None).0, MS_MAX - released);
    }
}
