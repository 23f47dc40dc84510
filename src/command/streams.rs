//! Streams: XADD key [NOMKSTREAM] [MAXLEN|MINID [=|~] threshold [LIMIT count]] *|id field value
//! ..., XLEN key, XRANGE key start end [COUNT n], XREVRANGE key end start [COUNT n], XDEL key id
//! ..., XTRIM key MAXLEN|MINID ...
//!
//! | file | commands |
//! |---|---|
//! | `stream_reads.rs` | XREAD XREADGROUP |
//! | `stream_groups.rs` | XGROUP XSETID |
//! | `stream_pending.rs` | XACK XPENDING |
//! | `stream_claims.rs` | XCLAIM XAUTOCLAIM |
//! | `stream_references.rs` | XDELEX XACKDEL XNACK |
//! | `stream_producers.rs` | XADD's IDMP and IDMPAUTO, XCFGSET |
//! | `stream_info.rs` | XINFO |

use super::Request;
use super::args::Arguments;
use super::context::{Change, CommandResult, Context};
use super::error_reply::{self, ErrorReply};
use super::events::Event;
use super::stream_options::{self, AddOptions};
use super::stream_producers;
use crate::config::Config;
use crate::data_store::Key;
use crate::data_store::stream::{BlockLimits, Entry, Field, NewFields, Stream};
use crate::data_store::stream_id::{self, BoundError, NewId, StreamId};
use crate::data_store::value::Value;
use crate::resp::writer::Writer;
use crate::shared_bytes::BytesRef;

/// `-ERR invalid start ID for the interval`
pub const INVALID_START: ErrorReply = ErrorReply::fixed("ERR invalid start ID for the interval");
/// `-ERR invalid end ID for the interval`
pub const INVALID_END: ErrorReply = ErrorReply::fixed("ERR invalid end ID for the interval");
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
    let mut options = AddOptions::default();
    options.read(request, limits)?;
    let fields = request.rest(options.id_index + 1);
    if fields.is_empty() || !fields.len().is_multiple_of(2) {
        return Err(error_reply::wrong_arity(ctx.command.name));
    }
    if options.id == NewId::Given(StreamId::MIN) {
        return Err(ID_ZERO);
    }
    let key = ctx.key(request, 1);
    let now_ms = u64::try_from(ctx.now.wall_ms()).unwrap_or(0);
    let addition = Addition { options: &options, fields, limits, now_ms };
    if let Some(origin) = options.origin {
        return stream_producers::add(ctx, request, origin, addition);
    }
    match change_or_make(ctx, key, &options, |stream| addition.append(stream))? {
        Some((id, trimmed)) => {
            write_id(&mut ctx.reply, id);
            added(ctx, key, trimmed);
        }
        None => ctx.reply.null(),
    }
    Ok(())
}

/// Changes the stream at a key; where there is none, a new one, which is stored if the change goes
/// well. `None`: there is none, and the client wants none made (NOMKSTREAM).
pub fn change_or_make<T>(
    ctx: &mut Context<'_>,
    key: Key<'_>,
    options: &AddOptions,
    change: impl FnOnce(&mut Stream) -> Result<T, ErrorReply>,
) -> Result<Option<T>, ErrorReply> {
    if let Some(stream) = ctx.store.stream(key)? {
        return change(stream).map(Some);
    }
    if options.is_existing_only {
        return Ok(None);
    }
    let mut stream = Box::<Stream>::default();
    let changed = change(&mut stream)?;
    ctx.store.insert(key, Value::Stream(stream));
    Ok(Some(changed))
}

/// Tells that an entry was added, and others trimmed.
pub fn added(ctx: &mut Context<'_>, key: Key<'_>, trimmed: u64) {
    ctx.changed(key.bytes, Change::Grown, Event::XAdd);
    if trimmed > 0 {
        ctx.also(key.bytes, Event::XTrim);
    }
}

impl<'a> NewFields<'a> for Request<'a> {
    #[inline]
    fn count(self) -> usize {
        self.len()
    }

    #[inline]
    fn field(self, index: usize) -> BytesRef<'a> {
        self.argument(index)
    }
}

/// What XADD adds to a stream.
#[derive(Clone, Copy, Debug)]
pub struct Addition<'a> {
    /// What it was told.
    pub options: &'a AddOptions,
    /// Names and values.
    pub fields: Request<'a>,
    /// When a block of the stream is full.
    pub limits: BlockLimits,
    /// Milliseconds since 1970, for an automatic id.
    pub now_ms: u64,
}

impl Addition<'_> {
    /// Adds the entry, and trims; gives its id, and how many entries went.
    pub fn append(&self, stream: &mut Stream) -> Result<(StreamId, u64), ErrorReply> {
        if stream.last_id() == StreamId::MAX {
            return Err(EXHAUSTED);
        }
        let id = match self.options.id {
            NewId::Automatic => stream.next_id(self.now_ms).ok_or(EXHAUSTED)?,
            NewId::AutomaticSequence(ms) => stream.next_id_in(ms).ok_or(ID_TOO_SMALL)?,
            NewId::Given(id) => id,
        };
        if id <= stream.last_id() {
            return Err(ID_TOO_SMALL);
        }
        if !stream.append(id, self.fields, self.limits) {
            return Err(TOO_LARGE);
        }
        let AddOptions { trim, references, .. } = self.options;
        let trimmed = trim.map_or(0, |trim| stream.trim_with(trim, *references));
        Ok((id, trimmed))
    }
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
    let start = range_start(request.at(start_index))?;
    let end = range_end(request.at(end_index))?;
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

/// The lower bound of a range.
pub fn range_start(text: &[u8]) -> Result<StreamId, ErrorReply> {
    stream_id::parse_range_start(text).map_err(|error| bound_error(error, INVALID_START))
}

/// The upper bound of a range.
pub fn range_end(text: &[u8]) -> Result<StreamId, ErrorReply> {
    stream_id::parse_range_end(text).map_err(|error| bound_error(error, INVALID_END))
}

fn bound_error(error: BoundError, empty: ErrorReply) -> ErrorReply {
    match error {
        BoundError::InvalidId => error_reply::INVALID_STREAM_ID,
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

/// XDEL key id [id ...]
pub fn xdel(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let key = ctx.key(request, 1);
    let Some(stream) = ctx.store.stream(key)? else {
        ctx.reply.integer(0);
        return Ok(());
    };
    let ids = request
        .iter()
        .skip(2)
        .map(|text| StreamId::parse(text, 0).ok_or(error_reply::INVALID_STREAM_ID));
    let ids: Vec<StreamId> = ids.collect::<Result<_, _>>()?;
    let removed = ids.iter().filter(|&&id| stream.remove(id)).count();
    altered(ctx, key, removed as u64, Event::XDel);
    Ok(())
}

/// XTRIM key MAXLEN|MINID [=|~] threshold [LIMIT count]
pub fn xtrim(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let (trim, references) = stream_options::parse_trim(request, block_limits(ctx.config))?;
    let key = ctx.key(request, 1);
    let stream = ctx.store.stream(key)?;
    let removed = stream.map_or(0, |stream| stream.trim_with(trim, references));
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
pub fn block_limits(config: &Config) -> BlockLimits {
    let settings = config.settings();
    BlockLimits {
        entries_max: settings.stream_node_entries_max,
        bytes_max: settings.stream_node_bytes_max,
    }
}

/// `[[id, [field, value, ...]], ...]`
pub fn write_entries<'a>(reply: &mut Writer<'_>, entries: impl Iterator<Item = Entry<'a>>) {
    let header = reply.deferred();
    let mut number = 0;
    for entry in entries {
        number += 1;
        write_entry(reply, entry);
    }
    reply.finish_array(header, number);
}

/// `[id, [field, value, ...]]`
pub fn write_entry(reply: &mut Writer<'_>, entry: Entry<'_>) {
    reply.array(2);
    write_id(reply, entry.id);
    write_fields(reply, entry);
}

/// `[field, value, ...]`
pub fn write_fields(reply: &mut Writer<'_>, entry: Entry<'_>) {
    let fields = entry.fields();
    reply.array(fields.len());
    for field in fields {
        match field {
            Field::Bytes(bytes) => reply.bulk(bytes),
            Field::Integer(integer) => reply.bulk_integer(integer),
            Field::Apart(bytes) => reply.bulk_ref(BytesRef::Apart(bytes)),
        }
    }
}

/// `ms-seq` as a bulk.
pub fn write_id(reply: &mut Writer<'_>, id: StreamId) {
    reply.bulk(&id.text());
}

/// A number of entries as a reply.
pub fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
