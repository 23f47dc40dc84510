//! Strict integers, and sizes with a unit.
//!
//! One routine reads every integer a client sends: an optional `-`, digits, nothing else. `+1`,
//! `01`, `-0`, ` 1` and the empty string are refused, so that each number has exactly one spelling
//! (a string value that looks like an integer can be stored as one and printed back unchanged).

pub use super::float::{parse_f64, write_f64};

/// `"00" "01" ... "99"`: two digits per division when printing.
static DIGIT_PAIRS: [u8; 200] = digit_pairs();

const fn digit_pairs() -> [u8; 200] {
    let mut table = [b'0'; 200];
    let mut pair = 0;
    while pair < 100 {
        table[pair * 2] += pair as u8 / 10;
        table[pair * 2 + 1] += pair as u8 % 10;
        pair += 1;
    }
    table
}

/// Longest decimal u64, in bytes.
pub const U64_DIGITS_MAX: usize = 20;

/// Reads an unsigned integer in its only spelling; `None` for anything else or beyond u64.
#[inline]
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > U64_DIGITS_MAX || (text[0] == b'0' && text.len() > 1) {
        return None;
    }
    let mut value: u64 = 0;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(value)
}

/// Reads a signed integer in its only spelling; `None` for anything else or beyond i64.
#[inline]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    let Some((b'-', digits)) = text.split_first() else {
        return i64::try_from(parse_u64(text)?).ok();
    };
    let magnitude = parse_u64(digits)?;
    // Zero has no sign, and the lowest i64 has no positive twin.
    if magnitude == 0 { None } else { 0_i64.checked_sub_unsigned(magnitude) }
}

/// Appends `value` in decimal.
#[inline]
pub fn write_u64(out: &mut Vec<u8>, value: u64) {
    if value < 10 {
        out.push(b'0' + value as u8);
        return;
    }
    let mut digits = [0; U64_DIGITS_MAX];
    let start = fill_digits(&mut digits, value);
    out.extend_from_slice(&digits[start..]);
}

/// Appends `value` in decimal.
#[inline]
pub fn write_i64(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    write_u64(out, value.unsigned_abs());
}

/// How many bytes [`write_i64`] would append.
#[inline]
pub fn i64_width(value: i64) -> usize {
    let digits = value.unsigned_abs().checked_ilog10().unwrap_or(0) as usize + 1;
    digits + usize::from(value < 0)
}

/// The two digits of a number below 100.
#[inline]
pub fn digit_pair(value: u64) -> [u8; 2] {
    let pair = value as usize * 2;
    [DIGIT_PAIRS[pair], DIGIT_PAIRS[pair + 1]]
}

/// The digits of a number from 1 to 99,999,999: the first so many of eight bytes. They are divided
/// side by side in one word, and what comes of it is smaller than what it came from, so that
/// nothing runs into its neighbour:
///
/// ```text
///   halves  [ 1234        |        5678 ]      lowest bits to the left: text begins there
///   pairs   [ 12   | 34   | 56   | 78   ]
///   digits  [ 1| 2 | 3| 4 | 5| 6 | 7| 8 ]
/// ```
#[inline]
pub fn up_to_eight_digits(value: u32) -> ([u8; 8], usize) {
    debug_assert!((1..100_000_000).contains(&value));
    let halves = u64::from(value / 10_000) | u64::from(value % 10_000) << 32;
    let hundreds = ((halves * 10_486) >> 20) & 0x7f_0000_007f; // by 100: right below 10,000
    let pairs = hundreds | halves.wrapping_sub(100 * hundreds) << 16;
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f; // by 10: right below 100
    let digits = tens | pairs.wrapping_sub(10 * tens) << 8;
    let zeros = digits.trailing_zeros() & !7; // bits of the digits 0 in front
    let text = digits | u64::from_le_bytes([b'0'; 8]);
    ((text >> zeros).to_le_bytes(), 8 - zeros as usize / 8)
}

/// Writes `value`, which is not 0, so that its digits end where `text` does, two of them per
/// division; returns where they begin. There must be room for [`U64_DIGITS_MAX`].
#[inline]
pub fn fill_digits(text: &mut [u8], mut value: u64) -> usize {
    let mut start = text.len();
    while value >= 10 {
        start -= 2;
        text[start..start + 2].copy_from_slice(&digit_pair(value % 100));
        value /= 100;
    }
    // What is left is one digit, or nothing: a pair took the last two.
    if value > 0 {
        start -= 1;
        text[start] = b'0' + value as u8;
    }
    start
}

/// Reads a size such as `100`, `1k` (1000), `1kb` (1024), `64mb`, `1G`: digits, then a unit in any
/// case. `None` for no digits, an unknown unit or more than u64 bytes.
pub fn parse_memory_bytes(text: &[u8]) -> Option<u64> {
    let unit_start = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(unit_start);
    let factor: u64 = match unit.to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1_000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    // Leading zeros are fine in a size: it is never printed back as it was written.
    let significant = digits.iter().position(|&byte| byte != b'0').unwrap_or(digits.len());
    if digits.is_empty() {
        return None;
    }
    let count = if significant == digits.len() { 0 } else { parse_u64(&digits[significant..])? };
    count.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integer_has_one_spelling() {
        for text in ["", "-", "+1", "01", "-0", "-01", " 1", "1 ", "1a", "0x1", "1.0", "--1", "١"]
        {
            assert_eq!(parse_i64(text.as_bytes()), None, "{text:?}");
            assert_eq!(parse_u64(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(parse_i64(b"0"), Some(0));
        assert_eq!(parse_i64(b"-1"), Some(-1));
        assert_eq!(parse_u64(b"-1"), None);
        assert_eq!(parse_i64(b"1\0"), None);
    }

    #[test]
    fn integers_end_at_their_range() {
        assert_eq!(parse_i64(b"9223372036854775807"), Some(i64::MAX));
        assert_eq!(parse_i64(b"9223372036854775808"), None);
        assert_eq!(parse_i64(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(parse_i64(b"-9223372036854775809"), None);
        assert_eq!(parse_u64(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse_u64(b"18446744073709551616"), None);
        assert_eq!(parse_u64(b"99999999999999999999"), None);
        assert_eq!(parse_u64(b"100000000000000000000"), None);
    }

    #[test]
    fn up_to_eight_digits_are_those_of_any_number() {
        let around = |power: u32| [10_u32.pow(power), 10_u32.pow(power + 1) - 1];
        let others = (1..30_000).chain((1..100_000_000).step_by(9_973));
        for value in (0..8).flat_map(around).chain(others) {
            let (digits, count) = up_to_eight_digits(value);
            assert_eq!(&digits[..count], value.to_string().as_bytes());
        }
    }

    #[test]
    fn property_what_is_written_is_read_back() {
        arbtest::arbtest(|random| {
            // Shifting gives every width its share; otherwise nearly all have 19 digits.
            let value = random.arbitrary::<i64>()? >> random.int_in_range(0..=63)?;
            let mut out = Vec::new();
            write_i64(&mut out, value);
            assert_eq!(out, value.to_string().into_bytes());
            assert_eq!(out.len(), i64_width(value));
            assert_eq!(parse_i64(&out), Some(value));
            Ok(())
        });
    }

    #[test]
    fn property_parse_agrees_with_the_standard_library() {
        arbtest::arbtest(|random| {
            let alphabet = b"0123456789-+ 0";
            let length = random.int_in_range(0..=22)?;
            let mut text = Vec::new();
            for _ in 0..length {
                text.push(*random.choose(alphabet)?);
            }
            let naive = std::str::from_utf8(&text).ok().and_then(|text| text.parse::<i64>().ok());
            let strict = naive.filter(|value| value.to_string().as_bytes() == text);
            assert_eq!(parse_i64(&text), strict, "{text:?}");
            Ok(())
        });
    }

    #[test]
    fn extremes_are_written() {
        for value in [u64::MAX, 0, 9, 10, 99, 100, 101, 999, 1000, 10_000_000_000] {
            let mut out = Vec::new();
            write_u64(&mut out, value);
            assert_eq!(out, value.to_string().into_bytes());
        }
        let mut out = Vec::new();
        write_i64(&mut out, i64::MIN);
        assert_eq!(out, b"-9223372036854775808");
        assert_eq!(i64_width(i64::MIN), 20);
    }

    #[test]
    fn sizes_have_decimal_and_binary_units() {
        let cases: [(&str, Option<u64>); 16] = [
            ("100", Some(100)),
            ("0", Some(0)),
            ("007", Some(7)),
            ("1b", Some(1)),
            ("1k", Some(1_000)),
            ("1KB", Some(1_024)),
            ("2m", Some(2_000_000)),
            ("2Mb", Some(2 << 20)),
            ("1g", Some(1_000_000_000)),
            ("1gB", Some(1 << 30)),
            ("", None),
            ("kb", None),
            ("-1", None),
            ("1 k", None),
            ("1tb", None),
            ("18446744073709551615gb", None),
        ];
        for (text, bytes) in cases {
            assert_eq!(parse_memory_bytes(text.as_bytes()), bytes, "{text:?}");
        }
    }
}
