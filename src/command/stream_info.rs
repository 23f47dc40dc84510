//! What is known of a stream: XINFO STREAM key [FULL [COUNT count]], XINFO GROUPS key, XINFO
//! CONSUMERS key group.

use super::Request;
use super::args::Arguments;
use super::context::{CommandResult, Context};
use super::error_reply::{self, ErrorReply};
use super::radix_nodes::radix_nodes;
use super::stream_groups::no_such_group;
use super::streams;
use crate::data_store::UnixMs;
use crate::data_store::consumer_group::{Consumer, Delivery, Group};
use crate::data_store::stream::Stream;
use crate::data_store::stream_id::StreamId;
use crate::resp::writer::Writer;

const NO_SUCH_KEY: ErrorReply = ErrorReply::fixed("ERR no such key");

/// Entries, and pending entries of each group and consumer, that FULL shows if nobody says.
const FULL_COUNT: usize = 10;

/// XINFO STREAM key [FULL [COUNT count]]
pub fn xinfo_stream(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let key = ctx.hash(request.at(2));
    let now_ms = ctx.store.now_ms;
    let reply = &mut ctx.reply;
    let stream = ctx.store.read_stream(key)?.ok_or(NO_SUCH_KEY)?;
    let count = full_count(request)?;
    let fields = if count.is_some() { 9 } else { 10 };
    let origin_fields = if stream.known_producers().is_some() { 6 } else { 0 };
    reply.map(fields + origin_fields);
    write_history(reply, stream);
    write_origins(reply, stream, now_ms);
    match count {
        Some(count) => write_full(reply, stream, count),
        None => write_ends(reply, stream),
    }
    Ok(())
}

/// How much FULL shall show; `None` without FULL.
fn full_count(request: Request<'_>) -> Result<Option<usize>, ErrorReply> {
    let syntax = || error_reply::wrong_subcommand_syntax(request.at(1), "XINFO");
    match request.len() {
        3 => Ok(None),
        4 if request.is(3, "FULL") => Ok(Some(FULL_COUNT)),
        6 if request.is(3, "FULL") && request.is(4, "COUNT") => {
            Ok(Some(match request.integer(5)? {
                0 => usize::MAX,
                count => usize::try_from(count).unwrap_or(FULL_COUNT),
            }))
        }
        _ => Err(syntax()),
    }
}

fn write_history(reply: &mut Writer<'_>, stream: &Stream) {
    reply.named("length", streams::count(stream.length()));
    reply.named("radix-tree-keys", stream.blocks() as i64);
    reply.named("radix-tree-nodes", radix_nodes(stream.block_ids()) as i64);
    write_id(reply, "last-generated-id", stream.last_id());
    write_id(reply, "max-deleted-entry-id", stream.max_deleted_id());
    reply.named("entries-added", stream.entries_added().cast_signed());
    write_id(reply, "recorded-first-entry-id", stream.first_id().unwrap_or_default());
}

/// What is known of producers that say who they are, if there are any.
fn write_origins(reply: &mut Writer<'_>, stream: &mut Stream, now_ms: UnixMs) {
    let Some(known) = stream.known_producers() else { return };
    let (producers, names) = known.counts(now_ms);
    reply.named("idmp-duration", known.memory().duration_ms / 1000);
    reply.named("idmp-maxsize", known.memory().names_max as i64);
    reply.named("pids-tracked", producers as i64);
    reply.named("iids-tracked", names as i64);
    reply.named("iids-added", streams::count(known.names_added()));
    reply.named("iids-duplicates", streams::count(known.duplicates()));
}

fn write_ends(reply: &mut Writer<'_>, stream: &Stream) {
    reply.named("groups", stream.groups().len() as i64);
    for (name, entry) in
        [("first-entry", stream.first_entry()), ("last-entry", stream.last_entry())]
    {
        reply.bulk(name.as_bytes());
        match entry {
            Some(entry) => streams::write_entry(reply, entry),
            None => reply.null(),
        }
    }
}

fn write_full(reply: &mut Writer<'_>, stream: &Stream, count: usize) {
    reply.bulk(b"entries");
    let entries = stream.range(StreamId::MIN, StreamId::MAX, false).take(count);
    streams::write_entries(reply, entries);
    reply.bulk(b"groups");
    reply.array(stream.groups().len());
    for (name, group) in stream.groups() {
        let unowned = group.unowned_count();
        reply.map(7 + usize::from(unowned > 0));
        reply.named_bulk("name", name);
        write_progress(reply, stream, group);
        reply.named("pel-count", streams::count(group.pending_count()));
        reply.bulk(b"pending");
        write_deliveries(reply, group.deliveries(StreamId::MIN, StreamId::MAX).take(count), |d| {
            Some(d.owner.map_or(&b""[..], |owner| group.consumer(owner).name()))
        });
        write_consumers_full(reply, group, count);
        write_unowned(reply, unowned);
    }
}

/// How many entries were given back, if any were: of other groups clients hear what 7.2 tells them.
fn write_unowned(reply: &mut Writer<'_>, number: u64) {
    if number > 0 {
        reply.named("nacked-count", streams::count(number));
    }
}

/// How far a group has read.
fn write_progress(reply: &mut Writer<'_>, stream: &Stream, group: &Group) {
    write_id(reply, "last-delivered-id", group.last_id);
    reply.named_or_null("entries-read", group.entries_read.map(u64::cast_signed));
    reply.named_or_null("lag", stream.lag(group));
}

fn write_consumers_full(reply: &mut Writer<'_>, group: &Group, count: usize) {
    reply.bulk(b"consumers");
    reply.array(group.consumer_count());
    for (owner, consumer) in group.consumers() {
        reply.map(5);
        reply.named_bulk("name", consumer.name());
        reply.named("seen-time", consumer.seen_ms);
        reply.named("active-time", consumer.active_ms.unwrap_or(-1));
        reply.named("pel-count", streams::count(consumer.pending_count()));
        reply.bulk(b"pending");
        let own = group.deliveries_to(owner, StreamId::MIN, StreamId::MAX);
        write_deliveries(reply, own.take(count), |_| None);
    }
}

/// `[[id, name of the owner if there is one to tell, time, count], ...]`
fn write_deliveries<'a>(
    reply: &mut Writer<'_>,
    deliveries: impl Iterator<Item = (StreamId, Delivery)>,
    owner_of: impl Fn(Delivery) -> Option<&'a [u8]>,
) {
    let header = reply.deferred();
    let mut number = 0;
    for (id, delivery) in deliveries {
        number += 1;
        let owner = owner_of(delivery);
        reply.array(if owner.is_some() { 4 } else { 3 });
        streams::write_id(reply, id);
        owner.into_iter().for_each(|name| reply.bulk(name));
        reply.integer(delivery.since_ms());
        reply.integer(delivery.count);
    }
    reply.finish_array(header, number);
}

/// XINFO GROUPS key
pub fn xinfo_groups(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let key = ctx.hash(request.at(2));
    let reply = &mut ctx.reply;
    let stream = ctx.store.read_stream(key)?.ok_or(NO_SUCH_KEY)?;
    reply.array(stream.groups().len());
    for (name, group) in stream.groups() {
        let unowned = group.unowned_count();
        reply.map(6 + usize::from(unowned > 0));
        reply.named_bulk("name", name);
        reply.named("consumers", group.consumer_count() as i64);
        reply.named("pending", streams::count(group.pending_count()));
        write_progress(reply, stream, group);
        write_unowned(reply, unowned);
    }
    Ok(())
}

/// XINFO CONSUMERS key group
pub fn xinfo_consumers(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let key = ctx.hash(request.at(2));
    let now_ms = ctx.store.now_ms;
    let reply = &mut ctx.reply;
    let stream = ctx.store.read_stream(key)?.ok_or(NO_SUCH_KEY)?;
    let group = stream.group(request.at(3)).ok_or_else(|| no_such_group(request))?;
    reply.array(group.consumer_count());
    for (_, consumer) in group.consumers() {
        write_consumer(reply, consumer, now_ms);
    }
    Ok(())
}

fn write_consumer(reply: &mut Writer<'_>, consumer: &Consumer, now_ms: UnixMs) {
    let since = |time_ms: UnixMs| now_ms.saturating_sub(time_ms).max(0);
    reply.map(4);
    reply.named_bulk("name", consumer.name());
    reply.named("pending", streams::count(consumer.pending_count()));
    reply.named("idle", since(consumer.seen_ms));
    reply.named("inactive", consumer.active_ms.map_or(-1, since));
}

fn write_id(reply: &mut Writer<'_>, name: &str, id: StreamId) {
    reply.bulk(name.as_bytes());
    streams::write_id(reply, id);
}
