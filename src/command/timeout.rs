//! The timeouts of blocking commands: 0 is for ever, and what is positive is rounded up, so that
//! nobody is told too early.

use super::context::Now;
use super::error_reply::ErrorReply;
use crate::text::number;

const NOT_A_FLOAT: ErrorReply = ErrorReply::fixed("ERR timeout is not a float or out of range");
const NOT_AN_INTEGER: ErrorReply =
    ErrorReply::fixed("ERR timeout is not an integer or out of range");
const NEGATIVE: ErrorReply = ErrorReply::fixed("ERR timeout is negative");
const OUT_OF_RANGE: ErrorReply = ErrorReply::fixed("ERR timeout is out of range");

/// A timeout in seconds, with fractions (BLPOP), as milliseconds; `None`: for ever.
pub fn seconds(argument: &[u8], now: Now) -> Result<Option<u64>, ErrorReply> {
    let seconds = number::parse_f64(argument).ok_or(NOT_A_FLOAT)?;
    let milliseconds = seconds * 1000.0;
    // 2^63 as a float: the first that no signed 64-bit number holds.
    if milliseconds >= 9_223_372_036_854_775_808.0 {
        return Err(OUT_OF_RANGE);
    }
    if milliseconds < 0.0 {
        return Err(NEGATIVE);
    }
    in_range(milliseconds.ceil() as i64, now)
}

/// A timeout in whole milliseconds (XREAD BLOCK); `None`: for ever.
pub fn milliseconds(argument: &[u8], now: Now) -> Result<Option<u64>, ErrorReply> {
    in_range(number::parse_i64(argument).ok_or(NOT_AN_INTEGER)?, now)
}

/// The end must be a moment that a signed 64-bit number of milliseconds since 1970 can name.
fn in_range(milliseconds: i64, now: Now) -> Result<Option<u64>, ErrorReply> {
    let milliseconds_unsigned = u64::try_from(milliseconds).map_err(|_| NEGATIVE)?;
    if now.wall_ms().checked_add(milliseconds).is_none() {
        return Err(OUT_OF_RANGE);
    }
    Ok((milliseconds > 0).then_some(milliseconds_unsigned))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_2023() -> Now {
        Now { wall_us: 1_700_000_000_000_000, monotonic_ms: 5 }
    }

    #[test]
    fn d44_fractions_round_up_and_zero_is_for_ever() {
        assert_eq!(seconds(b"0.0001", at_2023()), Ok(Some(1)));
        assert_eq!(seconds(b"0.01", at_2023()), Ok(Some(10)));
        assert_eq!(seconds(b"0", at_2023()), Ok(None));
        assert_eq!(seconds(b"-0", at_2023()), Ok(None));
    }

    #[test]
    fn what_is_no_timeout_is_refused() {
        assert_eq!(seconds(b"abc", at_2023()), Err(NOT_A_FLOAT));
        assert_eq!(seconds(b"nan", at_2023()), Err(NOT_A_FLOAT));
        assert_eq!(seconds(b"-0.0001", at_2023()), Err(NEGATIVE));
        assert_eq!(seconds(b"inf", at_2023()), Err(OUT_OF_RANGE));
        assert_eq!(seconds(b"9223372036854774", at_2023()), Err(OUT_OF_RANGE));
        assert_eq!(milliseconds(b"1.5", at_2023()), Err(NOT_AN_INTEGER));
        assert_eq!(milliseconds(b"-1", at_2023()), Err(NEGATIVE));
        assert_eq!(milliseconds(b"9223372036854775807", at_2023()), Err(OUT_OF_RANGE));
    }
}
