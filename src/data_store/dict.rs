//! The hash table under a keyspace: grows and shrinks one bucket at a time, so that no operation
//! ever stops to rebuild it.
//!
//! This is linear hashing. With `n` buckets, `2^level <= n < 2^(level + 1)`, buckets are split in
//! order: the first `n - 2^level` of them have given half of their entries to a partner `2^level`
//! further on, the rest have not yet.
//!
//! ```text
//!   level = 2, n = 6            0    1    2    3    4    5
//!                             [00] [01] [10] [11] ....  ....      low 2 bits of the hash
//!                            [000][001]           [100][101]      low 3 bits, where split
//!
//!   bucket of a hash = low 3 bits, or low 2 bits if that bucket does not exist yet
//! ```
//!
//! An insert beyond one entry per bucket splits one bucket; a delete that leaves fewer than one
//! entry per two buckets merges a few. Buckets live in segments of fixed size, so adding one never
//! moves the others.
//!
//! **Scan** walks the low bits of the hash as a number counted from its top bit down. A cursor at
//! `level` bits names every entry whose hash ends in these bits, whether split or not, and those
//! named before it keep that property when `level` changes: growing divides a class into classes
//! that follow each other in this order, shrinking joins such classes again. So an entry present
//! from the first call to the last is seen at least once.

use super::Key;

/// Buckets in one segment: small enough to allocate at once, large enough that the directory of a
/// hundred million keys is copied in less than a millisecond when it doubles.
const SEGMENT_BUCKETS: usize = 1024;

/// Merges after one delete. Two are needed to keep up (the limit falls by two buckets per entry).
const MERGES_PER_DELETE: usize = 2;

/// Random buckets tried before [`Dict::random`] takes the first entry it can find. At least a
/// third of the buckets are filled on average, so this many misses do not happen.
const RANDOM_TRIES: usize = 256;

type Bucket<V> = Option<Box<Entry<V>>>;

#[derive(Debug)]
struct Entry<V> {
    hash: u64,
    next: Bucket<V>,
    key: Box<[u8]>,
    value: V,
}

/// Keys to values. No heap while it has never held a key.
#[derive(Debug)]
pub(super) struct Dict<V> {
    segments: Vec<Vec<Bucket<V>>>,
    buckets: usize,
    len: usize,
}

impl<V> Entry<V> {
    fn is(&self, key: Key) -> bool {
        self.hash == key.hash && *self.key == *key.bytes
    }

    fn key_and_value(&self) -> (Key<'_>, &V) {
        (Key { bytes: &self.key, hash: self.hash }, &self.value)
    }
}

impl<V> Dict<V> {
    pub(super) fn new() -> Dict<V> {
        Dict { segments: Vec::new(), buckets: 0, len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn get(&self, key: Key) -> Option<&V> {
        self.bucket_entries(self.bucket_of(key.hash)?)
            .find(|entry| entry.is(key))
            .map(|entry| &entry.value)
    }

    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut V> {
        let bucket = self.bucket_of(key.hash)?;
        let mut next = self.bucket_mut(bucket).as_deref_mut();
        while let Some(entry) = next {
            if entry.is(key) {
                return Some(&mut entry.value);
            }
            next = entry.next.as_deref_mut();
        }
        None
    }

    /// Adds a key that is not there yet (the caller has looked) and returns its value in place.
    pub(super) fn insert_new(&mut self, key: Key, value: V) -> &mut V {
        debug_assert!(self.get(key).is_none(), "insert_new is for keys that are absent");
        if self.len >= self.buckets {
            self.split_one();
        }
        self.len += 1;
        let index = self.bucket_of(key.hash).expect("a bucket was split off if there was none");
        let bucket = self.bucket_mut(index);
        let next = bucket.take();
        let entry = Box::new(Entry { hash: key.hash, next, key: key.bytes.into(), value });
        &mut bucket.insert(entry).value
    }

    /// Takes a key and its value out.
    pub(super) fn remove(&mut self, key: Key) -> Option<(Box<[u8]>, V)> {
        self.remove_where(key.hash, |name, _| *name == *key.bytes)
    }

    /// Takes out the first entry under this hash that the predicate picks.
    pub(super) fn remove_where(
        &mut self,
        hash: u64,
        picks: impl Fn(&[u8], &V) -> bool,
    ) -> Option<(Box<[u8]>, V)> {
        let index = self.bucket_of(hash)?;
        let entry = unlink(self.bucket_mut(index), |entry| {
            entry.hash == hash && picks(&entry.key, &entry.value)
        })?;
        self.len -= 1;
        for _ in 0..MERGES_PER_DELETE {
            self.merge_one();
        }
        Some((entry.key, entry.value))
    }

    /// Takes out an entry, any one, without shrinking in proportion: for emptying a table piece by
    /// piece.
    pub(super) fn pop(&mut self) -> Option<(Box<[u8]>, V)> {
        while self.buckets > 0 {
            let bucket = self.bucket_mut(self.buckets - 1);
            if let Some(entry) = unlink(bucket, |_| true) {
                self.len -= 1;
                return Some((entry.key, entry.value));
            }
            self.drop_last_bucket();
        }
        None
    }

    /// Shows one class of entries to `visit` and returns the cursor of the next, 0 at the end.
    /// Start with 0; any number is a valid cursor.
    pub(super) fn scan(&self, cursor: u64, mut visit: impl FnMut(&[u8], &V)) -> u64 {
        if self.len == 0 {
            return 0;
        }
        let low = self.level_buckets();
        let index = cursor as usize & (low - 1);
        for bucket in [index, index + low] {
            if bucket < self.buckets {
                self.bucket_entries(bucket).for_each(|entry| visit(&entry.key, &entry.value));
            }
        }
        // Adds one at the top bit of the class and carries downwards: with every higher bit set,
        // an ordinary increment of the reversed number does that.
        (cursor | !(low as u64 - 1)).reverse_bits().wrapping_add(1).reverse_bits()
    }

    /// All entries, in no order that means anything.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &V)> {
        self.entries().map(|entry| (&*entry.key, &entry.value))
    }

    fn entries(&self) -> impl Iterator<Item = &Entry<V>> {
        (0..self.buckets).flat_map(|bucket| self.bucket_entries(bucket))
    }

    /// An entry picked by a random number: as even as the filling of the buckets.
    pub(super) fn random(&self, random: u64) -> Option<(Key<'_>, &V)> {
        if self.len == 0 {
            return None;
        }
        let mut state = random;
        for _ in 0..RANDOM_TRIES {
            let bucket = (next_random(&mut state) % self.buckets as u64) as usize;
            let filled = self.bucket_entries(bucket).count();
            if filled > 0 {
                let position = (next_random(&mut state) % filled as u64) as usize;
                return self.bucket_entries(bucket).nth(position).map(Entry::key_and_value);
            }
        }
        self.entries().next().map(Entry::key_and_value)
    }

    /// `2^level`: the buckets there were before the splitting under way began.
    fn level_buckets(&self) -> usize {
        debug_assert!(self.buckets > 0);
        1 << self.buckets.ilog2()
    }

    fn bucket_of(&self, hash: u64) -> Option<usize> {
        if self.buckets == 0 {
            return None;
        }
        let low = self.level_buckets();
        let split = hash as usize & (2 * low - 1);
        Some(if split < self.buckets { split } else { split - low })
    }

    fn bucket_mut(&mut self, index: usize) -> &mut Bucket<V> {
        &mut self.segments[index / SEGMENT_BUCKETS][index % SEGMENT_BUCKETS]
    }

    fn bucket_entries(&self, index: usize) -> impl Iterator<Item = &Entry<V>> {
        let first = &self.segments[index / SEGMENT_BUCKETS][index % SEGMENT_BUCKETS];
        std::iter::successors(first.as_deref(), |entry| entry.next.as_deref())
    }

    /// Adds a bucket and moves to it what it is due from its partner.
    fn split_one(&mut self) {
        if self.buckets.is_multiple_of(SEGMENT_BUCKETS) {
            self.segments.push(Vec::new());
        }
        self.segments.last_mut().expect("a segment has room for one more bucket").push(None);
        self.buckets += 1;
        let added = self.buckets - 1;
        if added == 0 {
            return;
        }
        // After the addition `added` lies in the upper half, and its top bit tells it apart.
        let top_bit = 1 << added.ilog2();
        let mut rest = self.bucket_mut(added - top_bit).take();
        while let Some(mut entry) = rest {
            rest = entry.next.take();
            let goes_up = entry.hash as usize & top_bit != 0;
            let bucket = self.bucket_mut(if goes_up { added } else { added - top_bit });
            entry.next = bucket.take();
            *bucket = Some(entry);
        }
    }

    /// Gives the entries of the last bucket back to its partner and drops it, if there are more
    /// than two buckets per entry.
    fn merge_one(&mut self) {
        if self.buckets <= 2 * self.len {
            return;
        }
        let last = self.buckets - 1;
        let mut rest = self.bucket_mut(last).take();
        while let Some(mut entry) = rest {
            rest = entry.next.take();
            let partner = self.bucket_mut(last - (1 << last.ilog2()));
            entry.next = partner.take();
            *partner = Some(entry);
        }
        self.drop_last_bucket();
    }

    fn drop_last_bucket(&mut self) {
        let segment = self.segments.last_mut().expect("a bucket that exists lies in a segment");
        let bucket = segment.pop().expect("a segment that exists holds a bucket");
        assert!(bucket.is_none(), "only an empty bucket may go");
        self.buckets -= 1;
        if self.buckets.is_multiple_of(SEGMENT_BUCKETS) {
            self.segments.pop();
        }
        if self.buckets == 0 {
            self.segments = Vec::new();
        }
    }
}

/// Takes the first entry that the predicate picks out of its chain.
fn unlink<V>(bucket: &mut Bucket<V>, picks: impl Fn(&Entry<V>) -> bool) -> Bucket<V> {
    let mut link = bucket;
    while link.as_ref().is_some_and(|entry| !picks(entry)) {
        link = &mut link.as_mut().expect("the loop condition saw an entry").next;
    }
    let mut entry = link.take()?;
    *link = entry.next.take();
    Some(entry)
}

/// One step of SplitMix64: spreads one random number over as many as are needed.
fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_store::Hasher;
    use std::collections::{HashMap, HashSet};

    /// A few hash bits only, so that chains grow long and whole hashes collide.
    fn weak_key(number: &[u8; 2]) -> Key<'_> {
        let hash = Hasher::new([3; 16]).hash(number);
        Key { bytes: number, hash: if number[1] < 32 { hash & 0xf } else { hash } }
    }

    fn check_shape<V>(dict: &Dict<V>) {
        assert!(dict.buckets <= 2 * dict.len, "never more than two buckets per entry");
        assert!(dict.len <= dict.buckets, "never more entries than buckets");
        let counts: Vec<usize> = dict.segments.iter().map(Vec::len).collect();
        assert_eq!(counts.iter().sum::<usize>(), dict.buckets);
        assert_eq!(dict.iter().count(), dict.len);
    }

    #[test]
    fn agrees_with_a_hash_map() {
        arbtest::arbtest(|u| {
            let mut dict = Dict::new();
            let mut twin: HashMap<[u8; 2], u32> = HashMap::new();
            while !u.is_empty() {
                let number: [u8; 2] = u.arbitrary()?;
                let (key, value) = (weak_key(&number), u.arbitrary()?);
                if u.ratio(2, 3)? {
                    match dict.get_mut(key) {
                        Some(old) => *old = value,
                        None => assert_eq!(*dict.insert_new(key, value), value),
                    }
                    twin.insert(number, value);
                } else {
                    assert_eq!(dict.remove(key).map(|(_, v)| v), twin.remove(&number));
                }
                assert_eq!(dict.get(key), twin.get(&number));
                assert_eq!(dict.len(), twin.len());
            }
            check_shape(&dict);
            for (name, value) in dict.iter() {
                assert_eq!(twin.get(name), Some(value));
            }
            Ok(())
        });
    }

    #[test]
    fn shrinks_to_nothing_and_keeps_no_heap() {
        let mut dict = Dict::new();
        let numbers: Vec<[u8; 2]> = (0..5000u16).map(u16::to_be_bytes).collect();
        for number in &numbers {
            dict.insert_new(weak_key(number), ());
        }
        assert!(dict.segments.len() > 4, "5000 keys need several segments");
        for (index, number) in numbers.iter().enumerate() {
            assert!(dict.remove(weak_key(number)).is_some());
            assert!(dict.buckets <= 2 * dict.len, "too many buckets after {index} deletes");
        }
        check_shape(&dict);
        assert_eq!(dict.segments.capacity(), 0);
    }

    #[test]
    fn pop_empties_the_table() {
        let mut dict = Dict::new();
        let numbers: Vec<[u8; 2]> = (0..2000u16).map(u16::to_be_bytes).collect();
        for number in &numbers {
            dict.insert_new(weak_key(number), ());
        }
        let popped: HashSet<Box<[u8]>> = std::iter::from_fn(|| dict.pop()).map(|p| p.0).collect();
        assert_eq!((popped.len(), dict.len(), dict.segments.len()), (2000, 0, 0));
    }

    /// Elements present throughout are seen, whatever comes and goes between the calls, and
    /// nothing is seen that was never there.
    #[test]
    fn scan_sees_everything_that_stays() {
        arbtest::arbtest(|u| {
            let mut dict = Dict::new();
            let stays: HashSet<[u8; 2]> = u.arbitrary()?;
            for number in &stays {
                dict.insert_new(weak_key(number), ());
            }
            let mut seen: HashSet<Box<[u8]>> = HashSet::new();
            let (mut cursor, mut calls) = (0, 0);
            loop {
                cursor = dict.scan(cursor, |name, _| {
                    seen.insert(name.into());
                });
                calls += 1;
                assert!(calls < 100_000, "the scan must end");
                if cursor == 0 {
                    break;
                }
                churn(&mut dict, &stays, u)?;
            }
            for number in &stays {
                assert!(seen.contains(&number[..]), "{number:?} stayed and was not seen");
            }
            Ok(())
        })
        .budget_ms(1000);
    }

    /// Grows or shrinks the table to a size of its own choice around the keys that stay: across
    /// several levels, because that is where a scan could lose its place.
    fn churn(
        dict: &mut Dict<()>,
        stays: &HashSet<[u8; 2]>,
        u: &mut arbtest::arbitrary::Unstructured,
    ) -> arbtest::arbitrary::Result<()> {
        if u.is_empty() || u.ratio(2, 3)? {
            return Ok(());
        }
        let target = u.int_in_range(0..=400u16)?;
        for number in (0..=400u16).map(|number| (number, number.to_be_bytes())) {
            let key = weak_key(&number.1);
            match (number.0 < target, dict.get(key).is_some()) {
                (true, false) => drop(dict.insert_new(key, ())),
                (false, true) if !stays.contains(&number.1) => drop(dict.remove(key)),
                _ => {}
            }
        }
        Ok(())
    }

    #[test]
    fn scan_of_a_table_at_rest_sees_each_entry_once_and_takes_any_cursor() {
        let mut dict = Dict::new();
        let numbers: Vec<[u8; 2]> = (0..777u16).map(u16::to_be_bytes).collect();
        for number in &numbers {
            dict.insert_new(weak_key(number), ());
        }
        let (mut cursor, mut seen) = (0, Vec::new());
        loop {
            cursor = dict.scan(cursor, |name, _| seen.push(name.to_vec()));
            if cursor == 0 {
                break;
            }
        }
        seen.sort();
        assert!(seen.iter().eq(numbers.iter()));
        for wild in [u64::MAX, 1 << 63, 0x1234_5678_9abc_def0] {
            dict.scan(wild, |_, _| {});
        }
        assert_eq!(Dict::<()>::new().scan(5, |_, _| {}), 0);
    }

    #[test]
    fn random_reaches_every_key() {
        let mut dict = Dict::new();
        assert!(dict.random(1).is_none());
        let numbers: Vec<[u8; 2]> = (0..50u16).map(u16::to_be_bytes).collect();
        for number in &numbers {
            dict.insert_new(weak_key(number), ());
        }
        let picked: HashSet<&[u8]> =
            (0..5000).filter_map(|random| dict.random(random)).map(|(key, _)| key.bytes).collect();
        assert_eq!(picked.len(), 50);
    }
}
