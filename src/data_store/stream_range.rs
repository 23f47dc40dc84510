//! Reading a stream: the entries between two ids, up or down.
//!
//! Blocks can be walked in one direction only. Going down, one stretch of a block at a time is
//! walked up, and the places met are handed out from behind:
//!
//! ```text
//!   block:    | stretch 0             | stretch 1             | ...
//!   forward:    -> -> -> -> -> -> ->     -> -> -> ...
//!   backward:                           walk: p p p p p p p   then p <- p <- p <- p
//! ```

use super::StreamId;
use super::stream_block::STRETCH_ENTRIES;
use super::stream_index::{At, Blocks};
use super::stream_walk::{Entry, Place, Walk};

/// Entries in order; can be copied, so that a caller can count before it writes. See
/// [`super::Stream::range`].
#[derive(Debug, Clone)]
pub struct Range<'a> {
    blocks: &'a Blocks,
    from: StreamId,
    to: StreamId,
    course: Course<'a>,
}

#[derive(Debug, Clone)]
enum Course<'a> {
    Forward {
        at: At,
        walk: Walk<'a>,
    },
    /// Places met in a stretch of a block, not yet handed out.
    Backward {
        at: At,
        stretch: usize,
        places: Vec<Place>,
    },
    Over,
}

impl<'a> Range<'a> {
    /// The entries from `from` to `to` upwards. Nothing lives before `front` in the first block.
    pub(super) fn upwards(
        blocks: &'a Blocks,
        front: Option<Place>,
        from: StreamId,
        to: StreamId,
    ) -> Range<'a> {
        let at = blocks.find(from).unwrap_or(At::FRONT);
        let course = match blocks.get(at) {
            Some(block) => {
                let mut place = block.stretch_start(block.stretch_of(from));
                if let Some(front) = front.filter(|_| at == At::FRONT) {
                    place = if front.offset > place.offset { front } else { place };
                }
                Course::Forward { at, walk: block.walk(place) }
            }
            None => Course::Over,
        };
        Range { blocks, from, to, course }
    }

    /// The entries from `to` to `from` downwards.
    pub(super) fn downwards(blocks: &'a Blocks, from: StreamId, to: StreamId) -> Range<'a> {
        let mut range = Range { blocks, from, to, course: Course::Over };
        if let Some(at) = blocks.find(to)
            && let Some(block) = blocks.get(at)
        {
            range.load(at, block.stretch_of(to));
        }
        range
    }

    fn step_up(&mut self) -> Option<Entry<'a>> {
        let Course::Forward { at, walk } = &mut self.course else { return None };
        loop {
            match walk.next() {
                Some(found) if found.entry.id > self.to => break,
                Some(found) if found.is_deleted || found.entry.id < self.from => {}
                Some(found) => return Some(found.entry),
                None => {
                    let Some(next) = self.blocks.next(*at) else { break };
                    let block = self.blocks.get(next)?;
                    (*at, *walk) = (next, block.walk(block.start()));
                }
            }
        }
        self.course = Course::Over;
        None
    }

    fn step_down(&mut self) -> Option<Entry<'a>> {
        while let Course::Backward { at, stretch, places } = &mut self.course {
            if let Some(place) = places.pop() {
                return self.blocks.get(*at)?.walk(place).next().map(|found| found.entry);
            }
            let (at, stretch) = (*at, *stretch);
            self.leave_down(at, stretch);
        }
        None
    }

    /// Goes on with the stretch before, unless all there is too low.
    fn leave_down(&mut self, at: At, stretch: usize) {
        let Some(block) = self.blocks.get(at) else { return };
        self.course = Course::Over;
        if let Some(before) = stretch.checked_sub(1) {
            if block.stretch_start(stretch).previous >= self.from {
                self.load(at, before);
            }
        } else if block.first_ever() > self.from
            && let Some(at) = self.blocks.previous(at)
            && let Some(block) = self.blocks.get(at)
        {
            self.load(at, block.stretches() - 1);
        }
    }

    /// Notes the places of a stretch whose entries are there and wanted.
    fn load(&mut self, at: At, stretch: usize) {
        let Some(block) = self.blocks.get(at) else { return };
        let mut places = Vec::with_capacity(block.len().min(STRETCH_ENTRIES));
        let mut walk = block.stretch(stretch);
        let mut place = walk.next;
        while let Some(found) = walk.next() {
            if !found.is_deleted && (self.from..=self.to).contains(&found.entry.id) {
                places.push(place);
            }
            place = walk.next;
        }
        self.course = Course::Backward { at, stretch, places };
    }
}

impl<'a> Iterator for Range<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        match self.course {
            Course::Forward { .. } => self.step_up(),
            Course::Backward { .. } => self.step_down(),
            Course::Over => None,
        }
    }
}
