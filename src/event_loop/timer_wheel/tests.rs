use super::*;
use arbtest::arbitrary::{Result, Unstructured};

struct Links(Vec<Link>);

impl Timers for Links {
    fn link(&mut self, index: u32) -> &mut Link {
        &mut self.0[index as usize]
    }
}

fn links(count: usize) -> Links {
    Links(vec![Link::default(); count])
}

fn drain(wheel: &mut TimerWheel, timers: &mut Links, now_ms: u64) -> Vec<u32> {
    wheel.advance(timers, now_ms);
    std::iter::from_fn(|| wheel.pop_due(timers)).map(|(index, _)| index).collect()
}

/// Times around which slots and levels change, and the ends of the number range.
fn borders() -> Vec<u64> {
    let mut borders = vec![0, u64::MAX - 1, 1 << 63, (1 << 63) + 1];
    for shift in 0..64 {
        borders.extend([(1 << shift) - 1, 1 << shift, (1_u64 << shift).saturating_mul(63)]);
    }
    borders.sort_unstable();
    borders.dedup();
    borders
}

/// F22: a deadline exactly at, one before and one after each border, from either side of it.
#[test]
fn fires_once_and_never_early_around_every_border() {
    let (mut timers, borders) = (links(1), borders());
    for &start in &borders {
        for deadline in borders.iter().flat_map(|b| [b.saturating_sub(1), *b, b.saturating_add(1)])
        {
            let mut wheel = TimerWheel::new(start);
            wheel.arm(&mut timers, 0, deadline);
            assert_eq!(wheel.next_deadline_ms(), Some(deadline.max(start)));
            if deadline > start {
                assert_eq!(drain(&mut wheel, &mut timers, deadline - 1), []);
                assert_eq!(wheel.next_deadline_ms(), Some(deadline));
            }
            assert_eq!(drain(&mut wheel, &mut timers, deadline), [0], "{start} {deadline}");
            assert_eq!(drain(&mut wheel, &mut timers, u64::MAX), []);
            assert_eq!((wheel.len(), wheel.next_deadline_ms()), (0, None));
        }
    }
}

#[test]
fn an_idle_server_with_one_timer_wakes_once() {
    let (mut wheel, mut timers) = (TimerWheel::new(123_456), links(1));
    wheel.arm(&mut timers, 0, 423_456);
    let wake_ms = wheel.next_deadline_ms().expect("one is armed");
    assert_eq!(drain(&mut wheel, &mut timers, wake_ms), [0]);
}

#[test]
fn without_cancels_every_wake_fires_something() {
    arbtest::arbtest(|u| {
        let (mut wheel, mut timers) = (TimerWheel::new(u.arbitrary::<u32>()?.into()), links(200));
        for index in 0..200 {
            let deadline = wheel.now_ms() + u.int_in_range(0..=300_000)?;
            wheel.arm(&mut timers, index, deadline);
        }
        while let Some(wake_ms) = wheel.next_deadline_ms() {
            assert!(!drain(&mut wheel, &mut timers, wake_ms).is_empty());
        }
        Ok(())
    });
}

#[test]
fn a_cancelled_earliest_timer_wakes_nobody_when_timeouts_are_alike() {
    let (mut wheel, mut timers) = (TimerWheel::new(0), links(1000));
    (0..1000).for_each(|index| wheel.arm(&mut timers, index, 300_000 + u64::from(index) / 2));
    for index in 0..999 {
        assert!(wheel.cancel(&mut timers, index));
        assert_eq!(wheel.next_deadline_ms(), Some(300_000 + u64::from(index + 1) / 2));
    }
}

#[test]
fn a_stale_bound_costs_one_needless_wake() {
    let (mut wheel, mut timers) = (TimerWheel::new(0), links(100));
    // Falling deadlines in one slot of level 3, the earliest of them armed in the middle.
    wheel.arm(&mut timers, 0, 300_000);
    (1..100).for_each(|index| wheel.arm(&mut timers, index, 500_000 - u64::from(index)));
    assert!(wheel.is_unsorted(usize::from(timers.0[0].slot)));
    wheel.cancel(&mut timers, 0);
    let mut wakes = 0;
    while let Some(wake_ms) = wheel.next_deadline_ms()
        && drain(&mut wheel, &mut timers, wake_ms).is_empty()
    {
        wakes += 1;
    }
    assert_eq!((wakes, wheel.now_ms(), wheel.len()), (1, 499_901, 98));
}

#[test]
fn what_is_armed_too_late_while_draining_waits_for_the_next_advance() {
    let (mut wheel, mut timers) = (TimerWheel::new(0), links(2));
    wheel.arm(&mut timers, 0, 10);
    wheel.advance(&mut timers, 20);
    assert_eq!(wheel.pop_due(&mut timers).map(|(index, _)| index), Some(0));
    wheel.arm(&mut timers, 0, 15);
    wheel.arm(&mut timers, 1, 20);
    assert_eq!(wheel.pop_due(&mut timers), None);
    assert_eq!(wheel.next_deadline_ms(), Some(20));
    assert_eq!(drain(&mut wheel, &mut timers, 20), [0, 1]);
}

#[test]
fn a_timer_that_is_due_can_still_be_cancelled_or_moved() {
    let (mut wheel, mut timers) = (TimerWheel::new(0), links(3));
    (0..3).for_each(|index| wheel.arm(&mut timers, index, 10));
    wheel.advance(&mut timers, 10);
    assert!(wheel.cancel(&mut timers, 0));
    wheel.arm(&mut timers, 1, 30);
    assert_eq!(wheel.pop_due(&mut timers).map(|(index, _)| index), Some(2));
    assert_eq!(wheel.pop_due(&mut timers), None);
    assert!(!timers.0[0].is_armed());
    assert_eq!((timers.0[1].deadline_ms(), wheel.len()), (Some(30), 1));
    assert!(!wheel.cancel(&mut timers, 0));
}

#[test]
fn a_clock_that_steps_back_is_taken_to_stand_still() {
    let (mut wheel, mut timers) = (TimerWheel::new(100), links(1));
    wheel.arm(&mut timers, 0, 101);
    assert_eq!(drain(&mut wheel, &mut timers, 5), []);
    assert_eq!((wheel.now_ms(), wheel.next_deadline_ms()), (100, Some(101)));
}

/// The naive twin: a list of `(moment, order of arming, index)`, and the queue of those due. A
/// deadline already passed counts from the moment of arming.
#[derive(Default)]
struct Twin {
    now_ms: u64,
    armed: u64,
    pending: Vec<(u64, u64, u32)>,
    due: Vec<(u64, u64, u32)>,
}

impl Twin {
    fn cancel(&mut self, index: u32) {
        self.pending.retain(|timer| timer.2 != index);
        self.due.retain(|timer| timer.2 != index);
    }

    fn arm(&mut self, index: u32, deadline_ms: u64) {
        self.cancel(index);
        self.armed += 1;
        self.pending.push((deadline_ms.max(self.now_ms), self.armed, index));
    }

    fn advance(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
        self.pending.sort_unstable();
        let split = self.pending.partition_point(|timer| timer.0 <= now_ms);
        self.due.extend(self.pending.drain(..split));
    }

    fn pop_due(&mut self) -> Option<u32> {
        (!self.due.is_empty()).then(|| self.due.remove(0).2)
    }

    fn next_deadline_ms(&self) -> Option<u64> {
        let due = self.due.first().map(|_| self.now_ms);
        due.or(self.pending.iter().map(|timer| timer.0).min())
    }
}

/// A span of time of any magnitude, often at a border.
fn any_span(u: &mut Unstructured) -> Result<u64> {
    let power = 1_u64 << u.int_in_range(0..=63)?;
    Ok(match u.int_in_range(0..=5)? {
        0 => power,
        1 => power - 1,
        2 => u.int_in_range(0..=power)?,
        3 => u.int_in_range(0..=5_000)?,
        _ => u.int_in_range(0..=70)?,
    })
}

fn check_invariants(wheel: &TimerWheel, timers: &mut Links) {
    for slot in 0..SLOTS {
        let (level, digit) = (slot / SLOTS_PER_LEVEL, slot % SLOTS_PER_LEVEL);
        let Slot { earliest_ms, head, tail } = wheel.slots[slot];
        assert_eq!(wheel.occupied[level] >> digit & 1 == 1, head != NONE);
        let (mut cursor, mut prev, mut deadlines) = (head, NONE, Vec::new());
        while cursor != NONE {
            let link = *timers.link(cursor);
            assert_eq!((link.prev, usize::from(link.slot)), (prev, slot));
            let place = wheel.slot_of(link.deadline_ms);
            assert_eq!(place, (slot < SLOT_OVERDUE).then_some(slot));
            deadlines.push(link.deadline_ms);
            (prev, cursor) = (cursor, link.next);
        }
        assert_eq!(tail, prev);
        assert!(head != NONE || !wheel.is_unsorted(slot));
        if slot >= SLOT_OVERDUE {
            continue;
        }
        assert!(deadlines.iter().all(|deadline| *deadline >= earliest_ms));
        if !wheel.is_unsorted(slot) {
            assert!(deadlines.is_sorted());
            assert_eq!(deadlines.first().copied().unwrap_or(u64::MAX), earliest_ms);
        }
    }
}

fn check_against_twin(wheel: &TimerWheel, twin: &Twin) {
    assert_eq!(wheel.len(), twin.pending.len() + twin.due.len());
    let (bound, exact) = (wheel.next_deadline_ms(), twin.next_deadline_ms());
    if wheel.unsorted.iter().all(|word| *word == 0) {
        assert_eq!(bound, exact);
    }
    assert_eq!(bound.is_some(), exact.is_some());
    assert!(bound <= exact, "never late");
    assert!(bound.is_none_or(|bound| bound >= wheel.now_ms()));
}

#[test]
fn behaves_like_a_sorted_list() {
    const TIMERS: u32 = 64;
    arbtest::arbtest(|u| {
        let start = any_span(u)?;
        let (mut wheel, mut timers) = (TimerWheel::new(start), links(TIMERS as usize));
        let mut twin = Twin { now_ms: start, ..Twin::default() };
        while !u.is_empty() {
            let index = u.int_in_range(0..=TIMERS - 1)?;
            match u.int_in_range(0..=9)? {
                0..=4 => {
                    let deadline = match u.int_in_range(0..=9)? {
                        0 => wheel.now_ms().saturating_sub(any_span(u)?),
                        _ => wheel.now_ms().saturating_add(any_span(u)?),
                    };
                    wheel.arm(&mut timers, index, deadline);
                    twin.arm(index, deadline);
                }
                5 => {
                    wheel.cancel(&mut timers, index);
                    twin.cancel(index);
                }
                6 => {
                    // Falling deadlines, more of them than are sorted.
                    let from = wheel.now_ms().saturating_add(any_span(u)?);
                    for index in 0..TIMERS / 2 {
                        let deadline = from.saturating_sub(u64::from(index / 2));
                        wheel.arm(&mut timers, index, deadline);
                        twin.arm(index, deadline);
                    }
                }
                7 => {
                    let now = match u.arbitrary()? {
                        true => wheel.now_ms().saturating_add(any_span(u)?),
                        false => wheel.next_deadline_ms().unwrap_or(wheel.now_ms()),
                    };
                    wheel.advance(&mut timers, now);
                    twin.advance(now);
                }
                _ => {
                    let popped = wheel.pop_due(&mut timers).map(|(index, _)| index);
                    assert_eq!(popped, twin.pop_due());
                }
            }
            check_invariants(&wheel, &mut timers);
            check_against_twin(&wheel, &twin);
        }
        twin.advance(u64::MAX);
        let due = drain(&mut wheel, &mut timers, u64::MAX);
        assert_eq!(due, std::iter::from_fn(|| twin.pop_due()).collect::<Vec<_>>());
        assert!(wheel.is_empty() && timers.0.iter().all(|link| !link.is_armed()));
        Ok(())
    })
    .budget_ms(1_000);
}

#[test]
fn figures_tell_where_timers_are() {
    let (mut timers, mut wheel) = (links(4), TimerWheel::new(1_000));
    for (index, deadline_ms) in [(0, 1_001), (1, 1_500), (2, 1_480), (3, 900)] {
        wheel.arm(&mut timers, index, deadline_ms);
    }
    let told: Vec<_> = wheel
        .figures(&mut timers)
        .iter()
        .map(|slot| (slot.place, slot.span_ms, slot.timers, slot.earliest_ms))
        .collect();
    let first = (Some((0, 1_001 % 64)), 1, 1, 1_001);
    let both = (Some((1, 1_500 / 64)), 64, 2, 1_480);
    assert_eq!(told, [first, both, (None, 0, 1, 900)]);
}
