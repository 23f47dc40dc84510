use super::*;
use crate::data_store::{Hasher, Value, ValueRef};
use arbtest::arbitrary::{Result, Unstructured};
use std::collections::{HashMap, VecDeque};

const NAMES: [&[u8]; 4] =
    [b"a", b"b", b"c", b"a name as long as a name may be, and then some more"];

type Twin = HashMap<usize, VecDeque<Vec<u8>>>;

fn key(index: usize) -> Key<'static> {
    Hasher::new([1; 16]).key(NAMES[index])
}

fn keyspace() -> Keyspace {
    Keyspace::new(Hasher::new([1; 16]))
}

/// Mostly short, so that a list is small for a while; now and then too long for an entry, and for a
/// node.
fn arbitrary_element(u: &mut Unstructured) -> Result<Vec<u8>> {
    let bytes = match u.int_in_range(0..=60)? {
        0 => 5_000,
        1 => 300,
        other => other % 20,
    };
    Ok(vec![u.arbitrary()?; bytes])
}

/// One change of a list that is there.
fn change(list: &mut List, twin: &mut VecDeque<Vec<u8>>, u: &mut Unstructured) -> Result<()> {
    let element = arbitrary_element(u)?;
    let index = u.int_in_range(0..=twin.len())?;
    match u.int_in_range(0..=7)? {
        0 | 1 => {
            list.push_front(&element);
            twin.push_front(element);
        }
        2 | 3 => {
            list.push_back(&element);
            twin.push_back(element);
        }
        4 => assert_eq!(list.drop_front(), twin.pop_front().is_some()),
        5 => {
            let known = twin.get_mut(index).map(|place| *place = element.clone()).is_some();
            assert_eq!(list.set(index, &element), known);
        }
        6 => {
            list.insert(index, &element);
            twin.insert(index, element);
        }
        _ => {
            list.trim(index, index + 5);
            twin.drain(..index);
            twin.truncate(6);
        }
    }
    Ok(())
}

/// One change of the keyspace, that of a list among others.
fn step(keyspace: &mut Keyspace, twin: &mut Twin, u: &mut Unstructured) -> Result<()> {
    let index = u.int_in_range(0..=NAMES.len() - 1)?;
    match u.int_in_range(0..=19)? {
        0 => assert_eq!(keyspace.remove(key(index), 0), twin.remove(&index).is_some()),
        1 => {
            let other = u.int_in_range(0..=NAMES.len() - 1)?;
            if let Some((value, _)) = keyspace.take(key(index), 0) {
                keyspace.insert(key(other), value);
                let list = twin.remove(&index).expect("the twin has it too");
                twin.insert(other, list);
            }
        }
        2 => {
            keyspace.set_expiry(key(index), u.int_in_range(1..=UnixMs::MAX)?);
        }
        3 => {
            keyspace.clear_expiry(key(index));
        }
        4..=11 => {
            let twin = twin.entry(index).or_default();
            let changed = keyspace.change_list_or_new(key(index), 0, |list| change(list, twin, u));
            changed.expect("there are only lists")?;
        }
        _ => {
            let mut twin = twin.get_mut(&index);
            let changed = keyspace.change_list(key(index), 0, |list| {
                change(list, twin.as_mut().expect("the twin has it too"), u)
            });
            let changed = changed.expect("there are only lists").transpose()?;
            assert_eq!(changed.is_some(), twin.is_some());
        }
    }
    if twin.get(&index).is_some_and(VecDeque::is_empty) {
        keyspace.remove(key(index), 0);
        twin.remove(&index);
    }
    Ok(())
}

fn check(keyspace: &mut Keyspace, twin: &Twin) {
    assert_eq!(keyspace.len(), twin.len());
    for index in 0..NAMES.len() {
        let expected = twin.get(&index);
        let shown = keyspace.peek(key(index), 0);
        let shown = shown.map(|value| match value {
            ValueRef::List(list) => list.iter().map(|element| element.to_vec()).collect(),
            other => panic!("{other:?} is no list"),
        });
        assert_eq!(shown.as_ref(), expected);
        let list = keyspace.list(key(index), 0).expect("there are only lists");
        let found = list.map(|list| list.iter().map(|element| element.to_vec()).collect());
        assert_eq!(found.as_ref(), expected);
    }
}

#[test]
fn agrees_with_a_map_of_deques() {
    arbtest::arbtest(|u| {
        let (mut keyspace, mut twin) = (keyspace(), Twin::new());
        while !u.is_empty() {
            step(&mut keyspace, &mut twin, u)?;
            check(&mut keyspace, &twin);
        }
        Ok(())
    });
}

fn push_back(keyspace: &mut Keyspace, element: &[u8]) {
    let pushed = keyspace.change_list_or_new(key(0), 0, |list| list.push_back(element));
    pushed.expect("a list");
}

fn is_packed(keyspace: &Keyspace) -> bool {
    let (_, handle) = keyspace.contents.find(key(0)).expect("it is there");
    matches!(keyspace.contents.payload(handle), Payload::Packed(_))
}

#[test]
fn a_list_leaves_its_entry_when_it_outgrows_it() {
    for end in ["head", "tail"] {
        let mut keyspace = keyspace();
        let mut count = 0;
        while count == 0 || is_packed(&keyspace) {
            let pushed = keyspace.change_list_or_new(key(0), 0, |list| match end {
                "head" => list.push_front(b"sixteen bytes..."),
                _ => list.push_back(b"sixteen bytes..."),
            });
            pushed.expect("a list");
            count += 1;
        }
        assert_eq!(count, LIST_PACKED_BYTES_MAX / 16);
        let list = keyspace.list(key(0), 0).expect("a list").expect("it is there");
        assert_eq!(list.len(), count);
        assert!(list.heap_bytes() < LIST_PACKED_BYTES_MAX + 64, "{}", list.heap_bytes());
    }
}

/// A list that grows element by element is moved a few times, not with each of them.
#[test]
fn growing_moves_an_entry_a_logarithmic_number_of_times() {
    let mut keyspace = keyspace();
    let (mut moves, mut last) = (0, None);
    for _ in 0..LIST_PACKED_BYTES_MAX - 16 {
        push_back(&mut keyspace, b"x");
        let found = keyspace.contents.find(key(0)).map(|(_, handle)| handle);
        moves += usize::from(found != last);
        last = found;
    }
    assert!(is_packed(&keyspace) && moves <= 12, "{moves} moves");
}

/// Pushing and popping in turn leaves the entry where it is, wherever the sizes of blocks change.
#[test]
fn an_entry_stays_while_its_list_goes_up_and_down() {
    for count in 1..12 {
        let mut keyspace = keyspace();
        let mut push = |count: usize| {
            let push_all = |list: &mut List| {
                (0..count).for_each(|_| list.push_back(b"sixteen bytes..."));
            };
            keyspace.change_list_or_new(key(0), 0, push_all).expect("a list");
            keyspace.contents.find(key(0)).map(|(_, handle)| handle)
        };
        push(count);
        let found = push(1);
        let dropped = keyspace.change_list(key(0), 0, List::drop_front);
        dropped.expect("a list").expect("it is there");
        let again = keyspace.contents.find(key(0)).map(|(_, handle)| handle);
        assert_eq!(found, again, "{count}");
    }
}

#[test]
fn a_deadline_outlives_changes_and_moves() {
    let mut keyspace = keyspace();
    push_back(&mut keyspace, b"x");
    keyspace.set_expiry(key(0), 500);
    for _ in 0..50 {
        push_back(&mut keyspace, b"sixteen bytes...");
        assert_eq!((keyspace.expiry(key(0), 0), keyspace.expiring_len()), (Some(Some(500)), 1));
    }
    let is_empty = keyspace.change_list_or_new(key(0), 500, |list| list.is_empty());
    assert!(is_empty.expect("a list"), "the old one has expired");
    assert!(keyspace.is_empty(), "an empty new one is not stored");
}

#[test]
fn other_kinds_are_refused() {
    let mut keyspace = keyspace();
    keyspace.insert(key(0), Value::String(b"text".to_vec()));
    assert!(keyspace.list(key(0), 0).is_err());
    assert!(keyspace.change_list(key(0), 0, |_| ()).is_err());
    assert!(keyspace.change_list_or_new(key(0), 0, |_| ()).is_err());
    assert_eq!(keyspace.len(), 1);
}
