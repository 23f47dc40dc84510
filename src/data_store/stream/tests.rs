//! A stream against an ordered map, and what was measured on Redis.

use super::*;
use crate::limits::STREAM_VALUE_APART_BYTES_MIN;
use crate::shared_bytes::{BytesRef, SharedBytes};
use std::collections::BTreeMap;

type Twin = BTreeMap<StreamId, Vec<Vec<u8>>>;

fn entry(entry: Entry) -> (StreamId, Vec<Vec<u8>>) {
    let content = |field: Field| {
        let mut bytes = Vec::new();
        field.write(&mut bytes);
        bytes
    };
    (entry.id, entry.fields().map(content).collect())
}

fn limits(entries_max: u64) -> BlockLimits {
    BlockLimits { entries_max, ..BlockLimits::default() }
}

/// A name and its value.
const A_1: &[&[u8]] = &[b"a", b"1"];

/// Fields that lie apart.
#[derive(Clone, Copy)]
struct Held<'a>(&'a [SharedBytes]);

impl<'a> NewFields<'a> for Held<'a> {
    fn count(self) -> usize {
        self.0.len()
    }

    fn field(self, index: usize) -> BytesRef<'a> {
        BytesRef::Apart(&self.0[index])
    }
}

fn small_id(u: &mut arbtest::arbitrary::Unstructured) -> arbtest::arbitrary::Result<StreamId> {
    Ok(StreamId::new(u.int_in_range(0..=9)?, u.int_in_range(0..=9)?))
}

fn append_any(
    stream: &mut Stream,
    twin: &mut Twin,
    u: &mut arbtest::arbitrary::Unstructured,
) -> arbtest::arbitrary::Result<()> {
    let id = small_id(u)?;
    if id <= stream.last_id() {
        return Ok(());
    }
    let pairs = u.int_in_range(1..=2)?;
    let names: [&[u8]; 3] = [b"a", b"b", b""];
    let mut fields: Vec<Vec<u8>> = Vec::new();
    for _ in 0..pairs {
        fields.push(u.choose(&names)?.to_vec());
        fields.push(u.arbitrary()?);
        if u.ratio(1, 8)? {
            let length = STREAM_VALUE_APART_BYTES_MIN + u.int_in_range(0..=1)?;
            fields.last_mut().expect("just pushed").resize(length - 1, b'x');
        }
    }
    let limits = limits(u.int_in_range(0..=4)?);
    if u.arbitrary()? {
        stream.append(id, &fields[..], limits);
    } else {
        let held: Vec<_> = fields.iter().cloned().map(SharedBytes::new).collect();
        stream.append(id, Held(&held), limits);
        let is_large = |field: &&SharedBytes| field.len() >= STREAM_VALUE_APART_BYTES_MIN;
        assert!(held.iter().all(|field| field.holders() == 1 + usize::from(is_large(&field))));
    }
    assert_eq!(stream.last_id(), id);
    twin.insert(id, fields);
    Ok(())
}

/// Exact trimming has one right answer; approximate trimming may keep more, never less.
fn trim_any(
    stream: &mut Stream,
    twin: &mut Twin,
    u: &mut arbtest::arbitrary::Unstructured,
) -> arbtest::arbitrary::Result<()> {
    let (approximate, limit) = if u.ratio(1, 2)? { (true, u.arbitrary()?) } else { (false, None) };
    let (by, due) = if u.arbitrary()? {
        let kept = u.int_in_range(0..=12)?;
        (TrimBy::MaxLen(kept), (twin.len() as u64).saturating_sub(kept))
    } else {
        let id = small_id(u)?;
        (TrimBy::MinId(id), twin.range(..id).count() as u64)
    };
    let removed = stream.trim(Trim { by, approximate, limit });
    assert!(removed <= due && (approximate || removed == due));
    assert!(limit.is_none_or(|limit| limit == 0 || removed <= limit));
    for _ in 0..removed {
        twin.pop_first();
    }
    Ok(())
}

#[test]
fn agrees_with_an_ordered_map() {
    arbtest::arbtest(|u| {
        let (mut stream, mut twin) = (Stream::new(), Twin::new());
        let mut highest_removed = StreamId::MIN;
        while !u.is_empty() {
            match u.int_in_range(0..=7)? {
                0..=4 => append_any(&mut stream, &mut twin, u)?,
                5 => trim_any(&mut stream, &mut twin, u)?,
                _ => {
                    let id = small_id(u)?;
                    let removed = twin.remove(&id).is_some();
                    assert_eq!(stream.remove(id), removed);
                    highest_removed =
                        highest_removed.max(if removed { id } else { id.min(highest_removed) });
                }
            }
            assert_eq!(stream.length(), twin.len() as u64);
            assert_eq!(stream.first_id(), twin.keys().next().copied());
            assert_eq!(stream.max_deleted_id(), highest_removed);
            let (from, to) = (small_id(u)?, small_id(u)?);
            let expected: Vec<_> = twin
                .iter()
                .filter(|(id, _)| (from..=to).contains(*id))
                .map(|(id, f)| (*id, f.clone()))
                .collect();
            assert!(stream.range(from, to, false).map(entry).eq(expected.iter().cloned()));
            assert!(stream.range(from, to, true).map(entry).eq(expected.into_iter().rev()));
            assert_eq!(stream.get(from).map(entry), twin.get(&from).map(|f| (from, f.clone())));
        }
        Ok(())
    });
}

fn numbered(count: u64) -> Stream {
    let mut stream = Stream::new();
    for ms in 1..=count {
        stream.append(StreamId::new(ms, 0), A_1, BlockLimits::default());
    }
    stream
}

fn trim(by: TrimBy, approximate: bool) -> Trim {
    Trim { by, approximate, limit: None }
}

/// D57, D58: the clock may go back and the sequence may run out.
#[test]
fn automatic_ids_grow_whatever_the_clock_does() {
    let mut stream = Stream::new();
    assert_eq!(stream.next_id(1000), Some(StreamId::new(1000, 0)));
    assert_eq!(stream.next_id(0), Some(StreamId::new(0, 1)));
    let mut add = |id| {
        stream.append(id, A_1, BlockLimits::default());
        (stream.next_id(5), stream.next_id_in(id.ms), stream.next_id_in(id.ms.saturating_add(1)))
    };
    let id = StreamId::new;
    assert_eq!(add(id(99, 5)), (Some(id(99, 6)), Some(id(99, 6)), Some(id(100, 0))));
    assert_eq!(add(id(99, u64::MAX)), (Some(id(100, 0)), None, Some(id(100, 0))));
    assert_eq!(add(StreamId::MAX), (None, None, None));
    assert_eq!(stream.next_id_in(3), None);
    assert_eq!(stream.next_id(u64::MAX), None);
    assert_eq!(Stream::new().next_id_in(0), Some(id(0, 1)));
}

/// D61: the last id outlives its entry.
#[test]
fn metadata_outlives_entries() {
    let mut stream = numbered(3);
    assert!(stream.remove(StreamId::new(3, 0)));
    assert!(!stream.remove(StreamId::new(3, 0)));
    assert_eq!(stream.last_id(), StreamId::new(3, 0));
    assert_eq!(stream.trim(trim(TrimBy::MaxLen(0), false)), 2);
    assert_eq!((stream.length(), stream.entries_added(), stream.blocks()), (0, 3, 0));
    assert_eq!(stream.max_deleted_id(), StreamId::new(3, 0));
    assert_eq!(stream.next_id(1), Some(StreamId::new(3, 1)));
}

#[test]
#[should_panic(expected = "ids only grow")]
fn an_id_is_never_given_twice() {
    numbered(3).append(StreamId::new(3, 0), A_1, BlockLimits::default());
}

/// Lengths and block counts as redis-server 7.0.15 reports them.
#[test]
fn approximate_trimming_drops_the_blocks_that_redis_drops() {
    let mut stream = Stream::new();
    for ms in 1..=1000 {
        stream.append(StreamId::new(ms, 0), A_1, BlockLimits::default());
        stream.trim(trim(TrimBy::MaxLen(100), true));
    }
    assert_eq!((stream.length(), stream.blocks()), (100, 1));

    let mut stream = numbered(1000);
    for ms in (1..=1000).step_by(3) {
        assert!(stream.remove(StreamId::new(ms, 0)));
    }
    assert_eq!((stream.length(), stream.blocks()), (666, 10));
    assert_eq!(stream.trim(trim(TrimBy::MaxLen(100), true)), 533);
    assert_eq!((stream.length(), stream.blocks()), (133, 2));
    assert_eq!(stream.first_id(), Some(StreamId::new(801, 0)));
    assert_eq!(stream.trim(trim(TrimBy::MinId(StreamId::new(950, 0)), false)), 99);
    assert_eq!((stream.length(), stream.blocks()), (34, 1));
}

#[test]
fn a_limit_stops_before_the_block_that_would_exceed_it() {
    let mut stream = numbered(1000);
    let limited = |limit| Trim { by: TrimBy::MaxLen(0), approximate: true, limit: Some(limit) };
    assert_eq!(stream.trim(limited(99)), 0);
    assert_eq!(stream.trim(limited(250)), 200);
    assert_eq!(stream.trim(limited(0)), 800);
    assert_eq!(Trim::default_limit(BlockLimits::default()), 10_000);
    assert_eq!(Trim::default_limit(limits(0)), 10_000);
    assert_eq!(Trim::default_limit(limits(u64::MAX)), 1_000_000);
}

#[test]
fn a_block_may_be_left_without_entries() {
    let mut stream = numbered(10);
    assert!(stream.remove(StreamId::new(10, 0)));
    assert_eq!(stream.trim(trim(TrimBy::MinId(StreamId::new(10, 0)), false)), 9);
    assert_eq!((stream.length(), stream.blocks(), stream.first_id()), (0, 1, None));
    stream.append(StreamId::new(11, 0), A_1, BlockLimits::default());
    assert_eq!((stream.length(), stream.blocks()), (1, 1));
    assert_eq!(stream.range(StreamId::MIN, StreamId::MAX, true).count(), 1);
}
