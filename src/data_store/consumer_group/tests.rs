//! What a group's bookkeeping costs, and its edges. (Against a plain model: `stream_groups`.)

use super::*;

fn id(ms: u64) -> StreamId {
    StreamId::new(ms, 0)
}

fn all(group: &Group, owner: Owner) -> Vec<u64> {
    group.deliveries_to(owner, StreamId::MIN, StreamId::MAX).map(|(id, _)| id.ms).collect()
}

const NOW: UnixMs = 1_700_000_000_000;

/// A million entries handed out to ten workers, in batches of ten, a batch a millisecond.
fn busy_group(entries: u64) -> Group {
    let mut group = Group::new(StreamId::MIN, Some(0));
    let start = 1_700_000_000_000;
    for number in 0..entries {
        let owner = group.hear_from(format!("worker-{}", number / 10 % 10).as_bytes(), NOW);
        let time_ms = NOW + (number / 10) as UnixMs;
        let delivery = Delivery { owner: Some(owner), time_ms, count: 1 };
        group.assign(StreamId::new(start + number / 3, number % 3), delivery);
    }
    group
}

/// Redis spends more than a hundred.
#[test]
fn a_pending_entry_takes_a_dozen_bytes() {
    let group = busy_group(1_000_000);
    let bytes = group.pending_heap_bytes();
    println!("{:.1} bytes per pending entry", bytes as f64 / 1_000_000.0);
    assert!(bytes < 13_000_000, "{bytes}");
}

#[test]
fn what_is_acknowledged_gives_its_memory_back() {
    let mut group = busy_group(100_000);
    let full = group.pending_heap_bytes();
    let ids: Vec<_> = group.deliveries(StreamId::MIN, StreamId::MAX).map(|(id, _)| id).collect();
    for (_, &id) in (0..).zip(&ids).filter(|(number, _)| number % 50 != 0) {
        assert!(group.release(id).is_some());
    }
    assert_eq!(group.pending_count(), 2_000);
    assert!(group.pending_heap_bytes() < full / 10, "{}", group.pending_heap_bytes());
}

#[test]
fn an_entry_changes_hands() {
    let mut group = Group::default();
    let (a, b) = (group.hear_from(b"a", 1), group.hear_from(b"b", 2));
    let delivery = Delivery { owner: Some(a), time_ms: 5, count: 1 };
    assert_eq!(group.assign(id(1), delivery), None);
    assert_eq!(group.assign(id(1), Delivery { owner: Some(b), ..delivery }), Some(delivery));
    assert_eq!((all(&group, a), all(&group, b)), (vec![], vec![1]));
    group.give_back(id(1), 1);
    assert_eq!((all(&group, b), group.pending_count()), (vec![], 1));
    assert_eq!(group.first_delivery_ms(), Some(FIRST_TURN));
    assert!(group.release(id(1)).is_some() && group.release(id(1)).is_none());
}

#[test]
fn what_is_given_back_takes_turns() {
    let mut group = Group::default();
    let owner = Some(group.hear_from(b"a", NOW));
    for number in 0..500 {
        group.assign(id(number), Delivery { owner, time_ms: NOW, count: 1 });
    }
    for number in [480, 2, 30, 2] {
        group.give_back(id(number), 1);
    }
    let due = |until: UnixMs, count| -> Vec<u64> {
        group.deliveries_until(until).take(count).map(|(id, _)| id.ms).collect()
    };
    assert_eq!(due(NOW, 5), [480, 30, 2, 0, 1]);
    assert_eq!(due(i64::MIN, 5), [480, 30, 2], "however long it should have been pending");
    let (_, first) = group.deliveries(id(2), id(2)).next().unwrap();
    assert_eq!((first.idle_ms(NOW), first.since_ms()), (i64::MAX, 0));
}

#[test]
fn turns_that_are_used_up_end_below_any_time() {
    let mut group = Group { turns: -FIRST_TURN - 2, ..Group::default() };
    (0..4).for_each(|number| group.give_back(id(number), 0));
    assert_eq!(group.delivery(id(0)).map(|delivery| delivery.time_ms), Some(-2));
    assert_eq!(group.delivery(id(3)).map(|delivery| delivery.time_ms), Some(-1));
}

#[test]
fn a_consumer_takes_its_entries_along_and_leaves_its_place() {
    let mut group = Group::default();
    for number in 0..200 {
        let owner = Some(group.hear_from(if number % 20 == 0 { b"few" } else { b"many" }, 1));
        group.assign(id(number), Delivery { owner, time_ms: 1, count: 1 });
    }
    assert_eq!(group.remove_consumer(b"few"), Some(10));
    assert_eq!(group.remove_consumer(b"few"), None);
    assert_eq!((group.pending_count(), group.consumer_count()), (190, 1));
    let new = group.hear_from(b"new", 2);
    assert!(all(&group, new).is_empty());
    assert_eq!(group.remove_consumer(b"many"), Some(190));
    assert_eq!(group.pending_count(), 0);
}

#[test]
fn extreme_deliveries_come_back() {
    let mut group = Group::default();
    let owner = Some(group.hear_from(b"a", 1));
    let extremes = [
        Delivery { owner, time_ms: 0, count: i64::MAX },
        Delivery { owner, time_ms: i64::MAX, count: 0 },
        Delivery { owner: None, time_ms: 0, count: 1 },
    ];
    for (number, delivery) in (0..).zip(extremes) {
        group.assign(id(number), delivery);
    }
    let stored = group.deliveries(StreamId::MIN, StreamId::MAX).map(|(_, delivery)| delivery);
    assert!(stored.eq(extremes));
}
