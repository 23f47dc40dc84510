//! The blocks of a stream in order of their ids, found by id in O(log n).
//!
//! Blocks are added at the end and mostly go at the front, so they lie in rows without gaps; the
//! rows have a bounded length, so that nothing ever moves more than one of them.
//!
//! ```text
//!   segments:  o ------------- o ------------- o               first look: which segment
//!              |               |               |
//!              [B B B .. B]    [B B B .. B]    [B B            <- push_back
//!               ^ pop_front       ^ remove: at most a segment's blocks move up
//! ```
//!
//! No segment is empty. Ids of different blocks do not interleave.

use super::StreamId;
use super::search_steps;
use super::stream_block::Block;
use std::collections::VecDeque;

/// Blocks in one segment. A block being so small, a search within a segment stays in a few pages.
const SEGMENT_BLOCKS_MAX: usize = 128;

/// Blocks in order.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    segments: VecDeque<VecDeque<Block>>,
    length: usize,
}

/// Where a block stands. Holds until a block is removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct At {
    segment: usize,
    block: usize,
}

impl At {
    /// The oldest block, if there is any.
    pub(super) const FRONT: At = At { segment: 0, block: 0 };
}

impl Blocks {
    /// How many blocks there are.
    pub(super) fn len(&self) -> usize {
        self.length
    }

    pub(super) fn get(&self, at: At) -> Option<&Block> {
        self.segments.get(at.segment)?.get(at.block)
    }

    pub(super) fn get_mut(&mut self, at: At) -> Option<&mut Block> {
        self.segments.get_mut(at.segment)?.get_mut(at.block)
    }

    /// The blocks in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Block> {
        self.segments.iter().flatten()
    }

    /// The newest block, to add entries to.
    pub(super) fn back(&self) -> Option<&Block> {
        self.segments.back()?.back()
    }

    #[inline]
    pub(super) fn back_mut(&mut self) -> Option<&mut Block> {
        self.segments.back_mut()?.back_mut()
    }

    fn last_of(&self, segment: usize) -> Option<At> {
        let block = self.segments.get(segment)?.len() - 1;
        Some(At { segment, block })
    }

    /// Where the block behind stands.
    pub(super) fn next(&self, at: At) -> Option<At> {
        let within = At { block: at.block + 1, ..at };
        let beyond = At { segment: at.segment + 1, block: 0 };
        [within, beyond].into_iter().find(|&next| self.get(next).is_some())
    }

    /// Where the block before stands.
    pub(super) fn previous(&self, at: At) -> Option<At> {
        match at.block.checked_sub(1) {
            Some(block) => Some(At { block, ..at }),
            None => self.last_of(at.segment.checked_sub(1)?),
        }
    }

    /// The block that this id would lie in: the last one that begins with it or a lower one.
    pub(super) fn find(&self, id: StreamId) -> Option<At> {
        let is_before = |block: &Block| {
            search_steps::count();
            block.first_ever() <= id
        };
        let behind = self.segments.partition_point(|blocks| is_before(&blocks[0]));
        let segment = behind.checked_sub(1)?;
        let block = self.segments[segment].partition_point(is_before) - 1;
        Some(At { segment, block })
    }

    /// Adds a block whose ids are above all others.
    pub(super) fn push_back(&mut self, block: Block) {
        self.length += 1;
        match self.segments.back_mut() {
            Some(last) if last.len() < SEGMENT_BLOCKS_MAX => last.push_back(block),
            _ => self.segments.push_back(VecDeque::from([block])),
        }
    }

    /// Removes a block; none if none is there.
    pub(super) fn remove(&mut self, at: At) -> Option<Block> {
        let blocks = self.segments.get_mut(at.segment)?;
        let removed = blocks.remove(at.block)?;
        self.length -= 1;
        if blocks.is_empty() {
            self.segments.remove(at.segment);
        } else if blocks.len() <= blocks.capacity() / 4 {
            blocks.shrink_to(blocks.len() * 2);
        }
        if self.segments.len() <= self.segments.capacity() / 4 {
            self.segments.shrink_to(self.segments.len() * 2);
        }
        Some(removed)
    }

    /// Heap of the blocks and of what keeps them in order, bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        let rows: usize = self.segments.iter().map(VecDeque::capacity).sum();
        let blocks: usize = self.iter().map(Block::heap_bytes).sum();
        let segments = self.segments.capacity() * size_of::<VecDeque<Block>>();
        segments + rows * size_of::<Block>() + blocks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(ms: u64) -> Block {
        Block::new(StreamId::new(ms, 0), &[&b"a"[..], b"1"][..], 0)
    }

    fn forwards(blocks: &Blocks) -> Vec<u64> {
        let first = blocks.get(At::FRONT).map(|_| At::FRONT);
        let all = std::iter::successors(first, |&at| blocks.next(at));
        all.map(|at| blocks.get(at).expect("it is there").first_ever().ms).collect()
    }

    fn backwards(blocks: &Blocks) -> Vec<u64> {
        let all = std::iter::successors(blocks.find(StreamId::MAX), |&at| blocks.previous(at));
        all.map(|at| blocks.get(at).expect("it is there").first_ever().ms).collect()
    }

    #[test]
    fn agrees_with_a_vector() {
        arbtest::arbtest(|u| {
            let (mut blocks, mut twin, mut ms) = (Blocks::default(), Vec::new(), 0);
            while !u.is_empty() {
                for _ in 0..u.int_in_range(0..=200)? {
                    ms += 2;
                    blocks.push_back(block(ms));
                    twin.push(ms);
                }
                for _ in 0..u.int_in_range(0..=200)? {
                    let at = if u.arbitrary()? {
                        Some(At::FRONT)
                    } else {
                        blocks.find(StreamId::new(u.int_in_range(0..=ms + 1)?, 5))
                    };
                    let removed = at.and_then(|at| blocks.remove(at)).map(|b| b.first_ever().ms);
                    twin.retain(|&ms| Some(ms) != removed);
                }
                let sought = u.int_in_range(0..=ms + 1)?;
                let found = blocks.find(StreamId::new(sought, 0)).and_then(|at| blocks.get(at));
                let expected = twin.iter().rfind(|&&ms| ms <= sought).copied();
                assert_eq!(found.map(|block| block.first_ever().ms), expected);
                assert_eq!((blocks.len(), &forwards(&blocks)), (twin.len(), &twin));
                assert!(backwards(&blocks).iter().eq(twin.iter().rev()));
                assert!(blocks.segments.iter().all(|segment| !segment.is_empty()));
            }
            Ok(())
        });
    }

    #[test]
    fn what_is_removed_gives_its_memory_back() {
        let mut blocks = Blocks::default();
        (1..=10_000).for_each(|ms| blocks.push_back(block(ms)));
        let full = blocks.heap_bytes();
        for ms in (1..=10_000).filter(|ms| ms % 100 != 0) {
            let at = blocks.find(StreamId::new(ms, 0)).expect("it was pushed");
            assert!(blocks.remove(at).is_some());
        }
        assert_eq!(blocks.len(), 100);
        assert!(blocks.heap_bytes() < full / 20, "{} of {full}", blocks.heap_bytes());
        (0..100).for_each(|_| drop(blocks.remove(At::FRONT)));
        assert_eq!((blocks.heap_bytes(), forwards(&blocks)), (0, vec![]));
    }
}
