use super::*;
use crate::data_store::Hasher;
use arbtest::arbitrary;
use std::collections::{HashMap, HashSet};

/// Handles are numbers here; their hashes collide in part, so that chains grow long.
struct Hashes;

impl Rehash for Hashes {
    fn hash_of(&self, handle: Handle) -> u64 {
        let hash = Hasher::new([3; 16]).hash(&handle.bits().to_be_bytes());
        match handle.bits() % 8 {
            0 => hash & 0xff00_0000_0000_000f,
            1 => 0,
            _ => hash,
        }
    }

    fn prefetch(&self, _: Handle) {}
}

fn insert(dict: &mut Dict, number: u32) {
    let handle = Handle::from_bits(number);
    dict.insert(Hashes.hash_of(handle), handle, &Hashes);
}

fn find(dict: &Dict, number: u32) -> Option<(Place, Handle)> {
    let handle = Handle::from_bits(number);
    dict.candidates(Hashes.hash_of(handle))?.find(|&(_, other)| other == handle)
}

fn remove(dict: &mut Dict, number: u32) -> bool {
    let Some((place, handle)) = find(dict, number) else { return false };
    dict.remove(place, Hashes.hash_of(handle), &Hashes);
    true
}

fn filled(count: u32) -> Dict {
    let mut dict = Dict::new();
    (0..count).for_each(|number| insert(&mut dict, number));
    dict
}

/// Every entry stands in its home line or in a chain that this line links to; chains are dense.
fn check_shape(dict: &Dict) {
    assert!(dict.len <= dict.groups() * GROUP_ENTRIES_MAX);
    assert!(dict.groups() <= 1 || dict.groups() * GROUP_ENTRIES_MIN <= dict.len);
    let mut overflow = 0;
    for start in (0..dict.homes.len()).step_by(GROUP_LINES) {
        for (position, number) in dict.chain(dict.group_link(start)).enumerate() {
            let filled = dict.overflow[number].occupied().count();
            assert!(filled == 12 || (position == 0 && filled > 0));
            assert!(dict.overflow[number].occupied().eq(0..filled));
            overflow += 1;
        }
        for line in start..start + GROUP_LINES {
            assert!([0, dict.group_link(start)].contains(&dict.homes[line].link()));
        }
    }
    assert_eq!(overflow, dict.overflow.len(), "no overflow line is lost");
    let lines = 0..dict.homes.len();
    assert_eq!(lines.map(|line| dict.line_entries(line, &Hashes).count()).sum::<usize>(), dict.len);
    assert_eq!(dict.iter().count(), dict.len);
}

#[test]
fn agrees_with_a_set() {
    arbtest::arbtest(|u| {
        let (mut dict, mut twin) = (Dict::new(), HashSet::new());
        while !u.is_empty() {
            let (first, count) = (u.int_in_range(0..=400u32)?, u.int_in_range(1..=60)?);
            let is_insertion = u.ratio(3, 5)?;
            for number in first..first + count {
                if is_insertion && twin.insert(number) {
                    insert(&mut dict, number);
                } else if !is_insertion {
                    assert_eq!(remove(&mut dict, number), twin.remove(&number));
                }
            }
            assert_eq!(dict.len(), twin.len());
            check_shape(&dict);
        }
        for number in 0..460 {
            assert_eq!(find(&dict, number).is_some(), twin.contains(&number));
        }
        Ok(())
    });
}

#[test]
fn another_handle_can_take_the_place() {
    let mut dict = filled(500);
    for number in (0..500).step_by(8) {
        let (place, handle) = find(&dict, number).expect("inserted");
        // Under the same hash: any other of those whose hash is 0.
        dict.set_handle(place, Handle::from_bits(number + 1_000_000));
        let mut candidates = dict.candidates(Hashes.hash_of(handle)).expect("it has entries");
        let found = candidates.find(|(_, other)| other.bits() == number + 1_000_000);
        assert_eq!(found.map(|(at, _)| at), Some(place));
        dict.set_handle(place, handle);
    }
    check_shape(&dict);
}

#[test]
fn shrinks_to_one_group() {
    let mut dict = filled(20_000);
    assert!(dict.overflow.len() > 10);
    for number in 0..20_000 {
        assert!(remove(&mut dict, number));
    }
    check_shape(&dict);
    assert_eq!((dict.homes.len(), dict.overflow.len()), (GROUP_LINES, 0));
    assert!(dict.heap_bytes() < 4096, "{} bytes", dict.heap_bytes());
}

struct Even;

impl Rehash for Even {
    fn hash_of(&self, handle: Handle) -> u64 {
        Hasher::new([9; 16]).hash(&handle.bits().to_be_bytes())
    }

    fn prefetch(&self, _: Handle) {}
}

/// Slots that one insertion or removal may move: those of the group that is split or merged.
/// With keyed hashes, a group of more than a hundred entries does not happen.
const MOVED_MAX: u64 = 128;

#[test]
fn work_per_operation_is_bounded() {
    let mut dict = Dict::new();
    let (mut moved_before, mut worst) = (0, 0);
    for number in 0..200_000 {
        let handle = Handle::from_bits(number);
        dict.insert(Even.hash_of(handle), handle, &Even);
        worst = worst.max(dict.moved - moved_before);
        moved_before = dict.moved;
    }
    assert!(dict.moved < 2 * 200_000, "less than two moves per insertion on average");
    for number in 0..200_000 {
        let handle = Handle::from_bits(number);
        let mut candidates = dict.candidates(Even.hash_of(handle)).expect("it has entries");
        let (place, _) = candidates.find(|&(_, at)| at == handle).expect("inserted");
        dict.remove(place, Even.hash_of(handle), &Even);
        worst = worst.max(dict.moved - moved_before);
        moved_before = dict.moved;
    }
    assert!(worst <= MOVED_MAX, "{worst} slots moved by one operation");
}

#[test]
fn stays_dense_at_every_size() {
    let mut dict = Dict::new();
    for number in 0..300_000 {
        let handle = Handle::from_bits(number);
        dict.insert(Even.hash_of(handle), handle, &Even);
        if number > 20_000 && number % 10_000 == 0 {
            let lines = dict.homes.len() + dict.overflow.len();
            let per_entry = lines as f64 * 64.0 / f64::from(number + 1);
            assert!(per_entry < 7.6, "{per_entry} bytes per entry at {number}");
        }
    }
}

/// Entries present throughout are seen, whatever comes and goes between the calls, and nothing is
/// seen that was never there.
#[test]
fn scan_sees_everything_that_stays() {
    arbtest::arbtest(|u| {
        let mut dict = Dict::new();
        let stays: HashSet<u32> =
            u.arbitrary::<HashSet<u16>>()?.into_iter().map(u32::from).collect();
        stays.iter().for_each(|&number| insert(&mut dict, number));
        let mut seen: HashSet<u32> = HashSet::new();
        let (mut cursor, mut calls) = (0, 0);
        loop {
            cursor = dict.scan(cursor, &Hashes, |handle| {
                seen.insert(handle.bits());
            });
            calls += 1;
            assert!(calls < 100_000, "the scan must end");
            if cursor == 0 {
                break;
            }
            churn(&mut dict, &stays, u)?;
        }
        for number in &stays {
            assert!(seen.contains(number), "{number:?} stayed and was not seen");
        }
        Ok(())
    })
    .budget_ms(1000);
}

/// Grows or shrinks the table to a size of its own choice around the keys that stay: across several
/// levels, because that is where a scan could lose its place.
fn churn(
    dict: &mut Dict,
    stays: &HashSet<u32>,
    u: &mut arbitrary::Unstructured,
) -> arbitrary::Result<()> {
    if u.is_empty() || u.ratio(2, 3)? {
        return Ok(());
    }
    let target = u.int_in_range(0..=4000u32)?;
    for number in 0..=4000 {
        match (number < target, find(dict, number).is_some()) {
            (true, false) => insert(dict, number),
            (false, true) if !stays.contains(&number) => assert!(remove(dict, number)),
            _ => {}
        }
    }
    Ok(())
}

#[test]
fn scan_of_a_table_at_rest_sees_each_entry_once_and_takes_any_cursor() {
    let dict = filled(7777);
    let (mut cursor, mut seen) = (0, Vec::new());
    loop {
        cursor = dict.scan(cursor, &Hashes, |handle| seen.push(handle.bits()));
        if cursor == 0 {
            break;
        }
    }
    seen.sort();
    assert!(seen.iter().copied().eq(0..7777));
    for wild in [u64::MAX, 1 << 63, 0x1234_5678_9abc_def0] {
        dict.scan(wild, &Hashes, |_| {});
    }
    assert_eq!(Dict::new().scan(5, &Hashes, |_| {}), 0);
}

#[test]
fn random_reaches_every_entry() {
    assert!(Dict::new().random(1, &Hashes).is_none());
    let dict = filled(50);
    let mut picked = HashMap::<u32, u32>::new();
    for random in 0..5000 {
        let handle = dict.random(random, &Hashes).expect("there are entries");
        *picked.entry(handle.bits()).or_default() += 1;
    }
    assert_eq!(picked.len(), 50);
}

#[test]
fn what_is_prefetched_is_what_is_looked_at() {
    let dict = filled(3000);
    for number in 0..3000 {
        let hash = Hashes.hash_of(Handle::from_bits(number));
        let mut line = dict.home(hash).expect("the table is filled");
        while candidates_in(line, hash).next().is_none() {
            line = dict.line_behind(line).expect("the walk ends at something that may be it");
        }
        let mut looked_at = dict.candidates(hash).expect("the table is filled");
        let first = looked_at.next().map(|(_, handle)| handle);
        assert_eq!(candidates_in(line, hash).next(), first);
    }
}
