//! Reading streams on: XREAD [options] STREAMS key ... id ..., XREADGROUP GROUP group consumer
//! [options] STREAMS key ... id ...
//!
//! ```text
//!   ids ──► where to start in each stream ──► which streams have something ──► reply
//!                                                          └─ none: block on all, then try again
//!                                                             the one that was signalled
//! ```
//!
//! For a group, `>` means what nobody in it was handed yet; any other id means the consumer's own
//! pending entries, which are there at once or not at all, so that nobody waits for them.

use super::Request;
use super::context::{Absence, Call, CommandResult, Context, Wait};
use super::error_reply::{self, ErrorReply};
use super::events::Event;
use super::stream_hand_outs;
use super::stream_read_options::{Budget, ReadOptions, Reader, Start, Wrote};
use super::streams;
use crate::blocking::GroupWait;
use crate::client::WaitKind;
use crate::data_store::Key;
use crate::data_store::stream::Stream;
use crate::data_store::stream_id::{ReadFrom, StreamId};
use crate::resp::writer::Protocol;

const UNDELIVERED_WITHOUT_GROUP: ErrorReply = ErrorReply::fixed(
    "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> \
     option.",
);
const LATEST_IN_GROUP: ErrorReply = ErrorReply::fixed(
    "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of \
     this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would \
     just return an empty result set.",
);

/// XREAD [COUNT count] [MAXCOUNT count] [MAXSIZE bytes] [BLOCK milliseconds] STREAMS key [key ...]
/// id [id ...]
pub fn xread(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let options = ReadOptions::parse(request, Reader::Alone, ctx.now)?;
    let starts = starts(ctx, request, &options, start_of_reader)?;
    let ready = ready(ctx, request, &options, &starts)?;
    if !ready.is_empty() {
        return write_streams(ctx, request, &options, &ready, |ctx, key, start, budget| {
            write_entries(ctx, key, start, options.count, budget)
        });
    }
    wait(ctx, request, &options, WaitKind::Stream);
    remember_starts(ctx, &options, &starts);
    Ok(())
}

/// XREADGROUP GROUP group consumer [COUNT count] [MAXCOUNT count] [MAXSIZE bytes] [BLOCK
/// milliseconds] [CLAIM min-idle-time] [NOACK] STREAMS key [key ...] id [id ...]
pub fn xreadgroup(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let options = ReadOptions::parse(request, Reader::Consumer, ctx.now)?;
    let (group, _) = options.group.expect("XREADGROUP names its group");
    let starts = starts(ctx, request, &options, |id, key, stream| {
        start_in_group(request.at(group), id, key, stream)
    })?;
    let ready = ready(ctx, request, &options, &starts)?;
    if !ready.is_empty() {
        return write_streams(ctx, request, &options, &ready, |ctx, key, start, budget| {
            stream_hand_outs::hand_out(ctx, request, key, start, &options, budget)
        });
    }
    wait(ctx, request, &options, WaitKind::Group);
    if let Some(retry_ms) = stream_hand_outs::retry_ms(ctx, request, &options) {
        ctx.retry_after(retry_ms);
    }
    Ok(())
}

/// For each stream, by the argument of its key, where to start.
fn starts(
    ctx: &mut Context<'_>,
    request: Request<'_>,
    options: &ReadOptions,
    resolve: impl Fn(&[u8], &[u8], Option<&mut Stream>) -> Result<Start, ErrorReply>,
) -> Result<Vec<(usize, Start)>, ErrorReply> {
    let mut starts = Vec::with_capacity(options.keys().len());
    for index in options.keys() {
        let key = ctx.hash(request.at(index));
        let stream = ctx.store.read_stream(key)?;
        let id = request.at(options.id_of(index));
        starts.push((index, resolve(id, key.bytes, stream)?));
    }
    Ok(starts)
}

/// The id above which entries are wanted, `$` and `+` looked up.
fn start_of_reader(id: &[u8], _: &[u8], stream: Option<&mut Stream>) -> Result<Start, ErrorReply> {
    let after = match ReadFrom::parse(id).ok_or(error_reply::INVALID_STREAM_ID)? {
        ReadFrom::After(id) => id,
        ReadFrom::Latest => stream.map_or(StreamId::MIN, |stream| stream.last_id()),
        ReadFrom::LastEntry => stream.map_or(StreamId::MIN, |stream| before_last(stream)),
        ReadFrom::Undelivered => return Err(UNDELIVERED_WITHOUT_GROUP),
    };
    Ok(Start::After(after))
}

/// The id above which there is just the last entry; of an empty stream, nothing yet.
fn before_last(stream: &Stream) -> StreamId {
    stream.last_entry().and_then(|entry| entry.id.previous()).unwrap_or(stream.last_id())
}

fn start_in_group(
    group: &[u8],
    id: &[u8],
    key: &[u8],
    stream: Option<&mut Stream>,
) -> Result<Start, ErrorReply> {
    if stream.and_then(|stream| stream.group(group)).is_none() {
        return Err(ErrorReply::quoting(&[
            b"NOGROUP No such key '",
            key,
            b"' or consumer group '",
            group,
            b"' in XREADGROUP with GROUP option",
        ]));
    }
    match ReadFrom::parse(id).ok_or(error_reply::INVALID_STREAM_ID)? {
        // Nothing lies behind the last id: Redis takes it for a mark of its own, that of `>`.
        ReadFrom::Undelivered | ReadFrom::After(StreamId::MAX) => Ok(Start::Undelivered),
        ReadFrom::After(id) => Ok(Start::After(id)),
        ReadFrom::Latest => Err(LATEST_IN_GROUP),
        ReadFrom::LastEntry => Err(error_reply::INVALID_STREAM_ID),
    }
}

/// The streams that have something, and where it starts. A client that was woken looks at the
/// signalled stream only.
fn ready(
    ctx: &mut Context<'_>,
    request: Request<'_>,
    options: &ReadOptions,
    starts: &[(usize, Start)],
) -> Result<Vec<(usize, Start)>, ErrorReply> {
    let mut ready = Vec::new();
    for &(index, start) in starts {
        let is_meant = ctx.keys_to_try(request, index..index + 1).next().is_some();
        if is_meant && has_entries(ctx, request, options, index, start)? {
            ready.push((index, start));
            if matches!(ctx.call, Call::Served(_)) {
                break; // a key named twice serves once
            }
        }
    }
    Ok(ready)
}

/// Has this stream anything for the client? A consumer is heard of even if there is nothing for it.
fn has_entries(
    ctx: &mut Context<'_>,
    request: Request<'_>,
    options: &ReadOptions,
    index: usize,
    start: Start,
) -> Result<bool, ErrorReply> {
    let key = ctx.hash(request.at(index));
    let now_ms = ctx.store.now_ms;
    let Some(stream) = ctx.store.read_stream(key)? else { return Ok(false) };
    if options.group.is_none() {
        return Ok(matches!(start, Start::After(id) if stream.has_entries_after(id)));
    }
    let (has_any, is_new) = stream_hand_outs::has_any(stream, request, options, start, now_ms);
    if is_new {
        ctx.also(key.bytes, Event::XGroupCreateConsumer);
    }
    Ok(has_any)
}

/// Nothing is there: the client waits, if it said so.
fn wait(ctx: &mut Context<'_>, request: Request<'_>, options: &ReadOptions, kind: WaitKind) {
    let Some(timeout_ms) = options.block_ms else {
        ctx.reply.null_array();
        return;
    };
    let in_transaction = Absence::NullArray;
    let claim_idle_ms = options.claim_idle_ms;
    let group =
        options.group.map(|(group, _)| GroupWait { group: request.at(group), claim_idle_ms });
    let wait = Wait { request, kind, group, timeout_ms, in_transaction };
    ctx.block(options.keys().map(|index| request.at(index)), wait);
}

/// Replaces `$` and `+` in the waiting client's command by what they meant when it blocked.
fn remember_starts(ctx: &mut Context<'_>, options: &ReadOptions, starts: &[(usize, Start)]) {
    let Some(blocked) = &mut ctx.client_mut().blocked else { return };
    for &(index, start) in starts {
        if let Start::After(id) = start {
            blocked.request.set(options.id_of(index), &id.text());
        }
    }
}

/// `{key: entries, ...}`
fn write_streams(
    ctx: &mut Context<'_>,
    request: Request<'_>,
    options: &ReadOptions,
    ready: &[(usize, Start)],
    write: impl Fn(&mut Context<'_>, Key<'_>, Start, &mut Budget) -> Result<Wrote, ErrorReply>,
) -> CommandResult {
    // RESP3 has maps; in RESP2 it is an array of pairs, not the usual flat one.
    let is_map = ctx.reply.protocol == Protocol::Resp3;
    let header = ctx.reply.deferred();
    let mut budget = Budget::new(options, &ctx.reply);
    let mut number = 0;
    for &(index, start) in ready {
        if budget.entries == 0 {
            break;
        }
        let mark = ctx.reply.out.mark();
        if !is_map {
            ctx.reply.array(2);
        }
        let key = ctx.hash(request.at(index));
        ctx.reply.bulk(key.bytes);
        match write(ctx, key, start, &mut budget)? {
            Wrote::Entries => number += 1,
            Wrote::Nothing => ctx.reply.out.rollback(mark),
        }
    }
    if is_map {
        ctx.reply.finish_map(header, number);
    } else {
        ctx.reply.finish_array(header, number);
    }
    Ok(())
}

fn write_entries(
    ctx: &mut Context<'_>,
    key: Key<'_>,
    start: Start,
    count: usize,
    budget: &mut Budget,
) -> Result<Wrote, ErrorReply> {
    let stream = ctx.store.stream(key)?.expect("just seen");
    let Start::After(id) = start else { unreachable!("only groups have anything undelivered") };
    let first = id.next().unwrap_or(StreamId::MAX);
    let reply = &mut ctx.reply;
    let header = reply.deferred();
    let entries = stream.range(first, StreamId::MAX, false).take(count);
    let written = entries
        .take_while(|&entry| budget.write(reply, |reply| streams::write_entry(reply, entry)))
        .count();
    ctx.reply.finish_array(header, written);
    Ok(if written > 0 { Wrote::Entries } else { Wrote::Nothing })
}
