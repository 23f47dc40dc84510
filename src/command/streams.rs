//! Streams: XADD key [NOMKSTREAM] [MAXLEN|MINID [=|~] threshold [LIMIT count]] *|id field value
//! ..., XLEN key, XRANGE key start end [COUNT n], XREVRANGE key end start [COUNT n], XREAD [COUNT
//! n] [BLOCK ms] STREAMS key ... id ..., XDEL key id ..., XTRIM key MAXLEN|MINID ...

use super::args::Arguments;
use super::context::{Absence, Call, Change, CommandResult, Context, Wait};
use super::error_reply::{self, ErrorReply};
use super::events::Event;
use super::stream_options::{self, AddOptions};
use super::{Request, timeout};
use crate::client::WaitKind;
use crate::config::Config;
use crate::data_store::Key;
use crate::data_store::stream::{BlockLimits, ENTRY_BYTES_MAX, Entry, Field, Stream};
use crate::data_store::stream_id::{self, BoundError, NewId, ReadFrom, StreamId};
use crate::data_store::value::Value;
use crate::resp::writer::{Protocol, Writer};

/// `-ERR Invalid stream ID specified as stream command argument`
pub const INVALID_ID: ErrorReply =
    ErrorReply::fixed("ERR Invalid stream ID specified as stream command argument");
const INVALID_START: ErrorReply = ErrorReply::fixed("ERR invalid start ID for the interval");
const INVALID_END: ErrorReply = ErrorReply::fixed("ERR invalid end ID for the interval");
const ID_ZERO: ErrorReply =
    ErrorReply::fixed("ERR The ID specified in XADD must be greater than 0-0");
const ID_TOO_SMALL: ErrorReply = ErrorReply::fixed(
    "ERR The ID specified in XADD is equal or smaller than the target stream top item",
);
const EXHAUSTED: ErrorReply = ErrorReply::fixed(
    "ERR The stream has exhausted the last possible ID, unable to add more items",
);
const TOO_LARGE: ErrorReply = ErrorReply::fixed("ERR Elements are too large to be stored");

/// XADD key [options] *|id field value [field value ...]
pub fn xadd(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let limits = block_limits(ctx.config);
    let options = AddOptions::parse(request, limits)?;
    let fields = request.rest(options.id_index + 1);
    if fields.is_empty() || !fields.len().is_multiple_of(2) {
        return Err(error_reply::wrong_arity(ctx.command.name));
    }
    if options.id == NewId::Given(StreamId::MIN) {
        return Err(ID_ZERO);
    }
    let key = ctx.key(request, 1);
    let now_ms = u64::try_from(ctx.now.wall_ms()).unwrap_or(0);
    let (id, trimmed) = match ctx.store.stream(key)? {
        Some(stream) => append(stream, &options, fields, limits, now_ms)?,
        None if options.is_existing_only => {
            ctx.reply.null();
            return Ok(());
        }
        None => {
            let mut stream = Box::<Stream>::default();
            let appended = append(&mut stream, &options, fields, limits, now_ms)?;
            ctx.store.insert(key, Value::Stream(stream));
            appended
        }
    };
    write_id(&mut ctx.reply, id);
    ctx.changed(key.bytes, Change::Grown, Event::XAdd);
    if trimmed > 0 {
        ctx.also(key.bytes, Event::XTrim);
    }
    Ok(())
}

/// Adds an entry, and trims; gives its id, and how many entries went.
fn append(
    stream: &mut Stream,
    options: &AddOptions,
    fields: Request<'_>,
    limits: BlockLimits,
    now_ms: u64,
) -> Result<(StreamId, u64), ErrorReply> {
    if stream.last_id() == StreamId::MAX {
        return Err(EXHAUSTED);
    }
    let id = match options.id {
        NewId::Automatic => stream.next_id(now_ms).ok_or(EXHAUSTED)?,
        NewId::AutomaticSequence(ms) => stream.next_id_in(ms).ok_or(ID_TOO_SMALL)?,
        NewId::Given(id) => id,
    };
    if id <= stream.last_id() {
        return Err(ID_TOO_SMALL);
    }
    if fields.iter().map(<[u8]>::len).sum::<usize>() > ENTRY_BYTES_MAX {
        return Err(TOO_LARGE);
    }
    stream.append(id, fields.iter(), limits);
    let trimmed = options.trim.map_or(0, |trim| stream.trim(trim));
    Ok((id, trimmed))
}

/// XLEN key
pub fn xlen(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let length = ctx.store.read_stream(ctx.key(request, 1))?.map_or(0, |stream| stream.length());
    ctx.reply.integer(count(length));
    Ok(())
}

/// XRANGE key start end [COUNT count]
pub fn xrange(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    range(ctx, request, (2, 3), false)
}

/// XREVRANGE key end start [COUNT count]
pub fn xrevrange(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    range(ctx, request, (3, 2), true)
}

fn range(
    ctx: &mut Context<'_>,
    request: Request<'_>,
    (start_index, end_index): (usize, usize),
    is_reversed: bool,
) -> CommandResult {
    let start = stream_id::parse_range_start(request.at(start_index))
        .map_err(|error| bound_error(error, INVALID_START))?;
    let end = stream_id::parse_range_end(request.at(end_index))
        .map_err(|error| bound_error(error, INVALID_END))?;
    let limit = range_count(request)?;
    let key = ctx.key(request, 1);
    let Some(stream) = ctx.store.read_stream(key)? else {
        ctx.reply.array(0);
        return Ok(());
    };
    if limit == Some(0) {
        ctx.reply.null_array();
        return Ok(());
    }
    let entries = stream.range(start, end, is_reversed).take(limit.unwrap_or(usize::MAX));
    write_entries(&mut ctx.reply, entries);
    Ok(())
}

fn bound_error(error: BoundError, empty: ErrorReply) -> ErrorReply {
    match error {
        BoundError::InvalidId => INVALID_ID,
        BoundError::EmptyInterval => empty,
    }
}

/// COUNT of XRANGE and XREVRANGE; a negative one is 0.
fn range_count(request: Request<'_>) -> Result<Option<usize>, ErrorReply> {
    let mut limit = None;
    let mut index = 4;
    while index < request.len() {
        if !request.is(index, "COUNT") {
            return Err(error_reply::SYNTAX);
        }
        let value = request.value_after(index)?;
        limit = Some(usize::try_from(request.integer(value)?).unwrap_or(0));
        index = value + 1;
    }
    Ok(limit)
}

/// XREAD's options, and where its keys begin; as many ids stand behind them.
struct ReadOptions {
    count: usize,
    /// `Some(None)`: block for ever.
    block_ms: Option<Option<u64>>,
    keys_index: usize,
    streams: usize,
}

/// XREAD [COUNT count] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]
pub fn xread(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let options = parse_read_options(ctx, request)?;
    let starts = resolve_starts(ctx, request, &options)?;
    let ready = ready_streams(ctx, request, &options, &starts)?;
    if !ready.is_empty() {
        return write_streams(ctx, request, &options, &ready);
    }
    let Some(timeout_ms) = options.block_ms else {
        ctx.reply.null_array();
        return Ok(());
    };
    let keys = options.keys_index..options.keys_index + options.streams;
    let in_transaction = Absence::NullArray;
    let wait = Wait { request, kind: WaitKind::Stream, timeout_ms, in_transaction };
    ctx.block(keys.map(|index| request.at(index)), wait);
    remember_starts(ctx, &options, &starts);
    Ok(())
}

fn parse_read_options(ctx: &Context<'_>, request: Request<'_>) -> Result<ReadOptions, ErrorReply> {
    let (mut count, mut block_ms, mut index) = (usize::MAX, None, 1);
    while index < request.len() {
        let has_value = index + 1 < request.len();
        if request.is(index, "COUNT") && has_value {
            count = match request.integer(index + 1)? {
                ..=0 => usize::MAX,
                count => usize::try_from(count).unwrap_or(usize::MAX),
            };
            index += 2;
        } else if request.is(index, "BLOCK") && has_value {
            block_ms = Some(timeout::milliseconds(request.at(index + 1), ctx.now)?);
            index += 2;
        } else if request.is(index, "STREAMS") && has_value {
            let streams = balanced(request.len() - index - 1)?;
            return Ok(ReadOptions { count, block_ms, keys_index: index + 1, streams });
        } else {
            return Err(unknown_read_option(request, index));
        }
    }
    Err(error_reply::SYNTAX)
}

/// Half of what stands behind STREAMS are keys, the other half ids.
fn balanced(words: usize) -> Result<usize, ErrorReply> {
    if words.is_multiple_of(2) {
        return Ok(words / 2);
    }
    Err(ErrorReply::fixed(
        "ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be \
         specified.",
    ))
}

fn unknown_read_option(request: Request<'_>, index: usize) -> ErrorReply {
    let has_two_more = index + 2 < request.len();
    if request.is(index, "GROUP") && has_two_more {
        return ErrorReply::fixed(
            "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.",
        );
    }
    if request.is(index, "NOACK") {
        return ErrorReply::fixed(
            "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.",
        );
    }
    error_reply::SYNTAX
}

/// For each stream the id above which entries are wanted, `$` and `+` looked up.
fn resolve_starts(
    ctx: &mut Context<'_>,
    request: Request<'_>,
    options: &ReadOptions,
) -> Result<Vec<StreamId>, ErrorReply> {
    let first_id = options.keys_index + options.streams;
    (0..options.streams)
        .map(|number| {
            let key = ctx.hash(request.at(options.keys_index + number));
            let stream = ctx.store.read_stream(key)?;
            match ReadFrom::parse(request.at(first_id + number)).ok_or(INVALID_ID)? {
                ReadFrom::After(id) => Ok(id),
                ReadFrom::Latest => Ok(stream.map_or(StreamId::MIN, |stream| stream.last_id())),
                ReadFrom::LastEntry => {
                    Ok(stream.map_or(StreamId::MIN, |stream| before_last(stream)))
                }
                ReadFrom::Undelivered => Err(ErrorReply::fixed(
                    "ERR The > ID can be specified only when calling XREADGROUP using the GROUP \
                     <group> <consumer> option.",
                )),
            }
        })
        .collect()
}

/// The id above which there is just the last entry; of an empty stream, nothing yet.
fn before_last(stream: &Stream) -> StreamId {
    stream.last_entry().and_then(|entry| entry.id.previous()).unwrap_or(stream.last_id())
}

/// The streams that have entries above their start, by number. A client that was woken looks at the
/// signalled stream only.
fn ready_streams(
    ctx: &mut Context<'_>,
    request: Request<'_>,
    options: &ReadOptions,
    starts: &[StreamId],
) -> Result<Vec<(usize, StreamId)>, ErrorReply> {
    let mut ready = Vec::new();
    for (number, &start) in starts.iter().enumerate() {
        let index = options.keys_index + number;
        if ctx.keys_to_try(request, index..index + 1).next().is_none() {
            continue;
        }
        let Some(first) = start.next() else { continue };
        let key = ctx.hash(request.at(index));
        let stream = ctx.store.read_stream(key)?;
        if stream.is_some_and(|stream| stream.range(first, StreamId::MAX, false).next().is_some()) {
            ready.push((index, first));
            if matches!(ctx.call, Call::Served(_)) {
                break; // a key named twice serves once
            }
        }
    }
    Ok(ready)
}

fn write_streams(
    ctx: &mut Context<'_>,
    request: Request<'_>,
    options: &ReadOptions,
    ready: &[(usize, StreamId)],
) -> CommandResult {
    // RESP3 has maps; in RESP2 it is an array of pairs, not the usual flat one.
    let is_map = ctx.reply.protocol == Protocol::Resp3;
    if is_map {
        ctx.reply.map(ready.len())
    } else {
        ctx.reply.array(ready.len())
    }
    for &(index, first) in ready {
        let key = ctx.hash(request.at(index));
        let stream = ctx.store.stream(key)?.expect("just seen");
        if !is_map {
            ctx.reply.array(2);
        }
        ctx.reply.bulk(key.bytes);
        write_entries(
            &mut ctx.reply,
            stream.range(first, StreamId::MAX, false).take(options.count),
        );
    }
    Ok(())
}

/// Replaces `$` and `+` in the waiting client's command by what they meant when it blocked.
fn remember_starts(ctx: &mut Context<'_>, options: &ReadOptions, starts: &[StreamId]) {
    let Some(blocked) = &mut ctx.client().blocked else { return };
    for (number, start) in starts.iter().enumerate() {
        blocked.request.set(options.keys_index + options.streams + number, &start.text());
    }
}

/// XDEL key id [id ...]
pub fn xdel(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let key = ctx.key(request, 1);
    let Some(stream) = ctx.store.stream(key)? else {
        ctx.reply.integer(0);
        return Ok(());
    };
    let ids = request.iter().skip(2).map(|text| StreamId::parse(text, 0).ok_or(INVALID_ID));
    let ids: Vec<StreamId> = ids.collect::<Result<_, _>>()?;
    let removed = ids.iter().filter(|&&id| stream.remove(id)).count();
    altered(ctx, key, removed as u64, Event::XDel);
    Ok(())
}

/// XTRIM key MAXLEN|MINID [=|~] threshold [LIMIT count]
pub fn xtrim(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let trim = stream_options::parse_trim(request, block_limits(ctx.config))?;
    let key = ctx.key(request, 1);
    let removed = ctx.store.stream(key)?.map_or(0, |stream| stream.trim(trim));
    altered(ctx, key, removed, Event::XTrim);
    Ok(())
}

/// Replies with how many entries were removed, and tells of the change if there were any.
fn altered(ctx: &mut Context<'_>, key: Key<'_>, removed: u64, event: Event) {
    ctx.reply.integer(count(removed));
    if removed > 0 {
        ctx.changed(key.bytes, Change::Altered, event);
    }
}

/// When a block of a stream is full, by the settings.
fn block_limits(config: &Config) -> BlockLimits {
    let settings = config.settings();
    BlockLimits {
        entries_max: settings.stream_node_entries_max,
        bytes_max: settings.stream_node_bytes_max,
    }
}

/// `[[id, [field, value, ...]], ...]`
fn write_entries<'a>(reply: &mut Writer<'_>, entries: impl Iterator<Item = Entry<'a>>) {
    let header = reply.deferred();
    let mut number = 0;
    for entry in entries {
        number += 1;
        reply.array(2);
        write_id(reply, entry.id);
        let fields = entry.fields();
        reply.array(fields.len());
        for field in fields {
            match field {
                Field::Bytes(bytes) => reply.bulk(bytes),
                Field::Integer(integer) => reply.bulk_integer(integer),
            }
        }
    }
    reply.finish_array(header, number);
}

fn write_id(reply: &mut Writer<'_>, id: StreamId) {
    reply.bulk(&id.text());
}

/// A number of entries as a reply.
fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
