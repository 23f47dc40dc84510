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
//!                   a few with vacant pages alone:            ──► region
//!                   vacant pages that have their memory still:    [ page 9, page 4 ]
//! ```
//!
//! A region begins at a multiple of its length, so the address of a block says which region it is
//! in, and which page. A block has no header: the books are in the region's first page. Lengths go
//! in 16 steps per doubling, so that at most a sixteenth is wasted. A page of blocks of 40 KiB
//! holds one, and the rest of its addresses never becomes memory. Pages of short blocks, as lists
//! and streams are made of, get all their memory at once when there are some alike already.
//!
//! What is longer than a page is a run of pages of one region; what is longer than any run is a
//! mapping of its own (`allocator/mappings.rs`). What is tiny comes from the C library: there it
//! lies close together, and is used again and again.
//!
//! The books of regions and pages are in `allocator/page.rs`, their links in `allocator/list.rs`.
//!
//! The server has one thread. The lock is there because all of a process may call its allocator.

mod list;
mod mappings;
mod page;

use self::list::{Listed, push_front, remove};
pub use self::mappings::SPARE_BYTES_MAX;
use self::mappings::{Mappings, length_of};
use self::page::{Page, PageName, Region, RegionName};
use crate::region::{REGION_BYTES, map_region, unmap_region};
use static_assertions::{const_assert, const_assert_eq};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, UnsafeCell};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, Ordering};
use std::{hint, iter};

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

/// A page that becomes vacant keeps its memory while there are fewer of these, so that a border
/// crossed to and fro costs nothing.
const SPARES_MAX: usize = 16;

/// The same for runs: clients that put long values in the place of others use them by turns.
const RUN_SPARES_MAX: usize = 64;

/// Runs are taken and vacated in turn where long values take each other's place: as many pages as
/// have been taken keep their memory, so many at most, however many others have some.
const WANTED_MAX: usize = 256;

/// The longest run: all pages of a region but that of the books.
const RUN_PAGES_MAX: usize = PAGES - 1;

/// How many regions with vacant pages are looked at for a run before an empty one is taken.
const REGIONS_LOOKED_AT_MAX: usize = 8;

/// Regions of vacant pages alone that stay mapped. Where many are in use it is that part of them.
const EMPTY_REGIONS_MIN: usize = 4;
const EMPTY_REGIONS_PART: usize = 8;

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

/// Where memory of some layout comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Source {
    /// A page of blocks of this class.
    Blocks(usize),
    /// So many pages behind each other.
    Run(usize),
    /// A mapping of so many bytes.
    Mapping(usize),
    /// The C library.
    Elsewhere,
}

impl Source {
    fn of(layout: Layout) -> Self {
        let length = layout.size();
        if length <= TINY_BYTES_MAX || layout.align() > GRAIN_BYTES {
            return Self::Elsewhere;
        }
        match length.div_ceil(PAGE_BYTES) {
            1 => Self::Blocks(class_of(length)),
            pages @ ..=RUN_PAGES_MAX => Self::Run(pages),
            _ => length_of(length).map_or(Self::Elsewhere, Self::Mapping),
        }
    }
}

/// The class of blocks for what is neither tiny nor longer than a page.
fn class_of(length: usize) -> usize {
    let doubling = ((length - 1) / TINY_BYTES_MAX).ilog2() as usize;
    let step = (length - 1) / (GRAIN_BYTES << doubling) - CLASSES_PER_DOUBLING;
    doubling * CLASSES_PER_DOUBLING + step
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

// SAFETY: a block of a class, a run of pages, or a mapping is at least as long as the layouts it is
// for, begins at a multiple of `GRAIN_BYTES`, and belongs to nobody else until it is given back;
// all other layouts are the system allocator's, which keeps the same promises. The source depends
// on the layout alone, so what came from one goes back to the same.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match Source::of(layout) {
            Source::Blocks(class) => pointer(self.locked(|heap| heap.take(class))),
            Source::Run(pages) => {
                pointer(self.locked(|heap| heap.take_run(pages).map(PageName::start)))
            }
            Source::Mapping(length) => pointer(self.locked(|heap| heap.mappings.take(length))),
            // SAFETY: the caller promises what the system allocator asks for.
            Source::Elsewhere => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        match Source::of(layout) {
            Source::Mapping(length) => {
                pointer(self.locked(|heap| heap.mappings.take_zeroed(length)))
            }
            // SAFETY: the caller promises what the system allocator asks for.
            Source::Elsewhere => unsafe { System.alloc_zeroed(layout) },
            Source::Blocks(_) | Source::Run(_) => {
                // SAFETY: the caller promises the same.
                let block = unsafe { self.alloc(layout) };
                if !block.is_null() {
                    // SAFETY: the block is at least as long as the layout, and nobody else's.
                    unsafe { block.write_bytes(0, layout.size()) };
                }
                block
            }
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        match (Source::of(layout), NonNull::new(block)) {
            (Source::Blocks(class), Some(block)) => {
                self.locked(|heap| heap.give_back(block, class));
            }
            (Source::Run(pages), Some(block)) => {
                self.locked(|heap| heap.vacate(PageName::of_block(block), pages));
            }
            (Source::Mapping(length), Some(block)) => {
                self.locked(|heap| heap.mappings.give_back(block, length));
            }
            // SAFETY: the caller promises what the system allocator asks for, and it allocated the
            // block: the layout is the same.
            _ => unsafe { System.dealloc(block, layout) },
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, length: usize) -> *mut u8 {
        // SAFETY: the caller promises that `length` is not 0 and does not overflow when aligned.
        let wanted = unsafe { Layout::from_size_align_unchecked(length, layout.align()) };
        match (Source::of(layout), Source::of(wanted)) {
            // SAFETY: the caller promises what the system allocator asks for; it has this block.
            (Source::Elsewhere, Source::Elsewhere) => unsafe {
                System.realloc(block, layout, length)
            },
            (old, new) if old == new => block,
            (Source::Run(old), Source::Run(new)) if new < old => {
                let rest = NonNull::new(block).map(|block| PageName::of_block(block).after(new));
                self.locked(|heap| rest.into_iter().for_each(|page| heap.vacate(page, old - new)));
                block
            }
            (Source::Mapping(old), Source::Mapping(new)) => {
                let mapping = NonNull::new(block);
                pointer(
                    mapping.and_then(|start| {
                        self.locked(|heap| heap.mappings.resize(start, old, new))
                    }),
                )
            }
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

/// The first `pages` bits set in `free` behind each other.
fn run_in(free: u32, pages: usize) -> Option<u32> {
    // Bit `n` of `starts`: as many are set from bit `n` on as have been seen to.
    let (mut starts, mut seen_to) = (free, 1);
    while seen_to < pages {
        let more = seen_to.min(pages - seen_to);
        starts &= starts >> more;
        seen_to += more;
    }
    (starts != 0).then(|| ((1 << pages) - 1) << starts.trailing_zeros())
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
    /// Pages of runs that have been taken, less those that were vacated and kept for it.
    wanted: Cell<usize>,
    /// The first region of vacant pages alone, and how many there are.
    empty: Cell<Option<RegionName>>,
    empties: Cell<usize>,
    /// How many regions there are.
    regions: Cell<usize>,
    /// What is longer than any run.
    mappings: Mappings,
}

impl Heap {
    const fn new() -> Self {
        Self {
            partial: [const { Cell::new(None) }; CLASSES],
            pages: [const { Cell::new(0) }; CLASSES],
            roomy: Cell::new(None),
            spares: Cell::new(0),
            wanted: Cell::new(0),
            empty: Cell::new(None),
            empties: Cell::new(0),
            regions: Cell::new(0),
            mappings: Mappings::new(),
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
            self.vacate(page, 1);
        }
    }

    /// A page for blocks of a class, the first in its list: one that has memory, if possible.
    fn take_page(&self, class: usize) -> Option<PageName> {
        let page = self.take_run(1)?;
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

    /// So many vacant pages behind each other, those that have memory if possible: the first.
    fn take_run(&self, pages: usize) -> Option<PageName> {
        let region = self.region_with(pages)?;
        let Region { vacant, spare, .. } = region.books();
        let run = run_in(spare.get(), pages).or_else(|| run_in(vacant.get(), pages))?;
        let spares = (spare.get() & run).count_ones() as usize;
        self.spares.set(self.spares.get() - spares);
        if pages > 1 {
            self.wanted.set((self.wanted.get() + pages).min(WANTED_MAX));
        }
        spare.set(spare.get() & !run);
        vacant.set(vacant.get() & !run);
        if vacant.get() == 0 {
            remove(&self.roomy, region);
        }
        Some(PageName::new(region, run.trailing_zeros() as usize))
    }

    /// A region with so many vacant pages behind each other, among those that have any: with
    /// memory, if one of the first few has them, or one that was empty.
    fn region_with(&self, pages: usize) -> Option<RegionName> {
        let first = |of: fn(&Region) -> &Cell<u32>| {
            let regions = iter::successors(self.roomy.get(), |region| region.links().next.get());
            let has_run = |region: &RegionName| run_in(of(region.books()).get(), pages).is_some();
            regions.take(REGIONS_LOOKED_AT_MAX).find(has_run)
        };
        let empty_has_memory =
            self.empty.get().is_some_and(|region| region.books().spare.get() != 0);
        first(|books| &books.spare)
            .or_else(|| first(|books| &books.vacant).filter(|_| !empty_has_memory))
            .or_else(|| {
                let region = self.empty_region()?;
                push_front(&self.roomy, region);
                Some(region)
            })
    }

    /// A region of vacant pages alone, taken off their list or mapped.
    fn empty_region(&self) -> Option<RegionName> {
        let Some(region) = self.empty.get() else { return self.add_region() };
        remove(&self.empty, region);
        self.empties.set(self.empties.get() - 1);
        Some(region)
    }

    /// So many pages, of which this is the first, have run empty: they give their memory back,
    /// unless few are left that have any.
    fn vacate(&self, page: PageName, pages: usize) {
        let region = page.region();
        let books = region.books();
        if self.keeps_memory(pages) {
            self.spares.set(self.spares.get() + pages);
            books.spare.set(books.spare.get() | page.bits(pages));
        } else {
            page.discard(pages);
        }
        if books.vacant.get() != 0 {
            remove(&self.roomy, region);
        }
        books.vacant.set(books.vacant.get() | page.bits(pages));
        // Who needs a page next shall find this one, which may be warm.
        match books.vacant.get() {
            ALL_VACANT => self.keep_empty(region),
            _ => push_front(&self.roomy, region),
        }
    }

    /// A region has run empty: it stays, and if there are more of them than others justify, those
    /// that have been empty for longer go.
    fn keep_empty(&self, region: RegionName) {
        push_front(&self.empty, region);
        self.empties.set(self.empties.get() + 1);
        while self.empties.get() > self.empties_max()
            && let Some(older) = region.links().next.get()
        {
            self.unmap(older);
        }
    }

    fn empties_max(&self) -> usize {
        EMPTY_REGIONS_MIN.max((self.regions.get() - self.empties.get()) / EMPTY_REGIONS_PART)
    }

    /// Gives back an empty region.
    fn unmap(&self, region: RegionName) {
        remove(&self.empty, region);
        self.empties.set(self.empties.get() - 1);
        self.spares.set(self.spares.get() - region.books().spare.get().count_ones() as usize);
        self.regions.set(self.regions.get() - 1);
        unmap_region(region.0);
    }

    /// Whether a page or a run that is vacated keeps its memory.
    fn keeps_memory(&self, pages: usize) -> bool {
        let spares_max = if pages == 1 { SPARES_MAX } else { RUN_SPARES_MAX };
        let is_wanted = pages > 1 && self.wanted.get() >= pages;
        let is_one_of_few = self.spares.get() < spares_max;
        if is_wanted && !is_one_of_few {
            self.wanted.set(self.wanted.get() - pages);
        }
        is_one_of_few || is_wanted
    }

    fn add_region(&self) -> Option<RegionName> {
        let region = RegionName(map_region()?);
        self.regions.set(self.regions.get() + 1);
        region.books().vacant.set(ALL_VACANT);
        Some(region)
    }
}

#[cfg(test)]
mod tests;
