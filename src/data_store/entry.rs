//! An entry of a keyspace: one run of bytes with everything about a key.
//!
//! ```text
//!  byte 0          1..4     then, each where needed
//!  +-------------+--------+----------------------------------+------------+-----+---------------+
//!  | flags       | clock  | next 4 | previous 4 | deadline   | key length | key | value         |
//!  |             |        |        |            | 6 or 8     | 1 to 5     |     |               |
//!  +-------------+--------+--------+------------+------------+------------+-----+---------------+
//!                          └─ only with a deadline ─────────┘
//!   flags   bits 0-2  form of the value      bits 3-4  bytes of the deadline: 0, 6 or 8
//!           bits 5-7  bytes of an integer, less one
//!   clock   when or how often the key was used, for whoever must choose keys to evict
//!   next, previous    neighbours in the expiry index
//!
//!   value   bytes     length (1 to 5 bytes), bytes
//!           integer   1 to 8 bytes, little endian, as few as it takes
//!           list      a small one, packed: see `list_packed.rs`
//!           other     4 bytes: the number of an object that lives elsewhere
//! ```
//!
//! A key of 16 bytes with a value of 16 so takes 38 bytes. Lengths are written as in `length.rs`. A
//! deadline of 6 bytes reaches from the year -2490 to 6429.

use super::UnixMs;
use super::arena::Handle;
use super::length::{counted, counted_mut, length_bytes, split_counted, write_length};
use super::list_packed;
use super::list_run::Run;
use super::short_copy::copy_short;

/// Where the deadline's part begins, and in its absence the key's.
const LINKS_START: usize = 4;
const DEADLINE_START: usize = LINKS_START + 8;
/// Bits of a clock.
const CLOCK_BYTES: usize = 3;
/// The first deadline too far for 6 bytes; the last one that is as far the other way.
const NARROW_DEADLINES: std::ops::Range<UnixMs> = -(1 << 47)..1 << 47;

/// A list that has outgrown its entry finds this part of its length free in the next one, and no
/// less than so many bytes: else it would move with every element.
const GROWTH_PART: usize = 4;
const GROWTH_BYTES_MIN: usize = 16;

/// The value of an entry, as far as it lies in the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Payload<'a> {
    /// A string.
    Bytes(&'a [u8]),
    /// A string that is the decimal form of a number.
    Integer(i64),
    /// The number of a long string.
    Long(u32),
    /// A small list.
    Packed(Run<'a>),
    /// The number of a long list.
    List(u32),
    /// The number of a stream.
    Stream(u32),
}

impl Payload<'_> {
    fn form(self) -> u8 {
        match self {
            Payload::Bytes(_) => 0,
            Payload::Integer(_) => 1,
            Payload::Long(_) => 2,
            Payload::List(_) => 3,
            Payload::Stream(_) => 4,
            Payload::Packed(_) => 5,
        }
    }

    fn length(self) -> usize {
        match self {
            Payload::Bytes(bytes) => length_bytes(bytes.len()) + bytes.len(),
            Payload::Integer(number) => integer_bytes(number),
            Payload::Packed(run) => list_packed::length(run),
            Payload::Long(_) | Payload::List(_) | Payload::Stream(_) => 4,
        }
    }

    /// Room to leave behind a value that has outgrown its entry and may do so again.
    pub(super) fn growth(self) -> usize {
        match self {
            Payload::Packed(run) => (list_packed::length(run) / GROWTH_PART).max(GROWTH_BYTES_MIN),
            _ => 0,
        }
    }
}

/// Bytes of an entry.
#[inline]
pub(super) fn length(key: &[u8], payload: Payload, deadline: Option<UnixMs>) -> usize {
    LINKS_START
        + links_bytes(deadline_bytes(deadline))
        + length_bytes(key.len())
        + key.len()
        + payload.length()
}

/// Writes an entry into a block that has room for it. Its links have no meaning yet.
pub(super) fn write(
    block: &mut [u8],
    key: &[u8],
    payload: Payload,
    deadline: Option<UnixMs>,
    clock: u32,
) {
    set_head(block, payload, deadline);
    set_clock(block, clock);
    let mut at = LINKS_START + links_bytes(deadline_bytes(deadline));
    at += write_length(&mut block[at..], key.len());
    block[at..at + key.len()].copy_from_slice(key);
    write_payload(&mut block[at + key.len()..], payload);
}

/// Writes flags and deadline in front of a key that stands where it should.
#[inline]
pub(super) fn set_head(block: &mut [u8], payload: Payload, deadline: Option<UnixMs>) {
    let width = match payload {
        Payload::Integer(number) => integer_bytes(number),
        _ => 1,
    };
    let bytes = deadline_bytes(deadline);
    block[0] = payload.form() | deadline_bits(bytes) << 3 | ((width - 1) as u8) << 5;
    if let Some(at) = deadline {
        block[DEADLINE_START..][..bytes].copy_from_slice(&at.to_le_bytes()[..bytes]);
    }
}

fn write_payload(block: &mut [u8], payload: Payload) {
    match payload {
        Payload::Bytes(bytes) => {
            let at = write_length(block, bytes.len());
            block[at..at + bytes.len()].copy_from_slice(bytes);
        }
        Payload::Integer(number) => {
            let width = integer_bytes(number);
            block[..width].copy_from_slice(&number.to_le_bytes()[..width]);
        }
        Payload::Packed(run) => list_packed::write(block, run),
        Payload::Long(index) | Payload::List(index) | Payload::Stream(index) => {
            block[..4].copy_from_slice(&index.to_le_bytes());
        }
    }
}

/// The key of an entry.
#[inline(always)]
pub(super) fn key(block: &[u8]) -> &[u8] {
    counted(&block[key_part(block)..])
}

/// The deadline of an entry.
#[inline]
pub(super) fn deadline(block: &[u8]) -> Option<UnixMs> {
    let bytes = deadline_width(block);
    (bytes > 0).then(|| read_signed(&block[..DEADLINE_START + bytes], bytes))
}

/// The value of an entry.
#[inline]
pub(super) fn payload(block: &[u8]) -> Payload<'_> {
    Entry::open(block).1.payload()
}

/// An entry whose key has been read: where its value begins is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    block: &'a [u8],
    /// The value, and what the block has room for behind it.
    value: &'a [u8],
}

impl<'a> Entry<'a> {
    /// The key of an entry, and the rest.
    #[inline(always)]
    pub(super) fn open(block: &'a [u8]) -> (&'a [u8], Entry<'a>) {
        let (key, value) = split_counted(&block[key_part(block)..]);
        (key, Entry { block, value })
    }

    /// The value.
    #[inline(always)]
    pub(super) fn payload(self) -> Payload<'a> {
        match self.block[0] & 7 {
            0 => Payload::Bytes(counted(self.value)),
            1 => Payload::Integer(self.integer()),
            2 => Payload::Long(read_index(self.value)),
            3 => Payload::List(read_index(self.value)),
            4 => Payload::Stream(read_index(self.value)),
            5 => Payload::Packed(packed(self.value)),
            form => unreachable!("an entry has one of six forms, not {form}"),
        }
    }

    #[inline(always)]
    fn integer(self) -> i64 {
        let width = integer_width(self.block);
        read_signed(&self.block[..self.value_start() + width], width)
    }

    /// Where the value begins in the block.
    #[inline(always)]
    pub(super) fn value_start(self) -> usize {
        self.block.len() - self.value.len()
    }
}

/// Much to be read: a call from wherever a value is, and seldom taken there.
#[inline(never)]
fn packed(value: &[u8]) -> Run<'_> {
    list_packed::read(value)
}

/// A number where it lies, to be read and changed.
pub(super) struct Integer<'a> {
    /// All of the block up to its end.
    part: &'a mut [u8],
    width: usize,
}

impl Integer<'_> {
    #[inline(always)]
    pub(super) fn get(&self) -> i64 {
        read_signed(self.part, self.width)
    }

    /// Puts another number there, if it has room.
    #[inline(always)]
    pub(super) fn set(&mut self, number: i64) -> bool {
        let has_room = integer_bytes(number) <= self.width;
        if has_room {
            write_signed(self.part, number, self.width);
        }
        has_room
    }
}

/// The value of an entry that begins there, if it is stored as a number.
#[inline(always)]
pub(super) fn integer_mut(block: &mut [u8], value_start: usize) -> Option<Integer<'_>> {
    if block[0] & 7 != 1 {
        return None;
    }
    let width = integer_width(block);
    Some(Integer { part: &mut block[..value_start + width], width })
}

/// The bytes of a string that lies in the entry as such.
pub(super) fn bytes_mut(block: &mut [u8]) -> &mut [u8] {
    debug_assert_eq!(block[0] & 7, 0);
    let start = value_start(block);
    counted_mut(&mut block[start..])
}

/// Puts another string or number in the place of a value that begins there, if that leaves
/// everything else as it is: the entry has no deadline, and the value no other length.
#[inline(always)]
pub(super) fn replace_value(block: &mut [u8], value_start: usize, payload: Payload) -> bool {
    if deadline_form(block) != 0 {
        return false;
    }
    match payload {
        Payload::Bytes(bytes) => {
            block[0] & 7 == 0 && replace_bytes(&mut block[value_start..], bytes)
        }
        Payload::Integer(number) => {
            integer_mut(block, value_start).is_some_and(|mut stored| stored.set(number))
        }
        _ => false,
    }
}

/// Puts another string in the place of one of the same length.
#[inline(always)]
fn replace_bytes(value: &mut [u8], bytes: &[u8]) -> bool {
    let old = counted_mut(value);
    if old.len() != bytes.len() {
        return false;
    }
    copy_short(old, bytes);
    true
}

/// Puts another list in the place of one, if it has room there and no more than half is wasted. (An
/// empty one is about to go.)
pub(super) fn replace_packed(block: &mut [u8], run: Run<'_>) -> bool {
    debug_assert_eq!(block[0] & 7, Payload::Packed(run).form());
    let start = value_start(block);
    let end = start + list_packed::length(run);
    let fits = end <= block.len() && (end >= block.len() / 2 || run.left == 0);
    if fits {
        list_packed::write(&mut block[start..], run);
    }
    fits
}

/// Where the part begins that does not change with the deadline: the key and the value.
#[inline]
pub(super) fn key_part(block: &[u8]) -> usize {
    KEY_STARTS[deadline_form(block)]
}

/// Bytes in front of the key in an entry with this deadline.
pub(super) fn head_bytes(deadline: Option<UnixMs>) -> usize {
    LINKS_START + links_bytes(deadline_bytes(deadline))
}

/// 24 bits for the choice of keys to evict.
pub(super) fn clock(block: &[u8]) -> u32 {
    u32::from_le_bytes([block[1], block[2], block[3], 0])
}

pub(super) fn set_clock(block: &mut [u8], clock: u32) {
    debug_assert!(clock >> (8 * CLOCK_BYTES) == 0);
    block[1..LINKS_START].copy_from_slice(&clock.to_le_bytes()[..CLOCK_BYTES]);
}

/// The neighbours of an entry with a deadline in its list: the next and the previous one.
pub(super) fn links(block: &[u8]) -> (Handle, Handle) {
    let link = |at: usize| Handle::from_bits(read_index(&block[at..]));
    (link(LINKS_START), link(LINKS_START + 4))
}

pub(super) fn set_next(block: &mut [u8], next: Handle) {
    block[LINKS_START..][..4].copy_from_slice(&next.bits().to_le_bytes());
}

pub(super) fn set_previous(block: &mut [u8], previous: Handle) {
    block[LINKS_START + 4..][..4].copy_from_slice(&previous.bits().to_le_bytes());
}

#[inline(always)]
fn value_start(block: &[u8]) -> usize {
    Entry::open(block).1.value_start()
}

fn integer_width(block: &[u8]) -> usize {
    usize::from(block[0] >> 5) + 1
}

/// Bytes of the deadline, by its form in the flags.
const DEADLINE_WIDTHS: [usize; 4] = [0, 6, 8, 8];

/// Where the key's part begins, by the same.
const KEY_STARTS: [usize; 4] = {
    let mut starts = [LINKS_START; 4];
    let mut form = 0;
    while form < starts.len() {
        starts[form] += links_bytes(DEADLINE_WIDTHS[form]);
        form += 1;
    }
    starts
};

#[inline]
fn deadline_form(block: &[u8]) -> usize {
    usize::from(block[0] >> 3 & 3)
}

#[inline]
fn deadline_width(block: &[u8]) -> usize {
    DEADLINE_WIDTHS[deadline_form(block)]
}

fn deadline_bits(bytes: usize) -> u8 {
    match bytes {
        0 => 0,
        6 => 1,
        _ => 2,
    }
}

fn deadline_bytes(deadline: Option<UnixMs>) -> usize {
    deadline.map_or(0, |at| if NARROW_DEADLINES.contains(&at) { 6 } else { 8 })
}

#[inline]
const fn links_bytes(deadline_bytes: usize) -> usize {
    if deadline_bytes == 0 { 0 } else { DEADLINE_START - LINKS_START + deadline_bytes }
}

/// As few bytes as tell a number and its sign.
#[inline]
fn integer_bytes(number: i64) -> usize {
    let magnitude = number ^ (number >> 63);
    (64 - magnitude.leading_zeros() as usize) / 8 + 1
}

/// The number that a part of a block ends in: so many bytes, little endian, with their sign. They
/// are the upper bytes of the word that ends there.
#[inline(always)]
fn read_signed(part: &[u8], width: usize) -> i64 {
    let word = part.last_chunk().copied().unwrap_or_else(|| short_word(part));
    i64::from_le_bytes(word) >> (64 - 8 * width)
}

/// The same word where less than one stands before its end: in the entry of a key of no byte or
/// one.
#[cold]
fn short_word(part: &[u8]) -> [u8; 8] {
    let mut word = [0; 8];
    word[8 - part.len()..].copy_from_slice(part);
    word
}

/// Writes such a number, for which so many bytes must be enough.
#[inline(always)]
fn write_signed(part: &mut [u8], number: i64, width: usize) {
    let Some(word) = part.last_chunk_mut() else {
        let start = part.len() - width;
        return part[start..].copy_from_slice(&number.to_le_bytes()[..width]);
    };
    let unused = 64 - 8 * width;
    let others = i64::from_le_bytes(*word) & !(i64::MAX << unused | i64::MIN);
    *word = (others | number << unused).to_le_bytes();
}

#[inline(always)]
fn read_index(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(*bytes.first_chunk().expect("an index is four bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arbtest::arbitrary::{Result, Unstructured};

    fn arbitrary_integer(u: &mut Unstructured) -> Result<i64> {
        Ok(u.arbitrary::<i64>()? >> u.int_in_range(0..=63)?)
    }

    #[test]
    fn what_is_written_is_read() {
        arbtest::arbtest(|u| {
            let mut name: Vec<u8> = u.arbitrary()?;
            name.resize(name.len() * u.int_in_range(1..=20)?, b'x');
            let deadline = if u.arbitrary()? { Some(arbitrary_integer(u)?) } else { None };
            let text: Vec<u8> = u.arbitrary()?;
            let even_bytes = u.int_in_range(1..=3)?;
            let left = text.len() / even_bytes;
            let elements = &text[..left * even_bytes];
            let run = Run { payload: elements, lengths: &[], width: 0, even_bytes, left };
            let value = match u.int_in_range(0..=5)? {
                0 => Payload::Bytes(&text),
                1 => Payload::Integer(arbitrary_integer(u)?),
                2 => Payload::Long(u.arbitrary()?),
                3 => Payload::List(u.arbitrary()?),
                4 => Payload::Packed(run),
                _ => Payload::Stream(u.arbitrary()?),
            };
            let (bytes, time) = (length(&name, value, deadline), u.int_in_range(0..=0xff_ffff)?);
            let mut block = vec![0xee; bytes];
            write(&mut block, &name, value, deadline, time);
            if deadline.is_some() {
                set_next(&mut block, Handle::from_bits(7));
                set_previous(&mut block, Handle::from_bits(u32::MAX));
                assert_eq!(links(&block), (Handle::from_bits(7), Handle::NONE));
            }
            assert_eq!((key(&block), payload(&block)), (&name[..], value));
            assert_eq!((super::deadline(&block), clock(&block)), (deadline, time));
            assert_eq!(key_part(&block), head_bytes(deadline));
            if let Payload::Bytes(_) = value {
                assert_eq!(bytes_mut(&mut block), text);
            }
            Ok(())
        });
    }

    #[test]
    fn numbers_replace_numbers_where_they_have_room() {
        let mut block = [0; 30];
        for name in [&b""[..], b"k", b"key"] {
            for (old, new, fits) in [(100, -128, true), (100, 128, false), (128, 1, true)] {
                write(&mut block, name, Payload::Integer(old), None, 7);
                let start = value_start(&block);
                let stored = replace_value(&mut block, start, Payload::Integer(new));
                assert_eq!(stored, fits, "{new} for {old}");
                assert_eq!(payload(&block), Payload::Integer(if fits { new } else { old }));
                assert_eq!((key(&block), clock(&block)), (name, 7));
            }
        }
        write(&mut block, b"key", Payload::Bytes(b"text"), None, 0);
        assert!(!replace_value(&mut block, 8, Payload::Integer(1)));
    }

    #[test]
    fn strings_of_every_length_replace_others_whole() {
        for length in 0..40 {
            let (old, new) = (vec![b'o'; length], (0..length as u8).collect::<Vec<u8>>());
            let mut block = [0xee; 60];
            write(&mut block, b"key", Payload::Bytes(&old), None, 7);
            assert!(replace_value(&mut block, 8, Payload::Bytes(&new)));
            assert_eq!((key(&block), payload(&block)), (&b"key"[..], Payload::Bytes(&new)));
            assert!(block[9 + length..].iter().all(|&byte| byte == 0xee));
        }
    }

    #[test]
    fn strings_replace_strings_of_their_length_if_nothing_else_changes() {
        let mut block = [0; 40];
        let (text, number) = (Payload::Bytes(b"text"), Payload::Integer(100));
        for (old, deadline, new, fits) in [
            (text, None, Payload::Bytes(b"next"), true),
            (text, None, Payload::Bytes(b"longer"), false),
            (text, Some(1), Payload::Bytes(b"next"), false),
            (text, None, number, false),
            (number, None, text, false),
            (number, None, Payload::Integer(-1), true),
            (number, Some(1), Payload::Integer(-1), false),
            (Payload::Long(1), None, Payload::Long(2), false),
        ] {
            write(&mut block, b"key", old, deadline, 7);
            let start = value_start(&block);
            assert_eq!(replace_value(&mut block, start, new), fits, "{new:?} for {old:?}");
            assert_eq!(payload(&block), if fits { new } else { old });
            assert_eq!((key(&block), super::deadline(&block)), (&b"key"[..], deadline));
            assert_eq!(clock(&block), 7);
        }
    }

    #[test]
    fn entries_are_small() {
        let key = [b'k'; 16];
        assert_eq!(length(&key, Payload::Bytes(&[b'v'; 16]), None), 38);
        assert_eq!(length(&key, Payload::Bytes(&[b'v'; 16]), Some(1_700_000_000_000)), 52);
        assert_eq!(length(&key, Payload::Bytes(&[b'v'; 100]), None), 122);
        assert_eq!(length(&key, Payload::Integer(1_000_000), None), 24);
        assert_eq!(length(&key, Payload::Integer(i64::MIN), Some(i64::MAX)), 45);
        let ten = Run { payload: &[b'e'; 80], lengths: &[], width: 0, even_bytes: 8, left: 10 };
        assert_eq!(length(&key, Payload::Packed(ten), None), 103);
    }
}
