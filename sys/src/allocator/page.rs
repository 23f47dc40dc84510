//! Regions and pages: their books, and the addresses that name them.
//!
//! ```text
//!   name of a region   0x7f12_3440_0000        where it begins
//!   name of a page     0x7f12_3440_0005        the same, and its number: page 5 begins
//!                                              5 * 64 KiB behind the region
//! ```

use super::list::{Links, Listed};
use super::{GRAIN_BYTES, PAGE_BYTES, PAGES};
use crate::region::{REGION_BYTES, discard, populate};
use std::cell::Cell;
use std::num::NonZero;
use std::ptr::NonNull;

/// The books of a region, at its start. All zero when it has just been mapped, which is a valid
/// state of every field.
pub(super) struct Region {
    /// Bit `n`: nobody has page `n`.
    pub(super) vacant: Cell<u32>,
    /// Bit `n`: page `n` is vacant and has its memory still, as much of it as was touched.
    pub(super) spare: Cell<u32>,
    /// Bit `n`: all of page `n` has memory.
    populated: Cell<u32>,
    /// Among the regions that have a vacant page.
    links: Links<RegionName>,
    pages: [Page; PAGES],
}

/// A region that is mapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct RegionName(pub(super) NonNull<u8>);

impl RegionName {
    pub(super) fn books(&self) -> &Region {
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
pub(super) struct Page {
    /// Blocks that it has room for, and those in use.
    pub(super) blocks: Cell<u16>,
    pub(super) used: Cell<u16>,
    /// Where the first block begins that was never used, in grains from the page's start.
    pub(super) fresh: Cell<u16>,
    /// Where the first free block begins among those used before, plus one. 0: there is none.
    pub(super) free: Cell<u16>,
    /// Among the pages of its class that have a free block.
    links: Links<PageName>,
}

/// A page: the address of its region, to which its number is added.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct PageName(NonNull<u8>);

impl PageName {
    pub(super) fn new(region: RegionName, number: usize) -> Self {
        Self(moved(region.0, |address| address + number))
    }

    /// The page that a block is in.
    pub(super) fn of_block(block: NonNull<u8>) -> Self {
        let region = RegionName(moved(block, |address| address & !(REGION_BYTES - 1)));
        Self::new(region, block.addr().get() % REGION_BYTES / PAGE_BYTES)
    }

    pub(super) fn region(self) -> RegionName {
        RegionName(moved(self.0, |address| address & !(REGION_BYTES - 1)))
    }

    fn number(self) -> usize {
        self.0.addr().get() % REGION_BYTES
    }

    fn bit(self) -> u32 {
        1 << self.number()
    }

    pub(super) fn books(&self) -> &Page {
        let number = self.number();
        // SAFETY: as for `RegionName::books`; the name of a page holds that of its region.
        let region = unsafe { self.region().0.cast::<Region>().as_ref() };
        &region.pages[number]
    }

    /// Where it begins.
    pub(super) fn start(self) -> NonNull<u8> {
        let number = self.number();
        moved(self.region().0, |address| address + number * PAGE_BYTES)
    }

    /// Sees to it that all of it has memory.
    pub(super) fn populate(self) {
        let region = self.region();
        let populated = &region.books().populated;
        if populated.get() & self.bit() == 0 {
            populated.set(populated.get() | self.bit());
            populate(self.start(), PAGE_BYTES);
        }
    }

    /// The page so many behind it in its region.
    pub(super) fn after(self, pages: usize) -> Self {
        Self(moved(self.0, |address| address + pages))
    }

    /// The bits of so many pages, this one first.
    pub(super) fn bits(self, pages: usize) -> u32 {
        ((1 << pages) - 1) << self.number()
    }

    /// Gives the memory of so many pages back, this one first.
    pub(super) fn discard(self, pages: usize) {
        let region = self.region();
        let populated = &region.books().populated;
        populated.set(populated.get() & !self.bits(pages));
        discard(self.start(), pages * PAGE_BYTES);
    }

    /// The block so many grains from its start.
    pub(super) fn block(self, place: u16) -> NonNull<u8> {
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
