//! The options that XADD and XTRIM share: MAXLEN|MINID [=|~] threshold [LIMIT count] and
//! KEEPREF|DELREF|ACKED; and those that XADD has alone.

use super::Request;
use super::args::Arguments;
use super::context::CommandResult;
use super::error_reply::{self, ErrorReply};
use crate::data_store::stream::BlockLimits;
use crate::data_store::stream::{Trim, TrimBy};
use crate::data_store::stream_groups::References;
use crate::data_store::stream_id::{NewId, StreamId};

const INCOMPATIBLE: ErrorReply = ErrorReply::fixed(
    "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
);
const MAXLEN_NEGATIVE: ErrorReply = ErrorReply::fixed("ERR The MAXLEN argument must be >= 0.");
const LIMIT_NEGATIVE: ErrorReply = ErrorReply::fixed("ERR The LIMIT argument must be >= 0.");
const LIMIT_ALONE: ErrorReply = ErrorReply::fixed(
    "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
);
const LIMIT_EXACT: ErrorReply =
    ErrorReply::fixed("ERR syntax error, LIMIT cannot be used without the special ~ option");
const NO_STRATEGY: ErrorReply =
    ErrorReply::fixed("ERR syntax error, XTRIM must be called with a trimming strategy");

const ORIGIN_NEEDS_AUTOMATIC_ID: ErrorReply =
    ErrorReply::fixed("ERR IDMP and IDMPAUTO can be used only with the ID *");
const ORIGIN_TWICE: ErrorReply = ErrorReply::fixed("ERR IDMP and IDMPAUTO can be given only once");
const ORIGIN_EMPTY: ErrorReply =
    ErrorReply::fixed("ERR the names of a producer and of its message must not be empty");

/// What XADD was told beside its fields.
#[derive(Debug, Default)]
pub struct AddOptions {
    /// NOMKSTREAM: do not create the stream.
    pub is_existing_only: bool,
    /// How to trim afterwards.
    pub trim: Option<Trim>,
    /// What becomes of references to what is trimmed.
    pub references: References,
    /// IDMP and IDMPAUTO: who sends the message, and what it is called.
    pub origin: Option<Origin>,
    /// The id, as it was given.
    pub id: NewId,
    /// Where the id stands; fields follow.
    pub id_index: usize,
}

/// Where the names of a producer and its message stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Origin {
    /// The producer's name.
    pub producer: usize,
    /// The message's name; without one it is made from the fields.
    pub message: Option<usize>,
}

impl AddOptions {
    /// Reads XADD's arguments up to its id. Mostly nothing stands in front of that.
    #[inline]
    pub fn read(&mut self, request: Request<'_>, limits: BlockLimits) -> CommandResult {
        self.id_index = 2;
        if !is_id(request.at(2)) {
            return self.read_words(request, limits);
        }
        self.id = read_id(request.at(2))?;
        Ok(())
    }

    fn read_words(&mut self, request: Request<'_>, limits: BlockLimits) -> CommandResult {
        let mut parts = TrimParts::default();
        while !request.get(self.id_index).is_none_or(is_id)
            && let Some(next) = self.read_word(&mut parts, request)?
        {
            self.id_index = next;
        }
        let id = request.get(self.id_index).map(read_id).transpose()?;
        self.references = parts.references.unwrap_or_default();
        self.trim = parts.finish(limits)?;
        self.id = id.ok_or_else(|| error_reply::wrong_arity("xadd"))?;
        if self.origin.is_some() && self.id != NewId::Automatic {
            return Err(ORIGIN_NEEDS_AUTOMATIC_ID);
        }
        Ok(())
    }

    /// Reads the option that stands where an id may, if it is one; says where the next one stands.
    fn read_word(
        &mut self,
        parts: &mut TrimParts,
        request: Request<'_>,
    ) -> Result<Option<usize>, ErrorReply> {
        let index = self.id_index;
        if request.is(index, "NOMKSTREAM") {
            self.is_existing_only = true;
            return Ok(Some(index + 1));
        }
        if let Some((origin, next)) = read_origin(request, index, self.origin.is_some())? {
            self.origin = Some(origin);
            return Ok(Some(next));
        }
        parts.read(request, index)
    }
}

#[inline]
fn read_id(text: &[u8]) -> Result<NewId, ErrorReply> {
    NewId::parse(text).ok_or(error_reply::INVALID_STREAM_ID)
}

/// Whether this is an id rather than an option, seen from its first byte. Of others an option may
/// still turn out to be none.
#[inline]
fn is_id(text: &[u8]) -> bool {
    matches!(text, [b'0'..=b'9' | b'*', ..])
}

/// Reads IDMP or IDMPAUTO, if one stands at `index`; says where the next option stands.
fn read_origin(
    request: Request<'_>,
    index: usize,
    is_repeated: bool,
) -> Result<Option<(Origin, usize)>, ErrorReply> {
    let values = request.len() - index - 1;
    let origin = if request.is(index, "IDMP") && values >= 2 {
        Origin { producer: index + 1, message: Some(index + 2) }
    } else if request.is(index, "IDMPAUTO") && values >= 1 {
        Origin { producer: index + 1, message: None }
    } else {
        return Ok(None);
    };
    if is_repeated {
        return Err(ORIGIN_TWICE);
    }
    let last = origin.message.unwrap_or(origin.producer);
    if (origin.producer..=last).any(|name| request.at(name).is_empty()) {
        return Err(ORIGIN_EMPTY);
    }
    Ok(Some((origin, last + 1)))
}

/// Reads KEEPREF, DELREF or ACKED, if one stands at `index`.
pub fn references(request: Request<'_>, index: usize) -> Option<References> {
    let words = [
        ("KEEPREF", References::Keep),
        ("DELREF", References::Delete),
        ("ACKED", References::Respect),
    ];
    words.into_iter().find(|(word, _)| request.is(index, word)).map(|(_, meant)| meant)
}

/// Reads XTRIM's arguments.
pub fn parse_trim(
    request: Request<'_>,
    limits: BlockLimits,
) -> Result<(Trim, References), ErrorReply> {
    let mut parts = TrimParts::default();
    let mut index = 2;
    while index < request.len() {
        index = parts.read(request, index)?.ok_or(error_reply::SYNTAX)?;
    }
    let references = parts.references.unwrap_or_default();
    Ok((parts.finish(limits)?.ok_or(NO_STRATEGY)?, references))
}

/// What has been read of these options.
#[derive(Default)]
struct TrimParts {
    by: Option<TrimBy>,
    approximate: bool,
    limit: Option<u64>,
    references: Option<References>,
}

impl TrimParts {
    /// Reads the option at `index`, if it is one of these; says where the next one stands.
    fn read(&mut self, request: Request<'_>, index: usize) -> Result<Option<usize>, ErrorReply> {
        if let Some(references) = references(request, index) {
            if self.references.replace(references).is_some() {
                return Err(error_reply::SYNTAX);
            }
            return Ok(Some(index + 1));
        }
        if index + 1 >= request.len() {
            return Ok(None); // the last word is no option: it lacks its value
        }
        if request.is(index, "MAXLEN") {
            let value = self.read_strength(request, index)?;
            let length = u64::try_from(request.integer(value)?).map_err(|_| MAXLEN_NEGATIVE)?;
            self.by = Some(TrimBy::MaxLen(length));
            return Ok(Some(value + 1));
        }
        if request.is(index, "MINID") {
            let value = self.read_strength(request, index)?;
            let id = StreamId::parse(request.at(value), 0).ok_or(error_reply::INVALID_STREAM_ID)?;
            self.by = Some(TrimBy::MinId(id));
            return Ok(Some(value + 1));
        }
        if request.is(index, "LIMIT") {
            let limit = u64::try_from(request.integer(index + 1)?).map_err(|_| LIMIT_NEGATIVE)?;
            self.limit = Some(limit);
            return Ok(Some(index + 2));
        }
        Ok(None)
    }

    /// Reads `=` or `~`, if it is there and a value behind it; says where the value stands.
    fn read_strength(&mut self, request: Request<'_>, index: usize) -> Result<usize, ErrorReply> {
        if self.by.is_some() {
            return Err(INCOMPATIBLE);
        }
        let word = request.at(index + 1);
        let is_strength = index + 2 < request.len() && (word == b"~" || word == b"=");
        self.approximate = is_strength && word == b"~";
        Ok(index + 1 + usize::from(is_strength))
    }

    fn finish(self, limits: BlockLimits) -> Result<Option<Trim>, ErrorReply> {
        let Some(by) = self.by else {
            // A limit of 0 is none.
            return if self.limit.unwrap_or(0) > 0 { Err(LIMIT_ALONE) } else { Ok(None) };
        };
        if self.limit.is_some() && !self.approximate {
            return Err(LIMIT_EXACT);
        }
        let limit = match self.limit {
            Some(limit) => Some(limit),
            None => self.approximate.then(|| Trim::default_limit(limits)),
        };
        Ok(Some(Trim { by, approximate: self.approximate, limit }))
    }
}
