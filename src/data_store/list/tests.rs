use super::*;
use crate::data_store::Value;
use crate::limits::{LIST_BRANCH_CHILDREN_MAX, LIST_NODE_BYTES_MAX, LIST_NODE_EXACT_BYTES_MAX};
use crate::shared_bytes::SharedBytes;
use squint_testing::random::{self, Random};
use std::collections::VecDeque;

/// The element that a pop at this end shows.
fn popped(list: &mut List, end: End) -> Option<Vec<u8>> {
    let mut shown = None;
    let is_popped = list.pop(end, |element| shown = Some(element.bytes().to_vec()));
    assert_eq!(is_popped, shown.is_some());
    shown
}

fn step(
    list: &mut List,
    twin: &mut VecDeque<Vec<u8>>,
    u: &mut arbtest::arbitrary::Unstructured,
) -> arbtest::arbitrary::Result<()> {
    // Few different elements, so that equal ones are common.
    let element = vec![b'x'; u.int_in_range(0..=3)?];
    let index = u.int_in_range(0..=twin.len() + 1)?;
    match u.int_in_range(0..=9)? {
        0 | 1 => {
            list.push_front(&element);
            twin.push_front(element);
        }
        2 | 3 => {
            list.push_back(&element);
            twin.push_back(element);
        }
        4 => assert_eq!(popped(list, End::Head), twin.pop_front()),
        5 => assert_eq!(popped(list, End::Tail), twin.pop_back()),
        6 => {
            let known = twin.get_mut(index).map(|place| *place = element.clone()).is_some();
            assert_eq!(list.set(index, &element), known);
        }
        7 if index <= twin.len() => {
            list.insert(index, &element);
            twin.insert(index, element);
        }
        8 => assert_eq!(list.remove(index), twin.remove(index).is_some()),
        _ => {
            let (limit, from_tail) = (u.int_in_range(0..=3)?, u.arbitrary()?);
            let mut removed = 0;
            while removed < limit {
                let mut places = (0..twin.len()).filter(|at| twin[*at] == element);
                let place = if from_tail { places.next_back() } else { places.next() };
                let Some(place) = place else { break };
                twin.remove(place);
                removed += 1;
            }
            assert_eq!(list.remove_equal(&element, limit, from_tail), removed);
        }
    }
    Ok(())
}

#[test]
fn agrees_with_a_deque() {
    arbtest::arbtest(|u| {
        let (mut list, mut twin) = (List::new(), VecDeque::new());
        while !u.is_empty() {
            step(&mut list, &mut twin, u)?;
            assert!(list.iter().eq(twin.iter()));
            assert_eq!((list.len(), list.is_empty()), (twin.len(), twin.is_empty()));
            assert_eq!(list.front().as_deref(), twin.front().map(Vec::as_slice));
            assert_eq!(list.back().as_deref(), twin.back().map(Vec::as_slice));
            let (start, count) = (u.int_in_range(0..=9)?, u.int_in_range(0..=9)?);
            assert!(list.iter_range(start, count).eq(twin.iter().skip(start).take(count)));
            let backwards = twin.iter().take(start + 1).rev().take(count);
            assert!(list.iter_range_reversed(start, count).eq(backwards));
            let place = (start..twin.len()).find(|at| twin[*at] == b"xx");
            assert_eq!(list.position(b"xx", start), place);
        }
        Ok(())
    });
}

#[test]
fn trim_keeps_a_range() {
    arbtest::arbtest(|u| {
        let len: u8 = u.int_in_range(0..=9)?;
        let (first, last) = (u.int_in_range(0..=10)?, u.int_in_range(0..=10)?);
        let mut list = List::new();
        (0..len).for_each(|element| list.push_back(&[element]));
        list.trim(first, last);
        let kept = (0..len).filter(|at| (first..=last).contains(&usize::from(*at)));
        assert!(list.iter().eq(kept.map(|at| [at])));
        Ok(())
    });
    let mut list = List::new();
    list.push_back(b"a");
    list.trim(0, usize::MAX);
    assert_eq!(list.len(), 1);
}

#[test]
fn ranges_of_an_iterator_know_their_length() {
    let mut list = List::new();
    (0..5u8).for_each(|element| list.push_back(&[element]));
    assert_eq!(list.iter_range(1, 3).len(), 3);
    assert_eq!(list.iter_range(usize::MAX, usize::MAX).len(), 0);
    assert_eq!(list.iter_range_reversed(usize::MAX, 2).len(), 2);
}

/// LRANGE k 0 -10 gave one element in the C++ original (D56).
#[test]
fn clamp_range_follows_lrange() {
    let cases = [
        ((0, -1), 3, Some((0, 2))),
        ((0, -10), 3, None),
        ((-10, -4), 3, None),
        ((-10, -3), 3, Some((0, 0))),
        ((i64::MIN, i64::MAX), 3, Some((0, 2))),
        ((i64::MAX, i64::MIN), 3, None),
        ((5, 10), 1, None),
        ((-2, 10), 3, Some((1, 2))),
        ((2, 1), 3, None),
        ((0, 0), 0, None),
        ((0, -1), 0, None),
    ];
    for ((start, stop), len, expected) in cases {
        assert_eq!(clamp_range(start, stop, len), expected, "{start} {stop} of {len}");
    }
}

#[test]
fn clamp_index_finds_a_place_or_nothing() {
    let cases = [
        (0, 1, Some(0)),
        (-1, 3, Some(2)),
        (-3, 3, Some(0)),
        (-4, 3, None),
        (3, 3, None),
        (i64::MIN, 3, None),
        (i64::MAX, 3, None),
        (0, 0, None),
        (-1, 0, None),
    ];
    for (index, len, expected) in cases {
        assert_eq!(clamp_index(index, len), expected, "{index} of {len}");
    }
}

/// An element of the twin: the bytes that were handed in, and whether they could be held.
#[derive(Clone)]
struct Element {
    bytes: SharedBytes,
    is_apart: bool,
}

impl Element {
    fn as_ref(&self) -> BytesRef<'_> {
        if self.is_apart { BytesRef::Apart(&self.bytes) } else { BytesRef::Near(&self.bytes) }
    }

    /// Is this the element, and is it held if it is large, and a copy if it is not?
    fn is(&self, found: BytesRef<'_>) -> bool {
        let is_large = Node::is_too_large(&self.bytes);
        let lies_right = match found {
            BytesRef::Near(_) => !is_large,
            BytesRef::Apart(found) => is_large && found.is_same(&self.bytes) == self.is_apart,
        };
        lies_right && found.bytes() == &self.bytes[..]
    }
}

fn agree(found: Option<BytesRef<'_>>, expected: Option<&Element>) -> bool {
    match (found, expected) {
        (Some(found), Some(expected)) => expected.is(found),
        (found, expected) => found.is_none() && expected.is_none(),
    }
}

/// The same elements, one by one?
fn all_agree<'a>(
    mut found: impl Iterator<Item = BytesRef<'a>>,
    mut expected: impl Iterator<Item = &'a Element>,
) -> bool {
    loop {
        match (found.next(), expected.next()) {
            (None, None) => return true,
            (found, expected) if !agree(found, expected) => return false,
            _ => (),
        }
    }
}

/// The list beside its naive twin.
#[derive(Default)]
struct Pair {
    list: List,
    twin: VecDeque<Element>,
}

/// Lengths as lists have them: often equal, often small, now and then larger than a node.
fn element(random: &mut Random) -> Element {
    let length = match random.below(40) {
        0 => random.below(3 * LIST_NODE_BYTES_MAX),
        1 => LIST_NODE_BYTES_MAX - random.below(24),
        2..4 => random.below(1_000),
        4..10 => random.below(40),
        10..14 => 1,
        _ => 16,
    };
    let bytes = SharedBytes::new(vec![b'a' + random.below(3) as u8; length]);
    Element { bytes, is_apart: random.below(2) == 0 }
}

impl Pair {
    fn push(&mut self, random: &mut Random) {
        let element = element(random);
        if random.below(2) == 0 {
            self.list.push_front(element.as_ref());
            self.twin.push_front(element);
        } else {
            self.list.push_back(element.as_ref());
            self.twin.push_back(element);
        }
    }

    fn pop(&mut self, random: &mut Random) {
        let (end, expected) = match random.below(2) {
            0 => (End::Head, self.twin.pop_front()),
            _ => (End::Tail, self.twin.pop_back()),
        };
        let mut is_right = expected.is_none();
        self.list.pop(end, |shown| is_right = expected.is_some_and(|twin| twin.is(shown)));
        assert!(is_right, "what is shown is what the twin had at this end");
    }

    fn change(&mut self, random: &mut Random) {
        let (element, index) = (element(random), random.below(self.twin.len() + 1));
        match random.below(3) {
            0 => {
                let is_there = index < self.twin.len();
                assert_eq!(self.list.set(index, element.as_ref()), is_there);
                if is_there {
                    self.twin[index] = element;
                }
            }
            1 => {
                self.list.insert(index, element.as_ref());
                self.twin.insert(index, element);
            }
            _ => assert_eq!(self.list.remove(index), self.twin.remove(index).is_some()),
        }
    }

    fn look(&self, random: &mut Random) {
        let index = random.below(self.twin.len() + 2);
        assert!(agree(self.list.get(index), self.twin.get(index)));
        assert_eq!(self.list.len(), self.twin.len());
        assert!(agree(self.list.front(), self.twin.front()));
        assert!(agree(self.list.back(), self.twin.back()));
        let count = random.below(20);
        let expected = self.twin.iter().skip(index).take(count);
        assert!(all_agree(self.list.iter_range(index, count), expected.clone()));
        let bytes = expected.clone().map(|element| &element.bytes[..]);
        assert!(self.list.iter_range(index, count).stretches().flatten().eq(bytes));
        let backwards = self.twin.iter().take(index + 1).rev().take(count);
        assert!(all_agree(self.list.iter_range_reversed(index, count), backwards));
        let mut walked = self.list.iter_range(index, count);
        let mut expected = expected;
        for _ in 0..count {
            if random.below(2) == 0 {
                assert!(agree(walked.next(), expected.next()));
            } else {
                assert!(agree(walked.next_back(), expected.next_back()));
            }
        }
    }

    fn search(&mut self, random: &mut Random) {
        let (element, start) = (element(random).bytes, random.below(self.twin.len() + 1));
        let count = random.below(3_000);
        let end = (start + count).min(self.twin.len());
        let expected = (start..end).find(|at| self.twin[*at].bytes == element);
        assert_eq!(self.list.position_within(&element, start, count), expected);
        let places = (0..self.twin.len()).take(start + 1).rev().take(count);
        let expected = places.into_iter().find(|at| self.twin[*at].bytes == element);
        assert_eq!(self.list.position_within_reversed(&element, start, count), expected);
    }

    fn remove_equal(&mut self, random: &mut Random) {
        let (element, from_tail) = (element(random).bytes, random.below(2) == 0);
        let limit = if random.below(4) == 0 { usize::MAX } else { random.below(30) };
        let mut found: Vec<_> =
            (0..self.twin.len()).filter(|at| self.twin[*at].bytes == element).collect();
        if from_tail {
            found.reverse();
        }
        found.truncate(limit);
        let removed = self.list.remove_equal(&element, limit, from_tail);
        assert_eq!(removed, found.len());
        let mut index = 0..self.twin.len();
        let doomed: std::collections::HashSet<_> = found.into_iter().collect();
        self.twin.retain(|_| !doomed.contains(&index.next().expect("one for each element")));
    }

    fn trim(&mut self, random: &mut Random) {
        let len = self.twin.len();
        let kept_min = if random.below(4) == 0 { 0 } else { len - len.min(40) };
        let first = random.below(len - kept_min + 1);
        let last = (first + kept_min + random.below(40)).saturating_sub(1);
        let [before, behind] = self.list.trim_off(first, last);
        self.twin.truncate(last + 1);
        let cut = first.min(self.twin.len());
        let expected_before: Vec<_> = self.twin.drain(..cut).collect();
        for (mut list, most) in [(before, expected_before.len()), (behind, len)] {
            assert!(list.len() <= most.max(len));
            while list.drop_some(3) >= 3 {}
        }
    }

    fn check(&self) {
        assert!(all_agree(self.list.iter(), self.twin.iter()));
        assert!(all_agree(self.list.iter().rev(), self.twin.iter().rev()));
        assert_eq!(self.list.iter().len(), self.twin.len());
    }
}

/// Phases of growth and decay, so that lists of all sizes occur.
fn run(seed: u64, operations: usize, length_max: usize) -> usize {
    let mut random = Random::new(seed);
    let mut pair = Pair::default();
    let mut is_growing = true;
    let mut longest = 0;
    for number in 0..operations {
        match random.below(1_000) {
            0 => pair.search(&mut random),
            1 if random.below(4) == 0 => pair.remove_equal(&mut random),
            2 if random.below(8) == 0 => pair.trim(&mut random),
            3..450 => pair.change(&mut random),
            450..550 => pair.look(&mut random),
            _ if random.below(4) > 0 && is_growing => pair.push(&mut random),
            _ => pair.pop(&mut random),
        }
        longest = longest.max(pair.twin.len());
        if pair.twin.len() > length_max || pair.twin.is_empty() {
            is_growing = pair.twin.is_empty();
        }
        if number % (operations / 20) == 0 {
            pair.check();
        }
    }
    pair.check();
    longest
}

/// The seed is printed; with `SQUINT_SEED` in the environment it is that one.
#[test]
fn a_million_operations_agree_with_a_deque() {
    let seed = random::seed();
    for (turn, length_max) in [20, 300, 3_000, 10_000].into_iter().enumerate() {
        let longest = run(seed.wrapping_add(turn as u64), 250_000, length_max);
        println!("longest={longest}");
        assert!(longest > length_max / 2, "the lists stay short: {longest}");
    }
}

fn list_of(count: usize, mut element: impl FnMut(usize) -> Vec<u8>) -> List {
    let mut list = List::new();
    (0..count).for_each(|index| list.push_back(&element(index)));
    list
}

fn number(index: usize) -> Vec<u8> {
    format!("{index:016}").into_bytes()
}

/// Bytes of heap and of the value itself for each element.
fn bytes_per_element(list: &List) -> f64 {
    (list.heap_bytes() + mem::size_of::<Value>()) as f64 / list.len() as f64
}

#[test]
fn small_lists_are_one_allocation_of_little_more_than_their_bytes() {
    let even = list_of(10, |_| b"12345678".to_vec());
    assert_eq!((even.heap_bytes(), even.pieces()), (88, 1));
    assert!(bytes_per_element(&even) <= 12.0);
    let mixed = list_of(10, |index| vec![b'x'; 4 + index % 9]);
    assert!(mixed.heap_bytes() <= 8 + 10 * 8 + 10 + 16, "{}", mixed.heap_bytes());
    assert_eq!(List::new().heap_bytes(), 0);
}

#[test]
fn a_million_elements_cost_little_more_than_their_bytes() {
    let even = list_of(1_000_000, number);
    assert!(bytes_per_element(&even) <= 16.5, "{}", bytes_per_element(&even));
    let mixed = list_of(1_000_000, |index| vec![b'x'; 12 + index % 9]);
    assert!(bytes_per_element(&mixed) <= 17.5, "{}", bytes_per_element(&mixed));
    let mut pushed_at_head = List::new();
    (0..100_000).for_each(|index| pushed_at_head.push_front(&vec![b'x'; 12 + index % 9]));
    assert!(bytes_per_element(&pushed_at_head) <= 18.0, "{}", bytes_per_element(&pushed_at_head));
}

#[test]
fn elements_as_large_as_a_node_waste_little() {
    for length in [700, 1_500, 2_100, 3_000, 4_000, 4_081, 4_088, 4_089, 100_000] {
        let list = list_of(200, |_| vec![b'x'; length]);
        let per_element = bytes_per_element(&list);
        assert!(per_element <= length as f64 * 1.16 + 80.0, "{length}: {per_element}");
        assert!(list.iter().all(|element| element.len() == length));
    }
}

/// Memory comes back when elements go, wherever they go from.
#[test]
fn a_thinned_out_list_gives_memory_back() {
    let mut list = list_of(100_000, number);
    let before = list.heap_bytes();
    let mut random = Random::new(7);
    while list.len() > 10_000 {
        let index = random.below(list.len());
        list.remove(index);
    }
    assert!(list.heap_bytes() < before / 4, "{} of {before}", list.heap_bytes());
    while list.len() > 10 {
        list.drop_front();
    }
    list.fit();
    assert!(list.heap_bytes() < 1_000, "{}", list.heap_bytes());
    while list.drop_back() {}
    list.fit();
    assert!(list.heap_bytes() <= LIST_NODE_EXACT_BYTES_MAX, "{}", list.heap_bytes());
}

/// Inserting in the middle leaves nodes that are at least half full in the mean.
#[test]
fn insertions_everywhere_leave_dense_nodes() {
    let mut list = list_of(2, number);
    let mut random = Random::new(7);
    for index in 0..100_000 {
        list.insert(random.below(list.len()), &number(index));
    }
    assert!(bytes_per_element(&list) <= 24.0, "{}", bytes_per_element(&list));
    let mut list = list_of(2, number);
    (0..100_000).for_each(|index| list.insert(1, &number(index)));
    assert!(bytes_per_element(&list) <= 24.0, "{}", bytes_per_element(&list));
}

/// Counted, not timed: a position costs at most as many looks as rows have children, on each of
/// the few levels.
#[test]
fn any_position_is_found_in_a_logarithmic_number_of_looks() {
    for (count, levels) in [(10_000, 1), (1_000_000, 3), (4_000_000, 3)] {
        let list = list_of(count, number);
        let mut looks_max = 0;
        for index in (0..count).step_by(997).chain([count - 1]) {
            let mut looks = 0;
            let (piece, offset) = list.find(index, || looks += 1);
            assert_eq!(piece.get(offset), number(index));
            looks_max = looks_max.max(looks);
        }
        assert!(looks_max <= 2 + levels * LIST_BRANCH_CHILDREN_MAX, "{count}: {looks_max}");
    }
}

#[test]
fn ends_are_found_without_a_look_into_the_tree() {
    let list = list_of(1_000_000, number);
    for index in [0, 999_999] {
        let mut looks = 0;
        list.find(index, || looks += 1);
        assert_eq!(looks, 2);
    }
}

#[test]
fn a_long_list_is_freed_in_slices() {
    let mut list = list_of(1_000_000, number);
    let pieces = list.pieces();
    let mut steps = 0;
    while list.drop_some(100) >= 100 {
        steps += 1;
        assert!(list.pieces() <= pieces - steps * 100 + 1);
    }
    assert!(steps + 1 >= pieces / 100);
    assert_eq!((list.len(), list.heap_bytes()), (0, 0));
}

#[test]
fn large_elements_are_freed_by_their_bytes() {
    let mut list = list_of(100, |_| vec![b'x'; 50_000]);
    assert_eq!(list.pieces(), 100);
    let mut steps = 0;
    while list.drop_some(100) >= 100 {
        steps += 1;
        assert!(list.len() + 8 * steps >= 100 - 1, "no more than eight at once");
    }
    assert_eq!((list.len(), list.heap_bytes(), steps), (0, 0, 12));
}

/// A queue filled at one end and drained at the other keeps its allocations, as seen by how much
/// heap it has: not one byte more or less once it has settled.
#[test]
fn a_steady_queue_keeps_its_heap() {
    for length in [3, 50, 300, 600] {
        let mut list = list_of(length, number);
        let turn = |list: &mut List| {
            for index in 0..2_000 {
                list.push_back(&number(index));
                list.drop_front();
            }
            list.heap_bytes()
        };
        turn(&mut list);
        let settled = turn(&mut list);
        (0..10).for_each(|_| assert_eq!(turn(&mut list), settled, "{length}"));
    }
}

#[test]
fn a_cut_is_handed_out_in_whole_nodes() {
    let mut list = list_of(100_000, number);
    let [before, behind] = list.trim_off(30_000, 59_999);
    assert_eq!((before.len(), list.len(), behind.len()), (30_000, 30_000, 40_000));
    assert_eq!(list.front().as_deref(), Some(number(30_000).as_slice()));
    assert_eq!(behind.back().as_deref(), Some(number(99_999).as_slice()));
    let [before, behind] = list.trim_off(1, 29_998);
    assert_eq!((before.len(), list.len(), behind.len()), (0, 29_998, 0));
}
