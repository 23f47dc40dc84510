//! The bucket of the hash table: one cache line.
//!
//! ```text
//!  byte  0                       12        16                                          64
//!       +--+--+--+--+-- ... --+--+---------+---------+---------+-- ... --+---------+
//!       |t0|t1|t2|t3|         |11|  link   | handle0 | handle1 |         | handle11|
//!       +--+--+--+--+-- ... --+--+---------+---------+---------+-- ... --+---------+
//!         12 tags, 1 byte each     4 bytes    12 handles, 4 bytes each
//!
//!   tag      8 bits of the hash, 1 to 255; 0: the slot is empty
//!   link     0, or 1 + the number of an overflow line (see `dict.rs`)
//!   handle   names the entry in the arena
//! ```
//!
//! A look-up compares all tags with a few instructions; only where a tag agrees, once in twenty
//! lines by accident, is an entry looked at. So a hit costs two cache misses, the line and the
//! entry, and a miss mostly one.

use super::arena::Handle;
use squint_sys::equal_bytes;
use static_assertions::const_assert_eq;

/// Entries in a line.
pub(super) const SLOTS: usize = 12;

/// One cache line of the table. All zero when empty.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Line {
    /// Tags and link together, so that all are compared at once.
    head: [u8; 16],
    handles: [u32; SLOTS],
}

const_assert_eq!(size_of::<Line>(), 64);
const_assert_eq!(align_of::<Line>(), 64);

/// The bits of the slots among those that [`equal_bytes`] gives; the link's are not asked for.
const SLOT_BITS: u16 = (1 << SLOTS) - 1;

/// What of a hash is kept in the line: bits that do not choose the line.
#[inline]
pub(super) fn tag_of(hash: u64) -> u8 {
    match (hash >> 56) as u8 {
        0 => 1,
        tag => tag,
    }
}

impl Line {
    pub(super) const EMPTY: Line = Line { head: [0; 16], handles: [0; SLOTS] };

    /// 0, or 1 + the number of an overflow line.
    #[inline]
    pub(super) fn link(&self) -> u32 {
        let [.., a, b, c, d] = self.head;
        u32::from_le_bytes([a, b, c, d])
    }

    pub(super) fn set_link(&mut self, link: u32) {
        self.head[SLOTS..].copy_from_slice(&link.to_le_bytes());
    }

    /// The slots whose tag is this one.
    #[inline]
    pub(super) fn matches(&self, tag: u8) -> Slots {
        Slots(equal_bytes(&self.head, tag) & SLOT_BITS)
    }

    /// The slots that hold an entry.
    #[inline]
    pub(super) fn occupied(&self) -> Slots {
        Slots(!self.matches(0).0 & SLOT_BITS)
    }

    /// An empty slot, the first one.
    #[inline]
    pub(super) fn vacant(&self) -> Option<usize> {
        self.matches(0).next()
    }

    pub(super) fn tag(&self, slot: usize) -> u8 {
        self.head[slot]
    }

    #[inline]
    pub(super) fn handle(&self, slot: usize) -> Handle {
        Handle::from_bits(self.handles[slot])
    }

    pub(super) fn handles(&self) -> impl Iterator<Item = Handle> {
        self.occupied().map(|slot| self.handle(slot))
    }

    pub(super) fn set(&mut self, slot: usize, tag: u8, handle: Handle) {
        debug_assert!(slot < SLOTS && tag != 0);
        self.head[slot] = tag;
        self.handles[slot] = handle.bits();
    }

    pub(super) fn clear(&mut self, slot: usize) {
        debug_assert!(slot < SLOTS);
        self.head[slot] = 0;
    }
}

/// Numbers of slots: one bit each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slots(u16);

impl Iterator for Slots {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let slot = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_slots_that_a_loop_finds() {
        arbtest::arbtest(|u| {
            let mut line = Line::EMPTY;
            let mut twin = [0; SLOTS];
            for _ in 0..u.int_in_range(0..=30)? {
                let (slot, tag) = (u.int_in_range(0..=SLOTS - 1)?, u.int_in_range(0..=3)?);
                match tag {
                    0 => line.clear(slot),
                    tag => line.set(slot, tag, Handle::from_bits(slot as u32)),
                }
                twin[slot] = tag;
                line.set_link(u.arbitrary()?);
            }
            let slots = |picks: &dyn Fn(u8) -> bool| -> Vec<usize> {
                (0..SLOTS).filter(|&slot| picks(twin[slot])).collect()
            };
            for tag in 1..=4 {
                assert_eq!(line.matches(tag).collect::<Vec<_>>(), slots(&|other| other == tag));
            }
            assert_eq!(line.occupied().collect::<Vec<_>>(), slots(&|other| other != 0));
            assert_eq!(line.vacant(), slots(&|other| other == 0).first().copied());
            assert!(line.handles().map(|handle| handle.bits() as usize).eq(slots(&|tag| tag > 0)));
            Ok(())
        });
    }

    #[test]
    fn the_link_has_bytes_of_its_own() {
        let mut line = Line::EMPTY;
        line.set_link(u32::MAX);
        assert_eq!((line.link(), line.occupied().count(), line.vacant()), (u32::MAX, 0, Some(0)));
        assert!((0..=u64::from(u8::MAX)).all(|top| tag_of(top << 56) != 0));
    }
}
