//! The general allocator of the server: what it is given back goes back to the system.
//!
//! The C library's heap grows at its end and shrinks there alone: a small piece that stays behind
//! a million others keeps all of them resident. So what is neither tiny nor huge comes from pages
//! here, of blocks of one length each. A page that has run empty loses its memory.
//!
//! ```text
//!   region, 2 MiB   [ books | page 1 | page 2 | ... | page 31 ]        64 KiB each
//!                               │
//!   page            [ block | block | block | ... | never used ]       all blocks are as long
//!                               │ free: the place of the next free one
//!
//!   heap            per length, pages with a free block:      ──► page 7 <──► page 2
//!                   regions with a vacant page:               ──► region <──► region
//!                   vacant pages that have their memory still:    [ page 9, page 4 ]
//! ```
//!
//! A region begins at a multiple of its length, so the address of a block says which region it is
//! in, and which page. A block has no header: the books are in the region's first page. Lengths go
//! in 16 steps per doubling, so that at most a sixteenth is wasted. A page of blocks of 40 KiB
//! holds one, and the rest of its addresses never becomes memory. Pages of short blocks, as lists
//! and streams are made of, get all their memory at once when there are some alike already.
//!
//! What is tiny, or longer than a page, comes from the C library: the
//! first lies close together there and is used again and again, the second it maps by itself.
//!
//! The server has one thread. The lock is there because all of a process may call its allocator.

use crate::region::{REGION_BYTES, discard, map_region, populate, unmap_region};
use static_assertions::{const_assert, const_assert_eq};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, UnsafeCell};
use std::hint;
use std::num::NonZero;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, Ordering};

/// Blocks begin at multiples of this, and their lengths are multiples of it.
const GRAIN_BYTES: usize = 16;
/// Up to here the C library serves.
const TINY_BYTES_MAX: usize = 256;
const PAGE_BYTES: usize = 64 * 1024;
const PAGES: usize = REGION_BYTES / PAGE_BYTES;

const CLASSES_PER_DOUBLING: usize = 16;
const CLASSES: usize = (PAGE_BYTES / TINY_BYTES_MAX).ilog2() as usize * CLASSES_PER_DOUBLING;

/// A page of blocks up to here gets its memory at once: such blocks will be written to all over.
/// Longer ones may be buffers that stay nearly empty.
const POPULATED_BYTES_MAX: usize = 4096;

/// It does so if there are so many of its class: at most a quarter more is resident than is used.
const POPULATED_PAGES_MIN: u32 = 4;

/// Vacant pages that keep their memory, so that a border crossed to and fro costs nothing.
const SPARES_MAX: usize = 16;

/// All pages of a region but the first, which holds the books.
const ALL_VACANT: u32 = !1;

const_assert_eq!(PAGES, u32::BITS as usize);
const_assert_eq!(TINY_BYTES_MAX / CLASSES_PER_DOUBLING, GRAIN_BYTES);
const_assert!(PAGE_BYTES / GRAIN_BYTES < u16::MAX as usize);
const_assert!(size_of::<Region>() <= PAGE_BYTES);

/// The allocator. A program makes it its `#[global_allocator]`.
#[derive(Debug)]
pub struct Allocator {
    is_locked: AtomicBool,
    heap: UnsafeCell<Heap>,
}

// SAFETY: the heap is reached through `locked` alone, which lets in one thread at a time, and its
// pointers lead to memory that belongs to no thread.
unsafe impl Sync for Allocator {}

impl Allocator {
    /// An allocator that has mapped nothing yet.
    #[allow(clippy::new_without_default, reason = "it is a static, and there is one")]
    #[must_use]
    pub const fn new() -> Self {
        Self { is_locked: AtomicBool::new(false), heap: UnsafeCell::new(Heap::new()) }
    }

    /// Bytes that are mapped; most of them may have no memory.
    #[must_use]
    pub fn mapped_bytes(&self) -> usize {
        self.locked(|heap| heap.regions.get() * REGION_BYTES)
    }

    fn locked<R>(&self, work: impl FnOnce(&Heap) -> R) -> R {
        while self.is_locked.swap(true, Ordering::Acquire) {
            hint::spin_loop();
        }
        // SAFETY: whoever has set the flag is alone here until it clears it.
        let answer = work(unsafe { &*self.heap.get() });
        self.is_locked.store(false, Ordering::Release);
        answer
    }
}

/// The class of blocks for such a layout; `None`: the C library's business.
fn class_of(layout: Layout) -> Option<usize> {
    let length = layout.size();
    if length <= TINY_BYTES_MAX || length > PAGE_BYTES || layout.align() > GRAIN_BYTES {
        return None;
    }
    let doubling = ((length - 1) / TINY_BYTES_MAX).ilog2() as usize;
    let step = (length - 1) / (GRAIN_BYTES << doubling) - CLASSES_PER_DOUBLING;
    Some(doubling * CLASSES_PER_DOUBLING + step)
}

/// As allocators hand out blocks: none is a null pointer, and the caller says so when nothing here
/// is locked any more.
fn pointer(block: Option<NonNull<u8>>) -> *mut u8 {
    block.map_or(ptr::null_mut(), NonNull::as_ptr)
}

/// Length of the blocks of a class, in grains.
fn grains_of(class: usize) -> u16 {
    let (doubling, step) = (class / CLASSES_PER_DOUBLING, class % CLASSES_PER_DOUBLING);
    ((CLASSES_PER_DOUBLING + step + 1) << doubling) as u16
}

// SAFETY: a block of a class is at least as long as the layouts of that class, begins at a multiple
// of `GRAIN_BYTES`, and belongs to nobody else until it is given back; all other layouts are the
// system allocator's, which keeps the same promises. The class depends on the layout alone, so what
// came from one goes back to the same.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match class_of(layout) {
            Some(class) => pointer(self.locked(|heap| heap.take(class))),
            // SAFETY: the caller promises what the system allocator asks for.
            None => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let Some(class) = class_of(layout) else {
            // SAFETY: the caller promises what the system allocator asks for.
            return unsafe { System.alloc_zeroed(layout) };
        };
        let block = pointer(self.locked(|heap| heap.take(class)));
        if !block.is_null() {
            // SAFETY: the block is at least as long as the layout, and nobody else's.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        match (class_of(layout), NonNull::new(block)) {
            (Some(class), Some(block)) => self.locked(|heap| heap.give_back(block, class)),
            // SAFETY: the caller promises what the system allocator asks for, and it allocated the
            // block: the layout is the same.
            _ => unsafe { System.dealloc(block, layout) },
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, length: usize) -> *mut u8 {
        // SAFETY: the caller promises that `length` is not 0 and does not overflow when aligned.
        let wanted = unsafe { Layout::from_size_align_unchecked(length, layout.align()) };
        match (class_of(layout), class_of(wanted)) {
            // SAFETY: the caller promises what the system allocator asks for; it has this block.
            (None, None) => unsafe { System.realloc(block, layout, length) },
            (Some(old), Some(new)) if old == new => block,
            _ => {
                // SAFETY: `wanted` has a length that is not 0.
                let moved = unsafe { self.alloc(wanted) };
                if !moved.is_null() {
                    // SAFETY: both are at least as long as the shorter layout, and do not overlap:
                    // the old one is still in use.
                    unsafe { ptr::copy_nonoverlapping(block, moved, length.min(layout.size())) };
                    // SAFETY: the caller gives the block up, and says with which layout it came.
                    unsafe { self.dealloc(block, layout) };
                }
                moved
            }
        }
    }
}

/// Neighbours in a list.
struct Links<Name> {
    next: Cell<Option<Name>>,
    previous: Cell<Option<Name>>,
}

/// What can be in a list: a name that leads to links.
trait Listed: Copy + 'static {
    fn links(&self) -> &Links<Self>;
}

/// Puts something in front of a list that it is not in.
fn push_front<Name: Listed>(head: &Cell<Option<Name>>, name: Name) {
    let next = head.replace(Some(name));
    name.links().next.set(next);
    name.links().previous.set(None);
    if let Some(next) = next {
        next.links().previous.set(Some(name));
    }
}

/// Takes something out of the list that it is in.
fn remove<Name: Listed>(head: &Cell<Option<Name>>, name: Name) {
    let (next, previous) = (name.links().next.take(), name.links().previous.take());
    match previous {
        Some(previous) => previous.links().next.set(next),
        None => head.set(next),
    }
    if let Some(next) = next {
        next.links().previous.set(previous);
    }
}

/// The books of a region, at its start. All zero when it has just been mapped, which is a valid
/// state of every field.
struct Region {
    /// Bit `n`: nobody has page `n`.
    vacant: Cell<u32>,
    /// Bit `n`: page `n` is vacant and has its memory still, as much of it as was touched.
    spare: Cell<u32>,
    /// Bit `n`: all of page `n` has memory.
    populated: Cell<u32>,
    /// Among the regions that have a vacant page.
    links: Links<RegionName>,
    pages: [Page; PAGES],
}

/// A region that is mapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct RegionName(NonNull<u8>);

impl RegionName {
    fn books(&self) -> &Region {
        // SAFETY: a region is mapped as long as it has a name, is aligned, and begins with its
        // books. These consist of cells, and nobody refers to them otherwise.
        unsafe { self.0.cast::<Region>().as_ref() }
    }
}

impl Listed for RegionName {
    fn links(&self) -> &Links<Self> {
        &self.books().links
    }
}

/// The books of a page.
struct Page {
    /// Blocks that it has room for, and those in use.
    blocks: Cell<u16>,
    used: Cell<u16>,
    /// Where the first block begins that was never used, in grains from the page's start.
    fresh: Cell<u16>,
    /// Where the first free block begins among those used before, plus one. 0: there is none.
    free: Cell<u16>,
    /// Among the pages of its class that have a free block.
    links: Links<PageName>,
}

/// A page: the address of its region, to which its number is added.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct PageName(NonNull<u8>);

impl PageName {
    fn new(region: RegionName, number: usize) -> Self {
        Self(moved(region.0, |address| address + number))
    }

    /// The page that a block is in.
    fn of_block(block: NonNull<u8>) -> Self {
        let region = RegionName(moved(block, |address| address & !(REGION_BYTES - 1)));
        Self::new(region, block.addr().get() % REGION_BYTES / PAGE_BYTES)
    }

    fn region(self) -> RegionName {
        RegionName(moved(self.0, |address| address & !(REGION_BYTES - 1)))
    }

    fn number(self) -> usize {
        self.0.addr().get() % REGION_BYTES
    }

    fn bit(self) -> u32 {
        1 << self.number()
    }

    fn books(&self) -> &Page {
        let number = self.number();
        // SAFETY: as for `RegionName::books`; the name of a page holds that of its region.
        let region = unsafe { self.region().0.cast::<Region>().as_ref() };
        &region.pages[number]
    }

    /// Where it begins.
    fn start(self) -> NonNull<u8> {
        let number = self.number();
        moved(self.region().0, |address| address + number * PAGE_BYTES)
    }

    /// Sees to it that all of it has memory.
    fn populate(self) {
        let region = self.region();
        let populated = &region.books().populated;
        if populated.get() & self.bit() == 0 {
            populated.set(populated.get() | self.bit());
            populate(self.start(), PAGE_BYTES);
        }
    }

    /// Gives its memory back.
    fn discard(self) {
        let region = self.region();
        let populated = &region.books().populated;
        populated.set(populated.get() & !self.bit());
        discard(self.start(), PAGE_BYTES);
    }

    /// The block so many grains from its start.
    fn block(self, place: u16) -> NonNull<u8> {
        moved(self.start(), |address| address + usize::from(place) * GRAIN_BYTES)
    }
}

impl Listed for PageName {
    fn links(&self) -> &Links<Self> {
        &self.books().links
    }
}

/// Another address in the same region.
fn moved(pointer: NonNull<u8>, to: impl FnOnce(usize) -> usize) -> NonNull<u8> {
    pointer.map_addr(|address| NonZero::new(to(address.get())).expect("no region is at 0"))
}

/// Everything that has been mapped.
struct Heap {
    /// Per class, the first page with a free block.
    partial: [Cell<Option<PageName>>; CLASSES],
    /// Per class, how many pages it has.
    pages: [Cell<u32>; CLASSES],
    /// The first region with a vacant page.
    roomy: Cell<Option<RegionName>>,
    /// Vacant pages that have their memory still.
    spares: Cell<usize>,
    /// A region of vacant pages alone; the next one is unmapped.
    empty: Cell<Option<RegionName>>,
    /// How many regions there are.
    regions: Cell<usize>,
}

impl Heap {
    const fn new() -> Self {
        Self {
            partial: [const { Cell::new(None) }; CLASSES],
            pages: [const { Cell::new(0) }; CLASSES],
            roomy: Cell::new(None),
            spares: Cell::new(0),
            empty: Cell::new(None),
            regions: Cell::new(0),
        }
    }

    /// A block of a class, if there is memory for it.
    fn take(&self, class: usize) -> Option<NonNull<u8>> {
        let head = &self.partial[class];
        let page = head.get().or_else(|| self.take_page(class))?;
        let books = page.books();
        let place = match books.free.get() {
            0 => books.fresh.replace(books.fresh.get() + grains_of(class)),
            free => {
                // SAFETY: `give_back` has written this where the free block begins.
                let next = unsafe { page.block(free - 1).cast::<u16>().read() };
                books.free.replace(next) - 1
            }
        };
        books.used.set(books.used.get() + 1);
        if books.used == books.blocks {
            remove(head, page);
        }
        Some(page.block(place))
    }

    /// Takes a block of a class back.
    fn give_back(&self, block: NonNull<u8>, class: usize) {
        let (head, page) = (&self.partial[class], PageName::of_block(block));
        let books = page.books();
        if books.used == books.blocks {
            push_front(head, page);
        }
        let place = block.addr().get() % PAGE_BYTES / GRAIN_BYTES;
        let next = books.free.replace(place as u16 + 1);
        // SAFETY: whoever had the block has given it up; it is long enough, and aligned.
        unsafe { block.cast::<u16>().write(next) };
        books.used.set(books.used.get() - 1);
        if books.used.get() == 0 {
            remove(head, page);
            self.pages[class].set(self.pages[class].get() - 1);
            self.vacate(page);
        }
    }

    /// A page for blocks of a class, the first in its list: one that has memory, if possible.
    fn take_page(&self, class: usize) -> Option<PageName> {
        let region = self.roomy.get().or_else(|| self.add_region())?;
        let books = region.books();
        let is_spare = books.spare.get() != 0;
        let number = if is_spare { &books.spare } else { &books.vacant }.get().trailing_zeros();
        self.spares.set(self.spares.get() - usize::from(is_spare));
        let page = PageName::new(region, number as usize);
        books.spare.set(books.spare.get() & !page.bit());
        books.vacant.set(books.vacant.get() & !page.bit());
        if books.vacant.get() == 0 {
            remove(&self.roomy, region);
        }
        self.empty.set(self.empty.get().filter(|&empty| empty != region));
        let Page { blocks, used, fresh, free, .. } = page.books();
        blocks.set((PAGE_BYTES / GRAIN_BYTES) as u16 / grains_of(class));
        used.set(0);
        fresh.set(0);
        free.set(0);
        push_front(&self.partial[class], page);
        let (pages, block_bytes) =
            (&self.pages[class], usize::from(grains_of(class)) * GRAIN_BYTES);
        if pages.get() >= POPULATED_PAGES_MIN && block_bytes <= POPULATED_BYTES_MAX {
            page.populate();
        }
        pages.set(pages.get() + 1);
        Some(page)
    }

    /// A page has run empty: it gives its memory back, unless it is one of a few.
    fn vacate(&self, page: PageName) {
        let region = page.region();
        let books = region.books();
        if self.spares.get() < SPARES_MAX {
            self.spares.set(self.spares.get() + 1);
            books.spare.set(books.spare.get() | page.bit());
        } else {
            page.discard();
        }
        // Who needs a page next shall find this one, which may be warm.
        if books.vacant.get() != 0 {
            remove(&self.roomy, region);
        }
        push_front(&self.roomy, region);
        books.vacant.set(books.vacant.get() | page.bit());
        if books.vacant.get() == ALL_VACANT {
            match self.empty.get() {
                None => self.empty.set(Some(region)),
                Some(_) => self.drop_region(region),
            }
        }
    }

    fn add_region(&self) -> Option<RegionName> {
        let region = RegionName(map_region()?);
        self.regions.set(self.regions.get() + 1);
        region.books().vacant.set(ALL_VACANT);
        push_front(&self.roomy, region);
        Some(region)
    }

    /// Gives back a region whose pages are all vacant.
    fn drop_region(&self, region: RegionName) {
        remove(&self.roomy, region);
        self.spares.set(self.spares.get() - region.books().spare.get().count_ones() as usize);
        self.regions.set(self.regions.get() - 1);
        unmap_region(region.0);
    }
}

#[cfg(test)]
mod tests;
