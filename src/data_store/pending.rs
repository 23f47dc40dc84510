//! Ids in order, each with a note, in a few bytes: what a group has handed out and has not been
//! told of since.
//!
//! Groups hand entries out in order and are told of them roughly in order, by the million. So the
//! ids lie packed in runs, and a tree finds the run:
//!
//! ```text
//!   runs:    first id ──> Run          a B-tree: O(log n)
//!            9-4      ──> | id note | id note | ...          up to 64 of them, walked
//!   ranks:   lowest rank in a run, first id of that run      another one, an item per run
//! ```
//!
//! How the bytes of a run are written, and changed, stands in `run`.

mod run;

use self::run::{RUN_IDS_MAX, Run, UNRANKED};
use super::StreamId;
use super::search_steps;
use std::collections::{BTreeMap, BTreeSet, btree_set};
use std::iter::Peekable;

pub(super) use self::run::Note;

/// A run with fewer ids is joined to one of its neighbours, unless that one has too many.
const RUN_IDS_FEW: usize = RUN_IDS_MAX / 4;

/// Ids in order of rank; see [`Pending::by_rank`].
///
/// ```text
///   runs:   those not looked into yet, by what they have at the least: (lowest rank, key)
///   found:  what the others have, by (rank, id)
/// ```
///
/// A run is looked into when it comes before all that was found. It then has the next id, or one
/// of the next: who takes few ids looks into few runs, however many there are.
#[derive(Debug)]
pub(super) struct ByRank<'a, N> {
    pending: &'a Pending<N>,
    rank_max: u64,
    runs: Peekable<btree_set::Range<'a, (u64, StreamId)>>,
    found: BTreeMap<(u64, StreamId), N>,
}

impl<N: Note> Iterator for ByRank<'_, N> {
    type Item = (StreamId, N);

    fn next(&mut self) -> Option<(StreamId, N)> {
        while let Some(&&least) = self.runs.peek()
            && self.found.first_key_value().is_none_or(|(first, _)| least < *first)
        {
            self.runs.next();
            search_steps::count();
            let entries = self.pending.runs[&least.1].walk().inspect(|_| search_steps::count());
            let ranked = entries.map(|(id, note)| ((note.rank(), id), note));
            self.found.extend(ranked.filter(|((rank, _), _)| *rank <= self.rank_max));
        }
        let ((_, id), note) = self.found.pop_first()?;
        Some((id, note))
    }
}

/// Ids in order, each with a note.
#[derive(Debug)]
pub(super) struct Pending<N> {
    /// By an id that no id of the run is below. No run is empty.
    runs: BTreeMap<StreamId, Run<N>>,
    /// Each run that has a lowest rank, by that, with its key.
    ranks: BTreeSet<(u64, StreamId)>,
    length: u64,
}

impl<N> Default for Pending<N> {
    fn default() -> Self {
        Pending { runs: BTreeMap::new(), ranks: BTreeSet::new(), length: 0 }
    }
}

impl<N: Note> Pending<N> {
    /// How many ids there are.
    pub(super) fn len(&self) -> u64 {
        self.length
    }

    /// The runs that the ids lie in.
    pub(super) fn runs(&self) -> usize {
        self.runs.len()
    }

    /// The lowest id.
    pub(super) fn first(&self) -> Option<StreamId> {
        self.runs.first_key_value()?.1.walk().next().map(|(id, _)| id)
    }

    /// The highest id.
    pub(super) fn last(&self) -> Option<StreamId> {
        self.runs.last_key_value().map(|(_, run)| run.last.0)
    }

    /// The note beside an id.
    pub(super) fn get(&self, id: StreamId) -> Option<N> {
        let (_, run) = self.runs.range(..=id).next_back()?;
        run.walk().find(|(other, _)| *other >= id).filter(|(other, _)| *other == id).map(|(_, n)| n)
    }

    /// The ids from `from` to `to`, both included, with their notes.
    pub(super) fn range(
        &self,
        from: StreamId,
        to: StreamId,
    ) -> impl Iterator<Item = (StreamId, N)> + use<'_, N> {
        let start = self.runs.range(..=from).next_back().map_or(from, |(&key, _)| key);
        self.runs
            .range(start..)
            .flat_map(|(_, run)| run.walk())
            .skip_while(move |(id, _)| *id < from)
            .take_while(move |(id, _)| *id <= to)
    }

    /// The ids whose notes rank no higher than `rank_max`, in order of rank, then of id.
    pub(super) fn by_rank(&self, rank_max: u64) -> ByRank<'_, N> {
        let runs = self.ranks.range(..=(rank_max, StreamId::MAX)).peekable();
        ByRank { pending: self, rank_max, runs, found: BTreeMap::new() }
    }

    /// The lowest rank of all notes.
    pub(super) fn lowest_rank(&self) -> Option<u64> {
        self.ranks.first().map(|(rank, _)| *rank)
    }

    /// Adds an id, or changes its note; gives the note back that was there.
    pub(super) fn insert(&mut self, id: StreamId, note: N) -> Option<N> {
        if self.last().is_none_or(|last| last < id) {
            self.push_back(id, note);
            return None;
        }
        let key = self.key_for(id);
        let run = self.runs.get_mut(&key).expect("a run was found or made");
        let lowest_before = run.lowest_rank;
        let before = run.change(id, Some(note));
        let (lowest, length) = (run.lowest_rank, run.length as usize);
        self.refile(key, lowest_before, lowest);
        self.length += u64::from(before.is_none());
        if length > RUN_IDS_MAX {
            self.split(key);
        }
        before
    }

    /// Adds an id above all others.
    fn push_back(&mut self, id: StreamId, note: N) {
        self.length += 1;
        if let Some(mut last) = self.runs.last_entry() {
            let (key, run) = (*last.key(), last.get_mut());
            if !run.is_full() {
                let lowest_before = run.lowest_rank;
                run.push((id, note));
                let lowest = run.lowest_rank;
                return self.refile(key, lowest_before, lowest);
            }
            run.bytes.shrink_to_fit();
        }
        self.add_run(id, Run::new(&[(id, note)]));
    }

    /// The key of the run that an id belongs to; there is one at least. An id below all others
    /// gives the first run a lower key.
    fn key_for(&mut self, id: StreamId) -> StreamId {
        if let Some((&key, _)) = self.runs.range(..=id).next_back() {
            return key;
        }
        if let Some((&first, _)) = self.runs.first_key_value() {
            let run = self.take_run(first);
            self.add_run(id, run);
        }
        id
    }

    fn add_run(&mut self, key: StreamId, run: Run<N>) {
        self.refile(key, UNRANKED, run.lowest_rank);
        self.runs.insert(key, run);
    }

    fn take_run(&mut self, key: StreamId) -> Run<N> {
        let run = self.runs.remove(&key).expect("who takes a run has seen it");
        self.refile(key, run.lowest_rank, UNRANKED);
        run
    }

    /// The lowest rank in a run is another one.
    fn refile(&mut self, key: StreamId, before: u64, now: u64) {
        if before == now {
            return;
        }
        if before != UNRANKED {
            self.ranks.remove(&(before, key));
        }
        if now != UNRANKED {
            self.ranks.insert((now, key));
        }
    }

    /// Moves the higher half of a run into a new one.
    fn split(&mut self, key: StreamId) {
        let entries = self.take_run(key).unpack();
        let (low, high) = entries.split_at(entries.len() / 2);
        self.add_run(key, Run::new(low));
        self.add_run(high[0].0, Run::new(high));
    }

    /// Takes an id out, and gives its note back.
    pub(super) fn remove(&mut self, id: StreamId) -> Option<N> {
        let (&key, run) = self.runs.range_mut(..=id).next_back()?;
        let lowest_before = run.lowest_rank;
        let note = run.change(id, None)?;
        let (lowest, length) = (run.lowest_rank, run.length as usize);
        self.refile(key, lowest_before, lowest);
        self.length -= 1;
        match length {
            0 => drop(self.take_run(key)),
            1..=RUN_IDS_FEW => {
                let before = self.runs.range(..key).next_back().map(|(&before, _)| before);
                self.join_next(key);
                before.into_iter().for_each(|before| self.join_next(before));
            }
            _ => {}
        }
        Some(note)
    }

    /// Moves the ids of the next run here if that leaves room for others.
    fn join_next(&mut self, key: StreamId) {
        let mut both = self.runs.range(key..).take(2);
        let (Some((_, run)), Some((&next_key, next))) = (both.next(), both.next()) else { return };
        if run.length + next.length > RUN_IDS_MAX as u32 / 2 {
            return;
        }
        let moved = self.take_run(next_key);
        let mut run = self.take_run(key);
        moved.walk().for_each(|entry| run.push(entry));
        self.add_run(key, run);
    }

    /// Takes out all ids whose notes are not `kept`, in one pass.
    pub(super) fn retain(&mut self, kept: impl Fn(N) -> bool) {
        let mut length = 0;
        self.runs.retain(|_, run| {
            let mut entries = run.unpack();
            entries.retain(|(_, note)| kept(*note));
            *run = Run::new(&entries);
            length += u64::from(run.length);
            run.length > 0
        });
        self.length = length;
        self.ranks.clear();
        let ranks = self.runs.iter().map(|(&key, run)| (run.lowest_rank, key));
        self.ranks.extend(ranks.filter(|(rank, _)| *rank != UNRANKED));
    }

    /// Frees up to `budget` runs; returns how many.
    pub(super) fn drop_some(&mut self, budget: usize) -> usize {
        for freed in 0..budget {
            let Some((&key, _)) = self.runs.first_key_value() else { return freed };
            self.length -= u64::from(self.take_run(key).length);
        }
        budget
    }

    /// Heap, bytes; that of the tree's nodes as if they were two thirds full.
    #[cfg(test)]
    pub(super) fn heap_bytes(&self) -> usize {
        let bytes: usize = self.runs.values().map(|run| run.bytes.capacity()).sum();
        let (run, rank) = (size_of::<(StreamId, Run<N>)>(), size_of::<(u64, StreamId)>());
        bytes + (self.runs.len() * run + self.ranks.len() * rank) * 3 / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_store::stream_field::{Stored, put_varint};
    use arbtest::arbitrary::{Result, Unstructured};

    /// A note like any other: its bytes depend on the one before.
    impl Note for u64 {
        fn put(self, previous: u64, bytes: &mut Vec<u8>) {
            put_varint(bytes, self.wrapping_sub(previous));
        }

        fn take(stored: &mut Stored<'_>, previous: u64) -> u64 {
            previous.wrapping_add(stored.varint())
        }

        fn rank(self) -> u64 {
            self
        }
    }

    type Twin = BTreeMap<StreamId, u64>;

    fn any_id(u: &mut Unstructured) -> Result<StreamId> {
        Ok(StreamId::new(u.int_in_range(0..=40)?, u.int_in_range(0..=9)?))
    }

    fn change(pending: &mut Pending<u64>, twin: &mut Twin, u: &mut Unstructured) -> Result<()> {
        let (id, note) = (any_id(u)?, u.int_in_range(0..=300)?);
        match u.int_in_range(0..=19)? {
            0 => {
                pending.retain(|other| other % 7 != note % 7);
                twin.retain(|_, other| *other % 7 != note % 7);
            }
            1 => {
                for seq in 0..u.int_in_range(0..=200)? {
                    let id = StreamId::new(id.ms + 1, seq);
                    assert_eq!(pending.insert(id, note), twin.insert(id, note));
                }
            }
            2..=10 => assert_eq!(pending.remove(id), twin.remove(&id)),
            _ => assert_eq!(pending.insert(id, note), twin.insert(id, note)),
        }
        Ok(())
    }

    fn check(pending: &Pending<u64>, twin: &Twin, u: &mut Unstructured) -> Result<()> {
        let (from, to, note) = (any_id(u)?, any_id(u)?, u.int_in_range(0..=300)?);
        assert_eq!(pending.len(), twin.len() as u64);
        assert_eq!(pending.first(), twin.keys().next().copied());
        assert_eq!(pending.last(), twin.keys().next_back().copied());
        assert_eq!(pending.get(from), twin.get(&from).copied());
        let within = twin.iter().filter(|(id, _)| (from..=to).contains(*id));
        assert!(pending.range(from, to).eq(within.map(|(&id, &note)| (id, note))));
        assert_eq!(pending.lowest_rank(), twin.values().copied().min());
        let mut lowest: Vec<_> = twin.iter().filter(|(_, other)| **other <= note).collect();
        lowest.sort_by_key(|(id, note)| (*note, *id));
        let count = u.int_in_range(0..=200)?;
        let lowest = lowest.into_iter().take(count).map(|(&id, &note)| (id, note));
        assert!(pending.by_rank(note).take(count).eq(lowest));
        assert!(pending.runs.values().all(|run| run.length as usize <= RUN_IDS_MAX));
        let ranks: BTreeSet<_> =
            pending.runs.iter().map(|(&k, run)| (run.lowest_rank, k)).collect();
        assert_eq!(pending.ranks, ranks);
        Ok(())
    }

    #[test]
    fn agrees_with_an_ordered_map() {
        arbtest::arbtest(|u| {
            let (mut pending, mut twin) = (Pending::default(), Twin::new());
            while !u.is_empty() {
                change(&mut pending, &mut twin, u)?;
                check(&pending, &twin, u)?;
            }
            while pending.drop_some(2) == 2 {}
            assert_eq!((pending.len(), pending.runs()), (0, 0));
            Ok(())
        });
    }

    #[test]
    fn extreme_ids_come_back() {
        let mut pending = Pending::default();
        let ids = [StreamId::MAX, StreamId::MIN, StreamId::new(0, u64::MAX), StreamId::new(1, 0)];
        for id in ids {
            pending.insert(id, id.ms);
        }
        let mut sorted = ids;
        sorted.sort_unstable();
        assert!(pending.range(StreamId::MIN, StreamId::MAX).map(|(id, _)| id).eq(sorted));
    }

    #[test]
    fn sparse_runs_are_joined() {
        let mut pending = Pending::<()>::default();
        let id = |ms| StreamId::new(ms, 0);
        for ms in 1..=100_000 {
            pending.insert(id(ms), ());
        }
        let full = pending.heap_bytes();
        assert!(full < 5 * 100_000, "{full}");
        for ms in (1..=100_000).rev().filter(|ms| ms % 100 != 0) {
            assert!(pending.remove(id(ms)).is_some());
        }
        assert!(pending.runs() <= 1_000 / 8, "{}", pending.runs());
        assert!(pending.heap_bytes() < full / 20, "{}", pending.heap_bytes());
    }
}
