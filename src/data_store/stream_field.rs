//! A name or value of a stream entry, and the few bytes it is stored in.
//!
//! Most values in streams are numbers or short, so the first byte says what follows, and small
//! numbers are that byte. A number is stored as one only if its decimal form is the very bytes
//! that the client sent: what is read is always what was written.
//!
//! ```text
//!   0nnnnnnn              the integer n, 0 to 127
//!   10llllll  bytes       l bytes, 0 to 62;  l = 63: a varint of the length less 63 comes first
//!   110nnnnn  nnnnnnnn    an integer from 128 to 8319, less 128
//!   111wwwww  bytes       an integer in w bytes, 1 to 8: two's complement, low byte first
//!   11111111  varint      the bytes that lie apart, of this number in the block
//!
//!   varint: seven bits to a byte, low bits first, the top bit set on all but the last
//! ```
//!
//! The second half of this file knows how many bytes Redis needs for the same field, without
//! packing it that way.

use crate::shared_bytes::SharedBytes;
use crate::text::number;

/// A name or a value of a stream entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field<'a> {
    /// These bytes, which are not the decimal form of an `i64`.
    Bytes(&'a [u8]),
    /// The decimal form of this number, as [`number::write_i64`] makes it.
    Integer(i64),
    /// Many bytes, in an allocation of their own.
    Apart(&'a SharedBytes),
}

impl<'a> Field<'a> {
    /// The field with this content.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Field<'a> {
        match number::parse_i64(bytes) {
            Some(integer) => Field::Integer(integer),
            None => Field::Bytes(bytes),
        }
    }

    /// Whether these bytes are its content.
    #[inline]
    fn is(self, bytes: &[u8]) -> bool {
        match self {
            Field::Bytes(own) => own == bytes,
            Field::Integer(own) => number::parse_i64(bytes) == Some(own),
            Field::Apart(own) => own[..] == *bytes,
        }
    }

    /// Appends the content.
    pub fn write(self, out: &mut Vec<u8>) {
        match self {
            Field::Bytes(bytes) => out.extend_from_slice(bytes),
            Field::Integer(integer) => number::write_i64(out, integer),
            Field::Apart(bytes) => out.extend_from_slice(bytes),
        }
    }

    /// Appends the stored form of a field that does not lie apart. Equal ones have equal forms.
    #[inline(always)]
    pub(super) fn put(self, out: &mut Vec<u8>) {
        match self {
            Field::Integer(small @ 0..MEDIUM_MIN) => out.push(small as u8),
            Field::Integer(integer) => put_larger_integer(out, integer),
            Field::Bytes(bytes) => put_bytes(out, bytes),
            Field::Apart(_) => unreachable!("the block has a place for what lies apart"),
        }
    }

    /// Bytes that Redis needs: an integer in one of its widths, or a string with its length in
    /// front; and the length of all that again behind it, seven bits to a byte.
    #[inline(always)]
    pub(super) fn packed_bytes(self) -> usize {
        match self {
            Field::Bytes(bytes) => packed_string_bytes(bytes.len()),
            Field::Integer(integer) => packed_integer_bytes(integer),
            Field::Apart(bytes) => packed_string_bytes(bytes.len()),
        }
    }
}

const STRING_TAG: u8 = 0b1000_0000;
const MEDIUM_TAG: u8 = 0b1100_0000;
const WIDE_TAG: u8 = 0b1110_0000;
const APART_TAG: u8 = 0b1111_1111;
/// A string whose length does not fit in the tag.
const LONG_STRING_TAG: u8 = STRING_TAG | LENGTH_BEHIND as u8;

/// Lengths below this one stand in the tag.
const LENGTH_BEHIND: usize = 63;

/// The first integer that does not fit in the tag.
const MEDIUM_MIN: i64 = 128;
const MEDIUM_MAX: i64 = MEDIUM_MIN + (1 << 13) - 1;

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.len() < LENGTH_BEHIND {
        out.push(STRING_TAG | bytes.len() as u8);
    } else {
        out.push(LONG_STRING_TAG);
        put_varint(out, (bytes.len() - LENGTH_BEHIND) as u64);
    }
    out.extend_from_slice(bytes);
}

fn put_larger_integer(out: &mut Vec<u8>, integer: i64) {
    match integer {
        MEDIUM_MIN..=MEDIUM_MAX => {
            let [low, high, ..] = (integer - MEDIUM_MIN).to_le_bytes();
            out.extend_from_slice(&[MEDIUM_TAG | high, low]);
        }
        _ => {
            let magnitude = (integer ^ (integer >> 63)).cast_unsigned();
            let width = (65 - magnitude.leading_zeros() as usize).div_ceil(8);
            out.push(WIDE_TAG | width as u8);
            out.extend_from_slice(&integer.to_le_bytes()[..width]);
        }
    }
}

/// Appends the stored form of a field that lies apart in its block, under this number.
pub(super) fn put_apart(out: &mut Vec<u8>, number: usize) {
    out.push(APART_TAG);
    put_varint(out, number as u64);
}

/// Appends a varint.
pub(super) fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Stored fields and varints one behind the other, to read. All were put there by this module's
/// functions: running out of bytes is our mistake and panics.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored<'a>(pub(super) &'a [u8]);

impl<'a> Stored<'a> {
    #[inline]
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    #[inline]
    pub(super) fn byte(&mut self) -> u8 {
        self.take(1)[0]
    }

    /// Nearly all are differences, of one byte.
    #[inline]
    pub(super) fn varint(&mut self) -> u64 {
        match *self.0 {
            [byte @ ..0x80, ref rest @ ..] => {
                self.0 = rest;
                u64::from(byte)
            }
            _ => self.long_varint(),
        }
    }

    #[cold]
    fn long_varint(&mut self) -> u64 {
        let (mut number, mut shift) = (0, 0);
        loop {
            let byte = self.byte();
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return number;
            }
            shift += 7;
        }
    }

    /// The next field; `apart` are those that lie so in the block. Most are small numbers and short
    /// strings.
    #[inline(always)]
    pub(super) fn field(&mut self, apart: &'a [SharedBytes]) -> Field<'a> {
        let tag = self.byte();
        match tag {
            0..STRING_TAG => Field::Integer(i64::from(tag)),
            STRING_TAG..LONG_STRING_TAG => Field::Bytes(self.take(usize::from(tag - STRING_TAG))),
            _ => self.longer_field(tag, apart),
        }
    }

    fn longer_field(&mut self, tag: u8, apart: &'a [SharedBytes]) -> Field<'a> {
        match tag {
            ..MEDIUM_TAG => {
                let length = LENGTH_BEHIND + self.varint() as usize;
                Field::Bytes(self.take(length))
            }
            MEDIUM_TAG..WIDE_TAG => {
                let number = i64::from(u16::from_be_bytes([tag & !WIDE_TAG, self.byte()]));
                Field::Integer(number + MEDIUM_MIN)
            }
            WIDE_TAG..APART_TAG => {
                Field::Integer(wide_integer(self.take(usize::from(tag & !WIDE_TAG))))
            }
            APART_TAG => Field::Apart(&apart[self.varint() as usize]),
        }
    }

    /// Whether the next field, which does not lie apart, is these bytes.
    #[inline]
    pub(super) fn next_is(&mut self, bytes: &[u8]) -> bool {
        self.field(&[]).is(bytes)
    }

    pub(super) fn skip_fields(&mut self, count: usize, apart: &'a [SharedBytes]) {
        for _ in 0..count {
            self.field(apart);
        }
    }
}

fn wide_integer(bytes: &[u8]) -> i64 {
    let mut whole = [0; 8];
    whole[..bytes.len()].copy_from_slice(bytes);
    let shift = 64 - 8 * bytes.len();
    (i64::from_le_bytes(whole) << shift) >> shift
}

/// Bytes that Redis needs for an integer: its width and a byte for walking backwards.
pub(super) fn packed_integer_bytes(integer: i64) -> usize {
    let encoded = match integer {
        0..=127 => 1,
        -4096..=4095 => 2,
        -32768..=32767 => 3,
        -8_388_608..=8_388_607 => 4,
        -2_147_483_648..=2_147_483_647 => 5,
        _ => 9,
    };
    encoded + 1
}

fn packed_string_bytes(length: usize) -> usize {
    let encoded = length
        + match length {
            0..64 => 1,
            64..4096 => 2,
            _ => 5,
        };
    let backwards = match encoded {
        0..=127 => 1,
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    };
    encoded + backwards
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(text: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        Field::new(text).put(&mut bytes);
        bytes
    }

    fn comes_back(text: &[u8]) {
        let bytes = stored(text);
        let mut reader = Stored(&bytes);
        let field = reader.field(&[]);
        assert!(reader.0.is_empty(), "{}", text.escape_ascii());
        assert_eq!(field, Field::new(text));
        let mut content = Vec::new();
        field.write(&mut content);
        assert_eq!(content, text);
    }

    #[test]
    fn any_bytes_come_back() {
        arbtest::arbtest(|u| {
            let text: Vec<u8> = u.arbitrary()?;
            comes_back(&text);
            comes_back(&vec![b'x'; u.int_in_range(0..=20_000)?]);
            let integer = u.arbitrary::<i64>()? >> u.int_in_range(0..=63)?;
            comes_back(integer.to_string().as_bytes());
            let numbers: Vec<u64> = u.arbitrary()?;
            let mut bytes = Vec::new();
            numbers.iter().for_each(|&number| put_varint(&mut bytes, number));
            let mut reader = Stored(&bytes);
            assert!(numbers.iter().all(|&number| reader.varint() == number));
            assert!(reader.0.is_empty());
            Ok(())
        });
    }

    #[test]
    fn what_lies_apart_is_found_by_its_number() {
        let apart = [b"first", b"other"].map(|bytes| SharedBytes::new(bytes.to_vec()));
        let mut bytes = Vec::new();
        put_apart(&mut bytes, 1);
        Field::new(b"near").put(&mut bytes);
        put_apart(&mut bytes, 0);
        let mut reader = Stored(&bytes);
        assert_eq!(reader.field(&apart), Field::Apart(&apart[1]));
        reader.skip_fields(1, &apart);
        assert_eq!((reader.field(&apart), reader.0.len()), (Field::Apart(&apart[0]), 0));
        assert_eq!(Field::Apart(&apart[0]).packed_bytes(), Field::new(b"first").packed_bytes());
    }

    #[test]
    fn a_number_is_shorter_than_its_digits() {
        for integer in (-40_000..40_000).chain([i64::MIN, i64::MAX, 1 << 56, -(1 << 56)]) {
            let text = integer.to_string();
            comes_back(text.as_bytes());
            assert!(stored(text.as_bytes()).len() <= text.len(), "{integer}");
        }
        for (text, bytes) in [("99", 1), ("127", 1), ("128", 2), ("8319", 2), ("8320", 3)] {
            assert_eq!(stored(text.as_bytes()).len(), bytes, "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_a_number_is_a_string() {
        for text in ["", "-", "-0", "007", "+1", " 1", "1.0", "9223372036854775808"] {
            assert_eq!(Field::new(text.as_bytes()), Field::Bytes(text.as_bytes()));
            comes_back(text.as_bytes());
        }
    }
}
