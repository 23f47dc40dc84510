//! What list commands are told besides keys and elements: which end (LEFT|RIGHT), LPOS's options,
//! how many elements LMPOP takes ([COUNT count]) and LMOVEM moves (COUNT|EXACTLY count OBO|BULK).

use super::Request;
use super::args::Arguments;
use super::error_reply::{self, ErrorReply};
use super::events::Event;
use crate::data_store::List;
pub use crate::data_store::list::End;
use crate::shared_bytes::BytesRef;
use std::ops::Range;

const RANK_IS_ZERO: ErrorReply = ErrorReply::fixed(
    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... \
     or use negative to start from the end of the list",
);
const RANK_OUT_OF_RANGE: ErrorReply = ErrorReply::fixed(
    "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
);
const COUNT_NEGATIVE: ErrorReply = ErrorReply::fixed("ERR COUNT can't be negative");
const LENGTH_NEGATIVE: ErrorReply = ErrorReply::fixed("ERR MAXLEN can't be negative");
const NUMKEYS_NOT_POSITIVE: ErrorReply = ErrorReply::fixed("ERR numkeys should be greater than 0");
const COUNT_NOT_POSITIVE: ErrorReply = ErrorReply::fixed("ERR count should be greater than 0");

/// What commands call the ends of a list.
impl End {
    /// The end that argument `index` names.
    pub fn parse(request: Request<'_>, index: usize) -> Result<Self, ErrorReply> {
        let is_tail = either(request, index, "LEFT", "RIGHT")?;
        Ok(if is_tail { Self::Tail } else { Self::Head })
    }

    /// What a push at this end is told as.
    pub const fn pushed(self) -> Event {
        match self {
            Self::Head => Event::LPush,
            Self::Tail => Event::RPush,
        }
    }

    /// What a pop at this end is told as.
    pub const fn popped(self) -> Event {
        match self {
            Self::Head => Event::LPop,
            Self::Tail => Event::RPop,
        }
    }
}

/// Which elements LPOS looks for among those that are equal: `[RANK rank] [COUNT count]
/// [MAXLEN length]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PositionOptions {
    /// COUNT was given: the reply is an array.
    pub has_count: bool,
    /// Where the search begins.
    from: End,
    /// Equal elements to pass over.
    skipped: usize,
    /// Equal elements to report.
    reported_max: usize,
    /// Elements to look at.
    looked_at_max: usize,
}

impl PositionOptions {
    /// Reads what stands behind the element.
    pub fn parse(request: Request<'_>) -> Result<Self, ErrorReply> {
        let mut options = Self {
            has_count: false,
            from: End::Head,
            skipped: 0,
            reported_max: 1,
            looked_at_max: usize::MAX,
        };
        let mut index = 3;
        while index < request.len() {
            let value = request.value_after(index)?;
            match () {
                () if request.is(index, "RANK") => options.rank(request.integer(value)?)?,
                () if request.is(index, "COUNT") => {
                    options.has_count = true;
                    options.reported_max = limit(request, value, COUNT_NEGATIVE)?;
                }
                () if request.is(index, "MAXLEN") => {
                    options.looked_at_max = limit(request, value, LENGTH_NEGATIVE)?;
                }
                () => return Err(error_reply::SYNTAX),
            }
            index = value + 1;
        }
        Ok(options)
    }

    /// Rank 2 is the second equal element, -1 the last one.
    fn rank(&mut self, rank: i64) -> Result<(), ErrorReply> {
        // Its negative is no number of 64 bits.
        if rank == i64::MIN {
            return Err(RANK_OUT_OF_RANGE);
        }
        let before = rank.unsigned_abs().checked_sub(1).ok_or(RANK_IS_ZERO)?;
        self.from = if rank < 0 { End::Tail } else { End::Head };
        self.skipped = usize::try_from(before).unwrap_or(usize::MAX);
        Ok(())
    }

    /// Calls `found` with the position of each element that is meant. One walk, whatever the rank
    /// and the number of equal elements.
    pub fn find(&self, list: &List, element: &[u8], found: impl FnMut(usize)) {
        let equal = |(position, other): (usize, &[u8])| (other == element).then_some(position);
        match self.from {
            End::Head => {
                let places = list.iter_range(0, self.looked_at_max).stretches().flatten();
                let places = places.enumerate().filter_map(equal);
                places.skip(self.skipped).take(self.reported_max).for_each(found);
            }
            End::Tail => {
                let places = list.iter_range_reversed(usize::MAX, self.looked_at_max);
                let places = (0..list.len()).rev().zip(places.map(BytesRef::bytes));
                let places = places.filter_map(equal);
                places.skip(self.skipped).take(self.reported_max).for_each(found);
            }
        }
    }
}

/// What LMPOP and its kin take, and where they look for it: `numkeys key [key ...] LEFT|RIGHT
/// [COUNT count]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PopOptions {
    /// The arguments that are keys.
    pub keys: Range<usize>,
    /// Which end is popped.
    pub end: End,
    /// How many elements at most. `None`: one, and the reply is no array of elements.
    pub count: Option<usize>,
}

impl PopOptions {
    /// Reads from the number of keys on, which is argument `number_at`.
    pub fn parse(request: Request<'_>, number_at: usize) -> Result<Self, ErrorReply> {
        let number = positive(request, number_at, NUMKEYS_NOT_POSITIVE)?;
        let first = number_at + 1;
        let behind = first.checked_add(number).ok_or(error_reply::SYNTAX)?;
        let end = End::parse(request, behind)?;
        let mut count = None;
        let mut index = behind + 1;
        while index < request.len() {
            if count.is_some() || !request.is(index, "COUNT") {
                return Err(error_reply::SYNTAX);
            }
            let value = request.value_after(index)?;
            count = Some(positive(request, value, COUNT_NOT_POSITIVE)?);
            index = value + 1;
        }
        Ok(Self { keys: first..behind, end, count: Some(count.unwrap_or(1)) })
    }
}

/// How many elements LMOVEM moves, and how: `[COUNT|EXACTLY count OBO|BULK]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MoveOptions {
    /// With fewer nothing is moved.
    pub count_min: usize,
    /// More are not moved.
    pub count_max: usize,
    /// OBO: each arrives by itself. Otherwise they keep their order.
    pub is_one_by_one: bool,
}

impl MoveOptions {
    /// Reads what stands at argument `index` and behind it.
    pub fn parse(request: Request<'_>, index: usize) -> Result<Self, ErrorReply> {
        if request.len() == index {
            return Ok(Self { count_min: 1, count_max: 1, is_one_by_one: true });
        }
        if request.len() != index + 3 {
            return Err(error_reply::SYNTAX);
        }
        let is_exact = either(request, index, "COUNT", "EXACTLY")?;
        let is_one_by_one = either(request, index + 2, "BULK", "OBO")?;
        let count_max = positive(request, index + 1, COUNT_NOT_POSITIVE)?;
        Ok(Self { count_min: if is_exact { count_max } else { 1 }, count_max, is_one_by_one })
    }
}

/// Is argument `index` the second of two words, one of which it must be?
pub fn either(
    request: Request<'_>,
    index: usize,
    first: &str,
    second: &str,
) -> Result<bool, ErrorReply> {
    match () {
        () if request.is(index, first) => Ok(false),
        () if request.is(index, second) => Ok(true),
        () => Err(error_reply::SYNTAX),
    }
}

/// A number of elements, 0 for no limit.
fn limit(request: Request<'_>, index: usize, error: ErrorReply) -> Result<usize, ErrorReply> {
    let number = request.integer_or(index, error.clone())?;
    match usize::try_from(number) {
        Ok(0) => Ok(usize::MAX),
        Ok(number) => Ok(number),
        Err(_) => Err(error),
    }
}

/// A number of things, 1 at least.
fn positive(request: Request<'_>, index: usize, error: ErrorReply) -> Result<usize, ErrorReply> {
    let number = request.integer_or(index, error.clone())?;
    usize::try_from(number).ok().filter(|number| *number > 0).ok_or(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::args::tests::request;

    fn list(elements: &str) -> List {
        let mut list = List::new();
        elements.bytes().for_each(|element| list.push_back(&[element]));
        list
    }

    /// LPOS without the reply.
    fn positions(elements: &str, options: &[&str]) -> Result<Vec<usize>, ErrorReply> {
        let owned = request(&[&["LPOS", "k", "a"], options].concat());
        let mut found = Vec::new();
        let options = PositionOptions::parse(owned.as_request())?;
        options.find(&list(elements), b"a", |position| found.push(position));
        Ok(found)
    }

    #[test]
    fn ranks_counts_and_lengths() {
        let found = |options: &[&str]| positions("abcabca", options).expect("good options");
        assert_eq!(found(&[]), [0]);
        assert_eq!(found(&["rank", "2"]), [3]);
        assert_eq!(found(&["RANK", "-1"]), [6]);
        assert_eq!(found(&["RANK", "4"]), [0; 0]);
        assert_eq!(found(&["COUNT", "0"]), [0, 3, 6]);
        assert_eq!(found(&["COUNT", "0", "RANK", "-2"]), [3, 0]);
        assert_eq!(found(&["COUNT", "2", "MAXLEN", "3"]), [0]);
        assert_eq!(found(&["COUNT", "0", "MAXLEN", "4", "RANK", "-1"]), [6, 3]);
        assert_eq!(found(&["RANK", "-9223372036854775807"]), [0; 0]);
    }

    #[test]
    fn options_that_are_none() {
        for options in [&["RANK"][..], &["COUNT", "1", "MAXLEN"], &["FOO", "1"], &["1"]] {
            assert_eq!(positions("a", options), Err(error_reply::SYNTAX));
        }
        let lowest = i64::MIN.to_string();
        assert_eq!(positions("a", &["RANK", &lowest]), Err(RANK_OUT_OF_RANGE));
        assert_eq!(positions("a", &["RANK", "0"]), Err(RANK_IS_ZERO));
        assert_eq!(positions("a", &["RANK", "x"]), Err(error_reply::NOT_AN_INTEGER));
        assert_eq!(positions("a", &["COUNT", "x"]), Err(COUNT_NEGATIVE));
        assert_eq!(positions("a", &["MAXLEN", &lowest]), Err(LENGTH_NEGATIVE));
    }

    /// Any list and options against the obvious search.
    #[test]
    fn positions_are_those_of_a_plain_search() {
        arbtest::arbtest(|u| {
            let elements: Vec<bool> = u.arbitrary()?;
            let text: String = elements.iter().map(|is_a| if *is_a { 'a' } else { 'b' }).collect();
            let rank: i8 = u.arbitrary()?;
            let (count, length): (u8, u8) = (u.arbitrary()?, u.arbitrary()?);
            let words = [rank.to_string(), count.to_string(), length.to_string()];
            let options = ["RANK", &words[0], "COUNT", &words[1], "MAXLEN", &words[2]];
            let expected = plain_search(&elements, rank, count, length);
            assert_eq!(positions(&text, &options).ok(), expected);
            Ok(())
        });
    }

    fn plain_search(elements: &[bool], rank: i8, count: u8, length: u8) -> Option<Vec<usize>> {
        let all = |limit: u8| if limit == 0 { usize::MAX } else { limit.into() };
        let mut places: Vec<usize> = (0..elements.len()).collect();
        if rank < 0 {
            places.reverse();
        }
        let skipped = usize::from(rank.unsigned_abs()).checked_sub(1)?;
        let places = places.into_iter().take(all(length)).filter(|place| elements[*place]);
        Some(places.skip(skipped).take(all(count)).collect())
    }
}
