//! Where the keys of a command stand among its arguments.
//!
//! A spec has two halves: where to begin, and how to go on. All it knows is positions, so it can
//! name the keys of a request without knowing what the command does with them:
//!
//! ```text
//!   MSET k v k v            begin at 1, to the end, every second
//!   XREAD COUNT 9 STREAMS a b 1 2
//!                           begin behind STREAMS, the first half of the rest
//!   EVAL script 2 a b c     begin at 2: there is the number of keys that follow
//! ```

use super::flags::{KeyFlags, key_bits};
use crate::resp::request::Request;
use crate::text::number;
use arrayvec::ArrayVec;

/// Key specs per command at most.
pub const KEY_SPECS_MAX: usize = 4;

/// Where the keys begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Begin {
    /// At this argument; 0 is the command's name.
    Index(usize),
    /// Behind this word, looked for from argument `from` on.
    Keyword {
        /// The word, upper case.
        word: &'static str,
        /// The first argument that may be the word.
        from: usize,
    },
}

/// How the keys go on from there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Find {
    /// From the beginning to a last one.
    Range {
        /// The last key: counted from the beginning if not negative, else from the end (-1: the
        /// last argument).
        last: isize,
        /// Distance between keys.
        step: usize,
        /// If above 1, only this fraction of the arguments holds keys (2: the first half).
        limit: usize,
    },
    /// The number of keys is an argument itself.
    Counted {
        /// That argument, counted from the beginning.
        count_at: usize,
        /// The first key, counted from the beginning.
        first: usize,
        /// Distance between keys.
        step: usize,
    },
}

/// Keys that begin with the first argument and follow each other at a fixed distance: those of
/// nearly every request, told without looking at its words. Other keys take [`Keys::find`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LeadingKeys {
    /// The position behind the last key: counted from the beginning if positive, else from the end.
    end: isize,
    /// Distance between keys.
    step: usize,
}

impl LeadingKeys {
    /// No key can be told.
    pub const NONE: Self = Self { end: 1, step: 1 };

    /// What a command's specs say of its leading keys, as far as each begins where the one before
    /// it ends.
    #[must_use]
    pub const fn of(specs: &[KeySpec]) -> Self {
        let mut keys = Self::NONE;
        let mut index = 0;
        while index < specs.len() {
            let KeySpec { begin: Begin::Index(first), find, flags, .. } = specs[index] else {
                break;
            };
            let Find::Range { last, step, limit: 0 } = find else { break };
            if first as isize != keys.end || flags.contains(KeyFlags::NOT_KEY) {
                break;
            }
            keys = Self { end: if last < 0 { last + 1 } else { keys.end + last + 1 }, step };
            index += 1;
        }
        keys
    }

    /// How many keys there are in a request of so many words.
    #[inline]
    #[must_use]
    pub const fn count(self, words: usize) -> usize {
        let behind = match self.end {
            end if end <= 0 => words.saturating_sub(end.unsigned_abs()),
            end if (end as usize) < words => end as usize,
            _ => words,
        };
        let span = behind.saturating_sub(1);
        if self.step == 1 { span } else { span.div_ceil(self.step) }
    }

    /// Where one of the keys stands.
    #[inline]
    #[must_use]
    pub const fn position(self, number: usize) -> usize {
        1 + number * self.step
    }

    /// Which of the keys stands at `position`.
    #[inline]
    #[must_use]
    pub const fn number_of(self, position: usize) -> usize {
        if self.step == 1 { position - 1 } else { (position - 1) / self.step }
    }
}

/// Where keys stand, and what is done with them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeySpec {
    /// Where they begin.
    pub begin: Begin,
    /// How they go on.
    pub find: Find,
    /// What is done with them.
    pub flags: KeyFlags,
    /// `(word, flags)`: without this word among the arguments it is these flags.
    pub unless: Option<(&'static str, KeyFlags)>,
    /// Why the flags are what they are, where one might wonder.
    pub notes: &'static str,
}

/// The first argument, and only it.
#[must_use]
pub const fn one(flags: u32) -> KeySpec {
    range(0, 1, flags)
}

/// The second argument, and only it.
#[must_use]
pub const fn second(flags: u32) -> KeySpec {
    KeySpec { begin: Begin::Index(2), ..one(flags) }
}

/// All arguments.
#[must_use]
pub const fn all(flags: u32) -> KeySpec {
    range(-1, 1, flags)
}

/// From the first argument to `last`, every `step`th.
#[must_use]
pub const fn range(last: isize, step: usize, flags: u32) -> KeySpec {
    let find = Find::Range { last, step, limit: 0 };
    KeySpec { begin: Begin::Index(1), find, flags: KeyFlags(flags), unless: None, notes: "" }
}

/// Behind `word`, the first half of what follows.
#[must_use]
pub const fn half_behind(word: &'static str, flags: u32) -> KeySpec {
    let find = Find::Range { last: -1, step: 1, limit: 2 };
    KeySpec { begin: Begin::Keyword { word, from: 1 }, find, ..one(flags) }
}

/// As many as argument `count_at` says, right behind it.
#[must_use]
pub const fn counted(count_at: usize, flags: u32) -> KeySpec {
    let find = Find::Counted { count_at: 0, first: 1, step: 1 };
    KeySpec { begin: Begin::Index(count_at), find, ..one(flags) }
}

impl KeySpec {
    /// With a note for COMMAND INFO.
    #[must_use]
    pub const fn because(self, notes: &'static str) -> Self {
        Self { notes, ..self }
    }

    /// With a word that is looked for from argument `from` on.
    #[must_use]
    pub const fn searched_from(self, from: usize) -> Self {
        match self.begin {
            Begin::Keyword { word, .. } => Self { begin: Begin::Keyword { word, from }, ..self },
            Begin::Index(_) => panic!("no word is looked for"),
        }
    }

    /// With other flags when `word` is not among the arguments.
    #[must_use]
    pub const fn unless(self, word: &'static str, flags: u32) -> Self {
        let with = KeyFlags(self.flags.0 | key_bits::VARIABLE);
        Self { flags: with, unless: Some((word, KeyFlags(flags))), ..self }
    }

    /// The keys of a request. A spec that cannot be followed in it is an error.
    pub fn keys(&self, request: Request<'_>) -> Result<KeyRange, InvalidKeys> {
        let begin = self.begin.find(request).ok_or(InvalidKeys)?;
        let range = self.find.range(begin, request).ok_or(InvalidKeys)?;
        if range.is_within(request.len()) {
            Ok(KeyRange { flags: self.flags_in(request), ..range })
        } else {
            Err(InvalidKeys)
        }
    }

    /// What this very request does with the keys.
    fn flags_in(&self, request: Request<'_>) -> KeyFlags {
        match self.unless {
            None => self.flags,
            Some((word, flags)) if !is_among(word, request) => flags,
            Some(_) => KeyFlags(self.flags.0 & !key_bits::VARIABLE),
        }
    }
}

/// Is `word` among the options of a request, that is behind its first two arguments?
fn is_among(word: &str, request: Request<'_>) -> bool {
    request.iter().skip(3).any(|argument| argument.eq_ignore_ascii_case(word.as_bytes()))
}

impl Begin {
    /// The position in a request. A keyword at the very end has nothing behind it, and does not
    /// count.
    fn find(self, request: Request<'_>) -> Option<usize> {
        match self {
            Self::Index(index) => Some(index),
            Self::Keyword { word, from } => (from..request.len().saturating_sub(1))
                .find(|&index| request.at(index).eq_ignore_ascii_case(word.as_bytes()))
                .map(|index| index + 1),
        }
    }
}

impl Find {
    /// The range from `begin` on. `None`: it ends before it begins, or cannot be read.
    fn range(self, begin: usize, request: Request<'_>) -> Option<KeyRange> {
        let flags = KeyFlags::default();
        match self {
            Self::Range { last, step, limit } => {
                let last = last_of_range(begin, last, limit, request.len())?;
                let count = last.checked_sub(begin)? / step + 1;
                Some(KeyRange { first: begin, step, count, flags })
            }
            Self::Counted { count_at, first, step } => {
                let count = number::parse_i64(request.get(begin.checked_add(count_at)?)?)?;
                let count = usize::try_from(count).ok()?;
                Some(KeyRange { first: begin.checked_add(first)?, step, count, flags })
            }
        }
    }
}

fn last_of_range(begin: usize, last: isize, limit: usize, argc: usize) -> Option<usize> {
    if last >= 0 {
        return begin.checked_add_signed(last);
    }
    let end = if limit > 1 { begin + argc.checked_sub(begin)? / limit } else { argc };
    end.checked_add_signed(last)
}

/// A spec could not be followed: the keyword is missing, or keys would lie outside the request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InvalidKeys;

/// The keys that one spec finds in a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyRange {
    /// The first key's argument.
    pub first: usize,
    /// Distance between keys.
    pub step: usize,
    /// How many there are.
    pub count: usize,
    /// What is done with them.
    pub flags: KeyFlags,
}

impl KeyRange {
    /// Does a request of `argc` arguments have all of them?
    fn is_within(self, argc: usize) -> bool {
        let Some(distance) = self.count.checked_sub(1) else { return true };
        distance
            .checked_mul(self.step)
            .and_then(|distance| self.first.checked_add(distance))
            .is_some_and(|last| last < argc)
    }

    /// The arguments that are keys.
    pub fn positions(self) -> impl Iterator<Item = usize> {
        (0..self.count).map(move |number| self.first + number * self.step)
    }
}

/// The keys of a request: one range per spec.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Keys(ArrayVec<KeyRange, KEY_SPECS_MAX>);

impl Keys {
    /// Follows all of `specs` in `request`.
    pub fn find(specs: &[KeySpec], request: Request<'_>) -> Result<Self, InvalidKeys> {
        specs.iter().map(|spec| spec.keys(request)).collect::<Result<_, _>>().map(Self)
    }

    /// How many keys there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.iter().map(|range| range.count).sum()
    }

    /// The arguments that are keys.
    pub fn positions(&self) -> impl Iterator<Item = usize> {
        self.0.iter().flat_map(|range| range.positions())
    }

    /// The arguments that are keys, and what is done with each.
    pub fn positions_and_flags(&self) -> impl Iterator<Item = (usize, KeyFlags)> {
        self.0.iter().flat_map(|range| range.positions().map(|position| (position, range.flags)))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::command::flags::key_bits::{OW, RO, RW, UPDATE};
    use crate::resp::request::Span;

    /// Calls `test` with the words of `line` as a request.
    pub(in crate::command) fn with_request<R>(line: &str, test: impl Fn(Request<'_>) -> R) -> R {
        let start_of = |word: &str| word.as_ptr() as usize - line.as_ptr() as usize;
        let spans: Vec<Span> = line
            .split(' ')
            .map(|word| Span { start: start_of(word) as u32, len: word.len() as u32 })
            .collect();
        test(Request::new(line.as_bytes(), &spans, &[]))
    }

    fn positions(spec: KeySpec, line: &str) -> Option<Vec<usize>> {
        with_request(line, |request| Some(spec.keys(request).ok()?.positions().collect()))
    }

    #[test]
    fn ranges_count_from_the_beginning_or_the_end() {
        assert_eq!(positions(one(RO), "get k"), Some(vec![1]));
        assert_eq!(positions(all(RO), "del a b c"), Some(vec![1, 2, 3]));
        assert_eq!(positions(range(-2, 1, RO), "blpop a b 0"), Some(vec![1, 2]));
        assert_eq!(positions(range(-1, 2, RO), "mset a 1 b 2"), Some(vec![1, 3]));
        assert_eq!(positions(range(-1, 2, RO), "mset a 1 b"), Some(vec![1, 3]));
    }

    #[test]
    fn a_request_too_short_is_refused() {
        assert_eq!(positions(one(RO), "get"), None);
        assert_eq!(positions(all(RO), "del"), None);
        assert_eq!(positions(range(-2, 1, RO), "blpop a"), None);
    }

    #[test]
    fn keys_behind_a_word() {
        let streams = half_behind("STREAMS", RO);
        assert_eq!(positions(streams, "xread streams a b 1 2"), Some(vec![2, 3]));
        assert_eq!(positions(streams, "xread COUNT 1 STREAMS a b c"), Some(vec![4]));
        assert_eq!(positions(streams, "xread STREAMS streams 1 2"), Some(vec![2]));
        assert_eq!(positions(streams, "xread COUNT 1 2 3"), None);
        assert_eq!(positions(streams, "xread COUNT 2 STREAMS a"), None);
        assert_eq!(positions(streams, "xread COUNT 2 3 STREAMS"), None);
        assert_eq!(positions(streams, "streams"), None);
    }

    #[test]
    fn keys_that_are_counted() {
        assert_eq!(positions(counted(2, RW), "eval x 2 a b c"), Some(vec![3, 4]));
        assert_eq!(positions(counted(2, RW), "eval x 0"), Some(vec![]));
    }

    #[test]
    fn a_hostile_count_is_refused() {
        for count in
            ["3", "-1", "2147483647", "9223372036854775807", "9223372036854775808", "x", ""]
        {
            assert_eq!(positions(counted(2, RW), &format!("eval x {count} a b")), None, "{count}");
        }
        assert_eq!(positions(counted(2, RW), "eval x"), None);
    }

    #[test]
    fn flags_that_depend_on_a_word() {
        let spec = one(RW | UPDATE).unless("GET", OW);
        let flags = |line| with_request(line, |request| spec.keys(request).map(|keys| keys.flags));
        assert_eq!(flags("set k v"), Ok(KeyFlags::OW));
        assert_eq!(flags("set get v"), Ok(KeyFlags::OW));
        assert_eq!(flags("set k v EX 1 get"), Ok(KeyFlags(RW | UPDATE)));
        assert!(spec.flags.contains(KeyFlags::VARIABLE));
    }

    #[test]
    fn no_spec_names_an_argument_that_is_not_there() {
        arbtest::arbtest(|u| {
            let step = u.int_in_range(1..=3)?;
            let (count_at, first) = (u.int_in_range(0..=3)?, u.int_in_range(0..=3)?);
            let (last, limit) = (u.int_in_range(-4..=4)?, u.int_in_range(0..=3)?);
            let begin = if u.arbitrary()? {
                Begin::Index(u.int_in_range(0..=5)?)
            } else {
                Begin::Keyword { word: "3", from: u.int_in_range(0..=5)? }
            };
            let find = if u.arbitrary()? {
                Find::Range { last, step, limit }
            } else {
                Find::Counted { count_at, first, step }
            };
            let words: Vec<i64> = u.arbitrary()?;
            let words: Vec<String> = words.iter().map(|word| (word % 8).to_string()).collect();
            with_request(&words.join(" "), |request| {
                if let Ok(keys) = (KeySpec { begin, find, ..one(RO) }).keys(request) {
                    assert_eq!(keys.positions().count(), keys.count);
                    assert!(keys.positions().all(|position| position < request.len()));
                }
            });
            Ok(())
        });
    }
}
