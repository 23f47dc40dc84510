//! Memory for entries: blocks of many sizes in pages of one, named by 32-bit handles.
//!
//! ```text
//!   page 0 (blocks of 38 bytes)    page 1 (blocks of 124)   page 2 (blocks of 38)
//!  +----+----+----+----+---//--+  +--------+--------+---+  +----+----+---//------+
//!  | E  | E  | -> | E  |       |  |   E    |  ->    |   |  | E  |never used      |
//!  +----+----+----+----+---//--+  +--------+--------+---+  +----+----+---//------+
//!               free: the number of the next free block       ^ `fresh`
//!
//!   handle   0ppp pppp pppp pppp pppp bbbb bbbb bbbb      page and block in it
//!            1iii iiii iiii iiii iiii iiii iiii iiii      an allocation of its own
//! ```
//!
//! A block has no header: its size is that of its page. Sizes go in steps of 2 bytes up to 128 and
//! then in 16 steps per doubling, so that at most a sixteenth is wasted; the general allocator's
//! 8 bytes of header and steps of 16 would cost more than a quarter of a small entry. What is
//! longer than [`BLOCK_BYTES_MAX`] gets an allocation of its own.
//!
//! Sixteen pages lie in a region that is mapped from the system. A page that has run empty gives
//! its memory back (one is kept at hand, so that a border crossed to and fro costs nothing), and
//! pages with free blocks are filled up before a new one is made. Entries never move by themselves,
//! so a page stays until its last one goes.

use super::huge_pages::HugePages;
use super::segments::{Heaped, Segments};
use super::slab::Slab;
use squint_sys::{PIECE_BYTES, REGION_BYTES, Region};
use static_assertions::{const_assert, const_assert_eq};
use std::ops::Range;

/// Bytes of a page: what a region takes back at once.
const PAGE_BYTES: usize = PIECE_BYTES;
const PAGES_PER_REGION: usize = REGION_BYTES / PAGE_BYTES;

/// The longest block that lives in a page.
const BLOCK_BYTES_MAX: usize = 4096;
const BLOCK_BYTES_MIN: usize = 16;

/// Up to here sizes go in steps of [`STEP_BYTES`].
const FINE_BYTES_MAX: usize = 128;
const STEP_BYTES: usize = 2;
const FINE_CLASSES: usize = (FINE_BYTES_MAX - BLOCK_BYTES_MIN) / STEP_BYTES + 1;
/// From there on so many per doubling.
const CLASSES_PER_DOUBLING: usize = 16;
const CLASSES: usize =
    FINE_CLASSES + (BLOCK_BYTES_MAX / FINE_BYTES_MAX).ilog2() as usize * CLASSES_PER_DOUBLING;

const BLOCK_BITS: u32 = 12;
const PAGES_MAX: usize = 1 << (31 - BLOCK_BITS);
const OWN_ALLOCATION: u32 = 1 << 31;

const_assert!(PAGE_BYTES / BLOCK_BYTES_MIN <= 1 << BLOCK_BITS);
const_assert!(CLASSES <= u8::MAX as usize);
const_assert_eq!(size_of::<Page>(), 20);

/// No page, and no block.
const NONE: u32 = u32::MAX;
const NO_BLOCK: u16 = u16::MAX;

/// The name of a block. Good until the block is freed, then given to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub(super) struct Handle(u32);

impl Handle {
    /// Names nothing. (It would be the last of two thousand million allocations of their own.)
    pub(super) const NONE: Handle = Handle(u32::MAX);

    pub(super) const fn from_bits(bits: u32) -> Handle {
        Handle(bits)
    }

    pub(super) const fn bits(self) -> u32 {
        self.0
    }

    const fn has_own_allocation(self) -> bool {
        self.0 & OWN_ALLOCATION != 0
    }

    const fn page(self) -> usize {
        (self.0 >> BLOCK_BITS) as usize
    }

    const fn block(self) -> usize {
        (self.0 & ((1 << BLOCK_BITS) - 1)) as usize
    }

    const fn region(self) -> usize {
        self.page() / PAGES_PER_REGION
    }
}

/// The books of a page; its bytes lie in a region.
#[derive(Clone, Copy, Debug)]
struct Page {
    /// Blocks that the page has room for.
    blocks: u16,
    /// Blocks in use.
    used: u16,
    /// Blocks from here on were never used, so their memory was never touched.
    fresh: u16,
    /// The first free block among those used before.
    free: u16,
    class: u8,
    /// Neighbours among the pages of this class that have free blocks.
    previous: u32,
    next: u32,
}

impl Page {
    fn new(class: usize) -> Page {
        let (blocks, class) = ((PAGE_BYTES / class_bytes(class)) as u16, class as u8);
        let (used, fresh, free, previous, next) = (0, 0, NO_BLOCK, NONE, NONE);
        Page { blocks, used, fresh, free, class, previous, next }
    }

    fn is_full(&self) -> bool {
        self.used == self.blocks
    }
}

/// Pages that lie in one piece, and how long the blocks of each are: all that it takes to find a
/// block, and so the one thing looked up by every command.
#[derive(Debug)]
struct Mapping {
    region: Region,
    block_bytes: [u16; PAGES_PER_REGION],
}

impl Mapping {
    fn new() -> Mapping {
        Mapping { region: Region::new(), block_bytes: [0; PAGES_PER_REGION] }
    }

    /// Where a block lies.
    #[inline]
    fn range(&self, handle: Handle) -> Range<usize> {
        let page = handle.page() % PAGES_PER_REGION;
        let bytes = usize::from(self.block_bytes[page]);
        let start = page * PAGE_BYTES + handle.block() * bytes;
        start..start + bytes
    }
}

/// Blocks of memory. No heap until the first one.
#[derive(Debug)]
pub(super) struct Arena {
    /// 80 bytes for every two megabytes: what doubling copies is nothing to speak of.
    mappings: Vec<Mapping>,
    huge_pages: HugePages,
    pages: Segments<Heaped<Page, 256>>,
    /// Per class, the first page with free blocks. Empty before the first page.
    partial: Vec<u32>,
    /// Numbers of pages that have run empty; only the last one may have memory.
    vacant: Vec<u32>,
    own: Slab<Box<[u8]>>,
    own_bytes: usize,
}

impl Arena {
    pub(super) const fn new() -> Arena {
        Arena {
            mappings: Vec::new(),
            huge_pages: HugePages::new(),
            pages: Segments::new(),
            partial: Vec::new(),
            vacant: Vec::new(),
            own: Slab::new(),
            own_bytes: 0,
        }
    }

    /// A block of at least `length` bytes; what they hold has no meaning.
    pub(super) fn allocate(&mut self, length: usize) -> Handle {
        if length > BLOCK_BYTES_MAX {
            return self.allocate_own(length);
        }
        let class = class_of(length);
        let number = match self.partial.get(class) {
            Some(&number) if number != NONE => number,
            _ if self.vacant.is_empty() && self.pages.len() == PAGES_MAX => {
                return self.allocate_own(length);
            }
            _ => self.add_page(class),
        };
        let handle = self.take_block(number);
        if self.pages[number as usize].is_full() {
            self.unlink(number);
        }
        handle
    }

    /// Takes a block back.
    pub(super) fn free(&mut self, handle: Handle) {
        if handle.has_own_allocation() {
            self.own_bytes -= self.own.remove(handle.0 & !OWN_ALLOCATION).len();
            return;
        }
        let number = handle.page() as u32;
        if self.pages[handle.page()].is_full() {
            self.link(number);
        }
        self.give_back(handle);
        if self.pages[handle.page()].used == 0 {
            self.unlink(number);
            self.vacate(number);
        }
    }

    #[inline(always)]
    pub(super) fn block(&self, handle: Handle) -> &[u8] {
        if handle.has_own_allocation() {
            return self.own_block(handle);
        }
        let mapping = &self.mappings[handle.region()];
        &mapping.region[mapping.range(handle)]
    }

    #[inline(always)]
    pub(super) fn block_mut(&mut self, handle: Handle) -> &mut [u8] {
        if handle.has_own_allocation() {
            return self.own_block_mut(handle);
        }
        let mapping = &mut self.mappings[handle.region()];
        let range = mapping.range(handle);
        &mut mapping.region[range]
    }

    #[cold]
    fn own_block(&self, handle: Handle) -> &[u8] {
        self.own.get(handle.0 & !OWN_ALLOCATION)
    }

    #[cold]
    fn own_block_mut(&mut self, handle: Handle) -> &mut [u8] {
        self.own.get_mut(handle.0 & !OWN_ALLOCATION)
    }

    /// Whether this block is just the one that [`Arena::allocate`] would choose for `length`.
    #[inline]
    pub(super) fn suits(&self, handle: Handle, length: usize) -> bool {
        if handle.has_own_allocation() {
            return self.block(handle).len() == length;
        }
        let class = usize::from(self.pages[handle.page()].class);
        length <= BLOCK_BYTES_MAX && class_of(length) == class
    }

    /// Copies `length` bytes from one block, at an offset, to another.
    pub(super) fn copy(&mut self, from: (Handle, usize), to: (Handle, usize), length: usize) {
        let source = from.1..from.1 + length;
        if from.0 == to.0 {
            self.block_mut(to.0).copy_within(source, to.1);
        } else if length <= COPIED_AT_ONCE {
            let mut buffer = [0; COPIED_AT_ONCE];
            buffer[..length].copy_from_slice(&self.block(from.0)[source]);
            self.block_mut(to.0)[to.1..to.1 + length].copy_from_slice(&buffer[..length]);
        } else {
            let bytes = self.block(from.0)[source].to_vec();
            self.block_mut(to.0)[to.1..to.1 + length].copy_from_slice(&bytes);
        }
    }

    /// Frees one region or one allocation; `false` when there is nothing left. For an arena whose
    /// blocks nobody asks for any more.
    pub(super) fn drop_one(&mut self) -> bool {
        let dropped = self.mappings.pop();
        self.huge_pages.reopen(self.mappings.len());
        dropped.is_some() || self.own.pop().is_some()
    }

    /// How many of its regions wait to become huge pages: a store of some size is looked at in
    /// random places all over.
    #[inline]
    pub(super) fn waiting_regions(&self) -> usize {
        self.huge_pages.waiting(self.mappings.len())
    }

    /// Up to `budget` of them ask for it; gives how many.
    pub(super) fn ask_for_huge_pages(&mut self, budget: usize) -> usize {
        let asking = self.huge_pages.next(&mut self.mappings, budget);
        asking.iter_mut().for_each(|mapping| mapping.region.ask_for_huge_page());
        asking.len()
    }

    /// Bytes of heap, and those of pages in use.
    pub(super) fn heap_bytes(&self) -> usize {
        let pages = self.pages.len() - self.vacant.len() + usize::from(!self.vacant.is_empty());
        pages * PAGE_BYTES
            + self.pages.heap_bytes()
            + self.mappings.capacity() * size_of::<Mapping>()
            + (self.partial.capacity() + self.vacant.capacity()) * size_of::<u32>()
            + self.own.heap_bytes()
            + self.own_bytes
    }
}

/// Blocks up to here are copied by way of the stack.
const COPIED_AT_ONCE: usize = 256;

impl Arena {
    fn allocate_own(&mut self, length: usize) -> Handle {
        self.own_bytes += length;
        let index = self.own.insert(vec![0; length].into_boxed_slice());
        assert!(index < OWN_ALLOCATION - 1, "more blocks than two thousand million");
        Handle(index | OWN_ALLOCATION)
    }

    fn add_page(&mut self, class: usize) -> u32 {
        if self.partial.is_empty() {
            self.partial = vec![NONE; CLASSES];
        }
        let page = Page::new(class);
        let number = match self.vacant.pop() {
            Some(number) => self.reuse_page(number, page),
            None => self.append_page(page),
        };
        let (region, piece) = place_of(number);
        self.mappings[region].block_bytes[piece] = class_bytes(class) as u16;
        self.link(number);
        number
    }

    fn reuse_page(&mut self, number: u32, page: Page) -> u32 {
        let (region, piece) = place_of(number);
        if self.mappings[region].region.reuse(piece) {
            self.huge_pages.reopen(region);
        }
        self.pages[number as usize] = page;
        number
    }

    fn append_page(&mut self, page: Page) -> u32 {
        if self.pages.len() == self.mappings.len() * PAGES_PER_REGION {
            self.mappings.push(Mapping::new());
        }
        self.pages.push(page);
        self.pages.len() as u32 - 1
    }

    /// A page has run empty: it is kept at hand, and the one that was so far loses its memory.
    fn vacate(&mut self, number: u32) {
        if let Some(&spare) = self.vacant.last() {
            let (region, piece) = place_of(spare);
            self.mappings[region].region.discard(piece);
        }
        self.vacant.push(number);
    }

    /// A free block of a page that has one.
    fn take_block(&mut self, number: u32) -> Handle {
        let page = &mut self.pages[number as usize];
        page.used += 1;
        if page.free == NO_BLOCK {
            page.fresh += 1;
            return Handle(number << BLOCK_BITS | u32::from(page.fresh - 1));
        }
        let handle = Handle(number << BLOCK_BITS | u32::from(page.free));
        let block = self.block(handle);
        let next = u16::from_le_bytes([block[0], block[1]]);
        self.pages[number as usize].free = next;
        handle
    }

    fn give_back(&mut self, handle: Handle) {
        let page = &mut self.pages[handle.page()];
        page.used -= 1;
        let next = std::mem::replace(&mut page.free, handle.block() as u16);
        self.block_mut(handle)[..2].copy_from_slice(&next.to_le_bytes());
    }

    /// Puts a page in front of those of its class that have free blocks.
    fn link(&mut self, number: u32) {
        let page = &mut self.pages[number as usize];
        let head = &mut self.partial[usize::from(page.class)];
        page.previous = NONE;
        page.next = *head;
        *head = number;
        if page.next != NONE {
            let next = page.next as usize;
            self.pages[next].previous = number;
        }
    }

    fn unlink(&mut self, number: u32) {
        let Page { previous, next, class, .. } = self.pages[number as usize];
        match previous {
            NONE => self.partial[usize::from(class)] = next,
            previous => self.pages[previous as usize].next = next,
        }
        if next != NONE {
            self.pages[next as usize].previous = previous;
        }
    }
}

/// In which region a page lies, and which piece of it that is.
fn place_of(page: u32) -> (usize, usize) {
    (page as usize / PAGES_PER_REGION, page as usize % PAGES_PER_REGION)
}

/// The class whose blocks hold `length` bytes with the least waste.
#[inline]
fn class_of(length: usize) -> usize {
    debug_assert!(length <= BLOCK_BYTES_MAX);
    if length <= FINE_BYTES_MAX {
        return (length.max(BLOCK_BYTES_MIN) - BLOCK_BYTES_MIN).div_ceil(STEP_BYTES);
    }
    let doubling = ((length - 1) / FINE_BYTES_MAX).ilog2() as usize;
    let step_bytes = (FINE_BYTES_MAX << doubling) / CLASSES_PER_DOUBLING;
    let step = (length - 1) / step_bytes - CLASSES_PER_DOUBLING;
    FINE_CLASSES + doubling * CLASSES_PER_DOUBLING + step
}

/// Bytes of a block of this class.
fn class_bytes(class: usize) -> usize {
    if class < FINE_CLASSES {
        return BLOCK_BYTES_MIN + class * STEP_BYTES;
    }
    let (doubling, step) = (
        (class - FINE_CLASSES) / CLASSES_PER_DOUBLING,
        (class - FINE_CLASSES) % CLASSES_PER_DOUBLING,
    );
    let step_bytes = (FINE_BYTES_MAX << doubling) / CLASSES_PER_DOUBLING;
    (CLASSES_PER_DOUBLING + step + 1) * step_bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn classes_hold_what_they_are_chosen_for_and_waste_little() {
        for length in 1..=BLOCK_BYTES_MAX {
            let class = class_of(length);
            let bytes = class_bytes(class);
            assert!(bytes >= length && class < CLASSES);
            assert!(class == 0 || class_bytes(class - 1) < length, "{length} in {bytes}");
            assert!(length < BLOCK_BYTES_MIN || bytes - length <= (length / 16).max(1));
        }
        assert_eq!(class_bytes(CLASSES - 1), BLOCK_BYTES_MAX);
    }

    /// Blocks keep what was written to them, whatever is allocated and freed around them.
    #[test]
    fn agrees_with_a_map_of_vectors() {
        arbtest::arbtest(|u| {
            let (mut arena, mut twin) = (Arena::new(), HashMap::<u32, Vec<u8>>::new());
            while !u.is_empty() {
                let length = match u.int_in_range(0..=9)? {
                    0 => u.int_in_range(1..=3 * BLOCK_BYTES_MAX)?,
                    _ => u.int_in_range(1..=60)?,
                };
                if u.ratio(3, 5)? {
                    let handle = arena.allocate(length);
                    assert!(arena.suits(handle, length));
                    let content = vec![u.arbitrary()?; length];
                    arena.block_mut(handle)[..length].copy_from_slice(&content);
                    assert!(twin.insert(handle.bits(), content).is_none());
                } else if let Some(&bits) = twin.keys().min() {
                    twin.remove(&bits);
                    arena.free(Handle::from_bits(bits));
                }
                for (&bits, content) in &twin {
                    assert!(arena.block(Handle::from_bits(bits)).starts_with(content));
                }
            }
            Ok(())
        });
    }

    #[test]
    fn empty_pages_go_and_full_ones_come_back_when_they_have_room() {
        let mut arena = Arena::new();
        let handles: Vec<Handle> = (0..10_000).map(|_| arena.allocate(40)).collect();
        let pages = 10_000_usize.div_ceil(PAGE_BYTES / 40);
        assert_eq!(arena.pages.len(), pages);
        let held = arena.heap_bytes();
        assert!(held < 10_000 * 40 + 2 * PAGE_BYTES);
        for &handle in &handles[..5000] {
            arena.free(handle);
        }
        assert!(arena.heap_bytes() < held - PAGE_BYTES, "two pages went, and one is at hand");
        let again: Vec<Handle> = (0..5000).map(|_| arena.allocate(40)).collect();
        assert_eq!(arena.pages.len(), pages);
        assert!(arena.heap_bytes() < held + 1024);
        for handle in handles[5000..].iter().chain(&again) {
            arena.free(*handle);
        }
        assert!(arena.heap_bytes() < PAGE_BYTES + 16 * 1024, "one page is kept at hand");
        assert!(arena.partial.iter().all(|&head| head == NONE));
    }

    #[test]
    fn copies_within_a_block_and_between_blocks() {
        for length in [20, 2000] {
            let mut arena = Arena::new();
            let (from, to) = (arena.allocate(length + 4), arena.allocate(length + 9));
            let content: Vec<u8> = (0..length).map(|index| index as u8).collect();
            arena.block_mut(from)[..length].copy_from_slice(&content);
            arena.copy((from, 0), (from, 4), length);
            assert_eq!(arena.block(from)[4..4 + length], content);
            arena.copy((from, 4), (to, 9), length);
            assert_eq!(arena.block(to)[9..9 + length], content);
        }
    }

    #[test]
    fn drops_piece_by_piece() {
        let mut arena = Arena::new();
        for length in [&[100; 5000][..], &[100_000; 3]].concat() {
            arena.allocate(length);
        }
        let steps = std::iter::from_fn(|| arena.drop_one().then_some(())).count();
        assert_eq!(steps, 1 + 3);
    }
}
