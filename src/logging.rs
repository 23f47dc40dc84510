//! The log line, in Redis's format: `pid:role dd Mon yyyy hh:mm:ss.mmm level message`.
//!
//! Pure: it makes bytes. Writing them, without ever stopping the loop, is `Sys::log`'s matter.

use std::io::Write;

/// How much a line matters; each has Redis's sign.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// `.` every detail
    Debug,
    /// `-` much of what happens
    Verbose,
    /// `*` what an operator wants to know
    Notice,
    /// `#` what an operator must know
    Warning,
    /// Nothing at all (a setting, not a line's level).
    Nothing,
}

impl Level {
    /// The level that `loglevel` names.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "debug" => Self::Debug,
            "verbose" => Self::Verbose,
            "notice" => Self::Notice,
            "warning" => Self::Warning,
            "nothing" => Self::Nothing,
            _ => return None,
        })
    }

    const fn sign(self) -> char {
        match self {
            Self::Debug => '.',
            Self::Verbose => '-',
            Self::Notice => '*',
            Self::Warning | Self::Nothing => '#',
        }
    }
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A whole line with its end. `local_ms` is wall clock milliseconds with the offset of local time
/// already added. Control bytes of `message` are replaced, so that no client writes lines of its
/// own.
#[must_use]
pub fn line(process_id: u32, local_ms: i64, level: Level, message: &str) -> Vec<u8> {
    let mut line = Vec::with_capacity(message.len() + 48);
    let (year, month, day) = civil_date(local_ms.div_euclid(86_400_000));
    let in_day_ms = local_ms.rem_euclid(86_400_000);
    let (hour, minute) = (in_day_ms / 3_600_000, in_day_ms / 60_000 % 60);
    let (second, millisecond) = (in_day_ms / 1000 % 60, in_day_ms % 1000);
    let month = MONTHS[month - 1];
    write!(
        line,
        "{process_id}:M {day:02} {month} {year} \
         {hour:02}:{minute:02}:{second:02}.{millisecond:03} {} ",
        level.sign()
    )
    .expect("writing to a Vec cannot fail");
    line.extend(message.bytes().map(|byte| if byte < b' ' { b' ' } else { byte }));
    line.push(b'\n');
    line
}

/// Year, month (1 to 12) and day of a day counted from 1 January 1970.
///
/// The calendar repeats every 400 years (146,097 days); a year is taken to begin in March, so that
/// the leap day comes last and month lengths follow one formula.
fn civil_date(days: i64) -> (i64, usize, i64) {
    const DAYS_TO_MARCH_OF_YEAR_0: i64 = 719_468;
    let shifted = days + DAYS_TO_MARCH_OF_YEAR_0;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, usize::try_from(month).expect("1 to 12"), day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_as_redis_writes_it() {
        let line = line(4711, 1_700_000_000_123, Level::Notice, "Ready");
        assert_eq!(line, b"4711:M 14 Nov 2023 22:13:20.123 * Ready\n");
    }

    #[test]
    fn leap_days_and_borders_of_years() {
        assert_eq!(civil_date(0), (1970, 1, 1));
        assert_eq!(civil_date(-1), (1969, 12, 31));
        assert_eq!(civil_date(19_782), (2024, 2, 29));
        assert_eq!(civil_date(19_783), (2024, 3, 1));
        assert_eq!(civil_date(47_541), (2100, 3, 1), "2100 has no leap day");
    }

    #[test]
    fn d13_control_bytes_do_not_reach_the_log() {
        let line = line(1, 0, Level::Warning, "a\nb\x1b[2J");
        assert_eq!(line, b"1:M 01 Jan 1970 00:00:00.000 # a b [2J\n");
    }
}
