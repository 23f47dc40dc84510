//! Commands that keep an eye on entries and on who refers to them: XDELEX key
//! [KEEPREF|DELREF|ACKED] IDS n id ..., XACKDEL key group [KEEPREF|DELREF|ACKED] IDS n id ...,
//! XNACK key group SILENT|FAIL|FATAL IDS n id ... [RETRYCOUNT n] [FORCE].

use super::Request;
use super::args::Arguments;
use super::context::{Change, CommandResult, Context};
use super::error_reply::{self, ErrorReply};
use super::events::Event;
use super::stream_options::references;
use super::stream_pending::no_such_key_or_group;
use crate::data_store::Key;
use crate::data_store::consumer_group::Group;
use crate::data_store::stream::Stream;
use crate::data_store::stream_groups::References;
use crate::data_store::stream_id::StreamId;

const COUNT_NOT_POSITIVE: ErrorReply =
    ErrorReply::fixed("ERR Number of IDs must be a positive integer");
const COUNT_TOO_HIGH: ErrorReply =
    ErrorReply::fixed("ERR The `numids` parameter must match the number of arguments");
const UNKNOWN_MODE: ErrorReply = ErrorReply::fixed("ERR mode must be SILENT, FAIL, or FATAL");

/// What became of an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    Missing = -1,
    Deleted = 1,
    /// Somebody still refers to it.
    Kept = 2,
}

/// XDELEX key [KEEPREF|DELREF|ACKED] IDS numids id [id ...]
pub fn xdelex(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let (ids, how) = parse_deletion(request, 2)?;
    let key = ctx.key(request, 1);
    let outcomes: Vec<Outcome> = match ctx.store.stream(key)? {
        Some(stream) => ids.iter().map(|&id| delete(stream, id, how)).collect(),
        None => vec![Outcome::Missing; ids.len()],
    };
    reply_outcomes(ctx, key, &outcomes);
    Ok(())
}

/// XACKDEL key group [KEEPREF|DELREF|ACKED] IDS numids id [id ...]
pub fn xackdel(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let (ids, how) = parse_deletion(request, 3)?;
    let key = ctx.key(request, 1);
    let stream = ctx.store.stream(key)?;
    let stream = stream.filter(|stream| stream.groups().contains_key(request.at(2)));
    let outcomes: Vec<Outcome> = match stream {
        Some(stream) => {
            let acknowledge = |&id| acknowledge_and_delete(stream, request.at(2), id, how);
            ids.iter().map(acknowledge).collect()
        }
        None => vec![Outcome::Missing; ids.len()],
    };
    reply_outcomes(ctx, key, &outcomes);
    Ok(())
}

fn acknowledge_and_delete(
    stream: &mut Stream,
    group: &[u8],
    id: StreamId,
    how: References,
) -> Outcome {
    let acknowledged = stream.group(group).and_then(|group| group.release(id));
    if acknowledged.is_none() {
        // Nothing is deleted, but references to what is gone already go.
        if how == References::Delete && stream.get(id).is_none() {
            stream.forget_references(id);
        }
        return Outcome::Missing;
    }
    match delete(stream, id, how) {
        // Deleted before: what was to be done is done.
        Outcome::Missing => Outcome::Deleted,
        outcome => outcome,
    }
}

fn delete(stream: &mut Stream, id: StreamId, how: References) -> Outcome {
    let is_held = how == References::Respect
        && stream.get(id).is_some()
        && (stream.groups().is_empty() || stream.is_referenced(id));
    if is_held {
        return Outcome::Kept;
    }
    if how == References::Delete {
        stream.forget_references(id);
    }
    if stream.remove(id) { Outcome::Deleted } else { Outcome::Missing }
}

fn reply_outcomes(ctx: &mut Context<'_>, key: Key<'_>, outcomes: &[Outcome]) {
    ctx.reply.array(outcomes.len());
    outcomes.iter().for_each(|&outcome| ctx.reply.integer(outcome as i64));
    if outcomes.contains(&Outcome::Deleted) {
        ctx.changed(key.bytes, Change::Altered, Event::XDel);
    }
}

/// Ids, and what becomes of references, from argument `index` on.
fn parse_deletion(
    request: Request<'_>,
    mut index: usize,
) -> Result<(Vec<StreamId>, References), ErrorReply> {
    let (mut ids, mut how) = (None, None);
    while index < request.len() {
        if let Some(found) = references(request, index).filter(|_| how.is_none()) {
            (how, index) = (Some(found), index + 1);
        } else if request.is(index, "IDS") && ids.is_none() {
            (ids, index) = parse_ids(request, index).map(|(ids, next)| (Some(ids), next))?;
        } else {
            return Err(error_reply::SYNTAX);
        }
    }
    Ok((ids.ok_or(error_reply::SYNTAX)?, how.unwrap_or_default()))
}

/// `IDS n id ...`, from the word on; says what stands behind.
fn parse_ids(request: Request<'_>, index: usize) -> Result<(Vec<StreamId>, usize), ErrorReply> {
    let count_index = request.value_after(index)?;
    let count = request.integer_or(count_index, COUNT_NOT_POSITIVE)?;
    let count = usize::try_from(count).ok().filter(|&count| count > 0);
    let count = count.ok_or(COUNT_NOT_POSITIVE)?;
    let first = count_index + 1;
    if count > request.len() - first {
        return Err(COUNT_TOO_HIGH);
    }
    let ids = (first..first + count).map(|index| StreamId::parse(request.at(index), 0));
    let ids: Option<Vec<StreamId>> = ids.collect();
    Ok((ids.ok_or(error_reply::INVALID_STREAM_ID)?, first + count))
}

/// XNACK key group SILENT|FAIL|FATAL IDS numids id [id ...] [RETRYCOUNT count] [FORCE]
pub fn xnack(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let options = NackOptions::parse(request)?;
    let key = ctx.key(request, 1);
    let stream = ctx.store.stream(key)?;
    let given_back = stream.and_then(|stream| {
        stream.with_group(request.at(2), |stream, group| {
            options.ids.iter().filter(|&&id| options.give_back(stream, group, id)).count()
        })
    });
    let number = given_back.ok_or_else(|| no_such_key_or_group(request))?;
    ctx.reply.integer(number as i64);
    if number > 0 {
        ctx.signal_claims(key.bytes, request.at(2));
    }
    Ok(())
}

/// How a consumer gives entries back.
struct NackOptions {
    ids: Vec<StreamId>,
    mode: Mode,
    /// RETRYCOUNT: how many times they count as handed out, whatever the mode.
    count: Option<i64>,
    /// FORCE: what is not pending becomes so.
    makes_pending: bool,
}

/// What giving back means for the number of times that an entry was handed out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mode {
    /// As if it had not been.
    Silent,
    /// It stays.
    Fail,
    /// More than any limit.
    Fatal,
}

impl NackOptions {
    fn parse(request: Request<'_>) -> Result<Self, ErrorReply> {
        let modes = [("SILENT", Mode::Silent), ("FAIL", Mode::Fail), ("FATAL", Mode::Fatal)];
        let mode = modes.into_iter().find(|(word, _)| request.is(3, word));
        let (_, mode) = mode.ok_or(UNKNOWN_MODE)?;
        let mut options = Self { ids: Vec::new(), mode, count: None, makes_pending: false };
        let mut index = 4;
        while index < request.len() {
            if request.is(index, "IDS") && options.ids.is_empty() {
                (options.ids, index) = parse_ids(request, index)?;
            } else if request.is(index, "RETRYCOUNT") && index + 1 < request.len() {
                let count = request.integer(index + 1)?;
                options.count = Some(count).filter(|count| *count >= 0);
                options.count.ok_or(error_reply::NOT_AN_INTEGER)?;
                index += 2;
            } else if request.is(index, "FORCE") {
                options.makes_pending = true;
                index += 1;
            } else {
                let word = request.at(index);
                return Err(ErrorReply::quoting(&[b"ERR Unrecognized XNACK option '", word, b"'"]));
            }
        }
        if options.ids.is_empty() { Err(error_reply::SYNTAX) } else { Ok(options) }
    }

    /// Gives an entry back; `false` if it was not pending.
    fn give_back(&self, stream: &Stream, group: &mut Group, id: StreamId) -> bool {
        let before = match group.delivery(id) {
            Some(delivery) => delivery.count,
            None if self.makes_pending && stream.get(id).is_some() => 0,
            None => return false,
        };
        let count = self.count.unwrap_or(match self.mode {
            Mode::Silent => before.saturating_sub(1).max(0),
            Mode::Fail => before,
            Mode::Fatal => i64::MAX,
        });
        group.give_back(id, count);
        true
    }
}
