//! Floats: read as the C library's `strtold` reads them, printed as Redis 7.2 prints them.
//!
//! ```text
//! [+-] digits [. digits] [e [+-] digits]      1  +1  .5  1.  1E-3
//! [+-] 0x hex [. hex]    [p [+-] digits]      0x1  0X.8p3
//! [+-] inf | infinity                         any case
//! ```
//!
//! Redis reads into an 80-bit float and refuses what that cannot hold; a few hundred powers of ten
//! lie between its range and ours. Inside them the answer here is infinity, so that the caller
//! refuses with the same words as Redis ("out of range" and not "not a float"), or the smallest
//! double: a timeout of `1e-400` is short, and that of 0 is for ever.

use super::number::write_i64;
use crate::limits::FLOAT_BYTES_MAX;
use arrayvec::ArrayString;
use std::fmt::Write;

/// Sign, 17 digits, point, `e-308`.
const SHORTEST_BYTES_MAX: usize = 32;

/// Whole numbers below this are printed as integers: 2^52, beyond which not every one is a double.
const WHOLE_LIMIT: f64 = 4_503_599_627_370_496.0;

/// Bounds of an 80-bit float as (power of ten, first 18 digits): its largest value, and half its
/// smallest, below which it rounds to zero.
const DECIMAL_MAX: (i64, u64) = (4932, 118_973_149_535_723_176);
const DECIMAL_MIN: (i64, u64) = (-4951, 182_259_976_594_123_730);
const DECIMAL_DIGITS: u32 = 18;

/// What is smaller and not zero becomes this.
const SMALLEST: f64 = f64::from_bits(1);

/// The same bounds as powers of two: below 2^16384, above 2^-16446.
const BINARY_EXPONENT_MAX: i64 = 16_383;
const BINARY_EXPONENT_MIN: i64 = -16_446;

/// Reads a float. `None` for anything that is not one from end to end, for NaN, and for what
/// overflows or underflows an 80-bit float. What fits that but not a double is infinite, or the
/// smallest double.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    if text.len() > FLOAT_BYTES_MAX {
        return None;
    }
    let (negative, magnitude) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, text),
    };
    let value = match magnitude {
        [b'0', b'x' | b'X', hex @ ..] => parse_hex(hex)?,
        [b'i' | b'I', ..] => parse_infinity(magnitude)?,
        _ => parse_decimal(magnitude)?,
    };
    Some(if negative { -value } else { value })
}

fn parse_infinity(text: &[u8]) -> Option<f64> {
    let known = text.eq_ignore_ascii_case(b"inf") || text.eq_ignore_ascii_case(b"infinity");
    known.then_some(f64::INFINITY)
}

/// The three parts of `12.5e-3`, not yet read: whole, fraction, and the exponent's value.
struct Parts<'a> {
    whole: &'a [u8],
    fraction: &'a [u8],
    exponent: i64,
}

impl<'a> Parts<'a> {
    /// Splits `text` and checks every byte of it; `None` unless there is a digit before the
    /// exponent and one in it.
    fn split(text: &'a [u8], is_digit: fn(&u8) -> bool, marker: u8) -> Option<Self> {
        let (whole, rest) = split_while(text, is_digit);
        let (fraction, rest) = match rest {
            [b'.', rest @ ..] => split_while(rest, is_digit),
            _ => (&rest[..0], rest),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let exponent = match rest.split_first() {
            None => 0,
            Some((byte, rest)) if byte.eq_ignore_ascii_case(&marker) => parse_exponent(rest)?,
            Some(_) => return None,
        };
        Some(Self { whole, fraction, exponent })
    }

    fn digits(&self) -> impl Iterator<Item = &'a u8> {
        self.whole.iter().chain(self.fraction)
    }
}

fn split_while(text: &[u8], accept: fn(&u8) -> bool) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|byte| !accept(byte)).unwrap_or(text.len()))
}

/// Saturates far outside every range, where one more digit makes no difference.
fn parse_exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let append = |value: i64, digit: &u8| (value * 10 + i64::from(digit - b'0')).min(1 << 40);
    let value = digits.iter().fold(0, append);
    Some(if negative { -value } else { value })
}

fn parse_decimal(text: &[u8]) -> Option<f64> {
    let parts = Parts::split(text, u8::is_ascii_digit, b'e')?;
    if !decimal_fits(&parts) {
        return None;
    }
    // Every byte is known to be a digit, a point, a sign or an `e`.
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    let is_zero = parts.digits().all(|&digit| digit == b'0');
    Some(if is_zero { value } else { value.max(SMALLEST) })
}

/// True for zero and for what an 80-bit float can hold.
fn decimal_fits(parts: &Parts) -> bool {
    let Some(zeros) = parts.digits().position(|&digit| digit != b'0') else {
        return true;
    };
    let mut digits = parts.digits().skip(zeros);
    let mut leading: u64 = 0;
    for _ in 0..DECIMAL_DIGITS {
        let digit = digits.next().map_or(0, |digit| digit - b'0');
        leading = leading * 10 + u64::from(digit);
    }
    let power = parts.whole.len() as i64 - zeros as i64 - 1 + parts.exponent;
    (DECIMAL_MIN..=DECIMAL_MAX).contains(&(power, leading))
}

fn parse_hex(text: &[u8]) -> Option<f64> {
    let parts = Parts::split(text, u8::is_ascii_hexdigit, b'p')?;
    let mut mantissa: u64 = 0;
    let mut exponent = parts.exponent - parts.fraction.len() as i64 * 4;
    for digit in parts.digits() {
        let value = u64::from((*digit as char).to_digit(16).expect("checked to be a hex digit"));
        if mantissa < 1 << 60 {
            mantissa = mantissa << 4 | value;
        } else {
            // No room: the lowest bit remembers that something nonzero was cut off, which is all
            // that rounding needs to know.
            mantissa |= u64::from(value != 0);
            exponent += 4;
        }
    }
    if mantissa == 0 {
        return Some(0.0);
    }
    let power = exponent + i64::from(mantissa.ilog2());
    let halfway = power == BINARY_EXPONENT_MIN && mantissa.is_power_of_two();
    if !(BINARY_EXPONENT_MIN..=BINARY_EXPONENT_MAX).contains(&power) || halfway {
        return None;
    }
    Some(scale(mantissa as f64, exponent).max(SMALLEST))
}

/// `value * 2^exponent`, in steps that are each a power of two a double can hold.
fn scale(mut value: f64, mut exponent: i64) -> f64 {
    const STEP: i64 = 1000;
    const BIAS: i64 = 1023;
    while exponent != 0 {
        let step = exponent.clamp(-STEP, STEP);
        value *= f64::from_bits(((BIAS + step) as u64) << 52);
        exponent -= step;
    }
    value
}

/// Appends `value` with the fewest digits that read back as the same double, laid out as Redis
/// 7.2 does: `3`, `0.1`, `1e+25`, `1.5e-9`, `inf`, `-inf`, `nan`, `-0`.
pub fn write_f64(out: &mut Vec<u8>, value: f64) {
    if value.is_nan() {
        return out.extend_from_slice(b"nan");
    }
    if value.is_sign_negative() {
        out.push(b'-');
    }
    let magnitude = value.abs();
    if magnitude.is_infinite() {
        out.extend_from_slice(b"inf");
    } else if magnitude < WHOLE_LIMIT && magnitude.trunc() == magnitude {
        write_i64(out, magnitude as i64);
    } else {
        write_shortest(out, magnitude);
    }
}

fn write_shortest(out: &mut Vec<u8>, magnitude: f64) {
    let mut text = ArrayString::<SHORTEST_BYTES_MAX>::new();
    write!(text, "{magnitude:e}").expect("a shortest double has 17 digits and a short exponent");
    let (mantissa, exponent) = text.split_once('e').expect("LowerExp always writes an e");
    let exponent: i64 = exponent.parse().expect("LowerExp writes a decimal exponent");
    let mut digits = ArrayString::<SHORTEST_BYTES_MAX>::new();
    mantissa.chars().filter(|&digit| digit != '.').for_each(|digit| digits.push(digit));
    write_digits(out, digits.as_bytes(), exponent);
}

/// Lays out `d.ddd * 10^exponent`. The scientific form is for what would need more than six zeros
/// behind the digits, or a long fraction of a number that is not near one.
fn write_digits(out: &mut Vec<u8>, digits: &[u8], exponent: i64) {
    let count = digits.len() as i64;
    let last_power = exponent - (count - 1);
    let size = exponent.abs();
    if last_power >= 0 && size < count + 7 {
        out.extend_from_slice(digits);
        out.resize(out.len() + last_power as usize, b'0');
    } else if last_power < 0 && (last_power > -7 || size < 4) {
        write_point(out, digits, exponent + 1);
    } else {
        write_scientific(out, digits, exponent);
    }
}

/// `point` digits stand before the point; none or fewer means `0.` and that many zeros.
fn write_point(out: &mut Vec<u8>, digits: &[u8], point: i64) {
    let whole = usize::try_from(point).unwrap_or(0);
    if whole == 0 {
        out.extend_from_slice(b"0.");
        out.resize(out.len() + point.unsigned_abs() as usize, b'0');
        out.extend_from_slice(digits);
    } else {
        out.extend_from_slice(&digits[..whole]);
        out.push(b'.');
        out.extend_from_slice(&digits[whole..]);
    }
}

fn write_scientific(out: &mut Vec<u8>, digits: &[u8], exponent: i64) {
    out.push(digits[0]);
    if digits.len() > 1 {
        out.push(b'.');
        out.extend_from_slice(&digits[1..]);
    }
    out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
    write_i64(out, exponent.abs());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What redis-server 7.0.15 takes as INCRBYFLOAT's increment and as BLPOP's timeout.
    #[test]
    fn accepts_what_redis_accepts() {
        let cases: [(&str, f64); 31] = [
            ("1", 1.0),
            ("+1", 1.0),
            ("-1", -1.0),
            ("1.", 1.0),
            (".5", 0.5),
            ("-.5", -0.5),
            ("0.e5", 0.0),
            ("1e5", 1e5),
            ("1E-3", 1e-3),
            ("1e0005", 1e5),
            ("00012", 12.0),
            ("0x1", 1.0),
            ("0x1p3", 8.0),
            ("0X1P-3", 0.125),
            ("0x.8", 0.5),
            ("0x1.", 1.0),
            ("0x1.8p1", 3.0),
            ("-0x1", -1.0),
            ("+0x1p+2", 4.0),
            ("inf", f64::INFINITY),
            ("-INF", f64::NEG_INFINITY),
            ("+InFiNiTy", f64::INFINITY),
            ("1e400", f64::INFINITY),
            ("1.18973149535723176e4932", f64::INFINITY),
            ("1e-400", SMALLEST),
            ("-1e-400", -SMALLEST),
            ("1.9e-4951", SMALLEST),
            ("0e5000", 0.0),
            ("0.0e99999999999999999999", 0.0),
            ("0x0p-99999", 0.0),
            ("0x1p-16445", SMALLEST),
        ];
        for (text, value) in cases {
            assert_eq!(parse_f64(text.as_bytes()), Some(value), "{text}");
        }
        assert!(parse_f64(b"-0").is_some_and(|zero| zero == 0.0 && zero.is_sign_negative()));
        assert_eq!(parse_f64(b"0x1p5000"), Some(f64::INFINITY));
    }

    #[test]
    fn refuses_what_redis_refuses() {
        let cases = [
            "",
            ".",
            "1e",
            "1e+",
            "0x",
            "0x.",
            "0x1p",
            "0x1g",
            "0x-1",
            "0x1p17000",
            "0x1p-16446",
            "infinit",
            "infx",
            "i",
            "nan",
            "NAN",
            "nan(1)",
            "1.2e4932",
            "1e5000",
            "1e-4951",
            "1.8e-4951",
            "1e-5000",
            "1e99999999999999999999",
            "1e-99999999999999999999",
            "1\0",
            "\u{0}1",
            " 1",
            "1 ",
            "\t1",
            "--1",
            "+-1",
            "+",
            "-",
            "1_0",
            "1,5",
            "0b1",
            "1f",
            "1L",
            "1d",
            "e5",
            ".e5",
            "1e5.5",
            "\u{ff}",
        ];
        for text in cases {
            assert_eq!(parse_f64(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn a_number_may_be_long_but_not_endless() {
        let mut text = vec![b'0'; FLOAT_BYTES_MAX - 1];
        text.push(b'1');
        assert_eq!(parse_f64(&text), Some(1.0));
        text.push(b'1');
        assert_eq!(parse_f64(&text), None);
    }

    #[test]
    fn hex_digits_beyond_the_mantissa_round_once() {
        // 2^64 + 2^11 is halfway between two doubles; the cut-off bit decides.
        assert_eq!(parse_f64(b"0x10000000000000800"), Some(18_446_744_073_709_551_616.0));
        assert_eq!(parse_f64(b"0x10000000000000801"), Some(18_446_744_073_709_555_712.0));
    }

    /// The layout of Redis 7.2, worked out by hand from its rules.
    #[test]
    fn doubles_are_laid_out_like_redis() {
        let cases: [(f64, &str); 30] = [
            (0.0, "0"),
            (-0.0, "-0"),
            (3.0, "3"),
            (-3.0, "-3"),
            (0.1, "0.1"),
            (-0.5, "-0.5"),
            (3.25, "3.25"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1.0 / 3.0, "0.3333333333333333"),
            (100.5, "100.5"),
            (12345.6789, "12345.6789"),
            (314_159.265_358_979, "3.14159265358979e+5"),
            (314_159.265_3, "314159.2653"),
            (0.000_015, "0.000015"),
            (0.000_000_1, "1e-7"),
            (1.5e-9, "1.5e-9"),
            (1e15, "1000000000000000"),
            (4_503_599_627_370_495.0, "4503599627370495"),
            (4_503_599_627_370_495.5, "4503599627370495.5"),
            (1e16, "1e+16"),
            (9_007_199_254_740_993.0, "9007199254740992"),
            (1e25, "1e+25"),
            (-1e25, "-1e+25"),
            (1.234e100, "1.234e+100"),
            (1.5e-300, "1.5e-300"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ];
        for (value, text) in cases {
            let mut out = Vec::new();
            write_f64(&mut out, value);
            assert_eq!(String::from_utf8_lossy(&out), text);
        }
    }

    #[test]
    fn property_a_double_reads_back_as_itself() {
        arbtest::arbtest(|random| {
            let value = f64::from_bits(random.arbitrary()?);
            let mut out = Vec::new();
            write_f64(&mut out, value);
            assert!(out.len() <= SHORTEST_BYTES_MAX);
            match parse_f64(&out) {
                Some(read) => assert_eq!(read.to_bits(), value.to_bits()),
                None => assert!(value.is_nan()),
            }
            Ok(())
        });
    }

    #[test]
    fn property_random_text_never_panics() {
        arbtest::arbtest(|random| {
            let alphabet = b"0123456789abcdefxXpPeE+-.infNAty \0";
            let mut text = Vec::new();
            for _ in 0..random.int_in_range(0..=40)? {
                text.push(*random.choose(alphabet)?);
            }
            parse_f64(&text);
            Ok(())
        });
    }
}
