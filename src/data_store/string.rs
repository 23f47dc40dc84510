//! String values: bytes, or an integer where the bytes are the decimal form of one.
//!
//! A counter stored as an integer needs no parsing to grow and no allocation to exist. Nobody
//! outside can tell which of the two it is: [`StringValue::as_bytes`] writes the digits into the
//! caller's scratch space when it must.

/// Scratch space for [`StringValue::as_bytes`]: the digits of any `i64`, sign included.
pub type DecimalBuffer = [u8; DECIMAL_BYTES_MAX];

/// Length of `-9223372036854775808`.
const DECIMAL_BYTES_MAX: usize = 20;

/// The value of a string key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StringValue(Inside);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Inside {
    Integer(i64),
    /// May look like an integer all the same, after an append.
    Bytes(Vec<u8>),
}

impl StringValue {
    /// A copy of these bytes.
    pub fn from_bytes(bytes: &[u8]) -> StringValue {
        match parse_integer(bytes) {
            Some(number) => StringValue(Inside::Integer(number)),
            None => StringValue(Inside::Bytes(bytes.to_vec())),
        }
    }

    /// These bytes, taken over without a copy: for a large value received into its final place.
    pub fn from_vec(bytes: Vec<u8>) -> StringValue {
        match parse_integer(&bytes) {
            Some(number) => StringValue(Inside::Integer(number)),
            None => StringValue(Inside::Bytes(bytes)),
        }
    }

    /// The decimal form of this number.
    pub fn from_i64(number: i64) -> StringValue {
        StringValue(Inside::Integer(number))
    }

    /// The bytes of the value; `scratch` is written only if they are not stored as such.
    pub fn as_bytes<'a>(&'a self, scratch: &'a mut DecimalBuffer) -> &'a [u8] {
        match &self.0 {
            Inside::Integer(number) => write_integer(*number, scratch),
            Inside::Bytes(bytes) => bytes,
        }
    }

    /// The value as a number, if its bytes are exactly the decimal form of an `i64`: no blanks, no
    /// `+`, no leading zeros, no `-0`.
    pub fn as_i64(&self) -> Option<i64> {
        match &self.0 {
            Inside::Integer(number) => Some(*number),
            Inside::Bytes(bytes) => parse_integer(bytes),
        }
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        match &self.0 {
            Inside::Integer(_) => self.as_bytes(&mut [0; DECIMAL_BYTES_MAX]).len(),
            Inside::Bytes(bytes) => bytes.len(),
        }
    }

    /// Whether the value is the empty string.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds these bytes at the end and returns the new length. The caller holds the limit on the
    /// length of strings.
    pub fn append(&mut self, tail: &[u8]) -> usize {
        let bytes = self.make_bytes();
        bytes.extend_from_slice(tail);
        bytes.len()
    }

    fn make_bytes(&mut self) -> &mut Vec<u8> {
        if let Inside::Integer(number) = self.0 {
            let mut scratch = [0; DECIMAL_BYTES_MAX];
            self.0 = Inside::Bytes(write_integer(number, &mut scratch).to_vec());
        }
        match &mut self.0 {
            Inside::Bytes(bytes) => bytes,
            Inside::Integer(_) => unreachable!("integers were turned into bytes above"),
        }
    }
}

/// The number whose decimal form these bytes are, and no other way of writing it.
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

    fn bytes_of(value: &StringValue) -> Vec<u8> {
        value.as_bytes(&mut [0; DECIMAL_BYTES_MAX]).to_vec()
    }

    #[test]
    fn any_bytes_come_back_unchanged() {
        arbtest::arbtest(|u| {
            let bytes: Vec<u8> = u.arbitrary()?;
            let value = StringValue::from_bytes(&bytes);
            assert_eq!(bytes_of(&value), bytes);
            assert_eq!(value.len(), bytes.len());
            assert_eq!(value.is_empty(), bytes.is_empty());
            assert_eq!(StringValue::from_vec(bytes), value);
            Ok(())
        });
    }

    #[test]
    fn numbers_agree_with_the_standard_library() {
        arbtest::arbtest(|u| {
            let number: i64 = u.arbitrary()?;
            let shifted = number >> u.int_in_range(0..=63)?;
            let text = shifted.to_string();
            let value = StringValue::from_bytes(text.as_bytes());
            assert_eq!(value, StringValue::from_i64(shifted));
            assert_eq!(bytes_of(&value), text.as_bytes());
            assert_eq!(value.len(), text.len());
            Ok(())
        });
    }

    #[test]
    fn only_the_canonical_form_is_a_number() {
        for text in ["0", "-1", "9223372036854775807", "-9223372036854775808"] {
            assert_eq!(StringValue::from_bytes(text.as_bytes()).as_i64(), text.parse().ok());
        }
        for text in [
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
        ] {
            let value = StringValue::from_bytes(text.as_bytes());
            assert_eq!(value.as_i64(), None, "{text:?}");
            assert_eq!(bytes_of(&value), text.as_bytes());
        }
    }

    #[test]
    fn digits_appended_to_digits_are_a_number_again() {
        let mut value = StringValue::from_i64(-12);
        assert_eq!(value.append(b"3"), 4);
        assert_eq!(value.as_i64(), Some(-123));
        assert_eq!(value.append(b"x"), 5);
        assert_eq!(value.as_i64(), None);
        assert_eq!(bytes_of(&value), b"-123x");
        assert_eq!(StringValue::from_bytes(b"").append(b""), 0);
    }
}
