//! Producers that say who they are, so that what they send twice is added once.
//!
//! A producer names each message; whoever sends a name again is told the id of the first time,
//! even if that entry is deleted by now. Names are forgotten when their time is over or when the
//! producer has sent enough others:
//!
//! ```text
//!   producer A:  m1 m2 m3 ... m100      <- m101     more than `names_max`: m1 goes
//!   producer B:  x1                                 older than `duration_ms`: goes
//! ```
//!
//! Each message sweeps the producer it comes from and one of the others in turn, so that what is
//! left of producers that have fallen silent goes as well.

use super::{StreamId, UnixMs};
use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::rc::Rc;

/// How long names are known, milliseconds, and how many of each producer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Memory {
    /// A name is forgotten after this time.
    pub duration_ms: i64,
    /// The oldest name is forgotten when there are more.
    pub names_max: usize,
}

#[derive(Debug, Default)]
struct Producer {
    ids: BTreeMap<Rc<[u8]>, StreamId>,
    /// Names in the order in which they came, with the time.
    order: VecDeque<(UnixMs, Rc<[u8]>)>,
}

impl Producer {
    /// Forgets names that came before `since`, and those that are too many.
    fn sweep(&mut self, since_ms: UnixMs, names_max: usize) {
        while let Some((time_ms, name)) = self.order.front()
            && (*time_ms < since_ms || self.order.len() > names_max)
        {
            self.ids.remove(name);
            self.order.pop_front();
        }
    }
}

/// What a stream knows of its producers.
#[derive(Debug)]
pub struct Producers {
    memory: Memory,
    by_name: BTreeMap<Box<[u8]>, Producer>,
    /// Who was swept last.
    swept: Box<[u8]>,
    names_added: u64,
    duplicates: u64,
}

impl Producers {
    /// Nobody has said anything yet.
    pub fn new(memory: Memory) -> Producers {
        let (by_name, swept) = (BTreeMap::new(), Box::default());
        Producers { memory, by_name, swept, names_added: 0, duplicates: 0 }
    }

    /// How long names are known.
    pub fn memory(&self) -> Memory {
        self.memory
    }

    /// Changes how long names are known. All are forgotten, unless nothing changes.
    pub fn set_memory(&mut self, memory: Memory) {
        if memory != self.memory {
            self.memory = memory;
            self.by_name = BTreeMap::new();
        }
    }

    /// How many producers and names are known, after a look at the clock.
    pub fn counts(&mut self, now_ms: UnixMs) -> (usize, usize) {
        let since_ms = now_ms.saturating_sub(self.memory.duration_ms);
        self.by_name.retain(|_, producer| {
            producer.sweep(since_ms, self.memory.names_max);
            !producer.order.is_empty()
        });
        let names = self.by_name.values().map(|producer| producer.order.len()).sum();
        (self.by_name.len(), names)
    }

    /// Names that were ever added.
    pub fn names_added(&self) -> u64 {
        self.names_added
    }

    /// Messages that had been sent before.
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// The id of a message that was sent before: it counts as a duplicate.
    pub fn find(&mut self, producer: &[u8], name: &[u8], now_ms: UnixMs) -> Option<StreamId> {
        let since_ms = now_ms.saturating_sub(self.memory.duration_ms);
        let known = self.by_name.get_mut(producer)?;
        known.sweep(since_ms, self.memory.names_max);
        let id = known.ids.get(name).copied()?;
        self.duplicates += 1;
        Some(id)
    }

    /// Notes a message that was not known.
    pub fn add(&mut self, producer: &[u8], name: &[u8], id: StreamId, now_ms: UnixMs) {
        self.sweep_next(now_ms);
        let name: Rc<[u8]> = name.into();
        let known = self.by_name.entry(producer.into()).or_default();
        known.ids.insert(Rc::clone(&name), id);
        known.order.push_back((now_ms, name));
        known.sweep(now_ms.saturating_sub(self.memory.duration_ms), self.memory.names_max);
        self.names_added += 1;
    }

    /// Sweeps one producer, the next in turn.
    fn sweep_next(&mut self, now_ms: UnixMs) {
        let behind = (Bound::Excluded(&*self.swept), Bound::Unbounded);
        let next = self.by_name.range_mut::<[u8], _>(behind).next();
        let Some((name, producer)) = next else {
            self.swept = Box::default();
            return;
        };
        producer.sweep(now_ms.saturating_sub(self.memory.duration_ms), self.memory.names_max);
        self.swept = name.clone();
        if producer.order.is_empty() {
            self.by_name.remove(&self.swept);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(ms: u64) -> StreamId {
        StreamId::new(ms, 0)
    }

    const USUAL: Memory = Memory { duration_ms: 100_000, names_max: 100 };

    #[test]
    fn what_comes_twice_is_known() {
        let mut producers = Producers::new(USUAL);
        assert_eq!(producers.find(b"a", b"m", 0), None);
        producers.add(b"a", b"m", id(1), 0);
        assert_eq!(producers.find(b"a", b"m", 100_000), Some(id(1)));
        assert_eq!(producers.find(b"b", b"m", 0), None);
        assert_eq!(producers.find(b"a", b"m", 100_001), None);
        assert_eq!((producers.names_added(), producers.duplicates()), (1, 1));
    }

    #[test]
    fn a_producer_has_so_many_names_and_no_more() {
        let mut producers = Producers::new(USUAL);
        producers.set_memory(Memory { names_max: 2, ..USUAL });
        for (ms, name) in (1..).zip([b"a", b"b", b"c"]) {
            producers.add(b"p", name, id(ms), 0);
        }
        assert_eq!(producers.find(b"p", b"a", 0), None);
        assert_eq!(producers.find(b"p", b"c", 0), Some(id(3)));
        assert_eq!(producers.counts(0), (1, 2));
        producers.set_memory(producers.memory());
        assert_eq!(producers.counts(0), (1, 2));
        producers.set_memory(USUAL);
        assert_eq!(producers.counts(0), (0, 0));
    }

    #[test]
    fn silent_producers_are_forgotten() {
        let mut producers = Producers::new(USUAL);
        for number in 0..1_000_u32 {
            producers.add(&number.to_be_bytes(), b"m", id(1), 0);
        }
        for number in 0..3_000_u64 {
            producers.add(b"busy", &number.to_be_bytes(), id(number), 200_000);
        }
        assert_eq!((producers.by_name.len(), producers.counts(200_000)), (1, (1, 100)));
    }
}
