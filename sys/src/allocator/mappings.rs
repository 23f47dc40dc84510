//! What is longer than any run: mappings of their own, and some that are kept for the next.
//!
//! Before the system gives a page it has to find and zero it, which takes longer than to write to
//! it. So the last mappings that were given back stay, and the oldest of them go:
//!
//! ```text
//!   spares   [ 5 MiB ][ 8 MiB ][ 5 MiB ][ 7 MiB ]    SPARE_BYTES_MAX in all
//!               │                           ▲
//!               └──► back to the system     └── given back just now
//! ```
//!
//! One that is taken has the very length that is asked for. To cut a longer one would throw memory
//! away that has been paid for, so lengths go in steps, 16 per doubling; what is not written to of
//! them is addresses alone.

use crate::region::{REGION_BYTES, map, remap, unmap};
use std::cell::Cell;
use std::ptr::NonNull;

/// Bytes of mappings that wait to be taken: a few clients that put values of some megabytes in the
/// place of others find those here.
pub const SPARE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// So many of the shortest there are, which are longer than any run, are as long as that together.
const SPARES_MAX: usize = SPARE_BYTES_MAX / REGION_BYTES;

const STEPS_PER_DOUBLING: usize = 16;

/// Bytes of a mapping that has room for so many; if there are that many addresses at all.
pub(super) fn length_of(bytes: usize) -> Option<usize> {
    let step = (1_usize << bytes.ilog2()) / STEPS_PER_DOUBLING;
    bytes.checked_next_multiple_of(step)
}

/// A mapping that nobody has.
#[derive(Clone, Copy, Debug)]
struct Spare {
    start: NonNull<u8>,
    length: usize,
}

/// Those that are kept. All others belong to whoever has taken them, and are not listed.
pub(super) struct Mappings {
    /// From the oldest to the latest, without a gap.
    spares: [Cell<Option<Spare>>; SPARES_MAX],
    spare_bytes: Cell<usize>,
}

impl Mappings {
    pub(super) const fn new() -> Self {
        Self { spares: [const { Cell::new(None) }; SPARES_MAX], spare_bytes: Cell::new(0) }
    }

    /// A mapping of this length, with anything in it; `None`: there is no memory.
    pub(super) fn take(&self, length: usize) -> Option<NonNull<u8>> {
        let fits = |place: &Cell<Option<Spare>>| place.get().is_some_and(|s| s.length == length);
        match self.spares.iter().rposition(fits).and_then(|place| self.take_out(place)) {
            Some(spare) => Some(spare.start),
            None => self.take_zeroed(length),
        }
    }

    /// The same with zeros in it.
    pub(super) fn take_zeroed(&self, length: usize) -> Option<NonNull<u8>> {
        NonNull::new(map(length)?)
    }

    /// A mapping of one length becomes one of another, wherever that has room. `None`: there is no
    /// memory, and it is as it was.
    pub(super) fn resize(&self, start: NonNull<u8>, old: usize, new: usize) -> Option<NonNull<u8>> {
        NonNull::new(remap(start.as_ptr(), old, new)?)
    }

    /// Takes back what nobody refers to any more.
    pub(super) fn give_back(&self, start: NonNull<u8>, length: usize) {
        if length > SPARE_BYTES_MAX {
            return unmap(start.as_ptr(), length);
        }
        while self.spare_bytes.get() + length > SPARE_BYTES_MAX {
            self.unmap_oldest();
        }
        self.spare_bytes.set(self.spare_bytes.get() + length);
        let free = self.spares.iter().find(|place| place.get().is_none());
        free.expect("as many spares as places would have more bytes")
            .set(Some(Spare { start, length }));
    }

    fn unmap_oldest(&self) {
        let oldest = self.take_out(0).expect("there are some as long as they have bytes");
        unmap(oldest.start.as_ptr(), oldest.length);
    }

    /// Takes a spare one out of the row.
    fn take_out(&self, place: usize) -> Option<Spare> {
        let spare = self.spares[place].take()?;
        self.spare_bytes.set(self.spare_bytes.get() - spare.length);
        for place in place + 1..SPARES_MAX {
            self.spares[place].swap(&self.spares[place - 1]);
        }
        Some(spare)
    }

    /// Bytes of those that are kept.
    #[cfg(test)]
    pub(super) fn spare_bytes(&self) -> usize {
        self.spare_bytes.get()
    }
}
