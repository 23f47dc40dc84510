//! Changing strings where they are stored: set, increment, grow.
//!
//! A string lies in its entry, so only the keyspace can change one. Each change is one operation
//! with one look-up, and none allocates while the entry keeps its size class.

use super::contents::{Expiry, INLINE_BYTES_MAX};
use super::entry::Payload;
use super::string::{DecimalBuffer, StringRef, parse_integer};
use super::value::{Kind, ValueRef};
use super::{Key, Keyspace, UnixMs, Value};
use crate::shared_bytes::SharedBytes;

/// Why a string cannot be counted up. Nothing has changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IncrementError {
    /// The value is no string.
    OtherKind(Kind),
    /// The string is not the decimal form of an `i64`.
    NotAnInteger,
    /// The sum is none.
    Overflow,
}

/// The key holds a value of another kind than the one asked for. Nothing has changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OtherKind(pub Kind);

impl Keyspace {
    /// Stores a copy of these bytes, in place of whatever was there; what had expired is noted. To
    /// keep the deadline of a key that may have expired, look it up first: that removes it.
    #[inline(always)]
    pub fn set_string(&mut self, key: Key, bytes: &[u8], expiry: Expiry, now: UnixMs) {
        let payload = match parse_integer(bytes) {
            Some(number) => Payload::Integer(number),
            None if bytes.len() <= INLINE_BYTES_MAX => Payload::Bytes(bytes),
            None if self.overwrite_long(key, bytes, expiry, now) => return,
            None => self.contents.adopt_long(SharedBytes::new(bytes.to_vec())),
        };
        self.replace(key, payload, expiry, now);
    }

    /// Stores these bytes themselves, in place of whatever was there; few are copied.
    #[cold]
    pub fn set_shared(&mut self, key: Key, bytes: &SharedBytes, expiry: Expiry, now: UnixMs) {
        if bytes.len() <= INLINE_BYTES_MAX {
            return self.set_string(key, bytes, expiry, now);
        }
        let payload = self.contents.adopt_long(bytes.clone());
        self.replace(key, payload, expiry, now);
    }

    #[inline(always)]
    fn replace(&mut self, key: Key, payload: Payload, expiry: Expiry, now: UnixMs) {
        let replaced = self.contents.store(key, payload, expiry);
        self.discard(replaced.object);
        if replaced.deadline.is_some_and(|deadline| deadline <= now) {
            self.note_overwritten(key);
        }
    }

    /// Writes a long string over another that has room for it and not more than twice as much.
    fn overwrite_long(&mut self, key: Key, bytes: &[u8], expiry: Expiry, now: UnixMs) -> bool {
        let Some((place, handle)) = self.contents.find(key) else { return false };
        let Some(old) = self.contents.long_mut(handle) else { return false };
        if bytes.len() > old.capacity() || bytes.len() < old.capacity() / 2 {
            return false;
        }
        old.clear();
        old.extend_from_slice(bytes);
        let deadline = self.contents.deadline(handle);
        match expiry {
            Expiry::At(at) => self.contents.set_deadline(place, handle, Some(at)),
            Expiry::Never if deadline.is_some() => {
                self.contents.set_deadline(place, handle, None);
            }
            Expiry::Never | Expiry::Keep => {}
        }
        if deadline.is_some_and(|deadline| deadline <= now) {
            self.note_overwritten(key);
        }
        true
    }

    /// Adds `delta` to the number that is the value of a key, 0 if the key is absent, and returns
    /// the sum. The deadline stays.
    pub fn increment(&mut self, key: Key, delta: i64, now: UnixMs) -> Result<i64, IncrementError> {
        self.expire_key(key, now);
        if let Some(mut number) = self.contents.integer_mut(key) {
            let sum = number.get().checked_add(delta).ok_or(IncrementError::Overflow)?;
            if number.set(sum) {
                return Ok(sum);
            }
        }
        self.increment_anew(key, delta)
    }

    /// The same where the sum does not simply replace the number: the key is absent, or its entry
    /// has no room, or its value is bytes, made a number digit by digit by an append.
    #[inline(never)]
    fn increment_anew(&mut self, key: Key, delta: i64) -> Result<i64, IncrementError> {
        let number = match self.contents.find(key).map(|(_, handle)| self.contents.value(handle)) {
            None => 0,
            Some(ValueRef::String(string)) => {
                string.as_i64().ok_or(IncrementError::NotAnInteger)?
            }
            Some(other) => return Err(IncrementError::OtherKind(other.kind())),
        };
        let sum = number.checked_add(delta).ok_or(IncrementError::Overflow)?;
        self.contents.store(key, Payload::Integer(sum), Expiry::Keep);
        Ok(sum)
    }

    /// The bytes of a string, to change in place. One shorter than `bytes_min`, the empty one of an
    /// absent key included, first grows to that with zeros behind. The deadline stays. The caller
    /// holds the limit on the length of strings.
    pub fn string_mut(
        &mut self,
        key: Key,
        bytes_min: usize,
        now: UnixMs,
    ) -> Result<&mut [u8], OtherKind> {
        let found = self.find(key, now);
        let string = match found.map(|(_, handle)| self.contents.value(handle)) {
            None => StringRef::bytes(b""),
            Some(ValueRef::String(string)) => string,
            Some(other) => return Err(OtherKind(other.kind())),
        };
        let is_number = found.is_some_and(|(_, handle)| {
            matches!(self.contents.payload(handle), Payload::Integer(_))
        });
        let must_grow = string.len() < bytes_min && string.shared().is_none();
        if found.is_none() || is_number || must_grow {
            let mut bytes = string.as_bytes(&mut DecimalBuffer::default()).to_vec();
            bytes.resize(bytes.len().max(bytes_min), 0);
            let payload = self.contents.adopt_bytes(&mut bytes);
            self.contents.store(key, payload, Expiry::Keep);
        }
        let (_, handle) = self.contents.find(key).expect("it was there, or was just stored");
        Ok(self.contents.string_bytes_mut(handle, bytes_min))
    }

    /// Adds bytes at the end of a string, the empty one of an absent key included, and returns the
    /// new length. The deadline stays. The caller holds the limit on the length of strings.
    pub fn append(&mut self, key: Key, tail: &[u8], now: UnixMs) -> Result<usize, OtherKind> {
        let old = match self.lookup(key, now) {
            Some(super::ValueMut::String(string)) => string.len(),
            Some(other) => return Err(OtherKind(other.kind())),
            None => {
                self.insert(key, Value::String(tail.to_vec()));
                return Ok(tail.len());
            }
        };
        let bytes = self.string_mut(key, old + tail.len(), now)?;
        bytes[old..].copy_from_slice(tail);
        Ok(bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_store::{Hasher, List};
    use std::collections::HashMap;

    fn text(keyspace: &mut Keyspace, key: Key) -> Option<Vec<u8>> {
        match keyspace.peek(key, 0)? {
            ValueRef::String(string) => {
                Some(string.as_bytes(&mut DecimalBuffer::default()).to_vec())
            }
            other => panic!("{other:?} is no string"),
        }
    }

    fn step(
        keyspace: &mut Keyspace,
        twin: &mut HashMap<u8, Vec<u8>>,
        u: &mut arbtest::arbitrary::Unstructured,
    ) -> arbtest::arbitrary::Result<()> {
        let number = u.int_in_range(0..=3)?;
        let name = [number];
        let key = Hasher::new([1; 16]).key(&name);
        let mut bytes: Vec<u8> = match u.arbitrary()? {
            true => (u.arbitrary::<i64>()? >> u.int_in_range(0..=63)?).to_string().into(),
            false => u.arbitrary()?,
        };
        if u.ratio(1, 8)? {
            bytes.resize(u.int_in_range(0..=2 * INLINE_BYTES_MAX)?, b'z');
        }
        match u.int_in_range(0..=3)? {
            0 => {
                keyspace.set_string(key, &bytes, Expiry::Keep, 0);
                twin.insert(number, bytes);
            }
            1 => {
                let whole = twin.entry(number).or_default();
                whole.extend_from_slice(&bytes);
                assert_eq!(keyspace.append(key, &bytes, 0), Ok(whole.len()));
            }
            2 => {
                let delta = u.arbitrary()?;
                let old = twin.get(&number).map_or(Some(0), |old| parse_integer(old));
                let sum = old
                    .ok_or(IncrementError::NotAnInteger)
                    .and_then(|old: i64| old.checked_add(delta).ok_or(IncrementError::Overflow));
                assert_eq!(keyspace.increment(key, delta, 0), sum);
                sum.into_iter().for_each(|sum| {
                    twin.insert(number, sum.to_string().into());
                });
            }
            _ => {
                let bytes_min = u.int_in_range(0..=4000)?;
                let whole = twin.entry(number).or_default();
                whole.resize(whole.len().max(bytes_min), 0);
                let bytes = keyspace.string_mut(key, bytes_min, 0).expect("a string");
                assert_eq!(bytes, whole);
                if let (Some(last), Some(twin)) = (bytes.last_mut(), whole.last_mut()) {
                    (*last, *twin) = (b'1', b'1');
                }
            }
        }
        assert_eq!(text(keyspace, key).as_ref(), twin.get(&number));
        Ok(())
    }

    #[test]
    fn agrees_with_a_map_of_vectors() {
        arbtest::arbtest(|u| {
            let mut keyspace = Keyspace::new(Hasher::new([1; 16]));
            let mut twin = HashMap::new();
            while !u.is_empty() {
                step(&mut keyspace, &mut twin, u)?;
            }
            Ok(())
        });
    }

    #[test]
    fn deadlines_stay_or_go_as_they_are_told() {
        let mut keyspace = Keyspace::new(Hasher::new([1; 16]));
        let key = Hasher::new([1; 16]).key(b"k");
        keyspace.set_string(key, b"a", Expiry::At(500), 0);
        assert_eq!(keyspace.append(key, b"b", 0), Ok(2));
        keyspace.set_string(key, b"12", Expiry::Keep, 0);
        assert_eq!(keyspace.increment(key, 1000, 0), Ok(1012));
        assert_eq!((keyspace.expiry(key, 0), keyspace.expiring_len()), (Some(Some(500)), 1));
        keyspace.set_string(key, b"12", Expiry::Never, 0);
        assert_eq!((keyspace.expiry(key, 0), keyspace.expiring_len()), (Some(None), 0));
        keyspace.set_string(key, b"12", Expiry::At(100), 0);
        assert_eq!(keyspace.append(key, b"3", 100), Ok(1), "the old value has expired");
    }

    #[test]
    fn what_is_held_does_not_change() {
        let mut keyspace = Keyspace::new(Hasher::new([1; 16]));
        let key = Hasher::new([1; 16]).key(b"k");
        keyspace.set_string(key, &[b'x'; 10_000], Expiry::Never, 0);
        let held = match keyspace.peek(key, 0) {
            Some(ValueRef::String(string)) => string.shared().cloned().expect("it is long"),
            other => panic!("{other:?}"),
        };
        assert_eq!(keyspace.append(key, b"y", 0), Ok(10_001));
        assert_eq!((held.len(), held.holders()), (10_000, 1));
    }

    #[test]
    fn shared_bytes_become_the_value_where_they_are() {
        let mut keyspace = Keyspace::new(Hasher::new([1; 16]));
        let key = Hasher::new([1; 16]).key(b"k");
        let bytes = SharedBytes::new(vec![b'x'; 10_000]);
        keyspace.set_string(key, &[b'w'; 10_000], Expiry::At(9), 0);
        keyspace.set_shared(key, &bytes, Expiry::Keep, 0);
        let stored = match keyspace.peek(key, 0) {
            Some(ValueRef::String(string)) => string.shared().map(|stored| stored.is_same(&bytes)),
            other => panic!("{other:?}"),
        };
        assert_eq!((stored, bytes.holders(), keyspace.expiring_len()), (Some(true), 2, 1));
        keyspace.set_string(key, &[b'y'; 10_000], Expiry::Never, 0);
        assert_eq!((bytes.holders(), bytes[0]), (1, b'x'), "what is held does not change");
        keyspace.set_shared(key, &SharedBytes::new(b"12".to_vec()), Expiry::Never, 0);
        assert_eq!(keyspace.increment(key, 1, 0), Ok(13), "few bytes are stored as ever");
    }

    #[test]
    fn a_long_string_is_written_where_the_old_one_was() {
        let mut keyspace = Keyspace::new(Hasher::new([1; 16]));
        let key = Hasher::new([1; 16]).key(b"k");
        let address = |keyspace: &Keyspace| match keyspace.peek(key, 0) {
            Some(ValueRef::String(string)) => string.shared().map(|bytes| bytes.as_ptr()),
            other => panic!("{other:?}"),
        };
        keyspace.set_string(key, &[b'x'; 10_000], Expiry::At(9), 0);
        let before = address(&keyspace);
        keyspace.set_string(key, &[b'y'; 9_000], Expiry::Never, 0);
        assert_eq!((address(&keyspace), keyspace.expiring_len()), (before, 0));
        assert_eq!(text(&mut keyspace, key), Some(vec![b'y'; 9_000]));
        keyspace.set_string(key, &[b'z'; 4_000], Expiry::At(9), 0);
        assert_ne!(address(&keyspace), before, "half of it would have been wasted");
        assert_eq!(keyspace.expiring_len(), 1);
    }

    #[test]
    fn other_kinds_are_refused() {
        let mut keyspace = Keyspace::new(Hasher::new([1; 16]));
        let key = Hasher::new([1; 16]).key(b"k");
        keyspace.insert(key, Value::List(List::new()));
        assert_eq!(keyspace.increment(key, 1, 0), Err(IncrementError::OtherKind(Kind::List)));
        assert_eq!(keyspace.append(key, b"x", 0), Err(OtherKind(Kind::List)));
        assert!(keyspace.string_mut(key, 1, 0).is_err());
        keyspace.set_string(key, b"x", Expiry::Never, 0);
        assert_eq!(keyspace.increment(key, 1, 0), Err(IncrementError::NotAnInteger));
    }
}
