//! Consumer groups as such: XGROUP CREATE key group id|$ [MKSTREAM] [ENTRIESREAD n], SETID key
//! group id|$ [ENTRIESREAD n], DESTROY key group, CREATECONSUMER key group consumer, DELCONSUMER
//! key group consumer; and XSETID key last-id [ENTRIESADDED n] [MAXDELETEDID id].

use super::Request;
use super::args::Arguments;
use super::context::{Change, CommandResult, Context};
use super::error_reply::{self, ErrorReply};
use super::events::Event;
use super::streams;
use crate::data_store::consumer_group::Group;
use crate::data_store::stream::Stream;
use crate::data_store::stream_id::StreamId;
use crate::data_store::value::Value;

const KEY_IS_MISSING: ErrorReply = ErrorReply::fixed(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use \
     the MKSTREAM option to create an empty stream automatically.",
);
const GROUP_EXISTS: ErrorReply = ErrorReply::fixed("BUSYGROUP Consumer Group name already exists");
const ENTRIES_READ_NEGATIVE: ErrorReply =
    ErrorReply::fixed("ERR value for ENTRIESREAD must be positive or -1");
const NO_SUCH_KEY: ErrorReply = ErrorReply::fixed("ERR no such key");
const ENTRIES_ADDED_NEGATIVE: ErrorReply = ErrorReply::fixed("ERR entries_added must be positive");
const BELOW_MAX_DELETED: ErrorReply = ErrorReply::fixed(
    "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
);
const BELOW_TOP: ErrorReply =
    ErrorReply::fixed("ERR The ID specified in XSETID is smaller than the target stream top item");
const ENTRIES_ADDED_TOO_FEW: ErrorReply = ErrorReply::fixed(
    "ERR The entries_added specified in XSETID is smaller than the target stream length",
);

/// `XGROUP CREATE key group id MKSTREAM ENTRIESREAD n`
const CREATE_WORDS_MAX: usize = 8;
/// `XGROUP SETID key group id ENTRIESREAD n`
const SETID_WORDS_MAX: usize = 7;

/// XGROUP CREATE key group id|$ [MKSTREAM] [ENTRIESREAD entries-read]
pub fn xgroup_create(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let options = Options::parse(request)?;
    let key = ctx.hash(request.at(2));
    let stream = ctx.store.stream(key)?;
    if stream.is_none() && !options.makes_stream {
        return Err(KEY_IS_MISSING);
    }
    check_length(request, CREATE_WORDS_MAX)?;
    let group = Group::new(position(request.at(4), stream.as_deref())?, options.entries_read);
    match stream {
        Some(stream) => {
            if !stream.add_group(request.at(3), group) {
                return Err(GROUP_EXISTS);
            }
            ctx.also(key.bytes, Event::XGroupCreate);
        }
        None => {
            let mut stream = Box::<Stream>::default();
            stream.add_group(request.at(3), group);
            ctx.store.insert(key, Value::Stream(stream));
            ctx.changed(key.bytes, Change::Grown, Event::XGroupCreate);
        }
    }
    ctx.reply.ok();
    Ok(())
}

/// XGROUP SETID key group id|$ [ENTRIESREAD entries-read]
pub fn xgroup_setid(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let options = Options::parse(request)?;
    if options.makes_stream {
        return Err(not_understood(request));
    }
    let stream = existing_stream(ctx, request)?;
    if !stream.groups().contains_key(request.at(3)) {
        return Err(no_such_group(request));
    }
    check_length(request, SETID_WORDS_MAX)?;
    let last_id = match request.at(4) {
        // Both ends have names here, other than in CREATE.
        b"-" => StreamId::MIN,
        b"+" => StreamId::MAX,
        text => position(text, Some(stream))?,
    };
    assert!(stream.set_position(request.at(3), last_id, options.entries_read), "just seen");
    ctx.also(request.at(2), Event::XGroupSetId);
    ctx.reply.ok();
    Ok(())
}

/// XGROUP DESTROY key group
pub fn xgroup_destroy(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let remains = existing_stream(ctx, request)?.remove_group(request.at(3));
    ctx.reply.integer(i64::from(remains.is_some()));
    if let Some(remains) = remains {
        ctx.store.keyspace().free_later(Value::Stream(remains));
        ctx.signal_groups(request.at(2));
        ctx.also(request.at(2), Event::XGroupDestroy);
    }
    Ok(())
}

/// XGROUP CREATECONSUMER key group consumer
pub fn xgroup_createconsumer(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let now_ms = ctx.store.now_ms;
    let added = existing_group(ctx, request)?.add_consumer(request.at(4), now_ms);
    let is_new = added.is_some();
    ctx.reply.integer(i64::from(is_new));
    if is_new {
        ctx.also(request.at(2), Event::XGroupCreateConsumer);
    }
    Ok(())
}

/// XGROUP DELCONSUMER key group consumer
pub fn xgroup_delconsumer(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let pending = existing_group(ctx, request)?.remove_consumer(request.at(4));
    ctx.reply.integer(streams::count(pending.unwrap_or(0)));
    if pending.is_some() {
        ctx.also(request.at(2), Event::XGroupDelConsumer);
    }
    Ok(())
}

fn existing_stream<'c>(
    ctx: &'c mut Context<'_>,
    request: Request<'_>,
) -> Result<&'c mut Stream, ErrorReply> {
    let key = ctx.hash(request.at(2));
    ctx.store.stream(key)?.ok_or(KEY_IS_MISSING)
}

fn existing_group<'c>(
    ctx: &'c mut Context<'_>,
    request: Request<'_>,
) -> Result<&'c mut Group, ErrorReply> {
    existing_stream(ctx, request)?.group(request.at(3)).ok_or_else(|| no_such_group(request))
}

/// `-NOGROUP No such consumer group 'GROUP' for key name 'KEY'`, of XGROUP and XINFO.
pub fn no_such_group(request: Request<'_>) -> ErrorReply {
    ErrorReply::quoting(&[
        b"NOGROUP No such consumer group '",
        request.at(3),
        b"' for key name '",
        request.at(2),
        b"'",
    ])
}

/// The id that a group shall start behind: `$` is the last one.
fn position(text: &[u8], stream: Option<&Stream>) -> Result<StreamId, ErrorReply> {
    match text {
        b"$" => Ok(stream.map_or(StreamId::MIN, Stream::last_id)),
        _ => StreamId::parse(text, 0).ok_or(error_reply::INVALID_STREAM_ID),
    }
}

/// Options may be repeated, but the request as a whole is no longer than with each once. That
/// comes after the key and the group.
fn check_length(request: Request<'_>, words_max: usize) -> Result<(), ErrorReply> {
    if request.len() > words_max { Err(not_understood(request)) } else { Ok(()) }
}

fn not_understood(request: Request<'_>) -> ErrorReply {
    error_reply::wrong_subcommand_syntax(request.at(1), "XGROUP")
}

/// What stands behind the id of CREATE and SETID.
#[derive(Default)]
struct Options {
    makes_stream: bool,
    entries_read: Option<u64>,
}

impl Options {
    fn parse(request: Request<'_>) -> Result<Self, ErrorReply> {
        let mut options = Self::default();
        let mut index = 5;
        while index < request.len() {
            if request.is(index, "MKSTREAM") {
                options.makes_stream = true;
                index += 1;
            } else if request.is(index, "ENTRIESREAD") && index + 1 < request.len() {
                options.entries_read = match request.integer(index + 1)? {
                    -1 => None,
                    number => Some(u64::try_from(number).map_err(|_| ENTRIES_READ_NEGATIVE)?),
                };
                index += 2;
            } else {
                return Err(not_understood(request));
            }
        }
        Ok(options)
    }
}

/// XSETID key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]
pub fn xsetid(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let history = History::parse(request)?;
    let key = ctx.key(request, 1);
    let stream = ctx.store.stream(key)?.ok_or(NO_SUCH_KEY)?;
    if stream.last_entry().is_some_and(|last| history.last_id < last.id) {
        return Err(BELOW_TOP);
    }
    if history.entries_added.is_some_and(|added| added < stream.length()) {
        return Err(ENTRIES_ADDED_TOO_FEW);
    }
    let max_deleted_id = match history.max_deleted_id {
        StreamId::MIN => stream.max_deleted_id(),
        id => id,
    };
    let entries_added = history.entries_added.unwrap_or(stream.entries_added());
    stream.set_history(history.last_id, max_deleted_id, entries_added);
    ctx.also(key.bytes, Event::XSetId);
    ctx.reply.ok();
    Ok(())
}

/// What a stream shall remember.
struct History {
    last_id: StreamId,
    entries_added: Option<u64>,
    /// `0-0`: as it is.
    max_deleted_id: StreamId,
}

impl History {
    fn parse(request: Request<'_>) -> Result<Self, ErrorReply> {
        let last_id = StreamId::parse(request.at(2), 0).ok_or(error_reply::INVALID_STREAM_ID)?;
        let mut history = Self { last_id, entries_added: None, max_deleted_id: StreamId::MIN };
        let mut index = 3;
        while index < request.len() {
            let value = request.value_after(index)?;
            if request.is(index, "ENTRIESADDED") {
                let added = request.integer(value)?;
                let added = u64::try_from(added).map_err(|_| ENTRIES_ADDED_NEGATIVE)?;
                history.entries_added = Some(added);
            } else if request.is(index, "MAXDELETEDID") {
                let id =
                    StreamId::parse(request.at(value), 0).ok_or(error_reply::INVALID_STREAM_ID)?;
                if last_id < id {
                    return Err(BELOW_MAX_DELETED);
                }
                history.max_deleted_id = id;
            } else {
                return Err(error_reply::SYNTAX);
            }
            index = value + 1;
        }
        Ok(history)
    }
}
