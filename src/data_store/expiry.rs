//! The expiry index: which deadline comes next.
//!
//! Deadlines are kept in order together with the hash of the key they belong to; that is enough to
//! find the entry again, and costs no second copy of the key. Two keys may share both, so each
//! pair is counted. The index says only what is due by a given time; it holds no clock, so a clock
//! set back makes fewer deadlines due and breaks nothing.

use super::UnixMs;
use std::collections::BTreeMap;

/// Deadlines in order, each with the hash of its key.
#[derive(Debug)]
pub(super) struct Index {
    deadlines: BTreeMap<(UnixMs, u64), u32>,
    len: usize,
}

impl Index {
    pub(super) fn new() -> Index {
        Index { deadlines: BTreeMap::new(), len: 0 }
    }

    /// How many keys have a deadline.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn add(&mut self, deadline: UnixMs, hash: u64) {
        *self.deadlines.entry((deadline, hash)).or_insert(0) += 1;
        self.len += 1;
    }

    /// Forgets a deadline that [`Index::add`] was told of.
    pub(super) fn remove(&mut self, deadline: UnixMs, hash: u64) {
        let count = self.deadlines.get_mut(&(deadline, hash));
        let count = count.expect("a deadline is removed as often as it was added");
        *count -= 1;
        if *count == 0 {
            self.deadlines.remove(&(deadline, hash));
        }
        self.len -= 1;
    }

    /// The nearest deadline and the hash of a key that has it.
    pub(super) fn first(&self) -> Option<(UnixMs, u64)> {
        self.deadlines.first_key_value().map(|(&pair, _)| pair)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_a_sorted_list() {
        arbtest::arbtest(|u| {
            let mut index = Index::new();
            let mut twin: Vec<(UnixMs, u64)> = Vec::new();
            while !u.is_empty() {
                let pair = (u.int_in_range(-2..=2)?, u.int_in_range(0..=2)?);
                if u.ratio(2, 3)? {
                    index.add(pair.0, pair.1);
                    twin.push(pair);
                    twin.sort_unstable();
                } else if let Some(at) = twin.iter().position(|&other| other == pair) {
                    index.remove(pair.0, pair.1);
                    twin.remove(at);
                }
                assert_eq!(index.first(), twin.first().copied());
                assert_eq!(index.len(), twin.len());
            }
            Ok(())
        });
    }
}
