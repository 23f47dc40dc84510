//! Options that say when a key expires: EX, PX, EXAT, PXAT, KEEPTTL and PERSIST of SET and GETEX,
//! and the conditions NX, XX, GT and LT of EXPIRE and its kin.
//!
//! ```text
//!   SET key value  [NX | XX] [GET] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL]
//!   GETEX key                      [EX s | PX ms | EXAT s | PXAT ms | PERSIST]
//!   EXPIRE key s   [NX | XX | GT | LT]
//! ```
//!
//! Options come in any order, and one may be repeated; the last one counts. Pure: a request and
//! the time go in, a choice or an error comes out.

use super::Request;
use super::args::Arguments;
use super::error_reply::{self, ErrorReply};
use crate::data_store::UnixMs;

const NX_WITH_OTHERS: ErrorReply =
    ErrorReply::fixed("ERR NX and XX, GT or LT options at the same time are not compatible");
const GT_WITH_LT: ErrorReply =
    ErrorReply::fixed("ERR GT and LT options at the same time are not compatible");

/// How a number says when a key expires.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scale {
    /// Seconds from now.
    Seconds,
    /// Milliseconds from now.
    Milliseconds,
    /// Seconds since 1970.
    UnixSeconds,
    /// Milliseconds since 1970.
    UnixMilliseconds,
}

impl Scale {
    /// The moment that `amount` names; `None` if it is further away than can be counted.
    #[must_use]
    pub fn deadline(self, amount: i64, now_ms: UnixMs) -> Option<UnixMs> {
        let amount_ms = match self {
            Self::Seconds | Self::UnixSeconds => amount.checked_mul(1000)?,
            Self::Milliseconds | Self::UnixMilliseconds => amount,
        };
        match self {
            Self::Seconds | Self::Milliseconds => amount_ms.checked_add(now_ms),
            Self::UnixSeconds | Self::UnixMilliseconds => Some(amount_ms),
        }
    }

    /// As [`Scale::deadline`], but neither the amount nor the moment may be 0 or less: a value
    /// stored that way would never have been there. `None` if so.
    #[must_use]
    pub fn positive_deadline(self, amount: i64, now_ms: UnixMs) -> Option<UnixMs> {
        if amount <= 0 {
            return None;
        }
        self.deadline(amount, now_ms).filter(|&deadline| deadline > 0)
    }

    fn named(request: Request<'_>, index: usize) -> Option<Self> {
        [
            ("EX", Self::Seconds),
            ("PX", Self::Milliseconds),
            ("EXAT", Self::UnixSeconds),
            ("PXAT", Self::UnixMilliseconds),
        ]
        .into_iter()
        .find_map(|(word, scale)| request.is(index, word).then_some(scale))
    }
}

/// What becomes of the time to live.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Lifetime {
    /// Nothing was said.
    #[default]
    Unsaid,
    /// KEEPTTL.
    Keep,
    /// PERSIST.
    Persist,
    /// EX, PX, EXAT or PXAT: argument `index` is the number, not read yet.
    Until {
        /// What the number counts.
        scale: Scale,
        /// Where it stands.
        index: usize,
    },
}

impl Lifetime {
    /// The moment it names, if it names one.
    ///
    /// # Errors
    /// When the argument is no integer, or no time that a value could live until; `name` is the
    /// command's, for the text.
    pub fn deadline(
        self,
        request: Request<'_>,
        now_ms: UnixMs,
        name: &str,
    ) -> Result<Option<UnixMs>, ErrorReply> {
        let Self::Until { scale, index } = self else { return Ok(None) };
        match scale.positive_deadline(request.integer(index)?, now_ms) {
            Some(deadline) => Ok(Some(deadline)),
            None => Err(error_reply::invalid_expire_time(name)),
        }
    }

    /// Chooses `other`, unless something different has been chosen before.
    fn choose(&mut self, other: Self) -> Result<(), ErrorReply> {
        let is_free = match (*self, other) {
            (Self::Unsaid, _) => true,
            (Self::Until { scale: first, .. }, Self::Until { scale: second, .. }) => {
                first == second
            }
            (first, second) => first == second,
        };
        if !is_free {
            return Err(error_reply::SYNTAX);
        }
        *self = other;
        Ok(())
    }
}

/// When SET stores.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Presence {
    /// NX: if the key is free.
    Absent,
    /// XX: if the key is taken.
    Present,
}

/// The options of SET.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SetOptions {
    /// NX or XX.
    pub presence: Option<Presence>,
    /// GET: the reply is the value that was there.
    pub wants_old: bool,
    /// What becomes of the time to live.
    pub lifetime: Lifetime,
}

impl SetOptions {
    /// Reads the options behind `SET key value`.
    ///
    /// # Errors
    /// `ERR syntax error` for unknown words, words that exclude each other, and a missing number.
    pub fn parse(request: Request<'_>) -> Result<Self, ErrorReply> {
        let mut options = Self::default();
        let mut index = 3;
        while index < request.len() {
            index = options.take(request, index)?;
        }
        Ok(options)
    }

    /// Takes the option at `index`; returns where the next one stands.
    fn take(&mut self, request: Request<'_>, index: usize) -> Result<usize, ErrorReply> {
        if request.is(index, "NX") {
            self.require(Presence::Absent)?;
        } else if request.is(index, "XX") {
            self.require(Presence::Present)?;
        } else if request.is(index, "GET") {
            self.wants_old = true;
        } else if request.is(index, "KEEPTTL") {
            self.lifetime.choose(Lifetime::Keep)?;
        } else {
            return take_time(&mut self.lifetime, request, index);
        }
        Ok(index + 1)
    }

    fn require(&mut self, presence: Presence) -> Result<(), ErrorReply> {
        if self.presence.is_some_and(|other| other != presence) {
            return Err(error_reply::SYNTAX);
        }
        self.presence = Some(presence);
        Ok(())
    }
}

/// Reads the options behind `GETEX key`.
///
/// # Errors
/// As [`SetOptions::parse`].
pub fn parse_getex(request: Request<'_>) -> Result<Lifetime, ErrorReply> {
    let mut lifetime = Lifetime::default();
    let mut index = 2;
    while index < request.len() {
        if request.is(index, "PERSIST") {
            lifetime.choose(Lifetime::Persist)?;
            index += 1;
        } else {
            index = take_time(&mut lifetime, request, index)?;
        }
    }
    Ok(lifetime)
}

/// Takes EX, PX, EXAT or PXAT at `index` and the number behind it.
fn take_time(
    lifetime: &mut Lifetime,
    request: Request<'_>,
    index: usize,
) -> Result<usize, ErrorReply> {
    let scale = Scale::named(request, index).ok_or(error_reply::SYNTAX)?;
    let value = request.value_after(index)?;
    lifetime.choose(Lifetime::Until { scale, index: value })?;
    Ok(value + 1)
}

/// Which deadlines EXPIRE and its kin may replace: the options of one request together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Replaceable {
    /// NX: only a key without a deadline.
    none: bool,
    /// XX: only a key with one.
    some: bool,
    /// GT: only an earlier one; a key without one lives for ever, and that is not earlier.
    earlier: bool,
    /// LT: only a later one, or none.
    later: bool,
}

impl Replaceable {
    /// Reads the options behind `EXPIRE key time`.
    ///
    /// # Errors
    /// For an unknown word, which it quotes, and for options that exclude each other.
    pub fn parse(request: Request<'_>) -> Result<Self, ErrorReply> {
        let mut options = Self::default();
        for index in 3..request.len() {
            let option = match request.at(index).to_ascii_uppercase().as_slice() {
                b"NX" => &mut options.none,
                b"XX" => &mut options.some,
                b"GT" => &mut options.earlier,
                b"LT" => &mut options.later,
                _ => return Err(unsupported(request.at(index))),
            };
            *option = true;
        }
        if options.none && (options.some || options.earlier || options.later) {
            return Err(NX_WITH_OTHERS);
        }
        if options.earlier && options.later {
            return Err(GT_WITH_LT);
        }
        Ok(options)
    }

    /// May `deadline` take the place of `current`?
    #[must_use]
    pub fn allows(self, current: Option<UnixMs>, deadline: UnixMs) -> bool {
        match current {
            None => !self.some && !self.earlier,
            Some(current) => {
                !self.none
                    && (!self.earlier || deadline > current)
                    && (!self.later || deadline < current)
            }
        }
    }
}

fn unsupported(word: &[u8]) -> ErrorReply {
    ErrorReply::quoting(&[b"ERR Unsupported option ", word])
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::resp::request::Span;

    /// A request made of words, for tests of option parsers.
    pub struct Words {
        line: Vec<u8>,
        spans: Vec<Span>,
    }

    impl Words {
        pub fn new(line: &str) -> Self {
            let mut start = 0;
            let spans = line.split(' ').map(|word| {
                let span = Span { start, len: word.len() as u32 };
                start += span.len + 1;
                span
            });
            Self { spans: spans.collect(), line: line.into() }
        }

        pub fn request(&self) -> Request<'_> {
            Request::new(&self.line, &self.spans, &[])
        }
    }

    fn set(options: &str) -> Result<SetOptions, ErrorReply> {
        SetOptions::parse(Words::new(&format!("SET k v {options}")).request())
    }

    fn until(scale: Scale, index: usize) -> Lifetime {
        Lifetime::Until { scale, index }
    }

    #[test]
    fn set_takes_options_in_any_order_and_case() {
        let options = set("get Px 10 nx").unwrap();
        assert_eq!(options.presence, Some(Presence::Absent));
        assert!(options.wants_old);
        assert_eq!(options.lifetime, until(Scale::Milliseconds, 5));
        assert_eq!(set("XX KEEPTTL").unwrap().lifetime, Lifetime::Keep);
    }

    #[test]
    fn set_lets_the_last_of_a_repeated_option_count() {
        assert_eq!(set("EX 10 EX 20").unwrap().lifetime, until(Scale::Seconds, 6));
        assert!(set("NX NX GET GET").is_ok());
        assert!(set("KEEPTTL KEEPTTL").is_ok());
    }

    #[test]
    fn set_refuses_what_excludes_each_other() {
        for options in [
            "NX XX",
            "XX NX",
            "EX 10 PX 10",
            "PXAT 10 EXAT 10",
            "KEEPTTL EX 10",
            "EX 10 KEEPTTL",
            "EX",
            "NX PX",
            "FOO",
            "PERSIST",
            "10",
        ] {
            assert_eq!(set(options), Err(error_reply::SYNTAX), "{options}");
        }
    }

    #[test]
    fn getex_knows_persist_and_no_conditions() {
        let parse =
            |options: &str| parse_getex(Words::new(&format!("GETEX k {options}")).request());
        assert_eq!(parse("persist"), Ok(Lifetime::Persist));
        assert_eq!(parse("EXAT 10"), Ok(until(Scale::UnixSeconds, 3)));
        for options in ["KEEPTTL", "NX", "GET", "PERSIST EX 10", "EX 10 PERSIST", "PX"] {
            assert_eq!(parse(options), Err(error_reply::SYNTAX), "{options}");
        }
    }

    #[test]
    fn deadlines_never_overflow() {
        let (now_ms, max) = (1_700_000_000_000, i64::MAX);
        assert_eq!(Scale::Seconds.deadline(10, now_ms), Some(now_ms + 10_000));
        assert_eq!(Scale::Milliseconds.deadline(-10, now_ms), Some(now_ms - 10));
        assert_eq!(Scale::UnixSeconds.deadline(10, now_ms), Some(10_000));
        assert_eq!(Scale::UnixMilliseconds.deadline(max, now_ms), Some(max));
        assert_eq!(Scale::Milliseconds.deadline(i64::MIN, now_ms), Some(i64::MIN + now_ms));
        for (scale, amount) in [
            (Scale::Seconds, i64::MIN),
            (Scale::Seconds, max / 1000),
            (Scale::Seconds, max / 1000 + 1),
            (Scale::UnixSeconds, max / 1000 + 1),
            (Scale::Milliseconds, max),
        ] {
            assert_eq!(scale.deadline(amount, now_ms), None, "{scale:?} {amount}");
        }
    }

    #[test]
    fn a_value_is_not_stored_with_a_time_of_zero_or_less() {
        for amount in [0, -1, i64::MIN] {
            assert_eq!(Scale::UnixMilliseconds.positive_deadline(amount, 5), None);
            assert_eq!(Scale::Seconds.positive_deadline(amount, 5), None);
        }
        assert_eq!(Scale::UnixMilliseconds.positive_deadline(1, 5), Some(1));
    }

    fn expire(options: &str) -> Result<Replaceable, ErrorReply> {
        Replaceable::parse(Words::new(&format!("EXPIRE k 10 {options}")).request())
    }

    #[test]
    fn expire_conditions_compare_with_the_deadline_there_is() {
        // Columns: no deadline, an earlier one, the same, a later one.
        for (options, allowed) in [
            ("nx", [true, false, false, false]),
            ("XX", [false, true, true, true]),
            ("GT", [false, true, false, false]),
            ("lt", [true, false, false, true]),
            ("XX LT", [false, false, false, true]),
            ("XX GT", [false, true, false, false]),
        ] {
            let replaceable = expire(options).unwrap();
            let currents = [None, Some(9), Some(10), Some(11)];
            assert_eq!(
                currents.map(|current| replaceable.allows(current, 10)),
                allowed,
                "{options}"
            );
        }
    }

    #[test]
    fn expire_names_what_does_not_fit() {
        for options in ["NX XX", "XX NX", "NX GT", "LT NX", "GT LT NX"] {
            assert_eq!(expire(options), Err(NX_WITH_OTHERS), "{options}");
        }
        assert_eq!(expire("GT LT"), Err(GT_WITH_LT));
        assert_eq!(expire("NX Foo"), Err(ErrorReply::fixed("ERR Unsupported option Foo")));
    }
}
