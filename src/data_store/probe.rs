//! The way from a key to its entry, told to whoever wants to see it: which line of the table, how
//! many slots and entries are looked at on the way, and where the entry lies. Nothing is changed by
//! looking, not even what has expired.

use super::dict::{GROUP_LINES, LineSeen};
use super::entry::{self, Payload};
use super::{Key, Keyspace, UnixMs};

/// A look-up, step by step.
#[derive(Debug)]
pub struct Probe {
    /// The hash of the key: its low bits choose the line, its top byte is the tag.
    pub hash: u64,
    /// Lines of the table, four of which make a group.
    pub lines: usize,
    /// Lines for what does not fit into the lines of its group.
    pub overflow_lines: usize,
    /// What is compared in every slot before an entry is looked at.
    pub tag: u8,
    /// The line at which the look-up begins; `None`: the table has none.
    pub home: Option<usize>,
    /// The home line, then the overflow lines that follow, up to the one with the entry.
    pub path: Vec<LineSeen>,
    /// The entry, if the key is there.
    pub entry: Option<EntryFigures>,
}

impl Probe {
    /// The group that the home line belongs to.
    #[must_use]
    pub fn group(&self) -> Option<usize> {
        self.home.map(|line| line / GROUP_LINES)
    }

    /// Groups of the table.
    #[must_use]
    pub const fn groups(&self) -> usize {
        self.lines / GROUP_LINES
    }
}

/// Where an entry is, and what it takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EntryFigures {
    /// Its slot in the last line of the path.
    pub slot: usize,
    /// Lines between its own and the home line: 0 at home.
    pub displacement: usize,
    /// Bytes that it needs.
    pub bytes: usize,
    /// Bytes of the block that it has.
    pub block_bytes: usize,
    /// How its value lies there.
    pub form: &'static str,
    /// When it expires.
    pub deadline: Option<UnixMs>,
}

impl Keyspace {
    /// Looks a key up and tells how.
    pub fn probe(&self, key: Key) -> Probe {
        let trace = self.contents.trace(key);
        let displacement = trace.path.len().saturating_sub(1);
        let entry = trace.found.map(|(slot, handle)| {
            let (payload, deadline) =
                (self.contents.entries.payload(handle), self.contents.deadline(handle));
            EntryFigures {
                slot,
                displacement,
                bytes: entry::length(key.bytes, payload, deadline),
                block_bytes: self.contents.block_bytes(handle),
                form: form_of(payload),
                deadline,
            }
        });
        Probe {
            hash: key.hash,
            lines: trace.lines,
            overflow_lines: trace.overflow_lines,
            tag: trace.tag,
            home: trace.home,
            path: trace.path,
            entry,
        }
    }
}

fn form_of(payload: Payload<'_>) -> &'static str {
    match payload {
        Payload::Bytes(_) => "bytes in the entry",
        Payload::Integer(_) => "an integer in the entry",
        Payload::Packed(_) => "a list in the entry",
        Payload::Long(_) => "bytes of an allocation of their own",
        Payload::List(_) => "a list of nodes",
        Payload::Stream(_) => "a stream of blocks",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_store::{DataStore, Expiry};

    fn name(number: u32) -> Vec<u8> {
        format!("key:{number}").into_bytes()
    }

    /// A database of so many keys, and how to name them.
    fn filled(count: u32) -> DataStore {
        let mut store = DataStore::new(1, [7; 16]);
        let hasher = store.hasher();
        for number in 0..count {
            let bytes = name(number);
            store.database(0).set_string(hasher.key(&bytes), b"0123456789abcdef", Expiry::Never, 0);
        }
        store
    }

    #[test]
    fn the_way_leads_to_every_key_and_to_no_other() {
        for count in [0, 1, 12, 50, 3_000] {
            let mut store = filled(count);
            let hasher = store.hasher();
            let mut displaced = 0;
            for number in 0..count + 50 {
                let bytes = name(number);
                let probe = store.database(0).probe(hasher.key(&bytes));
                assert_eq!(probe.entry.is_some(), number < count);
                assert_eq!((probe.home.is_some(), probe.lines % GROUP_LINES), (count > 0, 0));
                if let Some(entry) = probe.entry {
                    let last = probe.path.last().expect("it is in a line");
                    assert!(last.equal_tags > 0 && entry.slot < last.filled.max(12));
                    assert!(entry.block_bytes >= entry.bytes && entry.bytes > 20);
                    assert_eq!(probe.path.len(), entry.displacement + 1);
                    displaced += entry.displacement;
                }
            }
            assert_eq!(displaced > 0, count == 3_000, "some thousand keys spill, few do not");
        }
    }
}
