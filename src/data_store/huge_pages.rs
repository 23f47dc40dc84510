//! Which regions of a large structure have asked the system to be huge pages.
//!
//! ```text
//!   regions   [asked][asked][asked][ full ][ full ][ fills up ]
//!                                   <-- waiting -->
//! ```
//!
//! A region waits from when it is full, and asks when the server says so. One that asked at its
//! start would be resident as a whole with its first byte, and whoever wrote that would wait until
//! two megabytes are zeroed. One that asked while its store still grows would do harm as well: the
//! system copies it then, and meanwhile nobody gets memory. One that has given memory back does
//! not ask; it waits again when it has no hole any more.

/// A structure of fewer regions leaves them as they are: a cache of page entries holds enough.
const HUGE_FROM_REGIONS: usize = 5;

/// How many regions of one structure, from the first on, have had their turn to ask.
#[derive(Debug, Default)]
pub(super) struct HugePages {
    asked: usize,
}

impl HugePages {
    pub(super) const fn new() -> HugePages {
        HugePages { asked: 0 }
    }

    /// How many of so many regions wait: all that are full, if they are many.
    #[inline]
    pub(super) fn waiting(&self, regions: usize) -> usize {
        if regions < HUGE_FROM_REGIONS { 0 } else { regions - 1 - self.asked.min(regions - 1) }
    }

    /// Up to `budget` of those that wait, which ask now.
    pub(super) fn next<'a, R>(&mut self, regions: &'a mut [R], budget: usize) -> &'a mut [R] {
        let count = self.waiting(regions.len()).min(budget);
        let asking = &mut regions[self.asked..][..count];
        self.asked += count;
        asking
    }

    /// Regions from this one on are others than they were, or will be: they wait again. (Those that
    /// have asked and are as they were ask for nothing then.)
    #[inline]
    pub(super) fn reopen(&mut self, first: usize) {
        self.asked = self.asked.min(first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_regions_of_a_large_structure_ask_once() {
        let mut huge_pages = HugePages::new();
        let mut asked = [0; 9];
        for regions in 0..=9 {
            let waiting = huge_pages.waiting(regions);
            let asking = huge_pages.next(&mut asked[..regions], 2);
            assert_eq!(asking.len(), waiting.min(2), "of {regions} regions {waiting} wait");
            asking.iter_mut().for_each(|times| *times += 1);
        }
        assert_eq!(asked, [1, 1, 1, 1, 1, 1, 1, 1, 0], "the last one fills up");
    }

    #[test]
    fn a_region_in_the_place_of_another_waits_again() {
        let mut huge_pages = HugePages::new();
        assert_eq!(huge_pages.next(&mut [0; 8], 9).len(), 7);
        huge_pages.reopen(6);
        assert_eq!((huge_pages.waiting(6), huge_pages.waiting(8)), (0, 1));
        huge_pages.reopen(0);
        assert_eq!((huge_pages.waiting(0), huge_pages.waiting(5)), (0, 4));
    }
}
