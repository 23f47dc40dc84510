//! String values: bytes, or an integer where the bytes are the decimal form of one.
//!
//! A counter stored as an integer needs no parsing to grow and a few bytes to exist. Nobody outside
//! can tell which of the two it is: [`StringRef::as_bytes`] writes the digits into the caller's
//! scratch space when it must.

use crate::shared_bytes::SharedBytes;

/// Scratch space for [`StringRef::as_bytes`]: the digits of any `i64`, sign included.
pub type DecimalBuffer = [u8; DECIMAL_BYTES_MAX];

/// Length of `-9223372036854775808`.
const DECIMAL_BYTES_MAX: usize = 20;

/// The value of a string key, to read.
#[derive(Clone, Copy, Debug)]
pub struct StringRef<'a>(Inside<'a>);

#[derive(Clone, Copy, Debug)]
enum Inside<'a> {
    Integer(i64),
    /// May look like an integer all the same, after an append.
    Bytes(&'a [u8]),
    /// The same, in an allocation of its own that others may hold as well.
    Long(&'a SharedBytes),
}

impl<'a> StringRef<'a> {
    pub(super) fn integer(number: i64) -> Self {
        Self(Inside::Integer(number))
    }

    pub(super) fn bytes(bytes: &'a [u8]) -> Self {
        Self(Inside::Bytes(bytes))
    }

    pub(super) fn long(bytes: &'a SharedBytes) -> Self {
        Self(Inside::Long(bytes))
    }

    /// The bytes of the value; `scratch` is written only if they are not stored as such.
    #[inline]
    pub fn as_bytes<'b>(self, scratch: &'b mut DecimalBuffer) -> &'b [u8]
    where
        'a: 'b,
    {
        match self.0 {
            Inside::Integer(number) => write_integer(number, scratch),
            Inside::Bytes(bytes) => bytes,
            Inside::Long(bytes) => bytes,
        }
    }

    /// The bytes of a long value, to be held on to without a copy. Whoever holds them sees them as
    /// they are now: a later change makes a copy of its own.
    pub fn shared(self) -> Option<&'a SharedBytes> {
        match self.0 {
            Inside::Long(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The value as a number, if its bytes are exactly the decimal form of an `i64`: no blanks, no
    /// `+`, no leading zeros, no `-0`.
    pub fn as_i64(self) -> Option<i64> {
        match self.0 {
            Inside::Integer(number) => Some(number),
            Inside::Bytes(bytes) => parse_integer(bytes),
            Inside::Long(_) => None,
        }
    }

    /// Length in bytes.
    pub fn len(self) -> usize {
        self.as_bytes(&mut DecimalBuffer::default()).len()
    }

    /// Whether the value is the empty string.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// The number whose decimal form these bytes are, and no other way of writing it.
#[inline]
pub(super) fn parse_integer(bytes: &[u8]) -> Option<i64> {
    if bytes.is_empty() || bytes.len() > DECIMAL_BYTES_MAX {
        return None;
    }
    let (negative, digits) = match bytes {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    match digits {
        [b'0'] if !negative => return Some(0),
        [b'1'..=b'9', ..] => {}
        _ => return None,
    }
    // Counts downwards, because `i64::MIN` has no positive twin.
    let mut number: i64 = 0;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        number = number.checked_mul(10)?.checked_sub(i64::from(digit - b'0'))?;
    }
    if negative { Some(number) } else { number.checked_neg() }
}

/// Fills the buffer from its end and returns the filled part.
#[inline]
fn write_integer(number: i64, buffer: &mut DecimalBuffer) -> &[u8] {
    let mut start = buffer.len();
    let mut rest = number.unsigned_abs();
    loop {
        start -= 1;
        buffer[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        start -= 1;
        buffer[start] = b'-';
    }
    &buffer[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_of(value: StringRef) -> Vec<u8> {
        value.as_bytes(&mut DecimalBuffer::default()).to_vec()
    }

    #[test]
    fn numbers_agree_with_the_standard_library() {
        arbtest::arbtest(|u| {
            let number: i64 = u.arbitrary()?;
            let shifted = number >> u.int_in_range(0..=63)?;
            let text = shifted.to_string();
            let value = StringRef::integer(shifted);
            assert_eq!(bytes_of(value), text.as_bytes());
            assert_eq!(value.len(), text.len());
            assert_eq!(StringRef::bytes(text.as_bytes()).as_i64(), Some(shifted));
            Ok(())
        });
    }

    #[test]
    fn only_the_canonical_form_is_a_number() {
        for text in ["0", "-1", "9223372036854775807", "-9223372036854775808"] {
            assert_eq!(StringRef::bytes(text.as_bytes()).as_i64(), text.parse().ok());
        }
        let others = [
            "",
            "-",
            "+1",
            "-0",
            "00",
            "01",
            "-01",
            " 1",
            "1 ",
            "1a",
            "0x1",
            "1.0",
            "--1",
            "9223372036854775808",
            "-9223372036854775809",
            "99999999999999999999",
            "1\0",
        ];
        for text in others {
            let value = StringRef::bytes(text.as_bytes());
            assert_eq!(value.as_i64(), None, "{text:?}");
            assert_eq!((value.is_empty(), bytes_of(value)), (text.is_empty(), text.into()));
        }
    }

    #[test]
    fn long_strings_can_be_held() {
        let bytes = SharedBytes::new(vec![b'7'; 5000]);
        let value = StringRef::long(&bytes);
        assert_eq!((value.len(), value.as_i64()), (5000, None));
        assert!(value.shared().is_some_and(|shared| shared.is_same(&bytes)));
        assert!(StringRef::integer(1).shared().is_none());
    }
}
