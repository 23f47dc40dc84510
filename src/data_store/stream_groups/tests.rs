//! A stream with its groups against a plain model, and where a group stands.

use super::*;
use crate::data_store::search_steps;
use crate::data_store::stream::{BlockLimits, TrimBy};
use arbtest::arbitrary::{Result, Unstructured};
use squint_testing::random::{self, Random};
use std::collections::BTreeSet;

const NAMES: [&[u8]; 3] = [b"a", b"b", b"c"];
const LIMITS: BlockLimits = BlockLimits { entries_max: 4, bytes_max: 0 };

#[derive(Default)]
struct PlainGroup {
    last_id: StreamId,
    pending: BTreeMap<StreamId, Delivery>,
    owned: BTreeMap<&'static [u8], BTreeSet<StreamId>>,
    /// How many times an entry was given back.
    turns: UnixMs,
}

#[derive(Default)]
struct Plain {
    entries: BTreeSet<StreamId>,
    groups: BTreeMap<&'static [u8], PlainGroup>,
    /// The last id was set by hand: nobody can tell a lag any more.
    is_set: bool,
}

impl PlainGroup {
    fn release(&mut self, id: StreamId) -> bool {
        for ids in self.owned.values_mut() {
            ids.remove(&id);
        }
        self.pending.remove(&id).is_some()
    }
}

fn name(u: &mut Unstructured) -> Result<&'static [u8]> {
    Ok(*u.choose(&NAMES)?)
}

fn any_id(u: &mut Unstructured) -> Result<StreamId> {
    Ok(StreamId::new(u.int_in_range(0..=30)?, u.int_in_range(0..=2)?))
}

fn add(stream: &mut Stream, plain: &mut Plain, u: &mut Unstructured) -> Result<()> {
    let last = stream.last_id();
    let id = StreamId::new(last.ms + u.int_in_range(0..=1)?, last.seq + 1);
    stream.append(id, &[&b"a"[..], b"1"][..], LIMITS);
    plain.entries.insert(id);
    Ok(())
}

/// A consumer is given some entries that nobody was given yet.
fn hand_out(stream: &mut Stream, plain: &mut Plain, u: &mut Unstructured) -> Result<()> {
    let (group_name, consumer, count) = (name(u)?, name(u)?, u.int_in_range(0..=5)?);
    let (time_ms, is_acknowledged) = (u.int_in_range(0..=100)?, u.ratio(1, 4)?);
    stream.with_group(group_name, |stream, group| {
        let owner = Some(group.hear_from(consumer, time_ms));
        let first = group.last_id.next().unwrap_or(StreamId::MAX);
        let new: Vec<_> = stream.range(first, StreamId::MAX, false).map(|entry| entry.id).collect();
        for id in new.into_iter().take(count) {
            stream.advance(group, id);
            if !is_acknowledged {
                group.assign(id, Delivery { owner, time_ms, count: 1 });
            }
        }
    });
    let Some(group) = plain.groups.get_mut(group_name) else { return Ok(()) };
    group.owned.entry(consumer).or_default();
    let new: Vec<_> = plain.entries.iter().filter(|id| **id > group.last_id).take(count).collect();
    for &&id in &new {
        group.last_id = id;
        if !is_acknowledged {
            // It may be pending already, if the group was told to go back.
            group.release(id);
            group.owned.entry(consumer).or_default().insert(id);
            group.pending.insert(id, Delivery { owner: None, time_ms, count: 1 });
        }
    }
    Ok(())
}

/// A pending entry is given back, or to somebody else.
fn reassign(stream: &mut Stream, plain: &mut Plain, u: &mut Unstructured) -> Result<()> {
    let (group_name, id, time_ms) = (name(u)?, any_id(u)?, u.int_in_range(0..=100)?);
    let consumer = if u.ratio(1, 4)? { None } else { Some(name(u)?) };
    let Some(group) = stream.group(group_name) else { return Ok(()) };
    let plain_group = plain.groups.get_mut(group_name).expect("the same groups");
    let before = group.delivery(id);
    assert_eq!(before.is_some(), plain_group.pending.contains_key(&id));
    // With FORCE it becomes pending.
    let is_forced = u.ratio(1, 4)? && plain.entries.contains(&id);
    let before = before.or(is_forced.then(Delivery::default));
    let Some(before) = before else { return Ok(()) };
    let count = before.count + 1;
    plain_group.release(id);
    let Some(consumer) = consumer else {
        group.give_back(id, count);
        let time_ms = UnixMs::MIN + plain_group.turns;
        plain_group.pending.insert(id, Delivery { owner: None, time_ms, count });
        plain_group.turns += 1;
        return Ok(());
    };
    let owner = Some(group.hear_from(consumer, time_ms));
    group.assign(id, Delivery { owner, time_ms, count });
    plain_group.pending.insert(id, Delivery { owner: None, time_ms, count });
    plain_group.owned.entry(consumer).or_default().insert(id);
    Ok(())
}

fn any_trim(u: &mut Unstructured) -> Result<Trim> {
    let by = match u.arbitrary()? {
        true => TrimBy::MaxLen(u.int_in_range(0..=12)?),
        false => TrimBy::MinId(any_id(u)?),
    };
    Ok(Trim { by, approximate: false, limit: None })
}

fn trim(stream: &mut Stream, plain: &mut Plain, u: &mut Unstructured) -> Result<()> {
    let trim = any_trim(u)?;
    let references = *u.choose(&[References::Keep, References::Delete, References::Respect])?;
    let is_respecting = references == References::Respect && !plain.groups.is_empty();
    let is_held = |id: &StreamId| {
        is_respecting
            && plain.groups.values().any(|g| *id > g.last_id || g.pending.contains_key(id))
    };
    let most = match trim.by {
        TrimBy::MaxLen(kept) => plain.entries.len().saturating_sub(kept as usize),
        TrimBy::MinId(_) => usize::MAX,
    };
    let is_due = |id: &StreamId| match trim.by {
        TrimBy::MaxLen(_) => true,
        TrimBy::MinId(least) => *id < least,
    };
    let due: Vec<_> =
        plain.entries.iter().copied().filter(|id| is_due(id) && !is_held(id)).take(most).collect();
    let range = plain.entries.first().copied().zip(due.last().copied());
    assert_eq!(stream.trim_with(trim, references), due.len() as u64);
    plain.entries.retain(|id| !due.contains(id));
    if let (References::Delete, Some((first, _))) = (references, range) {
        // Whatever lay between the old first entry and the new one.
        let end = plain.entries.first().copied();
        for group in plain.groups.values_mut() {
            let gone = group.pending.range(first..).map(|(id, _)| *id);
            let gone: Vec<_> = gone.filter(|id| *id <= stream.last_id()).collect();
            for id in gone.into_iter().filter(|id| end.is_none_or(|end| *id < end)) {
                group.release(id);
            }
        }
    }
    Ok(())
}

fn delete(stream: &mut Stream, plain: &mut Plain, u: &mut Unstructured) -> Result<()> {
    let (id, is_forgetting) = (any_id(u)?, u.arbitrary()?);
    assert_eq!(stream.remove(id), plain.entries.remove(&id));
    if is_forgetting {
        stream.forget_references(id);
        for group in plain.groups.values_mut() {
            group.release(id);
        }
    }
    Ok(())
}

fn change_groups(stream: &mut Stream, plain: &mut Plain, u: &mut Unstructured) -> Result<()> {
    let (group_name, consumer) = (name(u)?, name(u)?);
    match u.int_in_range(0..=9)? {
        0 => assert_eq!(
            stream.remove_group(group_name).is_some(),
            plain.groups.remove(group_name).is_some()
        ),
        1 => {
            let removed = stream.group(group_name).and_then(|g| g.remove_consumer(consumer));
            let Some(group) = plain.groups.get_mut(group_name) else { return Ok(()) };
            let ids = group.owned.remove(consumer);
            assert_eq!(removed, ids.as_ref().map(|ids| ids.len() as u64));
            for id in ids.into_iter().flatten() {
                group.pending.remove(&id);
            }
        }
        2..=3 => {
            let last_id = any_id(u)?;
            let is_there = stream.set_position(group_name, last_id, None);
            assert_eq!(is_there, plain.groups.contains_key(group_name));
            plain.groups.entry(group_name).and_modify(|group| group.last_id = last_id);
        }
        4 if u.ratio(1, 8)? => {
            let least = plain.entries.last().copied().unwrap_or_default();
            let last_id = any_id(u)?.max(least);
            stream.set_history(last_id, stream.max_deleted_id(), stream.entries_added());
            plain.is_set = true;
        }
        _ => {
            let last_id = any_id(u)?;
            let is_new = stream.add_group(group_name, Group::new(last_id, None));
            assert_eq!(is_new, !plain.groups.contains_key(group_name));
            if is_new {
                plain.groups.insert(group_name, PlainGroup { last_id, ..Default::default() });
            }
        }
    }
    Ok(())
}

fn check_group(group: &Group, plain: &PlainGroup, u: &mut Unstructured) -> Result<()> {
    let (from, to, time_ms) = (any_id(u)?, any_id(u)?, u.int_in_range(0..=100)?);
    let plain_part =
        |(id, delivery): (StreamId, Delivery)| (id, delivery.since_ms(), delivery.count);
    let expected = plain.pending.iter().filter(|(id, _)| (from..=to).contains(*id));
    let expected = expected.map(|(&id, &delivery)| plain_part((id, delivery)));
    assert!(group.deliveries(from, to).map(plain_part).eq(expected));
    let due = plain.pending.iter().filter(|(_, delivery)| delivery.time_ms <= time_ms);
    let mut due: Vec<_> = due.map(|(&id, &delivery)| (id, delivery)).collect();
    due.sort_by_key(|&(id, delivery)| (delivery.time_ms, id));
    due.truncate(3);
    let due = due.into_iter().map(plain_part);
    assert!(group.deliveries_until(time_ms).take(3).map(plain_part).eq(due));
    assert_eq!(group.pending_count(), plain.pending.len() as u64);
    assert_eq!(group.last_id, plain.last_id);
    assert!(group.consumers().map(|(_, consumer)| consumer.name()).eq(plain.owned.keys().copied()));
    for (owner, consumer) in group.consumers() {
        let ids = &plain.owned[consumer.name()];
        assert_eq!(consumer.pending_count(), ids.len() as u64);
        let owned = group.deliveries_to(owner, StreamId::MIN, StreamId::MAX);
        assert!(
            owned
                .map(|(id, delivery)| (id, delivery.owner))
                .eq(ids.iter().map(|&id| (id, Some(owner))))
        );
    }
    Ok(())
}

fn check(stream: &Stream, plain: &Plain, u: &mut Unstructured) -> Result<()> {
    let id = any_id(u)?;
    assert_eq!(stream.has_entries_after(id), plain.entries.iter().any(|other| *other > id));
    assert!(stream.groups().keys().map(|name| &**name).eq(plain.groups.keys().copied()));
    for (group, plain_group) in stream.groups().values().zip(plain.groups.values()) {
        check_group(group, plain_group, u)?;
        let ahead = plain.entries.iter().filter(|id| **id > plain_group.last_id).count();
        // An empty stream's lag is what Redis says: it need not be 0.
        let is_told = !plain.entries.is_empty() && !plain.is_set;
        if let Some(lag) = stream.lag(group).filter(|_| is_told) {
            assert_eq!(lag, ahead as i64, "a lag that is told is right");
        }
    }
    Ok(())
}

/// Works off all of `u` on a stream and on its model; gives the number of operations.
fn run(u: &mut Unstructured) -> Result<usize> {
    let (mut stream, mut plain) = (Stream::new(), Plain::default());
    let mut operations = 0;
    while !u.is_empty() {
        match u.int_in_range(0..=19)? {
            0..=5 => add(&mut stream, &mut plain, u)?,
            6..=9 => hand_out(&mut stream, &mut plain, u)?,
            10..=12 => reassign(&mut stream, &mut plain, u)?,
            13 => trim(&mut stream, &mut plain, u)?,
            14..=15 => delete(&mut stream, &mut plain, u)?,
            16..=17 => change_groups(&mut stream, &mut plain, u)?,
            _ => {
                let (group, id) = (name(u)?, any_id(u)?);
                let released = stream.group(group).and_then(|group| group.release(id));
                let expected = plain.groups.get_mut(group).is_some_and(|g| g.release(id));
                assert_eq!(released.is_some(), expected);
            }
        }
        operations += 1;
        check(&stream, &plain, u)?;
    }
    Ok(operations)
}

#[test]
fn agrees_with_a_plain_model() {
    arbtest::arbtest(|u| run(u).map(drop));
}

/// The seed is printed; with `SQUINT_SEED` in the environment it is that one.
#[test]
fn a_million_operations_agree_with_a_plain_model() {
    let (mut random, mut operations) = (Random::new(random::seed()), 0);
    while operations < 1_000_000 {
        let bytes: Vec<u8> = (0..1024).flat_map(|_| random.number().to_le_bytes()).collect();
        operations += run(&mut Unstructured::new(&bytes)).expect("there are bytes enough");
    }
    println!("operations={operations}");
}

/// A stream of which every entry is pending in a group.
fn all_pending(entries: u64) -> Stream {
    let mut stream = Stream::new();
    stream.add_group(b"g", Group::new(StreamId::MIN, Some(0)));
    for ms in 1..=entries {
        stream.append(StreamId::new(ms, 0), &[&b"a"[..], b"1"][..], BlockLimits::default());
    }
    stream.with_group(b"g", |_, group| {
        let owner = Some(group.hear_from(b"c", 1));
        for ms in 1..=entries {
            group.assign(StreamId::new(ms, 0), Delivery { owner, time_ms: 1, count: 1 });
        }
    });
    stream
}

#[test]
fn what_is_pending_is_freed_in_pieces() {
    let mut stream = all_pending(10_000);
    let blocks = stream.blocks();
    let pieces = stream.pieces();
    assert!(pieces > blocks + 2 * 10_000 / 64, "{pieces}");
    let remains = stream.remove_group(b"g").expect("it was there");
    assert_eq!((stream.pieces(), remains.pieces()), (blocks, pieces - blocks));
    for mut part in [*remains, stream] {
        let mut slices = 0;
        while part.drop_some(3) == 3 {
            slices += 1;
        }
        assert!(slices >= blocks / 3, "{slices}");
        assert_eq!((part.pieces(), part.length(), part.groups().len()), (0, 0, 0));
    }
}

/// Up to `count` entries that XREADGROUP CLAIM finds, and the steps that it takes.
fn steps_of_search(stream: &mut Stream, count: usize) -> (Vec<u64>, usize) {
    search_steps::take();
    let found = stream.with_group(b"g", |stream, group| stream.pending_until(group, 1, count));
    let ids = found.unwrap_or_default().into_iter().map(|(id, _)| id.ms).collect();
    (ids, search_steps::take())
}

#[test]
fn what_is_pending_for_long_is_found_without_walking_all() {
    for entries in [1_000, 10_000, 100_000] {
        let (ids, steps) = steps_of_search(&mut all_pending(entries), 1);
        assert_eq!(ids, [1]);
        assert!(steps < 300, "{steps} steps for {entries}");
        // The other way round: each was handed out before the one before it.
        let mut stream = all_pending(entries);
        stream.with_group(b"g", |_, group| {
            for ms in 1..=entries {
                let known = group.delivery(StreamId::new(ms, 0)).expect("all are pending");
                let time_ms = 1 - ms.cast_signed() + entries.cast_signed();
                group.assign(StreamId::new(ms, 0), Delivery { time_ms, ..known });
            }
        });
        let (ids, steps) = steps_of_search(&mut stream, 1);
        assert_eq!(ids, [entries]);
        assert!(steps < 300, "{steps} steps for {entries}");
    }
}

#[test]
fn deleted_entries_are_passed_once_and_in_slices() {
    for entries in [10_000, 20_000, 40_000] {
        let mut stream = all_pending(entries);
        let by = TrimBy::MaxLen(1);
        stream.trim(Trim { by, approximate: false, limit: None });
        for _ in 0..entries / DELETED_PASSED_MAX as u64 {
            let (ids, steps) = steps_of_search(&mut stream, 1);
            assert_eq!(ids, [] as [u64; 0]);
            assert!(steps < 10 * DELETED_PASSED_MAX, "{steps} steps for {entries}");
        }
        let (ids, steps) = steps_of_search(&mut stream, 1);
        assert_eq!(ids, [entries]);
        assert!(steps < 10 * DELETED_PASSED_MAX, "{steps} steps for {entries}");
        assert_eq!(stream.groups()[&b"g"[..]].pending_count(), 1);
        let (ids, steps) = steps_of_search(&mut stream, 1);
        assert_eq!((ids, steps < 20), (vec![entries], true));
    }
}

#[test]
fn ids_that_were_deleted_can_be_made_to_come_again() {
    let mut stream = Stream::new();
    for ms in 1..=9 {
        stream.append(StreamId::new(ms, 0), &[&b"a"[..], b"1"][..], LIMITS);
    }
    (6..=9).for_each(|ms| assert!(stream.remove(StreamId::new(ms, 0))));
    stream.set_history(StreamId::new(5, 3), StreamId::new(1, 0), 7);
    for ms in 6..=20 {
        stream.append(StreamId::new(ms, 1), &[&b"a"[..], b"1"][..], LIMITS);
    }
    let all = stream.range(StreamId::MIN, StreamId::MAX, false);
    assert!(all.map(|entry| entry.id.ms).eq(1..=20));
    let some = stream.range(StreamId::new(6, 0), StreamId::new(8, 0), true);
    assert!(some.map(|entry| entry.id.ms).eq([7, 6]));
}
