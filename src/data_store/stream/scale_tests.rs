//! Long streams: against an ordered map over many blocks and stretches; and what they cost, counted
//! in bytes and steps, never in time.

use super::*;
use crate::data_store::search_steps;
use std::collections::BTreeMap;

use arbtest::arbitrary::{Result, Unstructured};

/// Every entry has a number; its fields follow from it.
type Twin = BTreeMap<StreamId, u64>;

/// Mostly the names `a` and `b` with small numbers; now and then others, and long strings.
fn fields_of(number: u64) -> Vec<Vec<u8>> {
    let small = || (number % 100).to_string().into_bytes();
    let text = |text: &str| text.as_bytes().to_vec();
    match number % 17 {
        0 => vec![text("other"), vec![b'x'; number as usize % 300]],
        1 => vec![text("a"), text("007"), text("b"), text(&format!("-{number}"))],
        2 => vec![text("a"), small(), text("12"), number.to_string().into_bytes()],
        _ => vec![text("a"), small(), text("b"), small()],
    }
}

fn read(entry: Entry) -> (StreamId, Vec<Vec<u8>>) {
    let content = |field: Field| {
        let mut bytes = Vec::new();
        field.write(&mut bytes);
        bytes
    };
    (entry.id, entry.fields().map(content).collect())
}

fn expected((&id, &number): (&StreamId, &u64)) -> (StreamId, Vec<Vec<u8>>) {
    (id, fields_of(number))
}

/// A later id: near or far, in the same millisecond or not.
fn later(u: &mut Unstructured, last: StreamId) -> Result<StreamId> {
    let by = u.int_in_range(1..=20)?;
    Ok(match u.int_in_range(0..=9)? {
        0 => StreamId::new(last.ms + by * 1000, 7),
        1 => StreamId::new(last.ms, last.seq + by),
        2..=4 => StreamId::new(last.ms + by, 0),
        _ => StreamId::new(last.ms, last.seq + 1),
    })
}

fn any_limits(u: &mut Unstructured) -> Result<BlockLimits> {
    let entries_max = *u.choose(&[0, 1, 3, 100, 100, 300])?;
    let bytes_max = *u.choose(&[0, 64, 4096, 4096])?;
    Ok(BlockLimits { entries_max, bytes_max })
}

/// An id somewhere among those there are, or near them.
fn any_id(u: &mut Unstructured, twin: &Twin) -> Result<StreamId> {
    let at = u.int_in_range(0..=twin.len())?;
    let id = twin.keys().nth(at).copied().unwrap_or(StreamId::new(1, 0));
    Ok(if u.ratio(1, 4)? { id.next().unwrap_or(id) } else { id })
}

fn trim_exactly(u: &mut Unstructured, stream: &mut Stream, twin: &mut Twin) -> Result<()> {
    let by = if u.arbitrary()? {
        TrimBy::MaxLen(twin.len() as u64 - u.int_in_range(0..=twin.len() as u64)? / 4)
    } else {
        TrimBy::MinId(any_id(u, twin)?)
    };
    let length = twin.len();
    match by {
        TrimBy::MaxLen(kept) => {
            while twin.len() as u64 > kept {
                twin.pop_first();
            }
        }
        TrimBy::MinId(least) => *twin = twin.split_off(&least),
    }
    let removed = stream.trim(Trim { by, approximate: false, limit: None });
    assert_eq!(removed, (length - twin.len()) as u64);
    Ok(())
}

fn trim_roughly(u: &mut Unstructured, stream: &mut Stream, twin: &mut Twin) -> Result<()> {
    let kept = twin.len() as u64 / u.int_in_range(1..=3)?;
    let limit = if u.arbitrary()? { Some(u.int_in_range(0..=300)?) } else { None };
    let removed = stream.trim(Trim { by: TrimBy::MaxLen(kept), approximate: true, limit });
    for _ in 0..removed {
        twin.pop_first();
    }
    assert!(twin.len() as u64 >= kept);
    Ok(())
}

/// Removes entries here and there, or a whole run.
fn remove_some(u: &mut Unstructured, stream: &mut Stream, twin: &mut Twin) -> Result<()> {
    let from = any_id(u, twin)?;
    let every = u.int_in_range(1..=5)?;
    let count = u.int_in_range(0..=300)?;
    let ids: Vec<_> = twin.range(from..).step_by(every).map(|(id, _)| *id).take(count).collect();
    for id in ids {
        assert!(stream.remove(id) && !stream.remove(id) && stream.get(id).is_none());
        twin.remove(&id);
    }
    Ok(())
}

fn agree(u: &mut Unstructured, stream: &Stream, twin: &Twin) -> Result<()> {
    assert_eq!(stream.length(), twin.len() as u64);
    assert_eq!(stream.first_entry().map(read), twin.first_key_value().map(expected));
    assert_eq!(stream.last_entry().map(read), twin.last_key_value().map(expected));
    let (from, to) = (any_id(u, twin)?, any_id(u, twin)?);
    let is_below = twin.keys().next_back().is_some_and(|last| *last > from);
    assert_eq!(stream.has_entries_after(from), is_below);
    assert_eq!(stream.get(from).map(read), twin.get_key_value(&from).map(expected));
    let wanted = twin.range(from..=to.max(from)).filter(|_| from <= to).map(expected);
    assert!(stream.range(from, to, false).map(read).eq(wanted.clone()));
    assert!(stream.range(from, to, true).map(read).eq(wanted.rev()));
    Ok(())
}

#[test]
fn agrees_with_an_ordered_map_over_many_blocks() {
    let property = |u: &mut Unstructured| {
        let (mut stream, mut twin, mut number) = (Stream::new(), Twin::new(), 0);
        let mut limits = any_limits(u)?;
        while !u.is_empty() {
            match u.int_in_range(0..=9)? {
                0..=4 => {
                    for _ in 0..u.int_in_range(0..=300)? {
                        let id = later(u, stream.last_id())?;
                        number += 1;
                        stream.append(id, &fields_of(number)[..], limits);
                        twin.insert(id, number);
                    }
                }
                5 => limits = any_limits(u)?,
                6 => trim_exactly(u, &mut stream, &mut twin)?,
                7 => trim_roughly(u, &mut stream, &mut twin)?,
                _ => remove_some(u, &mut stream, &mut twin)?,
            }
            agree(u, &stream, &twin)?;
            assert_eq!(stream.entries_added(), number);
        }
        Ok(())
    };
    arbtest::arbtest(property).budget_ms(1000);
}

/// `ids` gives the id of each number; two fields of two digits each.
fn two_digits(entries: u64, ids: impl Fn(u64) -> StreamId) -> Stream {
    let mut stream = Stream::new();
    for number in 0..entries {
        let (left, right) = ((number % 90 + 10).to_string(), (number % 77 + 10).to_string());
        let fields = [&b"field1"[..], left.as_bytes(), b"field2", right.as_bytes()];
        stream.append(ids(number), &fields[..], BlockLimits::default());
    }
    stream
}

fn bytes_per_entry(stream: &Stream) -> f64 {
    // What a general allocator adds: a header of 8 bytes, and steps of 16.
    let allocator = stream.blocks() * 16;
    (stream.heap_bytes() + allocator) as f64 / stream.length() as f64
}

const NOW_MS: u64 = 1_700_000_000_000;

#[test]
fn an_entry_of_two_small_numbers_needs_few_bytes() {
    for entries in [100_000, 140_000, 200_000] {
        let burst =
            two_digits(entries, |number| StreamId::new(NOW_MS + number / 500, number % 500));
        let steady = two_digits(entries, |number| StreamId::new(NOW_MS + number, 0));
        let slow = two_digits(entries, |number| StreamId::new(NOW_MS + number * 1000, 0));
        let figures = [&burst, &steady, &slow].map(bytes_per_entry);
        assert!(figures[0] < 4.6 && figures[1] < 4.6, "{figures:?}");
        assert!(figures[2] < 6.5, "{figures:?}");
    }
}

/// A short stream costs no more than its bytes and one place for a block.
#[test]
fn a_short_stream_is_small() {
    let stream = two_digits(10, |number| StreamId::new(NOW_MS + number, 0));
    assert!(stream.heap_bytes() < 600, "{}", stream.heap_bytes());
    assert_eq!(Stream::new().heap_bytes(), 0);
}

/// Every block is one allocation that is shrunk once; no entry has one of its own.
#[test]
fn adding_in_steady_state_grows_nothing_within_a_block() {
    let mut stream = two_digits(1000, |number| StreamId::new(NOW_MS, number));
    let mut grown = 0;
    for number in 1000..2000 {
        let before = stream.heap_bytes();
        let fields = [&b"field1"[..], b"10", b"field2", b"99"];
        let id = StreamId::new(NOW_MS, number);
        stream.append(id, &fields[..], BlockLimits::default());
        grown += usize::from(stream.heap_bytes() != before);
    }
    assert!(grown <= 20, "{grown} of 1000 additions changed what is allocated");
}

/// What the dearest of a few thousand searches costs, in comparisons and entries leapt over.
fn steps_max(stream: &Stream, entries: u64) -> usize {
    let ids = (0..entries).step_by(entries as usize / 4096 + 1);
    let cost = |number| {
        search_steps::take();
        assert!(stream.get(StreamId::new(NOW_MS + number, 0)).is_some());
        search_steps::take()
    };
    ids.map(cost).max().expect("a few thousand were tried")
}

#[test]
fn finding_an_id_takes_logarithmic_steps_and_a_bounded_walk() {
    let ordinary = |entries| two_digits(entries, |number| StreamId::new(NOW_MS + number, 0));
    for entries in [1_000, 32_000, 1_024_000] {
        let comparisons = (entries as usize / 100).ilog2() as usize + 4;
        let steps = steps_max(&ordinary(entries), entries);
        assert!(steps <= comparisons + 101, "{steps} for {entries}");
    }
    let mut endless = Stream::new();
    let limits = BlockLimits { entries_max: 0, bytes_max: 0 };
    for number in 0..200_000 {
        let id = StreamId::new(NOW_MS + number, 0);
        endless.append(id, &[&b"a"[..], b"1"][..], limits);
    }
    assert_eq!(endless.blocks(), 1);
    assert!(steps_max(&endless, 200_000) <= 20 + 129);
}

/// A queue: added at the back, deleted at the front by id or by length.
#[test]
fn keeping_a_stream_short_takes_few_steps() {
    let limits = BlockLimits { entries_max: 0, bytes_max: 0 };
    let mut stream = Stream::new();
    for number in 0..5_000_u64 {
        let id = StreamId::new(number + 1, 0);
        stream.append(id, &[&b"a"[..], b"1"][..], limits);
        search_steps::take();
        if number % 2 == 0 {
            stream.trim(Trim { by: TrimBy::MaxLen(10), approximate: false, limit: None });
        } else if let Some(first) = stream.first_id() {
            stream.remove(first);
        }
        let steps = search_steps::take();
        assert!(steps <= 30, "{steps} at {number}");
    }
    assert_eq!((stream.length(), stream.blocks()), (10, 1));
}

#[test]
fn a_long_stream_is_freed_in_slices() {
    let mut stream = two_digits(10_000, |number| StreamId::new(NOW_MS + number, 0));
    for left in (0..100).rev() {
        assert_eq!(stream.drop_some(1), 1);
        assert_eq!((stream.blocks(), stream.length()), (left, left as u64 * 100));
    }
    assert_eq!(stream.drop_some(1), 0);
    assert_eq!(stream.heap_bytes(), 0);
}
