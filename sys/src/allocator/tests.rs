use super::*;
use std::alloc::handle_alloc_error;

/// A few empty regions stay.
const KEPT_BYTES_MAX: usize = EMPTY_REGIONS_MIN * REGION_BYTES;

/// A vector's worth of memory from an allocator of its own.
struct Held<'a> {
    allocator: &'a Allocator,
    block: *mut u8,
    layout: Layout,
    mark: u8,
}

impl<'a> Held<'a> {
    fn new(allocator: &'a Allocator, length: usize, mark: u8) -> Self {
        let layout = Layout::from_size_align(length, 8).expect("a short layout");
        // SAFETY: the length is not 0.
        let block = unsafe { allocator.alloc(layout) };
        if block.is_null() {
            handle_alloc_error(layout);
        }
        assert!(block.addr().is_multiple_of(8));
        let mut held = Held { allocator, block, layout, mark };
        held.bytes().fill(mark);
        held
    }

    fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: the block has this length, is initialised by the first use, and is reached
        // through `self` alone.
        unsafe { std::slice::from_raw_parts_mut(self.block, self.layout.size()) }
    }

    fn resize(&mut self, length: usize) {
        let kept = length.min(self.layout.size());
        // SAFETY: the block came with this layout from this allocator; the length is not 0.
        self.block = unsafe { self.allocator.realloc(self.block, self.layout, length) };
        self.layout = Layout::from_size_align(length, 8).expect("a short layout");
        let mark = self.mark;
        assert!(self.bytes()[..kept].iter().all(|&byte| byte == mark));
        self.bytes().fill(mark);
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mark = self.mark;
        assert!(self.bytes().iter().all(|&byte| byte == mark), "somebody else wrote here");
        // SAFETY: the block came with this layout from this allocator, and goes once.
        unsafe { self.allocator.dealloc(self.block, self.layout) };
    }
}

#[test]
fn classes_hold_what_they_are_chosen_for_and_waste_little() {
    for length in TINY_BYTES_MAX + 1..=PAGE_BYTES {
        let class = class_of(length);
        let bytes = usize::from(grains_of(class)) * GRAIN_BYTES;
        assert!(class < CLASSES && bytes >= length && bytes - length <= length / 16);
        assert!(bytes <= PAGE_BYTES);
    }
}

#[test]
fn the_length_says_where_memory_comes_from() {
    let source =
        |length, align| Source::of(Layout::from_size_align(length, align).expect("a layout"));
    assert_eq!(source(TINY_BYTES_MAX, 16), Source::Elsewhere);
    assert_eq!(source(TINY_BYTES_MAX + 1, 16), Source::Blocks(0));
    assert_eq!(source(PAGE_BYTES, 16), Source::Blocks(CLASSES - 1));
    assert_eq!(source(PAGE_BYTES + 1, 16), Source::Run(2));
    assert_eq!(source(31 * PAGE_BYTES, 16), Source::Run(31));
    assert_eq!(source(31 * PAGE_BYTES + 1, 16), Source::Mapping(2 << 20));
    assert_eq!(source((2 << 20) + 1, 16), Source::Mapping((2 << 20) + (128 << 10)));
    assert_eq!(source(512 << 20, 16), Source::Mapping(512 << 20));
    assert_eq!(source(1 << 62, 16), Source::Mapping(1 << 62), "and the system says no");
    assert_eq!(source(1_000, 32), Source::Elsewhere);
}

#[test]
fn a_run_is_found_wherever_it_is() {
    arbtest::arbtest(|u| {
        let (free, pages) = (u.arbitrary::<u32>()?, u.int_in_range(1..=31)?);
        let run = |first: usize| ((1 << pages) - 1) << first;
        let naive = (0..=32 - pages).map(run).find(|run| free & run == *run);
        assert_eq!(run_in(free, pages), naive, "{pages} pages in {free:032b}");
        Ok(())
    });
    assert_eq!(run_in(ALL_VACANT, RUN_PAGES_MAX), Some(ALL_VACANT));
}

/// Blocks keep what was written to them, whatever is taken and given back around them.
#[test]
fn nobody_gets_what_somebody_else_has() {
    arbtest::arbtest(|u| {
        let allocator = Allocator::new();
        let mut held: Vec<Held<'_>> = Vec::new();
        for step in 0..u.int_in_range(1..=200)? {
            let longest = *u.choose(&[300, 5_000, 70_000, 300_000, 2_200_000, 5_000_000])?;
            let length = u.int_in_range(1..=longest)?;
            match u.int_in_range(0..=3)? {
                0 if !held.is_empty() => drop(held.swap_remove(u.choose_index(held.len())?)),
                1 if !held.is_empty() => {
                    let index = u.choose_index(held.len())?;
                    held[index].resize(length);
                }
                _ => held.push(Held::new(&allocator, length, step as u8)),
            }
        }
        drop(held);
        assert!(allocator.mapped_bytes() <= KEPT_BYTES_MAX);
        Ok(())
    });
}

#[test]
fn what_is_given_back_is_unmapped() {
    const COUNT: usize = 10_000;
    let allocator = Allocator::new();
    let mut held: Vec<Held<'_>> =
        (0..COUNT).map(|number| Held::new(&allocator, 4_088, number as u8)).collect();
    let full = allocator.mapped_bytes();
    assert!(full > COUNT * 4_096 && full < COUNT * 4_096 * 11 / 10, "{full}");
    held.truncate(COUNT / 2);
    assert!(allocator.mapped_bytes() < full * 6 / 10 + KEPT_BYTES_MAX);
    held.clear();
    assert_eq!(allocator.mapped_bytes(), KEPT_BYTES_MAX);
}

#[test]
fn a_border_crossed_to_and_fro_makes_no_system_call() {
    let allocator = Allocator::new();
    let made = || crate::calls::counted().total();
    let held: Vec<Held<'_>> = (0..31 * 16).map(|_| Held::new(&allocator, 4_096, 1)).collect();
    drop(Held::new(&allocator, 4_096, 2)); // the first page of the second region
    let before = made();
    for _ in 0..1_000 {
        drop(Held::new(&allocator, 4_096, 2));
        drop(Held::new(&allocator, 60_000, 3));
    }
    assert_eq!(made(), before);
    drop(held);
}

#[test]
fn a_long_value_in_the_place_of_another_makes_no_system_call() {
    let allocator = Allocator::new();
    let made = || crate::calls::counted().total();
    for length in [100_000, 1_000_000, 2_000_000, 5_000_000, 12_000_000] {
        let mut held = Held::new(&allocator, length, 1);
        drop(Held::new(&allocator, length, 2));
        let before = made();
        for mark in 0..100 {
            held = Held::new(&allocator, length, mark); // the other goes when this one is there
        }
        assert_eq!(made(), before, "{length} bytes");
        drop(held);
    }
}

#[test]
fn a_long_value_is_cut_where_it_stands() {
    let allocator = Allocator::new();
    let mut held = Held::new(&allocator, 1_900_000, 1);
    let (before, mapped) = (held.block, allocator.mapped_bytes());
    for length in [1_500_000, 1_500_001, 700_000, 70_000] {
        held.resize(length);
        assert_eq!(held.block, before);
    }
    let others: Vec<Held<'_>> = (0..9).map(|mark| Held::new(&allocator, 190_000, mark)).collect();
    assert_eq!(allocator.mapped_bytes(), mapped, "the rest is used again");
    drop((held, others));
}

#[test]
fn long_values_that_are_given_back_are_unmapped() {
    let allocator = Allocator::new();
    let lengths = (70_000..1_900_000).step_by(10_007);
    let mut held: Vec<Held<'_>> = lengths.map(|length| Held::new(&allocator, length, 1)).collect();
    assert!(allocator.mapped_bytes() > 180 * 1_000_000);
    held.retain(|held| held.layout.size() < 200_000);
    assert!(allocator.mapped_bytes() < 10 * REGION_BYTES, "{}", allocator.mapped_bytes());
    held.clear();
    assert_eq!(allocator.mapped_bytes(), KEPT_BYTES_MAX);
}

#[test]
fn of_mappings_that_are_given_back_the_last_ones_are_kept() {
    let allocator = Allocator::new();
    let spare_bytes = || allocator.locked(|heap| heap.mappings.spare_bytes());
    for length in [2_100_000, 5_000_000, 31_000_000] {
        let held: Vec<Held<'_>> = (0..20).map(|mark| Held::new(&allocator, length, mark)).collect();
        let last = held[19].block;
        drop(held);
        let room = SPARE_BYTES_MAX - spare_bytes();
        assert!(room < length + length / 16, "{room} bytes of room beside those of {length}");
        assert_eq!(Held::new(&allocator, length, 0).block, last, "which is mapped already");
    }
    drop(Held::new(&allocator, SPARE_BYTES_MAX + 1, 0));
    assert!(spare_bytes() <= SPARE_BYTES_MAX);
}

#[test]
fn a_mapping_grows_and_shrinks_with_what_is_in_it() {
    let allocator = Allocator::new();
    let mut held = Held::new(&allocator, 1_900_000, 1);
    for length in [7_000_000, 7_000_001, 60_000_000, 3_000_000, 2_050_000, 1_000_000, 5_000_000] {
        held.resize(length);
    }
}

#[test]
fn no_memory_is_no_block() {
    let allocator = Allocator::new();
    let layout = Layout::from_size_align(1 << 62, 1).expect("a layout");
    // SAFETY: the length is not 0.
    assert!(unsafe { allocator.alloc(layout) }.is_null());
    let mut held = Held::new(&allocator, 3_000_000, 7);
    // SAFETY: the block came with this layout from this allocator; the length is not 0.
    let grown = unsafe { allocator.realloc(held.block, held.layout, 1 << 62) };
    assert!(grown.is_null() && held.bytes().iter().all(|&byte| byte == 7));
}

#[test]
fn the_fifth_page_of_short_blocks_gets_its_memory_at_once() {
    let allocator = Allocator::new();
    let made = || crate::calls::counted().total();
    let pages_of = |length: usize, pages: usize| -> Vec<Held<'_>> {
        let blocks = pages * (PAGE_BYTES / length);
        (0..blocks).map(|_| Held::new(&allocator, length, 1)).collect()
    };
    let first = pages_of(4_096, 1); // its region is the first
    let before = made();
    let more = (pages_of(4_096, 3), pages_of(2_048, 4), pages_of(5_120, 9));
    assert_eq!(made(), before, "few pages alike, or long blocks");
    let fifth = pages_of(4_096, 1);
    assert_eq!(made() - before, u64::from(cfg!(target_os = "linux")));
    drop((first, more, fifth));
    let before = made();
    drop(pages_of(4_096, 4));
    assert_eq!(made(), before, "they are few again");
}

#[test]
fn zeroed_means_zero_wherever_it_comes_from() {
    let allocator = Allocator::new();
    for length in [100, 300, 4_096, 60_000, 100_000, 3_000_000] {
        drop(Held::new(&allocator, length, 0xff));
        let layout = Layout::from_size_align(length, 16).expect("a layout");
        // SAFETY: the length is not 0.
        let block = unsafe { allocator.alloc_zeroed(layout) };
        let mut held = Held { allocator: &allocator, block, layout, mark: 0 };
        assert!(held.bytes().iter().all(|&byte| byte == 0));
    }
}

#[test]
fn threads_take_turns() {
    let allocator = Allocator::new();
    std::thread::scope(|scope| {
        for mark in 0..4 {
            let allocator = &allocator;
            scope.spawn(move || {
                for round in 1..200 {
                    let held = (0..20).map(|n| Held::new(allocator, round * n + 257, mark));
                    drop(held.collect::<Vec<_>>());
                }
            });
        }
    });
    assert!(allocator.mapped_bytes() <= KEPT_BYTES_MAX);
}
