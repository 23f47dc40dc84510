use super::*;
use crate::data_store::{Hasher, List, StreamId, StringRef};
use std::collections::HashMap;

const NAMES: [&[u8]; 6] = [b"a", b"b", b"c", b"d", b"e", b"f"];

fn hasher() -> Hasher {
    Hasher::new([1; 16])
}

fn key(index: usize) -> Key<'static> {
    hasher().key(NAMES[index])
}

fn number(value: i64) -> Value {
    Value::String(value.to_string().into_bytes())
}

fn read(value: ValueRef<'_>) -> i64 {
    match value {
        ValueRef::String(string) => string.as_i64().expect("tests store numbers"),
        other => panic!("tests store strings, not {other:?}"),
    }
}

fn looked_up(keyspace: &mut Keyspace, key: Key, now: UnixMs) -> Option<i64> {
    match keyspace.lookup(key, now)? {
        ValueMut::String(string) => StringRef::as_i64(string),
        other => panic!("tests store strings, not {other:?}"),
    }
}

/// The naive twin: names to value and deadline, and the expired that nobody took.
#[derive(Default)]
struct Twin {
    keys: HashMap<usize, (i64, Option<UnixMs>)>,
    expired: Vec<usize>,
}

impl Twin {
    fn expire(&mut self, index: usize, now: UnixMs) {
        if self.keys.get(&index).is_some_and(|(_, at)| at.is_some_and(|at| at <= now)) {
            self.keys.remove(&index);
            self.expired.push(index);
        }
    }
}

fn step(
    keyspace: &mut Keyspace,
    twin: &mut Twin,
    u: &mut arbtest::arbitrary::Unstructured,
) -> arbtest::arbitrary::Result<()> {
    let index = u.int_in_range(0..=NAMES.len() - 1)?;
    // The clock jumps both ways.
    let (now, value) = (u.int_in_range(0..=9)?, u.arbitrary()?);
    let action = u.int_in_range(0..=8)?;
    if !matches!(action, 0 | 1 | 6 | 7) {
        twin.expire(index, now);
    }
    match action {
        0 => {
            let is_new = keyspace.insert(key(index), number(value));
            assert_eq!(is_new, twin.keys.insert(index, (value, None)).is_none());
        }
        1 => {
            let known = keyspace.set_expiry(key(index), now);
            let slot = twin.keys.get_mut(&index);
            assert_eq!(known, slot.map(|slot| slot.1 = Some(now)).is_some());
        }
        2 => {
            let found = looked_up(keyspace, key(index), now);
            assert_eq!(found, twin.keys.get(&index).map(|slot| slot.0));
        }
        3 => {
            let removed = keyspace.remove(key(index), now);
            assert_eq!(removed, twin.keys.remove(&index).is_some());
        }
        4 => {
            let taken = keyspace.take(key(index), now).map(|(value, deadline)| match value {
                Value::String(bytes) => (StringRef::bytes(&bytes).as_i64(), deadline),
                other => panic!("tests store strings, not {other:?}"),
            });
            assert_eq!(taken, twin.keys.remove(&index).map(|(old, at)| (Some(old), at)));
        }
        5 => {
            let expected = twin.keys.get(&index).map(|slot| slot.1);
            assert_eq!(keyspace.expiry(key(index), now), expected);
        }
        6 => {
            let slot = twin.keys.get_mut(&index);
            let had = slot.is_some_and(|slot| slot.1.take().is_some());
            assert_eq!(keyspace.clear_expiry(key(index)), had);
        }
        7 => {
            let slot = twin.keys.get(&index).filter(|(_, at)| at.is_none_or(|at| at > now));
            let expected = slot.map(|slot| slot.0);
            assert_eq!(keyspace.peek(key(index), now).map(read), expected);
            assert_eq!(keyspace.contains(key(index), now), expected.is_some());
            let stored = twin.keys.contains_key(&index);
            assert_eq!(keyspace.is_expired(key(index), now), stored && expected.is_none());
        }
        _ => {
            assert!(keyspace.expire_due(now, 1000) < 1000, "a few keys take a few steps");
            (0..NAMES.len()).for_each(|index| twin.expire(index, now));
        }
    }
    Ok(())
}

/// Names of the keys that were found expired since the last call.
fn take_expired(keyspace: &mut Keyspace) -> Vec<Box<[u8]>> {
    let name = |finding| match finding {
        Finding::Expired(name) => name,
        Finding::Missing(name) => panic!("nobody has read {name:?}"),
    };
    keyspace.take_findings().into_iter().map(name).collect()
}

fn taken(keyspace: &mut Keyspace) -> Vec<usize> {
    let taken = take_expired(keyspace).into_iter();
    let position = |name: &[u8]| NAMES.iter().position(|other| *other == name);
    let mut taken: Vec<usize> = taken.map(|name| position(&name).expect("a known name")).collect();
    taken.sort_unstable();
    taken
}

#[test]
fn agrees_with_a_hash_map() {
    arbtest::arbtest(|u| {
        let (mut keyspace, mut twin) = (Keyspace::new(hasher()), Twin::default());
        while !u.is_empty() {
            step(&mut keyspace, &mut twin, u)?;
            twin.expired.sort_unstable();
            assert_eq!(taken(&mut keyspace), std::mem::take(&mut twin.expired));
            assert_eq!(keyspace.len(), twin.keys.len());
            let deadlines = || twin.keys.values().filter_map(|slot| slot.1);
            assert!(keyspace.next_expiry() <= deadlines().min());
            assert_eq!(keyspace.next_expiry().is_some(), deadlines().next().is_some());
            assert_eq!(keyspace.expiring_len(), deadlines().count());
        }
        Ok(())
    });
}

fn filled(count: u32, deadline: impl Fn(u32) -> UnixMs) -> Keyspace {
    let mut keyspace = Keyspace::new(hasher());
    for index in 0..count {
        let name = index.to_be_bytes();
        let at = Expiry::At(deadline(index));
        keyspace.set_string(hasher().key(&name), index.to_string().as_bytes(), at, 0);
    }
    keyspace
}

#[test]
fn due_keys_go_within_the_budget_and_nobody_else() {
    let mut keyspace = filled(100, |index| 1000 - UnixMs::from(index));
    assert!(keyspace.expire_due(900, 1000) < 1000);
    assert!(take_expired(&mut keyspace).is_empty());
    assert_eq!(keyspace.next_expiry(), Some(901));
    assert_eq!(keyspace.expire_due(950, 10), 10);
    assert!(take_expired(&mut keyspace).len() <= 10);
    assert!(keyspace.next_expiry().is_some_and(|at| at <= 950), "there is more to do");
    assert!(keyspace.expire_due(950, 1000) < 1000);
    assert_eq!((keyspace.len(), keyspace.next_expiry()), (50, Some(951)));
    let left = (0..50u32).all(|index| keyspace.contains(hasher().key(&index.to_be_bytes()), 950));
    assert!(left, "those with a later deadline stay");
}

#[test]
fn a_clock_set_back_revives_nothing_and_kills_nothing() {
    let mut keyspace = filled(1, |_| 500);
    for now in [499, -1_000_000, 499] {
        assert!(keyspace.expire_due(now, 99) < 99);
        assert_eq!(keyspace.len(), 1);
    }
    assert!(keyspace.expire_due(500, 99) < 99);
    assert!(keyspace.is_empty());
    assert_eq!(keyspace.expire_due(0, 9), 0);
}

#[test]
fn random_key_passes_over_expired_keys_and_notes_them() {
    let mut keyspace = filled(20, |index| if index == 7 { 100 } else { 10 });
    assert_eq!(keyspace.random_key(1, 50), Some(&7u32.to_be_bytes()[..]));
    let noted = take_expired(&mut keyspace).len();
    assert_eq!(keyspace.len(), 20 - noted);
    assert_eq!(keyspace.random_key(2, 100), None);
    assert_eq!((keyspace.len(), keyspace.expiring_len()), (0, 0));
}

#[test]
fn scan_and_for_each_show_deadlines() {
    let keyspace = filled(300, |index| UnixMs::from(index) + 1);
    let (mut cursor, mut shown) = (0, Vec::new());
    loop {
        cursor = keyspace.scan(cursor, |key, value, deadline| {
            shown.push((key.to_vec(), read(value), deadline));
        });
        if cursor == 0 {
            break;
        }
    }
    let mut all = Vec::new();
    keyspace.for_each(|key, value, at| all.push((key.to_vec(), read(value), at)));
    shown.sort();
    all.sort();
    assert_eq!(shown, all);
    assert!(all.iter().all(|(_, value, at)| *at == Some(value + 1)));
    assert_eq!(all.len(), 300);
}

#[test]
fn keys_of_any_length_hold_values_of_any_length() {
    let mut keyspace = Keyspace::new(hasher());
    let lengths = [0, 1, 100, 127, 128, 3000, 3072, 3073, 5000, 100_000];
    for key_bytes in lengths {
        for value_bytes in lengths {
            let name = [vec![b'k'; key_bytes], value_bytes.to_string().into_bytes()].concat();
            let value = vec![b'v'; value_bytes];
            keyspace.set_string(hasher().key(&name), b"7", Expiry::At(9), 0);
            keyspace.set_string(hasher().key(&name), &value, Expiry::Keep, 0);
            keyspace.set_expiry(hasher().key(&name), UnixMs::MAX);
            assert_eq!(keyspace.expiry(hasher().key(&name), 0), Some(Some(UnixMs::MAX)));
            keyspace.clear_expiry(hasher().key(&name));
            let Some(ValueRef::String(string)) = keyspace.peek(hasher().key(&name), 0) else {
                panic!("a string was stored");
            };
            assert_eq!(string.as_bytes(&mut Default::default()), value);
        }
    }
    assert_eq!((keyspace.len(), keyspace.expiring_len()), (100, 0));
}

#[test]
fn the_clock_of_a_key_survives_what_happens_to_it() {
    let mut keyspace = Keyspace::new(hasher());
    assert_eq!(keyspace.clock(key(0)), None);
    keyspace.set_string(key(0), b"text", Expiry::Never, 0);
    keyspace.set_clock(key(0), 0xabcdef);
    keyspace.set_string(key(0), &[b'x'; 4000], Expiry::At(70), 0);
    keyspace.clear_expiry(key(0));
    assert_eq!(keyspace.clock(key(0)), Some(0xabcdef));
    keyspace.remove(key(0), 0);
    keyspace.set_string(key(0), b"text", Expiry::Never, 0);
    assert_eq!(keyspace.clock(key(0)), Some(0));
}

fn long_list(count: usize) -> Value {
    let mut list = List::new();
    (0..count).for_each(|_| list.push_back(b"element"));
    Value::List(list)
}

#[test]
fn large_values_are_freed_in_slices() {
    let mut keyspace = Keyspace::new(hasher());
    keyspace.insert(key(0), long_list(100_000));
    keyspace.insert(key(1), long_list(20));
    let mut stream = Box::<crate::data_store::Stream>::default();
    let limits = crate::data_store::stream::BlockLimits { entries_max: 100, bytes_max: 4096 };
    for ms in 1..5000 {
        stream.append(StreamId { ms, seq: 0 }, &[&b"f"[..], b"v"][..], limits);
    }
    keyspace.insert(key(3), Value::Stream(stream));
    assert!(keyspace.remove(key(1), 0) && !keyspace.has_garbage(), "a small one goes at once");
    keyspace.set_string(key(0), b"x", Expiry::Never, 0);
    keyspace.remove(key(3), 0);
    let count = slices(&mut keyspace, 20);
    assert!((10..80).contains(&count), "{count} slices");
    keyspace.free_later(long_list(100_000));
    assert!(slices(&mut keyspace, 20) > 5);
}

/// How many slices of `budget` elements it takes to free everything.
fn slices(keyspace: &mut Keyspace, budget: usize) -> usize {
    let mut count = 0;
    while keyspace.has_garbage() {
        assert!(keyspace.free_some(budget) <= budget);
        count += 1;
    }
    assert_eq!(keyspace.free_some(budget), 0);
    count
}

#[test]
fn cleared_content_is_freed_in_slices() {
    let mut keyspace = filled(50_000, |_| 5);
    for index in 0..6 {
        keyspace.insert(key(index), long_list(10_000));
    }
    let held = keyspace.heap_bytes();
    keyspace.clear();
    assert!(keyspace.is_empty() && keyspace.next_expiry().is_none());
    assert_eq!(keyspace.heap_bytes(), 0);
    assert!(held > 1_000_000);
    let count = slices(&mut keyspace, 100);
    assert!((5..200).contains(&count), "{count} slices");
    assert!(take_expired(&mut keyspace).is_empty(), "cleared keys did not expire");
}

/// Bytes per key at sizes between which the table doubles, and their mean.
fn bytes_per_key(store: impl Fn(&mut Keyspace, Key, u32)) -> f64 {
    let mut keyspace = Keyspace::new(hasher());
    let (mut stored, mut figures) = (0, Vec::new());
    for count in [70_000, 100_000, 140_000] {
        for index in stored..count {
            let name = format!("key:{index:012}");
            store(&mut keyspace, hasher().key(name.as_bytes()), index);
        }
        stored = count;
        figures.push(keyspace.heap_bytes() as f64 / f64::from(count));
    }
    let mean = figures.iter().sum::<f64>() / 3.0;
    assert!(figures.iter().all(|&figure| figure < 1.1 * mean), "{figures:?}");
    mean
}

/// The figures hold on every machine: nothing here depends on the allocator below the pages.
#[test]
fn a_key_costs_few_bytes() {
    let plain = bytes_per_key(|keyspace, key, _| {
        keyspace.set_string(key, b"sixteen bytes...", Expiry::Never, 0);
    });
    let integer = bytes_per_key(|keyspace, key, index| {
        keyspace.set_string(key, (u64::from(index) << 36).to_string().as_bytes(), Expiry::Never, 0);
    });
    let expiring = bytes_per_key(|keyspace, key, index| {
        let at = 1_700_000_000_000 + UnixMs::from(index) * 13;
        keyspace.set_string(key, b"sixteen bytes...", Expiry::At(at), 0);
    });
    let hundred = bytes_per_key(|keyspace, key, _| {
        keyspace.set_string(key, &[b'v'; 100], Expiry::Never, 0);
    });
    println!("{plain:.1} plain, {integer:.1} integer, {expiring:.1} with TTL, {hundred:.1} of 100");
    assert!(plain < 47.0 && integer < 38.0 && expiring < 61.0 && hundred < 131.5);
    let ten = bytes_per_key(|keyspace, key, _| {
        let push_ten = |list: &mut List| (0..10).for_each(|_| list.push_back(b"12345678"));
        keyspace.change_list_or_new(key, 0, push_ten).expect("a list");
    });
    let grown = bytes_per_key(|keyspace, key, _| {
        for _ in 0..10 {
            let push = |list: &mut List| list.push_back(b"12345678");
            keyspace.change_list_or_new(key, 0, push).expect("a list");
        }
    });
    println!("a list of ten: {ten:.1} stored at once, {grown:.1} one by one");
    assert!(ten < 113.0 && grown < 125.0);
}

#[test]
fn memory_comes_back_when_keys_go() {
    let mut keyspace = filled(50_000, |_| 1000);
    assert!(keyspace.heap_bytes() > 50_000 * 30);
    while keyspace.expire_due(1000, 1000) == 1000 {}
    assert!(keyspace.is_empty());
    assert!(keyspace.heap_bytes() < 100_000, "{} bytes are left", keyspace.heap_bytes());
}
